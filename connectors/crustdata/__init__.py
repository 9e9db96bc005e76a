"""Crustdata: people by profile URL, business e-mail or name; their contact data; companies."""

from connectors.crustdata.connector import Connector
from connectors.crustdata.options import ConnectorOptions

__all__ = ["Connector", "ConnectorOptions"]
