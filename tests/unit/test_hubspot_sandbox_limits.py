"""HubSpot's sandbox, rows 13 to 15 of what it must reproduce: limits, faults and administrators' rules."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.hubspot_portal import DATED, FIRST, V3


def limits(answer):
    return {k.removeprefix("x-hubspot-ratelimit-"): v for k, v in answer.headers.items() if "ratelimit" in k}


def test_row_13_a_token_has_its_own_ten_seconds_and_headers_say_what_is_left(hubspot_portal):
    tokens = {"one": "all", "two": "all"}
    portal = hubspot_portal(tokens=tokens, limits={"ten_secondly": 3, "daily": 100})
    told = limits(portal.ask("GET", FIRST, token="one"))
    assert (told["max"], told["remaining"], told["interval-milliseconds"]) == ("3", "2", "10000")
    assert (told["daily"], told["daily-remaining"]) == ("100", "99")
    assert {"secondly", "secondly-remaining"} <= told.keys()
    statuses = [portal.ask("GET", FIRST, token="one").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert portal.ask("GET", FIRST, token="two").status_code == 200
    portal.advance(9.9)
    assert portal.ask("GET", FIRST, token="one").status_code == 429
    portal.advance(0.2)
    assert portal.ask("GET", FIRST, token="one").status_code == 200


@pytest.mark.parametrize("retry_after", [False, True])
def test_row_13_a_429_names_its_policy_and_says_how_long_only_where_it_is_told_to(
    hubspot_portal, retry_after
):
    portal = hubspot_portal(limits={"ten_secondly": 1}, retry_after=retry_after)
    portal.get()
    answer = portal.get()
    assert answer.status_code == 429
    assert answer.json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert answer.json()["message"] == "You have reached your ten_secondly_rolling limit."
    assert answer.headers.get("retry-after") == ("10" if retry_after else None)


def test_row_13_searches_share_five_a_second_in_the_whole_portal(hubspot_portal):
    portal = hubspot_portal(tokens={"one": "all", "two": "all"}, limits="documented")
    turns = [portal.ask("POST", "search", {}, token=t).status_code for t in ("one", "two") * 3]
    assert turns == [200] * 5 + [429]
    dated = portal.ask("POST", f"{DATED}/search", {}, token="one")
    assert dated.status_code == 429
    assert dated.json().keys() == {"status", "message", "correlationId", "category"}
    assert "retry-after" not in dated.headers
    portal.advance(1)
    found = portal.ask("POST", "search", {}, token="one")
    assert found.status_code == 200
    assert limits(found).keys() == {"daily", "daily-remaining"}


def test_row_13_searches_do_not_count_against_the_ten_seconds(hubspot_portal):
    portal = hubspot_portal(limits={"ten_secondly": 1, "search_secondly": None})
    assert [portal.search().status_code for _ in range(4)] == [200] * 4
    assert portal.get().status_code == 200


def test_row_13_newer_429s_of_searches_and_searches_without_headers_can_be_had(hubspot_portal):
    portal = hubspot_portal(limits={"search_secondly": 1}, search_429="newer", search_headers="none")
    assert limits(portal.search()) == {}
    assert portal.search().json()["policyName"] == "SECONDLY"


def test_row_13_the_day_is_the_portal_s_and_ends_at_its_midnight(hubspot_portal):
    portal = hubspot_portal(limits={"daily": 3}, time_zone="Australia/Sydney")
    assert [portal.get().status_code for _ in range(3)] == [200] * 3
    assert portal.get().json()["policyName"] == "DAILY"
    portal.settle(limits={"daily": None})
    usage = portal.ask("GET", "/account-info/v3/api-usage/daily/private-apps").json()["results"][0]
    assert usage["resetsAt"][11:] in ("13:00:00.000Z", "14:00:00.000Z")
    left = datetime.fromisoformat(usage["resetsAt"]).timestamp() - portal.server.clock.time()
    portal.settle(limits={"daily": 3})
    portal.advance(left - 1)
    assert portal.get().status_code == 429
    portal.advance(2)
    assert portal.get().status_code == 200


def test_row_13_an_oauth_token_is_told_nothing_of_the_day(hubspot_portal):
    portal = hubspot_portal(tokens={"o": {"oauth": True}}, limits="documented")
    told = limits(portal.ask("GET", FIRST, token="o"))
    assert "daily" not in told
    assert told["max"] == "190"


def test_row_13_other_integrations_use_up_searches_and_the_day(hubspot_portal):
    portal = hubspot_portal(limits={"search_secondly": 5, "daily": 1000}, background={"daily_used": 990})
    assert limits(portal.get())["daily-remaining"] == "9"
    portal.settle(background={"search_per_s": 4})
    portal.advance(5)
    assert [portal.search().status_code for _ in range(3)] == [200, 429, 429]


def test_row_13_limits_can_be_switched_off(hubspot_portal):
    portal = hubspot_portal(limits="off")
    assert {portal.search().status_code for _ in range(20)} == {200}
    assert limits(portal.get()) == {}


@pytest.mark.parametrize("status", [423, 477, 500, 502, 503, 504, 521, 522, 523, 524])
def test_row_14_a_burst_of_errors_is_in_hubspot_s_shape(hubspot_portal, status):
    portal = hubspot_portal()
    fault = {"kind": "status", "status": status, "times": 2, "retry_after": "5", "path": f"{V3}/batch/update"}
    assert portal.ask("POST", "/_sandbox/faults", fault).status_code == 200
    inputs = [{"id": FIRST, "properties": {"zip": "1"}}]
    answers = [portal.batch("update", inputs) for _ in range(3)]
    assert [a.status_code for a in answers] == [status, status, 200]
    body = answers[0].json()
    assert (body["status"], answers[0].headers["retry-after"]) == ("error", "5")
    assert {"message", "correlationId", "category"} <= body.keys()


def test_row_14_an_edge_may_answer_with_a_page_and_an_answer_may_break_after_the_write(hubspot_portal):
    portal = hubspot_portal()
    page = {"kind": "status", "status": 502, "body": "<html>bad gateway</html>", "times": 1}
    portal.ask("POST", "/_sandbox/faults", page)
    assert portal.patch({"zip": "1"}).text.startswith("<html>")
    assert portal.value("zip") is None
    portal.ask("POST", "/_sandbox/faults", {"kind": "garbage", "times": 1})
    assert portal.patch({"zip": "1"}).text.startswith("<html>")
    assert portal.value("zip") == "1"


RULE = {"require": "jobtitle", "when": {"lifecyclestage": "customer"}}


def test_row_15_an_administrator_s_rule_refuses_a_write_on_dated_versions_only(hubspot_portal):
    portal = hubspot_portal(write_rules=[RULE], lifecycle_backwards="allow")
    portal.edit(id=FIRST, properties={"jobtitle": "", "lifecyclestage": "lead"})
    move = {"properties": {"lifecyclestage": "customer"}}
    refused = portal.ask("PATCH", f"{DATED}/{FIRST}", move)
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")
    assert refused.json()["errors"][0]["context"]["propertyName"] == ["jobtitle"]
    assert portal.value("lifecyclestage") == "lead"
    accepted = portal.ask("PATCH", f"{V3}/{FIRST}", move)
    assert (accepted.status_code, len(accepted.json()["warnings"])) == (200, 1)


def test_row_15_a_rule_that_is_kept_or_not_touched_refuses_nothing(hubspot_portal):
    portal = hubspot_portal(
        write_rules=[RULE, {"require": "zip", "on_create": True}], lifecycle_backwards="allow"
    )
    portal.edit(id=FIRST, properties={"jobtitle": "", "lifecyclestage": "customer"})
    dated = f"{DATED}/{FIRST}"
    assert portal.ask("PATCH", dated, {"properties": {"city": "Leeds"}}).status_code == 200
    both = {"lifecyclestage": "customer", "jobtitle": "CFO"}
    assert portal.ask("PATCH", dated, {"properties": both}).status_code == 200
    assert portal.ask("PATCH", dated, {"properties": {"jobtitle": ""}}).status_code == 400
    assert portal.ask("POST", DATED, {"properties": {"city": "Leeds"}}).status_code == 400
    assert portal.ask("POST", DATED, {"properties": {"zip": "1"}}).status_code == 201


def test_row_15_rules_can_be_read_in_advance(hubspot_portal):
    portal = hubspot_portal(write_rules=[RULE])
    (rule,) = portal.ask("GET", "/crm/v3/property-validations/0-1").json()["results"]
    assert rule["propertyName"] == "jobtitle"
