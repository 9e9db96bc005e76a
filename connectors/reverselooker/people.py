"""People as ReverseLooker describes them: a public profile, without contact data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from connectors.reverselooker.shapes import loose, reshaped, text
from syncd.model import Candidate, Field, Identity, Value, fold, linkedin_profile

_FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "full_name": Field.FULL_NAME,
        "first_name": Field.FIRST_NAME,
        "last_name": Field.LAST_NAME,
        "headline": Field.HEADLINE,
        "location": Field.LOCATION,
        "company_name": Field.COMPANY_NAME,
    }
)
IGNORED = frozenset({"locale", "summary", "skills", "education"})
"""What is known of a person and has no field here."""
IGNORED_EXPERIENCE = frozenset({"experience_count", "duration"})
"""The count is not that of the posts listed, in the vendor's own example."""


@dataclass(frozen=True, slots=True)
class Post:
    """One post. `since` is "YYYY-MM" or ""; a post without a word on its end is neither present nor past."""

    title: str
    company: str
    since: str
    until: str | None


def person(raw: Mapping[str, object], asked: str) -> Candidate:
    """One person. A title is taken from a post that the vendor marks as going on, with a null as its end.

    Raises:
        Failure: of kind contract, for an object without a profile and without a name.
    """
    facts = {field: text(raw.get(name)) for name, field in _FIELDS.items()}
    profile = linkedin_profile(text(raw.get("linkedin_url")))
    if not profile and not facts[Field.FULL_NAME]:
        raise reshaped("person")
    held = _posts(loose(raw.get("experience")).get("experience_history"))
    post = _present(held, facts[Field.COMPANY_NAME])
    title = post.title if post else ""
    employer = facts[Field.COMPANY_NAME] or (post.company if post else "")
    facts |= {Field.JOB_TITLE: title, Field.COMPANY_NAME: employer, Field.LINKEDIN_URL: profile}
    past = (post.company for post in held if post.until and fold(post.company) != fold(employer))
    who = Identity(
        full_name=facts[Field.FULL_NAME],
        first_name=facts[Field.FIRST_NAME],
        last_name=facts[Field.LAST_NAME],
        title=title,
        employer=employer,
        past_employers=tuple(dict.fromkeys(name for name in past if name)),
        location=facts[Field.LOCATION],
        linkedin_url=profile,
        emails=(asked,),
    )
    return Candidate(tuple(Value(field, value) for field, value in facts.items() if value), who)


def _posts(history: object) -> tuple[Post, ...]:
    items = history if isinstance(history, list) else []
    return tuple(_post(loose(item)) for item in items)


def _post(said: Mapping[str, object]) -> Post:
    going_on = "end_date" in said and said["end_date"] is None
    return Post(
        text(said.get("title")),
        text(said.get("company")),
        text(said.get("start_date")),
        None if going_on else text(said.get("end_date")),
    )


def _present(held: tuple[Post, ...], employer: str) -> Post | None:
    """The present post at the named employer; where none is named, the one begun last."""
    present = [p for p in held if p.until is None and (not employer or fold(p.company) == fold(employer))]
    return max(present, key=lambda post: post.since, default=None)
