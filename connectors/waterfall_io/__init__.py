"""Waterfall.io: people by profile URL, address or name; numbers; companies; e-mail verification. Billed in USD."""

from connectors.waterfall_io.connector import Connector
from connectors.waterfall_io.options import ConnectorOptions

__all__ = ["Connector", "ConnectorOptions"]
