"""The stage of the contract suites: one server and one store for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox import SERVERS
from tests.contract.acts import Stage, stage
from tests.contract.loopback import Troupe, loopback


@pytest.fixture(scope="session")
def scene() -> Iterator[Stage]:
    """Where rows are played: any stand-in behind one loopback server."""
    with loopback() as server, stage(Troupe(server, SERVERS)) as ready:
        yield ready
