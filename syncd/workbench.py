"""What the stages of a run work with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.accounts import ProviderAccount, Standing
from syncd.experience import Experience
from syncd.ledger import Ledger
from syncd.mandate import Mandate
from syncd.model import SyncPolicy
from syncd.pacing import Pacer
from syncd.pulses import Pulses
from syncd.store.engine import MILLION, Store


@dataclass
class Bench:
    """What enriching works with."""

    store: Store
    ledger: Ledger
    pacer: Pacer
    standing: Standing
    accounts: Mapping[str, ProviderAccount]
    policies: Mapping[str, SyncPolicy]
    our_sources: dict[str, str]
    clock: Callable[[], datetime]
    owner: str
    salt: bytes
    stop: threading.Event
    lease_us: int = 60 * MILLION
    threads: int = 32
    experience: Experience | None = None
    """What was seen of the providers, where the order of a waterfall turns on it."""
    ignored: frozenset[str] = frozenset()
    """Brakes that are overridden for this run."""
    pulses: Pulses | None = None
    mandate: Mandate | None = None
    """What the run may do, where a person approved that beforehand."""
    on_end: Callable[[str, str, str, int], None] = field(default=lambda sync, state, reason, work_id: None)
    """Told of each contact that came to its end: sync, state, reason, work id."""
    on_write: Callable[[str, float | None], None] = field(default=lambda crm, seconds: None)
    """Told of the CRM and, for each record written, the seconds since its change; None: a value was there."""

    def lifetimes(self) -> dict[str, tuple[float, float]]:
        """account → seconds for which an answer, and a not-found, is reused."""
        return {name: (a.keep_found_s, a.keep_not_found_s) for name, a in self.accounts.items()}

    def now_us(self) -> int:
        """The clock in microseconds."""
        return round(self.clock().timestamp() * MILLION)
