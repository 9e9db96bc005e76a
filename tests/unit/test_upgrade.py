"""An upgrade takes over the state of every release before it: nothing is lost and the books still agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from syncd.store.care import faults
from syncd.store.engine import Store
from syncd.store.schema import HEAD, current
from syncd.store.tables import metadata
from tests.rehearsals import ROOT
from tests.schemas import FOLDER, lived, load_postgresql, load_sqlite, postgresql_dump, sqlite_dump
from tests.stores import KINDS, Backends

PRESENT = "the present"
RELEASES = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def present(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state of the present schema, as the next release will make it."""
    return lived(tmp_path_factory.mktemp("present"))


def rows(store: Store) -> Mapping[str, int]:
    """Table → how many rows it has."""
    with store.read() as connection:
        names = inspect(connection).get_table_names()
        return {n: int(connection.scalar(text(f'SELECT count(*) FROM "{n}"')) or 0) for n in names}


def dump(release: str, kind: str, present: Path, backends: Backends) -> str:
    if release != PRESENT:
        return (FOLDER / f"{release}.{kind}.sql").read_text("utf-8")
    if kind == "sqlite":
        return sqlite_dump(present)
    database = backends.blank().rpartition("/")[2].partition("?")[0]
    return postgresql_dump(present, backends.server(), database)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("release", [*RELEASES, PRESENT])
def test_the_state_of_a_release_is_taken_over_whole(
    release: str, kind: str, present: Path, backends: Backends, tmp_path: Path
) -> None:
    said = dump(release, kind, present, backends)
    if kind == "sqlite":
        url = load_sqlite(said, tmp_path / "syncd.db")
    else:
        url = load_postgresql(said, backends.blank())
    store = Store(url)
    before = rows(store)
    assert min(before[n] for n in ("work", "lookup", "ledger", "change", "audit", "run")) > 0
    store.open()
    with store.write() as connection:
        assert current(connection) == HEAD
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        wrong = [d for d in compare_metadata(context, metadata) if "alembic_version" not in repr(d)]
        assert wrong == []
    assert faults(store) == []
    after = rows(store)
    store.close()
    assert {name: n for name, n in before.items() if name in after and after[name] < n} == {}


def test_every_release_left_its_schema_behind() -> None:
    """`make schema RELEASE=…` belongs to a release."""
    held = {path.name for path in FOLDER.glob("*.sql")}
    assert held == {f"{release}.{kind}.sql" for release in RELEASES for kind in KINDS}
