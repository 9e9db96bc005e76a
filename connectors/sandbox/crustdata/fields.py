"""The `fields` whitelist: which paths there are, and what is left of an answer by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from connectors.sandbox.crustdata.refusals import Json, gated_fields, invalid

_PLACE = ("raw", "full_location", "city", "state", "country", "continent")
JOB = (
    "name", "title", "description", "seniority_level", "function_category", "employment_type", "start_date",
    "end_date", "is_default", "position_id", "crustdata_company_id", "professional_network_id",
    "company_website", "company_website_domain", "company_professional_network_profile_url",
    "company_professional_network_industry", "company_industries", "company_type", "company_status",
    "company_headcount_latest", "company_headcount_range", "company_headquarters_country",
    "company_hq_location", "company_hq_location_address_components", "company_profile_picture_permalink",
    "location", "years_at_company", "years_at_company_raw", "business_email_verified",
)  # fmt: skip
_LEAVES: dict[str, tuple[str, ...]] = {
    "crustdata_person_id": (),
    "basic_profile": (
        "name", "professional_network_name", "first_name", "last_name", "headline", "current_title",
        "summary", "profile_picture_permalink", "languages", "last_updated", "normalized_title", "location",
        *(f"location.{part}" for part in _PLACE),
    ),
    "professional_network": (
        "connections", "followers", "open_to_cards", "profile_picture_permalink", "location", "metadata",
    ),
    "social_handles": (
        "professional_network_identifier", "professional_network_identifier.profile_url",
        "twitter_identifier", "twitter_identifier.slug",
        "dev_platform_identifier", "dev_platform_identifier.profile_url",
    ),
    "experience": (
        "employment_details",
        *(f"employment_details.{when}" for when in ("current", "past")),
        *(f"employment_details.{when}.{leaf}" for when in ("current", "past") for leaf in JOB),
    ),
    "education": (
        "schools",
        *(f"schools.{leaf}" for leaf in ("school", "degree", "field_of_study", "description", "start_year",
                                         "end_year", "professional_network_id", "institute_logo_permalink",
                                         "location")),
    ),
    "skills": ("professional_network_skills",),
    "contact": ("business_emails", "personal_emails", "phone_numbers", "websites"),
    "dev_platform_profiles": (),
    "certifications": (),
    "honors": (),
    "metadata": (),
    "updated_at": (),
}  # fmt: skip


def _paths(leaves: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(
        p for section, inner in leaves.items() for p in (section, *(f"{section}.{x}" for x in inner))
    )


PERSON = _paths(_LEAVES)
LIVE = tuple(p for p in PERSON if p != "dev_platform_profiles")
SEARCH = tuple(p for p in PERSON if p != "contact" and not p.startswith("contact."))
CONTACT = ("contact", "contact.business_emails", "contact.personal_emails", "contact.phone_numbers")
BATCH_CONTACT = (
    "business_email", "personal_contact_info",
    "personal_contact_info.personal_emails", "personal_contact_info.phone_numbers",
)  # fmt: skip
PERSON_DEFAULT = ("basic_profile", "social_handles")
COMPANY = (
    "crustdata_company_id", "basic_info", "headcount", "funding", "locations", "taxonomy", "revenue",
    "social_profiles", "followers", "competitors", "hiring", "news", "people", "technographics",
)  # fmt: skip


def _under(path: str, parents: Iterable[str]) -> bool:
    return any(path == parent or path.startswith(f"{parent}.") for parent in parents)


@lru_cache(16)
def _leaves(valid: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(p for p in valid if not any(other.startswith(f"{p}.") for other in valid))


def read_fields(
    body: Json,
    valid: Sequence[str],
    default: Sequence[str],
    denied: Sequence[str] = (),
    available: str = "",
    deep: bool = False,
) -> tuple[str, ...]:
    """The fields that a body asks for; the default where it names none.

    `available` is the metadata key under which the valid ones are listed as well. `deep` takes any path
    below a valid one of which no parts are listed.

    Raises:
        Refused: one does not exist, or the account may not ask for it.
    """
    asked = body.get("fields")
    if asked is None:
        return tuple(f for f in default if not _under(f, denied))
    if not isinstance(asked, list) or not all(isinstance(f, str) for f in asked) or not asked:
        raise invalid("fields must be a non-empty array of strings", "fields")
    leaves = _leaves(tuple(valid)) if deep else ()
    unknown = [f for f in asked if f not in valid and not _under(f, leaves)]
    if unknown:
        metadata = {available: list(valid)} if available else None
        raise invalid(
            f"Invalid fields: {', '.join(unknown)}. Valid fields: {', '.join(valid)}", "fields", metadata
        )
    if gated := [f for f in asked if _under(f, denied)]:
        raise gated_fields(gated)
    return tuple(dict.fromkeys(asked))


def sections_of(fields: Iterable[str]) -> set[str]:
    """The sections that the fields are in."""
    return {field.split(".", 1)[0] for field in fields}


Tree = dict[str, "Tree"]


def tree_of(fields: Iterable[str]) -> Tree:
    """The fields as a tree; an empty branch takes everything below it."""
    root: Tree = {}
    for path in sorted(fields, key=len):
        at, whole = root, False
        for part in path.split("."):
            whole = part in at and not at[part]
            if whole:
                break
            at = at.setdefault(part, {})
    return root


def project(value: object, tree: Tree) -> object:
    """What the whitelist leaves of a value; lists are gone through."""
    if not tree:
        return value
    if isinstance(value, list):
        return [project(one, tree) for one in value]
    if isinstance(value, dict):
        return {key: project(value[key], below) for key, below in tree.items() if key in value}
    return value


def without(data: Json, paths: Iterable[str]) -> Json:
    """The data without what the account may not see inside of a section."""
    for path in paths:
        section, _, leaf = path.partition(".")
        inner = data.get(section)
        if leaf and isinstance(inner, dict):
            inner.pop(leaf, None)
    return data
