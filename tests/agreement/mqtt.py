"""The messages of an MQTT broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from tests.agreement.store import STORE
from tests.agreement.told import VOICE, Sums, Told, end, say
from tests.agreement.ways import ways_of

MQTT = STORE - {"wrapup_s", "in service level", "callbacks", "callbacks reached", "callbacks failed", "transfers"}


def of_mqtt(heard: Iterable[Mapping[str, Any]]) -> Told:
    """Return the figures of events of `acd/v1/events/#`. Each id counts once, because a message may be repeated."""
    events = sorted({event["id"]: event for event in heard}.values(), key=lambda event: event["id"])
    sums: Sums = Counter()
    channel, ways, _, _ = ways_of((event["kind"], event) for event in events)
    within: dict[str, bool] = {}
    for contact, way in ways.items():
        for service, _ in way:
            sums[(service, channel[contact]), "offered"] += 1
        for (before, _), (_, reason) in pairwise(way):
            sums[(before, channel[contact]), f"moved {reason}"] += 1
            sums[(before, channel[contact]), "moved on"] += 1
        sums[(way[-1][0], channel[contact]), "still"] += 1
    for event in events:
        kind, place = event["kind"], (event.get("service", ""), event.get("channel", VOICE))
        if kind == "SurveyAnsweredRecorded":
            say(sums, place, event["question"], event["answer"])
        elif kind == "Connected":
            within.setdefault(event["contact"], event["within"])
        elif kind == "Ended":
            end(sums, place, event["outcome"], event["wait_s"])
            sums[place, "still"] -= 1
            sums[place, "within"] += within.pop(event["contact"], False) and event["outcome"] == "answered"
        elif kind in ("TalkEndedRecorded", "ConsultCompleted"):
            sums[place, "talks"] += 1
            sums[place, "talk_s"] += event["talk_s"]
            sums[place, "hold_s"] += event["held_s"]
            sums[place, "sent on"] += event["by"] == "transfer"
        elif kind == "OfferClosed":
            sums[place, "offers missed" if event["state"] in ("timeout", "rejected") else "offers taken away"] += 1
        elif kind == "CallbackChanged":
            sums[place, f"callback {event['reason']}"] += 1
        elif kind == "CallbackDialled":
            sums[place, "callback dialled"] += 1
    return Told("MQTT", MQTT, sums)
