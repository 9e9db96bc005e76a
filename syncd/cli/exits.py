"""Exit codes. People script against them: add freely, change never."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    PARTIAL = 3
    STOPPED = 4
    UPSTREAM = 5
    PERSON = 6
    LOCKED = 7
    INTEGRITY = 8
    CONFIG = 78
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done, or nothing to do",
    Exit.UNEXPECTED: "unexpected failure",
    Exit.USAGE: "wrong usage",
    Exit.PARTIAL: "done, some contacts failed",
    Exit.STOPPED: "stopped by a budget or brake",
    Exit.UPSTREAM: "upstream unavailable, retry later",
    Exit.PERSON: "needs a person: credentials, scope, out of credits",
    Exit.LOCKED: "another instance holds this state",
    Exit.INTEGRITY: "integrity check failed",
    Exit.CONFIG: "configuration invalid",
    Exit.INTERRUPTED: "interrupted",
}
