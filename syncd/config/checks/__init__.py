"""What is wrong although every section has its shape: the sections judged together."""

from syncd.config.checks.connectors import check_connectors
from syncd.config.checks.draft import Draft
from syncd.config.checks.references import check_references
from syncd.config.checks.secrets import check_secrets, missing_secrets
from syncd.config.checks.syncs import check_syncs
from syncd.config.problems import Finding

__all__ = ["Draft", "check", "missing_secrets"]


def check(draft: Draft) -> list[Finding]:
    """Every finding about a configuration whose sections were read one by one."""
    return [
        *check_references(draft),
        *check_connectors(draft),
        *check_secrets(draft),
        *check_syncs(draft),
    ]
