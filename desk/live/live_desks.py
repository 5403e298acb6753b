"""Keep open desks up to date: a projection of the facts, as metrics and queue_log are.

After each turn of the engine, the desks that its facts and events concern get their whole state if it has changed, and
then the notices in order. A desk is found by its agent, seat, contacts and offers, so the cost of a turn does not grow
with the number of open desks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from aiohttp import web

from desk.live.desk_presence import DeskPresence
from desk.live.desk_state import DeskSources, DeskState, build_desk_state
from desk.live.event_stream import EventStream, StreamPace, format_event
from desk.live.notices import OWN_KINDS, AgentNotice, Notice, NoticeBoard, NoticeRow
from routing.core.events import Event
from routing.core.inbox import Inbox
from routing.core.model.errors import UnknownAgent
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, OfferId

STREAMS_MAX = 4
"""Open streams of a person: two pages, and one of each that has not noticed yet that its connection is gone."""

_NAMES = ("agent", "partner", "contact", "offer", "seat")
"""Fields of facts and events that name what a desk shows."""

Key = tuple[str, object]


class LiveDesks:
    """The open streams of all desks, and the notices of the last hour."""

    def __init__(self, inbox: Inbox, sources: DeskSources | None = None, *, pace: StreamPace | None = None,
                 clock: Callable[[], float] = time.monotonic, board: NoticeBoard | None = None) -> None:
        """`board` has the notices that the node followed while another one led."""
        self._inbox, self.sources = inbox, sources or DeskSources()
        self._pace, self._clock = pace or StreamPace(), clock
        self.board = board or NoticeBoard()
        self.presence = DeskPresence(inbox, clock)
        self._streams: dict[str, list[EventStream]] = {}
        """Open streams by agent, the oldest first."""
        self._shown: dict[tuple[str, bool], DeskState] = {}
        """State that the streams of an agent have, without its time."""
        self._index: dict[Key, dict[str, None]] = {}
        """Agents whose desk shows a thing, by kind and id of the thing."""
        self._keys: dict[str, tuple[Key, ...]] = {}
        """The entries of each agent in `_index`."""
        self._next_tick: dict[EventStream, float] = {}
        """Time of the next tick of each open stream, the oldest first."""
        self._closed = False

    @property
    def stream_count(self) -> int:
        """Return the number of open streams."""
        return sum(len(some) for some in self._streams.values())

    # -- the projection ------------------------------------------------------------------------------------------------

    def note_turn(self, events: Sequence[Event], facts: Sequence[Fact]) -> None:
        """Bring the desks up to date after a turn of the engine was stored.

        A fact tells what the engine did. An event may change what a desk shows without a fact: a phone registers, or
        is answered.
        """
        told = self.board.add_facts(facts)
        if not self._streams:
            return
        # 1. Find the desks that the turn concerns.
        found: dict[str, None] = {}
        for one in (*facts, *events):
            for name in _NAMES:
                value = getattr(one, name, None)
                if value is not None:
                    found.update(self._index.get((name, value), {}))
        # 2. The state first, so that a client knows it when it reads what happened.
        for agent in found:
            self._send_states(agent)
        # 3. The notices, in the order of the facts.
        for notice in told:
            self._send_notice(notice)

    def refresh_offer(self, offer: OfferId) -> None:
        """Bring the desk of an offer up to date, because something has changed that no event tells."""
        for agent in list(self._index.get(("offer", offer), ())):
            self._send_states(agent)

    def _send_states(self, agent: str) -> None:
        view = self._inbox.desk_view(AgentId(agent))
        if view is None:
            for stream in list(self._streams.get(agent, ())):
                stream.end_stream("unknown_agent")
            return
        frames: dict[bool, bytes] = {}
        for own in {stream.own for stream in self._streams.get(agent, ())}:
            # The time alone is no change.
            state = build_desk_state(view._replace(at=0.0), self.sources, own=own)
            if state != self._shown.get((agent, own)):
                self._shown[agent, own] = state
                frames[own] = _format_state(state, view.at)
        if frames:
            self._index_desk(agent)
            for stream in self._streams[agent]:
                if stream.own in frames:
                    stream.send_frame(frames[stream.own])

    def _index_desk(self, agent: str) -> None:
        """Note what the desk of an agent shows, so that changes are found."""
        self._forget_index(agent)
        keys: list[Key] = [("agent", agent), ("partner", agent)]
        for (name, _), state in self._shown.items():
            if name != agent:
                continue
            keys.append(("seat", state.seat))
            for part in (state.offer, state.talk):
                if part is not None:
                    keys += [("offer", part.offer), ("contact", part.contact)]
            if state.wrapup is not None:
                keys.append(("contact", state.wrapup.contact))
        self._keys[agent] = tuple(keys)
        for key in keys:
            self._index.setdefault(key, {})[agent] = None

    def _forget_index(self, agent: str) -> None:
        for key in self._keys.pop(agent, ()):
            agents = self._index.get(key)
            if agents is not None:
                agents.pop(agent, None)
                if not agents:
                    del self._index[key]

    def _send_notice(self, told: AgentNotice) -> None:
        frame = _format_notice(told.notice)
        agents: Iterable[str] = (told.agent,) if told.agent else [
            agent for agent in self._streams if told.service in self._services_of(agent)]
        for agent in agents:
            for stream in self._streams.get(agent, ()):
                if stream.own or told.notice.kind not in OWN_KINDS:
                    stream.send_frame(frame)

    def _services_of(self, agent: str) -> tuple[str, ...]:
        view = self._inbox.desk_view(AgentId(agent))
        return () if view is None else view.serves

    # -- streams -------------------------------------------------------------------------------------------------------

    def open_stream(self, agent: str, person: str, *, own: bool, last_id: int | None,
                    session: str = "") -> EventStream:
        """Open a stream: the state, and the notices that a client with `last_id` has missed.

        Raise UnknownAgent if the agent is not in the team. A person with too many streams loses the oldest one.
        """
        view = self._inbox.desk_view(AgentId(agent))
        if view is None:
            raise UnknownAgent
        stream = EventStream(agent, person, own=own, pace=self._pace, session=session)
        if self._closed:
            stream.end_stream("stopping")
            return stream
        # 1. The bound. The newest page is the one that somebody looks at.
        theirs = [one for one in self._next_tick if one.person == person]
        for one in theirs[:max(0, len(theirs) + 1 - STREAMS_MAX)]:
            self._remove_stream(one)
            one.end_stream("too_many")
        # 2. The state. Its id is where the client begins, or goes on.
        known = last_id is not None and last_id <= self.board.last_fact
        self._streams.setdefault(agent, []).append(stream)
        self._next_tick[stream] = self._clock() + self._pace.tick_s
        if stream.is_desk:
            self.presence.add_stream(agent)
        state = build_desk_state(view._replace(at=0.0), self.sources, own=own)
        if self._shown.get((agent, own)) != state:
            # Other streams of this agent get it now, or never.
            self._shown[agent, own] = state
            for one in self._streams[agent]:
                if one is not stream and one.own is own:
                    one.send_frame(_format_state(state, view.at))
        self._index_desk(agent)
        stream.send_frame(_format_state(state, view.at, last_id if known else self.board.last_fact))
        # 3. The notices that were missed.
        if known and last_id is not None:
            for notice in self.board.missed_since(agent, view.serves, last_id, view.at):
                if own or notice.kind not in OWN_KINDS:
                    stream.send_frame(_format_notice(notice))
        return stream

    async def serve_stream(self, stream: EventStream, request: web.Request) -> web.StreamResponse:
        """Serve a stream until it ends."""
        try:
            return await stream.serve_client(request, self._clock, self._look_again)
        finally:
            self._remove_stream(stream)

    def _look_again(self, stream: EventStream) -> None:
        """Send a tick if it is time, and the state if something has changed without an event: a time that passed."""
        if stream not in self._next_tick:
            return
        if self._clock() >= self._next_tick[stream]:
            self._next_tick[stream] = self._clock() + self._pace.tick_s
            stream.send_frame(format_event("tick", f'{{"at":{self._inbox.now():.3f}}}'))
        self._send_states(stream.agent)

    def _remove_stream(self, stream: EventStream) -> None:
        self._next_tick.pop(stream, None)
        some = self._streams.get(stream.agent, [])
        if stream in some:
            some.remove(stream)
            # A node that stops does not know which desks come back. The next one gives them a moment.
            if stream.is_desk and not self._closed:
                self.presence.remove_stream(stream.agent)
        own = {one.own for one in some}
        for kind in (True, False):
            if kind not in own:
                self._shown.pop((stream.agent, kind), None)
        if not some:
            self._streams.pop(stream.agent, None)
            self._forget_index(stream.agent)

    def end_session(self, session: str) -> None:
        """End the streams of a session that is over."""
        for some in list(self._streams.values()):
            for stream in [one for one in some if one.session == session]:
                self._remove_stream(stream)
                stream.end_stream("session_over")

    def close_streams(self) -> None:
        """End all streams, because the node stops. No stream stays open afterwards."""
        self._closed = True
        for some in list(self._streams.values()):
            for stream in list(some):
                self._remove_stream(stream)
                stream.end_stream("stopping")


def _format_state(state: DeskState, at: float, id_: int | None = None) -> bytes:
    return format_event("state", state.model_copy(update={"at": at}).model_dump_json(), id_)


def _format_notice(row: NoticeRow) -> bytes:
    return format_event("notice", Notice(**row._asdict()).model_dump_json(exclude_none=True), row.id)
