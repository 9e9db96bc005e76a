"""The launchers and their finders, and the operations that answer at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.clock import Clock
from connectors.sandbox.population import Dice
from connectors.sandbox.waterfall_io.account import Account, Sale
from connectors.sandbox.waterfall_io.asking import Body, Refused, bad
from connectors.sandbox.waterfall_io.directory import VENDOR, Directory, Wanted
from connectors.sandbox.waterfall_io.jobs import Job, Jobs
from connectors.sandbox.waterfall_io.knobs import Knobs
from connectors.sandbox.waterfall_io.people import company_card, mail_host, numbers, person_card, work_address

Json = dict[str, Any]
PHONE = "/v1/enrichment/phone"
PERSON_FIELDS = ("email", "linkedin", "full_name", "first_name", "last_name", "domain")
EXTRAS = ("webhook_url", "custom_fields")
_ECHOED = ("linkedin_url", "first_name", "last_name", "full_name", "domain", "email", *EXTRAS)


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of the server that operations use."""

    clock: Clock
    directory: Directory
    account: Account
    jobs: Jobs


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in. `key` is the digest of its credential."""

    desk: Desk
    options: Knobs
    template: str
    key: str
    body: Body

    def sell(self, *sales: Sale) -> Json:
        """Sell at the time of the sandbox's clock; tells the usage."""
        at = self.desk.clock.time()
        return self.desk.account.sell(
            list(sales), {"operation": self.template, "at": at, "credential": self.key}
        )

    def count(self, **counts: int) -> None:
        """Count requests and results."""
        self.desk.account.count(self.key, datetime.fromtimestamp(self.desk.clock.time(), UTC), **counts)

    def only(self, known: Collection[str]) -> None:
        """Nothing, where the body's extras are good and its fields known ones, or others are taken."""
        self.body.extras()
        if self.options.unknown_fields == "refused":
            self.body.only(known)

    def affordable(self) -> bool:
        """Whether a job that ends now may still be sold."""
        return self.options.empty_at_complete == "overdraw" or not self.desk.account.exhausted


def whom(call: Call, order: tuple[str, ...]) -> Wanted:
    """The one strategy that a person's launch runs: the first of the order that was sent."""
    body, options = call.body, call.options
    email = body.email("email", options.free_mail == "accepted")
    page, domain = body.profile(), body.domain()
    full = body.name("full_name", 250)
    split = " ".join(filter(None, (body.name("first_name", 100), body.name("last_name", 100))))
    halves = "first_name" in body and "last_name" in body
    given = {
        "email": {"email": email} if email else None,
        "linkedin": {"linkedin": page} if page else None,
        "full_name": {"name": full, "domain": domain} if full and domain else None,
        "split_name": {"name": split, "domain": domain} if halves and domain else None,
    }
    found = [Wanted(name, values) for name in order if (values := given[name])]
    if not found:
        raise bad("one of email, linkedin, full_name with domain, first_name and last_name with domain")
    if len(found) > 1 and options.several_identifiers == "refused":
        raise bad("only one identifier may be sent")
    return found[0]


def _echo(body: Body, names: tuple[str, ...]) -> Json:
    renamed = {"linkedin_url": "linkedin"}
    return {name: body.given.get(renamed.get(name, name)) for name in names}


def _launch(call: Call, label: str, echoed: tuple[str, ...], finish: Callable[[], Json | None]) -> Json:
    url, _ = call.body.extras()
    jobs = call.desk.jobs
    return jobs.launched(jobs.launch(call.template, label, _echo(call.body, echoed), finish, url))


def _nobody(call: Call) -> Json:
    """The output where nobody was found."""
    given = call.body.given
    forms: Mapping[str, Json] = {
        "empty": {"person": {}},
        "null": {"person": None},
        "absent": {},
        "echo": {"person": {name: given.get(name) for name in ("first_name", "last_name")}},
    }
    return dict(forms[call.options.no_match])


def launch_contact(call: Call) -> Json:
    """POST enrichment/contact: charged for each person returned, and for each number where asked for."""
    call.only((*PERSON_FIELDS, *EXTRAS, "include_phones"))
    wanted = whom(call, ("email", "linkedin", "full_name", "split_name"))
    phones = call.body.flag("include_phones")
    if phones and PHONE in call.options.no_access:
        raise Refused(403, "PERMISSION_INCLUDE_PHONES_REQUIRES_PHONE_ENRICHMENT")
    call.count(enrichment_contact_requests=1)

    def finish() -> Json | None:
        directory = call.desk.directory
        person = directory.person(wanted)
        known = directory.known(person) if person else None
        if person is None or known is None:
            return _nobody(call) | call.sell(Sale("contact", 0, ""))
        if not call.affordable():
            return None
        card = person_card(directory, known) | work_address(directory, known)
        sales = [Sale("contact", 1, person.ref)]
        if phones:
            card |= numbers(directory, known)
            sales.append(Sale("phone", len(card["phone_numbers"]), f"{person.ref}+phone"))
        call.count(enrichment_contact_persons=1)
        call.count(enrichment_contact_persons_phones=len(card["phone_numbers"]))
        return {"person": card} | call.sell(*sales)

    return _launch(call, wanted.label, _ECHOED, finish)


def launch_phone(call: Call) -> Json:
    """POST enrichment/phone: charged for each number returned, nothing where there is none."""
    call.only((*PERSON_FIELDS, *EXTRAS))
    wanted = whom(call, ("linkedin", "email", "full_name", "split_name"))
    call.count(enrichment_phone_requests=1)

    def finish() -> Json | None:
        directory = call.desk.directory
        person = directory.person(wanted)
        known = directory.known(person) if person else None
        if person is None or known is None:
            names = {name: call.body.given.get(name) for name in ("first_name", "last_name")}
            miss = {"person": names | {"mobile_phone": None, "phone_numbers": []}}
            return miss | call.sell(Sale("phone", 0, ""))
        found = numbers(directory, known)
        count = len(found["phone_numbers"])
        if count and not call.affordable():
            return None
        call.count(enrichment_phone_phones=count)
        card = person_card(directory, known) | found
        return {"person": card} | call.sell(Sale("phone", count, f"{person.ref}+phone"))

    return _launch(call, wanted.label, _ECHOED, finish)


def launch_company(call: Call) -> Json:
    """POST enrichment/company: charged for each company returned."""
    body = call.body
    call.only(("domain", "linkedin", "name", *EXTRAS))
    given = {"domain": body.domain(), "linkedin": body.profile(), "name": body.text("name", 250)}
    found = [Wanted(name, {name: value}) for name, value in given.items() if value]
    if not found:
        raise bad("one of domain, linkedin, name")
    wanted = found[0]
    call.count(enrichment_company_requests=1)

    def finish() -> Json | None:
        company = call.desk.directory.company(wanted)
        if company is None:
            return {"company": {}} | call.sell(Sale("company", 0, ""))
        if not call.affordable():
            return None
        call.count(enrichment_company_companies=1)
        shown = {"company": company_card(call.desk.directory, company)}
        return shown | call.sell(Sale("company", 1, f"company:{company.index}"))

    return _launch(call, wanted.label, ("domain", "linkedin_url", "name", *EXTRAS), finish)


def verify_email(call: Call) -> Json:
    """POST verify/email: charged for every answer, whatever it says."""
    body = call.body
    call.only(("email", "custom_fields"))
    try:
        address = body.email(strict=False)
    except Refused:
        address = ""
    if not address:
        raise bad("email: a valid address is needed")
    call.count(verify_email_requests=1, verify_email_verified=1)
    directory, domain = call.desk.directory, address.partition("@")[2]
    person = directory.population.by_email.get(address)
    company = directory.population.by_domain.get(domain)
    luck = Dice(directory.seed, VENDOR, "verify")(address)
    if company is None:
        verdict = "valid" if person and luck < 0.9 else "unknown"
    elif directory.accepts_all(company):
        verdict = "risky"
    else:
        verdict = ("valid" if luck < 0.9 else "unknown") if person else "invalid"
    provider, record = mail_host(directory, company) if company else (None, None)
    reference = person.ref if person else f"unknown:{Dice(address).pick('mark', 2**32):08x}"

    def finish() -> Json:
        shown = {
            "email": address,
            "domain": domain,
            "email_status": verdict,
            "smtp_provider": provider,
            "mx_records": [record] if record else [],
        }
        return {"email": shown} | call.sell(Sale("verify", 1, f"{reference}+verify"))

    return _at_once(call, ("email", "custom_fields"), finish)


def _at_once(call: Call, echoed: tuple[str, ...], finish: Callable[[], Json]) -> Json:
    jobs = call.desk.jobs
    return jobs.shown(jobs.at_once(call.template, _echo(call.body, echoed), finish))


def search_contact(call: Call) -> Json:
    """POST search/contact by a profile or by an employer; charged for each person returned.

    People found by what their employers have in common, and by title, are not built.
    """
    body = call.body
    names = ("contact_linkedin", "domain", "company_linkedin", "company_name", "page_number", "page_size",
             "custom_fields")  # fmt: skip
    body.only(names)
    size, page = body.number("page_size", 10, 100), body.number("page_number", 1, 10_000)
    directory, contact = call.desk.directory, body.profile("contact_linkedin")
    given = {
        "domain": body.domain(),
        "linkedin": body.profile("company_linkedin"),
        "name": body.text("company_name", 250),
    }
    employers = [Wanted(name, {name: value}) for name, value in given.items() if value]
    if bool(contact) == bool(employers):
        raise bad("either contact_linkedin, or one of domain, company_linkedin, company_name")
    if contact:
        person = directory.person(Wanted("linkedin", {"linkedin": contact}))
        people = [person] if person else []
    else:
        company = directory.company(employers[0])
        people = directory.staff(company) if company else []
    people = people[(page - 1) * size : page * size]
    call.count(search_contact_requests=1, search_contact_found=len(people))

    def finish() -> Json:
        cards = [person_card(directory, k) | {"about": None} for p in people if (k := directory.known(p))]
        sales = [Sale("search", 1, f"{person.ref}+search") for person in people]
        return {"persons": cards} | call.sell(*sales)

    return _at_once(call, names, finish)


def job_change(call: Call) -> Json:
    """POST job/change: whether somebody is still at a company; charged where the answer says."""
    body, directory = call.body, call.desk.directory
    names = ("company_domain", "company_linkedin", "contact_linkedin", "professional_email", "personal_email",
             "contact_full_name", "custom_fields")  # fmt: skip
    call.only(names)
    domain, page = body.domain("company_domain"), body.profile("company_linkedin")
    work, profile = body.email("professional_email"), body.profile("contact_linkedin")
    private, full = body.email("personal_email"), body.name("contact_full_name", 250)
    wanted = (
        Wanted("linkedin", {"linkedin": profile}) if profile
        else Wanted("email", {"email": work or private}) if work or private
        else Wanted("full_name", {"name": full, "domain": domain}) if full and domain
        else None
    )  # fmt: skip
    if wanted is None or not (domain or page or work):
        raise bad("a company with a contact, or professional_email")
    company = directory.company(Wanted("linkedin", {"linkedin": page})) if page else None
    asked = domain or (company.domain if company else "") or work.partition("@")[2]
    person = directory.person(wanted)
    known = directory.known(person) if person else None
    status = "unknown"
    if known is not None and known.company.domain == asked:
        status = "no_change"
    elif known is not None and known.subject.past.domain == asked:
        luck = Dice(directory.seed, VENDOR, "change", known.subject.index)("left")
        status = "left" if luck < 0.3 else "moved"
    told = status != "unknown"
    call.count(job_change_requests=1, job_change_found=int(told))

    def finish() -> Json:
        card = person_card(directory, known) if known else {}
        sale = Sale("job_change", int(told), f"{person.ref if person else 'unknown'}+change")
        return {"job_change_status": status, "person": card} | call.sell(sale)

    return _at_once(call, names, finish)


def find_job(desk: Desk, template: str, job_id: str) -> Job:
    """The job that a finder is asked for.

    Raises:
        Refused: there is none of this operation, or none any more.
    """
    job = desk.jobs.find(template, job_id)
    if job is None:
        raise Refused(404, "NOT_FOUND_JOB_NOT_FOUND")
    return job
