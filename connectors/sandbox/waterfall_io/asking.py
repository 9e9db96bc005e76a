"""One request: what was asked, read and checked, and refused in the vendor's words."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from uuid import UUID

import orjson

from connectors.sandbox.strangers import profile_slug

Json = dict[str, Any]
FREE_MAIL = frozenset(
    (
        "gmail.com", "googlemail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "aol.com",
        "gmx.de", "web.de", "orange.fr", "proton.me", "mail.example",
    )
)  # fmt: skip
"""Consumer mail; the last is where the invented people have their personal addresses."""
_DOMAINS = {
    "VALIDATION_BAD_DOMAIN_EMAIL_PROVIDER": FREE_MAIL,
    "VALIDATION_BAD_DOMAIN_DISPOSABLE": frozenset(("mailinator.com", "throwaway.example")),
    "VALIDATION_BAD_DOMAIN_NO_MX": frozenset(("nomx.example",)),
    "VALIDATION_BAD_DOMAIN_SOCIAL_MEDIA": frozenset(
        ("linkedin.com", "facebook.com", "instagram.com", "x.com")
    ),
    "VALIDATION_BAD_DOMAIN_URL_SHORTENER": frozenset(("bit.ly", "t.co", "tinyurl.com")),
    "VALIDATION_BAD_DOMAIN_PROVIDER_DOMAIN": frozenset(("herokuapp.com", "vercel.app", "myshopify.com")),
    "VALIDATION_BAD_DOMAIN_SERVICE_DOMAIN": frozenset(("calendly.com", "zendesk.com")),
}
_TOP_LEVEL = frozenset(("com", "org", "net", "io", "co.uk", "example"))
_ROLES = frozenset(
    (
        "admin", "billing", "careers", "contact", "hello", "help", "hr", "info", "jobs", "marketing", "no-reply",
        "noreply", "office", "postmaster", "press", "sales", "support", "team", "webmaster",
    )
)  # fmt: skip
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_DOMAIN = re.compile(r"[a-z0-9.\-]+")
MESSAGES = {
    400: "Bad request",
    401: "Unauthorized",
    402: "Payment required",
    403: "Forbidden",
    404: "Not found",
    429: "Too many requests",
}
CODES = {
    400: "VALIDATION_BAD_REQUEST",
    401: "AUTH_MISSING_API_KEY",
    402: "QUOTA_ACCOUNT_OVER_QUOTA",
    403: "AUTH_BAD_API_KEY",
    404: "NOT_FOUND_NOT_FOUND",
    429: "RATE_LIMIT_RATE_LIMIT_EXCEEDED",
}
_CATEGORIES = ("RATE_LIMIT", "NOT_FOUND")


def envelope(status: int, code: str, error: str | list[str] | None = None) -> Json:
    """The vendor's body of a refusal; the category is what a code begins with."""
    category = next((c for c in _CATEGORIES if code.startswith(f"{c}_")), code.split("_", 1)[0])
    message = MESSAGES.get(status, "Internal server error")
    body: Json = {"status": "error", "message": message, "category": category, "code": code}
    return body if error is None else body | {"error": error}


class Refused(Exception):
    """The request ends with a refusal; `body` is the vendor's."""

    def __init__(self, status: int, code: str, error: str | list[str] | None = None) -> None:
        super().__init__(code)
        self.status, self.body = status, envelope(status, code, error)


def bad(*errors: str, code: str = "VALIDATION_BAD_REQUEST") -> Refused:
    """The refusal of bad input, with at most ten sentences."""
    return Refused(400, code, list(errors[:10]) or None)


def body_of(raw: bytes) -> Json:
    """The body of a launch: a JSON object.

    Raises:
        Refused: it is something else.
    """
    if not raw.strip():
        raise Refused(400, "VALIDATION_MISSING_BODY")
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise bad("body: invalid JSON") from None
    if not isinstance(data, dict):
        raise bad("body: must be an object")
    return data


def job_id_of(value: str | None) -> str:
    """The job that a request asks for.

    Raises:
        Refused: it names none, or not by a UUID.
    """
    if not value:
        raise Refused(400, "VALIDATION_MISSING_JOB_ID_PARAMETER")
    try:
        return str(UUID(value))
    except ValueError:
        raise Refused(400, "VALIDATION_BAD_JOB_ID") from None


class Body:
    """The fields of a request's body. Readers raise Refused for bad ones."""

    def __init__(self, given: Json) -> None:
        self.given = given

    def __contains__(self, name: str) -> bool:
        return self.given.get(name) is not None

    def text(self, name: str, longest: int = 1_000) -> str:
        """A text, blank where it is absent."""
        value = self.given.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.strip():
            raise bad(f"{name}: a text that is not blank is needed")
        if len(value) > longest:
            raise bad(f"{name}: at most {longest} characters")
        return value.strip()

    def name(self, name: str, longest: int) -> str:
        """A person's name: it has a letter."""
        value = self.text(name, longest)
        if value and not any(c.isalpha() for c in value):
            raise bad(f"{name}: not a name", code="VALIDATION_BAD_NAME_INVALID")
        return value

    def flag(self, name: str) -> bool:
        """True or false; false where it is absent."""
        value = self.given.get(name)
        if value is not None and not isinstance(value, bool):
            raise bad(f"{name}: true or false is needed")
        return bool(value)

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from 1; the default where it is absent."""
        value = self.given.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise bad(f"{name}: a whole number from 1 to {most} is needed")
        return value

    def domain(self, name: str = "domain") -> str:
        """A company's domain without scheme, `www.` and path; a URL is taken too."""
        value = self.text(name).lower()
        if not value:
            return ""
        host = re.split(r"[/:?#]", re.sub(r"^[a-z]+://", "", value), maxsplit=1)[0].removeprefix("www.")
        if not _DOMAIN.fullmatch(host):
            raise bad(f"{name}: invalid characters", code="VALIDATION_BAD_DOMAIN_INVALID_CHARACTERS")
        if host in _TOP_LEVEL:
            raise bad(f"{name}: a top-level domain", code="VALIDATION_BAD_DOMAIN_TOP_LEVEL")
        if "." not in host.strip("."):
            raise bad(f"{name}: not a domain", code="VALIDATION_BAD_DOMAIN")
        for code, domains in _DOMAINS.items():
            if host in domains:
                raise bad(f"{name}: not the domain of a company", code=code)
        return host

    def profile(self, name: str = "linkedin") -> str:
        """The slug of a profile or company page, given as one or in a URL."""
        value = self.text(name, 500)
        if "/" not in value:
            return value.lower()
        page = re.search(r"linkedin\.com/company/([^/?#\s]+)", value, re.IGNORECASE)
        slug = page[1].lower() if page else profile_slug(value)
        if not slug:
            raise bad(f"{name}: not a LinkedIn page")
        return slug

    def email(self, name: str = "email", free_mail: bool = True, strict: bool = True) -> str:
        """An address in lower case, blank where it is absent. Not `strict`: only its form is looked at."""
        value = self.text(name, 10_000).lower()
        if not value:
            return ""
        problem = _problem(value, free_mail, strict)
        if problem:
            raise bad(f"{name}: this address is not taken", code=f"VALIDATION_BAD_EMAIL_{problem}")
        return value

    def extras(self) -> tuple[str | None, Json | None]:
        """Where to deliver, and what is echoed."""
        url, custom = self.text("webhook_url", 2_000), self.given.get("custom_fields")
        if url and not re.match(r"https?://[^/\s]+", url):
            raise bad("webhook_url: not a URL")
        if custom is not None and not isinstance(custom, dict):
            raise bad("custom_fields: must be an object")
        return url or None, custom

    def only(self, known: Collection[str]) -> None:
        """Nothing, where every field is a known one."""
        unknown = sorted(set(self.given) - set(known))
        if unknown:
            raise bad(*(f"{name}: unexpected field" for name in unknown))


def _problem(address: str, free_mail: bool, strict: bool) -> str:
    local, _, domain = address.partition("@")
    if len(address) > 254:
        return "TOO_LONG"
    if not _ADDRESS.fullmatch(address):
        return "INVALID"
    if not strict:
        return ""
    if local in _ROLES:
        return "ROLE"
    if re.search(r"\d{7}", local):
        return "CONSECUTIVE_DIGITS"
    if sum(c.isdigit() for c in local) > 8:
        return "TOO_MANY_DIGITS"
    return "PERSONAL_NOT_ALLOWED" if domain in FREE_MAIL and not free_mail else ""
