"""Say what an agent would say of the breaks."""

from __future__ import annotations

from collections.abc import Iterator

from tests.callers_side.observations import Seen
from tests.callers_side.scene import Scene

AT_LIMIT_S = 90.0
"""A break that begins this near to the agent's limit is forced by the limit. Retries come once a minute."""


def no_ring_in_a_break(scene: Scene, seen: Seen) -> Iterator[str]:
    """No agent's phone rings in a break, or after the sign-out."""
    if seen.what == "rings" and scene.agent(seen.who).own in ("break", "out", "away"):
        yield f"{seen.who} is rung for {seen.about} in the state {scene.agent(seen.who).own}"


def no_break_takes_the_only_free_counsellor(scene: Scene, seen: Seen) -> Iterator[str]:
    """A break that the house begins never takes the only counsellor who is free."""
    if seen.what != "own" or seen.words != "break" or seen.about != "house":
        return
    agent = scene.agent(seen.who)
    if seen.at - agent.at_work_since >= agent.limit_s - AT_LIMIT_S:
        return
    for line in sorted(scene.distress & agent.sure):
        others = [one for one in scene.agents.values() if one is not agent and line in one.perhaps]
        if others and not any(one.own == "free" and not one.rings and not one.caller for one in others):
            yield f"the house sends {seen.who} into a break, and nobody else is free for {line}"


MOMENTS = (no_ring_in_a_break, no_break_takes_the_only_free_counsellor)
