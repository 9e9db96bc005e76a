"""Whether an answer speaks of the contact: named penalties, a level, and the reasons. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

from syncd.domain import employer, registered
from syncd.model import EMAIL_FIELDS, Candidate, Key, KeyKind, Level, Persona, Verdict, fold, linkedin_profile
from syncd.phone import region_of

_LEGAL = re.compile(
    r"\b(inc|incorporated|ltd|limited|llc|llp|plc|corp|corporation|co|company|gmbh|ag|kg|se|sa|sas|sarl|srl|spa|bv|nv|ab|as|oy|aps|pty|group|holding|holdings)\b\.?"
)
_TITLES = re.compile(r"\b(dr|prof|mr|mrs|ms|mx|sir|ing|mba|phd|msc|bsc|cpa|jr|sr|ii|iii)\b\.?")
NAME_AGREES = 0.15
NAME_CONTRADICTS = 0.45
PAST_EMPLOYER = 0.5
"""How much an employer disagrees that the answer names as a past one."""
INITIAL_AGREES = 0.9
FIRST_NAME_ALIKE = 0.89
"""From here on two first names may be one, written in two ways: Stephen and Steven, but not Mark and Mary."""


def judge(persona: Persona, key: Key, candidate: Candidate, namesakes: bool = False) -> Verdict:
    """How sure it is that `candidate`, the answer to `key`, is the person the CRM means.

    With `namesakes` the CRM knows another person of the same name at the same employer. Penalties run from
    0 (agrees) to 1 (contradicts); what either side does not say has none. A name that contradicts ends it
    whatever else agrees; another first name or another profile is never sure.
    """
    if candidate.about_company:
        return _judge_company(persona, candidate)
    if key.kind is KeyKind.FOUND_EMAIL:
        return Verdict(Level.STRONG, reason="it is about the address, not about a person")
    penalties = _penalties(persona, candidate)
    agreeing = _identifiers(persona, key, candidate, penalties)
    name = penalties.get("name")
    if name is not None and name >= NAME_CONTRADICTS:
        return _verdict(Level.NONE, penalties, agreeing, "the name is another one")
    if candidate.similarity is not None and candidate.similarity < 0.5:
        return _verdict(Level.NONE, penalties, agreeing, "the vendor itself is unsure")
    if _other_profile(persona, key, candidate, same_name=name == 0):
        return _verdict(Level.POSSIBLE, penalties, agreeing, "the answer is about another profile")
    first = first_names(persona, candidate)
    if first is FirstName.OTHER:
        return _verdict(Level.POSSIBLE, penalties, agreeing, "the first name is another one")
    if key.kind in (KeyKind.LINKEDIN_URL, KeyKind.PROVIDER_ID):
        return _by_profile(penalties, agreeing)
    if key.kind is KeyKind.EMAIL:
        return _by_email(persona, key, candidate, penalties, agreeing, namesakes)
    return _by_name(penalties, agreeing, namesakes, first is FirstName.SAME)


def _other_profile(persona: Persona, key: Key, candidate: Candidate, same_name: bool) -> bool:
    """Whether the answer names another profile. An old /pub/ address says little of a new /in/ one."""
    theirs = linkedin_profile(candidate.identity.linkedin_url)
    ours = key.get("url") or persona.linkedin_url
    if not theirs or not ours or theirs == ours:
        return False
    sections = {url.split("/")[3] for url in (ours, theirs)}
    return len(sections) == 1 or not same_name


def _by_profile(penalties: dict[str, float], agreeing: set[str]) -> Verdict:
    name = penalties.get("name")
    if name is not None and name > 0.3:
        return _verdict(Level.POSSIBLE, penalties, agreeing, "the profile fits, the name hardly does")
    return _verdict(Level.STRONG, penalties, agreeing, "the profile is the one asked for")


def _by_email(
    persona: Persona,
    key: Key,
    candidate: Candidate,
    penalties: dict[str, float],
    agreeing: set[str],
    namesakes: bool,
) -> Verdict:
    """By an address that the answer does not repeat, a namesake may have been found in the person's place."""
    name = penalties.get("name")
    if name is not None and "linkedin" not in agreeing and not confirms(candidate, key):
        why = _namesake_likely(key, candidate, penalties, namesakes)
        if why:
            return _verdict(Level.POSSIBLE, penalties, agreeing, why)
    if name is None:
        fits = _local_part_fits(persona.email, _their_name(candidate))
        level = Level.STRONG if fits else Level.POSSIBLE
        return _verdict(
            level, penalties, agreeing, "the address fits the name" if fits else "no name to compare with"
        )
    if name <= NAME_AGREES:
        return _verdict(Level.STRONG, penalties, agreeing, "address and name agree")
    if penalties.get("employer") == 0 and name <= 0.3:
        return _verdict(Level.STRONG, penalties, agreeing, "address and employer agree, the name nearly")
    return _verdict(Level.POSSIBLE, penalties, agreeing, "the address was found, the name is unlike")


def _namesake_likely(key: Key, candidate: Candidate, penalties: dict[str, float], namesakes: bool) -> str:
    """What speaks for a namesake in an answer that does not repeat the address; "" for nothing."""
    if namesakes:
        return "the CRM knows a namesake at the same employer"
    domain = employer(key.get("email"))
    if domain and any(employer(a) == domain for a in _addresses(candidate)):
        return "the answer has another address at the same domain"
    unlike = penalties.get("employer", 0.0)
    if unlike > PAST_EMPLOYER:
        return "the name fits, the employer is another one"
    if penalties.get("location") == 1.0 and unlike > 0.15:
        return "the name fits, employer and country are others"
    return ""


def confirms(candidate: Candidate, key: Key) -> bool:
    """Whether an answer to an address has that address among the person's."""
    return key.get("email") in _addresses(candidate)


def _addresses(candidate: Candidate) -> set[str]:
    held = [v.value for v in candidate.values if v.field in EMAIL_FIELDS]
    return {a.strip().lower() for a in (*candidate.identity.emails, *held)}


def _by_name(
    penalties: dict[str, float], agreeing: set[str], namesakes: bool, same_first_name: bool
) -> Verdict:
    name, employer = penalties.get("name", 1.0), penalties.get("employer")
    if agreeing & {"linkedin", "email", "phone"} and name <= NAME_AGREES:
        return _verdict(Level.STRONG, penalties, agreeing, "name and another identifier agree")
    if namesakes:
        return _verdict(Level.POSSIBLE, penalties, agreeing, "the CRM knows a namesake at the same employer")
    if penalties.get("location") == 1.0:
        return _verdict(Level.POSSIBLE, penalties, agreeing, "the name fits, the country is another one")
    if not same_first_name:
        return _verdict(Level.POSSIBLE, penalties, agreeing, "the first name is merely alike")
    if name <= NAME_AGREES and employer is not None and employer <= 0.15:
        return _verdict(Level.STRONG, penalties, agreeing, "name and employer agree")
    if employer is not None and employer > 0.6:
        return _verdict(Level.NONE, penalties, agreeing, "the name fits, the employer is another one")
    return _verdict(Level.POSSIBLE, penalties, agreeing, "only the name agrees")


def _judge_company(persona: Persona, candidate: Candidate) -> Verdict:
    penalties: dict[str, float] = {}
    employer = _employer(persona, candidate)
    if employer is not None:
        penalties["employer"] = employer
    fits = employer is not None and employer <= 0.15
    level = Level.STRONG if fits else Level.POSSIBLE if employer is None or employer < 0.5 else Level.NONE
    reason = "the company is the contact's" if fits else "the company is hardly the contact's"
    return _verdict(level, penalties, {"employer"} if fits else set(), reason)


def _verdict(level: Level, penalties: dict[str, float], agreeing: set[str], reason: str) -> Verdict:
    rounded = {name: round(value, 3) for name, value in penalties.items()}
    return Verdict(level, MappingProxyType(rounded), reason, len(agreeing))


def _penalties(persona: Persona, candidate: Candidate) -> dict[str, float]:
    found: dict[str, float | None] = {
        "name": name_penalty(persona, candidate),
        "employer": _employer(persona, candidate),
        "title": _unlike(persona.title, candidate.identity.title),
        "location": _place(persona, candidate.identity.location),
        "vendor": None if candidate.similarity is None else 1 - candidate.similarity,
    }
    return {name: value for name, value in found.items() if value is not None}


def _identifiers(persona: Persona, key: Key, candidate: Candidate, penalties: dict[str, float]) -> set[str]:
    """The independent identifiers on which CRM and answer agree."""
    identity = candidate.identity
    agreeing = set()
    profile = linkedin_profile(identity.linkedin_url)
    if persona.linkedin_url and (
        profile == persona.linkedin_url or (not profile and key.kind is KeyKind.LINKEDIN_URL)
    ):
        agreeing.add("linkedin")
    addresses = {a.strip().lower() for a in identity.emails}
    if persona.email and (persona.email in addresses or key.kind is KeyKind.EMAIL):
        agreeing.add("email")
    if penalties.get("name", 1) <= NAME_AGREES:
        agreeing.add("name")
    if penalties.get("employer", 1) <= 0.15:
        agreeing.add("employer")
    if persona.phone and key.kind is KeyKind.PHONE:
        agreeing.add("phone")
    return agreeing


def name_penalty(persona: Persona, candidate: Candidate) -> float | None:
    """0 for the same name in whatever order, spelling or with initials; None where a side is silent."""
    left, right = _names(persona.full_name), _names(_their_name(candidate))
    if not left or not right:
        return None
    best = max(_token_agreement(a, b) for a in _spellings(left) for b in _spellings(right))
    return 1 - best


def _their_name(candidate: Candidate) -> str:
    who = candidate.identity
    return who.full_name or f"{who.first_name} {who.last_name}".strip()


class FirstName(StrEnum):
    """What two first names are to each other."""

    SAME = "same"
    ALIKE = "alike"
    OTHER = "other"


def first_names(persona: Persona, candidate: Candidate) -> FirstName:
    """How the first names agree; the same where an initial fits, or where nothing speaks against it.

    The contact's first name is looked for anywhere in the other name. It is not missed where that one says
    nothing else: people go by their second name.
    """
    ours, theirs = _names(persona.full_name), _names(_their_name(candidate))
    first = _names(persona.first_name)[:1] or ours[:1]
    if not first or not theirs:
        return FirstName.SAME
    pairs = [(f[0], t) for f in _spellings(first) for ts in _spellings(theirs) for t in ts]
    if any(f == t or (1 in (len(f), len(t)) and f[0] == t[0]) for f, t in pairs):
        return FirstName.SAME
    if any(_tokens_alike(f, t) >= FIRST_NAME_ALIKE for f, t in pairs):
        return FirstName.ALIKE
    known = [*first, *ours]
    return (
        FirstName.ALIKE
        if all(any(_tokens_alike(t, k) >= FIRST_NAME_ALIKE for k in known) for t in theirs)
        else FirstName.OTHER
    )


def _token_agreement(left: tuple[str, ...], right: tuple[str, ...]) -> float:
    """The mean agreement of the shorter name's tokens with their partners in the longer one, best pairs first."""
    short, long = sorted((left, right), key=len)
    pairs = sorted(
        ((_tokens_alike(a, b), i, j) for i, a in enumerate(short) for j, b in enumerate(long)), reverse=True
    )
    total, met, taken = 0.0, set[int](), set[int]()
    for alike, i, j in pairs:
        if i not in met and j not in taken:
            met.add(i)
            taken.add(j)
            total += alike
    mean = total / len(short)
    return mean * (0.8 if len(short) == 1 and len(long) > 1 else 1.0)


def _tokens_alike(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if min(len(one), len(other)) == 1:
        return INITIAL_AGREES if one[0] == other[0] else 0.0
    alike = JaroWinkler.similarity(one, other)
    return alike if alike > 0.75 else alike * 0.4


@lru_cache(2048)
def _names(text: str) -> tuple[str, ...]:
    folded = _TITLES.sub(
        " ",
        fold(
            text.split(",", maxsplit=1)[0]
            if text.count(",") == 1 and len(text.split(",")[1].split()) > 1
            else text
        ),
    )
    return tuple(t for t in re.split(r"[^\w']+|_", folded.replace("'", "")) if t)


_UMLAUTS = (
    ("ae", "a"),
    ("oe", "o"),
    ("ue", "u"),
    ("ss", "s"),
    ("ø", "o"),
    ("đ", "d"),
    ("ł", "l"),
    ("ß", "ss"),
    ("æ", "ae"),
    ("ı", "i"),
)


@lru_cache(2048)
def _spellings(tokens: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The tokens as they stand and with letters that some transcribe written plainly."""
    plain = tokens
    for written, letter in _UMLAUTS:
        plain = tuple(t.replace(written, letter) for t in plain)
    return (tokens,) if plain == tokens else (tokens, plain)


def _employer(persona: Persona, candidate: Candidate) -> float | None:
    """0 where the employer agrees by domain or name; a past employer counts as half."""
    identity = candidate.identity
    domain = registered(identity.employer_domain) if identity.employer_domain else ""
    if persona.employer_domain and domain == persona.employer_domain:
        return 0.0
    penalties = [p for p in (company_penalty(persona.employer, identity.employer),) if p is not None]
    past = [company_penalty(persona.employer, name) for name in identity.past_employers]
    if any(p is not None and p <= 0.15 for p in past) or (
        persona.employer_domain in identity.past_domains and persona.employer_domain
    ):
        penalties.append(PAST_EMPLOYER)
    if not penalties and persona.employer_domain and domain:
        return 1.0
    return min(penalties) if penalties else None


def company_penalty(one: str, other: str) -> float | None:
    """0 for the same company name but for legal form; None where one is blank."""
    left, right = _company(one), _company(other)
    if not left or not right:
        return None
    if left == right:
        return 0.0
    return 1 - fuzz.token_sort_ratio(left, right) / 100


@lru_cache(2048)
def _company(text: str) -> str:
    folded = re.sub(r"[^\w\s]", " ", fold(text))
    stripped = " ".join(_LEGAL.sub(" ", folded).split())
    return stripped or folded.strip()


def _unlike(one: str, other: str) -> float | None:
    if not one.strip() or not other.strip():
        return None
    return 1 - fuzz.token_set_ratio(fold(one), fold(other)) / 100


def _place(persona: Persona, theirs: str) -> float | None:
    """1 where the countries differ; else how unlike the places are, as far as both are known."""
    region = region_of(theirs.rpartition(",")[2])
    if persona.region and region:
        return 1.0 if region != persona.region else 0.0
    unlike = _unlike(persona.location, theirs)
    return None if unlike is None else min(unlike, 0.9)


def _local_part_fits(address: str, name: str) -> bool:
    local = re.sub(r"[^a-z]", "", fold(address.partition("@")[0]))
    tokens = [t for t in _names(name) if len(t) > 1]
    return bool(local and tokens) and any(t in local for t in tokens if len(t) > 2)
