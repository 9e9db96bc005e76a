"""Logs: one line per event on standard error, without secrets and without anybody's data."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

_PRIORITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
_QUIET = (
    "httpx",
    "httpcore",
    "urllib3",
    "hubspot",
    "simple_salesforce",
    "apscheduler",
    "uvicorn",
    "alembic",
    "tldextract",
)
MASK = "***"


class Scrubber:
    """Replaces every known secret in a rendered line: the last defence, not the first."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def learn(self, secrets: Iterable[str]) -> None:
        """Secrets that no line may hold."""
        known = {*self._secrets, *(s for s in secrets if len(s) >= 6)}
        self._secrets = tuple(sorted(known, key=len, reverse=True))

    def scrub(self, line: str) -> str:
        """The line with every known secret masked."""
        for secret in self._secrets:
            if secret in line:
                line = line.replace(secret, MASK)
        return line


class _Lasting(io.TextIOBase):
    """A stream whose reader may leave and whose disk may fill up: a line that is lost never stops the work."""

    def __init__(self, to: TextIO) -> None:
        self._to = to

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._to.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._to.flush()


Counter = Callable[[str], None]


def configure(
    level: str, fmt: str, scrubber: Scrubber, count: Counter | None = None, stream: TextIO | None = None
) -> None:
    """Set up structlog, and tame the packages that log through the standard library.

    `fmt` auto is console on a terminal, else JSON lines. Under systemd each line carries its priority.
    Tracebacks come without local variables: those hold credentials and personal data.
    """
    out = stream or sys.stderr
    console = fmt == "console" or (fmt == "auto" and out.isatty())
    journal = bool(os.environ.get("JOURNAL_STREAM")) and not console
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=console and out.isatty() and not os.environ.get("NO_COLOR"))
        if console
        else _json
    )
    exceptions: list[Processor] = (
        [] if console else [ExceptionRenderer(ExceptionDictTransformer(show_locals=False))]
    )
    if console:
        exceptions = [structlog.processors.format_exc_info]
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([_counted(count)] if count else []),
        *exceptions,
        renderer,
        _finish(scrubber, journal),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Lasting(out))),
        cache_logger_on_first_use=False,
    )
    quiet_packages()


def quiet_packages() -> None:
    """Third-party loggers say warnings at most; their lower levels hold URLs and bodies.

    Some packages set their levels again when a client is built, so this is called after that too.
    """
    root = logging.getLogger()
    root.handlers = [_Bridge()]
    root.setLevel(logging.WARNING)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)


class _Bridge(logging.Handler):
    """A line of another package: its logger and level are told, its text is not."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger("syncd.packages").warning(
            "package.logged", logger=record.name, level=record.levelname.lower()
        )


def _json(logger: WrappedLogger, name: str, event: EventDict) -> str:
    ordered = {
        "at": event.pop("timestamp", None),
        "level": event.pop("level", ""),
        "event": event.pop("event", ""),
    }
    return orjson.dumps({**ordered, **event}, default=str).decode()


def _counted(count: Counter) -> Processor:
    def counted(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        count(str(event.get("level", "info")))
        return event

    return counted


def _finish(scrubber: Scrubber, journal: bool) -> Processor:
    def finish(logger: WrappedLogger, name: str, line: Any) -> str:
        text = scrubber.scrub(str(line))
        if not journal:
            return text
        level = "info"
        for known in _PRIORITY:
            if f'"level":"{known}"' in text[:120]:
                level = known
        return f"<{_PRIORITY[level]}>{text}"

    return finish
