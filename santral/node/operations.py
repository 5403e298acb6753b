"""Do what people ask of a running node: reload files, announce, show its calendar. Implements the API's
`NodeOperations`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from centres.team import Needs
from desk.api import models, views
from desk.api.node_operations import CannotAnnounce, PreferenceNotStored, UnknownSurgeProfile
from prompts.text_reader import first_texts
from routing.core.inbox import InboxClosed
from routing.core.model.errors import Refused
from routing.core.model.ids import AgentId, ContactId, OfferId
from routing.store.announcements import AnnouncementRow
from routing.store.errors import StoreError
from santral.centre.centre_words import centre_words
from santral.centre.config import NodeConfig
from santral.centre.file_reload import CentreReloader
from santral.centre.last_known_good import CopyInForce
from santral.errors import SantralError
from santral.node.announcement_board import AnnouncementBoard, AnnouncementError
from santral.node.caller_preferences import NodePreferences, PreferencesFull
from santral.node.centre_calendar import require_on_duty
from santral.node.contact_notes import ContactNotes
from santral.node.opening_hours import build_pages, format_spans
from santral.node.own_desk import OwnDesk
from santral.node.recording_access import RecordingAccess
from santral.node.surge_switch import SurgeError, SurgeSwitch

log = structlog.get_logger()

DAYS = 14
"""Number of days shown over HTTP: two weeks, so that the next holiday is nearly always included."""

HANG_UP = "SIGHUP"

class RunningNodeOperations:
    """Implement `desk.api.node_operations.NodeOperations`, whose docstrings describe the methods."""

    def __init__(self, current: Callable[[], NodeConfig], reloader: CentreReloader, clock: Callable[[], float],
                 board: AnnouncementBoard, archive: RecordingAccess, can_call: Callable[[OfferId], bool],
                 wishes: NodePreferences, instead: Callable[[], CopyInForce | None],
                 nobody_left: Callable[[], Sequence[str]], surge: SurgeSwitch, own: OwnDesk, notes: ContactNotes,
                 display_name: Callable[[str], str],
                 refused_numbers: Callable[[], Mapping[tuple[str, int], int]]) -> None:
        self.find_recordings, self.read_recording, self.pause_recording, self.can_call = (
            archive.find_recordings, archive.read_recording, archive.pause_by_api, can_call)
        self.audit_act = archive.audit_access
        self.hang_up, self.comfort, self.save_comfort, self.own_day, self.access_log = (
            own.hang_up, own.comfort, own.save_comfort, own.own_day, own.access_log)
        self.list_codes, self.save_note, self.own_contacts, self.callers_at_hand = (
            notes.list_codes, notes.save_note, notes.own_contacts, notes.callers_at_hand)
        self.display_name, self._refused_numbers = display_name, refused_numbers
        self.erase_preferences, self._wishes = wishes.erase_preference, wishes
        self._current, self._reloader, self._clock, self._board = current, reloader, clock, board
        self._instead, self._nobody_left, self._surge = instead, nobody_left, surge

    async def reload_centre(self, wanted: models.Reload, by: str) -> models.Reloaded:
        """Reload the files of the centre. See `NodeOperations`. The line of a reload that was refused stays."""
        await self.audit_act(_audit_name(by, wanted.by), "reload_requested", dry_run=wanted.dry_run)
        try:
            done = await self._reloader.reload_files(by.partition(" ")[0], dry_run=wanted.dry_run)
        except SantralError as error:
            log.error("node.reload_refused", by=by.partition(" ")[0], problems=[str(error)])
            return models.Reloaded(applied=False, changes=[], not_applied=[], problems=[str(error)], warnings=[])
        return models.Reloaded(
            applied=done.applied, changes=[models.Change(**one._asdict()) for one in done.changes],
            not_applied=[models.NotApplied(**one._asdict()) for one in done.later],
            problems=[str(one) for one in done.problems], warnings=[str(one) for one in done.warnings])

    def last_known_good(self) -> views.LastKnownGood | None:
        """Return since when a copy of the files is in force. See `NodeOperations`."""
        found = self._instead()
        return None if found is None else views.LastKnownGood(since=found.since, problems=list(found.problems))

    def unservable_needs(self) -> list[str]:
        """Return the problems that agents' needs cause today. See `NodeOperations`."""
        return list(self._nobody_left())

    def language(self) -> str:
        """Return the language of tables. See `NodeOperations`."""
        return self._current().settings.centre.language

    def refused_calls(self) -> list[views.RefusedNumber]:
        """Return the calls to unknown numbers. See `NodeOperations`."""
        return [views.RefusedNumber(form=form, digits=digits, calls=calls)
                for (form, digits), calls in sorted(self._refused_numbers().items())]

    async def run_reloads(self, hang_up: asyncio.Event) -> None:
        """Reload at each SIGHUP until cancelled. A failed reload is logged and changes nothing."""
        while True:
            await hang_up.wait()
            hang_up.clear()
            try:
                await self.reload_centre(models.Reload(), HANG_UP)
            except (InboxClosed, TimeoutError):
                log.error("node.reload_refused", by=HANG_UP, problems=["the engine did not answer; try again"])
            # A failed signal must not end the node.
            except (Refused, StoreError, OSError) as error:
                log.error("node.reload_refused", by=HANG_UP, problems=[str(error)])

    async def save_preference(self, contact: ContactId, wanted: models.CallerPreference) -> None:
        """Save the preference of a contact's caller. See `NodeOperations`."""
        if not await self._wishes.save_for_contact(contact, slow=wanted.slow, human_first=wanted.human_first):
            raise PreferenceNotStored

    async def save_preferences(self, wanted: models.CallersPreferences) -> models.Changed:
        """Save the preferences of many callers. See `NodeOperations`."""
        # A preference may be deleted at any time, but set only if preferences are kept.
        if (wanted.slow or wanted.human_first) and not self._wishes.is_enabled:
            raise PreferenceNotStored(
                "preferences are not kept: set enabled = true at [preferences] of santral.toml, then santral reload")
        try:
            return models.Changed(changed=await self._wishes.save_for_hashes(
                wanted.hashes, slow=wanted.slow, human_first=wanted.human_first))
        except PreferencesFull as error:
            raise PreferenceNotStored(str(error)) from error

    def count_preferences(self) -> models.PreferenceCounts:
        """Return the counts of preferences. See `NodeOperations`."""
        rules = self._current().settings.preferences
        return models.PreferenceCounts(**self._wishes.count_preferences(), max_callers=rules.max_callers,
                                       expiry_days=rules.expiry_days, enabled=rules.enabled)

    async def start_announcement(self, wanted: models.Announce, by: str) -> models.Announcement:
        """Start an announcement. See `NodeOperations`."""
        # The board sets id and time.
        row = AnnouncementRow(0, wanted.service or "", wanted.prompt or "", wanted.text or "", wanted.recording or "",
                              wanted.closes, 0.0, wanted.until, _audit_name(by, wanted.by))
        try:
            return self._to_announcement(await self._board.switch_on(row))
        except AnnouncementError as error:
            raise CannotAnnounce(str(error)) from error

    async def end_announcement(self, wanted: models.AnnouncementEnd, by: str) -> models.Announcements:
        """End an announcement. See `NodeOperations`."""
        try:
            await self._board.switch_off(wanted.id, _audit_name(by, wanted.by))
        except AnnouncementError as error:
            raise CannotAnnounce(str(error)) from error
        return await self.list_announcements()

    def count_announcements(self) -> int:
        """Return how many announcements callers hear now."""
        return sum(1 for _ in self._board.current_announcements())

    async def list_announcements(self) -> models.Announcements:
        """Return the last announcements. See `NodeOperations`."""
        return models.Announcements(
            announcements=[self._to_announcement(row) for row in await self._board.latest_rows()],
            timezone=self._current().settings.centre.timezone)

    async def switch_surge(self, wanted: models.SurgeWanted, by: str) -> models.Surge:
        """Switch a surge profile. See `NodeOperations`."""
        try:
            await self._surge.switch(wanted.profile or "", _audit_name(by, wanted.by))
        except SurgeError as error:
            raise UnknownSurgeProfile(str(error)) from error
        return self.surge_state()

    def surge_state(self) -> models.Surge:
        """Return the surge profile in force. See `NodeOperations`."""
        switch = self._surge
        on = switch.profile is not None
        return models.Surge(
            profile=switch.name if on else None, since=switch.since if on else None, by=switch.by if on else "",
            profiles=[models.SurgeProfile(id=name, name=one.name) for name, one in switch.rules.profiles.items()])

    def _to_announcement(self, row: AnnouncementRow) -> models.Announcement:
        over = row.ended_at is not None or (row.until is not None and row.until <= self._clock())
        return models.Announcement(
            id=row.id, service=row.service or None, prompt=row.prompt or None, text=row.text or None,
            recording=row.recording or None, closes=row.closes, on=not over, since=row.since, until=row.until,
            by=row.by, ended_at=row.ended_at, ended_by=row.ended_by)

    async def has_prompt(self, key: str) -> bool:
        """Return whether a sentence exists. See `NodeOperations`."""
        return key in await asyncio.to_thread(first_texts, centre_words(self._current().loaded))

    def require_on_duty(self, agent: AgentId) -> None:
        """Raise OffDuty if the agent works at other hours now. See `NodeOperations`."""
        require_on_duty(self._current(), agent, self._clock(), self._surge.profile)

    def own_needs(self, agent: AgentId) -> models.OwnNeeds:
        """Return the needs of one agent. See `NodeOperations`."""
        config = self._current()
        # The entry in force is the same object as in the list, so identity marks it.
        force = config.loaded.in_force(self._today_at_centre(config)).get(str(agent))
        entries = [one for one in config.loaded.dated if one.agent == agent]
        return models.OwnNeeds(everybody=_needs_as_written(config.settings.profile), entries=[
            models.Need(in_force=one is force, valid_from=_iso_date(one.valid_from), valid_to=_iso_date(one.valid_to),
                        review_at=_iso_date(one.review_at), approved_by=one.approved_by, needs=_needs_as_written(one))
            for one in entries])

    def _today_at_centre(self, config: NodeConfig) -> date:
        return datetime.fromtimestamp(self._clock(), ZoneInfo(config.settings.centre.timezone)).date()

    def timezone(self) -> str:
        """Return the time zone of the centre. See `NodeOperations`."""
        return self._current().settings.centre.timezone

    def list_days(self) -> models.Days:
        """Return the next days with their hours. See `NodeOperations`."""
        config = self._current()
        today = self._today_at_centre(config)
        return models.Days(days=[
            models.Day.model_validate({
                "date": page.day.date.isoformat(), "kind": page.day.kind, "name": page.day.name, "openings": [
                    {"what": row.what, "id": row.id, "spans": format_spans(row.spans)} for row in page.rows]})
            for page in build_pages(config.settings, config.loaded, today, DAYS, self._board.current_closings())])


def hang_up_is_reload() -> bool:
    """Return whether SIGHUP means a reload. From a terminal it means that the terminal was closed."""
    return hasattr(signal, "SIGHUP") and not sys.stdin.isatty()


def _needs_as_written(needs: Needs) -> dict[str, Any]:
    """Return the set fields as a file would have them, with sets in order."""
    found = needs.set_fields()
    said = needs.model_dump(mode="json", include=set(found))
    return {name: sorted(said[name]) if isinstance(value, frozenset) else said[name] for name, value in found.items()}


def _iso_date(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _audit_name(by: str, name: str | None) -> str:
    """Return the name for the audit. A person of a session is known; a token has the name that it states."""
    return f"{by} {name}" if name and " " not in by else by
