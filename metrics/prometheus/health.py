"""Decide when a node is ready for calls. A node is alive if its loop answers the probe at all."""

from __future__ import annotations

from typing import NamedTuple


class Health(NamedTuple):
    """Answer to a probe. `ok` decides between 200 and 503; `parts` names the reason."""

    ok: bool
    parts: dict[str, bool]


def check_health(*, link_up: bool, store_ok: bool, agi_listening: bool, closing: bool) -> Health:
    """Return whether this node can serve calls. Each part is needed."""
    parts = {"asterisk": link_up, "store": store_ok, "agi": agi_listening, "open": not closing}
    return Health(all(parts.values()), parts)
