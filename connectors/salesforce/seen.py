"""What Salesforce's answers say of the calls that are left."""

from __future__ import annotations

import re

from syncd.connector import Answer

_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d{1,18})/(\d{1,18})")


def calls_left(answer: Answer) -> tuple[int, int] | None:
    """What Sforce-Limit-Info says (`api-usage=18/15000`): calls left and allowed in 24 hours."""
    found = _USAGE.search(answer.headers.get("sforce-limit-info", ""))
    if found is None:
        return None
    used, allowed = int(found[1]), int(found[2])
    return max(0, allowed - used), allowed
