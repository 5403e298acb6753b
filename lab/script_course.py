"""A script followed without I/O: (what is heard, the time) -> what the caller does, or the first line that differs.

Strict: what is heard and not written is a difference. What is not heard need not be written: a pause is none. Times are
seconds since the call was answered; those of what was heard are the sound's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lab.ear import Event, Music, Nothing, Strange, Voice
from lab.recognise import Began, Heard
from lab.script import (
    Acts,
    Begins,
    Comes,
    Ends,
    HangsUp,
    Hears,
    HearsNot,
    Leaves,
    Node,
    Presses,
    Says,
    Step,
    Talks,
    Waits,
)
from lab.script import Music as Tune

REACT_S = 2.0
"""A key that was pressed has cut what was said within this; a machine under load takes its time. What had just begun
then, and was cut, need not be written: nobody heard what it was."""
KEY_S = 0.22
"""One key and the rest behind it (`lab.network`)."""
BLIP_S = 1.0
"""Music need not be written when it is shorter: between two sentences of who waits, or until a phone rings."""
TALK_S = 0.5
"""So long each must have heard the other."""
SAME_S = 0.2
"""A prompt that begins within this of the one announced before is the same one, known better."""
MAX_NAMED = 3
"""Prompts named that cannot be told apart."""


class Talk(NamedTuple):
    """An agent is heard by the caller, so far without a pause."""

    agent: str
    service: str
    """Empty: not known yet."""
    answered_s: float
    """So long the agent hears the caller."""
    began: float
    until: float


class Over(NamedTuple):
    """The other side has hung up."""

    at: float


class Press(NamedTuple):
    """Press these keys now."""

    keys: str


class Speak(NamedTuple):
    """The caller speaks from now on, or is silent."""

    on: bool


class Act(NamedTuple):
    """The agent in the talk does this."""

    what: str
    value: str


class Come(NamedTuple):
    """Agents who come later sign in."""


class Leave(NamedTuple):
    """The first of those who wait in front hangs up."""


class Switch(NamedTuple):
    """The node is killed, or starts again."""

    up: bool


class HangUp(NamedTuple):
    """The caller hangs up."""


Action = Press | Speak | Act | Come | Leave | Switch | HangUp


class Difference(NamedTuple):
    """The first line at which the call was not as written."""

    line: int
    expected: str
    heard: str
    at: float

    def __str__(self) -> str:
        return f"beklenen {self.expected}, duyulan {self.heard}"


class _Playing:
    """A prompt is being said, or one that begins like it."""

    def __init__(self, keys: frozenset[str], at: float) -> None:
        self.keys, self.at = keys, at
        self.claimed: Begins | None = None
        """The `baslar` that it is."""
        self.free = False
        """It may go on to its end."""


class Course:
    """One script on its way through a call."""

    def __init__(self, steps: Sequence[Step], *, strangers: bool = False) -> None:
        """`strangers`: the people who answer are not ours, so unknown sound in a talk is their voice."""
        self.difference: Difference | None = None
        self.done = False
        """The last step is behind us, or a difference was found."""
        self._steps = steps
        self._strangers = strangers
        self._index = -1
        self._since = 0.0
        self._playing: _Playing | None = None
        self._pressed: tuple[float, Step] | None = None
        self._music = False
        """It may be heard without being written: from `muzik` on, until a talk."""
        self._with: str | None = None
        """The agent who may be heard without being written: since `konusur`."""
        self._last = "sessizlik"
        self._actions: list[Action] = []

    @property
    def step(self) -> Step | None:
        """What is being waited for."""
        return self._steps[self._index] if 0 <= self._index < len(self._steps) else None

    @property
    def talks_with(self) -> str:
        """The agent in the talk; empty: none."""
        return self._with or ""

    @property
    def at_step(self) -> int:
        """Its number, from 1; 0 before the answer."""
        return min(self._index + 1, len(self._steps))

    def begin(self, now: float) -> list[Action]:
        """The call was answered."""
        self._advance(now)
        return self._told()

    def take(self, event: Event | Talk | Over, now: float) -> list[Action]:
        """Something was heard."""
        if not self.done:
            match event:
                case Began():
                    self._began(event, now)
                case Heard():
                    self._heard(event, now)
                case Nothing():
                    self._playing = None
                case Music():
                    self._tune(event, now)
                case Talk():
                    self._talk(event, now)
                case Voice():
                    pass  # who that is comes as `Talk`
                case Strange():
                    self._strange(event, now)
                case Over():
                    self._over(event, now)
        return self._told()

    def tick(self, now: float) -> list[Action]:
        """Time passes."""
        step, passed = self.step, now - self._since
        if self.done or step is None:
            return self._told()
        match step:
            case Hears() | Begins():
                if passed > step.within and not (self._playing and not self._playing.claimed):
                    self._differs(step, self._last, now)
            case Tune() | Ends():
                if passed > step.within and not self._playing:
                    self._differs(step, self._last, now)
            case Talks():
                if passed > step.within:
                    self._differs(step, self._last, now)
            case Waits() | Says():
                if passed >= step.seconds:
                    self._advance(now)
            case HearsNot():
                # A prompt that has just begun may be the one: it is waited for.
                if passed >= step.seconds and not (self._playing and step.key in self._playing.keys):
                    if self._playing:
                        self._playing.free = True
                    self._advance(now)
        return self._told()

    # -- what is heard -------------------------------------------------------------------------------------------------

    def _began(self, event: Began, now: float) -> None:
        playing = self._playing
        if playing is None or abs(event.at - playing.at) > SAME_S:
            playing = self._playing = _Playing(event.keys, event.at)
        playing.keys = event.keys
        self._last = named(event.keys)
        self._claim(now)

    def _claim(self, now: float) -> None:
        """What is being said is what `baslar` waits for."""
        step, playing = self.step, self._playing
        if isinstance(step, Begins) and playing and not playing.claimed and step.key in playing.keys:
            playing.claimed = step
            self._advance(now)

    def _heard(self, event: Heard, now: float) -> None:
        playing, self._playing = self._playing, None
        step, cut = self.step, "" if event.whole else " (yarıda kesildi)"
        self._last = named(event.keys) + cut
        assert step is not None
        if playing and playing.claimed:
            self._goes_on(event, playing.claimed, step, now)
        elif (playing and playing.free) or self._cut_by_key(event):
            pass
        elif isinstance(step, HearsNot):
            if step.key in event.keys:
                self._differs(step, self._last, event.began)
        elif isinstance(step, Hears) and step.key in event.keys and event.whole:
            self._advance(now)
        else:
            self._differs(step, self._last, event.began)

    def _goes_on(self, event: Heard, claimed: Begins, step: Step, now: float) -> None:
        """The prompt that `baslar` was content with is over."""
        if claimed.key not in event.keys:
            self._differs(claimed, self._last, event.began)
        elif event.whole and isinstance(step, Hears) and step.key in event.keys:
            self._advance(now)
        elif event.whole and self._pressed and event.began < self._pressed[0] < event.ended - REACT_S:
            self._differs(self._pressed[1], f"{self._last} sonuna kadar", event.began)

    def _cut_by_key(self, event: Heard | Strange) -> bool:
        """What had just begun when a key was pressed, and was cut by it."""
        if self._pressed is None or (isinstance(event, Heard) and event.whole):
            return False
        ended = event.ended if isinstance(event, Heard) else event.until
        return event.began < self._pressed[0] + REACT_S and ended < self._pressed[0] + REACT_S

    def _tune(self, event: Music, now: float) -> None:
        step, self._last = self.step, "müzik"
        if isinstance(step, Tune):
            if event.until - max(event.began, self._since) >= step.seconds:
                self._music = True
                self._advance(now)
        elif not self._music and not isinstance(step, HearsNot | Talks) and event.until - event.began >= BLIP_S:
            assert step is not None
            self._differs(step, "müzik", event.began)

    def _talk(self, event: Talk, now: float) -> None:
        step, who = self.step, event.agent
        assert step is not None
        self._last = f"{who} (karşılıklı değil)" if event.answered_s < TALK_S else who
        if isinstance(step, Talks):
            if event.until - max(event.began, self._since) < TALK_S:
                return
            if event.service and step.who not in (event.agent, event.service):
                self._differs(step, f"{who} ({event.service})", event.began)
            elif step.who in (event.agent, event.service) and event.answered_s >= TALK_S:
                self._with, self._music = event.agent, False
                self._advance(now)
        elif event.agent != self._with and not isinstance(step, HearsNot) and event.until - event.began >= TALK_S:
            self._differs(step, who, event.began)

    def _strange(self, event: Strange, now: float) -> None:
        step, self._last = self.step, "tanınmayan bir ses"
        if self._strangers and (self._with is not None or isinstance(step, Talks)):
            if isinstance(step, Talks):
                self._with, self._music = "", False
                self._advance(now)
        elif not self._cut_by_key(event) and not isinstance(step, HearsNot):
            assert step is not None
            self._differs(step, self._last, event.began)

    def _over(self, event: Over, now: float) -> None:
        step = self.step
        assert step is not None
        if isinstance(step, Ends):
            self._advance(now)
        else:
            self._differs(step, "karşı taraf kapattı", event.at)

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _advance(self, now: float) -> None:
        """On to the next step; what needs no waiting is done at once."""
        if isinstance(self.step, Hears | Begins) and self._with is not None:
            self._with = None  # a sentence comes after the talk
            self._actions.append(Speak(False))
        if isinstance(self.step, Says):
            self._actions.append(Speak(False))
        while True:
            self._index += 1
            self._since, self._last, step = now, "sessizlik", self.step
            if step is None or isinstance(step, HangsUp):
                self._actions.append(HangUp())
                self.done = True
                return
            match step:
                case Presses():
                    self._actions.append(Press(step.keys))
                    self._pressed = now + KEY_S * len(step.keys), step
                case Acts():
                    self._actions.append(Act(step.what, step.value))
                case Comes():
                    self._actions.append(Come())
                case Leaves():
                    self._actions.append(Leave())
                case Node():
                    self._actions.append(Switch(step.up))
                case Says() | Talks():
                    self._actions.append(Speak(True))
                    return
                case Begins():
                    self._claim(now)
                    return
                case _:
                    return

    def _differs(self, step: Step, heard: str, at: float) -> None:
        self.difference = Difference(step.line, expected(step), heard, at)
        self.done = True
        self._actions.append(HangUp())

    def _told(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions


def named(keys: frozenset[str]) -> str:
    """A prompt, or the few that cannot be told apart."""
    some = sorted(keys)
    return " ya da ".join(some[:MAX_NAMED]) + (" ya da benzeri" if len(some) > MAX_NAMED else "")


def expected(step: Step) -> str:
    """What a line asks for, in the operator's words."""
    match step:
        case Hears() | Begins():
            return step.key
        case HearsNot():
            return f"{step.key} duyulmaması"
        case Tune():
            return f"{step.seconds:g} sn müzik"
        case Talks():
            return f"{step.who} ile karşılıklı konuşma"
        case Ends():
            return "karşı tarafın kapatması"
        case Waits():
            return "yeni bir ses olmaması"
        case Presses():
            return f"{step.keys} tuşunun sözü kesmesi"
        case Says():
            return "arayanın sözünün kesilmemesi"
        case Acts():
            return f"temsilcinin yaptığı ({step.what})"
        case Comes():
            return "temsilcinin gelmesi"
        case Leaves():
            return "öndekinin kapatması"
        case Node():
            return f"düğümün {'kalkması' if step.up else 'durması'}"
        case HangsUp():
            return "arayanın kapatması"
