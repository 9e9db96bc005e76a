"""A vendor's knobs as a typed record: checks of single values, defaults, and reading them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import MISSING, fields
from functools import partial
from typing import Any, ClassVar, Self

from connectors.sandbox.population import Coverage
from connectors.sandbox.settings import BadSetting, choice, known_keys, number, record

Check = Callable[[object, str], object]


def share(value: object, name: str) -> None:
    """From 0 to 1."""
    number(value, name, 0, 1)


def natural(value: object, name: str) -> None:
    """A whole number, 0 or more."""
    number(value, name, 0, whole=True)


def seconds(value: object, name: str) -> None:
    """0 or more."""
    number(value, name, 0)


def texts(value: object, name: str) -> list[str]:
    """A list of texts, none of them blank."""
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise BadSetting(f"{name} is a list of texts")
    return value


def coverage(value: object, name: str) -> None:
    """Shares of what a provider knows, by their names."""
    shares = record(value, name)
    known_keys(shares, (f.name for f in fields(Coverage)), name)
    for one in shares:
        share(shares[one], one)


def one_of(*words: str) -> Check:
    """One of the words."""
    return partial(choice, among=words)


def typed(value: Any, default: object) -> Any:
    """A copy of a checked value, a whole number such as 3.0 as the integer that it is."""
    counts = isinstance(default, int) and not isinstance(default, bool)
    return int(value) if counts else deepcopy(value)


class KnobSet:
    """Base of a dataclass of knobs. `checks` has one entry for each field; `usual` is what is known."""

    checks: ClassVar[Mapping[str, Check]]
    usual: ClassVar[Coverage]

    __slots__ = ()

    @classmethod
    def defaults(cls) -> dict[str, object]:
        """Each knob's name with its default, in JSON types."""
        return {
            f.name: f.default if f.default_factory is MISSING else f.default_factory()
            for f in fields(cls)  # type: ignore[arg-type]  # every subclass is a dataclass
        }

    @classmethod
    def read(cls, settings: Mapping[str, object]) -> Self:
        """The knobs from settings that hold at least every one of them; others are left alone.

        Raises:
            BadSetting: a value of a wrong type or outside of what the knob takes.
        """
        for name, check in cls.checks.items():
            check(settings[name], name)
        own = fields(cls)  # type: ignore[arg-type]  # as above
        return cls(**{f.name: typed(settings[f.name], f.default) for f in own})

    def known_shares(self, changes: Mapping[str, float]) -> Coverage:
        """How much the vendor knows: the usual shares, with changes."""
        usual = {f.name: getattr(self.usual, f.name) for f in fields(Coverage)}
        return Coverage(**(usual | dict(changes)))
