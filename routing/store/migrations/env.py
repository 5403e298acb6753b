"""alembic runs this file for every command; the connection and its transaction belong to `routing.store.migrate`."""

from __future__ import annotations

from alembic import context

from routing.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata,
                  transactional_ddl=True, transaction_per_migration=False, render_as_batch=True)
context.run_migrations()
