"""One script played: agents sit down, somebody calls, presses what is written, and hears what is there."""

from __future__ import annotations

import asyncio
import itertools
import signal
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ivr.caller import normalise
from lab import process
from lab.audio import RATE, Samples
from lab.audiosocket import Exchange, Line, Live
from lab.ear import Ear
from lab.errors import LabError
from lab.leg import REJECTED, Leg, Moment
from lab.library import Library
from lab.network import Behaviour, Network
from lab.person import Person, ask
from lab.script import ANONYMOUS, Call, Comes, Leaves, Node, Script, Waits
from lab.script_agent import Answerer
from lab.script_call import Playing, until
from lab.script_course import Course, Difference
from lab.tune import Tunes
from lab.up import Info, running, start_node, wait_ready

ANSWER_S = 30.0
"""A node answers at once; a machine under full load takes its time."""
READY_S = 20.0
"""An agent who has signed in is ready within milliseconds, after wrap-up within seconds."""
CALM_S = 20.0
"""After the call the services are empty within this."""
PICK_UP_S = "1"
"""The caller's own telephone rings so long when it is called."""
HURRY_S = (0.6, 1.2, 1.9)
"""When those in front press their keys, seconds from the answer: the first cuts the greeting, the next the notice and
the acknowledgement. A key that comes before the dialogue has begun is lost under load; then the next does its work."""
LATE_S = 0.5
"""Who listens this late presses a key this late. The shortest time in which one means something is 0.8 s (`9`, after a
choice), and half a second of it is needed to know the sentence."""
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
    calls_from: str = ""
    """The caller's address, where the other side is not ours."""


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
    late_s: float
    """So long nobody listened, at most, because the machine was busy."""

    @property
    def passed(self) -> bool:
        """As written."""
        return self.difference is None and not self.trouble

    @property
    def doubtful(self) -> bool:
        """It was not as written, and the machine was too busy to tell whose fault that was."""
        return not self.passed and self.late_s >= LATE_S


def tones() -> Iterator[int]:
    """Tones for one run; more people than there are share one, never two of one script."""
    return itertools.cycle(TONES)


class Play:
    """A script in a house."""

    def __init__(self, house: House, script: Script, part: Part, recording: Path,
                 told: Callable[[Play], None] = lambda play: None) -> None:
        """`recording`: where the sound goes when it was not as written. `told`: called when something happened."""
        self.script = script
        self.course = self._course(script.calls[0], house)
        self._house, self._part, self._recording, self._told = house, part, recording, told
        self._voice = next(house.tones)
        self._agents: list[Answerer] = []
        self._ahead: list[Leg] = []
        self._moments: list[Moment] = []
        self._sound: list[Samples] = []
        self._late_s = 0.0
        self._announcement: int | None = None
        """Of the announcement that is on for this script."""
        self._down = False
        """The node was killed by this script."""
        self._before = 0
        """Steps of the calls that are over."""

    @staticmethod
    def _course(call: Call, house: House) -> Course:
        return Course(call.steps, strangers=house.info is None)

    @property
    def at_step(self) -> int:
        """Number of the step that is being waited for, from 1."""
        return self._before + self.course.at_step

    @property
    def seconds(self) -> float:
        """Heard so far, of all calls."""
        return sum(map(len, self._sound)) / RATE

    @property
    def moments(self) -> tuple[Moment, ...]:
        """What happened so far, in order."""
        return tuple(sorted(self._moments))

    async def play(self) -> Outcome:
        """All calls of the script, one after the other."""
        trouble = ""
        try:
            await self._sit_down()
            await self._announce()
            await self._line_up()
            for call in self.script.calls:
                await self._between(call)
                await self._call(call)
                if self.course.difference is not None:
                    break
                self._before += len(call.steps)
        except LabError as error:
            trouble = str(error)
        finally:
            await asyncio.gather(*(leg.hangup() for leg in self._ahead))
            if self._down:
                await self.switch(up=True)
            if self._announcement is not None:
                await self._silence(self._announcement)
            await asyncio.gather(*(agent.leave() for agent in self._agents))
        try:
            await self._calm()
        except LabError as error:
            trouble = trouble or str(error)
        outcome = Outcome(self.script, self.course.difference, trouble, self.moments, None, self.seconds, self._late_s)
        return outcome if outcome.passed else outcome._replace(recording=self._keep())

    # -- the others ----------------------------------------------------------------------------------------------------

    async def _sit_down(self) -> None:
        info = self._house.info
        for agent in self.script.agents:
            assert info is not None
            person = Person(info, self._house.network, self._part.people[agent.line])
            self._agents.append(Answerer(person, agent.answer, self._house.exchange, self._house.tones, self._voice))
        await self._sign_in(later=False)

    async def _sign_in(self, *, later: bool) -> None:
        """One after the other: who came first is idle longest."""
        for written, agent in zip(self.script.agents, self._agents, strict=True):
            if written.later is later:
                await agent.sign_in()
                if not later:
                    await until(agent.is_ready, READY_S, f"the agent {agent.person.id} is not ready")

    async def come(self) -> None:
        """Agents who come later sign in; what rings then is the script's business."""
        await self._sign_in(later=True)

    async def _announce(self) -> None:
        announced, info = self.script.announced, self._house.info
        if announced is not None and info is not None:
            body = {"prompt": announced.prompt, "service": announced.service or None, "closes": announced.closes,
                    "by": "santral lab script"}
            self._announcement = int((await ask(info, "POST", "/api/v1/announcements", body))["id"])

    async def _silence(self, announcement: int) -> None:
        assert self._house.info is not None
        with suppress(LabError):
            await ask(self._house.info, "POST", "/api/v1/announcements/off", {"id": announcement})

    async def _line_up(self) -> None:
        """Others call before, and wait or talk."""
        ahead, info = self.script.ahead, self._house.info
        if ahead is None or info is None:
            return
        press = ",".join(f"{ahead.keys}@{at}s" for at in HURRY_S)
        for caller in self._part.others:
            self._ahead.append(await self._house.network.call(self._part.number, caller=caller, press=press))
            await until(lambda: _are_there(info, self.script.services, len(self._ahead)), READY_S,
                        f"those who shall wait in front do not: {self._ahead[-1].story()}")

    async def leave_front(self) -> None:
        """The first of those in front hangs up. Raises LabError when there is none left."""
        first = next((leg for leg in self._ahead if not leg.ended.is_set()), None)
        if first is None:
            raise LabError("nobody waits in front of the caller any more")
        await first.hangup()

    async def switch(self, *, up: bool) -> None:
        """The node starts again on the same state and is ready, or is killed. Raises LabError."""
        info = self._house.info
        assert info is not None
        folder = Path(info.state)
        if up:
            identity = await asyncio.to_thread(start_node, folder)
            await asyncio.to_thread(wait_ready, info.http, identity, folder / "node.log")
        else:
            process.send(running(folder, "node"), signal.SIGKILL)
            await asyncio.to_thread(process.wait_end, running(folder, "node"), process.KILL_S)
        self._down = not up

    async def _calm(self) -> None:
        """Until nobody waits or talks in the services of this script: the next one may have them. Who was to be called
        back and was not, is not called any more."""
        info = self._house.info
        if info is not None and self._part.services:
            for one in (await ask(info, "GET", "/api/v1/callbacks"))["callbacks"]:
                if one["service"] in self._part.services:
                    await ask(info, "POST", f"/api/v1/callbacks/{one['id']}/cancel")
            await until(lambda: _is_empty(info, self._part.services), CALM_S,
                        f"there are still callers in {', '.join(sorted(self._part.services))}")

    # -- the caller ----------------------------------------------------------------------------------------------------

    async def _call(self, call: Call) -> None:
        self.course = self._course(call, self._house)
        lines: asyncio.Queue[Line] = asyncio.Queue()
        live = self._house.exchange.expect(lines.put_nowait)
        try:
            leg, line = await (self._dial(live, lines) if call.called_within is None
                               else self._be_called(live, lines, call.called_within))
            try:
                await self._follow(leg, line)
            finally:
                await leg.hangup()
            await leg.wait_ended(ANSWER_S)
        finally:
            self._house.exchange.forget(live)

    async def _between(self, call: Call) -> None:
        for step in call.before:
            match step:
                case Comes():
                    self._note(self.seconds, "temsilci geldi", False)
                    await self.come()
                case Leaves():
                    self._note(self.seconds, "öndeki kapattı", False)
                    await self.leave_front()
                case Node():
                    self._note(self.seconds, "düğüm kalkıyor" if step.up else "düğüm durdu", False)
                    await self.switch(up=step.up)
                case Waits():
                    await asyncio.sleep(step.seconds)

    async def _dial(self, live: Live, lines: asyncio.Queue[Line]) -> tuple[Leg, Line]:
        caller = "anonymous" if self._part.caller == ANONYMOUS else self._part.caller
        leg = await self._house.network.call(self._part.number, live=live, caller=caller)
        came, ended = asyncio.create_task(lines.get()), asyncio.create_task(leg.ended.wait())
        try:
            await asyncio.wait((came, ended), timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
            if not came.done():
                hint = ""
                if self._house.calls_from and leg.cause == REJECTED:
                    hint = f". It is called from {self._house.calls_from}: does its [trunk] match have that?"
                raise LabError(f"nobody answered at {self._part.number}: {leg.story()}{hint}")
            self._note(self.seconds, f"{self._part.number} arandı, yanıt verildi", False)
            return leg, came.result()
        except BaseException:
            await leg.hangup()
            raise
        finally:
            for task in (came, ended):
                task.cancel()

    async def _be_called(self, live: Live, lines: asyncio.Queue[Line], within: float) -> tuple[Leg, Line]:
        network = self._house.network
        telephone = normalise(self._part.caller).removeprefix("+")
        await network.behave(telephone, Behaviour(PICK_UP_S, live=live))
        try:
            line = await asyncio.wait_for(lines.get(), within)
        except TimeoutError:
            raise LabError(f"the caller was not called back within {within:g} s") from None
        finally:
            with suppress(LabError):
                await network.behave(telephone, Behaviour("decline"))
        leg = next(leg for leg in reversed(network.rung) if leg.seat == telephone)
        self._note(self.seconds, "arayan geri arandı, açtı", False)
        return leg, line

    async def _follow(self, leg: Leg, line: Line) -> None:
        ear = Ear(self._house.library, self._house.tunes, [agent.hertz for agent in self._agents])
        offset = self.seconds
        playing = Playing(self.course, ear, leg, line, self._voice, self._agents, self,
                          lambda at, what, more: self._note(offset + at, what, more))
        before, self._sound = self._sound, playing.sound
        try:
            await playing.follow()
        finally:
            self._sound = [*before, *playing.sound]
            self._late_s = max(self._late_s, playing.late_s)

    # -- what is told --------------------------------------------------------------------------------------------------

    def _note(self, at: float, what: str, more: bool) -> None:
        moment = Moment(round(at, 3), what)
        if more and self._moments and self._moments[-1].at == moment.at:
            self._moments[-1] = moment
        else:
            self._moments.append(moment)
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


async def _is_empty(info: Info, services: frozenset[str]) -> bool:
    queues = (await ask(info, "GET", "/api/v1/status"))["queues"]
    return not any(one["waiting"] or one["ringing"] or one["talking"] for one in queues if one["id"] in services)


async def _are_there(info: Info, services: frozenset[str], count: int) -> bool:
    queues = (await ask(info, "GET", "/api/v1/status"))["queues"]
    return count <= sum(int(one["waiting"]) + int(one["talking"]) for one in queues if one["id"] in services)
