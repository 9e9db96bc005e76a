"""Why something does not begin or has stopped: each reason is one sentence for the operator."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.config import Settings
from syncd.connector import Failure
from syncd.secret import SecretMissing
from syncd.store import tidemark
from syncd.store.engine import Store


class NotReady(Exception):
    """Something that the configuration names is not usable. The text is a sentence for the operator."""


class Restored(Exception):
    """The state is an older copy of itself. The text is a sentence for the operator."""


class WrongAccount(Exception):
    """The credential opens another account than the configured or the remembered one."""


def reveal(settings: Settings) -> list[str]:
    """Every credential of the configuration.

    Raises:
        SecretMissing: one cannot be read; the text says which and where it is configured.
    """
    found = []
    for at, secret in settings.secrets():
        try:
            found.append(secret.reveal())
        except SecretMissing as missing:
            raise SecretMissing(f"{'.'.join(map(str, at))}: {missing}") from None
    return found


def refuse_older(store: Store) -> None:
    """Spend nothing on the word of a state that was restored.

    Raises:
        Restored: until `syncd budget reconcile` was run.
    """
    why = tidemark.older(store)
    if why:
        raise Restored(
            f"{why}. What was bought since is not in it: nothing is bought until `syncd budget reconcile` took "
            "over the vendors' figures."
        )


def failure_advice(name: str, failure: Failure) -> str:
    """One sentence for an operator: what stopped and what to do."""
    if name == "syncd":
        return (
            f"syncd itself failed ({failure.reason}); nothing is lost and the next run goes on from here. "
            "If it comes again, send what `syncd support-bundle` collects."
        )
    advice: Mapping[str, str] = {
        "auth": f"{name}: the credential is refused. Check its token and scopes.",
        "config": f"{name}: {failure.reason}.",
        "out_of_credits": f"{name}: the vendor says that the account is out of credits. Buy more, or wait for the next period.",
        "rate_limited": f"{name}: asked to wait. It goes on by itself.",
        "unavailable": f"{name}: not reachable ({failure.reason}). It is tried again; run later.",
        "ambiguous": f"{name}: an answer was lost ({failure.reason}). It counts as spent; see `syncd budget`.",
        "contract": f"{name}: answered something that is not understood ({failure.reason}).",
    }
    return advice.get(failure.kind.value, f"{name}: {failure.reason}")
