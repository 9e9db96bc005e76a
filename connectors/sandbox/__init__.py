"""Stand-in servers for every vendor: one process each, over one shared population of invented people.

A sandbox is written from the vendor's documents alone and never from its connector.
"""

SERVERS = {
    "hubspot": "connectors.sandbox.hubspot",
    "contactout": "connectors.sandbox.contactout",
}
