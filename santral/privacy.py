"""What the law lets a caller ask of us, and what it asks of us anyway: tell everything, forget everything, keep nothing
longer than needed. `docs/operate/privacy.md` says what lies where; `santral privacy` is the way in.

A running node goes on meanwhile: it is told to forget (an event, in its journal), the rest is done beside it page by
page. Every step can be done again after a crash, and what was destroyed stands in the record (`routing.store.audit`).
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

from sqlalchemy import select

from metrics import forget as queue_log
from metrics.queue_lines import name
from routing.store import keyed, recordings, sms, traces, wishes
from routing.store.audit import Audit
from routing.store.errors import KeyFileError
from routing.store.numbers import NumberKeys
from routing.store.recordings import Recording, Wanted
from routing.store.residue import QUICK_S
from routing.store.schema import contacts, facts, offers
from routing.store.sealed import RecordingKeys
from routing.store.sound import remove
from routing.store.store import Store
from routing.store.traces import Caller
from routing.store.vault import DAY_S, Vault
from santral.last_good import FOLDER as LAST_GOOD

REBUILD_MAX = 200 * 1024 * 1024
"""Bytes of a database that is written anew beside a running node, if that is needed at all and the disk is quick enough
(`QUICK_S`): it takes as much room again twice over, which the node needs too. A bigger one waits for a moment without a
node."""
SETTLE_S = 2.0
"""A recording is sealed and has its row within milliseconds."""
EPOCH = date(1970, 1, 1)
CHUNK = 1 << 20
"""Bytes read at once when files are searched."""

Forget = Callable[[str], Awaitable[None]]
"""Has the engine forget the caller of a keyed hash; returns when that is stored."""


class Erased(NamedTuple):
    """What an erasure found and took."""

    counts: dict[str, int]
    left: tuple[Path, ...]
    """Files in which a trace is still found."""


class Due(NamedTuple):
    """One kind of data whose time is over."""

    what: str
    before: float
    many: int


class Purged(NamedTuple):
    """What a purge has destroyed."""

    due: list[Due]
    settled: bool
    """False: somebody reads the store, and its log may still hold what was destroyed. To be done again."""


class Rotated(NamedTuple):
    """What another key has brought."""

    recordings: int
    """Whose keys are sealed with it."""
    settled: bool
    """As in `Purged`."""


class Privacy:
    """`state`: the folder that is searched at the end. `node`: whether one works on it now. `log`: the queue_log.
    `keys`: the key file of recordings. `who`: for the record."""

    def __init__(self, state: Path, store: Store, vault: Vault, numbers: NumberKeys, log: Path, forget: Forget, *,
                 keys: Path, node: bool, who: str, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._state, self._store, self._vault, self._numbers = state, store, vault, numbers
        self._log, self._forget, self._node, self._who, self._clock = log, forget, node, who, clock
        self._audit = Audit(state)

    # -- who ---------------------------------------------------------------------------------------------------------

    async def by_number(self, number: str) -> Caller:
        """What there is of the caller with this number (E.164)."""
        digest, box = self._numbers.seal(number)
        found = await self._store.look(partial(traces.caller_of, caller_hash=digest))
        return found._replace(boxes=(*found.boxes, box))  # an erasure that was broken off has blanked theirs

    async def by_contact(self, contact: str) -> Caller | None:
        """What there is of the caller of a contact; None: no such contact."""
        return await self._store.look(partial(traces.caller_of_contact, contact=contact))

    # -- tell --------------------------------------------------------------------------------------------------------

    async def export(self, caller: Caller, folder: Path) -> dict[str, int]:
        """Everything that is known, into a new folder for its owner alone: `caller.json` and the sounds. Raises OSError
        (FileExistsError: the folder is there)."""
        folder.mkdir(mode=0o700)  # noqa: ASYNC240 - a command does nothing else meanwhile
        rows = await self._store.look(partial(_rows, ids=caller.contacts))
        kept = await self._store.look(partial(recordings.of_contacts, ids=caller.contacts))
        self._audit.note(self._who, "exported", self._clock(), contacts=list(caller.contacts), recordings=len(kept))
        answers = await self._store.look(partial(keyed.of_contacts, ids=caller.contacts))
        texts = await self._store.look(partial(sms.of_callers, hashes=caller.hashes, ids=caller.contacts))
        told = {"numbers": sorted({number for box in caller.boxes if (number := self._opened(box))}),
                **rows, "recordings": [_told(one) for one in kept],
                "wishes": [{"slow": one.slow, "human_first": one.human_first,
                            "last_call": str(EPOCH + timedelta(one.day))}
                           for one in await self._store.look(partial(wishes.of, hashes=caller.hashes))],
                "keyed_in": [{"contact": one.contact, "field": one.field, "at": one.at,
                              "digits": self._opened(one.box).rpartition(":")[2] or None} for one in answers],
                "short_messages": [{"contact": one.contact, "about": one.leaf, "at": one.asked_at, "state": one.state,
                                    "text": one.text or None} for one in texts]}
        _write(folder / "caller.json", json.dumps(told, ensure_ascii=False, indent=1).encode())
        for one in kept:
            await self.sound(one, folder / f"{one.id}.wav")
        return {"contacts": len(caller.contacts), "recordings": len(kept)}

    async def sound(self, one: Recording, path: Path) -> None:
        """A recording as a WAV for its owner alone."""
        _write(path, b"")
        with path.open("ab") as file:
            async for piece in self._vault.sound(one):
                file.write(piece)

    def _opened(self, box: str) -> str:
        try:
            return self._numbers.open(box)
        except KeyFileError:
            return ""

    # -- forget ------------------------------------------------------------------------------------------------------

    async def erase(self, caller: Caller) -> Erased:
        """Remove every trace. What stays says that there were calls, not whose. Again it does no harm."""
        self._audit.note(self._who, "erasing", self._clock(), contacts=list(caller.contacts))
        wished = await self._store.look(partial(wishes.of, hashes=caller.hashes))
        for digest in caller.hashes:
            await self._forget(digest)
        if caller.hashes:  # they may have called since
            now = await self._store.look(partial(traces.caller_of, caller_hash=caller.hashes[0]))
            caller = Caller(tuple(dict.fromkeys((*caller.hashes, *now.hashes))),
                            tuple(dict.fromkeys((*caller.contacts, *now.contacts))),
                            tuple(dict.fromkeys((*caller.boxes, *now.boxes))))
        theirs = {number for box in caller.boxes if (number := self._opened(box))}
        boxes: set[str] = set(caller.boxes)
        answers = await self._store.look(partial(keyed.of_contacts, ids=caller.contacts, hashes=caller.hashes))
        kept = await self._store.look(partial(recordings.of_contacts, ids=caller.contacts))
        counts = {"recordings": await self._vault.destroy(kept), "spool": self._unspool(caller.contacts)}

        def is_theirs(box: str) -> bool:
            if box in caller.boxes or self._opened(box) in theirs:
                boxes.add(box)
                return True
            return False

        words = {digest: secrets.token_hex(len(digest) // 2) for digest in caller.hashes}
        if words:
            found = await traces.rewrite(self._store, traces.without(words, is_theirs),
                                         (*words, traces.BOX_BEGINS) if theirs or boxes else tuple(words))
            counts |= {"journal": found.journal, "facts": found.facts}
        counts["keyed in"] = await self._store.work(partial(keyed.forget, some=answers))
        texts = await self._store.look(partial(sms.of_callers, hashes=caller.hashes, ids=caller.contacts))
        counts["short messages"] = await self._store.work(partial(sms.forget, some=texts))
        await self._store.work(partial(wishes.forget, hashes=caller.hashes))
        counts["wishes"] = len(wished)
        # The rows last: by them an erasure that was broken off finds its caller again.
        counts["contacts"] = await self._store.work(partial(traces.blank_rows, ids=caller.contacts))
        calls = {name(contact) for contact in caller.contacts}
        counts["queue_log"] = queue_log.forget(self._log, lambda callid, _: callid in calls)
        left = await self._search([*caller.hashes, *boxes, *(digits(number) for number in theirs),
                                   *(word for one in answers for word in (one.hash, one.box)),
                                   *(one.box for one in texts)])
        self._audit.note(self._who, "erased", self._clock(), contacts=list(caller.contacts), counts=counts,
                         left=[path.name for path in left])
        return Erased(counts, tuple(left))

    def _unspool(self, ids: Sequence[str]) -> int:
        """Plain sounds of these contacts that are not sealed yet, those of a talk that goes on included."""
        known, gone = set(ids), 0
        for path in self._vault.plain():
            if path.stem.rpartition("~")[0].split("-", 2)[-1] in known:
                remove(path)
                gone += 1
        return gone

    async def _search(self, words: Iterable[str]) -> list[Path]:
        """Files of the state in which one of these words still stands. The database is written anew if that helps and
        may be done now."""
        needles = [word.encode() for word in words if word]

        def found() -> list[Path]:
            # Numbers in the centre's files are those of offices, and erasing a caller does not take them out.
            return [path for path in search(self._state, needles)
                    if not path.relative_to(self._state).parts[0].startswith(LAST_GOOD)]

        await self._store.settle()
        left = found()
        database = [path for path in left if path.suffix == ".db"]
        if database and (not self._node or all(path.stat().st_size <= REBUILD_MAX for path in database)) and (
                await self._store.rebuild(QUICK_S if self._node else None)):
            left = found()
        return left

    # -- keys --------------------------------------------------------------------------------------------------------

    async def rotate(self) -> Rotated:
        """Seal the keys of all recordings with a new key and destroy the old ones. A running node takes the new key
        with its next recording; what it was sealing meanwhile is waited for."""
        keys = RecordingKeys.rotate(self._keys)
        done = await self._seal_anew(keys)
        await asyncio.sleep(SETTLE_S)
        done += await self._seal_anew(keys)
        RecordingKeys.forget(self._keys, keys.newest)
        settled = await self._store.settle()
        self._audit.note(self._who, "rotated", self._clock(), recordings=done, **_log(settled))
        return Rotated(done, settled)

    async def _seal_anew(self, keys: RecordingKeys) -> int:
        done = 0
        while page := await self._store.look(partial(recordings.sealed_by_others, key_id=keys.newest)):
            sealed = [(one.id, keys.seal(one.id, keys.open(one.id, one.sealed))) for one in page]
            await self._store.work(partial(recordings.seal_anew, sealed=sealed))
            done += len(page)
        return done

    # -- keep no longer ----------------------------------------------------------------------------------------------

    async def due(self, numbers_days: float, journal_days: float) -> list[Due]:
        """What `purge` would take."""
        now = self._clock()
        numbers, journal = now - numbers_days * DAY_S, now - journal_days * DAY_S
        count = await self._store.look(partial(recordings.count, wanted=Wanted(due=now)))
        past = await self._store.look(partial(traces.past, before=journal))
        rows = await self._store.look(partial(traces.old_rows, before=numbers))
        boxes = await self._store.look(partial(traces.old_boxes, before=numbers))
        return [Due("recordings", now, count), Due("contacts with a number", numbers, rows),
                Due("journal entries and facts with a number", numbers, boxes),
                Due("lines of queue_log with a number", numbers,
                    queue_log.forget(self._log, lambda _, epoch: epoch < numbers, really=False)),
                Due("journal entries", journal, past.entries if past else 0),
                Due("facts", journal, past.facts if past else 0),
                Due("answers that were keyed in", numbers,
                    await self._store.look(partial(keyed.count_old, before=numbers))),
                Due("short messages", numbers, await self._store.look(partial(sms.count_old, before=numbers)))]

    async def purge(self, numbers_days: float, journal_days: float) -> Purged:
        """Destroy what is due."""
        due = await self.due(numbers_days, journal_days)
        counts = {one.what: one.many for one in due if one.many}
        if not counts:  # the log may be left from the last one
            return Purged(due, await self._store.settle())
        self._audit.note(self._who, "purging", self._clock(), counts=counts)
        await self._vault.purge(self._clock())
        numbers, journal = due[1].before, due[4].before
        while ids := await self._store.look(partial(traces.old_contacts, before=numbers)):
            await self._store.work(partial(traces.blank_rows, ids=ids))
        while await self._store.work(partial(keyed.forget_old, before=numbers)):
            pass
        while await self._store.work(partial(sms.forget_old, before=numbers)):
            pass
        await traces.rewrite(self._store, traces.boxless, (traces.BOX_BEGINS,), before=numbers)
        queue_log.forget(self._log, lambda _, epoch: epoch < numbers)
        if past := await self._store.look(partial(traces.past, before=journal)):
            await traces.drop(self._store, past)
        settled = await self._store.settle()
        self._audit.note(self._who, "purged", self._clock(), counts=counts, **_log(settled))
        return Purged(due, settled)


def _log(settled: bool) -> dict[str, str]:
    """For the record."""
    return {} if settled else {"log": "not emptied"}


def digits(number: str) -> str:
    """What every way to write a number has in it: the digits without those of the country."""
    return number.lstrip("+")[-10:]


def search(folder: Path, needles: Sequence[bytes]) -> list[Path]:
    """Files below a folder that hold one of these."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()
            and _holds(path, needles)]


def _holds(path: Path, needles: Sequence[bytes]) -> bool:
    longest = max(map(len, needles), default=0)
    before = b""
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            if any(needle in before + piece for needle in needles):
                return True
            before = piece[-longest:]
    return False


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(data)


def _told(one: Recording) -> dict[str, Any]:
    return {"file": f"{one.id}.wav", "contact": one.contact, "kind": one.kind, "service": one.service, "at": one.at,
            "seconds": round(one.seconds, 1), "keep_until": one.keep_until}


def _rows(connection: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Rows and facts of these contacts; Any: a connection of the store. Keyed hash and box are left out: the number
    itself is told."""
    hidden = {column.name for pair in traces.MARKED for column in pair}
    found: dict[str, Any] = {}
    for table, key in ((contacts, "contacts"), (offers, "offers")):
        shown = [column for column in table.c if column.name not in hidden]
        found[key] = [dict(row._mapping) for row in connection.execute(
            select(*shown).where(table.c.contact.in_(ids)).order_by(*table.primary_key.columns))]
    found["facts"] = []
    for contact in ids:
        rows = connection.execute(select(facts.c.at, facts.c.kind, facts.c.body).where(
            facts.c.body.contains(f'"contact":{json.dumps(contact)}', autoescape=True)).order_by(facts.c.seq))
        found["facts"] += [{"at": at, "kind": kind, **{
            field: value for field, value in json.loads(body).items() if field not in (*hidden, "seq", "at")}}
            for at, kind, body in rows]
    return found
