"""Reload: a whole new configuration, swapped in between two cycles, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from syncd.config import ConfigInvalid, Problem, Settings, summary
from syncd.connector import Failure
from syncd.refusals import NotReady, WrongAccount
from syncd.runtime import Runtime, identify
from syncd.secret import SecretMissing
from syncd.store import reloads

_log = structlog.get_logger("syncd.reload")
TOLD_MOST = 5


class Schedules(Protocol):
    """What goes by the schedules of the settings."""

    def arm(self, settings: Settings) -> None: ...


@dataclass
class Reloader:
    """Reads the file again when it is asked to. `asked` may be set from a signal handler."""

    runtime: Runtime
    schedules: Schedules
    read: Callable[[], Settings]
    """The file as settings; raises ConfigInvalid."""
    settle: Callable[[Settings], None] = lambda settings: None
    """Called with settings that were taken over, such as for the log."""
    tell: Callable[[str], None] = lambda event: None
    """Called with `begun` and `ended`."""
    asked: threading.Event = field(default_factory=threading.Event)
    refused: str = ""
    """That the last reload was refused and why, as a clause; blank where it was not."""

    def started(self) -> None:
        """Note in the state that this process runs by its configuration."""
        self._note(True)

    def reload(self) -> bool:
        """Take the file over as a whole, or leave everything as it is and say why."""
        self.asked.clear()
        self.tell("begun")
        try:
            return self._swap()
        finally:
            self.tell("ended")

    def _swap(self) -> bool:
        try:
            settings, restart = self._kept(self.read())
            other = self.runtime.renewed(settings)
            self._greet(other)
        except ConfigInvalid as invalid:
            return self._refuse("the file is invalid: " + told(invalid.problems))
        except (SecretMissing, NotReady, WrongAccount) as error:
            return self._refuse(str(error))
        self.runtime.adopt(other)
        self.settle(settings)
        self.schedules.arm(settings)
        self.refused = ""
        self._note(True, restart=restart)
        _log.info("config.reloaded", restart=list(restart), syncs=len(settings.syncs))
        return True

    def _greet(self, other: Runtime) -> None:
        """A token of another account is noticed before anything is swapped; a CRM that is down is not."""
        for crm in other.crms.values():
            try:
                identify(other, crm)
            except Failure as failure:
                _log.warning("crm.failed", crm=crm.name, kind=failure.kind.value, reason=failure.reason)

    def _kept(self, new: Settings) -> tuple[Settings, tuple[str, ...]]:
        """The new settings with the old values of what only a restart changes, and which those are."""
        old, restart = self.runtime.settings, []
        if (new.database_file or new.state.url) != (old.database_file or old.state.url):
            restart.append("state.url")
        if new.http.listen != old.http.listen:
            restart.append("http.listen")
        http = new.http.model_copy(update={"listen": old.http.listen})
        return replace(new, state=old.state, http=http), tuple(restart)

    def _refuse(self, why: str) -> bool:
        self.refused = f"the last reload was refused, and the configuration before it is in force: {why}"
        _log.error("config.refused", why=why)
        self._note(False, said=why)
        return False

    def _note(self, ok: bool, said: str = "", restart: tuple[str, ...] = ()) -> None:
        with self.runtime.store.write() as connection:
            reloads.note(connection, ok, said, restart)


def told(problems: tuple[Problem, ...] | list[Problem]) -> str:
    """Where the problems are and of what kind; their texts may quote the file, so they are left to check."""
    places = [f"{p.line}:{p.column} {p.code}" for p in problems[:TOLD_MOST]]
    more = ", …" if len(problems) > TOLD_MOST else ""
    return f"{summary(problems)} ({', '.join(places)}{more}); `syncd check` tells them in full"
