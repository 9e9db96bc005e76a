"""The HubSpot connector: `syncd.connector.Crm` over HubSpot's own client in raw mode."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from connectors.hubspot import narrowing, reading
from connectors.hubspot.errors import classify
from connectors.hubspot.narrowing import Filter
from connectors.hubspot.operations import ACCOUNT, LIMITS, OPERATIONS, READ_HISTORY, SEARCH, UPDATE, USAGE
from connectors.hubspot.options import ConnectorOptions
from connectors.hubspot.records import bare_contact
from connectors.hubspot.seen import calls_left, zone_of
from connectors.hubspot.shape import document, milliseconds, records, results, text
from connectors.hubspot.transport import Transport
from connectors.hubspot.window import FIRST_MS, Hits, Place, Window
from connectors.hubspot.writing import Writing
from syncd.connector import Answer, Crm, Failure, FailureKind, Limit, Operation, Seen, Wire, write_once
from syncd.model import Account, Clause, Contact, FieldInfo, Page, Patch, WriteResult

_WARN_DAYS = 184
_SUPPORT_MONTHS = 18


class Connector:
    """HubSpot contacts. One instance may be used by several threads."""

    name: ClassVar[str] = "hubspot"
    docs_url: ClassVar[str] = "https://developers.hubspot.com/docs/api-reference"
    objects: ClassVar[tuple[str, ...]] = ("contact",)
    limits: ClassVar[tuple[Limit, ...]] = LIMITS
    operations: ClassVar[tuple[Operation, ...]] = OPERATIONS
    default_base_url: ClassVar[str] = "https://api.hubapi.com"
    read_batch: ClassVar[int] = READ_HISTORY.batch
    write_batch: ClassVar[int] = UPDATE.batch
    authors_in_pull: ClassVar[bool] = True
    lock_property: ClassVar[str] = ""

    def __init__(
        self,
        options: ConnectorOptions,
        wire: Wire,
        base_url: str = default_base_url,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._wire = wire
        self._transport = Transport(options.token, options.api_version, base_url)
        self._seen = Seen(monotonic, calls_left)
        self._zone: ZoneInfo | None = None

    def check(self) -> Account:
        """The portal that the token opens; reads the day's use of calls along the way."""
        details = document(self._call(ACCOUNT, self._transport.account))
        portal, kind = text(details.get("portalId")), text(details.get("accountType"))
        if not portal:
            raise Failure(FailureKind.CONTRACT, "the account details name no portal")
        self._zone = zone_of(text(details.get("timeZone")))
        self._read_usage()
        return Account(
            id=portal,
            label=f"HubSpot portal {portal}",
            environment=kind.lower(),
            notes=(*self._version_notes(), *_environment_notes(kind)),
        )

    def _read_usage(self) -> None:
        try:
            answer = self._call(USAGE, self._transport.usage)
        except Failure as failure:
            # The endpoint counts private apps; other credentials may not see it, and nothing depends on it.
            if failure.kind is FailureKind.AUTH:
                raise
            return
        body = document(answer)
        for row in records(body.get("results")) or [body]:
            used, allowed = row.get("currentUsage"), row.get("usageLimit")
            if isinstance(used, int) and isinstance(allowed, int):
                self._seen.allow(max(0, allowed - used), allowed)

    def _version_notes(self) -> tuple[str, ...]:
        version, today = self._options.api_version, self._seen.now()
        ends_at = _support_ends_at(version)
        if today is None or (ends_at - today).days >= _WARN_DAYS:
            return ()
        return (
            f"HubSpot's support for API version {version} ends in {ends_at:%B %Y}: "
            "set api_version to a newer one, after a rehearsal in plan mode",
        )

    def schema(self, object_name: str) -> Mapping[str, FieldInfo]:
        _only_contacts(object_name)
        return reading.schema(self._call, self._transport)

    def now(self, object_name: str | None = None) -> datetime:
        """HubSpot's clock by the Date header of its latest answer, up to a second behind.

        Raises:
            Failure: of kind contract, where HubSpot tells no time.
        """
        moment = self._seen.now()
        if moment is None:
            self._call(ACCOUNT, self._transport.account)
            moment = self._seen.now()
        if moment is None:
            raise Failure(FailureKind.CONTRACT, "HubSpot's answers carry no date")
        return moment

    def changed(
        self,
        object_name: str,
        since: datetime,
        until: datetime,
        properties: Sequence[str],
        where: Sequence[Clause],
        resume: str | None,
    ) -> Iterator[Page]:
        """Ids and versions of changed contacts; `properties` are left to the read that must follow.

        Raises:
            ValueError: `resume` is not a cursor of this window.
        """
        _only_contacts(object_name)
        first, last = max(FIRST_MS, milliseconds(since)), milliseconds(until)
        place = Place(first) if resume is None else Place.resumed(resume, first, last)
        return self._changed(first, last, where, place)

    def _changed(self, first: int, last: int, where: Sequence[Clause], place: Place) -> Iterator[Page]:
        if place.at <= last:
            extra = narrowing.filters(where, lambda: self.schema("contact"))
            yield from Window(self._search, extra, first, last).pages(place)

    def _search(self, filters: Sequence[Filter], sort: str) -> Hits:
        request = narrowing.body(filters, sort)
        body = document(self._call(SEARCH, lambda: self._transport.search(request)))
        return Hits([bare_contact(hit) for hit in results(body)], more=reading.next_page(body) is not None)

    def scan(
        self, object_name: str, properties: Sequence[str], resume: str | None, authorship: bool = False
    ) -> Iterator[Page]:
        """Every contact with its properties.

        Raises:
            ValueError: `resume` is not a cursor of a scan.
        """
        _only_contacts(object_name)
        return reading.scan(self._call, self._transport, properties, resume, authorship)

    def read(
        self, object_name: str, ids: Sequence[str], properties: Sequence[str], authorship: bool = False
    ) -> list[Contact]:
        """Each id once. A property that nobody has ever written has no author."""
        _only_contacts(object_name)
        return reading.read(self._call, self._transport, ids, properties, authorship)

    def write(self, object_name: str, patches: Sequence[Patch]) -> list[WriteResult]:
        _only_contacts(object_name)
        return Writing(self._call, self._transport, patches).results()

    def api_calls_left(self) -> tuple[int, int] | None:
        return self._seen.calls

    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        return classify(operation, answer, self._zone)

    def _call(self, operation: Operation, send: Callable[[], Answer]) -> Answer:
        def once() -> Answer:
            answer = send()
            self._seen.observe(answer)
            return answer

        def run(attempt: Callable[[], Answer]) -> Answer:
            return self._wire.run(operation, attempt, self._transport.path(operation))

        return write_once(run, once) if operation is UPDATE else run(once)


def _support_ends_at(version: str) -> datetime:
    """When HubSpot stops supporting an API version: v3 in September 2027, a dated one after 18 months."""
    if version == "v3":
        return datetime(2027, 9, 1, tzinfo=UTC)
    year, month = map(int, version.split("-"))
    years, months = divmod(month - 1 + _SUPPORT_MONTHS, 12)
    return datetime(year + years, months + 1, 1, tzinfo=UTC)


def _environment_notes(account_type: str) -> tuple[str, ...]:
    if account_type in ("SANDBOX", "DEVELOPER_TEST", "APP_DEVELOPER"):
        return (f"this is no production account: HubSpot calls it {account_type}",)
    return ()


def _only_contacts(object_name: str) -> None:
    if object_name != "contact":
        raise ValueError("HubSpot is synchronised for contacts only")


if TYPE_CHECKING:
    _complete: type[Crm] = Connector
