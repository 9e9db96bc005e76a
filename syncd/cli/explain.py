"""`syncd explain`: why a contact is as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from syncd.cli import telling
from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.opening import reading

if TYPE_CHECKING:
    from syncd.store.engine import Store
    from syncd.store.work import Row

_SENTENCES = {
    "ready": "It waits for its turn.",
    "leased": "It is being looked up right now.",
    "waiting": "It waits",
    "enriched": "Values were found and wait to be written.",
    "writing": "Its values are being written.",
    "done": "It is done",
    "skipped": "It was skipped",
    "no_budget": "It waits for a budget",
    "review": "It needs a person",
    "dead": "It failed",
}


@click.command("explain")
@click.argument("contact")
@common
def command(contact: str) -> None:
    """Tell the story of CONTACT: a record id, #N from the log, an e-mail address or a profile URL.

    The answer shows the contact's data; it goes to your terminal only.
    """
    from syncd.runtime import policies
    from syncd.story import story

    run = invocation()
    settings = run.settings()
    with reading(settings) as store:
        rows = rows_of(store, contact)
        known = policies(settings)
        documents = [story(store, row, known.get(row.sync)).document() for row in rows]
        halted = _halts(store)
    if run.json:
        run.answer({"contacts": documents, "halts": halted})
        return
    for number, document in enumerate(documents):
        if number:
            click.echo()
        _tell(document)
    for line in telling.stopped(halted):
        click.echo(f"Stopped at present: {line}")


def rows_of(store: Store, contact: str) -> list[Row]:
    """The rows that the text means.

    Raises:
        Stop: none is known.
    """
    from syncd.story import find

    rows = find(store, store.salt(), contact)
    if not rows:
        raise Stop(
            "no such contact is known to this state. It may be outside the syncs' conditions, not pulled yet, "
            "or deleted; a record id, #N, an e-mail address or a profile URL is expected.",
            Exit.USAGE,
        )
    return rows


def _halts(store: Store) -> list[dict[str, Any]]:
    from syncd.overview import halt_of
    from syncd.store import runs

    with store.read() as connection:
        return [halt_of(h) for h in runs.halts(connection)]


def _tell(told: Mapping[str, Any]) -> None:
    head = click.style(f"{told['object']} {told['contact']}", bold=True)
    click.echo(f"{head} in {told['crm']}, sync {told['sync']}, #{told['id']}")
    sentence = _SENTENCES.get(told["state"], told["state"])
    reason = f": {told['reason']}" if told["reason"] else ""
    due = f", not before {told['due_at']}" if told["due_at"] else ""
    click.echo(f"  {sentence.rstrip('.')}{reason}{due}.")
    width = max((len(f["field"]) for f in told["fields"]), default=0)
    for field in told["fields"]:
        value = f" {field['value']}" if field["value"] else ""
        click.echo(f"  {field['field']:<{width}} {field['what']}:{value} - {field['why']}")
    if told["asked"]:
        click.echo("  Asked:")
    for asked in told["asked"]:
        _tell_asked(asked)
    if told["changes"]:
        click.echo("  Written:")
    for change in told["changes"]:
        before = change["before"] or "blank"
        code = f" ({change['code']})" if change["code"] else ""
        click.echo(
            f"    {change['at']} run {change['run_id']} {change['property']}: {before} → {change['after']}"
            f" {change['state']}{code}"
        )


def _tell_asked(asked: Mapping[str, Any]) -> None:
    shared = ", shared with another contact" if asked["shared"] else ""
    charge = f"; {asked['charge']}" if asked["charge"] else "; free"
    if asked["state"] == "unknown":
        charge = "; counted as spent until resolved, see `syncd budget`"
    reason = f" ({asked['reason']})" if asked["reason"] else ""
    held = ", ".join(f"{v['field']} {v['value']} {v['quality']}" for v in asked["values"])
    click.echo(
        f"    {asked['at']} {asked['provider']} {asked['operation']} by {asked['by']}: "
        f"{asked['outcome']}{reason}{charge}{shared}"
    )
    if asked["why"]:
        click.echo(f"      because: {asked['why']}")
    if asked["doubt"]:
        click.echo(f"      not surely this person ({asked['doubt']['identity']}): {asked['doubt']['reason']}")
    if held:
        click.echo(f"      {held}")
