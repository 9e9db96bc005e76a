"""The alert rules and the dashboard ask only for what there is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from syncd.metrics import CATALOGUE
from tests.rehearsals import ROOT

RULES = ROOT / "docs" / "alerts" / "syncd.rules.yml"
TESTS = ROOT / "docs" / "alerts" / "syncd.test.yml"
BOARD = ROOT / "docs" / "grafana" / "syncd.json"
WORDS = {
    "sum", "min", "max", "avg", "count", "by", "without", "on", "ignoring", "group_left", "group_right",
    "and", "or", "unless", "bool", "offset", "rate", "increase", "delta", "abs", "absent", "scalar", "time",
    "histogram_quantile", "predict_linear", "day_of_month", "days_in_month", "hour",
}  # fmt: skip
OTHERS = {
    "up": {"job", "instance"},
    "process_start_time_seconds": {"job", "instance"},
    "process_resident_memory_bytes": {"job", "instance"},
    "process_cpu_seconds_total": {"job", "instance"},
    "process_open_fds": {"job", "instance"},
}
"""What every exporter has."""
TARGET = {"job", "instance", "le"}


def rules() -> list[dict[str, Any]]:
    (group,) = YAML(typ="safe", pure=True).load(RULES.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    return [p for p in json.loads(BOARD.read_text())["panels"] if p["type"] != "row"]


def expressions() -> list[tuple[str, str]]:
    """Each expression with where it stands."""
    found = [(r["alert"], r["expr"]) for r in rules()]
    return found + [(p["title"], t["expr"]) for p in panels() for t in p["targets"]]


def metrics_in(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The metrics of an expression with the labels that are matched; and the labels that it groups by."""
    plain = re.sub(r"\[[^\]]*\]", "", expression)
    grouped = re.findall(r"\b(?:by|without|on|ignoring|group_left)\s*\(([^)]*)\)", plain)
    plain = re.sub(r"\b(by|without|on|ignoring|group_left)\s*\([^)]*\)", " ", plain)
    yield "", {name.strip(): "" for names in grouped for name in names.split(",") if name.strip()}
    for name, labels in re.findall(
        r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?", re.sub(r'"[^"]*"', _kept, plain)
    ):
        if name not in WORDS and not re.fullmatch(r"\d*[a-z]|e\d+", name):
            yield name, dict(re.findall(r"(\w+)\s*=~?\s*'([^']*)'", labels))


def _kept(text: re.Match[str]) -> str:
    return f"'{text[0][1:-1]}'"


def known(name: str) -> set[str] | None:
    """The labels of a metric; None where nothing exports it."""
    family = CATALOGUE.get(name) or CATALOGUE.get(re.sub(r"_(bucket|sum|count)$", "", name))
    if family is not None and (name in CATALOGUE) == (family.type != "histogram"):
        return set(family.labels) | TARGET
    return OTHERS.get(name)


def test_every_metric_and_label_that_is_asked_for_exists() -> None:
    wrong = []
    asked = set()
    for where, expression in expressions():
        labels: set[str] = set()
        for name, matched in metrics_in(expression):
            if name:
                asked.add(name)
                labels |= known(name) or set()
                wrong += [(where, name)] if known(name) is None else []
                wrong += [(where, name, k) for k in matched if k not in (known(name) or ())]
        grouped = next(metrics_in(expression))[1]
        wrong += [(where, label) for label in grouped if label not in labels]
    assert wrong == []
    assert len(asked) > 35


def test_the_check_itself_finds_what_does_not_exist() -> None:
    names = [n for n, _ in metrics_in('sum by (crm) (rate(syncd_nothing_total{crm="x"}[5m])) > 1e5') if n]
    assert names == ["syncd_nothing_total"]
    assert known("syncd_nothing_total") is None
    assert known("syncd_contact_freshness_seconds") is None
    assert known("syncd_queue_items_bucket") is None


def test_each_value_that_is_matched_can_occur() -> None:
    from syncd.metrics import catalogue as c

    values = {
        "outcome": {*c.ASKED, *c.ENDS.values()},
        "result": {*c.RESULTS, *c.WRITES, *c.CALLBACKS, "filled", "empty"},
        "queue": {"pull", "poll", *c.QUEUES},
        "kind": set(c.HALTS),
        "state": set(c.BREAKER),
        "source": {"provider", "cap", "month"},
        "operation": set(c.OPERATIONS),
        "level": set(c.LEVELS),
    }
    for where, expression in expressions():
        for label, pattern in ((k, v) for name, m in metrics_in(expression) if name for k, v in m.items()):
            if label in values:
                assert [v for v in values[label] if re.fullmatch(pattern, v)], (where, label, pattern)


def test_every_alert_says_what_to_do_and_where_that_is_written() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) >= 17
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
        assert rule["annotations"]["runbook_url"] == f"docs/operating.md#{rule['alert'].lower()}"


def test_every_alert_has_a_test() -> None:
    text = TESTS.read_text()
    assert [r["alert"] for r in rules() if r["alert"] not in text] == []


def test_the_dashboard_has_a_place_for_every_family() -> None:
    shown = {re.sub(r"_bucket$", "", n) for _, e in expressions() for n, _ in metrics_in(e)}
    assert set(CATALOGUE) - shown == set()


def test_the_dashboard_asks_the_chosen_source_and_job() -> None:
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert 'job="$job"' in target["expr"], panel["title"]


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed")
    return found


@pytest.mark.optin
def test_promtool_accepts_the_rules_and_their_tests() -> None:
    tool = promtool()
    for arguments in (["check", "rules", "--lint=all", "--lint-fatal", RULES], ["test", "rules", TESTS]):
        done = subprocess.run([tool, *arguments], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.optin
def test_promtool_can_read_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    tool = promtool()
    listed = [
        {
            "record": f"panel:number:{n}",
            "expr": t["expr"].replace("$__rate_interval", "5m").replace("$job", "syncd"),
        }
        for n, t in enumerate(t for p in panels() for t in p["targets"])
    ]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": listed}]}))
    done = subprocess.run([tool, "check", "rules", path], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
