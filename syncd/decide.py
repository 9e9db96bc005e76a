"""Which value wins and what may be written: survivorship per field, with reasons. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from syncd.domain import registered
from syncd.match import company_penalty
from syncd.model import (
    COMPANY_FIELDS,
    PHONE_FIELDS,
    Author,
    Contact,
    Field,
    FieldInfo,
    FieldPolicy,
    JobChange,
    LastWrite,
    Level,
    Persona,
    Quality,
    SyncPolicy,
    Value,
    WriteMode,
)
from syncd.offers import Answered, Offer, offers, same_value
from syncd.plan import Assessment, Need, text_of, why_kept

EMPLOYMENT = COMPANY_FIELDS | {
    Field.JOB_TITLE,
    Field.JOB_FUNCTION,
    Field.HEADLINE,
    Field.SENIORITY,
    Field.WORK_EMAIL,
}
"""What a new employer changes."""


@dataclass(frozen=True, slots=True)
class Change:
    """One property to be written."""

    field: Field
    property: str
    before: str
    after: str
    account: str
    operation: str
    lookup_id: int
    quality: Quality
    reason: str
    propose: bool = False
    before_author: str = ""

    def __repr__(self) -> str:
        return f"Change({self.field.value} from {self.account})"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write, and per field that stays: why.

    A reason begins with human, other, present, fresh, undone, equal, rejected, none, group or flagged.
    """

    changes: tuple[Change, ...]
    kept: Mapping[Field, str]
    job_change: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything known at the moment of the decision."""

    contact: Contact
    persona: Persona
    policy: SyncPolicy
    written: Mapping[str, LastWrite]
    our_source: str
    schema: Mapping[str, FieldInfo]
    now: datetime
    refused: Mapping[str, str] = field(default_factory=dict)
    """property → code of a write that the CRM refused for this record."""


def decide(scene: Scene, answers: Sequence[Answered]) -> Decision:
    """The changes for one freshly read contact."""
    ranked = sorted(answers, key=lambda a: (a.order, a.account, a.lookup_id))
    trusted = [a for a in ranked if a.verdict.level.reaches(scene.policy.min_identity)]
    moved = job_change(scene, trusted)
    kept: dict[Field, str] = {}
    changes: dict[Field, Change] = {}
    for wanted in scene.policy.fields:
        outcome = _field(scene, wanted, trusted, ranked, bool(moved))
        if isinstance(outcome, Change):
            changes[wanted.field] = outcome
        else:
            kept[wanted.field] = outcome
    _keep_groups_whole(scene, trusted, changes, kept)
    return Decision(tuple(changes.values()), kept, moved)


def satisfied(
    needs: Iterable[Need], answers: Sequence[Answered], policy: SyncPolicy, region: str
) -> frozenset[Field]:
    """The needs for which an accepted value of a provider that may fill it is at hand already."""
    trusted = [a for a in answers if a.verdict.level.reaches(policy.min_identity)]
    return frozenset(n.field for n in needs if any(_meeting(n, trusted, region)))


def settled(wanted: Assessment, answers: Sequence[Answered], policy: SyncPolicy) -> frozenset[Field]:
    """The satisfied needs, but for those whose only value would not be written.

    That is one that belongs to another employer than the CRM's, or does not go with the rest of its group, by
    one provider alone: it may be wrong, so somebody else is asked. Two that bring such values are enough.
    """
    region = wanted.persona.region
    met = satisfied(wanted.needs, answers, policy, region)
    trusted = [a for a in answers if a.verdict.level.reaches(policy.min_identity)]
    groups = {f.field: f.group for f in policy.fields}
    bound = EMPLOYMENT if policy.job_change is not JobChange.UPDATE else frozenset()
    found = set()
    for need in (n for n in wanted.needs if n.field in met):
        group = groups[need.field]
        held = [f for f, text in wanted.staying.items() if text and group and groups[f] == group]
        meeting = list(_meeting(need, trusted, region)) if held or need.field in bound else []
        fitting = any(
            not (need.field in bound and _strays(wanted.persona, o)) and _goes_with(wanted, held, o, trusted)
            for o in meeting
        )
        if fitting or not meeting or len({o.source.account for o in meeting}) > 1:
            found.add(need.field)
    return frozenset(found)


def _goes_with(wanted: Assessment, held: Sequence[Field], offer: Offer, trusted: Sequence[Answered]) -> bool:
    """Whether the answer that brought a value says of the fields that stay what they hold."""
    source = [a for a in trusted if a.lookup_id == offer.source.lookup_id]
    region = wanted.persona.region
    return all(_fits(f, wanted.staying[f], wanted.kept[f], source, region) for f in held)


def _meeting(need: Need, trusted: Sequence[Answered], region: str) -> Iterator[Offer]:
    """The offers that meet a need, best first."""
    for offer in offers(need.field, trusted, region):
        allowed = offer.source.account in need.accounts
        wrong_kind = need.of_person and offer.source.candidate.about_company
        if need.takes(offer.quality) and allowed and not wrong_kind:
            yield offer


def _field(
    scene: Scene, wanted: FieldPolicy, trusted: Sequence[Answered], answers: Sequence[Answered], moved: bool
) -> Change | str:
    """The change for one field, or why there is none."""
    contact = scene.contact
    fields = contact.fields or {}
    author = contact.authors.get(wanted.to)
    last = scene.written.get(wanted.to)
    why = why_kept(wanted, fields, contact.authors, last, scene.our_source, scene.now)
    if why:
        return _explained(why, author, last)
    before, region = text_of(fields.get(wanted.to)), scene.persona.region
    need = Need(wanted.field, wanted.accept, ())
    found = [o for o in offers(wanted.field, trusted, region) if o.source.account in wanted.accounts]
    bound = wanted.field in EMPLOYMENT and scene.policy.job_change is not JobChange.UPDATE
    staying = [o for o in found if not (bound and not moved and _strays(scene.persona, o))]
    best = next((o for o in staying if need.takes(o.quality)), None)
    if best is None and any(need.takes(o.quality) for o in found):
        return f"flagged: {_why_elsewhere(scene.persona, trusted)}"
    if best is None:
        return _why_none(wanted, found, trusted, answers)
    if before and same_value(wanted.field, before, best.text, region):
        return "equal"
    if moved and bound and not best.source.candidate.about_company:
        return "flagged: the person seems to work elsewhere now"
    if before and best.source.verdict.identifiers < 2:
        return "rejected: two agreeing identifiers are needed to overwrite a value"
    unfit = _unfit(scene, wanted, best.text)
    if unfit:
        return f"rejected: {unfit}"
    return Change(
        wanted.field,
        wanted.to,
        before,
        best.text,
        best.source.account,
        best.source.operation,
        best.source.lookup_id,
        best.quality,
        _why_best(best, before, last),
        wanted.write is WriteMode.PROPOSE,
        author.label if author else "",
    )


def _explained(why: str, author: Author | None, last: LastWrite | None) -> str:
    match why:
        case "human" if author is not None:
            when = f" on {author.at:%Y-%m-%d}" if author.at else ""
            return f"human: changed in the CRM by {author.label}{when}"
        case "other":
            by = f" by {author.label}" if author else ""
            return f"other: filled{by}, and not a value that we wrote"
        case "present":
            return "present: already filled, and only blanks are filled"
        case "undone":
            return "undone: an operator took our value back; it stays until somebody changes it"
        case "fresh" if last is not None:
            return f"fresh: we wrote it on {last.at:%Y-%m-%d}"
    return why


def _why_none(
    wanted: FieldPolicy, found: Sequence[Offer], trusted: Sequence[Answered], answers: Sequence[Answered]
) -> str:
    if found:
        return f"rejected: best quality is {found[0].quality.value}, below {wanted.accept or 'unknown'}"
    strangers = [
        a
        for a in answers
        if a not in trusted and any(wanted.field in _may_fill(v) for v in a.candidate.values)
    ]
    if strangers:
        return f"rejected: the answer may be about somebody else ({strangers[0].verdict.reason})"
    return "none"


def _may_fill(value: Value) -> frozenset[Field]:
    return PHONE_FIELDS if value.field in PHONE_FIELDS else frozenset({value.field})


def _why_best(best: Offer, before: str, last: LastWrite | None) -> str:
    agreed = f", {best.agreed} providers agree" if best.agreed > 1 else ""
    what = "filled a blank" if not before else "refreshed our value" if last else "replaced"
    return f"{what}: {best.quality.value} by {best.source.account}{agreed}; {best.source.verdict.reason}"


def _unfit(scene: Scene, wanted: FieldPolicy, text: str) -> str:
    """Why a text cannot go into the property, or ""."""
    if wanted.to in scene.refused:
        code = scene.refused[wanted.to]
        return "another contact of the CRM has it" if code == "CONFLICT" else f"the CRM refused it ({code})"
    info = scene.schema.get(wanted.to)
    if info is None:
        return f"the CRM has no property {wanted.to}"
    if not info.writable:
        return f"{wanted.to} is read-only"
    if info.max_length is not None and len(text) > info.max_length:
        return f"longer than the {info.max_length} characters of {wanted.to}"
    if info.options is not None and text not in info.options:
        return f"not one of the values that {wanted.to} allows"
    return ""


def _keep_groups_whole(
    scene: Scene, trusted: Sequence[Answered], changes: dict[Field, Change], kept: dict[Field, str]
) -> None:
    """A group is written from one answer and as a whole, or not at all.

    Where no answer is the best for every field, the first that has all of them and goes with what stays is taken.
    """
    for group in sorted({f.group for f in scene.policy.fields if f.group}):
        members = [f for f in scene.policy.fields if f.group == group]
        moving = {m.field: changes.pop(m.field) for m in members if m.field in changes}
        if not moving:
            continue
        best = [c.lookup_id for c in moving.values()]
        sources = list(dict.fromkeys([*best, *(a.lookup_id for a in trusted)]))
        stuck = ""
        for source in sources:
            whole = _from_one(scene, trusted, members, moving, source)
            if whole is None:
                continue
            in_the_way = _stuck(scene, trusted, members, whole, kept)
            if not in_the_way:
                changes.update(whole)
                break
            stuck = stuck or in_the_way
        else:
            why = f"{stuck} stays" if stuck else "its values come from different answers"
            kept.update(dict.fromkeys(moving, f"group: {group} is written together or not at all, and {why}"))


def _from_one(
    scene: Scene,
    trusted: Sequence[Answered],
    members: Sequence[FieldPolicy],
    moving: Mapping[Field, Change],
    source: int,
) -> dict[Field, Change] | None:
    """The changes of a group with every value from one lookup, or None where that has not all of them."""
    if all(c.lookup_id == source for c in moving.values()):
        return dict(moving)
    one = [a for a in trusted if a.lookup_id == source or not a.candidate.values]
    moved = bool(job_change(scene, trusted))
    found = {m.field: _field(scene, m, one, one, moved) for m in members if m.field in moving}
    return (
        {f: c for f, c in found.items() if isinstance(c, Change)}
        if all(isinstance(c, Change) for c in found.values())
        else None
    )


def _stuck(
    scene: Scene,
    trusted: Sequence[Answered],
    members: Sequence[FieldPolicy],
    moving: Mapping[Field, Change],
    kept: Mapping[Field, str],
) -> str:
    """The first field of a group that stays and does not go with the values to be written, or ""."""
    lookup_ids = {c.lookup_id for c in moving.values()}
    sources = [a for a in trusted if a.lookup_id in lookup_ids]
    for member in (m for m in members if m.field not in moving):
        present = text_of((scene.contact.fields or {}).get(member.to))
        if not _fits(member.field, present, kept[member.field], sources, scene.persona.region):
            return member.field.value
    return ""


def _fits(kind: Field, present: str, why: str, sources: Sequence[Answered], region: str) -> bool:
    """Whether answers say of a field that stays what it holds, or nothing of one that is filled. `why` it stays."""
    told = offers(kind, sources, region)
    if not told:
        return why.startswith(("equal", "present"))
    return any(_same_group_value(kind, present, o.text, region) for o in told)


def _same_group_value(kind: Field, present: str, offered: str, region: str) -> bool:
    """Whether a value that stays means what the answer says: companies are the same but for legal form."""
    if kind is Field.COMPANY_NAME and company_penalty(present, offered) == 0:
        return True
    return same_value(kind, present, offered, region)


def job_change(scene: Scene, trusted: Sequence[Answered]) -> str:
    """One event for a new employer: a sentence, or "" where the employer is the known one, disputed, or not known.

    A strong answer must name a current employer that is neither by name nor by domain the CRM's, and more
    accounts must say so than speak for the CRM's: one of them may know the person's former place only. For it
    speaks who names it, or brings an address there that was verified.
    """
    gone, voices = _voices(scene.persona, [a for a in trusted if a.verdict.level is Level.STRONG])
    return f"{gone[0]} says that the employer is another one now" if 2 * len(gone) > voices else ""


def _why_elsewhere(persona: Persona, trusted: Sequence[Answered]) -> str:
    """Why a value of another employer is not written, where none is known to be the new one."""
    gone, voices = _voices(persona, trusted)
    if 0 < len(gone) < voices:
        return "providers disagree about the employer, and the value is of another one than the CRM's"
    return (
        "the value is of another employer than the CRM's, "
        "and no majority of strong answers says that the person left it"
    )


def _voices(persona: Persona, answers: Sequence[Answered]) -> tuple[list[str], int]:
    """The accounts that name another employer than the CRM's, and how many spoke of it at all."""
    says: dict[str, bool] = {}
    for answer in answers:
        if answer.candidate.about_company:
            continue
        if any(_at_home(persona, v.field, v.value) for v in answer.candidate.values if _verified(v)):
            says[answer.account] = False
        elif answer.candidate.identity.employer:
            says.setdefault(answer.account, _elsewhere(persona, answer))
    return [account for account, elsewhere in says.items() if elsewhere], len(says)


def _elsewhere(persona: Persona, answer: Answered) -> bool:
    """Whether an answer names an employer that is neither by name nor by domain the CRM's."""
    identity = answer.candidate.identity
    if not persona.employer or not identity.employer or answer.candidate.about_company:
        return False
    unlike = company_penalty(persona.employer, identity.employer) or 0.0
    domain = registered(identity.employer_domain)
    return unlike > 0.5 and not (domain and domain == persona.employer_domain)


def _at_home(persona: Persona, field: Field, text: str) -> bool:
    """Whether a value is an address at the CRM's employer; never where that one's domain is not known."""
    if field is not Field.WORK_EMAIL or not persona.employer_domain:
        return False
    _, at, host = text.rpartition("@")
    return bool(at) and registered(host) == persona.employer_domain


def _verified(value: Value) -> bool:
    return value.quality is Quality.VERIFIED


def _strays(persona: Persona, offer: Offer) -> bool:
    """Whether a value belongs to another employer than the CRM's, by the answer that brought it."""
    return _elsewhere(persona, offer.source) and not _at_home(persona, offer.field, offer.text)
