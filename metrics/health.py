"""When a node is alive, and when it is ready for calls."""

from __future__ import annotations

from typing import NamedTuple

LIVE_LAG_S = 5.0
"""A loop that has not turned for this long is as good as dead: callers' steps in the dialplan end after 5 s too."""


class Health(NamedTuple):
    """What a probe is told. `ok` decides between 200 and 503; `parts` says which part is the reason."""

    ok: bool
    parts: dict[str, bool]


def live(lag_s: float) -> Health:
    """Restart the node when this is not ok. `lag_s`: seconds since the loop turned last."""
    return Health(lag_s < LIVE_LAG_S, {"loop": lag_s < LIVE_LAG_S})


def ready(*, link_up: bool, store_ok: bool, agi_listening: bool, closing: bool) -> Health:
    """Send calls to this node only when this is ok: each part is needed to serve one."""
    parts = {"asterisk": link_up, "store": store_ok, "agi": agi_listening, "open": not closing}
    return Health(all(parts.values()), parts)
