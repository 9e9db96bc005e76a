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
    "check": Verb("syncd.cli.check", "Judge the configuration; --online asks every account."),
    "plan": Verb("syncd.cli.plan", "Say what would be looked up, and at what cost."),
    "once": Verb("syncd.cli.once", "Pull, enrich and write what is due, once."),
    "run": Verb("syncd.cli.run", "Serve: keep every sync up to date until told to end."),
    "reload": Verb("syncd.cli.reload", "Have the running service take over a changed configuration."),
    "backfill": Verb("syncd.cli.backfill", "Take in everything in scope, after an estimate."),
    "census": Verb("syncd.cli.census", "Compare the CRM's contacts with those that are known."),
    "status": Verb("syncd.cli.status", "Say how things are, a sentence first."),
    "explain": Verb("syncd.cli.explain", "Say why a contact is as it is."),
    "budget": Verb("syncd.cli.budget", "Show caps, spending and the vendors' own figures."),
    "audit": Verb("syncd.cli.audit", "Show or export the audit trail."),
    "undo": Verb("syncd.cli.undo", "Take back what was written, if nobody changed it since."),
    "proposals": Verb("syncd.cli.proposals", "List, accept or reject proposed values."),
    "forget": Verb("syncd.cli.forget", "Erase a person, and never look them up again."),
    "dead": Verb("syncd.cli.dead", "List, retry or discard contacts that failed."),
    "pause": Verb("syncd.cli.pause", "Stop everything, a sync, a CRM, or a provider."),
    "resume": Verb("syncd.cli.resume", "Let something go on that was stopped."),
    "db": Verb("syncd.cli.db", "Back up, check or migrate the state."),
    "support-bundle": Verb("syncd.cli.support_bundle", "Collect what a bug report needs, without secrets."),
    "sandbox": Verb("syncd.cli.sandbox", "Serve stand-ins of the vendors on this machine."),
    "demo": Verb("syncd.cli.demo", "See the whole job done, without any key."),
    "config": Verb("syncd.cli.config", "Show the configuration in force, or its schema."),
    "install": Verb("syncd.cli.install", "Place what systemd needs to run it as a service."),
    "completion": Verb("syncd.cli.completion", "Print the completion script of a shell."),
    "healthcheck": Verb("syncd.cli.healthcheck", "Say whether the service lives, for containers."),
    "version": Verb("syncd.cli.version", "Print the version."),
}
