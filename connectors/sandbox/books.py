"""What really happened, kept apart from what was answered: requests, charges and writes."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


def credential_digest(credential: str) -> str:
    """Eight characters by which a journal tells credentials apart without holding one."""
    return hashlib.sha256(credential.encode()).hexdigest()[:8] if credential else ""


@dataclass(frozen=True, slots=True)
class Charge:
    """One debit. `person` is the population's reference of whom it was for.

    `item` says what was bought, where the vendor sells several things for one kind of credit: two charges
    of one person for different things are no duplicates.
    """

    person: str
    kind: str
    amount: Decimal
    operation: str
    at: float
    credential: str
    item: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """One property that a request set.

    `overwrote` is who had written the value that the write replaced (person, import, …); blank where
    nobody had, or where the write changed nothing.
    """

    record: str
    property: str
    author: str
    no_op: bool
    overwrote: str
    at: float


class Journal:
    """Every request to the vendor's own API, in order."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, int, float, str, float]] = []

    def add(self, method: str, path: str, status: int, at: float, credential: str, ms: float) -> None:
        self.rows.append((method, path, status, at, credential, ms))

    def shown(self, since: int = 0, summary: bool = False) -> dict[str, Any]:
        """The requests from number `since` on, or only their counts by operation and status."""
        counts = Counter((m, p, s) for m, p, s, *_ in self.rows)
        by = [{"method": m, "path": p, "status": s, "count": n} for (m, p, s), n in sorted(counts.items())]
        head = {
            "total": len(self.rows),
            "by_operation": by,
            "rate_limited": sum(r[2] == 429 for r in self.rows),
        }
        if summary:
            return head
        names = ("method", "path", "status", "at", "credential", "ms")
        rows = [
            dict(zip(names, row, strict=True)) | {"n": since + i} for i, row in enumerate(self.rows[since:])
        ]
        return head | {"requests": rows}


class Books:
    """Charges per person, kind and time, and writes per field and author."""

    def __init__(self) -> None:
        self.charges: list[Charge] = []
        self.writes: list[Write] = []
        self._by: dict[tuple[str, str, str, str], int] = defaultdict(int)
        self.totals: dict[str, Decimal] = defaultdict(Decimal)

    def charge(self, charge: Charge) -> None:
        """Enter a debit. One of nothing is shown, but is no charge that could be a duplicate."""
        self.charges.append(charge)
        self.totals[charge.kind] += charge.amount
        if charge.amount > 0:
            self._by[charge.credential, charge.person, charge.kind, charge.item] += 1

    def write(self, write: Write) -> None:
        self.writes.append(write)

    @property
    def duplicates(self) -> dict[tuple[str, str, str], int]:
        """(credential, person, kind) → charges beyond the first for the same thing."""
        extra: Counter[tuple[str, str, str]] = Counter()
        for (credential, person, kind, _), count in self._by.items():
            if count > 1:
                extra[credential, person, kind] += count - 1
        return dict(extra)

    def shown(self, summary: bool = False) -> dict[str, Any]:
        """Totals; with the single charges and writes unless only the summary is wanted."""
        head: dict[str, Any] = {
            "charged": {k: str(v) for k, v in sorted(self.totals.items())},
            "charges_count": len(self.charges),
            "double_charged": sum(self.duplicates.values()),
            "writes_count": len(self.writes),
            "no_op_writes": sum(w.no_op for w in self.writes),
            "human_edits_overwritten": sum(w.overwrote == "person" for w in self.writes),
        }
        if summary:
            return head
        duplicates = [
            {"credential": c, "person": p, "kind": k, "extra": n} for (c, p, k), n in self.duplicates.items()
        ]
        return head | {
            "charges": [
                {
                    "person": c.person,
                    "kind": c.kind,
                    "amount": str(c.amount),
                    "operation": c.operation,
                    "at": c.at,
                    "credential": c.credential,
                    **({"item": c.item} if c.item else {}),
                }
                for c in self.charges
            ],
            "duplicates": duplicates,
            "writes": [
                {
                    "record": w.record,
                    "property": w.property,
                    "author": w.author,
                    "no_op": w.no_op,
                    "overwrote": w.overwrote,
                    "at": w.at,
                }
                for w in self.writes
            ],
        }
