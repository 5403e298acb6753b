"""Send the calls of a centre to the pages that watch them: all of them at first, then each change."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from aiohttp import web

from desk.live.call_shapes import (
    CallCourse,
    CourseText,
    HeardText,
    LiveCallsChange,
    LiveCallShown,
    LiveCallsState,
    LiveService,
)
from desk.live.event_stream import EventStream, StreamPace, format_event
from desk.live.heard_sentences import Sentence
from desk.live.live_calls import COURSE_FACTS, LiveCall, LiveCalls
from routing.core.inbox import Inbox
from routing.core.model.errors import UnknownContact
from routing.core.model.facts import CentreChanged, Fact
from routing.core.model.ids import ContactId
from routing.store.store import Store

STREAMS_MAX = 4
"""Open streams of a person: two pages, and one of each that has not noticed yet that its connection is gone."""
CLIENTS_MAX = 40
"""Open streams in all. Each turn with a change costs a frame for each of them."""
LOAD_S, LOAD_MAX = 3600.0, 5000
"""Age and number of the facts that a start reads. A call that began before them is listed without its beginning."""


class ExplainedCall(Protocol):
    """A call in words."""

    @property
    def lines(self) -> Sequence[tuple[str, str]]:
        """Time and text of each line of the course."""
        ...

    @property
    def why(self) -> Sequence[str]:
        """Why the call stands where it stands."""
        ...


class ExplainCall(Protocol):
    """Explain a call by its facts, in Turkish or English."""

    def __call__(self, contact: ContactId, facts: Sequence[Fact], *, whole: bool, now: float,
                 english: bool) -> ExplainedCall: ...


class CallSources(NamedTuple):
    """Questions of the desk to other rooms about calls."""

    hidden: Callable[[], frozenset[str]] = frozenset
    """Services of which calls are only counted."""
    explain: ExplainCall | None = None
    """None for courses without words."""


class CallStreams:
    """The calls of a centre and the open streams of them."""

    def __init__(self, inbox: Inbox, sources: CallSources | None = None, *, pace: StreamPace | None = None,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._inbox, self._sources = inbox, sources or CallSources()
        self._pace, self._clock = pace or StreamPace(), clock
        self.calls = LiveCalls(self._sources.hidden)
        self._streams: list[EventStream] = []
        """The oldest first."""
        self._closed = False

    async def load_calls(self, store: Store, now: float) -> None:
        """Read the course of the calls that are alive. Do it before the node listens."""
        async for page in store.recent_facts(COURSE_FACTS, now - LOAD_S, LOAD_MAX):
            self.calls.add_facts(page)
        self.calls.forget_others(lambda contact: self._inbox.contact_view(contact) is not None, now)
        self.calls.take_changes()

    # -- what happens --------------------------------------------------------------------------------------------------

    def note_turn(self, facts: Sequence[Fact]) -> None:
        """Follow a turn of the engine after it was stored."""
        self.calls.add_facts(facts)
        if any(isinstance(fact, CentreChanged) for fact in facts):
            # Services may have other names now.
            self.calls.take_changes()
            self._send_frame(self._format_state())
        else:
            self._send_changes()

    def note_menu(self, contact: ContactId, *, greeting: bool) -> None:
        """Tell that a caller hears the greeting or the menu. There is no fact of it before the menu's end."""
        self.calls.note_menu(contact, self._inbox.now(), greeting=greeting)
        self._send_changes()

    def note_sentences(self, contact: ContactId, sentences: Sequence[Sentence], later: bool) -> None:
        """Tell that a caller hears sentences from now on, or after the dialogue that is just ending."""
        self.calls.note_sentences(contact, self._inbox.now(), sentences, later=later)
        self._send_changes()

    def _send_changes(self) -> None:
        changed, gone = self.calls.take_changes()
        if self._streams and (changed or gone):
            change = LiveCallsChange(
                at=self._inbox.now(), calls=[_show_call(one) for one in changed], gone=[str(one) for one in gone],
                **self._count_others())
            self._send_frame(format_event("calls", change.model_dump_json()))

    def _send_frame(self, frame: bytes) -> None:
        for stream in self._streams:
            stream.send_frame(frame)

    def _format_state(self) -> bytes:
        state = LiveCallsState(
            at=self._inbox.now(), services=[LiveService(id=str(one.service), name=one.name)
                                            for one in self._inbox.queue_status().queues],
            calls=[_show_call(one) for one in self.calls.shown_calls()], **self._count_others())
        return format_event("state", state.model_dump_json())

    def _count_others(self) -> Mapping[str, int]:
        return {"hidden": self.calls.hidden_count, "callbacks": self.calls.callback_count,
                "more": self.calls.more_count}

    # -- the course of one call ----------------------------------------------------------------------------------------

    def show_course(self, contact: ContactId, *, english: bool) -> CallCourse:
        """Return the course of a call. Raise UnknownContact if the call is hidden, or over for some time."""
        call = self.calls.find_call(contact)
        if call is None:
            raise UnknownContact
        lines: Sequence[tuple[str, str]] = ()
        why: Sequence[str] = ()
        if call.facts and self._sources.explain is not None:
            told = self._sources.explain(contact, tuple(call.facts), whole=call.whole, now=self._inbox.now(),
                                         english=english)
            lines, why = told.lines, told.why
        return CallCourse(id=str(contact), service=call.service, step=call.step, since=call.since,
                          steps=list(call.steps), lines=[CourseText(time=at, text=text) for at, text in lines],
                          why=list(why), heard=[HeardText(**one._asdict()) for one in call.heard.list_heard()])

    # -- streams -------------------------------------------------------------------------------------------------------

    @property
    def stream_count(self) -> int:
        """Return the number of open streams."""
        return len(self._streams)

    def open_stream(self, person: str, session: str = "") -> EventStream:
        """Open a stream. A person with too many loses the oldest one, and so do all together."""
        stream = EventStream("", person, own=False, pace=self._pace, session=session)
        if self._closed:
            stream.end_stream("stopping")
            return stream
        theirs = [one for one in self._streams if one.person == person]
        over = theirs[:max(0, len(theirs) + 1 - STREAMS_MAX)]
        over += [one for one in self._streams if one not in over][:max(0, len(self._streams) - len(over) + 1
                                                                       - CLIENTS_MAX)]
        self._end_streams(over, "too_many")
        self._send_changes()
        self._streams.append(stream)
        stream.send_frame(self._format_state())
        return stream

    def has_stream(self, stream: EventStream) -> bool:
        """Return whether it is a stream of calls."""
        return not stream.agent

    async def serve_stream(self, stream: EventStream, request: web.Request) -> web.StreamResponse:
        """Serve a stream until it ends."""
        try:
            return await stream.serve_client(request, self._clock, self._look_again)
        finally:
            if stream in self._streams:
                self._streams.remove(stream)

    def _look_again(self, stream: EventStream) -> None:
        """Drop what is over, and tell everybody."""
        self.calls.drop_ended(self._inbox.now())
        self._send_changes()

    def end_session(self, session: str) -> None:
        """End the streams of a session that is over."""
        self._end_streams([one for one in self._streams if one.session == session], "session_over")

    def close_streams(self) -> None:
        """End all streams, because the node stops. No stream stays open afterwards."""
        self._closed = True
        self._end_streams(list(self._streams), "stopping")

    def _end_streams(self, some: Sequence[EventStream], reason: str) -> None:
        for stream in some:
            self._streams.remove(stream)
            stream.end_stream(reason)


def _show_call(call: LiveCall) -> LiveCallShown:
    return LiveCallShown(id=str(call.contact), service=call.service, step=call.step, since=call.since,
                         began=call.began)
