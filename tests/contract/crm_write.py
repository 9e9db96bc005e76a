"""Rows about reading and writing records: what is written, what is refused, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from syncd.model import AuthorKind, Conflict, Patch, Rejected, WriteResult, Written
from tests.contract.crm_acts import CrmAct, CrmSubject, everybody

ODD_TEXT = 'Zoë "李" O’Brien 🦊 <b>&amp;</b> \\ 50%'


def row_31_missing_ids_cost_the_others_nothing(subject: CrmSubject) -> None:
    act = subject.open()
    removed, known = act.ids[0], act.ids[1:4]
    act.event(subject.facts.remove, removed)
    for authorship in (False, True):
        found = act.read(known[0], removed, *known[1:], authorship=authorship)
        assert {i for i, c in found.items() if not c.gone} == set(known)
        assert all(found[i].fields for i in known), "a known record without its values"


def row_32_every_patch_has_its_own_result_in_its_place(subject: CrmSubject) -> None:
    act = subject.open()
    name = act.facts.properties[0]
    removed, one, two, three = act.ids[:4]
    act.event(subject.facts.remove, removed)
    wrong, value = act.facts.wrong[0]
    results = act.write(
        (one, {name: "First"}),
        (removed, {name: "Nobody"}),
        (two, {wrong: value}),
        (three, {name: "Third"}),
    )
    assert [type(r) for r in results] == [Written, Rejected, Rejected, Written], kinds(results)
    assert [r.id for r in results] == [one, removed, two, three]
    gone, refused = results[1:3]
    assert isinstance(gone, Rejected) and gone.gone, "an unknown id is not told as gone"
    assert isinstance(refused, Rejected) and not refused.gone and not refused.retry
    found = act.read(one, three)
    assert [found[i].fields[name] for i in (one, three)] == ["First", "Third"]  # type: ignore[index]


def kinds(results: list[WriteResult]) -> str:
    """The results in one line."""
    return ", ".join(type(r).__name__ for r in results)


def row_33_a_refused_property_is_named(subject: CrmSubject) -> None:
    act = subject.open()
    name = act.facts.properties[0]
    for wrong, value in act.facts.wrong:
        alone, beside, good = act.write(
            (act.ids[0], {wrong: value}),
            (act.ids[1], {name: "Kept", wrong: value}),
            (act.ids[2], {name: "Ok"}),
        )
        assert isinstance(good, Written), f"{wrong} of another record stops a good one"
        for result in (alone, beside):
            assert isinstance(result, Rejected), f"{wrong} is {type(result).__name__}"
            assert result.property == wrong, f"{result.property} is blamed for {wrong}"
            assert result.code, "a refusal without a code"
            assert value not in result.code or value == wrong


def row_34_the_schema_says_what_a_property_takes(subject: CrmSubject) -> None:
    act = subject.open()
    schema = act.connector.schema(act.facts.object)
    for name in act.properties:
        assert schema[name].writable, f"{name} cannot be written"
        assert schema[name].label, f"{name} has no label"
    for wrong, value in act.facts.wrong:
        info = schema.get(wrong)
        known = info is None or not info.writable or (info.options is not None and value not in info.options)
        assert known, f"the schema does not say that {wrong} refuses {value}"
        assert info is None or info.writable or info.why_read_only, f"{wrong}: no reason"
    long = act.facts.properties[0]
    most = schema[long].max_length
    assert most is not None, "a text without a greatest length"
    fits, too_long = act.write((act.ids[0], {long: "x" * most}), (act.ids[1], {long: "x" * (most + 1)}))
    assert isinstance(fits, Written), f"{most} characters are refused"
    assert isinstance(too_long, Rejected), f"{most + 1} characters are taken"


def row_35_any_text_comes_back_as_it_was_written(subject: CrmSubject) -> None:
    act = subject.open()
    name, other = act.facts.properties[:2]
    (result,) = act.write((act.ids[0], {name: ODD_TEXT}))
    assert isinstance(result, Written), kinds([result])
    assert result.fields is None or result.fields.get(name) == ODD_TEXT
    assert act.read(act.ids[0])[act.ids[0]].fields[name] == ODD_TEXT  # type: ignore[index]
    act.edit(act.ids[1], {other: ODD_TEXT})
    assert act.read(act.ids[1])[act.ids[1]].fields[other] == ODD_TEXT  # type: ignore[index]


def row_36_empty_and_absent_are_told_apart(subject: CrmSubject) -> None:
    act = subject.open()
    name, contact_id = act.facts.properties[0], act.ids[0]
    unknown = "zz_no_such_property"
    act.write((contact_id, {name: "Soon gone"}))
    (result,) = act.write((contact_id, {name: ""}))
    assert isinstance(result, Written), kinds([result])
    fields = act.read(contact_id)[contact_id].fields or {}
    assert name in fields and fields[name] in (None, ""), f"a cleared property is {fields.get(name)!r}"
    asked = act.read(contact_id, properties=[name, unknown])[contact_id].fields or {}
    assert name in asked
    assert unknown not in asked, "a property that does not exist is read as empty"
    assert unknown not in act.connector.schema(act.facts.object)


def row_37_more_than_a_batch_is_read_and_written_whole(subject: CrmSubject) -> None:
    act = subject.open(crowded=True)
    name = act.facts.properties[0]
    for authorship in (False, True):
        chosen = act.ids[: act.connector.read_batch * 2 + 5]
        assert set(act.read(*chosen, authorship=authorship)) == set(chosen)
    chosen = act.ids[: act.connector.write_batch + 5]
    with act.requesting() as seen:
        results = act.write(*((i, {name: f"Batch {i}"}) for i in chosen))
    assert all(isinstance(r, Written) for r in results), kinds(results)
    assert [r.id for r in results] == chosen
    assert len(seen) >= 2, "more than a batch in one request"
    assert len(seen) <= 4, f"{len(seen)} requests for two batches"
    found = act.read(*chosen)
    assert all(found[i].fields[name] == f"Batch {i}" for i in chosen)  # type: ignore[index]


def row_38_nothing_is_touched_that_was_not_asked_for(subject: CrmSubject) -> None:
    act = subject.open()
    one, two, *others = act.ids
    before = {c.id: c for c in everybody(act.scan())}
    name, second = act.facts.properties[:2]
    act.write((one, {name: "Only this"}), (two, {second: "And this"}))
    assert sorted(p for _, p in act.written()) == sorted([name, second]), f"also written: {act.written()}"
    after = {c.id: c for c in everybody(act.scan())}
    assert {i: after[i] for i in others} == {i: before[i] for i in others}, "another record changed"
    for contact_id, changed in ((one, name), (two, second)):
        kept = {k: v for k, v in (before[contact_id].fields or {}).items() if k != changed}
        assert {k: v for k, v in (after[contact_id].fields or {}).items() if k != changed} == kept


def row_39_our_own_write_is_recognised_and_a_person_s_edit_too(subject: CrmSubject) -> None:
    act = subject.open()
    name, other = act.facts.properties[:2]
    contact_id, theirs = act.ids[0], act.ids[1]
    (result,) = act.write((contact_id, {name: "Written By Us"}))
    assert isinstance(result, Written)
    act.edit(contact_id, {other: "Edited By Them"})
    act.edit(theirs, {name: "Edited By Them"})
    found = act.read(contact_id, theirs, authorship=True)
    ours = found[contact_id].authors[name]
    assert ours.kind is AuthorKind.INTEGRATION, f"our own write is called {ours.label}"
    assert ours.value in (None, "Written By Us")
    assert found[contact_id].authors[other].kind is AuthorKind.PERSON, "a person's edit is not told"
    assert found[theirs].authors[name].kind is AuthorKind.PERSON
    assert all(c.authors_read for c in found.values())
    again = act.write((theirs, {name: "Written By Us"}))
    assert isinstance(again[0], Written)
    second = act.read(theirs, authorship=True)[theirs].authors[name]
    assert (second.kind, second.source) == (ours.kind, ours.source), "our writes have two authors"


def row_39_the_version_after_a_write_is_the_one_that_is_pulled(subject: CrmSubject) -> None:
    act = subject.open()
    contact_id = act.ids[0]
    (result,) = act.write((contact_id, {act.facts.properties[0]: "Ours"}))
    assert isinstance(result, Written)
    found = act.read(contact_id)[contact_id]
    assert result.version in (None, found.version), "the write tells another version than the read"
    pulled = [c for c in everybody(act.changed()) if c.id == contact_id]
    assert pulled and all(c.version in (None, found.version) for c in pulled)
    before = found.version
    act.sandbox.clock.advance(2)
    act.edit(contact_id, {act.facts.properties[1]: "Theirs"})
    assert act.read(contact_id)[contact_id].version != before, "an edit leaves the version as it was"


def row_40_a_change_since_our_read_is_a_conflict(subject: CrmSubject) -> None:
    facts = subject.facts
    options = {**facts.options, **(facts.conditional or {})}
    act = replace(subject, facts=replace(facts, options=options)).open()
    contact_id, name = act.ids[0], act.facts.properties[0]
    read = act.read(contact_id)[contact_id]
    act.sandbox.clock.advance(5)
    act.edit(contact_id, {name: "Theirs, Later"})
    patch = Patch(contact_id, {name: "Ours"}, "k", version=read.version)
    (result,) = act.connector.write(act.facts.object, [patch])
    assert isinstance(result, Conflict), type(result).__name__
    fresh = act.read(contact_id)[contact_id]
    assert (fresh.fields or {})[name] == "Theirs, Later", "a person's edit is overwritten"
    (result,) = act.connector.write(act.facts.object, [replace(patch, version=fresh.version)])
    assert isinstance(result, Written), "a conflict that is none"


def row_41_patches_of_one_record_are_applied_in_order(subject: CrmSubject) -> None:
    act = subject.open()
    contact_id, (name, other) = act.ids[0], act.facts.properties[:2]
    results = act.write((contact_id, {name: "One"}), (act.ids[1], {name: "x"}), (contact_id, {name: "Two"}))
    assert all(isinstance(r, Written) for r in results), kinds(results)
    assert (act.read(contact_id)[contact_id].fields or {})[name] == "Two"
    assert _count(act, name) == 3 and _count(act, other) == 0


def _count(act: CrmAct, name: str) -> int:
    return sum(p == name for _, p in act.written())
