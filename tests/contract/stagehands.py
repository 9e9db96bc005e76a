"""Subjects for the entries of the connector tables."""

from __future__ import annotations

from connectors.sandbox import REHEARSALS
from syncd.connector import load
from tests.contract.acts import ProviderSubject, Stage
from tests.contract.crm_acts import CrmSubject
from tests.contract.subjects import CRMS, PROVIDERS, CrmFacts, ProviderFacts


def provider_subject(stage: Stage, name: str, operation: str = "") -> ProviderSubject:
    """A provider of the table, or one of its operations."""
    return ProviderSubject(
        name=name,
        rehearsal=REHEARSALS[name],
        facts=PROVIDERS.get(name, ProviderFacts()),
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
