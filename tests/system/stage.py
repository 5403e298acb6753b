"""The people of one system test: agents signed in at their seats, callers, and what each of them heard.

Prompts are found in the
recordings by cross-correlation with the built files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lab import audio
from lab.audio import Match, Samples
from lab.leg import Leg
from lab.network import Behaviour
from lab.person import Person
from lab.session import Lab
from lab.up import CENTRE, SOUNDS
from tests.until import until_async

THROUGH = "{key}@600ms,{key}@1200ms,6@1900ms"
"""Keys of a caller in a hurry: the choice cuts the greeting, the choice again cuts the notice, any key cuts the
acknowledgement."""


class Stage:
    """What one test has on its hands: a `Lab` and words for what callers do and hear."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.info = lab.info
        self.network = lab.network
        self.folder = folder
        self._names = 0

    # -- people --------------------------------------------------------------------------------------------------------

    async def agents(self, names: Iterable[str], behaviour: Behaviour | None = None) -> list[Person]:
        """These agents sit down at their own seats, in this order, and act as told when it rings."""
        seats = [self.info.seat(name) for name in names]
        await self.network.register({seat.endpoint: seat.secret for seat in seats})
        people = [await self.lab.agent(seat.id, behaviour) for seat in seats]
        for person in people:
            await self.reaches(person, "ready")
        return people

    async def agent(self, name: str, behaviour: Behaviour | None = None) -> Person:
        """One of them."""
        return (await self.agents([name], behaviour))[0]

    async def caller(self, press: str = "", *, tone: int | None = None, stay: float | None = None,
                     number: str = "05000000000") -> Leg:
        """Somebody calls the centre; what they hear is recorded."""
        self._names += 1
        return await self.network.call(self.info.numbers[0], caller=number, press=press, tone=tone, stay=stay,
                                       record=self.folder / f"caller-{self._names}.wav")

    async def hurried(self, key: str, *, tone: int | None = None, number: str = "05000000000") -> Leg:
        """A caller who chooses `key` without listening."""
        return await self.caller(THROUGH.format(key=key), tone=tone, number=number)

    async def waiting(self, key: str, service: str, count: int = 1) -> Leg:
        """A hurried caller; returns when `count` callers wait for the service."""
        async def there() -> bool:
            return bool((await self.lab.queue(service))["waiting"] == count)

        leg = await self.hurried(key)
        await until_async(there, what=f"{count} waiting in {service}")
        return leg

    # -- what the node says --------------------------------------------------------------------------------------------

    async def reaches(self, person: Person, state: str, limit: float = 10.0) -> dict[str, Any]:
        """Wait until the agent is in this state; the agent as the node sees them."""
        async def there() -> dict[str, Any]:
            view = await person.view()
            return view if view["state"] == state else {}

        return await until_async(there, limit, f"{person.id} {state}")

    def outcome(self, contact: str) -> str:
        """How a contact ended, as the store has it; empty while it has not."""
        rows = self.lab.rows("select outcome from contacts where contact = ?", contact)
        return str(rows[0]["outcome"] or "") if rows else ""

    async def ended(self, contact: str) -> str:
        """The outcome, waiting for it."""
        return await until_async(lambda: self.outcome(contact), what=f"outcome of {contact}")

    # -- sounds --------------------------------------------------------------------------------------------------------

    def heard(self, leg: Leg, *keys: str) -> list[Match]:
        """Each of these prompts is in the recording; where. Says which one is not."""
        assert leg.recording is not None
        recording = audio.read(leg.recording)
        found = [audio.find(prompt(key), recording) for key in keys]
        missing = {key: match for key, match in zip(keys, found, strict=True) if not match.found}
        assert not missing, f"{leg} did not hear {missing} in {len(recording) / audio.RATE:.1f} s; {leg.story()}"
        return found

    def not_heard(self, leg: Leg, *keys: str) -> None:
        """None of these prompts is in the recording."""
        assert leg.recording is not None
        recording = audio.read(leg.recording)
        wrong = {key: match for key in keys if (match := audio.find(prompt(key), recording)).found}
        assert not wrong, f"{leg} heard {wrong}"


@lru_cache(maxsize=64)
def prompt(key: str) -> Samples:
    """A built prompt, as it is heard."""
    return audio.read(SOUNDS / "tr" / f"{key}.wav")


def music_offset(heard: Samples) -> Match:
    """Where in the hold music a second of it fits: the music is longer than any wait, so the piece is looked for."""
    return audio.find(heard, np.concatenate([piece := audio.read(SOUNDS / "moh" / "santral.wav"), piece[:16_000]]))


def plain(skill: str, count: int, level: int = 60) -> list[str]:
    """Agents with this skill alone, at this level or above, who need nothing special."""
    special = {entry["agent"] for entry in
               yaml.safe_load((CENTRE / "accommodations.yaml").read_text(encoding="utf-8"))["accommodations"]}
    team = yaml.safe_load((CENTRE / "team.yaml").read_text(encoding="utf-8"))["agents"]
    found = [agent["id"] for agent in team if set(agent["skills"]) == {skill} and agent["skills"][skill] >= level
             and agent["id"] not in special]
    assert len(found) >= count, f"only {len(found)} agents have {skill} alone"
    return found[:count]


async def together(*legs: Leg) -> None:
    """All of these are over."""
    await asyncio.gather(*(leg.wait_ended() for leg in legs))
