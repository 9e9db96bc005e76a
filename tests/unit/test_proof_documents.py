"""The pages that name faults, guards and their tests name only what exists, and leave nothing out."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.mutants.guards import GUARDS
from tests.mutants.stories import Teller

ROOT = Path(__file__).parent.parent.parent
PAGES = ("bugs-syncd-does-not-have.md", "faults.md", "guards.md")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NAMED_BUGS = (
    "identical modified date", "search index lags", "committed after one with a later stamp", "import touches every record",
    "429 arrives before the cursor", "first start", "token expires", "login that is dead", "One bad row", "answered with 200 and wrote nothing",
    "All rows of a run fail", "own write comes back", "fills a blank", "twice in a batch", "in two syncs", "in two CRMs",
    "another person", "canned sample people", "charges and answers 500", "balance is stale", "balance is missing", "means an allowance",
    "fall faster than ours", "never finishes", "finishes after", "another spelling", "same mobile number", "30 %",
    "killed at any instruction", "clock steps", "twice in autumn",
)  # fmt: skip


def rows(page: str) -> list[list[str]]:
    """The cells of every row of a page's tables, headings apart."""
    lines = (ROOT / "docs" / page).read_text("utf-8").splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if not set(row[0]) <= {"-"} and row[-1] not in ("Test", "Story")]


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = NAMED.findall((ROOT / "docs" / page).read_text("utf-8"))
    assert named or page == "guards.md"
    assert [f"{path}::{name}" for path, name in named if name not in functions(path)] == []


def test_every_bug_of_others_has_a_row_with_a_test() -> None:
    found = rows("bugs-syncd-does-not-have.md")
    assert [bug for bug in NAMED_BUGS if not any(bug in row[0] for row in found)] == []
    assert [row[0] for row in found if not NAMED.search(row[2])] == []


def test_every_fault_of_the_plan_has_a_row_with_a_test_or_a_reason() -> None:
    found = rows("faults.md")
    assert [row[0] for row in found] == [f"F{number}" for number in range(1, 60)]
    reasons = [row[2] for row in found if not NAMED.search(row[2])]
    assert [reason for reason in reasons if not reason.startswith("not covered, because ")] == []


def test_every_guard_has_a_row_and_every_promise_a_guard() -> None:
    listed = [row for row in rows("guards.md") if not NAMED.search(row[2])]
    assert listed == [[g.promise, f"`{g.where}`", f"`{g.story}`"] for g in GUARDS]
    assert {f"I{number}" for number in range(1, 11)} <= {g.promise for g in GUARDS}


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.remove.__name__)
def test_every_guard_stands_where_the_page_says(guard: object) -> None:
    where = getattr(guard, "where").partition(" ")[0].split(".")  # noqa: B009
    depth = next(n for n in range(len(where), 0, -1) if _module(".".join(where[:n])))
    held: object = import_module(".".join(where[:depth]))
    for name in where[depth:]:
        held = getattr(held, name)
    assert callable(held)
    assert hasattr(Teller, getattr(guard, "story"))  # noqa: B009


def _module(name: str) -> bool:
    return (ROOT / name.replace(".", "/")).with_suffix(".py").exists() or (
        ROOT / name.replace(".", "/") / "__init__.py"
    ).exists()
