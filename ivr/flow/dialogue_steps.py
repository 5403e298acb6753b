"""Define inputs, steps and state of the dialogue, as the machine and the dialogue around it exchange them."""

from __future__ import annotations

from typing import NamedTuple

from ivr.flow.menu_model import End, Needs, Queue
from prompts.verbalise.number_prompts import LANGUAGE

WARNING_S = 3.0
"""Time before the end of an answer at which "more time" is offered (rule I6)."""
MORE_S = 20.0
"""Time that `*` then adds (rule I6)."""
SLOW_FACTOR = 2.0
"""Factor of all silences and answer times in slow mode (rules I5, I8)."""
FAILURES = 2
"""Number of failures that lead to the human (rule I9)."""

# Sentences of the machine itself.
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


class KeyPressed(NamedTuple):
    """The caller pressed a key, during the words or after them."""

    digit: str


class Silence(NamedTuple):
    """All was said, and the time for a key is over."""


class Recorded(NamedTuple):
    """A spoken message was taken, or taking it failed."""

    kept: bool


class Texted(NamedTuple):
    """A short message was asked for. `said` is the prompt that reports the result."""

    said: str


Input = KeyPressed | Silence | Recorded | Texted


class KeyedInput(NamedTuple):
    """Digits that a caller keyed in and confirmed. Only the encryption of the dialogue may see `digits`."""

    field: str
    check: str
    digits: str
    keep_encrypted: bool

    def __repr__(self) -> str:
        return f"Keyed({self.field!r})"


class Ask(NamedTuple):
    """Say sentences, then wait for a key. Every key of the telephone interrupts them."""

    say: tuple[str, ...]
    pause_s: float
    """Silence after each prompt, in which keys count too."""
    wait_s: float
    """Time for a key after the last prompt. 0 means to go on at once."""
    slow: bool
    language: str = LANGUAGE


class RecordMessage(NamedTuple):
    """Say sentences, then take a spoken message. The machine gets `Recorded` next."""

    service: str
    max_s: float
    slow: bool
    say: tuple[str, ...]
    language: str = LANGUAGE


class SendText(NamedTuple):
    """Ask for the short message of `leaf`. The machine gets `Texted` next."""

    leaf: Queue | End
    slow: bool
    language: str = LANGUAGE
    say: tuple[str, ...] = ()


class EnterQueue(NamedTuple):
    """The dialogue has ended, and the caller waits for a service. The sentences are said in the hold loop."""

    queue: Queue
    """Queue node, with the caller's priority points added to its own."""
    slow: bool
    say: tuple[str, ...] = ()
    language: str = LANGUAGE
    needs: Needs = ()
    keyed: tuple[KeyedInput, ...] = ()
    key: str = ""
    """Key that chose the service. The same key again means nothing: a nervous finger."""


class ExternalTransfer(NamedTuple):
    """Say sentences, then transfer the call to the outside number named `to`. The dialogue has ended if it answers.

    If nobody answers, `dialogue_machine.resume_dialogue` continues at `failed`.
    """

    to: str
    failed: str
    slow: bool
    say: tuple[str, ...]
    language: str = LANGUAGE
    needs: Needs = ()


class EndCall(NamedTuple):
    """The dialogue has ended, and so has the call: say sentences, then good-bye."""

    slow: bool
    say: tuple[str, ...]
    language: str = LANGUAGE


Step = Ask | RecordMessage | SendText | EnterQueue | ExternalTransfer | EndCall


class PassedMenu(NamedTuple):
    """A menu that the caller has passed, with the language and needs there. Key `9` returns to it."""

    menu: str
    language: str
    needs: Needs


class DialogueState(NamedTuple):
    """Place of a caller in the dialogue. It is a value, because the machine stores nothing."""

    node: str
    since: float
    phase: str = "say"
    """Phase within the node.

    * `say`: a speech node
    * `menu`: options and answer, `warn`: the last seconds, `confirm`: a choice, `pause`: a pause asked for
    * `keys`: digits, `late`: the last seconds, `check`: read back, `unsure`: the last seconds of that
    * `sms`: a short message is offered
    * `remembered` and `person`: a preference of an earlier call is announced
    """
    slow: bool = False
    failures: int = 0
    more: int = 0
    rounds: int = 0
    chosen: str = ""
    typed: str = ""
    """Key pressed during a speech node. It answers the next menu."""
    path: tuple[PassedMenu, ...] = ()
    language: str = LANGUAGE
    needs: Needs = ()
    digits: str = ""
    """Digits keyed in and not yet confirmed."""
    keyed: tuple[KeyedInput, ...] = ()
    notice: str = ""
    """Result of the recording notice (`menu_model.NOTICE_HEARD`, `NOTICE_REFUSED`). Empty before the notice."""
    points: int = 0
    """Priority points in addition to those of the queue."""
    person: str = ""
    """Node for a caller who asked for a person at once, unless the caller prefers the menu."""
    remembered: bool = False
    """Whether slow speech is a preference of an earlier call, so far announced in the first language only."""
    slow_declined: bool = False
    """Whether the caller no longer wants slow speech."""
    texts: bool = False
    """Whether short messages can be sent to this caller and none was offered yet."""

    def __repr__(self) -> str:
        return f"State({self.node!r}, {self.phase!r})"

    def ask_step(self, say: tuple[str, ...], pause_s: float, wait_s: float) -> Ask:
        """Return the step that asks. Slow mode doubles the waits, and the time of the warning too."""
        factor = SLOW_FACTOR if self.slow else 1.0
        return Ask(say, pause_s * factor, wait_s * factor, self.slow, self.language)


def merge_needs(needs: Needs, more: Needs) -> Needs:
    """Return all needs of both. A skill in both has the higher level."""
    levels = dict(needs)
    for skill, level in more:
        levels[skill] = max(level, levels.get(skill, 0))
    return tuple(levels.items())
