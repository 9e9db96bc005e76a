"""People by profile URL or business address: stored profile, contacts, live profile."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from connectors.sandbox.crustdata import prices
from connectors.sandbox.crustdata.account import Line
from connectors.sandbox.crustdata.calls import EMAILS, MATCH_TYPE, URLS, Call
from connectors.sandbox.crustdata.directory import Found, Match
from connectors.sandbox.crustdata.fields import (
    CONTACT,
    LIVE,
    PERSON,
    PERSON_DEFAULT,
    read_fields,
    sections_of,
)
from connectors.sandbox.crustdata.profiles import TIERS, Profile
from connectors.sandbox.crustdata.refusals import Json, Refused, invalid, missing

MOST = 25


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of each person. `mode` is profile, contact, live or preview."""

    mode: str
    fields: tuple[str, ...]
    least_score: float = 0.0
    verified: bool = False

    @property
    def tiers(self) -> tuple[str, ...]:
        """The contact tiers that the fields name."""
        whole = "contact" in self.fields
        return tuple(t for t in TIERS if whole or f"contact.{t}" in self.fields)


@dataclass(frozen=True, slots=True)
class Shown:
    """One match as it is answered, and the debits that it would cause."""

    match: Match
    data: Json
    tiers: tuple[str, ...]
    dev: bool = False


def read_ask(call: Call, mode: str, batch: bool = False) -> Ask:
    """The wishes of a body that is one of people.

    Raises:
        Refused: they are not understood, or not allowed.
    """
    valid, default = {
        "profile": (PERSON, PERSON_DEFAULT),
        "live": (LIVE, PERSON_DEFAULT),
        "contact": (CONTACT, ("contact",)),
    }[mode]
    least = call.share("min_similarity_score") if mode != "live" else 0.0
    verified = mode == "contact" and call.flag("verified")
    if mode == "profile" and call.refuse_preview():
        return Ask("preview", ("basic_profile",), least)
    available = "available_fields" if batch else ""
    fields = read_fields(call.body, valid, default, call.knobs.denied, available, deep=mode != "contact")
    if mode == "contact" and call.knobs.contact_overbill:
        fields = ("contact",)
    return Ask(mode, fields, least, verified)


def worst_case(call: Call, ask: Ask) -> Decimal:
    """The most that one identifier can cost."""
    if ask.mode == "live":
        return prices.LIVE
    if ask.mode == "preview":
        return Decimal(0)
    if ask.mode == "contact":
        lines = prices.contact_lines(
            ask.tiers, ask.verified, call.knobs.contact_base, call.knobs.contact_overbill
        )
        return prices.total(lines)
    dev = "dev_platform_profiles" in sections_of(ask.fields)
    return prices.total(prices.profile_lines(ask.tiers, dev))


def find(call: Call, kind: str, identifier: str, ask: Ask) -> Found | None:
    """Whom an identifier leads to, with at least the wanted score; None where nobody is left."""
    if kind == URLS:
        return call.directory.at_url(identifier, exact=ask.mode == "live")
    found = call.directory.at_email(identifier)
    if found is None:
        return None
    matches = tuple(m for m in found.matches if m.score >= ask.least_score)
    return Found(found.owner, matches) if matches else None


def show(call: Call, match: Match, ask: Ask) -> Shown:
    """A match in the form that was asked for."""
    profile = Profile(call.directory, match.known, call.now)
    if ask.mode == "contact":
        contact = profile.contact(ask.tiers, ask.verified)
        if "contact" in ask.fields:
            contact["websites"] = []
        data: Json = {**profile.shown(()), "contact": contact}
        return Shown(match, data, tuple(t for t in ask.tiers if contact[t]))
    data = profile.shown(ask.fields)
    stored = _stored(call, match, ask)
    if "contact" in sections_of(ask.fields):
        section = profile.contact(stored)
        shown: Json = {t: section.get(t, []) for t in ask.tiers}
        if "contact" in ask.fields or "contact.websites" in ask.fields:
            shown["websites"] = []
        data["contact"] = shown
        stored = tuple(t for t in stored if section[t])
    return Shown(match, data, stored, bool(data.get("dev_platform_profiles")))


def _stored(call: Call, match: Match, ask: Ask) -> tuple[str, ...]:
    """The tiers that a profile request has values of."""
    index, policy = match.known.subject.index, call.knobs.enrich_contacts
    return tuple(
        t for t in ask.tiers
        if t == TIERS[0] or policy == "all" or (policy == "bought" and (index, t) in call.account.bought)
    )  # fmt: skip


def lines_of(call: Call, ask: Ask, shown: list[Shown]) -> list[Line]:
    """What an answer about one or several people costs, when it is paid as one."""
    knobs = call.knobs
    if ask.mode == "preview" or not shown:
        return []
    if ask.mode == "live":
        return [("live", prices.LIVE)]
    tiers = {tier for one in shown for tier in one.tiers}
    if ask.mode == "contact":
        if tiers and knobs.bill == "requested":
            tiers |= set(ask.tiers)
        verified = ask.verified and any("business_emails" in one.tiers for one in shown)
        return prices.contact_lines(tiers, verified, knobs.contact_base, knobs.contact_overbill)
    dev = any(one.dev for one in shown)
    if knobs.bill == "requested":
        tiers |= {t for one in shown for t in _stored(call, one.match, ask)}
        dev = "dev_platform_profiles" in sections_of(ask.fields)
    return prices.profile_lines(tiers, dev)


def bill(call: Call, ask: Ask, owner: str, shown: list[Shown]) -> list[tuple[str, list[Line]]]:
    """The debits of an answer to one identifier, by person."""
    if call.knobs.bill_by == "match":
        return [(one.match.known.subject.ref, lines_of(call, ask, [one])) for one in shown]
    return [(owner, lines_of(call, ask, shown))]


def settle(call: Call, ask: Ask, debits: list[tuple[str, list[Line]]], shown: list[Shown]) -> None:
    """Take the credits and note which contacts are bought."""
    for person, lines in debits:
        call.till.take(person, lines)
    if ask.mode == "contact":
        call.account.bought |= {(s.match.known.subject.index, t) for s in shown for t in s.tiers}


def entry(kind: str, identifier: str, shown: list[Shown]) -> Json:
    """The answer about one identifier."""
    return {
        "matched_on": identifier,
        "match_type": MATCH_TYPE[kind],
        "matches": [{"confidence_score": s.match.score, "person_data": s.data} for s in shown],
    }


async def answer(call: Call, ask: Ask, kind: str, identifiers: list[str]) -> object:
    """The array of entries, in the order asked unless the knobs say otherwise; pays for it."""
    call.till.need(worst_case(call, ask) * len(identifiers))
    rows: list[Json] = []
    for identifier in identifiers:
        found = find(call, kind, identifier, ask)
        shown = [show(call, m, ask) for m in found.matches] if found else []
        if found:
            settle(call, ask, bill(call, ask, found.owner, shown), shown)
        rows.append(entry(kind, identifier, shown))
    if call.knobs.no_match in ("root", "404") and not any(row["matches"] for row in rows):
        if call.knobs.no_match == "404":
            raise missing("No matching person found")
        return []
    if call.knobs.no_match == "dropped":
        rows = [row for row in rows if row["matches"]]
    return rows[::-1] if call.knobs.reorder else rows


async def enrich(call: Call) -> object:
    """POST /person/enrich."""
    kind, identifiers = call.identifiers((URLS, EMAILS), MOST)
    call.refuse_old_flags()
    return await answer(call, read_ask(call, "profile"), kind, identifiers)


async def contact(call: Call) -> object:
    """POST /person/contact/enrich."""
    kind, identifiers = call.identifiers((URLS, EMAILS), MOST)
    ask = read_ask(call, "contact")
    if call.knobs.contact_ms:
        await asyncio.sleep(call.knobs.contact_ms / 1e3)
    return await answer(call, ask, kind, identifiers)


async def live(call: Call) -> object:
    """POST /person/professional_network/enrich/live."""
    for name in (EMAILS, "min_similarity_score"):
        if name in call.body:
            raise invalid(f"{name} is not supported here", name)
    kind, identifiers = call.identifiers((URLS,), MOST)
    return await answer(call, read_ask(call, "live"), kind, identifiers)


async def identify(call: Call) -> object:
    """POST /person/identify, which fails whatever it is sent."""
    raise Refused(500, "internal_error", "Internal server error")
