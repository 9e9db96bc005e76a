"""What the universal API of the RocketReach sandbox charges, by data class found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.rocketreach_box import EVERYTHING, PLAIN, WORLD, Box, number
from tests.sandboxes import Starter

REVEALS = ("professional_email", "personal_email", "phone", "detailed_person_enrichment")
ONLY_PHONE = EVERYTHING | {"work": 0, "personal": 0}
NOTHING = EVERYTHING | {"work": 0, "personal": 0, "phone": 0}


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    settings = PLAIN | {"family": "both"}
    return Box(start_sandbox("rocketreach", contacts=len(WORLD.people), settings=settings))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


@pytest.mark.parametrize(
    ("reveals", "cost"),
    [
        (("professional_email",), 2),
        (("personal_email",), 3),
        (("phone",), 6),
        (("detailed_person_enrichment",), 1),
        (REVEALS, 12),
        ((), 0),
    ],
)
def test_universal_credits_are_paid_for_each_data_class_found(box: Box, reveals: tuple, cost: int) -> None:
    anna = box.person()
    with box.charging(**({"universal": cost} if cost else {})):
        box.reveal(anna, *reveals)
        assert box.revealed(anna)["status"] == "complete"


def test_a_data_class_that_is_not_there_costs_nothing(box: Box) -> None:
    box.set(coverage=ONLY_PHONE)
    with box.charging(universal=6):
        box.reveal(box.person(), "professional_email", "personal_email", "phone", "healthcare_enrichment")
        box.later(60)
    box.set(coverage=NOTHING, healthcare=1)
    with box.charging(universal=1):
        box.reveal(box.person(), "professional_email", "phone", "healthcare_enrichment")
        box.later(60)


def test_more_data_of_a_bought_profile_is_paid_for_itself_and_is_no_duplicate(box: Box) -> None:
    anna = box.person()
    box.reveal(anna, "professional_email")
    box.later(60)
    before = box.sandbox.books()["double_charged"]
    with box.charging(universal=6):
        box.reveal(anna, "professional_email", "phone")
        profile = box.revealed(anna)
        box.reveal(anna, "phone")
        box.later(60)
    assert profile["emails"] and profile["phones"]
    assert box.sandbox.books()["double_charged"] == before


def test_a_universal_lookup_is_refused_where_its_worst_case_is_not_paid(box: Box) -> None:
    box.balance(universal=7)
    refused = box.get(
        "/universal/person/lookup",
        id=number(box.person()),
        reveal_phone="true",
        reveal_professional_email="true",
    )
    assert refused.status_code == 403 and "credits" in refused.json()["detail"]
    with box.charging(universal=6):
        box.reveal(box.person(), "phone")
        box.later(60)
    account = box.get("/universal/account").json()
    assert account["credit_usage"]["credits_remaining"] == 1


def test_the_universal_account_counts_actions(box: Box) -> None:
    def actions() -> dict[str, dict[str, Any]]:
        rows = box.get("/universal/account").json()["credit_usage_by_action"]
        return {row["credit_action"]: row for row in rows}

    before = actions()
    box.set(coverage=ONLY_PHONE)
    box.reveal(box.person(), "professional_email", "phone")
    box.later(60)
    after = actions()
    for name, attempted, succeeded, used in (
        ("ProfessionalEmailEnrichment", 1, 0, 0),
        ("PhoneEnrichment", 1, 1, 6),
        ("PersonEnrichment", 0, 0, 0),
    ):
        assert after[name]["attempted_count"] - before[name]["attempted_count"] == attempted
        assert after[name]["succeeded_count"] - before[name]["succeeded_count"] == succeeded
        assert after[name]["credits_used"] - before[name]["credits_used"] == used
