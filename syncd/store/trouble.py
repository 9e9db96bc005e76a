"""Why a state cannot be used, told by what the database driver reports."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError


class StateUnusable(Exception):
    """The state cannot be opened. The text says what, where, and what to do."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code
        """locked, newer, unwritable, unreachable, corrupt, absent."""


_SENTENCES = {
    "corrupt": "The state {where} is damaged. Restore it from a backup (see the operator guide).",
    "unwritable": "The state {where} is not writable by this user. Change its owner or state.url.",
    "full": "No space is left for the state {where}. Free some space.",
    "locked": "Another process keeps the state {where} busy. Stop it first, or use another state.url.",
    "unreachable": "The state {where} cannot be opened ({kind}). Check state.url and the database server.",
}
_BY_SQLITE = {
    "SQLITE_CORRUPT": "corrupt",
    "SQLITE_NOTADB": "corrupt",
    "SQLITE_READONLY": "unwritable",
    "SQLITE_CANTOPEN": "unwritable",
    "SQLITE_PERM": "unwritable",
    "SQLITE_FULL": "full",
    "SQLITE_BUSY": "locked",
}
_BY_SQLSTATE = {
    "0A000": "unwritable",
    "25006": "unwritable",
    "42501": "unwritable",
    "53100": "full",
    "55P03": "locked",
    "XX001": "corrupt",
    "XX002": "corrupt",
}
"""No writing on a standby, read-only transaction, insufficient privilege, disk full, lock not available, data
and index corrupted."""


def unusable(where: str, error: DBAPIError) -> StateUnusable:
    """The refusal that a driver's error stands for. Codes decide; texts differ by language and hold names."""
    original = error.orig if error.orig is not None else error
    # Extended codes of SQLite continue the primary one: SQLITE_READONLY_DIRECTORY.
    name = "_".join(str(getattr(original, "sqlite_errorname", "")).split("_")[:2])
    found = _BY_SQLITE.get(name) or _BY_SQLSTATE.get(str(getattr(original, "sqlstate", ""))) or "unreachable"
    sentence = _SENTENCES[found].format(where=where, kind=type(original).__name__)
    return StateUnusable(sentence, "unwritable" if found == "full" else found)


def absent(where: str) -> StateUnusable:
    """The refusal of a state that was never made."""
    return StateUnusable(
        f"There is no state at {where} yet. Run `syncd once` or `syncd run` first.", "absent"
    )
