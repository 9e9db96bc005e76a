"""The table of connectors: name → module. A module offers `Connector` and `ConnectorOptions`."""

CRMS = {
    "hubspot": "connectors.hubspot",
}
PROVIDERS = {
    "contactout": "connectors.contactout",
    "rocketreach": "connectors.rocketreach",
    "waterfall_io": "connectors.waterfall_io",
}
