"""Every way to ask Waterfall.io, with what it costs and what it can vouch for.

Not used: the prospector and the searches, which look for people who are not in the CRM yet; the reveal of
companies by network address and the list of a company's titles, which answer no question about a contact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from connectors.waterfall_io.tariff import Tariff
from syncd.connector import Limit, Mode, On, Operation, Poll, Price, Replay
from syncd.model import COMPANY_FIELDS, EMAIL_FIELDS, Field, KeyKind, Quality

CREDITS = ("usd",)
LIMITS = (
    Limit("default", 50, 60.0),
    Limit("account", 60, 60.0),
)
"""Asking for jobs counts like launching them, as far as the vendor says; the account's own pages do not."""

Pace = Literal["prompt", "sparing"]
_SOON: Mapping[Pace, tuple[float, ...]] = MappingProxyType(
    {"prompt": (2.0, 4.0, *(8.0,) * 13), "sparing": (12.0, *(8.0,) * 13)}
)

NUMBERS = frozenset({Field.MOBILE_PHONE, Field.PHONE})
_PERSON = frozenset(
    {
        Field.FULL_NAME,
        Field.FIRST_NAME,
        Field.LAST_NAME,
        Field.JOB_TITLE,
        Field.SENIORITY,
        Field.JOB_FUNCTION,
        Field.LINKEDIN_URL,
        Field.LOCATION,
        Field.COUNTRY,
        Field.COMPANY_NAME,
        Field.COMPANY_DOMAIN,
        Field.COMPANY_LINKEDIN_URL,
    }
)
_COMPANY = COMPANY_FIELDS - {Field.COMPANY_REVENUE}
_KEYS = frozenset({KeyKind.LINKEDIN_URL, KeyKind.EMAIL, KeyKind.NAME_DOMAIN})

ACCOUNT = Operation("account", bucket="account", timeout_s=15.0)
SIGNING_KEYS = Operation("signing_keys", bucket="account", timeout_s=10.0)
FINDER = Operation("finder", timeout_s=15.0)
"""What costs nothing is sent as operations of its own."""

PATHS: Mapping[str, str] = MappingProxyType(
    {
        "contact": "/v1/enrichment/contact",
        "contact_phones": "/v1/enrichment/contact",
        "phone": "/v1/enrichment/phone",
        "company": "/v1/enrichment/company",
        "verify": "/v1/verify/email",
        "job_change": "/v1/job/change",
    }
)


def _price(amount: Decimal, on: On, fields: Iterable[Field] = ()) -> Price:
    return Price("usd", amount, on, frozenset(fields))


def _unknown(fields: Iterable[Field]) -> dict[Field, Quality]:
    return dict.fromkeys(sorted(fields), Quality.UNKNOWN)


def _job(
    name: str,
    accepts: frozenset[KeyKind],
    returns: Mapping[Field, Quality],
    prices: tuple[Price, ...],
    pace: Pace,
    identifies: bool = False,
) -> Operation:
    return Operation(
        name,
        accepts=accepts,
        returns=MappingProxyType(dict(returns)),
        prices=prices,
        mode=Mode.JOB,
        # A job that has not ended within two minutes is parked; how long the vendor keeps it, it does not say.
        poll=Poll(first_s=60.0, factor=1.5, max_s=900.0, deadline_s=86_400.0, steps=_SOON[pace]),
        replay=Replay.METERED,
        identifies=identifies,
        callback=True,
    )


def operations_of(tariff: Tariff, pace: Pace = "prompt") -> tuple[Operation, ...]:
    """The table at an account's prices.

    A phone answer says nothing about who is unknown: its blank is a missing number, not a missing person.
    """
    contact = _unknown(_PERSON | {Field.PERSONAL_EMAIL}) | {Field.WORK_EMAIL: Quality.VERIFIED}
    by_contact = _price(tariff.contact, On.MATCH)
    by_number = _price(tariff.numbers, On.FIELDS, NUMBERS)
    companies = frozenset({KeyKind.DOMAIN, KeyKind.COMPANY_LINKEDIN_URL, KeyKind.COMPANY_NAME})
    return (
        _job("contact", _KEYS, contact, (by_contact,), pace, identifies=True),
        _job(
            "contact_phones",
            _KEYS,
            contact | _unknown(NUMBERS),
            (by_contact, by_number),
            pace,
            identifies=True,
        ),
        _job("phone", _KEYS, _unknown(NUMBERS), (by_number,), pace),
        _job("company", companies, _unknown(_COMPANY), (_price(tariff.company, On.MATCH),), pace),
        Operation(
            "verify",
            accepts=frozenset({KeyKind.FOUND_EMAIL}),
            prices=(_price(tariff.verify, On.LAUNCH),),
            replay=Replay.METERED,
            timeout_s=60.0,
            verifies=EMAIL_FIELDS,
        ),
        Operation(
            "job_change",
            accepts=frozenset({KeyKind.EMAIL, KeyKind.NAME_DOMAIN}),
            returns=MappingProxyType(_unknown(_PERSON)),
            prices=(_price(tariff.job_change, On.LAUNCH),),
            replay=Replay.METERED,
            timeout_s=60.0,
            identifies=True,
        ),
    )


OPERATIONS = operations_of(Tariff())
