"""Say what a person in distress, or somebody next to them, would say of the wait."""

from __future__ import annotations

from collections.abc import Iterator

from tests.callers_side.invariants.standing import Lasts
from tests.callers_side.observations import Seen
from tests.callers_side.scene import Agent, Caller, Ring, Scene

GRACE_S = 1.5
"""Time in which a free counsellor's phone begins to ring: two messages between machines, and no more."""

SECOND_PHONE_S = 7.0
"""Time for which one phone may ring alone. A person who is there has picked up by then."""
MOST_PHONES = 3
"""Phones that ring for one caller at most. More would startle a whole room."""

PARTNER_S = 5.0
"""Time after which a partner's phone rings for a caller whom nobody here can help."""


def nobody_idle_beside_distress(scene: Scene) -> Iterator[Lasts]:
    """Nobody who may serve is idle next to a waiting person in distress."""
    for caller in scene.in_distress.values():
        if caller.rings:
            continue
        for agent in scene.free_for(caller.line):
            yield Lasts((caller.name, agent.name), GRACE_S,
                        f"{caller.name} waits in distress, no phone rings, and {agent.name} is free",
                        max(caller.since, agent.rests_until))
            break


def one_phone_never_holds_distress(scene: Scene) -> Iterator[Lasts]:
    """A phone that nobody picks up never holds a person in distress while another one would answer."""
    for caller in scene.in_distress.values():
        rings = _unanswered(caller)
        if not rings or len(rings) != len(caller.rings) or len(rings) >= MOST_PHONES:
            continue
        free = next((one for one in scene.free_for(caller.line)), None)
        if free is not None:
            named = " and ".join(ring.agent for ring in rings)
            yield Lasts((caller.name, named), GRACE_S,
                        f"{caller.name} waits in distress while only {named} is rung, picks up nothing, and "
                        f"{free.name} is free",
                        max(rings[0].since + SECOND_PHONE_S * len(rings), free.since, free.rests_until))


def no_dial_holds_distress(scene: Scene) -> Iterator[Lasts]:
    """A person in distress is never held by a dial that nobody has answered, or by a ring for another class."""
    for caller in scene.in_distress.values():
        if caller.rings:
            continue
        for agent in scene.agents.values():
            held = _holding_ring(scene, agent, caller)
            if held is not None:
                yield Lasts((caller.name, agent.name), GRACE_S,
                            f"{caller.name} waits in distress while {agent.name} is held by {held}")
                break


def a_partner_is_called_when_nobody_is_here(scene: Scene) -> Iterator[Lasts]:
    """A crisis line that names a partner calls the partner when nobody here can help."""
    for caller in scene.in_distress.values():
        partner = scene.partners.get(caller.line)
        if partner and not caller.partner_rang and not caller.rings \
                and not any(caller.line in one.perhaps and one.signed_in for one in scene.agents.values()):
            yield Lasts((caller.name,), PARTNER_S,
                        f"{caller.name} waits in distress, nobody is at work, and the partner is not called")


def a_slip_into_a_crisis_line_is_asked_and_undone(scene: Scene, seen: Seen) -> Iterator[str]:
    """A supervisor who moves a caller into a crisis line is asked once, and can take it back."""
    if seen.what == "asks" and seen.words == "supervisor" and seen.about in scene.distress:
        yield f"{seen.who} stands in the crisis line by one press of a supervisor, before everybody in distress"
    elif seen.what == "refuses" and seen.words == "undo":
        caller = scene.callers.get(seen.about)
        if caller is not None and caller.in_line and not caller.rings:
            yield f"{seen.who} cannot take back the move of {seen.about}, whom nobody has been offered"


def nobody_in_distress_is_sent_away(scene: Scene, seen: Seen) -> Iterator[str]:
    """Nobody in distress hears good-bye before anybody has helped."""
    if seen.what == "hears" and seen.words == "good-bye" and seen.who in scene.in_distress:
        yield f"{seen.who} waits in distress and hears good-bye"


def _unanswered(caller: Caller) -> list[Ring]:
    """Return the rings that nobody has picked up, in their order. A phone outside rings alone, so it counts as many."""
    rings = sorted((one for one in caller.rings.values() if one.answered is None), key=lambda one: one.since)
    return [] if any(one.kind == "key" for one in rings) else rings


def _holding_ring(scene: Scene, agent: Agent, caller: Caller) -> str | None:
    """Return what holds an agent who may serve the caller, and who hears nobody yet."""
    if caller.line not in agent.sure or agent.caller or len(agent.rings) != 1:
        return None
    (ring,) = agent.rings.values()
    other = scene.callers.get(ring.caller)
    if other is None or ring.kind in ("consult", "key"):
        return None
    if ring.kind in ("callback", "deferred"):
        dialling = other.line not in scene.distress and not (other.agent or (ring.answered and not other.dialled))
        return f"the unanswered dial to {other.name}" if dialling else None
    if other.line not in scene.distress and ring.answered is None:
        return f"a ring for {other.name}, who is in no distress"
    return None


MOMENTS = (a_slip_into_a_crisis_line_is_asked_and_undone, nobody_in_distress_is_sent_away)
STANDING = (nobody_idle_beside_distress, one_phone_never_holds_distress, no_dial_holds_distress,
            a_partner_is_called_when_nobody_is_here)
