"""The documents: they become a site without a broken link, and what they quote is code that the tests run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from syncd.connector import FailureKind, Replay
from syncd.metrics import CATALOGUE
from tests.rehearsals import ROOT

DOCS = ROOT / "docs"
QUOTED = re.compile(r"<!-- (\S+) -->\n```python\n(.*?)```", re.DOTALL)


def test_the_documents_become_a_site_without_a_broken_link_that_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "properdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 25
    loads = re.compile(r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"(?:https?:)?//[^\"]*\"")
    assert {found for page in pages for found in loads.findall(page.read_text("utf-8"))} == set()
    shown = (tmp_path / "site" / "configuration.html").read_text("utf-8")
    assert "waterfall:" in shown and "do_not_enrich" in shown


def test_every_link_of_the_pages_beside_the_site_leads_somewhere() -> None:
    links = [
        (page.name, link)
        for page in ROOT.glob("*.md")
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
        if not link.startswith("https://") and not (page.parent / link).exists()
    ]
    assert links == []


def test_every_path_that_the_documents_name_exists() -> None:
    """Paths in code font, such as `tests/contract/subjects.py`; a capital stands for a name of yours."""
    named = re.compile(r"`((?:docs|tests|syncd|connectors|systemd|bench)/[\w./@-]*)`")
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.glob("*.md")]
    missing = [
        (page.name, path)
        for page in pages
        for path in named.findall(page.read_text("utf-8"))
        if "NAME" not in path and not (ROOT / path).exists() and not (ROOT / path).with_suffix(".py").exists()
    ]
    assert missing == []


def test_the_connector_guide_quotes_only_code_that_is_tested() -> None:
    guide = (DOCS / "connectors.md").read_text("utf-8")
    quotes = QUOTED.findall(guide)
    assert len(quotes) == guide.count("```python") >= 8
    for path, code in quotes:
        assert path.startswith("tests/contract/")
        assert code in (ROOT / path).read_text("utf-8"), f"{path} has no longer:\n{code}"


def test_the_connector_guide_explains_every_replay_class_and_failure() -> None:
    guide = (DOCS / "connectors.md").read_text("utf-8")
    rows = [row for row in guide.splitlines() if row.startswith("| `")]
    explained = {word for row in rows for word in re.findall(r"`([\w]+)`", row.split("|")[1])}
    assert {*Replay, *FailureKind} <= explained


def test_every_metric_is_documented() -> None:
    page = (DOCS / "metrics.md").read_text("utf-8")
    assert {name for name in CATALOGUE if f"| `{name}` |" not in page} == set()
