"""References to credentials: whether they can be references, and whether they lead to anything."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from syncd.config.checks.draft import Draft
from syncd.config.masking import may_be_secret
from syncd.config.problems import At, Finding, Problem, Severity
from syncd.config.settings import Settings, secrets_of
from syncd.secret import Secret, SecretMissing

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = re.compile(r"[A-Z0-9]+(_[A-Z0-9]+)*")
_WHERE = {"env": "an environment variable", "file": "a file", "credential": "a systemd credential"}


def check_secrets(draft: Draft) -> Iterator[Finding]:
    """References whose name is no name, such as the credential itself."""
    if draft.file is not None:
        yield from _check(draft.file.state, ("state",))
        yield from _check(draft.file.notify, ("notify",))
    for name, crm in draft.crms.items():
        yield from _check(crm.options, ("crms", name))
    for name, provider in draft.providers.items():
        yield from _check(provider.options, ("providers", name))


def _check(value: object, at: At) -> Iterator[Finding]:
    for place, secret in secrets_of(value, at):
        if not may_be_name(secret):
            yield Finding(
                "secret.name",
                f"{secret.source} names {_WHERE[secret.source]}, and this looks like the credential itself",
                (*place, secret.source),
                "if it was a real one, replace it at the vendor: it has been in a file",
            )


def may_be_name(secret: Secret) -> bool:
    """Whether a reference's name can be a name; a credential in its place must never be printed."""
    if secret.source == "env":
        if not _VARIABLE.fullmatch(secret.name) or len(secret.name) > 100:
            return False
        return ("_" in secret.name and bool(_WORDS.fullmatch(secret.name))) or not may_be_secret(secret.name)
    return not may_be_secret(secret.name.rsplit("/", 1)[-1])


def missing_secrets(settings: Settings) -> list[Problem]:
    """A warning for each reference that leads to nothing here, or to a file that anybody can read."""
    found = []
    for at, secret in settings.secrets():
        try:
            secret.reveal()
        except SecretMissing as missing:
            found.append((at, "secret.missing", str(missing), "it must be there when syncd runs"))
            continue
        if secret.source == "file" and _open_to_all(Path(secret.name)):
            message = f"{secret.reference} can be read by every user of this machine"
            found.append((at, "secret.exposed", message, "chmod o-rwx"))
    return [
        settings.problem(code, message, *at, hint=hint, severity=Severity.WARNING)
        for at, code, message, hint in found
    ]


def _open_to_all(path: Path) -> bool:
    return bool(os.stat(path).st_mode & stat.S_IROTH)
