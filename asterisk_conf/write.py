"""Writes rendered files into a folder: each whole or not at all, those with secrets readable by the owner alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from asterisk_conf.render import SECRET_FILES

SECRET_MODE = 0o600
PLAIN_MODE = 0o644


class Change(StrEnum):
    """What became of a file."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


def write(files: Mapping[str, str], folder: Path) -> dict[str, Change]:
    """Write the files that differ; name -> what became of it. OSError when the folder cannot be written. Other files in
    the folder stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _write(folder / name, text) for name, text in sorted(files.items())}


def _write(path: Path, text: str) -> Change:
    mode = SECRET_MODE if path.name in SECRET_FILES else PLAIN_MODE
    before = path.read_bytes() if path.exists() else None
    if before == text.encode():
        path.chmod(mode)
        return Change.SAME
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600 from the first byte
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    return Change.NEW if before is None else Change.CHANGED
