"""Contact exports of HubSpot and report exports of Salesforce, read as people have them.

Values are loaded as they stand, mangled ones too; a line that cannot be loaded is listed with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from connectors.sandbox.csvfile import BadExport, Row, read_rows
from connectors.sandbox.population import Population, Record, Rejected
from connectors.sandbox.strangers import Strangers

__all__ = ["BadExport", "read_export"]

# the usual English labels, then the internal and API names; of several columns the first listed is taken
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("record id", "contact id", "lead id", "18 digit id", "hs_object_id", "vid", "id"),
    "first_name": ("first name", "firstname"),
    "last_name": ("last name", "lastname"),
    "email": ("email", "e-mail", "email address"),
    "phone": ("phone number", "phone", "business phone"),
    "mobile": ("mobile phone number", "mobile phone", "mobile", "mobilephone"),
    "job_title": ("job title", "title", "jobtitle"),
    "company": (
        "company name", "company", "account name", "company / account", "associated company", "account.name",
    ),
    "linkedin_url": ("linkedin url", "linkedin", "linkedin profile", "hs_linkedin_url", "linkedin_url__c"),
    "city": ("city", "mailing city", "mailingcity"),
    "country": ("country/region", "country", "mailing country", "mailingcountry"),
    "lifecycle": ("lifecycle stage", "lifecyclestage"),
    "lead_status": ("lead status", "hs_lead_status", "status"),
    "email_opt_out": (
        "unsubscribed from all email", "email opt out", "hs_email_optout", "hasoptedoutofemail",
    ),
    "do_not_call": ("do not call", "donotcall"),
    "do_not_enrich": ("do not enrich", "do_not_enrich"),
    "created": ("create date", "created date", "createdate", "createddate"),
    "modified": ("last modified date", "lastmodifieddate"),
}  # fmt: skip
AUTHORS = ("person", "import", "form")
HEADER_WITHIN = 20
_STAMPS = ("created", "modified")
_START = 1_767_225_600
_SALESFORCE = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?\Z")
_MANGLED = re.compile(r"[-+]?\d+([.,]\d+)?[eE][-+]?\d+\Z|\d+([.,]\d+)+\Z")
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/\d{4}")
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def read_export(path: Path, seed: int) -> Population:
    """The contacts of an export, and invented people behind them, the same for the same seed.

    Every line is either a record or listed in `rejected`, with the first physical line that it stands on.

    Raises:
        BadExport: nothing can be read from the file; the text is one sentence.
    """
    rows = read_rows(path)
    at, columns = _header(rows, path.name)
    reader = _Reader(columns, len(rows[at].cells), rows[at + 1 :], seed)
    for row in rows[:at]:
        reader.reject(row, "blank line" if row.blank else "stands before the header")
    reader.read()
    return reader.population(seed)


def _header(rows: list[Row], name: str) -> tuple[int, dict[str, int]]:
    """Where the header is, and the column of each neutral name."""
    for at, row in enumerate(rows[:HEADER_WITHIN]):
        labels = [" ".join(cell.split()).casefold() for cell in row.cells]
        columns = {
            neutral: labels.index(label)
            for neutral, known in COLUMNS.items()
            for label in known[::-1]
            if label in labels
        }
        if "id" in columns and len(columns.keys() - {"id", *_STAMPS}) > 0:
            return at, columns
    wanted = ", ".join(f'"{label.title()}"' for label in COLUMNS["id"][:3])
    raise BadExport(f"{name} has no header with a record id ({wanted}) and a field of a contact")


class _Reader:
    """Turns rows into records and rejections."""

    def __init__(self, columns: Mapping[str, int], width: int, rows: list[Row], seed: int) -> None:
        self._columns, self._width, self._rows = columns, width, rows
        self._strangers = Strangers(seed)
        self._records: list[Record] = []
        self._rejected: list[Rejected] = []
        self._lines: dict[str, int] = {}
        self._day_first = any(
            int(found[1]) > 12
            for row in rows
            if len(row.cells) == width
            for stamp in _STAMPS
            if stamp in columns and (found := _DAY_FIRST.match(row.cells[columns[stamp]].strip()))
        )

    def read(self) -> None:
        """Go through the rows in order."""
        ends = max((i for i, row in enumerate(self._rows) if self._is_record(row)), default=-1)
        for i, row in enumerate(self._rows):
            reason = self._fault(row, after_the_last=i > ends)
            if reason:
                self.reject(row, reason)
            else:
                self._load(row)

    def reject(self, row: Row, reason: str) -> None:
        """List a row that is not loaded."""
        spread = f" (lines {row.first} to {row.last})" if row.last > row.first else ""
        self._rejected.append(Rejected(row.first, reason + spread))

    def population(self, seed: int) -> Population:
        """Everybody who was read."""
        people, companies = self._strangers.people, self._strangers.companies
        found = Population(
            seed, people, self._records, companies, sorted(self._rejected, key=lambda r: r.line)
        )
        for address, person in self._strangers.by_email.items():
            found.by_email.setdefault(address, person)
        return found

    def _is_record(self, row: Row) -> bool:
        return len(row.cells) == self._width and not _unreadable(self._id(row))

    def _id(self, row: Row) -> str:
        return row.cells[self._columns["id"]].strip()

    def _fault(self, row: Row, after_the_last: bool) -> str:
        """Why the row is not loaded; blank where it is."""
        if row.blank:
            return "blank line"
        filled = sum(bool(cell.strip()) for cell in row.cells)
        if after_the_last and filled == 1 and row.cells[0].strip():
            return "footer of the report"
        if len(row.cells) != self._width:
            many = "cell" if len(row.cells) == 1 else "cells"
            return f"{len(row.cells)} {many} where the header has {self._width}"
        number = self._id(row)
        reason = _unreadable(number)
        if not reason and (line := self._lines.get(_key(number))):
            return f"duplicate record id, the same as in line {line}"
        return reason

    def _load(self, row: Row) -> None:
        number = self._id(row)
        self._lines[_key(number)] = row.first
        values = {
            name: row.cells[column]
            for name, column in self._columns.items()
            if name not in ("id", *_STAMPS) and row.cells[column]
        }
        order = len(self._records)
        person = self._strangers.meet(values)
        created = self._stamp(row, "created", _START + order * 7)
        modified = self._stamp(row, "modified", created)
        authors = {name: AUTHORS[(order + n) % len(AUTHORS)] for n, name in enumerate(values)}
        self._records.append(Record(number, person.ref, values, authors, min(created, modified), modified))

    def _stamp(self, row: Row, name: str, otherwise: float) -> float:
        """Seconds of a date, read as UTC; `otherwise` where it is none that exports have."""
        text = row.cells[self._columns[name]].strip() if name in self._columns else ""
        order = "%d/%m/%Y" if self._day_first else "%m/%d/%Y"
        for form in (
            "%Y-%m-%d %H:%M",
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%d",
            order,
            f"{order} %H:%M",
            f"{order}, %I:%M %p",
        ):
            try:
                return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
            except ValueError:
                continue
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            return otherwise
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _unreadable(number: str) -> str:
    """Why a record id cannot be one; blank where it can."""
    if not number:
        return "no record id"
    if number.isdecimal() and number.isascii() and len(number) <= 18:
        return ""
    if _MANGLED.match(number):
        return "record id was turned into a number by a spreadsheet and cannot be read back"
    if not _SALESFORCE.match(number):
        return "record id is neither a number nor a Salesforce id"
    if len(number) == 18 and _checksum(number[:15]) != number[15:]:
        return "record id does not fit its own checksum: its capitals were changed"
    return ""


def _checksum(number: str) -> str:
    """The three characters by which Salesforce's long ids tell the capitals of the short ones."""
    blocks = (number[i : i + 5] for i in (0, 5, 10))
    return "".join(_CHECK[sum(c.isupper() << n for n, c in enumerate(block))] for block in blocks)


def _key(number: str) -> str:
    """What two spellings of one record id have in common."""
    return number[:15] if len(number) == 18 and not number.isdecimal() else number
