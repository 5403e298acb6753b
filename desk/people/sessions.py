"""Hold the sessions of people: which cookie belongs to whom, and when a session is over.

The store is the truth, and memory has a copy, because each request asks. `santral people` ends sessions in the store;
the node looks for such changes twice a second.

A session ends in two steps. First no route takes its cookie any more, and the agent is signed out, so no new offer
comes. If the agent is in a talk, the page still needs its telephone and its events. So the session is over only when
talk and wrap-up are over: then `on_end` closes what is open.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import structlog

from desk.api.tokens import Role, TokenHolder
from desk.people import person_rows
from desk.people.person_rows import Person, SessionRow
from routing.core.events import AgentSignedOut
from routing.core.inbox import Inbox
from routing.core.model.centre_model import ENGAGED_STATES, AgentState
from routing.core.model.ids import AgentId
from routing.store.audit import Audit
from routing.store.errors import LeaseLost, StoreError
from routing.store.store import Store

log = structlog.get_logger()

SESSION_S = 12 * 3600.0
"""Life of a session: longer than any shift, so that nobody has to sign in again during work."""
TOKEN_BYTES = 32
"""Random bytes of a cookie: 256 bits, which nobody can guess."""
COOKIE_MAX = 64
"""Characters of a cookie that are hashed. A valid one has 43."""
WATCH_S = 0.5
"""Time between two looks for ended sessions. With the look itself, everything is closed within a second."""

ROLE_ORDER = (Role.AGENT, Role.ADMIN, Role.SUPERVISOR, Role.NEEDS, Role.UNIT)
"""Order in which the roles of a person are tried for a route. A person uses an own route as agent."""

OnEnd = Callable[[str], None]


def hash_cookie(value: str) -> str:
    """Return the hash of a cookie, which alone is stored."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()


class Sessions:
    """The people of a node and their sessions."""

    def __init__(self, store: Store, inbox: Inbox, audit: Audit, clock: Callable[[], float]) -> None:
        self._store, self._inbox, self._audit, self._clock = store, inbox, audit, clock
        self._people: Mapping[str, Person] = {}
        self._rows: dict[str, SessionRow] = {}
        self._changes = ""
        self._dismissed: set[str] = set()
        """Ended sessions whose agent was told to sign out."""
        self._leaving: set[str] = set()
        """Disabled people whose agent was told to sign out, and is in a talk."""
        self._callbacks: list[OnEnd] = []
        # A reload of all rows must not forget a session that is opened at the same time.
        self._lock = asyncio.Lock()

    async def load_sessions(self) -> None:
        """Read people and sessions from the store. Do it before the node listens."""
        async with self._lock:
            self._changes, people, rows = await self._store.run_query(lambda connection: (
                person_rows.read_changes(connection), person_rows.load_people(connection),
                person_rows.load_sessions(connection)))
            self._people = {one.person: one for one in people}
            self._rows = {one.session: one for one in rows}

    def on_end(self, callback: OnEnd) -> None:
        """Call `callback(session)` when a session is over: what is open of it must close then.

        Other sessions of the same person go on.
        """
        self._callbacks.append(callback)

    # -- reading -------------------------------------------------------------------------------------------------------

    def find_person(self, person: str) -> Person | None:
        """Return a person, or None."""
        return self._people.get(person)

    def is_disabled(self, person: str) -> bool:
        """Return whether a person is disabled. Token, PIN and codes of the phone ask here, as sessions do.

        An agent of the team without a record was never disabled.
        """
        known = self._people.get(person)
        return known is not None and known.disabled

    def display_name(self, person: str) -> str:
        """Return the name of a person for pages, or the id. No log, metric or message may hold it."""
        found = self._people.get(person)
        return found.name if found is not None and found.name else person

    def holder_of(self, cookie: str, *, until_talk_ends: bool = False) -> TokenHolder | None:
        """Return the person of a cookie, or None if the session does not live.

        With `until_talk_ends`, a session that was ended in a talk counts until talk and wrap-up are over.
        """
        if not cookie or len(cookie) > COOKIE_MAX:
            return None
        row = self._rows.get(hash_cookie(cookie))
        person = None if row is None else self._people.get(row.person)
        if row is None or person is None:
            return None
        if not self._is_live(row) and not (until_talk_ends and self._is_engaged(person)):
            return None
        roles = tuple(role for role in ROLE_ORDER if role in person.roles)
        return TokenHolder(roles[0], person.person if Role.AGENT in roles else "", person.person, roles,
                           row.session)

    def _is_live(self, row: SessionRow) -> bool:
        return row.ended_at is None and row.until > self._clock()

    def _is_engaged(self, person: Person) -> bool:
        if Role.AGENT not in person.roles:
            return False
        view = self._inbox.agent_view(AgentId(person.person))
        return view is not None and view.state in ENGAGED_STATES

    # -- changes -------------------------------------------------------------------------------------------------------

    async def open_session(self, person: str, password: str | None = None) -> str | None:
        """Open a session and return its cookie.

        Return None if the person is disabled meanwhile, or has another password hash than `password`. Raise AuditError
        if the sign-in cannot be noted: nothing is opened then.
        """
        cookie, now = secrets.token_urlsafe(TOKEN_BYTES), self._clock()
        row = SessionRow(hash_cookie(cookie), person, now, now + SESSION_S, None)
        if person not in self._people:
            # `santral people add` was a moment ago.
            await self.load_sessions()
        await self._note_line(person, "signed_in")
        async with self._lock:
            over = await self._store.run_write(partial(person_rows.add_session, row=row, password=password))
            if over is None:
                return None
            self._rows[row.session] = row
            self._mark_ended(over, now)
        if over:
            await self._note_line(person, "session_ended", reason="too_many")
            await self.settle_ends()
        return cookie

    async def end_session(self, cookie: str, reason: str = "signed_out") -> bool:
        """End the session of a cookie. Return False if it does not live."""
        row = self._rows.get(hash_cookie(cookie[:COOKIE_MAX]))
        if row is None or not self._is_live(row):
            return False
        await self._end_rows([row], reason)
        await self.settle_ends()
        return True

    async def _end_rows(self, rows: Iterable[SessionRow], reason: str) -> None:
        rows, now = list(rows), self._clock()
        async with self._lock:
            await self._store.run_write(partial(
                person_rows.end_sessions, which=[row.session for row in rows], at=now))
            self._mark_ended([row.session for row in rows], now)
        for row in rows:
            await self._note_line(row.person, "session_ended", reason=reason)

    def _mark_ended(self, which: Iterable[str], at: float) -> None:
        for session in which:
            if (row := self._rows.get(session)) is not None and row.ended_at is None:
                self._rows[session] = row._replace(ended_at=at)

    async def _note_line(self, person: str, what: str, **about: object) -> None:
        known = self._people.get(person)
        role = next((role.value for role in ROLE_ORDER if known is not None and role in known.roles), "")
        await asyncio.to_thread(partial(self._audit.note_entry, f"{role} {person}".strip(), what, self._clock(),
                                        **about))

    # -- ends ----------------------------------------------------------------------------------------------------------

    async def watch_ends(self) -> None:
        """Look for ended sessions until cancelled. A store that does not answer is asked again."""
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                await self.check_ends()
            except LeaseLost:
                raise
            except StoreError as error:
                log.warning("sessions.check_failed", why=str(error))

    async def check_ends(self) -> None:
        """Take over changes by `santral people`, end sessions whose time is over, and finish ended ones."""
        # 1. Changes by the command line.
        if await self._store.run_query(person_rows.read_changes) != self._changes:
            await self.load_sessions()
        # 2. Sessions whose time is over.
        now = self._clock()
        expired = [row for row in self._rows.values() if row.ended_at is None and row.until <= now]
        if expired:
            await self._end_rows(expired, "expired")
        # 3. Ended ones.
        await self.settle_ends()
        # 4. Agents who work with a telephone alone have no session.
        self._dismiss_disabled()

    def _dismiss_disabled(self) -> None:
        """Sign out the agents of disabled people, however they came. A talk goes on to its end, and no other comes."""
        for person in [one.person for one in self._people.values() if one.disabled]:
            view = self._inbox.agent_view(AgentId(person))
            engaged = view is not None and view.state in ENGAGED_STATES
            if not (engaged and person in self._leaving):
                self._dismiss_agent(person)
            (self._leaving.add if engaged else self._leaving.discard)(person)

    async def settle_ends(self) -> None:
        """Sign out the agents of ended sessions, and close what is no longer needed."""
        # 1. No new offer comes to an agent without a session.
        ended = [row for row in self._rows.values() if row.ended_at is not None]
        live = {row.person for row in self._rows.values() if self._is_live(row)}
        for row in ended:
            if row.session not in self._dismissed:
                self._dismissed.add(row.session)
                if row.person not in live:
                    self._dismiss_agent(row.person)
        # 2. In a talk the page keeps its telephone and its events.
        over = [row for row in ended if not self._is_engaged(self._people[row.person])]
        if not over:
            return
        # 3. Everything else closes now.
        for row in over:
            self._rows.pop(row.session, None)
            self._dismissed.discard(row.session)
            for callback in self._callbacks:
                callback(row.session)
        await self._store.run_write(partial(person_rows.delete_sessions, which=[row.session for row in over]))

    def _dismiss_agent(self, person: str) -> None:
        known = self._people.get(person)
        if known is None or Role.AGENT not in known.roles:
            return
        view = self._inbox.agent_view(AgentId(person))
        if view is not None and view.state is not AgentState.SIGNED_OUT:
            self._inbox.post(AgentSignedOut(view.agent))
