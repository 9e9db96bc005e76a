"""The table of connectors: name → module. A module offers `Connector` and `ConnectorOptions`."""

CRMS = {
    "hubspot": "connectors.hubspot",
}
PROVIDERS = {
    "contactout": "connectors.contactout",
    "crustdata": "connectors.crustdata",
}
