"""The invented people that every sandbox shares."""

from __future__ import annotations

from collections import Counter

import pytest

from connectors.sandbox.population import Coverage, Population


@pytest.fixture(scope="module")
def population():
    return Population.invent(3000, 7)


def test_the_same_seed_and_size_give_the_same_people_and_records(population):
    again, other = Population.invent(3000, 7), Population.invent(3000, 8)
    assert again.people == population.people
    assert list(again.records) == list(population.records)
    assert other.people != population.people


def test_records_are_made_once_and_can_be_counted_indexed_and_sliced(population):
    assert len(population.records) == 3000
    assert population.records[5] is population.records[5]
    assert population.records[5:7] == [population.records[5], population.records[6]]
    assert next(iter(population.records)) is population.records[0]


def test_every_record_is_a_person_s_and_names_who_wrote_each_value(population):
    refs = {p.ref for p in population.people}
    for record in population.records:
        assert record.person in refs
        assert record.authors.keys() == record.values.keys()
        assert record.created_at <= record.modified_at


def test_no_two_people_share_an_address_a_number_or_a_profile(population):
    for name in ("work_email", "personal_email", "mobile", "landline", "slug"):
        counts = Counter(getattr(p, name) for p in population.people if getattr(p, name))
        assert max(counts.values()) == 1, name


def test_everything_is_recognisably_invented(population):
    assert all(p.work_email.endswith(".example") for p in population.people)
    assert all(c.domain.endswith(".example") for c in population.companies)


def test_people_are_found_by_slug_address_and_number(population):
    person = population.people[42]
    assert population.by_slug[person.slug] is person
    assert population.by_email[person.work_email] is person
    assert population.by_phone[person.mobile] is person


def test_a_provider_knows_a_share_and_the_same_share_each_time(population):
    def known(vendor):
        return [population.known(vendor, p, Coverage(profile=0.5, blind=0)) for p in population.people]

    first = known("contactout")
    assert first == known("contactout")
    assert first != known("rocketreach")
    assert 0.45 < sum(k is not None for k in first) / 3000 < 0.55


def test_a_provider_that_errs_answers_with_somebody_else(population):
    answers = [
        population.known("contactout", p, Coverage(profile=1, blind=0, wrong=1)) for p in population.people
    ]
    assert all(a and a.wrong and a.subject != p for a, p in zip(answers, population.people, strict=True))
