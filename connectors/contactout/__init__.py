"""ContactOut: people by profile URL, address, phone or name; companies by domain; e-mail verification."""

from connectors.contactout.connector import Connector
from connectors.contactout.options import ConnectorOptions

__all__ = ["Connector", "ConnectorOptions"]
