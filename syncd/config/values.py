"""Values that the configuration writes as text: durations, rates, addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from syncd.connector import Limit

_K = TypeVar("_K")
_V = TypeVar("_V")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = r"^([0-9]{1,6}[smhdw])+$"
_LONGEST = timedelta(days=36_525)
_RATE = r"^[1-9][0-9]{0,6} ?/ ?([1-9][0-9]{0,4} ?)?(s|sec|second|min|minute|h|hour|d|day)$"
_PERIODS = {"s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600}


def parse_duration(value: object) -> timedelta:
    """The time span of text such as `90s`, `5m`, `1h30m`, `180d` or `2w`, at most 100 years."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.fullmatch(_DURATION, value):
        raise PydanticCustomError(
            "duration", "must be a duration: a number and its unit, such as 30s, 5m, 12h or 90d"
        )
    parts = re.findall(r"([0-9]+)([smhdw])", value)
    span = timedelta(seconds=sum(int(count) * _UNITS[unit] for count, unit in parts))
    if span > _LONGEST:
        raise PydanticCustomError("duration", "must be at most 100 years")
    return span


def duration_text(span: timedelta) -> str:
    """The span as the configuration writes it, in its largest whole units: `1h30m`."""
    left = int(span.total_seconds())
    text = ""
    for unit in "dhms":
        count, left = divmod(left, _UNITS[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def at_least(seconds: int) -> Callable[[timedelta], timedelta]:
    """A check that a duration is not shorter."""
    least = timedelta(seconds=seconds)

    def check(span: timedelta) -> timedelta:
        if span < least:
            raise PydanticCustomError("duration", f"must be at least {duration_text(least)}")
        return span

    return check


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` requests per `per_s` seconds, as an operator asks for it."""

    count: int
    per_s: float

    @property
    def per_second(self) -> float:
        return self.count / self.per_s

    def exceeds(self, limit: Limit) -> bool:
        """Whether it asks for more than a vendor allows in the long run."""
        return self.per_second > limit.count / limit.per_s * (1 + 1e-9)

    def __str__(self) -> str:
        names = {1: "s", 60: "min", 3600: "h", 86_400: "day"}
        return f"{self.count}/{names.get(int(self.per_s), f'{int(self.per_s)}s')}"


def parse_rate(value: object) -> Rate:
    """The rate of text such as `600/min`, `5/s` or `100/10s`."""
    if isinstance(value, Rate):
        return value
    if not isinstance(value, str) or not re.fullmatch(_RATE, value):
        raise PydanticCustomError("rate", "must be a rate such as 600/min, 5/s or 100/10s")
    count, period = (part.strip() for part in value.split("/"))
    digits, unit = re.fullmatch(r"([0-9]*) ?([a-z]+)", period).groups()  # type: ignore[union-attr] # _RATE matched
    return Rate(int(count), float(int(digits or 1) * _PERIODS.get(unit, 86_400)))


@dataclass(frozen=True, slots=True)
class Listen:
    """A local address to listen on. `port` 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(value: object) -> Listen:
    """The address of `HOST:PORT`; an IPv6 host stands in brackets."""
    if isinstance(value, Listen):
        return value
    found = (
        re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})", value)
        if isinstance(value, str)
        else None
    )
    if not found or int(found[3]) > 65_535:
        raise PydanticCustomError("listen", "must be HOST:PORT, such as 127.0.0.1:8642 or [::1]:8642")
    return Listen(found[1] or found[2], int(found[3]))


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise PydanticCustomError("number", "must be a number")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise PydanticCustomError("flag", "must be true or false")
    return value


def parse_since(value: object) -> datetime | str:
    """`now`, `beginning`, or an aware instant in UTC."""
    if isinstance(value, str) and value in ("now", "beginning"):
        return value
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        if instant.tzinfo is None:
            raise ValueError
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError(
            "since", "must be now, beginning, or a time with its zone such as 2026-01-31T00:00:00Z"
        ) from None


def _freeze(value: Mapping[_K, _V]) -> Mapping[_K, _V]:
    return MappingProxyType(dict(value))


Duration: TypeAlias = Annotated[
    timedelta,
    PlainValidator(parse_duration),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION}),
]
RateText: TypeAlias = Annotated[
    Rate,
    PlainValidator(parse_rate),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _RATE}),
]
ListenText: TypeAlias = Annotated[
    Listen,
    PlainValidator(parse_listen),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
Since: TypeAlias = Annotated[
    datetime | Literal["now", "beginning"],
    PlainValidator(parse_since),
    WithJsonSchema({"type": "string"}),
]
Amount: TypeAlias = Annotated[
    Decimal,
    Field(ge=0, le=10**12, allow_inf_nan=False),
    BeforeValidator(_number),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 10**12}),
]
Flag: TypeAlias = Annotated[bool, PlainValidator(_flag), WithJsonSchema({"type": "boolean"})]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=1024)]
Frozen: TypeAlias = Annotated[Mapping[_K, _V], AfterValidator(_freeze)]
"""A mapping that cannot be changed after it was read."""
Share: TypeAlias = Annotated[
    float,
    Field(gt=0, le=1),
    BeforeValidator(_number),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
]
Raw: TypeAlias = Mapping[str, Any]
"""A section as it was read, before its keys are known to be right."""
