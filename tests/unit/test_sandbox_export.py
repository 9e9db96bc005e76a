"""Contact exports as people have them, loaded as they stand or listed line by line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.csvfile import LARGEST_CELL, LARGEST_FILE
from connectors.sandbox.export import BadExport, read_export
from connectors.sandbox.population import Coverage

DATA = Path(__file__).parent.parent / "data"
HUBSPOT, SALESFORCE = DATA / "hubspot-export-sample.csv", DATA / "salesforce-report-sample.csv"


def by_id(population):
    return {record.id: record for record in population.records}


@pytest.fixture(scope="module")
def hubspot():
    return read_export(HUBSPOT, 1)


@pytest.fixture(scope="module")
def salesforce():
    return read_export(SALESFORCE, 1)


def written(tmp_path, text, encoding="utf-8", name="export.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def loaded(tmp_path, text, encoding="utf-8"):
    return read_export(written(tmp_path, text, encoding), 1)


def test_every_line_of_a_hubspot_export_is_a_record_or_is_listed_with_its_line_and_reason(hubspot):
    assert [(r.line, r.reason) for r in hubspot.rejected] == [
        (16, "blank line"),
        (23, "no record id"),
        (24, "record id was turned into a number by a spreadsheet and cannot be read back"),
        (25, "record id was turned into a number by a spreadsheet and cannot be read back"),
        (26, "record id is neither a number nor a Salesforce id"),
        (27, "duplicate record id, the same as in line 2"),
        (28, "4 cells where the header has 21"),
        (29, "23 cells where the header has 21"),
        (31, "blank line"),
    ]
    assert len(hubspot.records) == 34


def test_every_line_of_a_salesforce_report_is_a_record_or_is_listed_with_its_line_and_reason(salesforce):
    assert [(r.line, r.reason) for r in salesforce.rejected] == [
        (13, "no record id (lines 13 to 14)"),
        (15, "duplicate record id, the same as in line 2 (lines 15 to 16)"),
        (17, "record id does not fit its own checksum: its capitals were changed (lines 17 to 18)"),
        (19, "record id is neither a number nor a Salesforce id (lines 19 to 20)"),
        (21, "4 cells where the header has 16"),
        (62, "blank line"),
        (63, "blank line"),
        *((line, "footer of the report") for line in range(64, 69)),
    ]
    assert len(salesforce.records) == 33


@pytest.mark.parametrize("path", [HUBSPOT, SALESFORCE])
def test_no_row_is_neither_loaded_nor_listed(path):
    population = read_export(path, 1)
    text = path.read_bytes().decode("utf-8-sig" if path is HUBSPOT else "cp1252")
    rows = list(csv.reader(text.splitlines(keepends=True)))
    assert len(population.records) + len(population.rejected) == len(rows) - 1


def test_values_are_loaded_as_they_stand_however_mangled(hubspot):
    records = by_id(hubspot)
    first, second, third, fourth = (records[str(70_000_000_000 + n * 31)].values for n in (1, 2, 3, 4))
    assert first["phone"] == "00441134960101"
    assert second["mobile"] == "'+441134960102"
    assert second["email"] == "TARIQ.BELLO@SKYLARK.EXAMPLE"
    assert third["phone"] == "4.41135E+11"
    assert (third["first_name"], third["last_name"], third["company"]) == (" Inés ", "Roca\u00a0", "\u00a0")
    assert (fourth["job_title"], fourth["company"]) == ("  ", "Quartz  Energy")


def test_a_blank_cell_is_no_value_and_a_space_is_one(hubspot):
    values = by_id(hubspot)["70000000217"].values
    assert (values["first_name"], "last_name" in values) == ("Jo", False)


def test_the_original_record_id_stays_without_the_blanks_around_it(hubspot):
    assert "70000000999" in by_id(hubspot)


def test_a_legacy_encoding_is_read_and_lost_letters_stay_lost(salesforce):
    names = {(r.values["first_name"], r.values["last_name"]) for r in salesforce.records}
    assert ("Jürgen", "Müßig") in names
    assert ("?ukasz", "?ak") in names
    assert ("Ana", "O’Neil") in names


def test_long_and_short_salesforce_ids_are_kept_and_known_to_be_the_same(salesforce):
    lengths = {len(r.id) for r in salesforce.records}
    assert lengths == {15, 18}


def refs(population, *numbers):
    records = by_id(population)
    return [records[str(70_000_000_000 + n * 31)].person for n in numbers]


def test_rows_with_one_email_whatever_its_case_are_one_person(hubspot):
    first, again = refs(hubspot, 1, 12)
    assert first == again


def test_rows_with_one_profile_are_one_person_though_their_companies_differ(hubspot):
    first, again = refs(hubspot, 5, 13)
    assert first == again


def test_rows_without_email_and_profile_are_one_person_where_name_company_and_city_agree(hubspot):
    first, again, other_city, with_email = refs(hubspot, 14, 15, 16, 17)
    assert first == again
    assert len({first, other_city, with_email}) == 3


def test_rows_that_share_only_a_blank_are_not_one_person(tmp_path):
    text = "Record ID,First Name,Last Name,Company Name,City\n1,Bo,Ek,,Lyon\n2,Bo,Ek,,Lyon\n"
    assert len({r.person for r in loaded(tmp_path, text).records}) == 2


def test_a_person_is_found_by_the_emails_and_the_profile_of_all_their_rows(tmp_path):
    url = "https://linkedin.com/in/Bo-Ek/"
    text = f"Record ID,First Name,Email,LinkedIn URL\n1,Bo,bo@one.example,{url}\n2,Bo,BO@two.example,{url}\n"
    population = loaded(tmp_path, text)
    # the e-mails differ, the profile is the same
    assert len(population.people) == 1
    person = population.people[0]
    assert population.by_email["bo@one.example"] is person
    assert population.by_email["bo@two.example"] is person
    assert population.by_slug["bo-ek"] is person


@pytest.mark.parametrize("path", [HUBSPOT, SALESFORCE])
def test_what_the_world_knows_is_invented_and_the_same_for_the_same_seed(path):
    once, again, other = (read_export(path, seed) for seed in (4, 4, 5))
    assert once.people == again.people
    assert [p.title for p in once.people] != [p.title for p in other.people]
    for person in once.people:
        assert person.work_email.endswith(".example")
        assert person.company.domain.endswith(".example")
    known = [once.known("contactout", p, Coverage(blind=0, profile=1)) for p in once.people]
    assert all(known)


@pytest.mark.parametrize(
    ("country", "city", "prefix"),
    [
        ("UK", "", "+447400"), ("gb", "", "+447400"), ("Deutschland", "", "+4917604"), ("DE", "", "+4917604"),
        ("France", "", "+33600"), ("australia", "", "+61491"), ("", "Lyon", "+33600"),
        ("Atlantis", "Berlin", "+4917604"), ("", "", "+1"), ("Atlantis", "Poseidonis", "+1"),
    ],
)  # fmt: skip
def test_a_mobile_number_is_from_the_country_of_the_row_or_else_of_its_city(tmp_path, country, city, prefix):
    text = f"Record ID,First Name,City,Country/Region\n1,Bo,{city},{country}\n"
    assert loaded(tmp_path, text).people[0].mobile.startswith(prefix)


def test_authors_take_turns_and_stay_the_same(hubspot):
    seen = {author for record in hubspot.records for author in record.authors.values()}
    assert seen == {"person", "import", "form"}
    assert all(record.authors.keys() == record.values.keys() for record in hubspot.records)


def test_dates_of_the_export_are_the_record_s_and_others_fall_back(hubspot):
    records = by_id(hubspot)
    assert records["70000000031"].created_at == 1740906900  # 2025-03-02 09:15 UTC
    assert records["70000000341"].created_at <= records["70000000341"].modified_at
    assert records["70000000031"].modified_at == 1790910000  # 2026-10-02 03:00 UTC


def test_american_dates_are_read_month_first_and_others_day_first(tmp_path):
    head = "Contact ID,Last Name,Last Modified Date\n"
    american = loaded(tmp_path, head + "003Qz0000000001,Ek,3/4/2026\n").records[0]
    other = loaded(tmp_path, head + "003Qz0000000001,Ek,3/4/2026\n003Qz0000000002,Ek,14/4/2026\n").records[0]
    assert (american.modified_at, other.modified_at) == (1772582400, 1775174400)


ROWS = "Record ID|First Name|Last Name|City\n1|Zoë|Ek|Leeds\n2|Bo|Ek; Jr|Lyon\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_ends_are_recognised(tmp_path, encoding, delimiter, end):
    quoted = ROWS.replace("Ek; Jr", '"Ek; Jr"').replace("|", delimiter).replace("\n", end)
    population = loaded(tmp_path, quoted, encoding)
    assert [r.values["first_name"] for r in population.records] == ["Zoë", "Bo"]
    assert population.records[1].values["last_name"] == "Ek; Jr"


@pytest.mark.parametrize(
    "header",
    [
        "hs_object_id,firstname,lastname,email,jobtitle,hs_linkedin_url,lifecyclestage",
        "Id,FirstName,LastName,Email,Title,LinkedIn_URL__c,Status",
        "LEAD ID, first name ,Last\u00a0Name,E-mail,Title,LinkedIn,Lead Status",
    ],
)
def test_headers_are_known_by_label_and_by_internal_name(tmp_path, header):
    population = loaded(tmp_path, header + "\n7,Bo,Ek,bo@ek.example,CTO,linkedin.com/in/bo,open\n")
    values = population.records[0].values
    assert values["first_name"] == "Bo"
    assert values["last_name"] == "Ek"
    assert values["email"] == "bo@ek.example"
    assert values["job_title"] == "CTO"
    assert values["linkedin_url"] == "linkedin.com/in/bo"


def test_of_two_columns_for_one_field_the_usual_one_is_taken(tmp_path):
    text = "Record ID,Associated Company,Company Name,Last Name\n1,Alpha,Beta,Ek\n"
    assert loaded(tmp_path, text).records[0].values["company"] == "Beta"


def test_lines_before_the_header_are_listed(tmp_path):
    population = loaded(tmp_path, "Contacts to look up\n\nRecord ID,Last Name\n1,Ek\n")
    assert [(r.line, r.reason) for r in population.rejected] == [
        (1, "stands before the header"),
        (2, "blank line"),
    ]
    assert len(population.records) == 1


def test_a_footer_that_a_spreadsheet_padded_with_blank_cells_is_a_footer(tmp_path):
    population = loaded(tmp_path, "Contact ID,Last Name\n003Qz0000000001,Ek\nConfidential Information,\n")
    assert [r.reason for r in population.rejected] == ["footer of the report"]


def test_a_lone_cell_between_records_is_no_footer(tmp_path):
    population = loaded(tmp_path, "Contact ID,Last Name\nTotal\n003Qz0000000001,Ek\nTotal\n")
    assert [(r.line, r.reason) for r in population.rejected] == [
        (2, "1 cell where the header has 2"),
        (4, "footer of the report"),
    ]


def test_a_quote_that_is_never_closed_is_listed_with_all_the_lines_it_swallowed(tmp_path):
    population = loaded(tmp_path, 'Record ID,Last Name,City\n1,Ek,Lyon\n2,"Ek,Lyon\n3,Ek,Lyon\n')
    assert [(r.line, r.reason) for r in population.rejected] == [
        (3, "2 cells where the header has 3 (lines 3 to 4)")
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n \r\n", "is empty"),
        (b"First Name,Last Name\nBo,Ek\n", "no header with a record id"),
        (b"Record ID,Create Date\n1,2026-01-01\n", "no header with a record id"),
        (b"Record ID,Last Name\n1,\x81\x8d\n", "none of the encodings"),
        (b'Record ID,Last Name\n1,"' + b"x" * (LARGEST_CELL + 1) + b'"\n', "larger than 1 MiB"),
    ],
)
def test_a_file_that_is_no_export_is_refused_with_one_sentence(tmp_path, content, said):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(BadExport, match=said) as refused:
        read_export(path, 1)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(BadExport, match="larger than 64 MiB"):
        read_export(path, 1)


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_path_that_is_no_file_is_refused(tmp_path, name):
    with pytest.raises(BadExport, match="cannot be read"):
        read_export(tmp_path / name, 1)


def test_a_cell_just_within_the_limit_is_loaded_and_the_reader_s_usual_limit_is_restored(tmp_path):
    usual = csv.field_size_limit()
    text = f'Record ID,Last Name\n1,"{"x" * LARGEST_CELL}"\n'
    assert len(loaded(tmp_path, text).records[0].values["last_name"]) == LARGEST_CELL
    assert csv.field_size_limit() == usual


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(rows=st.lists(st.lists(cells, min_size=1, max_size=6), max_size=12), seed=st.integers(0, 9))
def test_whatever_stands_in_the_rows_each_is_loaded_or_listed(tmp_path_factory, rows, seed):
    path = tmp_path_factory.mktemp("rows") / "any.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, quoting=csv.QUOTE_ALL)
        out.writerow(["Record ID", "First Name", "Email", "City"])
        out.writerows(rows)
    population = read_export(path, seed)
    assert len(population.records) + len(population.rejected) == len(rows)
    assert len({r.id for r in population.records}) == len(population.records)
    assert {r.person for r in population.records} == {p.ref for p in population.people}
