"""The ContactOut connector. Facts: the vendor's API documentation; prices read conservatively."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from connectors.contactout import requests
from connectors.contactout.answers import outcomes
from connectors.contactout.failures import classify
from connectors.contactout.jobs import called_back, job_id, job_outcomes
from connectors.contactout.operations import (
    CHECKERS,
    CREDITS,
    LIMITS,
    OPERATIONS,
    RESULTS,
    SEARCHES,
    STATS,
    UNREPORTED,
)
from connectors.contactout.options import ConnectorOptions
from connectors.contactout.stats import balance_of
from syncd.connector import Answer, Failure, Job, Limit, Operation, Provider, Wire
from syncd.model import Account, Balance, Lookup, Outcome


class Connector(Provider):
    """ContactOut. On an instance, `operations` holds those that the options allow."""

    name: ClassVar[str] = "contactout"
    docs_url: ClassVar[str] = "https://api.contactout.com"
    credits: ClassVar[tuple[str, ...]] = CREDITS
    unreported: ClassVar[frozenset[str]] = UNREPORTED
    limits: ClassVar[tuple[Limit, ...]] = LIMITS
    operations: ClassVar[tuple[Operation, ...]] = OPERATIONS
    default_base_url: ClassVar[str] = "https://api.contactout.com"

    def __init__(self, options: ConnectorOptions) -> None:
        self._options = options
        # The contract names the table as a class attribute; an instance narrows it to what it may use.
        self.__dict__["operations"] = tuple(o for o in OPERATIONS if _allowed(o, options))

    def headers(self) -> Mapping[str, str]:
        """The key, without white space: a line break in it makes the vendor refuse it."""
        token = "".join(self._options.token.reveal().split())
        headers = {"token": token, "accept": "application/json"}
        return headers | ({"authorization": "basic"} if self._options.basic_header else {})

    def check(self, wire: Wire) -> Account:
        """That the key works. The vendor names no account."""
        balance_of(wire.send(STATS, requests.stats()), self._options)
        return Account(id=None)

    def balance(self, wire: Wire, now: datetime) -> Balance:
        """The pools of the month of `now` in UTC; verifier credits are not reported."""
        period = now.astimezone(UTC).strftime("%Y-%m")
        return balance_of(wire.send(STATS, requests.stats(period)), self._options)

    def submit(self, wire: Wire, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        """Ask. One request; a question that stands twice in a batch is sent and charged once."""
        if not lookups:
            return []
        request = requests.build(operation, lookups, self._options.v2_email_type)
        return outcomes(operation, lookups, wire.send(operation, request))

    def poll(self, wire: Wire, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        """One request per job, free and repeatable."""
        free = RESULTS[operation.name]
        return [
            job_outcomes(operation, job, wire.send(free, requests.job(operation, job_id(job.handle))))
            for job in jobs
        ]

    def callback(self, wire: Wire, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
        """The handles that the body may speak of; callbacks carry no signature."""
        return called_back(body)

    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        """What an answer means, or None where it can be read."""
        return classify(operation, answer)


def _allowed(operation: Operation, options: ConnectorOptions) -> bool:
    if operation.name in CHECKERS:
        return options.checkers
    if operation.name in SEARCHES:
        return options.searches == "narrow"
    return options.bulk == "backfill" or not operation.backfill_only
