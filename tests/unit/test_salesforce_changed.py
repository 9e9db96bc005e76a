"""What changed: keyset on stamp and id, pages by the server's links, gone records marked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from syncd.connector import Failure, FailureKind
from syncd.model import Clause, Contact, Page
from tests.unit.salesforce_loopback import (
    CONTACT,
    NOW,
    Asked,
    Loopback,
    MiniOrg,
    Reply,
    connect,
    contact_id,
    contact_row,
    error,
    secrets,
    stamp,
)

SINCE = NOW - timedelta(hours=1)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets(monkeypatch)


@pytest.fixture
def org() -> MiniOrg:
    return MiniOrg(rows={"Contact": [], "Lead": []})


@pytest.fixture
def server(org: MiniOrg) -> Iterator[Loopback]:
    with Loopback(org) as running:
        yield running


def changed(
    server: Loopback,
    resume: str | None = None,
    properties: tuple[str, ...] = ("Email",),
    where: tuple[Clause, ...] = (),
    object_name: str = "contact",
) -> list[Page]:
    return list(connect(server).changed(object_name, SINCE, NOW, properties, where, resume))


def ids(pages: list[Page]) -> list[str]:
    return [c.id for p in pages for c in p.contacts]


def test_records_come_with_their_values_stamp_and_version(org: MiniOrg, server: Loopback) -> None:
    org.rows["Contact"] = [contact_row(1, 5, Account={"Name": "Acme"}), contact_row(2, -1)]
    (page,) = changed(server, properties=("Email", "Account.Name", "Title", "NoSuch__c"))

    assert page.contacts == (
        Contact(
            contact_id(1),
            version=stamp(5),
            updated_at=SINCE + timedelta(seconds=5),
            fields={"Email": "p1@example.com", "Account.Name": "Acme", "Title": None},
        ),
    )


def test_the_first_instant_belongs_to_the_window(org: MiniOrg, server: Loopback) -> None:
    org.rows["Contact"] = [contact_row(1, 0)]
    assert ids(changed(server)) == [contact_id(1)]


def test_pages_follow_the_servers_links_however_short_they_are(org: MiniOrg, server: Loopback) -> None:
    org.rows["Contact"] = [contact_row(n, n // 4) for n in range(1, 24)]
    org.page = 5
    pages = changed(server)

    assert ids(pages) == [contact_id(n) for n in range(1, 24)]
    assert [len(p.contacts) for p in pages] == [5, 5, 5, 5, 3]
    assert len(org.queries) == 1


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_reading_resumes_within_a_second_that_many_records_share(
    org: MiniOrg, server: Loopback, stop_after: int
) -> None:
    org.rows["Contact"] = [contact_row(n, 7) for n in range(1, 11)]
    org.page = 3
    first = changed(server)[:stop_after]
    rest = changed(server, first[-1].cursor)

    assert ids(first) + ids(rest) == [contact_id(n) for n in range(1, 11)]


def test_after_the_last_page_there_is_nothing(org: MiniOrg, server: Loopback) -> None:
    org.rows["Contact"] = [contact_row(1)]
    assert changed(server, changed(server)[-1].cursor) == []


def test_a_cursor_that_the_server_forgot_is_replaced_by_the_place_that_was_reached(
    org: MiniOrg, server: Loopback
) -> None:
    org.rows["Contact"] = [contact_row(n, n) for n in range(1, 8)]
    org.page = 2
    pages: list[Page] = []
    for page in connect(server).changed("contact", SINCE, NOW, ["Email"], [], None):
        pages.append(page)
        if len(pages) == 2:
            org.forget_queries()

    assert ids(pages) == [contact_id(n) for n in range(1, 8)]


def test_a_cursor_that_is_lost_again_and_again_is_no_endless_loop(org: MiniOrg, server: Loopback) -> None:
    org.rows["Contact"] = [contact_row(n, n) for n in range(1, 8)]
    org.page = 2
    org.extra = lambda asked: error("INVALID_QUERY_LOCATOR") if "queryAll" in asked.path else None

    with pytest.raises(Failure):
        changed(server)
    assert len(server.asked) < 10


def test_deleted_and_merged_records_are_gone_and_the_survivor_is_named(
    org: MiniOrg, server: Loopback
) -> None:
    org.rows["Contact"] = [
        contact_row(1, 1, IsDeleted=True),
        contact_row(2, 2, IsDeleted=True, MasterRecordId=contact_id(3)[:15]),
        contact_row(3, 3),
    ]
    (page,) = changed(server, where=(Clause("Level__c", "in", ("Primary",)),))

    assert [(c.id, c.gone, c.merged_into, c.fields) for c in page.contacts] == [
        (contact_id(1), True, None, None),
        (contact_id(2), True, contact_id(3), None),
    ]


def test_a_converted_lead_is_gone_and_handed_over_to_its_contact(org: MiniOrg, server: Loopback) -> None:
    lead = {**contact_row(7, 1), "Id": contact_id(7).replace("003", "00Q"), "IsConverted": True}
    org.rows["Lead"] = [{**lead, "ConvertedContactId": contact_id(9)}]
    (page,) = changed(server, object_name="lead")

    assert [(c.gone, c.merged_into) for c in page.contacts] == [(True, contact_id(9))]


def test_what_changes_after_the_end_of_the_window_comes_too(org: MiniOrg, server: Loopback) -> None:
    org.rows["Contact"] = [contact_row(1, 3_700)]
    assert ids(changed(server)) == [contact_id(1)]


CERTAIN = [
    (Clause("Email", "present"), "Email != null"),
    (Clause("DoNotCall", "equals", ("TRUE",)), "DoNotCall = true"),
    (Clause("DoNotCall", "in", ("false",)), "DoNotCall = false"),
    (Clause("Level__c", "in", (" primary ", "Secondary")), "Level__c IN ('Primary','Secondary')"),
]
UNCERTAIN = [
    Clause("Email", "absent"),
    Clause("Email", "equals", ("a@example.com",)),
    Clause("Level__c", "in", ("Primary", "Old")),
    Clause("Level__c", "not_in", ("Primary",)),
    Clause("LeadSource", "in", ("Web",)),
    Clause("DoNotCall", "in", ("true", "false")),
    Clause("DoNotCall", "present"),
    Clause("Description", "present"),
    Clause("NoSuch__c", "present"),
    Clause("Account.Name", "present"),
    Clause("Email' OR '1'='1", "present"),
]


@pytest.mark.parametrize(("clause", "condition"), CERTAIN)
def test_a_condition_that_is_certain_asks_for_less(
    org: MiniOrg, server: Loopback, clause: Clause, condition: str
) -> None:
    changed(server, where=(clause,))
    assert f"(IsDeleted = true OR {condition})" in org.queries[0]


@pytest.mark.parametrize("clause", UNCERTAIN)
def test_a_condition_that_is_not_certain_is_left_to_the_core(
    org: MiniOrg, server: Loopback, clause: Clause
) -> None:
    changed(server, where=(clause,))
    assert " OR " not in org.queries[0]


def test_all_certain_conditions_must_hold(org: MiniOrg, server: Loopback) -> None:
    org.rows["Contact"] = [
        contact_row(1, 1, DoNotCall=True, Level__c="Primary"),
        contact_row(2, 2, DoNotCall=True, Level__c=None),
        contact_row(3, 3, DoNotCall=False, Level__c="Primary"),
    ]
    where = (Clause("DoNotCall", "equals", ("true",)), Clause("Level__c", "present"))

    assert ids(changed(server, where=where)) == [contact_id(1)]


def test_a_field_that_is_hidden_while_we_run_is_left_out_and_the_rest_goes_on(
    org: MiniOrg, server: Loopback
) -> None:
    org.rows["Contact"] = [contact_row(1, 1)]
    connector = connect(server)
    connector.schema("contact")
    org.described["Contact"] = [f for f in CONTACT if f["name"] != "Title"]
    (page,) = connector.changed("contact", SINCE, NOW, ["Email", "Title"], [], None)

    assert page.contacts[0].fields == {"Email": "p1@example.com"}


def test_a_query_that_is_refused_for_another_reason_is_a_matter_for_the_operator(
    org: MiniOrg, server: Loopback
) -> None:
    org.extra = lambda asked: error("INVALID_FIELD") if "queryAll" in asked.path else None

    with pytest.raises(Failure) as caught:
        changed(server)
    assert (caught.value.kind, caught.value.code) == (FailureKind.CONFIG, "INVALID_FIELD")
    assert len(server.to("queryAll/")) == 1


def test_properties_that_do_not_fit_into_a_url_are_left_to_a_read(org: MiniOrg, server: Loopback) -> None:
    many = [f"Custom_Field_Number_{n}_Of_Very_Many__c" for n in range(400)]
    org.described["Contact"] = CONTACT + [{**CONTACT[8], "name": name} for name in many]
    org.rows["Contact"] = [contact_row(1, 1, **{many[399]: "x"})]
    (page,) = changed(server, properties=tuple(many))
    (read,) = connect(server).read("contact", [contact_id(1)], many)

    assert page.contacts[0].fields is None
    assert read.fields is not None
    assert len(read.fields) == 400
    assert read.fields[many[399]] == "x"
    assert max(len(f"{a.path}?{json.dumps(dict(a.query))}") for a in server.asked) < 16_000


@pytest.mark.parametrize(
    "cursor", ["", "{}", "[]", '{"past": "x"}', '{"at": "2026", "past": "x"}', '{"at": 5, "past": 3}']
)
def test_a_foreign_cursor_is_refused(server: Loopback, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        changed(server, cursor)


@pytest.mark.parametrize("following", [None, "https://elsewhere.example/services/data/", "/elsewhere"])
def test_a_link_that_leads_elsewhere_is_not_followed(
    org: MiniOrg, server: Loopback, following: str | None
) -> None:
    def odd(asked: Asked) -> Reply | None:
        body = {"totalSize": 9, "done": False, "records": [contact_row(1)], "nextRecordsUrl": following}
        return Reply(body) if "queryAll" in asked.path else None

    org.extra = odd
    with pytest.raises(Failure) as caught:
        changed(server)
    assert caught.value.kind is FailureKind.CONTRACT
