"""Pinger: start, success or failure of each cycle to a dead man's switch, in the protocol of Healthchecks.

The protocol: POST to the check's URL means success, with /start and /fail appended the others; `rid` marks what
belongs together. A ping that fails changes nothing.
"""

from __future__ import annotations

import queue
import threading
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import structlog

from syncd.notify.channels import reveal
from syncd.notify.message import Undelivered
from syncd.notify.posting import post
from syncd.secret import Secret

_log = structlog.get_logger("syncd.notify")
TRIES = 3
PAUSE_S = 2.0
DRAIN_S = 5.0
_FULL = 100


class Pinger:
    """Sends pings in order from a thread of its own, so that no cycle waits for one."""

    def __init__(
        self,
        url: Secret | str,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        pause_s: float = PAUSE_S,
    ) -> None:
        self._url = url
        self._new_id = new_id
        self._pause_s = pause_s
        self._waiting: queue.Queue[tuple[str, str, str] | None] = queue.Queue(_FULL)
        self._ending = threading.Event()
        self._rid = ""
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="ping", daemon=True)
        self._thread.start()

    def began(self) -> None:
        """A cycle begins."""
        self._rid = self._new_id()
        self._put("/start", "")

    def ended(self, well: bool, text: str) -> None:
        """The cycle that began has ended; without one nothing is sent."""
        if self._rid:
            self._put("" if well else "/fail", text)
            self._rid = ""

    def stop(self) -> None:
        """Send what waits, for a few seconds at most."""
        self._put(None)
        self._thread.join(DRAIN_S)
        self._ending.set()

    def _put(self, step: str | None, text: str = "") -> None:
        try:
            self._waiting.put_nowait(None if step is None else (step, self._rid, text))
        except queue.Full:
            return

    def _run(self) -> None:
        while (ping := self._waiting.get()) is not None:
            self._send(*ping)

    def _send(self, step: str, rid: str, text: str) -> None:
        why = ""
        for attempt in range(TRIES):
            if attempt and self._ending.wait(self._pause_s):
                return
            try:
                post(_target(reveal(self._url), step, rid), text.encode(), "text/plain; charset=utf-8")
            except Undelivered as error:
                why = str(error)
                continue
            if self._failing:
                self._failing = False
                _log.info("ping.works")
            return
        if not self._failing:
            self._failing = True
            _log.warning("ping.failed", reason=why)


def _target(url: str, step: str, rid: str) -> str:
    parts = urlsplit(url)
    query = f"{parts.query}&rid={rid}" if parts.query else f"rid={rid}"
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + step, query, ""))
