"""jsforce, a client of another language, works against the sandbox unchanged: login, pages, collections, bulk.

Opt-in: needs node, npm and SYNCD_OPTIN; the package is installed into a temporary folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from tests.sandboxes import start_sandbox

CONTACTS = 5000
SCRIPT = """
const jsforce = require('jsforce');
async function main() {
  const url = process.argv[2];
  const conn = new jsforce.Connection({
    loginUrl: url, instanceUrl: url, version: '60.0',
    oauth2: { loginUrl: url, clientId: 'sandbox-client', clientSecret: 'sandbox-secret' },
  });
  const user = await conn.authorize({ grant_type: 'client_credentials' });
  const told = { org: user.organizationId };
  const first = await conn.query('SELECT Id FROM Contact', { autoFetch: false });
  told.first = [first.totalSize, first.done, first.records.length];
  const all = await conn.query('SELECT Id, Name FROM Contact', { autoFetch: true, maxFetch: 10000 });
  told.ids = new Set(all.records.map((r) => r.Id)).size;
  const chosen = all.records.slice(0, 200).map((r) => ({ Id: r.Id, Title: 'From another language' }));
  const saved = await conn.sobject('Contact').update(chosen, { allowRecursive: false });
  told.saved = saved.filter((r) => r.success).length;
  told.order = saved.every((r, i) => r.id === chosen[i].Id);
  const bad = await conn.sobject('Contact').update([{ Id: chosen[0].Id, LastName: 'x'.repeat(81) }, chosen[1]]);
  told.bad = bad.map((r) => (r.success ? 'ok' : r.errors[0].statusCode));
  told.fields = (await conn.sobject('Contact').describe()).fields.length;
  try { await conn.query('SELECT Nope FROM Contact'); } catch (e) { told.error = e.errorCode; }
  const now = new Date();
  const span = await conn.sobject('Contact').updated(new Date(now - 600000), new Date(+now + 120000));
  told.updated = span.ids.length;
  const rows = await (await conn.bulk2.query("SELECT Id, Title FROM Contact WHERE Title != null")).toArray();
  told.bulk = rows.filter((r) => r.Title === 'From another language').length;
  told.usage = conn.limitInfo.apiUsage.limit;
  console.log(JSON.stringify(told));
}
main().catch((e) => { console.error(e); process.exit(1); });
"""

pytestmark = [
    pytest.mark.optin,
    pytest.mark.skipif(
        not os.environ.get("SYNCD_OPTIN") or not shutil.which("node") or not shutil.which("npm"),
        reason="opt-in: SYNCD_OPTIN is not set, or node or npm is missing",
    ),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jsforce")
    install = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        "jsforce@3",
    ]
    subprocess.run(install, check=True, capture_output=True, timeout=180)
    (folder / "client.js").write_text(SCRIPT)
    settings = {"limits": "off", "bulk_wait_s": 0, "bulk_run_s": 0}
    with start_sandbox("salesforce", contacts=CONTACTS, settings=settings) as running:
        run = subprocess.run(
            ["node", "client.js", running.url],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_jsforce_logs_in_and_knows_the_org(told):
    assert told["org"] == "00DSb000000000gMAA"
    assert told["usage"] == 100_000


def test_jsforce_reads_every_page_of_a_query(told):
    assert told["first"] == [CONTACTS, False, 2000]
    assert told["ids"] == CONTACTS


def test_jsforce_updates_a_collection_and_sees_errors_of_single_records(told):
    assert (told["saved"], told["order"]) == (200, True)
    assert told["bad"] == ["STRING_TOO_LONG", "ok"]


def test_jsforce_describes_asks_for_changes_and_reads_error_codes(told):
    assert told["fields"] > 40
    assert told["updated"] == 200
    assert told["error"] == "INVALID_FIELD"


def test_jsforce_reads_a_bulk_query(told):
    assert told["bulk"] == 200
