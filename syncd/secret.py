"""Secrets by reference: where a credential lies, and the credential only at the moment of use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_SOURCES = {
    "env": "The environment variable that holds the credential.",
    "file": "The file that holds the credential and nothing else.",
    "credential": "The systemd credential (LoadCredential=) that holds it.",
}
_MAX_BYTES = 65_536


class SecretMissing(Exception):
    """The reference points to nothing. The text names the reference, never a value."""


class Secret:
    """A reference to a credential. Its text form is a mask; `reveal` reads the credential."""

    __slots__ = ("_seen", "name", "source")

    def __init__(self, source: str, name: str) -> None:
        self.source = source
        self.name = name
        self._seen: tuple[tuple[int, ...], str] | None = None

    def reveal(self) -> str:
        """The credential without surrounding white space.

        Raises:
            SecretMissing: the variable, file or credential does not exist, is unreadable or empty.
        """
        value = self._read().strip()
        if not value:
            raise SecretMissing(f"{self.reference} is empty")
        return value

    def _read(self) -> str:
        if self.source == "env":
            if self.name not in os.environ:
                raise SecretMissing(f"the environment variable {self.name} is not set")
            return os.environ[self.name]
        path = self.name if self.source == "file" else self._credential()
        try:
            # A file that is not another one is not read again: this is asked at every request.
            held = os.stat(path)
            mark = (held.st_ino, held.st_dev, held.st_mtime_ns, held.st_ctime_ns, held.st_size)
            seen = self._seen
            if seen is None or seen[0] != mark:
                with Path(path).open("rb") as stream:
                    seen = self._seen = (mark, stream.read(_MAX_BYTES).decode())
            return seen[1]
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise SecretMissing(f"{self.reference} cannot be read: {why}") from None

    def _credential(self) -> str:
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise SecretMissing(
                f"{self.reference} needs systemd: set LoadCredential={self.name}:… in the unit, "
                "or use {file: …} outside a service"
            )
        return os.path.join(folder, self.name)

    @property
    def reference(self) -> str:
        """`{env: NAME}` and so on, safe to print."""
        return f"{{{self.source}: {self.name}}}"

    def __repr__(self) -> str:
        return f"<secret {self.reference}>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.source, self.name) == (other.source, other.name)

    def __hash__(self) -> int:
        return hash((self.source, self.name))

    @classmethod
    def of(cls, value: Any) -> Secret:
        """The reference that a value of the file is.

        Raises:
            PydanticCustomError: it is none.
        """
        if isinstance(value, Secret):
            return value
        if isinstance(value, Mapping) and len(value) == 1:
            (source, name), *_ = value.items()
            if source in _SOURCES and isinstance(name, str) and name.strip():
                if source == "credential" and ("/" in name or name.startswith(".")):
                    raise PydanticCustomError("secret_reference", "a credential is named without a path")
                return cls(source, name.strip())
        raise PydanticCustomError(
            "secret_reference",
            "a secret is given by reference: {{env: NAME}}, {{file: PATH}} or {{credential: NAME}}",
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.of)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return cls.schema()

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """The JSON Schema of a reference."""
        one = [
            {
                "type": "object",
                "properties": {source: {"type": "string", "description": meaning}},
                "required": [source],
                "additionalProperties": False,
            }
            for source, meaning in _SOURCES.items()
        ]
        return {"oneOf": one, "writeOnly": True}
