"""Read and write a file of keys: JSON with mode 0600, created once and never overwritten in place."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

from routing.store.errors import KeyFileError

FORBIDDEN = stat.S_IRWXG | stat.S_IRWXO


def read_keyfile(path: Path, of_what: str) -> Any:
    """Return the content of the file. Any: any JSON, which the caller checks.

    `of_what` is for messages, such as "callers' numbers". Raise `KeyFileError` if the file is missing, open to others
    or no JSON.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise KeyFileError(f"{path}: no key file for {of_what}. Restore it from the backup of the secrets; "
                           "only a new state may get new keys") from None
    except OSError as error:
        raise KeyFileError(f"{path}: the key file cannot be opened: {error.strerror}. It must be a plain file of "
                           "the user who runs the node") from None
    # The open file is checked, not its path: the path may change in between.
    with os.fdopen(descriptor, "rb") as file:
        _refuse_open_file(path, os.fstat(file.fileno()), of_what)
        content = file.read()
    try:
        return json.loads(content)
    except ValueError:
        # `from None`, because the text of the error would quote the key.
        raise unusable_error(path) from None


def unusable_error(path: Path, wanted: int = 1) -> KeyFileError:
    """Return the error for a file of another format. The error quotes nothing of the file."""
    return KeyFileError(f"{path}: this is no key file of format {wanted}. Restore it from the backup of the secrets")


def create_keyfile(path: Path, content: object) -> None:
    """Create the file unless there is one. If two processes begin at once, the first file stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _write_draft(path, content)
    try:
        with contextlib.suppress(FileExistsError):  # a link never replaces a file
            os.link(draft, path)
        sync_folder(path.parent)
    finally:
        draft.unlink()


def replace_keyfile(path: Path, content: object) -> None:
    """Replace the content of the file, completely or not at all."""
    _write_draft(path, content).replace(path)
    sync_folder(path.parent)


def _write_draft(path: Path, content: object) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    return draft


def sync_folder(folder: Path) -> None:
    """Make the names of the files in a folder survive the loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_open_file(path: Path, status: os.stat_result, of_what: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyFileError(f"{path}: not a plain file")
    if status.st_mode & FORBIDDEN:
        raise KeyFileError(f"{path}: others may read or change the keys of {of_what} (mode "
                           f"{stat.S_IMODE(status.st_mode):04o}). Repair it: chmod 600 {path}")
    if status.st_uid not in (os.geteuid(), 0):
        raise KeyFileError(f"{path}: belongs to another user. Repair it: chown it to the user who runs the node")
