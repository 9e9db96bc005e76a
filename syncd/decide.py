"""Which value wins and what may be written: survivorship per field, with reasons. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from syncd.domain import registered
from syncd.match import company_penalty
from syncd.model import (
    EMAIL_FIELDS,
    PHONE_FIELDS,
    Author,
    Candidate,
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
    Verdict,
    WriteMode,
    email_address,
    linkedin_company,
    linkedin_profile,
)
from syncd.phone import e164, field_of
from syncd.phone import same as same_number
from syncd.plan import Need, equal_text, text_of, why_kept

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
EMPLOYMENT = frozenset(
    {Field.JOB_TITLE, Field.COMPANY_NAME, Field.COMPANY_DOMAIN, Field.WORK_EMAIL, Field.SENIORITY}
)


@dataclass(frozen=True, slots=True)
class Answered:
    """One candidate with everything that a decision may turn on. `order` is the place in the waterfall."""

    account: str
    operation: str
    lookup_id: int
    candidate: Candidate
    verdict: Verdict
    order: int = 0
    at: datetime = _EARLIEST


@dataclass(frozen=True, slots=True)
class Offer:
    """A value in the form in which it would be written, and where it comes from."""

    field: Field
    text: str
    quality: Quality
    source: Answered
    as_of: datetime
    agreed: int = 1
    """Providers that say the same."""


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

    A reason begins with human, other, present, fresh, equal, rejected, none, group or flagged.
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
    trusted = [a for a in answers if a.verdict.level.reaches(scene.policy.min_identity)]
    moved = job_change(scene, trusted)
    kept: dict[Field, str] = {}
    changes: dict[Field, Change] = {}
    for wanted in scene.policy.fields:
        outcome = _field(scene, wanted, trusted, answers, bool(moved))
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
    return frozenset(
        n.field
        for n in needs
        if any(
            n.takes(o.quality) and o.source.account in n.accounts for o in offers(n.field, trusted, region)
        )
    )


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
    before = text_of(fields.get(wanted.to))
    need = Need(wanted.field, wanted.accept, ())
    found = [
        o for o in offers(wanted.field, trusted, scene.persona.region) if o.source.account in wanted.accounts
    ]
    best = next((o for o in found if need.takes(o.quality)), None)
    if best is None:
        return _why_none(wanted, found, trusted, answers)
    if before and same_value(wanted.field, before, best.text, scene.persona.region):
        return "equal"
    if moved and scene.policy.job_change is not JobChange.UPDATE and (wanted.field in EMPLOYMENT):
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
        return f"the CRM refused it ({scene.refused[wanted.to]})"
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
    """A group is written from one answer and as a whole, or not at all."""
    groups = {f.group for f in scene.policy.fields if f.group}
    for group in groups:
        members = [f.field for f in scene.policy.fields if f.group == group]
        moving = [m for m in members if m in changes]
        if not moving:
            continue
        sources = {changes[m].lookup_id for m in moving}
        stuck = [
            m for m in members if m not in changes and not kept.get(m, "").startswith(("equal", "present"))
        ]
        if stuck or len(sources) > 1:
            why = f"{stuck[0].value} stays" if stuck else "its values come from different answers"
            for m in moving:
                del changes[m]
                kept[m] = f"group: {group} is written together or not at all, and {why}"


def job_change(scene: Scene, trusted: Sequence[Answered]) -> str:
    """One event for a new employer: a sentence, or "" where the employer is the known one or not known.

    A strong answer must name a current employer that is neither by name nor by domain the CRM's.
    """
    persona = scene.persona
    if not persona.employer:
        return ""
    for answer in trusted:
        identity = answer.candidate.identity
        if (
            answer.candidate.about_company
            or not identity.employer
            or answer.verdict.level is not Level.STRONG
        ):
            continue
        unlike = company_penalty(persona.employer, identity.employer) or 0.0
        domain = registered(identity.employer_domain)
        if unlike > 0.5 and not (domain and domain == persona.employer_domain):
            return f"{answer.account} says that the employer is another one now"
    return ""


def offers(wanted: Field, answers: Sequence[Answered], region: str) -> list[Offer]:
    """Every value for a field, best first: by quality, agreement, freshness, order of the waterfall."""
    graded, phones = _grades(answers), wanted in PHONE_FIELDS
    found: list[Offer] = []
    for answer in answers:
        for value in answer.candidate.values:
            if value.field is wanted or (phones and value.field in PHONE_FIELDS):
                offer = _offer(wanted, value, answer, region, graded)
                if offer is not None:
                    found.append(offer)
    if len(found) < 2:
        return found
    voices: dict[str, set[str]] = {}
    for offer in found:
        voices.setdefault(_comparable(wanted, offer.text), set()).add(offer.source.account)
    agreed = [replace(o, agreed=len(voices[_comparable(wanted, o.text)])) for o in found]
    return sorted(
        agreed,
        key=lambda o: (
            -o.quality.rank,
            -o.agreed,
            -o.as_of.timestamp(),
            o.source.order,
            o.text,
            o.source.lookup_id,
            o.source.account,
        ),
    )


def _grades(answers: Sequence[Answered]) -> dict[tuple[str, str], Quality]:
    """Qualities told apart from the value: by (account or "", field or address)."""
    grades: dict[tuple[str, str], Quality] = {}
    for answer in answers:
        addresses = [a.strip().lower() for a in answer.candidate.identity.emails]
        for graded, quality in answer.candidate.graded.items():
            for address in addresses:
                grades["", address] = quality
            if not addresses:
                grades[answer.account, graded.value] = quality
    return grades


def _offer(
    wanted: Field, value: Value, answer: Answered, region: str, grades: Mapping[tuple[str, str], Quality]
) -> Offer | None:
    text = normal(value.field, value.value, region)
    if not text or value.quality is Quality.INVALID:
        return None
    quality: Quality = value.quality
    if wanted in PHONE_FIELDS and value.field in PHONE_FIELDS:
        judged = _as_phone(wanted, value, text)
        if judged is None:
            return None
        quality = judged
    if wanted in EMAIL_FIELDS:
        told = grades.get(("", text)) or grades.get((answer.account, wanted.value))
        if told is not None and quality in (Quality.UNKNOWN, Quality.UNVERIFIED, Quality.LIKELY):
            quality = told
        if quality is Quality.INVALID:
            return None
    return Offer(wanted, text, quality, answer, value.as_of or answer.at)


def _as_phone(wanted: Field, value: Value, number: str) -> Quality | None:
    """The quality of a number for the wanted kind, or None where it is of another kind.

    The numbering plan is believed over the vendor: a fixed line sold as mobile is none.
    """
    if wanted is Field.PHONE:
        return value.quality
    ranged = field_of(number)
    if ranged is not Field.PHONE:
        return value.quality if ranged is wanted else None
    return value.quality if value.field in (wanted, Field.PHONE) else None


def normal(kind: Field, text: str, region: str) -> str:
    """The text in the one form in which it is written, or "" where it is no value of its kind."""
    plain = " ".join(text.replace("\u00a0", " ").split())
    if kind in EMAIL_FIELDS:
        return email_address(plain)
    if kind in PHONE_FIELDS:
        return e164(plain, region)
    if kind is Field.LINKEDIN_URL:
        return linkedin_profile(plain)
    if kind is Field.COMPANY_LINKEDIN_URL:
        return linkedin_company(plain)
    if kind is Field.COMPANY_DOMAIN:
        return registered(plain)
    return plain


def _comparable(kind: Field, text: str) -> str:
    return text if kind in PHONE_FIELDS else text.casefold()


def same_value(kind: Field, one: str, other: str, region: str) -> bool:
    """Whether two texts mean the same, so that writing one over the other changes nothing."""
    if equal_text(one, other):
        return True
    if kind in PHONE_FIELDS:
        return same_number(one, other, region)
    left, right = normal(kind, one, region), normal(kind, other, region)
    return bool(left) and left.casefold() == right.casefold()
