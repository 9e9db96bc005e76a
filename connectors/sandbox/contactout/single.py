"""Operations on one person: enrichment, contact information, address to profile, checkers, verifier."""

from __future__ import annotations

from connectors.sandbox.contactout.asking import (
    Call,
    Debit,
    Json,
    Refusal,
    Refused,
    bad,
    email_address,
    email_kinds,
    profile_url,
)
from connectors.sandbox.contactout.contacts import (
    contact_card,
    emails_of,
    phone_scalar,
    phones_of,
    work_status,
)
from connectors.sandbox.contactout.directory import Hints, bare_domain, slug_of
from connectors.sandbox.contactout.profiles import enriched, enriched_camel
from connectors.sandbox.population import Knowledge, Person, plain

CHARGED_VERDICTS = ("valid", "invalid", "accept_all")


def found(profile: object) -> Json:
    """The envelope of a profile."""
    return {"status_code": 200, "profile": profile}


def contact_debits(reference: str, email: object, phone: object) -> list[Debit]:
    """One e-mail credit where there is an address, one phone credit where there is a number."""
    return [(pool, reference) for pool, got in (("email", email), ("phone", phone)) if got]


async def enrich_profile(call: Call) -> Json:
    """GET /v1/linkedin/enrich. A profile that the vendor does not know is an empty list, not a 404."""
    url, bare = call.profile(), call.flag("profile_only")
    call.need(*(("search",) if bare else ("email", "phone")))
    person = call.directory.at_url(url)
    known = call.directory.known(person)
    reference = call.directory.reference(person, slug_of(url))
    if known is None:
        if call.knobs.enrich_miss_charged:
            call.till.take([("search", reference)])
        return found([])
    contacts = {} if bare else _snake_contacts(call, known, ("work_email", "personal_email", "phone"))
    debits = contact_debits(reference, contacts.get("email"), contacts.get("phone"))
    call.till.take(debits or [("search", reference)])
    return found(enriched(call.directory.seed, known, contacts))


async def enrich_address(call: Call) -> Json:
    """GET /v1/email/enrich. A phone cannot be declined."""
    address, include = call.address(), call.query.get("include", "")
    if include not in ("", "work_email"):
        raise bad("include is work_email")
    call.need("email", "phone")
    if include:
        await call.verify_in_real_time()
    person = call.directory.at_email(address)
    known = call.directory.known(person)
    if known is None:
        raise Refused(Refusal.MISSING)
    contacts: Json = {"email": known.personal_email or address}
    contacts |= _camel_work(known) if include else {}
    contacts["phone"] = phone_scalar(call.directory.seed, known)
    reference = call.directory.reference(person, address)
    call.till.take(contact_debits(reference, contacts["email"], contacts["phone"]))
    return found(enriched_camel(call.directory.seed, known, contacts))


async def enrich_person(call: Call) -> Json:
    """POST /v1/people/enrich. Contacts only as far as `include` names them."""
    include = call.texts("include")
    if not set(include) <= {"work_email", "personal_email", "phone"}:
        raise bad("include takes work_email, personal_email and phone")
    person = _meant(call)
    emails = {"work_email", "personal_email"} & set(include)
    call.need("search", *(["email"] if emails else []), *(["phone"] if "phone" in include else []))
    known = call.directory.known(person)
    if known is None or person is None:
        raise Refused(Refusal.MISSING)
    camel = call.knobs.people_enrich_casing == "camel"
    contacts = (_camel_contacts if camel else _snake_contacts)(call, known, tuple(include))
    got_email = [v for k, v in contacts.items() if k in ("email", "workEmail", "work_email") and v]
    call.till.take([("search", person.ref), *contact_debits(person.ref, got_email, contacts.get("phone"))])
    shape = enriched_camel if camel else enriched
    return found(shape(call.directory.seed, known, contacts))


def _snake_contacts(call: Call, known: Knowledge, include: tuple[str, ...]) -> Json:
    work, personal = "work_email" in include, "personal_email" in include
    contacts: Json = {"email": emails_of(known, work, personal)} if work or personal else {}
    if work:
        contacts["work_email"] = emails_of(known, personal=False)
    if personal:
        contacts["personal_email"] = emails_of(known, work=False)
    if "phone" in include:
        contacts["phone"] = phones_of(call.directory.seed, known)
    return contacts


def _camel_contacts(call: Call, known: Knowledge, include: tuple[str, ...]) -> Json:
    contacts: Json = {"email": known.personal_email} if "personal_email" in include else {}
    contacts |= _camel_work(known) if "work_email" in include else {}
    return contacts | ({"phone": phone_scalar(call.directory.seed, known)} if "phone" in include else {})


def _camel_work(known: Knowledge) -> Json:
    return {"workEmail": known.work_email, "workEmailStatus": work_status(known)}


def _meant(call: Call) -> Person | None:
    """Whom the body of people/enrich means; the first primary parameter that finds somebody decides."""
    url, address, phone = call.text("linkedin_url"), call.text("email"), call.text("phone")
    name, hints = _name(call), _hints(call)
    if not (url or address or phone):
        strict = call.knobs.strict_secondary
        enough = hints.companies or hints.schools or hints.location
        if not name or not (enough or (not strict and (hints.domains or hints.title))):
            raise bad("linkedin_url, email or phone, or else a name with company, location or education")
    directory = call.directory
    person = directory.at_url(profile_url(url)) if url else None
    if not person and address:
        person = directory.at_email(email_address(address))
    if not person and phone:
        person = directory.at_phone(phone)
    return person or (directory.named(name, hints) if name else None)


def _name(call: Call) -> str:
    first, last = call.text("first_name"), call.text("last_name")
    if bool(first) != bool(last):
        raise bad("first_name and last_name go together")
    return call.text("full_name") or f"{first} {last}".strip()


def _hints(call: Call) -> Hints:
    return Hints(
        companies=tuple(plain(c) for c in call.texts("company", 10)),
        domains=tuple(bare_domain(d) for d in call.texts("company_domain", 10, scalar=True)),
        schools=tuple(plain(s) for s in call.texts("education", 10)),
        location=plain(call.text("location")),
        title=plain(call.text("job_title")),
    )


async def contact_info(call: Call) -> Json:
    """GET /v1/people/linkedin. The real-time finder runs only for exactly `email_type=work`."""
    url, phone = call.profile(), call.flag("include_phone")
    work, personal, live = email_kinds(call.query.get("email_type"))
    call.need(*(["email"] if work or personal else []), *(["phone"] if phone else []))
    if live:
        await call.verify_in_real_time()
    directory = call.directory
    person = directory.at_url(url)
    known = directory.known(person)
    if known is None or person is None:
        raise Refused(Refusal.MISSING)
    known = directory.searched(known) if live else known
    debits = contact_debits(person.ref, emails_of(known, work, personal), phone and known.phones)
    if not debits:
        raise Refused(Refusal.MISSING)
    call.till.take(debits)
    return found(contact_card(directory.seed, known, work, personal, phone))


async def profile_of_address(call: Call) -> Json:
    """GET /v1/people/person."""
    address = call.address()
    call.need("email")
    person = call.directory.at_email(address)
    known = call.directory.known(person)
    if known is None or person is None:
        raise Refused(Refusal.MISSING)
    call.till.take([("email", person.ref)])
    return found({"email": address, "linkedin": known.subject.linkedin_url})


def _checked(call: Call) -> Knowledge | None:
    known = call.directory.known(call.directory.at_url(call.profile()))
    if known is None and call.knobs.checker_miss_404:
        raise Refused(Refusal.MISSING)
    return known


async def personal_email_status(call: Call) -> Json:
    """GET /v1/people/linkedin/personal_email_status."""
    known = _checked(call)
    return found({"email": bool(known and known.personal_email)})


async def work_email_status(call: Call) -> Json:
    """GET /v1/people/linkedin/work_email_status. Knows nothing of what the finder would find."""
    known = _checked(call)
    return found(
        {"email": bool(known and known.work_email), "email_status": work_status(known) if known else None}
    )


async def phone_status(call: Call) -> Json:
    """GET /v1/people/linkedin/phone_status."""
    known = _checked(call)
    return found({"phone": bool(known and known.phones)})


async def verify(call: Call) -> Json:
    """GET /v1/email/verify. Disposable and unknown addresses cost nothing."""
    address = call.address()
    call.need("verifier")
    verdict = call.directory.deliverable(address)
    if verdict in CHARGED_VERDICTS:
        call.till.take([("verifier", call.directory.address_reference(address))])
    return {"status_code": 200, "data": {"status": verdict}}
