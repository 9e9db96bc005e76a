"""One request that was let in, and everything that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.rocketreach.asking import Fields, Json
from connectors.sandbox.rocketreach.directory import Directory
from connectors.sandbox.rocketreach.knobs import Knobs
from connectors.sandbox.rocketreach.lookups import Lookups
from connectors.sandbox.rocketreach.profiles import Profiles
from connectors.sandbox.rocketreach.till import Till
from connectors.sandbox.rocketreach.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of the server that operations use."""

    directory: Directory
    profiles: Profiles
    till: Till
    lookups: Lookups
    webhooks: Webhooks


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `at` are seconds since the epoch; `request_id` is blank where the answer has none."""

    desk: Desk
    options: Knobs
    universal: bool
    at: float
    request_id: str
    query: Fields
    ids: tuple[str, ...]
    body: Json
    charge: Mapping[str, Any]
    """Operation, time and credential of a debit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation says; None for an answer without a body."""

    data: object
    status: int = 200
