"""Where an operation asks: the method and path of the request for one question. Nothing is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from connectors.sandbox import REHEARSALS
from syncd.connector import Answer, Operation, Provider, Request, load
from syncd.model import Key, KeyKind
from syncd.purchase import STRENGTH
from tests.contract.acts import key_of, lookups, stranger
from tests.contract.stagehands import account_for, accounts


class _Asked(Exception):
    """A request would have gone there."""


class _DeadEnd:
    """A wire that sends nothing and tells where a request would have gone."""

    without: frozenset[str] = frozenset()

    def send(self, operation: Operation, request: Request) -> NoReturn:
        raise _Asked(f"{request.method} {request.path}")

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> NoReturn:
        raise _Asked(path)


def endpoint_of(name: str, operation: Operation) -> str:
    """The method and path that a provider is asked by; the operation's own name where it asks for nothing."""
    kind = next(kind for kind in STRENGTH if kind in operation.accepts)
    made = Key.single(kind, "987654321") if kind is KeyKind.PROVIDER_ID else key_of(stranger(), kind)
    assert made is not None
    try:
        _connector(name, operation).submit(_DeadEnd(), operation, lookups([made]))
    except _Asked as asked:
        return str(asked)
    return operation.name


def _connector(name: str, operation: Operation) -> Provider:
    facts = accounts(name)[account_for(name, operation.name)]
    # A credential has to be there, but nobody sees it: any text will do.
    secrets: dict[str, Any] = {option: {"file": __file__} for option in REHEARSALS[name].secrets}
    options = {**REHEARSALS[name].options, **facts.options, **secrets}
    built: Provider = load("provider", name)(load("provider", name, "ConnectorOptions")(**options))
    return built
