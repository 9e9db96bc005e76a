"""The Salesforce connector: `syncd.connector.Crm` over simple-salesforce with its transport replaced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from connectors.salesforce import reading, scanning
from connectors.salesforce.bulk import Bulk
from connectors.salesforce.errors import classify
from connectors.salesforce.history import Authors
from connectors.salesforce.http import HttpRequest
from connectors.salesforce.ids import long_id
from connectors.salesforce.metadata import Metadata
from connectors.salesforce.operations import (
    IDENTITY,
    LIMITS,
    LIMITS_LEFT,
    OBJECTS,
    OPERATIONS,
    PATHS,
    UPDATE,
    UPDATED,
)
from connectors.salesforce.options import ConnectorOptions
from connectors.salesforce.query import Queries
from connectors.salesforce.reading import Reading
from connectors.salesforce.scanning import Scan
from connectors.salesforce.seen import calls_left
from connectors.salesforce.shape import instant, record, records, text
from connectors.salesforce.transport import Transport
from connectors.salesforce.writing import Writing
from syncd.connector import Answer, Crm, Failure, FailureKind, Limit, Operation, Seen, Wire
from syncd.model import Account, Clause, Contact, FieldInfo, Page, Patch, WriteResult

_LOOK_BACK = timedelta(minutes=2)
"""`updated` cuts seconds off and wants its end after its start."""
_LAST_UNSUPPORTED = 40.0
_HOSTS = {
    ".sandbox.": "sandbox",
    ".scratch.": "scratch org",
    ".develop.": "developer org",
    ".trailblaze.": "playground",
}


class Connector:
    """Salesforce contacts and leads. One instance may be used by several threads."""

    name: ClassVar[str] = "salesforce"
    docs_url: ClassVar[str] = "https://developer.salesforce.com/docs/platform/api-rest"
    objects: ClassVar[tuple[str, ...]] = tuple(OBJECTS)
    limits: ClassVar[tuple[Limit, ...]] = LIMITS
    operations: ClassVar[tuple[Operation, ...]] = OPERATIONS
    default_base_url: ClassVar[str] = ""
    read_batch: ClassVar[int] = reading.IDS
    write_batch: ClassVar[int] = UPDATE.batch
    authors_in_pull: ClassVar[bool] = False
    lock_property: ClassVar[str] = "AccountId"

    def __init__(
        self,
        options: ConnectorOptions,
        wire: Wire,
        base_url: str = default_base_url,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._seen = Seen(monotonic, calls_left)
        self._transport = Transport(options, wire, base_url or options.base_url, self._seen, monotonic)
        self._metadata = Metadata(self._transport, options, monotonic)
        self._queries = Queries(self._transport)
        self._reading = Reading(self._queries, self._metadata, self._authors)
        self._version_offered = False

    def check(self) -> Account:
        """The org that the credential opens; reads the day's use of calls along the way.

        Raises:
            Failure: of kind config, where the org does not offer the API version.
        """
        if not self._version_offered:
            self._mind_version()
        org, _ = self._identity()
        if not org:
            raise Failure(FailureKind.CONTRACT, "neither the login nor the identity names the org")
        if org == self._options.account and self._seen.calls is None:
            self._read_usage()
        host = urlsplit(self._options.base_url).hostname or ""
        kind = next((name for part, name in _HOSTS.items() if part in host), "")
        return Account(
            id=org,
            label=f"Salesforce org {org}",
            environment=kind,
            notes=(*self._version_notes(), *([f"this is no production org: it is a {kind}"] if kind else [])),
        )

    def _mind_version(self) -> None:
        offered = {text(row.get("version")) for row in records(self._transport.versions().json())}
        if offered and self._options.api_version not in offered:
            raise Failure(
                FailureKind.CONFIG, f"the org does not offer API version {self._options.api_version}"
            )
        # A version that is retired later answers 410 to everything.
        self._version_offered = True

    def _version_notes(self) -> tuple[str, ...]:
        if float(self._options.api_version) > _LAST_UNSUPPORTED:
            return ()
        return ("Salesforce retires API versions up to 40.0 with Summer '28: set api_version to a newer one",)

    def _identity(self) -> tuple[str, str]:
        """Org and user, as the identity service tells them, or else the login itself."""
        request = HttpRequest("GET", PATHS[IDENTITY.name], headers={"Accept": "application/json"})
        try:
            told = record(self._transport.exchange(IDENTITY, request, any_org=True).json())
        except Failure as failure:
            # The service wants a scope of its own, which the app may lack.
            if failure.kind is not FailureKind.CONFIG:
                raise
            told = {}
        token = self._transport.tokens.current()
        org, user = (long_id(text(told.get(name))) for name in ("organization_id", "user_id"))
        return org or token.org, user or token.user

    def _read_usage(self) -> None:
        try:
            body = record(self._transport.org.restful("limits", operation=LIMITS_LEFT))
        except Failure as failure:
            # It needs the right View Setup, which our user may lack; every other answer tells the same.
            if failure.kind is not FailureKind.CONFIG:
                raise
            return
        daily = record(body.get("DailyApiRequests"))
        left, allowed = daily.get("Remaining"), daily.get("Max")
        if isinstance(left, int) and isinstance(allowed, int):
            self._seen.allow(max(0, left), allowed)

    def schema(self, object_name: str) -> Mapping[str, FieldInfo]:
        """Every field that the user can see, and those of the account and the individual, as `Account.Name`.

        Raises:
            Failure: of kind config, where the fields of consent are hidden and the configuration minds.
        """
        return self._metadata.again(_known(object_name)).fields

    def now(self, object_name: str | None = None) -> datetime:
        """The instant up to which Salesforce has shown every change, at most its present.

        Rows are stamped before they are committed: while a long transaction runs, `updated` holds its
        latestDateCovered back to the start of it. Where that is refused, it is the Date header's time.

        Raises:
            Failure: of kind contract, where Salesforce tells no time.
        """
        moment = self._seen.now()
        if moment is None:
            self._transport.versions()
            moment = self._seen.now()
        if moment is None:
            raise Failure(FailureKind.CONTRACT, "Salesforce's answers carry no date")
        objects = OBJECTS.values() if object_name is None else [OBJECTS[_known(object_name)]]
        covered = [self._covered(sobject, moment) for sobject in objects]
        return min([moment, *(c for c in covered if c is not None)])

    def _covered(self, sobject: str, until: datetime) -> datetime | None:
        whole = until.replace(microsecond=0)
        bounds = {"start": (whole - _LOOK_BACK).isoformat(), "end": whole.isoformat()}
        try:
            found = self._transport.org.restful(
                f"sobjects/{sobject}/updated/", params=bounds, operation=UPDATED
            )
        except Failure as failure:
            # Hidden from the user, or too many ids at once: the overlap of the windows has to do.
            if failure.kind is not FailureKind.CONFIG:
                raise
            return None
        return instant(record(found).get("latestDateCovered"))

    def changed(
        self,
        object_name: str,
        since: datetime,
        until: datetime,
        properties: Sequence[str],
        where: Sequence[Clause],
        resume: str | None,
    ) -> Iterator[Page]:
        """Changed records with their values, and those that were deleted, merged or converted.

        Records that changed after `until` come too: `until` may lie back by a long transaction.

        Raises:
            ValueError: `resume` is not a cursor of changes.
        """
        place = reading.resumed(resume)
        return self._reading.changed(_known(object_name), since, properties, where, place)

    def scan(
        self, object_name: str, properties: Sequence[str], resume: str | None, authorship: bool = False
    ) -> Iterator[Page]:
        """Every record that the user can see, with its properties.

        Raises:
            ValueError: `resume` is not a cursor of a scan.
        """
        past = scanning.resumed(resume)
        bulk = Bulk(self._transport)
        walk = Scan(self._reading, self._metadata, bulk, _known(object_name), properties, authorship)
        return walk.pages(past)

    def read(
        self, object_name: str, ids: Sequence[str], properties: Sequence[str], authorship: bool = False
    ) -> list[Contact]:
        """The records that the user can see. A property that the org does not track has no author."""
        return self._reading.read(_known(object_name), ids, properties, authorship)

    def write(self, object_name: str, patches: Sequence[Patch]) -> list[WriteResult]:
        if not patches:
            return []
        described = self._metadata.of(_known(object_name))
        return Writing(self._transport, described, patches, self._options.strict).results()

    def api_calls_left(self) -> tuple[int, int] | None:
        return self._seen.calls

    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        return classify(operation, answer, self._seen.calls)

    def _authors(self) -> Authors:
        ours = self._transport.tokens.current().user or self._identity()[1]
        return Authors(self._queries, self._metadata, ours, self._options.integration_users)


def _known(object_name: str) -> str:
    if object_name not in OBJECTS:
        raise ValueError("Salesforce is synchronised for contacts and leads only")
    return object_name


if TYPE_CHECKING:
    _complete: type[Crm] = Connector
