"""The rows of a CSV file as people have them: its encoding, its delimiter, and where each row begins."""

from __future__ import annotations

import codecs
import csv
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST_FILE = 64 * 1024 * 1024
LARGEST_CELL = 1024 * 1024
DELIMITERS = ",;\t"
_LIMIT_GUARD = threading.Lock()


class BadExport(ValueError):
    """A file that cannot be read as a contact export; the text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Row:
    """Cells as they stand, and the physical lines they came from, both included and counted from 1."""

    first: int
    last: int
    cells: list[str]

    @property
    def blank(self) -> bool:
        return not any(cell.strip() for cell in self.cells)


def read_rows(path: Path) -> list[Row]:
    """Every row of the file, blank ones too.

    Raises:
        BadExport: too large, unreadable, or in no encoding that exports come in.
    """
    text = _decoded(_contents(path))
    if not text.strip():
        raise BadExport(f"{path.name} is empty")
    return list(_rows(text, path.name))


def _contents(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise BadExport(f"{path.name} cannot be read: {error.strerror}") from None
    if len(data) > LARGEST_FILE:
        raise BadExport(f"{path.name} is larger than {LARGEST_FILE // 2**20} MiB")
    return data


def _decoded(data: bytes) -> str:
    """UTF-8 with or without a mark, UTF-16 with one, else the Western code page of Windows."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        names = ["utf-16"]
    elif data[:200:2].count(0) * 2 > len(data[:200:2]) or data[1:200:2].count(0) * 2 > len(data[1:200:2]):
        names = ["utf-16-le" if data[1:2] == b"\0" else "utf-16-be"]
    else:
        names = ["utf-8-sig", "cp1252"]
    for name in names:
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    raise BadExport(f"the file is in none of the encodings {', '.join(names)}")


def _rows(text: str, name: str) -> Iterator[Row]:
    delimiter = _delimiter(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    before = 0
    with _LIMIT_GUARD:
        # the module's own limit is smaller than a cell may be here, and can only be set for all readers
        usual = csv.field_size_limit(LARGEST_CELL)
        try:
            for cells in lines:
                yield Row(before + 1, lines.line_num, cells)
                before = lines.line_num
        except csv.Error:
            raise BadExport(
                f"{name} cannot be read from line {before + 1} on: a cell is larger than "
                f"{LARGEST_CELL // 2**20} MiB, or a quote is never closed"
            ) from None
        finally:
            csv.field_size_limit(usual)


def _delimiter(text: str) -> str:
    """The delimiter that occurs most outside quotes in the first line that has any."""
    for line in text.splitlines()[:20]:
        outside = "".join(line.split('"')[::2])
        counts = {d: outside.count(d) for d in DELIMITERS}
        best = max(DELIMITERS, key=lambda d: counts[d])
        if counts[best]:
            return best
    return ","
