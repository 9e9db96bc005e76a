"""The base of every section's shape."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """One mapping of the file: its keys are all known, its values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def key_of(model: type[BaseModel], name: str) -> str:
    """The key by which the file gives a field."""
    return model.model_fields[name].alias or name


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """All keys of a mapping, in order of declaration."""
    return tuple(key_of(model, name) for name in model.model_fields)
