"""People are told when something needs them, and when it is over; nobody else's data is in what they are told."""

from __future__ import annotations

import json
import re
import socket
from datetime import timedelta
from typing import Any

from syncd.notify import Trouble, troubles
from syncd.store import runs
from tests.listeners import WebBox, web_server
from tests.rehearsals import Director, Stage
from tests.services import get, service

PERSONAL = re.compile(r"[\w.+-]+@[\w-]+\.\w+|\+\d{8,15}|linkedin\.com/in/")


def notify(box: WebBox, **more: Any) -> dict[str, Any]:
    return {"notify": {"webhook": {"url": f"{box.url}/hook"}, "ping": {"url": f"{box.url}/ping/1"}}, **more}


def told(box: WebBox) -> list[tuple[str, str]]:
    messages = [json.loads(p.body) for p in box.posted if p.path == "/hook"]
    assert [m for m in messages if PERSONAL.search(json.dumps(m))] == []
    return [(m["state"], m["title"]) for m in messages]


def pings(box: WebBox) -> list[str]:
    return [p.path.split("?")[0] for p in box.posted if p.path.startswith("/ping")]


def current(play: Stage, ahead_s: float = 0) -> dict[str, Trouble]:
    with play.runtime() as runtime:
        return {t.key: t for t in troubles(runtime, runtime.clock() + timedelta(seconds=ahead_s))}


def test_a_refused_key_is_told_once_and_so_is_that_it_works_again(stage: Director) -> None:
    with web_server() as box:
        play = stage(contacts=15, changes=notify(box))
        token = play.rehearsal.folder / "contactout.token"
        right = token.read_text()
        token.write_text("not-the-key")
        assert play.command("once").code == 6
        play.command("once")
        assert told(box) == [("begun", "contactout is stopped")]
        token.write_text(right)
        assert play.command("once").code == 0
        assert told(box)[1:] == [("over", "contactout goes on")]
        assert pings(box)[:2] == ["/ping/1/start", "/ping/1/fail"]
        assert pings(box)[-2:] == ["/ping/1/start", "/ping/1"]


def test_a_budget_is_told_of_when_it_nears_its_end_and_when_it_is_used_up(stage: Director) -> None:
    play = stage(contacts=60)
    spent = play.cycle().report["credits"]["contactout"]["email"]["spent"]

    def with_cap(cap: float) -> dict[str, Trouble]:
        play.configure({"providers": {"contactout": {"budgets": {"email": {"per_month": cap}}}}})
        return current(play)

    assert not [k for k in with_cap(spent * 2) if "email" in k]
    near = with_cap(round(spent / 0.85))["near:contactout.email"]
    assert re.match(r"8\d% of the month's email credits of contactout are used", near.title)
    assert re.search(r"At [\d.]+ a day, .* they last (until|[\d.,]+ more days)", near.text)
    over = with_cap(spent)
    assert over["near:contactout.email"].under == "spent:contactout.email"
    assert "used up for this month" in over["spent:contactout.email"].text


def test_contacts_that_wait_for_a_month_mean_that_its_budget_is_used_up(stage: Director) -> None:
    play = stage(
        contacts=120, changes={"providers": {"contactout": {"budgets": {"email": {"per_month": 11}}}}}
    )
    play.cycle()
    stuck = current(play)["spent:contactout.email"]
    assert re.search(r"[1-9]\d* contacts wait", stuck.text)


def test_vendors_that_do_not_answer_are_told_of_until_they_do(stage: Director) -> None:
    play = stage(contacts=5)
    with play.runtime() as runtime:
        lines = [runtime.providers["contactout"].line, runtime.crms["hubspot-sandbox"].line]
        for line in lines:
            for _ in range(5):
                runtime.pacer.outage(line.buckets["default"])
        found = {t.key: t for t in troubles(runtime, runtime.clock())}
        assert found["down:contactout"].patience_s == 900
        assert found["down:crm:hubspot-sandbox"].title == "CRM hubspot-sandbox is down"
        for line in lines:
            runtime.pacer.recovered(line.buckets["default"])
        assert troubles(runtime, runtime.clock()) == []


def test_lost_answers_and_brakes_are_told_of(stage: Director) -> None:
    play = stage(contacts=40, faults={"contactout": [{"kind": "reset_after", "every": 3, "times": 3}]})
    play.cycle()
    with play.runtime() as runtime, runtime.store.write() as connection:
        runs.halt(connection, "sync:hubspot-sandbox-contacts", "brake", "same_value: 7 contacts would get it")
    found = current(play)
    assert "with a lost answer" in found["unknown:contactout"].title
    stopped = found["halt:sync:hubspot-sandbox-contacts"]
    assert "syncd resume sync:hubspot-sandbox-contacts" in stopped.text
    assert not PERSONAL.search(stopped.text)


def test_being_out_of_credits_is_told_of(stage: Director) -> None:
    play = stage(contacts=20, settings={"contactout": {"balance": {"email": 0, "phone": 0, "search": 0}}})
    play.cycle()
    with play.runtime() as runtime:
        runtime.standing.halt("contactout/person_work", "out_of_credits", "the vendor says so", 900)
        found = {t.key: t for t in troubles(runtime, runtime.clock())}
    assert found["credits:contactout"].linger_s > 900


def test_the_service_pings_tells_and_shows_what_it_did(stage: Director) -> None:
    with web_server() as box:
        changes = notify(box, providers={"contactout": {"budgets": {"email": {"per_month": 9}}}})
        play = stage(contacts=60, changes=changes)
        with service(play) as running:
            metrics = get(f"{running.url}/metrics")[1]
            assert 'syncd_contacts_total{crm="hubspot-sandbox",outcome="skipped_budget"}' in metrics
            assert 'syncd_log_messages_total{level="info"} 6' in metrics
            fresh = re.search(r'syncd_contact_freshness_seconds_count{crm="hubspot-sandbox"} (\d+)', metrics)
            assert fresh
            assert int(fresh[1]) > 5
            status, ready = get(f"{running.url}/readyz?verbose")
            assert status == 200
            assert ready.splitlines()[0] == "ready"
            assert "[+] CRM hubspot-sandbox: nothing wrong" in ready
            assert "[-] contactout: The month's email credits of contactout are used up" in ready
            assert get(f"{running.url}/readyz")[1] == "ready\n"
            log = running.end()
        assert pings(box)[:2] == ["/ping/1/start", "/ping/1"]
        assert ("begun", "The month's email credits of contactout are used up") in told(box)
        assert len([t for t in told(box) if "email" in t[1]]) == 1
        assert box.url not in log


def test_a_reload_changes_who_is_told_and_pinged(stage: Director) -> None:
    changes = {
        "syncs": {"hubspot-sandbox-contacts": {"every": "10s"}},
        "providers": {"contactout": {"budgets": {"email": {"per_month": 2}}}},
    }
    with web_server() as first, web_server() as second:
        play = stage(contacts=20, changes=changes)
        with service(play) as running:
            play.configure(notify(first, **changes))
            assert play.command("reload").code == 0
            first.wait_for("/hook")
            first.wait_for("/ping/1/start")
            play.configure(notify(second, **changes))
            assert play.command("reload").code == 0
            count = len(first.posted)
            second.wait_for("/ping/1/start")
            running.end()
        assert len(first.posted) == count
        assert told(first) == [("begun", "The month's email credits of contactout are used up")]
        assert told(second) == []


def test_healthcheck_tells_whether_the_service_lives(stage: Director) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    play = stage(contacts=1, changes={"http": {"listen": listen}})
    gone = play.command("healthcheck")
    assert (gone.code, gone.out) == (1, "")
    assert f"nothing answers at {listen}" in gone.err
    with service(play) as running:
        assert play.command("healthcheck").code == 0
        assert play.command("healthcheck", "--json").json == {
            "schema_version": 1, "alive": True, "summary": "alive",
        }  # fmt: skip
        running.end()
    assert play.command("healthcheck").code == 1


def test_healthcheck_cannot_ask_a_port_that_nobody_chose(stage: Director) -> None:
    said = stage(contacts=1).command("healthcheck")
    assert said.code == 78
    assert "port 0" in said.err
