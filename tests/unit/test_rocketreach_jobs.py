"""Look-ups as jobs: which words end them, how they are asked for, and answers about several at once."""

from __future__ import annotations

import pytest

from connectors.rocketreach import Connector
from syncd.connector import FailureKind, Mode, Operation, Poll
from syncd.model import Candidate, Charge, Field, Found, NotFound, Pending, Unresolved
from tests.unit.rocketreach_support import (
    ID,
    WORK,
    answer,
    ask,
    bare,
    by_id,
    email,
    failure_of,
    found,
    operation,
    poll,
    profile,
    running,
    spent,
    value,
)

RUNNING = ["progress", "searching", "waiting", "queued", "pending", "quarantined", "", None, 7]
JOBS = [o for o in Connector.operations if o.mode is Mode.JOB]


@pytest.mark.parametrize("op", JOBS, ids=lambda o: o.name)
def test_a_first_answer_that_is_complete_ends_the_look_up(op: Operation) -> None:
    outcome = ask(op.name, profile())
    assert isinstance(outcome, Found)
    assert value(outcome.candidates[0], Field.FULL_NAME) == "Oriel Tamm"


@pytest.mark.parametrize("status", RUNNING)
def test_every_other_word_means_that_it_goes_on(status: object) -> None:
    assert ask("lookup_premium", running(status)) == Pending(ID)
    assert poll("lookup_premium", [running(status)]) == [Pending(ID)]


def test_data_of_a_look_up_in_progress_are_not_taken() -> None:
    partial = profile(status="progress")
    assert ask("lookup_premium", partial) == Pending(ID)
    assert poll("lookup_premium", [partial]) == [Pending(ID)]


def test_a_failed_look_up_is_a_miss_that_costs_nothing() -> None:
    assert ask("lookup_premium", profile(status="failed")) == NotFound(Charge.none())
    assert poll("lookup_premium", [profile(status="failed")]) == [NotFound(Charge.none())]


@pytest.mark.parametrize("body", [{"detail": "Not found."}, {}])
def test_an_unknown_profile_is_a_miss_that_costs_nothing(body: object) -> None:
    assert ask("lookup_premium", answer(body, 404)) == NotFound(Charge.none())


@pytest.mark.parametrize("word", ["not queued", "not_queued", "Not Queued"])
def test_a_look_up_that_is_not_under_way_stays_unresolved_and_cost_nothing(word: str) -> None:
    (outcome,) = poll("lookup_premium", [running(word)])
    assert isinstance(outcome, Unresolved) and outcome.charge == Charge.none()
    # The launch itself may be answered before the queue knows of it.
    assert ask("lookup_premium", running(word)) == Pending(ID)


@pytest.mark.parametrize(
    "wrap", [lambda r: r, lambda r: [r], lambda r: {"profile": r}, lambda r: {"profiles": [r]}]
)
def test_an_object_a_list_and_wrappers_are_the_same_answer(wrap: object) -> None:
    assert callable(wrap)
    assert value(found(ask("lookup_premium", wrap(profile()))), Field.WORK_EMAIL) == WORK
    (polled,) = poll("lookup_premium", wrap(profile()))
    assert value(found(polled), Field.WORK_EMAIL) == WORK


def test_each_job_gets_the_row_of_its_own_id_in_any_order() -> None:
    rows = [
        profile(id=3, name="Third Person"),
        running("waiting") | {"id": "2"},
        profile(id=1, status="failed"),
        profile(id=99, name="Nobody's Asking"),
    ]
    first, second, third, missing = poll("lookup_premium", rows, "1", "2", "3", "4")
    assert isinstance(first, NotFound)
    assert second == Pending("2")
    assert found(third).identity.full_name == "Third Person"
    assert missing == Pending("4")


def test_two_jobs_of_one_profile_are_both_answered() -> None:
    outcomes = poll("lookup_premium", [profile()], ID, ID)
    assert [type(o) for o in outcomes] == [Found, Found]


def test_a_row_that_cannot_be_read_ends_its_own_job_only() -> None:
    odd, fine = poll("lookup_premium", [profile(id=1, emails=[{"mail": WORK}]), profile(id=2)], "1", "2")
    assert isinstance(odd, Unresolved) and odd.charge is None
    assert isinstance(fine, Found)


def test_rows_without_id_do_not_hide_the_others() -> None:
    (outcome,) = poll("lookup_premium", [{"status": "complete", "name": "Who"}, profile()])
    assert found(outcome).identity.full_name == "Oriel Tamm"


@pytest.mark.parametrize("body", [[], {}, answer({"detail": "Not found."}, 404)])
def test_an_empty_status_answer_says_nothing_of_the_job(body: object) -> None:
    assert poll("lookup_premium", body) == [Pending(ID)]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[", {"detail": "odd"}, ["complete"], 7, "complete", None])
def test_a_status_answer_in_another_form_is_not_understood(body: object) -> None:
    assert failure_of(lambda: poll("lookup_premium", body)).kind is FailureKind.CONTRACT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        [],
        {},
        None,
        [profile(), profile(id=2)],
        [profile(), "complete"],
        ["complete"],
        {"detail": "odd"},
        {"id": int(ID), "status": "complete"},
        running(id=None),
        running(id=True),
        running(id=-4),
        running(id="abc"),
        {"status": "searching"},
        profile(emails=[{"mail": WORK}]),
        profile(emails={"work": [WORK]}),
        profile(emails=7),
        profile(phones=[{"digits": "1"}]),
        profile(phones=7),
        profile(links=42),
        profile(job_history=42),
        profile(job_history=[42]),
    ],
)
def test_an_answer_in_another_form_is_never_a_miss(body: object) -> None:
    failure = failure_of(lambda: ask("lookup_premium", body))
    assert (failure.kind, failure.charged) == (FailureKind.CONTRACT, None)


def test_the_answer_to_an_id_is_about_that_id() -> None:
    assert isinstance(ask("lookup_premium", profile(), by_id()), Found)
    failure = failure_of(lambda: ask("lookup_premium", profile(id=4), by_id()))
    assert failure.kind is FailureKind.CONTRACT


def test_ids_and_words_may_come_as_text_or_in_a_list_of_one() -> None:
    assert ask("lookup_premium", running(["searching"], id=[ID])) == Pending(ID)
    outcome = ask("lookup_premium", profile(id=[int(ID)], status=["complete"], name=["Oriel Tamm"]))
    candidate = found(outcome)
    assert (candidate.provider_ref, candidate.identity.full_name) == (ID, "Oriel Tamm")


def test_complete_without_contact_data_is_found_and_free() -> None:
    outcome = ask("lookup_premium", bare())
    assert isinstance(outcome, Found) and not spent(outcome.charge)
    assert value(outcome.candidates[0], Field.JOB_TITLE) == "Head of Berths"


def test_complete_with_nothing_at_all_is_a_miss() -> None:
    nothing = {"id": int(ID), "status": "complete", "name": None, "emails": [], "phones": None}
    assert ask("lookup_premium", nothing) == NotFound(Charge.none())


def test_what_was_bought_beyond_the_offer_is_charged_but_not_passed_on() -> None:
    outcome = ask("lookup_standard", profile(emails=[email()]))
    assert isinstance(outcome, Found)
    fields = {v.field for c in outcome.candidates for v in c.values}
    assert fields <= set(operation("lookup_standard").returns)
    assert Field.MOBILE_PHONE not in fields


def test_jobs_are_asked_for_quickly_then_rarely_and_given_up_after_a_day() -> None:
    poll_ = operation("lookup_premium").poll
    assert isinstance(poll_, Poll)
    waits = [poll_.wait_s(n) for n in range(len(poll_.steps) + 6)]
    assert waits[:3] == [3.0, 4.5, 6.75]
    assert waits == sorted(waits)
    quick = waits[: len(poll_.steps)]
    assert max(quick) == 30.0 and 900 <= sum(quick) < 930
    assert waits[len(poll_.steps)] == 900.0
    assert (poll_.batch, poll_.deadline_s) == (100, 86_400.0)
    assert all(o.poll == poll_ for o in JOBS)


def test_reprs_of_answers_hold_no_personal_data() -> None:
    candidate = found(ask("lookup_premium", profile()))
    assert isinstance(candidate, Candidate)
    for text in (repr(candidate), repr(candidate.identity), *map(repr, candidate.values)):
        assert "Tamm" not in text and WORK not in text
