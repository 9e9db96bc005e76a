"""What /metrics shows: the promised names, every series from the start, few of them, and nobody's data."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from syncd.config import load
from syncd.config.catalogue import CRM, PROVIDER, provider_type, types
from syncd.connector import Failure, FailureKind
from syncd.dispatch import Dispatcher
from syncd.metrics import CATALOGUE, Metrics
from syncd.model import Candidate, Charge, Field, Found, NotFound, Pending, Quality, Value
from syncd.rehearsal import Rehearsal, Stand, _yaml
from syncd.runtime import Runtime, open_runtime
from syncd.store import runs
from tests.rehearsals import ROOT

MANY_FIELDS = [
    Field.WORK_EMAIL, Field.PERSONAL_EMAIL, Field.MOBILE_PHONE, Field.DIRECT_PHONE, Field.PHONE, Field.JOB_TITLE,
    Field.HEADLINE, Field.SENIORITY, Field.JOB_FUNCTION, Field.LINKEDIN_URL, Field.TWITTER, Field.GITHUB,
    Field.LOCATION, Field.COUNTRY, Field.COMPANY_NAME, Field.COMPANY_DOMAIN, Field.COMPANY_LINKEDIN_URL,
    Field.COMPANY_INDUSTRY, Field.COMPANY_SIZE, Field.FULL_NAME,
]  # fmt: skip


def largest(folder: Path) -> dict[str, Any]:
    """Five providers, two CRMs, eight syncs, twenty fields."""
    stands = {n: Stand(n, "http://127.0.0.1:1", None) for n in (*types(CRM), *types(PROVIDER))}  # type: ignore[arg-type]  # never started
    document = Rehearsal(folder, stands).document()
    kinds = sorted(document["providers"])
    providers = {}
    for number in range(5):
        kind = kinds[number % len(kinds)]
        budgets = {k: {"per_run": 9, "per_day": 10, "per_month": 1000} for k in provider_type(kind).credits}
        providers[f"{kind}-{number}"] = {**document["providers"][kind], "type": kind, "budgets": budgets}
    crms = list(document["crms"])[:2]
    fields = {f.value: {"to": f"custom_{f.value}"} for f in MANY_FIELDS}
    sync = next(iter(document["syncs"].values()))
    return {
        **document,
        "providers": providers,
        "syncs": {
            f"sync-{n}": {
                **sync,
                "crm": crms[n % 2],
                "waterfall": list(providers),
                "fields": {k: {"to": f"{v['to']}_{n}"} for k, v in fields.items()},
            }
            for n in range(8)
        },
    }


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., tuple[Runtime, Metrics]]]:
    runtimes = []

    def start(document: Mapping[str, Any] | None = None) -> tuple[Runtime, Metrics]:
        path = tmp_path / "config.yaml"
        path.write_text(_yaml(document or largest(tmp_path)))
        settings = load(path)
        runtime = open_runtime(settings)
        runtimes.append(runtime)
        return runtime, Metrics(runtime, Dispatcher(settings))

    yield start
    for runtime in runtimes:
        runtime.close()


def shown(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """(name, labels) → value of every series."""
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return shown(metrics)[name, tuple(sorted(labels.items()))]


def test_the_largest_configuration_has_fewer_than_two_thousand_series_and_nobodys_data(opened) -> None:
    _, metrics = opened()
    series = shown(metrics)
    assert 500 < len(series) < 2000
    personal = re.compile(r"@|\+?\d{6,}|linkedin\.com|https?:")
    values = {v for _, labels in series for _, v in labels}
    assert [v for v in values if personal.search(v)] == []


def test_every_family_of_the_catalogue_has_its_name_type_and_labels_before_the_first_run(opened) -> None:
    _, metrics = opened()
    families = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = {k for s in family.samples for k in s.labels if k != "le"}
        families[name] = (family.type, labels, family.documentation)
    ours = {n: f for n, f in families.items() if n.startswith("syncd_")}
    assert ours == {n: (f.type, set(f.labels), f.help) for n, f in CATALOGUE.items()}
    assert not [n for n in families if n.endswith("_created")]


def test_a_run_adds_values_and_no_series(opened) -> None:
    runtime, metrics = opened()
    before = set(shown(metrics))
    name, account = next(iter(runtime.providers.items()))
    for operation in account.connector.operations:
        runtime.meter.sent(name, operation, None, 0.2, lookup=True)
        runtime.meter.answered(name, operation, [NotFound()])
        for kind in FailureKind:
            runtime.meter.answered(name, operation, None, Failure(kind, "a reason", status=500))
    for crm in runtime.crms:
        runtime.on_write(crm, 12.0)
        runtime.on_write(crm, None)
    for state, reason in (("done", "enriched"), ("done", "no match"), ("dead", "x"), ("no_budget", "x")):
        runtime.ended("sync-0", state, reason, 1)
    runtime.lines["error"] += 1
    metrics.ran(["sync-0", "sync-1"], 3.0)
    assert set(shown(metrics)) == before


def test_a_lookup_is_counted_by_what_came_of_it_and_a_job_when_it_has_ended(opened) -> None:
    runtime, metrics = opened()
    name, account = next((n, a) for n, a in runtime.providers.items() if n.startswith("contactout"))
    operation = account.operation("contact_work")
    assert operation is not None
    found = Found((Candidate((Value(Field.WORK_EMAIL, "a@b.c", Quality.VERIFIED),)),), Charge.none())
    runtime.meter.answered(name, operation, [found])
    runtime.meter.answered(name, operation, [Pending("job")])
    runtime.meter.answered(name, operation, [NotFound()])
    runtime.meter.answered(name, operation, None, Failure(FailureKind.UNAVAILABLE, "no connection"))
    runtime.meter.answered(name, operation, None, Failure(FailureKind.UNAVAILABLE, "down", status=503))

    def asked(outcome: str) -> float:
        return value(
            metrics, "syncd_provider_requests_total", provider=name, operation="lookup", outcome=outcome
        )

    assert {o: asked(o) for o in ("found", "not_found", "ok", "error_timeout", "error_http")} == {
        "found": 1, "not_found": 1, "ok": 0, "error_timeout": 1, "error_http": 1,
    }  # fmt: skip
    empty = "syncd_provider_field_results_total"
    assert value(metrics, empty, provider=name, field_class="work_email", result="empty") == 1


def test_the_rate_limit_headroom_follows_what_was_sent_in_the_last_period(opened) -> None:
    runtime, metrics = opened()
    name, account = next((n, a) for n, a in runtime.providers.items() if n.startswith("contactout"))
    check = account.operation("phone_check")
    assert check is not None
    for _ in range(75):
        runtime.meter.sent(name, check, None, 0.1, lookup=False)
    left = value(metrics, "syncd_provider_rate_limit_remaining_ratio", provider=name, bucket="checker")
    assert left == pytest.approx(0.5)
    other = value(metrics, "syncd_provider_rate_limit_remaining_ratio", provider=name, bucket="search")
    assert other == 1


def test_a_configuration_that_was_refused_shows(opened) -> None:
    runtime, metrics = opened()
    good_at = 1_764_000_000
    with runtime.store.write() as connection:
        told = {"ok": False, "good_at_us": good_at * 1_000_000, "at_us": 1}
        runs.set_meta(connection, "config_last_reload", json.dumps(told))
    assert value(metrics, "syncd_config_last_reload_successful") == 0
    assert value(metrics, "syncd_config_last_reload_success_timestamp_seconds") == good_at


def test_runs_are_counted_for_each_sync_that_they_served_and_survive_a_restart(opened) -> None:
    runtime, _ = opened()
    with runtime.store.write() as connection:
        for verdict in ("ok", "ok", "braked"):
            runs.end(connection, runs.start(connection, "run", "sync-0,sync-1", "me"), verdict, {})
    dispatcher = Dispatcher(runtime.settings)
    for _ in range(2):
        dispatcher._ring("sync-2")
    metrics = Metrics(runtime, dispatcher)

    def ran(task: str, result: str) -> float:
        return value(metrics, "syncd_task_runs_total", task=task, result=result)

    assert (ran("sync-0", "ok"), ran("sync-1", "braked"), ran("sync-2", "ok")) == (2, 1, 0)
    assert ran("sync-2", "skipped_lock") == 2


def test_a_census_that_was_concluded_shows_when(opened) -> None:
    runtime, metrics = opened()
    at = 1_764_000_000
    with runtime.store.write() as connection:
        runs.set_sync(connection, "sync-0", census_at=at * 1_000_000)
    crm = runtime.settings.syncs["sync-0"].crm
    name = "syncd_task_last_census_timestamp_seconds"
    assert value(metrics, name, task="sync-0", crm=crm) == at
    assert value(metrics, name, task="sync-2", crm=crm) == 0


def test_reading_the_state_again_and_again_costs_one_reading(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    _, metrics = opened()
    shown(metrics)

    def explode(*args: object) -> object:
        raise AssertionError("the state was read again")

    monkeypatch.setattr(runs, "halts", explode)
    assert value(metrics, "syncd_mode_info", mode="live") == 1


def test_the_document_lists_the_catalogue(opened) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (\w+) \| (.*?) \|$", _document(), re.M)
    listed = {n: (t, tuple(re.findall(r"`(\w+)`", labels)), s, text) for n, t, labels, s, text in rows}
    assert listed == {n: (f.type, f.labels, f.source, f.help) for n, f in CATALOGUE.items()}


def _document() -> str:
    return (ROOT / "docs" / "metrics.md").read_text()


@pytest.mark.optin
def test_promtool_finds_nothing_to_say_about_the_metrics(opened) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed")
    _, metrics = opened()
    ours = [
        line
        for line in generate_latest(metrics.registry).decode().splitlines(keepends=True)
        if "syncd_" in line
    ]
    done = subprocess.run(
        [tool, "check", "metrics"], check=False, input="".join(ours), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
