"""The man pages, from the command table, the shapes of the configuration and the unit.

`python docs/manpages.py` writes docs/man; a test fails when what is there is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

import click  # noqa: E402 - the path must be set before
from pydantic import BaseModel  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402

from syncd import __version__  # noqa: E402
from syncd.cli.exits import MEANINGS  # noqa: E402
from syncd.cli.group import root  # noqa: E402
from syncd.cli.verbs import VERBS  # noqa: E402
from syncd.config import catalogue  # noqa: E402
from syncd.config.effective import plain  # noqa: E402
from syncd.config.example import flow  # noqa: E402
from syncd.config.settings import (  # noqa: E402
    Budget,
    ConnectorShape,
    FileShape,
    HttpSettings,
    LogSettings,
    ProviderShape,
    ReconcileShape,
    StateSettings,
)
from syncd.config.shape import key_of  # noqa: E402
from syncd.config.syncs import BrakesShape, FieldRule, SyncShape  # noqa: E402

PAGES = ROOT / "docs" / "man"
COMMON = ("--config", "--json", "--no-color", "--help")
SIGNALS = {
    "SIGTERM, SIGINT": "Take in nothing new, finish what was paid for, write it, and end with code 0. A second one ends at once; nothing that was booked is lost.",
    "SIGHUP": "Read the whole configuration again and take it over between two cycles. An invalid one changes nothing; the log, /readyz and syncd status say so.",
}
FILES = {
    "/etc/syncd/config.yaml": "The configuration. It holds no secret, only where each lies.",
    "/etc/syncd/credentials/": "One file per key, for root only. The file hubspot.token is {credential: syncd_hubspot.token} in the configuration.",
    "/var/lib/syncd/syncd.db": "The state: what was bought, found and written. Back it up with syncd db backup.",
}
ENVIRONMENT = {
    "SYNCD_CONFIG": "The configuration, where --config does not name one.",
    "NO_COLOR": "Do without colours.",
    "SYNCD_DEBUG": "1 shows the traceback of an unexpected failure. It may hold data of customers.",
    "NOTIFY_SOCKET, WATCHDOG_USEC": "Set by systemd; see sd_notify(3).",
    "CREDENTIALS_DIRECTORY": "Set by systemd; {credential: NAME} is a file in it.",
}


def text(words: str) -> str:
    """Text that roff prints as it is."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-")
    escaped = "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in escaped)
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in escaped.split("\n"))


class Page:
    """Lines of one page."""

    def __init__(self, name: str, section: int, about: str) -> None:
        self.lines = [
            f'.TH {name.upper()} {section} "" "syncd {__version__}" "syncd"',
            ".SH NAME",
            text(f"{name} - {about}"),
        ]

    def head(self, title: str) -> None:
        self.lines.append(f".SH {title}")

    def subhead(self, title: str) -> None:
        self.lines.append(f".SS {text(title)}")

    def say(self, *paragraphs: str) -> None:
        for paragraph in paragraphs:
            self.lines += [".PP", text(" ".join(paragraph.split()))]

    def terms(self, rows: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> None:
        for term, meaning in rows:
            self.lines += [".TP", f"\\fB{text(term)}\\fR", text(" ".join(meaning.split()) or "\\&")]

    def code(self, *lines: str) -> None:
        self.lines += [".PP", ".nf", *(text(f"    {line}") for line in lines), ".fi"]

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"


def command_page() -> Page:
    """syncd(1)."""
    page = Page("syncd", 1, "keeps a CRM's contacts enriched within credit budgets")
    page.head("SYNOPSIS")
    page.say("syncd [OPTIONS] VERB [ARGUMENTS]")
    page.head("DESCRIPTION")
    page.say(
        "syncd pulls new and changed contacts from HubSpot or Salesforce, looks up what is missing at data "
        "providers within credit budgets, and writes the mapped fields back, with an audit trail.",
        "Data goes to standard output, messages to standard error. With --json the answer is one document.",
    )
    page.head("OPTIONS")
    page.terms(_options(root, _context(root, "syncd"), common=True))
    page.head("VERBS")
    for name in VERBS:
        command = root.get_command(_context(root, "syncd"), name)
        if command is not None:
            _verb(page, command, f"syncd {name}")
    page.head("EXIT STATUS")
    page.terms([(str(int(code)), meaning) for code, meaning in MEANINGS.items()])
    page.head("ENVIRONMENT")
    page.terms(list(ENVIRONMENT.items()))
    page.head("FILES")
    page.terms(list(FILES.items()))
    page.head("SEE ALSO")
    page.say("syncd.yaml(5), syncd.service(8)")
    return page


def _context(command: click.Command, name: str) -> click.Context:
    """With the settings of the root, from which every verb has its -h."""
    return click.Context(command, info_name=name, **root.context_settings)


def _verb(page: Page, command: click.Command, name: str) -> None:
    context = _context(command, name)
    page.subhead(" ".join([name, *command.collect_usage_pieces(context)]))
    page.say(*(p for p in (command.help or "").split("\n\n") if p.strip()))
    page.terms(_options(command, context, common=False))
    if isinstance(command, click.Group):
        for sub in sorted(command.commands):
            _verb(page, command.commands[sub], f"{name} {sub}")


def _options(command: click.Command, context: click.Context, common: bool) -> Iterator[tuple[str, str]]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and (common or not set(parameter.opts) & set(COMMON)):
            yield record


def file_page() -> Page:
    """syncd.yaml(5)."""
    page = Page("syncd.yaml", 5, "the configuration of syncd")
    page.head("DESCRIPTION")
    page.say(
        "One YAML 1.2 file: the one that --config names, else $SYNCD_CONFIG, else ./config.yaml, else "
        "/etc/syncd/config.yaml. Unknown and repeated keys are errors. syncd check tells every mistake with line, "
        "column and a suggestion; syncd config show prints what is in force, defaults included; syncd config "
        "schema prints a JSON Schema for editors.",
        "A secret is never written into the file, only where it lies: {env: NAME}, {file: PATH} or {credential: "
        "NAME}, a credential of systemd. Lengths of time are written as 90s, 5m, 12h, 180d; rates as 600/min.",
    )
    page.head("TOP LEVEL")
    page.terms(_keys(FileShape))
    sections: Mapping[str, type[BaseModel]] = {
        "state": StateSettings,
        "http": HttpSettings,
        "log": LogSettings,
        "crms.NAME": ConnectorShape,
        "providers.NAME": ProviderShape,
        "providers.NAME.budgets.KIND": Budget,
        "providers.NAME.reconcile": ReconcileShape,
        "syncs.NAME": SyncShape,
        "syncs.NAME.fields.FIELD": FieldRule,
        "syncs.NAME.brakes": BrakesShape,
    }
    for title, shape in sections.items():
        page.head(title)
        page.terms(_keys(shape))
    for section, role in catalogue.SECTIONS.items():
        for name in catalogue.types(role):
            page.head(f"{section}.NAME OF TYPE {name}")
            page.terms(_keys(catalogue.options_type(role, name)))
            if role == catalogue.PROVIDER:
                page.say("Credit kinds: " + ", ".join(catalogue.provider_type(name).credits) + ".")
    page.head("SEE ALSO")
    page.say("syncd(1), syncd.service(8)")
    return page


def _keys(shape: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, info in shape.model_fields.items():
        yield key_of(shape, name), f"{info.description or ''} {_default(info)}"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "Required."
    value: Any = plain(info.get_default(call_default_factory=True, validated_data={}))
    empty = value is None or value == [] or isinstance(value, dict)
    return "" if empty else f"Default: {flow(value)}."


def service_page() -> Page:
    """syncd.service(8)."""
    page = Page("syncd.service", 8, "syncd as a service of systemd")
    page.head("SYNOPSIS")
    page.say("syncd.service, syncd@NAME.service")
    page.head("DESCRIPTION")
    page.say(
        "syncd.service runs syncd run over /etc/syncd/config.yaml with the state in /var/lib/syncd. "
        "syncd@NAME.service runs another one beside it, over /etc/syncd/NAME.yaml, /etc/syncd/NAME.credentials "
        "and /var/lib/syncd/NAME; give each its own http.listen.",
        "syncd install --systemd places the units, the service's user, these pages and an example. What is yours "
        "belongs into drop-ins: systemctl edit syncd.",
        "The service counts as started when its accounts were asked and its listener is open. systemctl status "
        "shows in one line what it is at. Its watchdog is fed only while its main loop moves: a loop that hangs "
        "is ended and begun again, and nothing is bought twice by that.",
    )
    page.head("CREDENTIALS")
    page.say(
        "Every file in /etc/syncd/credentials is handed to the service by LoadCredential=; nobody but root can "
        "read the originals. Its name in the configuration begins with syncd_:"
    )
    page.code(
        "install -m 600 /dev/stdin /etc/syncd/credentials/hubspot.token",
        "token: {credential: syncd_hubspot.token}",
    )
    page.say(
        "A changed file is read by the next start. For keys that are encrypted at rest, use "
        "systemd-creds encrypt and a drop-in with LoadCredentialEncrypted=."
    )
    page.head("SIGNALS")
    page.terms(list(SIGNALS.items()))
    page.head("RELOAD")
    page.say(
        "systemctl reload syncd checks the whole file, then has the service take it over between two cycles, and "
        "fails where the file is refused. Everything can be changed this way but state.url and http.listen, which "
        "are named as waiting for a restart."
    )
    page.head("RESTART")
    page.say(
        "A failure is followed by a restart after five seconds, five times in five minutes at most. Exit status "
        "78 (the configuration is invalid) and 6 (a credential opens the wrong account) are not: a person is needed."
    )
    page.head("FILES")
    page.terms(list(FILES.items()))
    page.head("SEE ALSO")
    page.say("syncd(1), syncd.yaml(5), systemd.exec(5), systemd-creds(1)")
    return page


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {
        "syncd.1": str(command_page()),
        "syncd.yaml.5": str(file_page()),
        "syncd.service.8": str(service_page()),
    }


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for name, content in pages().items():
        (PAGES / name).write_text(content, "utf-8")
