"""The tables. Instants are microseconds since the epoch, money is millionths of a credit.

Both are integers, so that they compare, add and survive alike in SQLite and PostgreSQL.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Words(TypeDecorator[str]):
    """Text from outside. What a database cannot hold, NUL and half surrogates, is replaced, not refused.

    PostgreSQL takes no NUL, and one odd value must not stop the rows that are stored with it.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up by itself only in a column of exactly this type."""

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

crm_account = Table(
    "crm_account",
    metadata,
    Column("crm", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("label", Text, nullable=False, default=""),
    Column("author_source", Text, nullable=False, default=""),
    Column("first_seen_at", BigInteger, nullable=False),
)

sync_state = Table(
    "sync_state",
    metadata,
    Column("sync", Text, primary_key=True),
    Column("watermark_at", BigInteger),
    Column("window_from_at", BigInteger),
    Column("window_until_at", BigInteger),
    Column("cursor", Text),
    Column("scan_cursor", Text),
    Column("scan_started_at", BigInteger),
    Column("policy_digest", Text, nullable=False, default=""),
    Column("last_run_at", BigInteger),
    Column("last_success_at", BigInteger),
    Column("census_at", BigInteger),
    Column("owner", Text, nullable=False, default=""),
    Column("lease_until", BigInteger, nullable=False, default=0),
)

work = Table(
    "work",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sync", Text, nullable=False),
    Column("crm", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Words, nullable=False, default=""),
    Column("not_before", BigInteger, nullable=False, default=0),
    Column("owner", Text, nullable=False, default=""),
    Column("lease_until", BigInteger, nullable=False, default=0),
    Column("fence", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("dirty", Boolean, nullable=False, default=False),
    Column("version", Text, nullable=False, default=""),
    Column("input_digest", Text, nullable=False, default=""),
    Column("record", LargeBinary),
    Column("trace", LargeBinary),
    Column("run_id", BigInteger, nullable=False, default=0),
    Column("seen_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("moved_at", BigInteger, nullable=False, default=0),
    Column("refresh_at", BigInteger),
    UniqueConstraint("sync", "record_id"),
    Index("ix_work_queue", "state", "sync", "not_before", "id"),
    Index("ix_work_record", "crm", "object", "record_id"),
    Index("ix_work_run", "run_id", "state"),
)

identity = Table(
    "identity",
    metadata,
    Column("work_id", BigInteger, ForeignKey("work.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Index("ix_identity_digest", "digest"),
)

run = Table(
    "run",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False, default=""),
    Column("owner", Text, nullable=False, default=""),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("verdict", Text, nullable=False, default=""),
    Column("report", LargeBinary),
)

provider_call = Table(
    "provider_call",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("month", Text, nullable=False),
    Column("handle", Text),
    Column("wake_token", Text),
    Column("poll_at", BigInteger),
    Column("polls", Integer, nullable=False, default=0),
    Column("deadline_at", BigInteger),
    Column("lease_until", BigInteger, nullable=False, default=0),
    Column("sent_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("repeated_at", BigInteger),
    Column("reason", Words, nullable=False, default=""),
    CheckConstraint("state IN ('sent','pending','settled','released','unknown','written_off')", name="state"),
    Index("ix_provider_call_state", "state", "poll_at"),
    Index("ix_provider_call_account", "account", "state"),
    Index("ix_provider_call_run", "run_id"),
    Index("ix_provider_call_wake", "wake_token"),
)

lookup = Table(
    "lookup",
    metadata,
    Column("id", Id, primary_key=True),
    Column("call_id", BigInteger, ForeignKey("provider_call.id"), nullable=False),
    Column("account", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("key_kind", Text, nullable=False),
    Column("key_digest", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text, nullable=False, default=""),
    Column("reason", Words, nullable=False, default=""),
    Column("key", LargeBinary),
    Column("answer", LargeBinary),
    Column("charge", Text, nullable=False, default=""),
    Column("work_id", BigInteger),
    Column("sent_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    CheckConstraint("state IN ('sent','pending','settled','released','unknown','written_off')", name="state"),
    # Of rows whose state is not `released`: the migration says so. Said here, it would make every process import
    # the dialect of the database that it does not use.
    Index("uq_lookup_purchase", "account", "operation", "key_digest", "epoch", unique=True),
    Index("ix_lookup_key", "key_digest"),
    Index("ix_lookup_call", "call_id", "position"),
    Index("ix_lookup_work", "work_id"),
)

budget = Table(
    "budget",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("cap", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False, default=0),
    Column("spent", BigInteger, nullable=False, default=0),
    Column("unknown", BigInteger, nullable=False, default=0),
    UniqueConstraint("account", "kind", "scope", "period"),
    CheckConstraint("reserved >= 0 AND spent >= 0 AND unknown >= 0", name="never_negative"),
)

pool = Table(
    "pool",
    metadata,
    Column("account", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("reported", Boolean, nullable=False),
    Column("remaining", BigInteger),
    Column("plan", Text, nullable=False, default="unknown"),
    Column("floor", BigInteger, nullable=False, default=0),
    Column("reserved", BigInteger, nullable=False, default=0),
    Column("spent_since", BigInteger, nullable=False, default=0),
    Column("vendor_period", Text, nullable=False, default=""),
    Column("fetched_at", BigInteger),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Id, primary_key=True),
    Column("call_id", BigInteger, ForeignKey("provider_call.id"), nullable=False),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("day", Text, nullable=False),
    Column("month", Text, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("unknown", BigInteger, nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", BigInteger, nullable=False),
    UniqueConstraint("call_id", "kind", "reason"),
    Index("ix_ledger_account", "account", "kind", "month"),
    Index("ix_ledger_run", "run_id"),
)

observation = Table(
    "observation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("remaining", BigInteger),
    Column("plan", Text, nullable=False),
    Column("vendor_period", Text, nullable=False),
    Column("our_spent", BigInteger, nullable=False),
    Column("our_unknown", BigInteger, nullable=False),
    Column("our_reserved", BigInteger, nullable=False),
    Column("drift", BigInteger, nullable=False, default=0),
    Column("others", BigInteger, nullable=False, default=0),
    Column("overcharged", BigInteger, nullable=False, default=0),
    Column("quiet", Boolean, nullable=False, default=False),
    Column("last_call", BigInteger, nullable=False, default=0),
    Column("at", BigInteger, nullable=False),
    Index("ix_observation_account", "account", "kind", "id"),
)

rate = Table(
    "rate",
    metadata,
    Column("key", Text, primary_key=True),
    Column("tat", BigInteger, nullable=False, default=0),
    Column("interval_us", BigInteger, nullable=False),
    Column("paused_at", BigInteger, nullable=False, default=0),
    Column("paused_until", BigInteger, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("breaker_until", BigInteger, nullable=False, default=0),
)

halt = Table(
    "halt",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("reason", Words, nullable=False),
    Column("since_at", BigInteger, nullable=False),
    Column("until_at", BigInteger),
)

change = Table(
    "change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("work_id", BigInteger, ForeignKey("work.id", ondelete="CASCADE"), nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("crm", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("property", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("before", Words),
    Column("after", Words),
    Column("before_author", Text, nullable=False, default=""),
    Column("account", Text, nullable=False, default=""),
    Column("lookup_id", BigInteger),
    Column("quality", Text, nullable=False, default=""),
    Column("reason", Words, nullable=False, default=""),
    Column("state", Text, nullable=False),
    Column("code", Text, nullable=False, default=""),
    Column("undoes", BigInteger),
    Column("intended_at", BigInteger, nullable=False),
    Column("confirmed_at", BigInteger),
    Column("verified_at", BigInteger),
    CheckConstraint(
        "state IN ('intended','written','rejected','conflict','proposed','refused','not_applied','undone',"
        "'found')",
        name="state",
    ),
    Index("ix_change_record", "crm", "object", "record_id", "property", "id"),
    Index("ix_change_work", "work_id"),
    Index("ix_change_run", "run_id", "state"),
    Index("ix_change_after", "run_id", "property", "after"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("run_id", BigInteger, nullable=False, default=0),
    Column("work_id", BigInteger),
    Column("change_id", BigInteger),
    Column("call_id", BigInteger),
    Column("subject", Text, nullable=False, default=""),
    Column("reason", Words, nullable=False, default=""),
    Index("ix_audit_work", "work_id"),
    Index("ix_audit_run", "run_id"),
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("at", BigInteger, nullable=False),
)
