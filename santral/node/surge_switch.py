"""Switch a surge profile on and off. The store keeps the switch, and the audit log tells who used it, and when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from functools import partial

import structlog

from centres.surge import Surge, SurgeProfile
from ivr.caller.announcements import Announcement
from routing.core.model.ids import AgentId
from routing.store.audit import Audit
from routing.store.store import Store
from santral.centre.config import NodeConfig
from santral.errors import SantralError

log = structlog.get_logger()

NOTE = "surge"
"""Name of the note in the store."""
IDS_FROM = 1_000
"""Announcements of a profile have the negative ids below this number, next to those of planned closures."""
IDS_MOST = 900_000_000
"""Ids of announcements have nine digits in a variable of the channel."""


class SurgeError(SantralError):
    """The profile cannot be switched."""


class SurgeSwitch:
    """The surge profile in force, or none.

    `current` returns the files in force, `clock` Unix seconds. `changed` is called after each switch.
    """

    def __init__(self, store: Store, audit: Audit, current: Callable[[], NodeConfig],
                 clock: Callable[[], float]) -> None:
        self._store, self._audit, self._current, self._clock = store, audit, current, clock
        self._one = asyncio.Lock()
        self.changed: Callable[[], None] = lambda: None
        self.name, self.since, self.by = "", 0.0, ""
        """Id of the profile in force with the time and the person of the switch. Empty names are none."""

    async def load_switch(self) -> None:
        """Load the switch as it was before a start."""
        text = await self._store.read_value(NOTE)
        if text:
            self.name, self.since, self.by = json.loads(text)
        if self.name and self.profile is None:
            # The operator has taken the profile out of the files, so nothing tells what it would mean.
            log.error("surge.profile_missing", profile=self.name)
        elif self.name:
            log.warning("surge.in_force", profile=self.name)

    @property
    def rules(self) -> Surge:
        """The profiles of the centre."""
        return self._current().settings.surge

    @property
    def profile(self) -> SurgeProfile | None:
        """The profile in force. None if there is none, or if the files do not have it any more."""
        return self.rules.profiles.get(self.name)

    async def switch(self, name: str, by: str) -> None:
        """Put a profile in force, or none for an empty name. Audit who did it.

        Raise SurgeError if the centre has no such profile. A profile that is in force already is no error.
        """
        known = self.rules.profiles
        if name and name not in known:
            raise SurgeError(f"no surge profile '{name}'; there are {', '.join(known) or 'none'} (santral.toml, "
                             "[surge.profiles])")
        async with self._one:
            if name == self.name:
                return
            now = self._clock()
            await asyncio.to_thread(partial(self._audit.note_entry, by, "surge_on" if name else "surge_off", now,
                                            profile=name or self.name))
            await self._store.note_value(NOTE, json.dumps([name, now, by]))
            self.name, self.since, self.by = name, now, by
        log.warning("surge.switched", profile=name)
        self.changed()

    # -- for the dialogues ---------------------------------------------------------------------------------------------

    def entry_in_force(self, entry: str, usual: str) -> str:
        """Return the entry for a caller of a number that leads to `entry`, and to `usual` without a profile.

        A closed line stays closed. A number that leads to distress alone has no menu to shorten.
        """
        profile = self.profile
        if profile is None or entry != usual or entry in self._current().line_entries:
            return usual
        return profile.entry

    def current_announcements(self) -> Iterator[Announcement]:
        """Yield the words of the profile for callers of ordinary services, after their choice.

        Words before the menu would delay the key for distress. All have one id, so nobody hears them twice, and each
        switch has another one.
        """
        profile = self.profile
        if profile is not None and profile.say is not None:
            id_ = -IDS_FROM - int(self.since) % IDS_MOST
            for service in self._current().loaded.services:
                if not service.distress:
                    yield Announcement(id_, service.id, prompt=profile.say)

    def is_deflected(self, service: str, waiting: int, expected_s: float | None) -> bool:
        """Return whether a further caller of the service hears that nobody is free soon. Never in distress."""
        profile, services = self.profile, self._current().loaded.services
        if profile is None or profile.deflect is None or any(one.id == service and one.distress for one in services):
            return False
        limit = profile.deflect
        return (limit.waiting is not None and waiting >= limit.waiting) or (
            limit.over_s is not None and expected_s is not None and expected_s > limit.over_s)

    # -- for the telephone code ----------------------------------------------------------------------------------------

    def may_switch(self, agent: AgentId) -> bool:
        """Return whether the agent may switch profiles by phone."""
        return agent in self.rules.supervisors

    async def switch_by_key(self, key: str, agent: AgentId) -> bool | None:
        """Switch by a key: 0 is off, 1 to 9 are the profiles in order. Return the new state, or None for no profile."""
        names = ["", *self.rules.profiles]
        if not (key.isascii() and key.isdigit()) or int(key) >= len(names):
            return None
        await self.switch(names[int(key)], f"agent {agent}")
        return key != "0"
