"""CRMs and providers: limits, budgets, addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from syncd.config import catalogue
from syncd.config.catalogue import ConnectorBroken
from syncd.config.checks.draft import Draft
from syncd.config.masking import shown
from syncd.config.problems import At, Finding, Severity, closest
from syncd.config.settings import ConnectorShape, CrmSettings, ProviderSettings
from syncd.config.urls import is_loopback, is_loopback_host
from syncd.connector import Limit


def check_connectors(draft: Draft) -> Iterator[Finding]:
    """Findings about entries of `crms` and `providers`, and about where they lead together."""
    for name, crm in draft.crms.items():
        yield from _check_crm(crm, ("crms", name))
    for name, provider in draft.providers.items():
        yield from _check_provider(provider, ("providers", name))
    yield from _check_sandbox(draft)
    yield from _check_http(draft)


def _check_crm(crm: CrmSettings, at: At) -> Iterator[Finding]:
    if crm.base_url and urlsplit(crm.base_url).path:
        yield Finding("url.path", "a CRM's base_url has no path", (*at, "base_url"))
    if crm.limits:
        # only now: importing a CRM connector loads the vendor's package
        try:
            declared = catalogue.crm_type(crm.type)
        except ConnectorBroken as error:
            yield _broken(crm, error, at)
        else:
            yield from _check_limits(crm, declared.limits, at)


def _check_provider(provider: ProviderSettings, at: At) -> Iterator[Finding]:
    try:
        declared = catalogue.provider_type(provider.type)
    except ConnectorBroken as error:
        yield _broken(provider, error, at)
        return
    yield from _check_limits(provider, declared.limits, at)
    for key, named in (("budgets", provider.budgets), ("prices", provider.prices)):
        for kind in named:
            if kind not in declared.credits:
                message = f"{provider.type} has no credit kind {shown(kind)}"
                yield Finding(
                    "credit.unknown", message, (*at, key, kind), closest(kind, declared.credits), on_key=True
                )
    if provider.base_url:
        path, own = urlsplit(provider.base_url).path, urlsplit(declared.default_base_url).path.rstrip("/")
        if path not in ("", own):
            hint = f"the vendor's own is {own}" if own else "leave the path out; requests bring their own"
            yield Finding(
                "url.path", "this base_url has a path that the vendor's own has not", (*at, "base_url"), hint
            )


def _broken(entry: ConnectorShape, error: ConnectorBroken, at: At) -> Finding:
    return Finding(
        "connector.broken", f"the connector {entry.type} cannot be loaded ({error})", at, on_key=True
    )


def _check_limits(entry: ConnectorShape, vendor: Iterable[Limit], at: At) -> Iterator[Finding]:
    by_bucket = {limit.bucket: limit for limit in vendor}
    for bucket, rate in entry.limits.items():
        place = (*at, "limits", bucket)
        if bucket != "default" and bucket not in by_bucket:
            message = f"{entry.type} has no bucket {shown(bucket)}"
            yield Finding(
                "limit.unknown", message, place, closest(bucket, [*by_bucket, "default"]), on_key=True
            )
            continue
        own = by_bucket.get(bucket) or max(by_bucket.values(), key=lambda b: b.count / b.per_s, default=None)
        if own is not None and rate.exceeds(own) and not entry.sandboxed:
            allowed = f"{own.count} per {own.per_s:g} s"
            yield Finding("limit.raised", f"a limit may only lower the vendor's own, {allowed}", place)


def _check_sandbox(draft: Draft) -> Iterator[Finding]:
    """A sandbox must not meet a real account: what is invented would be written to real contacts."""
    entries = {
        **{("crms", name): crm for name, crm in draft.crms.items()},
        **{("providers", name): provider for name, provider in draft.providers.items()},
    }
    if any(entry.sandboxed for entry in entries.values()):
        for at, entry in entries.items():
            if not entry.sandboxed:
                yield Finding(
                    "sandbox.mixed",
                    "this leads to a real account while another base_url leads to a sandbox on this machine",
                    (*at, "base_url"),
                    "give it the base_url of a sandbox too, or remove every loopback base_url",
                )


def _check_http(draft: Draft) -> Iterator[Finding]:
    if draft.file is None:
        return
    http = draft.file.http
    if not is_loopback_host(http.listen.host):
        yield Finding(
            "http.exposed",
            "metrics and health are open to other machines, without a password",
            ("http", "listen"),
            "listen on 127.0.0.1 and let a reverse proxy pass on /callbacks",
            Severity.WARNING,
        )
    live = any(not entry.sandboxed for entry in draft.providers.values())
    if http.public_url and is_loopback(http.public_url) and live:
        message = "a vendor cannot reach a URL on this machine"
        yield Finding("http.public", message, ("http", "public_url"), severity=Severity.WARNING)
