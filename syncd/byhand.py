"""By hand: an operator's orders to undo and to accept, from the first question to the run's end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from syncd.amend import DONE, FAILED, KEPT, Amender, Result, Step
from syncd.connector import Failure
from syncd.runtime import Runtime, identify
from syncd.store import changes, runs
from syncd.store.changes import Stored
from syncd.undo import Selection, steps
from syncd.unfinished import settle

ACTOR = "operator"


def preview(runtime: Runtime, wanted: Selection) -> list[Result]:
    """What an undo would do. Nothing is written, neither here nor in the CRM.

    Raises:
        Failure: a CRM that it is about could not be asked.
        WrongAccount: a CRM's credential opens another account.
    """
    found = steps(runtime, wanted)
    for name in _crms(s.source.crm for s in found):
        if name in runtime.crms:
            identify(runtime, runtime.crms[name])
    return Amender(runtime, 0, ACTOR, dry=True).carry_out(found)


def undo(runtime: Runtime, wanted: Selection) -> tuple[list[Result], int]:
    """Take back what fits; the results, and the number of the run that holds them.

    Raises:
        Failure: a CRM could not be asked; the same order goes on where this one ended.
        WrongAccount: before anything was written.
    """
    make_ready(runtime, (s.source.crm for s in steps(runtime, wanted)))
    return _carry_out(runtime, "undo", str(wanted.run_id or ""), steps(runtime, wanted))


def accept(runtime: Runtime, proposals: Sequence[Stored]) -> tuple[list[Result], int]:
    """Write proposals of CRMs that `make_ready` has seen to; the results, and the number of their run.

    Raises:
        Failure: as with an undo.
    """
    return _carry_out(runtime, "accept", "", [Step(r, r.before or "", r.after or "") for r in proposals])


def make_ready(runtime: Runtime, crms: Iterable[str]) -> None:
    """The CRMs are those that they should be, and nothing of an earlier order is open.

    Raises:
        Failure: one of them could not be asked.
        WrongAccount: the credential of one opens another account.
    """
    for name in _crms(crms):
        if name in runtime.crms:
            identify(runtime, runtime.crms[name])
            settle(runtime, runtime.crms[name])


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """Counts of values and of contacts, and what stayed. A contact is restored where none of its values stayed."""
    kept = [r for r in results if r.what == KEPT]
    done = {_contact(r) for r in results if r.what == DONE}
    stayed = {_contact(r) for r in results if r.what != DONE}
    return {
        "undone": sum(r.what == DONE for r in results),
        "kept": len(kept),
        "failed": sum(r.what == FAILED for r in results),
        "contacts": {
            "undone": len(done),
            "restored": len(done - stayed),
            "kept": len({_contact(r) for r in kept}),
        },
        "stayed": [_stayed(r) for r in results if r.what != DONE][:1000],
    }


def _carry_out(runtime: Runtime, kind: str, scope: str, wanted: Sequence[Step]) -> tuple[list[Result], int]:
    with runtime.store.write() as connection:
        run_id = runs.start(connection, kind, scope, runtime.owner)
    amender = Amender(runtime, run_id, ACTOR)
    verdict = "failed"
    try:
        amender.carry_out(wanted)
        verdict = "ok"
    except Failure:
        # The write whose answer was lost may have been carried out: the records tell, if they can be read.
        with suppress(Failure):
            for name in _crms(s.source.crm for s in wanted):
                if name in runtime.crms:
                    settle(runtime, runtime.crms[name], run_id)
        raise
    finally:
        with runtime.store.write() as connection:
            runs.end(connection, run_id, verdict, summary(amender.results))
    return amender.results, run_id


def open_crms(runtime: Runtime, ids: Sequence[int]) -> list[str]:
    """The CRMs of these proposals, whatever their state; without ids of all that wait or were left open."""
    with runtime.store.read() as connection:
        if ids:
            return _crms(r.crm for r in changes.by_ids(connection, ids))
        waiting = changes.proposed(connection, list(runtime.policies), 1_000_000)
        left = [name for name in runtime.crms if changes.unfinished(connection, name)]
        return _crms([*(r.crm for r in waiting), *left])


def _crms(names: Iterable[str]) -> list[str]:
    return sorted(set(names))


def _contact(result: Result) -> tuple[str, str, str]:
    source = result.step.source
    return source.crm, source.object, source.record_id


def _stayed(result: Result) -> dict[str, str]:
    source = result.step.source
    return {
        "contact": source.record_id,
        "crm": source.crm,
        "property": source.property,
        "what": result.what,
        "why": result.why,
    }
