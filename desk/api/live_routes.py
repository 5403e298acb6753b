"""Handle the routes of the calls that a page watches as they go."""

from __future__ import annotations

from desk.api.route import STAFF, Answer, ApiCall, Route
from desk.live.call_shapes import CallCourse, LiveCallsChange, LiveCallsState
from desk.shape import Shape
from routing.core.model.ids import ContactId


async def open_calls(call: ApiCall) -> Answer:
    """Open the stream of all calls."""
    assert call.calls is not None
    return call.calls.open_stream(call.who.person or call.who.role.value, call.who.session)


async def show_course(call: ApiCall) -> Shape:
    """Return the course of one call."""
    assert call.calls is not None
    return call.calls.show_course(ContactId(call.agent), english=call.language == "en")


LIVE_ROUTES = (
    Route("GET", "/api/v1/live/events", STAFF, None, LiveCallsState, open_calls, "Follow all calls as they go",
          events=True, change=("calls", LiveCallsChange),
          detail="At most 200 calls; private and anonymous services are a number. An ended call stays for 20 s. "
                 "`beat` and `end` as for an agent."),
    Route("GET", "/api/v1/live/calls/{id}", STAFF, None, CallCourse, show_course, "Show the course of a live call",
          detail="In the words of `santral why`, with `?language=`. 404: no such call, or only counted."),
)
"""Rows of the table of routes."""
