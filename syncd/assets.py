"""Files that are shipped with the package: units, man pages, the example."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_IN_SOURCE = {"systemd": "systemd", "man": "docs/man", "config.example.yaml": "config.example.yaml"}
"""Where a part of syncd/data lies in a source tree; building a wheel puts it into syncd/data."""


def asset(name: str) -> Path:
    """A shipped file or folder, by its path below syncd/data.

    Raises:
        FileNotFoundError: this copy of syncd was made without it.
    """
    part, _, rest = name.partition("/")
    for root in (_PACKAGE / "data" / part, _PACKAGE.parent / _IN_SOURCE[part]):
        path = root / rest if rest else root
        if path.exists():
            return path
    raise FileNotFoundError(name)
