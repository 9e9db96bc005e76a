"""`syncd sandbox up`: stand-in servers, until stopped."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import SCHEMA_VERSION, Stop, common


@click.group("sandbox")
@common
def command() -> None:
    """Stand-ins of the vendors, to rehearse on without a key: same doors, same limits, invented people."""


@command.command("up")
@click.argument("vendors", nargs=-1, metavar="[VENDOR]...")
@click.option("--port-base", type=click.IntRange(1024, 65_000), help="First port; the next follow it.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other people.")
@click.option("--contacts", type=click.IntRange(1, 1_000_000), default=1000, show_default=True)
@click.option(
    "--csv",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A contact export of HubSpot or Salesforce instead of invented contacts.",
)
@click.option(
    "--scenario",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON: {VENDOR: {settings: {…}, faults: […]}}.",
)
@click.option("--folder", type=click.Path(path_type=Path), help="Where configuration and state go.")
@click.option(
    "--service",
    is_flag=True,
    help="Write the configuration as syncd.service reads it: state in /var/lib/syncd, keys as credentials.",
)
@common
def up(
    vendors: Sequence[str],
    port_base: int | None,
    seed: int,
    contacts: int,
    csv: Path | None,
    scenario: Path | None,
    folder: Path | None,
    service: bool,
) -> None:
    """Start stand-ins, print one JSON line with their addresses and a working configuration, and serve.

    Without VENDOR all of them serve. Stop with Ctrl-C.
    """
    from syncd.notifying import Manager
    from syncd.rehearsal import Rehearsal, RehearsalFailed, scratch

    named = pick(vendors)
    scenes = read_scenario(scenario)
    place = folder or scratch()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    rehearsal = Rehearsal(place.resolve())
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        rehearsal.start(
            named,
            contacts,
            seed,
            csv,
            port_base,
            settings={v: s.get("settings", {}) for v, s in scenes.items()},
            faults={v: s.get("faults", []) for v, s in scenes.items()},
        )
        line = {
            "schema_version": SCHEMA_VERSION,
            "servers": {vendor: stand.url for vendor, stand in rehearsal.stands.items()},
            "config": str(rehearsal.write_config(changes=rehearsal.as_service() if service else None)),
            "folder": str(rehearsal.folder),
            "pid": os.getpid(),
        }
        click.echo(json.dumps(line))
        Manager.of(os.environ, os.getpid()).say("READY=1")
        stop.wait()
    except RehearsalFailed as failed:
        raise Stop(str(failed), Exit.UNEXPECTED) from None
    finally:
        rehearsal.stop()


def pick(vendors: Sequence[str], role: str | None = None) -> list[str]:
    """The vendors that were named, each once, or all that have a stand-in."""
    from syncd.config.problems import closest
    from syncd.rehearsal import vendors as known_vendors

    known = known_vendors(role)
    for vendor in vendors:
        if vendor not in known:
            raise click.UsageError(f"there is no stand-in of that vendor; {closest(vendor, known)}")
    return list(dict.fromkeys(vendors)) or known


def read_scenario(path: Path | None) -> Mapping[str, Mapping[str, Any]]:
    """Knobs and faults per vendor.

    Raises:
        click.UsageError: the file is not understood.
    """
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise click.UsageError(f"--scenario: {path} is not JSON ({type(error).__name__})") from None
    if not isinstance(found, dict) or not all(isinstance(v, dict) for v in found.values()):
        raise click.UsageError("--scenario: an object of objects is expected: {VENDOR: {settings, faults}}")
    pick(list(found))
    for vendor, scene in found.items():
        unknown = sorted(set(scene) - {"settings", "faults"})
        if unknown:
            raise click.UsageError(f"--scenario: {vendor} has the unknown key {unknown[0]}")
    return found
