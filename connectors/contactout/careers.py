"""A person's posts, from the objects or the sentences that ContactOut lists as experience."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from connectors.contactout.shapes import snake, text
from syncd.model import fold, linkedin_company

IGNORED = frozenset({"summary", "locality", "logo_url", "end_date_month"})
"""What is known of a post and has no use here."""
_SENTENCE = re.compile(r"(?P<title>.+) at (?P<company>.+?)(?: in (?P<since>\d{4}) - (?P<until>\w+))?")


@dataclass(frozen=True, slots=True)
class Post:
    """One post. `since` is (year, month), zero where it is not said."""

    title: str
    company: str
    page: str
    is_current: bool
    since: tuple[int, int]


def posts(experience: object) -> tuple[Post, ...]:
    """The posts in the vendor's order; entries of an unknown form are left out."""
    items = experience if isinstance(experience, list) else []
    return tuple(post for item in items if (post := _post(item)))


def current_post(held: Iterable[Post], employer: str) -> Post | None:
    """The present post: that at the present employer before others, then the latest begun."""
    present = [post for post in held if post.is_current]
    wanted = fold(employer)
    return max(present, key=lambda post: (fold(post.company) == wanted, post.since), default=None)


def _post(item: object) -> Post | None:
    if isinstance(item, str):
        return _sentence(item)
    if not isinstance(item, dict):
        return None
    said = snake(item)
    until = _month(said, "end")
    flag = said.get("is_current")
    return Post(
        title=text(said.get("title")),
        company=text(said.get("company_name")),
        page=linkedin_company(text(said.get("linkedin_url"))),
        is_current=flag if isinstance(flag, bool) else not until[0],
        since=_month(said, "start"),
    )


def _sentence(item: str) -> Post | None:
    """From `Analyst at Northbeam in 2014 - Present`; a title may itself hold the word "at"."""
    match = _SENTENCE.fullmatch(item.strip())
    if match is None:
        return None
    since = int(match["since"]) if match["since"] else 0
    is_current = (match["until"] or "").lower() == "present"
    return Post(match["title"], match["company"], "", is_current, (since, 0))


def _month(said: dict[str, object], end: str) -> tuple[int, int]:
    """Year and month, from their own numbers or else from text: a year and a month without padding."""
    year, month = said.get(f"{end}_date_year"), said.get(f"{end}_date_month")
    if isinstance(year, int):
        return year, month if isinstance(month, int) else 0
    digits = text(said.get(f"{end}_date"))
    if not digits.isdecimal() or not 4 <= len(digits) <= 6:
        return 0, 0
    return int(digits[:4]), int(digits[4:] or 0)
