"""Bytes on disk of a whole call: journal, facts, rows and indexes, compared with the text of its events and facts.

Whole calls run through the shipped engine and store, with the ids, hashes and encrypted numbers of a real node: menu,
queue entry, one tick of the hold loop, ring, answer, talk, the reports of the phone, wrap-up, and for every third call
a survey. The size is that of the file after its log is empty, without what a node writes once a shift or once a start.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.row import Row
from planning.journal.recording_engine import RecordingEngine
from routing.core import events as e
from routing.core.model.centre_model import Agent, Centre, Service, Step
from routing.core.model.commands import Command, Offer
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.runner import RunnerTurn
from routing.store.callers.number_keys import NumberKeys
from routing.store.store import Store

TAKES_S = 15.0
CALLS = 3_000
AGENTS = 180
BEGIN, ARRIVALS_S = 1_764_400_000.0, 0.55
"""Start of the calls, and calls a second: 100 of 180 agents talk."""
TURN = 200
"""Turns in one commit."""
GOAL_B = 2_500
SERVICES = ("psikososyal", "uzaktan_egitim", "ihbar_sikayet", "gorus_oneri", "temsilci")
CALLS_A_DAY = 30_000


def measure_rows() -> list[Row]:
    """Measure the bytes of a call."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        numbers = NumberKeys.load_or_create(folder / "numbers.json")
        first, _ = asyncio.run(_store_calls(folder / "none.db", numbers, 0))
        size, said = asyncio.run(_store_calls(folder / "calls.db", numbers, CALLS))
    a_call = (size - first) / CALLS
    year = a_call * CALLS_A_DAY * 366 / 1e9
    return [Row("disk.call", a_call, "B", f"its events and facts as text: {said / CALLS:.0f} B", said / CALLS / a_call,
                f"at most {GOAL_B} B", a_call <= GOAL_B),
            Row("disk.year", year, "GB", f"{CALLS_A_DAY} calls a day", None, "", None)]


def build_centre() -> Centre:
    """Build the services and agents, with two services each."""
    skills = [SkillId(name) for name in SERVICES]
    return Centre(
        tuple(Service(ServiceId(name), name.title(), (Step(((SkillId(name), 50),)),), load=4 if number == 0 else 1)
              for number, name in enumerate(SERVICES)),
        tuple(Agent(AgentId(f"a{1001 + number}"), tuple((skills[(number + more) % len(skills)], 60) for more in (0, 1)),
                    team=f"takim{number % 6}") for number in range(AGENTS)))


async def _store_calls(path: Path, numbers: NumberKeys, calls: int) -> tuple[int, int]:
    """Store this many calls. Return the bytes of the file, and of the text of all events and facts."""
    player = _CallPlayer(numbers)
    player.play_calls(calls)
    heard = player.heard
    store = await Store.open_store(path)
    try:
        await store.take_lease("bench")
        entries = facts = 0
        for ends in player.ends[TURN::TURN] + player.ends[-1:]:
            await store.commit(RunnerTurn(heard.entries[entries:ends[0]], heard.happened[facts:ends[1]],
                                          heard.changes.take()))
            entries, facts = ends
        await store.empty_log()
    finally:
        await store.close()
    said = sum(len(str(event)) for _, event in heard.entries) + sum(len(str(fact)) for fact in heard.happened)
    return (await asyncio.to_thread(path.stat)).st_size, said


class _CallPlayer:
    """Play whole calls on a virtual clock: everybody's events are in one heap."""

    def __init__(self, numbers: NumberKeys) -> None:
        self.heard = RecordingEngine(BEGIN)
        self._numbers, self._dice = numbers, random.Random(1)
        self._due: list[tuple[float, int, e.Event]] = []
        self._count = 0
        self.ends: list[tuple[int, int]] = []
        """Numbers of entries and facts after each turn."""

    def play_calls(self, calls: int) -> None:
        """Sign everybody in, and play this many calls to their end."""
        heard, dice, at = self.heard, self._dice, BEGIN
        self._tell(e.Configured(build_centre()), at)
        self._tell(e.LinkChanged("asterisk", True), at)
        for number in range(AGENTS):
            seat = SeatId(str(2001 + number))
            self._tell(e.SeatChanged(seat, True, False), at)
            self._tell(e.AgentSignedIn(AgentId(f"a{1001 + number}"), seat), at)
        for number in range(calls):
            at += dice.expovariate(ARRIVALS_S)
            self._call(ContactId(f"{int(at)}.{3 * number}"), number, at)
        # A deadline of the engine may come before the next event.
        while self._due:
            due = heard.next_deadline()
            if due is not None and due < self._due[0][0]:
                self._obey(heard.tick(due), due)
            else:
                at, _, event = heapq.heappop(self._due)
                self._tell(event, at)

    def _call(self, contact: ContactId, number: int, at: float) -> None:
        dice, service = self._dice, ServiceId(self._dice.choice(SERVICES))
        digest, box = self._numbers.encrypt_number(f"+9053{dice.randrange(10**8):08d}")
        self._plan(at, e.MenuEnded(contact, "ana", ("karsilama", "kayit-bildirimi", "ana-menu"), "queued",
                                   dice.lognormvariate(3.1, 0.4), service))
        self._plan(at, e.ContactQueued(contact, service, f"PJSIP/ministry-{number:08x}", caller_hash=digest,
                                       number_encrypted=box, node="asterisk"))
        self._plan(at + 0.1, e.HoldTick(contact))
        if number % 3 == 0:
            for after_s, question, answer in ((400.0, "asked", 0), (406.0, "cared", 4), (412.0, "solved", 1)):
                self._plan(at + after_s, e.SurveyAnswered(contact, service, question, answer))

    def _answer(self, offer: Offer, at: float) -> None:
        """Plan the events of a talk: the agent's phone, the bridge, the end, and the wrap-up."""
        dice, number = self._dice, offer.offer
        answered = at + dice.uniform(1.0, 8.0)
        ended = answered + min(dice.lognormvariate(4.8, 0.9), 380.0)
        for when, event in (
                (at + 0.2, e.OfferRinging(number)), (at + 0.21, e.SeatChanged(offer.seat, True, True)),
                (answered, e.OfferAnswered(number)), (answered + 0.2, e.OfferConnected(number, offer.contact)),
                (ended, e.TalkEnded(number, "agent" if number % 2 else "caller")),
                (ended + 0.001, e.OfferEnded(number, "hangup")), (ended + 0.01, e.SeatChanged(offer.seat, True, False)),
                (ended + 0.02, e.CallerHungUp(offer.contact)),
                (ended + dice.uniform(4.0, 14.0), e.WrapUpEnded(offer.agent))):
            self._plan(when, event)

    def _plan(self, at: float, event: e.Event) -> None:
        self._count += 1
        heapq.heappush(self._due, (round(at, 6), self._count, event))  # a clock has microseconds

    def _tell(self, event: e.Event, at: float) -> None:
        self._obey(self.heard.handle(event, at), at)

    def _obey(self, made: Sequence[Command], at: float) -> None:
        self.heard.take_facts()
        self.ends.append((len(self.heard.entries), len(self.heard.happened)))
        for command in made:
            if isinstance(command, Offer):
                self._answer(command, at)
