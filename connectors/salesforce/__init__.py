"""Salesforce as the CRM. Importing this package imports the options only; the vendor's client comes with `Connector`."""

from typing import TYPE_CHECKING

from connectors.salesforce.options import ConnectorOptions

if TYPE_CHECKING:
    from connectors.salesforce.connector import Connector

__all__ = ["Connector", "ConnectorOptions"]


def __getattr__(name: str) -> object:
    if name == "Connector":
        from connectors.salesforce.connector import Connector

        return Connector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
