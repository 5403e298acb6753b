"""Migrations, run by `routing.store.migrate`."""

from __future__ import annotations
