"""Fixtures for every test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncd.store.engine import Store
from tests.hubspot_portal import Portal
from tests.rehearsals import Director, stages
from tests.salesforce_org import Org
from tests.sandboxes import Starter, sandboxes
from tests.stores import KINDS, Backend, Backends
from tests.warm import Warm


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole cycles first, dealt to the workers module by module: each begins with a part of the slow ones.

    A worker is given a part of the list in one piece, and what is left at the end is taken from it.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow: dict[Path, list[pytest.Item]] = {}
    quick: list[pytest.Item] = []
    for item in items:
        if item.path.parent.name == "flow":
            slow.setdefault(item.path, []).append(item)
        else:
            quick.append(item)
    size = -(-len(quick) // workers)
    dealt: list[pytest.Item] = []
    for number in range(workers):
        for module in list(slow)[number::workers]:
            dealt += slow[module]
        dealt += quick[number * size : (number + 1) * size]
    items[:] = dealt


@pytest.fixture(scope="module")
def start_sandbox(warm: Warm) -> Iterator[Starter]:
    """`start_sandbox(vendor, contacts=, csv=, settings=, faults=, seed=)`; its servers end with the module."""
    with sandboxes(warm) as start:
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
def warm() -> Iterator[Warm]:
    """Processes of Python modules that begin within a moment."""
    mother = Warm()
    yield mother
    mother.close()


@pytest.fixture
def stage(tmp_path: Path, warm: Warm) -> Iterator[Director]:
    """`stage(contacts=, vendors=, changes=, settings=, …)`: whole cycles over stand-ins."""
    with stages(tmp_path, warm) as direct:
        yield direct


@pytest.fixture
def salesforce_org() -> Iterator[Callable[..., Org]]:
    """`salesforce_org(contacts=, seed=, **knobs)`: Salesforce's sandbox in memory, its clock standing still."""
    opened: list[Org] = []

    def open_org(*args: object, **settings: object) -> Org:
        opened.append(Org(*args, **settings))  # type: ignore[arg-type]  # knobs of any type
        return opened[-1]

    yield open_org
    for org in opened:
        org.close()


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
