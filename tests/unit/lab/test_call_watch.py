"""The lab's watch of its callers: what they hear by Asterisk's events, and who counts as lost with the node."""

from __future__ import annotations

import pytest

from lab.demo_page.call_watch import CALLS_MAX, HEARD_MAX, CallWatch, Sentence
from lab.demo_page.node_switch import AFTER_S, Outage
from routing.ami.wire import Message

pytestmark = pytest.mark.unit

SENTENCES = {place: Sentence(text, 2.0) for place, text in {
    "tr/karsilama": "Hoş geldiniz.", "tr/ana-menu-1": "Bir için bire basın.",
    "tr/sira-1": "Birinci sıradasınız."}.items()}


class Asterisk:
    """Plays events to a watch, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.watch = CallWatch(SENTENCES, lambda: self.now)

    def tell(self, event: str, call: str = "1.0", **headers: str) -> None:
        lines = [f"Event: {event}", f"Uniqueid: {call}", *(f"{name}: {value}" for name, value in headers.items())]
        self.watch.apply_event(Message("\r\n".join(lines) + "\r\n", event, is_event=True))

    def calls(self, *ids: str) -> None:
        for one in ids:
            self.tell("Newchannel", one, Context="santral-in")


def test_sentences_are_those_of_the_played_files() -> None:
    asterisk = Asterisk()
    asterisk.calls("1.0")
    (call,) = asterisk.watch.on_line()
    assert call.hears_until == 0.0 and list(call.heard) == []
    asterisk.tell("Newexten", Application="Read", AppData="SC_KEY,/s/tr/karsilama,1,e,1,0.001")
    assert call.hears_until == 102.0 and list(call.heard) == ["Hoş geldiniz."]
    asterisk.tell("AGIExecEnd", Command="GOSUB santral-dialogue ask 1 /s/tr/karsilama,0.001,ana-menu")
    assert call.hears_until == 0.0
    # Variables hold names of files as well, but nobody hears them.
    asterisk.tell("Newexten", Application="Set", AppData="X=/s/tr/ana-menu-1")
    assert list(call.heard) == ["Hoş geldiniz."]
    asterisk.tell("Newexten", Application="Playback", AppData="/s/tr/ana-menu-1&/s/tr/sira-1")
    assert call.hears_until == 104.0
    assert list(call.heard) == ["Hoş geldiniz.", "Bir için bire basın.", "Birinci sıradasınız."]
    asterisk.tell("Newexten", Application="Read", AppData="KEY,/s/moh/1,1")
    assert call.hears_until == 0.0
    asterisk.tell("BridgeEnter")
    assert call.talking
    asterisk.tell("BridgeLeave")
    assert not call.talking and call.has_talked


def test_legs_of_agents_and_of_phones_are_no_callers() -> None:
    asterisk = Asterisk()
    asterisk.tell("Newchannel", "o17-1.0", Context="santral-in")
    asterisk.tell("Newchannel", "1.1", Context="santral-seat")
    assert asterisk.watch.on_line() == []


def test_only_who_did_not_want_to_leave_is_lost() -> None:
    asterisk = Asterisk()
    asterisk.calls("1.0", "1.1", "1.2", "1.3", "1.4")
    outage = Outage(asterisk.now, None, tuple(asterisk.watch.on_line()))
    asterisk.now += 1.0
    # 1. One hangs up, one has talked, one is cut off, and two wait on.
    asterisk.tell("HangupRequest", "1.0")
    asterisk.tell("BridgeEnter", "1.1")
    for one in ("1.0", "1.1", "1.2"):
        asterisk.tell("Hangup", one)
    assert outage.count_lost(asterisk.now) == 1 and len(asterisk.watch.on_line()) == 2
    # 2. A caller who is cut off soon after the return counts, and a later one does not.
    outage = outage._replace(ended=asterisk.now)
    asterisk.now += AFTER_S
    asterisk.tell("Hangup", "1.3")
    asterisk.now += 1.0
    asterisk.tell("Hangup", "1.4")
    assert outage.count_lost(asterisk.now) == 2


def test_memory_is_bounded_and_keeps_who_is_on_the_line() -> None:
    asterisk = Asterisk()
    asterisk.calls(*(f"1.{number}" for number in range(CALLS_MAX)))
    asterisk.tell("Hangup", "1.5")
    asterisk.calls("2.0")
    assert len(asterisk.watch.calls) == CALLS_MAX and "1.5" not in asterisk.watch.calls
    asterisk.calls("2.1")
    assert len(asterisk.watch.calls) == CALLS_MAX and "1.0" not in asterisk.watch.calls
    for _ in range(HEARD_MAX + 2):
        asterisk.tell("Newexten", "2.1", Application="Playback", AppData="/s/tr/karsilama")
    assert len(asterisk.watch.calls["2.1"].heard) == HEARD_MAX
