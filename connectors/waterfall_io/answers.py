"""Launches, finder reads and direct answers as outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType

from connectors.waterfall_io import companies
from connectors.waterfall_io.people import PHONES, Words, is_known, numbers, person
from connectors.waterfall_io.shapes import is_job_id, loose, part, reshaped, table, text, word
from connectors.waterfall_io.tariff import Returned, Tariff, charge, reported
from syncd.connector import Answer, Mode, Operation
from syncd.model import (
    EMAIL_FIELDS,
    Candidate,
    Charge,
    Found,
    Identity,
    Lookup,
    NotFound,
    Outcome,
    Pending,
    Quality,
    Unresolved,
    email_address,
)

IGNORED = frozenset({"input", "start_date", "stop_date", "mx_records", "balance_remaining_usd"})
"""The question again, when a job ran, how mail is routed, and a balance that the account's own page tells."""
IGNORED_VERDICT = frozenset({".output.email.domain", "smtp_provider", "mx_records"})
"""What is known of a verified address and has no field here."""
_FAILED = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})
_VERDICTS: Mapping[str, Quality] = MappingProxyType(
    {
        "valid": Quality.VERIFIED,
        "invalid": Quality.INVALID,
        "risky": Quality.RISKY,
        "unknown": Quality.UNVERIFIED,
    }
)
_CHANGES = frozenset({"left", "moved", "no_change", "unknown"})
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Reader:
    """How answers are read for one account."""

    tariff: Tariff
    words: Words

    def submitted(self, operation: Operation, lookup: Lookup, answer: Answer) -> Outcome:
        """What the answer to a question says: a job, or the result.

        Raises:
            Failure: of kind contract, for an answer in an unknown form; a job may run all the same.
        """
        body = table(answer.json(), "body")
        if operation.mode is Mode.JOB:
            name = text(body.get("job_id"))
            if not is_job_id(name):
                raise reshaped("job id")
            return Pending(name)
        if text(body.get("status")).upper() in _FAILED:
            return Unresolved("Waterfall.io failed to do it", reported(loose(body.get("output"))))
        output = table(body["output"], "output") if "output" in body else body
        if operation.name == "verify":
            return self._verified(output, lookup.key["email"])
        return self._job_change(operation, output)

    def polled(self, operation: Operation, handle: str, answer: Answer) -> Outcome:
        """What a finder read says.

        A job that failed returned nothing and so cost nothing, unless the answer states an amount.

        Raises:
            Failure: of kind contract, for an answer in an unknown form.
        """
        if answer.status == 404:
            return Unresolved("Waterfall.io does not know the job, or no longer")
        body = table(answer.json(), "job")
        status = text(body.get("status")).upper()
        if status == "RUNNING":
            return Pending(handle)
        if status in _FAILED:
            return Unresolved("the job failed", reported(loose(body.get("output"))) or Charge.none())
        if status != "SUCCEEDED" or "output" not in body:
            raise reshaped("job")
        output = part(body["output"], "output")
        if operation.name == "company":
            return self._company(output)
        return self._person(operation, output)

    def _person(self, operation: Operation, output: Mapping[str, object]) -> Outcome:
        """Somebody, or nobody: an answer without any name, profile or contact data.

        Phone look-ups are not charged for the person, and one without a number is a miss.
        """
        raw = part(output.get("person"), "person")
        if not is_known(raw):
            return NotFound(charge(output, self.tariff, Returned(), _NOTHING))
        by_number = operation.name != "contact"
        if by_number and not raw.keys() & PHONES:
            raise reshaped("phone numbers")
        candidate = _declared(operation, person(raw, self.words))
        returned = Returned(
            contacts=0 if operation.name == "phone" else 1, phones=len(numbers(raw)) if by_number else 0
        )
        due = charge(output, self.tariff, returned, _NOTHING)
        return Found((candidate,), due) if candidate.values else NotFound(due)

    def _company(self, output: Mapping[str, object]) -> Outcome:
        raw = part(output.get("company"), "company")
        if not companies.is_known(raw):
            return NotFound(charge(output, self.tariff, Returned(), _NOTHING))
        due = charge(output, self.tariff, Returned(companies=1), _NOTHING)
        return Found((companies.company(raw),), due)

    def _verified(self, output: Mapping[str, object], address: str) -> Outcome:
        """The address's grade, for either of the fields that may hold it. Every verdict costs.

        The address goes with it: it may be another provider's.
        """
        said = output.get("email")
        row = said if isinstance(said, dict) else output
        if email_address(text(row.get("email"))) not in ("", address):
            raise reshaped("address")
        verdict = word(row.get("email_status")) or word(row.get("status"))
        if verdict not in _VERDICTS:
            raise reshaped("verdict")
        graded = MappingProxyType(dict.fromkeys(sorted(EMAIL_FIELDS), _VERDICTS[verdict]))
        candidate = Candidate(identity=Identity(emails=(address,)), graded=graded)
        return Found((candidate,), charge(output, self.tariff, Returned(), self.tariff.verify))

    def _job_change(self, operation: Operation, output: Mapping[str, object]) -> Outcome:
        """Where the person works now. Of one who left, it is known only where not."""
        change = word(output.get("job_change_status"))
        if change not in _CHANGES:
            raise reshaped("job change")
        due = charge(output, self.tariff, Returned(), self.tariff.job_change)
        raw = part(output.get("person"), "person")
        if change == "unknown" or not is_known(raw):
            return NotFound(due)
        candidate = _declared(operation, person(raw, self.words, left=change == "left"))
        return Found((candidate,), due) if candidate.values else NotFound(due)


def _declared(operation: Operation, candidate: Candidate) -> Candidate:
    return replace(candidate, values=tuple(v for v in candidate.values if v.field in operation.returns))
