"""A configuration in the making."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncd.config.problems import Finding
from syncd.config.settings import CrmSettings, FileShape, ProviderSettings
from syncd.config.syncs import SyncSettings
from syncd.config.values import Raw


@dataclass(frozen=True, slots=True)
class Draft:
    """What could be read. Sections and entries with a mistake are absent; `tree` and `names` are whole."""

    tree: Raw
    file: FileShape | None
    crms: Mapping[str, CrmSettings]
    providers: Mapping[str, ProviderSettings]
    syncs: Mapping[str, SyncSettings]
    names: Mapping[str, frozenset[str]]
    findings: list[Finding]
