"""Read and write `lab.json`, in which a lab records its addresses and its processes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.errors import NoLab
from lab.pbx import process
from lab.pbx.process import Identity

FILE = "lab.json"


def load_state(folder: Path) -> dict[str, Any]:
    """Return the record of a lab. Raise NoLab if there is none."""
    try:
        return dict(json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise NoLab(f"no lab runs in {folder} (no readable {FILE}). Start one: santral lab up --state {folder}"
                    ) from error


def save_state(folder: Path, found: Mapping[str, Any]) -> None:
    """Write the record of a lab."""
    # A reader sees the old record or the new one, never half of it. The file holds secrets, so nobody else may read it.
    draft = folder / f".{FILE}.{os.getpid()}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(found, file, ensure_ascii=False, indent=1)
    draft.replace(folder / FILE)


def is_running(folder: Path) -> bool:
    """Return whether a process of the lab lives."""
    try:
        found = load_state(folder)
    except NoLab:
        return False
    return any(process.is_alive(Identity(one["pid"], one["started"])) for one in found.get("processes", []))


def note_process(folder: Path, name: str, identity: Identity, run: Path | None = None) -> None:
    """Record a process of the lab. `stop_lab` ends the last recorded process first."""
    with suppress(NoLab):
        found = load_state(folder)
        entry = {"name": name, "pid": identity.pid, "started": identity.started, "run": str(run) if run else ""}
        # A process that started again replaces its entry and moves to the end of the order.
        others = [one for one in found["processes"] if one["name"] != name]
        changed: dict[str, Any] = {**found, "processes": [*others, entry]}
        if name == "node":
            changed["pid"] = identity.pid
        if name == "asterisk":
            changed["asterisk_pid"] = identity.pid
        save_state(folder, changed)


def find_process(folder: Path, name: str) -> Identity:
    """Return a process of a lab: `asterisk`, `network`, `node`, `node-b`, `postgres-primary`, `postgres-standby`,
    `gateway`, `turn`, `page` or `traffic`. Raise NoLab if there is none."""
    for one in load_state(folder)["processes"]:
        if one["name"] == name:
            return Identity(one["pid"], one["started"])
    raise NoLab(f"the lab in {folder} has no process {name!r}")
