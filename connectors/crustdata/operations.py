"""Every way to ask Crustdata, with what it costs and what it can vouch for.

One pool of credits pays for everything. A batch must not mix kinds of keys, so that each kind has a row of
its own. Rows for batch jobs stand before their single twins: where both may be used they win.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

from connectors.crustdata.asks import COMBINATIONS, ENRICH, IDENTIFY, TIERS
from syncd.connector import Limit, Mode, On, Operation, Poll, Price, Replay
from syncd.model import EMAIL_FIELDS, Field, KeyKind, Quality

CREDIT = "credit"
# Requests per minute and endpoint. The vendor's own client keeps to six requests at a time per key; bursts
# of more end in broken connections. Batch launches share the slots of live look-ups: both are rare, and the
# 429 for a sixth active job must hold up nothing else.
LIMITS = (
    Limit("default", 300, 60.0, concurrency=1),
    Limit("person", 15, 60.0, concurrency=1),
    Limit("contact", 15, 60.0, concurrency=1),
    Limit("search", 30, 60.0, concurrency=1),
    Limit("company", 15, 60.0, concurrency=1),
    Limit("live", 10, 60.0, concurrency=1),
)
BATCH = 25
SEARCH_ROWS = 3
"""The most rows of a search that are bought: a name at a company that fits more people names nobody."""
ROW_PRICE = Decimal("0.03")
RECHECK = Decimal("0.5")

_EMPLOYER = frozenset(
    {
        Field.COMPANY_NAME,
        Field.COMPANY_DOMAIN,
        Field.COMPANY_WEBSITE,
        Field.COMPANY_LINKEDIN_URL,
        Field.COMPANY_INDUSTRY,
        Field.COMPANY_SIZE,
        Field.COMPANY_TYPE,
    }
)
_SEAT = frozenset({Field.COMPANY_COUNTRY, Field.COMPANY_HEADQUARTERS})
PROFILE = (
    _EMPLOYER
    | _SEAT
    | {
        Field.FULL_NAME,
        Field.FIRST_NAME,
        Field.LAST_NAME,
        Field.JOB_TITLE,
        Field.HEADLINE,
        Field.SENIORITY,
        Field.JOB_FUNCTION,
        Field.LINKEDIN_URL,
        Field.TWITTER,
        Field.GITHUB,
        Field.LOCATION,
        Field.COUNTRY,
    }
)
_IDENTIFIED = _EMPLOYER | {Field.COMPANY_FOUNDED}
_URL = frozenset({KeyKind.LINKEDIN_URL})
_EMAIL = frozenset({KeyKind.EMAIL})
_NAMES = frozenset({KeyKind.NAME_COMPANY, KeyKind.NAME_DOMAIN})
_POLL = Poll(first_s=10.0, factor=1.5, max_s=60.0)


def _graded(fields: Iterable[Field], quality: Quality = Quality.UNKNOWN) -> Mapping[Field, Quality]:
    """Addresses come with a status, which may be the best there is; other cached data comes with none."""
    return MappingProxyType({f: Quality.VERIFIED if f in EMAIL_FIELDS else quality for f in sorted(fields)})


def _price(amount: Decimal | int, on: On, *fields: Field) -> Price:
    return Price(CREDIT, Decimal(amount), on, frozenset(fields))


def _person(name: str, accepts: frozenset[KeyKind], work: bool) -> Operation:
    tier = Field.WORK_EMAIL
    prices = (_price(1, On.MATCH), *((_price(TIERS[tier][1], On.FIELDS, tier),) if work else ()))
    return Operation(
        name,
        bucket="person",
        accepts=accepts,
        returns=_graded(PROFILE | ({tier} if work else set())),
        prices=prices,
        batch=BATCH,
        replay=Replay.METERED,
        timeout_s=60.0,
        identifies=True,
    )


def _contact(name: str, fields: frozenset[Field], verified: bool) -> Operation:
    asked = [
        _price(amount + (RECHECK if verified and field is Field.WORK_EMAIL else 0), On.FIELDS, field)
        for field, (_, amount) in TIERS.items()
        if field in fields
    ]
    # A request for one kind was seen to return and bill all three. What that could cost is reserved; a price
    # that hangs on no field is never expected to fall due.
    surplus = sum((amount for field, (_, amount) in TIERS.items() if field not in fields), Decimal(0))
    return Operation(
        name,
        bucket="contact",
        accepts=_URL,
        returns=_graded(fields),
        prices=(*asked, *((_price(surplus, On.FIELDS),) if surplus else ())),
        batch=BATCH,
        replay=Replay.METERED,
        timeout_s=120.0,
    )


def _job(single: Operation, batch: int) -> Operation:
    return replace(
        single,
        name=f"batch_{single.name}",
        bucket="live",
        batch=batch,
        mode=Mode.JOB,
        poll=_POLL,
        timeout_s=60.0,
        backfill_only=True,
        callback=True,
    )


def _company(name: str, kind: KeyKind, paid: bool) -> Operation:
    return Operation(
        name,
        bucket="company",
        accepts=frozenset({kind}),
        returns=_graded(_IDENTIFIED | (_SEAT if paid else set())),
        prices=(_price(2, On.MATCH),) if paid else (),
        batch=BATCH,
        replay=Replay.METERED if paid else Replay.FREE,
        timeout_s=60.0,
    )


def rows(verified: bool) -> tuple[Operation, ...]:
    """The table, with the price of contact data that is checked again or not."""
    profiles = (_person("profile", _URL, work=False), _person("profile_work", _URL, work=True))
    contacts = tuple(_contact(name, fields, verified) for name, fields in COMBINATIONS.items())
    stored = tuple(_contact(name, fields, verified=False) for name, fields in COMBINATIONS.items())
    return (
        *(_company(name, kind, paid=False) for name, kind in IDENTIFY.items()),
        Operation(
            "search",
            bucket="search",
            accepts=_NAMES,
            returns=_graded(PROFILE),
            prices=(_price(ROW_PRICE * SEARCH_ROWS, On.MATCH),),
            replay=Replay.METERED,
            identifies=True,
        ),
        _job(profiles[0], 1000),
        *(_job(one, 300) for one in stored),
        *profiles,
        _person("email_profile", _EMAIL, work=False),
        _person("email_profile_work", _EMAIL, work=True),
        *contacts,
        *(_company(name, kind, paid=True) for name, kind in ENRICH.items()),
        # A miss says little: only the exact current URL is understood, so that it identifies nobody.
        Operation(
            "live",
            bucket="live",
            accepts=_URL,
            returns=_graded(PROFILE, Quality.VERIFIED),
            prices=(_price(7, On.MATCH),),
            batch=BATCH,
            replay=Replay.METERED,
            timeout_s=120.0,
        ),
    )


OPERATIONS = rows(verified=False)
JOBS = frozenset(o.name for o in OPERATIONS if o.mode is Mode.JOB)
CONTACTS = frozenset(COMBINATIONS)
COMPANIES = frozenset({*IDENTIFY, *ENRICH})
# What costs nothing is sent as operations of their own.
CREDITS_LEFT = Operation("credits")
ENDPOINTS = Operation("endpoints")
JOB_STATE = Operation("batch_status")
JOB_FILE = Operation("batch_file", timeout_s=120.0)
MISSES = (
    frozenset({"profile", "profile_work", "email_profile", "email_profile_work", "live"})
    | CONTACTS
    | COMPANIES
)
"""Operations whose contract has a 404 for "nobody known"."""
