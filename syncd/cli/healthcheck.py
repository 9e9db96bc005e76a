"""`syncd healthcheck`: whether the service on this machine lives, for containers without other tools."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation

if TYPE_CHECKING:
    from syncd.config import Listen

TIMEOUT_S = 5.0
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to ask where everything is listened on


@click.command("healthcheck")
@common
def command() -> None:
    """Ask /livez of http.listen: exit 0 where the service says that it lives, 1 otherwise."""
    run = invocation()
    listen = run.settings().http.listen
    if listen.port == 0:
        raise Stop("http.listen has port 0, so nobody knows where to ask; give it a port.", Exit.CONFIG)
    well, sentence = ask(listen)
    if run.json:
        run.answer({"alive": well, "summary": sentence})
    else:
        click.echo(sentence, err=not well)
    if not well:
        raise click.exceptions.Exit(Exit.UNEXPECTED)


def ask(listen: Listen, path: str = "/livez") -> tuple[bool, str]:
    """Whether the service answers that it lives, and a sentence."""
    connection = http.client.HTTPConnection(
        _HERE.get(listen.host, listen.host), listen.port, timeout=TIMEOUT_S
    )
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.read(200).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, f"nothing answers at {listen} ({type(error).__name__})"
    finally:
        connection.close()
    return answer.status == 200, said if said.isprintable() else f"answered {answer.status}"
