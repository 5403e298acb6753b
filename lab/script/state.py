"""The state of a script during a call, without I/O.

Heard events and the time go in. The caller's actions come out, or the first line that differs.

A sound that is heard and not written is a difference. A pause need not be written. Times are seconds since the answer,
and those of heard events are the sound's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lab.script.model import (
    Acts,
    Begins,
    Comes,
    Ends,
    HangsUp,
    Hears,
    HearsNot,
    Leaves,
    NodeStep,
    Presses,
    Says,
    Step,
    Talks,
    Waits,
)
from lab.script.model import Music as Tune
from lab.script.prompt_listener import Event, Music, NotAPrompt, Strange, Voice
from lab.script.recogniser import PromptBegan, PromptHeard

REACT_S = 2.0
"""Time within which a pressed key cuts a sentence. A machine under load takes that long.

A sentence that had just begun and was cut need not be written, because nobody heard which one it was.
"""
KEY_S = 0.22
"""Time of one key with the pause after it (`lab.phones.network`)."""
BLIP_S = 1.0
"""Length below which music need not be written: between two sentences of a waiting caller, or until a phone rings."""
TALK_S = 0.5
"""Time for which caller and agent must have heard each other."""
SAME_S = 0.2
"""A prompt that begins within this time of the last one is the same prompt, now known better."""
MAX_NAMED = 3
"""Prompts that are named when they cannot be told apart."""


class TalkHeard(NamedTuple):
    """The caller hears an agent, without a pause so far."""

    agent: str
    service: str
    """Empty while the service is not known."""
    answered_s: float
    """Seconds for which the agent hears the caller."""
    began: float
    until: float


class LineEnded(NamedTuple):
    """The other side has hung up."""

    at: float


class PressKeys(NamedTuple):
    """Press these keys now."""

    keys: str


class Speak(NamedTuple):
    """Let the caller speak from now on, or be silent."""

    on: bool


class AgentAct(NamedTuple):
    """Let the agent in the talk act."""

    what: str
    value: str


class BringAgents(NamedTuple):
    """Sign in the agents who come later."""


class HangUpFront(NamedTuple):
    """Hang up the first of the callers who wait in front."""


class SwitchNode(NamedTuple):
    """Kill the node, or start it again."""

    up: bool


class HangUp(NamedTuple):
    """Hang up the caller's line."""


Action = PressKeys | Speak | AgentAct | BringAgents | HangUpFront | SwitchNode | HangUp


class Difference(NamedTuple):
    """The first line that differs from the call."""

    line: int
    expected: str
    heard: str
    at: float

    def __str__(self) -> str:
        return f"beklenen {self.expected}, duyulan {self.heard}"


class _PromptPlaying:
    """A prompt that is being played, or one that begins like it."""

    def __init__(self, keys: frozenset[str], at: float) -> None:
        self.keys, self.at = keys, at
        self.claimed: Begins | None = None
        """The step `baslar` that this prompt fulfils."""
        self.free = False
        """True if the prompt may continue to its end."""


class ScriptState:
    """The progress of one script through a call."""

    def __init__(self, steps: Sequence[Step], *, strangers: bool = False) -> None:
        """Prepare a call.

        With `strangers` people outside the lab answer, so unknown sound in a talk is their voice.
        """
        self.difference: Difference | None = None
        self.done = False
        """True after the last step or a difference."""
        self._steps = steps
        self._strangers = strangers
        self._index = -1
        self._since = 0.0
        self._playing: _PromptPlaying | None = None
        self._pressed: tuple[float, Step] | None = None
        self._music = False
        """True while music may be heard without being written: from `muzik` to a talk."""
        self._with: str | None = None
        """Agent who may be heard without being written, since `konusur`."""
        self._last = "sessizlik"
        self._actions: list[Action] = []

    @property
    def step(self) -> Step | None:
        """Step that the script waits for, None before the answer and after the last step."""
        return self._steps[self._index] if 0 <= self._index < len(self._steps) else None

    @property
    def talks_with(self) -> str:
        """Agent in the talk, empty if there is none."""
        return self._with or ""

    @property
    def at_step(self) -> int:
        """Number of the step, from 1; 0 before the answer."""
        return min(self._index + 1, len(self._steps))

    def start_call(self, now: float) -> list[Action]:
        """Start the script when the call is answered."""
        self._advance_step(now)
        return self._take_actions()

    def hear_event(self, event: Event | TalkHeard | LineEnded, now: float) -> list[Action]:
        """Take a heard event and return the caller's actions."""
        if not self.done:
            match event:
                case PromptBegan():
                    self._on_prompt_began(event, now)
                case PromptHeard():
                    self._on_prompt_heard(event, now)
                case NotAPrompt():
                    self._playing = None
                case Music():
                    self._on_music(event, now)
                case TalkHeard():
                    self._on_talk(event, now)
                case Voice():
                    pass  # `TalkHeard` follows and names the agent
                case Strange():
                    self._on_strange_sound(event, now)
                case LineEnded():
                    self._on_line_ended(event, now)
        return self._take_actions()

    def pass_time(self, now: float) -> list[Action]:
        """Let time pass and return the caller's actions."""
        step, passed = self.step, now - self._since
        if self.done or step is None:
            return self._take_actions()
        # 1. Steps that wait for a sound differ when their time is over. A prompt that is still playing gets its end.
        match step:
            case Hears() | Begins():
                if passed > step.within and not (self._playing and not self._playing.claimed):
                    self._note_difference(step, self._last, now)
            case Tune() | Ends():
                if passed > step.within and not self._playing:
                    self._note_difference(step, self._last, now)
            case Talks():
                if passed > step.within:
                    self._note_difference(step, self._last, now)
            # 2. Steps that only wait are done when their time is over.
            case Waits() | Says():
                if passed >= step.seconds:
                    self._advance_step(now)
            case HearsNot():
                # A prompt that has just begun may be the forbidden one, so its end decides.
                if passed >= step.seconds and not (self._playing and step.key in self._playing.keys):
                    if self._playing:
                        self._playing.free = True
                    self._advance_step(now)
        return self._take_actions()

    # -- what is heard -------------------------------------------------------------------------------------------------

    def _on_prompt_began(self, event: PromptBegan, now: float) -> None:
        playing = self._playing
        if playing is None or abs(event.at - playing.at) > SAME_S:
            playing = self._playing = _PromptPlaying(event.keys, event.at)
        playing.keys = event.keys
        self._last = name_prompts(event.keys)
        self._claim_prompt(now)

    def _claim_prompt(self, now: float) -> None:
        """Let the prompt that is playing fulfil `baslar`, if the script waits for it."""
        step, playing = self.step, self._playing
        if isinstance(step, Begins) and playing and not playing.claimed and step.key in playing.keys:
            playing.claimed = step
            self._advance_step(now)

    def _on_prompt_heard(self, event: PromptHeard, now: float) -> None:
        playing, self._playing = self._playing, None
        step, cut = self.step, "" if event.whole else " (yarıda kesildi)"
        self._last = name_prompts(event.keys) + cut
        assert step is not None
        # 1. A prompt that fulfilled `baslar` is checked against that step.
        if playing and playing.claimed:
            self._on_claimed_prompt_ended(event, playing.claimed, step, now)
        # 2. A prompt that ends after its step, or that a key cut, is no difference.
        elif (playing and playing.free) or self._is_cut_by_key(event):
            pass
        # 3. Otherwise the current step must allow the prompt.
        elif isinstance(step, HearsNot):
            if step.key in event.keys:
                self._note_difference(step, self._last, event.began)
        elif isinstance(step, Hears) and step.key in event.keys and event.whole:
            self._advance_step(now)
        else:
            self._note_difference(step, self._last, event.began)

    def _on_claimed_prompt_ended(self, event: PromptHeard, claimed: Begins, step: Step, now: float) -> None:
        """Check the end of a prompt that fulfilled `baslar`."""
        if claimed.key not in event.keys:
            self._note_difference(claimed, self._last, event.began)
        elif event.whole and isinstance(step, Hears) and step.key in event.keys:
            self._advance_step(now)
        # The key did not cut the prompt, which played on to its end.
        elif event.whole and self._pressed and event.began < self._pressed[0] < event.ended - REACT_S:
            self._note_difference(self._pressed[1], f"{self._last} sonuna kadar", event.began)

    def _is_cut_by_key(self, event: PromptHeard | Strange) -> bool:
        """Return whether a key cut this sound just after its beginning."""
        if self._pressed is None or (isinstance(event, PromptHeard) and event.whole):
            return False
        ended = event.ended if isinstance(event, PromptHeard) else event.until
        return event.began < self._pressed[0] + REACT_S and ended < self._pressed[0] + REACT_S

    def _on_music(self, event: Music, now: float) -> None:
        step, self._last = self.step, "müzik"
        if isinstance(step, Tune):
            if event.until - max(event.began, self._since) >= step.seconds:
                self._music = True
                self._advance_step(now)
        elif not self._music and not isinstance(step, HearsNot | Talks) and event.until - event.began >= BLIP_S:
            assert step is not None
            self._note_difference(step, "müzik", event.began)

    def _on_talk(self, event: TalkHeard, now: float) -> None:
        step, who = self.step, event.agent
        assert step is not None
        self._last = f"{who} (karşılıklı değil)" if event.answered_s < TALK_S else who
        if isinstance(step, Talks):
            if event.until - max(event.began, self._since) < TALK_S:
                return
            # The node may name the service late, so an unknown service is neither right nor wrong yet.
            if event.service and step.who not in (event.agent, event.service):
                self._note_difference(step, f"{who} ({event.service})", event.began)
            elif step.who in (event.agent, event.service) and event.answered_s >= TALK_S:
                self._with, self._music = event.agent, False
                self._advance_step(now)
        elif event.agent != self._with and not isinstance(step, HearsNot) and event.until - event.began >= TALK_S:
            self._note_difference(step, who, event.began)

    def _on_strange_sound(self, event: Strange, now: float) -> None:
        step, self._last = self.step, "tanınmayan bir ses"
        # Unknown sound is a voice only at a trunk, where the people are not part of the lab.
        if self._strangers and (self._with is not None or isinstance(step, Talks)):
            if isinstance(step, Talks):
                self._with, self._music = "", False
                self._advance_step(now)
        elif not self._is_cut_by_key(event) and not isinstance(step, HearsNot):
            assert step is not None
            self._note_difference(step, self._last, event.began)

    def _on_line_ended(self, event: LineEnded, now: float) -> None:
        step = self.step
        assert step is not None
        if isinstance(step, Ends):
            self._advance_step(now)
        else:
            self._note_difference(step, "karşı taraf kapattı", event.at)

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _advance_step(self, now: float) -> None:
        """Go to the next step, and do at once every step that needs no waiting."""
        # 1. Leave the old step: a sentence after a talk ends the talk.
        if isinstance(self.step, Hears | Begins) and self._with is not None:
            self._with = None  # the agent may not be heard any more
            self._actions.append(Speak(False))
        if isinstance(self.step, Says):
            self._actions.append(Speak(False))
        # 2. Enter steps until one has to wait for sound or time.
        while True:
            self._index += 1
            self._since, self._last, step = now, "sessizlik", self.step
            if step is None or isinstance(step, HangsUp):
                self._actions.append(HangUp())
                self.done = True
                return
            match step:
                case Presses():
                    self._actions.append(PressKeys(step.keys))
                    self._pressed = now + KEY_S * len(step.keys), step
                case Acts():
                    self._actions.append(AgentAct(step.what, step.value))
                case Comes():
                    self._actions.append(BringAgents())
                case Leaves():
                    self._actions.append(HangUpFront())
                case NodeStep():
                    self._actions.append(SwitchNode(step.up))
                case Says() | Talks():
                    self._actions.append(Speak(True))
                    return
                case Begins():
                    self._claim_prompt(now)
                    return
                case _:
                    return

    def _note_difference(self, step: Step, heard: str, at: float) -> None:
        self.difference = Difference(step.line, describe_step(step), heard, at)
        self.done = True
        self._actions.append(HangUp())

    def _take_actions(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions


def name_prompts(keys: frozenset[str]) -> str:
    """Return the key of a prompt, or the few keys that cannot be told apart."""
    some = sorted(keys)
    return " ya da ".join(some[:MAX_NAMED]) + (" ya da benzeri" if len(some) > MAX_NAMED else "")


def describe_step(step: Step) -> str:
    """Describe a step in the operator's language."""
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
        case NodeStep():
            return f"düğümün {'kalkması' if step.up else 'durması'}"
        case HangsUp():
            return "arayanın kapatması"
