"""Whether what was written is the right person's, by the population: each write and each answer is weighed."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from syncd.codec import unpack_candidates
from syncd.config import load
from syncd.cycle import Cycle, Orders
from syncd.model import PHONE_FIELDS, Candidate, Field, fold, linkedin_profile
from syncd.rehearsal import Rehearsal
from syncd.runtime import open_runtime, policies
from syncd.store import tables as t
from syncd.store import work
from syncd.store.engine import Store
from syncd.story import story

PROVIDERS = ("contactout", "rocketreach", "crustdata", "waterfall_io", "reverselooker")


def traps(share: float, sample: bool = False) -> dict[str, dict[str, Any]]:
    """Knobs by which each provider answers for this share about somebody else, and for as many of an ex-employer.

    As many companies have servers that take every address, and as many landlines are sold as mobile
    numbers. With `sample` ContactOut serves canned people wherever it is asked for a person.
    """
    wrong = {"coverage": {"wrong": share, "stale": share}}
    return {
        "contactout": {**wrong, **({"sample_mode": True} if sample else {})},
        "rocketreach": {**wrong, "catch_all": share, "landline_as_mobile": share},
        "crustdata": {**wrong, "catch_all": share, "landline_as_mobile": share, "wrong_email": share},
        "waterfall_io": {**wrong, "catch_all": share, "landline_as_mobile": share},
        "reverselooker": wrong,
    }


@dataclass
class Weighed:
    """What became of the writes and of the answers.

    `wrong` and `refused` hold what a person has to look at: (record, field or lookup, what, reason).
    """

    written: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str, str, str]] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, str, str, str]] = field(default_factory=list)

    @property
    def refused_share(self) -> float:
        """Of the answers about the right person at the right employer, how many were not trusted."""
        return self._share("right_refused")

    @property
    def refused_share_of_all(self) -> float:
        """The same with those about the right person at the employer before."""
        return self._share("right_refused", "stale_refused")

    def _share(self, *refused: str) -> float:
        taken = sum(self.answers[name.replace("refused", "taken")] for name in refused)
        lost = sum(self.answers[name] for name in refused)
        return lost / (lost + taken) if lost else 0.0


class World:
    """The population as it is, and whom a value or an answer belongs to."""

    def __init__(self, truth: Sequence[Mapping[str, Any]]) -> None:
        self.people = list(truth)
        self.of_record = {p["record"]: i for i, p in enumerate(self.people)}
        self._owners: dict[str, int] = {}
        self._named: dict[tuple[str, str], set[int]] = {}
        for number, person in enumerate(self.people):
            profile = linkedin_profile(person["linkedin_url"])
            for mark in (*(e.lower() for e in person["emails"]), *person["phones"], profile):
                self._owners[mark] = number
            for employer in (person["company_name"], person["past_company_name"]):
                self._named.setdefault((fold(person["full_name"]), fold(employer)), set()).add(number)

    def owner(self, wanted: Field, value: str) -> int | None:
        """Whose value it is; None where it is nobody's, or many people's."""
        text = linkedin_profile(value) if wanted is Field.LINKEDIN_URL else value.lower()
        return self._owners.get(text)

    def subject(self, candidate: Candidate) -> int | None:
        """Whom an answer is about, by its profile, else its addresses and numbers, else its name and employer."""
        who = candidate.identity
        found = self.owner(Field.LINKEDIN_URL, who.linkedin_url) if who.linkedin_url else None
        if found is not None:
            return found
        held = [v.value for v in candidate.values] + list(who.emails)
        owners = {o for v in held if (o := self._owners.get(v.lower())) is not None}
        if len(owners) == 1:
            return owners.pop()
        full = who.full_name or f"{who.first_name} {who.last_name}".strip()
        named = self._named.get((fold(full), fold(who.employer)), set())
        return next(iter(named)) if len(named) == 1 else None

    def stale(self, person: int, candidate: Candidate) -> bool:
        """Whether the answer has the person at the employer before."""
        return fold(candidate.identity.employer) == fold(self.people[person]["past_company_name"])


def measure(contacts: int, share: float = 0.1, seed: int = 1) -> dict[str, Any]:
    """The figures of one cycle with traps over so many contacts."""
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        rehearsal = Rehearsal(Path(folder))
        rehearsal.start(
            ["hubspot", *PROVIDERS], contacts, seed, swift=True, settings=traps(share), namesakes=share
        )
        try:
            runtime = open_runtime(load(rehearsal.write_config(swift=True)))
            try:
                outcome = Cycle(runtime, Orders(list(runtime.policies))).run()
            finally:
                runtime.close()
            found = weigh(rehearsal)
        finally:
            rehearsal.stop()
    return {
        "contacts": contacts,
        "share_of_each_trap": share,
        "seconds": outcome.report["seconds"],
        "written": dict(sorted(found.written.items())),
        "answers": dict(sorted(found.answers.items())),
        "refused_share_of_right_answers": round(found.refused_share, 4),
        "refused_share_with_ex_employers": round(found.refused_share_of_all, 4),
        "refused_without_a_reason": sum(not reason for *_, reason in found.refused),
        "reasons": dict(Counter(reason for *_, reason in found.refused).most_common()),
        "wrong": Counter(f"{name} {what}: {reason}" for _, name, what, reason in found.wrong),
    }


def weigh(rehearsal: Rehearsal, crm: str = "hubspot") -> Weighed:
    """Every written value and every answer of a rehearsal, compared with the population."""
    settings = load(rehearsal.folder / "config.yaml")
    world = World(rehearsal.stands[crm].ask("truth"))
    found = Weighed()
    store = Store(settings.database_url())
    try:
        with store.read() as connection:
            rows = [row for name in settings.syncs for row in _rows(connection, name)]
            answers = {
                int(i): unpack_candidates(a)
                for i, a in connection.execute(select(t.lookup.c.id, t.lookup.c.answer))
            }
            changes = connection.execute(
                select(t.change.c.record_id, t.change.c.field, t.change.c.after, t.change.c.lookup_id,
                       t.change.c.reason).where(t.change.c.state == "written")
            ).all()  # fmt: skip
        for record, name, after, lookup, reason in changes:
            what = _written(world, world.of_record[record], Field(name), after, answers.get(lookup, ()))
            found.written[what] += 1
            if what in ("wrong_person", "nobody"):
                found.wrong.append((record, name, what, reason))
        known = policies(settings)
        for row in rows:
            told = story(store, row, known[row.sync]).document()
            _weigh_answers(world, told, answers, found)
    finally:
        store.close()
    return found


def _rows(connection: Any, sync: str) -> Iterator[work.Row]:
    for number in connection.scalars(select(t.work.c.id).where(t.work.c.sync == sync)).all():
        row = work.get(connection, int(number))
        if row is not None:
            yield row


def _written(world: World, person: int, wanted: Field, value: str, answer: Sequence[Candidate]) -> str:
    """Whose value was written: right, landline, ex_employer, wrong_person, nobody."""
    true = world.people[person]
    if wanted in (Field.JOB_TITLE, Field.COMPANY_NAME):
        holders = [c for c in answer if any(v.field is wanted for v in c.values)]
        if holders and not any(world.subject(c) == person or c.about_company for c in holders):
            return "wrong_person"
        return "right" if fold(value) == fold(true[wanted.value]) else "ex_employer"
    owner = world.owner(wanted, value)
    if owner is not None and owner != person:
        return "wrong_person"
    if wanted in PHONE_FIELDS and owner == person and value != true["mobile"]:
        return "landline"
    if owner == person:
        return "right"
    local = true["emails"][0].split("@")[0]
    return "ex_employer" if value == f"{local}@{true['past_company_domain']}" else "nobody"


def _weigh_answers(
    world: World, told: Mapping[str, Any], answers: Mapping[int, Sequence[Candidate]], found: Weighed
) -> None:
    """The answers that were looked at for one contact, each once."""
    person = world.of_record[told["contact"]]
    for asked in told["asked"]:
        speaking = [c for c in answers.get(asked["lookup"], ()) if not c.about_company]
        subjects = [(c, world.subject(c)) for c in speaking]
        mine = [c for c, subject in subjects if subject == person]
        told_of = any(subject is not None for _, subject in subjects)
        if not told_of:
            found.answers["without_identity"] += bool(speaking)
            continue
        stale = mine and all(world.stale(person, c) for c in mine)
        whose = "stale" if stale else "right" if mine else "wrong"
        doubt = asked["doubt"]
        found.answers[f"{whose}_{'refused' if doubt else 'taken'}"] += 1
        if mine and doubt:
            where = f"{asked['provider']} {asked['operation']} by {asked['by']}"
            found.refused.append((told["contact"], where, doubt["identity"], doubt["reason"]))
