"""What is said to callers at once, and closed at once: switched on and off by people, kept in the store with who and
when. Planned closures of santral.toml that say something are heard in the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import structlog

from ivr.announcement import Announcement
from prompts import announced
from prompts.announced import FOLDER
from prompts.catalogue import texts
from prompts.errors import PromptError
from prompts.say import LANGUAGE
from prompts.say import slow as slow_key
from routing.store import announcements
from routing.store.announcements import Row
from routing.store.store import Store
from santral.calendar import Closing, planned
from santral.config import NodeConfig
from santral.errors import SantralError

log = structlog.get_logger()

ON_MAX = 10
"""At one moment: with more, callers would hear nothing else."""
SHOWN = 50
"""The last ones in the list."""
UNTIL_MAX_S = 366 * 86_400.0
"""Nobody plans an end so far away: it was meant in milliseconds, and nobody would ever hear the end of it."""
RECORDINGS = "announcements"
"""Folder of the node's state in which recordings to be announced lie."""
VOICE_S = 60.0
"""A sentence is spoken in about a second; a machine that takes a minute will not speak at all."""


class CannotSay(SantralError):
    """What was asked for cannot be announced."""


class Board:
    """What is on. `clock` gives Unix seconds of the wall; `changed` is called when something else is closed."""

    def __init__(self, store: Store, state: Path, current: Callable[[], NodeConfig],
                 clock: Callable[[], float]) -> None:
        self._store, self._folder, self._current, self._clock = store, state / RECORDINGS, current, clock
        self._on: tuple[Row, ...] = ()
        self._one = asyncio.Lock()
        self.changed: Callable[[], None] = lambda: None

    async def load(self) -> None:
        """After a start: what was on is on. Sounds that this machine does not have are made again, or said to be
        missing; the others are heard all the same. Those of what is over by its time go."""
        rows = await self._store.work(partial(announcements.current, at=self._clock()))
        for row in rows:
            try:
                if not row.prompt and (row.text or row.recording) and not announced.there(_name(row), self._root):
                    await self._make(row)
            except CannotSay as error:
                log.error("announcement.silent", id=row.id, why=str(error))
        self._on = tuple(rows)
        await self._sweep(await self.latest())

    # -- for the dialogues and the calendar ----------------------------------------------------------------------------

    def spoken(self) -> Iterator[Announcement]:
        """What callers hear now: of the closures of the files, then what people have switched on."""
        now, config = self._clock(), self._current()
        for index, one in enumerate(config.settings.calendar.closures):
            if one.say is not None:
                for closing in planned(config.settings, one):
                    if closing.at(now):
                        yield Announcement(-1 - index, closing.service, prompt=one.say)
        for row in self._on:
            if not _over(row, now) and (row.prompt or row.text or row.recording):
                path = f"{self._root.resolve()}/{LANGUAGE}/"
                key = announced.key(_name(row))
                yield Announcement(row.id, row.service, row.prompt, path + key, path + slow_key(key))

    def closings(self) -> tuple[Closing, ...]:
        """What is closed beside the files."""
        return tuple(Closing(row.service, row.since, row.until) for row in self._on if row.closes)

    # -- for people ----------------------------------------------------------------------------------------------------

    async def on(self, wanted: Row) -> Row:
        """Switch one on; its number and its time are ours. Raises CannotSay, and nothing has changed then."""
        async with self._one:
            now = self._clock()
            await self._sweep(self._on)
            self._on = tuple(row for row in self._on if not _over(row, now))
            self._check(wanted, now)
            row = wanted._replace(id=await self._store.work(announcements.next_id), since=now)
            if row.text or row.recording:
                await self._make(row)
            await self._store.work(partial(announcements.add, row=row))
            self._on += (row,)
        log.info("announcement.on", id=row.id, service=row.service, closes=row.closes, by=row.by)
        self.changed()
        return row

    async def off(self, id_: int, by: str) -> None:
        """Switch one off. Raises CannotSay when it is not on."""
        async with self._one:
            if not await self._store.work(partial(announcements.end, id_=id_, at=self._clock(), by=by)):
                raise CannotSay(f"announcement {id_} is not on; santral announce list shows those that are")
            for row in self._on:
                if row.id == id_:
                    await self._hush(row)
            self._on = tuple(row for row in self._on if row.id != id_)
        log.info("announcement.off", id=id_, by=by)
        self.changed()

    async def latest(self) -> list[Row]:
        """The last ones, the newest first."""
        return await self._store.work(partial(announcements.latest, most=SHOWN))

    @property
    def _root(self) -> Path:
        return Path(self._current().settings.asterisk.sounds)

    def _check(self, wanted: Row, now: float) -> None:
        config = self._current()
        services = {service.id: service for service in config.loaded.services}
        said = [one for one in (wanted.prompt, wanted.text, wanted.recording) if one]
        if len(said) > 1 or (not said and not wanted.closes):
            raise CannotSay("give one of a prompt, a text and a recording; none only when something closes")
        if wanted.service and wanted.service not in services:
            raise CannotSay(f"no service '{wanted.service}'; there are {', '.join(services)}")
        if wanted.closes and wanted.service and services[wanted.service].distress:
            raise CannotSay(f"'{wanted.service}' is for distress, which is never closed")
        if wanted.closes and not wanted.service and config.settings.hours.closed is None:
            raise CannotSay("the centre has no entry for a closed line: set 'closed' at [hours], then reload")
        if wanted.prompt and wanted.prompt not in texts():
            raise CannotSay(f"no prompt '{wanted.prompt}'; santral prompts list shows them")
        if wanted.until is not None and not wanted.until > now:
            raise CannotSay("its end is not in the future")
        if wanted.until is not None and wanted.until > now + UNTIL_MAX_S:
            raise CannotSay("its end is more than a year away: give Unix seconds, not milliseconds")
        if len(self._on) >= ON_MAX:
            raise CannotSay(f"{ON_MAX} announcements are on; switch one off")

    async def _sweep(self, rows: Iterable[Row]) -> None:
        """Take away the sounds of those that are over by their time: nobody switches them off."""
        now = self._clock()
        for row in rows:
            if _over(row, now):
                await self._hush(row)

    async def _hush(self, row: Row) -> None:
        """Take away its sounds. That they stay is no reason for anything else not to be done: nobody hears them."""
        try:
            await asyncio.to_thread(announced.remove, _name(row), self._root)
        except OSError as error:
            log.warning("announcement.sounds_stay", id=row.id, why=error.strerror)

    async def _make(self, row: Row) -> None:
        recording = self._folder / row.recording if row.recording else None
        if recording is not None and not recording.is_file():
            raise CannotSay(f"no recording {recording}; put it there")
        try:
            async with asyncio.timeout(VOICE_S):
                await asyncio.to_thread(announced.build, _name(row), self._root, text=row.text, recording=recording)
        except PromptError as error:
            raise CannotSay(str(error)) from error
        except TimeoutError:
            raise CannotSay(f"the voice did not speak within {VOICE_S:.0f} s") from None
        except OSError as error:
            raise CannotSay(f"{self._root / LANGUAGE / FOLDER} cannot be written: {error.strerror}. Give it to the "
                            "user who runs the node") from error


def _over(row: Row, now: float) -> bool:
    return row.until is not None and row.until <= now


def _name(row: Row) -> str:
    """Of its sounds. With its moment, so that two states never share one."""
    return f"{row.id}-{row.since:.0f}"
