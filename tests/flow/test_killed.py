"""Killed in mid-work, with vendors that misbehave: the promises hold afterwards. `make chaos` does it for long."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.run import campaign


def test_a_daemon_that_is_killed_again_and_again_keeps_every_promise(tmp_path: Path) -> None:
    verdict = campaign(tmp_path, rounds=5, seed=7, contacts=300, vendors=("hubspot", "contactout"))
    assert verdict.pop("violations") == ""
    assert (verdict.pop("rounds"), verdict.pop("kills")) == (5, 5)
    assert not any(verdict.values()), verdict
