"""What system tests share."""

from __future__ import annotations

import pytest

from lab.fetch import Program, asterisk


@pytest.fixture(scope="session")
def asterisk_tree() -> Program:
    """The cached Asterisk."""
    return asterisk(say=lambda text: print(f"lab: {text}"))
