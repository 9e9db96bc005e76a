"""Alembic's entry: runs on the connection that it is handed, inside the caller's transaction."""

from alembic import context

from syncd.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=False,
    transactional_ddl=False,
)
context.run_migrations()
