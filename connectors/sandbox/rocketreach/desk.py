"""Operations on companies, the account and single addresses."""

from __future__ import annotations

from connectors.sandbox.population import Dice
from connectors.sandbox.rocketreach.account import VERIFICATION, OutOfCredits
from connectors.sandbox.rocketreach.asking import Fields, Json, Refused, bad, missing, no_lookup_credits
from connectors.sandbox.rocketreach.call import Answer, Call
from connectors.sandbox.rocketreach.companies import full_company
from connectors.sandbox.rocketreach.contacts import addresses
from connectors.sandbox.rocketreach.directory import VENDOR

PURCHASE_URL = "https://rocketreach.example/purchase"


async def lookup_company(call: Call) -> Answer:
    """GET company/lookup; answers at once. No invented company has a ticker symbol."""
    query, directory = call.query, call.desk.directory
    names = ("domain", "id", "linkedin_url", "name", "ticker")
    if not any(name in query for name in names):
        raise bad("non_field_errors", f"One of {', '.join(names)} is required.")
    found = directory.company(
        query.integer("id"), query.text("domain"), query.text("linkedin_url"), query.text("name")
    )
    if found is None:
        raise missing()
    try:
        call.desk.till.company(call.universal, found, dict(call.charge))
    except OutOfCredits:
        raise no_lookup_credits() from None
    return Answer(full_company(directory, found))


async def verify_email(call: Call) -> Answer:
    """POST email/verify. An unknown verdict is refunded, so nothing is taken for it."""
    address = Fields(call.body).email("email")
    if not address:
        raise bad("email", "This field is required.")
    directory, account = call.desk.directory, call.desk.till.account
    person = directory.population.by_email.get(address.lower())
    known = directory.known(person) if person else None
    own = (
        next((a for a in addresses(directory, known) if a.email == address.lower()), None) if known else None
    )
    verdict = own.smtp if own else _guess(call, address)
    subject = f"{person.ref if person else 'unknown'}:{Dice(address.lower()).pick('mark', 2**32):08x}"
    try:
        account.need(VERIFICATION)
        if verdict not in ("unknown", None):
            account.take(VERIFICATION, 1, {**call.charge, "person": subject})
    except OutOfCredits:
        body: Json = {
            "detail": "You have insufficient verification credits.",
            "credit_type": VERIFICATION,
            "purchase_url": PURCHASE_URL,
        }
        raise Refused(402, body) from None
    return Answer({"email": address, "smtp_valid": verdict or "unknown"})


def _guess(call: Call, address: str) -> str:
    directory, domain = call.desk.directory, address.lower().rpartition("@")[2]
    company = directory.population.by_domain.get(domain)
    if company is None:
        return "unknown"
    if directory.accepts_all(company):
        return "accept-all"
    person = directory.population.by_email.get(address.lower())
    luck = Dice(directory.seed, VENDOR, "verify")(address.lower())
    return ("valid" if luck < 0.8 else "unknown") if person else "invalid"
