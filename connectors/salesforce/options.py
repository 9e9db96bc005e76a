"""What the configuration says about a Salesforce org."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from connectors.salesforce.ids import typed_id
from syncd.connector import Opt, Options, Secret


def _org(written: str) -> str:
    found = typed_id(written)
    if not found.startswith("00D"):
        raise PydanticCustomError("org_id", "must be an org id: 15 or 18 characters that begin with 00D")
    return found


def _user(written: str) -> str:
    found = typed_id(written)
    if not found.startswith("005"):
        raise PydanticCustomError("user_id", "must be a user id: 15 or 18 characters that begin with 005")
    return found


class ConnectorOptions(Options):
    """Which org, by which login, and how much of its daily calls may be used."""

    property_names: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "email": "Email",
            "work_email": "Email",
            "first_name": "FirstName",
            "last_name": "LastName",
            "company_name": "Account.Name",
            "company_domain": "Account.Website",
            "job_title": "Title",
            "mobile_phone": "MobilePhone",
            "direct_phone": "Phone",
            "country": "MailingCountry",
        }
    )
    shown: ClassVar[frozenset[str]] = frozenset({"client_secret"})

    base_url: str = Opt(
        pattern=r"^https?://[^/]+/?$",
        description="The org's My Domain, as Setup shows it under My Domain; login.salesforce.com does not do.",
        examples=["https://example.my.salesforce.com"],
    )
    client_id: Secret = Opt(
        description="Consumer key of an external client app with the OAuth scopes api and id (openid)."
    )
    client_secret: Secret | None = Opt(
        default=None,
        description="Consumer secret, for the client credentials flow: enable it in the app and name a run-as "
        "user there, best one of the Salesforce Integration licence.",
    )
    username: str | None = Opt(
        default=None,
        min_length=1,
        max_length=255,
        description="Instead of client_secret: the user of the JWT bearer flow, approved for the app beforehand.",
    )
    private_key: Secret | None = Opt(
        default=None,
        description="RSA key in PEM form without a passphrase; the app holds its certificate. Read at each login.",
    )
    account: Annotated[str, AfterValidator(_org)] = Opt(
        description="Org id, of 15 or 18 characters. No other org is read or written.",
        examples=["00D5g000004XyZaEAK"],
    )
    api_version: str = Opt(
        default="67.0",
        pattern=r"^[3-9][0-9]\.0$",
        description="API version, in quotes. Versions up to 40.0 are retired with Summer '28.",
    )
    consent_fields: Literal["required", "unavailable_ok"] = Opt(
        default="required",
        description="HasOptedOutOfEmail and DoNotCall are hidden from users by default. required: nothing runs "
        "until our user may see them. unavailable_ok: go on without knowing who has opted out.",
    )
    integration_users: tuple[Annotated[str, AfterValidator(_user)], ...] = Opt(
        default=(),
        description="Ids of users that are programs: their edits are not protected as those of people are. "
        "Our own user need not be named.",
    )
    daily_calls_share: float = Opt(
        default=0.8,
        gt=0.0,
        le=1.0,
        description="Part of the org's API calls in 24 hours that may be used, by anybody, before non-urgent work "
        "waits. All integrations of the org draw on the same calls.",
    )
    strict: bool = Opt(
        default=False,
        description="Write each record on the condition that it has not changed since it was compared: 25 "
        "records to a call instead of 200. Holds where the org honours If-Unmodified-Since.",
    )
    ca_file: Path | None = Opt(
        default=None, description="Certificates to trust instead of the usual ones, in PEM form."
    )
    proxy: str | None = Opt(
        default=None,
        pattern=r"^https?://[^/@\s]+:[0-9]{1,5}/?$",
        description="Proxy to connect through, as in http://proxy.example:3128; the environment is not asked.",
    )

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        by_key = self.username is not None and self.private_key is not None
        half = (self.username is None) != (self.private_key is None)
        if half or by_key == (self.client_secret is not None):
            raise PydanticCustomError(
                "login", "needs either client_secret, or username together with private_key"
            )
        return self
