"""A rehearsal: stand-in servers as processes of their own, and a configuration that leads to them."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

START_WITHIN_S = 60.0
PROPERTIES = {
    "hubspot": {
        "email": "email",
        "linkedin_url": "hs_linkedin_url",
        "first_name": "firstname",
        "last_name": "lastname",
        "company_name": "company",
        "job_title": "jobtitle",
        "mobile_phone": "mobilephone",
        "phone": "phone",
        "country": "country",
        "city": "city",
        "private": "do_not_enrich",
    },
    "salesforce": {
        "email": "Email",
        "linkedin_url": "LinkedIn_URL__c",
        "first_name": "FirstName",
        "last_name": "LastName",
        "company_name": "Account.Name",
        "job_title": "Title",
        "mobile_phone": "MobilePhone",
        "phone": "Phone",
        "country": "MailingCountry",
        "city": "MailingCity",
        "private": "Do_Not_Enrich__c",
    },
}
"""The properties that a rehearsed sync reads and writes, by CRM type."""

READ_ONLY = {"salesforce": ("company_name",)}
"""Fields that a rehearsed sync only reads: a contact's company is the name of its account."""


class RehearsalFailed(Exception):
    """A stand-in did not start; the text is what its process said."""


@dataclass
class Stand:
    """One running stand-in."""

    vendor: str
    url: str
    process: subprocess.Popen[bytes]

    def ask(self, name: str, data: object = None, **query: str) -> Any:
        """What `/_sandbox/NAME` answers: a question without data, else an order."""
        suffix = "?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else ""
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(  # noqa: S310 - always our own loopback server
            f"{self.url}/_sandbox/{name}{suffix}", body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read())


@dataclass
class Rehearsal:
    """Stand-ins over one population, in a folder that holds their credentials and the configuration."""

    folder: Path
    stands: dict[str, Stand] = field(default_factory=dict)
    begin: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
    """How a process is begun."""

    def start(
        self,
        vendors: Sequence[str],
        contacts: int,
        seed: int = 1,
        csv: Path | None = None,
        port_base: int | None = None,
        swift: bool = False,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        faults: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        namesakes: float = 0.0,
    ) -> None:
        """Start the servers side by side and wait until each serves.

        `namesakes` is the share of invented people who have the name of a colleague.

        Raises:
            RehearsalFailed: one of them did not.
        """
        begun = {}
        for number, vendor in enumerate(vendors):
            knobs = dict(_table()[vendor].swift) if swift else {}
            knobs.update((settings or {}).get(vendor, {}))
            command = [
                sys.executable,
                "-m",
                "connectors.sandbox",
                vendor,
                "--seed",
                str(seed),
                "--contacts",
                str(contacts),
                "--namesakes",
                str(namesakes),
            ]
            command += [
                "--settings",
                json.dumps(knobs),
                "--faults",
                json.dumps(list((faults or {}).get(vendor, ()))),
            ]
            command += ["--csv", str(csv.resolve())] if csv else []
            command += ["--port", str(port_base + number)] if port_base else []
            root = str(Path(import_module("connectors").__path__[0]).parent)
            environment = {
                **os.environ,
                "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]),
            }
            begun[vendor] = self.begin(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
            )
        for vendor, process in begun.items():
            self.stands[vendor] = Stand(vendor, "", process)
        for stand in self.stands.values():
            stand.url = _told(stand)

    def stop(self) -> None:
        """End every server; they end by themselves when this process does."""
        for stand in self.stands.values():
            for stream in (stand.process.stdin, stand.process.stdout, stand.process.stderr):
                if stream:
                    with suppress(OSError):
                        stream.close()
        for stand in self.stands.values():
            try:
                stand.process.wait(5)
            except subprocess.TimeoutExpired:
                stand.process.kill()
                stand.process.wait(5)

    def write_config(self, swift: bool = False, changes: Mapping[str, Any] | None = None) -> Path:
        """A configuration for the stand-ins and the files with their credentials; its path."""
        document = self.document(swift)
        _merge(document, changes or {})
        path = self.folder / "config.yaml"
        path.write_text(
            "# A rehearsal: every address below leads to this machine.\n" + _yaml(document), "utf-8"
        )
        path.chmod(0o600)
        return path

    def as_service(self) -> dict[str, Any]:
        """Changes by which syncd.service can use the configuration; the credentials' files keep their names."""
        changes: dict[str, Any] = {
            "state": {"url": "sqlite:///var/lib/syncd/syncd.db"},
            "http": {"listen": "127.0.0.1:8642"},
        }
        for vendor in self.stands:
            rehearsed = _table()[vendor]
            section, name = (
                ("crms", f"{vendor}-sandbox") if rehearsed.role == "crm" else ("providers", vendor)
            )
            changes.setdefault(section, {})[name] = {
                option: {"file": None, "credential": f"syncd_{vendor}.{option}"}
                for option in rehearsed.secrets
            }
        return changes

    def document(self, swift: bool = False) -> dict[str, Any]:
        """The configuration as data."""
        crms, providers = {}, {}
        for vendor, stand in self.stands.items():
            entry = self._entry(vendor, stand, swift)
            if _table()[vendor].role == "crm":
                crms[f"{vendor}-sandbox"] = entry
            else:
                providers[vendor] = entry
        return {
            "version": 1,
            "mode": "live",
            "state": {"url": f"sqlite:///{self.folder / 'state.db'}"},
            "http": {"listen": "127.0.0.1:0"},
            "crms": crms,
            "providers": providers,
            "syncs": {
                f"{name}-contacts": _sync(name, entry["type"], list(providers))
                for name, entry in crms.items()
            },
        }

    def _entry(self, vendor: str, stand: Stand, swift: bool) -> dict[str, Any]:
        rehearsed = _table()[vendor]
        entry: dict[str, Any] = {"type": vendor, "base_url": stand.url, **rehearsed.options}
        for option, credential in rehearsed.secrets.items():
            path = self.folder / f"{vendor}.{option}"
            path.write_text(credential, "utf-8")
            path.chmod(0o600)
            entry[option] = {"file": str(path)}
        if swift and rehearsed.rates:
            entry["limits"] = dict(rehearsed.rates)
        if rehearsed.credits:
            entry["budgets"] = {kind: {"per_month": 1_000_000} for kind in rehearsed.credits}
        return entry


def _sync(crm: str, kind: str, providers: list[str]) -> dict[str, Any]:
    named = PROPERTIES[kind]
    keys = (
        "email",
        "linkedin_url",
        "first_name",
        "last_name",
        "company_name",
        "job_title",
        "phone",
        "country",
    )
    fields: dict[str, Any] = {
        "work_email": {"to": named["email"]},
        "mobile_phone": {"to": named["mobile_phone"]},
        "job_title": {"to": named["job_title"], "write": "refresh", "group": "employment"},
        "company_name": {"to": named["company_name"], "write": "refresh", "group": "employment"},
        "linkedin_url": {"to": named["linkedin_url"]},
    }
    return {
        "crm": crm,
        "every": "1m",
        "since": "beginning",
        "skip": [{"property": named["private"], "equals": "true"}],
        "match": {key: named[key] for key in keys if key in named},
        "waterfall": providers,
        "fields": {name: to for name, to in fields.items() if name not in READ_ONLY.get(kind, ())},
    }


def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = import_module("connectors.sandbox").REHEARSALS
    return table


def vendors(role: str | None = None) -> list[str]:
    """The vendors that have a stand-in, of one role or of both."""
    return [name for name, entry in _table().items() if role in (None, entry.role)]


def scratch() -> Path:
    """A new private folder."""
    return Path(tempfile.mkdtemp(prefix="syncd-rehearsal-"))


def _told(stand: Stand) -> str:
    """The base URL from the line that a server prints when it serves."""
    out = stand.process.stdout
    if out is None:
        raise RehearsalFailed(f"the sandbox {stand.vendor} has no output")
    deadline = time.monotonic() + START_WITHIN_S
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([out], [], [], max(0.0, deadline - time.monotonic()))
        read = os.read(out.fileno(), 65_536) if ready else b""
        if not read:
            stand.process.kill()
            said = (
                stand.process.stderr.read().decode(errors="replace").strip() if stand.process.stderr else ""
            )
            last = said.splitlines()[-1] if said else f"it did not start within {START_WITHIN_S:g} s"
            raise RehearsalFailed(f"the sandbox {stand.vendor} did not start: {last}")
        line += read
    return str(json.loads(line)["url"])


def _merge(target: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        elif value is None:
            target.pop(key, None)
        else:
            target[key] = value


def _yaml(document: Mapping[str, Any]) -> str:
    from io import StringIO

    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = StringIO()
    yaml.dump(dict(document), out)
    return out.getvalue()
