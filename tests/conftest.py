"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hubspot_portal import Portal
from tests.rehearsals import Director, stages
from tests.salesforce_org import Org
from tests.sandboxes import Starter, sandboxes


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


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Director]:
    """`stage(contacts=, vendors=, changes=, settings=, faults=, csv=, swift=)`: whole cycles over stand-ins."""
    with stages(tmp_path) as direct:
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
