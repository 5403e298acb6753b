"""The way of each contact through the queues, by facts: those of the store, or the same as MQTT tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def ways_of(facts: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[
        dict[str, str], dict[str, list[tuple[str, str]]], dict[str, bool], dict[str, str]]:
    """Return for each contact its channel, its queues with the reason of each, whether it was answered within the
    target, and the result of a callback. During a consult transfer the caller still belongs to the agent, so only a
    completed one moves the caller on. An id that Asterisk reuses names the later contact; the row of the earlier one is
    called `<id>~<number of the fact with which the later one came>`."""
    channel: dict[str, str] = {}
    ways: dict[str, list[tuple[str, str]]] = {}
    asking: set[str] = set()
    within: dict[str, bool] = {}
    callbacks: dict[str, str] = {}
    for kind, body in facts:
        contact = body.get("contact")
        if kind == "Queued":
            for known in (channel, ways, within, callbacks):
                if contact in known:
                    known[f"{contact}~{body.get('seq', body.get('id'))}"] = known.pop(contact)  # type: ignore[attr-defined]
            channel[contact], ways[contact] = body["channel"], [(body["service"], "")]
        elif kind == "ConsultStarted":
            asking.add(contact)
        elif kind == "ConsultCancelled":
            asking.discard(contact)
        elif kind == "ConsultCompleted":
            asking.discard(contact)
            if body["by"] == "transfer" and body["to"] != ways[contact][-1][0]:
                ways[contact].append((body["to"], "transfer"))
        elif kind == "Moved" and contact not in asking:
            ways[contact].append((body["service"], body["reason"]))
        elif kind == "Connected":
            within.setdefault(contact, body["within"])
        elif kind == "CallbackChanged" and body["reason"] in ("requested", "reached"):
            callbacks[contact] = body["reason"]
    return channel, ways, within, callbacks
