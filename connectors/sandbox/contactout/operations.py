"""The vendor's 20 operations: path, rate bucket, who may use it, what answers it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connectors.sandbox.contactout import bulk, samples, search, single
from connectors.sandbox.contactout.asking import Call, Json, bad

_MONTH = re.compile(r"^\d{4}-(0[1-9]|1[0-2])$")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `sample` is its canned answer; None where a locked key gets the real one."""

    method: str
    template: str
    run: Callable[[Call], Awaitable[Json]]
    sample: Callable[[], Json] | None
    bucket: str = "other"
    paid_only: bool = False


async def stats(call: Call) -> Json:
    """GET /v1/stats."""
    period, current = call.query.get("period", ""), call.till.period
    if period and (not _MONTH.match(period) or period > current):
        raise bad("period is a month as YYYY-MM, not in the future")
    return call.till.account.stats(period or current, current, call.knobs)


_CHECKER = "/v1/people/linkedin/{}_status"

OPERATIONS = (
    Operation("GET", "/v1/linkedin/enrich", single.enrich_profile, samples.enriched),
    Operation("GET", "/v1/email/enrich", single.enrich_address, samples.by_address),
    Operation("POST", "/v1/people/enrich", single.enrich_person, samples.enriched),
    Operation("GET", "/v1/people/linkedin", single.contact_info, samples.contact_card),
    Operation("POST", "/v1/people/linkedin/batch", bulk.addresses_of_profiles, samples.batch),
    Operation("POST", "/v2/people/linkedin/batch", bulk.start_contact_job, samples.job),
    Operation("GET", "/v2/people/linkedin/batch/{job}", bulk.contact_job, samples.contact_results),
    Operation("POST", "/v1/domain/enrich", bulk.companies_of_domains, samples.companies_by_domain),
    Operation("POST", "/v1/people/search", search.people_search, samples.people, "search"),
    Operation("POST", "/v1/people/count", search.people_count, samples.count, paid_only=True),
    Operation("GET", "/v1/people/decision-makers", search.decision_makers, samples.people),
    Operation("POST", "/v1/company/search", search.company_search, samples.companies),
    Operation("GET", "/v1/people/person", single.profile_of_address, samples.address_owner),
    Operation(
        "GET", _CHECKER.format("personal_email"), single.personal_email_status, samples.email_there,
        "checker", True,
    ),
    Operation(
        "GET", _CHECKER.format("work_email"), single.work_email_status, samples.work_email_there,
        "checker", True,
    ),
    Operation("GET", _CHECKER.format("phone"), single.phone_status, samples.phone_there, "checker", True),
    Operation("GET", "/v1/email/verify", single.verify, samples.verdict),
    Operation("POST", "/v1/email/verify/batch", bulk.start_verify_job, samples.job),
    Operation("GET", "/v1/email/verify/batch/{job}", bulk.verify_job, samples.verify_results),
    Operation("GET", "/v1/stats", stats, None),
)  # fmt: skip
