"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from syncd.store.engine import Store
from tests.hubspot_portal import Portal
from tests.sandboxes import Starter, sandboxes
from tests.stores import KINDS, Backend, Backends


@pytest.fixture(scope="module")
def start_sandbox() -> Iterator[Starter]:
    """`start_sandbox(vendor, contacts=, csv=, settings=, faults=, seed=)`; its servers end with the module."""
    with sandboxes() as start:
        yield start


@pytest.fixture
def hubspot_portal() -> Iterator[Callable[..., Portal]]:
    """`hubspot_portal(contacts=, seed=, **knobs)`: HubSpot's sandbox in memory, its clock standing still."""
    opened: list[Portal] = []

    def open_portal(*args: object, **settings: object) -> Portal:
        opened.append(Portal(*args, **settings))  # type: ignore[arg-type]  # knobs of any type
        return opened[-1]

    yield open_portal
    for portal in opened:
        portal.close()


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    """Where states come from. The PostgreSQL server starts with the first test that needs it."""
    made = Backends(tmp_path_factory.mktemp("states"))
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, backends: Backends) -> Iterator[Backend]:
    """An empty state on SQLite, then on PostgreSQL: further workers by `open()`, time by `clock.advance()`."""
    yield from backends.make(request.param)


@pytest.fixture
def store(backend: Backend) -> Store:
    """An empty state's store, on SQLite and on PostgreSQL."""
    return backend.store
