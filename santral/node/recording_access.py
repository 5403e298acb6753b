"""Give recordings to people who may hear them, and pause the recording of running talks.

Each access is written to the audit log (user, action, contact) before a sound leaves the recording store.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial

from desk.api import models
from routing.core.model.centre_model import OfferState
from routing.core.model.errors import NotNow, UnknownRecording
from routing.core.model.ids import AgentId, ContactId
from routing.core.model.live_calls import LiveOffer
from routing.store.audit import Audit
from routing.store.recordings import recording_rows
from routing.store.recordings.recording_rows import Recording, RecordingFilter
from routing.store.recordings.recording_store import RecordingStore
from routing.store.store import Store

PauseRecording = Callable[[str, bool], Awaitable[bool]]
"""Pause or resume the recording of a leg (`CommandExecutor.pause_recording`)."""


class RecordingAccess:
    """Implement the recordings part of `desk.api.node_operations.NodeOperations`."""

    def __init__(self, vault: RecordingStore, store: Store, audit: Audit, live: Callable[[], Sequence[LiveOffer]],
                 hush: PauseRecording, clock: Callable[[], float]) -> None:
        self._vault, self._store, self._audit = vault, store, audit
        self._live, self._hush, self._clock = live, hush, clock

    async def find_recordings(self, wanted: models.RecordingSearch, by: str) -> models.Recordings:
        """Return the newest recordings that match."""
        fields = wanted.model_dump(exclude={"limit"})
        found = await self._store.run_query(partial(
            recording_rows.find_recordings, wanted=RecordingFilter(**fields), limit=wanted.limit))
        asked = {name: value for name, value in fields.items() if value is not None}
        await self.audit_access(by, "listed", recordings=len(found), **asked)
        return models.Recordings(recordings=[_to_model(one) for one in found])

    async def read_recording(self, recording: str, by: str) -> AsyncGenerator[bytes, None]:
        """Yield one recording as a WAV, in pieces. Raise UnknownRecording if there is none."""
        one = await self._store.run_query(partial(recording_rows.by_id, recording=recording))
        if one is None:
            raise UnknownRecording
        # The audit comes first: if it fails, nothing is heard.
        await self.audit_access(by, "heard", recording=one.id, contact=one.contact)
        async with aclosing(self._vault.read_wav(one)) as pieces:
            async for piece in pieces:
                yield piece

    async def pause_by_api(self, agent: AgentId, on: bool, by: str, contact: ContactId | None = None) -> None:
        """Pause or resume the recording of an agent's talk, or of that with one contact.

        Raise NotNow if the agent has no such recorded talk.
        """
        # The recording of a pair is that of the first one's leg. Often the second one types what nobody else may hear.
        legs = [one.leg for one in self._live() if agent in (one.agent, one.partner)
                and one.state is OfferState.ACCEPTED and contact in (None, one.contact)]
        done = [await self._hush(leg, on) for leg in legs]
        if not any(done):
            raise NotNow
        await self.audit_access(by, "paused" if on else "resumed", agent=agent, legs=legs)

    async def pause_by_keys(self, leg: str, on: bool) -> bool:
        """Pause or resume by the keys of an agent's telephone. Return False if that leg is not recorded."""
        if not await self._hush(leg, on):
            return False
        agent = next((one.agent for one in self._live() if one.leg == leg), "")
        await self.audit_access(f"agent {agent}".strip(), "paused" if on else "resumed", agent=agent, legs=[leg])
        return True

    async def audit_access(self, who: str, what: str, **about: object) -> None:
        """Write a line of the audit log. Raise `AuditError` if that fails."""
        await asyncio.to_thread(partial(self._audit.note_entry, who, what, self._clock(), **about))


def _to_model(one: Recording) -> models.Recording:
    return models.Recording(id=one.id, contact=one.contact, kind=one.kind, service=one.service, agent=one.agent,
                            at=one.at, seconds=round(one.seconds, 1), keep_until=one.keep_until)
