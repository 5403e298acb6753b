"""Say what two people would say of the moments around the begin of a talk."""

from __future__ import annotations

from collections.abc import Iterator

from tests.callers_side.invariants.standing import Lasts
from tests.callers_side.observations import Seen
from tests.callers_side.scene import Scene

VOICE_S = 3.0
"""Longest time from the answer of an agent to the caller's voice."""

KEY_S = 3.0
"""Longest time from a key to a sentence that shows that it was heard, if somebody takes the caller over meanwhile."""

ACCIDENT_S = 1.0
"""An agent who puts the phone down sooner than this has not heard that nobody is there."""


def an_answering_agent_hears_the_caller(scene: Scene) -> Iterator[Lasts]:
    """An agent who has answered hears the caller soon."""
    for ring in scene.picked_up.values():
        if not ring.briefed and ring.kind == "live" and ring.answered is not None:
            yield Lasts((ring.agent, ring.caller), VOICE_S,
                        f"{ring.agent} has answered, and does not hear {ring.caller}", ring.answered)


def ending_before_the_voice_costs_the_caller_nothing(scene: Scene, seen: Seen) -> Iterator[str]:
    """An agent who ends before the caller was heard has declined, and is told so."""
    if seen.what != "quiet" or seen.words != "ended":
        return
    ring = scene.picked_up.get((seen.who, seen.about))
    if ring is not None and not ring.briefed and seen.at - (ring.answered or seen.at) > ACCIDENT_S:
        yield (f"{seen.who} answered, heard nobody for {seen.at - (ring.answered or seen.at):.1f} s and put the phone "
               f"down, and {seen.about} is back in the line")


def a_key_around_the_take_over_is_used(scene: Scene) -> Iterator[Lasts]:
    """A key that a caller presses while another machine takes the call is not lost."""
    for caller in scene.callers.values():
        for key, at in caller.pressed.items():
            yield Lasts((caller.name, key), KEY_S, f"{caller.name} has pressed {key}, and nothing follows", at)


MOMENTS = (ending_before_the_voice_costs_the_caller_nothing,)
STANDING = (an_answering_agent_hears_the_caller, a_key_around_the_take_over_is_used)
