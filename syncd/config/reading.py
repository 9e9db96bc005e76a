"""From a file to settings, or to every problem it has."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel

from syncd.config import catalogue
from syncd.config.catalogue import CRM, PROVIDER, ConnectorBroken
from syncd.config.checks import Draft, check
from syncd.config.document import Document, explain_os_error, read_bytes
from syncd.config.explain import validate
from syncd.config.masking import shown
from syncd.config.problems import At, ConfigInvalid, Finding, Problem, Severity, closest
from syncd.config.schema import NAME, SHAPES, entry_schema, model_schema
from syncd.config.settings import CrmSettings, FileShape, ProviderSettings, Settings
from syncd.config.shape import keys_of
from syncd.config.syncs import SyncSettings, SyncShape
from syncd.connector import Options

SYSTEM_PATH = Path("/etc/syncd/config.yaml")
_MOST = 100
_Entry = TypeVar("_Entry", CrmSettings, ProviderSettings)
_M = TypeVar("_M", bound=BaseModel)


def load(path: Path | None = None) -> Settings:
    """The settings of the file at `path`, else `$SYNCD_CONFIG`, else `./config.yaml`, else in /etc/syncd.

    Raises:
        ConfigInvalid: there is no file, it cannot be read, or it has errors: all of them at once.
    """
    found = find(path)
    try:
        data = read_bytes(found)
    except OSError as error:
        raise _unreadable(found, f"the configuration cannot be read: {explain_os_error(error)}") from None
    return parse(data, found)


def find(path: Path | None = None) -> Path:
    """The file that is meant, which exists.

    Raises:
        ConfigInvalid: there is none.
    """
    named = path or (Path(os.environ["SYNCD_CONFIG"]) if os.environ.get("SYNCD_CONFIG") else None)
    if named is not None:
        if named.exists():
            return named
        how = "given with --config" if path else "that SYNCD_CONFIG names"
        raise _unreadable(named, f"the configuration file {how} does not exist")
    for candidate in (Path("config.yaml"), SYSTEM_PATH):
        if candidate.exists():
            return candidate
    raise _unreadable(Path("config.yaml"), f"there is no configuration, neither here nor at {SYSTEM_PATH}")


def parse(data: bytes, path: Path) -> Settings:
    """The settings that a file's content holds; `path` is how it is called and what is relative to it.

    Raises:
        ConfigInvalid: it has errors: all of them at once.
    """
    document = Document.parse(data, str(path))
    draft = _Reader(document).draft()
    findings = [*draft.findings, *check(draft)]
    problems = _located(document, findings)
    errors = [p for p in problems if p.severity is Severity.ERROR]
    if errors or draft.file is None:
        raise ConfigInvalid(problems)
    return Settings(
        source=path,
        mode=draft.file.mode,
        state=draft.file.state,
        http=draft.file.http,
        log=draft.file.log,
        notify=draft.file.notify,
        crms=MappingProxyType(draft.crms),
        providers=MappingProxyType(draft.providers),
        syncs=MappingProxyType(draft.syncs),
        document=document,
        warnings=tuple(problems),
    )


def _unreadable(path: Path, message: str) -> ConfigInvalid:
    hint = "`syncd init` writes one; another is named with --config PATH or SYNCD_CONFIG"
    return ConfigInvalid([Problem(str(path), None, None, "file.missing", message, hint=hint)])


def _located(document: Document, findings: Iterable[Finding]) -> list[Problem]:
    """The problems in the order of the file, each once, at most a hundred."""
    marks = {f: document.mark(f.at, f.on_key) for f in findings}
    ordered = sorted(marks, key=lambda f: (marks[f].line, marks[f].column))
    problems = [document.problem(finding) for finding in ordered[:_MOST]]
    problems += [document.located(fault) for fault in document.faults[:_MOST]]
    return sorted(dict.fromkeys(problems), key=lambda p: (p.line or 0, p.column or 0))


@dataclass(slots=True)
class _Reader:
    """Reads the sections one by one, so that a mistake in one hides no mistake in another."""

    document: Document
    findings: list[Finding] = field(default_factory=list)

    def draft(self) -> Draft:
        tree = self.document.plain()
        file = self._validate(FileShape, tree, ())
        sections = {name: self._section(tree, name) for name in ("crms", "providers", "syncs")}
        crms = {n: self._crm(n, e) for n, e in sections["crms"].items()}
        providers = {n: self._provider(n, e) for n, e in sections["providers"].items()}
        syncs = {n: self._sync(n, e) for n, e in sections["syncs"].items()}
        return Draft(
            tree=tree,
            file=file,
            crms={n: c for n, c in crms.items() if c},
            providers={n: p for n, p in providers.items() if p},
            syncs={n: s for n, s in syncs.items() if s},
            names={section: frozenset(entries) for section, entries in sections.items()},
            findings=self.findings,
        )

    def _section(self, tree: Mapping[str, Any], section: str) -> dict[str, dict[str, Any]]:
        """The entries that are mappings; the shape of the file told of the others."""
        entries = tree.get(section)
        if not isinstance(entries, dict):
            return {}
        for name in entries:
            if not re.fullmatch(NAME, name):
                message = "a name is made of letters, digits, - and _, at most 63 of them"
                self.findings.append(Finding("name.invalid", message, (section, name), on_key=True))
        return {name: entry for name, entry in entries.items() if isinstance(entry, dict)}

    def _crm(self, name: str, raw: dict[str, Any]) -> CrmSettings | None:
        return self._connector(CRM, name, raw, ("crms", name), CrmSettings)

    def _provider(self, name: str, raw: dict[str, Any]) -> ProviderSettings | None:
        return self._connector(PROVIDER, name, raw, ("providers", name), ProviderSettings)

    def _connector(
        self, role: str, name: str, raw: dict[str, Any], at: At, entry: type[_Entry]
    ) -> _Entry | None:
        shape = SHAPES[role]
        common = {key: value for key, value in raw.items() if key in keys_of(shape)}
        options_of = self._type(role, name, raw, at)
        if options_of is None:
            own = {(*at, key) for key in raw if key not in common}
            self.document.hidden |= own
            self._validate(shape, {**common, "type": name}, at)
            return None
        kind, model = options_of
        own_keys = keys_of(model)
        rest = {key: value for key, value in raw.items() if key not in common or key in own_keys}
        if "type" not in own_keys:
            rest.pop("type", None)
        options = self._validate(model, rest, at, (role, kind))
        settings = self._validate(shape, {**common, "type": kind}, at)
        if settings is None:
            return None
        # without its options an entry is never used, but its other keys can still be judged
        kept = {"name": name, "options": options or Options(), **dict(settings)}
        return entry.model_construct(settings.model_fields_set, **kept)

    def _type(self, role: str, name: str, raw: dict[str, Any], at: At) -> tuple[str, type[Options]] | None:
        kind = raw.get("type", name if role == PROVIDER else None)
        known = catalogue.types(role)
        if kind is None:
            message = f"a CRM needs its type: {', '.join(known)}"
            self.findings.append(Finding("key.missing", message, (*at, "type")))
        elif kind not in known:
            on_name = "type" not in raw
            hint = closest(kind, known)
            if on_name and not hint.startswith("did"):
                hint = f"add type: with one of {', '.join(known)}"
            message = f"there is no {role} connector {shown(kind)}"
            place = at if on_name else (*at, "type")
            self.findings.append(Finding("connector.unknown", message, place, hint, on_key=on_name))
        else:
            try:
                return str(kind), catalogue.options_type(role, str(kind))
            except ConnectorBroken as error:
                message = f"the connector {kind} cannot be loaded ({error})"
                self.findings.append(Finding("connector.broken", message, at, on_key=True))
        return None

    def _sync(self, name: str, raw: dict[str, Any]) -> SyncSettings | None:
        shape = self._validate(SyncShape, raw, ("syncs", name))
        return (
            SyncSettings.model_construct(shape.model_fields_set, name=name, **dict(shape)) if shape else None
        )

    def _validate(
        self, model: type[_M], data: Any, at: At, entry: tuple[str, str] | None = None
    ) -> _M | None:
        def schema() -> dict[str, Any]:
            return entry_schema(*entry) if entry else model_schema(model)

        value, findings, hidden = validate(model, data, at, schema)
        self.findings += findings
        self.document.hidden |= hidden
        return value
