"""What every sandbox shares: faults over real connections, the controls beside the API, books and journal."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from decimal import Decimal
from urllib.parse import urlsplit

import httpx
import pytest

from connectors.sandbox.books import Books, Charge, Journal, Write, credential_digest
from connectors.sandbox.clock import Clock
from connectors.sandbox.faults import KINDS, Fault
from tests.sandboxes import ROOT, SandboxFailed, start_sandbox

KEY = {"authorization": "Bearer sandbox-hubspot-key"}
CONTACT = "/crm/v3/objects/contacts/{id}"
DETAILS = "/account-info/v3/details"
UNANSWERED = ("hang", "hang_after", "reset_before", "reset_after", "truncate")
HAS_EFFECT = ("delay", "hang_after", "reset_after", "garbage", "truncate", "charge_then_500")


@pytest.fixture(scope="module")
def server():
    with start_sandbox("hubspot", contacts=5, settings={"limits": "off"}) as running:
        yield running


@pytest.fixture
def sandbox(server):
    server.clear_faults()
    yield server
    server.clear_faults()


def ask(sandbox, path=DETAILS, **more):
    return sandbox.http.get(path, headers=KEY, **more)


def write(sandbox, value):
    return sandbox.http.patch(
        CONTACT.replace("{id}", "1000001"),
        headers=KEY,
        json={"properties": {"website": value}},
        timeout=1.5,
    )


def outcome(sandbox, value):
    """How one write went, as its caller sees it."""
    try:
        answer = write(sandbox, value)
    except httpx.TimeoutException:
        return "silence"
    except httpx.HTTPError:
        return "cut"
    try:
        return answer.status_code if "id" in answer.json() else f"{answer.status_code} other"
    except ValueError:
        return "unreadable"


SEEN_AS = {
    "delay": 200, "hang": "silence", "hang_after": "silence", "reset_before": "cut", "reset_after": "cut",
    "status": "503 other", "garbage": "unreadable", "truncate": "cut", "rate_limit": "429 other",
    "charge_then_500": "500 other",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_meets_the_nth_request_and_no_other(sandbox, kind):
    sandbox.fault(kind, nth=2, status=503, seconds=None if kind.startswith("hang") else 0.05, path=CONTACT)
    before = sandbox.books()["writes_count"]
    seen = [outcome(sandbox, f"{kind}-{n}") for n in (1, 2, 3)]
    assert seen == [200, SEEN_AS[kind], 200]
    assert sandbox.books()["writes_count"] - before == (3 if kind in HAS_EFFECT else 2)
    assert sandbox.control("faults") == [{"kind": kind, "method": "", "path": CONTACT, "seen": 3, "met": 1}]


@pytest.mark.parametrize("kind", [k for k in KINDS if not k.startswith("hang")])
def test_a_fault_meets_every_other_request_until_its_times_are_used_up(sandbox, kind):
    sandbox.fault(kind, every=2, times=2, status=503, seconds=0.01, method="patch")
    wrong = SEEN_AS[kind]
    assert [outcome(sandbox, f"{kind}-every-{n}") for n in range(7)] == [
        200,
        wrong,
        200,
        wrong,
        200,
        200,
        200,
    ]


def test_a_share_of_requests_is_met_and_the_same_ones_for_the_same_seed(sandbox):
    def met():
        sandbox.clear_faults()
        sandbox.fault("status", rate=0.3, seed=5)
        return [ask(sandbox).status_code for _ in range(60)]

    first = met()
    assert first == met()
    assert 6 <= first.count(500) <= 30


def test_a_path_with_a_star_stands_for_any_text_and_other_paths_are_spared(sandbox):
    sandbox.fault("status", path="/account-info/*", method="GET")
    assert ask(sandbox).status_code == 500
    assert ask(sandbox, "/crm/v3/objects/contacts").status_code == 200


def test_of_two_faults_due_at_once_the_first_acts_and_both_count_the_request(sandbox):
    sandbox.fault("status", nth=1, status=500)
    sandbox.fault("status", nth=2, status=502)
    assert [ask(sandbox).status_code for _ in range(3)] == [500, 502, 200]


def test_a_fault_that_was_kept_from_acting_has_not_used_up_its_times(sandbox):
    sandbox.fault("status", nth=1, status=500)
    sandbox.fault("status", times=1, status=502)
    assert [ask(sandbox).status_code for _ in range(3)] == [500, 502, 200]


def raw(sandbox, sent):
    """A connection of one's own on which a request was sent."""
    at = urlsplit(sandbox.url)
    connection = socket.create_connection((at.hostname, at.port), timeout=5)
    connection.sendall(sent)
    return connection


REQUEST = b"GET /account-info/v3/details HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer sandbox-hubspot-key\r\n\r\n"


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_reset_cuts_the_connection_without_a_byte_of_an_answer(sandbox, kind):
    sandbox.fault(kind, times=1)
    with raw(sandbox, REQUEST) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_a_truncated_answer_promises_more_bytes_than_it_sends(sandbox):
    sandbox.fault("truncate", times=1)
    received = b""
    with raw(sandbox, REQUEST) as connection:
        while part := connection.recv(65_536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    promised = int(
        next(line for line in head.lower().split(b"\r\n") if b"content-length" in line).split(b":")[1]
    )
    assert 0 < len(body) < promised


def test_a_hang_holds_while_the_client_waits_and_is_in_the_journal_meanwhile(sandbox):
    sandbox.fault("hang", times=1)
    with raw(sandbox, REQUEST) as connection:
        connection.settimeout(0.4)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert sandbox.journal()[-1]["status"] == 0
        assert ask(sandbox).status_code == 200


def test_a_hang_with_a_time_ends_in_a_cut_connection(sandbox):
    sandbox.fault("hang", times=1, seconds=0.1)
    with raw(sandbox, REQUEST) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_a_status_fault_carries_the_body_and_the_retry_after_that_were_ordered(sandbox):
    sandbox.fault("status", times=1, status=477, retry_after="7", body="<html>edge</html>")
    answer = ask(sandbox)
    assert (answer.status_code, answer.headers["retry-after"], answer.text) == (477, "7", "<html>edge</html>")
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("retry_after", [None, "3", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_rate_limit_fault_sends_the_retry_after_that_was_ordered_or_none(sandbox, retry_after):
    sandbox.fault("rate_limit", times=1, retry_after=retry_after)
    answer = ask(sandbox)
    assert (answer.status_code, answer.headers.get("retry-after")) == (429, retry_after)


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("faults", '{"kind": "explode"}', "kind is one of"),
        ("faults", "{}", "a fault needs a kind"),
        ("faults", '{"kind": "status", "speed": 3}', "a fault has no speed"),
        ("faults", '{"kind": "status", "met": 3}', "a fault has no met"),
        ("faults", '{"kind": "status", "every": 0}', "every is 1 or more"),
        ("faults", '{"kind": "status", "nth": "2"}', "nth is a whole number, not text"),
        ("faults", '{"kind": "status", "rate": 1.5}', "rate is from 0 to 1"),
        ("faults", '{"kind": "status", "status": 1000}', "status is from 200 to 599"),
        ("faults", '{"kind": "status", "path": "/nowhere"}', "no request would meet"),
        ("faults", '["x"]', "a fault is a JSON object, not text"),
        ("faults", "not json", "the body is not JSON"),
        ("clock", "[]", "the clock is a JSON object, not a list"),
        ("clock", '{"advance": 1}', "the clock has no advance"),
        ("clock", '{"rate": -1}', "rate is from 0"),
        ("settings", '{"latency": 1}', "the sandbox has no latency"),
        ("settings", '{"latency_ms": "fast"}', "latency_ms is a number, not text"),
        ("edit", "7", "an edit is a JSON object, not a number"),
        ("balance", '{"email": 1}', "hubspot has no balance"),
        ("nothing", "{}", "nothing to set at nothing"),
    ],
)
def test_a_control_that_makes_no_sense_is_refused_with_a_sentence(sandbox, name, body, said):
    answer = sandbox.http.post(f"/_sandbox/{name}", content=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert sandbox.control("faults") == []


def test_of_a_list_of_faults_with_a_bad_one_none_is_installed(sandbox):
    answer = sandbox.http.post(
        "/_sandbox/faults", json=[{"kind": "status"}, {"kind": "status", "path": "/x"}]
    )
    assert answer.status_code == 400
    assert sandbox.control("faults") == []


@pytest.mark.parametrize("host", ["sandbox.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_the_controls_refuse_a_host_that_is_not_loopback(sandbox, host):
    assert sandbox.http.get("/_sandbox/books", headers={"host": host}).status_code in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1", "[::1]:9"])
def test_the_controls_answer_to_loopback_names(sandbox, host):
    assert sandbox.http.get("/_sandbox/health", headers={"host": host}).json()["vendor"] == "hubspot"


def test_questions_about_the_journal_are_checked_too(sandbox):
    answer = sandbox.http.get("/_sandbox/journal", params={"since": "-1"})
    assert (answer.status_code, "number of a request" in answer.json()["error"]) == (400, True)
    assert sandbox.http.get("/_sandbox/everything").status_code == 404


def test_the_server_listens_on_its_one_loopback_address_only(sandbox):
    port = urlsplit(sandbox.url).port
    with pytest.raises(OSError):  # noqa: PT011 which error it is differs between systems
        socket.create_connection(("127.0.0.2", port), timeout=1).close()


def test_a_body_larger_than_a_sandbox_takes_is_refused(sandbox):
    large = b"Content-Length: 99999999\r\n\r\n"
    with raw(sandbox, REQUEST.replace(b"\r\n\r\n", b"\r\n").replace(b"GET", b"POST") + large) as connection:
        assert b" 413 " in connection.recv(4096)


def test_the_journal_names_the_template_and_a_digest_instead_of_the_credential(sandbox):
    ask(sandbox, CONTACT.replace("{id}", "1000002"))
    last = sandbox.journal()[-1]
    assert last["path"] == CONTACT
    assert last["credential"] == credential_digest("sandbox-hubspot-key")
    assert "sandbox-hubspot-key" not in json.dumps(sandbox.journal())


def test_the_process_ends_when_its_standard_input_does():
    process = subprocess.Popen(
        [sys.executable, "-m", "connectors.sandbox", "hubspot", "--contacts", "3"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        # the line is printed when the server accepts connections, not before
        assert httpx.get(f"{told['url']}/_sandbox/health", trust_env=False).json()["contacts"] == 3
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"settings": {"speed": 1}}, "the sandbox has no speed"),
        ({"faults": [{"kind": "explode"}]}, "kind is one of"),
        ({"csv": ROOT / "no-such-file.csv"}, "no-such-file.csv cannot be read"),
    ],
)
def test_a_server_that_cannot_start_says_why(arguments, said):
    with pytest.raises(SandboxFailed, match=said), start_sandbox("hubspot", contacts=2, **arguments):
        pass


def test_a_server_of_an_export_tells_how_many_it_loaded_and_which_lines_it_did_not():
    sample = ROOT / "tests/data/hubspot-export-sample.csv"
    with start_sandbox("hubspot", csv=sample) as running:
        told = running.control("population")
        listed = running.http.get("/crm/v3/objects/contacts", params={"limit": 100}, headers=KEY).json()
    assert (told["records"], told["people"], len(told["rejected"])) == (34, 31, 9)
    assert told["rejected"][0] == {"line": 16, "reason": "blank line"}
    assert len(listed["results"]) == 34


def test_a_port_that_is_taken_is_named(sandbox):
    port = str(urlsplit(sandbox.url).port)
    command = [sys.executable, "-m", "connectors.sandbox", "hubspot", "--contacts", "2", "--port", port]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.PIPE
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"port {port} cannot be used" in ended.stderr


def charge(person="p1", kind="email", amount="1", credential="a"):
    return Charge(person, kind, Decimal(amount), "enrich", 1.0, credential)


def test_the_books_count_charges_beyond_the_first_per_person_kind_and_credential():
    books = Books()
    for entry in (charge(), charge(), charge(), charge("p2"), charge(kind="phone"), charge(credential="b")):
        books.charge(entry)
    assert books.duplicates == {("a", "p1", "email"): 2}
    shown = books.shown()
    assert (shown["double_charged"], shown["charged"]) == (2, {"email": "5", "phone": "1"})


def test_two_things_bought_for_one_person_are_no_duplicates():
    books = Books()
    for item in ("profile", "phone", "phone"):
        books.charge(Charge("p1", "credit", Decimal(1), "enrich", 1.0, "a", item))
    assert books.duplicates == {("a", "p1", "credit"): 1}
    assert [c["item"] for c in books.shown()["charges"]] == ["profile", "phone", "phone"]


def test_a_charge_of_nothing_is_no_duplicate():
    books = Books()
    for entry in (charge(amount="0"), charge(), charge(amount="0")):
        books.charge(entry)
    assert books.duplicates == {}


def test_the_books_tell_writes_that_changed_nothing_and_those_over_a_person():
    books = Books()
    for no_op, overwrote in ((True, ""), (False, "person"), (False, "import"), (False, "")):
        books.write(Write("1", "phone", "app 1", no_op, overwrote, 1.0))
    shown = books.shown(summary=True)
    assert (shown["writes_count"], shown["no_op_writes"], shown["human_edits_overwritten"]) == (4, 1, 1)


def test_the_journal_shows_requests_from_a_number_on_and_counts_them_all():
    journal = Journal()
    for status in (200, 429, 200):
        journal.add("GET", "/a", status, 1.0, "", 0.1)
    shown = journal.shown(since=1)
    assert [(r["n"], r["status"]) for r in shown["requests"]] == [(1, 429), (2, 200)]
    assert (shown["total"], shown["rate_limited"]) == (3, 1)


def test_the_clock_steps_both_ways_and_can_be_stopped_and_run_faster():
    real = [100.0]
    clock = Clock(monotonic=lambda: real[0], wall=lambda: 5000.0)
    real[0] += 10
    assert clock.time() == 5010
    clock.advance(-60)
    assert clock.time() == 4950
    clock.run(0)
    real[0] += 100
    assert clock.time() == 4950
    clock.run(60)
    real[0] += 2
    assert clock.time() == 5070
    assert clock.now().isoformat() == "1970-01-01T01:24:30+00:00"


def test_a_fault_fits_by_method_and_path():
    fault = Fault("status", method="get", path="/a/*")
    assert fault.fits("GET", "/a/b")
    assert not fault.fits("POST", "/a/b")
    assert not fault.fits("GET", "/b")
