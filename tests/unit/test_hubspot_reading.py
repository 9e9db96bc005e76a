"""Fresh reads by id, the list of all contacts, property definitions, and who wrote a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import pytest

from connectors.hubspot import Connector
from syncd.connector import Failure, FailureKind
from syncd.model import Author, AuthorKind, Contact
from tests.unit.hubspot_loopback import TOKEN, Asked, Loopback, Reply, connect

STAMP = "2026-11-20T08:00:00.123Z"
STAMP_AT = datetime(2026, 11, 20, 8, 0, 0, 123_000, tzinfo=UTC)


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_LOOPBACK_TOKEN", TOKEN)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(lambda asked: Reply()) as running:
        yield running


def stored(contact_id: str, **properties: str | None) -> dict[str, object]:
    values = {"lastmodifieddate": STAMP, "hs_object_id": contact_id, **properties}
    return {"id": contact_id, "properties": values, "archived": False}


class Store:
    """Batch read and single read over a fixed set of records; old ids of merged ones lead to survivors."""

    def __init__(
        self, known: Mapping[str, dict[str, object]], merged: Mapping[str, str] | None = None
    ) -> None:
        self.known = known
        self.merged = merged or {}
        self.batches: list[int] = []

    def __call__(self, asked: Asked) -> Reply:
        if asked.method == "GET":
            asked_id = asked.path.rsplit("/", 1)[1]
            found = self.known.get(self.merged.get(asked_id, asked_id))
            return Reply(found) if found else Reply({"category": "OBJECT_NOT_FOUND"}, 404)
        wanted = [i["id"] for i in asked.json["inputs"]]
        self.batches.append(len(wanted))
        missing = [i for i in wanted if i not in self.known]
        body: dict[str, object] = {"results": [self.known[i] for i in reversed(wanted) if i in self.known]}
        if not missing:
            return Reply(body)
        errors = [{"category": "OBJECT_NOT_FOUND", "context": {"ids": missing}}]
        return Reply({**body, "numErrors": 1, "errors": errors}, 207)


def test_a_read_gives_the_asked_properties_and_the_version(server: Loopback) -> None:
    server.script = Store({"1": stored("1", email="a@example.com", phone=None)})

    (contact,) = connect(server).read("contact", ["1"], ["email", "phone", "undefined_here"])

    assert contact == Contact(
        "1", version=STAMP, updated_at=STAMP_AT, fields={"email": "a@example.com", "phone": None}
    )
    assert server.asked[0].json == {
        "inputs": [{"id": "1"}],
        "properties": ["email", "phone", "undefined_here", "lastmodifieddate"],
    }


@pytest.mark.parametrize(("authorship", "sizes"), [(False, [100, 100, 30]), (True, [50, 50, 50, 50, 30])])
def test_reads_are_cut_to_what_one_request_may_hold(
    server: Loopback, authorship: bool, sizes: list[int]
) -> None:
    ids = [str(n) for n in range(230)]
    store = Store({i: stored(i) for i in ids})
    server.script = store

    found = connect(server).read("contact", [*ids, "7", "7"], ["email"], authorship=authorship)

    assert sorted(c.id for c in found) == sorted(ids)
    assert store.batches == sizes


def test_deleted_and_merged_contacts_are_told_apart(server: Loopback) -> None:
    server.script = Store({"1": stored("1"), "50": stored("50")}, merged={"2": "50"})

    found = {c.id: c for c in connect(server).read("contact", ["1", "2", "3"], ["email"])}

    assert not found["1"].gone
    assert found["2"] == Contact("2", gone=True, merged_into="50")
    assert found["3"] == Contact("3", gone=True)


def test_a_record_that_only_the_batch_missed_is_read_singly(server: Loopback) -> None:
    entry = {"value": "x", "timestamp": STAMP, "sourceType": "CRM_UI", "updatedByUserId": 5}
    record = {**stored("1", email="x"), "propertiesWithHistory": {"email": [entry]}}
    server.script = lambda asked: Reply(record) if asked.method == "GET" else Reply({"results": []})

    (contact,) = connect(server).read("contact", ["1"], ["email"], authorship=True)

    assert contact.fields == {"email": "x"}
    assert contact.authors["email"].kind is AuthorKind.PERSON
    assert server.asked[-1].query == {
        "properties": ["email", "lastmodifieddate"],
        "propertiesWithHistory": ["email"],
    }


def test_a_single_read_of_very_many_properties_is_split_by_the_length_of_its_address(
    server: Loopback,
) -> None:
    names = [f"a_rather_long_property_name_{n}" for n in range(300)]

    def script(asked: Asked) -> Reply:
        if asked.method == "POST":
            return Reply({"results": []})
        return Reply(stored("1", **dict.fromkeys(asked.query["properties"], "v")))

    server.script = script
    (contact,) = connect(server).read("contact", ["1"], names)

    assert contact.fields == dict.fromkeys(names, "v")
    gets = [a for a in server.asked if a.method == "GET"]
    assert len(gets) > 1
    assert max(len("".join(f"&properties={p}" for p in a.query["properties"])) for a in gets) < 6_000


def test_a_batch_of_which_nothing_exists_may_be_answered_with_404(server: Loopback) -> None:
    server.script = lambda asked: Reply({"category": "OBJECT_NOT_FOUND"}, 404)

    assert connect(server).read("contact", ["1"], []) == [Contact("1", gone=True)]


def test_an_answer_without_results_is_never_read_as_gone(server: Loopback) -> None:
    server.script = lambda asked: Reply({"status": "PENDING"})

    with pytest.raises(Failure) as caught:
        connect(server).read("contact", ["1"], ["email"])

    assert caught.value.kind is FailureKind.CONTRACT


def history(*entries: Mapping[str, object]) -> Author | None:
    record = {**stored("1", jobtitle="x"), "propertiesWithHistory": {"jobtitle": list(entries), "phone": []}}
    with Loopback(lambda asked: Reply({"results": [record]})) as server:
        (contact,) = connect(server).read("contact", ["1"], ["jobtitle", "phone"], authorship=True)
        assert server.asked[0].json["propertiesWithHistory"] == ["jobtitle", "phone"]
    assert "phone" not in contact.authors
    return contact.authors.get("jobtitle")


def entry(source: str, value: str | None = "x", at: str = STAMP, **more: object) -> dict[str, object]:
    return {"value": value, "timestamp": at, "sourceType": source, **more}


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        *((s, AuthorKind.PERSON) for s in ("CRM_UI", "CRM_UI_BULK_ACTION", "CONTACTS_WEB", "EXTENSION")),
        *((s, AuthorKind.PERSON) for s in ("MOBILE_IOS", "MOBILE_ANDROID", "PROPERTY_RESTORE")),
        *((s, AuthorKind.INTEGRATION) for s in ("INTEGRATION", "API", "INTEGRATIONS_PLATFORM")),
        ("IMPORT", AuthorKind.IMPORT),
        *((s, AuthorKind.AUTOMATION) for s in ("AUTOMATION_PLATFORM", "WORKFLOWS", "AUTOMATION_JOURNEY")),
        *((s, AuthorKind.VENDOR) for s in ("CALCULATED", "MERGE_CONTACTS", "MERGE_OBJECTS", "AI_GROUP")),
        *((s, AuthorKind.VENDOR) for s in ("DATA_ENRICHMENT", "CONVERSATIONAL_ENRICHMENT")),
        *((s, AuthorKind.UNKNOWN) for s in ("FORM", "SALESFORCE", "INTEGRATIONS_SYNC", "SOMETHING_NEW", "")),
    ],
)
def test_the_kind_of_author_follows_the_source(source: str, kind: AuthorKind) -> None:
    author = history(entry(source))

    assert author is not None
    assert author.kind is kind


@pytest.mark.parametrize(
    ("given", "source"),
    [
        (entry("CRM_UI", sourceId="userId:123", updatedByUserId=123), "123"),
        (entry("CRM_UI", sourceId="userId:77"), "77"),
        (entry("CRM_UI", sourceId="Jane Roe", sourceLabel="Jane Roe"), ""),
        (entry("INTEGRATION", sourceId="4711"), "4711"),
        (entry("INTEGRATION"), ""),
        (entry("AUTOMATION_PLATFORM", sourceId="enrollmentId:12;actionExecutionIndex:0"), None),
        (entry("FORM", sourceId="jane@example.com"), ""),
    ],
)
def test_the_author_is_named_by_an_id_and_never_by_free_text(
    given: dict[str, object], source: str | None
) -> None:
    author = history(given)

    assert author is not None
    assert author.source == (given["sourceId"] if source is None else source)
    assert (author.at, author.value) == (STAMP_AT, "x")


def test_the_newest_entry_counts_wherever_it_stands() -> None:
    older = entry("CRM_UI", "old", "2026-01-01T00:00:00Z", updatedByUserId=1)
    newer = entry("INTEGRATION", "new", "2026-02-01T00:00:00Z", sourceId="4711")

    for listed in ([newer, older], [older, newer]):
        author = history(*listed)
        assert author is not None
        assert (author.label, author.value) == ("integration 4711", "new")


def test_of_entries_of_one_instant_the_first_listed_is_the_newest() -> None:
    author = history(entry("CRM_UI", "b", updatedByUserId=2), entry("INTEGRATION", "a", sourceId="4711"))

    assert author is not None
    assert author.label == "person 2"


def test_merging_records_does_not_unmake_a_persons_edit() -> None:
    merge = entry("MERGE_CONTACTS", "x", "2026-03-01T00:00:00Z")
    theirs = entry("CRM_UI", "x", "2026-02-01T00:00:00Z", updatedByUserId=9)
    ours = entry("INTEGRATION", "x", "2026-02-01T00:00:00Z", sourceId="4711")
    other = entry("CRM_UI", "y", "2026-02-02T00:00:00Z", updatedByUserId=9)

    kinds = [
        (history(merge, *older) or Author(AuthorKind.UNKNOWN)).label for older in ([theirs], [ours], [other])
    ]

    assert kinds == ["person 9", "vendor", "vendor"]


def test_a_cleared_value_has_an_author_too() -> None:
    author = history(entry("CRM_UI", None, updatedByUserId=3))

    assert author is not None
    assert (author.label, author.value) == ("person 3", None)


def listing(count: int) -> Callable[[Asked], Reply]:
    ids = [str(100 + n) for n in range(count)]

    def script(asked: Asked) -> Reply:
        if asked.method == "POST":
            return Store({i: stored(i, email=f"{i}@example.com") for i in ids if i != "103"})(asked)
        if not asked.path.endswith("/contacts"):
            return Reply({"category": "OBJECT_NOT_FOUND"}, 404)
        start = ids.index(asked.query["after"][0]) if "after" in asked.query else 0
        page = ids[start : start + int(asked.query["limit"][0])]
        wanted = asked.query.get("properties", [])
        body: dict[str, object] = {
            "results": [
                {"id": i, "properties": {**dict.fromkeys(wanted, "v"), "lastmodifieddate": STAMP}}
                for i in page
            ]
        }
        if start + len(page) < len(ids):
            body["paging"] = {"next": {"after": ids[start + len(page)]}}
        return Reply(body)

    return script


def scanned(
    connector: Connector, properties: list[str], resume: str | None = None
) -> list[tuple[list[str], str]]:
    return [([c.id for c in p.contacts], p.cursor) for p in connector.scan("contact", properties, resume)]


def test_a_scan_lists_every_contact_with_its_fields(server: Loopback) -> None:
    server.script = listing(250)

    pages = list(connect(server).scan("contact", ["email"], None))

    assert [len(p.contacts) for p in pages] == [100, 100, 50]
    assert [c.id for p in pages for c in p.contacts] == [str(100 + n) for n in range(250)]
    assert pages[0].contacts[0] == Contact("100", version=STAMP, updated_at=STAMP_AT, fields={"email": "v"})


def test_a_scan_resumes_after_each_page(server: Loopback) -> None:
    server.script = listing(250)
    connector = connect(server)
    pages = scanned(connector, ["email"])

    for number, (_, cursor) in enumerate(pages):
        assert scanned(connector, ["email"], cursor) == pages[number + 1 :]


def test_an_empty_account_is_scanned_in_one_page(server: Loopback) -> None:
    server.script = listing(0)
    connector = connect(server)
    ((ids, cursor),) = scanned(connector, ["email"])

    assert ids == []
    assert scanned(connector, ["email"], cursor) == []


def test_a_scan_of_very_many_properties_lists_ids_and_reads_the_rest(server: Loopback) -> None:
    server.script = listing(120)
    names = ["email", *(f"a_rather_long_property_name_{n}" for n in range(300))]

    pages = list(connect(server).scan("contact", names, None))

    contacts = {c.id: c for p in pages for c in p.contacts}
    assert len(contacts) == 120
    assert contacts["100"].fields == {"email": "100@example.com"}
    assert contacts["103"].gone
    lists = [a for a in server.asked if a.method == "GET" and a.path.endswith("/contacts")]
    assert [a.query["properties"] for a in lists] == [["lastmodifieddate"]] * 2


@pytest.mark.parametrize(
    "cursor", ["", "x", "[]", "{}", '{"after": 5}', '{"after": ""}', '{"end": false}', '{"at": 1}']
)
def test_a_broken_cursor_of_a_scan_is_refused(server: Loopback, cursor: str) -> None:
    with pytest.raises(ValueError, match="not one of HubSpot's list"):
        list(connect(server).scan("contact", ["email"], cursor))
    assert server.asked == []


def test_a_list_that_stands_still_is_noticed(server: Loopback) -> None:
    server.script = lambda asked: Reply({"results": [], "paging": {"next": {"after": "5"}}})

    with pytest.raises(Failure) as caught:
        scanned(connect(server), ["email"])

    assert caught.value.kind is FailureKind.CONTRACT
    assert len(server.asked) == 2


DEFINITIONS: list[dict[str, object]] = [
    {"name": "jobtitle", "label": "Job title", "type": "string", "fieldType": "text", "hubspotDefined": True},
    {
        "name": "seniority",
        "type": "enumeration",
        "fieldType": "select",
        "options": [
            {"label": "Vice president", "value": "vp"},
            {"label": "Old", "value": "old", "hidden": True},
        ],
        "modificationMetadata": {"readOnlyValue": False},
    },
    {"name": "tags", "type": "enumeration", "fieldType": "checkbox", "options": [{"value": "a"}]},
    {"name": "owner", "type": "enumeration", "fieldType": "select", "options": [], "externalOptions": True},
    {"name": "score", "type": "number", "calculated": True, "modificationMetadata": {"readOnlyValue": True}},
    {
        "name": "createdate",
        "type": "datetime",
        "hubspotDefined": True,
        "modificationMetadata": {"readOnlyValue": True},
    },
    {"name": "frozen", "type": "string", "modificationMetadata": {"readOnlyValue": True}},
]


def test_definitions_say_type_length_options_and_why_a_property_is_read_only(server: Loopback) -> None:
    server.script = lambda asked: Reply({"results": DEFINITIONS})

    schema = connect(server).schema("contact")

    assert list(schema) == [d["name"] for d in DEFINITIONS]
    title = schema["jobtitle"]
    assert (title.label, title.type, title.max_length, title.writable) == (
        "Job title",
        "string",
        65_536,
        True,
    )
    assert schema["seniority"].options == frozenset({"vp", "old"})
    assert schema["seniority"].max_length is None
    assert (schema["tags"].options, schema["owner"].options, title.options) == (None, None, None)
    assert {n: f.why_read_only for n, f in schema.items() if not f.writable} == {
        "score": "HubSpot calculates it",
        "createdate": "HubSpot maintains it",
        "frozen": "the account makes its values read-only",
    }
