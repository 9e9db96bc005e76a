"""Callbacks end to end: a vendor's word wakes the poll; a forger's, a repeater's or a dawdler's does nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select, update

from syncd.config import load
from syncd.runtime import callback_token
from syncd.store import tables as t
from syncd.store.engine import Store
from tests.flow.test_daemon import daemon, until
from tests.rehearsals import Director, Stage

FAR = 9_000_000_000_000_000
"""An instant for which no poll waits."""
LATER_S = 200
"""Less than the leeway of a signature's times: moving the vendor's clock makes its word no younger than that."""
VENDOR = "waterfall_io"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def waiting_stage(stage: Director, **knobs: object) -> Stage:
    """Jobs at Waterfall.io that run until its clock is moved, with callbacks to our own listener."""
    listen = f"127.0.0.1:{free_port()}"
    return stage(
        contacts=12,
        vendors=("hubspot", VENDOR),
        settings={VENDOR: {"after_s": LATER_S, "coverage": {"profile": 1, "blind": 0}, **knobs}},
        changes={
            "http": {"listen": listen, "public_url": f"http://{listen}"},
            "providers": {VENDOR: {"polling": "sparing"}},
            "syncs": {"hubspot-sandbox-contacts": {"every": "1h"}},
        },
    )


@contextmanager
def opened(play: Stage) -> Iterator[Store]:
    store = Store(load(play.config).database_url())
    try:
        yield store
    finally:
        store.close()


def park(store: Store) -> None:
    """No pending job is asked for by itself any more: only a callback can wake it."""
    with store.write() as connection:
        connection.execute(
            update(t.provider_call).where(t.provider_call.c.state == "pending").values(poll_at=FAR)
        )


def calls(store: Store) -> list[tuple[object, ...]]:
    """The jobs, with everything that a callback could change."""
    c = t.provider_call.c
    query = select(c.id, c.state, c.handle, c.poll_at, c.polls, c.settled_at).where(c.handle.is_not(None))
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(c.id))]


def until_settled(store: Store, http: httpx.Client) -> None:
    """Look again and again, each time after a round trip to the service."""
    for _ in range(5000):
        if all(state != "pending" for _, state, *_ in calls(store)):
            return
        http.get("/metrics")
    raise AssertionError("the jobs are still pending")


def counted(http: httpx.Client, provider: str = VENDOR) -> dict[str, int]:
    """result → how many callbacks, by the service's own metrics."""
    families = text_string_to_metric_families(http.get("/metrics").text)
    return {
        s.labels["result"]: int(s.value)
        for family in families
        for s in family.samples
        if s.name == "syncd_webhooks_total" and s.labels["provider"] == provider
    }


def begin_slow(http: httpx.Client, path: str) -> socket.socket:
    """A callback of which most of the body never comes."""
    dawdler = socket.create_connection(("127.0.0.1", http.base_url.port or 0), timeout=30)
    dawdler.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{{".encode())
    return dawdler


def address(store: Store) -> str:
    return f"/callbacks/{VENDOR}/{callback_token(VENDOR, store.salt())}"


def test_a_signed_callback_wakes_the_poll_and_its_copies_do_nothing(stage: Director) -> None:
    play = waiting_stage(stage, webhook_forged=True, webhook_replayed=True, webhook_duplicates=1)
    with daemon(play) as (process, http), opened(play) as store:
        until("run.done", play, process)
        park(store)
        jobs = len(calls(store))
        assert jobs > 5
        play.stand(VENDOR).ask("clock", {"advance_s": LATER_S + 1})
        until_settled(store, http)
        found = counted(http)
        assert found["accepted"] >= jobs, "each job was woken by its own callback"
        assert found["bad_signature"] >= 1, "the forged ones were refused"
        polled = [r for r in journal(play) if r["method"] == "GET" and "/enrich" in r["path"]]
        assert len(polled) <= found["accepted"] + jobs, "a copy or a forged callback asks the vendor nothing"
    assert play.oracle(quiet=False) == []


def journal(play: Stage) -> list[dict[str, str]]:
    requests: list[dict[str, str]] = play.stand(VENDOR).ask("journal")["requests"]
    return requests


def test_what_is_no_true_callback_changes_nothing_and_is_counted(stage: Director) -> None:
    play = waiting_stage(stage)
    with daemon(play) as (process, http), opened(play) as store:
        until("run.done", play, process)
        park(store)
        path, before, asked = address(store), calls(store), len(journal(play))
        handle = before[0][2]
        named = json.dumps({"status": "SUCCEEDED", "input": {"task": {"job_id": handle}}}).encode()
        stranger = (
            b'{"status": "SUCCEEDED", "input": {"task": {"job_id": "00000000-aaaa-4bbb-8ccc-000000000000"}}}'
        )
        dawdler = begin_slow(http, path)
        forged = http.post(path, content=named, headers={"x-webhook-signature": "e30.e30.e30"})
        answers = [
            forged,
            http.post(path, content=b"x" * 1_000_001),
            http.post(path, content=stranger),
            http.post(path, content=b"not json"),
            http.post(f"/callbacks/{VENDOR}/guess", content=named),
            http.post(f"/callbacks/nobody/{path.rpartition('/')[2]}", content=named),
        ]
        assert [a.status_code for a in answers] == [401, 413, 200, 400, 404, 404]
        assert b" 408 " in dawdler.recv(200), "a body that never comes is not waited for"
        dawdler.close()
        assert calls(store) == before
        assert [r for r in journal(play)[asked:] if not r["path"].startswith("/.well-known")] == []
        assert {result: n for result, n in counted(http).items() if n} == {
            "bad_signature": 1, "too_large": 1, "unknown_job": 2, "unknown_address": 1, "slow": 1
        }  # fmt: skip
        assert counted(http, "?") == {"unknown_address": 1}
        assert http.get("/livez").status_code == 200


def test_a_callback_that_comes_again_after_its_job_has_ended_is_a_duplicate(stage: Director) -> None:
    play = waiting_stage(stage)
    with daemon(play) as (process, http), opened(play) as store:
        until("run.done", play, process)
        park(store)
        play.stand(VENDOR).ask("clock", {"advance_s": LATER_S + 1})
        until_settled(store, http)
        before, copy = calls(store), calls(store)[0][2]
        body = json.dumps({"input": {"task": {"job_id": copy}}}).encode()
        assert http.post(address(store), content=body).json() == {"result": "duplicate"}
        assert calls(store) == before
        assert counted(http)["duplicate"] >= 1
