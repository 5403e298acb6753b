"""A simulated day at the centre, kept in a store as a node keeps it.

Callers, agents and the menu run through the shipped engine on a virtual clock. Reports are shown with such a day,
measured on it and compared with it. The same seed gives the same day.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from planning.journal.recording_engine import RecordingEngine
from planning.simulation.arrivals import DEFAULT_DAY, ChanceSettings, generate_arrivals, shares_of
from planning.simulation.centre_run import Arrival, Duty, run_simulation
from planning.simulation.duty_plan import plan_shifts
from routing.core import events
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from routing.runner import RunnerTurn
from routing.store.store import Store

ZONE = ZoneInfo("Europe/Istanbul")
TURN = 1_000
"""Entries and facts of one commit."""
CALLERS = 5.0
"""Persons for each call, so that about every tenth caller calls twice."""
ASKED = 3
"""The survey asks one caller of this many after the talk."""
SERVICES = {"bilgi": "Genel bilgi", "egitim": "Uzaktan eğitim", "ihbar": "İhbar ve şikâyet", "oneri": "Görüş ve öneri",
            "psikososyal": "Psikososyal destek"}
AGENTS, SLOW = 180, 50
NODES = ("karsilama", "kayit-bildirimi", "ana-menu")


def build_centre() -> Centre:
    """Build five services and agents with two of the five skills. Some agents need more time between two calls."""
    skills, slow = [SkillId(name) for name in SERVICES], Profile(wrapup_s=40.0, ring_timeout_s=30.0)
    return Centre(
        tuple(Service(ServiceId(service), name, (Step(((SkillId(service), 1),)),))
              for service, name in SERVICES.items()),
        tuple(Agent(AgentId(f"a{number}"), tuple((skills[(number + more) % len(skills)], 50) for more in (0, 1)),
                    slow if number < SLOW else Profile()) for number in range(AGENTS)))


def simulate_day(centre: Centre, midnight: float, contacts: float, seed: int = 1) -> RecordingEngine:
    """Simulate a day that begins at `midnight` (Unix seconds) with about `contacts` contacts.

    The agents work shifts that cover the day.
    """
    # 1. Draw the callers. A person who is drawn twice calls twice.
    dice = random.Random(seed)
    day = DEFAULT_DAY.scale_counts(contacts / DEFAULT_DAY.total)
    persons = max(1, int(contacts * CALLERS))
    arrivals = [one._replace(at=one.at + midnight, caller=f"kisi-{dice.randrange(persons)}")
                for one in generate_arrivals(day, shares_of(centre), ChanceSettings(seed))]
    # 2. Plan the shifts of the agents, with their breaks.
    duties = [Duty(one.agent, one.start + midnight, one.end + midnight,
                   tuple((begin + midnight, end + midnight) for begin, end in one.breaks))
                   for one in plan_shifts(centre)]
    # 3. Run the day and record what a node would store.
    heard = RecordingEngine(midnight)
    run_simulation(centre, arrivals, duties, also=list(_menu_and_survey(arrivals, dice)), engine=heard)
    return heard


def _menu_and_survey(arrivals: list[Arrival], dice: random.Random) -> Iterator[tuple[float, events.Event]]:
    """Yield the menu before each call and the survey after it, and callers who left in the menu."""
    for number, arrival in enumerate(arrivals, 1):
        # The median menu lasts 22 s (e^3.1).
        contact, lasted_s = ContactId(str(number)), dice.lognormvariate(3.1, 0.4)
        yield arrival.at, events.MenuEnded(contact, "ana", NODES, "queued", lasted_s, arrival.service,
                                           int(dice.random() < 0.1), int(dice.random() < 0.05))
        if dice.random() < 0.08:
            node = dice.randrange(1, len(NODES) + 1)
            yield arrival.at, events.MenuEnded(ContactId(f"m{number}"), "ana", NODES[:node], "abandoned", lasted_s / 2)
        if number % ASKED == 0:
            after = arrival.at + arrival.handle_s + 30.0
            yield after, events.SurveyAnswered(contact, arrival.service, "asked", 0)
            if dice.random() < 0.7:
                cared = dice.choice((1, 3, 4, 4, 5, 5, 5, 5))
                yield after + 8.0, events.SurveyAnswered(contact, arrival.service, "cared", cared)
                yield after + 16.0, events.SurveyAnswered(contact, arrival.service, "solved", int(cared > 2))


async def store_day(where: str | Path, heard: RecordingEngine) -> None:
    """Store a simulated day in a new store."""
    store = await Store.open_store(where)
    try:
        await store.take_lease("day")
        # Commit in turns as a node does: one transaction would hold the whole day.
        for at in range(0, max(len(heard.entries), len(heard.happened)), TURN):
            await store.commit(RunnerTurn(heard.entries[at:at + TURN], heard.happened[at:at + TURN],
                                          heard.changes.take()))
    finally:
        await store.close()
