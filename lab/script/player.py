"""A player for one script: agents sign in, a caller dials, presses what is written, and listens."""

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

from ivr.caller.identity import normalise_number
from lab.errors import LabError
from lab.lab_nodes import start_node, wait_ready
from lab.lab_record import find_process
from lab.lifecycle import LabInfo
from lab.pbx import process
from lab.people.agent import SimAgent, ask_node
from lab.phones.audio import RATE, Samples
from lab.phones.audio_socket import AudioExchange, AudioLine, LiveAddress
from lab.phones.leg import REJECTED, Leg, Moment
from lab.phones.network import PhoneBehaviour, PhoneNetwork
from lab.script.agent import ScriptAnswerer
from lab.script.call import CallPlayer, wait_until
from lab.script.hold_music import HoldTunes
from lab.script.model import ANONYMOUS, CallScript, Comes, Leaves, NodeStep, ScriptCall, Waits
from lab.script.prompt_library import PromptLibrary
from lab.script.prompt_listener import PromptListener
from lab.script.state import Difference, ScriptState

ANSWER_S = 30.0
"""Limit for an answer. A node answers at once; a machine under full load takes longer."""
READY_S = 75.0
"""Limit until an agent is ready: milliseconds after the sign-in, the 15 s of a wrap-up, or a minute after a phone that
did not react."""
CALM_S = 20.0
"""Limit after the call until the services of the script are empty."""
PICK_UP_S = "1"
"""Ringing time of the caller's own telephone in a callback."""
HURRY_S = (0.6, 1.2, 1.9)
"""Seconds from the answer at which callers in front press their keys.

The first cuts the greeting, the next cut the notice and the acknowledgement. A key before the dialogue begins is lost
under load, and the next one replaces it.
"""
LATE_S = 0.5
"""Lateness from which a result is doubtful, because keys are pressed as late as the sound is heard.

The shortest time in which a key has its meaning is 0.8 s (`9`, after a choice). Half a second of it is needed to
recognise the sentence.
"""
TONES = list(range(400, 3_300, 50))
"""Tones in Hz, a different one for each person of the lab, so that a listener knows who speaks."""


class ScriptRunContext(NamedTuple):
    """Parts that all scripts of one run share."""

    network: PhoneNetwork
    exchange: AudioExchange
    library: PromptLibrary
    tunes: HoldTunes
    info: LabInfo | None
    """The lab, None if only the caller belongs to this run."""
    tones: Iterator[int]
    calls_from: str = ""
    """The caller's address, if the other side is not part of the lab."""


class ScriptPart(NamedTuple):
    """Parts that only one script uses."""

    number: str
    """Number that the caller dials."""
    caller: str
    others: Sequence[str]
    """Numbers of the callers who wait in front."""
    people: Mapping[int, str]
    """Line of an agent in the script -> id of the agent."""
    services: frozenset[str]
    """Services in which no other script has calls meanwhile."""


class ScriptOutcome(NamedTuple):
    """Result of a script."""

    script: CallScript
    difference: Difference | None
    trouble: str
    """Reason why the script could not be played to its end, empty if it was."""
    moments: tuple[Moment, ...]
    """Events with their seconds from the answer."""
    recording: Path | None
    """WAV of what the caller heard, with silence in its place. Only kept if the call differs from the script."""
    seconds: float
    """Length of the call."""
    late_s: float
    """Longest time in which nobody listened because the machine was busy."""

    @property
    def passed(self) -> bool:
        """Whether the call went as written."""
        return self.difference is None and not self.trouble

    @property
    def doubtful(self) -> bool:
        """Whether the call differed while the machine was too busy to tell whose fault that was."""
        return not self.passed and self.late_s >= LATE_S


def cycle_tones() -> Iterator[int]:
    """Yield the tones of one run. When they run out, people of different scripts share one."""
    return itertools.cycle(TONES)


class ScriptPlay:
    """A script that is played in a running lab or at a trunk."""

    def __init__(self, house: ScriptRunContext, script: CallScript, part: ScriptPart, recording: Path,
                 told: Callable[[ScriptPlay], None] = lambda play: None) -> None:
        """Prepare a script.

        `recording` is the file for the sound of a call that differs. `told` is called at each event.
        """
        self.script = script
        self.state = self._build_state(script.calls[0], house)
        self._context, self._part, self._recording, self._on_progress = house, part, recording, told
        self._voice = next(house.tones)
        self._agents: list[ScriptAnswerer] = []
        self._ahead: list[Leg] = []
        self._moments: list[Moment] = []
        self._sound: list[Samples] = []
        self._late_s = 0.0
        self._announcement: int | None = None
        """Id of the announcement that is on for this script."""
        self._down = False
        """True while the node is down because this script killed it."""
        self._before = 0
        """Steps of the calls that are over."""

    @staticmethod
    def _build_state(call: ScriptCall, house: ScriptRunContext) -> ScriptState:
        return ScriptState(call.steps, strangers=house.info is None)

    @property
    def at_step(self) -> int:
        """Number of the step that the script waits for, from 1."""
        return self._before + self.state.at_step

    @property
    def seconds(self) -> float:
        """Seconds heard in all calls."""
        return sum(map(len, self._sound)) / RATE

    @property
    def moments(self) -> tuple[Moment, ...]:
        """Events so far, in order."""
        return tuple(sorted(self._moments))

    async def play_script(self) -> ScriptOutcome:
        """Play all calls of the script, one after the other, and return the outcome."""
        trouble = ""
        # 1. Bring the people and the announcement that the script needs.
        try:
            await self._sign_in_agents()
            await self._start_announcement()
            await self._queue_others()
            # 2. Play the calls up to the first difference.
            for call in self.script.calls:
                await self._play_between(call)
                await self._play_call(call)
                if self.state.difference is not None:
                    break
                self._before += len(call.steps)
        except LabError as error:
            trouble = str(error)
        finally:
            # 3. Undo everything, in an order that lets agents sign out at a running node.
            await asyncio.gather(*(leg.hang_up() for leg in self._ahead))
            if self._down:
                await self.switch_node(up=True)
            if self._announcement is not None:
                await self._end_announcement(self._announcement)
            await asyncio.gather(*(agent.leave_call() for agent in self._agents))
        # 4. Wait until the services are empty: the next script may use them.
        try:
            await self._wait_for_empty_queues()
        except LabError as error:
            trouble = trouble or str(error)
        # 5. Keep the sound only of a call that differs.
        outcome = ScriptOutcome(self.script, self.state.difference, trouble, self.moments, None, self.seconds,
                                self._late_s)
        return outcome if outcome.passed else outcome._replace(recording=self._save_recording())

    # -- the others ----------------------------------------------------------------------------------------------------

    async def _sign_in_agents(self) -> None:
        info = self._context.info
        for agent in self.script.agents:
            assert info is not None
            person = SimAgent(info, self._context.network, self._part.people[agent.line])
            self._agents.append(ScriptAnswerer(person, agent.answer, self._context.exchange, self._context.tones,
                                               self._voice))
        await self._sign_in_some(later=False)

    async def _sign_in_some(self, *, later: bool) -> None:
        """Sign agents in one after the other, so that the first is idle longest."""
        for written, agent in zip(self.script.agents, self._agents, strict=True):
            if written.later is later:
                await agent.sign_in()
                # An agent who comes later may ring at once, and then never looks ready.
                if not later:
                    await wait_until(agent.is_ready, READY_S, f"the agent {agent.agent.id} is not ready")

    async def bring_agents(self) -> None:
        """Sign in the agents who come later. The script decides what may ring then."""
        await self._sign_in_some(later=True)

    async def _start_announcement(self) -> None:
        announced, info = self.script.announced, self._context.info
        if announced is not None and info is not None:
            body = {"prompt": announced.prompt, "service": announced.service or None, "closes": announced.closes,
                    "by": "santral lab script"}
            self._announcement = int((await ask_node(info, "POST", "/api/v1/announcements", body))["id"])

    async def _end_announcement(self, announcement: int) -> None:
        assert self._context.info is not None
        with suppress(LabError):
            await ask_node(self._context.info, "POST", "/api/v1/announcements/off", {"id": announcement})

    async def _queue_others(self) -> None:
        """Place the calls of the callers in front, and wait until they wait or talk."""
        ahead, info = self.script.ahead, self._context.info
        if ahead is None or info is None:
            return
        press = ",".join(f"{ahead.keys}@{at}s" for at in HURRY_S)
        for caller in self._part.others:
            # One after the other: their order in the queue must be the order in the script.
            self._ahead.append(await self._context.network.place_call(self._part.number, caller=caller, press=press))
            await wait_until(lambda: _are_waiting(info, self.script.services, len(self._ahead)), READY_S,
                             f"the callers in front do not wait: {self._ahead[-1].describe_moments()}")

    async def hang_up_front(self) -> None:
        """Hang up the first of the callers in front. Raise LabError if none is left."""
        first = next((leg for leg in self._ahead if not leg.ended.is_set()), None)
        if first is None:
            raise LabError("nobody waits in front of the caller any more")
        await first.hang_up()

    async def switch_node(self, *, up: bool) -> None:
        """Start the node again on the same state and wait until it is ready, or kill it. Raise LabError."""
        info = self._context.info
        assert info is not None
        folder = Path(info.state)
        if up:
            identity = await asyncio.to_thread(start_node, folder)
            await asyncio.to_thread(wait_ready, info.nodes[0], identity)
        else:
            process.send_signal(find_process(folder, "node"), signal.SIGKILL)
            await asyncio.to_thread(process.wait_end, find_process(folder, "node"), process.KILL_S)
        self._down = not up

    async def _wait_for_empty_queues(self) -> None:
        """Wait until nobody waits or talks in the services of this script. The next script may use them.

        Callbacks that did not happen are cancelled.
        """
        info = self._context.info
        if info is not None and self._part.services:
            for one in (await ask_node(info, "GET", "/api/v1/callbacks"))["callbacks"]:
                if one["service"] in self._part.services:
                    await ask_node(info, "POST", f"/api/v1/callbacks/{one['id']}/cancel")
            await wait_until(lambda: _is_empty(info, self._part.services), CALM_S,
                             f"there are still callers in {', '.join(sorted(self._part.services))}")

    # -- the caller ----------------------------------------------------------------------------------------------------

    async def _play_call(self, call: ScriptCall) -> None:
        self.state = self._build_state(call, self._context)
        # 1. Bring the caller's line, by a call or by a callback.
        lines: asyncio.Queue[AudioLine] = asyncio.Queue()
        live = self._context.exchange.expect_call(lines.put_nowait)
        try:
            leg, line = await (self._place_call(live, lines) if call.called_within is None
                               else self._await_callback(live, lines, call.called_within))
            # 2. Follow the call to its end, and hang up on every way out.
            try:
                await self._follow_call(leg, line)
            finally:
                await leg.hang_up()
            await leg.wait_ended(ANSWER_S)
        finally:
            self._context.exchange.forget_call(live)

    async def _play_between(self, call: ScriptCall) -> None:
        for step in call.before:
            match step:
                case Comes():
                    self._add_moment(self.seconds, "temsilci geldi", False)
                    await self.bring_agents()
                case Leaves():
                    self._add_moment(self.seconds, "öndeki kapattı", False)
                    await self.hang_up_front()
                case NodeStep():
                    self._add_moment(self.seconds, "düğüm kalkıyor" if step.up else "düğüm durdu", False)
                    await self.switch_node(up=step.up)
                case Waits():
                    await asyncio.sleep(step.seconds)

    async def _place_call(self, live: LiveAddress, lines: asyncio.Queue[AudioLine]) -> tuple[Leg, AudioLine]:
        caller = "anonymous" if self._part.caller == ANONYMOUS else self._part.caller
        leg = await self._context.network.place_call(self._part.number, live=live, caller=caller)
        came, ended = asyncio.create_task(lines.get()), asyncio.create_task(leg.ended.wait())
        try:
            await asyncio.wait((came, ended), timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
            if not came.done():
                # The leg may be up while its sound never comes, so only the sound counts as an answer.
                hint = ""
                if self._context.calls_from and leg.cause == REJECTED:
                    hint = f". It is called from {self._context.calls_from}: does its [trunk] match have that?"
                raise LabError(f"nobody answered at {self._part.number}: {leg.describe_moments()}{hint}")
            self._add_moment(self.seconds, f"{self._part.number} arandı, yanıt verildi", False)
            return leg, came.result()
        except BaseException:
            await leg.hang_up()
            raise
        finally:
            for task in (came, ended):
                task.cancel()

    async def _await_callback(self, live: LiveAddress, lines: asyncio.Queue[AudioLine],
                              within: float) -> tuple[Leg, AudioLine]:
        network = self._context.network
        telephone = normalise_number(self._part.caller).removeprefix("+")
        await network.set_behaviour(telephone, PhoneBehaviour(PICK_UP_S, live=live))
        try:
            line = await asyncio.wait_for(lines.get(), within)
        except TimeoutError:
            raise LabError(f"the caller was not called back within {within:g} s") from None
        finally:
            # A later callback would reach no script, so the telephone declines it.
            with suppress(LabError):
                await network.set_behaviour(telephone, PhoneBehaviour("decline"))
        leg = next(leg for leg in reversed(network.rung) if leg.seat == telephone)
        self._add_moment(self.seconds, "arayan geri arandı, açtı", False)
        return leg, line

    async def _follow_call(self, leg: Leg, line: AudioLine) -> None:
        ear = PromptListener(self._context.library, self._context.tunes, [agent.hertz for agent in self._agents])
        offset = self.seconds
        playing = CallPlayer(self.state, ear, leg, line, self._voice, self._agents, self,
                             lambda at, what, more: self._add_moment(offset + at, what, more))
        before, self._sound = self._sound, playing.sound
        try:
            await playing.follow_call()
        finally:
            self._sound = [*before, *playing.sound]
            self._late_s = max(self._late_s, playing.late_s)

    # -- what is told --------------------------------------------------------------------------------------------------

    def _add_moment(self, at: float, what: str, more: bool) -> None:
        moment = Moment(round(at, 3), what)
        if more and self._moments and self._moments[-1].at == moment.at:
            self._moments[-1] = moment
        else:
            self._moments.append(moment)
        self._on_progress(self)

    def _save_recording(self) -> Path | None:
        """Write what the caller heard to a file. Return None if there is no sound."""
        if not self._sound:
            return None
        self._recording.parent.mkdir(parents=True, exist_ok=True)
        self._recording.touch(mode=0o600)  # at a trunk the file may hold a person's voice
        with wave.open(str(self._recording), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(np.concatenate(self._sound).astype("<i2").tobytes())
        return self._recording


async def _is_empty(info: LabInfo, services: frozenset[str]) -> bool:
    queues = (await ask_node(info, "GET", "/api/v1/status"))["queues"]
    return not any(one["waiting"] or one["ringing"] or one["talking"] for one in queues if one["id"] in services)


async def _are_waiting(info: LabInfo, services: frozenset[str], count: int) -> bool:
    queues = (await ask_node(info, "GET", "/api/v1/status"))["queues"]
    return count <= sum(int(one["waiting"]) + int(one["talking"]) for one in queues if one["id"] in services)
