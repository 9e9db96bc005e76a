"""The table of connectors: name → module. A module offers `Connector` and `ConnectorOptions`."""

CRMS = {
    "hubspot": "connectors.hubspot",
    "salesforce": "connectors.salesforce",
}
PROVIDERS = {
    "contactout": "connectors.contactout",
    "rocketreach": "connectors.rocketreach",
}
