"""One contact while it is being enriched: its needs, its keys, and everything known about the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from syncd.codec import digest, unpack_candidates, unpack_contact
from syncd.decide import Answered, satisfied
from syncd.match import judge
from syncd.model import COMPANY_KEYS, STRONG_KEYS, Contact, Field, Key, KeyKind, LastWrite, Level, SyncPolicy
from syncd.plan import Assessment, Need, assess, keys_of, persona_of
from syncd.store import lookups
from syncd.store.engine import Store
from syncd.store.lookups import Kept
from syncd.store.work import Row
from syncd.waterfall import Ask, Asked, Stop, Vendor, Wait, step

LINKING = STRONG_KEYS | {KeyKind.NAME_DOMAIN, KeyKind.NAME_COMPANY}


@dataclass
class Desk:
    """A leased work row. Rebuilt from the store at any time; holds nothing that is not there."""

    row: Row
    policy: SyncPolicy
    assessment: Assessment
    keys: list[Key]
    digests: dict[str, Key]
    asked: list[Asked] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    failures: int = 0
    seen: set[int] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    """Digests of keys whose lookups have not been looked for yet."""

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
        """Set up from the stored record, or a fresher one; a sibling is another record of the same person."""
        contact = contact or unpack_contact(row.record_id, row.record)
        assessment = assess(contact, policy, written, our_source, now)
        keys = list(assessment.keys)
        for sibling in siblings:
            persona = persona_of(unpack_contact(sibling.record_id, sibling.record).fields or {}, policy.match)
            theirs = [k for k in keys_of(persona) if k.kind in LINKING]
            if same_person(assessment.keys, theirs):
                known = {k.kind for k in keys}
                keys += [k for k in theirs if k.kind not in known]
        steps = orjson.loads(row.trace).get("steps", []) if row.trace else []
        digests = {digest(salt, k): k for k in keys}
        return cls(
            row, policy, assessment, keys, digests, steps=steps, failures=row.attempts, unread=set(digests)
        )

    @property
    def needs(self) -> list[Need]:
        """The needs that no accepted value meets yet."""
        region = self.assessment.persona.region
        met = satisfied(self.assessment.needs, self.answers, self.policy, region)
        return [n for n in self.assessment.needs if n.field not in met]

    def learn(
        self, kept: Kept, lifetimes: Mapping[str, tuple[float, float]], salt: bytes, now_us: int
    ) -> None:
        """Take in a lookup that exists. One that is too old to be reused counts as never made."""
        if kept.id in self.seen:
            return
        found_s, not_found_s = lifetimes.get(kept.account, (0.0, 0.0))
        if kept.state == "settled":
            lifetime = found_s if kept.outcome == "found" else not_found_s
            if now_us - (kept.settled_us or kept.sent_us) > lifetime * 1e6:
                return
        self.seen.add(kept.id)
        key = self.digests.get(kept.key_digest)
        judged = (
            tuple((c, judge(self.assessment.persona, key, c)) for c in unpack_candidates(kept.answer))
            if key
            else ()
        )
        trusted = any(v.level.reaches(self.policy.min_identity) for _, v in judged)
        self.asked.append(
            Asked(kept.account, kept.operation, key, _state(kept), judged, kept.id, trusted or not judged)
        )
        order = self._order(kept.account)
        at = datetime.fromtimestamp((kept.settled_us or kept.sent_us) / 1e6, UTC)
        for candidate, verdict in judged:
            self.answers.append(
                Answered(kept.account, kept.operation, kept.id, candidate, verdict, order, at)
            )
            if verdict.level is Level.STRONG or (verdict.level.reaches(self.policy.min_identity)):
                self._derive(
                    candidate.identity.linkedin_url, candidate.identity.employer_domain, candidate, salt
                )

    def forget_flight(self, lookup_ids: Sequence[int]) -> None:
        """Lookups that were under way are to be taken in again in their new state."""
        gone = set(lookup_ids)
        self.asked = [a for a in self.asked if a.lookup_id not in gone]
        self.seen -= gone

    def _order(self, account: str) -> int:
        accounts = self.policy.accounts
        return accounts.index(account) if account in accounts else len(accounts)

    def _derive(self, url: str, domain: str, candidate: Any, salt: bytes) -> None:
        """Keys that a trusted answer brings."""
        found = [Key.linkedin(url)] if url else []
        if domain and not candidate.about_company:
            found.append(Key.single(KeyKind.DOMAIN, domain))
        if candidate.provider_ref:
            found.append(Key.single(KeyKind.PROVIDER_ID, candidate.provider_ref))
        for value in candidate.values:
            if value.field in (Field.WORK_EMAIL, Field.PERSONAL_EMAIL):
                found.append(Key.email(value.value, KeyKind.FOUND_EMAIL))
        kinds = {k.kind for k in self.keys}
        for key in found:
            if key is not None and key.kind not in kinds:
                self.keys.append(key)
                self.digests[digest(salt, key)] = key
                self.unread.add(digest(salt, key))
                kinds.add(key.kind)

    def next(self, vendors: Sequence[Vendor]) -> Ask | Wait | Stop:
        """What to do next for what is still open."""
        needs = self.needs
        if not needs:
            return Stop({})
        return step(needs, self.keys, self.asked, vendors, self.policy.cheapest)

    def note(self, ask: Ask, lookup_id: int) -> None:
        """Remember a purchase for `explain`."""
        self.steps.append(
            {
                "account": ask.account,
                "operation": ask.operation.name,
                "key": ask.key.kind.value,
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
        }
        if then:
            held["then"] = dict(then)
        return orjson.dumps(held)

    @property
    def has_values(self) -> bool:
        """Whether any trusted answer holds something that a need could take."""
        wanted = {n.field for n in self.assessment.needs}
        return bool(
            wanted
            & satisfied(
                [Need(f, None, ()) for f in wanted], self.answers, self.policy, self.assessment.persona.region
            )
        )


def same_person(one: Sequence[Key], other: Sequence[Key]) -> bool:
    """Whether two records that share a mark are one person.

    A shared profile or address decides. A shared name and employer does only where no profile and no
    address tells the two apart: namesakes work together more often than one thinks.
    """
    strong = {k.kind: k for k in one if k.kind in STRONG_KEYS}
    rivals = [k for k in other if k.kind in strong]
    if any(strong[k.kind] == k for k in rivals):
        return True
    return not rivals and any(k in other for k in one)


def _state(kept: Kept) -> str:
    if kept.state in ("sent", "pending"):
        return "in_flight"
    if kept.state in ("unknown", "written_off"):
        return "unknown"
    return kept.outcome


def marks(keys: Sequence[Key], salt: bytes) -> list[str]:
    """The digests by which a person is recognised in other records: strong keys, and name with employer."""
    return [digest(salt, k) for k in keys if k.kind in LINKING and k.kind not in COMPANY_KEYS]


def read_known(
    store: Store,
    desks: Sequence[Desk],
    lifetimes: Mapping[str, tuple[float, float]],
    salt: bytes,
    now_us: int,
) -> None:
    """Take in the lookups that exist for keys not looked at yet, whoever made them.

    An answer may bring further keys; those are looked at too.
    """
    unread = [desk for desk in desks if desk.unread]
    while unread:
        wanted = sorted({d for desk in unread for d in desk.unread})
        found: dict[str, list[Kept]] = {}
        with store.read() as connection:
            for start in range(0, len(wanted), 500):
                for kept in lookups.known(connection, wanted[start : start + 500]):
                    found.setdefault(kept.key_digest, []).append(kept)
        for desk in unread:
            marks_, desk.unread = desk.unread, set()
            for mark in sorted(marks_):
                for kept in found.get(mark, ()):
                    desk.learn(kept, lifetimes, salt, now_us)
        unread = [desk for desk in unread if desk.unread]
