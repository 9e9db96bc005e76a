"""The shape of one sync, and its policy as the stages read it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetPydanticSchema,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError, core_schema

from syncd import model
from syncd.config.cron import CronText
from syncd.config.shape import Shape
from syncd.config.values import Duration, Flag, Frozen, Share, Since, Text, at_least
from syncd.model import (
    Brakes,
    Clause,
    FieldPolicy,
    JobChange,
    Level,
    Quality,
    SyncPolicy,
    WriteMode,
)

CHEAPEST = "cheapest"
_NOT_ACCEPTED = frozenset({Quality.INVALID, Quality.RISKY})


class MatchKey(StrEnum):
    """What a CRM property can tell about whom the contact means."""

    EMAIL = "email"
    LINKEDIN_URL = "linkedin_url"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    FULL_NAME = "full_name"
    COMPANY_NAME = "company_name"
    COMPANY_DOMAIN = "company_domain"
    PHONE = "phone"
    JOB_TITLE = "job_title"
    COUNTRY = "country"
    LOCATION = "location"


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise PydanticCustomError("scalar", "must be a single value: text, a number, true or false")


ScalarText: TypeAlias = Annotated[
    str, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
Property: TypeAlias = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\s\x00-\x1f]+$")]
_OPERATORS = ("in", "not_in", "equals", "not_equals", "present", "absent")


class Condition(Shape):
    """One condition on a property: `{property: NAME, OPERATOR: VALUE}`."""

    property: Property = Field(description="The CRM property that is looked at.")
    in_: tuple[ScalarText, ...] | None = Field(
        None, alias="in", min_length=1, description="Holds where the value is one of these."
    )
    not_in: tuple[ScalarText, ...] | None = Field(
        None, min_length=1, description="Holds where the value is none of these, or blank."
    )
    equals: ScalarText | None = Field(None, description="Holds where the value is this one.")
    not_equals: ScalarText | None = Field(None, description="Holds where the value is another, or blank.")
    present: Flag | None = Field(None, description="true: holds where there is a value; false: where not.")
    absent: Flag | None = Field(None, description="true: holds where there is no value; false: where one is.")

    @model_validator(mode="after")
    def _one_operator(self) -> Condition:
        if len(self.model_fields_set & {"in_", *_OPERATORS}) != 1 or self._operator() is None:
            raise PydanticCustomError("condition", "needs exactly one of " + ", ".join(_OPERATORS))
        return self

    def _operator(self) -> tuple[str, tuple[str, ...]] | None:
        for name, many in (("in", self.in_), ("not_in", self.not_in)):
            if many is not None:
                return name, many
        for name, one in (("equals", self.equals), ("not_equals", self.not_equals)):
            if one is not None:
                return name, (one,)
        for flag, negated in ((self.present, False), (self.absent, True)):
            if flag is not None:
                return ("absent" if flag is negated else "present"), ()
        return None

    def clause(self) -> Clause:
        """The condition as the stages read it."""
        name, values = self._operator() or ("present", ())
        return Clause(self.property, name, values)


ConditionClause: TypeAlias = Annotated[
    Clause,
    GetPydanticSchema(
        lambda _source, handler: core_schema.no_info_after_validator_function(
            Condition.clause, handler(Condition)
        )
    ),
]


def _accepted(value: Quality) -> Quality:
    if value is Quality.INVALID:
        raise PydanticCustomError("accept", "cannot be invalid: such values are never written")
    return value


class FieldRule(Shape):
    """Where one field is written, when, and from whom it may come."""

    to: Property = Field(description="The CRM property that it is written to.")
    write: WriteMode = Field(
        WriteMode.FILL,
        description="fill: only where blank. refresh: also over a value we wrote and nobody changed. "
        "overwrite: over any value whose last author is not a person. propose: kept for approval.",
    )
    accept: Annotated[Quality, AfterValidator(_accepted)] | None = Field(
        None,
        description="The least quality that is written: verified, likely, unverified, unknown or risky. "
        "When omitted, anything but invalid and risky.",
    )
    sources: tuple[Text, ...] | None = Field(
        None,
        alias="from",
        min_length=1,
        description="The providers of the waterfall that may be asked for it; when omitted, all.",
    )
    stale_after: Annotated[Duration, AfterValidator(at_least(3600))] | None = Field(
        None, description="After how long a value that we wrote is looked up again; when omitted, never."
    )
    group: str = Field(
        "", max_length=64, description="Fields with the same group are written together or not at all."
    )
    protect_humans: Flag = Field(
        True, description="false lets a person's value be overwritten where `write` would allow it."
    )

    def accepts(self, quality: Quality) -> bool:
        """Whether a value of this quality may be written."""
        if self.accept is None:
            return quality not in _NOT_ACCEPTED
        return quality is not Quality.INVALID and quality.satisfies(self.accept)


class Suppress(Shape):
    """Whom never to look up."""

    file: Path = Field(
        description="A text file with one e-mail address, domain or profile URL per line: never looked up."
    )


class BrakesShape(Shape):
    """Limits on the damage that one run can do before a person looks."""

    changed_share: Share = Field(
        0.3, description="The largest share of a field's present values that one run may change."
    )
    same_value: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = Field(
        5, description="How many contacts may be given the same e-mail address or phone number in one run."
    )
    canary: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] = Field(
        25, description="How many contacts a new or changed sync writes before it is judged; 0 for none."
    )
    hit_rate: Share = Field(
        0.7,
        description="The largest part of a provider's usual hits, or of its usual misses, that may be gone from "
        "its latest answers; 1 for no such brake. It stops what that provider charges for.",
    )
    empty_crm: Share = Field(
        0.5,
        description="The largest share of the known contacts that may be gone from the CRM, or outside the "
        "sync's conditions, at once; 1 for no such brake.",
    )


def _waterfall(value: object) -> tuple[str, ...]:
    if value == CHEAPEST:
        return (CHEAPEST,)
    if isinstance(value, (list, tuple)) and value and all(isinstance(name, str) and name for name in value):
        return tuple(value)
    raise PydanticCustomError("waterfall", "must be a list of provider names, or the word cheapest")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError(
            "timezone", "is not a time zone such as Europe/Berlin or America/New_York"
        ) from None
    return value


class SyncShape(Shape):
    """What is pulled from where, what is looked up, and what is written back."""

    crm: Text = Field(description="The name of an entry under `crms`.")
    object: Text = Field("contact", description="The CRM's object: contact, or for Salesforce also lead.")
    every: Annotated[Duration, AfterValidator(at_least(10))] | None = Field(
        None, description="How often it runs, at least 10s. Either this or `cron`."
    )
    cron: CronText | None = Field(
        None, description='When it runs, as five fields such as "*/10 8-18 * * mon-fri".'
    )
    timezone: Annotated[Text, AfterValidator(_zone)] | None = Field(
        None, description="The time zone in which `cron` is read, such as Europe/Berlin; UTC when omitted."
    )
    since: Since = Field(
        "now",
        description="From when changes are pulled at the first start: now, beginning, or a time with its "
        "zone. `syncd backfill` reaches back later.",
    )
    overlap: Duration = Field(
        timedelta(minutes=10),
        description="How far each pull reaches back over the last one, because CRM indexes lag.",
    )
    where: tuple[ConditionClause, ...] = Field(
        (), description="Conditions that all must hold for a contact to be in scope."
    )
    skip: tuple[ConditionClause, ...] = Field(
        (), description="Conditions on the fresh record: where any holds, no provider is asked."
    )
    suppress: Suppress | None = Field(None, description="A list of people and companies never looked up.")
    match: Frozen[MatchKey, Property] = Field(
        description="Which CRM property holds what a contact is looked up by."
    )
    waterfall: Annotated[
        tuple[str, ...],
        PlainValidator(_waterfall),
        WithJsonSchema(
            {"anyOf": [{"const": CHEAPEST}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
        ),
    ] = Field(description="Providers in the order in which they are asked, or the word cheapest.")
    fields: Frozen[model.Field, FieldRule] = Field(
        min_length=1, description="What is looked up, and the property that each field is written to."
    )
    min_identity: Literal[Level.STRONG, Level.POSSIBLE] = Field(
        Level.STRONG, description="How sure it must be that an answer speaks of the contact."
    )
    brakes: BrakesShape = Field(BrakesShape(), description="When a run stops and waits for a person.")
    job_change: JobChange = Field(
        JobChange.FLAG,
        description="What to do when the person works elsewhere now: flag it, update the fields, or skip.",
    )

    @model_validator(mode="after")
    def _one_schedule(self) -> SyncShape:
        if (self.every is None) == (self.cron is None):
            raise PydanticCustomError("schedule", "needs exactly one of every and cron")
        return self


class SyncSettings(SyncShape):
    """One sync of the file, under its name."""

    name: str

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which `cron` is read."""
        return ZoneInfo(self.timezone or "UTC")

    @property
    def cheapest(self) -> bool:
        """Whether the order of providers follows the expected cost."""
        return self.waterfall == (CHEAPEST,)

    def accounts(self, providers: Iterable[str]) -> tuple[str, ...]:
        """The providers that may be asked, in order, out of all that are configured."""
        return tuple(providers) if self.cheapest else self.waterfall

    def policy(self, providers: Iterable[str]) -> SyncPolicy:
        """The sync as the stages read it."""
        accounts = self.accounts(providers)
        return SyncPolicy(
            name=self.name,
            crm=self.crm,
            object=self.object,
            match=MappingProxyType({key.value: name for key, name in self.match.items()}),
            fields=tuple(self._field(field, rule, accounts) for field, rule in self.fields.items()),
            where=self.where,
            skip=self.skip,
            accounts=accounts,
            cheapest=self.cheapest,
            min_identity=self.min_identity,
            job_change=self.job_change,
            brakes=Brakes(**self.brakes.model_dump()),
        )

    def _field(self, field: model.Field, rule: FieldRule, accounts: tuple[str, ...]) -> FieldPolicy:
        chosen = accounts if rule.sources is None else tuple(a for a in accounts if a in rule.sources)
        return FieldPolicy(
            field=field,
            to=rule.to,
            write=rule.write,
            accept=rule.accept,
            accounts=chosen,
            stale_after_s=rule.stale_after.total_seconds() if rule.stale_after else None,
            group=rule.group,
            protect_humans=rule.protect_humans,
        )
