"""Operations on many: the batches, their jobs, companies by domain."""

from __future__ import annotations

import re
from collections.abc import Callable

from connectors.sandbox.contactout.account import OutOfCredits
from connectors.sandbox.contactout.asking import (
    Call,
    Json,
    Refusal,
    Refused,
    Till,
    bad,
    email_address,
    email_kinds,
    profile_url,
)
from connectors.sandbox.contactout.companies import company_by_domain
from connectors.sandbox.contactout.contacts import emails_of, phones_of
from connectors.sandbox.contactout.directory import Directory, slug_of
from connectors.sandbox.contactout.jobs import Job
from connectors.sandbox.contactout.single import CHARGED_VERDICTS, contact_debits

_DOMAIN = re.compile(r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$", re.IGNORECASE)


async def addresses_of_profiles(call: Call) -> Json:
    """POST /v1/people/linkedin/batch: at most 30 profiles, addresses only, keyed by the URLs as sent."""
    urls = [profile_url(u) for u in call.required("profiles", 30)]
    call.need("email")
    answer: dict[str, list[str]] = {}
    paid: dict[str, str] = {}
    for url in urls:
        person = call.directory.at_url(url)
        known = call.directory.known(person)
        answer[url] = emails_of(known) if known else []
        if answer[url] and person:
            paid[slug_of(url)] = person.ref
    if paid:
        call.till.take([("email", reference) for reference in paid.values()])
    return {"status_code": 200, "profiles": answer}


async def companies_of_domains(call: Call) -> Json:
    """POST /v1/domain/enrich: a list of maps with one key each, the domain as sent. Free."""
    domains = call.required("domains", 30)
    if not all(_DOMAIN.match(d) for d in domains):
        raise bad("a domain has a form such as example.com")
    pairs = [(d, call.directory.company(domain=d)) for d in domains]
    return {
        "status_code": 200,
        "companies": [{d: company_by_domain(call.directory.seed, c)} for d, c in pairs if c],
    }


async def start_contact_job(call: Call) -> Json:
    """POST /v2/people/linkedin/batch: at most 1,000 profiles; the work is done and paid later."""
    urls = [profile_url(u) for u in call.required("profiles", 1000)]
    phones = call.flag("include_phone")
    work, personal, _ = email_kinds(call.text("email_type") or None)
    call.need(*(["email"] if work or personal else []), *(["phone"] if phones else []))
    directory = call.directory

    def finish(till: Till) -> Json:
        return contact_results(directory, till, urls, (work, personal, phones))

    return _queued(call, "contacts", finish)


def contact_results(
    directory: Directory, till: Till, urls: list[str], wanted: tuple[bool, bool, bool]
) -> Json:
    """Contacts by profile URL with `www.`. Profiles that the balance does not pay for are left out."""
    work, personal, phones = wanted
    results: Json = {}
    counted = False
    for slug in dict.fromkeys(slug_of(url) for url in urls):
        person = directory.population.by_slug.get(slug)
        known = directory.known(person)
        known = directory.searched(known) if known and work else known
        row: Json = {
            "emails": emails_of(known, work, personal) if known else [],
            "personal_emails": emails_of(known, False, personal) if known else [],
            "work_emails": emails_of(known, work, False) if known else [],
        }
        if phones:
            row["phones"] = phones_of(directory.seed, known) if known else []
        debits = contact_debits(person.ref, row["emails"], row.get("phones")) if person else []
        try:
            if debits:
                till.take(debits, request=not counted)
        except OutOfCredits:
            continue
        counted = counted or bool(debits)
        results[f"https://www.linkedin.com/in/{slug}"] = row
    return results


async def start_verify_job(call: Call) -> Json:
    """POST /v1/email/verify/batch: at most 100 addresses by the text, 1,000 by the table (a knob)."""
    addresses = [email_address(a) for a in call.required("emails", call.knobs.verify_batch_max)]
    call.need("verifier")
    directory = call.directory

    def finish(till: Till) -> Json:
        return verify_results(directory, till, addresses)

    return _queued(call, "addresses", finish)


def verify_results(directory: Directory, till: Till, addresses: list[str]) -> Json:
    """Verdicts by address. Addresses that the balance does not pay for are left out."""
    results: Json = {}
    counted = False
    for address in dict.fromkeys(addresses):
        verdict = directory.deliverable(address)
        charged = verdict in CHARGED_VERDICTS
        try:
            if charged:
                till.take([("verifier", directory.address_reference(address))], request=not counted)
        except OutOfCredits:
            continue
        counted = counted or charged
        results[address] = verdict
    return results


def _queued(call: Call, kind: str, finish: Callable[[Till], Json]) -> Json:
    job = call.jobs.start(kind, finish, call.till, call.knobs, call.text("callback_url"))
    return {"status": "QUEUED", "job_id": job.id}


async def contact_job(call: Call) -> Json:
    """GET /v2/people/linkedin/batch/{job}."""
    return _shown(call, "contacts", "SENT")


async def verify_job(call: Call) -> Json:
    """GET /v1/email/verify/batch/{job}."""
    return _shown(call, "addresses", "DONE")


def _shown(call: Call, kind: str, done: str) -> Json:
    job: Job | None = call.jobs.find(call.path["job"])
    if job is None or job.kind != kind:
        raise Refused(Refusal.MISSING)
    ready = job.result is not None
    return {
        "data": {
            "uuid": job.uuid,
            "status": done if ready else "QUEUED",
            "result": (job.result or []) if ready else None,
        }
    }
