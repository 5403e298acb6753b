"""Read all files of a folder of secrets, and write them on another machine: all of them or none.

Certificates and the password file of the database lie there too, so they go along.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from routing.store.keyfile import sync_folder
from santral.errors import SantralError, StoreFailure
from santral.secrets import READABLE_BY_OTHERS

Files = Mapping[str, bytes]

FOLDER = "secrets"

NEEDED = tuple(f"{one}.json" for one in (
    "agi", "ami", "notes", "numbers", "pins", "recordings", "seats", "tokens"))
"""Files that a node has after its first start. Without them another machine would make others."""

TOTAL_MAX = 4_000_000
"""Most bytes of all files. Thousands of agents have less than one million."""

DRAFT = ".secrets.joining"
"""Folder in the state that becomes the folder of secrets. A power cut may leave it, and the next join removes it."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def read_files(state: Path) -> Files:
    """Return the secrets of a node that has worked. Raise SantralError if they are not whole, or are open to others."""
    folder = state / FOLDER
    found = read_folder(folder)
    if missing := [name for name in NEEDED if name not in found]:
        raise SantralError(f"{folder} has no {', '.join(missing)}: the first node makes them. Start it once on this "
                           "state, then do this again")
    if (size := sum(map(len, found.values()))) > TOTAL_MAX:
        raise SantralError(f"{folder} has {size:,} bytes, and {TOTAL_MAX:,} are the limit. Take out what is no secret")
    return found


def read_folder(folder: Path) -> Files:
    """Return the files of a folder of secrets, or none without the folder. Raise SantralError for what cannot go along.

    Hidden files are drafts of a program that writes now.
    """
    found = {}
    try:
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name.startswith("."):
                continue
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or not _NAME.fullmatch(path.name):
                    raise SantralError(f"{path} is no plain file of letters, digits, dots and hyphens: secrets lie in "
                                       "this folder itself. Move it")
                if status.st_mode & READABLE_BY_OTHERS:
                    raise SantralError(f"{path} is readable by others. Close it: chmod 600 {path}")
                found[path.name] = file.read(TOTAL_MAX + 1)
    except OSError as error:
        raise StoreFailure(f"{error.filename or folder} cannot be read: {error.strerror}. Secrets are plain files of "
                           "the user who runs the node") from error
    return found


def write_files(state: Path, files: Files) -> bool:
    """Write all files with mode 0600, and return False if they are there already.

    Raise StoreFailure if the state has other secrets, or if the disk refuses. Then nothing was changed.
    """
    folder, draft = state / FOLDER, state / DRAFT
    if any(not _NAME.fullmatch(name) for name in files):
        raise SantralError("the other machine sent a file with an impossible name. Nothing was written")
    here = read_folder(folder)
    if here == files:
        return False
    if here:
        other = sorted(name for name in {*here, *files} if here.get(name) != files.get(name))
        raise StoreFailure(f"{folder} has other secrets already ({', '.join(other)}). Nothing was changed. If no node "
                           f"needs them, move them away and join again: mv {folder} {folder}.before")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        for name, content in files.items():
            handle = os.open(draft / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(draft)
        # A rename replaces an empty folder.
        draft.rename(folder)
        sync_folder(state)
    except OSError as error:
        raise StoreFailure(f"the secrets cannot be written to {folder}: {error.strerror}. Nothing was changed"
                           ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return True
