"""One spelling for what has many: profile URLs, addresses, text for comparison."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote, urlsplit

_BLANK = re.compile(r"\s")
_NOT_IN_ADDRESSES = re.compile(r"[\s<>,;:\"()\[\]\\]")


def linkedin_profile(url: str) -> str:
    """The one spelling of a public profile URL, or "" where the text is none.

    Sales Navigator and Recruiter URLs are not public profiles and give "" (vendors refuse them).
    """
    return _linkedin(url, ("in", "pub"))


def linkedin_company(url: str) -> str:
    """The one spelling of a LinkedIn company URL, or ""."""
    return _linkedin(url, ("company",))


@lru_cache(2048)
def _linkedin(url: str, sections: tuple[str, ...]) -> str:
    text = url.strip()
    if not text or _BLANK.search(text):
        return ""
    try:
        split = urlsplit(text if "://" in text else f"https://{text}")
        host = (split.hostname or "").lower()
    except ValueError:
        return ""
    if split.scheme.lower() not in ("http", "https") or not (
        host == "linkedin.com" or host.endswith(".linkedin.com")
    ):
        return ""
    pieces = [p for p in split.path.split("/") if p]
    if len(pieces) < 2 or pieces[0].lower() not in sections:
        return ""
    # An old /pub/ address names the person only with the numbers behind the name.
    kept = pieces[1:] if pieces[0].lower() == "pub" else pieces[1:2]
    slug = "/".join(unicodedata.normalize("NFC", unquote(p)).lower().strip() for p in kept)
    return f"https://www.linkedin.com/{pieces[0].lower()}/{slug}" if slug.strip("/") else ""


@lru_cache(2048)
def email_address(text: str) -> str:
    """The address in lower case, or "" where the text cannot be one address."""
    address = text.strip().lower()
    local, at, domain = address.rpartition("@")
    if not (at and local and "." in domain) or len(address) > 254:
        return ""
    if _NOT_IN_ADDRESSES.search(address) or ".." in address or "@" in local:
        return ""
    return "" if domain.startswith((".", "-")) or domain.endswith((".", "-")) else address


@lru_cache(2048)
def fold(text: str) -> str:
    """Text for comparison: no case, no accents, single blanks. Never for display or writing."""
    decomposed = unicodedata.normalize("NFKD", text)
    kept = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(kept.casefold().replace("\u00a0", " ").split())
