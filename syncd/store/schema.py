"""The schema's version: forward-only migrations, and a refusal to touch a state of a newer release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from syncd.store.trouble import StateUnusable, absent

if TYPE_CHECKING:
    from alembic.config import Config

    from syncd.store.engine import Store

HEAD = "0002"
"""The newest migration; a test keeps it equal to the scripts."""

_SCRIPTS = Path(__file__).with_name("migrations")


def current(connection: Connection) -> str | None:
    """The migration that a state has reached, or None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return str(found) if found else None


def upgrade(store: Store) -> None:
    """Bring the state to `HEAD` in one transaction; nothing where it is there already.

    Raises:
        StateUnusable: the state was made by a newer syncd.
    """
    with store.read() as connection:
        found = current(connection)
    if found == HEAD:
        return
    from alembic import command

    with store.write() as connection:
        found = current(connection)
        if found == HEAD:
            return
        _refuse_newer(store, found)
        scripts = configuration()
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, "head")


def verify(store: Store) -> None:
    """Whether the state can be read as it is.

    Raises:
        StateUnusable: it is of another version, or empty.
    """
    with store.read() as connection:
        found = current(connection)
    if found == HEAD:
        return
    _refuse_newer(store, found)
    if found is not None:
        raise StateUnusable(
            f"The state {store.where} was made by an older syncd (schema {found}, this release needs {HEAD}). "
            "Run `syncd db migrate`, or start the service, which does it by itself.",
            "older",
        )
    raise absent(store.where)


def configuration() -> Config:
    """Alembic's settings, as migrations and tests need them."""
    from alembic.config import Config

    scripts = Config()
    scripts.set_main_option("script_location", str(_SCRIPTS))
    return scripts


def _refuse_newer(store: Store, found: str | None) -> None:
    known = {p.name.split("_", 1)[0] for p in (_SCRIPTS / "versions").glob("[0-9]*.py")}
    if found is not None and found not in known:
        raise StateUnusable(
            f"The state {store.where} was made by a newer syncd (schema {found}, this release knows {HEAD}). Install the newer release again, or restore the backup made before its upgrade.",
            "newer",
        )
