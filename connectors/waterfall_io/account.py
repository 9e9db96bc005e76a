"""The account's balance, of which one name means two things."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from connectors.waterfall_io.options import ConnectorOptions
from connectors.waterfall_io.shapes import MOST, loose, reshaped, table, text
from syncd.connector import Answer
from syncd.model import Account, Balance, Plan, Pool

_MONTH = re.compile(r"(\d{4}-(?:0[1-9]|1[0-2]))(?:-\d\d.*)?")
_PARTS = ("key_usage", "account_usage", "balance_remaining_usd")


def balance_of(answer: Answer, options: ConnectorOptions) -> Balance:
    """What is left; on a pay-as-you-go account only what is owed, as use.

    Raises:
        Failure: of kind contract, for an answer that is not an account's.
    """
    body = _body(answer)
    figure = _figure(body.get("balance_remaining_usd"))
    if options.balance_semantics == "payg":
        pool = Pool(None, Plan.OWED, used=figure)
    else:
        pool = Pool(figure, Plan.PREPAID)
    return Balance(MappingProxyType({"usd": pool}), period=_period(body))


def account_of(answer: Answer, options: ConnectorOptions) -> Account:
    """That the key works, and what an operator should know. The vendor names no account.

    Raises:
        Failure: of kind contract, for an answer that is not an account's.
    """
    figure = _figure(_body(answer).get("balance_remaining_usd"))
    notes: tuple[str, ...] = ()
    if options.balance_semantics == "payg":
        notes = ("Waterfall.io's figure is taken for the amount due; the budgets alone hold spending.",)
    elif figure is None:
        notes = ("Waterfall.io tells no balance for this key, so nothing is spent; see balance_semantics.",)
    return Account(id=None, notes=notes)


def _body(answer: Answer) -> Mapping[str, object]:
    body = table(answer.json(), "account")
    if not body.keys() & set(_PARTS):
        raise reshaped("account")
    return body


def _figure(value: object) -> Decimal | None:
    """A figure of the account, below zero too; None where the vendor gives none, or one beyond reason."""
    try:
        found = Decimal(text(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) <= MOST else None


def _period(body: Mapping[str, object]) -> str | None:
    """The month of the counters by their start: accounts of the vendor disagree on what their end means."""
    for name in ("account_usage", "key_usage"):
        match = _MONTH.fullmatch(text(loose(body.get(name)).get("start_date")))
        if match:
            return match[1]
    return None
