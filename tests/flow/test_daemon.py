"""The service: it starts, serves, works by schedule, and ends without losing what was paid for."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from syncd.config import load
from syncd.runtime import callback_token
from syncd.store.engine import Store
from tests.rehearsals import Director, Stage

FAST = {"syncs": {"hubspot-sandbox-contacts": {"every": "10s"}}}


@contextmanager
def daemon(play: Stage) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A running service and a client of its listener."""
    with play.process("run") as process:
        assert process.stderr is not None
        address = ""
        for line in process.stderr:
            play.log.write(line)
            told = json.loads(line) if line.startswith("{") else {}
            if told.get("event") == "daemon.ready":
                address = told["listen"]
                break
        try:
            with httpx.Client(base_url=f"http://{address}", timeout=10) as http:
                yield process, http
        finally:
            process.kill()


def until(event: str, play: Stage, process: subprocess.Popen[str]) -> dict[str, Any]:
    """The first further line of the log with this event."""
    assert process.stderr is not None
    for line in process.stderr:
        play.log.write(line)
        if line.startswith("{"):
            told: dict[str, Any] = json.loads(line)
            if told["event"] == event:
                return told
    raise AssertionError(f"it ended before {event}")


def test_it_serves_health_and_metrics_and_enriches_by_itself(stage: Director) -> None:
    play = stage(contacts=30, changes=FAST)
    with daemon(play) as (process, http):
        assert until("run.done", play, process)["enriched"] > 5
        assert (http.get("/livez").status_code, http.get("/readyz").status_code) == (200, 200)
        shown = http.get("/metrics").text
        assert "syncd_build_info{" in shown
        assert http.get("/nothing").status_code == 404
        play.stand("hubspot").ask(
            "edit", {"action": "create", "properties": {"email": "new@kestrel12.example"}}
        )
        assert until("run.done", play, process)["seen"] > 0
    play.assert_well()


def test_sigterm_finishes_what_is_under_way_and_ends_with_0(stage: Director) -> None:
    play = stage(contacts=300, faults={"contactout": [{"kind": "delay", "seconds": 0.2}]})
    with daemon(play) as (process, _):
        until("contact.ended", play, process)
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=60)[1]
        play.log.write(rest)
        assert process.returncode == 0
    with play.runtime() as runtime, runtime.store.read() as connection:
        from syncd.store import jobs

        assert jobs.abandoned(connection) == []
        assert jobs.unresolved(connection) == []
    for stand in play.rehearsal.stands.values():
        httpx.delete(f"{stand.url}/_sandbox/faults")
    assert play.cycle().code == 0
    play.assert_well()


def test_an_order_of_another_process_is_followed_though_no_pull_is_due(stage: Director) -> None:
    rare = {"syncs": {"hubspot-sandbox-contacts": {"every": "6h", "brakes": {"canary": 0}}}}
    play = stage(contacts=20, changes=rare, settings={"hubspot": {"deaf": ["hs_linkedin_url"]}})
    with daemon(play) as (process, _):
        until("run.done", play, process)
        assert play.command("dead", "list", "--json").json["total"] > 0
        play.stand("hubspot").ask("settings", {"deaf": []})
        assert play.command("dead", "retry", "--all").code == 0
        until("run.done", play, process)
        assert play.command("dead", "list", "--json").json["total"] == 0


def test_a_second_service_on_the_same_state_refuses_to_start(stage: Director) -> None:
    play = stage(contacts=5)
    with daemon(play):
        said = play.command("run")
        assert said.code == 7
        assert "holds the state" in said.err


def test_an_address_in_use_is_told_in_one_sentence(stage: Director) -> None:
    play = stage(contacts=5)
    with daemon(play) as (_, http):
        taken = http.base_url.port
        other = stage(contacts=1, changes={"http": {"listen": f"127.0.0.1:{taken}"}})
        said = other.command("run")
        assert said.code == 78
        assert f"http.listen 127.0.0.1:{taken} cannot be used" in said.err


def test_callbacks_need_their_token_and_are_harmless_when_repeated(stage: Director) -> None:
    play = stage(contacts=5, changes={"http": {"listen": "127.0.0.1:0", "public_url": "http://127.0.0.1:1"}})
    with daemon(play) as (process, http):
        until("run.done", play, process)
        store = Store(load(play.config).database_url())
        token = callback_token("contactout", store.salt())
        store.close()
        assert http.post("/callbacks/contactout/guess", content=b"{}").status_code == 404
        assert http.post(f"/callbacks/nobody/{token}", content=b"{}").status_code == 404
        assert http.get(f"/callbacks/contactout/{token}").status_code == 405
        assert http.post(f"/callbacks/contactout/{token}", content=b"x" * 1_000_001).status_code == 413
        assert http.post(f"/callbacks/contactout/{token}", content=b"not json").status_code == 400
    assert token not in play.log.getvalue()
