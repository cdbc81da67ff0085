"""Runs migrations on the connection that `signalbox.site.migrate` opened and locked."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    version_table="schema_version",
    transaction_per_migration=True,
)

with context.begin_transaction():
    context.run_migrations()
