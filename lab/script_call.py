"""One call of a script, from its answer on: what is heard is told to the course, what the course wants is done.

The sound is live (`lab.audiosocket`): it has come over RTP through both Asterisks, and a key goes out while the
sentence is still being said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

from lab.audio import RATE, Samples
from lab.audiosocket import Line
from lab.ear import Ear, Event, Music, Nothing, Strange, Voice
from lab.errors import LabError
from lab.leg import Leg
from lab.recognise import Began, Heard
from lab.script_agent import Answerer
from lab.script_course import Act, Action, Come, Course, HangUp, Leave, Over, Press, Speak, Switch, Talk, named

LISTEN_S = 0.1
"""Sound is listened to in pieces of this length; shorter ones cost more."""
LISTEN_MAX = round(5 * LISTEN_S * RATE)
"""So much at a time when the machine was held up, so that the others are listened to between."""


class Others(Protocol):
    """What a course wants of people who are not in the call."""

    async def come(self) -> None:
        """Agents who come later sign in."""
        ...

    async def leave_front(self) -> None:
        """The first of those who wait in front hangs up."""
        ...


    async def switch(self, *, up: bool) -> None:
        """The node starts again, or is killed."""
        ...


class Playing:
    """The caller's end of a call."""

    def __init__(self, course: Course, ear: Ear, leg: Leg, line: Line, voice: int, agents: Sequence[Answerer],
                 others: Others, note: Callable[[float, str, bool], None]) -> None:
        """`voice`: the caller's tone. `note`: takes seconds, words, and whether they go on with the words of the same
        second."""
        self.sound: list[Samples] = []
        """What was heard, silence in its place."""
        self.late_s = 0.0
        """So long nobody listened, at most: the machine was busy with something else."""
        self._course, self._ear, self._leg, self._line, self._voice = course, ear, leg, line, voice
        self._agents = {agent.hertz: agent for agent in agents}
        self._others, self._note = others, note
        self._now = 0.0

    async def follow(self) -> None:
        """Until the course is done. Listening is done in small pieces, so that many calls share one processor."""
        course, line = self._course, self._line
        await self._do(course.begin(0.0))
        while not course.done:
            before = line.seconds
            await asyncio.sleep(LISTEN_S)
            self._now = line.seconds
            self.late_s = max(self.late_s, self._now - before - LISTEN_S)
            over = line.ended.is_set()
            samples = line.take()
            if not len(samples) and line.quiet_s >= self._ear.patience_s and not over:
                samples = line.fill()
            self.sound.append(samples)
            for at in range(0, len(samples), LISTEN_MAX):
                await self._hear(self._ear.take(samples[at: at + LISTEN_MAX]))
                await asyncio.sleep(0)
            for agent in self._agents.values():
                agent.listen()
            if over and not course.done:
                await self._hear(self._ear.finish())
                self._note(self._now, "karşı taraf kapattı", False)
                await self._do(course.take(Over(self._now), self._now))
            await self._do(course.tick(self._now))

    async def _hear(self, events: Iterator[Event]) -> None:
        for event in events:
            self._note_heard(event)
            await self._do(self._course.take(event, self._now))
            if isinstance(event, Voice):
                agent = self._agents[event.hertz]
                agent.learn()
                talk = Talk(agent.person.id, agent.service, agent.hears_s, event.began, event.until)
                await self._do(self._course.take(talk, self._now))

    async def _do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Press():
                    self._note(self._now, f"{action.keys} tuşuna basıldı", False)
                    await self._leg.press(action.keys)
                case Speak():
                    self._line.say(self._voice if action.on else None)
                case HangUp():
                    if self._course.difference is None and not self._line.ended.is_set():
                        self._note(self._now, "arayan kapattı", False)
                    await self._leg.hangup()
                case Act():
                    await self._act(action)
                case Come():
                    self._note(self._now, "temsilci geldi", False)
                    await self._others.come()
                case Leave():
                    self._note(self._now, "öndeki kapattı", False)
                    await self._others.leave_front()
                case Switch():
                    self._note(self._now, "düğüm kalkıyor" if action.up else "düğüm durdu", False)
                    await self._others.switch(up=action.up)

    async def _act(self, action: Act) -> None:
        agent = next((one for one in self._agents.values() if one.person.id == self._course.talks_with), None)
        leg = agent.leg if agent else None
        if agent is None or leg is None:
            raise LabError("no agent is in a talk with the caller: a step 'konusur' comes before 'temsilci'")
        self._note(self._now, f"{agent.person.id}: {action.what} {action.value}".rstrip(), False)
        if action.what == "kapatir":
            await leg.hangup()
        else:
            await leg.press(action.value)

    def _note_heard(self, event: Event) -> None:
        match event:
            case Heard():
                cut = "" if event.whole else " (yarıda kesildi)"
                self._note(event.began, f"duyuldu: {named(event.keys)}{cut}", False)
            case Strange():
                self._note_lasting(event, "tanınmayan bir ses")
            case Music():
                self._note_lasting(event, "müzik")
            case Voice():
                self._note_lasting(event, self._agents[event.hertz].person.id)
            case Began() | Nothing():
                pass

    def _note_lasting(self, event: Strange | Music | Voice, what: str) -> None:
        """One line for a piece of music or of a talk, however long it lasts."""
        self._note(event.began, f"duyuldu: {what} ({event.until - event.began:.1f} sn)", True)


async def until(there: Callable[[], Awaitable[bool]], limit: float, else_: str, look_s: float = LISTEN_S) -> None:
    """Wait until it is so. Raises LabError."""
    end = asyncio.get_running_loop().time() + limit
    while not await there():
        if asyncio.get_running_loop().time() >= end:
            raise LabError(f"{else_} after {limit:.0f} s")
        await asyncio.sleep(look_s)
