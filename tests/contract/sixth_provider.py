"""An invented provider that searches and charges at launch."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from syncd import connector as c
from syncd import model as m

RETURNS = {m.Field.WORK_EMAIL: m.Quality.VERIFIED, m.Field.FULL_NAME: m.Quality.UNKNOWN}
KINDS = {401: c.FailureKind.AUTH, 402: c.FailureKind.OUT_OF_CREDITS, 429: c.FailureKind.RATE_LIMITED}
SEARCH = c.Operation(
    "search", accepts=frozenset({m.KeyKind.LINKEDIN_URL}), returns=RETURNS, batch=5, mode=c.Mode.JOB,
    prices=(c.Price("credit", Decimal(1), c.On.LAUNCH),), poll=c.Poll(2.0), replay=c.Replay.OPAQUE,
)  # fmt: skip
FREE = c.Operation("free")


class ConnectorOptions(c.Options):
    token: c.Secret = c.Opt(description="The API key.")


class Connector(c.Provider):
    name, docs_url, default_base_url = "sixth", "https://sixth.example/docs", "https://sixth.example"
    credits, unreported, limits = ("credit",), frozenset(), (c.Limit("default", 60, 60.0),)
    operations = (SEARCH,)

    def __init__(self, options: ConnectorOptions) -> None:
        self._options = options

    def headers(self) -> dict[str, str]:
        return {"x-key": self._options.token.reveal()}

    def check(self, wire: c.Wire) -> m.Account:
        return m.Account(_said(wire.send(FREE, c.Request("GET", "/account")), "id", str))

    def balance(self, wire: c.Wire, now: datetime) -> m.Balance:
        left = _said(wire.send(FREE, c.Request("GET", "/account")), "left", int | None)
        return m.Balance({"credit": m.Pool(None if left is None else Decimal(left), m.Plan.PREPAID)})

    def submit(self, wire: c.Wire, operation: c.Operation, lookups: Sequence[m.Lookup]) -> list[m.Outcome]:
        request = c.Request("POST", "/search", json=[lookup.key["url"] for lookup in lookups])
        handle = _said(wire.send(operation, request), "job", str)
        return [m.Pending(handle, charge=m.Charge.of(credit=1)) for _ in lookups]

    def poll(self, wire: c.Wire, operation: c.Operation, jobs: Sequence[c.Job]) -> list[list[m.Outcome]]:
        asked = [(job, c.Request("GET", "/search/{job}", args={"job": job.handle})) for job in jobs]
        return [self._ended(job, wire.send(FREE, request)) for job, request in asked]

    def _ended(self, job: c.Job, answer: c.Answer) -> list[m.Outcome]:
        state = _said(answer, "state", str)
        if state == "busy":
            return [m.Pending(job.handle) for _ in job.lookups]
        if state == "failed":
            return [m.Unresolved("the search failed", m.Charge.none()) for _ in job.lookups]
        rows = _said(answer, "people", list)
        known = all(r is None or (isinstance(r, dict) and r.keys() >= {"mail", "name", "url"}) for r in rows)
        if state != "done" or len(rows) != len(job.lookups) or not known:
            raise c.Failure(c.FailureKind.CONTRACT, "the answer has another form")
        return [m.Found((_candidate(row),), m.Charge.none()) if row else m.NotFound() for row in rows]

    def classify(self, operation: c.Operation, answer: c.Answer) -> c.Failure | None:
        if answer.status == 200:
            return None
        down = c.FailureKind.UNAVAILABLE if operation.free else c.FailureKind.AMBIGUOUS
        kind = KINDS.get(answer.status, down if answer.status >= 500 else c.FailureKind.CONTRACT)
        wait, free = answer.retry_after_s(), False if answer.status in KINDS else None
        return c.Failure(kind, "refused", status=answer.status, retry_after_s=wait, charged=free)


def _said(answer: c.Answer, name: str, kind: Any) -> Any:
    body = answer.json()
    if not isinstance(body, dict) or name not in body or not isinstance(body[name], kind):
        raise c.Failure(c.FailureKind.CONTRACT, "the answer has another form")
    return body[name]


def _candidate(row: dict[str, str]) -> m.Candidate:
    mail = m.Value(m.Field.WORK_EMAIL, row["mail"], m.Quality.VERIFIED)
    who = m.Identity(row["name"], linkedin_url=m.linkedin_profile(row["url"]))
    return m.Candidate((mail, m.Value(m.Field.FULL_NAME, row["name"])), who)
