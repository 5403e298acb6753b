"""The words between the machine and its shell: what the caller did, what is to be done next, where the caller is."""

from __future__ import annotations

from typing import NamedTuple

from ivr.flow.model import End, Needs, Queue
from prompts.say import LANGUAGE

WARNING_S = 3.0
"""So long before the end "more time" is offered (rule I6)."""
MORE_S = 20.0
"""What `*` then gives (rule I6)."""
SLOW_FACTOR = 2.0
"""Slow mode: all silences and the time to answer (rules I5, I8)."""
FAILURES = 2
"""Failures that lead to the human (rule I9)."""

# What the machine itself says.
WRONG_KEY, NO_KEY, OFFER_SLOW, SLOW_ON = "menu-tus-yanlis", "menu-tus-yok", "menu-yavas-onerisi", "menu-yavas-acildi"
MORE_OFFER, MORE_GIVEN, AT_TOP, TO_HUMAN = "menu-sure-uyarisi", "menu-sure-verildi", "menu-en-basta", "menu-temsilciye"
CLOSED = "hizmet-kapali"
REMEMBERED, FORGOTTEN, PERSON = "yavas-hatirlandi", "yavas-unutuldu", "temsilci-hatirlandi"
BACK_HINT, PAUSED, LAST_STEP, NOT_REACHED = "geri-bilgisi", "menu-ara", "menu-son-adim", "menu-aktarilamadi"
NOT_RECORDED = "kayit-istenmedi"
KEYED, KEYED_RIGHT, NOT_VALID = "menu-girilen", "menu-dogru-mu", "menu-gecersiz"
OWN_PROMPTS = (WRONG_KEY, NO_KEY, OFFER_SLOW, SLOW_ON, MORE_OFFER, MORE_GIVEN, AT_TOP, TO_HUMAN, BACK_HINT, PAUSED,
               LAST_STEP, NOT_REACHED, CLOSED, NOT_RECORDED, KEYED, KEYED_RIGHT, NOT_VALID, REMEMBERED, FORGOTTEN,
               PERSON)


class Key(NamedTuple):
    """The caller pressed a key, while something was said or after it."""

    digit: str


class Silence(NamedTuple):
    """Everything was said and the time for a key is over."""


class Recorded(NamedTuple):
    """A spoken message was taken, or could not be."""

    kept: bool


class Texted(NamedTuple):
    """A short message was asked for; the prompt that tells what became of it."""

    said: str


Input = Key | Silence | Recorded | Texted


class Keyed(NamedTuple):
    """What a caller has keyed in and said to be right. Nothing but the shell's seal may see `digits`."""

    field: str
    check: str
    digits: str
    boxed: bool

    def __repr__(self) -> str:
        return f"Keyed({self.field!r})"


class Ask(NamedTuple):
    """Say this, then wait for a key. Every key of the telephone interrupts."""

    say: tuple[str, ...]
    pause_s: float
    """Silence after each of the prompts, in which keys are heard too."""
    wait_s: float
    """After the last; 0: go on at once."""
    slow: bool
    language: str = LANGUAGE


class Record(NamedTuple):
    """Say this, then take a spoken message; the machine is told `Recorded`."""

    service: str
    max_s: float
    slow: bool
    say: tuple[str, ...]
    language: str = LANGUAGE


class Text(NamedTuple):
    """Ask for the short message of `leaf`; the machine is told `Texted`."""

    leaf: Queue | End
    slow: bool
    language: str = LANGUAGE
    say: tuple[str, ...] = ()


class Enter(NamedTuple):
    """The dialogue is over: the caller waits for a service."""

    queue: Queue
    """Its points with those of the caller."""
    slow: bool
    say: tuple[str, ...] = ()
    language: str = LANGUAGE
    needs: Needs = ()
    keyed: tuple[Keyed, ...] = ()


class Lead(NamedTuple):
    """The dialogue is over unless nobody answers: say this, then lead the call to the outside number named `to`; when
    that fails, `machine.resume` at `failed`."""

    to: str
    failed: str
    slow: bool
    say: tuple[str, ...]
    language: str = LANGUAGE
    needs: Needs = ()


class Leave(NamedTuple):
    """The dialogue is over and so is the call: say this, then good-bye."""

    slow: bool
    say: tuple[str, ...]
    language: str = LANGUAGE


Step = Ask | Record | Text | Enter | Lead | Leave


class Passed(NamedTuple):
    """A menu on the way, and what held there: for `9`."""

    menu: str
    language: str
    needs: Needs


class State(NamedTuple):
    """Where a caller is. A value: the machine keeps nothing."""

    node: str
    since: float
    phase: str = "say"
    """`say` a speech node, `menu` options and answer, `warn` the last seconds, `confirm` a choice, `pause` the caller's
    own; of digits `keys`, `late` the last seconds, `check` read back, `unsure` the last seconds of that; `sms` a
    short message is offered; of what was wished in an earlier call `remembered` and `person`."""
    slow: bool = False
    failures: int = 0
    more: int = 0
    rounds: int = 0
    chosen: str = ""
    typed: str = ""
    """A key pressed while a speech node was said; it answers the next menu."""
    path: tuple[Passed, ...] = ()
    language: str = LANGUAGE
    needs: Needs = ()
    digits: str = ""
    """Keyed in and not yet confirmed."""
    keyed: tuple[Keyed, ...] = ()
    notice: str = ""
    """What became of the recording notice (`model.HEARD`, `REFUSED`)."""
    points: int = 0
    """On top of those of the queue."""
    person: str = ""
    """Where who asked for a person at once is led, unless they would rather have the menu."""
    remembered: bool = False
    """Slow speech is an earlier call's wish, told in the first language alone so far."""
    unwished: bool = False
    """The caller does not want slow speech any more."""
    texts: bool = False
    """Short messages can be sent to this caller, and none was offered yet."""

    def __repr__(self) -> str:
        return f"State({self.node!r}, {self.phase!r})"

    def ask(self, say: tuple[str, ...], pause_s: float, wait_s: float) -> Ask:
        """Waits are doubled in slow mode, the warning's own time too."""
        factor = SLOW_FACTOR if self.slow else 1.0
        return Ask(say, pause_s * factor, wait_s * factor, self.slow, self.language)


def merged(needs: Needs, more: Needs) -> Needs:
    """Both; of a skill in both the higher level."""
    levels = dict(needs)
    for skill, level in more:
        levels[skill] = max(level, levels.get(skill, 0))
    return tuple(levels.items())
