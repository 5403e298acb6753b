"""Keep recordings: plain sound goes in, is encrypted and deleted from its place, and is read by those who may hear it.

Asterisk writes plain files into the spool, a folder on a memory file system. The name is
`<kind>-<service>-<contact>~<rest>.<ending>`, so a file that a crash left tells what it is.

A kept recording is `<folder>/<day>/<id>`, with row and key in the database. The order of the steps survives a crash at
any point. First the encrypted file in `<folder>/draft/`, then the row, then the final name, then the end of the plain
file. A draft without a row is deleted, and its plain file is taken in again. A plain file with a row is only deleted.

Sounds that may not be kept are destroyed here: of private services, of erased callers, without anything to hear, or
with unknown names.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from routing.store.callers.erased_contacts import is_erased
from routing.store.errors import CallerErased, NoSound, StoreError, StoreUnavailable
from routing.store.keyfile import sync_folder
from routing.store.recordings import recording_rows
from routing.store.recordings.recording_keys import RecordingKeys, decrypt_pieces, encrypt_pieces, new_key
from routing.store.recordings.recording_rows import CALL, MESSAGE, SURVEY, Recording, RecordingFilter
from routing.store.recordings.sound_file import remove_plain, sound_of
from routing.store.store import Store
from routing.store.threads.worker import Worker

log = structlog.get_logger()

DAY_S = 86_400.0

SHORTEST_S = 1.0
"""Shortest recording. In less nothing can be said: a phone was picked up and put down, or a key was pressed at once."""

UNCHANGED_S = 5.0
"""A talk's file is complete if it has not grown for this long and its leg is gone.

Asterisk writes 32 KiB at a time (the buffer of `ast_writefile`), which is 4.1 s of A-law, and the rest at the end of
the talk.
"""

ABANDONED_S = 300.0
"""A message's file that nobody has handed over for this long was left by a dead dialogue.

No dialogue with a caller takes longer.
"""

SWEEP_MAX = 200
"""Files taken in at one look: a full centre of talks that end at one moment. The next look finds the rest."""

DRAFT = "draft"

_NAME = re.compile(rf"({CALL}|{MESSAGE}|{SURVEY})-([a-z0-9_]+)-([A-Za-z0-9_.-]{{1,80}})~([a-z0-9]{{1,16}})\Z")
_ID = re.compile(r"\d{8}-[0-9a-f]{16}\Z")


class PlainFile(NamedTuple):
    """Content of the name of a plain file."""

    kind: str
    service: str
    contact: str
    rest: str
    """`o<offer>` for a call, or a unique text for a message."""


class SweepCounts(NamedTuple):
    """Results of a look at the spool."""

    kept: int = 0
    destroyed: int = 0
    failed: int = 0


class RecordingStore:
    """Take recordings in, read them, and destroy them.

    `folder` belongs to the node alone, `spool` also to Asterisk, and `keys` is the key file. Services in `private` are
    never kept. A reload may change `private` and `keep_days`. Calls are for the loop's thread, and encryption runs in a
    separate thread.
    """

    def __init__(self, folder: Path, spool: Path, keys: Path, store: Store, *, keep_days: float,
                 private: Collection[str]) -> None:
        self.folder, self.spool = folder, spool
        self._key_file, self._keys, self._keys_of = keys, RecordingKeys.load_or_create(keys), _file_stamp(keys)
        self.keep_days, self.private = keep_days, frozenset(private)
        self._store = store
        self._worker = Worker("santral-vault")
        self._busy: set[str] = set()
        (folder / DRAFT).mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        with suppress(OSError):  # the operator chose its place and rights; later looks report what is wrong
            spool.mkdir(mode=0o700)

    @property
    def keys(self) -> RecordingKeys:
        """Return the keys of the key file. Raise `KeyFileError` if it cannot be used.

        The file is read again if it changed: another process may have put a new key in front (`santral privacy
        rotate`).
        """
        stamp = _file_stamp(self._key_file)
        if stamp != self._keys_of:
            self._keys, self._keys_of = RecordingKeys.load_keys(self._key_file), stamp
        return self._keys

    async def close(self) -> None:
        """Finish what was handed over."""
        await self._worker.close()

    # -- in ----------------------------------------------------------------------------------------------------------

    async def store_file(self, path: Path, contact: str, kind: str, service: str) -> bool:
        """Take a plain file in, and return whether it is kept.

        The file is deleted from its place, with one exception. If it could not be written here (disk full, store gone),
        it stays for the next look. This returns False then, and the log has the reason.
        """
        # A sweep and a dialogue may hand over the same file.
        if path.name in self._busy:
            return False
        self._busy.add(path.name)
        try:
            return await self._store_plain(path, PlainFile(kind, service, contact, path.stem.rpartition("~")[2]))
        except CallerErased:
            log.info("recording.erased_discarded", contact=contact, kind=kind)
            await self._worker.call_function(partial(remove_plain, path))
            return False
        except NoSound as error:
            log.info("recording.empty_discarded", contact=contact, kind=kind, why=str(error))
            await self._worker.call_function(partial(remove_plain, path))
            return False
        except (OSError, StoreError) as error:
            log.error("recording.store_failed", contact=contact, kind=kind,
                why=getattr(error, "strerror", None) or str(error))
            return False
        finally:
            self._busy.discard(path.name)

    async def _store_plain(self, path: Path, plain: PlainFile) -> bool:
        # 1. A private service: destroy the sound without encrypting it.
        if plain.service in self.private:
            log.warning("recording.private_discarded", contact=plain.contact, service=plain.service, kind=plain.kind)
            await self._worker.call_function(partial(remove_plain, path))
            return False
        # 2. The row exists: a crash came after it, so only the last steps are missing.
        before = await self._store.run_write(lambda connection: recording_rows.by_source(connection, path.name))
        if before is not None:
            await self._worker.call_function(partial(self._finish_file, before.id, path))
            return True
        # 3. Encrypt into a draft, then write the row.
        recording = await self._worker.call_function(partial(self._encrypt_file, path, plain))
        try:
            await self._store.run_write(partial(_add_row, plain=plain, recording=recording))
        except StoreError as error:
            # A commit of unknown outcome leaves the draft. `finish_drafts` looks whether the row is there.
            if not (isinstance(error, StoreUnavailable) and error.kind == "gone"):
                self._draft_path(recording.id).unlink(missing_ok=True)
            raise
        # 4. With the row in the store, the plain file may go.
        await self._worker.call_function(partial(self._finish_file, recording.id, path))
        log.info("recording.stored", recording=recording.id, contact=plain.contact, kind=plain.kind,
                 service=plain.service, seconds=round(recording.seconds, 1))
        return True

    def _encrypt_file(self, path: Path, plain: PlainFile) -> Recording:
        sound = sound_of(path)
        if sound.seconds < SHORTEST_S:
            raise NoSound(f"{path.name}: {sound.seconds:.2f} s")
        at = path.stat().st_mtime - sound.seconds
        name = f"{datetime.fromtimestamp(at, UTC):%Y%m%d}-{secrets.token_hex(8)}"
        key = new_key()
        # Keys come first: without them nothing is written, and otherwise each look would leave a draft.
        sealed = self.keys.encrypt_key(name, key)
        draft = self._draft_path(name)
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                encrypt_pieces(sound.as_wav(), file, name, key)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        return Recording(name, plain.contact, plain.kind, plain.service, None, at, sound.seconds,
                         at + self.keep_days * DAY_S, path.name, sealed.key_id, sealed.key_encrypted)

    def _finish_file(self, recording: str, path: Path | None) -> None:
        """Give the draft its final name, and delete the plain file. The row is in the store."""
        final = self.file_of(recording)
        draft = self._draft_path(recording)
        if draft.exists():
            final.parent.mkdir(mode=0o700, exist_ok=True)
            # Both folders are synchronised before the plain file goes, so that a power loss leaves one of the two.
            draft.replace(final)
            for folder in (final.parent, self.folder):
                sync_folder(folder)
        if path is not None:
            remove_plain(path)

    async def finish_drafts(self) -> None:
        """Finish or delete the drafts that a crash left. Runs at start, before anything is taken in."""
        for draft in list((self.folder / DRAFT).iterdir()):
            row = await self._store.run_write(partial(recording_rows.by_id, recording=draft.name))
            if row is None:
                await self._worker.call_function(draft.unlink)
            else:
                await self._worker.call_function(partial(self._finish_file, row.id, self.spool / row.source))

    def plain_files(self) -> list[Path]:
        """Return the present plain files, oldest first, or none without a spool."""
        try:
            return [path for path, _ in _spool_files(self.spool)]
        except OSError:
            return []

    async def sweep_spool(self, live: Callable[[PlainFile], bool]) -> SweepCounts:
        """Take in complete and abandoned files of the spool, and destroy files that may not be kept.

        `live` tells whether the leg of a call's file still exists.
        """
        kept = destroyed = failed = 0
        for path, age in (await self._worker.call_function(partial(_spool_files, self.spool)))[:SWEEP_MAX]:
            found = _NAME.match(path.stem)
            plain = PlainFile(*found.groups()) if found else None
            # 1. Leave young files alone. Unknown names are destroyed after a while.
            if plain is None or age < (UNCHANGED_S if plain.kind == CALL else ABANDONED_S):
                if plain is None and age >= ABANDONED_S:
                    log.warning("recording.unknown_file_found", name=ascii(path.name[:40]))
                    await self._worker.call_function(partial(remove_plain, path))
                    destroyed += 1
                continue
            # 2. A call's file is complete only when its leg is gone.
            if plain.kind == CALL and live(plain):
                continue
            # 3. Take the file in. A file that is still there could not be written.
            if await self.store_file(path, plain.contact, plain.kind, plain.service):
                kept += 1
            elif path.exists():
                failed += 1
            else:
                destroyed += 1
        return SweepCounts(kept, destroyed, failed)

    # -- out ---------------------------------------------------------------------------------------------------------

    def file_of(self, recording: str) -> Path:
        """Return the path of a recording's file. Raise ValueError for a text that is no id."""
        if not _ID.match(recording):
            raise ValueError("no id of a recording")
        return self.folder / recording[:8] / recording

    async def read_wav(self, recording: Recording) -> AsyncGenerator[bytes, None]:
        """Yield a recording as a WAV, in pieces. Raise `KeyFileError`, `DamagedRecording` or OSError."""
        key = self.keys.decrypt_key(recording.id, recording.file_key)
        with self.file_of(recording.id).open("rb") as file:
            pieces = decrypt_pieces(file, recording.id, key)
            while (piece := await self._worker.call_function(partial(_next_piece, pieces))) is not None:
                yield piece

    async def destroy_recordings(self, them: Sequence[Recording]) -> int:
        """Destroy recordings, and return how many there were.

        Files go before rows with their keys. A crash in between leaves rows, and the next time destroys them.
        """
        gone = 0
        for begin in range(0, len(them), recording_rows.PAGE):
            ids = [one.id for one in them[begin:begin + recording_rows.PAGE]]
            await self._worker.call_function(partial(self._delete_files, ids))
            gone += await self._store.run_write(partial(recording_rows.remove_rows, ids=ids))
        return gone

    async def purge_expired(self, at: float, before: Callable[[int], None] | None = None) -> int:
        """Destroy recordings whose time is over at this moment, and return how many there were.

        `before` gets the number of the next ones, and keeps them if it raises.
        """
        gone = 0
        while due := await self._store.run_query(partial(
                recording_rows.find_recordings, wanted=RecordingFilter(due=at))):
            if before is not None:
                before(len(due))
            gone += await self.destroy_recordings(due)
        return gone

    def _delete_files(self, ids: Sequence[str]) -> None:
        for one in ids:
            file = self.file_of(one)
            file.unlink(missing_ok=True)
            self._draft_path(one).unlink(missing_ok=True)
            try:
                file.parent.rmdir()
            except OSError:
                continue  # other recordings of the day are there, or the folder never existed
        sync_folder(self.folder)

    def _draft_path(self, recording: str) -> Path:
        return self.folder / DRAFT / recording


def _file_stamp(path: Path) -> tuple[int, int]:
    """Return the identity of a file. A replaced file has another one."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns


def _add_row(connection: Connection, plain: PlainFile, recording: Recording) -> None:
    offer = plain.rest[1:] if plain.kind == CALL and plain.rest.startswith("o") else ""
    contact = recording_rows.present_contact_id(connection, plain.contact, recording.at)
    # The call may have gone on after the erasure. No later one would find this sound.
    if is_erased(connection, contact):
        raise CallerErased(f"the caller of {contact} was erased")
    agent, began = recording_rows.talk_of(connection, contact, int(offer)) if offer.isdigit() else (None, None)
    # A consult has no sound, so the recording may begin after the talk.
    at = recording.at if began is None else min(began, recording.at)
    recording_rows.add_recording(connection, recording._replace(contact=contact, agent=agent, at=at))


def _spool_files(spool: Path) -> list[tuple[Path, float]]:
    """Return plain files with the seconds since their last write, oldest first."""
    now, found = time.time(), []
    with os.scandir(spool) as entries:
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False):
                    found.append((Path(entry.path), now - entry.stat(follow_symlinks=False).st_mtime))
            except FileNotFoundError:
                continue
    return sorted(found, key=lambda one: -one[1])


def _next_piece(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)
