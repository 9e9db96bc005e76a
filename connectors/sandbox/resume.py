"""The posts that a provider lists of somebody; invented, and the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.sandbox.population import Company, Dice, Knowledge

_FORMER = ("Analyst", "Consultant", "Buyer", "Project Lead", "Sales Manager", "Support Engineer")


@dataclass(frozen=True, slots=True)
class Post:
    """A job, from a month and to one, each as (year, month); without an end it is held still."""

    title: str
    company: Company
    since: tuple[int, int]
    until: tuple[int, int] | None


def posts_of(seed: int, vendor: str, known: Knowledge) -> list[Post]:
    """The posts, the latest first. To a stale provider the past one is held still."""
    person = known.subject
    dice = Dice(seed, vendor, "resume", person.index)
    since = 2016 + dice.pick("since", 9), 1 + dice.pick("month", 12)
    before = since[0] - 1 - dice.pick("before", 6), 1 + dice.pick("former month", 12)
    former = _FORMER[dice.pick("former", len(_FORMER))]
    if known.company != person.company:
        return [Post(former, person.past, before, None)]
    return [Post(person.title, person.company, since, None), Post(former, person.past, before, since)]
