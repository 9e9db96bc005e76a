"""The switches of the HubSpot sandbox, their defaults, and the refusal of values that make no sense."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.hubspot.moments import instant
from connectors.sandbox.settings import BadSetting, choice, known_keys, number, record, switch, text

READ = "crm.objects.contacts.read"
WRITE = "crm.objects.contacts.write"
SCHEMA_READ = "crm.schemas.contacts.read"
SCHEMA_WRITE = "crm.schemas.contacts.write"
SCOPES = ("oauth", READ, WRITE, SCHEMA_READ, SCHEMA_WRITE)

DOCUMENTED: dict[str, float | None] = {
    "ten_secondly": 190,
    "search_secondly": 5,
    "daily": 625_000,
    "token_ten_secondly": 50,
}
BACKGROUND = {"search_per_s": 0.0, "daily_used": 0.0, "daily_per_s": 0.0}

KNOBS: dict[str, Any] = {
    # who may call
    "tokens": {"sandbox-hubspot-key": "all"},
    "oauth": {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh",
        "expires_in": 1800,
        "rotate": False,
    },
    "app_id": "91234",
    # the portal
    "portal": 4242424,
    "time_zone": "US/Eastern",
    "account_type": "SANDBOX",
    "dated_versions": ["2026-03", "2026-09"],
    "write_rules": [],
    # limits
    "limits": "documented",
    "background": {},
    "retry_after": False,
    "search_429": "recorded",
    "search_headers": "daily",
    "url_limit": 16_000,
    # the search index
    "lag_s": 0.0,
    "lag_tail": 0.0,
    "lag_tail_s": 60.0,
    "disorder": 0.0,
    "fresh_zone_s": 30.0,
    "finer_stamps": False,
    # uncertain behaviour, both ways
    "same_value": "no_op",
    "trace_ids": "honoured",
    "dated_batch_status": 200,
    "empty_207": False,
    "shuffle": True,
    "lifecycle_backwards": "reject",
    "errors_shown": 3,
    "history_depth": None,
    "deaf": [],
}


@dataclass(frozen=True, slots=True)
class Token:
    """What a bearer token may do. `scopes` None means everything; `app` is the sourceId of its writes."""

    scopes: frozenset[str] | None
    app: str
    user: int | None = None
    expires_ms: int | None = None
    revoked: bool = False
    oauth: bool = False

    def may(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes


def tokens_of(settings: Mapping[str, Any]) -> dict[str, Token]:
    """The accepted tokens by their text.

    Raises:
        BadSetting: the knob `tokens` is not understood.
    """
    given = record(settings["tokens"], "tokens")
    return {name: _token(name, value, str(settings["app_id"])) for name, value in given.items()}


def _token(name: str, value: object, app: str) -> Token:
    if value == "all":
        return Token(None, app)
    if isinstance(value, list):
        return Token(_scopes(value), app)
    what = "a token"
    data = record(value, f'{what} is "all", a list of scopes or an object;')
    known_keys(data, ("scopes", "app_id", "user", "expires_at", "revoked", "oauth"), what)
    scopes = data.get("scopes", "all")
    expires = data.get("expires_at")
    user = data.get("user")
    return Token(
        None if scopes == "all" else _scopes(scopes),
        str(data.get("app_id", app)),
        None if user is None else int(number(user, "user", 1, whole=True)),
        None if expires is None else _expiry(expires),
        switch(data.get("revoked", False), "revoked"),
        switch(data.get("oauth", False), "oauth"),
    )


def _scopes(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        raise BadSetting('scopes are "all" or a list of names')
    return frozenset(text(scope, "a scope") for scope in value)


def _expiry(value: object) -> int:
    """Milliseconds: given as seconds since the epoch, or as ISO text."""
    if isinstance(value, str):
        at = instant(value) if not value.isdecimal() else None
        if at is None:
            raise BadSetting("expires_at is an ISO time or seconds since the epoch")
        return at
    return int(number(value, "expires_at") * 1000)


def limits_of(settings: Mapping[str, Any]) -> dict[str, float | None]:
    """The limits in force by name; None where there is none."""
    given = settings["limits"]
    if given == "documented":
        return DOCUMENTED
    if given == "off":
        return dict.fromkeys(DOCUMENTED)
    data = record(given, 'limits are "documented", "off" or an object;')
    known_keys(data, DOCUMENTED, "limits")
    own = {k: None if v is None else number(v, k, 0) for k, v in data.items()}
    return {**DOCUMENTED, **own}


def checked(settings: Mapping[str, Any]) -> None:
    """Nothing, where every knob has a value that it can have.

    Raises:
        BadSetting: one has not; the text says what it could be.
    """
    tokens_of(settings)
    limits_of(settings)
    background = record(settings["background"], "background")
    known_keys(background, BACKGROUND, "background")
    for name, value in background.items():
        number(value, name, 0)
    known_keys(record(settings["oauth"], "oauth"), KNOBS["oauth"], "oauth")
    for name in ("lag_s", "lag_tail_s", "fresh_zone_s"):
        number(settings[name], name, 0)
    for name in ("lag_tail", "disorder"):
        number(settings[name], name, 0, 1)
    for name in ("retry_after", "empty_207", "shuffle", "finer_stamps"):
        switch(settings[name], name)
    choice(settings["same_value"], "same_value", ("no_op", "touch", "history"))
    choice(settings["trace_ids"], "trace_ids", ("honoured", "ignored"))
    choice(settings["lifecycle_backwards"], "lifecycle_backwards", ("reject", "ignore", "allow"))
    choice(settings["search_429"], "search_429", ("recorded", "newer"))
    choice(settings["search_headers"], "search_headers", ("daily", "none"))
    choice(settings["account_type"], "account_type", ("STANDARD", "SANDBOX", "DEVELOPER_TEST"))
    if settings["dated_batch_status"] not in (200, 207):
        raise BadSetting("dated_batch_status is 200 or 207")
    number(settings["portal"], "portal", 1, whole=True)
    number(settings["url_limit"], "url_limit", 100, whole=True)
    number(settings["errors_shown"], "errors_shown", 1, whole=True)
    if settings["history_depth"] is not None:
        number(settings["history_depth"], "history_depth", 1, whole=True)
    _check_lists(settings)


def _check_lists(settings: Mapping[str, Any]) -> None:
    try:
        ZoneInfo(text(settings["time_zone"], "time_zone"))
    except (KeyError, ValueError, OSError):
        raise BadSetting("time_zone is a name such as US/Eastern or Europe/Berlin") from None
    versions, deaf, rules = (settings[n] for n in ("dated_versions", "deaf", "write_rules"))
    if not isinstance(versions, list) or not all(re.fullmatch(r"20\d\d-\d\d", str(v)) for v in versions):
        raise BadSetting("dated_versions is a list of versions such as 2026-09")
    if not isinstance(deaf, list) or not all(isinstance(name, str) for name in deaf):
        raise BadSetting("deaf is a list of property names")
    if not isinstance(rules, list):
        raise BadSetting('write_rules is a list of {"require": PROPERTY, "when": {PROPERTY: VALUE}}')
    for rule in rules:
        known_keys(record(rule, "a write rule"), ("require", "when", "on_create"), "a write rule")
        text(rule.get("require"), "require")
        record(rule.get("when", {}), "when")
        switch(rule.get("on_create", False), "on_create")
