"""The Python client that people use for Salesforce, shipped and unmodified, agrees with the sandbox.

It always speaks https to `*.salesforce.com`; an adapter leads the connection to loopback, once as plain http
and once over TLS with the sandbox's own authority.
"""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, format_soql
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from tests.sandboxes import start_sandbox

CONTACTS = 4100
KNOBS = {"limits": "off", "bulk_wait_s": 0, "bulk_run_s": 0}


class ToLoopback(HTTPAdapter):
    """Sends whatever is meant for Salesforce to the sandbox."""

    def __init__(self, url):
        super().__init__()
        self._scheme, self._host = urlsplit(url)[:2]

    def send(self, request, **more):
        parts = urlsplit(request.url)
        request.url = parts._replace(scheme=self._scheme, netloc=self._host).geturl()
        return super().send(request, **more)


@pytest.fixture(scope="module")
def key():
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module", params=["http", "https"])
def sandbox(request, tmp_path_factory, key):
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    tls = tmp_path_factory.mktemp("tls") if request.param == "https" else None
    settings = {**KNOBS, "apps": {"sandbox-client": {"public_key": public}}}
    with start_sandbox("salesforce", contacts=CONTACTS, settings=settings, tls=tls) as running:
        assert running.url.startswith(f"{request.param}://")
        running.authority = str(tls / "ca.pem") if tls else None
        yield running


@pytest.fixture(scope="module")
def session(sandbox):
    with requests.Session() as opened:
        opened.trust_env = False
        opened.verify = sandbox.authority or True
        opened.mount("https://", ToLoopback(sandbox.url))
        yield opened


@pytest.fixture(scope="module")
def client(session):
    return Salesforce(
        domain="acme.my", consumer_key="sandbox-client", consumer_secret="sandbox-secret", session=session
    )


def test_client_credentials_log_in_and_the_default_version_is_served(client):
    assert client.sf_version == "59.0"
    assert client.oauth2("userinfo")["organization_id"] == "00DSb000000000gMAA"
    assert client.describe()["sobjects"]


def test_a_signed_assertion_logs_in(session, key):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    told = Salesforce(
        username="integration@sandbox.example", consumer_key="sandbox-client", privatekey=pem, session=session
    )
    assert told.query("SELECT COUNT() FROM Contact")["totalSize"] == CONTACTS


def test_a_wrong_secret_is_refused_in_the_clients_own_words(session):
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        Salesforce(domain="acme.my", consumer_key="sandbox-client", consumer_secret="no", session=session)
    assert refused.value.code == "invalid_client"


def test_all_pages_are_followed(client):
    found = client.query_all(
        format_soql("SELECT Id, Name, Account.Name FROM Contact WHERE IsDeleted = {}", False)
    )
    assert (found["totalSize"], found["done"], len({r["Id"] for r in found["records"]})) == (
        CONTACTS,
        True,
        CONTACTS,
    )
    assert sum(1 for _ in client.query_all_iter("SELECT Id FROM Contact")) == CONTACTS


def test_the_usage_header_is_understood(client):
    client.restful("limits")
    usage = client.api_usage["api-usage"]
    assert usage.total == 100_000 and usage.used > 0


def test_literals_of_the_clients_own_escaping_find_their_record(client):
    awkward = "O'Br\"i\\en\n%_"
    made = client.Contact.create({"LastName": "Escaped", "Department": awkward.strip()})
    found = client.query(format_soql("SELECT Department FROM Contact WHERE Department = {}", awkward.strip()))
    assert found["records"][0]["Department"] == awkward.strip()
    pattern = format_soql("SELECT Id FROM Contact WHERE Department LIKE '{:like}'", awkward.strip()[-2:])
    assert client.query(pattern)["totalSize"] == 0
    like = format_soql("SELECT Id FROM Contact WHERE Department LIKE '%{:like}'", awkward.strip()[-2:])
    assert client.query(like)["records"][0]["Id"] == made["id"]
    when = datetime.now(UTC) - timedelta(minutes=5)
    assert (
        client.query(format_soql("SELECT COUNT() FROM Contact WHERE CreatedDate > {}", when))["totalSize"]
        == 1
    )
    client.Contact.delete(made["id"])


def test_a_record_is_made_read_changed_and_deleted(client):
    made = client.Contact.create({"LastName": "Made", "Email": "made@x.example"})
    assert made["success"] is True
    assert client.Contact.get(made["id"])["Email"] == "made@x.example"
    assert client.Contact.update(made["id"], {"Title": "CTO"}) == 204
    assert client.Contact.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        client.Contact.get(made["id"])
    everything = client.query_all(f"SELECT Id FROM Contact WHERE Id = '{made['id']}'", include_deleted=True)
    assert everything["totalSize"] == 1


def test_changes_and_deletes_of_a_span_are_told(client):
    made = client.Contact.create({"LastName": "Span"})["id"]
    start, end = datetime.now(UTC) - timedelta(minutes=10), datetime.now(UTC) + timedelta(minutes=2)
    changed = client.Contact.updated(start, end)
    assert made in changed["ids"] and changed["latestDateCovered"].endswith(".000+0000")
    client.Contact.delete(made)
    assert made in [d["id"] for d in client.Contact.deleted(start, end)["deletedRecords"]]


def test_errors_carry_the_codes(client):
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.query("SELECT Nope FROM Contact")
    assert refused.value.content[0]["errorCode"] == "INVALID_FIELD"
    with pytest.raises(SalesforceResourceNotFound) as missing:
        client.Contact.update("-1", {"Title": "x"})
    assert missing.value.content[0]["errorCode"] == "NOT_FOUND"


def test_collections_and_composites_go_through(client):
    rows = client.query("SELECT Id FROM Contact LIMIT 200")["records"]
    items = [{"attributes": {"type": "Contact"}, "Id": r["Id"], "Title": "Collected"} for r in rows]
    told = client.restful("composite/sobjects", method="PATCH", json={"allOrNone": False, "records": items})
    assert [r["id"] for r in told] == [r["Id"] for r in rows] and all(r["success"] for r in told)
    part = {
        "method": "GET",
        "url": f"/services/data/v59.0/sobjects/Contact/{rows[0]['Id']}",
        "referenceId": "a",
    }
    answer = client.restful("composite", method="POST", json={"compositeRequest": [part]})
    assert answer["compositeResponse"][0]["body"]["Title"] == "Collected"


def test_an_expired_token_is_renewed_by_the_client(client, sandbox):
    before = client.session_id
    sandbox.edit(action="expire_sessions")
    assert client.query("SELECT COUNT() FROM Contact")["totalSize"] == CONTACTS
    assert client.session_id != before


def test_a_bulk_query_is_read_page_by_page(client, monkeypatch):
    waits = []
    monkeypatch.setattr("simple_salesforce.bulk2.sleep", waits.append)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pages = list(
            client.bulk2.Contact.query("SELECT Id, Email, SystemModstamp FROM Contact", max_records=1500)
        )
    assert waits and len(pages) == 3
    lines = [line for page in pages for line in page.splitlines()[1:]]
    assert len(set(lines)) == CONTACTS
    assert pages[0].splitlines()[0] == '"Id","Email","SystemModstamp"'


def test_a_bulk_ingest_is_uploaded_waited_for_and_read_back(client, monkeypatch):
    monkeypatch.setattr("simple_salesforce.bulk2.sleep", lambda s: None)
    rows = client.query("SELECT Id FROM Contact LIMIT 50")["records"]
    (job,) = client.bulk2.Contact.update(records=[{"Id": r["Id"], "Department": "Bulk"} for r in rows])
    assert (job["numberRecordsTotal"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (
        50,
        50,
        0,
    )
    assert client.bulk2.Contact.get_successful_records(job["job_id"]).count("Bulk") == 50
    assert client.query("SELECT COUNT() FROM Contact WHERE Department = 'Bulk'")["totalSize"] == 50
