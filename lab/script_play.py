"""One script played: agents sit down, somebody calls, presses what is written, and hears what is there.

The caller's and the agents' sound is live (`lab.audiosocket`): what the course is told has come over RTP through both
Asterisks, and a key goes out while the sentence is still being said.
"""

from __future__ import annotations

import asyncio
import itertools
import wave
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lab.audio import RATE, Samples
from lab.audiosocket import Exchange, Line
from lab.ear import Ear, Event, Music, Nothing, Strange, Voice, Voices
from lab.errors import LabError
from lab.leg import Leg, Moment
from lab.library import Library
from lab.network import Behaviour, Network
from lab.person import Person, ask
from lab.recognise import Began, Heard
from lab.script import ANONYMOUS, Script
from lab.script_course import Act, Action, Course, Difference, HangUp, Leave, Over, Press, Speak, Talk, named
from lab.tune import Tunes
from lab.up import Info

LISTEN_S = 0.1
"""Sound is listened to in pieces of this length; shorter ones cost more."""
LISTEN_MAX = round(5 * LISTEN_S * RATE)
"""So much at a time when the machine was held up, so that the others are listened to between."""
ANSWER_S = 30.0
"""A node answers at once; a machine under full load takes its time."""
READY_S = 20.0
"""An agent who has signed in is ready within milliseconds, after wrap-up within seconds."""
CALM_S = 20.0
"""After the call the services are empty within this."""
LOOK_S = 0.1
"""Between two looks at what the node says."""
HURRY_S = (0.6, 1.2, 1.9)
"""When those in front press their keys, seconds from the answer: the first cuts the greeting, the next the notice and
the acknowledgement. A key that comes before the dialogue has begun is lost under load; then the next does its work."""
TONES = list(range(400, 3_300, 50))
"""What our people say, each another tone: who is heard by whom is known by ear."""


class House(NamedTuple):
    """What all scripts of one run share."""

    network: Network
    exchange: Exchange
    library: Library
    tunes: Tunes
    info: Info | None
    """The lab; None: only the caller is ours."""
    tones: Iterator[int]


class Part(NamedTuple):
    """What a script has to itself."""

    number: str
    """What is dialled."""
    caller: str
    others: Sequence[str]
    """Numbers of those who wait in front."""
    people: Mapping[int, str]
    """Line of an agent in the script -> who that is."""
    services: frozenset[str]
    """No other script has anything to do with them meanwhile."""


class Outcome(NamedTuple):
    """How a script went."""

    script: Script
    difference: Difference | None
    trouble: str
    """Why it could not be played to its end; empty: it was."""
    moments: tuple[Moment, ...]
    """What happened, seconds from the answer."""
    recording: Path | None
    """WAV of what the caller heard, silence in its place; kept when it did not go as written."""
    seconds: float
    """Of the call."""

    @property
    def passed(self) -> bool:
        """As written."""
        return self.difference is None and not self.trouble


def tones() -> Iterator[int]:
    """Tones for one run; more people than there are share one, never two of one script."""
    return itertools.cycle(TONES)


class _Agent:
    """Somebody who answers, and hears whether the caller is there."""

    def __init__(self, house: House, person: Person, caller: int) -> None:
        self.person = person
        self.hertz = next(house.tones)
        self.service = ""
        """What the talk is about, as the node says."""
        self.heard_s = 0.0
        """The caller, without a pause."""
        self.line: Line | None = None
        self._ear = Voices((caller,))
        self._asked: asyncio.Task[None] | None = None
        self.live = house.exchange.expect(self._came)

    def _came(self, line: Line) -> None:
        self.line, self.service, self.heard_s = line, "", 0.0
        line.say(self.hertz)

    def listen(self) -> None:
        """To what has come since the last time."""
        if self.line is None:
            return
        for event in self._ear.take(self.line.take()):
            self.heard_s = event.until - event.began

    def learn(self) -> None:
        """Ask the node what the talk is about, once."""
        if not self.service and (self._asked is None or self._asked.done()):
            self._asked = asyncio.create_task(self._ask(), name="lab.script.agent")

    async def _ask(self) -> None:
        with suppress(LabError):
            self.service = str((await self.person.view()).get("service") or "")

    async def leave(self) -> None:
        """Hang up and sign out."""
        if self._asked is not None:
            self._asked.cancel()
        if self.line is not None:
            self.line.close()
        with suppress(LabError):
            await self.person.sign_out()
        with suppress(LabError):
            await self.person.behave(Behaviour())

    def leg(self) -> Leg | None:
        """The call that the phone is in."""
        return next((leg for leg in reversed(self.person.network.rung)
                     if leg.seat == self.person.seat and not leg.ended.is_set()), None)


class Play:
    """A script in a house."""

    def __init__(self, house: House, script: Script, part: Part, recording: Path,
                 told: Callable[[Play], None] = lambda play: None) -> None:
        """`recording`: where the sound goes when it was not as written. `told`: called when something happened."""
        self.script = script
        self.course = Course(script.steps, strangers=house.info is None)
        self._house, self._part, self._recording, self._told = house, part, recording, told
        self._voice = next(house.tones)
        self._agents: list[_Agent] = []
        self._ahead: list[Leg] = []
        self._moments: list[Moment] = []
        self._sound: list[Samples] = []
        self._ear = Ear(house.library, house.tunes)
        self._now = 0.0

    @property
    def seconds(self) -> float:
        """Since the answer."""
        return self._now

    @property
    def moments(self) -> tuple[Moment, ...]:
        """What happened so far, in order."""
        return tuple(sorted(self._moments))

    async def play(self) -> Outcome:
        """The whole call."""
        trouble = ""
        try:
            await self._sit_down()
            await self._line_up()
            await self._call()
        except LabError as error:
            trouble = str(error)
        finally:
            await asyncio.gather(*(leg.hangup() for leg in self._ahead))
            await asyncio.gather(*(agent.leave() for agent in self._agents))
            for agent in self._agents:
                self._house.exchange.forget(agent.live)
        try:
            await self._calm()
        except LabError as error:
            trouble = trouble or str(error)
        outcome = Outcome(self.script, self.course.difference, trouble, self.moments, None, self._now)
        return outcome if outcome.passed else outcome._replace(recording=self._keep())

    async def _sit_down(self) -> None:
        info = self._house.info
        for agent in self.script.agents:
            assert info is not None
            person = Person(info, self._house.network, self._part.people[agent.line])
            one = _Agent(self._house, person, self._voice)
            self._agents.append(one)
            await person.sign_in(Behaviour(agent.answer, live=one.live))
        for one in self._agents:
            await _until(lambda one=one: _is_ready(one.person), READY_S,  # type: ignore[misc]
                         f"the agent {one.person.id} is not ready")
        self._ear = Ear(self._house.library, self._house.tunes, [one.hertz for one in self._agents])

    async def _line_up(self) -> None:
        """Others call before, and wait or talk."""
        ahead, info = self.script.ahead, self._house.info
        if ahead is None or info is None:
            return
        press = ",".join(f"{ahead.keys}@{at}s" for at in HURRY_S)
        for count, caller in enumerate(self._part.others, 1):
            self._ahead.append(await self._house.network.call(self._part.number, caller=caller, press=press))
            await _until(lambda count=count: _are_there(info, self.script.services, count), READY_S,  # type: ignore[misc]
                         f"those who shall wait in front do not: {self._ahead[-1].story()}")

    async def _call(self) -> None:
        lines: asyncio.Queue[Line] = asyncio.Queue()
        live = self._house.exchange.expect(lines.put_nowait)
        caller = "anonymous" if self._part.caller == ANONYMOUS else self._part.caller
        leg = await self._house.network.call(self._part.number, live=live, caller=caller)
        try:
            line = await self._answered(leg, lines)
            await self._follow(leg, line)
        finally:
            self._house.exchange.forget(live)
            await leg.hangup()
        await leg.wait_ended(ANSWER_S)

    async def _answered(self, leg: Leg, lines: asyncio.Queue[Line]) -> Line:
        came, ended = asyncio.create_task(lines.get()), asyncio.create_task(leg.ended.wait())
        try:
            await asyncio.wait((came, ended), timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
            if not came.done():
                raise LabError(f"nobody answered at {self._part.number}: {leg.story()}")
            return came.result()
        finally:
            for task in (came, ended):
                task.cancel()

    async def _follow(self, leg: Leg, line: Line) -> None:
        """Until the script is over. Listening is done in small pieces, so that many calls share one processor."""
        self._note(0.0, f"{self._part.number} aranıyor, yanıt verildi")
        await self._do(self.course.begin(0.0), leg, line)
        while not self.course.done:
            await asyncio.sleep(LISTEN_S)
            self._now = line.seconds
            over = line.ended.is_set()
            samples = line.take()
            if not len(samples) and line.quiet_s >= self._ear.patience_s and not over:
                samples = line.fill()
            for at in range(0, len(samples), LISTEN_MAX):
                await self._hear(self._ear.take(samples[at: at + LISTEN_MAX]), leg, line)
                await asyncio.sleep(0)
            self._sound.append(samples)
            for agent in self._agents:
                agent.listen()
            if over and not self.course.done:
                await self._hear(self._ear.finish(), leg, line)
                self._note(self._now, "karşı taraf kapattı")
                await self._do(self.course.take(Over(self._now), self._now), leg, line)
            await self._do(self.course.tick(self._now), leg, line)

    async def _hear(self, events: Iterator[Event], leg: Leg, line: Line) -> None:
        for event in events:
            self._note_heard(event)
            await self._do(self.course.take(event, self._now), leg, line)
            if isinstance(event, Voice):
                agent = next(one for one in self._agents if one.hertz == event.hertz)
                agent.learn()
                talk = Talk(agent.person.id, agent.service, agent.heard_s, event.began, event.until)
                await self._do(self.course.take(talk, self._now), leg, line)

    async def _do(self, actions: list[Action], leg: Leg, line: Line) -> None:
        for action in actions:
            match action:
                case Press():
                    self._note(self._now, f"{action.keys} tuşuna basıldı")
                    await leg.press(action.keys)
                case Speak():
                    line.say(self._voice if action.on else None)
                case HangUp():
                    if self.course.difference is None and not line.ended.is_set():
                        self._note(self._now, "arayan kapattı")
                    await leg.hangup()
                case Act():
                    await self._act(action)
                case Leave():
                    self._note(self._now, "öndeki kapattı")
                    await self._first_ahead().hangup()
        if actions:
            self._told(self)

    async def _act(self, action: Act) -> None:
        talking = self.course.talks_with
        agent = next((one for one in self._agents if one.person.id == talking), None)
        leg = agent.leg() if agent else None
        if agent is None or leg is None:
            raise LabError("no agent is in a talk with the caller: a step 'konusur' comes before 'temsilci'")
        self._note(self._now, f"{agent.person.id}: {action.what} {action.value}".rstrip())
        match action.what:
            case "kapatir":
                await leg.hangup()
            case "basar":
                await leg.press(action.value)

    def _first_ahead(self) -> Leg:
        first = next((leg for leg in self._ahead if not leg.ended.is_set()), None)
        if first is None:
            raise LabError("nobody waits in front of the caller any more")
        return first

    async def _calm(self) -> None:
        """Until nobody waits or talks in the services of this script: the next one may have them."""
        info = self._house.info
        if info is not None and self._part.services:
            await _until(lambda: _is_empty(info, self._part.services), CALM_S,
                         f"there are still callers in {', '.join(sorted(self._part.services))}")

    # -- what is told --------------------------------------------------------------------------------------------------

    def _note_heard(self, event: Event) -> None:
        match event:
            case Heard():
                self._note(event.began, f"duyuldu: {named(event.keys)}" + ("" if event.whole else " (yarıda kesildi)"))
            case Strange():
                self._note_lasting(event.began, event.until, "tanınmayan bir ses")
            case Music():
                self._note_lasting(event.began, event.until, "müzik")
            case Voice():
                agent = next(one for one in self._agents if one.hertz == event.hertz)
                self._note_lasting(event.began, event.until, agent.person.id)
            case Began() | Nothing():
                pass

    def _note_lasting(self, began: float, until: float, what: str) -> None:
        """One line for a piece of music or of a talk, however long it lasts."""
        moment = Moment(round(began, 3), f"duyuldu: {what} ({until - began:.1f} sn)")
        if self._moments and self._moments[-1].at == moment.at:
            self._moments[-1] = moment
        else:
            self._note(*moment)

    def _note(self, at: float, what: str) -> None:
        self._moments.append(Moment(round(at, 3), what))
        self._told(self)

    def _keep(self) -> Path | None:
        """What the caller heard, as a file."""
        if not self._sound:
            return None
        self._recording.parent.mkdir(parents=True, exist_ok=True)
        self._recording.touch(mode=0o600)  # at somebody else's number it may hold a person's voice
        with wave.open(str(self._recording), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(np.concatenate(self._sound).astype("<i2").tobytes())
        return self._recording


async def _is_ready(person: Person) -> bool:
    return bool((await person.view())["state"] == "ready")


async def _is_empty(info: Info, services: frozenset[str]) -> bool:
    queues = (await ask(info, "GET", "/api/v1/status"))["queues"]
    return not any(one["waiting"] or one["ringing"] or one["talking"] for one in queues if one["id"] in services)


async def _are_there(info: Info, services: frozenset[str], count: int) -> bool:
    queues = (await ask(info, "GET", "/api/v1/status"))["queues"]
    return count <= sum(int(one["waiting"]) + int(one["talking"]) for one in queues if one["id"] in services)


async def _until(there: Callable[[], Awaitable[bool]], limit: float, else_: str) -> None:
    end = asyncio.get_running_loop().time() + limit
    while not await there():
        if asyncio.get_running_loop().time() >= end:
            raise LabError(f"{else_} after {limit:.0f} s")
        await asyncio.sleep(LOOK_S)
