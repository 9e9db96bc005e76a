"""Sections that are right by themselves and wrong together."""

import sys

import pytest

import connectors
from syncd.config import Severity
from tests.unit.config_stand_ins import GOOD, edited, install, problems, told

LOOPBACK = (
    ('    account: "4242424"', '    account: "4242424"\n    base_url: http://127.0.0.1:1'),
    ("https://example.my.salesforce.com", "http://localhost:2"),
    ("    limits: {default", "    base_url: http://[::1]:3\n    limits: {default"),
    ("{token: {env: ROCKETREACH_KEY}", "{token: {env: ROCKETREACH_KEY}, base_url: 'http://127.0.0.1:4'"),
)
SECOND_SYNC = """\
  more:
    crm: {crm}
    object: {object}
    cron: 0 6 * * *
    match: {{email: email}}
    waterfall: cheapest
    fields:
      {field}: {{to: {to}}}
"""


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    install(monkeypatch)


def codes(text):
    return [code for _, code in told(text)]


def with_second(crm="main", object_name="contact", field="work_email", to="email"):
    return GOOD + SECOND_SYNC.format(crm=crm, object=object_name, field=field, to=to)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([("crm: main", "crm: other")], [("26:10", "crm.unknown")]),
        ([("[contactout, rocketreach]", "[contactout, other, rocketreach]")], [("36:29", "provider.unknown")]),
        ([("[contactout, rocketreach]", "[contactout, rocketreach, contactout]")], [("36:42", "waterfall.repeated")]),
        ([("from: [rocketreach]", "from: [other]")], [("39:46", "provider.unknown")]),
        ([("[contactout, rocketreach]", "[contactout]")], [("39:46", "field.source")]),
        ([("object: contact", "object: lead")], [("27:13", "object.unknown")]),
        ([("crm: main", "crm: sf"), ("object: contact", "object: lead")], []),
        ([("phone:  {per", "fax:  {per")], [("22:7", "credit.unknown")]),
        ([("    limits: {default", "    prices: {email: 2, fax: 1}\n    limits: {default")], [("19:24", "credit.unknown")]),
        ([("phone:  {per_month: 300}", "phone:  {per_month: 0}")], []),
        ([("search: 30/min", "search: 61/min")], [("19:40", "limit.raised")]),
        ([("search: 30/min", "search: 1/s")], []),
        ([("default: 600/min", "default: 1001/min")], [("19:23", "limit.raised")]),
        ([("search: 30/min", "other: 30/min")], [("19:32", "limit.unknown")]),
        ([("    daily_calls_share: 0.5", "    limits: {search: 6/s}")], [("11:22", "limit.raised")]),
        ([("    daily_calls_share: 0.5", "    limits: {search: 4/s, default: 50/10s}")], []),
        ([("    daily_calls_share: 0.5", "    limits: {searhc: 4/s}")], [("11:14", "limit.unknown")]),
        ([("to: jobtitle", "to: company")], [("41:26", "field.target")]),
        ([("to: jobtitle", "to: COMPANY")], [("41:26", "field.target")]),
        ([("every: 5m", "cron: 0 0 31 2 *")], [("28:11", "cron.never")]),
        ([("every: 5m", "cron: 0 0 29 2 *")], []),
        ([("every: 5m", "every: 5m\n    timezone: Europe/Berlin")], [("29:5", "cron.zone")]),
        ([("every: 5m", "cron: 0 8 * * mon-fri\n    timezone: Europe/Berlin")], []),
        ([("{email: email, linkedin_url: hs_linkedin_url}", "{first_name: a, last_name: b}")], [("35:5", "match.useless")]),
        ([("{email: email, linkedin_url: hs_linkedin_url}", "{company_domain: a, last_name: b}")], [("35:5", "match.useless")]),
        ([("{email: email, linkedin_url: hs_linkedin_url}", "{first_name: a, last_name: b, company_name: c}")], []),
        ([("{email: email, linkedin_url: hs_linkedin_url}", "{full_name: a, company_domain: c}")], []),
        ([("{email: email, linkedin_url: hs_linkedin_url}", "{phone: a}")], []),
        ([("{email: email, linkedin_url: hs_linkedin_url}", "{linkedin_url: a}")], []),
        ([("write: refresh, group: employment}\n      company", "write: refresh}\n      company")], [("41:58", "group.single")]),
        ([("listen: 127.0.0.1", "listen: 0.0.0.0")], [("4:16", "http.exposed")]),
        ([("127.0.0.1:8642", '"[::]:8642"')], [("4:16", "http.exposed")]),
        ([("127.0.0.1:8642", '"[::1]:8642"')], []),
        ([("public_url: null", "public_url: 'http://127.0.0.1:1'")], [("4:44", "http.public")]),
        ([("public_url: null", "public_url: 'https://syncd.example.com/hooks'")], []),
        ([(", budgets: {lookup: {per_month: 500}}", "")], [("23:3", "budget.none")]),
        ([("job_title:    {to", "twitter:    {to")], [("40:7", "field.unsold")]),
        ([("https://example.my.salesforce.com", "https://example.my.salesforce.com/path")], [("14:15", "url.path")]),
        ([("    limits: {default", "    base_url: https://eu.contactout.example/v9\n    limits: {default")], [("19:15", "url.path")]),
        ([("    limits: {default", "    base_url: https://eu.contactout.example\n    limits: {default")], []),
        ([("{token: {env: ROCKETREACH_KEY}", "{token: {env: ROCKETREACH_KEY}, base_url: 'https://x.example/v2'")], []),
    ],
)  # fmt: skip
def test_each_contradiction_is_told_at_its_place_and_nothing_else_is(changes, expected):
    assert sorted(told(edited(*changes))) == sorted(expected)


def test_warnings_are_no_errors():
    text = edited((", budgets: {lookup: {per_month: 500}}", ""), ("listen: 127.0.0.1", "listen: 0.0.0.0"))
    assert [p.severity for p in problems(text)] == [Severity.WARNING, Severity.WARNING]


@pytest.mark.parametrize("section", ["crms", "providers", "syncs"])
def test_an_empty_or_missing_section_is_an_error(section):
    start = GOOD.index(f"{section}:\n")
    rest = GOOD[start + len(section) + 2 :]
    following = next(
        (rest.index(f"\n{s}:") + 1 for s in ("providers", "syncs") if f"\n{s}:" in rest), len(rest)
    )
    assert "value.empty" in codes(GOOD[:start] + f"{section}: {{}}\n" + rest[following:])
    assert "key.missing" in codes(GOOD[:start] + rest[following:])


def test_a_field_in_two_syncs_may_be_written_to_one_property():
    assert codes(with_second()) == []


def test_two_fields_of_two_syncs_on_one_object_may_not_be_written_to_one_property():
    (problem,) = problems(with_second(field="linkedin_url", to="jobtitle"))
    assert (problem.line, problem.code) == (50, "field.target")
    assert problem.message == 'job_title is written to this property already in the sync "new-leads"'


def test_two_crms_or_objects_may_use_one_property_for_two_fields():
    assert "field.target" not in codes(with_second(crm="sf", field="linkedin_url", to="jobtitle"))
    assert "field.target" not in codes(
        with_second(crm="sf", object_name="lead", field="linkedin_url", to="jobtitle")
    )


def test_with_the_cheapest_waterfall_every_provider_may_be_named():
    assert codes(edited(("[contactout, rocketreach]", "cheapest"))) == []
    assert codes(
        edited(("[contactout, rocketreach]", "cheapest"), ("from: [rocketreach]", "from: [other]"))
    ) == ["provider.unknown"]


def test_a_provider_with_a_free_operation_needs_no_budget():
    start, end = GOOD.index("    budgets:\n"), GOOD.index("  rocketreach:")
    assert codes(GOOD[:start] + GOOD[end:]) == []


def test_a_sandbox_may_be_complete():
    assert codes(edited(*LOOPBACK)) == []


@pytest.mark.parametrize("left_out", range(len(LOOPBACK)))
def test_a_sandbox_never_meets_a_real_account(left_out):
    changes = [change for number, change in enumerate(LOOPBACK) if number != left_out]
    found = problems(edited(*changes))
    assert [p.code for p in found] == ["sandbox.mixed"]


def test_limits_of_a_sandbox_may_exceed_the_vendors():
    assert codes(edited(*LOOPBACK, ("search: 30/min", "search: 9000/min"))) == []


def test_a_url_with_a_credential_is_refused_without_repeating_it():
    text = edited(("https://example.my.salesforce.com", "https://admin:hunter2@example.my.salesforce.com"))
    (problem,) = problems(text)
    assert problem.code == "value.url"
    assert "hunter2" not in problem.text()


def test_a_connector_that_cannot_be_loaded_is_a_problem_and_no_crash(monkeypatch):
    monkeypatch.setitem(connectors.PROVIDERS, "contactout", "no_such_module_anywhere")
    assert ("17:3", "connector.broken") in told(GOOD)


def test_the_crm_package_is_not_imported_for_an_ordinary_file(monkeypatch):
    hubspot = sys.modules["stand_in_hubspot"]
    monkeypatch.delattr(hubspot, "Connector")
    assert codes(GOOD) == []
    assert codes(edited(("object: contact", "object: lead"))) == ["connector.broken"]
