"""Choose what one caller hears while waiting, round by round. No I/O.

A round says at most one thing. No sentence is repeated within half a minute unless the caller asks for it, and no
sentence contradicts an earlier one.

The position is said when the wait begins and when it improves. The expected wait is said too, but only if it ends no
later than the earlier words claimed. Nothing is said when the queue grows in front of a caller: it helps nobody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ivr.caller import preferences
from ivr.flow.dialogue_machine import PAUSE_S
from ivr.flow.dialogue_steps import DialogueState
from ivr.flow.sms_text import OFFER
from ivr.hold import expected_wait
from ivr.hold.expected_wait import WaitWords
from ivr.settings import HoldSettings
from prompts.verbalise import number_prompts
from prompts.verbalise.number_prompts import LANGUAGE
from routing.core.inbox import ContactView
from routing.core.model.ids import ServiceId
from routing.core.records import TURNING_AWAY

NEXT_IN_LINE, TALK_LOST = "bekleme-siradaki", "gorusme-kesildi"
SLOW_ON, PAUSED, KEY_HEARD = "bekleme-yavas-acildi", "bekleme-ara", "bekleme-tus"
POSITION_RESTORED, BACK_ASK, BACK_KIND = "bekleme-donus", "bekleme-donus-sor", "bekleme-donus-destek"
BACK_KEPT, BACK_LEFT = "bekleme-donus-eski", "bekleme-donus-yeni"
CALLBACK_KEPT = "geri-arama-birlesti"
CALLBACK_OFFER = "bekleme-geri-arama"
"""Prefix of a family of prompts, one for each key."""

ABOUT_AGENTS = ("bekleme-teselli-2", "bekleme-destek-2")
"""Comfort that speaks of agents. It is said only while one who could take the caller is at work, or it would be
untrue."""

EMERGENCY_AGAIN = "acil-tekrar"
EMERGENCY_KEY = "1"
"""Key that repeats the emergency text at any moment, for callers in distress."""

HELD_POSITION_KEY, OWN_POSITION_KEY = "1", "2"
"""Answers to the question whether the caller wants the held position."""
ASKED_S = 60.0
"""Time to answer that question. A much later key has another meaning. Silence keeps the held position."""

EARLY_S = 2.0
"""A key sooner than this after the question began was meant for the menu, because nobody has heard the question yet."""

REPEAT_MIN_S = 30.0
"""Shortest time before the same sentence is said again. Two in a row sound like a machine that is stuck."""
SOONER_S = 60.0
"""A wait that ends earlier than said by at least this much is worth a sentence alone."""
EMERGENCY_AFTER_S = 60.0
"""Wait before the emergency text if somebody who could help is at work. Without such an agent it comes at once."""
EMERGENCY_EVERY_S = 180.0
"""Time before the emergency text is said again."""
CALLBACK_EVERY_S = 300.0
"""Time before a callback is offered again. A caller who did not want one knows of the offer."""


@dataclass(slots=True)
class HoldMemory:
    """Record of what one caller heard while waiting. Times are by the steady clock."""

    known: bool = False
    """Whether the channel's variables have been read into this record."""
    slow: bool = False
    music: str = ""
    """Class of the music that was set last."""
    language: str = LANGUAGE
    service: ServiceId | None = None
    """Service of the last round. None before the wait has begun."""
    place: int = 0
    """Position that was said or noted last. 0 for none."""
    words: WaitWords | None = None
    """Words that were said last about the wait."""
    until: float = math.inf
    """End of the wait by those words."""
    position_said_at: float = -math.inf
    """Last time at which a position or a wait was said."""
    said_at: float = 0.0
    """Last time at which anything was said."""
    offered_at: float = -math.inf
    """Last time at which a callback was offered."""
    led_by: str = ""
    """Reason of the rule that offered a way out last."""
    emergency_at: float = -math.inf
    """Last time at which the emergency text was said."""
    choice: DialogueState | None = None
    """Dialogue of a caller who may still take the choice back (`BACK_KEY`). None from the first round without a key."""
    mobile: bool = False
    """Whether short messages can be sent to this caller."""
    texts_offered: bool = False
    comforted: int = 0
    talk_lost: bool = False
    """Whether the talk was lost, which is said first."""
    asked_at: float = -math.inf
    """Time of the open question whether the caller wants the held position."""
    paused_at: float = -math.inf
    """Time at which the caller asked for silence, while the silence lasts."""
    preference_asked_at: float = -math.inf
    """Time of the open question whether slow speech is to be remembered."""
    transferred_at: float | None = None
    """Time of the last transfer, as in the view of the last round or when the talk was lost."""
    announcements: set[int] = field(default_factory=set)
    """Ids of the announcements that the caller has heard."""
    recent: dict[tuple[str, ...], float] = field(default_factory=dict)
    """Sentences of the last `REPEAT_MIN_S`, with the time of each."""

    def is_position_asked(self, now: float) -> bool:
        """Return whether the question about the held position is open."""
        return now - self.asked_at < ASKED_S

    def is_preference_asked(self, now: float) -> bool:
        """Return whether the question about slow speech is open."""
        return now - self.preference_asked_at < ASKED_S

    def is_pausing(self, now: float) -> bool:
        """Return whether the caller's silence lasts."""
        return now - self.paused_at < PAUSE_S


def choose_sentences(heard: HoldMemory, view: ContactView, wait: HoldSettings, now: float, *, place_s: float,
                     comfort_s: float, texts_s: float = math.inf, remembers: bool = False) -> list[str]:
    """Return the prompt keys of a round without a key, and note them in `heard`.

    A short message is offered once, after a wait of `texts_s`. With `remembers` this caller may be asked to have slow
    speech remembered.
    """
    # 1. A lost talk is reported before anything else.
    if heard.talk_lost:
        heard.talk_lost, heard.place, heard.position_said_at, heard.service = False, view.position, now, view.service
        heard.words, heard.until = None, math.inf
        return _say_unrepeated(heard, now, [[TALK_LOST]])
    # 2. The caller asked for silence, or the time of the silence has just ended.
    if heard.is_pausing(now):
        return []
    if heard.paused_at > -math.inf:
        return end_pause(heard, view, wait, now)
    # 3. The first round of a wait.
    if heard.service is None:
        began = _begin_wait(heard, view, wait, now)
        # Nobody may hear of an agent who is not there. The emergency text says what is true, and is heard at once.
        if view.unserved and (urgent := _emergency_prompts(heard, view, wait, now)):
            began = [*urgent, *(one for one in began if one != [wait.first])]
        if keys := _say_unrepeated(heard, now, began):
            return keys
    # 4. The emergency text comes before a better position or wait.
    _note_service(heard, view)
    if keys := _say_unrepeated(heard, now, _emergency_prompts(heard, view, wait, now)):
        return keys
    if now - heard.position_said_at >= place_s \
            and (keys := _say_unrepeated(heard, now, _better_news(heard, view, wait, now))):
        return keys
    # 5. Questions and offers, one in a round.
    if remembers:
        return ask_preference(heard, now)
    if _is_callback_offer_due(heard, view, wait, now):
        heard.offered_at = now
        return _say_unrepeated(heard, now, [[f"{CALLBACK_OFFER}-{wait.callback_key}"]])
    if not heard.texts_offered and view.waited_s >= texts_s and not heard.is_position_asked(now):
        heard.texts_offered = True
        return _say_unrepeated(heard, now, [[OFFER]])
    # 6. Comfort, if nothing else was said for a while.
    if now - heard.said_at >= comfort_s:
        heard.comforted += 1
        return _say_unrepeated(heard, now, [[_choose_comfort(heard.comforted - 1, view, wait)]])
    return []


def _choose_comfort(number: int, view: ContactView, wait: HoldSettings) -> str:
    """Return the comfort sentence whose turn it is, among those that are true now."""
    true = [one for one in wait.comfort if not (view.unserved and one in ABOUT_AGENTS)] or wait.comfort
    return true[number % len(true)]


def is_way_out_due(heard: HoldMemory, view: ContactView, now: float) -> bool:
    """Return whether the caller is led out by a rule now, and note it. A caller who declined is asked again later."""
    if view.way_out is None or view.led_by is None or heard.is_position_asked(now):
        return False
    again = view.led_by in TURNING_AWAY or heard.led_by != view.led_by or now - heard.offered_at >= CALLBACK_EVERY_S
    if again:
        heard.led_by, heard.offered_at = view.led_by, now
    return again


def on_transferred(heard: HoldMemory, view: ContactView) -> None:
    """Forget what was said before a talk, if the caller was transferred since then. Call first in every round.

    An overflow moves the caller without a talk, and is no transfer: the caller is in the same wait.
    """
    if heard.transferred_at != view.transferred_at:
        heard.transferred_at, heard.talk_lost = view.transferred_at, False
        _forget_questions(heard)


def on_talk_lost(heard: HoldMemory, view: ContactView) -> None:
    """Note that the talk was lost. The next round says so, unless an agent has the caller before it.

    `view` is the contact as it waits now. If it was transferred earlier, the lost talk came after that.
    """
    heard.transferred_at, heard.talk_lost, heard.place = view.transferred_at, True, 0
    _forget_questions(heard)


def _forget_questions(heard: HoldMemory) -> None:
    """Forget the pause and the questions. They belong to the wait before the talk, and nobody remembers them now."""
    heard.paused_at = heard.asked_at = heard.preference_asked_at = -math.inf


def confirm_key(heard: HoldMemory, now: float) -> list[str]:
    """Return the prompts for a key without a meaning here. They tell the caller that the key was heard."""
    return _say_unrepeated(heard, now, [[KEY_HEARD]])


def on_text_result(heard: HoldMemory, said: str, now: float) -> list[str]:
    """Return the prompts that report the short message. Nothing else needs to be said about it."""
    heard.texts_offered, heard.recent = True, {}
    return _say_unrepeated(heard, now, [[said]])


def repeat_position(heard: HoldMemory, view: ContactView, wait: HoldSettings, now: float) -> list[str]:
    """Return the prompts for the position and the wait, because the caller asks. The earlier words serve if none are
    better."""
    heard.recent = {}
    return _say_unrepeated(heard, now, _position_and_wait(heard, view, wait, now) or [[wait.comfort[0]]])


def repeat_emergency(heard: HoldMemory, wait: HoldSettings, now: float) -> list[str]:
    """Return the prompts of the emergency text, because the caller asks."""
    heard.emergency_at, heard.paused_at, heard.recent = now, -math.inf, {}
    return _say_unrepeated(heard, now, [[wait.emergency, EMERGENCY_AGAIN]])


def slow_down(heard: HoldMemory, now: float) -> list[str]:
    """Speak slowly from now on. Return the prompts that tell the caller."""
    heard.slow = True
    return _say_unrepeated(heard, now, [[SLOW_ON]])


def begin_pause(heard: HoldMemory, now: float) -> list[str]:
    """Begin a pause for callers who read, or who hear a relay (rule I19). Return the prompts that tell the caller.

    Only words pause. The position still improves, and an agent who becomes free is connected at once.
    """
    heard.paused_at, heard.recent = now, {}
    return _say_unrepeated(heard, now, [[PAUSED]])


def end_pause(heard: HoldMemory, view: ContactView, wait: HoldSettings, now: float) -> list[str]:
    """End the pause, by any key or by its time. Return the prompts that follow.

    An open question is asked again. Without one the position and the wait are said.
    """
    paused_at, heard.paused_at = heard.paused_at, -math.inf
    if heard.is_position_asked(paused_at):
        return ask_again(heard, view, wait, now)
    if heard.is_preference_asked(paused_at):
        return ask_preference(heard, now)
    return repeat_position(heard, view, wait, now)


def ask_again(heard: HoldMemory, view: ContactView, wait: HoldSettings, now: float) -> list[str]:
    """Return the question about the held position from its beginning, because a key stopped it before it was heard."""
    heard.asked_at, heard.recent = now, {}
    return _say_unrepeated(heard, now, [[POSITION_RESTORED], *_position_and_wait(heard, view, wait, now), [BACK_ASK]])


def ask_preference(heard: HoldMemory, now: float) -> list[str]:
    """Return the question whether slow speech is to be remembered. It is asked while there is nothing else to say."""
    heard.preference_asked_at = heard.said_at = now
    return [preferences.REMEMBER_QUESTION]


def on_preference_result(heard: HoldMemory, now: float, said: str) -> list[str]:
    """Return the prompts that report whether slow speech is remembered."""
    heard.preference_asked_at = -math.inf
    return _say_unrepeated(heard, now, [[said]])


def on_position_answer(heard: HoldMemory, view: ContactView, wait: HoldSettings, now: float, *, old: bool) -> list[str]:
    """Return the prompts after the caller chose the held position (`old`) or the new one. `view` is the contact
    afterwards."""
    heard.asked_at = -math.inf
    if old:
        return _say_unrepeated(heard, now, [[BACK_KEPT]])
    heard.service, heard.place, heard.words, heard.until = view.service, 0, None, math.inf
    return _say_unrepeated(heard, now, [[BACK_LEFT], *_better_news(heard, view, wait, now)])


def _begin_wait(heard: HoldMemory, view: ContactView, wait: HoldSettings, now: float) -> list[list[str]]:
    """Return the sentences at the beginning of a wait. A known position means that only the node was restarted."""
    known, heard.service = heard.place, view.service
    if known:
        return _better_news(heard, view, wait, now)
    told = _better_news(heard, view, wait, now)
    if view.merged:
        return [[CALLBACK_KEPT], *told]
    if not view.has_held_position:
        return [[wait.first], *told]
    if not wait.asks_held_position:
        return [[BACK_KIND], *told]
    heard.asked_at = now
    return [[POSITION_RESTORED], *told, [BACK_ASK]]


def _note_service(heard: HoldMemory, view: ContactView) -> None:
    """Forget what was said about another service: that was another queue with other people."""
    if heard.service not in (None, view.service):
        heard.place, heard.words, heard.until = 0, None, math.inf
    heard.service = view.service


def _position_and_wait(heard: HoldMemory, view: ContactView, wait: HoldSettings, now: float) -> list[list[str]]:
    """Return sentences of position and wait. They are the news if the news is better, and the earlier words if not.

    Without an estimate now (nobody is there, or the link is down) the earlier words of the wait would be untrue.
    """
    _note_service(heard, view)
    _better_news(heard, view, wait, now)
    return [*([_position_prompts(heard.place, heard.language)] if wait.say_position and heard.place else []),
            *([heard.words.prompt_keys(heard.language)] if heard.words is not None and heard.until > now
              and view.estimate is not None else [])]


def _better_news(heard: HoldMemory, view: ContactView, wait: HoldSettings, now: float) -> list[list[str]]:
    """Return sentences of position and wait, as far as they are better than the earlier ones."""
    said: list[list[str]] = []
    place = view.position
    # A position is noted even if it is not said, so that a worse one is never said later.
    if place > 0 and (not heard.place or place < heard.place):
        heard.place = place
        if wait.say_position:
            said.append(_position_prompts(place, heard.language))
    found = expected_wait.words_for(view.estimate) if wait.expected and view.estimate is not None else None
    if found is not None and _is_better(heard, found, now, placed=bool(said)):
        heard.words, heard.until = found, now + found.until_s
        said.append(found.prompt_keys(heard.language))
    if said:
        heard.position_said_at = now
    return said


def _is_better(heard: HoldMemory, found: WaitWords, now: float, *, placed: bool) -> bool:
    """Return whether these words are better than the last ones: shorter, with an end no later than said before.

    Next to a better position that is enough. Alone the words must end earlier by `SOONER_S`.
    """
    return heard.words is None or (
        found.rank < heard.words.rank and now + found.until_s <= heard.until - (0.0 if placed else SOONER_S))


def _position_prompts(place: int, language: str) -> list[str]:
    return [NEXT_IN_LINE] if place == 1 else number_prompts.position_keys(place, language)


def _is_callback_offer_due(heard: HoldMemory, view: ContactView, wait: HoldSettings, now: float) -> bool:
    """Return whether a callback is to be offered now. Callers who have one, or were just asked, get no offer."""
    return bool(wait.callback_key) and not view.callback and view.waited_s >= wait.callback_after_s \
        and now - heard.offered_at >= CALLBACK_EVERY_S


def _emergency_prompts(heard: HoldMemory, view: ContactView, wait: HoldSettings, now: float) -> list[list[str]]:
    """Return the emergency numbers if no agent can be reached and they are due. The caller stays in the queue."""
    due = view.unserved or view.waited_s >= EMERGENCY_AFTER_S
    if not wait.emergency or not due or now - heard.emergency_at < EMERGENCY_EVERY_S:
        return []
    heard.emergency_at = now
    return [[wait.emergency, EMERGENCY_AGAIN]]


def _say_unrepeated(heard: HoldMemory, now: float, sentences: list[list[str]]) -> list[str]:
    """Return the sentences that were not said just now, one after the other, and note them."""
    heard.recent = {keys: at for keys, at in heard.recent.items() if now - at < REPEAT_MIN_S}
    fresh = [keys for keys in sentences if tuple(keys) not in heard.recent]
    for keys in fresh:
        heard.recent[tuple(keys)] = now
    if fresh:
        heard.said_at = now
    return [key for keys in fresh for key in keys]
