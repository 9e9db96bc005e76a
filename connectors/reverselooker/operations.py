"""The two ways to ask ReverseLooker, with what they cost and what they return."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

from syncd.connector import Limit, Mode, On, Operation, Poll, Price, Replay
from syncd.model import Field, KeyKind, Quality

CREDITS = ("credit",)
PRICE = Decimal(50)
LIMITS = (Limit("default", 60, 60.0, concurrency=4), Limit("read", 300, 60.0))
"""The vendor documents no limit. Reading is free, and a search is read up to ten times in its first seconds."""
MOST = 5000

_ROW = frozenset({Field.LINKEDIN_URL, Field.FULL_NAME, Field.HEADLINE, Field.COMPANY_NAME, Field.LOCATION})
_PROFILE = _ROW | {Field.FIRST_NAME, Field.LAST_NAME, Field.JOB_TITLE}
_SINGLE_POLL = Poll(first_s=30.0, factor=2.0, max_s=300.0, deadline_s=86_400.0, steps=(0.0, *(2.0,) * 9))
"""Ten reads, the first at once, as the vendor's own loop has them. Its end is no answer: then ever slower."""
_BULK_POLL = Poll(first_s=10.0, factor=1.5, max_s=60.0, deadline_s=86_400.0)

READ = Operation("read", bucket="read", timeout_s=15.0)
ACCOUNT = Operation("account", bucket="read", timeout_s=15.0)
PROBE = Operation("probe", bucket="read", timeout_s=15.0)
"""What costs nothing is sent as operations of its own."""


def _unknown(fields: Iterable[Field]) -> Mapping[Field, Quality]:
    return MappingProxyType(dict.fromkeys(sorted(fields), Quality.UNKNOWN))


def _search(name: str, fields: frozenset[Field], price: Decimal, poll: Poll, batch: int) -> Operation:
    return Operation(
        name,
        accepts=frozenset({KeyKind.EMAIL}),
        returns=_unknown(fields),
        prices=(Price("credit", price, On.LAUNCH),),
        batch=batch,
        mode=Mode.JOB,
        poll=poll,
        replay=Replay.OPAQUE,
        timeout_s=60.0 if batch > 1 else 30.0,
        identifies=True,
        backfill_only=batch > 1,
        callback=True,
    )


def operations_of(price: Decimal) -> tuple[Operation, ...]:
    """The table at an account's price."""
    return (
        _search("single", _PROFILE, price, _SINGLE_POLL, 1),
        _search("bulk", _ROW, price, _BULK_POLL, MOST),
    )


OPERATIONS = operations_of(PRICE)
