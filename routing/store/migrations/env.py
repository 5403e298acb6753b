"""Run the migrations. alembic calls this file, and `routing.store.migrate` owns the connection and its transaction."""

from __future__ import annotations

from alembic import context

from routing.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata,
                  transactional_ddl=True, transaction_per_migration=False, render_as_batch=True)
context.run_migrations()
