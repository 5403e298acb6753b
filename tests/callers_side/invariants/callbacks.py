"""Say what live callers and those with a promise would say of callbacks."""

from __future__ import annotations

from collections.abc import Iterator

from tests.callers_side.observations import Seen
from tests.callers_side.scene import Scene

ONE_IN = 2
"""Fewest people at work of whom one can stay ready for live callers."""


def a_callback_of_the_night_leaves_somebody_ready(scene: Scene, seen: Seen) -> Iterator[str]:
    """A callback of the night never takes the last agent who was ready for live callers."""
    if seen.what != "rings" or seen.words != "deferred":
        return
    caller = scene.callers.get(seen.about)
    if caller is None or caller.line in scene.distress:
        return
    fit = [one for one in scene.agents.values() if caller.line in one.perhaps and one.signed_in]
    ready = [one for one in fit if one.name != seen.who and one.own == "free" and not one.rings and not one.caller]
    if len(fit) >= ONE_IN and not ready:
        yield f"the callback of {seen.about} takes {seen.who}, the last one who was ready for {caller.line}"


MOMENTS = (a_callback_of_the_night_leaves_somebody_ready,)
