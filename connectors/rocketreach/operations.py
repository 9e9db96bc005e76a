"""Every way to ask RocketReach, with what it costs and what it can vouch for.

A look-up is a job, named by the profile's id; its first answer may already be the last. Not used: bulk
look-ups, whose results come by webhook alone; the search of companies; the combined look-up of person and
company, which both other operations sell apart; look-ups by phone, on which the vendor's texts disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import combinations
from types import MappingProxyType

from connectors.rocketreach.options import PlanName
from connectors.rocketreach.tariffs import TYPED, UNIVERSAL, Tariff
from syncd.connector import Limit, Mode, On, Operation, Poll, Price, Replay
from syncd.model import COMPANY_FIELDS, EMAIL_FIELDS, PHONE_FIELDS, Field, KeyKind, Quality

CREDITS = ("lookup", "phone_lookup", "person_enrich", "company_export")
"""`lookup` is the pool of the account's tariff; the others are the vendor's own names."""

_PER_MINUTE: Mapping[PlanName, tuple[int, int]] = MappingProxyType(
    {"essentials": (15, 15), "pro": (50, 30), "ultimate": (100, 60), "custom": (250, 100)}
)
"""Look-ups and searches of each plan. Windows of hours to a month exist too: a 429 tells when they open."""


def limits_of(plan: PlanName) -> tuple[Limit, ...]:
    """The limits of a plan. Together the buckets stay below the 10 requests a second of an account."""
    lookups, searches = _PER_MINUTE[plan]
    return (
        Limit("default", 3, 1.0),
        Limit("lookup", lookups, 60.0),
        Limit("search", searches, 60.0),
    )


LIMITS = limits_of("custom")

PAGE_ROWS = 10
_STEPS = (3.0, 4.5, 6.75, 10.1, 15.2, 22.8, *(30.0,) * 28)
"""For a quarter of an hour as the vendor advises, ever slower; nearly all look-ups end within seconds."""
POLL = Poll(first_s=900.0, factor=2.0, max_s=14_400.0, deadline_s=86_400.0, batch=100, steps=_STEPS)

_KEYS = frozenset({KeyKind.PROVIDER_ID, KeyKind.LINKEDIN_URL, KeyKind.EMAIL, KeyKind.NAME_COMPANY})
_BRIEF = frozenset(
    {
        Field.FULL_NAME,
        Field.JOB_TITLE,
        Field.LINKEDIN_URL,
        Field.LOCATION,
        Field.COUNTRY,
        Field.COMPANY_NAME,
        Field.COMPANY_DOMAIN,
        Field.COMPANY_WEBSITE,
        Field.COMPANY_LINKEDIN_URL,
    }
)
"""What every profile tells, whatever was bought with it."""
_DETAILED = _BRIEF | {Field.SENIORITY, Field.JOB_FUNCTION, Field.TWITTER, Field.GITHUB}
_PROFILE = _DETAILED | {Field.COMPANY_INDUSTRY}
_COMPANY = COMPANY_FIELDS - {Field.COMPANY_TYPE}


def _returns(profile: Iterable[Field], graded: Iterable[Field] = ()) -> Mapping[Field, Quality]:
    """The vendor grades addresses and numbers; the rest of a profile comes without a word on its quality."""
    known = dict.fromkeys(sorted(profile), Quality.UNKNOWN)
    return MappingProxyType(known | dict.fromkeys(sorted(graded), Quality.VERIFIED))


def _price(kind: str, amount: int, on: On, fields: Iterable[Field] = ()) -> Price:
    return Price(kind, Decimal(amount), on, frozenset(fields))


def _lookup(
    name: str, profile: frozenset[Field], graded: frozenset[Field], prices: tuple[Price, ...]
) -> Operation:
    return Operation(
        name,
        bucket="lookup",
        accepts=_KEYS,
        returns=_returns(profile, graded),
        prices=prices,
        mode=Mode.JOB,
        poll=POLL,
        replay=Replay.METERED,
        identifies=True,
    )


LOOKUP_TYPES: Mapping[str, str] = MappingProxyType(
    {"lookup_standard": "standard", "lookup_premium": "premium", "phone": "phone", "profile": "enrich"}
)
"""The vendor's word, by operation, for the pool that a look-up spends."""

_TYPED = (
    _lookup("lookup_standard", _PROFILE, EMAIL_FIELDS, (_price("lookup", 1, On.FIELDS, EMAIL_FIELDS),)),
    _lookup(
        "lookup_premium",
        _PROFILE,
        EMAIL_FIELDS | PHONE_FIELDS,
        (_price("lookup", 1, On.FIELDS, EMAIL_FIELDS | PHONE_FIELDS),),
    ),
    _lookup("phone", _PROFILE, PHONE_FIELDS, (_price("phone_lookup", 1, On.FIELDS, PHONE_FIELDS),)),
    _lookup("profile", _PROFILE, frozenset(), (_price("person_enrich", 1, On.MATCH),)),
)

CLASSES: Mapping[str, tuple[str, frozenset[Field], int]] = MappingProxyType(
    {
        "work": ("reveal_professional_email", frozenset({Field.WORK_EMAIL}), 2),
        "personal": ("reveal_personal_email", frozenset({Field.PERSONAL_EMAIL}), 3),
        "phone": ("reveal_phone", PHONE_FIELDS, 6),
    }
)
"""What can be revealed with universal credits: the vendor's switch, what it brings, what it costs if found."""
REVEALS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"universal_profile": ("reveal_detailed_person_enrichment",)}
    | {
        "universal_" + "_".join(names): tuple(CLASSES[name][0] for name in names)
        for size in (1, 2, 3)
        for names in combinations(CLASSES, size)
    }
)
"""The switches of each operation with universal credits; what is not revealed is not paid for."""


def _revealing(name: str, switches: tuple[str, ...]) -> Operation:
    bought = [(fields, cost) for switch, fields, cost in CLASSES.values() if switch in switches]
    if not bought:
        return _lookup(name, _DETAILED, frozenset(), (_price("lookup", 1, On.MATCH),))
    graded = frozenset(field for fields, _ in bought for field in fields)
    prices = tuple(_price("lookup", cost, On.FIELDS, fields) for fields, cost in bought)
    return _lookup(name, _BRIEF, graded, prices)


def _company(name: str, kind: str) -> Operation:
    return Operation(
        name,
        accepts=frozenset({KeyKind.DOMAIN, KeyKind.COMPANY_LINKEDIN_URL}),
        returns=_returns(_COMPANY),
        prices=(_price(kind, 1, On.MATCH),),
        replay=Replay.METERED,
    )


def _search(name: str, prices: tuple[Price, ...]) -> Operation:
    # By name and domain only, which look-ups do not take: what a search does not find, a look-up still may.
    return Operation(
        name,
        bucket="search",
        accepts=frozenset({KeyKind.NAME_DOMAIN}),
        returns=_returns(_BRIEF),
        prices=prices,
        replay=Replay.METERED if prices else Replay.FREE,
        identifies=True,
    )


COMPANIES = {"company": TYPED, "universal_company": UNIVERSAL}
SEARCHES = {"search": TYPED, "universal_search": UNIVERSAL}

OPERATIONS: tuple[Operation, ...] = (
    *_TYPED,
    *(_revealing(name, switches) for name, switches in REVEALS.items()),
    _company("company", "company_export"),
    _company("universal_company", "lookup"),
    _search("search", ()),
    _search("universal_search", (_price("lookup", 1, On.MATCH),)),
)

TARIFFS: Mapping[str, frozenset[Tariff]] = MappingProxyType(
    {
        "lookup_standard": frozenset({Tariff.STANDARD}),
        "lookup_premium": frozenset({Tariff.PREMIUM}),
        "phone": TYPED,
        "profile": TYPED,
        **dict.fromkeys(REVEALS, UNIVERSAL),
        **COMPANIES,
        **SEARCHES,
    }
)
"""The tariffs with which each operation may be used."""

ACCOUNT = Operation("account", timeout_s=15.0)
UNIVERSAL_ACCOUNT = Operation("universal_account", timeout_s=15.0)
STATUS = Operation("status", timeout_s=15.0)
UNIVERSAL_STATUS = Operation("universal_status", timeout_s=15.0)
"""Reading the account and asking for look-ups cost nothing, so they are sent as operations of their own."""

MISSES = frozenset(o.name for o in OPERATIONS if o.name not in SEARCHES) | {
    STATUS.name,
    UNIVERSAL_STATUS.name,
}
"""Operations for which the vendor's own 404 is an answer."""
