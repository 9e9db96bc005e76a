"""Without its guard each promise is broken and each brake lets go, and that is noticed; with it all is well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from syncd.store.engine import Store
from tests.contract.loopback import Loopback
from tests.mutants.guards import GUARDS, Guard
from tests.mutants.stories import Teller
from tests.stores import Backends
from tests.worlds import World, loopbacks

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::pytest.{name}")
    # A process that dies leaves threads and connections behind.
    for name in ("PytestUnhandledThreadExceptionWarning", "PytestUnraisableExceptionWarning")
]


@pytest.fixture(scope="module")
def servers() -> Iterator[Mapping[str, Loopback]]:
    with loopbacks() as opened:
        yield opened


@pytest.fixture
def teller(
    servers: Mapping[str, Loopback], backends: Backends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Teller]]:
    """A new teller for each telling."""
    numbers, stack = count(), ExitStack()

    def world(**given: Any) -> World:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return World(folder, servers, **given)

    def store() -> Store:
        made = backends.make("sqlite")
        backend = next(made)
        stack.callback(lambda: next(made, None))
        return backend.store

    yield lambda: Teller(monkeypatch, world, store, tmp_path)
    stack.close()


@pytest.mark.parametrize("story", sorted({guard.story for guard in GUARDS}))
def test_with_every_guard_in_place_nothing_is_noticed(story: str, teller: Callable[[], Teller]) -> None:
    assert getattr(teller(), story)() == []


@pytest.mark.parametrize(
    "guard", GUARDS, ids=lambda guard: f"{guard.promise}-{guard.remove.__name__}".replace(" ", "-")
)
def test_without_a_guard_its_promise_is_named(
    guard: Guard, teller: Callable[[], Teller], monkeypatch: pytest.MonkeyPatch
) -> None:
    guard.remove(monkeypatch)
    noticed = getattr(teller(), guard.story)()
    assert any(sentence.startswith(f"{guard.promise}:") for sentence in noticed), noticed
