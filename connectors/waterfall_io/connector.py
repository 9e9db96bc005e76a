"""The Waterfall.io connector. Facts: the vendor's API documentation; prices read conservatively."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from connectors.waterfall_io import requests
from connectors.waterfall_io.account import account_of, balance_of
from connectors.waterfall_io.answers import Reader
from connectors.waterfall_io.callbacks import called_back, require_signature, signature_of
from connectors.waterfall_io.failures import classify
from connectors.waterfall_io.keyring import KeyRing
from connectors.waterfall_io.operations import ACCOUNT, CREDITS, FINDER, LIMITS, OPERATIONS, operations_of
from connectors.waterfall_io.options import ConnectorOptions
from connectors.waterfall_io.people import words_of
from connectors.waterfall_io.tariff import tariff_of
from syncd.connector import Answer, Failure, FailureKind, Job, Limit, Operation, Provider, Replay, Wire
from syncd.model import Account, Balance, Lookup, Outcome, Refused


class Connector(Provider):
    """Waterfall.io. On an instance, `operations` holds those that the options allow, at the account's prices.

    With pay-as-you-go the vendor has no figure for what is left, so `usd` counts as unreported, and no
    balance tells whether a lost answer was charged.
    """

    name: ClassVar[str] = "waterfall_io"
    docs_url: ClassVar[str] = "https://docs.waterfall.io"
    credits: ClassVar[tuple[str, ...]] = CREDITS
    unreported: ClassVar[frozenset[str]] = frozenset()
    limits: ClassVar[tuple[Limit, ...]] = LIMITS
    operations: ClassVar[tuple[Operation, ...]] = OPERATIONS
    default_base_url: ClassVar[str] = "https://api.waterfall.io"

    def __init__(self, options: ConnectorOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        tariff = tariff_of(options)
        self._reader = Reader(tariff, words_of(options.status_quality))
        self._keys = KeyRing(clock)
        owed = options.balance_semantics == "payg"
        # The contract names the tables as class attributes; an instance narrows them to what holds for it.
        self.__dict__["unreported"] = frozenset(CREDITS) if owed else frozenset()
        self.__dict__["operations"] = tuple(
            replace(o, replay=Replay.OPAQUE) if owed else o
            for o in operations_of(tariff, options.polling)
            if options.job_changes or o.name != "job_change"
        )

    def headers(self) -> Mapping[str, str]:
        """The key, without white space."""
        return {"x-api-key": "".join(self._options.token.reveal().split()), "accept": "application/json"}

    def check(self, wire: Wire) -> Account:
        """That the key works. The vendor names no account."""
        return account_of(wire.send(ACCOUNT, requests.account()), self._options)

    def balance(self, wire: Wire, now: datetime) -> Balance:
        """What is left in USD, or what is owed."""
        return balance_of(wire.send(ACCOUNT, requests.account()), self._options)

    def submit(self, wire: Wire, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        """Ask. One request for one question; one that the vendor would refuse is refused unsent."""
        if not lookups:
            return []
        if len(lookups) > 1:
            raise ValueError(f"{operation.name} takes one lookup, not {len(lookups)}")
        (lookup,) = lookups
        if why := requests.unfit(lookup.key):
            return [Refused(why)]
        request = requests.build(operation, lookup)
        return [self._reader.submitted(operation, lookup, wire.send(operation, request))]

    def poll(self, wire: Wire, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        """One request per job, free and repeatable."""
        return [self._ask(wire, operation, job) for job in jobs]

    def _ask(self, wire: Wire, operation: Operation, job: Job) -> list[Outcome]:
        answer = wire.send(FINDER, requests.finder(operation, job.handle))
        outcome = self._reader.polled(operation, job.handle, answer)
        return [outcome for _ in job.lookups]

    def callback(self, wire: Wire, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
        """The job that the body speaks of.

        A wrong signature is refused; one that cannot be judged, because the vendor's keys cannot be read, is
        taken for none, and none will do unless the options say otherwise.
        """
        token, strict = signature_of(headers), self._options.signed_callbacks_only
        if token:
            try:
                require_signature(token, body, self._keys, wire)
            except Failure as failure:
                if strict or failure.kind is FailureKind.AUTH:
                    raise
        elif strict:
            raise Failure(FailureKind.AUTH, "the callback is not signed", charged=False)
        return called_back(body)

    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        """What an answer means, or None where it can be read."""
        return classify(operation, answer)
