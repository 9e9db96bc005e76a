"""The configuration: one YAML file as frozen settings, or every problem it has at once."""

from syncd.config.checks import missing_secrets
from syncd.config.cron import Cron
from syncd.config.problems import ConfigInvalid, Problem, Severity, summary
from syncd.config.reading import find, load, parse
from syncd.config.settings import Budget, CrmSettings, Mode, ProviderSettings, Settings
from syncd.config.syncs import FieldRule, MatchKey, SyncSettings
from syncd.config.values import Listen, Rate

__all__ = [
    "Budget",
    "ConfigInvalid",
    "CrmSettings",
    "Cron",
    "FieldRule",
    "Listen",
    "MatchKey",
    "Mode",
    "Problem",
    "ProviderSettings",
    "Rate",
    "Settings",
    "Severity",
    "SyncSettings",
    "find",
    "load",
    "missing_secrets",
    "parse",
    "summary",
]
