"""What a connector may import: the two contracts, their declarations and the wire.

A connector translates; it never governs. It does not sleep, retry, cache, count, read the environment
or files, start threads, or know another connector. Every byte leaves through the `Wire` it is given.
"""

from pydantic import Field as Opt

from syncd.connector.contracts import Crm, Job, Provider
from syncd.connector.declare import USUAL, Limit, Mode, On, Operation, Options, Poll, Price, Replay
from syncd.connector.failure import Failure, FailureKind, Scope
from syncd.connector.seen import Seen, sent_at, write_once
from syncd.connector.table import load, names
from syncd.connector.wire import Answer, Request, Wire
from syncd.secret import Secret, SecretMissing

__all__ = [
    "USUAL",
    "Answer",
    "Crm",
    "Failure",
    "FailureKind",
    "Job",
    "Limit",
    "Mode",
    "On",
    "Operation",
    "Opt",
    "Options",
    "Poll",
    "Price",
    "Provider",
    "Replay",
    "Request",
    "Scope",
    "Secret",
    "SecretMissing",
    "Seen",
    "Wire",
    "load",
    "names",
    "sent_at",
    "write_once",
]
