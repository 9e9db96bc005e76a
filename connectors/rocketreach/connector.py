"""The RocketReach connector. Facts: the vendor's API description and pages; prices read conservatively."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from connectors.rocketreach import requests
from connectors.rocketreach.account import Standing, standing_of
from connectors.rocketreach.answers import distinct, outcome, polled, statuses
from connectors.rocketreach.callbacks import called_back, require_signature
from connectors.rocketreach.failures import classify
from connectors.rocketreach.operations import (
    ACCOUNT,
    COMPANIES,
    CREDITS,
    LIMITS,
    OPERATIONS,
    SEARCHES,
    STATUS,
    TARIFFS,
    UNIVERSAL_ACCOUNT,
    UNIVERSAL_STATUS,
    limits_of,
)
from connectors.rocketreach.options import ConnectorOptions
from connectors.rocketreach.tariffs import TYPED, UNIVERSAL, Tariff, configured
from syncd.connector import (
    Answer,
    Failure,
    FailureKind,
    Job,
    Limit,
    Mode,
    Operation,
    Provider,
    Replay,
    Scope,
    Wire,
)
from syncd.model import Account, Balance, Lookup, Outcome, Refused

_RELOOKUP_S = 28 * 86_400.0
"""For how long a bought profile may be counted on to be free: shorter than any plan's period."""


class Connector(Provider):
    """RocketReach. On an instance, `operations` holds those that the options and the account allow.

    Which tariff and which pools an account has is a fact that every reading of the account tells anew; what
    it has not, is no longer offered. Until an instance knows the tariff, by its options or from the account,
    it sends nothing that could cost.
    """

    name: ClassVar[str] = "rocketreach"
    docs_url: ClassVar[str] = "https://docs.rocketreach.co"
    credits: ClassVar[tuple[str, ...]] = CREDITS
    unreported: ClassVar[frozenset[str]] = frozenset()
    limits: ClassVar[tuple[Limit, ...]] = LIMITS
    operations: ClassVar[tuple[Operation, ...]] = OPERATIONS
    default_base_url: ClassVar[str] = "https://api.rocketreach.co/api/v2"

    def __init__(self, options: ConnectorOptions) -> None:
        self._options = options
        self._configured = configured(options)
        self._tariffs = self._configured
        self._usable = tuple(_told(o, options) for o in OPERATIONS if _allowed(o, options, self._configured))
        # The contract names the tables as class attributes; an instance narrows them to what it may use.
        self.__dict__["operations"] = self._usable
        self.__dict__["limits"] = limits_of(options.plan)

    def headers(self) -> Mapping[str, str]:
        """The key. Never in the query, where old clients send it and logs keep it."""
        return {"api-key": "".join(self._options.token.reveal().split()), "accept": "application/json"}

    def check(self, wire: Wire) -> Account:
        """Whose account it is and what its look-ups spend."""
        return self._read(wire).account

    def balance(self, wire: Wire, now: datetime) -> Balance:
        """The pools of the account; `lookup` is the one that its look-ups spend."""
        return Balance(self._read(wire).pools)

    def submit(self, wire: Wire, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        """Ask. One request for one question; one that cannot be answered rightly is refused unsent.

        Raises:
            Failure: unavailable, with nothing sent, as long as nobody knows how the account is charged.
        """
        if not lookups:
            return []
        if len(lookups) > 1:
            raise ValueError(f"{operation.name} takes one lookup, not {len(lookups)}")
        (lookup,) = lookups
        if why := requests.unfit(lookup.key):
            return [Refused(why)]
        request = requests.build(operation, lookup.key, self._options.webhook_id)
        if not self._tariffs & TARIFFS[operation.name]:
            return [Refused("the RocketReach account is charged in another way")]
        if not self._tariffs <= TARIFFS[operation.name]:
            raise Failure(
                FailureKind.UNAVAILABLE,
                "not sent: it is not known yet how the RocketReach account is charged",
                scope=Scope.OPERATION,
                charged=False,
            )
        return [outcome(operation, lookup, wire.send(operation, request))]

    def poll(self, wire: Wire, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        """One request for up to 100 jobs, free and repeatable."""
        read = UNIVERSAL_STATUS if TARIFFS[operation.name] == UNIVERSAL else STATUS
        ids = distinct(jobs)
        by_id: dict[str, Mapping[str, object]] = {}
        for start in range(0, len(ids), requests.MOST_IDS):
            part = ids[start : start + requests.MOST_IDS]
            by_id |= statuses(wire.send(read, requests.statuses(read, part)))
        return [polled(operation, job, by_id) for job in jobs]

    def callback(self, wire: Wire, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
        """The profile ids that the body speaks of; its signature is checked where there is a secret."""
        if self._options.webhook_secret is not None:
            require_signature(headers, body, self._options.webhook_secret.reveal())
        return called_back(body)

    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        """What an answer means, or None where it can be read."""
        return classify(operation, answer)

    def _read(self, wire: Wire) -> Standing:
        """The account, through the interface that it was last seen in first."""
        standing = self._ask(wire)
        if not standing.tariffs:
            raise Failure(
                FailureKind.CONFIG,
                "the RocketReach account is of the other family than configured",
                charged=False,
            )
        self._tariffs = standing.tariffs
        self.__dict__["operations"] = tuple(
            o
            for o in self._usable
            if TARIFFS[o.name] & standing.tariffs and not standing.absent & o.max_charge.keys()
        )
        return standing

    def _ask(self, wire: Wire) -> Standing:
        families = [family for family in (UNIVERSAL, TYPED) if family & self._configured]
        families.sort(key=lambda family: not self._tariffs <= family)
        for family in families[:-1]:
            try:
                return self._standing(wire, family)
            except Failure as failure:
                # A key of the other family is refused with 403, or does not find the path.
                if failure.status not in (403, 404):
                    raise
        return self._standing(wire, families[-1])

    def _standing(self, wire: Wire, family: frozenset[Tariff]) -> Standing:
        universal = family == UNIVERSAL
        answer = wire.send(UNIVERSAL_ACCOUNT if universal else ACCOUNT, requests.account(universal))
        found = standing_of(answer, self._configured)
        return replace(found, tariffs=found.tariffs & self._configured)


def _allowed(operation: Operation, options: ConnectorOptions, tariffs: frozenset[Tariff]) -> bool:
    if not TARIFFS[operation.name] & tariffs:
        return False
    if operation.name in COMPANIES:
        return options.companies
    if operation.name in SEARCHES:
        return options.searches == "names" and options.family != "auto"
    return True


def _told(operation: Operation, options: ConnectorOptions) -> Operation:
    """The operation with what the options say of the account."""
    if operation.mode is not Mode.JOB:
        return operation
    if options.free_relookups:
        operation = replace(operation, replay=Replay.KEYED, free_repeat_s=_RELOOKUP_S)
    called = options.webhook_id is not None or options.webhook_secret is not None
    return replace(operation, callback=called)
