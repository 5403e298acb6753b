"""When a node is ready for calls. (It is alive when its loop answers the probe at all.)"""

from __future__ import annotations

from typing import NamedTuple


class Health(NamedTuple):
    """What a probe is told. `ok` decides between 200 and 503; `parts` says which part is the reason."""

    ok: bool
    parts: dict[str, bool]


def ready(*, link_up: bool, store_ok: bool, agi_listening: bool, closing: bool) -> Health:
    """Send calls to this node only when this is ok: each part is needed to serve one."""
    parts = {"asterisk": link_up, "store": store_ok, "agi": agi_listening, "open": not closing}
    return Health(all(parts.values()), parts)
