"""Restore a state from a backup, so that nothing comes back that was taken away since.

Everything is done in a folder inside the state folder. The state gets its files only when all of it has succeeded.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, update

from desk.people import person_rows
from routing.store.audit import Audit
from routing.store.callers.number_keys import NumberKeys
from routing.store.errors import KeyFileError, StoreError
from routing.store.schema import caller_preferences, contacts, people, sessions, sms_messages
from routing.store.store import Store
from santral.backup.backup_file import describe_fault, read_backup
from santral.backup.callback_hold import NOTE as HELD
from santral.backup.sealed_stream import BackupKey
from santral.backup.state_copy import SECRETS, STORE
from santral.centre.config import NodeConfig, store_place
from santral.erased_list import FILE as LIST
from santral.erased_list import ErasedList, KnownMarks, read_marks
from santral.errors import SantralError, StoreFailure
from santral.offline_upgrade import upgrade_offline
from santral.privacy.cli import open_caller_data

DRAFT = ".restoring"
CALLER_HASHES = (contacts.c.caller_hash, contacts.c.callback_hash, caller_preferences.c.caller_hash,
                 sms_messages.c.caller)
"""Columns with keyed hashes of callers' numbers."""


class RestoredState(NamedTuple):
    """Result of a restore."""

    taken_at: float
    contacts: int
    erased: int
    """Callers who were erased again."""
    sessions: int
    disabled: int
    """People who were disabled since the backup."""
    callbacks: int
    """Callbacks that wait for an administrator."""


async def restore_state(path: Path, config: NodeConfig, state: Path, key: BackupKey | None, who: str,
                        clock: Callable[[], float] = time.time) -> RestoredState:
    """Restore a backup into a state folder without a store. Raise SantralError with the state as it was."""
    # 1. Refuse a folder that has a state.
    place = store_place(config, state)
    if not isinstance(place, Path):
        raise StoreFailure("the store is a PostgreSQL server: restore it with its own tools")
    _refuse_present(state, place)
    draft = state / DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    try:
        # 2. Read the whole backup, and check it, before anything is used.
        draft.mkdir(mode=0o700)
        manifest = read_backup(path, key, draft)
        if not (draft / STORE).is_file():
            raise SantralError(f"{path}: this backup has no store")
        _take_secrets(state, draft, sealed=(draft / SECRETS).is_dir())
        # 3. Take away what was taken away since.
        marks = read_marks(state / LIST, path.parent / LIST, draft / LIST)
        done = await _change_store(config, draft, marks, who, manifest, clock())
        # 4. Put it in force.
        if (path.parent / LIST).is_file():
            shutil.copyfile(path.parent / LIST, draft / LIST)
        _move_files(draft, state, place)
    except (StoreError, KeyFileError) as error:
        raise StoreFailure(f"nothing was restored: {error}") from error
    except OSError as error:
        raise StoreFailure(f"nothing was restored: {describe_fault(error, state)}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    Audit(state).note_entry(who, "restored", clock(), taken_at=int(done.taken_at), erased=done.erased)
    return done


def _refuse_present(state: Path, place: Path) -> None:
    for there in (place, place.with_name(place.name + "-wal")):
        if there.exists():
            raise StoreFailure(f"{there} is there: a restore replaces no state. End the node, then move the whole "
                               f"folder away: mv {state} {state}.before && install -d -m 711 {state}")


def _take_secrets(state: Path, draft: Path, *, sealed: bool) -> None:
    """Put the secrets of the state into the draft, unless the backup has its own."""
    there = state / SECRETS
    if sealed:
        if there.is_dir() and any(there.iterdir()):
            raise StoreFailure(f"{there} is there, and the backup has secrets too: move it away")
        (draft / SECRETS).chmod(0o700)
        return
    if not (there / "numbers.json").is_file():
        raise StoreFailure(f"this backup has no secrets: put your copy into {there} (0700, files 0600) first. Without "
                           "numbers.json nobody can tell who was erased since")
    shutil.copytree(there, draft / SECRETS)
    (draft / SECRETS).chmod(0o700)


async def _change_store(config: NodeConfig, draft: Path, marks: KnownMarks, who: str, manifest: dict[str, Any],
                        now: float) -> RestoredState:
    """End sessions, disable people, hold callbacks and erase callers again, in the draft."""
    # 1. Bring old tables up to date. No node runs, so it may take long.
    keys = ErasedList(draft, NumberKeys.load_keys(draft / SECRETS / "numbers.json"))
    place = store_place(config, draft)
    if place != draft / STORE:
        (draft / STORE).rename(place)
    await asyncio.to_thread(upgrade_offline, place, lambda done, of: None)
    # 2. One transaction for all that is a row.
    store = await Store.open_store(place)
    try:
        ended = await store.run_write(partial(end_sessions, now=now))
        disabled = await store.run_write(partial(disable_again, keys=keys, marks=marks, now=now))
        held = await store.run_write(hold_callbacks)
        await store.note_value(HELD, str(int(now)))
        known = await store.run_query(find_hashes)
        count = await store.run_query(lambda connection: int(connection.execute(
            select(func.count()).select_from(contacts)).scalar_one()))
    finally:
        await store.close()
    # 3. Erase again who was erased since, as `santral privacy erase` does it.
    wanted = [digest for digest in known if keys.mark_caller(digest) in marks.callers]
    if wanted:
        async with open_caller_data(config, draft, who) as privacy:
            for digest in wanted:
                await privacy.erase_caller(await privacy.by_hash(digest))
    return RestoredState(float(manifest["at"]), count, len(wanted), ended, disabled, held)


def end_sessions(connection: Connection, now: float) -> int:
    """End all sessions, and trust no browser any more. Return the number of sessions."""
    live = connection.execute(select(sessions.c.person).where(
        sessions.c.ended_at.is_(None), sessions.c.until > now)).scalars().all()
    for person in sorted(set(connection.execute(select(people.c.person)).scalars())):
        person_rows.end_all_sessions(connection, person, now)
    return len(live)


def disable_again(connection: Connection, keys: ErasedList, marks: KnownMarks, now: float) -> int:
    """Disable the people who were disabled since the backup. Return their number."""
    found = [one.person for one in person_rows.load_people(connection)
             if not one.disabled and keys.mark_person(one.person) in marks.disabled]
    for person in found:
        person_rows.disable_person(connection, person, now)
    return len(found)


def hold_callbacks(connection: Connection) -> int:
    """Let no callback come in quiet hours, and no lost call become one. Return the number of waiting callbacks.

    A node without the calls of the backup takes each caller of then for lost.
    """
    lives = contacts.c.ended_at.is_(None)
    connection.execute(update(contacts).where(lives).values(anytime=False, follow_up=False))
    return int(connection.execute(select(func.count()).select_from(contacts).where(
        lives, contacts.c.callback.is_(True))).scalar_one())


def find_hashes(connection: Connection) -> list[str]:
    """Return the keyed hashes of all callers whom the store knows."""
    found: set[str] = set()
    for column in CALLER_HASHES:
        found.update(connection.execute(select(column).where(column != "").distinct()).scalars())
    return sorted(found)


def _move_files(draft: Path, state: Path, place: Path) -> None:
    """Move the files of the draft into the state folder. The store is the last: without it no node takes the folder for
    a state."""
    if (state / SECRETS).is_dir():
        shutil.rmtree(draft / SECRETS)
    names = [one for one in draft.iterdir() if one.name != place.name and not one.name.startswith(place.name + "-")]
    for one in names:
        target = state / one.name
        # The list and the audit log of this folder know what happened after the backup, so they stay.
        if not target.exists():
            one.rename(target)
    (draft / place.name).rename(place)
