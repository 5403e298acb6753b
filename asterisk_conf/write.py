"""Write rendered files into a folder: each whole or not at all, files with secrets for their owner alone."""

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
    """Result of writing a file."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


def write_files(files: Mapping[str, str], folder: Path) -> dict[str, Change]:
    """Write the files that differ, and return the result for each name. Other files of the folder are left alone.

    Raise OSError if the folder cannot be written.
    """
    for parent in {(folder / name).parent for name in files} | {folder}:
        parent.mkdir(parents=True, exist_ok=True)
    return {name: _write_file(folder / name, text) for name, text in sorted(files.items())}


def _write_file(path: Path, text: str) -> Change:
    mode = SECRET_MODE if path.name in SECRET_FILES else PLAIN_MODE
    before = path.read_bytes() if path.exists() else None
    if before == text.encode("utf-8", "surrogateescape"):
        path.chmod(mode)
        return Change.SAME
    # A temporary file has mode 0600 from its first byte, so no secret is ever readable.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        # The new content must be on the disk before it replaces the old file.
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    return Change.NEW if before is None else Change.CHANGED
