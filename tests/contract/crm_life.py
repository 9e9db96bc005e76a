"""Rows about the account and the line to it: credentials, limits, outages, odd answers, manners."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

from syncd.connector import Failure, FailureKind, names
from syncd.model import Rejected, Written
from tests.contract.acts import attempt, impatient
from tests.contract.crm_acts import CALLS, CrmAct, CrmSubject, everybody
from tests.contract.provider_manners import CANARY, everything_said, printed, untouched_world
from tests.contract.tampering import at, decoded, misshapen, with_news

LOST = ("reset_before", "reset_after", "hang", "hang_after", "charge_then_500", "truncate")
BATCH = 3


def row_01_a_crm_declares_known_names(subject: CrmSubject) -> None:
    act = subject.open()
    connector = act.connector
    assert connector.name == subject.name
    assert subject.name in names("crm")
    assert subject.facts.object in connector.objects
    assert connector.docs_url.startswith("https://")
    assert not connector.default_base_url or connector.default_base_url.startswith("https://")
    buckets = {limit.bucket for limit in connector.limits}
    every = [o.name for o in connector.operations]
    assert len(set(every)) == len(every)
    assert all(o.bucket in buckets and o.free and o.batch >= 1 for o in connector.operations)
    assert connector.read_batch >= 1
    assert connector.write_batch >= 1
    assert all(f.description for f in type(act.options).model_fields.values()), "an option is not described"


def row_02_a_good_credential_opens_the_account_and_a_bad_one_is_told(subject: CrmSubject) -> None:
    act = subject.open()
    account = act.connector.check()
    assert account.id == getattr(act.options, "account", account.id), "another account"
    ids = act.ids[:BATCH]
    for what, call in CALLS.items():
        bad = subject.open()
        bad.ids = ids
        bad.change_secrets("wrong-and-not-in-use")
        failure = attempt(partial(call, bad))
        assert isinstance(failure, Failure), f"{what} works with a bad credential"
        assert failure.kind is FailureKind.AUTH, f"a bad credential at {what} is called {failure.kind}"
        assert not bad.written()


def row_10_being_asked_to_wait_is_obeyed(subject: CrmSubject) -> None:
    for what, call in CALLS.items():
        act = subject.open()
        assert act.ids
        act.fault("rate_limit", retry_after="7", times=1)
        act.waits.clear()
        # Some vendors never say how long: then any pause will do.
        says = "retry-after" in act.sandbox.rate_limit_answer("7").headers
        least = 6.0 if says else 0.01
        mark = act.meter.mark()
        told = attempt(partial(call, act))
        assert act.meter.since(mark)[act.account].rate_limited, f"{what}: a limit is not recognised"
        if isinstance(told, Failure):
            # A limit that ends later than anybody may wait in place: the work is put off.
            assert told.kind is FailureKind.RATE_LIMITED, f"a limit at {what} is called {told.kind}"
            assert (told.retry_after_s or 0.0) >= least, f"{what} does not say how long"
        else:
            assert sum(act.waits) >= least, f"{what} does not wait as it was told"


def row_12_an_outage_is_bridged_and_then_told(subject: CrmSubject) -> None:
    for what, call in CALLS.items():
        act = subject.open()
        ids = act.ids
        act.fault("status", status=503, times=2)
        honest = call(act)
        assert honest is not None
        act = subject.open()
        act.ids = ids
        act.fault("status", status=503)
        failure = attempt(partial(call, act))
        assert isinstance(failure, Failure), f"an outage at {what} is told as an answer"
        assert failure.kind is FailureKind.UNAVAILABLE, f"an outage at {what} is called {failure.kind}"
        act = subject.open()
        act.ids = ids
        act.connector = act.connected(f"http://127.0.0.1:{_closed_port()}")
        failure = attempt(partial(call, act))
        assert isinstance(failure, Failure) and failure.kind is FailureKind.UNAVAILABLE, what


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def row_13_a_lost_answer_is_asked_for_again(subject: CrmSubject) -> None:
    for what, call in CALLS.items():
        act = subject.open()
        assert act.ids
        honest = call(act)
        for kind in LOST:
            act.sandbox.faults.clear()
            act.fault(kind, times=1)
            with impatient() as asked:
                told = attempt(partial(call, act))
            if what == "write" and isinstance(told, Failure):
                # A lost write may be told instead: the core reads the record before it writes again.
                assert told.kind in (FailureKind.AMBIGUOUS, FailureKind.UNAVAILABLE), told.kind
                told = call(act)
            assert not isinstance(told, Failure), f"{what} after {kind}: {told}"
            assert _same(told, honest), f"{what} after {kind}"
            assert any(asked), f"{what}: a request without a timeout"
            act.again()


def row_13_a_write_whose_answer_is_lost_is_written_once_more_and_no_further(subject: CrmSubject) -> None:
    for kind in LOST:
        act = subject.open()
        contact_id, name = act.ids[0], act.facts.properties[0]
        act.fault(kind, times=1)
        with act.requesting() as seen, impatient():
            told = attempt(partial(act.write, (contact_id, {name: "Once"})))
        if isinstance(told, Failure):
            assert told.charged is not False, f"{kind} is said to be undelivered"
            assert len(seen) == 1, f"{kind}: {len(seen)} requests"
            with act.requesting() as seen:
                told = act.write((contact_id, {name: "Once"}))
            assert len(seen) == 1, f"{len(seen)} requests for one write"
        else:
            assert len(seen) == 2, f"{kind}: {len(seen)} requests"
        assert isinstance(told[0], Written), f"{kind}: {type(told[0]).__name__}"
        assert (act.read(contact_id)[contact_id].fields or {})[name] == "Once"


def row_14_an_answer_in_another_form_is_never_read_as_one(subject: CrmSubject) -> None:
    for what, call in CALLS.items():
        bodies, honest = _honest(subject, call)
        for position, body in enumerate(bodies, start=1):
            for odd_one, odd in misshapen(body):
                act = subject.open()
                assert act.ids
                act.tamper(at(position, lambda _, odd=odd: odd))
                told = attempt(partial(call, act))
                # What does not depend on the odd part may be told all the same.
                if isinstance(told, Failure) or not _same(told, honest):
                    _is_refused(f"{odd_one} as answer {position} to {what}", told)


def _honest(subject: CrmSubject, call: Any) -> tuple[list[bytes], Any]:
    """The answers to one call, one by one, and what is made of them."""
    act, seen = subject.open(), list[bytes]()
    assert act.ids
    act.tamper(at(0, lambda body: seen.append(body) or body))
    told = call(act)
    act.tamper(None)
    return seen, told


def _is_refused(where: str, told: Any) -> None:
    if isinstance(told, Failure):
        # An account that does not tell who it is may lack a right to; a write may have been done.
        more = {"check": FailureKind.CONFIG, "write": FailureKind.AMBIGUOUS}
        allowed = (FailureKind.CONTRACT, more.get(where.rpartition(" to ")[2], FailureKind.CONTRACT))
        assert told.kind in allowed, f"{where} is called {told.kind}"
        return
    results = told if isinstance(told, list) else []
    later = bool(results) and all(isinstance(r, Rejected) and r.retry for r in results)
    assert later, f"{where} is read as {type(told).__name__}"


def row_15_unknown_keys_change_nothing(subject: CrmSubject) -> None:
    for what, call in CALLS.items():
        act = subject.open()
        assert act.ids
        plain = call(act)
        act.tamper(at(0, decoded(with_news)))
        assert _same(call(act), plain), f"{what}: an unknown key changed the answer"


def _same(one: Any, other: Any) -> bool:
    """Whether two answers say the same; a second write differs in its version and its vendor's name."""
    if isinstance(one, list) and one and isinstance(one[0], Written):
        return [(type(r), r.id) for r in one] == [(type(r), r.id) for r in other]
    return bool(one == other)


def row_17_a_connector_touches_nothing_but_its_wire(subject: CrmSubject) -> None:
    for what, call in CALLS.items():
        act = subject.open()
        ids = act.ids
        recorder = _Recorder(act)
        act.connector = act.connected(act.subject.stage.troupe.server.url, recorder)
        honest = call(act)
        player = _Player(recorder.answers)
        act.connector = act.connected(act.subject.stage.troupe.server.url, player)
        act.ids = ids
        with untouched_world():
            again = call(act)
        assert _same(again, honest), f"{what}: the same answers are read otherwise"


class _Recorder:
    """A wire that keeps every answer; the connector's own judgement is applied as the product's wire would."""

    def __init__(self, act: CrmAct) -> None:
        self.answers: list[Any] = []
        self.without = frozenset[str]()
        self._act = act

    def run(self, operation: Any, send: Any, path: str) -> Any:
        self.answers.append(send())
        failure = self._act.connector.classify(operation, self.answers[-1])
        assert failure is None
        return self.answers[-1]


class _Player:
    """A wire that touches nothing: it gives the answers of a recording."""

    def __init__(self, answers: list[Any]) -> None:
        self._answers = iter(answers)
        self.without = frozenset[str]()

    def run(self, operation: Any, send: Any, path: str) -> Any:
        return next(self._answers)


def row_18_no_credential_and_nobody_s_data_in_logs_or_errors(subject: CrmSubject) -> None:
    act = subject.open()
    secret_value = "Canary Value Nobody May See"
    emails = [str((c.fields or {}).get(act.facts.email) or CANARY) for c in everybody(act.scan())]
    private = [*subject.rehearsal.secrets.values(), CANARY, secret_value, *(e for e in emails if e)]
    body = json.dumps({"message": CANARY, "errors": [{"message": CANARY, "in": CANARY}], "category": CANARY})
    with everything_said() as said:
        for call in CALLS.values():
            for kind, more in (
                ("garbage", {"body": f"<html>{CANARY}</html>"}),
                ("garbage", {"body": body}),
                *(("status", {"status": s, "body": body}) for s in (400, 401, 403, 404, 409, 500)),
                ("reset_after", {}),
            ):
                act.sandbox.faults.clear()
                act.fault(kind, times=1, **more)
                said += printed(attempt(partial(call, act)))
            act.sandbox.faults.clear()
        wrong, _ = act.facts.wrong[0]
        said += [repr(r) for r in act.write((act.ids[0], {wrong: secret_value}))]
        act.change_secrets(f"{CANARY}-as-a-key")
        act.again()
        said += printed(attempt(act.connector.check))
    text = "\n".join(said).lower()
    leaked = sorted({p[:3] + "…" for p in private if p.lower() in text})
    assert not leaked, f"told in a log line or an error: {leaked}"


def row_19_questions_at_the_same_time_do_not_mix(subject: CrmSubject) -> None:
    act = subject.open()
    chosen = act.ids[:4]
    alone = [act.read(i) for i in chosen]
    act.sandbox.configure({"latency_ms": 10})
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda n: act.read(chosen[n % 4]), range(8)))
    assert together == [alone[n % 4] for n in range(8)]


def row_29_a_window_in_the_future_or_without_changes_is_empty(subject: CrmSubject) -> None:
    act = subject.open()
    later = act.now + timedelta(days=2)
    assert everybody(act.changed(since=later, until=later + timedelta(hours=1))) == []
