"""What system tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lab import up
from lab.fetch import Program, asterisk
from lab.network import Network
from tests.system.stage import Stage


@pytest.fixture(scope="session")
def asterisk_tree() -> Program:
    """The cached Asterisk."""
    return asterisk(say=lambda text: print(f"lab: {text}"))


@pytest.fixture(scope="session")
def lab(asterisk_tree: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[up.Info]:
    """A whole lab with the ministry's centre, shared by all tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("lab")
    info = up.up(up.CENTRE, folder)
    try:
        yield info
    finally:
        up.down(folder)


@pytest.fixture
async def stage(lab: up.Info, tmp_path: Path) -> AsyncIterator[Stage]:
    """Agents and callers of one test; at its end everybody has hung up and signed out."""
    async with Network(lab.network) as network:
        stage = Stage(lab, network, tmp_path)
        try:
            yield stage
        finally:
            await stage.clear()
