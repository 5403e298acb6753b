"""People of the desk in a lab: an agent of each service and a supervisor, for visitors who come with their browsers."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from pathlib import Path

from sqlalchemy import Connection

from centres.centre_reader import LoadedCentre, load_centre
from desk.api.tokens import Role
from desk.people import person_rows
from desk.people.one_use_code import hash_code, make_code
from desk.people.passwords import Passwords
from desk.people.person_rows import Person
from lab.errors import LabError
from lab.lifecycle import LabInfo
from lab.visitors import Visitor
from routing.store.audit import Audit
from routing.store.store import Store

SUPERVISOR = "sorumlu"
NAMES = ("Deniz", "Ege", "Ada", "Toprak", "Güneş", "Umut", "Yağmur", "Derya")
"""Display names. Nobody in a lab exists."""
PASSWORD_LENGTH = 14
"""Twelve letters in groups of four: long enough for the desk, and short enough to type."""
CODE_S = 60.0
"""Life of the codes with which the passwords are set, at once."""


def choose_visitors(centre: Path, first: str, taken: Collection[str]) -> list[tuple[str, str]]:
    """Return an agent of each service with the name of the service, that of service `first` first.

    An agent who is `taken`, works at home on call or has a profile is nobody's first choice for a visitor.
    """
    loaded = load_centre(centre)
    order = sorted(loaded.services, key=lambda service: service.id != first)
    found: list[tuple[str, str]] = []
    for service in order:
        agent = _best_agent(loaded, service.id, {*taken, *(one for one, _ in found)})
        if agent is not None:
            found.append((agent, service.name))
    return found


def _best_agent(loaded: LoadedCentre, skill: str, taken: Collection[str]) -> str | None:
    """Return the agent of the team with the highest level who is free, or None."""
    free = [agent for agent in loaded.agents if agent.team == skill and agent.id not in taken
            and agent.on_call is None and agent.id not in loaded.accommodations and skill in agent.skills]
    return max(free, key=lambda agent: agent.skills[skill]).id if free else None


async def add_people(info: LabInfo, agents: Sequence[tuple[str, str]]) -> list[Visitor]:
    """Add agents and a supervisor to the people of the desk, with random passwords, and return them.

    Visitors set no password themselves: a demo is over before they would use it a second time.
    """
    people = [(Person(agent, name, (Role.AGENT,), False), service)
              for (agent, service), name in zip(agents, NAMES, strict=False)]
    people.append((Person(SUPERVISOR, NAMES[-1], (Role.SUPERVISOR,), False), ""))
    passwords, store = Passwords(), await Store.open_store(info.store)
    try:
        return [await _add_person(store, passwords, Audit(Path(info.state)), person, about) for person, about in people]
    finally:
        passwords.close()
        await store.close()


async def _add_person(store: Store, passwords: Passwords, audit: Audit, person: Person, about: str) -> Visitor:
    """Add one person by a code that is used at once, as an operator and the person would."""
    password, code, now = make_code()[:PASSWORD_LENGTH].lower(), hash_code(make_code()), time.time()
    hashed = await passwords.hash_password(password)

    def write_rows(connection: Connection) -> bool:
        audit.note_entry("lab", "person_added", now, person=person.person, roles=[one.value for one in person.roles])
        person_rows.put_person(connection, person, code, now + CODE_S)
        return person_rows.use_code(connection, person.person, code, hashed, now)

    if not await store.run_write(write_rows):
        raise LabError(f"the password of {person.person} could not be set")
    return Visitor(person.person, password, tuple(role.value for role in person.roles), about)
