"""The command line. `main` is the entry point; nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from syncd.cli.exits import Exit

__all__ = ["Exit", "main"]
GARBAGE = 10_000
"""Objects that are new before garbage is searched for."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of one run of `syncd`."""
    import click

    from syncd.cli.group import root
    from syncd.cli.invocation import Stop

    # What a verb imports stays, and each search for garbage goes through all of it again.
    gc.set_threshold(GARBAGE)
    # A process that ends needs no last search for garbage: it takes longer than some verbs.
    atexit.register(gc.freeze)
    if "_SYNCD_COMPLETE" in os.environ:
        root.main(prog_name="syncd")
    try:
        with root.make_context(
            "syncd", list(sys.argv[1:] if argv is None else argv), color=_color()
        ) as context:
            root.invoke(context)
        sys.stdout.flush()
        return int(Exit.DONE)
    except click.exceptions.Exit as end:
        return int(end.exit_code)
    except Stop as stop:
        stop.show()
        return int(stop.code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, EOFError, KeyboardInterrupt):
        click.echo("\nsyncd: interrupted", err=True)
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        # the reader has seen enough; Python must not complain again when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.DONE)
    except Exception as error:
        if os.environ.get("SYNCD_DEBUG") == "1":
            raise
        click.echo(f"syncd: {_sentence(error)}", err=True)
        return int(Exit.UNEXPECTED)


def _color() -> bool | None:
    """Whether the environment demands or forbids colours; None leaves it to the terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def _sentence(error: Exception) -> str:
    """What failed and where. Never the exception's own text: it may hold data of customers."""
    trace = error.__traceback__
    place = "?"
    while trace is not None:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"unexpected {type(error).__name__} at {place}; SYNCD_DEBUG=1 shows the traceback"
