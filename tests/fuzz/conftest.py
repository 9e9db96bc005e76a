"""The stage on which answers are recorded: once for each vendor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from connectors.sandbox import SERVERS
from tests.contract.acts import Stage, stage
from tests.contract.loopback import Troupe, loopback
from tests.fuzz.recorded import Exchange, Looked, exchanges, looks
from tests.fuzz.recorded_crms import Called, calls


@pytest.fixture(scope="session")
def scene() -> Iterator[Stage]:
    """Any stand-in behind one loopback server."""
    with loopback() as server, stage(Troupe(server, SERVERS)) as ready:
        yield ready


@pytest.fixture(scope="session")
def answers_of(scene: Stage) -> Callable[[str], list[Exchange]]:
    """`answers_of(provider)`: every operation with its answers."""
    return cache(lambda name: exchanges(scene, name))


@pytest.fixture(scope="session")
def accounts_of(scene: Stage) -> Callable[[str], list[Looked]]:
    """`accounts_of(provider)`: what it says of its accounts."""
    return cache(lambda name: looks(scene, name))


@pytest.fixture(scope="session")
def calls_of(scene: Stage) -> Callable[[str], list[Called]]:
    """`calls_of(crm)`: every call with its answers."""
    return cache(lambda name: calls(scene, name))
