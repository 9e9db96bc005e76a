"""When a pause began, so that a clock that is set back does not make it longer."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rate", sa.Column("paused_at", sa.BigInteger(), nullable=False, server_default="0"))
    # Until now a pause took two hours at most.
    op.execute("UPDATE rate SET paused_at = paused_until - 7200000000 WHERE paused_until > 0")
