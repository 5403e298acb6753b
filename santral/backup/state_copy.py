"""Make a backup of a node's state while calls go on."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from routing.store.audit import FILE as AUDIT
from routing.store.audit import Audit
from routing.store.migrate import HEAD
from santral.backup.backup_file import write_backup
from santral.backup.sealed_stream import BackupKey
from santral.centre.last_known_good import FOLDER as LAST_GOOD
from santral.erased_list import note_folder
from santral.errors import StoreFailure

ROOM = 1.2
"""Room that the copy of the store needs, as a multiple of the store: other programs write meanwhile."""
STORE = "santral.db"
"""Name of the store inside a backup."""
SECRETS = "secrets"


class TakenBackup(NamedTuple):
    """A backup that was made."""

    path: Path
    size: int
    files: int
    sealed: bool


def take_backup(state: Path, place: Path | str, folder: Path, key: BackupKey | None, version: str, who: str, *,
                recordings: bool, clock: Callable[[], float] = time.time) -> TakenBackup:
    """Write a backup into a folder. Raise StoreFailure if there is no room or no SQLite file.

    `place` is the store. Secrets are copied only if `key` encrypts the backup.
    """
    # 1. Refuse what cannot be copied here.
    if not isinstance(place, Path):
        raise StoreFailure("the store is a PostgreSQL server: back it up with pg_basebackup or pg_dump")
    if not place.is_file():
        raise StoreFailure(f"{place} is not there: no node has kept records in {state}. Name its folder with --state")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(state).free
    except OSError as error:
        raise StoreFailure(f"{error.filename}: {error.strerror}") from error
    if free < place.stat().st_size * ROOM:
        raise StoreFailure(f"no backup was made: the copy of the store needs {place.stat().st_size * ROOM / 1e6:.0f} "
                           f"MB in {state}, and {free / 1e6:.0f} MB are free. Make room")
    # 2. Copy the store, then write the file. The copy is plain, so it stays in the state folder.
    now = clock()
    ending = "tar" if key is None else "tar.sealed"
    path = folder / f"santral-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}.{ending}"
    if path.exists():
        raise StoreFailure(f"{path} is there already: wait a second")
    Audit(state).note_entry(who, "backup", now, sealed=key is not None, recordings=recordings)
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=state) as draft:
        copy = Path(draft) / STORE
        copy_store(place, copy)
        about = {"at": now, "version": version, "revision": HEAD, "secrets": key is not None}
        with write_backup(path, key, about) as backup:
            backup.add_file(copy, STORE)
            for name in (AUDIT, LAST_GOOD, *((SECRETS,) if key is not None else ()),
                         *(("recordings",) if recordings else ())):
                for one in _files_below(state / name):
                    backup.add_file(one, str(one.relative_to(state)))
            count = backup.count
    # 3. Have later erasures noted next to the backup.
    try:
        note_folder(state, folder.absolute())
    except OSError as error:
        raise StoreFailure(f"{path} is whole, but the list of erasures next to it is not: {error.strerror}. Make room, "
                           "and do this again") from error
    return TakenBackup(path, path.stat().st_size, count, key is not None)


def copy_store(place: Path, copy: Path) -> None:
    """Copy a SQLite file as it is at one moment. Writers do not wait. Raise StoreFailure if the copy is not sound."""
    os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(place)) as source, closing(sqlite3.connect(copy)) as target:
            # All pages in one step: a copy in portions begins again whenever the node writes.
            source.backup(target, pages=-1)
            target.execute("PRAGMA journal_mode=DELETE")
            (sound,) = target.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        words = "no room is left for the copy" if "full" in str(error) else str(error)
        raise StoreFailure(f"no backup was made: {place}: {words}") from error
    if sound != "ok":
        raise StoreFailure(f"no backup was made: {place} is damaged. Restore an older backup")


def _files_below(path: Path) -> list[Path]:
    """Return a file, or all files of a folder, without drafts."""
    if path.is_file():
        return [path]
    return sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
