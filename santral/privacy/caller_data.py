"""Carry out the rights of callers: export all data, erase all data, keep nothing longer than necessary.

`docs/operate/privacy.md` lists where data is kept, and `santral privacy` is the command.

A node may run meanwhile. It gets an event to forget the caller, which its journal holds. The rest is done page by page
while it works. Each step can be repeated after a crash, and the audit log lists all destroyed data
(`routing.store.audit`).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select, true

from metrics.queue_log import erasure as queue_log
from metrics.queue_log.lines import clean_name
from routing.core.journal import field_names
from routing.store import sms_messages
from routing.store.audit import Audit
from routing.store.callers import caller_input, caller_preferences, contact_notes, erased_contacts, erasure, redaction
from routing.store.callers.contact_notes import NoteRow
from routing.store.callers.erasure import CallerTraces
from routing.store.callers.note_keys import NoteKeys
from routing.store.callers.number_keys import NumberKeys
from routing.store.compaction import COPY_MAX_S
from routing.store.errors import KeyFileError
from routing.store.recordings import recording_rows
from routing.store.recordings.recording_keys import RecordingKeys
from routing.store.recordings.recording_rows import Recording, RecordingFilter
from routing.store.recordings.recording_store import DAY_S, RecordingStore
from routing.store.recordings.sound_file import remove_plain
from routing.store.schema import contacts, facts, offers
from routing.store.store import Store
from santral.centre.last_known_good import FOLDER as LAST_GOOD
from santral.erased_list import ErasedList
from santral.privacy.caller_page import PageContext, render_page
from santral.privacy.exported_fields import CONTACT_FIELDS, TALK_FIELDS, select_course, select_fields

REBUILD_MAX = 200 * 1024 * 1024
"""Largest database that is rewritten next to a running node, and only if the disk is fast enough (`COPY_MAX_S`). A
rewrite needs twice the room of the database, which the node needs too. A larger one waits until no node runs."""
SETTLE_S = 2.0
"""Wait for recordings that are being encrypted. Each has its row within milliseconds."""
EPOCH = date(1970, 1, 1)
PAGE = "caller.html"
"""Name of the exported page."""
CHUNK = 1 << 20
"""Bytes read at once when files are searched."""

EraseInEngine = Callable[[str], Awaitable[None]]
"""Make the engine forget the caller of a keyed hash. The call returns when that is stored."""


class ErasureResult(NamedTuple):
    """Result of an erasure."""

    counts: dict[str, int]
    left: tuple[Path, ...]
    """Files that still hold a trace."""
    unlisted: tuple[Path, ...]
    """Folders of backups whose list of erasures could not be written."""


class DueData(NamedTuple):
    """Data of one kind that is due for destruction."""

    what: str
    before: float
    many: int


class PurgeResult(NamedTuple):
    """Result of a purge."""

    due: list[DueData]
    settled: bool
    """Whether the log of the store is empty. An open reader keeps destroyed data in it, and the purge must be
    repeated."""
    unknown: int = 0
    """Number of journal entries that stay, because a newer release has written them."""


class RotationResult(NamedTuple):
    """Result of a key rotation."""

    recordings: int
    """Number of recordings whose keys are encrypted with the new key."""
    settled: bool
    """As in `PurgeResult`."""


class CallerData:
    """The data of callers in one state folder.

    `state` is the folder that is searched at the end, and `node` says whether a node works on it. `log` is the
    queue_log, and `keys` the key file of the recordings, and `notes` opens
    notes. `who` is the user for the audit log.
    """

    def __init__(self, state: Path, store: Store, vault: RecordingStore, numbers: NumberKeys, log: Path,
                 forget: EraseInEngine, *, keys: Path, notes: NoteKeys, node: bool, who: str,
                 clock: Callable[[], float] = time.time) -> None:
        self._keys, self._notes = keys, notes
        self._state, self._store, self._vault, self._numbers = state, store, vault, numbers
        self._log, self._forget, self._node, self._who, self._clock = log, forget, node, who, clock
        self._audit = Audit(state)

    # -- find the caller ---------------------------------------------------------------------------------------------

    async def by_number(self, number: str) -> CallerTraces:
        """Return the traces of the caller with this number (E.164)."""
        digest, box = self._numbers.encrypt_number(number)
        found = await self._store.run_query(partial(erasure.caller_of, caller_hash=digest))
        # An interrupted erasure has blanked the encrypted numbers of the rows, so add this one.
        return found._replace(encrypted_numbers=(*found.encrypted_numbers, box))

    async def by_hash(self, caller_hash: str) -> CallerTraces:
        """Return the traces of the caller with this keyed hash."""
        found = await self._store.run_query(partial(erasure.caller_of, caller_hash=caller_hash))
        # A caller may have left preferences or messages only.
        return found._replace(hashes=tuple(dict.fromkeys((caller_hash, *found.hashes))))

    async def by_contact(self, contact: str) -> CallerTraces | None:
        """Return the traces of a contact's caller, or None if there is no such contact."""
        return await self._store.run_query(partial(erasure.caller_of_contact, contact=contact))

    # -- export ------------------------------------------------------------------------------------------------------

    async def export_caller(self, caller: CallerTraces, folder: Path, context: PageContext) -> dict[str, int]:
        """Write all known data into a new folder that only its owner can read: a page, `caller.json` and the sounds.

        Raise FileExistsError if the folder exists, or another OSError.
        """
        # 1. Make the folder, which must be new.
        folder.mkdir(mode=0o700)  # noqa: ASYNC240 - a command does nothing else at the same time
        rows = await self._store.run_query(partial(_contact_rows, ids=caller.contacts))
        kept = await self._store.run_query(partial(recording_rows.recordings_of_contacts, ids=caller.contacts))
        # 2. Write the audit entry before any data leaves the store.
        self._audit.note_entry(self._who, "exported", self._clock(), contacts=list(caller.contacts),
                               recordings=len(kept))
        # 3. Collect the data.
        answers = await self._store.run_query(partial(caller_input.inputs_of_contacts, ids=caller.contacts))
        texts = await self._store.run_query(partial(
            sms_messages.messages_of_callers, hashes=caller.hashes, ids=caller.contacts))
        told = {"numbers": sorted({number for box in caller.encrypted_numbers
                                   if (number := self._decrypt_or_empty(box))}),
                **rows, "recordings": [_describe_recording(one) for one in kept],
                "wishes": [{"slow": one.slow, "human_first": one.human_first,
                            "last_call": str(EPOCH + timedelta(one.day))}
                           for one in await self._store.run_query(partial(
                               caller_preferences.preferences_of, hashes=caller.hashes))],
                "keyed_in": [{"contact": one.contact, "field": one.field, "at": one.at,
                              "digits": self._decrypt_or_empty(one.value_encrypted).rpartition(":")[2] or None}
                             for one in answers],
                "notes": [{"contact": one.contact, "at": one.at, "code": one.code or None, "text": self._open_note(one)}
                          for one in await self._store.run_query(partial(
                              contact_notes.notes_of_contacts, ids=caller.contacts))],
                "short_messages": [{"contact": one.contact, "about": one.leaf, "at": one.asked_at, "state": one.state,
                                    "text": one.text or None} for one in texts]}
        # 4. Write the files.
        _write_new(folder / "caller.json", json.dumps(told, ensure_ascii=False, indent=1).encode())
        _write_new(folder / PAGE, render_page(told, context, self._clock()).encode())
        for one in kept:
            await self.write_recording(one, folder / f"{one.id}.wav")
        return {"contacts": len(caller.contacts), "recordings": len(kept)}

    async def write_recording(self, one: Recording, path: Path) -> None:
        """Write a recording as a WAV that only its owner can read."""
        _write_new(path, b"")
        with path.open("ab") as file:
            async for piece in self._vault.read_wav(one):
                file.write(piece)

    def _open_note(self, one: NoteRow) -> str | None:
        """Return the text of a note, or None without one. The author is not named."""
        if not one.note_encrypted:
            return None
        try:
            return self._notes.open_note(one.note_encrypted, one.contact)
        except KeyFileError:
            return None

    def _decrypt_or_empty(self, box: str) -> str:
        try:
            return self._numbers.decrypt_number(box)
        except KeyFileError:
            return ""

    # -- erase -------------------------------------------------------------------------------------------------------

    async def erase_caller(self, caller: CallerTraces) -> ErasureResult:
        """Remove all traces of a caller. The remaining rows say that there were calls, not whose. Repeating does no
        harm.

        Raise StoreUnavailable if a newer release has written what this version does not know. Nothing is erased then.
        """
        await erasure.require_known(self._store, caller.contacts, self._clock())
        # 1. Write the audit entry, and make the engine forget the caller.
        self._audit.note_entry(self._who, "erasing", self._clock(), contacts=list(caller.contacts))
        unlisted = ErasedList(self._state, self._numbers).note_callers(caller.hashes)
        wished = await self._store.run_query(partial(caller_preferences.preferences_of, hashes=caller.hashes))
        for digest in caller.hashes:
            await self._forget(digest)
        # The caller may have called since, so look again.
        if caller.hashes:
            now = await self._store.run_query(partial(erasure.caller_of, caller_hash=caller.hashes[0]))
            caller = CallerTraces(
                tuple(dict.fromkeys((*caller.hashes, *now.hashes))),
                tuple(dict.fromkeys((*caller.contacts, *now.contacts))),
                tuple(dict.fromkeys((*caller.encrypted_numbers, *now.encrypted_numbers))))
        # The call may go on, and an agent may write afterwards. No later erasure would find what is stored then.
        await self._store.run_write(partial(erased_contacts.note_erased, ids=caller.contacts, at=self._clock()))
        # 2. Destroy the recordings.
        theirs = {number for box in caller.encrypted_numbers if (number := self._decrypt_or_empty(box))}
        boxes: set[str] = set(caller.encrypted_numbers)
        answers = await self._store.run_query(partial(
            caller_input.inputs_of_contacts, ids=caller.contacts, hashes=caller.hashes))
        kept = await self._store.run_query(partial(recording_rows.recordings_of_contacts, ids=caller.contacts))
        counts = {"recordings": await self._vault.destroy_recordings(kept),
                  "spool": self._remove_plain(caller.contacts)}

        # 3. Rewrite the journal. One number has many encrypted forms, so each is decrypted and compared.
        def is_of_caller(box: str) -> bool:
            if box in caller.encrypted_numbers or self._decrypt_or_empty(box) in theirs:
                boxes.add(box)
                return True
            return False

        words = {digest: secrets.token_hex(len(digest) // 2) for digest in caller.hashes}
        if words:
            counts["journal"] = await erasure.redact_caller(
                self._store, redaction.without_caller(words, is_of_caller), caller.contacts, self._clock())
        # 4. Erase keyed-in digits, short messages and preferences.
        counts["keyed in"] = await self._store.run_write(partial(caller_input.erase_inputs, some=answers))
        texts = await self._store.run_query(partial(
            sms_messages.messages_of_callers, hashes=caller.hashes, ids=caller.contacts))
        counts["short messages"] = await self._store.run_write(partial(sms_messages.erase_messages, some=texts))
        await self._store.run_write(partial(caller_preferences.erase_preferences, hashes=caller.hashes))
        counts["wishes"] = len(wished)
        # 5. Blank the rows last, because an interrupted erasure finds its caller again by them. Their notes go in the
        # same transaction: it has the lock for which a note under way holds the row.
        counts["contacts"], written = await self._store.run_write(partial(_blank_contacts, ids=caller.contacts))
        counts["notes"] = len(written)
        # 6. Blank the numbers in queue_log.
        calls = {clean_name(contact) for contact in caller.contacts}
        counts["queue_log"] = queue_log.erase_numbers(self._log, lambda callid, _: callid in calls)
        # 7. Search the whole state for traces that are left.
        left = await self._search_traces([*caller.hashes, *boxes, *(significant_digits(number) for number in theirs),
                                          *(word for one in answers for word in (one.hash, one.value_encrypted)),
                                          *(one.note_encrypted for one in written),
                                          *(one.number_encrypted for one in texts)])
        self._audit.note_entry(self._who, "erased", self._clock(), contacts=list(caller.contacts), counts=counts,
                               left=[path.name for path in left])
        return ErasureResult(counts, tuple(left), tuple(unlisted))

    def _remove_plain(self, ids: Sequence[str]) -> int:
        """Remove sounds of these contacts that are not encrypted yet, even those of a running talk."""
        known, gone = set(ids), 0
        for path in self._vault.plain_files():
            if path.stem.rpartition("~")[0].split("-", 2)[-1] in known:
                remove_plain(path)
                gone += 1
        return gone

    async def _search_traces(self, words: Iterable[str]) -> list[Path]:
        """Return files of the state that still contain one of these words.

        The database is rewritten if that helps and is permitted now.
        """
        needles = [word.encode() for word in words if word]

        def search_state() -> list[Path]:
            return search_files(self._state, needles, self._holds_no_trace)

        # Deleted rows remain in the log of the store until it is emptied, and in free pages of the file until a
        # rewrite.
        await self._store.empty_log()
        left = search_state()
        database = [path for path in left if path.suffix == ".db"]
        if database and (not self._node or all(path.stat().st_size <= REBUILD_MAX for path in database)) and (
                await self._store.rewrite_file(COPY_MAX_S if self._node else None)):
            left = search_state()
        return left

    def _holds_no_trace(self, path: Path) -> bool:
        """Return whether a file cannot hold a trace of a caller in readable form.

        Sealed recordings are encrypted, each with its own key, and their names are random. Numbers in the centre's
        files belong to offices, and an erasure does not remove them.
        """
        return path.is_relative_to(self._vault.folder) or path.relative_to(self._state).parts[0].startswith(LAST_GOOD)

    # -- keys --------------------------------------------------------------------------------------------------------

    async def rotate_keys(self) -> RotationResult:
        """Encrypt the keys of all recordings with a new key and destroy the old keys.

        A running node takes the new key for its next recording. The wait covers a recording that it is encrypting now.
        """
        # 1. Add the new key, then encrypt with it what is there.
        keys = RecordingKeys.add_key(self._keys)
        done = await self._reencrypt_file_keys(keys)
        # 2. A node may have used the old key until a moment ago, so do the rest after a wait.
        await asyncio.sleep(SETTLE_S)
        done += await self._reencrypt_file_keys(keys)
        # 3. Destroy the old keys, and their traces in the log.
        RecordingKeys.drop_other_keys(self._keys, keys.newest)
        settled = await self._store.empty_log()
        self._audit.note_entry(self._who, "rotated", self._clock(), recordings=done, **_audit_note(settled))
        return RotationResult(done, settled)

    async def _reencrypt_file_keys(self, keys: RecordingKeys) -> int:
        done = 0
        while page := await self._store.run_query(partial(
                recording_rows.recordings_with_other_keys, key_id=keys.newest)):
            sealed = [(one.id, keys.encrypt_key(one.id, keys.decrypt_key(one.id, one.file_key))) for one in page]
            await self._store.run_write(partial(recording_rows.replace_file_keys, sealed=sealed))
            done += len(page)
        return done

    # -- destroy by age ----------------------------------------------------------------------------------------------

    async def find_due(self, numbers_days: float, journal_days: float, facts_days: float,
                       notes_days: float) -> list[DueData]:
        """Return the data that `purge_due` would destroy."""
        now = self._clock()
        numbers, journal, told, written = (
            now - days * DAY_S for days in (numbers_days, journal_days, facts_days, notes_days))
        count = await self._store.run_query(partial(recording_rows.count_recordings, wanted=RecordingFilter(due=now)))
        past = await self._store.run_query(partial(
            erasure.find_old_history, journal_before=journal, facts_before=told))
        rows = await self._store.run_query(partial(erasure.old_rows, before=numbers))
        boxes = await self._store.run_query(partial(erasure.count_old_personal, before=numbers))
        return [DueData("recordings", now, count), DueData("contacts with a number", numbers, rows),
                DueData("journal entries with a number", numbers, boxes),
                DueData("lines of queue_log with a number", numbers,
                        await asyncio.to_thread(partial(queue_log.erase_numbers, self._log,
                                                        lambda _, epoch: epoch < numbers, really=False))),
                DueData("journal entries", journal, past.entries if past else 0),
                DueData("facts", told, past.facts if past else 0),
                DueData("keyed-in answers", numbers,
                        await self._store.run_query(partial(caller_input.count_old_inputs, before=numbers))),
                DueData("short messages", numbers,
                        await self._store.run_query(partial(sms_messages.count_old_messages, before=numbers))),
                DueData("notes", written,
                        await self._store.run_query(partial(contact_notes.count_old_notes, before=written)))]

    async def purge_due(self, numbers_days: float, journal_days: float, facts_days: float,
                        notes_days: float) -> PurgeResult:
        """Destroy the data that is due, in pages. Next to a running node each page is followed by a pause."""
        pause_s = erasure.PAUSE_S if self._node else 0.0
        due = await self.find_due(numbers_days, journal_days, facts_days, notes_days)
        counts = {one.what: one.many for one in due if one.many}
        # Nothing is due, but the log may still hold data of the last purge.
        if not counts:
            return PurgeResult(due, await self._store.empty_log())
        # 1. Write the audit entry before anything is destroyed.
        self._audit.note_entry(self._who, "purging", self._clock(), counts=counts)
        # 2. Destroy recordings, numbers, messages and notes, page by page.
        await self._vault.purge_expired(self._clock())
        numbers, journal, told, written = due[1].before, due[4].before, due[5].before, due[8].before
        while ids := await self._store.run_query(partial(erasure.old_contacts, before=numbers)):
            # Without the number no export and no erasure would find their notes.
            await self._store.run_write(partial(_blank_contacts, ids=ids))
            await asyncio.sleep(pause_s)
        for erase_page, before in ((caller_input.erase_old_inputs, numbers),
                                   (sms_messages.erase_old_messages, numbers),
                                   (contact_notes.erase_old_notes, written)):
            more = 1
            while more:
                more = await self._store.run_write(partial(erase_page, before=before))
                await asyncio.sleep(pause_s)
        unknown = await erasure.redact_old(self._store, numbers, pause_s)
        await asyncio.to_thread(queue_log.erase_numbers, self._log, lambda _, epoch: epoch < numbers)
        # 3. Cut the journal at a start of a node, so that it can still be replayed.
        if past := await self._store.run_query(partial(
                erasure.find_old_history, journal_before=journal, facts_before=told)):
            await erasure.drop_history(self._store, past, pause_s)
        # 4. Empty the log, and write down the result.
        settled = await self._store.empty_log()
        self._audit.note_entry(self._who, "purged", self._clock(), counts=counts, **_audit_note(settled),
                               **({"unknown": unknown} if unknown else {}))
        return PurgeResult(due, settled, unknown)


def _blank_contacts(connection: Any, ids: Sequence[str]) -> tuple[int, list[NoteRow]]:
    """Blank the rows of contacts and delete their notes. Return the number of rows, and the notes."""
    return erasure.blank_rows(connection, ids), contact_notes.erase_notes(connection, ids)


def _audit_note(settled: bool) -> dict[str, str]:
    return {} if settled else {"log": "not emptied"}


def significant_digits(number: str) -> str:
    """Return the part of a number that all spellings share: the digits without the country code."""
    return number.lstrip("+")[-10:]


def search_files(folder: Path, needles: Sequence[bytes], skip: Callable[[Path], bool] = lambda _: False) -> list[Path]:
    """Return the files below a folder that contain one of these byte strings, without those that `skip` names."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()
            and not skip(path) and _contains_any(path, needles)]


def _contains_any(path: Path, needles: Sequence[bytes]) -> bool:
    longest = max(map(len, needles), default=0)
    before = b""
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            if any(needle in before + piece for needle in needles):
                return True
            # A match may begin in this piece and end in the next.
            before = piece[-longest:]
    return False


def _write_new(path: Path, data: bytes) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(data)


def _describe_recording(one: Recording) -> dict[str, Any]:
    return {"file": f"{one.id}.wav", "contact": one.contact, "kind": one.kind, "service": one.service, "at": one.at,
            "seconds": round(one.seconds, 1), "keep_until": one.keep_until}


def _contact_rows(connection: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Return rows, talks and facts of these contacts, as far as they are the caller's (`exported_fields`).

    The connection of the store is of type Any.
    """
    found: dict[str, Any] = {}
    for key, table, names, wanted in (("contacts", contacts, CONTACT_FIELDS, true()),
                                      ("talks", offers, TALK_FIELDS, offers.c.connected_at.is_not(None))):
        found[key] = [select_fields(row._mapping, names) for row in connection.execute(
            select(table).where(table.c.contact.in_(ids), wanted).order_by(*table.primary_key.columns))]
    found["course"] = []
    for contact in ids:
        rows = connection.execute(select(facts.c.at, facts.c.kind, facts.c.body).where(
            facts.c.body.contains(json.dumps(contact), autoescape=True)).order_by(facts.c.seq))
        for at, kind, body in rows:
            fields = dict(zip(field_names(kind), json.loads(body), strict=False))
            if fields.get("contact") == contact and (step := select_course(at, kind, fields)) is not None:
                found["course"].append(step)
    return found
