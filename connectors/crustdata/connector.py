"""The Crustdata connector. Facts: the vendor's API documentation and client code, version 2025-11-01."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from connectors.crustdata import requests
from connectors.crustdata.account import balance_of, pool_of
from connectors.crustdata.answers import outcomes
from connectors.crustdata.failures import classify
from connectors.crustdata.jobs import called_back, handle_of, job_outcomes
from connectors.crustdata.operations import CREDIT, JOBS, LIMITS, OPERATIONS, rows
from connectors.crustdata.options import ConnectorOptions
from syncd.connector import Answer, Failure, Job, Limit, Operation, Provider, Wire
from syncd.model import Account, Balance, Lookup, Outcome, Pending


class Connector(Provider):
    """Crustdata. On an instance, `operations` holds those that the options allow, at their prices."""

    name: ClassVar[str] = "crustdata"
    docs_url: ClassVar[str] = "https://docs.crustdata.com"
    credits: ClassVar[tuple[str, ...]] = (CREDIT,)
    unreported: ClassVar[frozenset[str]] = frozenset()
    limits: ClassVar[tuple[Limit, ...]] = LIMITS
    operations: ClassVar[tuple[Operation, ...]] = OPERATIONS
    default_base_url: ClassVar[str] = "https://api.crustdata.com"

    def __init__(self, options: ConnectorOptions) -> None:
        self._options = options
        # The contract names the table as a class attribute; an instance narrows it to what it may use.
        self.__dict__["operations"] = tuple(o for o in rows(options.verified) if _allowed(o, options))

    def headers(self) -> Mapping[str, str]:
        """The key, and the version of the API, without which every request is refused."""
        return {
            "authorization": f"Bearer {self._options.token.reveal()}",
            "x-api-version": "2025-11-01",
            "accept": "application/json",
        }

    def check(self, wire: Wire) -> Account:
        """That the key works. The vendor names no account."""
        pool_of(wire)
        return Account(id=None)

    def balance(self, wire: Wire, now: datetime) -> Balance:
        """The credits left, and the operations that the plan does not include."""
        return balance_of(wire)

    def submit(self, wire: Wire, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        """Ask. One request; a question that stands twice in a batch is sent and charged once."""
        if not lookups:
            return []
        answer = wire.send(operation, requests.build(operation, lookups, self._options, wire.without))
        if operation.name in JOBS:
            handle = handle_of(answer)
            return [Pending(handle) for _ in lookups]
        return outcomes(operation, lookups, answer)

    def poll(self, wire: Wire, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        """One request per job and one per part of its result, free and repeatable."""
        return [job_outcomes(wire, operation, job) for job in jobs]

    def callback(self, wire: Wire, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
        """The handle of the batch that the body names."""
        return called_back(headers, body, self._options.token.reveal)

    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        """What an answer means, or None where it can be read."""
        return classify(operation, answer)


def _allowed(operation: Operation, options: ConnectorOptions) -> bool:
    if operation.name == "live":
        return options.live
    if operation.name == "search":
        return options.search
    return options.bulk == "backfill" or not operation.backfill_only
