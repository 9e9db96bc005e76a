"""What the suites must know of one vendor beside its table entries: a few facts each, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncd.model import Found, NotFound, Outcome, Plan, Unresolved

KNOWS_EVERYTHING: Mapping[str, Any] = {
    "coverage": {
        "profile": 1, "work": 1, "verified": 1, "personal": 1, "phone": 1, "landline": 1, "stale": 0,
        "wrong": 0, "blind": 0,
    }
}  # fmt: skip
"""Knobs by which a stand-in knows everybody; those that it does not have are left out."""


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """One kind of account of a provider, and the operations that are tried on it, as patterns in `covers`.

    `options` switch every operation on; `settings` are knobs of its stand-in. `plans` are the ways in
    which an account can be billed: knobs, and what the balance then has to be called (None: not checked).
    `pools` names credit kinds whose balance the stand-in knows by another name; None where it cannot be
    set. `ignored` are fields of answers that have no use here and are not in an `IGNORED…` set of the
    connector: names, or paths that begin with a dot. `unsorted` are operations whose answers do not tell
    work addresses from personal ones. `states` are the words with which a job can end, and what each may be
    read as. `words` are words of a field's vocabulary: one of them makes a difference where an unknown one,
    or none, would not. `reads` are the requests in which a job that has ended is read.
    """

    covers: tuple[str, ...] = ("*",)
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    plans: tuple[tuple[Mapping[str, Any], Plan | None], ...] = (({}, None),)
    pools: Mapping[str, str | None] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    unsorted: frozenset[str] = frozenset()
    states: Mapping[str, tuple[type[Outcome], ...]] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reads: int = 1
    unknown_id: str = "987654321"


@dataclass(frozen=True, slots=True)
class CrmFacts:
    """One CRM: the object that is synchronised and how its stand-in is asked for rare events.

    `properties` are four of its text properties that may be written, `email` apart: authors are told at least
    of the first two, and the second has values in many records. `wrong` are
    property and value pairs that it must refuse, whatever the reason. `settings` are knobs of its stand-in,
    `lagging` those by which changes are found late, within `lag_s`. `remove` and `merge` are edits: the
    record's id takes the place of `{id}`, the other one's that of `{other}`. `conditional` are options with
    which a write depends on the record's version; None where none do. `page` is the most records in one
    page; mutants of paging can be seen only where it is less than the crowd.
    """

    object: str = "contact"
    email: str = "email"
    properties: tuple[str, ...] = ()
    wrong: tuple[tuple[str, str], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    lagging: Mapping[str, Any] = field(default_factory=dict)
    lag_s: float = 0.0
    remove: Mapping[str, Any] = field(default_factory=dict)
    merge: Mapping[str, Any] = field(default_factory=dict)
    conditional: Mapping[str, Any] | None = None
    page: int = 200


_ROCKETREACH_POOLS = ("standard_lookup", "premium_lookup", "phone_lookup", "person_enrich", "company_export")
# Places in pieces stand beside the whole, posts beside the present one, the best address beside all.
_ROCKETREACH_IGNORED = frozenset(
    {"city", "region", "country_code", "address", "job_history", "links", "recommended_email", "industries"}
    | {"detail", ".status"}
    # A number as it is displayed counts without its plain form, validity without a grade, and a
    # recommendation where the list begins with another number.
    | {".phones.number", ".phones.validity", ".phones.recommended"}
)
_ROCKETREACH_WORDS = {
    "grade": ("F",),
    "type": ("personal", "professional"),
    "smtp_valid": ("invalid",),
}
_WATERFALL_OPTIONS = {"job_changes": True, "phone_usd": "0.40", "company_usd": "0.05"}
# Posts stand beside the present one, slugs beside addresses, a confidence beside a status, a number of people
# beside a size, and parts of a sum beside the sum; a verified address comes back as it was sent.
_WATERFALL_IGNORED = frozenset(
    {"experiences", "linkedin_id", "email_confidence", "employees_count"}
    | {f".output.usage.{of}_{what}" for of in ("persons", "phones", "companies") for what in ("usd", "count")}
    | {".output.email.email", ".output.email.domain"}
)
_WATERFALL_STATES = {
    "SUCCEEDED": (Found, NotFound),
    "FAILED": (Found, Unresolved),
    "TIMED_OUT": (Found, Unresolved),
    "ABORTED": (Found, Unresolved),
}
_WATERFALL_WORDS = {"status": ("FAILED",)}
PROVIDERS: dict[str, tuple[ProviderFacts, ...]] = {
    "contactout": (
        ProviderFacts(
            options={"searches": "narrow", "bulk": "backfill"},
            plans=(({"billing": "prepaid"}, Plan.PREPAID), ({"billing": "postpaid"}, Plan.POSTPAID)),
            # Some count only where something else is missing: a profile's slug without its address, the dates
            # of a post that is not called present or past, the state of a job that lists nothing.
            ignored=frozenset(
                {"status_code", "message", "metadata", "li_vanity", "uuid", ".status", ".data.status"}
                | {"start_date", "start_date_year", "start_date_month", "end_date", "end_date_year"}
                | {".profile.experience.linkedin_url"}
            ),
            unsorted=frozenset({"emails_bulk"}),
            states={
                "SENT": (Found, NotFound),
                "DONE": (Found, NotFound),
                "FAILED": (Found, Unresolved),
                "CANCELLED": (Found, Unresolved),
            },
        ),
    ),
    "rocketreach": (
        ProviderFacts(
            covers=("lookup_premium", "phone", "profile", "company", "search"),
            options={"family": "standard", "lookup_type": "premium", "searches": "names", "companies": True},
            settings={"credits": dict.fromkeys(_ROCKETREACH_POOLS, 1000)},
            pools={"lookup": "premium_lookup"},
            ignored=_ROCKETREACH_IGNORED,
            words=_ROCKETREACH_WORDS,
        ),
        ProviderFacts(
            covers=("lookup_standard",),
            options={"family": "standard", "lookup_type": "standard"},
            pools={"lookup": "standard_lookup"},
            ignored=_ROCKETREACH_IGNORED,
            words=_ROCKETREACH_WORDS,
        ),
        ProviderFacts(
            covers=("universal_*",),
            options={"family": "universal", "searches": "names", "companies": True},
            settings={"family": "universal"},
            pools={
                "lookup": "universal",
                "phone_lookup": None,
                "person_enrich": None,
                "company_export": None,
            },
            ignored=_ROCKETREACH_IGNORED,
            words=_ROCKETREACH_WORDS,
        ),
    ),
    "waterfall_io": (
        ProviderFacts(
            covers=("contact*", "company", "verify", "job_change"),
            options=_WATERFALL_OPTIONS,
            plans=(({"billing": "prepaid"}, Plan.PREPAID),),
            ignored=_WATERFALL_IGNORED,
            states=_WATERFALL_STATES,
            words=_WATERFALL_WORDS,
        ),
        ProviderFacts(
            covers=("phone",),
            options=_WATERFALL_OPTIONS,
            ignored=_WATERFALL_IGNORED | {"country", "department", "seniority"},
            states=_WATERFALL_STATES,
            words=_WATERFALL_WORDS,
        ),
        ProviderFacts(
            covers=(),
            options={**_WATERFALL_OPTIONS, "balance_semantics": "payg"},
            settings={"billing": "payg"},
            plans=(({}, Plan.OWED),),
        ),
    ),
    "reverselooker": (
        ProviderFacts(
            options={"bulk": "backfill"},
            settings={"credits": 1_000_000},
            plans=(({}, Plan.UNKNOWN),),
            # The search's own id says which it is, the address which row; counts tell the end where the state
            # does not, and the first month tells which of two present posts is the later one.
            ignored=frozenset(
                {".email", ".results.id", ".number_requested", ".number_finished"}
                | {".result.experience.experience_history.start_date"}
            ),
        ),
        ProviderFacts(
            covers=(),
            options={"account_path": "/account/info"},
            settings={"account": True},
            plans=(({}, Plan.PREPAID),),
        ),
    ),
    "crustdata": (
        ProviderFacts(
            options={"bulk": "backfill", "live": True},
            # Of past posts only the employer counts; of present ones the default one, and the latest where
            # none is; other domains count where the first is not the one asked by, a file without its parts.
            ignored=frozenset({"past", "is_default", "start_date", "all_domains", "download_url"}),
            words={"result_count": ("0",)},
            reads=2,
            settings={"plan": "enterprise"},
            plans=(({}, Plan.PREPAID),),
            states={"completed": (Found, NotFound), "failed": (Found, Unresolved)},
        ),
    ),
}
"""The kinds of account with which a provider is tried; one without an entry gets the defaults."""
CRMS: dict[str, CrmFacts] = {
    "hubspot": CrmFacts(
        properties=("jobtitle", "company", "city", "phone"),
        wrong=(("lifecyclestage", "no such stage"), ("hs_object_id", "7"), ("zz_no_such_property", "x")),
        lagging={"lag_s": 20.0, "disorder": 0.3},
        lag_s=25.0,
        remove={"action": "archive", "id": "{id}"},
        merge={"action": "merge", "primary": "{other}", "other": "{id}"},
    ),
    "salesforce": CrmFacts(
        email="Email",
        page=2000,
        conditional={"strict": True},
        properties=("Title", "FirstName", "MailingCity", "Phone"),
        wrong=(("LastModifiedById", "005000000000000AAA"), ("zz_no_such_property", "x")),
        remove={"action": "delete", "id": "{id}"},
        merge={"action": "merge", "primary": "{other}", "other": "{id}"},
    ),
}
