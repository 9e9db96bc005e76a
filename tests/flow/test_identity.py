"""Whose values are written: whole cycles over providers that are often wrong, judged by the population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.identity import PROVIDERS, traps, weigh
from syncd.model import Level
from tests.rehearsals import Director, Stage

TRAPS = 0.1 / 3
"""Of each of the three kinds: namesakes, answers about somebody else, and ex-employers."""
EVERYBODY = ("hubspot", *PROVIDERS)


def trapped(stage: Director, contacts: int, seed: int, sample: bool = False, **changes: object) -> Stage:
    """A rehearsal with traps in a tenth of the cases."""
    return stage(
        contacts=contacts,
        vendors=EVERYBODY,
        seed=seed,
        settings=traps(TRAPS, sample),
        namesakes=TRAPS,
        changes={"syncs": {"hubspot-sandbox-contacts": changes}} if changes else None,
    )


def test_no_wrong_persons_value_is_written_and_the_few_right_ones_refused_say_why(
    stage: Director,
) -> None:
    play = trapped(stage, 200, 1)
    assert play.cycle().code == 0
    found = weigh(play.rehearsal)
    assert found.wrong == []
    assert found.written["right"] > 300
    assert found.answers["wrong_refused"] > 5, "the traps were met"
    assert found.refused_share <= 0.05
    assert found.refused, "right answers that look like a namesake's are refused too"
    assert all(reason for *_, reason in found.refused)
    record, _, level, reason = found.refused[0]
    assert f"not surely this person ({level}): {reason}" in play.command("explain", record).out
    asked = play.command("explain", record, "--json").json["contacts"][0]["asked"]
    assert {"identity": level, "reason": reason} in [a["doubt"] for a in asked]


def test_canned_people_are_never_written_and_the_others_are_asked_all_the_same(stage: Director) -> None:
    play = trapped(stage, 90, 3, sample=True)
    outcome = play.cycle()
    assert any("sample people" in sentence for sentence in outcome.advice)
    found = weigh(play.rehearsal)
    assert found.wrong == []
    assert found.written["right"] > 100


def test_the_weighing_finds_what_a_looser_demand_lets_through(stage: Director) -> None:
    """The judge of these tests is not blind: where possible answers are enough, strangers' values are written."""
    play = trapped(stage, 150, 1, min_identity=Level.POSSIBLE.value)
    play.cycle()
    assert weigh(play.rehearsal).written["wrong_person"] > 0


def test_a_number_that_another_contact_of_the_name_has_shows_whom_an_answer_is_about(stage: Director) -> None:
    """One record has name and employer, a namesake's at the same employer only name and number."""
    play = stage(contacts=90, namesakes=0.3, seed=2)
    crm = play.stand("hubspot")
    pairs = _namesakes(crm.ask("truth"))
    assert len(pairs) > 5
    blank = dict.fromkeys(
        ("email", "hs_linkedin_url", "mobilephone", "phone", "country", "jobtitle", "city"), ""
    )
    for other, one in pairs:
        crm.ask("edit", {"id": one["record"], "properties": {**blank, "company": one["company_name"]}})
        kept = {"company": "", "mobilephone": other["mobile"]}
        crm.ask("edit", {"id": other["record"], "properties": {**blank, **kept}})
    play.cycle()
    found = weigh(play.rehearsal)
    assert [name for _, name, *_ in found.wrong if name == "mobile_phone"] == []
    assert found.answers["wrong_refused"] > 0


def _namesakes(truth: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Pairs of people with one name at one employer."""
    known: dict[tuple[str, str], Mapping[str, Any]] = {}
    pairs = []
    for person in truth:
        key = (person["full_name"], person["company_name"])
        if key in known:
            pairs.append((known.pop(key), person))
        else:
            known[key] = person
    return pairs
