"""The window of changes: nothing lost to the ceiling, to equal stamps, to the index's lag or to moves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.hubspot import Connector
from syncd.connector import Failure, FailureKind
from syncd.model import Clause, Contact
from tests.unit.hubspot_loopback import NOW_MS, TOKEN, Asked, Index, Loopback, Reply, Row, at, connect

DAY = 86_400_000
OLD = NOW_MS - 3 * DAY


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_LOOPBACK_TOKEN", TOKEN)


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback(lambda asked: Reply()) as running:
        yield running


def walk(
    connector: Connector, since: int, until: int, where: tuple[Clause, ...] = (), resume: str | None = None
) -> list[tuple[tuple[Contact, ...], str]]:
    pages = connector.changed("contact", at(since), at(until), ["email"], where, resume)
    return [(page.contacts, page.cursor) for page in pages]


def ids(pages: list[tuple[tuple[Contact, ...], str]]) -> list[int]:
    return [int(c.id) for contacts, _ in pages for c in contacts]


def found(
    server: Loopback, index: Index, since: int, until: int, where: tuple[Clause, ...] = ()
) -> list[int]:
    server.script = index
    result = ids(walk(connect(server), since, until, where))
    assert index.refused == []
    return result


def settled(count: int, start: int = OLD, step: int = 7) -> list[Row]:
    return [Row(1000 + n, start + n * step, start + n * step) for n in range(count)]


def test_both_ends_of_the_window_are_inclusive(server: Loopback) -> None:
    index = Index([Row(n, OLD + n, OLD + n) for n in range(10)])

    assert found(server, index, OLD + 2, OLD + 7) == [2, 3, 4, 5, 6, 7]


def test_hits_carry_id_version_and_instant_only(server: Loopback) -> None:
    server.script = Index([Row(7, OLD, OLD)])

    ((contacts, _),) = walk(connect(server), OLD, OLD)

    assert contacts == (Contact("7", version="2026-11-18T10:00:00.000Z", updated_at=at(OLD)),)
    assert contacts[0].fields is None


def test_10_001_distinct_stamps_are_each_found_once(server: Loopback) -> None:
    index = Index(settled(10_001))

    result = found(server, index, OLD, NOW_MS)

    assert sorted(result) == list(range(1000, 11_001))
    assert index.searches <= 53


def test_12_000_equal_stamps_are_each_found_without_a_loop(server: Loopback) -> None:
    index = Index([Row(n, OLD, OLD) for n in range(1, 12_001)])

    result = found(server, index, OLD - 5_000, NOW_MS)

    assert sorted(set(result)) == list(range(1, 12_001))
    assert len(result) < 12_500
    assert index.searches <= 66


def test_12_000_equal_stamps_of_this_very_minute_are_each_found(server: Loopback) -> None:
    moment = NOW_MS - 60_000
    index = Index([Row(n, moment, moment) for n in range(1, 12_001)])

    result = found(server, index, NOW_MS - DAY, NOW_MS)

    assert sorted(set(result)) == list(range(1, 12_001))
    assert index.searches <= 70


def test_a_flood_between_ordinary_changes_hides_neither_side(server: Loopback) -> None:
    before, after = settled(450), [replace(r, id=r.id + 50_000) for r in settled(450, OLD + 100_000)]
    flood = [Row(20_000 + n, OLD + 50_000, OLD + 50_000) for n in range(10_500)]
    index = Index([*before, *flood, *after])

    result = found(server, index, OLD, NOW_MS)

    assert set(result) == {r.id for r in index.rows}


@pytest.mark.parametrize("equal", [2, 199, 200, 201, 400])
@pytest.mark.parametrize("ahead", [0, 1, 150, 199, 200])
def test_equal_stamps_at_a_page_boundary_are_all_found(server: Loopback, ahead: int, equal: int) -> None:
    rows = settled(ahead)
    moment = OLD + 1_000_000
    rows += [Row(5_000 + n, moment, moment) for n in range(equal)]
    rows += [Row(9_000 + n, moment + 1 + n, moment + 1 + n) for n in range(5)]

    result = found(server, Index(rows), OLD, NOW_MS)

    assert sorted(set(result)) == sorted(r.id for r in rows)


def test_a_contact_that_moves_away_while_pages_are_read_hides_no_other(server: Loopback) -> None:
    index = Index(settled(1_000))

    def touch_one_that_was_read(number: int) -> None:
        position = number * 10
        index.rows[position] = replace(index.rows[position], indexed=NOW_MS + 5, stored=NOW_MS + 5)

    index.before_answer = touch_one_that_was_read

    result = set(found(server, index, OLD, NOW_MS))

    untouched = {r.id for r in index.rows if r.stored <= NOW_MS}
    assert untouched <= result


def test_a_newer_stamp_in_the_store_neither_hides_the_contact_nor_ends_the_walk(server: Loopback) -> None:
    rows = settled(900)
    for position in (0, 100, 198, 199, 200, 399, 640, 899):
        rows[position] = replace(rows[position], stored=NOW_MS + 60_000)

    result = found(server, Index(rows), OLD, NOW_MS)

    assert sorted(set(result)) == [r.id for r in rows]


def test_a_page_full_of_newer_stamps_is_read_through(server: Loopback) -> None:
    rows = [replace(r, stored=NOW_MS + n) for n, r in enumerate(settled(700))]

    index = Index(rows)
    result = found(server, index, OLD, NOW_MS)

    assert sorted(set(result)) == [r.id for r in rows]
    assert index.searches <= 60


def test_fresh_hits_in_disorder_are_all_found(server: Loopback) -> None:
    start = NOW_MS - 1_800_000
    rows = [Row(n, start + n * 1_000, start + n * 1_000) for n in range(1, 1_500)]
    index = Index(rows)
    index.disorder = _swapped_when_fresh

    result = found(server, index, start, NOW_MS)

    assert set(result) >= {r.id for r in rows if r.indexed <= NOW_MS}


@pytest.mark.parametrize("moment", [OLD, NOW_MS - 1_800_000])
@pytest.mark.parametrize("step", [0, 1, 1_000])
def test_neighbours_that_change_places_across_a_page_boundary_hide_nothing(
    server: Loopback, moment: int, step: int
) -> None:
    rows = [Row(n, moment + n * step, moment + n * step) for n in range(1, 1_200)]
    for first in (0, 1, 199):
        index = Index(rows)
        index.disorder = partial(_swapped, first)

        result = found(server, index, OLD, NOW_MS)

        assert set(result) == {r.id for r in rows}


def test_a_newer_stamp_at_the_end_of_a_fresh_page_skips_nothing(server: Loopback) -> None:
    start = NOW_MS - 1_800_000
    rows = [Row(n, start + n * 1_000, start + n * 1_000) for n in range(1, 900)]
    for position in (195, 196, 197, 198, 199):
        rows[position] = replace(rows[position], stored=NOW_MS - 1_000)

    result = found(server, Index(rows), start, NOW_MS)

    assert set(result) == {r.id for r in rows}


def test_a_copy_that_is_older_than_the_window_is_dropped(server: Loopback) -> None:
    index = Index([Row(1, OLD, OLD - 1), Row(2, OLD, OLD), Row(3, OLD, NOW_MS + 1)])

    assert found(server, index, OLD, NOW_MS) == [2, 3]


@pytest.mark.parametrize("fresh", [False, True])
def test_reading_resumes_after_each_page(server: Loopback, fresh: bool) -> None:
    start = NOW_MS - 3_000_000 if fresh else OLD
    rows = settled(500, start) + [Row(50_000 + n, start + 9_000, start + 9_000) for n in range(450)]
    server.script = Index(rows)
    connector = connect(server)
    pages = walk(connector, start - 10, NOW_MS)

    for number, (_, cursor) in enumerate(pages):
        rest = walk(connector, start - 10, NOW_MS, resume=cursor)
        assert {*ids(pages[: number + 1]), *ids(rest)} == {r.id for r in rows}
    assert walk(connector, start - 10, NOW_MS, resume=pages[-1][1]) == []


def test_an_empty_window_ends_with_a_cursor_after_which_nothing_comes(server: Loopback) -> None:
    index = Index([])
    server.script = index
    connector = connect(server)

    ((contacts, cursor),) = walk(connector, OLD, NOW_MS)

    assert contacts == ()
    assert walk(connector, OLD, NOW_MS, resume=cursor) == []
    assert index.searches == 1


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "[]",
        "{}",
        '{"at": "1"}',
        '{"at": true}',
        '{"at": 1.5}',
        '{"at": 1, "past": -1}',
        '{"after": "9"}',
    ],
)
def test_a_broken_cursor_is_refused_at_once(server: Loopback, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor is not one of"):
        connect(server).changed("contact", at(OLD), at(NOW_MS), [], [], cursor)


@pytest.mark.parametrize("moment", [OLD - 1, NOW_MS + 2])
def test_a_cursor_of_another_window_is_refused(server: Loopback, moment: int) -> None:
    with pytest.raises(ValueError, match="another window"):
        connect(server).changed("contact", at(OLD), at(NOW_MS), [], [], json.dumps({"at": moment}))


def test_a_search_that_ignores_the_record_id_is_noticed(server: Loopback) -> None:
    rows = [Row(n, OLD, OLD) for n in range(1, 402)]
    index = Index(rows)

    def ignoring_ids(asked: Asked) -> Reply:
        (group,) = asked.json["filterGroups"]
        group["filters"] = [f for f in group["filters"] if f["operator"] != "GT"]
        return index(asked)

    server.script = ignoring_ids

    with pytest.raises(Failure) as caught:
        walk(connect(server), OLD, NOW_MS)
    assert caught.value.kind is FailureKind.CONTRACT
    assert index.searches < 10


def test_the_beginning_of_time_is_never_asked_for(server: Loopback) -> None:
    index = Index([])
    server.script = index

    walk(connect(server), 0, NOW_MS)

    ((between,),) = [g["filters"] for g in server.asked[-1].json["filterGroups"]]
    assert between["value"] == "1000"


def test_a_refused_search_says_so_without_the_answer(server: Loopback) -> None:
    server.script = lambda asked: Reply({"category": "VALIDATION_ERROR", "message": "jane@example.com"}, 400)

    with pytest.raises(Failure) as caught:
        walk(connect(server), OLD, NOW_MS)

    assert caught.value.kind is FailureKind.CONFIG
    assert "jane" not in str(caught.value)


moments = st.sampled_from([0, 1, 2, 3_000, DAY, 3 * DAY - 600_000, 3 * DAY - 1_000, 3 * DAY])
groups = st.lists(
    st.tuples(moments, st.integers(1, 420), st.sampled_from([0, 1, 13]), st.integers(0, 9)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=groups, cut=st.integers(0, 12), swap=st.booleans())
def test_whatever_lies_in_a_window_is_found_whole_or_resumed(
    server: Loopback, groups: list[tuple[int, int, int, int]], cut: int, swap: bool
) -> None:
    rows: list[Row] = []
    for moment, size, step, stale in groups:
        for n in range(size):
            indexed = OLD + moment + n * step
            is_stale = stale and n % 10 < stale
            rows.append(Row(len(rows) + 1, indexed, NOW_MS + n if is_stale else indexed))
    index = Index(rows)
    if swap:
        index.disorder = _swapped_when_fresh
    server.script = index
    connector = connect(server)
    first: list[int] = []
    resume = None
    for number, page in enumerate(connector.changed("contact", at(OLD), at(NOW_MS), [], [], None)):
        first += [int(c.id) for c in page.contacts]
        resume = page.cursor
        if number == cut:
            break

    rest = ids(walk(connector, OLD, NOW_MS, resume=resume))

    assert {*first, *rest} >= {r.id for r in rows if r.indexed <= NOW_MS}
    assert index.refused == []


def _swapped(first: int, found: list[Row]) -> list[Row]:
    """Neighbours in exchanged places: from `first` on every pair, or for 199 the one at the page's end only."""
    rows = list(found)
    for n in range(first, len(rows) - 1, 2 if first < 2 else 1_000_000):
        rows[n], rows[n + 1] = rows[n + 1], rows[n]
    return rows


def _swapped_when_fresh(found: list[Row]) -> list[Row]:
    rows = list(found)
    for n in range(0, len(rows) - 1, 3):
        if rows[n].indexed > NOW_MS - 3_000_000:
            rows[n], rows[n + 1] = rows[n + 1], rows[n]
    return rows
