"""Alembic's entry: runs inside the transaction that `migrate` began."""

from alembic import context

from api.storage import desk_tables

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=desk_tables.handoffs.metadata)
with context.begin_transaction():
    context.run_migrations()
