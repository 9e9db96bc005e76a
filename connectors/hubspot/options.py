"""What the configuration says about a HubSpot account."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from syncd.connector import Opt, Options, Secret


def _quoted(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        raise PydanticCustomError(
            "account_unquoted", 'a portal id is text: put it in quotes, as in account: "4242424"'
        )
    return value


class ConnectorOptions(Options):
    """Which portal, with which credential, and how much of its daily calls may be used."""

    property_names: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "email": "email",
            "work_email": "email",
            "linkedin_url": "hs_linkedin_url",
            "first_name": "firstname",
            "last_name": "lastname",
            "company_name": "company",
            "job_title": "jobtitle",
            "mobile_phone": "mobilephone",
            "direct_phone": "phone",
            "country": "country",
        }
    )

    token: Secret = Opt(
        description="Bearer token of a service key, a project app with static authentication, or a legacy "
        "private app. Scopes: crm.objects.contacts.read and crm.objects.contacts.write."
    )
    account: Annotated[str, BeforeValidator(_quoted)] = Opt(
        pattern=r"^[0-9]{1,20}$",
        description="Portal id (Hub ID) in quotes. No other portal is read or written.",
    )
    api_version: str = Opt(
        default="v3",
        pattern=r"^(v3|20[0-9]{2}-(03|09))$",
        description="v3, or a dated version such as 2026-09. HubSpot supports v3 until September 2027; from "
        "2026-09 on, the account's own rules for required properties apply to our writes too.",
    )
    daily_calls_share: float = Opt(
        default=0.5,
        gt=0.0,
        le=1.0,
        description="Part of the account's daily API calls that may be used before non-urgent work waits "
        "for the next day. All integrations of the account draw on the same calls.",
    )
