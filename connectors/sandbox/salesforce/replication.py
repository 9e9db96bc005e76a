"""What changed and what was deleted in a span of time, and up to when the answer is sure."""

from __future__ import annotations

from connectors.sandbox.salesforce.call import Answer, Call
from connectors.sandbox.salesforce.fields import WRITABLE
from connectors.sandbox.salesforce.moments import DAY_S, instant, iso
from connectors.sandbox.salesforce.refusals import refused, said

UPDATED_DAYS, DELETED_DAYS = 30, 15


def updated(call: Call) -> Answer:
    """Ids of living records whose SystemModstamp lies in the span, its seconds cut off."""
    kind, org = call.kind(), call.org
    start, end = _span(call, kind.name, UPDATED_DAYS)
    ids = [
        r.id
        for r in org.store.living(kind.name)
        if start <= r.values["SystemModstamp"] < end and call.user.may_see(r)
    ]
    if len(ids) > org.settings["updated_limit"]:
        raise said(400, "EXCEEDED_ID_LIMIT", "more ids than one answer may have; ask for a shorter span")
    org.dice.shuffle(ids)
    return Answer(200, {"ids": ids, "latestDateCovered": iso(_covered(call, end))})


def deleted(call: Call) -> Answer:
    """Ids of records deleted in the span, with the time of each."""
    kind, org = call.kind(), call.org
    start, end = _span(call, kind.name, DELETED_DAYS)
    earliest = org.now() - org.settings["delete_log_s"]
    if start < earliest - earliest % 60:
        raise said(400, "INVALID_REPLICATION_DATE", "the log of deletions does not reach back to startDate")
    found = [
        {"id": r.id, "deletedDate": iso(r.deleted_at)}
        for r in org.store.rows[kind.name].values()
        if r.deleted_at is not None and start <= r.deleted_at < end and call.user.may_see(r)
    ]
    body = {
        "deletedRecords": found,
        "earliestDateAvailable": iso(earliest - earliest % 60),
        "latestDateCovered": iso(_covered(call, end)),
    }
    return Answer(200, body)


def _covered(call: Call, end: int) -> int:
    """The end, but no later than now and than the start of the oldest transaction that is open."""
    times = [end, call.org.now()]
    oldest = call.org.oldest_start()
    if oldest is not None:
        times.append(oldest)
    return min(times) // 60 * 60


def _span(call: Call, kind: str, most_days: int) -> tuple[int, int]:
    if kind not in WRITABLE:
        raise said(400, "INVALID_TYPE", f"entity type {kind} is not replicateable")
    found = []
    for name in ("start", "end"):
        # a plus sign that was not escaped arrives as a blank
        at = instant(call.query.get(name, "").replace(" ", "+"))
        if at is None:
            raise refused(
                400, "INVALID_REPLICATION_DATE", "replication", why=f"{name} is not a date and time"
            )
        found.append(at // 60 * 60)
    start, end = found
    if end - start < 60:
        raise said(
            400, "INVALID_REPLICATION_DATE", "endDate must be at least one minute greater than startDate"
        )
    if start < call.org.now() - most_days * DAY_S:
        raise said(400, "INVALID_REPLICATION_DATE", f"startDate cannot be more than {most_days} days ago")
    return start, end
