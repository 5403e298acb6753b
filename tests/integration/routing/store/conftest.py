"""Fixtures of the store's tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def each_store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the place of an empty state on each of the databases."""
    if request.param == "sqlite":
        return str(tmp_path / "santral.db")
    url: str = request.getfixturevalue("where")
    return url
