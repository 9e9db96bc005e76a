"""No credential leaves the configuration, however it got in."""

import os

import pytest

from syncd.config import missing_secrets
from syncd.config.effective import effective
from syncd.config.masking import may_be_secret, names_secret, scrub, shown
from tests.unit.config_stand_ins import GOOD, edited, install, problems, read

CANARIES = (
    "pat-na1-9f8e7d6c-1234-4a5b-8c9d-0badc0ffee00",
    "Zx81qLm4Pw07RtYu53KdVb29",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "00112233445566778899aabbccddeeff",
)
SHORT = "hunter2"


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    install(monkeypatch)


def positions():
    """The start and end of every word of the good file."""
    import re

    return [m.span() for m in re.finditer(r"[A-Za-z0-9_][A-Za-z0-9_./-]*", GOOD)]


def output(text):
    return "\n".join(p.text() + repr(p.json()) + repr(p) for p in problems(text))


@pytest.mark.parametrize(("canary", "shape"), list(zip(CANARIES, ("{}", "[{}]"), strict=False)))
def test_a_token_in_any_position_of_the_file_is_never_repeated(canary, shape):
    leaks = []
    for start, end in positions():
        if canary in output(GOOD[:start] + shape.format(canary) + GOOD[end:]):
            leaks.append(GOOD[max(0, start - 30) : end])
    assert leaks == []


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(
    "shape", ["{}", '"{}"', "{{a: {}}}", "[{}, 1]", "&{} x", "*{}", "!{} x", "'{}", "{}: : x", "|\n      {}"]
)
def test_a_token_in_any_shape_where_a_secret_belongs_is_never_repeated(canary, shape):
    for old in ("{env: HUBSPOT_TOKEN}", "{env: CONTACTOUT_TOKEN}", "{env: SF_CLIENT_ID}"):
        text = edited((old, shape.format(canary)))
        assert problems(text)
        assert canary not in output(text)


@pytest.mark.parametrize(
    "shape", ["{}", '"{}"', "{{a: {}}}", "{{env: [{}]}}", "[{}, 1]", "'{}", "{}: : x", "|\n      {}"]
)
def test_even_a_short_password_where_a_secret_belongs_is_never_repeated(shape):
    for old in ("{env: HUBSPOT_TOKEN}", "{env: CONTACTOUT_TOKEN}", "{env: SF_CLIENT_ID}"):
        text = edited((old, shape.format(SHORT)))
        assert problems(text)
        assert SHORT not in output(text)


def test_a_short_password_is_not_repeated_by_a_mistake_elsewhere_on_its_line():
    text = edited(("{token: {env: ROCKETREACH_KEY}, budgets", f"{{tokn: {SHORT}, extra: {SHORT}, budgits"))
    assert len(problems(text)) == 5
    assert SHORT not in output(text)


def test_a_short_password_under_an_unknown_connector_is_not_repeated():
    text = edited(("{token: {env: ROCKETREACH_KEY}", f"{{type: rocketeer, tkn: {SHORT}, limits: x"))
    assert len(problems(text)) == 2
    assert SHORT not in output(text)


def test_a_literal_where_a_reference_belongs_is_told_as_such():
    (problem,) = problems(edited(("{env: HUBSPOT_TOKEN}", SHORT)))
    assert problem.code == "secret.literal"
    assert problem.source_line == "    token: …"
    assert "{env: NAME}" in problem.hint


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("source", ["env", "file", "credential"])
def test_a_token_given_as_the_name_of_a_reference_is_told_and_not_repeated(source, canary):
    text = edited(("{env: HUBSPOT_TOKEN}", f"{{{source}: {canary}}}"))
    (problem,) = problems(text)
    assert problem.code == "secret.name"
    assert canary not in output(text)


@pytest.mark.parametrize("name", ["HUBSPOT_TOKEN_2", "CONTACTOUT_API_KEY_V2_PROD", "TOKEN", "token"])
def test_ordinary_variable_names_are_taken(name):
    assert problems(edited(("HUBSPOT_TOKEN", name))) == []


def test_a_password_in_the_state_url_is_refused_without_repeating_it():
    text = edited(("sqlite:///var/lib/syncd/syncd.db", f"postgresql://syncd:{SHORT}@db/syncd"))
    (problem,) = problems(text)
    assert problem.code == "value.database"
    assert "password" in problem.hint
    assert SHORT not in output(text)


def test_missing_references_are_warnings_that_name_them(monkeypatch, tmp_path):
    file = tmp_path / "key"
    file.write_text(SHORT)
    file.chmod(0o640)
    monkeypatch.setenv("HUBSPOT_TOKEN", SHORT)
    monkeypatch.setenv("SF_CLIENT_ID", " ")
    monkeypatch.delenv("CONTACTOUT_TOKEN", raising=False)
    settings = read(edited(("{env: ROCKETREACH_KEY}", f"{{file: {file}}}")))
    assert [(p.line, p.code, p.severity.value) for p in missing_secrets(settings)] == [
        (15, "secret.missing", "warning"),
        (18, "secret.missing", "warning"),
    ]
    file.chmod(0o644)
    exposed = missing_secrets(settings)[-1]
    assert (exposed.line, exposed.code) == (23, "secret.exposed")
    assert SHORT not in repr(settings) + repr(effective(settings)) + exposed.text()


def test_settings_hold_no_credential_even_where_one_is_set(monkeypatch):
    monkeypatch.setitem(os.environ, "HUBSPOT_TOKEN", SHORT)
    settings = read(GOOD)
    assert SHORT not in repr(settings) + str(settings) + repr(effective(settings))
    assert settings.crms["main"].options.token.reveal() == SHORT


@pytest.mark.parametrize(
    "text",
    [*CANARIES, "jane@example.com", "+49 170 1234567890", "AKIAIOSFODNN7EXAMPLE", "Bearer x", "sk_live_x"],
)
def test_what_looks_like_a_credential_or_a_person_is_masked(text):
    assert may_be_secret(text)
    assert shown(text) == "…"


@pytest.mark.parametrize(
    "text",
    [
        "marketingqualifiedlead", "hs_linkedin_url", "waterfall_io", "custom_field_2024", "LinkedInProfileUrl__c",
        "2026-01-31T00:00:00Z", "https://example2.my.salesforce.com", "/etc/syncd/suppress.txt", "600/min", "v3",
        "*/10 8-18 * * mon-fri", "Europe/Berlin", "MailingCountryCode", "",
    ],
)  # fmt: skip
def test_ordinary_words_are_shown(text):
    assert not may_be_secret(text)
    assert shown(text) == f'"{text}"'


def test_names_tell_where_a_secret_may_stand():
    assert names_secret(("crms", "main", "token"))
    assert names_secret(("crms", "main", "private_key", "x"))
    assert names_secret(("providers", "x", "apiKey"))
    assert not names_secret(("crms", "main", "token", "env"))
    assert not names_secret(("syncs", "x", "match", "email"))


def test_messages_of_others_are_scrubbed_of_what_was_given():
    assert scrub(f"cannot use {CANARIES[0]}", {"a": [CANARIES[0]]}) == "cannot use …"
    assert scrub(f"cannot use {SHORT}", SHORT, secret=True) == "cannot use …"
    assert scrub("must be fill", "fill") == "must be fill"
