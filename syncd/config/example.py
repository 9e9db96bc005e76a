"""The commented example, generated from the shapes and options: `python -m syncd.config.example`."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from syncd.config import catalogue
from syncd.config.catalogue import CRM, PROVIDER
from syncd.config.effective import plain
from syncd.config.nodes import scalar
from syncd.config.schema import SHAPES
from syncd.config.settings import Budget, FileShape
from syncd.config.shape import key_of
from syncd.config.syncs import FieldRule, MatchKey, SyncShape
from syncd.model import Field
from syncd.purchase import serves
from syncd.secret import Secret

SCHEMA_NAME = "config.schema.json"
_WIDTH = 100
_WANTED = (Field.WORK_EMAIL, Field.MOBILE_PHONE, Field.JOB_TITLE, Field.COMPANY_NAME, Field.LINKEDIN_URL)
_MATCHED = (
    MatchKey.EMAIL,
    MatchKey.LINKEDIN_URL,
    MatchKey.FIRST_NAME,
    MatchKey.LAST_NAME,
    MatchKey.COMPANY_NAME,
    MatchKey.COMPANY_DOMAIN,
)
_GROUPED = frozenset({Field.JOB_TITLE, Field.COMPANY_NAME})
_GUESSES: tuple[Any, ...] = ("change-me", "1234567", "https://host.example", 1, True)
_SECTION_KEYS = ("state", "http", "log", "notify")
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+-]*")


@dataclass(slots=True)
class _Page:
    """Lines of YAML. With `optional`, keys that may be left out appear too, commented out."""

    optional: bool
    lines: list[str] = field(default_factory=list)

    def note(self, text: str, indent: int = 0) -> None:
        wrapped = textwrap.wrap(text, _WIDTH - indent, break_long_words=False, break_on_hyphens=False)
        self.lines += [f"{' ' * indent}# {line}" for line in wrapped]

    def key(self, key: str, value: str, indent: int, text: str = "", active: bool = True) -> None:
        """A key with its explanation above; one that is not active is a comment."""
        if not active and not self.optional:
            return
        if text:
            self.note(text, indent)
        self.lines.append(" " * indent + ("" if active else "# ") + f"{key}: {value}".rstrip())

    def blank(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")


def example(
    crms: Sequence[str] = (), providers: Sequence[str] = (), optional: bool = True, state: str | None = None
) -> str:
    """A configuration that loads, for these connectors or all; with `optional`, every key is shown."""
    page = _Page(optional)
    crms = tuple(crms) or catalogue.types(CRM)
    providers = tuple(providers) or catalogue.types(PROVIDER)
    page.lines.append(f"# yaml-language-server: $schema={SCHEMA_NAME}")
    page.note(
        "The configuration of syncd. `syncd check` judges it, `syncd config schema` describes every key."
    )
    if optional:
        page.note("Keys that are commented out may be left out; they show the default, or a possible value.")
    _head(page, state)
    _section(page, "crms")
    for number, name in enumerate(crms):
        _connector(page, CRM, "main" if number == 0 else name, name, number == 0)
    _section(page, "providers")
    for number, name in enumerate(providers):
        _connector(page, PROVIDER, name, name, number == 0)
    _section(page, "syncs")
    _sync(page, crms[0], providers)
    return "\n".join(page.lines).rstrip() + "\n"


def _section(page: _Page, key: str) -> None:
    page.blank()
    page.key(key, "", 0, _told(FileShape.model_fields[key]))


def _head(page: _Page, state: str | None) -> None:
    page.blank()
    page.key("version", "1", 0, _told(FileShape.model_fields["version"]))
    page.blank()
    page.key("mode", "plan", 0, _told(FileShape.model_fields["mode"]))
    for key in _SECTION_KEYS:
        if not page.optional and not (key == "state" and state):
            continue
        _section(page, key)
        section = FileShape.model_fields[key].get_default()
        for name, info in type(section).model_fields.items():
            # a section whose keys are all comments would be empty, which is not a mapping
            first = name == next(iter(type(section).model_fields))
            value = state if first and key == "state" and state else plain(getattr(section, name))
            page.key(
                key_of(type(section), name),
                flow(_sample(f"{key}_{name}", info, value)),
                2,
                _told(info),
                first,
            )


def _sample(name: str, info: FieldInfo, value: Any) -> Any:
    """A value worth showing: the default, or how a secret would be given."""
    if value is None and "Secret" in str(info.annotation):
        return {"env": name.upper()}
    return info.examples[0] if value is None and info.examples else value


def _connector(page: _Page, role: str, name: str, kind: str, told: bool) -> None:
    """One entry; the keys that all entries have are explained where `told`."""
    page.lines.append(f"  {name}:")
    shape, options = SHAPES[role], catalogue.options_type(role, kind)
    page.key("type", kind, 4, "", active=role == CRM or name != kind)
    for key, info in options.model_fields.items():
        value = flow(_option(key, info, kind))
        page.key(key_of(options, key), value, 4, _told(info), info.is_required() or key in options.shown)
    for key, info in shape.model_fields.items():
        if key in ("type", *options.model_fields):
            continue
        if key == "budgets":
            _budgets(page, kind, info, told)
        else:
            if told and key == "reconcile":
                _parts_told(page, info.get_default())
            text = _told(info) if told else ""
            page.key(key, flow(_common(key, info, role, kind)), 4, text, active=False)
    page.blank()


def _parts_told(page: _Page, default: BaseModel) -> None:
    if page.optional:
        for name, part in type(default).model_fields.items():
            page.note(f"{name}: {_told(part)}", 4)


def _common(key: str, info: FieldInfo, role: str, kind: str) -> Any:
    if key == "limits":
        return {"default": "60/min"}
    if key == "prices":
        return dict.fromkeys(catalogue.provider_type(kind).credits, 1)
    return plain(info.get_default())


def _budgets(page: _Page, kind: str, info: FieldInfo, told: bool) -> None:
    page.key("budgets", "", 4, _told(info) if told else "")
    for number, credit in enumerate(catalogue.provider_type(kind).credits):
        page.key(credit, "", 6)
        for key, part in Budget.model_fields.items():
            text = _told(part) if told and number == 0 else ""
            page.key(key, {"per_month": "100", "floor": "0"}.get(key, "10"), 8, text, key == "per_month")


def _option(key: str, info: FieldInfo, kind: str) -> Any:
    """The default of an option, or a value that it would take."""
    if not info.is_required() and info.get_default(call_default_factory=True, validated_data={}) is not None:
        return plain(info.get_default(call_default_factory=True, validated_data={}))
    if info.examples:
        return info.examples[0]
    if Secret in _parts(info.annotation):
        return {"env": f"{kind}_{key}".upper()}
    if not info.is_required():
        return None
    adapter: TypeAdapter[Any] = TypeAdapter(info.rebuild_annotation())
    for guess in _GUESSES:
        try:
            adapter.validate_python(guess)
        except ValidationError:
            continue
        return guess
    return "change-me"


def _parts(annotation: Any) -> tuple[Any, ...]:
    return (annotation, *getattr(annotation, "__args__", ()))


def _sync(page: _Page, crm: str, providers: Sequence[str]) -> None:
    names = catalogue.options_type(CRM, crm).property_names
    samples: Mapping[str, Any] = {
        "crm": "main",
        "every": "5m",
        "cron": "*/10 8-18 * * mon-fri",
        "timezone": "Europe/Berlin",
        "where": [{"property": names.get("email", "email"), "present": True}],
        "skip": [{"property": "do_not_enrich", "equals": "true"}],
        "suppress": {"file": "/etc/syncd/suppress.txt"},
        "waterfall": list(providers),
    }
    page.lines.append("  new-contacts:")
    for name, info in SyncShape.model_fields.items():
        key = key_of(SyncShape, name)
        if key == "fields":
            _fields(page, _told(info), names, providers)
        elif key == "match":
            _match(page, info, names)
        elif key == "brakes":
            _brakes(page, info.get_default(), _told(info))
        else:
            value = samples[key] if key in samples else plain(info.get_default())
            page.key(key, flow(value), 4, _told(info), info.is_required() or key == "every")


def _brakes(page: _Page, default: BaseModel, text: str) -> None:
    if page.optional:
        page.note(text, 4)
        for name, info in type(default).model_fields.items():
            page.note(f"{name}: {_told(info)}", 4)
        page.key("brakes", flow(plain(default)), 4, active=False)


def _match(page: _Page, info: FieldInfo, names: Mapping[str, str]) -> None:
    page.key("match", "", 4, _told(info))
    for key, name in (
        {key.value: names[key] for key in _MATCHED if key in names} or {"email": "email"}
    ).items():
        page.key(key, flow(name), 6)


def _fields(page: _Page, text: str, names: Mapping[str, str], providers: Sequence[str]) -> None:
    sold = {
        wanted
        for name in providers
        for operation in catalogue.provider_type(name).operations
        for returned in operation.returns
        for wanted in serves(returned)
    }
    wanted = [f for f in _WANTED if f in sold and (f in names or not names)] or [Field.WORK_EMAIL]
    grouped = set(wanted) >= _GROUPED
    page.key("fields", "", 4, text)
    for number, name in enumerate(wanted):
        rule: dict[str, Any] = {"to": names.get(name, name.value)}
        if name in _GROUPED:
            rule |= {"write": "refresh", **({"group": "employment"} if grouped else {})}
        if number == 0 and page.optional:
            _rule(page, name, rule, providers)
        else:
            page.key(name.value, flow(rule), 6)


def _rule(page: _Page, name: Field, rule: Mapping[str, Any], providers: Sequence[str]) -> None:
    samples = {"accept": "verified", "from": [providers[0]], "stale_after": "180d", "group": "contact-data"}
    page.key(name.value, "", 6)
    for part, info in FieldRule.model_fields.items():
        key = key_of(FieldRule, part)
        value = rule.get(key, samples.get(key, plain(info.get_default()) if not info.is_required() else None))
        page.key(key, flow(value), 8, _told(info), key in rule)


def _told(info: FieldInfo) -> str:
    return info.description or ""


def flow(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, str):
        bare = _PLAIN.fullmatch(value) and isinstance(scalar(value), str)
        return value if bare else json.dumps(value, ensure_ascii=False)
    return json.dumps(plain(value))


if __name__ == "__main__":
    sys.stdout.write(example())
