"""Open desks: streams of sessions, reloads, a node that starts."""

from __future__ import annotations

import pytest

from desk.live.desk_presence import DESK_GONE_S, REPEAT_S, DeskPresence
from desk.live.live_desks import LiveDesks
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.inbox import AgentView, DeskView
from routing.core.model.ids import AgentId
from tests.core.house import House

pytestmark = pytest.mark.unit


class Desks:
    """A house whose engine gets what the desks post, and a clock that the test sets."""

    def __init__(self) -> None:
        self.house, self.posted, self.at = House({"a": 50, "b": 50}), list[e.Event](), 0.0
        self.held: list[e.Event] | None = None
        """Events that the engine has not taken yet, while the store is slow."""
        self.engine: Engine = self.house.engine

    def clock(self) -> float:
        return self.at

    def post(self, event: e.Event) -> None:
        self.posted.append(event)
        if self.held is None:
            self.house.tell(event)
        else:
            self.held.append(event)

    def take_held(self) -> None:
        held, self.held = self.held or [], None
        for event in held:
            self.house.tell(event)

    def agent_view(self, agent: AgentId) -> AgentView | None:
        return self.engine.agent_view(agent, self.at)

    def desk_view(self, agent: AgentId) -> DeskView | None:
        return self.engine.desk_view(agent, self.at)

    def agent_views(self) -> tuple[AgentView, ...]:
        return self.engine.agent_views()

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


def test_a_page_that_comes_back_before_the_engine_has_heard_of_its_end_is_a_desk() -> None:
    desks = Desks()
    presence = DeskPresence(desks, desks.clock)  # type: ignore[arg-type]
    presence.add_stream("a")
    presence.remove_stream("a")
    desks.at, desks.held = DESK_GONE_S, []
    presence.close_desks()
    presence.add_stream("a")
    desks.take_held()
    assert desks.has_desk("a"), "else no message would ever come again"


def test_a_page_that_goes_before_the_engine_has_heard_of_it_is_no_desk() -> None:
    desks = Desks()
    presence = DeskPresence(desks, desks.clock)  # type: ignore[arg-type]
    desks.held = []
    presence.add_stream("a")
    presence.remove_stream("a")
    desks.at = DESK_GONE_S
    presence.close_desks()
    desks.take_held()
    assert not desks.has_desk("a"), "else messages would ring where nobody is"


def test_a_report_that_the_engine_did_not_take_is_repeated() -> None:
    desks = Desks()
    presence = DeskPresence(desks, desks.clock)  # type: ignore[arg-type]
    desks.held = []
    presence.add_stream("a")
    desks.held, desks.at = None, REPEAT_S - 0.1
    presence.close_desks()
    assert desks.posted == [changed("a", True)]
    desks.at = REPEAT_S
    presence.close_desks()
    assert desks.posted == [changed("a", True)] * 2 and desks.has_desk("a")
    desks.at = 10 * REPEAT_S
    presence.close_desks()
    assert len(desks.posted) == 2
