"""Bulk API 2.0 query jobs: made, waited for, read as CSV page by page."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.salesforce.call import Answer, Call
from connectors.sandbox.salesforce.fields import Field
from connectors.sandbox.salesforce.ids import make
from connectors.sandbox.salesforce.matching import Matching
from connectors.sandbox.salesforce.moments import DAY_S, iso
from connectors.sandbox.salesforce.org import Org
from connectors.sandbox.salesforce.quota import Quota
from connectors.sandbox.salesforce.refusals import Refused, refused, said
from connectors.sandbox.salesforce.showing import value_of
from connectors.sandbox.salesforce.store import Row

DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
KEPT_S = 7 * DAY_S
Match = Callable[[Call, str], Matching]
Column = tuple[Callable[[Row], Row | None] | None, Callable[[Row], str]]


@dataclass
class Job:
    """One query job. Its rows are those of the moment when it was made."""

    id: str
    operation: str
    object: str
    user: str
    version: str
    created_at: int
    ready_at: float
    lines: list[list[str]]
    head: list[str]
    delimiter: str
    ending: str
    fails: bool
    aborted: bool = False


class Bulk:
    """The jobs of the org."""

    def __init__(self, org: Org, match: Match, quota: Quota) -> None:
        self._org, self._match, self._quota = org, match, quota
        self._jobs: dict[str, Job] = {}
        self._fails = 0

    def create(self, call: Call) -> Answer:
        """The job, about to run."""
        settings = self._org.settings
        if settings["bulk_refused"]:
            raise said(403, "FEATURENOTENABLED", "Bulk API is not enabled for this user")
        if self._quota.bulk_jobs >= settings["bulk_jobs"] and settings["limits"] != "off":
            raise said(403, "REQUEST_LIMIT_EXCEEDED", "the day's query jobs are used up")
        data = call.data()
        operation = data.get("operation")
        if operation not in ("query", "queryAll"):
            raise said(400, "INVALIDOPERATION", "operation is query or queryAll")
        found = self._matched(call, str(data.get("query", "")))
        rows = found.rows(operation == "queryAll")
        columns = [
            (found.reach(parents) if parents else None, _cell(field)) for parents, field in found.paths
        ]
        self._quota.bulk_jobs += 1
        delimiter, ending = str(data.get("columnDelimiter", "COMMA")), str(data.get("lineEnding", "LF"))
        if delimiter not in DELIMITERS or ending not in ("LF", "CRLF"):
            raise said(400, "INVALIDJOB", "there is no such columnDelimiter or lineEnding")
        job = Job(
            make("Job", self._quota.bulk_jobs), operation, found.kind.name, call.user.id, call.version,
            self._org.now(), self._org.clock.time() + settings["bulk_wait_s"],
            [_line(row, columns) for row in rows],
            [".".join([*(p.relationship for p in parents), f.name]) for parents, f in found.paths],
            delimiter, ending, self._fails < settings["bulk_fails"],
        )  # fmt: skip
        self._fails += job.fails
        self._jobs[job.id] = job
        return Answer(200, self._shown(job, "UploadComplete"))

    def _matched(self, call: Call, text: str) -> Matching:
        try:
            found = self._match(call, text)
        except Refused as error:
            problem = error.problems[0]
            raise said(400, "API_ERROR", f"{problem.code}: {problem.text(call.language).strip()}") from None
        if any(f.type == "address" for _, f in found.paths):
            text = "FUNCTIONALITY_NOT_ENABLED: Selecting compound data not supported in Bulk Query"
            raise said(400, "API_ERROR", text)
        query = found.query
        if query.count or query.standard or query.offset:
            raise said(400, "API_ERROR", "COUNT(), FIELDS() and OFFSET cannot be used with the Bulk API")
        return found

    def _state(self, job: Job) -> str:
        now, run_s = self._org.clock.time(), self._org.settings["bulk_run_s"]
        if job.aborted:
            return "Aborted"
        if now < job.ready_at:
            return "UploadComplete"
        if now < job.ready_at + run_s:
            return "InProgress"
        return "Failed" if job.fails else "JobComplete"

    def _shown(self, job: Job, state: str) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": job.id, "operation": job.operation, "object": job.object, "createdById": job.user,
            "createdDate": iso(job.created_at), "systemModstamp": iso(job.created_at), "state": state,
            "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": float(job.version),
            "lineEnding": job.ending, "columnDelimiter": job.delimiter,
        }  # fmt: skip
        if state in ("JobComplete", "Failed", "Aborted"):
            count = len(job.lines) if state == "JobComplete" else 0
            shown |= {
                "jobType": "V2Query", "numberRecordsProcessed": count, "retries": 0,
                "totalProcessingTime": int(self._org.settings["bulk_run_s"] * 1000),
            }  # fmt: skip
        if state == "Failed":
            shown["errorMessage"] = "InternalServerError : the query could not be finished"
        return shown

    def _job(self, call: Call) -> Job:
        job = self._jobs.get(call.params["id"])
        if job is None or self._org.now() - job.created_at > KEPT_S:
            raise refused(404, "NOT_FOUND", "not_found")
        return job

    def get(self, call: Call) -> Answer:
        """How far the job is."""
        job = self._job(call)
        return Answer(200, self._shown(job, self._state(job)))

    def all(self, call: Call) -> Answer:
        """Every job, on one page."""
        jobs = [self._shown(j, self._state(j)) for j in self._jobs.values()]
        return Answer(200, {"done": True, "records": jobs, "nextRecordsUrl": None})

    def change(self, call: Call) -> Answer:
        """Stop a job; nothing else can be changed."""
        job = self._job(call)
        if call.data().get("state") != "Aborted":
            raise said(400, "INVALIDJOBSTATE", "a query job can only be set to Aborted")
        if self._state(job) in ("JobComplete", "Failed"):
            raise said(400, "INVALIDJOBSTATE", "the job is over")
        job.aborted = True
        return Answer(200, self._shown(job, "Aborted"))

    def delete(self, call: Call) -> Answer:
        """Forget a job that is over."""
        job = self._job(call)
        if self._state(job) in ("UploadComplete", "InProgress"):
            raise said(400, "INVALIDJOBSTATE", "the job is not over")
        del self._jobs[job.id]
        return Answer(204)

    def results(self, call: Call) -> Answer:
        """A page of CSV; Sforce-Locator leads to the next one, or is the text null."""
        job = self._job(call)
        if self._state(job) != "JobComplete":
            raise said(400, "INVALIDJOBSTATE", "the job is not complete")
        if call.version != job.version:
            raise said(409, "API_ERROR", "the results are only there in the version that made the job")
        asked = call.query.get("maxRecords", "")
        size = int(asked) if asked.isdecimal() and int(asked) else self._org.settings["bulk_page"]
        start = _offset(call.query.get("locator", ""))
        if start is None or start > len(job.lines):
            raise said(400, "INVALID_QUERY_LOCATOR", "the locator is not one of this job's")
        end = min(start + size, len(job.lines))
        written = io.StringIO()
        ending = "\n" if job.ending == "LF" else "\r\n"
        writer = csv.writer(
            written, delimiter=DELIMITERS[job.delimiter], quoting=csv.QUOTE_ALL, lineterminator=ending
        )
        writer.writerow(job.head)
        writer.writerows(job.lines[start:end])
        locator = (
            "null" if end >= len(job.lines) else base64.b64encode(str(end).encode()).decode().rstrip("=")
        )
        headers = {"Sforce-NumberOfRecords": str(end - start), "Sforce-Locator": locator}
        return Answer(200, headers=headers, text=written.getvalue())


def _offset(locator: str) -> int | None:
    if not locator:
        return 0
    try:
        told = base64.b64decode(locator + "=" * (-len(locator) % 4)).decode()
    except ValueError:
        return None
    return int(told) if told.isdecimal() else None


def _line(row: Row, columns: list[Column]) -> list[str]:
    found = []
    for reach, cell in columns:
        held = reach(row) if reach else row
        found.append(cell(held) if held else "")
    return found


def _cell(field: Field) -> Callable[[Row], str]:
    """Reads a value as CSV has it: true and false in small letters, times with Z."""
    if field.type == "datetime":
        return lambda r: "" if (at := r.values.get(field.name)) is None else iso(at, "Z")
    get = value_of(field)

    def cell(row: Row) -> str:
        value = get(row)
        if isinstance(value, bool):
            return str(value).lower()
        return "" if value is None else str(value)

    return cell
