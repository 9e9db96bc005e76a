"""What the planner buys at Crustdata: the cheapest row that brings exactly what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.connector import Operation
from syncd.model import Field, Key, KeyKind, Quality
from syncd.plan import Need
from syncd.waterfall import Ask, Asked, Stop, Vendor, step
from tests.unit.crustdata_support import URL, WORK, connector

NAMES = {"full_name": "Lena Ostrow", "first_name": "Lena", "last_name": "Ostrow"}
KEYS: dict[str, Key | None] = {
    "url": Key.linkedin(URL),
    "email": Key.email(WORK),
    "company": Key(KeyKind.NAME_COMPANY, NAMES | {"company": "Contoso"}),
    "domain": Key.single(KeyKind.DOMAIN, "contoso.example.com"),
}


def vendor(closed: frozenset[str] = frozenset(), backfill: bool = False, **options: Any) -> Vendor:
    operations: tuple[Operation, ...] = connector(**options).operations
    return Vendor("crustdata", operations, {}, {"credit": 100.0}, closed, backfill=backfill)


def bought(
    fields: list[Field], keys: str, accept: Quality | None = None, asked: tuple[Asked, ...] = (), **given: Any
) -> str:
    """The name of the operation that is bought next for these fields, by these keys."""
    needs = [Need(f, accept, ("crustdata",)) for f in fields]
    held = [key for name in keys.split() if (key := KEYS[name])]
    found = step(needs, held, asked, [vendor(**given)])
    assert isinstance(found, Ask | Stop)
    return found.operation.name if isinstance(found, Ask) else ""


@pytest.mark.parametrize(
    ("fields", "keys", "name"),
    [
        ([Field.JOB_TITLE], "url", "profile"),
        ([Field.JOB_TITLE], "url email", "profile"),
        ([Field.JOB_TITLE], "email", "email_profile"),
        ([Field.LINKEDIN_URL], "email", "email_profile"),
        ([Field.LINKEDIN_URL], "company", "search"),
        ([Field.WORK_EMAIL], "url", "contact_work"),
        ([Field.JOB_TITLE, Field.WORK_EMAIL], "url", "profile_work"),
        ([Field.PERSONAL_EMAIL], "url", "contact_personal"),
        ([Field.PHONE], "url", "contact_phone"),
        ([Field.MOBILE_PHONE], "url", "contact_phone"),
        ([Field.PHONE, Field.PERSONAL_EMAIL], "url", "contact_personal_phone"),
        ([Field.WORK_EMAIL, Field.PERSONAL_EMAIL], "url", "contact_emails"),
        ([Field.WORK_EMAIL, Field.PERSONAL_EMAIL, Field.PHONE], "url", "contact_all"),
        # the profile first, where only the address or the name is known
        ([Field.PHONE], "email", "email_profile"),
        ([Field.PHONE], "company", "search"),
        ([Field.COMPANY_FOUNDED], "domain", "company_by_domain"),
        ([Field.COMPANY_HEADQUARTERS], "domain", "company_enrich_domain"),
    ],
)
def test_exactly_what_is_missing_is_bought(fields: list[Field], keys: str, name: str) -> None:
    assert bought(fields, keys) == name


def test_a_profile_and_a_number_are_two_purchases_and_nothing_besides() -> None:
    wanted = [Field.JOB_TITLE, Field.PHONE]
    first = bought(wanted, "url")
    asked = (Asked("crustdata", first, KEYS["url"], "found"),)
    assert {first, bought(wanted, "url", asked=asked)} == {"profile", "contact_phone"}


def test_live_data_is_bought_only_where_cached_data_would_not_be_accepted() -> None:
    assert bought([Field.JOB_TITLE], "url", Quality.VERIFIED) == "live"
    assert bought([Field.JOB_TITLE], "url", Quality.VERIFIED, live=False) == ""
    assert bought([Field.WORK_EMAIL], "url", Quality.VERIFIED) == "contact_work"


def test_what_the_plan_does_not_include_is_not_asked_for() -> None:
    contacts = frozenset(o.name for o in connector().operations if "contact" in o.name)
    assert bought([Field.PHONE], "url", closed=contacts) == ""
    assert bought([Field.WORK_EMAIL], "url", closed=contacts) == "profile_work"
    assert bought([Field.JOB_TITLE], "url", closed=contacts | {"live"}) == "profile"


def test_batch_jobs_are_launched_in_a_backfill_that_allows_them() -> None:
    assert bought([Field.PHONE], "url", backfill=True) == "batch_contact_phone"
    assert bought([Field.JOB_TITLE], "url", backfill=True) == "batch_profile"
    assert bought([Field.PHONE], "url", backfill=True, bulk="never") == "contact_phone"
    assert bought([Field.PHONE], "url") == "contact_phone"


def test_a_live_miss_does_not_end_the_search_by_that_profile() -> None:
    asked = (Asked("crustdata", "live", KEYS["url"], "not_found"),)
    assert bought([Field.PHONE], "url", asked=asked) == "contact_phone"
    known = (Asked("crustdata", "profile", KEYS["url"], "not_found"),)
    assert bought([Field.PHONE], "url", asked=known) == ""


def test_without_the_search_a_bare_name_is_of_no_use() -> None:
    assert bought([Field.LINKEDIN_URL], "company", search=False) == ""


@pytest.mark.parametrize(
    ("fields", "keys", "name"),
    [
        ([Field.JOB_TITLE], "email company", "email_profile"),
        ([Field.JOB_TITLE], "url company", "profile"),
        ([Field.PHONE], "email company", "email_profile"),
        ([Field.LINKEDIN_URL], "email company domain", "email_profile"),
        ([Field.WORK_EMAIL], "url email company", "contact_work"),
    ],
)
def test_a_key_that_names_the_person_is_asked_by_before_a_name(
    fields: list[Field], keys: str, name: str
) -> None:
    assert bought(fields, keys) == name


def test_a_name_is_asked_by_once_the_address_is_not_known() -> None:
    asked = tuple(
        Asked("crustdata", name, KEYS["email"], "not_found")
        for name in ("email_profile", "email_profile_work")
    )
    assert bought([Field.PHONE], "email company", asked=asked) == "search"
