"""Syncs: what they map, match and plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from syncd.config import catalogue
from syncd.config.catalogue import ConnectorBroken
from syncd.config.checks.draft import Draft
from syncd.config.masking import shown
from syncd.config.problems import At, Finding, Severity, closest
from syncd.config.syncs import MatchKey, SyncSettings
from syncd.connector import Operation
from syncd.purchase import serves


def check_syncs(draft: Draft) -> Iterator[Finding]:
    """Findings about syncs that have their shape."""
    for name, sync in draft.syncs.items():
        at = ("syncs", name)
        yield from _check_schedule(sync, at)
        yield from _check_object(draft, sync, at)
        yield from _check_match(sync, at)
        yield from _check_groups(sync, at)
        yield from _check_supply(draft, sync, at)
    yield from _check_targets(draft)


def _check_schedule(sync: SyncSettings, at: At) -> Iterator[Finding]:
    if sync.cron is not None and not sync.cron.fires:
        yield Finding("cron.never", "no such date ever comes, so this never runs", (*at, "cron"))
    if sync.cron is None and sync.timezone is not None:
        yield Finding(
            "cron.zone", "a time zone means something only beside cron", (*at, "timezone"), on_key=True
        )


def _check_object(draft: Draft, sync: SyncSettings, at: At) -> Iterator[Finding]:
    crm = draft.crms.get(sync.crm)
    if crm is None or sync.object == "contact":
        # every CRM has contacts; asking it would import the vendor's package
        return
    try:
        objects = catalogue.crm_type(crm.type).objects
    except ConnectorBroken:
        message = f"the connector {crm.type} cannot be loaded"
        yield Finding("connector.broken", message, ("crms", sync.crm), on_key=True)
        return
    if sync.object not in objects:
        message = f"{crm.type} has no object {shown(sync.object)} that can be enriched"
        yield Finding("object.unknown", message, (*at, "object"), closest(sync.object, objects))


def _check_match(sync: SyncSettings, at: At) -> Iterator[Finding]:
    have = set(sync.match)
    direct = have & {MatchKey.EMAIL, MatchKey.LINKEDIN_URL, MatchKey.PHONE}
    named = MatchKey.FULL_NAME in have or {MatchKey.FIRST_NAME, MatchKey.LAST_NAME} <= have
    employed = bool(have & {MatchKey.COMPANY_NAME, MatchKey.COMPANY_DOMAIN})
    if not direct and not (named and employed):
        hint = "give email, linkedin_url, phone, or names together with company_name or company_domain"
        yield Finding(
            "match.useless", "by these properties nobody can be looked up", (*at, "match"), hint, on_key=True
        )


def _check_groups(sync: SyncSettings, at: At) -> Iterator[Finding]:
    members = defaultdict(list)
    for field, rule in sync.fields.items():
        if rule.group:
            members[rule.group].append(field)
    for group, fields in members.items():
        if len(fields) == 1:
            yield Finding(
                "group.single",
                f"the group {shown(group)} has one member, so it changes nothing",
                (*at, "fields", fields[0].value, "group"),
                closest(group, [g for g in members if g != group]) if len(members) > 1 else "",
                Severity.WARNING,
            )


def _check_supply(draft: Draft, sync: SyncSettings, at: At) -> Iterator[Finding]:
    """Providers that cannot be asked for want of a budget, and fields that nobody sells."""
    supply: dict[str, tuple[Operation, ...]] = {}
    for account in sync.accounts(sorted(draft.names["providers"])):
        provider = draft.providers.get(account)
        if provider is None:
            return
        try:
            supply[account] = catalogue.provider_type(provider.type).operations
        except ConnectorBroken:
            return
        if not provider.budgets and not any(operation.free for operation in supply[account]):
            yield Finding(
                "budget.none",
                "this provider has no budget, so it is never asked",
                ("providers", account),
                "add budgets: with a cap per credit kind",
                Severity.WARNING,
                on_key=True,
            )
    for field, rule in sync.fields.items():
        sellers = rule.sources or tuple(supply)
        if not set(sellers) <= set(supply):
            continue
        sold = {r for a in sellers for operation in supply.get(a, ()) for r in operation.returns}
        if not any(field in serves(returned) for returned in sold):
            message = f"none of the providers that may be asked has {field.value}"
            place = (*at, "fields", field.value)
            yield Finding("field.unsold", message, place, severity=Severity.WARNING, on_key=True)


def _check_targets(draft: Draft) -> Iterator[Finding]:
    """Two different fields that are written to one property would undo each other for ever."""
    owners: dict[tuple[str, str, str], tuple[str, str]] = {}
    for name, sync in draft.syncs.items():
        for field, rule in sync.fields.items():
            # property names of Salesforce do not tell case apart
            target = (sync.crm, sync.object, rule.to.casefold())
            owner = owners.setdefault(target, (name, field.value))
            if owner[1] != field.value:
                where = "" if owner[0] == name else f" in the sync {shown(owner[0])}"
                message = f"{owner[1]} is written to this property already{where}"
                yield Finding("field.target", message, ("syncs", name, "fields", field.value, "to"))
