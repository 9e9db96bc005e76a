"""What may be paused, as people name it and as the state does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from syncd.config import Settings


def scope_of(settings: Settings, text: str) -> str:
    """The scope of a name: all, a sync, a CRM, a provider, or PROVIDER/OPERATION.

    Raises:
        click.UsageError: nothing, or more than one thing, is called so.
    """
    if text == "all":
        return text
    kind, _, name = text.rpartition(":")
    found = {
        "sync": f"sync:{name}" if name in settings.syncs else "",
        "crm": f"crm:{name}" if name in settings.crms else "",
        "provider": name if name.partition("/")[0] in settings.providers else "",
    }
    fitting = [scope for what, scope in found.items() if scope and kind in ("", what)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise click.UsageError(
            f"{name} is the name of several things; say sync:{name}, crm:{name} or provider:{name}"
        )
    from syncd.config.problems import closest

    known = ["all", *settings.syncs, *settings.crms, *settings.providers]
    raise click.UsageError(f"there is no sync, CRM or provider of that name; {closest(text, known)}")
