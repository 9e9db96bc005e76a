"""Every metric family there is: its name, type, labels, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from syncd.model import COMPANY_FIELDS, PHONE_FIELDS, Field

MODES = ("plan", "live", "paused")
RESULTS = ("ok", "partial", "failed", "skipped_lock", "budget_stop", "braked")
ENDS: Mapping[str, str] = MappingProxyType(
    {
        "enriched": "enriched",
        "unchanged": "unchanged",
        "no_match": "no_match",
        "skipped": "skipped_rule",
        "no_budget": "skipped_budget",
        "review": "review",
        "failed": "dead_letter",
    }
)
"""What became of a contact, in the words of reports → `outcome`."""
QUEUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "lookup": ("ready", "leased", "waiting"),
        "write": ("enriched", "writing"),
        "dead_letter": ("dead",),
    }
)
"""`queue` → states of contacts; pull and poll are counted otherwise."""
ASKED = (
    "found",
    "not_found",
    "ok",
    "error_timeout",
    "error_http",
    "error_auth",
    "error_quota",
    "error_rate",
    "error_schema",
    "unknown",
)
OPERATIONS = ("lookup", "check", "account")
CLASSES = ("work_email", "personal_email", "phone", "title", "company", "linkedin", "other")
WRITES = ("written", "unchanged", "conflict", "rejected", "error")
BREAKER = ("closed", "half_open", "open")
CALLBACKS = ("accepted", "duplicate", "bad_signature", "stale", "unknown_job", "too_large")
HALTS = ("auth", "config", "brake", "out_of_credits", "no_access", "share", "pause")
LEVELS = ("debug", "info", "warning", "error", "critical")

_TITLES = frozenset({Field.JOB_TITLE, Field.HEADLINE, Field.SENIORITY, Field.JOB_FUNCTION})


def class_of(field: Field) -> str:
    """The `field_class` of a field."""
    if field in (Field.WORK_EMAIL, Field.PERSONAL_EMAIL):
        return field.value
    if field in PHONE_FIELDS:
        return "phone"
    if field in _TITLES:
        return "title"
    if field is Field.LINKEDIN_URL:
        return "linkedin"
    return "company" if field in COMPANY_FIELDS else "other"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. `source` is state for what survives a restart, process for what begins at 0 with each."""

    name: str
    type: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...]
    source: Literal["state", "process"]
    help: str

    def gauge(self) -> GaugeMetricFamily:
        """A gauge to be filled."""
        return GaugeMetricFamily(self.name, self.help, labels=self.labels)

    def counter(self) -> CounterMetricFamily:
        """A counter to be filled."""
        return CounterMetricFamily(self.name, self.help, labels=self.labels)


def _table(*rows: tuple[str, str, str, str, str]) -> Mapping[str, Family]:
    found = {}
    for name, kind, labels, source, text in rows:
        if kind not in ("gauge", "counter", "histogram") or source not in ("state", "process"):
            raise AssertionError(name)
        found[name] = Family(name, kind, tuple(labels.split()), source, text)  # type: ignore[arg-type]  # just checked
    return MappingProxyType(found)


CATALOGUE: Mapping[str, Family] = _table(
    ("syncd_build_info", "gauge", "version python schema", "process", "What runs; always 1."),
    ("syncd_mode_info", "gauge", "mode", "state", "1 for what it may do: plan, live, or paused by a person."),
    (
        "syncd_config_last_reload_successful", "gauge", "", "state",
        "Whether the last reading of the configuration was taken over; 0 while an older one stays in force.",
    ),
    (
        "syncd_config_last_reload_success_timestamp_seconds", "gauge", "", "state",
        "When the configuration in force was read.",
    ),
    (
        "syncd_task_last_success_timestamp_seconds", "gauge", "task crm", "state",
        "When a sync last ended well, a budget stop included; 0 before the first time.",
    ),
    ("syncd_task_last_run_timestamp_seconds", "gauge", "task crm", "state", "When a sync last read its CRM."),
    (
        "syncd_task_last_census_timestamp_seconds", "gauge", "task crm", "state",
        "When a sync's contacts were last compared with all records of its CRM; 0 before the first time.",
    ),
    (
        "syncd_task_interval_seconds", "gauge", "task crm", "process",
        "How often a sync is due; for cron the distance between its next two times.",
    ),
    ("syncd_task_duration_seconds", "histogram", "task", "process", "How long the cycles took that served a sync."),
    (
        "syncd_task_runs_total", "counter", "task result", "state",
        "Cycles that served a sync, by verdict; skipped_lock: it was due while an earlier cycle was under way.",
    ),
    (
        "syncd_crm_cursor_timestamp_seconds", "gauge", "crm object", "state",
        "Up to which change a CRM was read, of the sync that is furthest behind.",
    ),
    (
        "syncd_oldest_pending_contact_timestamp_seconds", "gauge", "crm", "state",
        "When the contact changed that has waited for the longest; 0 while none waits.",
    ),
    (
        "syncd_contact_freshness_seconds", "histogram", "crm", "process",
        "From the change of a contact in the CRM to the enriched values being written.",
    ),
    ("syncd_contacts_total", "counter", "crm outcome", "process", "Contacts that came to their end."),
    (
        "syncd_queue_items", "gauge", "queue", "state",
        "What waits: syncs to be pulled; contacts to be looked up, to be written, failed; jobs to be polled.",
    ),
    (
        "syncd_provider_requests_total", "counter", "provider operation outcome", "process",
        "Requests to providers, a lookup by what came of it. Operation: lookup may cost, check is free, "
        "account is the rest.",
    ),
    (
        "syncd_provider_request_duration_seconds", "histogram", "provider operation", "process",
        "How long requests to providers took.",
    ),
    (
        "syncd_provider_field_results_total", "counter", "provider field_class result", "state",
        "Values of providers: filled into the CRM, rejected, in conflict (all from the state), or empty: "
        "asked for and not there (counted by this process).",
    ),
    ("syncd_provider_credits_spent_total", "counter", "provider kind", "state", "Credits spent, by our books."),
    ("syncd_provider_credits_reserved", "gauge", "provider kind", "state", "Credits held for what is in flight."),
    (
        "syncd_provider_credits_unknown", "gauge", "provider kind", "state",
        "Credits of lookups whose answer was lost; they count as spent.",
    ),
    (
        "syncd_provider_credits_remaining", "gauge", "provider kind source", "state",
        "What is left by the provider's own figure, under the tightest cap, and under the month's; NaN where there is none.",
    ),
    (
        "syncd_provider_credits_cap", "gauge", "provider kind", "process",
        "The cap of the calendar month, of the day or of a run, the first that is set.",
    ),
    (
        "syncd_provider_stats_timestamp_seconds", "gauge", "provider", "state",
        "When the provider's own figures were read; 0 before the first time.",
    ),
    (
        "syncd_provider_ledger_drift_credits", "gauge", "provider kind", "state",
        "Credits that are gone at the provider and were not spent by us.",
    ),
    ("syncd_provider_breaker_state", "gauge", "provider state", "state", "1 for the state of the breaker."),
    (
        "syncd_provider_rate_limit_remaining_ratio", "gauge", "provider bucket", "process",
        "Part of a rate limit that this process has not used in the limit's last period; 0 while told to wait.",
    ),
    ("syncd_async_jobs", "gauge", "provider", "state", "Jobs of providers that are waited for."),
    (
        "syncd_async_jobs_oldest_timestamp_seconds", "gauge", "provider", "state",
        "When the oldest of them was launched; 0 while there is none.",
    ),
    ("syncd_webhooks_total", "counter", "provider result", "process", "Callbacks of providers."),
    (
        "syncd_crm_requests_total", "counter", "crm outcome", "process",
        "Requests to CRMs by how they ended; the outcomes are those of providers.",
    ),
    (
        "syncd_crm_api_calls_remaining", "gauge", "crm", "process",
        "API calls that the CRM's account has left today; NaN until the CRM says so.",
    ),
    ("syncd_crm_api_calls_limit", "gauge", "crm", "process", "API calls that the account has a day; NaN as above."),
    (
        "syncd_crm_writes_total", "counter", "crm result", "state",
        "Values by what became of them; unchanged, a value that was there already, is counted by this process.",
    ),
    ("syncd_halts", "gauge", "kind", "state", "What is stopped now, by why."),
    ("syncd_db_size_bytes", "gauge", "", "state", "Size of the state."),
    ("syncd_db_wal_bytes", "gauge", "", "state", "Size of an embedded state's write-ahead log; NaN for PostgreSQL."),
    ("syncd_db_free_disk_bytes", "gauge", "", "state", "Free space beside an embedded state; NaN for PostgreSQL."),
    ("syncd_db_disk_bytes", "gauge", "", "state", "Size of that file system; NaN for PostgreSQL."),
    ("syncd_log_messages_total", "counter", "level", "process", "Log lines."),
    (
        "syncd_clock_step_seconds_total", "counter", "", "process",
        "By how much the wall clock was set, both ways.",
    ),
    ("syncd_scheduler_last_tick_timestamp_seconds", "gauge", "", "process", "The daemon's pulse."),
)  # fmt: skip
