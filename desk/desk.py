"""Hold the parts of the desk that a node runs besides the API. `santral` builds it and gives it to the HTTP server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from aiohttp import web

from desk.live.call_streams import CallSources, CallStreams
from desk.live.desk_state import DeskSources
from desk.live.live_desks import LiveDesks
from desk.live.notices import FACTS_MAX, NOTICED, NOTICES_S, NoticeBoard
from desk.people.attempts import Attempts
from desk.people.client_address import ClientAddress
from desk.people.passwords import Passwords
from desk.people.session_requests import SESSIONS, session_holder
from desk.people.sessions import Sessions
from desk.people.sign_in import SignIns
from desk.phone.relay import PhoneRelay
from desk.phone.seat_holders import note_holder
from desk.phone.web_seats import PagePhones, WebSeats, find_origin
from routing.core.events import Event
from routing.core.inbox import Inbox
from routing.core.model.facts import Fact
from routing.store.audit import Audit
from routing.store.store import Store


class Desk:
    """The desk of a node."""

    def __init__(self, store: Store, inbox: Inbox, audit: Audit, clock: Callable[[], float],
                 phones: PagePhones, sources: DeskSources | None = None, *, proxies: Iterable[str] = (),
                 passwords: Passwords | None = None, calls: CallSources | None = None,
                 notices: NoticeBoard | None = None) -> None:
        """`notices` are those that the node followed while another one led."""
        self._store, self._clock = store, clock
        self.sessions = Sessions(store, inbox, audit, clock)
        self.address = ClientAddress(proxies)
        self._passwords = passwords or Passwords()
        self.sign_ins = SignIns(self.sessions, store, self._passwords, Attempts(clock), clock)
        self.live = LiveDesks(inbox, sources, board=notices)
        self.sessions.on_end(self.live.end_session)
        self.calls = CallStreams(inbox, calls)
        self.sessions.on_end(lambda session: self.calls.end_session(session))
        self.phones = WebSeats(phones, inbox, clock, lambda agent: self.relay.is_connected(agent), self._note_holder)
        self.sip_origin = find_origin(phones.sip)
        # A page keeps its telephone until the talk is over, whatever ends the session.
        self.relay = PhoneRelay(phones.asterisk, lambda request: session_holder(request, until_talk_ends=True),
                                self.phones.seat_of)
        self.sessions.on_end(self.relay.end_session)

    async def load(self) -> None:
        """Read what the desk has stored. Do it before the node listens. Of notices only those are read that it lacks.
        """
        await self.sessions.load_sessions()
        async for page in self._store.recent_facts(NOTICED, self._clock() - NOTICES_S, FACTS_MAX,
                                                   after=self.live.board.last_fact):
            self.live.board.add_facts(page)
        await self.calls.load_calls(self._store, self._clock())

    def note_turn(self, events: Sequence[Event], facts: Sequence[Fact]) -> None:
        """Bring open desks and the watched calls up to date after a turn of the engine was stored."""
        self.live.note_turn(events, facts)
        self.calls.note_turn(facts)

    def add_to(self, app: web.Application) -> None:
        """Add the parts to the application."""
        app[SESSIONS] = self.sessions
        app.router.add_get("/phone", self.relay.serve_page)
        app.router.add_get("/phone/session", self.relay.check_session)
        app.on_shutdown.append(self._close_pages)

    async def _note_holder(self, seat: str, agent: str) -> None:
        await self._store.run_write(partial(note_holder, seat=seat, agent=agent))

    async def _close_pages(self, app: web.Application) -> None:
        await self.relay.stop_relaying()
        self._passwords.close()

    async def run_forever(self) -> None:
        """Do the work that no request causes, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.sessions.watch_ends())
            group.create_task(self.live.presence.watch_desks())
