"""The account: what is left of its credits, and to which operations it has access."""

from __future__ import annotations

from types import MappingProxyType

from connectors.crustdata.asks import ASKS
from connectors.crustdata.operations import CREDIT, CREDITS_LEFT, ENDPOINTS
from connectors.crustdata.shapes import decoded, items, loose, number, reshaped, text
from syncd.connector import Answer, Failure, FailureKind, Request, Wire
from syncd.model import Balance, Plan, Pool


def balance_of(wire: Wire) -> Balance:
    """The one pool, and the operations that the plan does not include."""
    return Balance(MappingProxyType({CREDIT: pool_of(wire)}), disabled=_disabled(wire))


def pool_of(wire: Wire) -> Pool:
    """The credits left. Other keys of the account spend from the same pool.

    Raises:
        Failure: of kind contract, for an answer that names no balance.
    """
    try:
        answer = wire.send(CREDITS_LEFT, Request("GET", "/account/credits"))
        said = loose(loose(decoded(answer)).get("account"))
    except Failure as failure:
        if failure.status != 404:
            raise
        # An older address of the same figure.
        answer = wire.send(CREDITS_LEFT, Request("GET", "/user/credits"))
        said = loose(decoded(answer))
    if "credits" not in said:
        raise reshaped(answer, "balance")
    return Pool(number(said["credits"]), Plan.PREPAID)


def _disabled(wire: Wire) -> frozenset[str]:
    """Operations whose endpoint, or the data they exist for, the plan does not include.

    The list is a convenience: where it cannot be read, a refusal tells the same later.
    """
    try:
        answer = wire.send(ENDPOINTS, Request("GET", "/account/endpoints"))
        return _without_access(answer)
    except Failure as failure:
        if failure.kind is FailureKind.AUTH:
            raise
        return frozenset()


def _without_access(answer: Answer) -> frozenset[str]:
    listed = {
        text(entry.get("path")).lower().rstrip("/"): entry
        for entry in map(loose, items(loose(decoded(answer)).get("endpoints")))
    }
    disabled = set()
    for name, ask in ASKS.items():
        entry = listed.get(ask.path)
        if entry is None:
            continue
        status = text(entry.get("status")).lower()
        denied = {text(f) for f in items(loose(entry.get("fields")).get("disabled"))}
        if (status and status != "enabled") or any(_within(field, denied) for field in ask.opens):
            disabled.add(name)
    return frozenset(disabled)


def _within(field: str, denied: set[str]) -> bool:
    return any(field == name or field.startswith(f"{name}.") for name in denied)
