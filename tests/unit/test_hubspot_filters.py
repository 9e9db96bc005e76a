"""Which conditions of a sync are passed to HubSpot's search, and which are left to the core."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.model import Clause
from tests.unit.hubspot_loopback import NOW_MS, TOKEN, Index, Loopback, Reply, Row, at, connect

OLD = NOW_MS - 3 * 86_400_000


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_LOOPBACK_TOKEN", TOKEN)


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback(lambda asked: Reply()) as running:
        yield running


def walk(server: Loopback, where: tuple[Clause, ...]) -> list[int]:
    pages = connect(server).changed("contact", at(OLD), at(NOW_MS), ["email"], where, None)
    return [int(c.id) for page in pages for c in page.contacts]


PROPERTIES = [
    {
        "name": "lifecyclestage",
        "type": "enumeration",
        "fieldType": "radio",
        "options": [{"value": v} for v in ("Lead", "customer", "LEAD")],
    },
    {
        "name": "tags",
        "type": "enumeration",
        "fieldType": "checkbox",
        "options": [{"value": "a"}, {"value": "b"}],
    },
    {"name": "city", "type": "string", "fieldType": "text"},
]


def pushed(server: Loopback, *where: Clause) -> list[dict[str, object]]:
    index = Index([])
    server.script = lambda asked: Reply({"results": PROPERTIES}) if asked.method == "GET" else index(asked)
    walk(server, where)
    assert index.refused == []
    (group,) = server.asked[-1].json["filterGroups"]
    filters: list[dict[str, object]] = group["filters"]
    return filters[1:]


def test_presence_is_left_to_the_search(server: Loopback) -> None:
    assert pushed(server, Clause("email", "present")) == [
        {"propertyName": "email", "operator": "HAS_PROPERTY"}
    ]


def test_options_are_searched_for_in_each_spelling_that_the_account_has(server: Loopback) -> None:
    assert pushed(server, Clause("lifecyclestage", "in", (" lead", "CUSTOMER"))) == [
        {"propertyName": "lifecyclestage", "operator": "IN", "values": ["LEAD", "Lead", "customer"]}
    ]


@pytest.mark.parametrize(
    "clause",
    [
        Clause("city", "in", ("Oslo",)),
        Clause("tags", "in", ("a",)),
        Clause("lifecyclestage", "in", ("lead", "subscriber")),
        Clause("lifecyclestage", "in", ("lead", "")),
        Clause("lifecyclestage", "in", ()),
        Clause("lifecyclestage", "not_in", ("lead",)),
        Clause("lifecyclestage", "not_equals", ("lead",)),
        Clause("city", "absent"),
        Clause("unknown", "equals", ("x",)),
    ],
)
def test_what_a_search_could_judge_otherwise_is_left_to_the_core(server: Loopback, clause: Clause) -> None:
    assert pushed(server, clause) == []


def test_filters_never_outgrow_what_hubspot_takes(server: Loopback) -> None:
    many = tuple(Clause(f"property_{n}", "present") for n in range(9))
    rows = [Row(n, OLD, OLD, {f"property_{k}": "x" for k in range(9)}) for n in range(1, 500)]

    index = Index(rows)
    server.script = index

    assert set(walk(server, many)) == {r.id for r in rows}
    assert index.refused == []


def test_a_filter_longer_than_a_search_may_be_is_left_to_the_core(server: Loopback) -> None:
    assert pushed(server, Clause("p" * 2_900, "present")) == []
