"""Addresses in the configuration: of vendors, of this service, of the state."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path, PurePosixPath
from typing import Annotated, TypeAlias
from urllib.parse import SplitResult, urlsplit

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.(?!-)[A-Za-z0-9-]{1,63})*\.?")


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address is this machine and nothing else."""
    if host.rstrip(".").casefold() == "localhost":
        return True
    address = _address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address is not None and address.is_loopback


def is_loopback(url: str) -> bool:
    """Whether a URL that was found valid leads to this machine."""
    return is_loopback_host(urlsplit(url).hostname or "")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _split(value: object, what: str, query: bool = False) -> SplitResult:
    """The parts of an absolute http(s) URL without credentials and fragment, and without query unless allowed."""
    example = f"must be {what} such as https://host.example"
    if not isinstance(value, str) or len(value) > 1024 or not re.fullmatch(r"[!-~]+", value):
        raise PydanticCustomError("url", example)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise PydanticCustomError("url", example) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise PydanticCustomError("url", example)
    if parts.username is not None or parts.password is not None:
        raise PydanticCustomError(
            "url", "must not hold credentials; give them by reference in their own keys"
        )
    if parts.fragment or "#" in value or (not query and (parts.query or "?" in value)):
        raise PydanticCustomError("url", "must not have a query or fragment")
    _check_host(parts.hostname)
    if parts.scheme == "http" and not is_loopback_host(parts.hostname):
        raise PydanticCustomError("url", "may use plain http only to this machine (loopback); use https")
    return parts


def _check_host(host: str) -> None:
    address = _address(host)
    if address is None:
        # resolvers read 127.1 and 2130706433 as addresses, so they would hide where a URL leads
        if not _HOST.fullmatch(host) or re.fullmatch(
            r"(0x[0-9a-f]*|[0-9]+)", host.rstrip(".").rsplit(".")[-1]
        ):
            raise PydanticCustomError("url", "has a host that is neither a name nor a full address")
    elif address.is_unspecified or address.is_multicast:
        raise PydanticCustomError("url", "has an address that no server can have")


def parse_base_url(value: object) -> str:
    """A vendor's base URL without the slash at its end."""
    parts = _split(value, "a URL")
    if ".." in parts.path or "//" in parts.path or "%" in parts.path or "\\" in parts.path:
        raise PydanticCustomError("url", "has a path that could lead elsewhere")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def parse_hook_url(value: object) -> str:
    """A URL that messages are sent to, as it was written; it may have a query."""
    _split(value, "a URL", query=True)
    return str(value)


def parse_database_url(value: object) -> str:
    """The state's URL as it was written: `sqlite:///ABSOLUTE`, `sqlite:RELATIVE` or `postgresql://…`."""
    if not isinstance(value, str) or len(value) > 1024 or not value.isprintable():
        raise _database()
    scheme, colon, rest = value.partition(":")
    if scheme in ("postgres", "postgresql+psycopg", "psql"):
        raise PydanticCustomError("database", "must begin with postgresql://")
    if scheme == "sqlite" and colon:
        _check_sqlite(rest)
    elif scheme == "postgresql" and rest.startswith("//"):
        _check_postgresql(value)
    else:
        raise _database()
    return value


def _check_sqlite(rest: str) -> None:
    if not rest or rest.endswith("/") or ":memory:" in rest or "?" in rest or "#" in rest:
        raise PydanticCustomError("database", "must name a database file: the state has to survive a restart")
    if rest.startswith("//") and not rest.startswith("///"):
        raise PydanticCustomError("database", "must have three slashes before an absolute path")
    if rest.startswith("//") and (".." in rest.split("/") or "." in rest.split("/") or rest.count("/") == 3):
        raise PydanticCustomError(
            "database",
            "names an absolute path after three slashes, and this one is unlikely",
            {"hint": "write sqlite:syncd.db for a file beside the configuration"},
        )


def _check_postgresql(value: str) -> None:
    try:
        parts = urlsplit(value)
        port, password = parts.port, parts.password
    except ValueError:
        raise _database() from None
    if password is not None or "password" in parts.query.casefold():
        raise PydanticCustomError(
            "database",
            "must not hold a password",
            {"hint": "give it as `password: {env: NAME}` beside the url, or in ~/.pgpass"},
        )
    if port == 0 or len(parts.path) < 2:
        raise _database()


def _database() -> PydanticCustomError:
    return PydanticCustomError(
        "database", "must be sqlite:///path/to/file.db or postgresql://user@host/database"
    )


def sqlite_file(url: str, folder: Path) -> Path | None:
    """The absolute path of a SQLite state; relative ones lie in `folder`. None for other databases."""
    if not url.startswith("sqlite:"):
        return None
    rest = url.removeprefix("sqlite:")
    if rest.startswith("///"):
        return Path("/" + rest.lstrip("/"))
    return Path(folder.absolute() / PurePosixPath(rest))


BaseUrl: TypeAlias = Annotated[
    str, PlainValidator(parse_base_url), WithJsonSchema({"type": "string", "format": "uri"})
]
DatabaseUrl: TypeAlias = Annotated[
    str, PlainValidator(parse_database_url), WithJsonSchema({"type": "string"})
]
