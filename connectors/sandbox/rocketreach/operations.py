"""The vendor's operations: path, API, limit, whether answers carry a request id, what answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connectors.sandbox.rocketreach import desk, people, search
from connectors.sandbox.rocketreach.call import Answer, Call

PREFIX = "/api/v2"
OTHER_PREFIXES = ("/v2/api", "/api/v2")
"""Where requests may come to; without any prefix they are taken too."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `api` is blank where both APIs have it; `run` None where the server answers itself."""

    method: str
    path: str
    run: Callable[[Call], Awaitable[Answer]] | None
    api: str = "standard"
    action: str = ""
    traced: bool = False

    @property
    def template(self) -> str:
        """The path with its prefix, by which faults and the journal name the operation."""
        return PREFIX + self.path


def _both(
    method: str,
    standard: str,
    universal: str,
    run: Callable[[Call], Awaitable[Answer]],
    action: str = "",
    traced: bool = False,
) -> tuple[Operation, Operation]:
    return (
        Operation(method, standard, run, "standard", action, traced),
        Operation(method, f"/universal{universal}", run, "universal", action, traced),
    )


_COMPANIES, _PEOPLE = "company_search", "person_search"

OPERATIONS = (
    *_both("GET", "/person/lookup", "/person/lookup", people.lookup_person, "person_lookup", True),
    *_both("GET", "/person/checkStatus", "/person/check_status", people.check_status, "check_status"),
    *_both("POST", "/bulkLookup", "/person/bulk_lookup", people.lookup_in_bulk, "bulk_lookup", True),
    *_both("POST", "/person/search", "/person/search", search.search_people, _PEOPLE),
    Operation("POST", "/search", search.search_people, "standard", _PEOPLE),
    Operation(
        "GET", "/profile-company/lookup", people.lookup_with_employer, "standard", "person_lookup", True
    ),
    *_both("GET", "/company/lookup", "/company/lookup", desk.lookup_company),
    *_both("POST", "/searchCompany", "/company/search", search.search_companies, _COMPANIES),
    Operation("POST", "/email/verify", desk.verify_email, "", "email_verify"),
    Operation("GET", "/account", None),
    Operation("GET", "/universal/account", None, "universal"),
    Operation("POST", "/account/key", None, ""),
)
