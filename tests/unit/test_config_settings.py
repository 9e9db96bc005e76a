"""What the core reads of a configuration."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from syncd.config import ConfigInvalid, Mode, Rate, load
from syncd.config.settings import RAISED
from syncd.connector import Limit
from syncd.model import Brakes, Clause, Field, JobChange, Level, Quality, WriteMode
from tests.unit.config_stand_ins import (
    GOOD,
    ContactoutOptions,
    HubspotOptions,
    SalesforceOptions,
    edited,
    install,
    read,
)

SMALLEST = """\
version: 1
crms: {main: {type: hubspot, token: {env: A_TOKEN}, account: "1"}}
providers: {contactout: {token: {env: B_TOKEN}, budgets: {email: {per_run: 0.1}}}}
syncs: {all: {crm: main, every: 1h, match: {email: e}, waterfall: cheapest, fields: {work_email: {to: w}}}}
"""


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    install(monkeypatch)


def test_what_the_file_says_is_typed():
    settings = read(GOOD)
    main, contactout = settings.crms["main"], settings.providers["contactout"]
    assert settings.mode is Mode.LIVE
    assert (settings.http.listen.host, settings.http.listen.port) == ("127.0.0.1", 8642)
    assert (main.name, main.type, main.base_url, main.options.account) == ("main", "hubspot", None, "4242424")
    assert isinstance(main.options, HubspotOptions)
    assert isinstance(contactout.options, ContactoutOptions)
    assert contactout.limits == {"default": Rate(600, 60), "search": Rate(30, 60)}
    assert contactout.budgets["email"].per_day == Decimal(200)
    assert contactout.budgets["email"].floor == Decimal(25)
    assert contactout.budgets["phone"].per_run is None


def test_the_smallest_file_has_the_documented_defaults():
    settings = read(SMALLEST)
    provider, sync = settings.providers["contactout"], settings.syncs["all"]
    assert settings.mode is Mode.PLAN
    assert settings.state.url == "sqlite:///var/lib/syncd/syncd.db"
    assert str(settings.http.listen) == "127.0.0.1:8642"
    assert (settings.http.public_url, settings.log.level, settings.log.format) == (None, "info", "auto")
    assert (provider.type, provider.price("email")) == ("contactout", 1)
    assert (provider.keep_found, provider.keep_not_found) == (timedelta(days=90), timedelta(days=30))
    assert provider.budgets["email"].per_run == Decimal("0.1")
    assert (sync.object, sync.since, sync.overlap) == ("contact", "now", timedelta(minutes=10))
    assert (sync.where, sync.skip, sync.suppress, sync.zone.key) == ((), (), None, "UTC")
    assert settings.warnings == ()


def test_a_sync_becomes_the_policy_of_the_stages():
    policy = read(GOOD).policy("new-leads")
    assert (policy.name, policy.crm, policy.object) == ("new-leads", "main", "contact")
    assert policy.match == {"email": "email", "linkedin_url": "hs_linkedin_url"}
    assert policy.where == (
        Clause("lifecyclestage", "in", ("lead", "marketingqualifiedlead")),
        Clause("email", "present"),
    )
    assert policy.skip == (Clause("do_not_enrich", "equals", ("true",)),)
    assert (policy.accounts, policy.cheapest) == (("contactout", "rocketreach"), False)
    assert (policy.min_identity, policy.job_change) == (Level.STRONG, JobChange.FLAG)
    assert policy.brakes == Brakes(0.3, 5, 25)
    email, mobile, title, _ = policy.fields
    assert (email.field, email.to, email.write, email.accept) == (
        Field.WORK_EMAIL,
        "email",
        WriteMode.FILL,
        Quality.VERIFIED,
    )
    assert email.accounts == ("contactout", "rocketreach")
    assert (mobile.accounts, mobile.stale_after_s) == (("rocketreach",), 180 * 86_400.0)
    assert (title.write, title.group, title.protect_humans) == (WriteMode.REFRESH, "employment", True)


def test_sources_keep_the_order_of_the_waterfall():
    policy = read(edited(("from: [rocketreach]", "from: [rocketreach, contactout]"))).policy("new-leads")
    assert policy.fields[1].accounts == ("contactout", "rocketreach")


def test_the_cheapest_waterfall_may_ask_every_provider():
    policy = read(edited(("[contactout, rocketreach]", "cheapest"))).policy("new-leads")
    assert (policy.cheapest, policy.accounts) == (True, ("contactout", "rocketreach"))


@pytest.mark.parametrize(
    ("written", "clause"),
    [
        ("{property: p, in: [a, 1, true]}", Clause("p", "in", ("a", "1", "true"))),
        ("{property: p, not_in: [a]}", Clause("p", "not_in", ("a",))),
        ("{property: p, equals: 1.5}", Clause("p", "equals", ("1.5",))),
        ("{property: p, equals: false}", Clause("p", "equals", ("false",))),
        ("{property: p, not_equals: no}", Clause("p", "not_equals", ("no",))),
        ("{property: p, present: true}", Clause("p", "present")),
        ("{property: p, present: false}", Clause("p", "absent")),
        ("{property: p, absent: true}", Clause("p", "absent")),
        ("{property: p, absent: false}", Clause("p", "present")),
    ],
)
def test_conditions_become_clauses(written, clause):
    sync = read(edited(('{property: do_not_enrich, equals: "true"}', written))).syncs["new-leads"]
    assert sync.skip == (clause,)


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        (None, {"verified", "likely", "unverified", "unknown"}),
        ("verified", {"verified"}),
        ("likely", {"verified", "likely"}),
        ("unknown", {"verified", "likely", "unverified", "unknown"}),
        ("risky", {"verified", "likely", "unverified", "unknown", "risky"}),
    ],
)
def test_a_rule_accepts_qualities_from_the_named_one_upwards(accept, taken):
    written = "" if accept is None else f", accept: {accept}"
    rule = read(edited((", accept: verified", written))).syncs["new-leads"].fields[Field.WORK_EMAIL]
    assert {quality.value for quality in Quality if rule.accepts(quality)} == taken


def test_a_sync_may_start_at_an_instant_or_at_the_beginning():
    for written, value in (
        ("beginning", "beginning"),
        ("2026-01-31T02:00:00+02:00", datetime(2026, 1, 31, tzinfo=UTC)),
    ):
        assert (
            read(edited(("every: 5m", f"every: 5m\n    since: {written}"))).syncs["new-leads"].since == value
        )


def test_a_cron_schedule_has_its_zone():
    sync = read(edited(("every: 5m", "cron: 0 8 * * mon-fri\n    timezone: Europe/Berlin"))).syncs[
        "new-leads"
    ]
    assert sync.zone.key == "Europe/Berlin"
    assert sync.cron is not None
    assert sync.cron.trigger["day_of_week"] == "mon,tue,wed,thu,fri"


def test_two_accounts_one_provider_are_two_keys_with_a_type():
    second = "  rr2: {type: rocketreach, token: {env: RR_TWO}, budgets: {lookup: {per_day: 1}}}\nsyncs:"
    settings = read(edited(("syncs:", second)))
    assert [(p.name, p.type) for p in settings.providers.values()][1:] == [
        ("rocketreach", "rocketreach"),
        ("rr2", "rocketreach"),
    ]


def test_a_connector_that_declares_the_base_url_itself_is_given_it_too():
    entry = read(GOOD).crms["sf"]
    assert isinstance(entry.options, SalesforceOptions)
    assert entry.base_url == entry.options.base_url == "https://example.my.salesforce.com"


def test_limits_in_force_are_never_above_the_vendors():
    entry = read(GOOD).providers["contactout"]
    vendor = (Limit("default", 1000, 60, 32), Limit("search", 60, 60), Limit("checker", 150, 60))
    assert entry.lowered(vendor) == (
        Limit("default", 600, 60.0, 32),
        Limit("search", 30, 60.0),
        Limit("checker", 150, 60),
    )


def test_limits_of_a_sandbox_are_taken_as_they_are_written():
    text = SMALLEST.replace('account: "1"', 'account: "1", base_url: "http://127.0.0.1:1"').replace(
        "{token: {env: B_TOKEN}",
        '{base_url: "http://127.0.0.1:2", limits: {default: 9000/s}, token: {env: B_TOKEN}',
    )
    settings = read(text)
    assert settings.sandboxed
    vendor = (Limit("search", 60, 60), Limit("few", 60, 60, 4))
    # With a higher rate more may be under way, but for a vendor that takes few at once.
    assert settings.providers["contactout"].lowered(vendor) == (
        Limit("search", 9000, 1.0, RAISED),
        Limit("few", 9000, 1.0, 4),
    )
    assert not read(GOOD).sandboxed


def test_the_database_url_is_absolute_and_carries_the_password_only_when_asked(monkeypatch, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(edited(("sqlite:///var/lib/syncd/syncd.db", "sqlite:state.db")))
    assert load(file).database_url() == f"sqlite:///{tmp_path}/state.db"
    assert load(file).database_file == tmp_path / "state.db"
    assert read(GOOD).database_url() == "sqlite:////var/lib/syncd/syncd.db"
    monkeypatch.setenv("DB_PASSWORD", "p@ss/word")
    state = (
        '{url: "sqlite:///var/lib/syncd/syncd.db"}',
        '{url: "postgresql://syncd@db:5432/syncd", password: {env: DB_PASSWORD}}',
    )
    settings = read(edited(state))
    assert settings.database_url() == "postgresql://syncd:p%40ss%2Fword@db:5432/syncd"
    assert settings.database_file is None
    assert "word@" not in repr(settings)


def test_settings_cannot_be_changed():
    settings = read(GOOD)
    with pytest.raises(TypeError):
        settings.providers["contactout"].budgets["email"] = None  # type: ignore[index] # that is the test
    with pytest.raises(ValueError, match="frozen"):
        settings.syncs["new-leads"].crm = "other"
    with pytest.raises(TypeError):
        settings.crms["x"] = settings.crms["main"]  # type: ignore[index] # that is the test


def test_problems_found_later_have_their_place_in_the_file():
    problem = read(GOOD).problem(
        "crm.property", "no such property", "syncs", "new-leads", "fields", "job_title", "to"
    )
    assert problem.place == "config.yaml:40:26"


def test_the_file_is_searched_in_the_documented_order(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SYNCD_CONFIG", raising=False)
    monkeypatch.setattr("syncd.config.reading.SYSTEM_PATH", tmp_path / "etc.yaml")
    files = [Path("etc.yaml"), Path("config.yaml"), Path("env.yaml"), Path("flag.yaml")]
    for number, file in enumerate(files):
        file.write_text(SMALLEST.replace("syncs: {all:", f"syncs: {{s{number}:"))
        if file.name == "env.yaml":
            monkeypatch.setenv("SYNCD_CONFIG", "env.yaml")
        assert list(load(file if file.name == "flag.yaml" else None).syncs) == [f"s{number}"]


@pytest.mark.parametrize("how", ["flag", "environment", "nothing"])
def test_a_missing_file_is_one_clear_sentence_with_what_to_do(monkeypatch, tmp_path, how):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("syncd.config.reading.SYSTEM_PATH", tmp_path / "nowhere.yaml")
    monkeypatch.setenv("SYNCD_CONFIG", "absent.yaml" if how == "environment" else "")
    with pytest.raises(ConfigInvalid) as caught:
        load(Path("absent.yaml") if how == "flag" else None)
    (problem,) = caught.value.problems
    assert (problem.code, problem.line) == ("file.missing", None)
    assert "syncd init" in problem.hint
    assert problem.text().count("\n") == 1


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path):
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path)
    assert "is a directory" in caught.value.problems[0].message
