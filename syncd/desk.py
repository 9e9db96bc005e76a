"""One contact while it is being enriched: its needs, its keys, and everything known about the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection

from syncd.codec import digest, unpack_candidates, unpack_contact
from syncd.decide import satisfied, settled
from syncd.kin import LINKING, Figure, Kinship, called, kinship, numbers_of
from syncd.match import confirms, judge
from syncd.model import (
    EMAIL_FIELDS,
    PHONE_FIELDS,
    STRONG_KEYS,
    Candidate,
    Contact,
    Key,
    KeyKind,
    LastWrite,
    Level,
    Persona,
    SyncPolicy,
    Verdict,
)
from syncd.offers import Answered, normal
from syncd.plan import Assessment, Need, assess, keys_of, persona_of
from syncd.store import lookups, people
from syncd.store.engine import Store
from syncd.store.lookups import Kept
from syncd.store.work import Row
from syncd.waterfall import Ask, Asked, Stop, Vendor, Wait, step

ELSEWHERE = "the profile belongs to another contact of the CRM"


@dataclass
class Desk:
    """A leased work row. Rebuilt from the store at any time; holds nothing that is not there."""

    row: Row
    policy: SyncPolicy
    assessment: Assessment
    salt: bytes
    keys: list[Key] = field(default_factory=list)
    digests: dict[str, Key] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    failures: int = 0
    seen: set[int] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    """Digests of keys whose lookups have not been looked for yet."""
    claims: dict[str, set[int]] = field(default_factory=dict)
    """Digest of a profile that answers brought → their lookups; to be compared with other contacts'."""
    numbers: frozenset[str] = frozenset()
    """The numbers that the CRM has for the person."""
    rings: set[str] = field(default_factory=set)
    """Marks of the person's name with each number that answers brought; to be looked for at other contacts."""
    learned: set[str] = field(default_factory=set)
    """Digests of profiles that are surely this person's: marks for other records to be recognised by."""
    kin_keys: list[Key] = field(default_factory=list)
    """Keys of other records of the same person."""
    namesakes: bool = False

    @classmethod
    def open(
        cls,
        row: Row,
        policy: SyncPolicy,
        written: Mapping[str, LastWrite],
        our_source: str,
        siblings: Sequence[Row],
        salt: bytes,
        now: datetime,
        contact: Contact | None = None,
    ) -> Desk:
        """Set up from the stored record, or a fresher one; siblings are records that share a mark."""
        contact = contact or unpack_contact(row.record_id, row.record)
        assessment = assess(contact, policy, written, our_source, now)
        steps = orjson.loads(row.trace).get("steps", []) if row.trace else []
        numbers = frozenset(numbers_of(contact.fields or {}, policy, assessment.persona))
        desk = cls(row, policy, assessment, salt, steps=steps, failures=row.attempts, numbers=numbers)
        desk._add_keys(assessment.keys)
        for sibling in siblings:
            desk.meet(sibling)
        return desk

    @property
    def figure(self) -> Figure:
        """The person as the CRM describes them."""
        return Figure(self.assessment.persona, self.assessment.keys)

    @property
    def needs(self) -> list[Need]:
        """The needs that no accepted value meets yet."""
        met = settled(self.assessment, self.answers, self.policy)
        return [n for n in self.assessment.needs if n.field not in met]

    def meet(self, other: Row) -> Kinship:
        """Compare with another record: of the same person its keys serve too, of a namesake beware.

        A record of the same name and employer that may be the same person or not counts as a namesake's.
        """
        fields = unpack_contact(other.record_id, other.record).fields or {}
        persona = persona_of(fields, self.policy.match)
        theirs = Figure(persona, keys_of(persona))
        relation = kinship(self.figure, theirs)
        if relation is Kinship.SAME:
            found = [k for k in theirs.keys if k.kind in LINKING]
            self.kin_keys += [k for k in found if k not in self.kin_keys]
            self._add_keys(found)
        elif self.figure.shares_name(theirs) and not self.namesakes:
            self.namesakes = True
            self._start_over()
        return relation

    def _start_over(self) -> None:
        """Forget every answer: with a namesake about, each is judged anew."""
        for held in (self.keys, self.digests, self.asked, self.answers, self.unread, self.claims, self.rings):
            held.clear()
        self.seen.clear()
        self.learned.clear()
        self._add_keys([*self.assessment.keys, *self.kin_keys])

    def _add_keys(self, keys: Sequence[Key]) -> None:
        held = {(k.kind, k.get("account")) for k in self.keys}
        for key in keys:
            if (key.kind, key.get("account")) not in held:
                mark = digest(self.salt, key)
                self.keys.append(key)
                self.digests[mark] = key
                self.unread.add(mark)
                held.add((key.kind, key.get("account")))

    # answers

    def learn(self, kept: Kept, lifetimes: Mapping[str, tuple[float, float]], now_us: int) -> None:
        """Take in a lookup that exists. One that is too old to be reused counts as never made."""
        if kept.id in self.seen or _outlived(kept, lifetimes, now_us):
            return
        self.seen.add(kept.id)
        key = self.digests.get(kept.key_digest)
        if key is None:
            return
        persona = self.assessment.persona
        judged = _judged(kept.account, kept.answer, persona, key, self.namesakes) if kept.answer else ()
        pairs = tuple((one.candidate, one.verdict) for one in judged)
        trusted = any(v.level.reaches(self.policy.min_identity) for _, v in pairs)
        self.asked.append(
            Asked(kept.account, kept.operation, key, _state(kept), pairs, kept.id, trusted or not pairs)
        )
        order = self._order(kept.account)
        at = datetime.fromtimestamp((kept.settled_us or kept.sent_us) / 1e6, UTC)
        for one in judged:
            self.answers.append(
                Answered(kept.account, kept.operation, kept.id, one.candidate, one.verdict, order, at)
            )
            if one.verdict.level.reaches(self.policy.min_identity):
                self._derive(one, key, kept)

    def _derive(self, one: _Judged, asked: Key, kept: Kept) -> None:
        """Keys and marks that a trusted answer brings."""
        persona = self.assessment.persona
        self.rings |= {called(persona, n, self.salt) for n in one.numbers - self.numbers}
        profile = next((k for k in one.keys if k.kind is KeyKind.LINKEDIN_URL), None)
        if profile is not None:
            mark = digest(self.salt, profile)
            if self._is_sure(one.candidate, asked):
                self.learned.add(mark)
            elif mark not in self.digests or mark in self.claims:
                self.claims.setdefault(mark, set()).add(kept.id)
        self._add_keys(one.keys)

    def _is_sure(self, candidate: Candidate, asked: Key) -> bool:
        """Whether the answer shows itself that its profile is the person's: it names what was asked by."""
        if asked.kind is KeyKind.EMAIL:
            return confirms(candidate, asked)
        return asked.kind in STRONG_KEYS

    def doubt_name(self) -> None:
        """Another contact of this name has a number that answers brought: they may be about that one."""
        if not self.namesakes:
            self.namesakes = True
            self._start_over()

    def doubt(self, mark: str) -> None:
        """The profile that answers brought is another contact's: do not trust them."""
        doubtful = self.claims.pop(mark)
        self.asked = [replace(a, trusted=False) if a.lookup_id in doubtful else a for a in self.asked]
        self.answers = [
            replace(a, verdict=replace(a.verdict, level=Level.POSSIBLE, reason=ELSEWHERE))
            if a.lookup_id in doubtful
            else a
            for a in self.answers
        ]
        self.keys = [k for k in self.keys if k != self.digests.get(mark)]
        self.digests.pop(mark, None)
        self.unread.discard(mark)

    def forget_flight(self, lookup_ids: Sequence[int]) -> None:
        """Lookups that were under way are to be taken in again in their new state."""
        gone = set(lookup_ids)
        self.asked = [a for a in self.asked if a.lookup_id not in gone]
        self.seen -= gone

    def missed_by(self, account: str) -> bool:
        """Whether an account was asked about the person, by whatever key, and knew nobody."""
        return any(a.account == account and a.state == "not_found" for a in self.asked)

    def _order(self, account: str) -> int:
        accounts = self.policy.accounts
        return accounts.index(account) if account in accounts else len(accounts)

    def lose(self, kept: Kept) -> None:
        """A lookup that was made for this contact was lost, though its keys may have changed since."""
        if kept.id not in self.seen:
            self.seen.add(kept.id)
            self.asked.append(Asked(kept.account, kept.operation, None, "unknown", (), kept.id))

    # steps

    def next(self, vendors: Sequence[Vendor]) -> Ask | Wait | Stop:
        """What to do next for what is still open."""
        needs = self.needs
        if not needs:
            return Stop({})
        return step(needs, self.keys, self.asked, vendors, self.policy.cheapest)

    def note(self, ask: Ask, lookup_id: int) -> None:
        """Remember a purchase for `explain`."""
        key = ask.key.kind.value
        self.steps.append(
            {
                "account": ask.account,
                "operation": ask.operation.name,
                "key": key,
                "why": ask.why,
                "lookup": lookup_id,
            }
        )

    def trace(self, stop: Stop | None, then: Mapping[str, Any] | None = None) -> bytes:
        """What `explain` tells of this round, and what is to happen after the write."""
        held: dict[str, Any] = {
            "needs": [n.field.value for n in self.assessment.needs],
            "kept": {f.value: w for f, w in self.assessment.kept.items()},
            "steps": self.steps[-40:],
            "why": {f.value: w for f, w in stop.why.items()} if stop else {},
            "lookups": sorted(self.seen),
            "doubts": self._doubts(),
        }
        if then:
            held["then"] = dict(then)
        return orjson.dumps(held)

    def _doubts(self) -> dict[str, list[str]]:
        """Lookup → how sure it is and why, where the best of its answers is not surely about the person."""
        sure = {a.lookup_id for a in self.answers if a.verdict.level.reaches(self.policy.min_identity)}
        doubtful = [a for a in reversed(self.answers) if a.lookup_id not in sure]
        return {str(a.lookup_id): [a.verdict.level.value, a.verdict.reason] for a in doubtful}

    @property
    def has_values(self) -> bool:
        """Whether any trusted answer holds something that a need could take."""
        wanted = [replace(n, accept=None) for n in self.assessment.needs]
        return bool(satisfied(wanted, self.answers, self.policy, self.assessment.persona.region))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A candidate, what speaks for it, and the keys and numbers that it brings."""

    candidate: Candidate
    verdict: Verdict
    keys: tuple[Key, ...]
    numbers: frozenset[str]


@lru_cache(1024)
def _judged(account: str, answer: bytes, persona: Persona, key: Key, namesakes: bool) -> tuple[_Judged, ...]:
    """The candidates of a stored answer. Kept, because a contact's desk is set up several times."""
    return tuple(
        _Judged(c, judge(persona, key, c, namesakes), _keys_in(account, c), _numbers_in(c, persona.region))
        for c in unpack_candidates(answer)
    )


def _numbers_in(candidate: Candidate, region: str) -> frozenset[str]:
    found = {normal(v.field, v.value, region) for v in candidate.values if v.field in PHONE_FIELDS}
    return frozenset(found - {""})


def _keys_in(account: str, candidate: Candidate) -> tuple[Key, ...]:
    found = [Key.linkedin(candidate.identity.linkedin_url)]
    if candidate.identity.employer_domain and not candidate.about_company:
        found.append(Key.single(KeyKind.DOMAIN, candidate.identity.employer_domain))
    if candidate.provider_ref:
        found.append(Key.of_provider(account, candidate.provider_ref))
    found += [Key.email(v.value, KeyKind.FOUND_EMAIL) for v in candidate.values if v.field in EMAIL_FIELDS]
    return tuple(k for k in found if k is not None)


def _outlived(kept: Kept, lifetimes: Mapping[str, tuple[float, float]], now_us: int) -> bool:
    if kept.state != "settled":
        return False
    found_s, not_found_s = lifetimes.get(kept.account, (0.0, 0.0))
    lifetime = found_s if kept.outcome == "found" else not_found_s
    return now_us - (kept.settled_us or kept.sent_us) > lifetime * 1e6


def _state(kept: Kept) -> str:
    if kept.state in ("sent", "pending"):
        return "in_flight"
    if kept.state in ("unknown", "written_off"):
        return "unknown"
    return kept.outcome


def read_known(
    store: Store, desks: Sequence[Desk], lifetimes: Mapping[str, tuple[float, float]], now_us: int
) -> None:
    """Take in the lookups that exist for keys not looked at yet, whoever made them.

    An answer may bring further keys; those are looked at too. A profile that came with the answer to a
    mere name, or to an address that the answer does not repeat, is compared with the other contacts of
    the state first.
    """
    unread = [desk for desk in desks if desk.unread]
    begun = {desk.row.id: desk for desk in unread if not desk.seen}
    if not unread:
        return
    with store.read() as connection:
        for work_id, held in lookups.lost(connection, list(begun)).items():
            for kept in held:
                begun[work_id].lose(kept)
        while unread:
            wanted = sorted({d for desk in unread for d in desk.unread})
            found: dict[str, list[Kept]] = {}
            for start in range(0, len(wanted), 500):
                for kept in lookups.known(connection, wanted[start : start + 500]):
                    found.setdefault(kept.key_digest, []).append(kept)
            for desk in unread:
                marks, desk.unread = desk.unread, set()
                for mark in sorted(marks):
                    for kept in found.get(mark, ()):
                        desk.learn(kept, lifetimes, now_us)
            _compare_claims(connection, unread)
            unread = [desk for desk in unread if desk.unread]


def _compare_claims(connection: Connection, desks: Sequence[Desk]) -> None:
    claiming = [desk for desk in desks if desk.claims or desk.rings]
    if not claiming:
        return
    sought = {m for desk in claiming for m in (*desk.claims, *desk.rings)}
    holders = people.holders(connection, sorted(sought))
    for desk in claiming:
        ringing = [row for mark in desk.rings for row in holders.get(mark, ()) if row.id != desk.row.id]
        desk.rings.clear()
        if any(desk.meet(row) is not Kinship.SAME for row in ringing):
            desk.doubt_name()
            continue
        for mark in list(desk.claims):
            others = [row for row in holders.get(mark, ()) if row.id != desk.row.id]
            relations = [desk.meet(row) for row in others]
            if mark not in desk.claims:
                break  # a namesake turned up, and everything is judged anew
            if all(r is Kinship.SAME for r in relations):
                desk.learned.add(mark)
                del desk.claims[mark]
            else:
                desk.doubt(mark)
