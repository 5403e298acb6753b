"""The witness: waits, hand-offs and who was overtaken, from events alone and the same for both sides."""

from __future__ import annotations

import pytest

from bench.harness.ami_observer import LATE_S, OURS, THEIRS, AmiObserver, caller_id
from routing.ami.wire import Message

pytestmark = pytest.mark.unit

SERVES = {"2001": (0, 1), "2002": (1,)}


def ami(event: str, at: float, **headers: str) -> Message:
    text = "\r\n".join([f"Event: {event}", "Privilege: call,all", f"Timestamp: {at:.6f}",
                        *(f"{key}: {value}" for key, value in headers.items())])
    return Message(text, event, True)


class Scene:
    """A witness that is told a story."""

    def __init__(self, side: str) -> None:
        self.witness = AmiObserver()
        self.side = side
        self.talks: list[str] = []
        self.witness.on_bridge = lambda caller, leg: self.talks.append(caller)

    def comes(self, number: int, kind: int, at: float) -> str:
        caller = f"{caller_id(self.side, number)}2"
        self.witness.expect_caller(caller, self.side, kind)
        self.witness.handle_event(ami("VarSet", at + 0.001, Uniqueid=caller, Variable="__SC_SINCE", Value=f"{at:.6f}"))
        return caller

    def rings(self, caller: str, seat: str, at: float) -> str:
        leg = f"o{round(at * 1000)}-{caller}" if self.side == OURS else f"{at:.2f}"
        head = {} if self.side == OURS else {"Uniqueid": caller}
        self.witness.handle_event(ami("DialBegin", at, DestUniqueid=leg, DestChannel=f"PJSIP/{seat}-0000000a", **head))
        return leg

    def talk(self, caller: str, leg: str, at: float, until: float) -> None:
        for uniqueid in (leg, caller):
            self.witness.handle_event(ami("BridgeEnter", at, Uniqueid=uniqueid))
        self.witness.handle_event(ami("Hangup", until, Uniqueid=leg))

    def overtaken(self) -> tuple[int, int]:
        return self.witness.count_overtaken(self.side, lambda seat: SERVES[seat], lambda caller: True)


@pytest.mark.parametrize("side", [OURS, THEIRS])
def test_a_wait_ends_with_the_talk_and_a_hand_off_is_from_free_to_called(side: str) -> None:
    scene = Scene(side)
    first, second = scene.comes(1, 0, 100.0), scene.comes(2, 0, 101.0)
    scene.talk(first, scene.rings(first, "2001", 100.5), 100.6, 105.0)
    scene.talk(second, scene.rings(second, "2001", 105.3), 105.4, 109.0)
    assert scene.talks == [first, second]
    assert [scene.witness.calls[one].wait_s for one in (first, second)] == pytest.approx([0.6, 4.4])
    (hand_off,) = scene.witness.hand_offs[side]
    assert hand_off.rings - hand_off.free == pytest.approx(0.3) and hand_off.caller == second
    assert scene.overtaken() == (0, 2)


@pytest.mark.parametrize("side", [OURS, THEIRS])
def test_who_came_after_the_agent_was_free_is_no_hand_off(side: str) -> None:
    scene = Scene(side)
    first = scene.comes(1, 0, 100.0)
    scene.talk(first, scene.rings(first, "2001", 100.5), 100.6, 105.0)
    scene.rings(scene.comes(2, 0, 106.0), "2001", 106.1)
    assert scene.witness.hand_offs[side] == []


@pytest.mark.parametrize("side", [OURS, THEIRS])
def test_a_caller_is_overtaken_when_the_agent_could_have_served_them(side: str) -> None:
    scene = Scene(side)
    old, young = scene.comes(1, 0, 100.0), scene.comes(2, 1, 101.0)
    scene.rings(young, "2002", 102.0)
    assert scene.overtaken() == (0, 1)
    scene.rings(scene.comes(3, 1, 101.5), "2001", 103.0)
    assert scene.overtaken() == (1, 2)
    scene.witness.handle_event(ami("Hangup", 102.5, Uniqueid=old))
    assert scene.witness.calls[old].abandoned and scene.overtaken() == (0, 2)


@pytest.mark.parametrize("side", [OURS, THEIRS])
def test_two_offers_of_one_moment_may_be_seen_in_any_order(side: str) -> None:
    scene = Scene(side)
    old, young = scene.comes(1, 0, 100.0), scene.comes(2, 1, 101.0)
    scene.rings(young, "2001", 102.0)
    scene.rings(old, "2001", 102.0 + LATE_S / 2)
    assert scene.overtaken() == (0, 2)
