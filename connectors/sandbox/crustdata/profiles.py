"""`person_data` in its sections, and the contact tiers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.sandbox.crustdata import facts
from connectors.sandbox.crustdata.directory import Directory
from connectors.sandbox.crustdata.fields import project, sections_of, tree_of, without
from connectors.sandbox.crustdata.refusals import Json
from connectors.sandbox.population import Company, Dice, Knowledge

TIERS = ("business_emails", "personal_emails", "phone_numbers")
NONE_PASSED = "No business email passed the verification"


@dataclass(frozen=True, slots=True)
class Profile:
    """Writes one person's sections."""

    directory: Directory
    known: Knowledge
    now: datetime

    @property
    def dice(self) -> Dice:
        return self.directory.dice("facts", self.known.subject.index)

    def shown(self, fields: tuple[str, ...]) -> Json:
        """What the whitelist leaves, without contacts; the person's id is always there."""
        wanted = sections_of(fields)
        made: Json = {name: make(self) for name, make in _SECTIONS.items() if name in wanted}
        kept = without(made, self.directory.knobs.denied)
        left = project(kept, tree_of(f for f in fields if f.split(".", 1)[0] in made))
        assert isinstance(left, dict)
        return {"crustdata_person_id": facts.person_id(self.known.subject), **left}

    def basic_profile(self) -> Json:
        person = self.known.subject
        summary = f"{person.full} works in {person.function or 'an invented field'}."
        if self.directory.knobs.line_separators:
            summary += "\u2028Second line.\u2029"
        # Read anew once in 200 days; in between the stamp stays.
        day = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        updated = day - timedelta(days=5 + (day.toordinal() + self.dice.pick("updated", 200)) % 200)
        return {
            "name": person.full,
            "professional_network_name": person.full,
            "first_name": person.first,
            "last_name": person.last,
            "headline": facts.headline(self.known),
            "current_title": person.title,
            "summary": summary,
            "profile_picture_permalink": f"{facts.IMAGES}/people/{person.index}.jpg",
            "location": facts.person_place(person),
            "languages": ["English"],
            "last_updated": updated.strftime("%Y-%m-%dT%H:%M:%S"),
            "normalized_title": {
                "matched_title": person.title,
                "department": person.function,
                "sub_department": person.function,
            },
        }

    def professional_network(self) -> Json:
        person = self.known.subject
        return {
            "connections": 20 + self.dice.pick("connections", 480),
            "followers": self.dice.pick("followers", 3000),
            "open_to_cards": [],
            "profile_picture_permalink": f"{facts.IMAGES}/people/{person.index}.jpg",
            "location": facts.person_place(person),
            "metadata": {"source": "invented"},
        }

    def social_handles(self) -> Json:
        person = self.known.subject
        dev = facts.dev_name(self.dice, person)
        twitter = f"{person.last.lower()}_{person.index}" if self.dice("twitter") < 0.15 else ""
        return {
            "professional_network_identifier": {"profile_url": person.linkedin_url if person.slug else None},
            "twitter_identifier": {"slug": twitter},
            "dev_platform_identifier": {"profile_url": f"https://dev.example/{dev}" if dev else None},
        }

    def experience(self) -> Json:
        known, dice = self.known, self.dice
        start = facts.since(dice)
        current: object = []
        if known.company.name:
            current = [self._post(known.company, known.subject.title, start, None)]
        before = (start[0] - 3, start[1])
        past = known.subject.past
        rows: list[object] = []
        if past.name and past.index != known.company.index:
            title = facts.PAST_TITLES[dice.pick("past title", len(facts.PAST_TITLES))]
            rows.append(self._post(past, title, before, start))
        if self.directory.knobs.current_as_object and isinstance(current, list) and current:
            current = current[0]
        return {"employment_details": {"current": current, "past": rows}}

    def _post(
        self, company: Company, title: str, start: tuple[int, int], end: tuple[int, int] | None
    ) -> Json:
        person, knobs = self.known.subject, self.directory.knobs
        count = facts.years(start, end or self.now)
        now = end is None
        hq = facts.place(company.city, company.country)
        row: Json = {
            "name": company.name,
            "title": title,
            "description": "",
            "seniority_level": person.seniority if now else "Entry Level",
            "function_category": person.function,
            "employment_type": "Full-time",
            "start_date": f"{start[0]}-{start[1]:02d}-01T00:00:00",
            "end_date": f"{end[0]}-{end[1]:02d}-01T00:00:00" if end else None,
            "is_default": now,
            "position_id": 3_300_001 + person.index * 2 + (not now),
            "crustdata_company_id": facts.company_id(company),
            "professional_network_id": str(90_000_000 + company.index),
            "company_website": f"https://{company.domain}" if company.domain else "",
            "company_website_domain": [company.domain] if knobs.domain_list else company.domain,
            "company_professional_network_profile_url": facts.company_page(company),
            "company_professional_network_industry": company.industry,
            "company_industries": [company.industry],
            "company_type": "Privately Held",
            "company_status": "operating",
            "company_headcount_latest": company.size,
            "company_headcount_range": facts.headcount_range(company.size),
            "company_headquarters_country": facts.iso3(company.country),
            "company_hq_location": hq["raw"],
            "company_hq_location_address_components": [p for p in (company.city, hq["country"]) if p],
            "company_profile_picture_permalink": f"{facts.IMAGES}/companies/{company.index}.jpg",
            "location": {"raw": hq["raw"]},
            "years_at_company": facts.years_text(count),
            "years_at_company_raw": count,
            "business_email_verified": now and bool(self.known.work_email) and self.known.work_verified,
        }
        return row if knobs.company_ids else {k: v for k, v in row.items() if k != "crustdata_company_id"}

    def education(self) -> Json:
        dice, person = self.dice, self.known.subject
        degree, studied = facts.DEGREES[dice.pick("degree", len(facts.DEGREES))]
        end = facts.since(dice)[0] - 4
        school = facts.SCHOOLS[dice.pick("school", len(facts.SCHOOLS))]
        entry: Json = {
            "school": school,
            "degree": degree,
            "field_of_study": studied,
            "description": "",
            "start_year": end - 3,
            "end_year": end,
            "professional_network_id": str(70_000_000 + facts.SCHOOLS.index(school)),
            "institute_logo_permalink": None,
            "location": {k: v for k, v in facts.person_place(person).items() if k != "full_location"},
        }
        return {"schools": [entry]}

    def skills(self) -> Json:
        at = self.dice.pick("skill", len(facts.SKILLS))
        return {"professional_network_skills": [facts.SKILLS[(at + n) % len(facts.SKILLS)] for n in range(3)]}

    def dev_platform_profiles(self) -> list[Json]:
        dev = facts.dev_name(self.dice, self.known.subject)
        if not dev:
            return []
        row: Json = {
            "name": dev,
            "bio": "",
            "location": self.known.subject.city,
            "website_url": None,
            "company_text": self.known.company.name,
            "is_hireable": False,
            "followers": self.dice.pick("dev followers", 90),
            "following": self.dice.pick("dev following", 50),
            "public_repo_count": self.dice.pick("repositories", 30),
        }
        return [row]

    def certifications(self) -> list[Json]:
        if self.dice("certified") >= 0.2:
            return []
        return [{"name": "Certificate of Invention", "issued_date": "2021-03-01T00:00:00"}]

    def honors(self) -> list[Json]:
        return []

    def metadata(self) -> Json:
        return {"updated_at": self.updated_at()}

    def updated_at(self) -> str:
        return str(self.basic_profile()["last_updated"])

    def tier(self, name: str, verified: bool = False) -> list[object]:
        """The contacts of one tier; `verified` keeps business addresses that pass a check."""
        known = self.known
        if name == "phone_numbers":
            return list(known.phones)
        if name == "personal_emails":
            address = known.personal_email
            return [{"email": address, "status": "deliverable"}] if address else []
        status = self.directory.status(known)
        if not known.work_email or (verified and status != "deliverable"):
            return []
        return [{"email": known.work_email, "status": status}]

    def contact(self, tiers: Collection[str], verified: bool = False) -> Json:
        """The contact section with these tiers, in the vendor's order."""
        shown: Json = {}
        for name in TIERS:
            if name in tiers:
                shown[name] = self.tier(name, verified)
                if verified and name == "business_emails" and self.known.work_email and not shown[name]:
                    shown["business_emails_message"] = NONE_PASSED
        return shown


_SECTIONS: dict[str, Callable[[Profile], object]] = {
    "basic_profile": Profile.basic_profile,
    "professional_network": Profile.professional_network,
    "social_handles": Profile.social_handles,
    "experience": Profile.experience,
    "education": Profile.education,
    "skills": Profile.skills,
    "dev_platform_profiles": Profile.dev_platform_profiles,
    "certifications": Profile.certifications,
    "honors": Profile.honors,
    "metadata": Profile.metadata,
    "updated_at": Profile.updated_at,
}
