"""A house whose agents have breaks, and its clock."""

from __future__ import annotations

from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, Profile
from routing.core.model.ids import AgentId
from routing.core.stored import StoredAgent
from tests.core.house import House, load_fields, restore

A = AgentId("a")
LONG = Profile(wrapup_s=0.0, max_continuous_s=1e9)


def house(profile: Profile = LONG, *plan: tuple[float, float], at: float = 1.0, names: str = "a") -> House:
    """Return a house with agents at their seats and planned breaks for the first one."""
    found = House(dict.fromkeys(names, 50), profile)
    found.now = at
    found.sits(*names, at=at)
    if plan:
        found.tell(e.BreaksPlanned(A, plan), at)
    return found


def run(h: House, until: float) -> None:
    """Run the clock until this time."""
    while (due := h.engine.next_deadline()) is not None and due <= until:
        h.tick(due)
    h.now = until
    h.tick(until)


def work(h: House, until: float, service: str = "edu") -> None:
    """Run the clock until this time. Every 200 s each agent who is ready has a short talk, so that nobody rests."""
    while h.now < until:
        for _ in [one for one in h.engine.status(h.now).agents if one.state is AgentState.READY]:
            offer = h.calls(service)
            h.tell(e.OfferConnected(offer.offer, offer.contact))
            h.over(offer)
        run(h, min(until, h.now + 200.0))


def restarted(h: House) -> House:
    """Return the same house, restored from the agent's row."""
    last = h.last(f.AgentChanged)
    row = StoredAgent(agent=last.agent, version=last.version, state=last.state, reason=last.reason,
                      since=h.agent("a").since, seat=last.seat, rna_count=last.rna_count,
                      idle_since=h.engine._domain.agents[A].idle_since,
                      wrapup_until=last.wrapup_until, pause_pending=last.pause_pending,
                      leave_pending=last.leave_pending, **load_fields(h, "a"))
    other = House({"a": 50}, h.centre.agents[0].profile)
    other.engine = Engine(first_offer=100)
    other.tell(e.Configured(h.centre), h.now)
    restore(other.engine, [], [], [row], h.now)
    other.tell(e.LinkChanged("", True))
    other.seat("a")
    return other
