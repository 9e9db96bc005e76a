"""The ReverseLooker connector. Facts: the vendor's pages, of which few exist; the rest is configurable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import ClassVar

import orjson

from connectors.reverselooker.answers import launched, read, read_many
from connectors.reverselooker.failures import classify
from connectors.reverselooker.operations import (
    ACCOUNT,
    CREDITS,
    LIMITS,
    OPERATIONS,
    PROBE,
    READ,
    operations_of,
)
from connectors.reverselooker.options import ConnectorOptions
from connectors.reverselooker.shapes import credits_of, is_search_id, loose, reshaped, table, text
from syncd.connector import (
    Answer,
    Failure,
    FailureKind,
    Job,
    Limit,
    Operation,
    Provider,
    Request,
    SecretMissing,
    Wire,
)
from syncd.model import Account, Balance, Lookup, Outcome, Plan, Pool

_SINGLE, _BULK = "/reverse-contact/single", "/reverse-contact/bulk"
_CALLBACK_KEY = "settings.webhook"
_NOBODYS = "00000000-0000-0000-0000-000000000000"
_TEST = "rl_test_"


class Connector(Provider):
    """ReverseLooker. On an instance, `operations` holds those that the options allow, at the account's price.

    Its balance is unreported unless the options name a page that tells it.
    """

    name: ClassVar[str] = "reverselooker"
    docs_url: ClassVar[str] = "https://docs.reverselooker.com"
    credits: ClassVar[tuple[str, ...]] = CREDITS
    unreported: ClassVar[frozenset[str]] = frozenset(CREDITS)
    limits: ClassVar[tuple[Limit, ...]] = LIMITS
    operations: ClassVar[tuple[Operation, ...]] = OPERATIONS
    default_base_url: ClassVar[str] = "https://api.reverselooker.com"

    def __init__(self, options: ConnectorOptions) -> None:
        self._options = options
        # The contract names the tables as class attributes; an instance narrows them to what holds for it.
        self.__dict__["unreported"] = frozenset() if options.account_path else frozenset(CREDITS)
        self.__dict__["operations"] = tuple(
            o for o in operations_of(options.price) if options.bulk == "backfill" or not o.backfill_only
        )

    def headers(self) -> Mapping[str, str]:
        """The key, without white space."""
        return {"x-api-key": self._token(), "accept": "application/json"}

    def check(self, wire: Wire) -> Account:
        """That the key works. Without an account page, a search that nobody made is asked for, which is free."""
        if self._options.account_path:
            _remaining(wire.send(ACCOUNT, Request("GET", self._options.account_path)))
        else:
            wire.send(PROBE, Request("GET", _SINGLE, params={"id": _NOBODYS}))
        if self._is_test():
            return Account(None, environment="test", notes=("A test key: searches spend no credits.",))
        return Account(None)

    def balance(self, wire: Wire, now: datetime) -> Balance:
        """What is left, where the options name a page that tells it; otherwise unknown, without a request."""
        pool = Pool(None, Plan.UNKNOWN)
        if self._options.account_path:
            answer = wire.send(ACCOUNT, Request("GET", self._options.account_path))
            pool = Pool(_remaining(answer), Plan.PREPAID)
        return Balance(MappingProxyType({"credit": pool}))

    def submit(self, wire: Wire, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        """Launch. One request; an address that stands twice is sent and charged once."""
        if not lookups:
            return []
        if len(lookups) > operation.batch:
            raise ValueError(f"{operation.name} takes {operation.batch} lookups, not {len(lookups)}")
        if any(lookup.key.kind not in operation.accepts for lookup in lookups):
            raise ValueError(f"{operation.name} does not accept this kind of key")
        emails = list(dict.fromkeys(lookup.key["email"] for lookup in lookups))
        single = operation.name == "single"
        request = Request(
            "POST",
            _SINGLE if single else _BULK,
            json={"email": emails[0]} if single else {"emails": emails},
            callback_key=_CALLBACK_KEY,
        )
        free = self._is_test()
        return launched(wire.send(operation, request), lookups, self._options.price, free)

    def poll(self, wire: Wire, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        """One request per search, free and repeatable. A search is never launched again."""
        single = operation.name == "single"
        found: list[list[Outcome]] = []
        for job in jobs:
            answer = wire.send(READ, Request("GET", _SINGLE if single else _BULK, params={"id": job.handle}))
            found.append(read(answer, job) if single else read_many(answer, job))
        return found

    def callback(self, wire: Wire, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
        """The search that the body speaks of. Neither a signature nor a form is documented.

        Raises:
            Failure: of kind contract, for a body without an id.
        """
        try:
            said = loose(orjson.loads(body))
        except orjson.JSONDecodeError:
            said = {}
        names = (text(part.get("id")) for part in (said, loose(said.get("data"))))
        found = tuple(dict.fromkeys(name for name in names if is_search_id(name)))
        if not found:
            raise Failure(FailureKind.CONTRACT, "the callback names no search", charged=False)
        return found

    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        """What an answer means, or None where it can be read."""
        return classify(operation, answer)

    def _token(self) -> str:
        return "".join(self._options.token.reveal().split())

    def _is_test(self) -> bool:
        """Whether the key is one that spends nothing. Raises Failure of kind config where there is no key."""
        try:
            return self._token().startswith(_TEST)
        except SecretMissing as missing:
            raise Failure(FailureKind.CONFIG, str(missing), charged=False) from None


def _remaining(answer: Answer) -> Decimal | None:
    body = table(answer.json(), "account")
    if "credits" not in body:
        raise reshaped("account")
    return credits_of(body["credits"])
