"""The people whom a fault meets: callers in the menu, in the hold loop, ringing, talking and after their talk.

Each person speaks a separate tone, so recordings tell who heard whom.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import yaml
from sqlalchemy.exc import SQLAlchemyError

from ivr.caller.identity import normalise_number
from lab.centre_words import CENTRE
from lab.errors import LabError
from lab.faults.lone_phone import LonePhone
from lab.people.agent import SimAgent
from lab.phones.audio_socket import AudioExchange, AudioLine
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from routing.store.callers.number_keys import NumberKeys

TALKS, RINGS, WAITS, DISTRESS = "gorus_oneri", "temsilci", "uzaktan_egitim", "psikososyal"
KEYS = {TALKS: "4", RINGS: "0", WAITS: "2", DISTRESS: "1"}
"""Services of the scene with their keys. The agents of one never serve another."""
THROUGH = "{key}@600ms,{key}@1200ms,{key}@1900ms"
"""Keys of a caller in a hurry. A key that is pressed before the dialogue has begun is lost, and the next does its
work."""
ABLE = 60
"""Level of skill that suffices in each service."""
STATE_S = 60.0
"""Limit until the scene has reached a state. A busy machine takes longer than an idle one."""
LOOK_S = 0.1
TALK_S = 6.0
"""Time from answer to hang-up of the agents who serve the queue. They wait some seconds for a caller who still hears
words."""
SHORT_TALK_S, LONG_TALK_S = 6.0, 9.0
"""Talk that ends as the fault begins, and talk of agents who hear up to 5 s of words before they are connected."""
EACH_S = 1.0
"""Time after the injection at which people act: one leaves, one hangs up, one chooses, one calls."""
PHONE_S = 0.2
"""Time after the injection at which the phones come back that make a decision possible."""
RECORDS_S = 90.0
"""Limit until who came without a node is recorded: the audit looks once a minute, and leaves a menu's last seconds to
the next look."""
CONNECTED_S = 1.5
"""Longest time between the answer of a phone and the connection of its sound. Two calls of it are further apart."""
SERVED_S = 0.5
"""Pause between two looks for callers whose talk is over."""
AGREE_S = 30.0
"""Limit until all agents can be signed out. Their states are right within 10 s on an idle machine."""


@dataclass(eq=False)
class SceneCall:
    """A caller of the scene."""

    role: str
    service: str
    number: str
    tone: int
    leg: Leg
    left: bool = False
    """The caller hung up."""


@dataclass(eq=False)
class ScenePhone:
    """An agent of the scene with a phone."""

    person: SimAgent
    tone: int
    behaviour: PhoneBehaviour


class PhoneSound(NamedTuple):
    """Recording of one call of a phone."""

    agent: str
    began: float
    """Unix seconds."""
    path: Path


class FaultScene:
    """The people of one fault."""

    def __init__(self, lab: LabSession, folder: Path, ears: AudioExchange, lone: LonePhone | None = None,
                 lone_role: str = "") -> None:
        self.lab = lab
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.lone = lone
        """The telephone that can vanish, of the agent who `lone_role`."""
        self._lone_role = lone_role
        self.calls: list[SceneCall] = []
        self.phones: dict[str, ScenePhone] = {}
        """By agent."""
        self._ears = ears
        self._heard: list[PhoneSound] = []
        self._numbers = itertools.count(1_000_001)
        self._tones = itertools.count(400, 60), itertools.count(1700, 60)
        self._tasks: list[asyncio.Task[None]] = []
        self._keys = NumberKeys.load_keys(Path(lab.info.tokens).parent / "numbers.json")

    # --- before the fault --------------------------------------------------------------------------------------------

    async def bring_states(self) -> None:
        """Bring callers into every state. Return at a moment when one rings, one has just ended the talk and one is in
        the menu. Raise LabError."""
        # 1. Phones that come back after the injection make a decision possible. Until then their callers wait.
        talker, ringing, free, counsellor, other, ends = _pick_agents()
        for name in (free, counsellor):
            phone = await self.sign_in(name, PhoneBehaviour("0", TALK_S))
            await self.lab.network.unregister_phone(phone.person.seat)
            await self._reach(phone.person, "unreachable")
        # 2. One talks, three wait for one service, and one in distress waits for a counsellor.
        await self.sign_in(talker, PhoneBehaviour("0"), "talks")
        await self.call("talks", TALKS)
        for role, service in (("waits", WAITS), ("waits", WAITS), ("leaves", WAITS), ("in distress", DISTRESS)):
            await self.call(role, service)
        await self._wait_for(lambda: self._counts(WAITS, 3), "three callers wait")
        await self._wait_for(lambda: self._counts(DISTRESS, 1), "the caller in distress waits")
        await self._reach(self.phones[talker].person, "talking")
        # 3. A second one talks, and hangs up during the fault.
        await self.sign_in(other, PhoneBehaviour("0"))
        await self.call("hangs up", TALKS)
        await self._reach(self.phones[other].person, "talking")
        # 4. One has a short talk, one rings and one hears the menu, at the same time.
        await self.sign_in(ends, PhoneBehaviour("0", SHORT_TALK_S))
        rung = len(self.lab.network.rung)
        await self.call("has talked", RINGS)
        talk = await self.lab.network.wait_ring(self.phones[ends].person.seat, rung)
        await self.sign_in(ringing, PhoneBehaviour("6", LONG_TALK_S), "rings")
        last = self.phones[ends]
        await last.person.set_behaviour(last.behaviour._replace(talk=LONG_TALK_S))
        await self.call("rings", RINGS)
        menu = await self.call("in the menu", RINGS, press="")
        rings = self.phones[ringing].person
        await rings.network.wait_ring(rings.seat, 0 if rings.network is not self.lab.network else rung)
        await menu.leg.wait_answered()
        await talk.wait_ended()

    async def sign_in(self, agent: str, behaviour: PhoneBehaviour, role: str = "") -> ScenePhone:
        """Sign an agent in whose phone speaks a separate tone and records."""
        tone = next(self._tones[1])
        behaviour = behaviour._replace(tone=tone, live=self._ears.expect_call(partial(self._record_phone, agent)))
        if self.lone is not None and role == self._lone_role:
            person = SimAgent(self.lab.info, self.lone.network, agent)
            await person.sign_in(behaviour)
            self.lab.people.append(person)
        else:
            person = await self.lab.sign_in_agent(agent, behaviour)
        self.phones[agent] = ScenePhone(person, tone, behaviour)
        await self._reach(person, "ready")
        return self.phones[agent]

    async def call(self, role: str, service: str, press: str | None = None) -> SceneCall:
        """Place the call of a caller who chooses the service at once, or presses these keys."""
        number = f"0500{next(self._numbers)}"
        tone = next(self._tones[0])
        keys = THROUGH.format(key=KEYS[service]) if press is None else press
        record = self.folder / f"{len(self.calls):02d}-{role.replace(' ', '-')}.wav"
        leg = await self.lab.network.place_call(
            self.lab.info.numbers[0], caller=number, press=keys, tone=tone, record=record,
            live=self._ears.expect_call(lambda line: line.record_sound(record)))
        call = SceneCall(role, service, number, tone, leg)
        self.calls.append(call)
        return call

    def _record_phone(self, agent: str, line: AudioLine) -> None:
        path = self.folder / f"{len(self._heard):02d}-phone-{agent}.wav"
        line.record_sound(path)
        self._heard.append(PhoneSound(agent, time.time(), path))

    def match_recordings(self) -> None:
        """Give each line of a phone its recording, which began at its answer."""
        for agent, phone in self.phones.items():
            heard = [one for one in self._heard if one.agent == agent]
            for leg in self.rung:
                at = leg.answered_at
                if leg.seat != phone.person.seat or at is None or not heard:
                    continue
                nearest = min(heard, key=lambda one: abs(one.began - at))
                if abs(nearest.began - at) <= CONNECTED_S:
                    leg.recording = nearest.path

    @property
    def rung(self) -> list[Leg]:
        """All lines of phones that were called, in each network."""
        lone = [] if self.lone is None else self.lone.networks
        return [leg for one in (self.lab.network, *lone) for leg in one.rung]

    # --- during the fault --------------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Let everybody act while the fault lasts: phones come back, callers leave, hang up, choose and call."""
        for work in (self._bring_phones_back(), self._act()):
            self._tasks.append(asyncio.create_task(work, name="fault.people"))

    async def hang_up(self, call: SceneCall) -> None:
        """Let a caller hang up."""
        call.left |= not call.leg.ended.is_set()
        await call.leg.hang_up()

    async def _act(self) -> None:
        await asyncio.sleep(EACH_S)
        for call in [one for one in self.calls if one.role in ("leaves", "hangs up")]:
            await self.hang_up(call)
        await self.call("new", WAITS)
        for call in self.calls:
            if call.role == "in the menu" and not call.leg.ended.is_set():
                await call.leg.press_keys(KEYS[RINGS])

    async def _bring_phones_back(self) -> None:
        await asyncio.sleep(PHONE_S)
        back = {one.person.seat: one.person.place.secret for one in self.phones.values()
                if one.person.network is self.lab.network}
        while True:
            # An Asterisk that is frozen or dead registers nobody, and the phones try again.
            with suppress(LabError):
                await self.lab.network.register_phones(back, limit=10.0)
                return
            await asyncio.sleep(LOOK_S)

    # --- after the fault ---------------------------------------------------------------------------------------------

    async def calm_down(self, limit: float, cut: bool = False) -> None:
        """Wait until everybody was served and recorded, and let those who still talk hang up. Raise LabError.

        With `cut` some calls have ended with their Asterisk, and a menu that ended has no record.
        """
        # 1. Agents who serve the queue hang up, so all calls end but that of the talker.
        end = time.monotonic() + limit
        while any(not call.leg.ended.is_set() for call in self.calls if call.role != "talks"):
            await self._let_served_go()
            if time.monotonic() > end:
                left = [f"{one.role}: {one.leg.describe_moments()}" for one in self.calls
                        if not one.leg.ended.is_set() and one.role != "talks"]
                raise LabError(f"{limit:.0f} s after the fault some were not served: {'; '.join(left)}")
            await asyncio.sleep(SERVED_S)
        for call in self.calls:
            await self.hang_up(call)
            await call.leg.wait_ended()
        await asyncio.gather(*self._tasks)
        # 2. The node has recorded those, too, who came without it.
        if not cut:
            await self._wait_for(self._are_recorded, "each caller has a record", RECORDS_S)
        # 3. Nobody is in a queue, and every agent's state is that of a free person.
        await self.lab.wait_until_quiet()
        await asyncio.gather(*(self._wait_for(partial(self._is_free, one.person), f"{one.person.id} is free", AGREE_S)
                               for one in self.phones.values()))

    async def drop_cut_calls(self, injected: float) -> None:
        """Hang up the calls that the fault has taken: their telephones know nothing of it."""
        for call in [one for one in self.calls if one.leg.began < injected]:
            await call.leg.hang_up()

    def hash_of(self, call: SceneCall) -> str:
        """Return the keyed hash that the node stores for a caller's number."""
        return self._keys.encrypt_number(normalise_number(call.number))[0]

    async def stop(self) -> None:
        """End what people still do."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _let_served_go(self) -> None:
        """Let callers hang up whose talk is over by the records: nobody waits for the end of their survey.

        A talk of the fallback queue is recorded at its begin, and Asterisk ends such a call by itself.
        """
        try:
            rows = await asyncio.to_thread(self.lab.query_store,
                                           "select caller_hash from contacts where outcome is not null "
                                           "and outcome <> 'fallback'")
        except (SQLAlchemyError, sqlite3.Error):  # the store is still away
            return
        done = {one["caller_hash"] for one in rows}
        for call in self.calls:
            if self.hash_of(call) in done and call.role != "talks":
                await call.leg.hang_up()

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _are_recorded(self) -> bool:
        rows = await asyncio.to_thread(self.lab.query_store, "select count(*) as n from contacts")
        return int(rows[0]["n"]) >= sum(call.leg.was_answered for call in self.calls)

    async def _counts(self, service: str, waiting: int) -> bool:
        return bool((await self.lab.fetch_queue(service))["waiting"] == waiting)

    async def _reach(self, person: SimAgent, state: str) -> None:
        async def there() -> bool:
            return bool((await person.fetch_view())["state"] == state)

        await self._wait_for(there, f"{person.id} is {state}")

    @staticmethod
    async def _is_free(person: SimAgent) -> bool:
        return (await person.fetch_view())["state"] not in ("talking", "ringing", "wrapup")

    @staticmethod
    async def _wait_for(condition: Callable[[], Awaitable[bool]], what: str, limit: float = STATE_S) -> None:
        end = time.monotonic() + limit
        while True:
            with suppress(LabError):
                if await condition():
                    return
            if time.monotonic() > end:
                raise LabError(f"not within {limit:.0f} s: {what}")
            await asyncio.sleep(LOOK_S)


def _pick_agents() -> tuple[str, str, str, str, str, str]:
    """Pick agents who have one skill alone and need nothing special: the talker, the one who rings, those who serve the
    queue and those in distress, the second talker, and the one whose talk ends."""
    read = {name: yaml.safe_load((CENTRE / f"{name}.yaml").read_text(encoding="utf-8"))
            for name in ("team", "accommodations")}
    special = {one["agent"] for one in read["accommodations"]["accommodations"]}
    found = {service: [one["id"] for one in read["team"]["agents"] if one["id"] not in special
                       and list(one["skills"]) == [service] and one["skills"][service] >= ABLE and "on_call" not in one]
             for service in KEYS}
    (talker, other), (ringing, ends) = found[TALKS][:2], found[RINGS][:2]
    return talker, ringing, found[WAITS][0], found[DISTRESS][0], other, ends
