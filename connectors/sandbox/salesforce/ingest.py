"""Bulk API 2.0 ingest jobs: opened, given a CSV, closed, and carried out row by row later."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.sandbox.salesforce.bulk import DELIMITERS, KEPT_S
from connectors.sandbox.salesforce.call import Answer, Call
from connectors.sandbox.salesforce.fields import READ_ONLY, Kind
from connectors.sandbox.salesforce.ids import make
from connectors.sandbox.salesforce.moments import iso
from connectors.sandbox.salesforce.org import Org
from connectors.sandbox.salesforce.refusals import Refused, refused, said
from connectors.sandbox.salesforce.writing import Plan, found, planned_create, planned_delete, planned_update

OPERATIONS = ("insert", "update", "delete")
CLEARED = "#N/A"
FIRST_NUMBER = 1_000_000
Line = list[str]


@dataclass
class Ingest:
    """One ingest job. `call` is the request that opened it; its user writes."""

    id: str
    operation: str
    kind: Kind
    call: Call
    created_at: int
    delimiter: str
    ending: str
    state: str = "Open"
    uploaded: str | None = None
    due_at: float = 0.0
    head: Line = field(default_factory=list)
    good: list[Line] = field(default_factory=list)
    bad: list[Line] = field(default_factory=list)
    error: str = ""


class Ingests:
    """The ingest jobs of the org."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._jobs: dict[str, Ingest] = {}
        self._count = FIRST_NUMBER

    def create(self, call: Call) -> Answer:
        """The job, open for one upload."""
        if self._org.settings["bulk_refused"]:
            raise said(403, "FEATURENOTENABLED", "Bulk API is not enabled for this user")
        data = call.data()
        operation, kind = data.get("operation"), self._org.kinds.get(str(data.get("object", "")).lower())
        delimiter, ending = str(data.get("columnDelimiter", "COMMA")), str(data.get("lineEnding", "LF"))
        if operation not in OPERATIONS or kind is None or kind.name in READ_ONLY:
            raise said(
                400, "INVALIDJOB", f"the sandbox has {', '.join(OPERATIONS)} on objects that can be written"
            )
        if delimiter not in DELIMITERS or ending not in ("LF", "CRLF"):
            raise said(400, "INVALIDJOB", "there is no such columnDelimiter or lineEnding")
        self._count += 1
        number = make("Job", self._count)
        job = self._jobs[number] = Ingest(number, operation, kind, call, self._org.now(), delimiter, ending)
        return Answer(200, self._shown(job))

    def upload(self, call: Call) -> Answer:
        """201; the rows are taken once."""
        job = self._job(call)
        if job.state != "Open" or job.uploaded is not None:
            raise said(400, "INVALIDJOBSTATE", "a job takes one upload, while it is open")
        job.uploaded = call.body.decode("utf-8-sig", errors="replace")
        return Answer(201)

    def change(self, call: Call) -> Answer:
        """Close the job, so that it runs, or stop it."""
        job, state = self._job(call), call.data().get("state")
        if state not in ("UploadComplete", "Aborted") or job.state not in (
            "Open",
            "UploadComplete",
            "InProgress",
        ):
            raise said(400, "INVALIDJOBSTATE", "an open job can be set to UploadComplete or Aborted")
        job.state = str(state)
        settings = self._org.settings
        job.due_at = self._org.clock.time() + settings["bulk_wait_s"] + settings["bulk_run_s"]
        return Answer(200, self._shown(job))

    def get(self, call: Call) -> Answer:
        """How far the job is."""
        return Answer(200, self._shown(self._job(call)))

    def delete(self, call: Call) -> Answer:
        """Forget a job that is over."""
        job = self._job(call)
        if job.state not in ("JobComplete", "Failed", "Aborted"):
            raise said(400, "INVALIDJOBSTATE", "the job is not over")
        del self._jobs[job.id]
        return Answer(204)

    def successful(self, call: Call) -> Answer:
        """CSV of the rows that were written, in no order."""
        job = self._job(call)
        return _table(job, ["sf__Id", "sf__Created", *job.head], job.good)

    def failed(self, call: Call) -> Answer:
        """CSV of the rows that were not, each with what was wrong; [R]."""
        job = self._job(call)
        return _table(job, ["sf__Id", "sf__Error", *job.head], job.bad)

    def unprocessed(self, call: Call) -> Answer:
        """CSV of the rows that nobody looked at: those of a job that was stopped or failed as a whole."""
        job = self._job(call)
        rows = list(csv.reader(io.StringIO(job.uploaded or ""), delimiter=DELIMITERS[job.delimiter]))
        untouched = job.state in ("Aborted", "Failed")
        return _table(job, rows[0] if rows else [], rows[1:] if untouched else [])

    def settle(self) -> None:
        """Carry out the jobs whose time has come."""
        now = self._org.clock.time()
        for job in self._jobs.values():
            if job.state in ("UploadComplete", "InProgress"):
                job.state = (
                    "InProgress" if now >= job.due_at - self._org.settings["bulk_run_s"] else job.state
                )
                if now >= job.due_at:
                    self._run(job)

    def _run(self, job: Ingest) -> None:
        rows = list(csv.reader(io.StringIO(job.uploaded or ""), delimiter=DELIMITERS[job.delimiter]))
        job.head = rows[0] if rows else []
        unknown = [
            n
            for n in job.head
            if n.lower() not in job.kind.by_name or job.kind.by_name[n.lower()].type == "address"
        ]
        if unknown:
            job.state, job.error = "Failed", f"InvalidBatch : Field name not found : {unknown[0]}"
            return
        for row in rows[1:]:
            self._row(job, row)
        self._org.dice.shuffle(job.good)
        self._org.dice.shuffle(job.bad)
        job.state = "JobComplete"

    def _row(self, job: Ingest, row: Line) -> None:
        cells = dict(zip(job.head, row, strict=False))
        given = {n: None if v == CLEARED else v for n, v in cells.items() if v and n.lower() != "id"}
        number = next((v for n, v in cells.items() if n.lower() == "id"), "")
        try:
            done = self._plan(job, number, given).act()
        except Refused as error:
            p = error.problems[0]
            told = f"{p.code}:{p.text(job.call.language)}:{','.join(p.fields)} --"
            job.bad.append([number, told, *row])
        else:
            job.good.append([done, str(job.operation == "insert").lower(), *row])

    def _plan(self, job: Ingest, number: str, given: dict[str, Any]) -> Plan:
        call = replace(job.call, headers={})
        if job.operation == "insert":
            return planned_create(call, job.kind, given)
        if not number:
            raise refused(400, "MISSING_ARGUMENT", "no_id")
        row = found(call, job.kind, number, set())
        if job.operation == "delete":
            return planned_delete(call, job.kind, row)
        return planned_update(call, job.kind, row, given)

    def _job(self, call: Call) -> Ingest:
        job = self._jobs.get(call.params["id"])
        if job is None or self._org.now() - job.created_at > KEPT_S:
            raise refused(404, "NOT_FOUND", "not_found")
        return job

    def _shown(self, job: Ingest) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": job.id, "operation": job.operation, "object": job.kind.name,
            "createdById": job.call.user.id,
            "createdDate": iso(job.created_at), "systemModstamp": iso(job.created_at), "state": job.state,
            "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": float(job.call.version),
            "jobType": "V2Ingest", "lineEnding": job.ending, "columnDelimiter": job.delimiter,
        }  # fmt: skip
        if job.state == "Open":
            shown["contentUrl"] = f"services/data/v{job.call.version}/jobs/ingest/{job.id}/batches"
        if job.state in ("JobComplete", "Failed"):
            shown |= {
                "numberRecordsProcessed": len(job.good) + len(job.bad), "numberRecordsFailed": len(job.bad),
                "retries": 0, "totalProcessingTime": int(self._org.settings["bulk_run_s"] * 1000),
                "apiActiveProcessingTime": 0, "apexProcessingTime": 0,
            }  # fmt: skip
        if job.error:
            shown["errorMessage"] = job.error
        return shown


def _table(job: Ingest, head: Line, lines: list[Line]) -> Answer:
    written = io.StringIO()
    ending = "\n" if job.ending == "LF" else "\r\n"
    writer = csv.writer(
        written, delimiter=DELIMITERS[job.delimiter], quoting=csv.QUOTE_ALL, lineterminator=ending
    )
    writer.writerow(head)
    writer.writerows(lines)
    return Answer(200, text=written.getvalue())
