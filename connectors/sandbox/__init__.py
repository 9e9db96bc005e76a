"""Stand-in servers for every vendor: one process each, over one shared population of invented people.

A sandbox is written from the vendor's documents alone and never from its connector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SERVERS = {
    "hubspot": "connectors.sandbox.hubspot",
    "contactout": "connectors.sandbox.contactout",
    "rocketreach": "connectors.sandbox.rocketreach",
    "salesforce": "connectors.sandbox.salesforce",
    "waterfall_io": "connectors.sandbox.waterfall_io",
    "reverselooker": "connectors.sandbox.reverselooker",
    "crustdata": "connectors.sandbox.crustdata",
}


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a configuration names a stand-in: the options that it needs beside its base URL.

    `secrets` maps an option to the credential that the stand-in accepts; `swift` are knobs that switch its
    request limits off, and `rates` the limits that syncd may then be given.
    """

    role: str
    secrets: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    swift: Mapping[str, Any] = field(default_factory=dict)
    rates: Mapping[str, str] = field(default_factory=dict)
    credits: tuple[str, ...] = ()


REHEARSALS = {
    "hubspot": Rehearsal(
        "crm",
        {"token": "sandbox-hubspot-key"},
        {"account": "4242424"},
        {"limits": "off"},
        {"default": "10000/s", "search": "10000/s"},
    ),
    "salesforce": Rehearsal(
        "crm",
        {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
        {"account": "00DSb000000000gMAA", "api_version": "67.0"},
        {"limits": "off", "logins_per_hour": 0, "bulk_wait_s": 0, "bulk_run_s": 0},
        {"default": "10000/s", "login": "10000/s", "bulk": "10000/s"},
    ),
    "contactout": Rehearsal(
        "provider",
        {"token": "sandbox-contactout-key"},
        {},
        {"limits": "off"},
        {"default": "10000/s", "search": "10000/s", "checker": "10000/s"},
        ("email", "phone", "search", "verifier"),
    ),
    "rocketreach": Rehearsal(
        "provider",
        {"token": "sandbox-rocketreach-key"},
        {},
        {"limits": "off"},
        {"default": "10000/s"},
        ("lookup",),
    ),
    "waterfall_io": Rehearsal(
        "provider",
        {"token": "sandbox-waterfall_io-key"},
        {},
        {"limits": "off"},
        {"default": "10000/s"},
        ("usd",),
    ),
    "reverselooker": Rehearsal(
        "provider",
        {"token": "rl_live_sandbox-reverselooker-key"},
        {},
        {"limits": "off"},
        {"default": "10000/s"},
        ("credit",),
    ),
    "crustdata": Rehearsal(
        "provider",
        {"token": "sandbox-crustdata-key"},
        {},
        {"limits": "off", "active_jobs": 1000},
        {"default": "10000/s"},
        ("credit",),
    ),
}
