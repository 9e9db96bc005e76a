"""The door to a CRM: it is the right account, it answers, and it has calls left for us."""

from __future__ import annotations

from syncd.accounts import CrmAccount
from syncd.connector import Failure, FailureKind
from syncd.runtime import Runtime, identify
from syncd.store import runs
from syncd.store.engine import MILLION

WAIT_S = 900


def enter(runtime: Runtime, crm: CrmAccount) -> None:
    """Nothing, where the CRM can be worked with.

    Raises:
        WrongAccount: it is another one; nothing was read or written.
        Failure: it cannot be asked, or our share of its calls is used.
    """
    identify(runtime, crm)
    with runtime.store.write() as connection:
        runs.lift(connection, f"crm:{crm.name}", ("auth", "config"))
    mind_share(runtime, crm)


def mind_share(runtime: Runtime, crm: CrmAccount) -> None:
    """Leave the account's other integrations their calls: stop above our share, go on well below it.

    Raises:
        Failure: of kind rate_limited, above our share.
    """
    left = crm.connector.api_calls_left()
    if left is None or not left[1]:
        return
    used = 1 - left[0] / left[1]
    scope = f"crm:{crm.name}"
    with runtime.store.write() as connection:
        halted = any(h.scope == scope and h.kind == "share" for h in runs.halts(connection))
        over = used > crm.share or (halted and used > crm.share * 0.9)
        if over:
            reason = f"{used:.0%} of the day's API calls are used"
            runs.halt(connection, scope, "share", reason, WAIT_S * MILLION)
        elif halted:
            runs.lift(connection, scope, ("share",))
    if over:
        raise Failure(
            FailureKind.RATE_LIMITED,
            f"{used:.0%} of the account's API calls of today are used, the share is {crm.share:.0%}",
            retry_after_s=WAIT_S,
            charged=False,
        )
