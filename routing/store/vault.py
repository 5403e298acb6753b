"""The vault: plain sound goes in, is sealed and gone from its place; out it comes for those who may hear it.

Asterisk writes plain files into the spool, a folder on a memory file system, named
`<kind>-<service>-<contact>~<rest>.<ending>`, so that one which a crash left behind tells what it is. What is taken in
stands in `<folder>/<day>/<id>`, its row and key in the database. The order survives a crash at any point: sealed into
`<folder>/draft/`, row, name, plain file gone. A draft without a row is thrown away and its plain file taken in anew; a
plain file whose row is there is only removed.

What may not be kept is destroyed here: sounds of private services, in which nothing is to be heard, of unknown names.
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

from routing.store import recordings
from routing.store.errors import NoSound, StoreError, StoreUnavailable
from routing.store.keyfile import sync_folder
from routing.store.recordings import CALL, MESSAGE, SURVEY, Recording, Wanted
from routing.store.sealed import RecordingKeys, decrypt, encrypt, new_key
from routing.store.sound import remove, sound_of
from routing.store.store import Store
from routing.store.worker import Worker

log = structlog.get_logger()

DAY_S = 86_400.0

SHORTEST_S = 1.0
"""Nothing can be said in less: a phone that was taken up and laid down, a key pressed at once."""

QUIET_S = 5.0
"""A talk's file that has not grown for so long, and whose leg is gone, is whole: Asterisk writes 32 KiB at a time (the
buffer of `ast_writefile`), which is 4.1 s of A-law, and the rest when the talk ends."""

LEFT_S = 300.0
"""A message's file that nobody has handed over for so long was left by a dialogue that died: no dialogue with a
caller takes longer."""

SWEEP_MAX = 200
"""Files taken in at one look: a house full of talks that end at one moment; the rest is there at the next."""

DRAFT = "draft"

_NAME = re.compile(rf"({CALL}|{MESSAGE}|{SURVEY})-([a-z0-9_]+)-([A-Za-z0-9_.-]{{1,80}})~([a-z0-9]{{1,16}})\Z")
_ID = re.compile(r"\d{8}-[0-9a-f]{16}\Z")


class Plain(NamedTuple):
    """What the name of a plain file tells."""

    kind: str
    service: str
    contact: str
    rest: str
    """`o<offer>` of a call; of a message anything that no other has."""


class Swept(NamedTuple):
    """What a look at the spool did."""

    kept: int = 0
    destroyed: int = 0
    failed: int = 0


class Vault:
    """`folder` is ours alone; `spool` is Asterisk's too; `keys` is the key file. Services in `private` are never kept;
    a reload may change that and `keep_days`. Calls are for the loop's thread; sealing is done in a thread of its own.
    """

    def __init__(self, folder: Path, spool: Path, keys: Path, store: Store, *, keep_days: float,
                 private: Collection[str]) -> None:
        self.folder, self.spool = folder, spool
        self._key_file, self._keys, self._keys_of = keys, RecordingKeys.load_or_create(keys), _stamp(keys)
        self.keep_days, self.private = keep_days, frozenset(private)
        self._store = store
        self._worker = Worker("santral-vault")
        self._busy: set[str] = set()
        (folder / DRAFT).mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        with suppress(OSError):  # where it lies and who may use it is the operator's; looks at it tell what is wrong
            spool.mkdir(mode=0o700)

    @property
    def keys(self) -> RecordingKeys:
        """As they are in the key file now: another process may have put a new one in front (`santral privacy rotate`).
        Raises `KeyFileError`."""
        stamp = _stamp(self._key_file)
        if stamp != self._keys_of:
            self._keys, self._keys_of = RecordingKeys.load(self._key_file), stamp
        return self._keys

    async def close(self) -> None:
        """Finish what was handed over."""
        await self._worker.close()

    # -- in ----------------------------------------------------------------------------------------------------------

    async def keep(self, path: Path, contact: str, kind: str, service: str) -> bool:
        """Take a plain file in; True when it is kept. It is gone from its place in every case but one: when it could
        not be written here (disk full, store gone) it stays for the next look, and this says False and why in the log.
        """
        if path.name in self._busy:
            return False
        self._busy.add(path.name)
        try:
            return await self._keep(path, Plain(kind, service, contact, path.stem.rpartition("~")[2]))
        except NoSound as error:
            log.info("vault.no_sound", contact=contact, kind=kind, why=str(error))
            await self._worker.call(partial(remove, path))
            return False
        except (OSError, StoreError) as error:
            log.error("vault.not_kept", contact=contact, kind=kind, why=getattr(error, "strerror", None) or str(error))
            return False
        finally:
            self._busy.discard(path.name)

    async def _keep(self, path: Path, plain: Plain) -> bool:
        if plain.service in self.private:
            log.warning("vault.private", contact=plain.contact, service=plain.service, kind=plain.kind)
            await self._worker.call(partial(remove, path))
            return False
        before = await self._store.work(lambda connection: recordings.by_source(connection, path.name))
        if before is not None:
            await self._worker.call(partial(self._settle, before.id, path))
            return True
        recording = await self._worker.call(partial(self._seal, path, plain))
        try:
            await self._store.work(partial(_add, plain=plain, recording=recording))
        except StoreError as error:
            if not (isinstance(error, StoreUnavailable) and error.kind == "gone"):
                # A commit whose outcome nobody knows leaves the draft: `mend` looks whether the row is there.
                self._draft(recording.id).unlink(missing_ok=True)
            raise
        await self._worker.call(partial(self._settle, recording.id, path))
        log.info("vault.kept", recording=recording.id, contact=plain.contact, kind=plain.kind, service=plain.service,
                 seconds=round(recording.seconds, 1))
        return True

    def _seal(self, path: Path, plain: Plain) -> Recording:
        sound = sound_of(path)
        if sound.seconds < SHORTEST_S:
            raise NoSound(f"{path.name}: {sound.seconds:.2f} s")
        at = path.stat().st_mtime - sound.seconds
        name = f"{datetime.fromtimestamp(at, UTC):%Y%m%d}-{secrets.token_hex(8)}"
        key = new_key()
        sealed = self.keys.seal(name, key)  # first: without keys nothing is written, or each look would leave a draft
        draft = self._draft(name)
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                encrypt(sound.wav(), file, name, key)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        return Recording(name, plain.contact, plain.kind, plain.service, None, at, sound.seconds,
                         at + self.keep_days * DAY_S, path.name, sealed.key_id, sealed.box)

    def _settle(self, recording: str, path: Path | None) -> None:
        """The row is there: the draft gets its name, the plain file goes."""
        final = self.file_of(recording)
        draft = self._draft(recording)
        if draft.exists():
            final.parent.mkdir(mode=0o700, exist_ok=True)
            draft.replace(final)
            for folder in (final.parent, self.folder):
                sync_folder(folder)
        if path is not None:
            remove(path)

    async def mend(self) -> None:
        """What a crash left half-done in the folder. At start, before anything is taken in."""
        for draft in list((self.folder / DRAFT).iterdir()):
            row = await self._store.work(partial(recordings.by_id, recording=draft.name))
            if row is None:
                await self._worker.call(draft.unlink)
            else:
                await self._worker.call(partial(self._settle, row.id, self.spool / row.source))

    def plain(self) -> list[Path]:
        """Plain files that are there now, oldest first; none when there is no spool."""
        try:
            return [path for path, _ in _files(self.spool)]
        except OSError:
            return []

    async def sweep(self, live: Callable[[Plain], bool]) -> Swept:
        """Look through the spool: take in what is whole and left, destroy what may not be. `live`: whether the leg of
        a call's file is still there."""
        kept = destroyed = failed = 0
        for path, age in (await self._worker.call(partial(_files, self.spool)))[:SWEEP_MAX]:
            found = _NAME.match(path.stem)
            plain = Plain(*found.groups()) if found else None
            if plain is None or age < (QUIET_S if plain.kind == CALL else LEFT_S):
                if plain is None and age >= LEFT_S:
                    log.warning("vault.unknown_file", name=ascii(path.name[:40]))
                    await self._worker.call(partial(remove, path))
                    destroyed += 1
                continue
            if plain.kind == CALL and live(plain):
                continue
            if await self.keep(path, plain.contact, plain.kind, plain.service):
                kept += 1
            elif path.exists():
                failed += 1
            else:
                destroyed += 1
        return Swept(kept, destroyed, failed)

    # -- out ---------------------------------------------------------------------------------------------------------

    def file_of(self, recording: str) -> Path:
        """Where a recording's file is. ValueError for what is no id of one."""
        if not _ID.match(recording):
            raise ValueError("no id of a recording")
        return self.folder / recording[:8] / recording

    async def sound(self, recording: Recording) -> AsyncGenerator[bytes, None]:
        """A recording as a WAV, in pieces. Raises `KeyFileError`, `DamagedRecording`, OSError."""
        key = self.keys.open(recording.id, recording.sealed)
        with self.file_of(recording.id).open("rb") as file:
            pieces = decrypt(file, recording.id, key)
            while (piece := await self._worker.call(partial(_next, pieces))) is not None:
                yield piece

    async def destroy(self, them: Sequence[Recording]) -> int:
        """Files first, then rows with their keys: a crash in between leaves rows, and the next time destroys them.
        How many there were."""
        gone = 0
        for begin in range(0, len(them), recordings.PAGE):
            ids = [one.id for one in them[begin:begin + recordings.PAGE]]
            await self._worker.call(partial(self._unlink, ids))
            gone += await self._store.work(partial(recordings.remove, ids=ids))
        return gone

    async def purge(self, at: float, before: Callable[[int], None] | None = None) -> int:
        """Destroy those whose time is over at this moment; how many. `before` is told how many are next, and keeps
        them by raising."""
        gone = 0
        while due := await self._store.look(partial(recordings.find, wanted=Wanted(due=at))):
            if before is not None:
                before(len(due))
            gone += await self.destroy(due)
        return gone

    def _unlink(self, ids: Sequence[str]) -> None:
        for one in ids:
            file = self.file_of(one)
            file.unlink(missing_ok=True)
            self._draft(one).unlink(missing_ok=True)
            try:
                file.parent.rmdir()
            except OSError:
                continue  # other recordings of the day, or it was never made
        sync_folder(self.folder)

    def _draft(self, recording: str) -> Path:
        return self.folder / DRAFT / recording


def _stamp(path: Path) -> tuple[int, int]:
    """Which file this is; a replaced one is another."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns


def _add(connection: Connection, plain: Plain, recording: Recording) -> None:
    offer = plain.rest[1:] if plain.kind == CALL and plain.rest.startswith("o") else ""
    contact = recordings.renamed(connection, plain.contact, recording.at)
    agent, began = recordings.talk_of(connection, contact, int(offer)) if offer.isdigit() else (None, None)
    at = recording.at if began is None else min(began, recording.at)  # while somebody was asked there is no sound
    recordings.add(connection, recording._replace(contact=contact, agent=agent, at=at))


def _files(spool: Path) -> list[tuple[Path, float]]:
    """Plain files with the seconds since they were written to, oldest first."""
    now, found = time.time(), []
    with os.scandir(spool) as entries:
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False):
                    found.append((Path(entry.path), now - entry.stat(follow_symlinks=False).st_mtime))
            except FileNotFoundError:
                continue
    return sorted(found, key=lambda one: -one[1])


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)
