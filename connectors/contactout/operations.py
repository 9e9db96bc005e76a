"""Every way to ask ContactOut, with what it costs and what it can vouch for.

`returns` holds the quality that may be counted on when a purchase is chosen. A status that the vendor
happens to send beyond it is passed on with the value all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

from connectors.contactout.switches import CONTACT, PERSON, Contact
from syncd.connector import Limit, Mode, On, Operation, Poll, Price, Replay
from syncd.model import COMPANY_FIELDS, EMAIL_FIELDS, Field, KeyKind, Quality

CREDITS = ("email", "phone", "search", "verifier")
UNREPORTED = frozenset({"verifier"})
"""The usage report has no verifier pool."""
LIMITS = (
    Limit("default", 1000, 60.0, concurrency=32),
    Limit("checker", 150, 60.0),
    Limit("search", 60, 60.0),
)
PAGE_ROWS = 25
NARROW = 3
"""The most people that a name may match for the search by it to be worth one credit a row."""

_SLOW_S = 90.0
"""For answers behind which the vendor tries addresses in real time; it states no duration."""
_CONTACT = EMAIL_FIELDS | {Field.PHONE}
_WHO = frozenset(
    {
        Field.FULL_NAME,
        Field.JOB_TITLE,
        Field.HEADLINE,
        Field.SENIORITY,
        Field.JOB_FUNCTION,
        Field.LINKEDIN_URL,
        Field.LOCATION,
    }
)
_ROW = _WHO | COMPANY_FIELDS | {Field.COUNTRY}
_BY_EMAIL = _WHO | COMPANY_FIELDS | {Field.TWITTER, Field.GITHUB}
_PROFILE = _BY_EMAIL | {Field.COUNTRY}
_LINKEDIN = frozenset({KeyKind.LINKEDIN_URL})
_NAMES = frozenset({KeyKind.NAME_COMPANY, KeyKind.NAME_DOMAIN})
_POLL = Poll(first_s=10.0, factor=1.5, max_s=60.0, deadline_s=86_400.0)


def _unknown(fields: Iterable[Field]) -> Mapping[Field, Quality]:
    return MappingProxyType(dict.fromkeys(sorted(fields), Quality.UNKNOWN))


def _price(kind: str, on: On, fields: Iterable[Field] = (), most: int = 1) -> Price:
    return Price(kind, Decimal(most), on, frozenset(fields))


def _bought(fields: Iterable[Field]) -> tuple[Price, ...]:
    """One e-mail credit for any address, one phone credit for any number, whatever their number."""
    emails = frozenset(fields) & EMAIL_FIELDS
    prices = (_price("email", On.FIELDS, emails),) if emails else ()
    return prices + ((_price("phone", On.FIELDS, {Field.PHONE}),) if Field.PHONE in fields else ())


def _person(name: str, include: tuple[Field, ...]) -> Operation:
    # A match costs a search credit besides what was included: the vendor states both in separate sentences.
    return Operation(
        name,
        accepts=_LINKEDIN | _NAMES | {KeyKind.EMAIL, KeyKind.PHONE},
        returns=_unknown(_PROFILE | set(include)),
        prices=(_price("search", On.MATCH), *_bought(include)),
        replay=Replay.METERED,
        timeout_s=_SLOW_S if Field.WORK_EMAIL in include else 30.0,
        identifies=True,
    )


def _contact(name: str, switches: Contact) -> Operation:
    fields = switches.emails | ({Field.PHONE} if switches.phone else set())
    returns = dict(_unknown(fields))
    if switches.email_type == "work":
        # Only an explicit "work" starts the vendor's verification; without it a status is what it had stored.
        returns[Field.WORK_EMAIL] = Quality.VERIFIED
    return Operation(
        name,
        accepts=_LINKEDIN,
        returns=MappingProxyType(returns),
        prices=_bought(fields),
        replay=Replay.METERED,
        timeout_s=_SLOW_S if switches.email_type == "work" else 30.0,
    )


def _check(name: str, field: Field) -> Operation:
    graded = frozenset({field}) if field is Field.WORK_EMAIL else frozenset[Field]()
    return Operation(name, bucket="checker", accepts=_LINKEDIN, gates=frozenset({field}), verifies=graded)


def _bulk(name: str, fields: frozenset[Field]) -> Operation:
    return Operation(
        name,
        accepts=_LINKEDIN,
        returns=_unknown(fields),
        prices=_bought(fields),
        batch=1000,
        mode=Mode.JOB,
        poll=_POLL,
        replay=Replay.METERED,
        timeout_s=60.0,
        backfill_only=True,
        callback=True,
    )


def _by_email(name: str, returns: Mapping[Field, Quality], timeout_s: float) -> Operation:
    # Charged on any match: the address asked about may be the very address that is "found".
    # A phone number cannot be declined here.
    return Operation(
        name,
        accepts=frozenset({KeyKind.EMAIL}),
        returns=MappingProxyType(dict(returns)),
        prices=(_price("email", On.MATCH), _price("phone", On.FIELDS, {Field.PHONE})),
        replay=Replay.METERED,
        timeout_s=timeout_s,
        identifies=True,
    )


def _rows(name: str, accepts: frozenset[KeyKind], returns: frozenset[Field], who: bool) -> Operation:
    return Operation(
        name,
        bucket="search",
        accepts=accepts,
        returns=_unknown(returns),
        prices=(_price("search", On.MATCH, most=PAGE_ROWS),),
        replay=Replay.METERED,
        identifies=who,
    )


def _verify(name: str, batch: int) -> Operation:
    # No counter and no balance of verifier credits exists: a lost answer stays unknown.
    job = batch > 1
    return Operation(
        name,
        accepts=frozenset({KeyKind.FOUND_EMAIL}),
        prices=(_price("verifier", On.MATCH),),
        batch=batch,
        mode=Mode.JOB if job else Mode.DIRECT,
        poll=_POLL if job else None,
        replay=Replay.OPAQUE,
        timeout_s=60.0,
        verifies=EMAIL_FIELDS,
        backfill_only=job,
        callback=job,
    )


_FOUND_BY_EMAIL = _unknown(_BY_EMAIL | {Field.PERSONAL_EMAIL, Field.PHONE})

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "company",
        accepts=frozenset({KeyKind.DOMAIN}),
        returns=_unknown(COMPANY_FIELDS),
        batch=30,
    ),
    _check("work_email_check", Field.WORK_EMAIL),
    _check("personal_email_check", Field.PERSONAL_EMAIL),
    _check("phone_check", Field.PHONE),
    Operation("count", bucket="search", accepts=_NAMES, gates=frozenset({Field.LINKEDIN_URL})),
    *(_contact(name, switches) for name, switches in CONTACT.items()),
    *(_person(name, include) for name, include in PERSON.items()),
    Operation(
        "profile_full",
        accepts=_LINKEDIN,
        returns=_unknown(_PROFILE | _CONTACT),
        prices=(*_bought(_CONTACT), _price("search", On.BLANK, _CONTACT)),
        replay=Replay.METERED,
        timeout_s=_SLOW_S,
        identifies=True,
    ),
    Operation(
        "profile",
        accepts=_LINKEDIN,
        returns=_unknown(_PROFILE),
        prices=(_price("search", On.LAUNCH),),
        replay=Replay.METERED,
        identifies=True,
    ),
    _by_email("email_profile", _FOUND_BY_EMAIL, 30.0),
    _by_email(
        "email_profile_work", {**_FOUND_BY_EMAIL, Field.WORK_EMAIL: Quality.VERIFIED}, timeout_s=_SLOW_S
    ),
    Operation(
        "email_to_linkedin",
        accepts=frozenset({KeyKind.EMAIL}),
        returns=_unknown({Field.LINKEDIN_URL}),
        prices=(_price("email", On.MATCH),),
        replay=Replay.METERED,
    ),
    _rows("search", _NAMES, _ROW, who=True),
    _rows("company_search", frozenset({KeyKind.COMPANY_NAME}), COMPANY_FIELDS, who=False),
    # Rows are other people of the contact's company: candidates to identify, never values for the contact.
    _rows(
        "decision_makers",
        frozenset({KeyKind.DOMAIN, KeyKind.COMPANY_NAME, KeyKind.COMPANY_LINKEDIN_URL}),
        frozenset(),
        who=True,
    ),
    _verify("verify", 1),
    Operation(
        "emails_bulk",
        accepts=_LINKEDIN,
        returns=_unknown(EMAIL_FIELDS),
        prices=_bought(EMAIL_FIELDS),
        batch=30,
        replay=Replay.METERED,
        timeout_s=60.0,
        backfill_only=True,
    ),
    _bulk("contact_bulk", EMAIL_FIELDS),
    _bulk("contact_bulk_phone", _CONTACT),
    _verify("verify_bulk", 100),  # the vendor's prose says 100, its table 1,000
)

CHECKERS = frozenset({"work_email_check", "personal_email_check", "phone_check"})
SEARCHES = frozenset({"count", "search", "company_search", "decision_makers"})

STATS = Operation("stats")
RESULTS: Mapping[str, Operation] = MappingProxyType(
    {o.name: Operation(f"{o.name}_result", timeout_s=60.0) for o in OPERATIONS if o.mode is Mode.JOB}
)
"""Reading a job costs nothing, so it is sent as an operation of its own."""

MISSES = frozenset(
    o.name for o in OPERATIONS if o.batch == 1 and o.name not in ("verify", "count")
) | frozenset(o.name for o in RESULTS.values())
"""Operations for which the vendor's own 404 body is an answer."""
