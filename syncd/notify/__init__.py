"""Telling people: a message when something needs a person, one when it is over, and a dead man's switch."""

from syncd.notify.crier import Crier, crier, equipment
from syncd.notify.message import Message, Undelivered
from syncd.notify.notifier import Notifier
from syncd.notify.pinger import Pinger
from syncd.notify.troubles import Trouble, troubles

__all__ = [
    "Crier",
    "Message",
    "Notifier",
    "Pinger",
    "Trouble",
    "Undelivered",
    "crier",
    "equipment",
    "troubles",
]
