"""One row's work with one provider: a stand-in, a connector, the product's own wires, and people to ask about."""

from __future__ import annotations

import itertools
import socket
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from connectors.sandbox import Rehearsal
from connectors.sandbox.base import Sandbox
from connectors.sandbox.population import Company, Person
from syncd.calls import Line, PaidLine
from syncd.connector import Failure, Job, Operation, Options, Provider
from syncd.http import Http
from syncd.meter import Meter
from syncd.model import Charge, Key, KeyKind, Lookup, Outcome, Pending
from syncd.pacing import Pacer
from syncd.purchase import STRENGTH
from syncd.store.engine import Store
from tests.contract.loopback import Tamper, Troupe, fault
from tests.contract.subjects import KNOWS_EVERYTHING, ProviderFacts

T = TypeVar("T")
SHORT_S = 0.05
ROUNDS = 12
STEP_S = 3600.0


@dataclass(frozen=True)
class Stage:
    """What all rows share: the server with its people, a store for rate slots, a folder for credentials."""

    troupe: Troupe
    store: Store
    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)
    opened: list[Http] = field(default_factory=list)
    learned: dict[tuple[str, str], Key] = field(default_factory=dict)
    """Vendors' own ids by vendor and person."""

    def strike(self) -> None:
        """Close the connections of every act so far."""
        while self.opened:
            self.opened.pop().close()


@contextmanager
def stage(troupe: Troupe) -> Iterator[Stage]:
    """A stage that leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="syncd-contract-") as folder:
        store = Store(f"sqlite:///{folder}/state.db")
        store.open()
        ready = Stage(troupe, store, Path(folder))
        try:
            yield ready
        finally:
            ready.strike()
            store.close()


@dataclass(frozen=True)
class ProviderSubject:
    """A provider, or one operation of it, as the rows take it. `build` makes the connector."""

    name: str
    rehearsal: Rehearsal
    facts: ProviderFacts
    options: type[Options]
    build: Callable[[Options], Provider]
    stage: Stage
    operation: str = ""

    def open(self, **settings: Any) -> Act:
        """A new stand-in that knows everybody but for `settings`, and a connector to it."""
        knobs = self.stage.troupe.sandbox_class(self.name).knobs
        known = {k: v for k, v in KNOWS_EVERYTHING.items() if k in knobs}
        wanted = {**known, **self.rehearsal.swift, **self.facts.settings, **settings}
        sandbox = self.stage.troupe.open(self.name, wanted)
        act = Act(self, sandbox, self.stage.troupe.server.url, f"{self.name}-{next(self.stage.numbers)}")
        # The product reads the account before it buys; a connector may learn from it what it may offer.
        act.connector.balance(act.line, sandbox.clock.now())
        return act


class Act:
    """One stand-in and one connector. Time does not pass: waits are noted, not waited for."""

    def __init__(self, subject: ProviderSubject, sandbox: Sandbox, url: str, account: str) -> None:
        self.subject, self.sandbox, self.account = subject, sandbox, account
        self.waits: list[float] = []
        self.meter = Meter()
        self.launched: Sequence[Outcome] = ()
        secrets = {}
        for option, credential in subject.rehearsal.secrets.items():
            path = subject.stage.folder / f"{account}.{option}"
            path.write_text(credential, "utf-8")
            secrets[option] = {"file": str(path)}
        self.options = subject.options(**{**subject.rehearsal.options, **subject.facts.options, **secrets})
        self.connector = subject.build(self.options)
        self.pacer = Pacer(subject.stage.store, self.waits.append)
        self.line = self.line_to(url)

    def line_to(self, url: str) -> Line:
        """The product's wire to an address."""
        fast = [replace(limit, count=10_000, per_s=1.0) for limit in self.connector.limits]
        http = Http(url, self.connector.headers)
        self.subject.stage.opened.append(http)
        buckets = self.pacer.buckets(self.account, fast)
        return Line(self.account, buckets, self.pacer, self.connector.classify, self.meter, http)

    def change_secrets(self, text: str) -> None:
        """Put another text in the place of every credential."""
        for option in self.subject.rehearsal.secrets:
            (self.subject.stage.folder / f"{self.account}.{option}").write_text(text, "utf-8")

    # asking

    @property
    def operation(self) -> Operation:
        return next(o for o in self.connector.operations if o.name == self.subject.operation)

    def wire(self) -> PaidLine:
        """A wire for one question, as the product gives to `submit`."""
        return PaidLine(self.line, lambda: True)

    def submit(self, *keys: Key, wire: Any = None) -> list[Outcome]:
        """Ask, once."""
        self.launched = ()
        outcomes = self.connector.submit(wire or self.wire(), self.operation, lookups(keys))
        self.launched = tuple(outcomes)
        return outcomes

    def poll(self, keys: Sequence[Key], outcomes: Sequence[Outcome], wire: Any = None) -> list[Outcome]:
        """Ask once for what is pending; the other outcomes stay."""
        waiting: dict[str, list[int]] = {}
        for position, outcome in enumerate(outcomes):
            if isinstance(outcome, Pending):
                waiting.setdefault(outcome.handle, []).append(position)
        asked = lookups(keys)
        jobs = [Job(handle, tuple(asked[p] for p in held)) for handle, held in waiting.items()]
        size = self.operation.poll.batch if self.operation.poll else 1
        settled = list(outcomes)
        for first in range(0, len(jobs), size):
            part = jobs[first : first + size]
            answers = self.connector.poll(wire or self.line, self.operation, part)
            for job, told in zip(part, answers, strict=True):
                held = waiting[job.handle]
                assert len(told) == len(held), f"{len(told)} answers to {len(held)} questions of a job"
                for position, outcome in zip(held, told, strict=True):
                    settled[position] = outcome
        return settled

    def ask(self, *keys: Key) -> list[Outcome]:
        """Ask, and poll until nothing is pending."""
        return self.finish(keys, self.submit(*keys))

    def finish(self, keys: Sequence[Key], outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Poll until nothing is pending, with an hour between two polls."""
        settled = list(outcomes)
        for _ in range(ROUNDS):
            if not any(isinstance(outcome, Pending) for outcome in settled):
                return settled
            self.sandbox.clock.advance(STEP_S)
            settled = self.poll(keys, settled)
        raise AssertionError("the job never ends")

    def said(self, outcomes: Sequence[Outcome]) -> dict[str, Decimal]:
        """What the latest question cost by the answers: at its launch and in the end."""
        at_launch = [o for o in self.launched if isinstance(o, Pending) and o.charge is not None]
        return total([*at_launch, *outcomes])

    # what really happened

    def charged(self) -> dict[str, Decimal]:
        """The account's own books, by credit kind."""
        names = {theirs: ours for ours, theirs in self.subject.facts.pools.items() if theirs}
        return {names.get(k, k): v for k, v in self.sandbox.books.totals.items() if v}

    @contextmanager
    def spending(self) -> Iterator[dict[str, Decimal]]:
        """What the account is charged while the block runs, by credit kind; known when it has ended."""
        before, spent = self.charged(), dict[str, Decimal]()
        yield spent
        spent |= {k: n - before.get(k, Decimal(0)) for k, n in self.charged().items() if n != before.get(k)}

    @contextmanager
    def requesting(self) -> Iterator[list[tuple[str, str, int]]]:
        """The requests that arrive while the block runs; known when it has ended."""
        before, seen = len(self.requests()), list[tuple[str, str, int]]()
        yield seen
        seen += self.requests()[before:]

    def requests(self) -> list[tuple[str, str, int]]:
        """Method, path template and status of every request so far."""
        with urllib.request.urlopen(f"{self.subject.stage.troupe.server.url}/_sandbox/health", timeout=10):
            pass
        return [(method, path, status) for method, path, status, *_ in self.sandbox.journal.rows]

    def fault(self, kind: str, **more: Any) -> None:
        fault(self.sandbox, kind, **more)

    def tamper(self, tamper: Tamper | None) -> None:
        """Change answers from the next request on, which is number 1."""
        server = self.subject.stage.troupe.server
        server.number, server.tamper = 0, tamper

    def put_balance(self, **amounts: int) -> None:
        """Set what is left of each credit kind, as far as the stand-in can."""
        named = {self.subject.facts.pools.get(kind, kind): n for kind, n in amounts.items()}
        self.sandbox.set_balance({name: n for name, n in named.items() if name})

    # whom to ask about

    @property
    def people(self) -> list[Person]:
        """Everybody of whom everything is known; the first four work at different companies."""
        whole = [p for p in self.subject.stage.troupe.population.people if p.mobile and p.landline]
        firsts = list({p.company.index: p for p in reversed(whole)}.values())[:4]
        return firsts + [p for p in whole if p not in firsts]

    def kinds(self) -> list[KeyKind]:
        """The keys by which the operation can be asked, the strongest first."""
        return [kind for kind in STRENGTH if kind in self.operation.accepts]

    def key(self, person: Person, kind: KeyKind | None = None) -> Key:
        """A key of the person for the operation."""
        wanted = kind or self.kinds()[0]
        return self._learned(person) if wanted is KeyKind.PROVIDER_ID else key_of(person, wanted)

    def unknown(self, kind: KeyKind | None = None, number: int = 0) -> Key:
        """A key of somebody who does not exist."""
        wanted = kind or self.kinds()[0]
        if wanted is KeyKind.PROVIDER_ID:
            return _made(Key.single(wanted, f"{self.subject.facts.unknown_id}{number or ''}"))
        return key_of(stranger(number), wanted)

    def _learned(self, person: Person) -> Key:
        """The vendor's own id of a person, from an answer that another stand-in gave to another question."""
        known = self.subject.stage.learned
        if (self.subject.name, person.ref) not in known:
            with self.subject.stage.troupe.server.interlude():
                known[self.subject.name, person.ref] = self.subject.open().learn(person)
        return known[self.subject.name, person.ref]

    def learn(self, person: Person) -> Key:
        """The vendor's own id of a person, by any question that tells it."""
        for operation in self.connector.operations:
            kinds = [k for k in STRENGTH if k in operation.accepts and k is not KeyKind.PROVIDER_ID]
            if operation.identifies and kinds:
                self.subject = replace(self.subject, operation=operation.name)
                (outcome,) = self.ask(key_of(person, kinds[0]))
                for candidate in getattr(outcome, "candidates", ()):
                    if candidate.provider_ref:
                        return _made(Key.single(KeyKind.PROVIDER_ID, candidate.provider_ref))
        raise AssertionError("no operation tells the vendor's own id of a person")


def lookups(keys: Sequence[Key]) -> list[Lookup]:
    """Questions in order."""
    return [Lookup(key, str(number)) for number, key in enumerate(keys)]


def key_of(person: Person, kind: KeyKind) -> Key:
    """The person's key of a kind, as the CRM's data would give it."""
    names = {"full_name": person.full, "first_name": person.first, "last_name": person.last}
    company = person.company
    match kind:
        case KeyKind.LINKEDIN_URL:
            return _made(Key.linkedin(person.linkedin_url))
        case KeyKind.EMAIL | KeyKind.FOUND_EMAIL:
            return _made(Key.email(person.work_email, kind))
        case KeyKind.NAME_COMPANY:
            return Key(kind, {**names, "company": company.name})
        case KeyKind.NAME_DOMAIN:
            return Key(kind, {**names, "domain": company.domain})
    texts = {
        KeyKind.PHONE: person.mobile,
        KeyKind.DOMAIN: company.domain,
        KeyKind.COMPANY_NAME: company.name,
        KeyKind.COMPANY_LINKEDIN_URL: f"https://www.linkedin.com/company/{company.slug}",
    }
    return _made(Key.single(kind, texts[kind]))


def stranger(number: int = 0) -> Person:
    """Somebody whom no vendor has ever heard of, at a company that does not exist."""
    company = Company(
        9_999, f"Quixworth Void {number} Holdings", f"quixworth-void{number}.example",
        f"quixworth-void-{number}", "None", 1, "US", "Nowhere", 1999,
    )  # fmt: skip
    return Person(
        index=99_999, ref="nobody", first="Zebulon", last=f"Quixworth{number}",
        slug=f"zebulon-quixworth-{number}-zz", company=company, past=company, title="Phantom", seniority="",
        function="", country="US", country_name="United States", city="Nowhere",
        work_email=f"zebulon.{number}@quixworth-void.example", personal_email="", mobile="+12025550199",
        landline="",
    )  # fmt: skip


def _made(key: Key | None) -> Key:
    assert key is not None
    return key


def total(outcomes: Sequence[Outcome]) -> dict[str, Decimal]:
    """What outcomes say that they cost, by credit kind."""
    added: dict[str, Decimal] = {}
    for outcome in outcomes:
        charge = getattr(outcome, "charge", None)
        assert isinstance(charge, Charge), f"nobody can tell what a {type(outcome).__name__} cost"
        for kind, amount in charge.amounts.items():
            added[kind] = added.get(kind, Decimal(0)) + amount
    return {kind: amount for kind, amount in added.items() if amount}


def attempt(ask: Callable[[], T]) -> T | Failure:
    """What asking gives, or the failure with which it ends."""
    try:
        return ask()
    except Failure as failure:
        return failure


@contextmanager
def impatient(seconds: float = SHORT_S) -> Iterator[list[float | None]]:
    """Sockets wait at most so long where a timeout is set at all; gives the timeouts that were asked for."""
    asked: list[float | None] = []
    honest = socket.socket.settimeout

    def settimeout(self: socket.socket, value: float | None) -> None:
        asked.append(value)
        honest(self, value if value is None else min(value, seconds))

    socket.socket.settimeout = settimeout  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        socket.socket.settimeout = honest  # type: ignore[method-assign]
