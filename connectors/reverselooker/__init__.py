"""ReverseLooker: the LinkedIn profile behind an e-mail address. Charged at launch, found or not."""

from connectors.reverselooker.connector import Connector
from connectors.reverselooker.options import ConnectorOptions

__all__ = ["Connector", "ConnectorOptions"]
