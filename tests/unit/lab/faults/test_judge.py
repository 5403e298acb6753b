"""The judge of a fault: a fault that nobody noticed has a good row, and each planted harm is found and named."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from lab.faults.fault import Fault
from lab.faults.fault_model import Bounds, FaultRow
from lab.faults.judge import Judge, StoreRows
from lab.faults.kinds.node_faults import break_nothing
from lab.faults.scene import RINGS, TALK_S, TALKS, WAITS, FaultScene, SceneCall
from lab.phones import audio, silence
from lab.phones.leg import Leg

pytestmark = pytest.mark.unit

START = 1_800_000_000.0
MUSIC, AGENT, OTHER = 230, 1700, 1760
TONES = {"talks": 400, "waits": 460, "leaves": 520, "new": 580, "in the menu": 640}
"""Hz."""
MENU: list[tuple[int, float]] = [(MUSIC, 3), (0, 0.9)]
"""A sentence of the menu, and the pause in which it waits for a key."""
Piece = tuple[int, float]


def sound(*pieces: Piece) -> audio.Samples:
    """Tones one after the other, each with its seconds; 0 Hz is silence."""
    parts = [8000.0 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * audio.RATE)) / audio.RATE)
             for hertz, seconds in pieces]
    return np.concatenate(parts)


@dataclass
class Staged:
    """A fault at second 10 to 13 of five calls: one talks, one waits and is served, one leaves. One calls at second 11,
    hears the menu for half a minute, and leaves. One was in the menu, and leaves."""

    folder: Path
    heard: dict[str, list[Piece]] = field(default_factory=lambda: {
        "talks": [(MUSIC, 4), (AGENT, 16)], "waits": [(MUSIC, 15), (OTHER, 7), (0, 2)], "leaves": [(MUSIC, 11)],
        "new": 10 * MENU, "in the menu": 5 * MENU, "phone talks": [(TONES["talks"], 16)],
        "phone waits": [(TONES["waits"], 7)]})
    ends: dict[str, float] = field(default_factory=lambda: {
        "talks": 20, "waits": 24, "leaves": 11, "new": 50, "in the menu": 19})
    left: set[str] = field(default_factory=lambda: {"talks", "leaves", "new", "in the menu"})
    contacts: list[dict[str, Any]] = field(default_factory=lambda: [
        contact("talks", TALKS, "answered", 20), contact("waits", WAITS, "answered", 22),
        contact("leaves", WAITS, "abandoned", 11), contact("new", RINGS, "abandoned", 50),
        contact("in the menu", RINGS, "abandoned", 19)])
    offers: list[dict[str, Any]] = field(default_factory=lambda: [
        offer(1, "talks", "a1", 3, 4, 20), offer(2, "waits", "a2", 14, 15, 22)])
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TONES, 1))
    logged: set[str] = field(default_factory=lambda: set(TONES))
    aside: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def judge(self, bounds: Bounds | None = None) -> FaultRow:
        calls = [SceneCall(role, WAITS, role, tone, self._leg(role, 11 if role == "new" else 0, self.ends[role]),
                           role in self.left)
                 for role, tone in TONES.items()]
        phones = {"a1": cast(Any, Phone(AGENT)), "a2": cast(Any, Phone(OTHER))}
        rung = [self._leg("phone talks", 4, 20), self._leg("phone waits", 15, 15 + len_s(self.heard["phone waits"]))]
        scene = cast(FaultScene, Scene(calls, phones, rung))
        fault = Fault("F-99", "a test", "nothing", break_nothing, 3.0, bounds=bounds or Bounds())
        rows = StoreRows(self.contacts, self.offers, self.counts, self.logged, self.aside)
        return Judge(fault, scene, rows, START + 10, START + 13).judge()

    def _leg(self, name: str, begin: float, end: float) -> Leg:
        path = self.folder / f"{name}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, audio.RATE, 0, "NONE", ""))
            file.writeframes(sound(*self.heard[name]).astype("<i2").tobytes())
        leg = Leg(name, lambda *_: asyncio.sleep(0), "seat" if name.startswith("phone") else "", path)
        leg.began = leg.answered_at = START + begin
        leg.answered.set()
        leg.end_leg(START + end, 16)
        return leg


@dataclass
class Phone:
    tone: int
    seat: str = "seat"

    @property
    def person(self) -> Phone:
        return self


@dataclass
class Scene:
    calls: list[SceneCall]
    phones: dict[str, Any]
    rung: list[Leg]

    @staticmethod
    def hash_of(call: SceneCall) -> str:
        return f"hash of {call.role}"


def len_s(pieces: list[Piece]) -> float:
    return sum(seconds for _, seconds in pieces)


def contact(name: str, service: str, outcome: str, ended: float) -> dict[str, Any]:
    return {"contact": name, "service": service, "caller_hash": f"hash of {name}", "since": START + 1,
            "queued_at": START + 1, "outcome": outcome, "ended_at": START + ended}


def offer(number: int, name: str, agent: str, offered: float, connected: float, ended: float) -> dict[str, Any]:
    return {"offer": number, "contact": name, "agent": agent, "offered_at": START + offered,
            "connected_at": START + connected, "talk_ended_at": START + ended, "ended_at": START + ended}


def test_a_fault_that_nobody_noticed_has_a_good_row(tmp_path: Path) -> None:
    row = Staged(tmp_path).judge()
    assert row.ok and not row.problems, row.problems
    assert (row.calls, row.lost, row.doubled, row.records) == (5, 0, 0, 0)
    assert row.talk_gap_s == 0.0 and row.wait_gap_s == pytest.approx(0.0, abs=0.05) and row.decision_s == 4.0
    assert row.new_gap_s == pytest.approx(0.9, abs=0.05), "ten pauses of the menu are ten, and not one"


def cut_talk(staged: Staged) -> None:
    staged.heard["phone waits"] = [(TONES["waits"], TALK_S - 1.5)]


def lose_waiter(staged: Staged) -> None:
    staged.heard["waits"] = [(MUSIC, 15)]


def hear_two(staged: Staged) -> None:
    both = sound((AGENT, 16)) + sound((OTHER, 16))
    staged.heard["talks"] = [(MUSIC, 4), (AGENT, 8), (OTHER, 8)]
    assert silence.find_tones(both, [AGENT, OTHER]).all(), "two voices at once are heard"


def offer_twice(staged: Staged) -> None:
    staged.offers.insert(1, offer(2, "talks", "a3", 5, 6, 7))


def forget(staged: Staged) -> None:
    staged.contacts.pop()


def invent(staged: Staged) -> None:
    staged.contacts.append(contact("nobody", RINGS, "answered", 5) | {"caller_hash": ""})


def end_twice(staged: Staged) -> None:
    staged.counts["talks"] = 2


def end_late(staged: Staged) -> None:
    staged.contacts[2]["ended_at"] += 3


def name_another(staged: Staged) -> None:
    staged.offers[1]["agent"] = "a1"
    staged.offers[0]["agent"] = "a2"


def call_abandoned(staged: Staged) -> None:
    staged.contacts[1]["outcome"] = "abandoned"


def leave_out_of_log(staged: Staged) -> None:
    staged.logged.discard("waits")


def stop_talk(staged: Staged) -> None:
    staged.heard["talks"] = [(MUSIC, 4), (AGENT, 7), (0, 1), (AGENT, 8)]


def stop_music(staged: Staged) -> None:
    staged.heard["waits"] = [(MUSIC, 11), (0, 2), (MUSIC, 2), (OTHER, 7), (0, 2)]


def stop_menu(staged: Staged) -> None:
    staged.heard["new"] = [*(4 * MENU), (0, 6.1), *(5 * MENU)]


def stop_sentence(staged: Staged) -> None:
    staged.heard["in the menu"] = [(MUSIC, 9.5), (0, 7.5), (MUSIC, 2.5)]


def decide_nothing(staged: Staged) -> None:
    staged.offers[1]["offered_at"] = START + 9


@pytest.mark.parametrize(("plant", "kind", "said"), [
    (cut_talk, "lost", "was cut after"), (lose_waiter, "lost", "was lost"), (offer_twice, "doubled", "at once"),
    (forget, "records", "0 records instead of one"), (invent, "records", "record of nobody"),
    (end_twice, "records", "ended 2 times"), (end_late, "records", "3.0 s away"),
    (name_another, "records", "by the record and heard"), (call_abandoned, "records", "outcome abandoned instead of"),
    (leave_out_of_log, "records", "queue_log"), (stop_talk, "", "who talked heard nothing for 1.0"),
    (stop_music, "", "who waited heard nothing for 2.0"),
    (stop_menu, "", "who came new heard nothing for 7.0"),
    (stop_sentence, "", "who came new heard nothing for 7.5"), (decide_nothing, "", "no decision"),
    (hear_two, "records", "by the record and heard")])
def test_a_planted_harm_is_found_and_named(tmp_path: Path, plant: Callable[[Staged], None], kind: str,
                                           said: str) -> None:
    staged = Staged(tmp_path)
    plant(staged)
    row = staged.judge()
    assert not row.ok and any(said in one for one in row.problems), row.problems
    assert not kind or getattr(row, kind) >= 1


def test_own_bounds_hold_instead(tmp_path: Path) -> None:
    staged = Staged(tmp_path)
    stop_music(staged)
    assert staged.judge(Bounds(wait_gap_s=3.0, reason="a test")).ok


def overtake(staged: Staged) -> None:
    """Let a caller who came later be served first. Both agents serve one service."""
    staged.contacts[0] |= {"service": WAITS, "since": START + 2, "queued_at": START + 2}


def test_an_overtaken_caller_is_found_unless_the_engine_could_not_offer_them(tmp_path: Path) -> None:
    staged = Staged(tmp_path)
    staged.left = staged.left - {"talks"}
    overtake(staged)
    row = staged.judge()
    assert row.problems == ["callers of one service were not served in the order of their arrival"], row.problems
    staged.aside = {"waits": [(START + 3.5, START + 9)]}
    assert not staged.judge().ok, "the caller came to the fallback queue after the offer"
    staged.aside = {"waits": [(START + 2.5, START + 9)]}
    assert staged.judge().ok
    staged.aside, staged.contacts[1]["queued_at"] = {}, START + 3.5
    assert staged.judge().ok, "no node knew the caller yet"
