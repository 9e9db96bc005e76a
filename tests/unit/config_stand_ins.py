"""Connectors that exist only for the tests of the configuration, put into the table by a fixture."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import ClassVar, Literal

import pytest

import connectors
from syncd.config import ConfigInvalid, Problem, Settings, parse
from syncd.connector import Limit, On, Operation, Opt, Options, Price, Secret
from syncd.model import Field, KeyKind, Quality


class HubspotOptions(Options):
    property_names: ClassVar[Mapping[str, str]] = {
        "email": "email",
        "work_email": "email",
        "first_name": "firstname",
        "last_name": "lastname",
        "company_name": "company",
        "company_domain": "domain",
        "linkedin_url": "hs_linkedin_url",
        "job_title": "jobtitle",
        "mobile_phone": "mobilephone",
    }
    token: Secret = Opt(description="The private app's access token.")
    account: str = Opt(description="The portal id; any other account is refused.", examples=["4242424"])
    api_version: str = Opt("v3", description="v3, or a dated version.")
    daily_calls_share: float = Opt(0.5, gt=0, le=1, description="Share of the daily calls.")


class SalesforceOptions(Options):
    base_url: str = Opt(description="My Domain.", examples=["https://example.my.salesforce.com"])
    client_id: Secret = Opt(description="The consumer key.")
    client_secret: Secret | None = Opt(None, description="The consumer secret.")


class ContactoutOptions(Options):
    token: Secret = Opt(description="The API token.")
    billing: dict[str, Literal["auto", "prepaid", "postpaid"]] | Literal["auto", "prepaid", "postpaid"] = Opt(
        "auto", description="What the vendor's figures mean, per pool."
    )
    allow_overage: bool = Opt(False, description="Whether billed overage is accepted.")
    bulk: Literal["never", "backfill"] = Opt("never", description="When batches are used.")


class OtherOptions(Options):
    token: Secret = Opt(description="The API key.")
    extra: Secret | None = Opt(None, description="A second key.")


class Contactout:
    credits: ClassVar = ("email", "phone", "search", "verifier")
    limits: ClassVar = (Limit("default", 1000, 60), Limit("search", 60, 60))
    default_base_url: ClassVar = "https://api.contactout.example"
    operations: ClassVar = (
        Operation(
            "person",
            accepts=frozenset({KeyKind.EMAIL}),
            returns=dict.fromkeys(
                (Field.WORK_EMAIL, Field.JOB_TITLE, Field.COMPANY_NAME, Field.LINKEDIN_URL, Field.PHONE),
                Quality.UNKNOWN,
            ),
            prices=(Price("email", Decimal(1), On.MATCH),),
        ),
        Operation("count", returns={}),
    )


class Rocketreach:
    credits: ClassVar = ("lookup",)
    limits: ClassVar = (Limit("lookup", 5, 1),)
    default_base_url: ClassVar = "https://api.rocketreach.example/v2"
    operations: ClassVar = (
        Operation(
            "lookup",
            accepts=frozenset({KeyKind.EMAIL}),
            returns=dict.fromkeys((Field.WORK_EMAIL, Field.MOBILE_PHONE, Field.JOB_TITLE), Quality.VERIFIED),
            prices=(Price("lookup", Decimal(1), On.MATCH),),
        ),
    )


class Hubspot:
    objects: ClassVar = ("contact",)
    limits: ClassVar = (Limit("default", 100, 10), Limit("search", 5, 1))
    default_base_url: ClassVar = "https://api.hubapi.example"


class Salesforce:
    objects: ClassVar = ("contact", "lead")
    limits: ClassVar = (Limit("default", 25, 1),)
    default_base_url: ClassVar = ""


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-ins into the table in place of the real connectors."""
    rows = {
        "CRMS": {"hubspot": (Hubspot, HubspotOptions), "salesforce": (Salesforce, SalesforceOptions)},
        "PROVIDERS": {
            "contactout": (Contactout, ContactoutOptions),
            "rocketreach": (Rocketreach, OtherOptions),
        },
    }
    for table, entries in rows.items():
        for name, (connector, options) in entries.items():
            module = ModuleType(f"stand_in_{name}")
            module.Connector = connector  # type: ignore[attr-defined] # a module made by hand
            module.ConnectorOptions = options  # type: ignore[attr-defined] # a module made by hand
            monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(connectors, table, {name: f"stand_in_{name}" for name in entries})


GOOD = """\
version: 1
mode: live
state: {url: "sqlite:///var/lib/syncd/syncd.db"}
http: {listen: 127.0.0.1:8642, public_url: null}
log: {level: info, format: auto}
crms:
  main:
    type: hubspot
    token: {env: HUBSPOT_TOKEN}
    account: "4242424"
    daily_calls_share: 0.5
  sf:
    type: salesforce
    base_url: https://example.my.salesforce.com
    client_id: {env: SF_CLIENT_ID}
providers:
  contactout:
    token: {env: CONTACTOUT_TOKEN}
    limits: {default: 600/min, search: 30/min}
    budgets:
      email:  {per_run: 50, per_day: 200, per_month: 2000, floor: 25}
      phone:  {per_month: 300}
  rocketreach: {token: {env: ROCKETREACH_KEY}, budgets: {lookup: {per_month: 500}}}
syncs:
  new-leads:
    crm: main
    object: contact
    every: 5m
    where:
      - {property: lifecyclestage, in: [lead, marketingqualifiedlead]}
      - {property: email, present: true}
    skip:
      - {property: do_not_enrich, equals: "true"}
    suppress: {file: /etc/syncd/suppress.txt}
    match: {email: email, linkedin_url: hs_linkedin_url}
    waterfall: [contactout, rocketreach]
    fields:
      work_email:   {to: email, write: fill, accept: verified}
      mobile_phone: {to: mobilephone, from: [rocketreach], stale_after: 180d}
      job_title:    {to: jobtitle, write: refresh, group: employment}
      company_name: {to: company, write: refresh, group: employment}
    brakes: {changed_share: 0.3, same_value: 5, canary: 25}
"""


def edited(*changes: tuple[str, str]) -> str:
    """The good file with the first occurrence of each text replaced."""
    text = GOOD
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def read(text: str) -> Settings:
    return parse(text.encode(), Path("config.yaml"))


def problems(text: str | bytes) -> list[Problem]:
    """Every problem of a file, warnings of a good one included."""
    data = text.encode() if isinstance(text, str) else text
    try:
        return list(parse(data, Path("config.yaml")).warnings)
    except ConfigInvalid as invalid:
        return list(invalid.problems)


def told(text: str | bytes) -> list[tuple[str, str]]:
    """Place and code of each problem."""
    return [(f"{p.line}:{p.column}", p.code) for p in problems(text)]
