"""What a campaign ends with: the columns that have to be zero, and why they are not."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from syncd.config import load
from syncd.cycle import Cycle, Orders
from syncd.oracle import Oracle, second_run
from syncd.runtime import Runtime
from syncd.store import jobs, work
from syncd.store import tables as t
from syncd.story import story
from tests.rehearsals import Stage

COUNTS = ("rounds", "kills", "freezes", "disk_full", "clock_steps", "restarts", "edits", "seconds")
"""Columns that tell what happened; all others are to be zero."""
ASKED_BY_COMMAND = 2


def broken(stage: Stage, rekeyed: Mapping[str, set[str]], quiet: bool = True) -> list[str]:
    """What the oracle finds, with the log of every daemon; purchases by keys that people changed are no double ones."""
    settings = load(stage.config)
    with stage.runtime(exclusive=False) as runtime:
        return Oracle(
            runtime.store,
            stage.rehearsal.stands,
            {name: c.type for name, c in settings.crms.items()},
            {name: p.type for name, p in settings.providers.items()},
            stage.log.getvalue(),
            [s.reveal() for _, s in settings.secrets()],
            syncs={n: s.crm for n, s in settings.syncs.items()} if quiet else {},
            quiet=quiet,
            rekeyed=rekeyed,
        ).violations()


def columns(found: Sequence[str]) -> dict[str, int]:
    """The oracle's sentences, sorted into columns."""
    over = sum(v.startswith("I1") and " holds " in v for v in found)
    starts = [v[:2] for v in found]
    return {
        "double_charged": starts.count("I3") + starts.count("I4"),
        "overspent": over,
        "lost_results": starts.count("I1") - over + starts.count("I6"),
        "human_edits_overwritten": starts.count("I7"),
        "unaccounted": starts.count("I5") + starts.count("I2"),
        "told_too_much": starts.count("I8"),
        "writes_of_nothing": starts.count("I9"),
    }


def unexplained_unknowns(stage: Stage) -> list[str]:
    """Calls whose charge nobody knows and of which the state does not say why."""
    with stage.runtime(exclusive=False) as runtime, runtime.store.read() as connection:
        return [
            f"call {row[0]} of {row[1]} is unknown without a reason"
            for row in jobs.unresolved(connection)
            if not row[4]
        ]


def unexplained_fields(stage: Stage, seed: int) -> list[str]:
    """Mapped fields of which `explain` does not say why they are empty, changed or kept.

    Every contact is looked at; a few are asked for by the command itself, as an operator asks.
    """
    with stage.runtime(exclusive=False) as runtime:
        with runtime.store.read() as connection:
            ids = [int(i) for i in connection.scalars(t.work.select().with_only_columns(t.work.c.id))]
            rows = work.many(connection, ids)
        found = []
        for row in rows:
            told = story(runtime.store, row, runtime.policies[row.sync]).document()
            found += [
                f"contact {row.id}: {why}" for why in unexplained(told, runtime.policies[row.sync].fields)
            ]
        chosen = random.Random(seed).sample([r.record_id for r in rows], min(ASKED_BY_COMMAND, len(rows)))
    for record_id in chosen:
        said = stage.command("explain", record_id, "--json")
        if said.code:
            found.append(f"explain {record_id} ended with {said.code}")
        else:
            found += [
                w for told in json.loads(said.out)["contacts"] for w in unexplained(told, told["fields"])
            ]
    return found


def unexplained(told: Mapping[str, Any], mapped: Sequence[Any]) -> list[str]:
    """What of one contact's story is missing, or cannot be true."""
    if len(told["fields"]) != len(mapped):
        return ["not every mapped field is told of"]
    wrong = [f"{f['field']} has no reason" for f in told["fields"] if not (f["what"] and f["why"].strip())]
    if not told["reason"].strip() and told["state"] in work.ENDED:
        wrong.append(f"is {told['state']} without a reason")
    for field in told["fields"]:
        present = field["why"] in (
            "already filled, and only blanks are filled",
            "we wrote it, and it is not stale",
        )
        if not field["value"] and (present or "was not missing" in field["why"]):
            wrong.append(f"{field['field']} is empty, and explained as {field['what']}: {field['why']}")
    return wrong


def again(runtime: Runtime) -> list[str]:
    """What a further run over the unchanged CRM did."""
    report = Cycle(runtime, Orders(list(runtime.policies))).run().report
    return second_run(report, runtime.settings.providers)
