"""Notifier: tells each change once, over every channel, and remembers in the state what it has told."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from syncd.notify.channels import Channel
from syncd.notify.message import Message, Undelivered
from syncd.notify.troubles import Trouble
from syncd.store import runs, work
from syncd.store.engine import MILLION, Store

_log = structlog.get_logger("syncd.notify")
META = "notify"
"""The meta key under which is remembered what was seen and told."""


@dataclass
class _Seen:
    """A trouble while it lasts and until everybody knows that it is over. Instants in microseconds."""

    since: int
    last: int
    title: str
    mended: str
    patience_s: float
    linger_s: float
    under: str

    def due(self, now_us: int) -> bool:
        return now_us - self.since >= self.patience_s * MILLION

    def over(self, now_us: int) -> bool:
        return self.last < now_us and now_us - self.last >= self.linger_s * MILLION


@dataclass
class _Memory:
    seen: dict[str, _Seen] = field(default_factory=dict)
    told: dict[str, list[str]] = field(default_factory=dict)
    """Channel → keys of troubles that it was told of."""

    @classmethod
    def load(cls, text: str | None) -> _Memory:
        held: dict[str, Any] = orjson.loads(text) if text else {}
        seen = {key: _Seen(**s) for key, s in held.get("seen", {}).items()}
        return cls(seen, {c: list(keys) for c, keys in held.get("told", {}).items()})

    def dump(self) -> str:
        return orjson.dumps({"seen": self.seen, "told": self.told}, option=orjson.OPT_SORT_KEYS).decode()


class Notifier:
    """Looks at the troubles there are and tells what is new and what is over."""

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        look: Callable[[], list[Trouble]],
        host: str | None = None,
    ) -> None:
        self._store = store
        self._channels = list(channels)
        self._look = look
        self._host = host or socket.gethostname()
        self._failing: set[str] = set()

    def tell(self) -> int:
        """Tell every change; how many messages went out. What does not arrive is tried again next time."""
        if not self._channels:
            return 0
        found = {t.key: t for t in self._look()}
        with self._store.read() as connection:
            before = runs.get_meta(connection, META)
            now_us = work.now_us(connection)
        memory = _Memory.load(before)
        self._see(memory, found, now_us)
        sent = sum(self._over(channel, memory, found, now_us) for channel in self._channels)
        after = memory.dump()
        if after != (before or _Memory().dump()):
            with self._store.write() as connection:
                runs.set_meta(connection, META, after)
        return sent

    def _see(self, memory: _Memory, found: dict[str, Trouble], now_us: int) -> None:
        for key, trouble in found.items():
            since = memory.seen[key].since if key in memory.seen else now_us
            memory.seen[key] = _Seen(
                since,
                now_us,
                trouble.title,
                trouble.mended,
                trouble.patience_s,
                trouble.linger_s,
                trouble.under,
            )
        told = {key for keys in memory.told.values() for key in keys}
        for key in [k for k, s in memory.seen.items() if s.over(now_us) and k not in told]:
            del memory.seen[key]

    def _over(self, channel: Channel, memory: _Memory, found: dict[str, Trouble], now_us: int) -> int:
        """Bring one channel up to date; how many messages that took."""
        told = memory.told.setdefault(channel.name, [])
        sent = 0
        try:
            for key, seen in memory.seen.items():
                if key in found and key not in told and seen.due(now_us):
                    covered = seen.under in found and memory.seen[seen.under].due(now_us)
                    if not covered:
                        channel.deliver(self._begun(found[key], now_us))
                        sent += 1
                    told.append(key)
            before = frozenset(told)
            for key in [k for k in told if k not in memory.seen or memory.seen[k].over(now_us)]:
                gone = memory.seen.get(key)
                if gone is not None and not (gone.under in before or gone.under in found):
                    channel.deliver(self._ended(key, gone, now_us))
                    sent += 1
                told.remove(key)
        except Undelivered as error:
            self._failed(channel, str(error))
            return sent
        if channel.name in self._failing:
            self._failing.discard(channel.name)
            _log.info("notify.works", channel=channel.name)
        return sent

    def _failed(self, channel: Channel, why: str) -> None:
        if channel.name not in self._failing:
            self._failing.add(channel.name)
            _log.warning("notify.failed", channel=channel.name, reason=why)

    def _begun(self, trouble: Trouble, now_us: int) -> Message:
        return Message(trouble.key, "begun", trouble.title, trouble.text, self._host, _at(now_us))

    def _ended(self, key: str, seen: _Seen, now_us: int) -> Message:
        minutes = (seen.last - seen.since) // (60 * MILLION)
        text = f"{seen.mended}. It was told as: {seen.title}. It lasted about {minutes:,} minutes."
        return Message(key, "over", seen.mended, text, self._host, _at(now_us))


def _at(us: int) -> datetime:
    return datetime.fromtimestamp(us / MILLION, UTC)
