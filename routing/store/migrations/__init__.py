"""Hold the migrations that `routing.store.migrate` runs."""

from __future__ import annotations
