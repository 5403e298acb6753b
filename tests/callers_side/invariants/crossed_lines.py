"""Say that nobody has two calls, and no call two people."""

from __future__ import annotations

from collections.abc import Iterator

from tests.callers_side.observations import Seen
from tests.callers_side.scene import Scene


def no_phone_rings_twice(scene: Scene, seen: Seen) -> Iterator[str]:
    """No agent is rung for a second caller while the first ring lasts."""
    if seen.what == "rings":
        others = [one for one in scene.agent(seen.who).rings if one != seen.about]
        if others:
            yield f"{seen.who} is rung for {seen.about} while {others[0]} rings there"


def no_phone_rings_beside_a_talk(scene: Scene, seen: Seen) -> Iterator[str]:
    """No agent is rung next to a talk."""
    if seen.what == "rings" and scene.agent(seen.who).caller:
        yield f"{seen.who} is rung for {seen.about} in the talk with {scene.agent(seen.who).caller}"


def nobody_has_two_talks(scene: Scene, seen: Seen) -> Iterator[str]:
    """Nobody hears two people at once who know nothing of each other."""
    if seen.what != "voice":
        return
    agent, caller = scene.agent(seen.who), scene.callers.get(seen.about)
    if agent.caller and agent.caller != seen.about:
        yield f"{seen.who} hears {seen.about} in the talk with {agent.caller}"
    if caller is not None and caller.agent and caller.agent != seen.who:
        yield f"{seen.about} hears {seen.who} in the talk with {caller.agent}"


MOMENTS = (no_phone_rings_twice, no_phone_rings_beside_a_talk, nobody_has_two_talks)
