"""What the connectors declare, as far as the configuration needs it. Imported only when named."""

from __future__ import annotations

from typing import cast

from syncd.connector import Crm, Options, Provider, load, names

CRM = "crm"
PROVIDER = "provider"
SECTIONS = {"crms": CRM, "providers": PROVIDER}


class ConnectorBroken(Exception):
    """A connector is listed but cannot be loaded."""


def types(role: str) -> tuple[str, ...]:
    """The connectors that exist for a role."""
    return names(role)


def options_type(role: str, name: str) -> type[Options]:
    """The connector's own options.

    Raises:
        ConnectorBroken: its module does not offer them.
    """
    try:
        return cast("type[Options]", load(role, name, "ConnectorOptions"))
    except (ImportError, AttributeError) as error:
        raise ConnectorBroken(type(error).__name__) from error


def provider_type(name: str) -> type[Provider]:
    """What a provider connector declares: credits, limits, operations.

    Raises:
        ConnectorBroken: its module does not offer them.
    """
    try:
        return cast("type[Provider]", load(PROVIDER, name))
    except (ImportError, AttributeError) as error:
        raise ConnectorBroken(type(error).__name__) from error


def crm_type(name: str) -> type[Crm]:
    """What a CRM connector declares: objects, limits. Importing it loads the vendor's package.

    Raises:
        ConnectorBroken: its module does not offer them.
    """
    try:
        return cast("type[Crm]", load(CRM, name))
    except (ImportError, AttributeError) as error:
        raise ConnectorBroken(type(error).__name__) from error
