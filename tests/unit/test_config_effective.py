"""The configuration in force, as the file would write it."""

import pytest

from syncd.config.effective import dotted, effective, origins, yaml_text
from tests.unit.config_stand_ins import GOOD, edited, install, read


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    install(monkeypatch)


VARIANTS = [
    GOOD,
    edited(
        ("[contactout, rocketreach]", "cheapest"),
        ("every: 5m", "cron: 0 8 * * 1-5\n    timezone: Europe/Berlin"),
    ),
    edited(("every: 5m", "every: 90m\n    since: 2026-01-31T00:00:00Z\n    job_change: update")),
    edited(
        ("{property: email, present: true}", "{property: email, absent: true}"),
        ("per_run: 50", "per_run: 0.5"),
    ),
    edited(
        ('equals: "true"', 'equals: "no: [x] #"'),
        ("http: {listen: 127.0.0.1:8642", 'http: {listen: "[::1]:0"'),
    ),
]


@pytest.mark.parametrize("text", VARIANTS)
def test_it_reads_back_as_the_same_settings(text):
    settings = read(text)
    again = read(yaml_text(effective(settings)))
    assert again == settings
    assert effective(again) == effective(settings)


def test_secrets_are_their_references():
    whole = effective(read(GOOD))
    assert whole["crms"]["main"]["token"] == {"env": "HUBSPOT_TOKEN"}


def test_each_value_has_its_line_or_is_a_default():
    settings = read(GOOD)
    found = {dotted(at): (value, origin) for at, value, origin in origins(settings, effective(settings))}
    assert found["mode"] == ("live", "config.yaml:2")
    assert found["crms.main.token.env"] == ("HUBSPOT_TOKEN", "config.yaml:9")
    assert found["crms.main.api_version"] == ("v3", "default")
    assert found["providers.contactout.type"] == ("contactout", "default")
    assert found["syncs.new-leads.where[0].in[1]"] == ("marketingqualifiedlead", "config.yaml:30")
    assert found["syncs.new-leads.overlap"] == ("10m", "default")
    assert found["providers.contactout.keep_found"] == ("90d", "default")
