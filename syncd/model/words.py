"""The closed vocabulary of providers: fields and qualities."""

from __future__ import annotations

from enum import StrEnum


class Field(StrEnum):
    """What a provider can know about a person or the person's employer."""

    WORK_EMAIL = "work_email"
    PERSONAL_EMAIL = "personal_email"
    PHONE = "phone"
    """A number of which the vendor does not say whether it is mobile or fixed."""
    MOBILE_PHONE = "mobile_phone"
    DIRECT_PHONE = "direct_phone"
    FULL_NAME = "full_name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    JOB_TITLE = "job_title"
    HEADLINE = "headline"
    SENIORITY = "seniority"
    JOB_FUNCTION = "job_function"
    LINKEDIN_URL = "linkedin_url"
    TWITTER = "twitter"
    GITHUB = "github"
    LOCATION = "location"
    COUNTRY = "country"
    COMPANY_NAME = "company_name"
    COMPANY_DOMAIN = "company_domain"
    COMPANY_WEBSITE = "company_website"
    COMPANY_LINKEDIN_URL = "company_linkedin_url"
    COMPANY_INDUSTRY = "company_industry"
    COMPANY_SIZE = "company_size"
    COMPANY_COUNTRY = "company_country"
    COMPANY_HEADQUARTERS = "company_headquarters"
    COMPANY_FOUNDED = "company_founded"
    COMPANY_REVENUE = "company_revenue"
    COMPANY_TYPE = "company_type"


EMAIL_FIELDS = frozenset({Field.WORK_EMAIL, Field.PERSONAL_EMAIL})
PHONE_FIELDS = frozenset({Field.PHONE, Field.MOBILE_PHONE, Field.DIRECT_PHONE})
COMPANY_FIELDS = frozenset(f for f in Field if f.value.startswith("company_"))


class Quality(StrEnum):
    """How far a vendor vouches for a value."""

    VERIFIED = "verified"
    LIKELY = "likely"
    UNVERIFIED = "unverified"
    """The vendor looked and could not confirm it."""
    UNKNOWN = "unknown"
    """The vendor says nothing about it."""
    RISKY = "risky"
    """Catch-all, role or disposable address, or a number known to be of the wrong kind."""
    INVALID = "invalid"
    """The vendor says that it does not work. Never written."""

    @property
    def rank(self) -> int:
        """Higher is better; equal steps mean nothing."""
        return _RANKS[self]

    def satisfies(self, accepted: Quality) -> bool:
        """Whether a value of this quality is good enough where `accepted` is asked for."""
        return self.rank >= accepted.rank


_RANKS = {
    Quality.INVALID: 0,
    Quality.RISKY: 1,
    Quality.UNKNOWN: 2,
    Quality.UNVERIFIED: 2,
    Quality.LIKELY: 3,
    Quality.VERIFIED: 4,
}
