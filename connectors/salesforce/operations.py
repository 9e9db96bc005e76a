"""Salesforce's endpoints and limits, as data."""

from __future__ import annotations

from syncd.connector import Limit, Operation

VERSIONS = Operation("versions")
LOGIN = Operation("login", bucket="login")
IDENTITY = Operation("identity")
LIMITS_LEFT = Operation("limits")
DESCRIBE = Operation("describe", timeout_s=60.0)
UPDATED = Operation("updated", timeout_s=60.0)
# Salesforce gives a query up to two minutes before it ends it with QUERY_TIMEOUT.
QUERY = Operation("query", batch=2_000, timeout_s=150.0)
QUERY_MORE = Operation("query_more", batch=2_000, timeout_s=150.0)
HISTORY = Operation("history", batch=2_000, timeout_s=150.0)
BULK_START = Operation("bulk_start", timeout_s=60.0)
BULK_STATE = Operation("bulk_state", bucket="bulk")
BULK_RESULTS = Operation("bulk_results", batch=5_000, timeout_s=150.0)
BULK_ABORT = Operation("bulk_abort")
# A batch runs the org's own triggers and flows, and may wait for locks.
UPDATE = Operation("update", batch=200, timeout_s=120.0)
UPDATE_STRICTLY = Operation("update_strictly", batch=25, timeout_s=120.0)

OPERATIONS = (
    VERSIONS,
    LOGIN,
    IDENTITY,
    LIMITS_LEFT,
    DESCRIBE,
    UPDATED,
    QUERY,
    QUERY_MORE,
    HISTORY,
    BULK_START,
    BULK_STATE,
    BULK_RESULTS,
    BULK_ABORT,
    UPDATE,
    UPDATE_STRICTLY,
)
WRITES = frozenset({UPDATE.name, UPDATE_STRICTLY.name})

LIMITS = (
    # There is no limit per second. 25 long calls may run at a time in a production org, 5 in others.
    Limit("default", 50, 1.0, concurrency=5),
    # Ours: how often the state of a bulk job is asked for.
    Limit("bulk", 12, 60.0, concurrency=1),
    # Salesforce locks a user out that logs in too often.
    Limit("login", 10, 60.0, concurrency=1),
)

OBJECTS = {"contact": "Contact", "lead": "Lead"}

PATHS = {
    VERSIONS.name: "/services/data/",
    LOGIN.name: "/services/oauth2/token",
    IDENTITY.name: "/services/oauth2/userinfo",
    LIMITS_LEFT.name: "/services/data/v{version}/limits",
    DESCRIBE.name: "/services/data/v{version}/sobjects/{object}/describe",
    UPDATED.name: "/services/data/v{version}/sobjects/{object}/updated",
    QUERY.name: "/services/data/v{version}/queryAll",
    QUERY_MORE.name: "/services/data/v{version}/query/{locator}",
    HISTORY.name: "/services/data/v{version}/query",
    BULK_START.name: "/services/data/v{version}/jobs/query",
    BULK_STATE.name: "/services/data/v{version}/jobs/query/{job}",
    BULK_RESULTS.name: "/services/data/v{version}/jobs/query/{job}/results",
    BULK_ABORT.name: "/services/data/v{version}/jobs/query/{job}",
    UPDATE.name: "/services/data/v{version}/composite/sobjects",
    UPDATE_STRICTLY.name: "/services/data/v{version}/composite",
}
"""Path templates, for logs and metrics."""
