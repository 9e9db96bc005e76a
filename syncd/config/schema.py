"""The JSON Schema (draft 2020-12) of the configuration file, for editors and for other checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from syncd.config import catalogue
from syncd.config.catalogue import CRM, PROVIDER
from syncd.config.settings import ConnectorShape, FileShape, ProviderShape
from syncd.config.syncs import SyncShape

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"
SHAPES: Mapping[str, type[ConnectorShape]] = {CRM: ConnectorShape, PROVIDER: ProviderShape}


def file_schema() -> dict[str, Any]:
    """The schema of the whole file, with the options of every connector that exists."""
    defs: dict[str, Any] = {}
    whole = _model(FileShape, "file", defs)
    sync = _model(SyncShape, "sync", defs)
    defs["sync"] = sync
    properties = whole["properties"]
    for section, role in catalogue.SECTIONS.items():
        properties[section] |= _entries(role, defs)
    properties["syncs"] |= {
        "additionalProperties": {"$ref": "#/$defs/sync"},
        "propertyNames": {"pattern": NAME},
    }
    title = "syncd configuration"
    return {"$schema": DIALECT, "title": title, **whole, "$defs": dict(sorted(defs.items()))}


def entry_schema(role: str, name: str) -> dict[str, Any]:
    """The schema of one CRM or provider of a type, complete in itself."""
    defs: dict[str, Any] = {}
    entry = _entry(role, name, defs)
    return {**entry, "$defs": defs}


def model_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of one section, complete in itself."""
    defs: dict[str, Any] = {}
    return {**_model(model, "section", defs), "$defs": defs}


def _entries(role: str, defs: dict[str, Any]) -> dict[str, Any]:
    """The schema of a section of entries; a provider's key is its type where it names a connector."""
    names = catalogue.types(role)
    for name in names:
        defs[f"{role}.{name}"] = _entry(role, name, defs)
    defs[role] = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(names), "description": "The connector's name."}},
        "allOf": [_when(role, name) for name in names],
    }
    section: dict[str, Any] = {
        "type": "object",
        "additionalProperties": {"$ref": f"#/$defs/{role}"},
        "propertyNames": {"pattern": NAME},
    }
    if role == PROVIDER:
        section["properties"] = {
            name: {
                "description": f"An account at {name}.",
                "if": {"type": "object", "required": ["type"]},
                "then": {"$ref": f"#/$defs/{role}"},
                "else": {"$ref": f"#/$defs/{role}.{name}"},
            }
            for name in names
        }
    return section


def _when(role: str, name: str) -> dict[str, Any]:
    condition = {"properties": {"type": {"const": name}}, "required": ["type"]}
    return {"if": condition, "then": {"$ref": f"#/$defs/{role}.{name}"}}


def _entry(role: str, name: str, defs: dict[str, Any]) -> dict[str, Any]:
    common = _model(SHAPES[role], role, defs)
    options = _model(catalogue.options_type(role, name), f"{role}.{name}", defs)
    properties = {**common["properties"], **options["properties"]}
    properties["type"] = {"const": name, "description": "The connector's name."}
    ordered = {key: properties[key] for key in ("type", *options["properties"], *common["properties"])}
    required = [*options.get("required", ()), *(["type"] if role == CRM else [])]
    entry = {"type": "object", "properties": ordered, "additionalProperties": False}
    return {**entry, "required": required} if required else entry


def _model(model: type[BaseModel], prefix: str, defs: dict[str, Any]) -> dict[str, Any]:
    """A model's schema; what it refers to goes into `defs` under the prefix."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}.{{model}}")
    for name, part in schema.pop("$defs", {}).items():
        defs[f"{prefix}.{name}"] = _tidy(part)
    tidy: dict[str, Any] = _tidy(schema)
    return tidy


def _tidy(part: Any) -> Any:
    """The schema without the titles that pydantic derives from names."""
    if isinstance(part, dict):
        return {
            key: _named(value) if key in ("properties", "$defs") else _tidy(value)
            for key, value in part.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [_tidy(item) for item in part] if isinstance(part, list) else part


def _named(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _tidy(value) for key, value in properties.items()}
