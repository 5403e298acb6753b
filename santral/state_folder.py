"""Check the state folder that a command names."""

from __future__ import annotations

import os
from pathlib import Path

from santral.errors import StoreFailure


def require_owner(state: Path) -> None:
    """Raise StoreFailure if the state belongs to another user. Files of this user would lock the node out."""
    require_state(state)
    owner = state.stat().st_uid
    if owner != os.geteuid():
        raise StoreFailure(f"{state} belongs to user {owner}: do this as that user (runuser -u santral -- santral …)")


def require_state(state: Path) -> None:
    """Raise StoreFailure if the folder is no state of a node."""
    if not state.is_dir():
        raise StoreFailure(f"{state} is no state folder of a node. Name it with --state")
