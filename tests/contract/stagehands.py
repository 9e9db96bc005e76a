"""Subjects for the entries of the connector tables."""

from __future__ import annotations

from fnmatch import fnmatchcase

from connectors.sandbox import REHEARSALS
from syncd.connector import load
from tests.contract.acts import ProviderSubject, Stage
from tests.contract.crm_acts import CrmSubject
from tests.contract.subjects import CRMS, PROVIDERS, CrmFacts, ProviderFacts


def accounts(name: str) -> tuple[ProviderFacts, ...]:
    """The kinds of account with which a provider is tried."""
    return PROVIDERS.get(name, (ProviderFacts(),))


def account_for(name: str, operation: str) -> int:
    """The number of the account on which an operation is tried."""
    for number, facts in enumerate(accounts(name)):
        if any(fnmatchcase(operation, pattern) for pattern in facts.covers):
            return number
    raise LookupError(f"no account of {name} in tests/contract/subjects.py covers {operation}")


def provider_subject(
    stage: Stage, name: str, operation: str = "", account: int | None = None
) -> ProviderSubject:
    """A provider of the table with one of its accounts, or one of its operations."""
    chosen = account_for(name, operation) if operation else account or 0
    return ProviderSubject(
        name=name,
        rehearsal=REHEARSALS[name],
        facts=accounts(name)[chosen],
        options=load("provider", name, "ConnectorOptions"),
        build=load("provider", name),
        stage=stage,
        operation=operation,
    )


def crm_subject(stage: Stage, name: str) -> CrmSubject:
    """A CRM of the table."""
    return CrmSubject(
        name=name,
        rehearsal=REHEARSALS[name],
        facts=CRMS.get(name, CrmFacts()),
        options=load("crm", name, "ConnectorOptions"),
        build=load("crm", name),
        stage=stage,
    )
