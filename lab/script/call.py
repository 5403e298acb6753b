"""One call of a script from its answer on. Heard events go to the script's state, and its actions are carried out.

The sound is live (`lab.phones.audio_socket`) and travels over RTP through both Asterisks. A key goes out while the
sentence is still being played.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

from lab.errors import LabError
from lab.phones.audio import RATE, Samples
from lab.phones.audio_socket import AudioLine
from lab.phones.leg import Leg
from lab.script.agent import ScriptAnswerer
from lab.script.prompt_listener import Event, Music, NotAPrompt, PromptListener, Strange, Voice
from lab.script.recogniser import PromptBegan, PromptHeard
from lab.script.state import (
    Action,
    AgentAct,
    BringAgents,
    HangUp,
    HangUpFront,
    LineEnded,
    PressKeys,
    ScriptState,
    Speak,
    SwitchNode,
    TalkHeard,
    name_prompts,
)

LISTEN_S = 0.1
"""Length of the pieces in which sound is listened to. Shorter pieces cost more."""
LISTEN_MAX = round(5 * LISTEN_S * RATE)
"""Most sound at a time after the machine was held up, so that other calls are listened to in between."""


class ScriptHelpers(Protocol):
    """Actions of a script on people who are not in the call."""

    async def bring_agents(self) -> None:
        """Sign in the agents who come later."""
        ...

    async def hang_up_front(self) -> None:
        """Hang up the first of the callers who wait in front."""
        ...

    async def switch_node(self, *, up: bool) -> None:
        """Kill the node, or start it again."""
        ...


class CallPlayer:
    """The caller's end of a call."""

    def __init__(self, course: ScriptState, ear: PromptListener, leg: Leg, line: AudioLine, voice: int,
                 agents: Sequence[ScriptAnswerer], others: ScriptHelpers,
                 note: Callable[[float, str, bool], None]) -> None:
        """Prepare a call. `voice` is the caller's tone.

        `note` takes seconds, words, and whether the words replace those of the same second.
        """
        self.sound: list[Samples] = []
        """Heard sound, with silence in its place."""
        self.late_s = 0.0
        """Longest time in which nobody listened because the machine was busy."""
        self._state, self._listener, self._leg, self._line, self._voice = course, ear, leg, line, voice
        self._agents = {agent.hertz: agent for agent in agents}
        self._others, self._note = others, note
        self._now = 0.0

    async def follow_call(self) -> None:
        """Follow the call until the script is done.

        The call listens in small pieces, so that many calls share one processor.
        """
        course, line = self._state, self._line
        await self._perform_actions(course.start_call(0.0))
        while not course.done:
            # 1. Wait for the next piece of sound, and note how late it is read.
            before = line.seconds
            await asyncio.sleep(LISTEN_S)
            self._now = line.seconds
            self.late_s = max(self.late_s, self._now - before - LISTEN_S)
            # 2. Take the sound. A gap longer than the patience of the listener is silence.
            over = line.ended.is_set()
            samples = line.take_sound()
            if not len(samples) and line.silence_s >= self._listener.patience_s and not over:
                samples = line.fill_silence()
            self.sound.append(samples)
            # 3. Listen to it in short parts. The pause lets the other calls of this process go on.
            for at in range(0, len(samples), LISTEN_MAX):
                await self._hear_events(self._listener.take_sound(samples[at: at + LISTEN_MAX]))
                await asyncio.sleep(0)
            for agent in self._agents.values():
                agent.hear_new_sound()
            # 4. The end of the line is the last event of the call.
            if over and not course.done:
                await self._hear_events(self._listener.finish_sound())
                self._note(self._now, "karşı taraf kapattı", False)
                await self._perform_actions(course.hear_event(LineEnded(self._now), self._now))
            # 5. Let time pass: a step may be late by now.
            await self._perform_actions(course.pass_time(self._now))

    async def _hear_events(self, events: Iterator[Event]) -> None:
        for event in events:
            self._note_heard(event)
            await self._perform_actions(self._state.hear_event(event, self._now))
            if isinstance(event, Voice):
                agent = self._agents[event.hertz]
                # The node knows the service of a talk only after the bridge, so it is asked as soon as the agent is
                # heard.
                agent.learn_service()
                talk = TalkHeard(agent.agent.id, agent.service, agent.hears_s, event.began, event.until)
                await self._perform_actions(self._state.hear_event(talk, self._now))

    async def _perform_actions(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case PressKeys():
                    self._note(self._now, f"{action.keys} tuşuna basıldı", False)
                    await self._leg.press_keys(action.keys)
                case Speak():
                    self._line.send_tone(self._voice if action.on else None)
                case HangUp():
                    if self._state.difference is None and not self._line.ended.is_set():
                        self._note(self._now, "arayan kapattı", False)
                    await self._leg.hang_up()
                case AgentAct():
                    await self._act_as_agent(action)
                case BringAgents():
                    self._note(self._now, "temsilci geldi", False)
                    await self._others.bring_agents()
                case HangUpFront():
                    self._note(self._now, "öndeki kapattı", False)
                    await self._others.hang_up_front()
                case SwitchNode():
                    self._note(self._now, "düğüm kalkıyor" if action.up else "düğüm durdu", False)
                    await self._others.switch_node(up=action.up)

    async def _act_as_agent(self, action: AgentAct) -> None:
        agent = next((one for one in self._agents.values() if one.agent.id == self._state.talks_with), None)
        leg = agent.leg if agent else None
        if agent is None or leg is None:
            raise LabError("no agent is in a talk with the caller: a step 'konusur' comes before 'temsilci'")
        self._note(self._now, f"{agent.agent.id}: {action.what} {action.value}".rstrip(), False)
        if action.what == "kapatir":
            await leg.hang_up()
        else:
            await leg.press_keys(action.value)

    def _note_heard(self, event: Event) -> None:
        match event:
            case PromptHeard():
                cut = "" if event.whole else " (yarıda kesildi)"
                self._note(event.began, f"duyuldu: {name_prompts(event.keys)}{cut}", False)
            case Strange():
                self._note_lasting(event, "tanınmayan bir ses")
            case Music():
                self._note_lasting(event, "müzik")
            case Voice():
                self._note_lasting(event, self._agents[event.hertz].agent.id)
            case PromptBegan() | NotAPrompt():
                pass

    def _note_lasting(self, event: Strange | Music | Voice, what: str) -> None:
        """Note one line for a piece of music or of a talk, however long it lasts."""
        self._note(event.began, f"duyuldu: {what} ({event.until - event.began:.1f} sn)", True)


async def wait_until(there: Callable[[], Awaitable[bool]], limit: float, else_: str) -> None:
    """Wait until `there` returns true. Raise LabError with `else_` after `limit` seconds."""
    end = asyncio.get_running_loop().time() + limit
    while not await there():
        if asyncio.get_running_loop().time() >= end:
            raise LabError(f"{else_} after {limit:.0f} s")
        await asyncio.sleep(LISTEN_S)
