"""Whom to tell: the shapes of the `notify` section."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from syncd.config.shape import Shape
from syncd.config.urls import is_loopback_host, parse_hook_url
from syncd.config.values import Share, Text
from syncd.secret import Secret

_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,253}")


class HookUrl(str):
    """A URL given in the open. What follows its host may be as good as a password, so it is never shown."""

    __slots__ = ()

    @property
    def shown(self) -> str:
        """The URL up to its host."""
        return "/".join(self.split("/", 3)[:3]) + "/***"

    def __repr__(self) -> str:
        return self.shown


def _hook(value: object) -> Secret | HookUrl:
    if isinstance(value, str):
        return HookUrl(parse_hook_url(value))
    return Secret.of(value)


def _address(value: object) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise PydanticCustomError("address", "must be an e-mail address")
    return value


def _addresses(value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, (list, tuple)) else [value]
    if not listed:
        raise PydanticCustomError("address", "must be an e-mail address or a list of them")
    return tuple(_address(one) for one in listed)


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:-]+", value):
        raise PydanticCustomError("host", "must be a host name or an address")
    return value


Hook: TypeAlias = Annotated[
    Secret | HookUrl,
    PlainValidator(_hook),
    WithJsonSchema({"oneOf": [{"type": "string", "format": "uri"}, *Secret.schema()["oneOf"]]}),
]
Address: TypeAlias = Annotated[str, PlainValidator(_address), WithJsonSchema({"type": "string"})]
Addresses: TypeAlias = Annotated[
    tuple[str, ...],
    PlainValidator(_addresses),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1}),
]


class Tls(StrEnum):
    """How a mail server is spoken to."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"
    """Only to this machine."""


class HookFormat(StrEnum):
    """What a webhook gets."""

    PLAIN = "plain"
    SLACK = "slack"


class SmtpSettings(Shape):
    """Messages by e-mail."""

    host: Annotated[Text, AfterValidator(_host)] = Field(description="The mail server.")
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(
        587, description="587 for starttls, 465 for implicit TLS."
    )
    sender: Address = Field(alias="from", description="The address that messages come from.")
    to: Addresses = Field(description="One address, or a list of them.")
    username: Text | None = Field(None, description="The user to log in as; none without it.")
    password: Secret | None = Field(None, description="The user's password by reference.")
    tls: Tls = Field(Tls.STARTTLS, description="starttls, implicit, or none: none only to this machine.")

    @model_validator(mode="after")
    def _fits(self) -> SmtpSettings:
        if (self.username is None) != (self.password is None):
            raise PydanticCustomError("smtp", "needs username and password together, or neither")
        if self.tls is Tls.NONE and not is_loopback_host(self.host):
            raise PydanticCustomError("smtp", "may do without TLS only to this machine (loopback)")
        return self


class WebhookSettings(Shape):
    """Messages by a request."""

    url: Hook = Field(description="The URL, by reference where it holds a token, as Slack's do.")
    format: HookFormat = Field(
        HookFormat.PLAIN, description="plain: a JSON object with title, text and state. slack: for Slack."
    )


class PingSettings(Shape):
    """A dead man's switch in the protocol of Healthchecks: it tells when this service falls silent."""

    url: Hook = Field(description="The check's ping URL, by reference or in the open.")


class NotifySettings(Shape):
    """Who is told when something needs a person, and when it is over."""

    budget_share: Share = Field(
        0.8, description="From which part of a month's cap on a message tells that it nears its end."
    )
    smtp: SmtpSettings | None = Field(
        None,
        description="Messages by e-mail. tls: starttls, implicit, or none (this machine only).",
        examples=[
            {
                "host": "smtp.example.com", "port": 587, "from": "syncd@example.com", "to": ["ops@example.com"],
                "username": "syncd", "password": {"env": "SMTP_PASSWORD"}, "tls": "starttls",
            }
        ],
    )  # fmt: skip
    webhook: WebhookSettings | None = Field(
        None,
        description="Messages as requests: a JSON object with title, text and state, or slack.",
        examples=[{"url": {"env": "WEBHOOK_URL"}, "format": "slack"}],
    )
    ping: PingSettings | None = Field(
        None,
        description="A dead man's switch in the protocol of Healthchecks: start, success or failure of each "
        "cycle, so that somebody else notices when there are none.",
        examples=[{"url": {"env": "PING_URL"}}],
    )
