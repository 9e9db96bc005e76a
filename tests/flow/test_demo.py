"""The demo, as somebody sees it who has just fetched the repository."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.rehearsals import ROOT, Said

SAMPLE = ROOT / "tests" / "data" / "hubspot-export-sample.csv"


def demo(*arguments: str, **env: str) -> Said:
    done = subprocess.run(
        [sys.executable, "-m", "syncd", "demo", *arguments],
        capture_output=True,
        check=False,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        timeout=120,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def assert_clean(found: Any, invented: bool = True) -> None:
    """Nothing twice, nothing overwritten, and our figures are the stand-ins'.

    In an export a person may stand twice without anything that tells so; RocketReach gives a profile that was
    bought before for nothing, which our figure, by its rule, does not count on.
    """
    box = found["sandbox"]
    names = ("double_charged", "human_edits_overwritten", "no_op_writes", "rate_limited")
    assert [box[n] for n in names] == [0, 0, 0, 0]
    assert box["above_caps"] == dict.fromkeys(box["charged"], 0)
    first, second = found["cycles"]
    assert first["contacts"]["unaccounted"] == second["contacts"]["unaccounted"] == 0
    ours = {
        p: {k: v["spent"] for k, v in kinds.items() if v["spent"]} for p, kinds in first["credits"].items()
    }
    theirs = {p: {k: n for k, n in kinds.items() if n} for p, kinds in box["charged"].items()}
    if invented:
        assert {p: k for p, k in ours.items() if k} == {p: k for p, k in theirs.items() if k}
    assert all(ours[p].get(k, 0) >= n for p, kinds in theirs.items() for k, n in kinds.items())
    assert all(second["calls"][p]["total"] == 0 for p in box["charged"])
    assert all(f["filled"] == f["refreshed"] == 0 for f in second["fields"].values())


def test_the_document_has_every_promised_field() -> None:
    said = demo("--contacts", "60", "--json")
    assert said.code == 0, said.err
    found = said.json
    assert set(found) >= {"schema_version", "contacts", "cycles", "sandbox"}
    assert found["contacts"] == 60
    for cycle in found["cycles"]:
        assert set(cycle) >= {
            "schema_version", "run_id", "verdict", "seconds", "contacts", "fields", "credits", "calls",
            "crm_calls_per_1000", "contacts_per_second", "peak_rss_mb",
        }  # fmt: skip
        assert set(cycle["contacts"]) >= {
            "seen", "in_scope", "enriched", "unchanged", "no_match", "skipped", "no_budget", "review", "failed",
            "unaccounted",
        }  # fmt: skip
        for counts in cycle["fields"].values():
            assert set(counts) >= {"filled", "refreshed", "kept_human", "kept_other", "rejected"}
        for made in cycle["calls"].values():
            assert set(made) >= {"total", "by_operation", "rate_limited", "retried"}
        for kinds in cycle["credits"].values():
            for amounts in kinds.values():
                assert set(amounts) >= {"spent", "unknown", "cap_left", "vendor_balance"}
    assert_clean(found)


def test_salesforce_is_rehearsed_like_hubspot() -> None:
    said = demo("--crm", "salesforce", "--contacts", "60", "--provider", "contactout", "--json")
    assert said.code == 0, said.err
    found = said.json
    assert found["contacts"] == 60
    assert [cycle["verdict"] for cycle in found["cycles"]] == ["ok", "ok"]
    assert found["cycles"][0]["contacts"]["enriched"] > 40
    assert_clean(found)


def test_it_fits_on_a_screen_and_says_what_to_try_next(tmp_path: Path) -> None:
    said = demo("--contacts", "40", "--provider", "contactout", "--keep", str(tmp_path / "kept"))
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert len(lines) <= 45
    assert "Try next:" in said.out
    explain = next(line for line in lines if " explain " in line)
    record = re.search(r"explain (\d+) --config (\S+)", explain)
    assert record is not None
    done = subprocess.run(
        [sys.executable, "-m", "syncd", "explain", record[1], "--config", record[2]],
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "It is done: enriched." in done.stdout


def test_an_export_is_loaded_line_by_line_and_nothing_of_it_is_left_behind(tmp_path: Path) -> None:
    said = demo("--csv", str(SAMPLE), "--json", TMPDIR=str(tmp_path))
    assert said.code == 0, said.err
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("syncd-")] == []
    found = said.json
    assert_clean(found, invented=False)
    told = found["csv"]
    with SAMPLE.open(encoding="utf-8-sig", newline="") as stream:
        rows = sum(1 for _ in csv.reader(stream)) - 1
    assert told["loaded"] + len(told["rejected"]) == rows
    assert all(set(row) == {"line", "reason"} and row["reason"] for row in told["rejected"])


def test_a_file_that_is_no_export_is_refused_in_one_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "notes.csv"
    bad.write_text("this,is\nnot,contacts\n")
    said = demo("--csv", str(bad))
    assert said.code == 2
    last = said.err.strip().splitlines()[-1]
    assert "has no header with a record id" in last
    assert "Traceback" not in said.err


def test_sandbox_up_prints_one_line_with_a_working_configuration(tmp_path: Path) -> None:
    syncd = [sys.executable, "-m", "syncd"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    up = [*syncd, "sandbox", "up", "--contacts", "20", "--folder", str(tmp_path / "up")]
    with subprocess.Popen(up, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert set(line["servers"]) >= {"hubspot", "contactout"}
        check = [*syncd, "check", "--online", "--config", line["config"]]
        done = subprocess.run(check, capture_output=True, check=False, text=True, cwd=ROOT, env=env)
        process.terminate()
        assert process.wait(20) == 0
    assert done.returncode == 0, done.stderr
