"""Invented answers in Waterfall.io's documented form, for the tests of its connector."""

from __future__ import annotations

from typing import Any

from connectors.waterfall_io import Connector, ConnectorOptions
from syncd.connector import Job, Operation
from syncd.model import KeyKind, Lookup, Outcome
from syncd.secret import Secret
from tests.unit.scripted_wire import ScriptedWire, email, linkedin, named, one

JOB = "1c9b7a44-3d15-4f02-9a6e-5b0c7d2e8f10"
URL = "https://www.linkedin.com/in/ilse-marrow-demo"
WORK = "i.marrow@tidewell.example.com"
PERSONAL = "ilse@mail.example.org"
MOBILE, DESK = "+493055501234", "+493055509876"
PAGE = "https://www.linkedin.com/company/tidewell-demo"


def post(**said: object) -> dict[str, Any]:
    return {
        "title": "Plant Lead",
        "location": None,
        "company_name": "Tidewell",
        "company_linkedin_id": "tidewell-demo",
        "company_linkedin_url": f"{PAGE}/",
        "company_domain": "tidewell.example.com",
        "start_year": 2022,
        "start_month": 4,
        "start_date": None,
        "end_year": None,
        "end_month": None,
        "end_date": None,
        "is_current": True,
        "description": None,
    } | said


def person(**said: object) -> dict[str, Any]:
    """Somebody with every documented property."""
    return {
        "id": "p-1",
        "first_name": "Ilse",
        "last_name": "Marrow",
        "linkedin_id": "ilse-marrow-demo",
        "linkedin_url": "https://www.linkedin.com/in/Ilse-Marrow-demo/",
        "personal_email": None,
        "location": "Rostock, Germany",
        "country": "Germany",
        "company_id": "c-1",
        "company_linkedin_id": "tidewell-demo",
        "company_name": "Tidewell",
        "company_domain": "tidewell.example.com",
        "professional_email": WORK,
        "mobile_phone": None,
        "phone_numbers": [],
        "title": "Plant Lead",
        "seniority": "Manager",
        "department": "Operations",
        "experiences": [post()],
        "email_verified": True,
        "email_confidence": "high",
        "email_verified_status": "safe",
        "domain_age_days": None,
        "smtp_provider": "Google",
        "mx_record": "mx.tidewell.example.com",
    } | said


def company(**said: object) -> dict[str, Any]:
    return {
        "id": "c-1",
        "domain": "tidewell.example.com",
        "name": "Tidewell",
        "website": "https://tidewell.example.com",
        "linkedin_id": "tidewell-demo",
        "linkedin_url": f"{PAGE}/",
        "linkedin_followers": 310,
        "description": "Pumps.",
        "logo_url": None,
        "size": "501-1000",
        "employees_count": 640,
        "industry": "Machinery",
        "type": "Privately Held",
        "founded": 1987,
        "address": "Kai 4, Rostock",
        "country": "Germany",
        "crunchbase_url": None,
        "funding_details": {"total_funding_rounds": 0, "total_funding_usd": None, "funding_rounds": []},
        "recent_job_posting_count": 2,
        "technologies": ["SAP"],
    } | said


def usage(total: object, **said: object) -> dict[str, Any]:
    return {"total_usd": total, "balance_remaining_usd": 88.5} | said


def job(status: str = "SUCCEEDED", **said: object) -> dict[str, Any]:
    """A finder answer; `output` and the like as they are given."""
    return {
        "status": status,
        "start_date": "2026-05-04T09:00:01.102000",
        "input": {"task": {"linkedin_url": None, "email": WORK, "job_id": JOB, "context_id": JOB}},
    } | said


def ended(**output: object) -> dict[str, Any]:
    return job(stop_date="2026-05-04T09:00:09.840112", output=output)


def connector(**options: Any) -> Connector:
    settings = {"token": Secret("env", "WATERFALL_IO_TEST_TOKEN"), "job_changes": True}
    return Connector(ConnectorOptions.model_validate(settings | options))


def operation(name: str) -> Operation:
    return next(o for o in Connector.operations if o.name == name)


def any_lookup(op: Operation) -> Lookup:
    made = {
        KeyKind.LINKEDIN_URL: linkedin(URL),
        KeyKind.EMAIL: email(WORK),
        KeyKind.FOUND_EMAIL: email(WORK, KeyKind.FOUND_EMAIL),
        KeyKind.NAME_DOMAIN: named(full_name="Ilse Marrow", domain="tidewell.example.com"),
        KeyKind.DOMAIN: one(KeyKind.DOMAIN, "tidewell.example.com"),
        KeyKind.COMPANY_NAME: one(KeyKind.COMPANY_NAME, "Tidewell"),
        KeyKind.COMPANY_LINKEDIN_URL: one(KeyKind.COMPANY_LINKEDIN_URL, PAGE),
    }
    return made[sorted(op.accepts)[0]]


def poll(name: str, body: object, **options: Any) -> Outcome:
    """The outcome of one read of a job of this operation."""
    made, op = connector(**options), operation(name)
    ((outcome,),) = made.poll(ScriptedWire(made, body), op, [Job(JOB, (any_lookup(op),))])
    return outcome


def ask(name: str, body: object, lookup: Lookup | None = None, **options: Any) -> Outcome:
    """The outcome of one submission that is answered with `body`."""
    made, op = connector(**options), operation(name)
    (outcome,) = made.submit(ScriptedWire(made, body), op, [lookup or any_lookup(op)])
    return outcome
