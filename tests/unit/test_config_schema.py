"""The schema for editors, and the example that is generated from the same shapes."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import connectors
from syncd.config.document import Document
from syncd.config.example import SCHEMA_NAME, example
from syncd.config.schema import DIALECT, file_schema
from syncd.config.settings import Budget, FileShape, ProviderShape
from syncd.config.shape import keys_of
from syncd.config.syncs import BrakesShape, FieldRule, SyncShape
from tests.unit.config_stand_ins import ContactoutOptions, edited, install, problems, read
from tests.unit.json_schema import errors

ROOT = Path(__file__).parents[2]
COMPLETE = all(find_spec(module) for module in (*connectors.CRMS.values(), *connectors.PROVIDERS.values()))
needs_connectors = pytest.mark.skipif(not COMPLETE, reason="a connector of the table does not exist yet")


@pytest.fixture
def stand_ins(monkeypatch):
    install(monkeypatch)


def violations(text):
    schema = file_schema()
    return errors(Document.parse(text.encode(), "c.yaml").plain(), schema, schema)


def undescribed(part, defs, at="$"):
    """Every property of a schema that has no description, of its own or of what it refers to."""
    if isinstance(part, list):
        return [e for n, item in enumerate(part) for e in undescribed(item, defs, f"{at}[{n}]")]
    if not isinstance(part, dict):
        return []
    named = part.get("properties") if not at.endswith(".if") else None
    here = [
        f"{at}.{key}"
        for key, value in (named.items() if isinstance(named, dict) else ())
        if not {**defs.get(value.get("$ref", "").removeprefix("#/$defs/"), {}), **value}.get("description")
    ]
    return here + [e for key, value in part.items() for e in undescribed(value, defs, f"{at}.{key}")]


@pytest.mark.usefixtures("stand_ins")
def test_every_property_of_the_schema_has_a_description():
    schema = file_schema()
    assert schema["$schema"] == DIALECT
    assert undescribed(schema, schema["$defs"]) == []
    assert undescribed({"properties": {"a": {"type": "string"}}}, {}) == ["$.a"]


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize(
    "changes",
    [
        (),
        (("[contactout, rocketreach]", "cheapest"),),
        (("every: 5m", "cron: 0 8 * * 1\n    timezone: UTC\n    since: beginning"),),
        (("    limits: {default", "    billing: {email: prepaid}\n    limits: {default"),),
        (
            ("  contactout:\n", "  co:\n    type: contactout\n"),
            ("[contactout, rocketreach]", "[co, rocketreach]"),
        ),
    ],
)
def test_the_schema_allows_what_the_loader_allows(changes):
    text = edited(*changes)
    assert problems(text) == []
    assert violations(text) == []


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1", "version: 2"),
        ("mode: live", "mode: dead"),
        ("budgets:\n", "budgits:\n"),
        ("type: hubspot", "type: hubspto"),
        ("{env: HUBSPOT_TOKEN}", "literal"),
        ('account: "4242424"', "account: 4242424"),
        ("    account: \"4242424\"\n", ""),
        ("600/min", "600"),
        ("every: 5m", "every: 5"),
        ("per_run: 50", "per_run: -5"),
        ("write: fill", "write: fil"),
        ("work_email: ", "work_mail: "),
        ("{email: email, link", "{emial: email, link"),
        ("present: true", "present: yes"),
        ("  rocketreach: {token", "  rocketraech: {token"),
        ("  new-leads:", "  new leads:"),
        ("changed_share: 0.3", "changed_share: 3"),
        ("base_url: https://example.my.salesforce.com", "base_urll: https://example.my.salesforce.com"),
    ],
)  # fmt: skip
def test_the_schema_refuses_what_the_loader_refuses(old, new):
    text = edited((old, new))
    assert problems(text) != []
    assert violations(text) != []


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize("optional", [True, False])
def test_the_example_loads_without_a_warning_and_fits_the_schema(optional):
    text = example(optional=optional)
    assert problems(text) == []
    assert violations(text) == []
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA_NAME}\n")
    assert text == example(optional=optional)


@pytest.mark.usefixtures("stand_ins")
def test_the_example_shows_every_key_that_there_is():
    words = {line.strip().removeprefix("# ").split(":")[0] for line in example().splitlines()}
    flat = example()
    for model in (FileShape, ProviderShape, Budget, SyncShape, FieldRule, BrakesShape, ContactoutOptions):
        for key in keys_of(model):
            assert key in words or f"{key}:" in flat


@pytest.mark.usefixtures("stand_ins")
def test_the_keys_that_the_example_comments_out_show_values_that_load():
    wanted = ("keep_found", "keep_not_found", "prices", "billing", "overlap", "since", "min_identity",
              "job_change", "brakes", "where", "skip", "suppress", "accept", "from", "stale_after", "protect_humans",
              "write", "format", "object", "allow_overage", "limits", "floor", "per_run")  # fmt: skip
    lines = []
    for line in example().splitlines():
        bare = line.lstrip()
        key = bare.removeprefix("# ").split(":")[0]
        active = bare.startswith("# ") and key in wanted and ": " in bare and not bare.endswith(".")
        lines.append(line.replace("# ", "", 1) if active else line)
    settings = read("\n".join(lines))
    assert settings.syncs["new-contacts"].suppress is not None
    assert settings.providers["contactout"].prices["email"] == 1


@pytest.mark.usefixtures("stand_ins")
def test_an_example_may_be_asked_for_with_some_connectors_only():
    settings = read(example(["salesforce"], ["rocketreach"], optional=False, state="sqlite:syncd.db"))
    assert [crm.type for crm in settings.crms.values()] == ["salesforce"]
    assert list(settings.providers) == ["rocketreach"]
    assert settings.state.url == "sqlite:syncd.db"


@needs_connectors
def test_the_example_in_the_repository_is_up_to_date():
    written = (ROOT / "config.example.yaml").read_text()
    made = subprocess.run(
        [sys.executable, "-m", "syncd.config.example"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert made.stderr == ""
    assert written == made.stdout, "run: python -m syncd.config.example > config.example.yaml"


@needs_connectors
def test_the_example_in_the_repository_loads_and_fits_the_schema():
    written = (ROOT / "config.example.yaml").read_text()
    assert [p.text() for p in problems(written)] == []
    assert violations(written) == []


@needs_connectors
def test_every_option_of_every_connector_has_a_description():
    schema = file_schema()
    assert undescribed(schema, schema["$defs"]) == []
