"""Records, descriptions and queries: single rows, collections, pages and their locators."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.salesforce.call import Answer, Call
from connectors.sandbox.salesforce.fields import Field, Kind
from connectors.sandbox.salesforce.ids import make
from connectors.sandbox.salesforce.matching import Matching
from connectors.sandbox.salesforce.moments import http_date
from connectors.sandbox.salesforce.org import Org
from connectors.sandbox.salesforce.refusals import Problem, Refused, refused
from connectors.sandbox.salesforce.showing import Renderer, described, listed
from connectors.sandbox.salesforce.soql import Path, Query, parse
from connectors.sandbox.salesforce.store import Row

MOST_ROWS, LEAST_ROWS = 2000, 200
MOST_IDS = 2000


class Reading:
    """The read half of the API. Open cursors live here."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._cursors: dict[str, tuple[str, list[Row], Matching, int]] = {}
        self._count = 0
        self._described_at = org.now()

    # objects

    def resources(self, call: Call) -> Answer:
        """The resources of a version."""
        base = f"/services/data/v{call.version}"
        names = ("composite", "jobs", "limits", "query", "queryAll", "sobjects")
        return Answer(
            200,
            {
                "identity": f"/id/{call.org.settings['org']}/{call.user.id}",
                **{n: f"{base}/{n}" for n in names},
            },
        )

    def objects(self, call: Call) -> Answer:
        """Every object that there is."""
        found = [listed(k, call.version) for k in call.org.kinds.values()]
        return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": found})

    def basic(self, call: Call) -> Answer:
        """An object and its recent records, of which the sandbox keeps none."""
        return Answer(200, {"objectDescribe": listed(call.kind(), call.version), "recentItems": []})

    def describe(self, call: Call) -> Answer:
        """An object with the fields that the user may read; 304 where nothing changed since."""
        kind = call.kind()
        since = call.date_of("If-Modified-Since")
        stamp = {"Last-Modified": http_date(self._described_at)}
        if since is not None and since >= self._described_at:
            return Answer(304, headers=stamp)
        return Answer(200, described(kind, call.user, call.version), stamp)

    def renew(self) -> None:
        """Descriptions may have changed."""
        self._described_at = self._org.now()

    # records

    def get(self, call: Call) -> Answer:
        """One record with all fields that the user may read, or those that were asked for."""
        kind, given = call.kind(), call.params["id"]
        row = call.org.store.get(kind.name, given)
        if row is None or not call.user.may_see(row) or call.org.is_gone(row):
            raise refused(404, "NOT_FOUND", "no_such_id", id=given)
        if row.deleted_at is not None:
            raise Refused(404, Problem("ENTITY_IS_DELETED", "deleted"), with_fields=True)
        modified = row.values.get("LastModifiedDate", 0)
        since, unless = call.date_of("If-Modified-Since"), call.date_of("If-Unmodified-Since")
        if unless is not None and modified > unless:
            raise refused(412, "PRECONDITION_FAILED", "precondition")
        if since is not None and modified <= since:
            return Answer(304)
        asked = call.query.get("fields", "")
        names = asked.split(",") if asked else [f.name for f in self._readable(call, kind)]
        return Answer(
            200, self._renderer(call, kind, names).show(row), {"Last-Modified": http_date(modified)}
        )

    def retrieve(self, call: Call) -> Answer:
        """Up to 2,000 records in the order of their ids, null for each that the user can have nothing of."""
        kind = call.kind()
        if call.body or call.parsed:
            data = call.data()
            ids, fields = data.get("ids"), data.get("fields")
        else:
            ids, fields = call.query.get("ids", "").split(","), call.query.get("fields", "").split(",")
        if not isinstance(ids, list) or not isinstance(fields, list) or not all(map(str, fields)):
            raise refused(400, "JSON_PARSER_ERROR", "json")
        if len(ids) > MOST_IDS:
            raise refused(400, "EXCEEDED_ID_LIMIT", "too_many", max=MOST_IDS)
        renderer = self._renderer(call, kind, ["Id", *(str(f) for f in fields if str(f).lower() != "id")])
        rows = [call.org.store.get(kind.name, str(i)) for i in ids]
        seen = [r if r and r.deleted_at is None and call.user.may_see(r) else None for r in rows]
        return Answer(200, [renderer.show(r) if r else None for r in seen])

    def _readable(self, call: Call, kind: Kind) -> list[Field]:
        return [f for f in kind.fields if call.user.may_read(kind.name, f.name)]

    def _renderer(self, call: Call, kind: Kind, names: list[str]) -> Renderer:
        if self._org.settings["retrieve_parents"] and any("." in name for name in names):
            paths = [Path(tuple(name.strip().split(".")), 0) for name in names]
            found = Matching(call.org, call.user, Query(", ".join(names), paths, kind=kind.name))
            return Renderer(found.paths, found.reach, call.version)
        fields: list[tuple[list[Field], Field]] = []
        for name in names:
            field = kind.by_name.get(name.strip().lower())
            if field is None or not call.user.may_read(kind.name, field.name):
                raise refused(400, "INVALID_FIELD", "no_column", field=name, object=kind.name)
            fields.append(([], field))
        return Renderer(fields, _no_parents, call.version)

    # queries

    def query(self, call: Call) -> Answer:
        """The first page of what matches."""
        return self._first(call, deleted=False)

    def query_all(self, call: Call) -> Answer:
        """The first page of what matches, in the recycle bin too."""
        return self._first(call, deleted=True)

    def matching(self, call: Call, text: str) -> Matching:
        """A query that was read and resolved."""
        return Matching(call.org, call.user, parse(text, lambda: self._org.now() // 86_400))

    def _first(self, call: Call, deleted: bool) -> Answer:
        text = call.query.get("q", "")
        if not text:
            raise refused(400, "MALFORMED_QUERY", "said", text="unexpected token: <EOF>")
        found = self.matching(call, text)
        rows = found.rows(deleted)
        if found.query.count:
            return Answer(200, {"totalSize": len(rows), "done": True, "records": []})
        self._forget_old()
        self._count += 1
        locator = make("Locator", self._count)
        return Answer(200, self._page(call, locator, (call.user.id, rows, found, self._org.now()), 0))

    def _forget_old(self) -> None:
        oldest = self._org.now() - self._org.settings["locator_life_s"]
        while self._cursors and (first := next(iter(self._cursors))) and self._cursors[first][3] < oldest:
            del self._cursors[first]

    def more(self, call: Call) -> Answer:
        """A further page.

        Raises:
            Refused: 400 INVALID_QUERY_LOCATOR, it is unknown or too old.
        """
        locator, _, offset = call.params["locator"].rpartition("-")
        cursor = self._cursors.get(locator)
        alive = cursor and cursor[0] == call.user.id
        if not cursor or not alive or self._org.now() - cursor[3] > self._org.settings["locator_life_s"]:
            raise refused(400, "INVALID_QUERY_LOCATOR", "locator")
        if not offset.isdecimal() or not 0 <= int(offset) < len(cursor[1]):
            raise refused(400, "INVALID_QUERY_LOCATOR", "locator")
        return Answer(200, self._page(call, locator, cursor, int(offset)))

    def _page(
        self, call: Call, locator: str, cursor: tuple[str, list[Row], Matching, int], start: int
    ) -> dict[str, Any]:
        _, rows, found, _ = cursor
        end = start + self._size(call)
        renderer = Renderer(found.paths, found.reach, call.version)
        shown: dict[str, Any] = {"totalSize": len(rows), "done": end >= len(rows)}
        if end < len(rows):
            self._cursors[locator] = cursor
            shown["nextRecordsUrl"] = f"/services/data/v{call.version}/query/{locator}-{end}"
        shown["records"] = [renderer.show(r) for r in rows[start:end]]
        return shown

    def _size(self, call: Call) -> int:
        """How many rows a page has: what was asked for, or fewer where the knob says so."""
        options = dict(
            p.strip().split("=", 1)
            for p in call.headers.get("sforce-query-options", "").split(",")
            if "=" in p
        )
        asked = next((v for n, v in options.items() if n.strip().lower() == "batchsize"), "")
        size = min(MOST_ROWS, max(LEAST_ROWS, int(asked))) if asked.strip().isdecimal() else MOST_ROWS
        if self._org.settings["short_pages"]:
            size = self._org.dice.randrange(size // 2, size)
        return size


def _no_parents(parents: list[Field]) -> Any:
    raise AssertionError("single records are shown without parents")
