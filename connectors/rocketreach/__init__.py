"""RocketReach: people by profile id, profile URL, address, or name and employer; companies by domain."""

from connectors.rocketreach.connector import Connector
from connectors.rocketreach.options import ConnectorOptions

__all__ = ["Connector", "ConnectorOptions"]
