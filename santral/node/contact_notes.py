"""Keep notes and codes of agents, and show who called before to the agent who has the caller at hand.

A note belongs to its contact: it is for its author, and for agents who have the contact or the caller at hand, also
while a colleague consults them. Of a private service only agents who may serve it
see anything at all, each reading is in the audit, and an anonymous service has no history: it keeps no caller.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import structlog

from desk.api import note_models as models
from desk.api.node_operations import UnknownCode
from routing.core.inbox import DeskView, HeldContact, Inbox
from routing.core.model.centre_model import RINGING_OFFER
from routing.core.model.errors import NotNow
from routing.core.model.ids import AgentId, OfferId
from routing.store.callers import contact_notes
from routing.store.callers.contact_notes import CallerContact, NoteRow
from routing.store.callers.note_keys import NoteKeys
from routing.store.errors import KeyFileError
from routing.store.store import Store
from santral.centre.config import NodeConfig

log = structlog.get_logger()

HISTORY_DAYS = 90.0
"""Days of a caller's history."""
EARLIER_MAX = 20
"""Earlier contacts that are shown. More than that nobody reads while a caller talks."""
COUNTED_MAX = 500
"""Earlier contacts that are counted. A number that calls more often is a switchboard."""
OWN_MAX = 50
"""Own talks that are shown."""
LATE_S = 86_400.0
"""Time after the end of a contact in which each agent of it may still write a note."""

AuditAccess = Callable[..., Awaitable[None]]
"""Write a line of the audit (`RecordingAccess.audit_access`)."""


class ContactNotes:
    """The notes part of `desk.api.node_operations.NodeOperations`.

    `last_digits` returns the last two digits of the caller of an offer, or None if the centre shows none.
    """

    def __init__(self, store: Store, inbox: Inbox, keys: NoteKeys, current: Callable[[], NodeConfig],
                 audit: AuditAccess, last_digits: Callable[[OfferId], str | None]) -> None:
        self._store, self._inbox, self._keys, self._current = store, inbox, keys, current
        self._audit, self._last_digits = audit, last_digits

    def list_codes(self) -> models.AllCodes:
        """Return the codes of all services."""
        return models.AllCodes(services=[
            models.ServiceCodes(service=one.id, codes=[models.ServiceCode(id=id_, name=name)
                                                       for id_, name in one.codes.items()])
            for one in self._current().loaded.services if one.codes])

    async def save_note(self, agent: AgentId, wanted: models.NoteWanted) -> models.Note:
        """Store the note of an agent.

        Raise NotNow if the agent never had the contact, or a day after its end. Raise UnknownCode for a code
        that its service does not have, and CallerWasErased if the caller's data was erased meanwhile.
        """
        # 1. Only somebody who talked with the caller has something to write down.
        now = self._inbox.now()
        held = next((one for one in self._held(agent) if one.contact == wanted.contact), None)
        service = held.service if held is not None else await self._store.run_query(partial(
            contact_notes.service_of_talk, agent=agent, contact=wanted.contact, since=now - LATE_S))
        if service is None:
            raise NotNow("the agent had no talk in this contact, or the contact ended more than a day ago")
        # 2. The code must be one of the service.
        codes = next((one.codes for one in self._current().loaded.services if one.id == service), {})
        if wanted.code is not None and wanted.code not in codes:
            raise UnknownCode(f"service {service} has no code '{wanted.code}'; it has {', '.join(codes) or 'none'}")
        sealed = self._keys.seal_note(wanted.text, wanted.contact) if wanted.text else ""
        row = NoteRow(wanted.contact, agent, service, wanted.code or "", sealed, now)
        await self._store.run_write(partial(contact_notes.put_note, one=row))
        return models.Note(at=now, code=wanted.code, text=wanted.text, mine=True)

    async def own_contacts(self, agent: AgentId) -> models.OwnContacts:
        """Return the last talks of the agent with the own notes, of private services while the agent serves them."""
        def read(connection: Any) -> tuple[list[contact_notes.TalkRow], list[NoteRow]]:
            talks = contact_notes.talks_of_agent(connection, agent, OWN_MAX)
            return talks, contact_notes.notes_of_contacts(connection, [one.contact for one in talks])

        talks, notes = await self._store.run_query(read)
        view = self._inbox.desk_view(agent)
        mine = {one.contact: one for one in notes
                if one.agent == agent and view is not None and self._may_see(one.service, view)}
        return models.OwnContacts(contacts=[
            models.OwnContact(contact=one.contact, service=one.service, at=one.at, talk_s=one.talk_s,
                              note=self._show(mine[one.contact], agent) if one.contact in mine else None)
            for one in talks])

    async def callers_at_hand(self, agent: AgentId) -> models.CallersAtHand:
        """Return the callers at hand with their earlier contacts. Notes of private services are audited first."""
        view = self._inbox.desk_view(agent)
        return models.CallersAtHand(callers=[] if view is None else [
            await self._show_caller(view, one) for one in self._held(agent)])

    async def _show_caller(self, view: DeskView, held: HeldContact) -> models.CallerAtHand:
        agent, since = view.agent.agent, view.at - HISTORY_DAYS * 86_400.0

        # 1. Read the earlier contacts. Those of private services are for agents who may serve them.
        def read(connection: Any) -> tuple[list[CallerContact], list[NoteRow], bool]:
            earlier = contact_notes.contacts_of_caller(connection, held.contact, since, COUNTED_MAX)
            shown = [one for one in earlier if self._may_see(one.service, view)]
            ids = [held.contact, *(one.contact for one in shown[:EARLIER_MAX])]
            return (shown, contact_notes.notes_of_contacts(connection, ids),
                    contact_notes.was_handed_over(connection, held.contact, agent))

        earlier, rows, passed = await self._store.run_query(read)
        notes = [one for one in rows if self._may_see(one.service, view)]
        # 2. Each reading of a private note is in the audit, before it is shown.
        read_now = sorted({one.contact for one in notes if one.note_encrypted and one.agent != agent
                           and one.service in self._current().unrecorded})
        if read_now:
            await self._audit(f"agent {agent}", "note_read", agent=agent, contacts=read_now)
        # 3. Show them.
        mine = next((one for one in notes if one.contact == held.contact and one.agent == agent), None)
        return models.CallerAtHand(
            contact=held.contact, last_digits=self._last_digits(held.offer), times=len(earlier),
            earlier=[models.EarlierContact(
                at=one.at, service=one.service, outcome=one.outcome,
                notes=[self._show(note, agent) for note in notes if note.contact == one.contact])
                for one in earlier[:EARLIER_MAX]],
            note=None if mine is None else self._show(mine, agent),
            passed=[models.PassedNote(**self._show(note, agent).model_dump(), service=note.service)
                    for note in notes if note.contact == held.contact and note is not mine] if passed else None)

    def _may_see(self, service: str, view: DeskView) -> bool:
        return service not in self._current().unrecorded or service in view.serves

    def _held(self, agent: AgentId) -> Sequence[HeldContact]:
        """Return the contacts that the agent has at hand: in talk, or in wrap-up."""
        view = self._inbox.desk_view(agent)
        return [] if view is None else [one for one in view.contacts
                                        if one.state not in RINGING_OFFER or one.talks_first]

    def _show(self, one: NoteRow, agent: str) -> models.Note:
        try:
            text = self._keys.open_note(one.note_encrypted, one.contact) if one.note_encrypted else ""
        # A lost key must not take away the caller's history.
        except KeyFileError as error:
            log.error("note.not_opened", kind=type(error).__name__)
            text = ""
        return models.Note(at=one.at, code=one.code or None, text=text, mine=one.agent == agent)
