"""Traffic of a lab. Agents answer; callers arrive by a Poisson process, press a key, and stay or hang up."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from lab.errors import LabError
from lab.lifecycle import AgentSeat, LabInfo
from lab.people.agent import SimAgent
from lab.people.caller_speech import speech_class
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour, PhoneNetwork

KEYS = "12340"
"""Keys of the main menu, one for each service. All have the same chance."""
VISITED_KEY, VISITED_SKILL = "0", "temsilci"
"""Service of a demo that visitors alone answer, so that a call from the caller's page rings at the desk."""
TEXT_KEY, TEXT_S = "6", (10.0, 14.0, 18.0)
"""Key that asks for a short message, and the seconds after which it is pressed.

The times count from the last moment for the menu key, when notice and acknowledgement are over. A waiting caller then
gets the offer, and during a talk the key does no harm.
"""
SIGN_IN_AT_ONCE = 8
"""Agents who sign in at the same moment. A node on two cores still answers callers quickly meanwhile."""
AGENT_TONE, CALLER_TONE = 600, 440
"""Tones in Hz, so that a recording tells agent and caller apart."""


class TrafficHabits(NamedTuple):
    """Habits of the people of a lab. Times are seconds, and ranges are drawn evenly."""

    every: float = 2.5
    """Mean time between two callers."""
    talk: tuple[float, float] = (4.0, 14.0)
    answer: tuple[float, float] = (0.3, 2.5)
    press: tuple[float, float] = (1.0, 4.0)
    """Time from the answer to the menu key."""
    press_again: float = 0.0
    """Pause after which the key is pressed again until the caller leaves, as a person does whom the menu asks again.
    0 presses once. `3` asks for a callback while its caller waits."""
    stay_least: float = 25.0
    stay_more: float = 40.0
    """Mean of the exponential time on top of `stay_least`. The caller then hangs up, waiting or talking."""
    record: Path | None = None
    """Folder for WAVs of what callers heard."""
    keys: str = KEYS
    speech: bool = False
    """Callers say the sentence of their key (`lab.people.caller_speech`) instead of a tone."""
    texts: float = 0.0
    """Share of the callers who ask for a short message while they wait."""
    seed: int = 444
    """The same seed gives the same traffic."""


class LabTraffic:
    """The people of one lab."""

    def __init__(self, info: LabInfo, network: PhoneNetwork, habits: TrafficHabits, agents: Sequence[str]) -> None:
        self.info = info
        self.habits = habits
        self.people = [SimAgent(info, network, agent) for agent in agents]
        self.calls: list[Leg] = []
        self.keys: Counter[str] = Counter()
        self.more_keys = ""
        """Keys that callers press besides those of their habits, from now on."""
        self.troubles: list[str] = []
        """Sentences about failures that did not stop the traffic."""
        self._network = network
        self._random = random.Random(habits.seed)

    async def sign_in_agents(self) -> None:
        """Register the phones and sign all agents in. Raise LabError if no agent could sign in."""
        secrets = {person.seat: person.place.secret for person in self.people}
        await self._network.register_phones(secrets)
        gate = asyncio.Semaphore(SIGN_IN_AT_ONCE)

        async def sign_in_agent(person: SimAgent, behaviour: PhoneBehaviour) -> bool:
            async with gate:
                try:
                    await person.set_behaviour(behaviour)
                    await person.ask_as_agent("login", {"seat": person.seat})
                    return True
                except LabError as error:
                    self.troubles.append(str(error))
                    return False

        done = await asyncio.gather(*(sign_in_agent(person, self._draw_behaviour()) for person in self.people))
        if not any(done):
            raise LabError(f"no agent could sign in: {self.troubles[-1]}")

    def _draw_behaviour(self) -> PhoneBehaviour:
        draw = self._random.uniform
        return PhoneBehaviour(answer=f"{draw(*self.habits.answer):.2f}", talk=round(draw(*self.habits.talk), 2),
                              tone=AGENT_TONE)

    async def generate_callers(self) -> None:
        """Start callers until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(self._random.expovariate(1.0 / self.habits.every))
                group.create_task(self._run_caller(len(self.calls)), name="lab.caller")

    async def _run_caller(self, number: int) -> None:
        draw = self._random
        key = draw.choice(self.habits.keys + self.more_keys)
        first = draw.uniform(*self.habits.press)
        press = f"{key}@{first:.2f}s"
        if self.habits.texts and draw.random() < self.habits.texts:  # no draw without texts: the same callers
            press += "".join(f",{TEXT_KEY}@{self.habits.press[1] + after:.0f}s" for after in TEXT_S)
        stay = self.habits.stay_least + draw.expovariate(1.0 / self.habits.stay_more)
        if self.habits.press_again:
            times = int((stay - first) / self.habits.press_again)
            press += "".join(f",{key}@{first + (one + 1) * self.habits.press_again:.2f}s" for one in range(times))
        record = self.habits.record and self.habits.record / f"caller-{number + 1:03d}-key-{key}.wav"
        try:
            # This block of numbers belongs to nobody, so a mistake rings no real phone.
            leg = await self._network.place_call(self.info.numbers[0], caller=f"0500{draw.randrange(10 ** 7):07d}",
                                                 press=press, stay=round(stay, 1), tone=CALLER_TONE, record=record,
                                                 speech=speech_class(key) if self.habits.speech else "")
        except LabError as error:
            self.troubles.append(str(error))
            return
        self.calls.append(leg)
        self.keys[key] += 1
        await leg.ended.wait()


def pick_across_teams(agents: Iterable[AgentSeat], count: int, without: str = "") -> list[str]:
    """Pick `count` agents from the teams in turn, so that every service has an agent.

    Agents with the skill `without` are left out.
    """
    teams: dict[str, list[str]] = {}
    for agent in agents:
        if without in agent.skills:
            continue
        teams.setdefault(agent.team, []).append(agent.id)
    chosen: list[str] = []
    while len(chosen) < count and any(teams.values()):
        for members in teams.values():
            if members and len(chosen) < count:
                chosen.append(members.pop(0))
    return chosen
