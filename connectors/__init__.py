"""The table of connectors: name → module. A module offers `Connector` and `ConnectorOptions`."""

CRMS = {
    "hubspot": "connectors.hubspot",
    "salesforce": "connectors.salesforce",
}
PROVIDERS = {
    "contactout": "connectors.contactout",
    "reverselooker": "connectors.reverselooker",
    "rocketreach": "connectors.rocketreach",
    "waterfall_io": "connectors.waterfall_io",
    "crustdata": "connectors.crustdata",
}
