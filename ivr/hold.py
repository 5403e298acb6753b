"""What one caller hears while waiting, round by round: at most one thing, never the same twice within half a minute
unless it is asked for, nothing that contradicts what was said before. Pure.

A place is said when the wait begins and when it has got better; so is the expected wait, but only when it ends no later
than it was said to. When a line grows before somebody nothing is said: it would help nobody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ivr import expected, wish
from ivr.config import Wait
from ivr.expected import Words
from ivr.flow.machine import PAUSE_S
from ivr.flow.sms import OFFER
from prompts import say
from prompts.say import LANGUAGE
from routing.core.ids import ServiceId
from routing.core.inbox import ContactView

NEXT_IN_LINE, CUT = "bekleme-siradaki", "gorusme-kesildi"
SLOW_ON, PAUSED, KEY_HEARD = "bekleme-yavas-acildi", "bekleme-ara", "bekleme-tus"
BACK, BACK_ASK, BACK_KIND = "bekleme-donus", "bekleme-donus-sor", "bekleme-donus-destek"
BACK_KEPT, BACK_LEFT = "bekleme-donus-eski", "bekleme-donus-yeni"
CALLBACK_KEPT = "geri-arama-birlesti"
CALLBACK_OFFER = "bekleme-geri-arama"
"""A family: one for each key."""

EMERGENCY_AGAIN = "acil-tekrar"
EMERGENCY_KEY = "1"
"""Says the emergency text again at any moment, for callers in distress."""

OLD_KEY, NEW_KEY = "1", "2"
"""Answers to whether the old place is wanted."""
ASKED_S = 60.0
"""So long the answer is waited for: a key pressed much later is meant otherwise. Silence keeps the old place."""

EARLY_S = 2.0
"""A key sooner than this after the question began was meant for the menu: nobody has heard the question by then."""

AGAIN_S = 30.0
"""The same sentence is not said again within this: two in a row sound like a machine that is stuck."""
SOONER_S = 60.0
"""A wait that is over by so much sooner than it was said is news of its own."""
EMERGENCY_AFTER_S = 60.0
"""The emergency text is heard at once when nobody who could help is at work, and after this wait when somebody is."""
EMERGENCY_EVERY_S = 180.0
"""Between two times of it: who can wait has heard it, who cannot any more hears it again."""
CALLBACK_EVERY_S = 300.0
"""Between two offers of a callback: who did not want it knows of it."""


@dataclass(slots=True)
class Heard:
    """What one caller heard while waiting; times by the steady clock."""

    known: bool = False
    """What the channel's variables tell is in it."""
    slow: bool = False
    music: str = ""
    """The class that was set last."""
    language: str = LANGUAGE
    service: ServiceId | None = None
    """For which they waited in the last round; None: it has not begun."""
    place: int = 0
    """The last one said or taken note of; 0: none."""
    words: Words | None = None
    """What was said last of the wait ..."""
    until: float = math.inf
    """... and when it is over by that."""
    told_at: float = -math.inf
    """Place or wait."""
    said_at: float = 0.0
    """Anything."""
    offered_at: float = -math.inf
    """A callback."""
    emergency_at: float = -math.inf
    """The emergency text."""
    mobile: bool = False
    """Short messages can be sent to this caller."""
    texts_offered: bool = False
    comforted: int = 0
    cut: bool = False
    """The talk was lost: that is said first."""
    asked_at: float = -math.inf
    """Whether the old place is wanted; not answered yet."""
    paused_at: float = -math.inf
    """When the caller asked for silence; it is not over yet."""
    wish_at: float = -math.inf
    """When it was asked whether slow speech is to be remembered; not answered yet."""
    handed_at: float | None = None
    """As in the view of the last round, or when the talk was lost."""
    told: set[int] = field(default_factory=set)
    """Announcements."""
    recent: dict[tuple[str, ...], float] = field(default_factory=dict)
    """Sentences of the last `AGAIN_S`."""

    def asked(self, now: float) -> bool:
        """It is being waited for the answer."""
        return now - self.asked_at < ASKED_S

    def wishing(self, now: float) -> bool:
        """So of slow speech."""
        return now - self.wish_at < ASKED_S

    def pausing(self, now: float) -> bool:
        """Nothing is to be said."""
        return now - self.paused_at < PAUSE_S


def speak(heard: Heard, view: ContactView, wait: Wait, now: float, *, place_s: float, comfort_s: float,
          texts_s: float = math.inf, remembers: bool = False) -> list[str]:
    """Prompt keys of a round without a key; notes in `heard` what is said. `texts_s`: after this wait a short message
    is offered, once; `remembers`: this caller may be asked whether slow speech is to be remembered."""
    if heard.cut:
        heard.cut, heard.place, heard.told_at, heard.service = False, view.position, now, view.service
        heard.words, heard.until = None, math.inf
        return _say(heard, now, [[CUT]])
    if heard.pausing(now):
        return []
    if heard.paused_at > -math.inf:
        return goes_on(heard, view, wait, now)
    if heard.service is None:
        began = _first(heard, view, wait, now)
        if view.unserved:
            began += _emergency(heard, view, wait, now)
        if keys := _say(heard, now, began):
            return keys
    _moved(heard, view)
    if keys := _say(heard, now, _emergency(heard, view, wait, now)):
        return keys
    if now - heard.told_at >= place_s and (keys := _say(heard, now, _told(heard, view, wait, now))):
        return keys
    if remembers:
        return ask_wish(heard, now)
    if _offers(heard, view, wait, now):
        heard.offered_at = now
        return _say(heard, now, [[f"{CALLBACK_OFFER}-{wait.callback_key}"]])
    if not heard.texts_offered and view.waited_s >= texts_s and not heard.asked(now):
        heard.texts_offered = True
        return _say(heard, now, [[OFFER]])
    if now - heard.said_at >= comfort_s:
        heard.comforted += 1
        return _say(heard, now, [[wait.comfort[(heard.comforted - 1) % len(wait.comfort)]]])
    return []


def sent_on(heard: Heard, view: ContactView) -> None:
    """To be asked in every round, first of all: an agent who has talked with the caller may have sent them on since.
    Moved without a talk, by overflow, they are in the same wait. That an earlier talk was cut is no news any more."""
    if heard.handed_at != view.handed_at:
        heard.handed_at, heard.cut = view.handed_at, False
        _talked(heard)


def lost(heard: Heard, view: ContactView) -> None:
    """The talk was cut: the next round says so, if no agent has them before it. `view`: as they wait now; sent on
    earlier, they talked since."""
    heard.handed_at, heard.cut, heard.place = view.handed_at, True, 0
    _talked(heard)


def _talked(heard: Heard) -> None:
    """A pause and questions are of the wait before the talk: in this one nobody knows of them any more."""
    heard.paused_at = heard.asked_at = heard.wish_at = -math.inf


def pressed(heard: Heard, now: float) -> list[str]:
    """For a key that means nothing here: it was heard."""
    return _say(heard, now, [[KEY_HEARD]])


def texted(heard: Heard, said: str, now: float) -> list[str]:
    """What became of the short message that the caller has asked for; nothing else need be said of it."""
    heard.texts_offered, heard.recent = True, {}
    return _say(heard, now, [[said]])


def repeat(heard: Heard, view: ContactView, wait: Wait, now: float) -> list[str]:
    """The place and the wait as they are, since the caller asks; as said before, when there is no better news."""
    heard.recent = {}
    return _say(heard, now, _stands(heard, view, wait, now) or [[wait.comfort[0]]])


def emergency(heard: Heard, wait: Wait, now: float) -> list[str]:
    """The emergency text, because the caller asks."""
    heard.emergency_at, heard.paused_at, heard.recent = now, -math.inf, {}
    return _say(heard, now, [[wait.emergency, EMERGENCY_AGAIN]])


def slower(heard: Heard, now: float) -> list[str]:
    """Slow speech from now on."""
    heard.slow = True
    return _say(heard, now, [[SLOW_ON]])


def pause(heard: Heard, now: float) -> list[str]:
    """A pause for those who read what is said, or have it told by a relay (rule I19). Only words pause: the place in
    line gets better, and an agent who becomes free is connected at once."""
    heard.paused_at, heard.recent = now, {}
    return _say(heard, now, [[PAUSED]])


def goes_on(heard: Heard, view: ContactView, wait: Wait, now: float) -> list[str]:
    """The pause is over, by any key or by its time: a question that was open is asked again, else the place and the
    wait are said as they are."""
    paused_at, heard.paused_at = heard.paused_at, -math.inf
    if heard.asked(paused_at):
        return ask_again(heard, view, wait, now)
    if heard.wishing(paused_at):
        return ask_wish(heard, now)
    return repeat(heard, view, wait, now)


def ask_again(heard: Heard, view: ContactView, wait: Wait, now: float) -> list[str]:
    """A key has cut the question that nobody had heard yet: from the beginning, with the place as it is by now."""
    heard.asked_at, heard.recent = now, {}
    return _say(heard, now, [[BACK], *_stands(heard, view, wait, now), [BACK_ASK]])


def ask_wish(heard: Heard, now: float) -> list[str]:
    """Whether slow speech is to be remembered: while there is nothing else to say."""
    heard.wish_at = heard.said_at = now
    return [wish.OFFER]


def wished(heard: Heard, now: float, said: str) -> list[str]:
    """It is, or could not be."""
    heard.wish_at = -math.inf
    return _say(heard, now, [[said]])


def answered(heard: Heard, view: ContactView, wait: Wait, now: float, *, old: bool) -> list[str]:
    """The old place is wanted, or the own one: `view` as it is after that."""
    heard.asked_at = -math.inf
    if old:
        return _say(heard, now, [[BACK_KEPT]])
    heard.service, heard.place, heard.words, heard.until = view.service, 0, None, math.inf
    return _say(heard, now, [[BACK_LEFT], *_told(heard, view, wait, now)])


def _first(heard: Heard, view: ContactView, wait: Wait, now: float) -> list[list[str]]:
    """The wait begins. After a restart of the node it does not: the place is known then."""
    known, heard.service = heard.place, view.service
    if known:
        return _told(heard, view, wait, now)
    told = _told(heard, view, wait, now)
    if view.merged:
        return [[CALLBACK_KEPT], *told]
    if not view.returned:
        return [[wait.first], *told]
    if not wait.asks:
        return [[BACK_KIND], *told]
    heard.asked_at = now
    return [[BACK], *told, [BACK_ASK]]


def _moved(heard: Heard, view: ContactView) -> None:
    """Another service is another line with other people: nothing said of the old one holds."""
    if heard.service not in (None, view.service):
        heard.place, heard.words, heard.until = 0, None, math.inf
    heard.service = view.service


def _stands(heard: Heard, view: ContactView, wait: Wait, now: float) -> list[list[str]]:
    """The place and the wait: the news when they are better, else as said before."""
    _moved(heard, view)
    _told(heard, view, wait, now)
    return [*([_place(heard.place, heard.language)] if wait.place and heard.place else []),
            *([heard.words.keys(heard.language)] if heard.words is not None and heard.until > now else [])]


def _told(heard: Heard, view: ContactView, wait: Wait, now: float) -> list[list[str]]:
    """Sentences of the place and of the wait, as far as they are better news than what was said."""
    said: list[list[str]] = []
    place = view.position
    if place > 0 and (not heard.place or place < heard.place):
        heard.place = place
        if wait.place:
            said.append(_place(place, heard.language))
    found = expected.words(view.estimate) if wait.expected and view.estimate is not None else None
    if found is not None and _better(heard, found, now, placed=bool(said)):
        heard.words, heard.until = found, now + found.until_s
        said.append(found.keys(heard.language))
    if said:
        heard.told_at = now
    return said


def _better(heard: Heard, found: Words, now: float, *, placed: bool) -> bool:
    """Nothing was said yet; or this is less, and over no later than it was to be: beside a better place that is news
    enough, alone only when it is over sooner."""
    return heard.words is None or (
        found.rank < heard.words.rank and now + found.until_s <= heard.until - (0.0 if placed else SOONER_S))


def _place(place: int, language: str) -> list[str]:
    return [NEXT_IN_LINE] if place == 1 else say.position(place, language)


def _offers(heard: Heard, view: ContactView, wait: Wait, now: float) -> bool:
    """A callback is to be offered now. Not twice within a while, not to who has asked for it."""
    return bool(wait.callback_key) and not view.callback and view.waited_s >= wait.callback_after_s \
        and now - heard.offered_at >= CALLBACK_EVERY_S


def _emergency(heard: Heard, view: ContactView, wait: Wait, now: float) -> list[list[str]]:
    """The numbers that always help, when nobody of ours can be reached. The caller stays in line all the same."""
    due = view.unserved or view.waited_s >= EMERGENCY_AFTER_S
    if not wait.emergency or not due or now - heard.emergency_at < EMERGENCY_EVERY_S:
        return []
    heard.emergency_at = now
    return [[wait.emergency, EMERGENCY_AGAIN]]


def _say(heard: Heard, now: float, sentences: list[list[str]]) -> list[str]:
    """Those not said just now, one after the other."""
    heard.recent = {keys: at for keys, at in heard.recent.items() if now - at < AGAIN_S}
    fresh = [keys for keys in sentences if tuple(keys) not in heard.recent]
    for keys in fresh:
        heard.recent[tuple(keys)] = now
    if fresh:
        heard.said_at = now
    return [key for keys in fresh for key in keys]
