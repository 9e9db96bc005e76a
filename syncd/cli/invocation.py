"""What every verb shares: the options before and after it, the settings, and how it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from syncd.cli.exits import Exit

if TYPE_CHECKING:
    from syncd.config import Problem, Settings

SCHEMA_VERSION = 1
_F = TypeVar("_F", bound=Callable[..., Any])


class Stop(click.ClickException):
    """Ends a verb with one sentence on stderr and an exit code."""

    def __init__(self, sentence: str, code: Exit) -> None:
        super().__init__(sentence)
        self.code = code

    def show(self, file: Any = None) -> None:
        click.echo(f"syncd: {self.message}", file=file, err=file is None)


@dataclass(slots=True)
class Invocation:
    """The common options of this run, wherever they stood."""

    config: Path | None = None
    json: bool = False

    def settings(self) -> Settings:
        """The settings, or the end of the run with every problem told and exit code 78."""
        from syncd.config import ConfigInvalid, load

        try:
            return load(self.config)
        except ConfigInvalid as invalid:
            self.refuse(invalid.problems)

    def refuse(self, problems: Sequence[Problem]) -> NoReturn:
        """End the run because of the configuration."""
        self.tell(problems)
        if self.json:
            self.answer(problems_document(problems))
        else:
            from syncd.config import summary

            click.echo(f"syncd: the configuration is invalid: {summary(problems)}", err=True)
        raise click.exceptions.Exit(Exit.CONFIG)

    def tell(self, problems: Sequence[Problem]) -> None:
        """Problems for people, on stderr; with --json they are part of the answer instead."""
        for problem in () if self.json else problems:
            word = f"{problem.severity.value}[{problem.code}]"
            painted = click.style(
                word, fg="red" if problem.severity.value == "error" else "yellow", bold=True
            )
            click.echo(problem.text().replace(word, painted, 1), err=True)

    def answer(self, document: Mapping[str, object]) -> None:
        """One JSON document on stdout."""
        whole = {"schema_version": SCHEMA_VERSION, **document}
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))


def problems_document(problems: Sequence[Problem]) -> dict[str, object]:
    """Problems as part of a JSON answer."""
    errors = sum(problem.severity.value == "error" for problem in problems)
    return {
        "ok": errors == 0,
        "errors": errors,
        "warnings": len(problems) - errors,
        "problems": [problem.json() for problem in problems],
    }


def common(command: _F) -> _F:
    """Give a verb the options that every verb has."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def invocation() -> Invocation:
    """The common options of the run in progress."""
    return click.get_current_context().ensure_object(Invocation)


def _config(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    found = ctx.ensure_object(Invocation)
    found.config = value or found.config


def _json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    found = ctx.ensure_object(Invocation)
    found.json = value or found.json


def _no_color(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.color = False


_OPTIONS = (
    click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="PATH",
        expose_value=False,
        callback=_config,
        help="The configuration; else $SYNCD_CONFIG, ./config.yaml, /etc/syncd/config.yaml.",
    ),
    click.option(
        "--json", is_flag=True, expose_value=False, callback=_json, help="Answer with one JSON document."
    ),
    click.option(
        "--no-color", is_flag=True, expose_value=False, callback=_no_color, help="Do without colours."
    ),
)
