"""HubSpot's sandbox, rows 3 to 5 of what it must reproduce: search, its late index, and dates that move alone."""

from __future__ import annotations

import pytest

from tests.hubspot_portal import FIRST, where

SECOND, THIRD = "1000002", "1000003"


@pytest.fixture
def people(hubspot_portal):
    """Three contacts with known values, and nine of the population."""
    portal = hubspot_portal()
    for number, values in (
        (FIRST, {"company": "Alpha Beta", "employee_count": "5", "next_review_on": "2026-05-01"}),
        (SECOND, {"company": "alpha gamma", "employee_count": "50", "next_review_on": "2026-06-01"}),
        (THIRD, {"company": "Delta", "employee_count": "500", "lifecyclestage": "evangelist"}),
    ):
        portal.edit(id=number, properties=values)
        portal.advance(1)
    return portal


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (where("company", "EQ", "DELTA"), [THIRD]),
        (where("company", "IN", values=["delta"]), [THIRD]),
        (where("company", "IN", values=["Delta"]), []),
        (where("company", "CONTAINS_TOKEN", "alpha"), [FIRST, SECOND]),
        (where("company", "CONTAINS_TOKEN", "alp*"), [FIRST, SECOND]),
        (where("company", "CONTAINS_TOKEN", "alp"), []),
        (where("employee_count", "GT", "5"), [SECOND, THIRD]),
        (where("employee_count", "GTE", "5"), [FIRST, SECOND, THIRD]),
        (where("employee_count", "LT", "50"), [FIRST]),
        (where("employee_count", "LTE", "50"), [FIRST, SECOND]),
        (where("employee_count", "EQ", "50.0"), [SECOND]),
        (where("employee_count", "NEQ", "50"), [FIRST, THIRD]),
        (where("employee_count", "NOT_IN", values=["5", "500"]), [SECOND]),
        (where("employee_count", "BETWEEN", "5", highValue="50"), [FIRST, SECOND]),
        (where("employee_count", "HAS_PROPERTY"), [FIRST, SECOND, THIRD]),
        (where("next_review_on", "GTE", "2026-05-02"), [SECOND]),
        (where("next_review_on", "EQ", "1777593600000"), [FIRST]),
        (where("lifecyclestage", "EQ", "evangelist"), [THIRD]),
        (where("lifecyclestage", "EQ", "Evangelist"), []),
        (where("hs_object_id", "EQ", SECOND), [SECOND]),
    ],
)
def test_row_3_operators_find_what_they_say_with_hubspot_s_rules_of_case(people, given, expected):
    assert people.found(given) == expected


def test_row_3_blank_values_are_found_by_not_has_property_only(people):
    total = people.search().json()["total"]
    assert len(people.found(where("employee_count", "NOT_HAS_PROPERTY"))) == total - 3
    assert len(people.found(where("company", "NOT_CONTAINS_TOKEN", "alpha"))) == total - 2


def test_row_3_groups_are_alternatives_and_filters_in_a_group_all_hold(people):
    both = [where("company", "EQ", "delta"), where("employee_count", "GT", "1000")]
    assert people.found(*both) == []
    body = {"filterGroups": [{"filters": [one]} for one in both]}
    assert people.search(**body).json()["total"] == 1


def test_row_3_an_empty_body_finds_everybody_in_the_order_of_creation(people):
    answer = people.search().json()
    assert answer["total"] == 12
    assert [r["id"] for r in answer["results"]] == [str(1_000_001 + n) for n in range(10)]
    assert answer["paging"]["next"]["after"] == "10"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"limit": 201}, "limit"),
        ({"filterGroups": [{"filters": []}] * 6}, "filter groups"),
        ({"filterGroups": [{"filters": [where("zip", "HAS_PROPERTY")] * 7}]}, "filters in one group"),
        ({"filterGroups": [{"filters": [where("zip", "HAS_PROPERTY")] * 5}] * 4}, "18"),
        ({"sorts": ["zip", "city"]}, "sort"),
        ({"sorts": [{"propertyName": "zip", "direction": "UP"}]}, "sort"),
        ({"sorts": ["no_such"]}, "no_such"),
        ({"after": "9801", "limit": 200}, "10000"),
        ({"after": "x"}, "after"),
        ({"filterGroups": [{"filters": [where("zip", "LIKE", "1")]}]}, "LIKE"),
        ({"filterGroups": [{"filters": [where("no_such", "EQ", "1")]}]}, "no_such"),
        ({"filterGroups": [{"filters": [where("zip", "EQ")]}]}, "needs a value"),
        ({"filterGroups": [{"filters": [where("zip", "IN", "1")]}]}, "needs values"),
        ({"filterGroups": [{"filters": [where("employee_count", "GT", "many")]}]}, "employee_count"),
        ({"filterGroups": [{"filters": [where("createdate", "GT", "soon")]}]}, "createdate"),
        ({"filterGroups": "all"}, "filterGroups"),
        ({"query": 7}, "query"),
        ({"query": "x" * 3000}, "3000"),
    ],
)
def test_row_3_a_search_past_the_limits_or_malformed_is_a_validation_error(people, body, said):
    answer = people.search(**body)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert said in answer.json()["message"]


def test_row_3_pages_by_offset_show_each_record_once(people):
    seen, after = [], "0"
    while after:
        answer = people.search(limit=5, after=after, sorts=["-createdate"]).json()
        seen += [r["id"] for r in answer["results"]]
        after = answer.get("paging", {}).get("next", {}).get("after")
    assert seen == [str(1_000_012 - n) for n in range(12)]


def test_row_3_a_search_reaches_ten_thousand_results_and_not_one_more(hubspot_portal):
    portal = hubspot_portal(10_250)
    last = portal.search(limit=200, after="9800")
    assert (last.json()["total"], len(last.json()["results"])) == (10_250, 200)
    assert last.json()["paging"]["next"]["after"] == "10000"
    assert portal.search(limit=200, after="10000").status_code == 400
    assert portal.search(limit=100, after="9900").status_code == 200


def test_row_3_a_query_finds_beginnings_of_words_in_the_usual_properties(people):
    people.edit(id=FIRST, properties={"email": "quincy@zebra-works.example"})
    assert people.found(query="QUIN zeb") == [FIRST]
    assert people.found(query="uincy") == []


def test_row_3_an_unknown_object_cannot_be_inferred(people):
    answer = people.ask("POST", "/crm/v3/objects/contakts/search", {})
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "Unable to infer object type from: contakts",
    )


def test_row_3_a_time_filter_at_the_epoch_fails_as_it_does_at_hubspot(people):
    assert people.search(where("lastmodifieddate", "GTE", "0")).status_code == 500
    assert people.search(where("lastmodifieddate", "GTE", "1970-01-01T00:00:01Z")).status_code == 200


def marker(portal, text="marked"):
    return portal.found(where("company", "EQ", text))


def test_row_4_a_change_is_found_once_the_index_has_caught_up(hubspot_portal):
    portal = hubspot_portal(lag_s=30)
    portal.edit(id=FIRST, properties={"company": "marked"})
    assert portal.value("company") == "marked"
    assert marker(portal) == []
    portal.advance(29)
    assert marker(portal) == []
    portal.advance(2)
    assert marker(portal) == [FIRST]


def test_row_4_a_hit_on_the_old_value_comes_with_the_present_body(hubspot_portal):
    portal = hubspot_portal(lag_s=30)
    before = portal.get(properties="company").json()
    portal.edit(id=FIRST, properties={"company": "changed since"})
    hit = portal.search(where("lastmodifieddate", "EQ", before["updatedAt"]), properties=["company"]).json()[
        "results"
    ][0]
    assert hit["properties"]["company"] == "changed since"
    assert hit["updatedAt"] > before["updatedAt"]


def test_row_4_a_share_of_the_changes_is_found_much_later_than_the_rest(hubspot_portal):
    portal = hubspot_portal(200, lag_s=2, lag_tail=0.1, lag_tail_s=600)
    for n in range(200):
        portal.edit(id=str(1_000_001 + n), properties={"company": "marked"})
    portal.advance(3)
    soon = len(marker(portal))
    assert 160 <= soon < 200
    portal.advance(600)
    assert len(marker(portal)) == 200


def test_row_4_an_older_picture_never_replaces_a_newer_one(hubspot_portal):
    portal = hubspot_portal(lag_s=60)
    portal.edit(id=FIRST, properties={"company": "older"})
    portal.settle(lag_s=1)
    portal.edit(id=FIRST, properties={"company": "newer"})
    portal.advance(2)
    assert marker(portal, "newer") == [FIRST]
    portal.advance(100)
    assert (marker(portal, "newer"), marker(portal, "older")) == ([FIRST], [])


def test_row_4_fresh_results_may_stand_out_of_order_and_old_ones_never(hubspot_portal):
    portal = hubspot_portal(60, disorder=0.5, fresh_zone_s=20)
    for n in range(40):
        portal.edit(id=str(1_000_001 + n), properties={"company": "marked"})
        portal.advance(0.1)
    fresh = portal.found(sorts=["lastmodifieddate"])
    in_order = fresh[:20] + [str(1_000_001 + n) for n in range(40)]
    assert sorted(fresh) == sorted(in_order)
    assert fresh != in_order
    assert set(fresh[:20]) == {str(1_000_041 + n) for n in range(20)}
    portal.advance(3600)
    assert portal.found(sorts=["lastmodifieddate"], query="")[20:] == in_order[20:]


def test_row_4_a_hit_may_lie_less_than_a_millisecond_outside_what_was_asked(hubspot_portal):
    portal = hubspot_portal(finer_stamps=True)
    at = "2026-10-01T00:00:00.001Z"
    portal.edit(action="bulk_touch", at=at, ids=[FIRST])
    exact = where("lastmodifieddate", "EQ", at)
    assert portal.found(exact) == [FIRST]
    assert FIRST in portal.found(where("lastmodifieddate", "GT", at))
    assert FIRST not in portal.found(where("lastmodifieddate", "LTE", at))
    portal.settle(finer_stamps=False)
    portal.edit(action="bulk_touch", at=at, ids=[FIRST])
    assert portal.found(where("lastmodifieddate", "GT", at)) == []
    assert FIRST in portal.found(where("lastmodifieddate", "LTE", at))


def test_row_5_a_bulk_job_gives_one_date_to_more_than_ten_thousand_contacts(hubspot_portal):
    portal = hubspot_portal(10_050)
    before = portal.value("company")
    at = "2026-11-01T03:00:00.000Z"
    assert portal.edit(action="bulk_touch", at=at) == {"count": 10_050}
    found = portal.search(where("lastmodifieddate", "EQ", at), limit=1)
    assert found.json()["total"] == 10_050
    later = where("hs_object_id", "GT", "1010000")
    assert len(portal.found(where("lastmodifieddate", "EQ", at), later, sorts=["hs_object_id"])) == 50
    assert portal.value("company") == before


def test_row_5_a_calculated_property_changes_without_moving_the_modified_date(hubspot_portal):
    portal = hubspot_portal()
    before = portal.get().json()["updatedAt"]
    name = "hs_predictivecontactscore_v2"
    assert portal.edit(action="recalculate", property=name, value="0.7", ids=[FIRST]) == {"count": 1}
    assert (portal.value(name), portal.get().json()["updatedAt"]) == ("0.7", before)
    assert portal.history(name)[0]["sourceType"] == "CALCULATED"
    assert portal.found(where(name, "EQ", "0.7")) == [FIRST]
