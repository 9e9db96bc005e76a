"""The state and the connectors for a verb: opened, and every way in which that fails told in one sentence."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.runtime import Runtime
    from syncd.store.engine import Store

STATE_EXITS: Mapping[str, Exit] = {
    "locked": Exit.LOCKED,
    "corrupt": Exit.INTEGRITY,
    "newer": Exit.CONFIG,
    "older": Exit.CONFIG,
    "unwritable": Exit.CONFIG,
    "unreachable": Exit.UPSTREAM,
    "absent": Exit.CONFIG,
}

_M_ARENA_MAX = -8
"""The number of heaps, as <malloc.h> of glibc numbers its options."""


@contextmanager
def working(settings: Settings, exclusive: bool = True) -> Iterator[Runtime]:
    """Everything that a stage needs, until the block ends. SIGINT and SIGTERM ask it to stop after what is
    under way; a second one ends it at once.

    Raises:
        Stop: it cannot be had.
    """
    from syncd.runtime import open_runtime

    _one_heap()
    lines: Counter[str] = Counter()
    start_log(settings, lines)
    with told():
        runtime = open_runtime(settings, exclusive=exclusive)
    runtime.lines = lines
    try:
        with told(), _stoppable(runtime):
            yield runtime
    finally:
        runtime.close()


def _one_heap() -> None:
    """Let threads share one heap: glibc keeps one for each, as large as the thread ever needed it."""
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


@contextmanager
def reading(settings: Settings) -> Iterator[Store]:
    """The state alone, beside whoever else has it open.

    Raises:
        Stop: there is none, or it cannot be read.
    """
    from syncd.store.engine import Store

    if settings.database_file is not None and not settings.database_file.exists():
        raise Stop(
            f"there is no state yet ({settings.database_file}); `syncd once` or `syncd run` makes it.",
            Exit.CONFIG,
        )
    with told():
        store = Store(settings.database_url())
        store.open(exclusive=False, migrate=False)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def told() -> Iterator[None]:
    """Known failures inside the block become one sentence and an exit code."""
    from sqlalchemy.exc import OperationalError

    from syncd.connector import Failure
    from syncd.refusals import NotReady, Restored, WrongAccount, failure_advice
    from syncd.secret import SecretMissing
    from syncd.store.engine import StateUnusable

    try:
        yield
    except StateUnusable as error:
        raise Stop(str(error), STATE_EXITS.get(error.code, Exit.UNEXPECTED)) from None
    except (SecretMissing, NotReady) as error:
        raise Stop(str(error), Exit.CONFIG) from None
    except (WrongAccount, Restored) as error:
        raise Stop(str(error), Exit.PERSON) from None
    except Failure as failure:
        raise Stop(failure_advice("the vendor", failure), _exit_of(failure.kind.value)) from None
    except OperationalError as error:
        kind = type(error.orig).__name__
        raise Stop(
            f"the state failed while it was in use ({kind}); nothing that was booked is lost. "
            "Check the disk or the database server, then start again.",
            Exit.UPSTREAM,
        ) from None


def _exit_of(kind: str) -> Exit:
    person = kind in ("auth", "config", "out_of_credits")
    return Exit.PERSON if person else Exit.UPSTREAM


def start_log(settings: Settings, lines: Counter[str]) -> None:
    """Log as the configuration says, with every credential of it masked; `lines` counts them by level."""
    from syncd.log import Scrubber, configure
    from syncd.refusals import reveal

    scrubber = Scrubber()
    with told():
        scrubber.learn(reveal(settings))
    configure(settings.log.level, settings.log.format, scrubber, lambda level: lines.update((level,)))


@contextmanager
def _stoppable(runtime: Runtime) -> Iterator[None]:
    def ask(signum: int, frame: FrameType | None) -> None:
        if runtime.stop.is_set():
            raise KeyboardInterrupt
        runtime.stop.set()

    before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
