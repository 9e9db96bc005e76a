"""Every documented answer of ContactOut in shape: the keys below are written out from its documentation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.contactout_process import (
    EVERYTHING,
    NOTHING_BUT_PROFILES,
    WORLD,
    Box,
    person_where,
    sandbox,
    url,
)


def keys(text: str) -> set[str]:
    """The words of a text."""
    return set(text.split())


COMPANY = keys(
    "name url linkedin_company_id domain email_domain overview type size country revenue founded_at industry"
    " headquarter website logo_url specialties locations"
)
PLACE = keys("city line1 line2 state country postalCode description")
POST = keys(
    "start_date end_date title summary locality company_name linkedin_url start_date_year start_date_month"
    " end_date_year end_date_month is_current"
)
DETAILED_POST = POST - {"start_date", "end_date"} | {"logo_url"}
SCHOOL = keys("field_of_study description start_date_year end_date_year degree school_name")
CERTIFICATE = keys("name authority license start_date_year start_date_month end_date_year end_date_month")
PAPER = keys("url title description publisher authors published_on_year published_on_month published_on_day")
PROJECT = keys("title description start_date_year start_date_month end_date_year end_date_month")
CONTACTS = {"email", "work_email", "personal_email", "phone"}
PROFILE = CONTACTS | keys(
    "url github twitter full_name headline industry company location languages country summary experience"
    " education skills certifications publications projects followers job_function seniority work_status"
    " profile_picture_url updated_at"
)
CAMEL = keys(
    "email workEmail workEmailStatus fullName headline industry linkedinUrl profilePictureUrl confidenceLevel"
    " altMatches phone twitter github company location languages summary experience education skills"
    " certifications publications projects followers jobFunction seniority workStatus updatedAt"
)
CARD = {"url", "email", "work_email", "work_email_status", "personal_email", "phone", "github"}
ROW = keys(
    "li_vanity full_name title headline company location country industry experience education skills summary"
    " languages certifications publications projects followers updated_at profile_picture_url job_function"
    " seniority work_status contact_availability contact_info"
)
DECIDER = ROW - keys("country summary languages certifications publications projects followers work_status")
INFO = {"emails", "personal_emails", "work_emails", "work_email_status", "phones"}
NOT_FOUND = {"status_code": 404, "message": "Not Found"}
STRANGER = "https://www.linkedin.com/in/nobody-has-this-slug"
ANNA = WORLD.people[3]


@pytest.fixture(scope="module")
def server() -> Iterator[Box]:
    with sandbox(limits="off", coverage=EVERYTHING, job_delay_s=0) as box:
        yield box


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def profile_of(box: Box, person=ANNA, **query: object) -> dict:
    return box.get("/v1/linkedin/enrich", profile=url(person), **query).json()["profile"]


def first_with(box: Box, key: str) -> dict:
    """The first profile that has something under a key that most profiles leave empty."""
    profiles = (profile_of(box, person) for person in WORLD.people[:100])
    return next(profile[key][0] for profile in profiles if profile[key])


def test_linkedin_enrich_answers_a_snake_case_profile_with_contacts(box: Box) -> None:
    answer = box.get("/v1/linkedin/enrich", profile=url(ANNA)).json()
    assert set(answer) == {"status_code", "profile"}
    profile = answer["profile"]
    assert set(profile) == PROFILE
    assert set(profile["company"]) == COMPANY
    assert all(isinstance(place, str) for place in profile["company"]["locations"])
    assert profile["url"] == url(ANNA) and profile["full_name"] == ANNA.full
    assert profile["email"] == [ANNA.work_email, ANNA.personal_email]
    assert profile["work_email"] == [ANNA.work_email] and profile["personal_email"] == [ANNA.personal_email]
    assert set(profile["languages"][0]) == {"name", "proficiency"}


def test_linkedin_enrich_with_profile_only_leaves_the_contact_keys_out(box: Box) -> None:
    assert set(profile_of(box, profile_only="true")) == PROFILE - CONTACTS


def test_linkedin_enrich_answers_an_empty_list_for_an_unknown_profile(box: Box) -> None:
    answer = box.get("/v1/linkedin/enrich", profile=STRANGER)
    assert (answer.status_code, answer.json()) == (200, {"status_code": 200, "profile": []})


def test_posts_have_unpadded_text_dates_beside_their_numbers(box: Box) -> None:
    posts = [post for person in WORLD.people[:40] for post in profile_of(box, person)["experience"]]
    assert all(set(post) == POST for post in posts)
    for post in posts:
        assert post["start_date"] == f"{post['start_date_year']}{post['start_date_month']}"
        assert post["is_current"] == (post["end_date"] is None) == (post["end_date_year"] is None)
    assert any(len(post["start_date"]) == 5 for post in posts)
    assert any(len(post["start_date"]) == 6 for post in posts)


def test_schools_have_years_as_texts_and_merits_have_their_documented_keys(box: Box) -> None:
    school = profile_of(box)["education"][0]
    assert set(school) == SCHOOL
    assert isinstance(school["start_date_year"], str) and school["description"] is None
    assert set(first_with(box, "certifications")) == CERTIFICATE
    assert set(first_with(box, "publications")) == PAPER
    assert set(first_with(box, "projects")) == PROJECT


def test_email_enrich_answers_camel_case_with_scalars(box: Box) -> None:
    answer = box.get("/v1/email/enrich", email=ANNA.personal_email, include="work_email").json()
    profile = answer["profile"]
    assert set(profile) == CAMEL
    assert profile["email"] == ANNA.personal_email and profile["workEmail"] == ANNA.work_email
    assert profile["workEmailStatus"] == "Verified"
    assert set(profile["company"]) == COMPANY
    assert [set(place) for place in profile["company"]["locations"]] == [PLACE]
    assert isinstance(profile["phone"], str) and isinstance(profile["github"], str)


def test_email_enrich_without_include_leaves_the_work_keys_out(box: Box) -> None:
    profile = box.get("/v1/email/enrich", email=ANNA.work_email).json()["profile"]
    assert set(profile) == CAMEL - {"workEmail", "workEmailStatus"}


def test_email_enrich_names_certificates_by_title(box: Box) -> None:
    answers = (box.get("/v1/email/enrich", email=p.work_email).json() for p in WORLD.people[:100])
    certificate = next(found[0] for a in answers if (found := a["profile"]["certifications"]))
    assert set(certificate) == CERTIFICATE - {"name"} | {"title"}


def test_email_enrich_spells_some_phones_with_a_blank_and_a_dot(box: Box) -> None:
    people = [p for p in WORLD.people[:60] if p.mobile]
    phones = [box.get("/v1/email/enrich", email=p.work_email).json()["profile"]["phone"] for p in people]
    spelled = ["".join(c for c in phone if c in "+0123456789") for phone in phones]
    assert spelled == [p.mobile for p in people]
    assert any(phone.startswith(" +") and "." in phone for phone in phones)
    assert any(phone == p.mobile for phone, p in zip(phones, people, strict=True))


@pytest.mark.parametrize(
    "path",
    [
        "/v1/email/enrich?email=nobody@nowhere.example",
        "/v1/people/person?email=nobody@nowhere.example",
        f"/v1/people/linkedin?profile={STRANGER}",
    ],
)
def test_a_miss_elsewhere_is_a_404_with_its_body(box: Box, path: str) -> None:
    answer = box.get(path)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_people_enrich_answers_what_include_names(box: Box) -> None:
    def answered(*include: str) -> set[str]:
        body = {"linkedin_url": url(ANNA), "include": list(include)}
        return set(box.post("/v1/people/enrich", body).json()["profile"])

    assert answered("work_email", "personal_email", "phone") == PROFILE
    assert answered() == PROFILE - CONTACTS
    assert answered("phone") == PROFILE - CONTACTS | {"phone"}
    assert answered("work_email") == PROFILE - CONTACTS | {"email", "work_email"}


def test_people_enrich_can_be_asked_to_answer_as_its_field_table_says(box: Box) -> None:
    box.set(people_enrich_casing="camel")
    body = {"email": ANNA.work_email, "include": ["work_email", "personal_email", "phone"]}
    assert set(box.post("/v1/people/enrich", body).json()["profile"]) == CAMEL


def test_people_enrich_answers_a_stranger_with_404(box: Box) -> None:
    answer = box.post("/v1/people/enrich", {"email": "nobody@nowhere.example"})
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_the_contact_card_has_lists_and_a_status_for_each_work_address(box: Box) -> None:
    card = box.get("/v1/people/linkedin", profile=url(ANNA), include_phone="true").json()["profile"]
    assert set(card) == CARD
    assert card["work_email_status"] == {ANNA.work_email: "Verified"}
    assert set(box.get("/v1/people/linkedin", profile=url(ANNA)).json()["profile"]) == CARD - {"phone"}


def test_an_empty_map_is_an_empty_list(box: Box) -> None:
    card = box.get("/v1/people/linkedin", profile=url(ANNA), email_type="personal").json()["profile"]
    assert card["work_email_status"] == [] and card["work_email"] == []
    assert card["email"] == card["personal_email"] == [ANNA.personal_email]


def test_the_first_batch_answers_addresses_by_url_as_sent(box: Box) -> None:
    sent = f"https://linkedin.com/in/{ANNA.slug}/"
    answer = box.post("/v1/people/linkedin/batch", {"profiles": [sent, STRANGER]}).json()
    profiles = {sent: [ANNA.work_email, ANNA.personal_email], STRANGER: []}
    assert answer == {"status_code": 200, "profiles": profiles}


def test_companies_of_domains_are_a_list_of_maps_with_one_key(box: Box) -> None:
    domain = ANNA.company.domain
    answer = box.post("/v1/domain/enrich", {"domains": [f"www.{domain}", "unheard-of.example"]}).json()
    assert set(answer) == {"status_code", "companies"}
    assert [set(company) for company in answer["companies"]] == [{f"www.{domain}"}]
    company = answer["companies"][0][f"www.{domain}"]
    assert set(company) == keys(
        "li_vanity name domain description website logo_url type headquarter country size founded_at"
        " locations industry specialties revenue"
    )
    assert company["domain"] == domain and company["li_vanity"].startswith(
        "https://www.linkedin.com/company/"
    )
    assert company["revenue"].startswith("$") and isinstance(company["size"], int)
    none = box.post("/v1/domain/enrich", {"domains": ["unheard-of.example"]}).json()
    assert none == {"status_code": 200, "companies": []}


def test_people_search_answers_a_page_of_rows_by_url_without_www(box: Box) -> None:
    answer = box.post("/v1/people/search", {"name": ANNA.full, "reveal_info": True}).json()
    assert set(answer) == {"status_code", "metadata", "profiles"}
    assert set(answer["metadata"]) == {"page", "page_size", "total_results"}
    row = answer["profiles"][f"https://linkedin.com/in/{ANNA.slug}"]
    assert set(row) == ROW
    assert set(row["company"]) == COMPANY - {"linkedin_company_id"}
    assert set(row["contact_info"]) == INFO and row["contact_info"]["work_emails"] == [ANNA.work_email]
    assert set(row["contact_availability"]) == {"personal_email", "work_email", "phone"}
    assert " at " in row["experience"][0] and row["experience"][0].endswith("- Present")
    assert isinstance(row["education"][0], str)


def test_people_search_without_reveal_info_leaves_the_contacts_empty(box: Box) -> None:
    rows = box.post("/v1/people/search", {"name": ANNA.full}).json()["profiles"]
    row = rows[f"https://linkedin.com/in/{ANNA.slug}"]
    assert row["contact_info"] == {key: [] for key in INFO}
    assert row["contact_availability"]["work_email"] is True


def test_people_search_gives_posts_and_schools_in_detail_on_request(box: Box) -> None:
    body = {"name": ANNA.full, "detailed_experience": True, "detailed_education": True}
    row = box.post("/v1/people/search", body).json()["profiles"][f"https://linkedin.com/in/{ANNA.slug}"]
    assert set(row["experience"][0]) == DETAILED_POST
    assert set(row["education"][0]) == SCHOOL | {"url"}


def test_people_search_keeps_to_the_output_fields(box: Box) -> None:
    body = {"name": ANNA.full, "output_fields": ["title", "li_vanity"]}
    row = box.post("/v1/people/search", body).json()["profiles"][f"https://linkedin.com/in/{ANNA.slug}"]
    assert set(row) == {"title", "li_vanity", "contact_availability", "contact_info"}


def test_people_search_without_a_hit_answers_an_empty_list(box: Box) -> None:
    answer = box.post("/v1/people/search", {"name": "Nobody Atall"}).json()
    metadata = {"page": 1, "page_size": 25, "total_results": 0}
    assert answer == {"status_code": 200, "metadata": metadata, "profiles": []}


def test_people_count_answers_a_number(box: Box) -> None:
    answer = box.post("/v1/people/count", {"domain": [ANNA.company.domain]}).json()
    staff = sum(p.company.domain == ANNA.company.domain for p in WORLD.people)
    assert answer == {"status_code": 200, "total_results": staff}


def test_decision_makers_are_rows_with_fewer_keys_by_url_with_www(box: Box) -> None:
    boss = person_where(lambda p, _: p.seniority == "CXO")
    answer = box.get("/v1/people/decision-makers", domain=boss.company.domain, reveal_info="true").json()
    row = answer["profiles"][url(boss)]
    assert set(row) == DECIDER
    assert set(row["company"]) == keys("name website domain email_domain headquarter size revenue industry")
    assert answer["metadata"]["page_size"] == 25


def test_company_search_answers_flat_companies(box: Box) -> None:
    answer = box.post("/v1/company/search", {"domain": [ANNA.company.domain]}).json()
    assert set(answer) == {"status_code", "metadata", "companies"}
    assert [set(c) for c in answer["companies"]] == [COMPANY - {"linkedin_company_id"} | {"location"}]
    assert isinstance(answer["companies"][0]["revenue"], int)
    none = box.post("/v1/company/search", {"domain": ["unheard-of.example"]}).json()
    assert none["companies"] == [] and none["metadata"]["total_results"] == 0


def test_the_remaining_reads_have_their_small_shapes(box: Box) -> None:
    owner = box.get("/v1/people/person", email=ANNA.personal_email).json()
    assert owner == {"status_code": 200, "profile": {"email": ANNA.personal_email, "linkedin": url(ANNA)}}
    path = "/v1/people/linkedin/{}_status"
    personal = box.get(path.format("personal_email"), profile=url(ANNA)).json()
    assert personal == {"status_code": 200, "profile": {"email": True}}
    work = box.get(path.format("work_email"), profile=url(ANNA)).json()
    assert work == {"status_code": 200, "profile": {"email": True, "email_status": "Verified"}}
    phone = box.get(path.format("phone"), profile=url(ANNA)).json()
    assert phone == {"status_code": 200, "profile": {"phone": bool(ANNA.mobile)}}
    verdict = box.get("/v1/email/verify", email=ANNA.work_email).json()
    assert verdict == {"status_code": 200, "data": {"status": "valid"}}


def test_checkers_say_false_and_null_where_nothing_is_known(box: Box) -> None:
    box.set(coverage=NOTHING_BUT_PROFILES)
    path = "/v1/people/linkedin/{}_status"
    for asked in (url(ANNA), STRANGER):
        work = box.get(path.format("work_email"), profile=asked).json()
        assert work["profile"] == {"email": False, "email_status": None}
        assert box.get(path.format("phone"), profile=asked).json()["profile"] == {"phone": False}


def test_statistics_of_a_prepaid_account_show_counts_and_what_is_left(box: Box) -> None:
    answer = box.get("/v1/stats").json()
    assert set(answer) == {"status_code", "period", "usage"}
    assert set(answer["usage"]) == {f"{p}{k}" for p in ("", "phone_", "search_") for k in ("count", "quota")}


def test_statistics_of_a_postpaid_account_show_the_allowance_too(box: Box) -> None:
    box.set(billing="postpaid")
    answer = box.get("/v1/stats").json()
    kinds = ("count", "quota", "remaining", "over_quota")
    assert set(answer["usage"]) == {f"{p}{k}" for p in ("", "phone_", "search_") for k in kinds}


def test_the_end_of_every_period_is_the_31st(box: Box) -> None:
    period = box.get("/v1/stats", period="2023-04").json()["period"]
    assert period == {"start": "2023-04-01", "end": "2023-04-31"}
