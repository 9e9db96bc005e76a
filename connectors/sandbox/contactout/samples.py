"""Canned answers: real envelopes around people who do not exist, as keys without entitlement get them."""

from __future__ import annotations

Json = dict[str, object]
WORK, PERSONAL, OTHER = "email1@example.com", "email2@gmail.com", "test@gmail.com"
JOB = {"status": "QUEUED", "job_id": "96d1c156-fc66-46ef-b053-be6dbb45cf1f"}

_COMPANY: Json = {
    "name": "Legros, Smitham and Kessler",
    "url": "https://www.linkedin.com/company/legros-smitham-and-kessler",
    "linkedin_company_id": 12345678,
    "domain": "legros.com",
    "email_domain": "legros.com",
    "overview": "Sample company.",
    "type": "Public Company",
    "size": 50,
    "country": "United States",
    "revenue": 6101000,
    "founded_at": 2007,
    "industry": "Healthcare",
    "headquarter": "535 Kuhic Gardens Apt. 044",
    "website": "http://www.legros.com",
    "logo_url": "https://images.contactout.com/companies/voluptates",
    "specialties": ["Healthcare"],
    "locations": ["426 Lyda Unions, 551, Janniefort, New Hampshire"],
}
_CAREER: Json = {
    "summary": "Sample summary.",
    "skills": ["Digital Marketing", "Project Management"],
    "languages": [{"name": "English", "proficiency": "Full professional proficiency"}],
    "certifications": [],
    "publications": [],
    "projects": [],
    "followers": 1000,
    "seniority": "Manager",
}
_POST: Json = {
    "start_date": "20204",
    "end_date": "202112",
    "title": "Manager, Business Operations & Marketing",
    "summary": "",
    "locality": "Hamilton, Bermuda",
    "company_name": "OBM International",
    "linkedin_url": "https://www.linkedin.com/company/obm-international",
    "start_date_year": 2020,
    "start_date_month": 4,
    "end_date_year": 2021,
    "end_date_month": 12,
    "is_current": False,
}
_SCHOOL: Json = {
    "field_of_study": "Journalism",
    "description": None,
    "start_date_year": "2002",
    "end_date_year": "2004",
    "degree": "Journalism",
    "school_name": "George Brown College",
}


def enriched() -> Json:
    """The sample profile of linkedin/enrich and people/enrich."""
    contacts = {"email": [WORK, PERSONAL], "work_email": [WORK], "personal_email": [PERSONAL]}
    profile: Json = {
        "url": "https://www.linkedin.com/in/example-person",
        **contacts,
        "phone": ["+1234567891"],
        "github": ["github_name"],
        "twitter": ["twitter_username"],
        "full_name": "Example Person",
        "headline": "Manager, Business Operations & Marketing at OBM",
        "industry": "Broadcast Media",
        "company": _COMPANY,
        "location": "Bermuda",
        "country": "United States",
        "experience": [_POST],
        "education": [_SCHOOL],
        **_CAREER,
        "job_function": "Design",
        "work_status": "open_to_work",
        "profile_picture_url": "https://images.contactout.com/profiles/sample",
        "updated_at": "2024-01-01 00:00:00",
    }
    return {"status_code": 200, "profile": profile}


def by_address() -> Json:
    """The sample of email/enrich."""
    profile: Json = {
        "email": "0getfisher@gmail.com",
        "workEmail": "work-email@obm-international.com",
        "workEmailStatus": "Verified",
        "fullName": "Bobbi Singh",
        "headline": "Manager, Business Operations & Marketing at OBM International",
        "industry": "Broadcast Media",
        "linkedinUrl": "https://www.linkedin.com/in/bobbisingh",
        "profilePictureUrl": "https://images.contactout.com/profiles/sample",
        "confidenceLevel": "",
        "altMatches": [],
        "phone": " +61.438347437",
        "twitter": "",
        "github": "",
        "company": _COMPANY | {"name": "OBM International", "locations": []},
        "location": "Bermuda",
        "experience": [_POST],
        "education": [_SCHOOL],
        **_CAREER,
        "jobFunction": "Design",
        "workStatus": "open_to_work",
        "updatedAt": "2024-01-01 00:00:00",
    }
    return {"status_code": 200, "profile": profile}


def contact_card() -> Json:
    """The sample of people/linkedin."""
    profile: Json = {
        "url": "https://www.linkedin.com/in/example-person",
        "email": [WORK, PERSONAL],
        "work_email": [WORK],
        "work_email_status": {WORK: "Verified"},
        "personal_email": [PERSONAL],
        "phone": ["phone number 1"],
        "github": ["github_name"],
    }
    return {"status_code": 200, "profile": profile}


def batch() -> Json:
    """The sample of the first batch endpoint."""
    profiles = {"https://linkedin.com/in/example-person-1": [WORK, "email2@example.com"]}
    return {"status_code": 200, "profiles": profiles}


def job() -> Json:
    """The sample of a job's start."""
    return dict(JOB)


def contact_results() -> Json:
    """The sample of a contact job's results."""
    row: Json = {"emails": [WORK], "personal_emails": [], "work_emails": [WORK], "phones": ["+1234567890"]}
    result = {"https://www.linkedin.com/in/example-person-1": row}
    return {"data": {"uuid": "96d1d610-f163-484e-a433-3006c862c14d", "status": "SENT", "result": result}}


def verify_results() -> Json:
    """The sample of a verify job's results."""
    result = {OTHER: "valid"}
    return {"data": {"uuid": "992d8707-aa77-4499-92e4-cf3579c1d384", "status": "DONE", "result": result}}


def companies_by_domain() -> Json:
    """The sample of domain/enrich, under a key that nobody asked for."""
    company: Json = {
        "li_vanity": "https://www.linkedin.com/company/test",
        "name": "Test",
        "domain": "test.com",
        "description": "Sample company.",
        "website": "http://test.com",
        "logo_url": "https://images.contactout.com/companies/sample",
        "type": "Privately Held",
        "headquarter": "San Francisco, US",
        "country": "United States",
        "size": 89,
        "founded_at": 2015,
        "locations": ["San Francisco, US"],
        "industry": "Computer Software",
        "specialties": [],
        "revenue": "$5.4M",
    }
    return {"status_code": 200, "companies": [{"contactout.com": company}]}


def people() -> Json:
    """The sample of people search and decision makers."""
    info: Json = {
        "emails": [OTHER, WORK],
        "personal_emails": [OTHER],
        "work_emails": [WORK],
        "work_email_status": {WORK: "Verified"},
        "phones": ["+123456789"],
    }
    row: Json = {
        "li_vanity": "at-JqjtXv",
        "full_name": "Llewellyn Ruecker",
        "title": "Research Assistant",
        "headline": "Research Assistant at Legros, Smitham and Kessler",
        "company": {k: v for k, v in _COMPANY.items() if k != "linkedin_company_id"},
        "location": "Faheybury",
        "country": "United States",
        "industry": "Healthcare",
        "experience": ["Research Assistant at Legros, Smitham and Kessler in 2014 - Present"],
        "education": ["Doctorate Degree at Vertapple University in 2017 - 2021"],
        **_CAREER,
        "updated_at": "2023-03-31 00:00:00",
        "profile_picture_url": "https://images.contactout.com/profiles/sample",
        "job_function": "Design",
        "work_status": "open_to_work",
        "contact_availability": {"personal_email": True, "work_email": True, "phone": True},
        "contact_info": info,
    }
    metadata = {"page": 1, "page_size": 25, "total_results": 45}
    return {
        "status_code": 200,
        "metadata": metadata,
        "profiles": {"https://linkedin.com/in/at-JqjtXv": row},
    }


def count() -> Json:
    """The sample of people/count."""
    return {"status_code": 200, "total_results": 100000}


def companies() -> Json:
    """The sample of company search."""
    company: Json = {k: v for k, v in _COMPANY.items() if k != "linkedin_company_id"}
    metadata = {"page": 1, "page_size": 25, "total_results": 1}
    return {
        "status_code": 200,
        "metadata": metadata,
        "companies": [company | {"location": "San Francisco US"}],
    }


def address_owner() -> Json:
    """The sample of people/person."""
    profile = {"email": "terry@gmail.com", "linkedin": "https://www.linkedin.com/in/terry"}
    return {"status_code": 200, "profile": profile}


def email_there() -> Json:
    """The sample of the personal e-mail checker."""
    return {"status_code": 200, "profile": {"email": True}}


def work_email_there() -> Json:
    """The sample of the work e-mail checker."""
    return {"status_code": 200, "profile": {"email": True, "email_status": "Verified"}}


def phone_there() -> Json:
    """The sample of the phone checker."""
    return {"status_code": 200, "profile": {"phone": True}}


def verdict() -> Json:
    """The sample of the verifier."""
    return {"status_code": 200, "data": {"status": "valid"}}
