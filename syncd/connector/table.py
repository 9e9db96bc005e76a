"""The lazy loader: a connector's module is imported when it is named, not before."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast


def names(role: str) -> tuple[str, ...]:
    """The connectors that exist for a role: `crm` or `provider`."""
    return tuple(sorted(_table(role)))


def load(role: str, name: str, what: str = "Connector") -> Any:
    """An attribute of a connector's module (`Connector`, `ConnectorOptions`), imported only now.

    Raises:
        KeyError: there is no such connector.
    """
    return getattr(import_module(_table(role)[name]), what)


def _table(role: str) -> Mapping[str, str]:
    return cast("Mapping[str, str]", getattr(import_module("connectors"), f"{role.upper()}S"))
