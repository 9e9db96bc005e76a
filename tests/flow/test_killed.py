"""Killed in mid-work, with vendors that misbehave: the promises hold afterwards. `make chaos` does it for long."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.run import Plan, campaign, failed


def test_a_daemon_that_is_killed_again_and_again_keeps_every_promise(tmp_path: Path) -> None:
    told = campaign(tmp_path, Plan(rounds=6, seed=5, contacts=200, providers=("contactout",)))
    assert told.pop("violations") == ""
    assert told["rounds"] == 6
    assert told["kills"] >= 3
    assert not failed(told), told
