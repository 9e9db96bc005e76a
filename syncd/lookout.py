"""Lookout: whether a state that was looked into has to be looked into again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from syncd.store.engine import MILLION, Store

MOST_S = 60.0
"""It is looked into this often, whatever is known and whatever becomes of the clock."""


@dataclass
class Lookout:
    """One look's watch: nothing is new until somebody commits to the state, or what the look named is due."""

    store: Store
    monotonic: Callable[[], float] = time.monotonic
    _version: int | None = None
    _due_us: int = 0
    _again_at: float = 0.0

    def needed(self) -> bool:
        """Whether to look; true from then on until `looked`."""
        # The version is taken before the look, so that a commit during it is noticed afterwards.
        version = self.store.version()
        if version is None or version != self._version:
            self._due_us = 0
        self._version = version
        return self.store.clock_us() >= self._due_us or self.monotonic() >= self._again_at

    def looked(self, wait_us: int | None) -> None:
        """It was looked into; so many microseconds later something is due. None: nothing will be."""
        most_us = round(MOST_S * MILLION)
        self._due_us = self.store.clock_us() + (most_us if wait_us is None else min(wait_us, most_us))
        self._again_at = self.monotonic() + MOST_S
