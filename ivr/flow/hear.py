"""What a menu sounds like: how long until the human, whether each option says its own key, whether nobody is kept with
words that help nobody. Pure: texts and lengths come from outside.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import chain
from typing import NamedTuple, Protocol

from ivr.flow import walk
from ivr.flow.machine import OPTION_PAUSE_S
from ivr.flow.model import HUMAN_KEY, Digits, Flow, Language, Menu, Option, Speech, said
from ivr.flow.steps import LAST_STEP, SLOW_FACTOR
from ivr.flow.walk import Finding
from prompts.number import KEYS, key_dative
from prompts.say import LANGUAGE, OTHERS

MAIN_S, SUB_S = 45.0, 20.0
"""Longest time until the human's key has been said: in the first menu from the answer of the call, in a menu behind it
from its own beginning (rule I16)."""
CONFIRM_S = 6.0
"""Longest acknowledgement: who has chosen wants to go on (rule I12)."""
SENTENCE_S = 20.0
"""Longest single prompt: more cannot be kept in mind, and cannot be repeated in parts."""

NOT_APPLICABLE = ("Rules of accessible menus (docs/centre/menu.md): checked. I10, keys and speech both: not "
                  "applicable, there is no speech input.")
"""What is told of the one rule that no menu can break or keep."""

ADVERTS = {
    "tr": ("kampanya", "indirim", "fırsat", "reklam", "ödüllü", "lider", "en iyi", "yenilikçi", "gurur duy",
           "bizi tercih", "takip edin", "dikkatle dinle", "dikkatlice dinle", "menümüz değiş", "seçenekler değiş",
           "seçeneklerimiz değiş"),
    "en": ("discount", "special offer", "award", "leading", "world-class", "follow us", "listen carefully",
           "menu has changed", "options have changed"),
}
"""Beginnings of words that a menu has no time for (rule I11)."""

_PRESS = {"tr": re.compile(r"(?P<before>.*?)(?P<comma>,?)\s*(?P<key>\w+) bas(?:ın|ınız)(?P<after>.*)"),
          "en": re.compile(r"(?P<before>.*?)(?P<comma>,?)\s*press (?P<key>\w+)(?P<after>.*)", re.IGNORECASE)}
_HUSH = ".!… "


class Voice(Protocol):
    """Texts and lengths: `prompts.lengths.Lengths`."""

    def has(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> bool:
        """Whether there is such a prompt in that very language and speed."""
        ...

    def text(self, key: str, *, language: str = LANGUAGE) -> str:
        """What is said."""
        ...

    def built(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> bool:
        """Whether its length is that of a built sound; else it is reckoned."""
        ...

    def seconds(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> float:
        """How long it takes."""
        ...


class Times(NamedTuple):
    """Seconds of one menu in one language."""

    human_s: float | None
    """Until its key of the human has been said, from the answer of the call or the beginning of the menu; None: it has
    none."""
    whole_s: float
    """Until everything has been said."""
    built: bool
    """By the built sounds; else some of it is reckoned."""


def findings(flow: Flow, voice: Voice, at_night: Collection[str] = ()) -> list[Finding]:
    """Everything in the order of the nodes, each once however many languages it is heard in."""
    languages = walk.languages(flow)
    found: list[Finding] = []
    for name, node in flow.nodes.items():
        for language in sorted(languages[name], key=lambda one: one != LANGUAGE):
            found += _sentences(flow, name, voice, language)
            if isinstance(node, Menu):
                found += chain(_options(node, voice, language), _closing(flow, node, voice, language))
            if isinstance(node, Digits):
                found += _question(node, voice, language)
    found += _times(flow, voice, at_night)
    return list(dict.fromkeys(found))


# -- how long ----------------------------------------------------------------------------------------------------------


def times(menu: Menu, voice: Voice, language: str = LANGUAGE, *, slow: bool = False, behind: bool = False) -> Times:
    """Of a menu alone. `behind`: one stands before it, so it begins with the words that say so."""
    pause = OPTION_PAUSE_S * (SLOW_FACTOR if slow else 1.0)

    def length(keys: tuple[str, ...]) -> float:
        return sum(voice.seconds(key, slow=slow, language=language) + pause for key in keys)

    at = length((*((LAST_STEP,) if behind else ()), *menu.intro))
    human = None
    for option in menu.options:
        at += length((option.say,))
        if option.key == HUMAN_KEY:
            human = at - pause
    keys = (*menu.intro, *(option.say for option in menu.options), *menu.closing)
    return Times(human, at + length(menu.closing) - pause,
                 all(voice.built(key, slow=slow, language=language) for key in keys))


class Way(NamedTuple):
    """What is heard before the first menu."""

    seconds: float
    language: str
    """In which that menu is heard."""
    built: bool


def before(flow: Flow, start: str, voice: Voice, *, slow: bool = False) -> Way:
    """From a node to the first menu behind it."""
    at, language, built, name, seen = 0.0, LANGUAGE, True, start, set[str]()
    while name not in seen:
        seen.add(name)
        node = flow.nodes[name]
        if isinstance(node, Language):
            language = node.language
        elif isinstance(node, Speech):
            at += sum(voice.seconds(key, slow=slow, language=language) for key in node.say)
            built = built and all(voice.built(key, slow=slow, language=language) for key in node.say)
        else:
            break
        name = node.then
    return Way(at, language, built)


def _times(flow: Flow, voice: Voice, at_night: Collection[str]) -> Iterator[Finding]:
    first: set[str] = set()
    for start in walk.starts(flow):
        menu = walk.first_menu(flow, start)
        if menu is None:
            continue
        first.add(menu.name)
        way = before(flow, start, voice)
        yield from _late(menu, way, times(menu, voice, way.language), MAIN_S, f"from '{start}'")
    for name, languages in walk.languages(flow).items():
        node = flow.nodes[name]
        if not isinstance(node, Menu) or name in first or name in at_night:
            continue
        for language in sorted(languages):
            yield from _late(node, Way(0.0, language, True), times(node, voice, language, behind=True), SUB_S,
                             f"in menu '{name}'")


def _late(menu: Menu, way: Way, timed: Times, limit: float, where: str) -> Iterator[Finding]:
    """Reckoned lengths only warn: the built sounds will tell."""
    if timed.human_s is not None and way.seconds + timed.human_s > limit:
        built = way.built and timed.built
        reckoned = "" if built else ", reckoned without the built sounds"
        yield Finding(menu.name, f"{where} the human's key is heard after {way.seconds + timed.human_s:.0f} s, more "
                      f"than {limit:.0f} (rule I16){reckoned}",
                      "Shorten the sentences before it, or take an option out.", f"option {HUMAN_KEY} say", not built)


# -- what is said ------------------------------------------------------------------------------------------------------


def _sentences(flow: Flow, name: str, voice: Voice, language: str) -> Iterator[Finding]:
    for key in dict.fromkeys(said(flow.nodes[name])):
        text = voice.text(key, language=language)
        plain = text.lower().replace("i̇", "i")
        if not voice.has(key, language=language):
            yield Finding(name, f"'{key}' of node '{name}' has no text in '{language}': it is said in '{LANGUAGE}'",
                          f"Write it in prompts/{language}.", warning=True)
        if not voice.has(key, slow=True):
            yield Finding(name, f"'{key}' of node '{name}' has no slow version (rule I8)",
                          "Add 'slow: true' to it in the catalogue, and build.", warning=True)
        for word in ADVERTS[language]:
            if re.search(rf"\b{re.escape(word)}", plain):
                yield Finding(name, f"'{key}' of node '{name}' says '{word}…': callers came for help (rule I11)",
                              "Take out praise, offers and warnings that the menu has changed.", warning=True)
        if (length := voice.seconds(key, language=language)) > SENTENCE_S:
            yield Finding(name, f"'{key}' of node '{name}' takes {length:.0f} s, more than {SENTENCE_S:.0f}",
                          "Make two sentences of it, or say less.", warning=True)


def _options(menu: Menu, voice: Voice, language: str) -> Iterator[Finding]:
    for option in menu.options:
        at = f"option {option.key} "
        text = voice.text(option.say, language=language)
        said_key = _spoken_key(option, text, _heard_in(option.say, voice, language))
        if said_key is not None:
            yield Finding(menu.name, f"option {option.key} of menu '{menu.name}': {said_key[0]} (rule I2)", said_key[1],
                          at + "say", said_key[2])
        if option.confirm == option.say:
            yield Finding(menu.name, f"option {option.key} of menu '{menu.name}' is acknowledged with its own question "
                          "(rule I12)", "Say what was chosen, as in 'Uzaktan eğitimi seçtiniz.'.", at + "confirm")
        elif (length := voice.seconds(option.confirm, language=language)) > CONFIRM_S:
            yield Finding(menu.name, f"the acknowledgement of option {option.key} of menu '{menu.name}' takes "
                          f"{length:.0f} s, more than {CONFIRM_S:.0f} (rule I12)", "Say only what was chosen.",
                          at + "confirm", True)


def _heard_in(key: str, voice: Voice, language: str) -> str:
    """The language of a prompt: its own when it names one, the first when it is not translated."""
    own = key.partition("/")[0]
    if own in OTHERS:
        return own
    return language if voice.has(key, language=language) else LANGUAGE


def _spoken_key(option: Option, text: str, language: str) -> tuple[str, str, bool] | None:
    """What is wrong with how an option says its key, how to mend it, whether it is only a warning."""
    right = (f"Write it as in '… için, {key_dative(option.key)} basın.'." if language == "tr"
             else f"Write it as in 'For …, press {option.key}.'.")
    found = _PRESS[language].fullmatch(text)
    if found is None:
        return f"'{text}' does not say which key to press", right, False
    named = _key_of(found["key"].lower(), language)
    if named is None:
        return f"'{found['key']}' is no key of a telephone as one presses it", right, False
    if named != option.key:
        return f"it says '{found['key']}', which is key {named}", right, False
    if not found["before"].strip():
        return "the key comes first, and what it is for is heard when the key is forgotten", right, False
    if found["after"].strip(_HUSH):
        return "the key does not come last", right, False
    if not found["comma"]:
        return "no pause stands before the key", "Put a comma before it: it becomes a pause of 600 ms.", True
    return None


def _key_of(word: str, language: str) -> str | None:
    """The key that a word names: `dörde` is 4, in English `4` or `four`."""
    if language == "tr":
        return next((key for key in KEYS if key_dative(key) == word), None)
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return word if word in KEYS else str(names.index(word)) if word in names else None


def _closing(flow: Flow, menu: Menu, voice: Voice, language: str) -> Iterator[Finding]:
    """Who is in a menu is told of the keys that are the same everywhere."""
    text = " ".join(voice.text(key, language=language) for key in (*menu.intro, *menu.closing)).lower()
    words = {"tr": ("kareye", "yıldıza", "dokuza"), "en": ("hash", "star", "9")}[language]
    first = {walk.first_menu(flow, start) for start in walk.starts(flow)}
    if menu in first:
        missing = [word for word in words[:2] if word not in text]
        if missing:
            yield Finding(menu.name, f"menu '{menu.name}' tells nobody of # and * (rules I7, I8)",
                          "End it with 'closing: tus-bilgisi'.", warning=True)
    elif words[2] not in text:
        yield Finding(menu.name, f"menu '{menu.name}' tells nobody the way back, key 9 (rule I14)",
                      "End it with 'closing: geri-bilgisi'.", warning=True)


def _question(node: Digits, voice: Voice, language: str) -> Iterator[Finding]:
    text = voice.text(node.say[-1], language=language).lower() if node.say else ""
    if node.least != node.most and {"tr": "kareye", "en": "hash"}[language] not in text:
        yield Finding(node.name, f"node '{node.name}' does not say that # ends what is keyed in",
                      "End the question with 'ardından kareye basın'.", "say", True)
