"""One request that was let in: what was asked, read and checked, and what it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from connectors.sandbox.crustdata.account import Account, Till
from connectors.sandbox.crustdata.directory import Directory
from connectors.sandbox.crustdata.knobs import Knobs
from connectors.sandbox.crustdata.refusals import Json, Refused, invalid

if TYPE_CHECKING:
    from connectors.sandbox.crustdata.jobs import Jobs

URLS, EMAILS = "professional_network_profile_urls", "business_emails"
MATCH_TYPE = {URLS: "professional_network_profile_url", EMAILS: "business_email"}


@dataclass(slots=True)
class Call:
    """A request. Readers raise Refused where the input is missing or bad."""

    till: Till
    account: Account
    directory: Directory
    jobs: Jobs
    knobs: Knobs
    now: datetime
    template: str
    base_url: str
    query: Mapping[str, str]
    path: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json

    def flag(self, name: str) -> bool:
        """A switch of the body."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, bool):
            raise invalid(f"{name} must be a boolean", name)
        return bool(value)

    def share(self, name: str) -> float:
        """A number from 0 to 1 of the body; 0 where it is absent."""
        value = self.body.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise invalid(f"{name} must be a number between 0 and 1", name)
        return float(value)

    def count(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 of the body or the query."""
        value = self.body.get(name, self.query.get(name, default))
        text = str(value)
        if isinstance(value, bool) or not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= most:
            raise invalid(f"{name} must be between 1 and {most}", name)
        return int(text)

    def text(self, name: str) -> str:
        """A text of the body, blank where it is absent."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid(f"{name} must be a string", name)
        return value or ""

    def identifiers(self, names: tuple[str, ...], most: int) -> tuple[str, list[str]]:
        """The only list of identifiers in the body, with its name.

        Raises:
            Refused: none or several are given, or it is empty, too long or not of texts.
        """
        given = [n for n in names if self.body.get(n) is not None]
        if len(given) != 1:
            raise invalid(f"Exactly one of {', '.join(names)} is required")
        name = given[0]
        values = self.body[name]
        if not isinstance(values, list) or not values:
            raise invalid(f"{name} must be a non-empty array", name)
        if len(values) > most:
            raise invalid(f"{name} takes at most {most} identifiers per request", name)
        kind = int if name == "crustdata_company_ids" else str
        if not all(isinstance(v, kind) and not isinstance(v, bool) and v != "" for v in values):
            raise invalid(f"{name} must be an array of {'integers' if kind is int else 'strings'}", name)
        return name, [str(v) for v in values]

    def refuse_old_flags(self) -> None:
        """Refuse the parameters that older pages name, where the knob says so."""
        old = [n for n in ("force_fetch", "enrich_realtime") if n in self.body]
        if old and self.knobs.old_flags == "refused":
            raise invalid(f"Unsupported parameters: {', '.join(old)}", old[0])

    def refuse_preview(self) -> bool:
        """Whether a preview is asked for, which few accounts may.

        Raises:
            Refused: this one may not.
        """
        if self.flag("preview") and not self.knobs.preview_enabled:
            raise Refused(400, "invalid_request", "Preview feature is not available for your account")
        return self.flag("preview")
