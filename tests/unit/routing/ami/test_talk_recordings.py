"""Which talks are recorded and paused, from the reports of Asterisk and from a snapshot."""

from __future__ import annotations

import pytest

from routing.ami.talk_recordings import EVENTS, TalkRecordings
from routing.ami.wire import Message
from routing.core.model.ids import OfferId

pytestmark = pytest.mark.unit

LEG = "o7-1800000000.1"


def report(name: str, uniqueid: str = LEG, **more: str) -> Message:
    lines = [f"Event: {name}", f"Uniqueid: {uniqueid}", *(f"{key}: {value}" for key, value in more.items())]
    return Message("\r\n".join(lines), name, is_event=True)


def test_a_talk_is_recorded_paused_resumed_and_over() -> None:
    changed: list[OfferId] = []
    recordings = TalkRecordings(changed.append)
    steps = [("MixMonitorStart", {}, "on"), ("MixMonitorMute", {"State": "1"}, "paused"),
             ("MixMonitorMute", {"State": "0"}, "on"), ("MixMonitorStop", {}, "none"),
             # After a consult it begins again, and the node pauses it again.
             ("MixMonitorStart", {}, "on")]
    for name, more, state in steps:
        assert name in EVENTS
        recordings.take_message(report(name, **more))
        assert recordings.state_of(OfferId(7)) == state
    assert changed == [7] * len(steps)
    recordings.forget_leg(LEG)
    assert recordings.state_of(OfferId(7)) == "none" and len(recordings) == 0


def test_a_report_that_changes_nothing_is_no_change() -> None:
    changed: list[OfferId] = []
    recordings = TalkRecordings(changed.append)
    # A pause of a talk that is not recorded, reports about callers, and an end without a begin.
    recordings.take_message(report("MixMonitorMute", State="1"))
    recordings.take_message(report("MixMonitorStart", "1800000000.1"))
    recordings.take_message(report("MixMonitorStop"))
    assert changed == [] and len(recordings) == 0
    recordings.take_message(report("MixMonitorStart"))
    recordings.take_message(report("MixMonitorStart"))
    assert changed == [7]


def test_a_snapshot_replaces_what_was_known() -> None:
    changed: list[OfferId] = []
    recordings = TalkRecordings(changed.append)
    recordings.take_message(report("MixMonitorStart"))
    recordings.adopt_states({OfferId(8): "paused"})
    assert (recordings.state_of(OfferId(7)), recordings.state_of(OfferId(8))) == ("none", "paused")
    assert changed == [7, 7, 8]
