"""Recordings for those who may hear them, and silence in those of talks that go on. Every access is noted before a
sound leaves the vault: who, what, which contact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial

from desk.api import shapes
from routing.core.errors import NotNow, UnknownRecording
from routing.core.ids import AgentId
from routing.core.live import LiveOffer
from routing.core.model import OfferState
from routing.store import recordings
from routing.store.audit import Audit
from routing.store.recordings import Recording, Wanted
from routing.store.store import Store
from routing.store.vault import Vault

Hush = Callable[[str, bool], Awaitable[bool]]
"""Silence in the recording of a leg, or its end (`Switch.hush`)."""


class Archive:
    """What the API may do with recordings (part of `desk.api.house.House`)."""

    def __init__(self, vault: Vault, store: Store, audit: Audit, live: Callable[[], Sequence[LiveOffer]], hush: Hush,
                 clock: Callable[[], float]) -> None:
        self._vault, self._store, self._audit = vault, store, audit
        self._live, self._hush, self._clock = live, hush, clock

    async def find(self, wanted: shapes.Find, by: str) -> shapes.Recordings:
        """The newest ones that fit."""
        fields = wanted.model_dump(exclude={"limit"})
        found = await self._store.look(partial(recordings.find, wanted=Wanted(**fields), limit=wanted.limit))
        asked = {name: value for name, value in fields.items() if value is not None}
        await self._note(by, "listed", recordings=len(found), **asked)
        return shapes.Recordings(recordings=[_shown(one) for one in found])

    async def sound(self, recording: str, by: str) -> AsyncGenerator[bytes, None]:
        """One of them as a WAV. Raises UnknownRecording."""
        one = await self._store.look(partial(recordings.by_id, recording=recording))
        if one is None:
            raise UnknownRecording
        await self._note(by, "heard", recording=one.id, contact=one.contact)
        async with aclosing(self._vault.sound(one)) as pieces:
            async for piece in pieces:
                yield piece

    async def hush(self, agent: AgentId, on: bool, by: str) -> None:
        """Silence in the recording of the agent's talk, or an end to it. Raises NotNow: they do not talk, or nothing is
        recorded."""
        legs = [one.leg for one in self._live() if one.agent == agent and one.state is OfferState.ACCEPTED]
        done = [await self._hush(leg, on) for leg in legs]
        if not any(done):
            raise NotNow
        await self._note(by, "paused" if on else "resumed", agent=agent, legs=legs)

    async def silence(self, leg: str, on: bool) -> bool:
        """The same by the keys of the agent's telephone. False: nothing is recorded on that leg."""
        if not await self._hush(leg, on):
            return False
        agent = next((one.agent for one in self._live() if one.leg == leg), "")
        await self._note(f"agent {agent}".strip(), "paused" if on else "resumed", agent=agent, legs=[leg])
        return True

    async def _note(self, who: str, what: str, **about: object) -> None:
        await asyncio.to_thread(partial(self._audit.note, who, what, self._clock(), **about))


def _shown(one: Recording) -> shapes.Recording:
    return shapes.Recording(id=one.id, contact=one.contact, kind=one.kind, service=one.service, agent=one.agent,
                            at=one.at, seconds=round(one.seconds, 1), keep_until=one.keep_until)
