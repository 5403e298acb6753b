"""Say that the figures tell what callers had."""

from __future__ import annotations

from collections.abc import Iterator

from tests.callers_side.observations import Seen
from tests.callers_side.scene import Scene


def a_turned_away_caller_is_in_the_figures(scene: Scene, seen: Seen) -> Iterator[str]:
    """A caller who was sent away counts in the service level as somebody who came."""
    if seen.what == "figures" and (away := scene.sent_away.get(seen.who, 0)) \
            and seen.n < (came := scene.came.get(seen.who, 0)):
        yield (f"{came} callers came to {seen.who} and {away} were sent away, but its service level is {seen.also:g} "
               f"of {seen.n:g}")


MOMENTS = (a_turned_away_caller_is_in_the_figures,)
