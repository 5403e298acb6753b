"""What people ask of a node beside the engine: its files again, its calendar. The API's `House`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from centres.team import Needs
from desk.api import shapes, views
from desk.api.house import CannotAnnounce, NotKept
from routing.core.errors import Refused
from routing.core.ids import AgentId, ContactId, OfferId
from routing.core.inbox import InboxClosed
from routing.store.announcements import Row
from routing.store.errors import StoreError
from santral.announce import Board, CannotSay
from santral.archive import Archive
from santral.config import NodeConfig
from santral.errors import SantralError
from santral.hours import pages, written
from santral.last_good import Instead
from santral.reload import Reloader
from santral.wishes import Full, Wishes

log = structlog.get_logger()

DAYS = 14
"""Shown over HTTP: two weeks, so that the next holiday is nearly always among them."""


HANG_UP = "SIGHUP"


class NodeHouse:
    """Implements `desk.api.house.House`."""

    def __init__(self, current: Callable[[], NodeConfig], reloader: Reloader, clock: Callable[[], float],
                 board: Board, archive: Archive, can_call: Callable[[OfferId], bool], wishes: Wishes,
                 instead: Callable[[], Instead | None], nobody_left: Callable[[], Sequence[str]]) -> None:
        self.find, self.sound, self.hush, self.can_call = archive.find, archive.sound, archive.hush, can_call
        self.forget, self._wishes = wishes.forget, wishes
        self._current, self._reloader, self._clock, self._board = current, reloader, clock, board
        self._instead, self._nobody_left = instead, nobody_left

    async def reload(self, wanted: shapes.Reload, by: str) -> shapes.Reloaded:
        """See `House`."""
        try:
            done = await self._reloader.reload(_who(by, wanted.by), dry_run=wanted.dry_run)
        except SantralError as error:
            log.error("node.reload_refused", by=by, problems=[str(error)])
            return shapes.Reloaded(applied=False, changes=[], later=[], problems=[str(error)], warnings=[])
        return shapes.Reloaded(
            applied=done.applied, changes=[shapes.Change(**one._asdict()) for one in done.changes],
            later=[shapes.Later(**one._asdict()) for one in done.later],
            problems=[str(one) for one in done.problems], warnings=[str(one) for one in done.warnings])

    def last_good(self) -> views.LastGood | None:
        """See `House`."""
        found = self._instead()
        return None if found is None else views.LastGood(since=found.since, problems=list(found.problems))

    def nobody_left(self) -> list[str]:
        """See `House`."""
        return list(self._nobody_left())

    async def run(self, hang_up: asyncio.Event) -> None:
        """A reload for each SIGHUP, until cancelled. What goes wrong stands in the log; then nothing has changed."""
        while True:
            await hang_up.wait()
            hang_up.clear()
            try:
                await self.reload(shapes.Reload(), HANG_UP)
            except (InboxClosed, TimeoutError):
                log.error("node.reload_refused", by=HANG_UP, problems=["the engine did not answer; try again"])
            except (Refused, StoreError, OSError) as error:  # a signal may cost nobody their node
                log.error("node.reload_refused", by=HANG_UP, problems=[str(error)])

    async def wish(self, contact: ContactId, wanted: shapes.Wish) -> None:
        """See `House`."""
        if not await self._wishes.keep_for(contact, slow=wanted.slow, human_first=wanted.human_first):
            raise NotKept

    async def keep_wishes(self, wanted: shapes.Wishes) -> shapes.Changed:
        """See `House`."""
        if (wanted.slow or wanted.human_first) and not self._wishes.kept:
            raise NotKept("wishes are not kept: set kept = true at [wishes] of santral.toml, then santral reload")
        try:
            return shapes.Changed(changed=await self._wishes.keep_all(
                wanted.hashes, slow=wanted.slow, human_first=wanted.human_first))
        except Full as error:
            raise NotKept(str(error)) from error

    def wished(self) -> shapes.Wished:
        """See `House`."""
        rules = self._current().settings.wishes
        return shapes.Wished(**self._wishes.counts(), most=rules.most, forgotten_days=rules.forgotten_days,
                             kept=rules.kept)

    async def announce(self, wanted: shapes.Announce, by: str) -> shapes.Announcement:
        """See `House`."""
        row = Row(0, wanted.service or "", wanted.prompt or "", wanted.text or "", wanted.recording or "",
                  wanted.closes, 0.0, wanted.until, _who(by, wanted.by))
        try:
            return self._shown(await self._board.on(row))
        except CannotSay as error:
            raise CannotAnnounce(str(error)) from error

    async def silence(self, wanted: shapes.Silence, by: str) -> shapes.Announcements:
        """See `House`."""
        try:
            await self._board.off(wanted.id, _who(by, wanted.by))
        except CannotSay as error:
            raise CannotAnnounce(str(error)) from error
        return await self.announcements()

    async def announcements(self) -> shapes.Announcements:
        """See `House`."""
        return shapes.Announcements(announcements=[self._shown(row) for row in await self._board.latest()],
                                    timezone=self._current().settings.centre.timezone)

    def _shown(self, row: Row) -> shapes.Announcement:
        over = row.ended_at is not None or (row.until is not None and row.until <= self._clock())
        return shapes.Announcement(
            id=row.id, service=row.service or None, prompt=row.prompt or None, text=row.text or None,
            recording=row.recording or None, closes=row.closes, on=not over, since=row.since, until=row.until,
            by=row.by, ended_at=row.ended_at, ended_by=row.ended_by)

    def needs(self, agent: AgentId) -> shapes.OwnNeeds:
        """See `House`."""
        config = self._current()
        force = config.loaded.in_force(self._today(config)).get(str(agent))
        entries = [one for one in config.loaded.dated if one.agent == agent]
        return shapes.OwnNeeds(everybody=_needs(config.settings.profile), entries=[
            shapes.Need(in_force=one is force, valid_from=_date(one.valid_from), valid_to=_date(one.valid_to),
                        review_at=_date(one.review_at), approved_by=one.approved_by, needs=_needs(one))
            for one in entries])

    def _today(self, config: NodeConfig) -> date:
        return datetime.fromtimestamp(self._clock(), ZoneInfo(config.settings.centre.timezone)).date()

    def days(self) -> shapes.Days:
        """See `House`."""
        config = self._current()
        today = self._today(config)
        return shapes.Days(days=[
            shapes.Day.model_validate({
                "date": page.day.date.isoformat(), "kind": page.day.kind, "name": page.day.name, "openings": [
                    {"what": row.what, "id": row.id, "spans": written(row.spans)} for row in page.rows]})
            for page in pages(config.settings, config.loaded, today, DAYS, self._board.closings())])


def hang_up_is_reload() -> bool:
    """Whether SIGHUP means "read your files again". From a terminal it means that the terminal was closed."""
    return hasattr(signal, "SIGHUP") and not sys.stdin.isatty()


def _needs(needs: Needs) -> dict[str, Any]:
    """What is set, as a file would have it; sets in their order."""
    found = needs.changes()
    said = needs.model_dump(mode="json", include=set(found))
    return {name: sorted(said[name]) if isinstance(value, frozenset) else said[name] for name, value in found.items()}


def _date(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _who(role: str, name: str | None) -> str:
    return f"{role} {name}" if name else role
