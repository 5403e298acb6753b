"""Traffic of a lab: agents who answer, callers who arrive by a Poisson process, press a key and stay or give up."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from lab.errors import LabError
from lab.leg import Leg
from lab.network import Behaviour, Network
from lab.person import Person
from lab.up import Info, Seat

KEYS = "12340"
"""Of the main menu, one for each service; drawn with equal chance."""
TEXT_KEY, TEXT_S = "6", (10.0, 14.0, 18.0)
"""Asks for a short message; pressed so long after the last moment for the other key, when notice and acknowledgement
are over: whoever waits still has it, in a talk it does no harm."""
SIGN_IN_AT_ONCE = 8
"""Agents who sign in at the same moment: a node on two cores stays quick for callers meanwhile."""
AGENT_TONE, CALLER_TONE = 600, 440
"""Hz; so that a recording tells who was heard."""


class Habits(NamedTuple):
    """What the people of a lab do, in seconds; spans are drawn evenly."""

    every: float = 2.5
    """Mean time between two callers."""
    talk: tuple[float, float] = (4.0, 14.0)
    answer: tuple[float, float] = (0.3, 2.5)
    press: tuple[float, float] = (1.0, 4.0)
    """Between the answer and the key of the menu."""
    stay_least: float = 25.0
    stay_more: float = 40.0
    """A caller stays for `stay_least` and an exponential time of this mean, then hangs up, waiting or talking."""
    record: Path | None = None
    """Folder for WAVs of what callers heard."""
    texts: float = 0.0
    """Share of the callers who ask for a short message while they wait."""
    seed: int = 444
    """The same seed, the same day."""


class Traffic:
    """The people of one lab."""

    def __init__(self, info: Info, network: Network, habits: Habits, agents: Sequence[str]) -> None:
        self.info = info
        self.habits = habits
        self.people = [Person(info, network, agent) for agent in agents]
        self.calls: list[Leg] = []
        self.keys: Counter[str] = Counter()
        self.troubles: list[str] = []
        """What went wrong, in sentences; the traffic goes on."""
        self._network = network
        self._random = random.Random(habits.seed)

    async def sign_in(self) -> None:
        """Everybody sits down. Raises LabError when nobody could."""
        secrets = {person.seat: person.place.secret for person in self.people}
        await self._network.register(secrets)
        gate = asyncio.Semaphore(SIGN_IN_AT_ONCE)

        async def one(person: Person, behaviour: Behaviour) -> bool:
            async with gate:
                try:
                    await person.behave(behaviour)
                    await person.ask("login", {"seat": person.seat})
                    return True
                except LabError as error:
                    self.troubles.append(str(error))
                    return False

        done = await asyncio.gather(*(one(person, self._behaviour()) for person in self.people))
        if not any(done):
            raise LabError(f"no agent could sign in: {self.troubles[-1]}")

    def _behaviour(self) -> Behaviour:
        draw = self._random.uniform
        return Behaviour(answer=f"{draw(*self.habits.answer):.2f}", talk=round(draw(*self.habits.talk), 2),
                         tone=AGENT_TONE)

    async def arrive(self) -> None:
        """Callers come until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(self._random.expovariate(1.0 / self.habits.every))
                group.create_task(self._caller(len(self.calls)), name="lab.caller")

    async def _caller(self, number: int) -> None:
        draw = self._random
        key = draw.choice(KEYS)
        press = f"{key}@{draw.uniform(*self.habits.press):.2f}s"
        if self.habits.texts and draw.random() < self.habits.texts:  # else the same day as without
            press += "".join(f",{TEXT_KEY}@{self.habits.press[1] + after:.0f}s" for after in TEXT_S)
        stay = self.habits.stay_least + draw.expovariate(1.0 / self.habits.stay_more)
        record = self.habits.record and self.habits.record / f"caller-{number + 1:03d}-key-{key}.wav"
        try:
            # Numbers of a block that is given to nobody.
            leg = await self._network.call(self.info.numbers[0], caller=f"0500{draw.randrange(10 ** 7):07d}",
                                           press=press, stay=round(stay, 1), tone=CALLER_TONE, record=record)
        except LabError as error:
            self.troubles.append(str(error))
            return
        self.calls.append(leg)
        self.keys[key] += 1
        await leg.ended.wait()


def spread(agents: Iterable[Seat], count: int) -> list[str]:
    """`count` agents, each team in turn, so that every service has somebody."""
    teams: dict[str, list[str]] = {}
    for agent in agents:
        teams.setdefault(agent.team, []).append(agent.id)
    chosen: list[str] = []
    while len(chosen) < count and any(teams.values()):
        for members in teams.values():
            if members and len(chosen) < count:
                chosen.append(members.pop(0))
    return chosen
