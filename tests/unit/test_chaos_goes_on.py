"""When chaos believes that a daemon works again: by what it tells, and by figures that are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.chaos.run import Chaos
from tests.chaos.workers import Nursery, Worker


class Told:
    """A daemon whose metrics read so, one look after the other; it ends after the last."""

    def __init__(self, *figures: int | None) -> None:
        self._figures: Iterator[int | None] = iter(figures)
        self._next: int | None = next(self._figures)
        self.alive = True

    def hears(self, texts: object, within_s: float, begun: int) -> bool:
        return False

    def requests(self) -> int | None:
        told = self._next
        try:
            self._next = next(self._figures)
        except StopIteration:
            self.alive = False
        return told


@pytest.mark.parametrize(
    ("figures", "goes_on"),
    [
        ((7, 7, 8), True),
        ((7, 7, 7), False),
        ((None, 7, 7), False),
        ((None, 7, 8), True),
        ((7, None, 7), False),
        ((7, None, 8), True),
        ((None, None, None), False),
        ((0, 1), True),
    ],
)
def test_a_daemon_goes_on_when_its_requests_are_known_to_be_more(
    figures: tuple[int | None, ...], goes_on: bool
) -> None:
    chaos = Chaos.__new__(Chaos)
    assert chaos._goes_on(cast(Worker, Told(*figures)), 0) is goes_on


def test_requests_that_cannot_be_read_are_unknown() -> None:
    worker = Worker(cast(Nursery, None), Path("config.yaml"), Path("clock"))
    assert worker.requests() is None
    worker.said.append('{"event": "daemon.ready", "listen": "127.0.0.1:9"}\n')
    assert worker.requests() is None
