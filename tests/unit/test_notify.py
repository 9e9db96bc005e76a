"""One message for each change, over every channel, once, whatever restarts or fails."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.sandbox.tls import issue
from syncd.config.notify import HookFormat, HookUrl, SmtpSettings, WebhookSettings
from syncd.notify import Message, Notifier, Pinger, Trouble, Undelivered
from syncd.notify.channels import Mail, Webhook
from syncd.notify.posting import post
from syncd.secret import Secret
from syncd.store.engine import Store
from tests.listeners import mail_server, web_server

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
DOWN = Trouble("down:x", "x is down", "x does not answer.", "x answers again", patience_s=900)
STOP = Trouble("halt:x", "x is stopped", "x is stopped: refused.", "x goes on")
MESSAGE = Message("halt:x", "begun", "x is stopped", "x is stopped: refused.", "box", AT)


class Book:
    """A channel that remembers; while `broken` nothing arrives."""

    def __init__(self, name: str = "book") -> None:
        self.name = name
        self.told: list[tuple[str, str]] = []
        self.broken = False

    def deliver(self, message: Message) -> None:
        if self.broken:
            raise Undelivered("out of order")
        self.told.append((message.state, message.title))


class House:
    """A state whose clock is set by hand, and the troubles there are."""

    def __init__(self, store: Store, clock: list[int]) -> None:
        self.store = store
        self.clock = clock
        self.troubles: list[Trouble] = []

    def later(self, seconds: float) -> None:
        self.clock[0] += round(seconds * 1e6)

    def notifier(self, *channels: Book) -> Notifier:
        return Notifier(self.store, channels, lambda: list(self.troubles), host="box")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    clock = [round(AT.timestamp() * 1e6)]
    store = Store(f"sqlite:///{tmp_path / 'state.db'}", lambda: clock[0])
    store.open()
    yield House(store, clock)
    store.close()


def test_a_trouble_is_told_once_and_so_is_its_end(house: House) -> None:
    book = Book()
    notifier = house.notifier(book)
    house.troubles = [STOP]
    for _ in range(3):
        notifier.tell()
        house.later(60)
    assert book.told == [("begun", "x is stopped")]
    house.troubles = []
    for _ in range(3):
        notifier.tell()
        house.later(60)
    assert book.told[1:] == [("over", "x goes on")]
    house.troubles = [STOP]
    notifier.tell()
    assert book.told[2:] == [("begun", "x is stopped")]


def test_a_restart_tells_nothing_again(house: House) -> None:
    book = Book()
    house.troubles = [STOP]
    house.notifier(book).tell()
    house.later(60)
    house.notifier(book).tell()
    assert len(book.told) == 1
    house.troubles = []
    house.later(60)
    house.notifier(book).tell()
    assert [state for state, _ in book.told] == ["begun", "over"]


def test_an_outage_is_told_after_a_quarter_of_an_hour_even_over_a_restart(house: House) -> None:
    book = Book()
    house.troubles = [DOWN]
    house.notifier(book).tell()
    house.later(899)
    house.notifier(book).tell()
    assert book.told == []
    house.later(2)
    house.notifier(book).tell()
    assert book.told == [("begun", "x is down")]


def test_a_short_outage_is_not_told_at_all(house: House) -> None:
    book = Book()
    notifier = house.notifier(book)
    for present in (True, False, True, False):
        house.troubles = [DOWN] if present else []
        notifier.tell()
        house.later(600)
    assert book.told == []


def test_what_comes_and_goes_is_over_only_when_it_stays_away(house: House) -> None:
    book = Book()
    notifier = house.notifier(book)
    credit = Trouble("credits:x", "x is out of credits", "Buy.", "x has credits again", linger_s=1800)
    for present in (True, False, True, False):
        house.troubles = [credit] if present else []
        notifier.tell()
        house.later(900)
    assert book.told == [("begun", "x is out of credits")]
    house.later(1000)
    notifier.tell()
    assert book.told[1:] == [("over", "x has credits again")]


def test_a_channel_that_fails_is_tried_again_and_the_other_is_not_bothered_twice(house: House) -> None:
    one, other = Book("smtp"), Book("webhook")
    other.broken = True
    notifier = house.notifier(one, other)
    house.troubles = [STOP]
    notifier.tell()
    house.later(60)
    notifier.tell()
    assert (len(one.told), len(other.told)) == (1, 0)
    other.broken = False
    house.troubles = []
    house.later(60)
    notifier.tell()
    assert [s for s, _ in one.told] == ["begun", "over"]
    assert other.told == []


def test_a_lesser_trouble_is_silent_beside_the_greater_one(house: House) -> None:
    book = Book()
    notifier = house.notifier(book)
    near = Trouble("near:x", "80% are used", "80% are used.", "far from used up again", under="spent:x")
    spent = Trouble("spent:x", "all is used up", "All is used up.", "there are credits again")
    house.troubles = [spent, near]
    notifier.tell()
    assert book.told == [("begun", "all is used up")]
    house.later(60)
    house.troubles = []
    notifier.tell()
    assert book.told[1:] == [("over", "there are credits again")]


def smtp(port: int, **more: object) -> SmtpSettings:
    given = {
        "host": "127.0.0.1",
        "port": port,
        "from": "syncd@example.com",
        "to": ["ops@example.com"],
        **more,
    }
    return SmtpSettings.model_validate(given)


def test_a_letter_arrives_by_plain_smtp_on_this_machine() -> None:
    with mail_server() as box:
        Mail(smtp(box.port, tls="none")).deliver(MESSAGE)
    (letter,) = box.letters
    assert (letter["Subject"], letter["To"]) == ("syncd: x is stopped", "ops@example.com")
    assert letter.get_content().startswith("x is stopped: refused.")
    assert "syncd on box" in letter.get_content()


def test_a_letter_arrives_encrypted_and_with_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "open sesame")
    paper = issue(tmp_path)
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(paper.certificate, paper.key)
    settings = {"username": "robot", "password": Secret("env", "MAIL_PASSWORD")}
    with mail_server(offered, "open sesame") as box:
        trusted = ssl.create_default_context(cafile=str(paper.authority))
        Mail(smtp(box.port, **settings), trusted).deliver(MESSAGE)
        with pytest.raises(Undelivered, match=r"^SSLCertVerificationError$"):
            Mail(smtp(box.port, **settings)).deliver(MESSAGE)
    assert (box.encrypted, box.logins) == ([True], ["robot"])


def test_a_mail_server_without_encryption_gets_nothing_when_starttls_is_asked_for() -> None:
    with mail_server() as box, pytest.raises(Undelivered, match=r"^SMTPNotSupportedError$"):
        Mail(smtp(box.port)).deliver(MESSAGE)
    assert box.letters == []


def test_a_refused_login_and_a_refused_letter_say_nothing_of_what_the_server_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "wrong")
    login = {"username": "robot", "password": Secret("env", "MAIL_PASSWORD"), "tls": "none"}
    with mail_server(password="right") as box:
        with pytest.raises(Undelivered) as refused:
            Mail(smtp(box.port, **login)).deliver(MESSAGE)
        assert str(refused.value) == "SMTPAuthenticationError"
        box.refuse = True
        with pytest.raises(Undelivered) as later:
            Mail(smtp(box.port, tls="none")).deliver(MESSAGE)
        assert str(later.value) == "SMTPSenderRefused"


def test_a_webhook_gets_plain_json_or_what_slack_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server() as box:
        monkeypatch.setenv("HOOK_URL", f"{box.url}/hook?key=1")
        for kind in HookFormat:
            Webhook(WebhookSettings(url=Secret("env", "HOOK_URL"), format=kind)).deliver(MESSAGE)
    plain, slack = (json.loads(p.body) for p in box.posted)
    assert [p.path for p in box.posted] == ["/hook?key=1"] * 2
    assert (plain["state"], plain["title"], plain["host"]) == ("begun", "x is stopped", "box")
    assert slack.keys() == {"text"}
    assert "*syncd: x is stopped*" in slack["text"]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_that_is_no_yes_means_undelivered_and_is_not_followed(status: int) -> None:
    with web_server() as box:
        box.answers = [status]
        with pytest.raises(Undelivered, match=f"^it answered {status}$"):
            post(f"{box.url}/hook", b"{}", "application/json")
    assert len(box.posted) == 1


@pytest.mark.parametrize(
    "url", ["http://example.com/hook", "ftp://127.0.0.1/", "https://u:p@example.com/", "x"]
)
def test_a_secret_url_that_leads_elsewhere_in_the_open_is_not_used(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_URL", url)
    with pytest.raises(Undelivered, match="not one that may be used") as refused:
        Webhook(WebhookSettings(url=Secret("env", "HOOK_URL"))).deliver(MESSAGE)
    assert url not in str(refused.value)


def test_pings_follow_the_protocol_and_belong_together() -> None:
    with web_server() as box:
        ids = iter(["one", "two"])
        pinger = Pinger(HookUrl(f"{box.url}/ping/abc"), lambda: next(ids))
        pinger.began()
        pinger.ended(True, "ok: 3 enriched")
        pinger.ended(True, "nothing began")
        pinger.began()
        pinger.ended(False, "failed")
        pinger.stop()
    assert [p.path for p in box.posted] == [
        "/ping/abc/start?rid=one",
        "/ping/abc?rid=one",
        "/ping/abc/start?rid=two",
        "/ping/abc/fail?rid=two",
    ]
    assert box.posted[1].body == b"ok: 3 enriched"


def test_a_ping_is_tried_three_times_and_then_given_up() -> None:
    with web_server() as box:
        box.answers = [500, 500, 500, 500, 500]
        pinger = Pinger(HookUrl(f"{box.url}/p"), lambda: "r", pause_s=0.0)
        pinger.began()
        pinger.ended(True, "")
        pinger.stop()
    assert [p.path for p in box.posted] == ["/p/start?rid=r"] * 3 + ["/p?rid=r"] * 3


def test_a_switch_that_cannot_be_reached_disturbs_nobody() -> None:
    pinger = Pinger(HookUrl("http://127.0.0.1:1/p"), pause_s=0.0)
    pinger.began()
    pinger.ended(True, "")
    pinger.stop()
