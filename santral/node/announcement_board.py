"""Manage announcements and closures that people switch on and off. The store keeps them with user and time.

Planned closures of santral.toml that have a prompt are heard in the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import structlog

from ivr.caller.announcements import Announcement
from prompts import announcement_sounds
from prompts.announcement_sounds import FOLDER
from prompts.errors import PromptError
from prompts.text_reader import first_texts
from prompts.verbalise.number_prompts import LANGUAGE
from prompts.verbalise.number_prompts import slow_key as slow_key
from routing.store import announcements
from routing.store.announcements import AnnouncementRow
from routing.store.store import Store
from santral.centre.centre_words import centre_words
from santral.centre.config import NodeConfig
from santral.errors import SantralError
from santral.node.centre_calendar import Closing, planned_closings

log = structlog.get_logger()

ON_MAX = 10
"""Most announcements at one time. With more, callers would hear nothing else."""
SHOWN = 50
"""Number of announcements in the list."""
UNTIL_MAX_S = 366 * 86_400.0
"""Longest time to the end of an announcement. A later end was meant in milliseconds and would never come."""
RECORDINGS = "announcements"
"""Folder in the node's state that holds recordings for announcements."""
VOICE_S = 60.0
"""Longest time for the voice to speak a sentence. It needs about a second, and after a minute it will not speak at
all."""


class AnnouncementError(SantralError):
    """The request cannot be announced."""


class AnnouncementBoard:
    """Announcements that are on.

    `clock` gives Unix seconds. `changed` is called when an announcement begins or ends.
    """

    def __init__(self, store: Store, state: Path, current: Callable[[], NodeConfig],
                 clock: Callable[[], float]) -> None:
        self._store, self._folder, self._current, self._clock = store, state / RECORDINGS, current, clock
        self._on: tuple[AnnouncementRow, ...] = ()
        self._one = asyncio.Lock()
        self.changed: Callable[[], None] = lambda: None

    async def load_announcements(self) -> None:
        """Load the announcements that were on before a start.

        Missing sounds are built again. If that fails, the loss is logged and the others are still heard. Sounds of
        expired announcements are removed.
        """
        rows = await self._store.run_write(partial(announcements.current_announcements, at=self._clock()))
        for row in rows:
            try:
                if not row.prompt and (row.text or row.recording) \
                        and not announcement_sounds.are_built(_sound_name(row), self._root):
                    await self._make_sounds(row)
            except AnnouncementError as error:
                log.error("announcement.sounds_missing", id=row.id, why=str(error))
        self._on = tuple(rows)
        await self._sweep_expired(await self.latest_rows())

    # -- for the dialogues and the calendar ----------------------------------------------------------------------------

    def current_announcements(self) -> Iterator[Announcement]:
        """Yield the announcements that callers hear now: planned closures first, then those switched on by people."""
        now, config = self._clock(), self._current()
        # 1. Closures of the files. Their negative ids never meet the ids of the store.
        for index, one in enumerate(config.settings.calendar.closures):
            if one.say is not None:
                for closing in planned_closings(config.settings, one):
                    if closing.is_closed_at(now):
                        yield Announcement(-1 - index, closing.service, prompt=one.say)
        # 2. Announcements that people have switched on. One that only closes has no sound.
        for row in self._on:
            if not _is_over(row, now) and (row.prompt or row.text or row.recording):
                path = f"{self._root.resolve()}/{LANGUAGE}/"
                key = announcement_sounds.announcement_key(_sound_name(row))
                yield Announcement(row.id, row.service, row.prompt, path + key, path + slow_key(key))

    def current_closings(self) -> tuple[Closing, ...]:
        """Return the closures that are not in the files."""
        return tuple(Closing(row.service, row.since, row.until) for row in self._on if row.closes)

    # -- for people ----------------------------------------------------------------------------------------------------

    async def switch_on(self, wanted: AnnouncementRow) -> AnnouncementRow:
        """Switch on an announcement. Its id and time are set here.

        Raise AnnouncementError if that is not possible. Then nothing has changed.
        """
        async with self._one:
            # 1. Forget expired announcements, so that they do not count against the limit.
            now = self._clock()
            await self._sweep_expired(self._on)
            self._on = tuple(row for row in self._on if not _is_over(row, now))
            # 2. Check the request and build the sounds. Nothing is stored if either fails.
            self._check_request(wanted, now)
            row = wanted._replace(id=await self._store.run_write(announcements.next_id), since=now)
            if row.text or row.recording:
                await self._make_sounds(row)
            # 3. Store it. It is heard from now on.
            await self._store.run_write(partial(announcements.add_announcement, row=row))
            self._on += (row,)
        log.info("announcement.started", id=row.id, service=row.service, closes=row.closes)
        self.changed()
        return row

    async def switch_off(self, id_: int, by: str) -> None:
        """Switch off an announcement. Raise AnnouncementError if it is not on."""
        async with self._one:
            if not await self._store.run_write(
                    partial(announcements.end_announcement, id_=id_, at=self._clock(), by=by)):
                raise AnnouncementError(f"announcement {id_} is not on; santral announce list shows those that are")
            for row in self._on:
                if row.id == id_:
                    await self._remove_sounds(row)
            self._on = tuple(row for row in self._on if row.id != id_)
        log.info("announcement.ended", id=id_)
        self.changed()

    async def latest_rows(self) -> list[AnnouncementRow]:
        """Return the last announcements, the newest first."""
        return await self._store.run_write(partial(announcements.latest_announcements, most=SHOWN))

    @property
    def _root(self) -> Path:
        return Path(self._current().settings.asterisk.sounds)

    def _check_request(self, wanted: AnnouncementRow, now: float) -> None:
        # 1. Exactly one sound, or none if something closes.
        config = self._current()
        services = {service.id: service for service in config.loaded.services}
        said = [one for one in (wanted.prompt, wanted.text, wanted.recording) if one]
        if len(said) > 1 or (not said and not wanted.closes):
            raise AnnouncementError("give one of a prompt, a text and a recording; none only when something closes")
        # 2. The service and its closure.
        if wanted.service and wanted.service not in services:
            raise AnnouncementError(f"no service '{wanted.service}'; there are {', '.join(services)}")
        if wanted.closes and wanted.service and services[wanted.service].distress:
            raise AnnouncementError(f"'{wanted.service}' is for distress, which is never closed")
        if wanted.closes and not wanted.service and config.settings.hours.closed is None:
            raise AnnouncementError("the centre has no entry for a closed line: set 'closed' at [hours], then reload")
        # 3. The prompt, the end and the number of announcements.
        if wanted.prompt and wanted.prompt not in first_texts(centre_words(config.loaded)):
            raise AnnouncementError(f"no prompt '{wanted.prompt}'; santral prompts list shows them")
        if wanted.until is not None and not wanted.until > now:
            raise AnnouncementError("its end is not in the future")
        if wanted.until is not None and wanted.until > now + UNTIL_MAX_S:
            raise AnnouncementError("its end is more than a year away: give Unix seconds, not milliseconds")
        if len(self._on) >= ON_MAX:
            raise AnnouncementError(f"{ON_MAX} announcements are on; switch one off")

    async def _sweep_expired(self, rows: Iterable[AnnouncementRow]) -> None:
        """Remove the sounds of expired announcements, because no user switches these off."""
        now = self._clock()
        for row in rows:
            if _is_over(row, now):
                await self._remove_sounds(row)

    async def _remove_sounds(self, row: AnnouncementRow) -> None:
        """Remove the sounds of an announcement. A failure is only logged, because the sounds are no longer heard."""
        try:
            await asyncio.to_thread(announcement_sounds.remove_sounds, _sound_name(row), self._root)
        except OSError as error:
            log.warning("announcement.sounds_not_removed", id=row.id, why=error.strerror)

    async def _make_sounds(self, row: AnnouncementRow) -> None:
        recording = self._folder / row.recording if row.recording else None
        if recording is not None and not recording.is_file():
            raise AnnouncementError(f"no recording {recording}; put it there")
        try:
            async with asyncio.timeout(VOICE_S):
                await asyncio.to_thread(announcement_sounds.build_sounds, _sound_name(row), self._root,
                                        text=row.text, recording=recording)
        except PromptError as error:
            raise AnnouncementError(str(error)) from error
        except TimeoutError:
            raise AnnouncementError(f"the voice did not speak within {VOICE_S:.0f} s") from None
        except OSError as error:
            raise AnnouncementError(
                f"{self._root / LANGUAGE / FOLDER} cannot be written: {error.strerror}. Give it to the user who runs "
                "the node") from error


def _is_over(row: AnnouncementRow, now: float) -> bool:
    return row.until is not None and row.until <= now


def _sound_name(row: AnnouncementRow) -> str:
    """Return the name of the sounds. It contains the start time, so that two state folders never share sounds."""
    return f"{row.id}-{row.since:.0f}"
