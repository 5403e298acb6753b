"""A day at the centre that never was: callers, agents and the menu through the shipped engine on a virtual clock, kept
in a store as a node keeps it. What reports are shown with, measured on and compared with. Same seed, same day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from planning.arrivals import DEFAULT_DAY, Chance, generate, shares_of
from planning.duties import shifts
from planning.heard import Heard
from planning.house import Arrival, Duty, run
from routing.core import events
from routing.core.ids import AgentId, ContactId, ServiceId, SkillId
from routing.core.model import Agent, Centre, Profile, Service, Step
from routing.runner import Turn
from routing.store.store import Store

ZONE = ZoneInfo("Europe/Istanbul")
TURN = 1_000
"""Entries and facts of one commit."""
CALLERS = 5.0
"""Persons for each call: about every tenth calls twice."""
ASKED = 3
"""One caller of so many is asked after the talk."""
SERVICES = {"bilgi": "Genel bilgi", "egitim": "Uzaktan eğitim", "ihbar": "İhbar ve şikâyet", "oneri": "Görüş ve öneri",
            "psikososyal": "Psikososyal destek"}
AGENTS, SLOW = 180, 50
NODES = ("karsilama", "kayit-bildirimi", "ana-menu")


def centre() -> Centre:
    """Five services, agents with two of five skills, some of them with more time between two calls."""
    skills, slow = [SkillId(name) for name in SERVICES], Profile(wrapup_s=40.0, ring_timeout_s=30.0)
    return Centre(
        tuple(Service(ServiceId(service), name, (Step(((SkillId(service), 1),)),))
              for service, name in SERVICES.items()),
        tuple(Agent(AgentId(f"a{number}"), tuple((skills[(number + more) % len(skills)], 50) for more in (0, 1)),
                    slow if number < SLOW else Profile()) for number in range(AGENTS)))


def lived(centre: Centre, midnight: float, contacts: float, seed: int = 1) -> Heard:
    """What happened on a day that begins at `midnight` (Unix seconds) with about so many contacts, agents on the shifts
    that cover it."""
    dice = random.Random(seed)
    day = DEFAULT_DAY.scaled(contacts / DEFAULT_DAY.total)
    persons = max(1, int(contacts * CALLERS))
    arrivals = [one._replace(at=one.at + midnight, caller=f"kisi-{dice.randrange(persons)}")
                for one in generate(day, shares_of(centre), Chance(seed))]
    duties = [Duty(one.agent, one.start + midnight, one.end + midnight,
                   tuple((begin + midnight, end + midnight) for begin, end in one.breaks)) for one in shifts(centre)]
    heard = Heard(midnight)
    run(centre, arrivals, duties, also=list(_besides(arrivals, dice)), engine=heard)
    return heard


def _besides(arrivals: list[Arrival], dice: random.Random) -> Iterator[tuple[float, events.Event]]:
    """The menu before, the survey after; callers who only were in the menu."""
    for number, arrival in enumerate(arrivals, 1):
        contact, lasted_s = ContactId(str(number)), dice.lognormvariate(3.1, 0.4)
        yield arrival.at, events.MenuLeft(contact, "ana", NODES, "queued", lasted_s, arrival.service,
                                          int(dice.random() < 0.1), int(dice.random() < 0.05))
        if dice.random() < 0.08:
            node = dice.randrange(1, len(NODES) + 1)
            yield arrival.at, events.MenuLeft(ContactId(f"m{number}"), "ana", NODES[:node], "abandoned", lasted_s / 2)
        if number % ASKED == 0:
            after = arrival.at + arrival.handle_s + 30.0
            yield after, events.SurveyAnswered(contact, arrival.service, "asked", 0)
            if dice.random() < 0.7:
                cared = dice.choice((1, 3, 4, 4, 5, 5, 5, 5))
                yield after + 8.0, events.SurveyAnswered(contact, arrival.service, "cared", cared)
                yield after + 16.0, events.SurveyAnswered(contact, arrival.service, "solved", int(cared > 2))


async def keep(where: str | Path, heard: Heard) -> None:
    """Into a store that is new."""
    store = await Store.open(where)
    try:
        await store.take_lease("day")
        for at in range(0, max(len(heard.entries), len(heard.happened)), TURN):
            await store.commit(Turn(heard.entries[at:at + TURN], heard.happened[at:at + TURN], heard.changes.take()))
    finally:
        await store.close()
