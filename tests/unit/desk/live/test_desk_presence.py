"""Open desks: streams of sessions, reloads, a node that starts."""

from __future__ import annotations

import pytest

from desk.live.desk_presence import DESK_GONE_S, DeskPresence
from desk.live.live_desks import LiveDesks
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.inbox import AgentView, DeskView, Status
from routing.core.model.ids import AgentId
from tests.core.house import House

pytestmark = pytest.mark.unit


class Desks:
    """A house whose engine gets what the desks post, and a clock that the test sets."""

    def __init__(self) -> None:
        self.house, self.posted, self.at = House({"a": 50, "b": 50}), list[e.Event](), 0.0
        self.engine: Engine = self.house.engine

    def clock(self) -> float:
        return self.at

    def post(self, event: e.Event) -> None:
        self.posted.append(event)
        self.house.tell(event)

    def agent_view(self, agent: AgentId) -> AgentView | None:
        return self.engine.agent_view(agent, self.at)

    def desk_view(self, agent: AgentId) -> DeskView | None:
        return self.engine.desk_view(agent, self.at)

    def status(self) -> Status:
        return self.engine.status(self.at)

    def has_desk(self, agent: str) -> bool:
        view = self.agent_view(AgentId(agent))
        return view is not None and view.desk


def changed(agent: str, present: bool) -> e.DeskChanged:
    return e.DeskChanged(AgentId(agent), present)


def test_only_a_stream_of_the_own_session_opens_a_desk() -> None:
    desks = Desks()
    live = LiveDesks(desks, clock=desks.clock)  # type: ignore[arg-type]
    live.open_stream("a", "a", own=True, last_id=None)
    live.open_stream("b", "amir", own=False, last_id=None, session="of a supervisor")
    assert desks.posted == [], "a token, and a supervisor who looks at the desk of another"
    live.open_stream("a", "a", own=True, last_id=None, session="of a")
    assert desks.posted == [changed("a", True)] and desks.has_desk("a")


def test_a_reload_changes_nothing_and_the_last_page_closes_the_desk() -> None:
    desks = Desks()
    live = LiveDesks(desks, clock=desks.clock)  # type: ignore[arg-type]
    live.open_stream("a", "a", own=True, last_id=None, session="first")
    live.open_stream("a", "a", own=True, last_id=None, session="second")
    live.end_session("first")
    desks.at = 100.0
    live.presence.close_desks()
    live.end_session("second")
    desks.at = 100.0 + DESK_GONE_S - 0.1
    live.presence.close_desks()
    live.open_stream("a", "a", own=True, last_id=None, session="again")
    desks.at = 500.0
    live.presence.close_desks()
    assert desks.posted == [changed("a", True)]
    live.end_session("again")
    desks.at = 500.0 + DESK_GONE_S
    live.presence.close_desks()
    assert desks.posted[1:] == [changed("a", False)] and not desks.has_desk("a")


def test_a_new_node_waits_a_moment_for_each_stored_desk() -> None:
    desks = Desks()
    for agent in ("a", "b"):
        desks.house.tell(changed(agent, True))
    presence = DeskPresence(desks, desks.clock)  # type: ignore[arg-type]
    presence.restore_desks()
    presence.add_stream("b")
    desks.at = DESK_GONE_S - 0.1
    presence.close_desks()
    assert desks.posted == []
    desks.at = DESK_GONE_S
    presence.close_desks()
    assert desks.posted == [changed("a", False)] and desks.has_desk("b")


def test_a_node_that_stops_closes_no_desk() -> None:
    desks = Desks()
    live = LiveDesks(desks, clock=desks.clock)  # type: ignore[arg-type]
    live.open_stream("a", "a", own=True, last_id=None, session="of a")
    live.close_streams()
    desks.at = 500.0
    live.presence.close_desks()
    assert desks.has_desk("a")
