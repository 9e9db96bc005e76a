"""Subjects for the entries of the connector tables."""

from __future__ import annotations

from connectors.sandbox import REHEARSALS
from syncd.connector import load
from tests.contract.acts import ProviderSubject, Stage
from tests.contract.subjects import PROVIDERS, ProviderFacts


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
