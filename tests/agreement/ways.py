"""The way of each contact through the queues, by facts: those of the store, or the same as MQTT tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def ways_of(facts: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[
        dict[str, str], dict[str, list[tuple[str, str]]], dict[str, bool], dict[str, str]]:
    """Of each contact its channel, the queues it went through with the reason of each, whether it was answered within
    the target, and what came of a callback. While an agent asks somebody the caller is theirs: only who is given over
    has gone on. An id that Asterisk gives again names the later contact; the row of the earlier one is called
    `<id>~<number of the fact with which the later one came>`."""
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
        elif kind == "Consulting":
            asking.add(contact)
        elif kind == "Returned":
            asking.discard(contact)
        elif kind == "Introduced":
            asking.discard(contact)
            if body["by"] == "transfer" and body["to"] != ways[contact][-1][0]:
                ways[contact].append((body["to"], "transfer"))
        elif kind == "Moved" and contact not in asking:
            ways[contact].append((body["service"], body["reason"]))
        elif kind == "Connected":
            within.setdefault(contact, body["within"])
        elif kind == "CallbackChanged" and body["reason"] in ("asked", "reached"):
            callbacks[contact] = body["reason"]
    return channel, ways, within, callbacks
