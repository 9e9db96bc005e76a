"""Rows about pulling: nothing is skipped, whatever happens while pages are read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from syncd.model import Clause, Contact, Page
from tests.contract.crm_acts import LONG_AGO, CrmAct, CrmSubject, everybody

OVERLAP = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
MOST_PAGES = 40


def row_21_records_with_one_equal_date_are_all_pulled(subject: CrmSubject) -> None:
    act = subject.open(crowded=True)
    everyone = set(act.ids)
    act.sandbox.clock.run(0)
    for contact_id in act.ids:
        act.edit(contact_id, {act.facts.properties[2]: "Sameday"})
    moment = act.now
    pulled = {c.id for c in everybody(act.changed(since=moment - SECOND, until=moment + SECOND))}
    assert pulled == everyone, f"{len(everyone - pulled)} of {len(everyone)} are skipped"


def row_21_both_ends_of_a_window_belong_to_it(subject: CrmSubject) -> None:
    act = subject.open()
    act.sandbox.clock.run(0)
    contact_id = act.ids[5]
    act.edit(contact_id, {act.facts.properties[2]: "Edge"})
    (found,) = act.read(contact_id).values()
    assert found.updated_at is not None
    for since, until in (
        (found.updated_at, found.updated_at + SECOND),
        (found.updated_at - SECOND, found.updated_at),
        (found.updated_at, found.updated_at),
    ):
        pulled = {c.id for c in everybody(act.changed(since=since, until=until))}
        assert contact_id in pulled, "a record at the edge of the window is skipped"


def row_22_a_change_during_paging_is_not_lost(subject: CrmSubject) -> None:
    act = subject.open(crowded=True)
    first_ids, last_ids = act.ids[:3], act.ids[-3:]
    until = act.now + SECOND
    pages = act.changed(until=until)
    seen = [next(pages)]
    act.sandbox.clock.advance(2)
    touched = {*first_ids, *last_ids, *(c.id for c in seen[0].contacts[:1])}
    for contact_id in touched:
        act.edit(contact_id, {act.facts.properties[0]: "Changed Meanwhile"})
    seen += list(pages)
    everyone = {c.id for page in seen for c in page.contacts}
    act.sandbox.clock.advance(2)
    later = {c.id for c in everybody(act.changed(since=until - OVERLAP))}
    assert everyone | later >= set(act.ids), "a record moved out of the window and into none"
    assert later >= touched, "a change made during paging is found by nobody"


def row_23_a_cursor_survives_a_restart(subject: CrmSubject) -> None:
    act = subject.open(crowded=True)
    until = act.now + SECOND
    whole = {c.id for c in everybody(act.changed(until=until))}
    assert whole == set(act.ids), "the window does not hold everybody"
    scanned = act.ids

    def begin(what: str, resume: str | None) -> Iterator[Page]:
        return act.changed(until=until, resume=resume) if what == "changed" else act.scan(resume)

    for what in ("changed", "scan"):
        seen: list[str] = []
        resume: str | None = None
        for _ in range(MOST_PAGES):
            act.again()
            page = next(begin(what, resume), None)
            if page is None:
                break
            seen += [c.id for c in page.contacts]
            resume = page.cursor
        assert set(seen) == whole, f"{what}: {len(whole - set(seen))} records are lost at restarts"
        assert what == "changed" or seen == scanned, "a scan in another order"


def row_24_a_late_index_costs_time_and_no_record(subject: CrmSubject) -> None:
    act = subject.open(**subject.facts.lagging)
    start = act.now
    touched = set(act.ids[3:6])
    for contact_id in touched:
        act.edit(contact_id, {act.facts.properties[0]: "Found Late"})
    first = {c.id for c in everybody(act.changed(since=start - SECOND))}
    act.sandbox.clock.advance(subject.facts.lag_s + 1)
    second = {c.id for c in everybody(act.changed(since=start - OVERLAP))}
    assert second >= touched, "a record that the index was late for is skipped"
    assert first | second >= touched


def row_25_deleted_and_merged_records_are_told_as_gone(subject: CrmSubject) -> None:
    act = subject.open()
    removed, merged, survivor = act.ids[1], act.ids[2], act.ids[3]
    act.event(subject.facts.remove, removed)
    act.event(subject.facts.merge, merged, survivor)
    found = act.read(removed, merged, survivor)
    assert _is_gone(found.get(removed)), "a deleted record is read as if it were there"
    assert _is_gone(found.get(merged)), "a merged record is read as if it were there"
    assert found[survivor].fields and not found[survivor].gone
    told = found.get(merged)
    assert told is None or told.merged_into in (None, survivor), "merged into the wrong record"
    # Deletions are told by a read, or by the window as gone: never as a living record.
    living = {c.id for c in everybody(act.changed()) if not c.gone}
    assert living.isdisjoint({removed, merged})
    assert survivor in living, "the record that is left after a merge is skipped"
    act.again()
    assert removed not in {c.id for c in everybody(act.scan()) if not c.gone}


def _is_gone(contact: Contact | None) -> bool:
    return contact is None or contact.gone


def row_26_a_condition_never_hides_a_record_that_fulfils_it(subject: CrmSubject) -> None:
    act = subject.open()
    title, company, city, _ = act.facts.properties
    act.edit(act.ids[0], {city: "São Paulo"})
    records = {c.id: c.fields or {} for c in everybody(act.scan())}
    value = str(next(f[company] for f in records.values() if f.get(company)))
    for clauses in (
        [Clause(act.facts.email, "present")],
        [Clause(title, "absent")],
        [Clause(company, "equals", (value.upper(),))],
        [Clause(city, "in", ("são paulo", value))],
        [Clause(company, "not_in", (value,)), Clause(act.facts.email, "present")],
        [Clause(name, "present") for name in act.facts.properties],
    ):
        wanted = {i for i, fields in records.items() if all(c.holds(fields) for c in clauses)}
        pulled = {c.id for c in everybody(act.changed(since=LONG_AGO, where=clauses))}
        assert pulled >= wanted, f"{len(wanted - pulled)} records are hidden by {clauses[0].op}"


def row_27_a_scan_holds_everybody_once_and_whole(subject: CrmSubject) -> None:
    act = subject.open(crowded=True)
    scanned = everybody(act.scan())
    ids = [c.id for c in scanned]
    assert len(ids) == len(set(ids)) == len(subject.stage.troupe.crowd.records)
    _holds_what_a_read_holds(act, scanned[:40])
    with_authors = [next(iter(act.scan(authorship=True))).contacts[0]]
    assert with_authors[0].authors_read, "authors were asked for and are not told"


def _holds_what_a_read_holds(act: CrmAct, scanned: list[Contact]) -> None:
    read = act.read(*(c.id for c in scanned))
    for contact in scanned:
        if contact.fields is not None:
            assert contact.fields == read[contact.id].fields, "a scan and a read differ"
        assert contact.version == read[contact.id].version
        assert contact.updated_at is None or contact.updated_at.tzinfo is not None


def row_28_the_crm_s_clock_is_told(subject: CrmSubject) -> None:
    act = subject.open()
    told = act.connector.now()
    assert told.tzinfo is not None, "an instant without a time zone"
    # It may trail on purpose, where records can appear late; it never runs ahead.
    assert timedelta(seconds=-2) < act.now - told < timedelta(minutes=10), "another clock than the CRM's"
