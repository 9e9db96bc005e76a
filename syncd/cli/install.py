"""`syncd install`: what systemd needs, placed or only shown."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation

UNIT_BIN = "/usr/bin/syncd"
"""The command that the shipped units name; the installed ones name the one that is really there."""
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - named to be refused
"""The units' hardening makes these invisible to the service."""
COMMANDS = (
    ("systemd-sysusers",),
    ("systemd-tmpfiles", "--create"),
    ("systemctl", "daemon-reload"),
)
_PLACES = {
    "systemd/syncd.service": "/etc/systemd/system/syncd.service",
    "systemd/syncd@.service": "/etc/systemd/system/syncd@.service",
    "systemd/syncd.sysusers": "/etc/sysusers.d/syncd.conf",
    "systemd/syncd.tmpfiles": "/etc/tmpfiles.d/syncd.conf",
    "man/syncd.1": "/usr/local/share/man/man1/syncd.1",
    "man/syncd.yaml.5": "/usr/local/share/man/man5/syncd.yaml.5",
    "man/syncd.service.8": "/usr/local/share/man/man8/syncd.service.8",
    "config.example.yaml": "/etc/syncd/config.example.yaml",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A file and where it goes."""

    target: Path
    content: bytes

    @property
    def what(self) -> str:
        """new, changed or same."""
        if not self.target.exists():
            return "new"
        return "same" if self.target.read_bytes() == self.content else "changed"


@click.command("install")
@click.option("--systemd", is_flag=True, help="As a service of systemd; there is no other kind yet.")
@click.option("--dry-run", is_flag=True, help="Only say what would be placed where and run.")
@click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False), default=Path("/"), metavar="DIR",
    help="Place everything below this folder and run nothing, for packages and images.",
)  # fmt: skip
@click.option(
    "--bin", "binary", type=click.Path(path_type=Path), metavar="PATH",
    help="The syncd command that the service runs; else this one.",
)  # fmt: skip
@common
def command(systemd: bool, dry_run: bool, root: Path, binary: Path | None) -> None:
    """Place units, the service's user, man pages and an example configuration.

    A configuration is never written or changed. Units are replaced; what is yours belongs into drop-ins
    (systemctl edit syncd).
    """
    if not systemd:
        raise click.UsageError("say --systemd; with --dry-run it only shows what it would do")
    command_path = binary or _this()
    if not dry_run:
        _visible(command_path)
    pieces = _pieces(root, command_path)
    told = [{"path": str(p.target), "what": p.what, "bytes": len(p.content)} for p in pieces]
    commands = [" ".join(c) for c in COMMANDS] if root == Path("/") else []
    if not dry_run:
        _place(pieces)
        if commands:
            _run(COMMANDS)
    run = invocation()
    if run.json:
        run.answer({"dry_run": dry_run, "command": str(command_path), "files": told, "commands": commands})
    else:
        _tell(told, commands, dry_run, command_path)


def _this() -> Path:
    """The command by which this process was started, or the one beside its Python."""
    given = Path(sys.argv[0])
    if given.name == "syncd" and given.exists():
        return given.resolve()
    return Path(shutil.which("syncd") or Path(sys.executable).parent / "syncd")


def _visible(path: Path) -> None:
    if str(path).startswith(tuple(f"{place}/" for place in HIDDEN)):
        raise Stop(
            f"{path} is hidden from the service, which sees neither home folders nor /tmp. Install syncd below "
            "/opt, say with python3 -m venv /opt/syncd, or name another command with --bin.",
            Exit.USAGE,
        )


def _pieces(root: Path, binary: Path) -> list[Piece]:
    from syncd.assets import asset

    found = []
    for name, place in _PLACES.items():
        try:
            content = asset(name).read_bytes()
        except FileNotFoundError:
            raise Stop(
                f"this copy of syncd lacks {name}; install it from its wheel", Exit.UNEXPECTED
            ) from None
        if name.endswith(".service"):
            content = content.replace(f"={UNIT_BIN} ".encode(), f"={binary} ".encode())
        found.append(Piece(root / place.lstrip("/"), content))
    return found


def _place(pieces: Sequence[Piece]) -> None:
    """Each file at once and whole, so that systemd never reads half a unit."""
    for piece in pieces:
        if piece.what == "same":
            continue
        fresh = piece.target.with_name(f".{piece.target.name}.new")
        try:
            piece.target.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(piece.content)
            fresh.chmod(0o644)
            os.replace(fresh, piece.target)
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise Stop(f"{piece.target} cannot be written: {why}. Run it as root.", Exit.USAGE) from None


def _run(commands: Sequence[Sequence[str]]) -> None:
    for words in commands:
        path = shutil.which(words[0])
        if path is None:
            click.echo(f"  ! {words[0]} is not on this machine", err=True)
            continue
        done = subprocess.run([path, *words[1:]], check=False)  # noqa: S603 - the fixed commands above
        if done.returncode:
            click.echo(f"  ! {' '.join(words)} ended with {done.returncode}", err=True)


def _tell(told: Sequence[dict[str, object]], commands: Sequence[str], dry_run: bool, binary: Path) -> None:
    for piece in told:
        click.echo(f"  {piece['what']:<8} {piece['path']}")
    for line in commands:
        click.echo(f"  {'run' if dry_run else 'ran':<8} {line}")
    if dry_run:
        click.echo(f"Nothing was done. The service would run {binary}.")
        return
    click.echo(
        "Next: put your configuration at /etc/syncd/config.yaml and your keys into /etc/syncd/credentials,"
    )
    click.echo("then: systemctl enable --now syncd")
