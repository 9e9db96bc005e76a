"""The verbs and where they live. A verb's module is imported when the verb is used, not for the help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """A module that offers `command`, and the verb's line in the help."""

    module: str
    help: str


VERBS: Mapping[str, Verb] = {
    "init": Verb("syncd.cli.init", "Write a commented configuration to start from."),
    "check": Verb("syncd.cli.check", "Judge the configuration, offline."),
    "once": Verb("syncd.cli.once", "Pull, enrich and write what is due, once."),
    "sandbox": Verb("syncd.cli.sandbox", "Serve stand-ins of the vendors on this machine."),
    "demo": Verb("syncd.cli.demo", "See the whole job done on invented people, without any key."),
    "config": Verb("syncd.cli.config", "Show the configuration in force, or its schema."),
    "version": Verb("syncd.cli.version", "Print the version."),
}
