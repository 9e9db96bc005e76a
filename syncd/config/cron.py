"""Cron expressions of five fields, read as crontab(5) reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_PART = re.compile(r"(\*|[a-z0-9]{1,3})(?:-([a-z0-9]{1,3}))?(?:/([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Cron:
    """When a schedule fires. Weekdays count from Sunday, 0, as crontab counts them."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @property
    def fires(self) -> bool:
        """Whether any date fulfils it: 30 February never comes."""
        return any(min(self.days) <= _LENGTHS[month - 1] for month in self.months)

    @property
    def trigger(self) -> dict[str, str]:
        """The fields for an APScheduler CronTrigger, whose own numbers count weekdays from Monday."""
        return {
            "minute": _listed(self.minutes),
            "hour": _listed(self.hours),
            "day": _listed(self.days),
            "month": _listed(self.months),
            "day_of_week": ",".join(_DAYS[day] for day in sorted(self.weekdays)),
        }

    def __str__(self) -> str:
        return self.text


def parse_cron(value: object) -> Cron:
    """The schedule of `minute hour day month weekday`, with names, lists, ranges and steps.

    crontab fires when day of the month OR day of the week fits, most other readers when both do; an
    expression that restricts both is refused, so that nobody has to know.
    """
    if isinstance(value, Cron):
        return value
    parts = value.split() if isinstance(value, str) else []
    if len(parts) != 5 or not isinstance(value, str) or len(value) > 200:
        raise PydanticCustomError(
            "cron", "must be a cron expression of five fields: minute hour day month weekday"
        )
    if not parts[2].startswith("*") and not parts[4].startswith("*"):
        raise PydanticCustomError(
            "cron",
            "restricts both day of the month and day of the week, which is read in two ways; restrict one",
        )
    minutes, hours, days, months, weekdays = (_field(part, i) for i, part in enumerate(parts))
    weekdays = frozenset(day % 7 for day in weekdays)
    return Cron(" ".join(parts), minutes, hours, days, months, weekdays)


def _field(text: str, index: int) -> frozenset[int]:
    chosen: set[int] = set()
    for part in text.casefold().split(","):
        chosen.update(_range(part, index))
    return frozenset(chosen)


def _range(part: str, index: int) -> range:
    name, low, high, _ = _FIELDS[index]
    found = _PART.fullmatch(part)
    if not found:
        raise _wrong(index)
    first, last, step = found.groups()
    furthest = 6 if index == 4 else high
    if first == "*":
        if last:
            raise _wrong(index)
        start, end = low, furthest
    else:
        start = _point(first, index)
        end = _point(last, index, at_end=True) if last else (furthest if step else start)
    if end < start:
        raise PydanticCustomError("cron", f"has a range of the {name} that ends before it starts")
    if step and int(step) == 0:
        raise PydanticCustomError("cron", f"has a step of 0 in the {name}")
    return range(start, end + 1, int(step or 1))


def _point(text: str, index: int, at_end: bool = False) -> int:
    _, low, high, names = _FIELDS[index]
    if text in names:
        number = names.index(text) + low
        return 7 if at_end and index == 4 and number == 0 else number
    if not text.isdigit() or not low <= int(text) <= high:
        raise _wrong(index)
    return int(text)


def _wrong(index: int) -> PydanticCustomError:
    name, low, high, names = _FIELDS[index]
    words = f" or {names[0]} to {names[-1]}" if names else ""
    return PydanticCustomError(
        "cron", f"has a {name} that is not {low} to {high}{words}, *, a list or a range"
    )


def _listed(numbers: frozenset[int]) -> str:
    return ",".join(str(number) for number in sorted(numbers))


CronText: TypeAlias = Annotated[Cron, PlainValidator(parse_cron), WithJsonSchema({"type": "string"})]
