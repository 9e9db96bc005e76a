"""CRMs that break exactly one rule, each around an honest connector, and the row that must notice."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from syncd.connector import Answer, Failure, FailureKind, Operation
from syncd.model import (
    Account,
    Author,
    AuthorKind,
    Clause,
    Contact,
    Page,
    Patch,
    Rejected,
    WriteResult,
    Written,
)
from tests.contract.crm_acts import LONG_AGO
from tests.contract.subjects import CrmFacts


class CrmMutant:
    """An honest connector with hooks for what can be got wrong."""

    def __init__(self, honest: Any, facts: CrmFacts) -> None:
        self.honest, self.facts = honest, facts

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)

    def pages(self, pages: Iterator[Page], resume: str | None) -> Iterator[Page]:
        return pages

    def changed(
        self, name: str, since: datetime, until: datetime, properties: Any, where: Any, resume: Any
    ) -> Iterator[Page]:
        return self.pages(self.honest.changed(name, since, until, properties, where, resume), resume)

    def record(self, contact: Contact, properties: Sequence[str]) -> Contact:
        return contact

    def read(
        self, name: str, ids: Sequence[str], properties: Sequence[str], authorship: bool = False
    ) -> list[Contact]:
        return [self.record(c, properties) for c in self.honest.read(name, ids, properties, authorship)]

    def patches(self, patches: Sequence[Patch]) -> Sequence[Patch]:
        return patches

    def results(self, results: list[WriteResult]) -> list[WriteResult]:
        return results

    def write(self, name: str, patches: Sequence[Patch]) -> list[WriteResult]:
        return self.results(self.honest.write(name, self.patches(patches)))


class SkipsEqualDates(CrmMutant):
    """Goes on after the date of the last record it has, as if no other had the same."""

    def pages(self, pages: Iterator[Page], resume: str | None) -> Iterator[Page]:
        last: datetime | None = None
        for page in pages:
            kept = [c for c in page.contacts if last is None or c.updated_at is None or c.updated_at > last]
            last = max((c.updated_at for c in page.contacts if c.updated_at), default=last)
            yield replace(page, contacts=tuple(kept))


class LeavesTheFirstInstantOut(CrmMutant):
    def changed(
        self, name: str, since: datetime, until: datetime, properties: Any, where: Any, resume: Any
    ) -> Iterator[Page]:
        later = min(since + timedelta(milliseconds=1), until)
        pages = self.honest.changed(name, later, until, properties, where, resume)
        return (replace(p, contacts=tuple(c for c in p.contacts if _after(c, since))) for p in pages)


def _after(contact: Contact, moment: datetime) -> bool:
    return contact.updated_at is None or contact.updated_at > moment


class LosesAChangeDuringPaging(CrmMutant):
    """Never tells of a record twice, though it may have changed since."""

    def pages(self, pages: Iterator[Page], resume: str | None) -> Iterator[Page]:
        told: set[str] = self.__dict__.setdefault("told", set())
        for page in pages:
            fresh = tuple(c for c in page.contacts if c.id not in told)
            told |= {c.id for c in page.contacts}
            yield replace(page, contacts=fresh)


class ForgetsItsPlace(CrmMutant):
    def changed(
        self, name: str, since: datetime, until: datetime, properties: Any, where: Any, resume: Any
    ) -> Iterator[Page]:
        return self.honest.changed(name, since, until, properties, where, None)


class ResumesAPageTooLate(CrmMutant):
    def pages(self, pages: Iterator[Page], resume: str | None) -> Iterator[Page]:
        if resume is not None:
            next(pages, None)
        return pages


class TrustsTheIndex(CrmMutant):
    """Never looks again at a time up to which it has looked."""

    def changed(
        self, name: str, since: datetime, until: datetime, properties: Any, where: Any, resume: Any
    ) -> Iterator[Page]:
        looked: datetime = self.__dict__.get("looked", since)
        self.looked = until
        return self.honest.changed(name, max(since, looked), until, properties, where, resume)


class ReadsTheDeletedAsLiving(CrmMutant):
    def record(self, contact: Contact, properties: Sequence[str]) -> Contact:
        return replace(contact, gone=False, merged_into=None, fields=contact.fields or {})


class HidesByLetterCase(CrmMutant):
    def changed(
        self,
        name: str,
        since: datetime,
        until: datetime,
        properties: Any,
        where: Sequence[Clause],
        resume: Any,
    ) -> Iterator[Page]:
        exact = [c for c in where if c.op in ("equals", "in")]
        for page in self.honest.changed(name, since, until, properties, where, resume):
            read = self.honest.read(name, [c.id for c in page.contacts], properties)
            kept = {r.id for r in read if all((r.fields or {}).get(c.property) in c.values for c in exact)}
            yield replace(page, contacts=tuple(c for c in page.contacts if c.id in kept))


class ScansWithoutItsLastPage(CrmMutant):
    def scan(self, name: str, properties: Any, resume: Any, authorship: bool = False) -> Iterator[Page]:
        pages = list(self.honest.scan(name, properties, resume, authorship))
        return iter(pages[:-1] or pages)


class WritesAnUnmappedProperty(CrmMutant):
    def patches(self, patches: Sequence[Patch]) -> Sequence[Patch]:
        return [replace(p, changes={**p.changes, self.facts.properties[3]: "+12025550100"}) for p in patches]


class RejectsTheWholeBatch(CrmMutant):
    def results(self, results: list[WriteResult]) -> list[WriteResult]:
        refused = next((r for r in results if isinstance(r, Rejected)), None)
        return results if refused is None else [Rejected(r.id, refused.code) for r in results]


class DropsUnknownIds(CrmMutant):
    def results(self, results: list[WriteResult]) -> list[WriteResult]:
        return [r for r in results if not (isinstance(r, Rejected) and r.gone)]


class ConfirmsWhatWasRefused(CrmMutant):
    def results(self, results: list[WriteResult]) -> list[WriteResult]:
        return [Written(r.id) for r in results]


class BlamesNoProperty(CrmMutant):
    def results(self, results: list[WriteResult]) -> list[WriteResult]:
        return [replace(r, property=None) if isinstance(r, Rejected) else r for r in results]


class CallsEverythingWritable(CrmMutant):
    def schema(self, name: str) -> Mapping[str, Any]:
        honest = self.honest.schema(name)
        return {n: replace(i, writable=True, options=None, why_read_only="") for n, i in honest.items()}


class WritesPlainLettersOnly(CrmMutant):
    def patches(self, patches: Sequence[Patch]) -> Sequence[Patch]:
        return [
            replace(p, changes={n: v.encode("ascii", "ignore").decode() for n, v in p.changes.items()})
            for p in patches
        ]


class ReadsTheAbsentAsEmpty(CrmMutant):
    def record(self, contact: Contact, properties: Sequence[str]) -> Contact:
        return replace(contact, fields={**dict.fromkeys(properties), **(contact.fields or {})})


class WritesOnlyTheFirstBatch(CrmMutant):
    def write(self, name: str, patches: Sequence[Patch]) -> list[WriteResult]:
        size = self.honest.write_batch
        done: list[WriteResult] = self.honest.write(name, patches[:size])
        return done + [Written(p.id) for p in patches[size:]]


class TakesItsOwnWriteForAPerson(CrmMutant):
    def record(self, contact: Contact, properties: Sequence[str]) -> Contact:
        person = {n: Author(AuthorKind.PERSON, "1", a.at, a.value) for n, a in contact.authors.items()}
        return replace(contact, authors=person)


class TakesAPersonForItself(CrmMutant):
    def record(self, contact: Contact, properties: Sequence[str]) -> Contact:
        ours = {n: replace(a, kind=AuthorKind.INTEGRATION) for n, a in contact.authors.items()}
        return replace(contact, authors=ours)


class SeesItsOwnWriteAsAChange(CrmMutant):
    """Tells a version after the write that no read will ever tell again."""

    def results(self, results: list[WriteResult]) -> list[WriteResult]:
        return [replace(r, version="before") if isinstance(r, Written) else r for r in results]


class OverwritesAConflict(CrmMutant):
    def write(self, name: str, patches: Sequence[Patch]) -> list[WriteResult]:
        return self.honest.write(name, [replace(p, version=None) for p in patches])


class WritesBackwards(CrmMutant):
    def write(self, name: str, patches: Sequence[Patch]) -> list[WriteResult]:
        done: list[WriteResult] = self.honest.write(name, patches[::-1])
        return done[::-1]


class SwallowsOutages(CrmMutant):
    kinds: tuple[FailureKind, ...] = (FailureKind.UNAVAILABLE, FailureKind.AMBIGUOUS)

    def read(self, *args: Any, **more: Any) -> list[Contact]:
        try:
            found: list[Contact] = self.honest.read(*args, **more)
        except Failure as failure:
            if failure.kind in self.kinds:
                return []
            raise
        return found


class SwallowsOddShapes(SwallowsOutages):
    kinds = (FailureKind.CONTRACT,)


class CallsABadKeyAnOutage(CrmMutant):
    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        failure: Failure | None = self.honest.classify(operation, answer)
        if failure and failure.kind is FailureKind.AUTH:
            return Failure(FailureKind.UNAVAILABLE, "out of order", status=answer.status)
        return failure


class IgnoresTheWaitItIsTold(CrmMutant):
    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        failure: Failure | None = self.honest.classify(operation, answer)
        if failure and failure.kind is FailureKind.RATE_LIMITED:
            failure.retry_after_s = 0.0
        return failure


class LeaksTheAnswer(CrmMutant):
    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        failure: Failure | None = self.honest.classify(operation, answer)
        return failure and Failure(failure.kind, answer.body.decode(errors="replace"))


class RefusesNews(CrmMutant):
    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        seen: dict[str, set[str]] = self.__dict__.setdefault("seen", {})
        body = answer.json()
        rows = [row for row in (body if isinstance(body, list) else [body]) if isinstance(row, dict)]
        keys = {key for row in rows for key in row}
        if keys - seen.setdefault(operation.name, keys):
            return Failure(FailureKind.CONTRACT, "an unknown key")
        return self.honest.classify(operation, answer)


class Sleeps(CrmMutant):
    def record(self, contact: Contact, properties: Sequence[str]) -> Contact:
        time.sleep(0)
        return contact


class MixesQuestionsUp(CrmMutant):
    def read(self, name: str, ids: Sequence[str], *more: Any, **named: Any) -> list[Contact]:
        self.latest = ids
        found: list[Contact] = self.honest.read(name, ids, *more, **named)
        return found if self.latest is ids else []


class NamesAnUnknownBucket(CrmMutant):
    @property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(replace(o, bucket="nowhere") for o in self.honest.operations)


class OpensAnotherAccount(CrmMutant):
    def check(self) -> Account:
        return replace(self.honest.check(), id="99999")


class WritesTwice(CrmMutant):
    """Makes sure of a write by repeating it."""

    def write(self, name: str, patches: Sequence[Patch]) -> list[WriteResult]:
        self.honest.write(name, patches)
        return self.honest.write(name, patches)


class TellsItsOwnClock(CrmMutant):
    def now(self, name: str | None = None) -> datetime:
        return self.honest.now(name) + timedelta(hours=1)


class ForgetsTheWindow(CrmMutant):
    def changed(
        self, name: str, since: datetime, until: datetime, properties: Any, where: Any, resume: Any
    ) -> Iterator[Page]:
        return self.honest.changed(name, LONG_AGO, until, properties, where, resume)


@dataclass(frozen=True)
class CrmCase:
    """A mutant and the row that must notice. `conditional` needs a CRM that writes on a version."""

    mutant: type[CrmMutant]
    row: str
    conditional: bool = False
    paged: bool = False
    """It can be seen only where a crowd takes more than one page."""


CASES: tuple[CrmCase, ...] = (
    CrmCase(NamesAnUnknownBucket, "row_01_a_crm_declares_known_names"),
    CrmCase(OpensAnotherAccount, "row_02_a_good_credential_opens_the_account_and_a_bad_one_is_told"),
    CrmCase(WritesTwice, "row_13_a_write_whose_answer_is_lost_is_written_once_more_and_no_further"),
    CrmCase(TellsItsOwnClock, "row_28_the_crm_s_clock_is_told"),
    CrmCase(ForgetsTheWindow, "row_29_a_window_in_the_future_or_without_changes_is_empty"),
    CrmCase(CallsABadKeyAnOutage, "row_02_a_good_credential_opens_the_account_and_a_bad_one_is_told"),
    CrmCase(IgnoresTheWaitItIsTold, "row_10_being_asked_to_wait_is_obeyed"),
    CrmCase(SwallowsOutages, "row_12_an_outage_is_bridged_and_then_told"),
    CrmCase(SwallowsOddShapes, "row_14_an_answer_in_another_form_is_never_read_as_one"),
    CrmCase(RefusesNews, "row_15_unknown_keys_change_nothing"),
    CrmCase(Sleeps, "row_17_a_connector_touches_nothing_but_its_wire"),
    CrmCase(LeaksTheAnswer, "row_18_no_credential_and_nobody_s_data_in_logs_or_errors"),
    CrmCase(MixesQuestionsUp, "row_19_questions_at_the_same_time_do_not_mix"),
    CrmCase(SkipsEqualDates, "row_21_records_with_one_equal_date_are_all_pulled", paged=True),
    CrmCase(LeavesTheFirstInstantOut, "row_21_both_ends_of_a_window_belong_to_it"),
    CrmCase(LosesAChangeDuringPaging, "row_22_a_change_during_paging_is_not_lost"),
    CrmCase(ForgetsItsPlace, "row_23_a_cursor_survives_a_restart", paged=True),
    CrmCase(ResumesAPageTooLate, "row_23_a_cursor_survives_a_restart", paged=True),
    CrmCase(TrustsTheIndex, "row_24_a_late_index_costs_time_and_no_record"),
    CrmCase(ReadsTheDeletedAsLiving, "row_25_deleted_and_merged_records_are_told_as_gone"),
    CrmCase(HidesByLetterCase, "row_26_a_condition_never_hides_a_record_that_fulfils_it"),
    CrmCase(ScansWithoutItsLastPage, "row_27_a_scan_holds_everybody_once_and_whole", paged=True),
    CrmCase(ReadsTheDeletedAsLiving, "row_31_missing_ids_cost_the_others_nothing"),
    CrmCase(RejectsTheWholeBatch, "row_32_every_patch_has_its_own_result_in_its_place"),
    CrmCase(DropsUnknownIds, "row_32_every_patch_has_its_own_result_in_its_place"),
    CrmCase(ConfirmsWhatWasRefused, "row_32_every_patch_has_its_own_result_in_its_place"),
    CrmCase(BlamesNoProperty, "row_33_a_refused_property_is_named"),
    CrmCase(CallsEverythingWritable, "row_34_the_schema_says_what_a_property_takes"),
    CrmCase(WritesPlainLettersOnly, "row_35_any_text_comes_back_as_it_was_written"),
    CrmCase(ReadsTheAbsentAsEmpty, "row_36_empty_and_absent_are_told_apart"),
    CrmCase(WritesOnlyTheFirstBatch, "row_37_more_than_a_batch_is_read_and_written_whole"),
    CrmCase(WritesAnUnmappedProperty, "row_38_nothing_is_touched_that_was_not_asked_for"),
    CrmCase(TakesItsOwnWriteForAPerson, "row_39_our_own_write_is_recognised_and_a_person_s_edit_too"),
    CrmCase(TakesAPersonForItself, "row_39_our_own_write_is_recognised_and_a_person_s_edit_too"),
    CrmCase(SeesItsOwnWriteAsAChange, "row_39_the_version_after_a_write_is_the_one_that_is_pulled"),
    CrmCase(OverwritesAConflict, "row_40_a_change_since_our_read_is_a_conflict", conditional=True),
    CrmCase(WritesBackwards, "row_41_patches_of_one_record_are_applied_in_order"),
)
