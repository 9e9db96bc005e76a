"""What the configuration says, as frozen values: the shapes of the file and what the core reads of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from syncd.config.document import Document
from syncd.config.notify import NotifySettings
from syncd.config.problems import At, Finding, Problem, Severity
from syncd.config.shape import Shape, key_of
from syncd.config.syncs import SyncSettings
from syncd.config.urls import BaseUrl, DatabaseUrl, is_loopback, sqlite_file
from syncd.config.values import Amount, Duration, Frozen, ListenText, RateText, Raw, at_least
from syncd.connector import USUAL, Limit, Options
from syncd.model import SyncPolicy
from syncd.secret import Secret

RAISED = 64
"""Requests under way at once in a bucket of a sandbox that is given a higher rate than the vendor's own."""


class Mode(StrEnum):
    """What syncd may do."""

    PLAN = "plan"
    """Reads only; spends nothing, writes nothing."""
    LIVE = "live"


class OnDrift(StrEnum):
    """What to do when credits are gone at the vendor that our books do not know."""

    NOTE = "note"
    """It is shown, logged and counted."""
    PAUSE = "pause"
    """Nothing more is bought there until a person has looked."""


class StateSettings(Shape):
    """Where syncd keeps what it knows."""

    url: DatabaseUrl = Field(
        "sqlite:///var/lib/syncd/syncd.db",
        description="sqlite:/// and an absolute path, sqlite: and a path beside this file, or "
        "postgresql://user@host/database for several workers.",
    )
    lease: Annotated[Duration, AfterValidator(at_least(5))] = Field(
        timedelta(seconds=60),
        description="How long a worker may be silent before others take over what it held, at least 5s.",
    )
    password: Secret | None = Field(
        None, description="The PostgreSQL password by reference; when omitted, ~/.pgpass is used."
    )

    @model_validator(mode="after")
    def _password_fits(self) -> StateSettings:
        if self.password is not None and not re.match("postgresql://[^/@]+@", self.url):
            raise PydanticCustomError(
                "database", "has a password, which needs a url postgresql://user@host/…"
            )
        return self


class HttpSettings(Shape):
    """Metrics, health and callbacks."""

    listen: ListenText = Field(
        default="127.0.0.1:8642",
        validate_default=True,
        description="HOST:PORT for metrics, health and callbacks; port 0 lets the system choose.",
    )
    public_url: BaseUrl | None = Field(
        None, description="Under which URL vendors reach this service; without it, no callback is asked for."
    )


class LogSettings(Shape):
    """What the log says and how."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged."
    )
    format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, else JSON lines."
    )


class ConnectorShape(Shape):
    """The keys that every CRM and provider has beside its own options."""

    type: str = Field(description="The connector's name.")
    base_url: BaseUrl | None = Field(
        None, description="Another server, such as a sandbox; plain http only to this machine."
    )
    limits: Frozen[str, RateText] = Field(
        {},
        description="Request rates per bucket, such as 600/min, 5/s or 100/10s. They may only lower the "
        "vendor's own; `default` lowers every bucket that is not named.",
    )

    @property
    def sandboxed(self) -> bool:
        """Whether its base URL leads to this machine."""
        return self.base_url is not None and is_loopback(self.base_url)

    def lowered(self, vendor: Iterable[Limit]) -> tuple[Limit, ...]:
        """The vendor's limits with the configured ones in force; a sandbox may be given higher ones."""
        return tuple(self._lower(limit) for limit in vendor)

    def _lower(self, limit: Limit) -> Limit:
        rate = self.limits.get(limit.bucket) or self.limits.get("default")
        if rate is None or (rate.exceeds(limit) and not self.sandboxed):
            return limit
        # Who takes few at once goes on doing so, however often it may be asked.
        raised = rate.exceeds(limit) and limit.concurrency >= USUAL
        return Limit(limit.bucket, rate.count, rate.per_s, RAISED if raised else limit.concurrency)


class Budget(Shape):
    """How much of one credit kind may be spent. Caps that are absent do not hold."""

    per_run: Amount | None = Field(None, description="The most that one run may spend.")
    per_day: Amount | None = Field(None, description="The most that one day (UTC) may spend.")
    per_month: Amount | None = Field(None, description="The most that one calendar month (UTC) may spend.")
    floor: Amount | None = Field(None, description="What must remain of the vendor's own balance.")

    @model_validator(mode="after")
    def _has_cap(self) -> Budget:
        if self.per_run is None and self.per_day is None and self.per_month is None:
            raise PydanticCustomError("budget", "needs at least one of per_run, per_day and per_month")
        return self


class ReconcileShape(Shape):
    """How the vendor's own figures are compared with our books."""

    tolerance: Amount = Field(
        Decimal(0), description="How many credits may be gone at the vendor that our books do not know."
    )
    on_drift: OnDrift = Field(
        OnDrift.NOTE,
        description="Beyond that, note: it is shown and counted; or pause: nothing more is bought there until "
        "`syncd budget reconcile` or `syncd resume`.",
    )
    settle_after: Annotated[Duration, AfterValidator(at_least(60))] = Field(
        timedelta(minutes=15),
        description="How long nothing must have been bought before the vendor's figures settle lost answers; "
        "longer than the vendor takes to count, at least 60s.",
    )


class ProviderShape(ConnectorShape):
    """The keys that every provider has beside its own options."""

    budgets: Frozen[str, Budget] = Field(
        {}, description="How much may be spent, per credit kind; a kind without a budget is not spent at all."
    )
    keep_found: Annotated[Duration, AfterValidator(at_least(3600))] = Field(
        timedelta(days=90), description="How long a found answer is used again instead of asking anew."
    )
    keep_not_found: Annotated[Duration, AfterValidator(at_least(3600))] = Field(
        timedelta(days=30), description="How long an answer of not found is believed."
    )
    reconcile: ReconcileShape = Field(
        ReconcileShape(), description="How the vendor's own figures are compared with our books."
    )
    prices: Frozen[str, Amount] = Field(
        {},
        description="What one credit of a kind is worth, to compare providers; 1 where omitted.",
    )


class CrmSettings(ConnectorShape):
    """One CRM of the file, under its name. `options` are the connector's own."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    name: str
    options: Options


class ProviderSettings(ProviderShape):
    """One provider account of the file, under its name. `options` are the connector's own."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    name: str
    options: Options

    def price(self, kind: str) -> Decimal:
        """What one credit of the kind is worth, to compare providers."""
        return self.prices.get(kind, Decimal(1))


def _version(value: object) -> int:
    if value != 1 or isinstance(value, bool):
        raise PydanticCustomError("version", "must be 1; a file of a later version needs a later syncd")
    return 1


class FileShape(Shape):
    """The whole file; its three sections are read entry by entry."""

    version: Annotated[int, PlainValidator(_version), WithJsonSchema({"const": 1})] = Field(
        description="The version of this file's format: 1."
    )
    mode: Mode = Field(Mode.PLAN, description="plan: reads only, spends nothing, writes nothing. live: does.")
    state: StateSettings = Field(StateSettings(), description="Where syncd keeps what it knows.")
    http: HttpSettings = Field(HttpSettings(), description="Metrics, health and callbacks.")
    log: LogSettings = Field(LogSettings(), description="What the log says and how.")
    notify: NotifySettings = Field(
        NotifySettings(), description="Who is told when something needs a person, and when it is over."
    )
    crms: Mapping[str, Raw] = Field(min_length=1, description="The CRM accounts, by names of your choice.")
    providers: Mapping[str, Raw] = Field(min_length=1, description="The data providers, by name.")
    syncs: Mapping[str, Raw] = Field(
        min_length=1, description="What is kept enriched, by names of your choice."
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration without errors. `warnings` are those of the file alone, in its order."""

    source: Path
    mode: Mode
    state: StateSettings
    http: HttpSettings
    log: LogSettings
    notify: NotifySettings
    crms: Mapping[str, CrmSettings]
    providers: Mapping[str, ProviderSettings]
    syncs: Mapping[str, SyncSettings]
    document: Document = field(repr=False, compare=False)
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    def policy(self, sync: str) -> SyncPolicy:
        """A sync as the stages read it."""
        return self.syncs[sync].policy(self.providers)

    @property
    def sandboxed(self) -> bool:
        """Whether every vendor is a stand-in on this machine."""
        return all(c.sandboxed for c in (*self.crms.values(), *self.providers.values()))

    @property
    def database_file(self) -> Path | None:
        """The absolute path of a SQLite state, or None for PostgreSQL."""
        return sqlite_file(self.state.url, self.source.parent)

    def database_url(self) -> str:
        """The state's URL for SQLAlchemy. It may hold the password: never log it.

        Raises:
            SecretMissing: the password's reference points to nothing.
        """
        if self.database_file is not None:
            return f"sqlite:///{self.database_file}"
        if self.state.password is None:
            return self.state.url
        parts = urlsplit(self.state.url)
        user, at, host = parts.netloc.rpartition("@")
        password = quote(self.state.password.reveal(), safe="")
        return parts._replace(netloc=f"{user}:{password}{at}{host}").geturl()

    def secrets(self) -> Iterator[tuple[At, Secret]]:
        """Every reference to a credential, with its place in the file."""
        yield from secrets_of(self.state, ("state",))
        yield from secrets_of(self.notify, ("notify",))
        for section, entries in (("crms", self.crms), ("providers", self.providers)):
            for name, entry in entries.items():
                yield from secrets_of(entry.options, (section, name))

    def problem(
        self, code: str, message: str, *at: str | int, hint: str = "", severity: Severity = Severity.ERROR
    ) -> Problem:
        """A problem found later, such as by asking a vendor, at its place in the file."""
        return self.document.problem(Finding(code, message, at, hint, severity))


def secrets_of(value: object, at: At) -> Iterator[tuple[At, Secret]]:
    """Every reference below a value, with its place."""
    if isinstance(value, Secret):
        yield at, value
    elif isinstance(value, (Shape, Options)):
        for name in type(value).model_fields:
            yield from secrets_of(getattr(value, name), (*at, key_of(type(value), name)))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from secrets_of(item, (*at, str(key)))
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from secrets_of(item, (*at, number))
