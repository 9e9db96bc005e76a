"""Saved plans: which were carried out, and the contacts that a run has set aside for one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, update

from syncd.store import runs
from syncd.store import tables as t


def used_by(connection: Connection, plan_id: str) -> str | None:
    """The run that carried a plan out, or None."""
    return runs.get_meta(connection, f"plan:{plan_id}")


def use(connection: Connection, plan_id: str, run_id: int) -> bool:
    """Note that a run carries a plan out; False where another one does."""
    return runs.claim_meta(connection, f"plan:{plan_id}", str(run_id))


def assign(connection: Connection, ids: Sequence[int], run_id: int) -> set[int]:
    """Set rows that wait to be looked up aside for a run; the ids of those that could be."""
    return set(
        connection.scalars(
            update(t.work)
            .where(t.work.c.id.in_(ids), t.work.c.state.in_(("ready", "no_budget")), t.work.c.owner == "")
            .values(state="ready", reason="", not_before=0, run_id=run_id)
            .returning(t.work.c.id)
        )
    )
