"""Match keys: by what a provider can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from syncd.model.spelling import email_address, fold, linkedin_profile


class KeyKind(StrEnum):
    """By what a provider can be asked."""

    LINKEDIN_URL = "linkedin_url"
    EMAIL = "email"
    PHONE = "phone"
    NAME_COMPANY = "name_company"
    NAME_DOMAIN = "name_domain"
    PROVIDER_ID = "provider_id"
    """The vendor's own id of the person, learned from an earlier answer of the same provider."""
    DOMAIN = "domain"
    COMPANY_NAME = "company_name"
    COMPANY_LINKEDIN_URL = "company_linkedin_url"
    FOUND_EMAIL = "found_email"
    """An address that some provider returned for the contact: what a verifier is asked about."""


STRONG_KEYS = frozenset({KeyKind.LINKEDIN_URL, KeyKind.EMAIL, KeyKind.PROVIDER_ID})
"""Keys that name one person. An answer to any other key is checked before more is bought on it."""
COMPANY_KEYS = frozenset({KeyKind.DOMAIN, KeyKind.COMPANY_NAME, KeyKind.COMPANY_LINKEDIN_URL})


@dataclass(frozen=True, slots=True)
class Key:
    """One match key, normalised, so that equal keys are equal values.

    `parts` holds the named pieces: a LinkedIn key has `url`, an e-mail key `email`, a name key
    `full_name`, `first_name`, `last_name` and `company` or `domain`; other kinds have one piece named
    as the kind.
    """

    kind: KeyKind
    parts: Mapping[str, str]
    canonical: str = field(init=False, repr=False)
    """Text that is equal exactly when the keys are; it holds personal data, so never log it."""

    def __post_init__(self) -> None:
        names = ("full_name", "company", "domain") if self.kind in _NAME_KINDS else sorted(self.parts)
        pieces = (
            fold(self.parts[n]) if self.kind in _NAME_KINDS else self.parts[n]
            for n in names
            if n in self.parts
        )
        object.__setattr__(self, "canonical", "\x1f".join((self.kind.value, *pieces)))

    def __getitem__(self, name: str) -> str:
        return self.parts[name]

    def get(self, name: str) -> str:
        """The piece, or an empty string."""
        return self.parts.get(name, "")

    def __hash__(self) -> int:
        return hash(self.canonical)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.canonical == other.canonical

    def __repr__(self) -> str:
        return f"Key({self.kind.value})"

    @classmethod
    def linkedin(cls, url: str) -> Key | None:
        """The key of a public profile URL, or None where the text is not one."""
        canonical = linkedin_profile(url)
        return cls(KeyKind.LINKEDIN_URL, {"url": canonical}) if canonical else None

    @classmethod
    def email(cls, address: str, kind: KeyKind = KeyKind.EMAIL) -> Key | None:
        """The key of an address, or None where the text cannot be one."""
        canonical = email_address(address)
        return cls(kind, {"email": canonical}) if canonical else None

    @classmethod
    def single(cls, kind: KeyKind, value: str) -> Key | None:
        """A key of one piece, named as its kind; None for blank text."""
        value = value.strip()
        return cls(kind, {kind.value: value}) if value else None

    @classmethod
    def of_provider(cls, account: str, reference: str) -> Key | None:
        """The key of a provider's own id, which means something to that account only."""
        reference = reference.strip()
        parts = {KeyKind.PROVIDER_ID.value: reference, "account": account}
        return cls(KeyKind.PROVIDER_ID, parts) if reference else None


_NAME_KINDS = frozenset({KeyKind.NAME_COMPANY, KeyKind.NAME_DOMAIN})
