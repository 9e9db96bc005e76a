"""What is to happen at a time of the sandbox's clock, whether or not anybody asks."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

from connectors.sandbox.clock import Clock

_TICK_S = 0.02


class Agenda:
    """Actions in the order of their times."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._ticker: asyncio.Task[None] | None = None

    def at(self, due: float, action: Callable[[], None]) -> None:
        """Have something happen at a time, in seconds since the epoch."""
        self._count += 1
        heapq.heappush(self._waiting, (due, self._count, action))
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.get_running_loop().create_task(self._tick())

    async def _tick(self) -> None:
        while self._waiting:
            await asyncio.sleep(_TICK_S)
            self.catch_up()

    def catch_up(self) -> None:
        """Do everything whose time has come."""
        now = self._clock.time()
        while self._waiting and self._waiting[0][0] <= now:
            heapq.heappop(self._waiting)[2]()
