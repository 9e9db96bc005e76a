"""Bounded: a connection of the listener that nobody can hold on to by sending or reading slowly.

uvicorn limits neither the time nor the size of a request's head, nor the time in which an answer is read. The listener
has few connections; whoever holds them all keeps the service manager, Prometheus and vendors out.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Bounded(HttpToolsProtocol):
    """One connection. It is cut off when a head or the reading of an answer takes too long."""

    head_s: ClassVar[float] = 10.0
    """From the connection, or a further request's first byte, to the end of the head."""
    answer_s: ClassVar[float] = 60.0
    """From the end of the head until the answer was sent and taken."""
    head_most: ClassVar[int] = 16_384

    _timer: asyncio.TimerHandle | None = None
    _in_head = False
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as above it
        """A client is there; now it has to say what it wants."""
        super().connection_made(transport)
        self._within(self.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._within(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a head, or of a body that may come after its answer."""
        if self._timer is None and self._idle():
            self._within(self.head_s)
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > self.head_most:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """The first byte of a head is there."""
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there; now it is our turn."""
        self._in_head = False
        self._within(self.answer_s)
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The answer is written, though perhaps not taken; a request that came along with it is next."""
        self._within(None)
        super().on_response_complete()
        if not self._idle() or self.transport.get_write_buffer_size():
            self._within(self.answer_s)

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _within(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)
