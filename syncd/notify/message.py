"""One message, and that it did not arrive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


class Undelivered(Exception):
    """A message did not arrive. The text is a few constant words: no address, URL or server's answer."""


@dataclass(frozen=True, slots=True)
class Message:
    """One change. `state` is begun or over."""

    key: str
    state: str
    title: str
    text: str
    host: str
    at: datetime
