"""The batch endpoints: submission, status, list and result files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from starlette.responses import Response

from connectors.sandbox.crustdata import companies, enriching, facts, prices
from connectors.sandbox.crustdata.account import Till
from connectors.sandbox.crustdata.calls import EMAILS, URLS, Call
from connectors.sandbox.crustdata.directory import Match
from connectors.sandbox.crustdata.fields import BATCH_CONTACT, COMPANY, project, read_fields, tree_of
from connectors.sandbox.crustdata.jobs import Result
from connectors.sandbox.crustdata.profiles import Profile
from connectors.sandbox.crustdata.refusals import Json, invalid, missing, too_many

PROFILES_MOST, IDENTIFY_MOST = 10_000, 300
STATUSES = ("pending", "processing", "completed", "failed")
_TIER_OF = {
    "business_email": "business_emails",
    "personal_contact_info.personal_emails": "personal_emails",
    "personal_contact_info.phone_numbers": "phone_numbers",
}


def _submit(call: Call, what: tuple[str, str], count: int, work: Callable[[Till], Result]) -> Json:
    """The answer to a submission; the job pays when it finishes.

    Raises:
        Refused: too many jobs are active.
    """
    webhook_url = call.text("webhook_url")
    if call.jobs.active() >= call.knobs.active_jobs:
        raise too_many(f"At most {call.knobs.active_jobs} batch jobs may be active at a time")
    key = call.headers.get("authorization", "").partition(" ")[2].strip()
    job = call.jobs.start(what, count, work, call.till, key, webhook_url, call.base_url)
    return {
        "batch_id": job.id,
        "status": "pending",
        "entity": job.entity,
        "action": job.action,
        "identifier_count": count,
        "entities_requested": count,
        "status_url": f"/batch/{job.id}",
    }


async def enrich_people(call: Call) -> object:
    """POST /batch/person/enrich: who is not found, or cannot be paid for, is left out."""
    kind, identifiers = call.identifiers((URLS, EMAILS), PROFILES_MOST)
    ask = enriching.read_ask(call, "profile", batch=True)
    call.till.need(enriching.worst_case(call, ask) * len(identifiers))

    def work(till: Till) -> Result:
        then = replace(call, till=till)
        lines: list[Json] = []
        for number, identifier in enumerate(identifiers, 1):
            found = enriching.find(then, kind, identifier, ask)
            if not found:
                continue
            shown = [enriching.show(then, found.matches[0], ask)]
            debits = enriching.bill(then, ask, found.owner, shown)
            if not till.affords(prices.total([line for _, bill in debits for line in bill])):
                continue
            enriching.settle(then, ask, debits, shown)
            lines.append({"original_identifier": identifier, "internal_id": number, "data": shown[0].data})
        return Result(lines, len(lines))

    return _submit(call, ("person", "enrich"), len(identifiers), work)


async def enrich_contacts(call: Call) -> object:
    """POST /batch/person/contact/enrich: every identifier has its line, empty where nothing is known."""
    if call.body.get("fields") is None:
        raise invalid("fields is required", "fields", {"available_fields": list(BATCH_CONTACT)})
    _, urls = call.identifiers((URLS,), call.knobs.contact_batch_max)
    fields = read_fields(call.body, BATCH_CONTACT, (), (), "available_fields")
    tiers = tuple(t for name, t in _TIER_OF.items() if name in fields or name.split(".")[0] in fields)
    ask = enriching.Ask("contact", tuple(f"contact.{t}" for t in tiers))
    call.till.need(enriching.worst_case(call, ask) * len(urls))

    def work(till: Till) -> Result:
        then = replace(call, till=till)
        lines, fulfilled = [], 0
        for number, url in enumerate(urls, 1):
            line, held = _contact_line(then, ask, fields, number, url)
            lines.append(line)
            fulfilled += held
        return Result(lines, fulfilled)

    return _submit(call, ("person", "contact_enrich"), len(urls), work)


def _contact_line(
    call: Call, ask: enriching.Ask, fields: tuple[str, ...], number: int, url: str
) -> tuple[Json, bool]:
    """One result line, and whether it holds a contact."""
    found = call.directory.at_url(url)
    contact: Json = {}
    if found:
        known = call.directory.deeper(found.matches[0].known)
        match = Match(1.0, known)
        shown = [enriching.show(call, match, ask)]
        debits = enriching.bill(call, ask, found.owner, shown)
        if call.till.affords(prices.total([line for _, bill in debits for line in bill])):
            enriching.settle(call, ask, debits, shown)
            contact = Profile(call.directory, known, call.now).contact(ask.tiers)
    whole: Json = {
        "business_email": contact.get("business_emails", []),
        "personal_contact_info": {
            "personal_emails": contact.get("personal_emails", []),
            "phone_numbers": contact.get("phone_numbers", []),
        },
    }
    data = project(whole, tree_of(fields))
    assert isinstance(data, dict)
    if call.knobs.batch_rows == "flat":
        person = facts.person_id(found.matches[0].known.subject) if found else None
        return {"professional_network_url": url, "person_id": person, **data}, any(contact.values())
    line: Json = {"original_identifier": url, "internal_id": number, "data": data}
    return line, any(contact.values())


async def identify_people(call: Call) -> object:
    """POST /batch/person/identify: profiles of business addresses, a credit for each one matched."""
    _, emails = call.identifiers((EMAILS,), IDENTIFY_MOST)
    ask = enriching.Ask("profile", ("basic_profile", "social_handles"), call.share("min_similarity_score"))
    call.till.need(prices.IDENTIFIED * len(emails))

    def work(till: Till) -> Result:
        then = replace(call, till=till)
        lines: list[Json] = []
        fulfilled = 0
        for email in emails:
            found = enriching.find(then, EMAILS, email, ask)
            shown = [enriching.show(then, m, ask) for m in found.matches] if found else []
            if found and till.affords(prices.IDENTIFIED):
                till.take(found.owner, [("identity", prices.IDENTIFIED)])
                fulfilled += 1
            else:
                shown = []
            lines.append(enriching.entry(EMAILS, email, shown))
        return Result(lines, fulfilled)

    return _submit(call, ("person", "identify"), len(emails), work)


async def enrich_companies(call: Call) -> object:
    """POST /batch/company/enrich: the best company of each identifier."""
    kind, identifiers = call.identifiers(companies.IDENTIFIERS, PROFILES_MOST)
    fields = read_fields(
        call.body, COMPANY, ("basic_info",), call.knobs.denied, "available_fields", deep=True
    )
    exact, lines_each = call.flag("exact_match"), companies.lines(fields)
    call.till.need(prices.total(lines_each) * len(identifiers))

    def work(till: Till) -> Result:
        lines: list[Json] = []
        for number, asked in enumerate(identifiers, 1):
            found = companies.find(call.directory, kind, asked, exact)
            if not found or not till.affords(prices.total(lines_each)):
                continue
            company = found[0][1]
            till.take(companies.reference(company), lines_each)
            data = companies.shown(call.directory, company, fields)
            lines.append({"original_identifier": asked, "internal_id": number, "data": data})
        return Result(lines, len(lines))

    return _submit(call, ("company", "enrich"), len(identifiers), work)


async def status(call: Call) -> object:
    """GET /batch/{id}."""
    job = call.jobs.find(call.path["id"])
    if job is None:
        raise missing("Batch not found")
    return job.shown()


async def listing(call: Call) -> object:
    """GET /batch, newest first."""
    limit, wanted, cursor = call.count("limit", 50, 100), call.query.get("status"), call.query.get("cursor")
    if wanted and wanted not in STATUSES:
        raise invalid(f"status must be one of {', '.join(STATUSES)}", "status")
    jobs = [job for job in call.jobs.newest_first() if not wanted or job.status == wanted]
    if cursor:
        jobs = [job for job in jobs if job.number < (int(cursor) if cursor.isdecimal() else 0)]
    page, more = jobs[:limit], len(jobs) > limit
    return {
        "jobs": [job.shown() for job in page],
        "next_cursor": str(page[-1].number) if more else None,
        "has_more": more,
    }


async def download(call: Call) -> object:
    """GET of a result link: no key may be sent with it, the content is packed and not said to be."""
    found = call.jobs.file(call.path["token"], call.path["name"])
    if found is None or "authorization" in call.headers:
        return _xml(403, "AccessDenied")
    job, content = found
    if call.now.timestamp() > job.done + call.knobs.file_life_s:
        return _xml(403, "AccessDenied")
    if content is None:
        return _xml(404, "NoSuchKey")
    return Response(content, 200, media_type="application/octet-stream")


def _xml(status: int, code: str) -> Response:
    return Response(f"<Error><Code>{code}</Code></Error>", status, media_type="application/xml")
