"""No credential and nobody's data leaves by the log, the figures, the messages or the errors."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from connectors.sandbox.population import Population
from tests.listeners import WebBox, web_server
from tests.rehearsals import Director, Stage
from tests.services import get, service

CONTACTS = 40
FAULTS: Mapping[str, Any] = {
    "all is well": {},
    "vendors misbehave": {
        vendor: [
            {"kind": "garbage", "rate": 0.1, "seed": 1},
            {"kind": "truncate", "rate": 0.05, "seed": 2},
            {"kind": "status", "status": 503, "rate": 0.05, "seed": 3},
            {"kind": "reset_after", "rate": 0.05, "seed": 4},
            {"kind": "charge_then_500", "rate": 0.05, "seed": 5},
        ]
        for vendor in ("hubspot", "contactout")
    },
    "every answer is garbage": {"contactout": [{"kind": "garbage", "every": 1}]},
    "records are refused": {
        "hubspot": [{"kind": "status", "status": 400, "method": "POST", "path": "*update"}]
    },
    "a provider's key is wrong": {},
    "the crm's key is wrong": {},
}
MARKS = ("canary-hook-5c1f", "canary-ping-77aa", "canary-key-3b9d")
_SHAPES = re.compile(r"[\w.+-]+@[\w-]+\.\w+|\+\d{8,15}|linkedin\.com/(in|pub)/|https?://(?!127\.0\.0\.1)")


def personal() -> Iterator[str]:
    """What the invented people would not want to see in a log."""
    for person in Population.invent(CONTACTS, 1).people:
        yield from (person.work_email, person.personal_email, person.crm_email, person.slug, person.full)
        yield from (number.lstrip("+") for number in (person.mobile, person.landline))


def secrets(play: Stage) -> list[str]:
    return [p.read_text().strip() for p in play.rehearsal.folder.glob("*.token")] + list(MARKS)


def said(play: Stage, box: WebBox) -> dict[str, str]:
    """Everything that an operator, a scraper or a colleague gets to see without asking for one contact."""
    with service(play) as running:
        shown = {
            "metrics": get(f"{running.url}/metrics")[1],
            "readyz": get(f"{running.url}/readyz?verbose")[1],
            "arguments": running.arguments,
        }
        shown["log"] = running.end()
    for verb in (["status"], ["budget"], ["dead", "list"], ["plan"], ["once"], ["config", "show"]):
        for more in ([], ["--json"]):
            done = play.command(*verb, *more)
            shown[" ".join([*verb, *more])] = done.out + done.err
    shown["messages"] = "".join(p.body.decode() for p in box.posted)
    return shown


def stage_for(stage: Director, box: WebBox, name: str) -> Stage:
    changes = {
        "log": {"level": "debug"},
        "notify": {
            "webhook": {"url": f"{box.url}/{MARKS[0]}"},
            "ping": {"url": f"{box.url}/{MARKS[1]}"},
        },
    }
    play = stage(contacts=CONTACTS, changes=changes, faults=FAULTS[name])
    for vendor, scenario in (
        ("contactout", "a provider's key is wrong"),
        ("hubspot", "the crm's key is wrong"),
    ):
        if name == scenario:
            (play.rehearsal.folder / f"{vendor}.token").write_text(MARKS[2])
    return play


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_that_is_shown_holds_a_credential_or_anybodys_data(stage: Director, name: str) -> None:
    with web_server() as box:
        play = stage_for(stage, box, name)
        shown = said(play, box)
    hidden = {text for text in personal() if len(text) > 5} | set(secrets(play))
    assert len(hidden) > 5 * CONTACTS
    assert '"call.done"' in shown["log"]
    found = [(where, text) for where, said_ in shown.items() for text in hidden if text in said_]
    assert found == []
    shapes = [(w, m[0]) for w, s in shown.items() if w != "config show" for m in _SHAPES.finditer(s)]
    assert [s for s in shapes if not s[1].startswith("http") or s[0] in ("log", "metrics")] == []


def test_the_search_finds_what_is_there(stage: Director) -> None:
    play = stage(contacts=CONTACTS)
    play.cycle()
    asked_for = play.command("audit", "export").out
    assert len([text for text in personal() if len(text) > 5 and text in asked_for]) > 10


def test_a_contact_has_at_most_two_lines_at_info_and_a_cycle_few_of_its_own(stage: Director) -> None:
    play = stage(contacts=CONTACTS)
    play.cycle()
    events = [json.loads(line) for line in play.log.getvalue().splitlines()]
    assert {e["level"] for e in events} <= {"info", "warning"}
    lines = Counter(e["contact"] for e in events if "contact" in e)
    assert len(lines) == CONTACTS
    assert max(lines.values()) <= 2
    assert len([e for e in events if "contact" not in e]) <= 10
