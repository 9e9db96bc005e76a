"""The switches of the Salesforce sandbox, their defaults, and the refusal of values that make no sense."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.salesforce.fields import OBJECTS, PEOPLE, WRITABLE
from connectors.sandbox.salesforce.ids import long, make
from connectors.sandbox.salesforce.store import User, user_of
from connectors.sandbox.settings import BadSetting, choice, known_keys, number, record, switch, text

ORG = make("Organization", 42)
OURS, MINIMUM, IMPORTER = make("User", 1), make("User", 2), make("User", 3)
PEOPLE_USERS = tuple(make("User", 10 + n) for n in range(7))
CONSENT = ["HasOptedOutOfEmail", "DoNotCall"]
_TRACKED = [
    "LastName",
    "FirstName",
    "Email",
    "Phone",
    "MobilePhone",
    "Title",
    "LinkedIn_URL__c",
    "Do_Not_Enrich__c",
]

KNOBS: dict[str, Any] = {
    # who may call
    "apps": {
        "sandbox-client": {"secret": "sandbox-secret", "run_as": "integration"},
        "sandbox-minimum": {"secret": "sandbox-secret", "run_as": "minimum"},
    },
    "users": {
        "integration": {"id": OURS},
        "minimum": {
            "id": MINIMUM,
            "language": "es",
            "view_setup": False,
            "hidden": {"Contact": CONSENT, "Lead": CONSENT},
            "rows": 0.7,
        },
    },
    "session_s": 7200,
    "login_ends_others": False,
    "instance_moves": False,
    "logins_per_hour": 3600,
    "bare_token_errors": False,
    # the org
    "org": ORG,
    "versions": [31, 68],
    "people_as": "contacts",
    "tracked": {"Contact": _TRACKED, "Lead": [*_TRACKED, "Company"]},
    # limits
    "limits": "documented",
    "daily": 100_000,
    "daily_used": 0,
    "limits_when_full": True,
    "long_calls": 0,
    "uri_limit": 16_384,
    # queries
    "shuffle": True,
    "short_pages": False,
    "retrieve_parents": False,
    "locator_life_s": 172_800,
    "updated_limit": 600_000,
    "delete_log_s": 15 * 86_400,
    # bulk
    "bulk_wait_s": 1.0,
    "bulk_run_s": 2.0,
    "bulk_page": 50_000,
    "bulk_fails": 0,
    "bulk_refused": False,
    "bulk_jobs": 10_000,
    # writes
    "same_value": "touch",
    "if_unmodified_since": "honour",
    "validation_rules": [],
    "failing_triggers": [],
    "duplicate_rules": [],
    "locked_parents": [],
    "lock_rate": 0.0,
    "assignment_rule": None,
}


@dataclass(frozen=True, slots=True)
class App:
    """An external client app: its secret, whom client credentials run as, the key for its assertions."""

    client: str
    secret: str
    run_as: str | None
    public_key: str


def users_of(settings: Mapping[str, Any]) -> dict[str, User]:
    """Who may log in, by short name.

    Raises:
        BadSetting: the knob `users` is not understood.
    """
    return {name: user_of(name, given) for name, given in record(settings["users"], "users").items()}


def apps_of(settings: Mapping[str, Any]) -> dict[str, App]:
    """The apps by client id.

    Raises:
        BadSetting: the knob `apps` is not understood.
    """
    users = users_of(settings)
    found = {}
    for client, given in record(settings["apps"], "apps").items():
        data = record(given, "an app")
        known_keys(data, ("secret", "run_as", "public_key"), "an app")
        run_as = data.get("run_as")
        if run_as is not None:
            choice(run_as, "run_as", users)
        secret, key = text(data.get("secret", ""), "secret"), text(data.get("public_key", ""), "public_key")
        found[client] = App(client, secret, run_as, key)
    return found


def checked(settings: Mapping[str, Any]) -> None:
    """Nothing, where every knob has a value that it can have.

    Raises:
        BadSetting: one has not; the text says what it could be.
    """
    apps_of(settings)
    for name in ("session_s", "locator_life_s", "bulk_wait_s", "bulk_run_s", "delete_log_s"):
        number(settings[name], name, 0)
    for name in (
        "daily", "daily_used", "logins_per_hour", "updated_limit", "bulk_fails", "bulk_jobs", "long_calls",
    ):  # fmt: skip
        number(settings[name], name, 0, whole=True)
    number(settings["lock_rate"], "lock_rate", 0, 1)
    number(settings["uri_limit"], "uri_limit", 200, whole=True)
    number(settings["bulk_page"], "bulk_page", 1, whole=True)
    for name in (
        "login_ends_others", "instance_moves", "bare_token_errors", "limits_when_full", "shuffle",
        "short_pages", "retrieve_parents", "bulk_refused",
    ):  # fmt: skip
        switch(settings[name], name)
    choice(settings["limits"], "limits", ("documented", "off"))
    choice(settings["people_as"], "people_as", ("contacts", "leads", "both"))
    choice(settings["same_value"], "same_value", ("touch", "no_op"))
    choice(settings["if_unmodified_since"], "if_unmodified_since", ("honour", "ignore"))
    if long(text(settings["org"], "org")) != settings["org"] or not settings["org"].startswith("00D"):
        raise BadSetting("org is an 18-character id that begins with 00D")
    if (
        settings["assignment_rule"] is not None
        and long(text(settings["assignment_rule"], "assignment_rule")) is None
    ):
        raise BadSetting("assignment_rule is the id of the user who gets the leads, or null")
    _check_versions(settings["versions"])
    _check_rules(settings)


def _check_versions(versions: object) -> None:
    if not isinstance(versions, list) or len(versions) != 2:
        raise BadSetting("versions is a pair: the oldest and the newest that are served")
    oldest, newest = (number(v, "versions", 1, 999, whole=True) for v in versions)
    if oldest > newest:
        raise BadSetting("versions is a pair: the oldest and the newest that are served")


def _check_rules(settings: Mapping[str, Any]) -> None:
    for kind, names in record(settings["tracked"], "tracked").items():
        choice(kind, "tracked", PEOPLE)
        known_keys(dict.fromkeys(names), {f.name for f in OBJECTS[kind]}, f"{kind}, to track,")
    for name in ("validation_rules", "failing_triggers"):
        for rule in _list(settings[name], name):
            known_keys(rule, ("object", "when", "message", "field"), name)
            when = record(rule.get("when"), f"when of {name}")
            kind = choice(rule.get("object", "Contact"), "object", WRITABLE)
            known_keys(when, {f.name for f in OBJECTS[kind]}, kind)
            text(rule.get("message", ""), "message")
            text(rule.get("field", ""), "field")
    for rule in _list(settings["duplicate_rules"], "duplicate_rules"):
        known_keys(rule, ("object", "field", "mode"), "a duplicate rule")
        kind = choice(rule.get("object", "Contact"), "object", WRITABLE)
        choice(rule.get("field", "Email"), "field", {f.name for f in OBJECTS[kind]})
        choice(rule.get("mode", "block"), "mode", ("block", "alert"))
    parents = settings["locked_parents"]
    if not isinstance(parents, list) or not all(isinstance(p, str) and re.match("001", p) for p in parents):
        raise BadSetting("locked_parents is a list of account ids")


def _list(given: object, what: str) -> list[dict[str, Any]]:
    if not isinstance(given, list):
        raise BadSetting(f"{what} is a list")
    return [record(one, f"each of {what}") for one in given]
