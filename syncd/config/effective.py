"""The configuration in force: every value in the form of the file, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from io import StringIO
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from syncd.config.notify import HookUrl
from syncd.config.problems import At
from syncd.config.settings import CrmSettings, FileShape, ProviderSettings, Settings
from syncd.config.shape import key_of
from syncd.config.syncs import CHEAPEST
from syncd.config.values import duration_text
from syncd.connector import Options
from syncd.model import Clause
from syncd.secret import Secret


def effective(settings: Settings) -> dict[str, Any]:
    """Every key with its value, defaults included, as the file would write it; secrets as references."""
    whole: dict[str, Any] = {"version": 1}
    for key in FileShape.model_fields:
        if key != "version":
            whole[key] = plain(getattr(settings, key))
    return whole


def plain(value: object) -> Any:
    """A value in the form of the file: only mappings, lists, text, numbers, booleans and None."""
    match value:
        case None | bool() | int() | float():
            return value
        case Secret():
            return {value.source: value.name}
        case HookUrl():
            return value.shown
        case Enum():
            return value.value
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case timedelta():
            return duration_text(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Clause():
            return _condition(value)
        case CrmSettings() | ProviderSettings():
            entry = {"type": value.type, **_fields(value.options)}
            return {**entry, **{k: v for k, v in _fields(value).items() if k not in entry}}
        case BaseModel():
            return _fields(value)
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case (one,) if one == CHEAPEST:
            return CHEAPEST
        case list() | tuple() | frozenset() | set():
            return [plain(item) for item in value]
        case _:
            return str(value)


def _fields(model: BaseModel) -> dict[str, Any]:
    kind = type(model)
    return {
        key_of(kind, name): plain(getattr(model, name))
        for name in kind.model_fields
        if not (name in ("name", "options") and not isinstance(model, Options))
    }


def _condition(clause: Clause) -> dict[str, Any]:
    value: Any = True if clause.op in ("present", "absent") else list(clause.values)
    if clause.op in ("equals", "not_equals"):
        value = clause.values[0]
    return {"property": clause.property, clause.op: value}


def origins(settings: Settings, whole: Mapping[str, Any]) -> Iterator[tuple[At, Any, str]]:
    """Each single value with its place and its origin: `FILE:LINE`, or `default`."""
    yield from _origins(settings, whole, ())


def _origins(settings: Settings, value: Any, at: At) -> Iterator[tuple[At, Any, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _origins(settings, item, (*at, key))
        return
    if isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from _origins(settings, item, (*at, number))
        return
    line = settings.document.line_of(at)
    yield at, value, "default" if line is None else f"{settings.document.name}:{line}"


def dotted(at: At) -> str:
    """A place as text: `syncs.new-leads.where[0].property`."""
    text = ""
    for part in at:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def yaml_text(whole: Mapping[str, Any]) -> str:
    """YAML that reads back as the same values."""
    stream = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 10_000
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # declared None, read as bool
    yaml.dump(whole, stream)
    return stream.getvalue()
