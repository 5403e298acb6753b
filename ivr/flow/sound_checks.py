"""Check how a menu sounds: the time until the human, the keys that options name, words that help nobody.

No I/O: texts and lengths come from the caller.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple, Protocol

from ivr.flow import reachability
from ivr.flow.dialogue_machine import OPTION_PAUSE_S
from ivr.flow.dialogue_steps import LAST_STEP, SLOW_FACTOR
from ivr.flow.menu_model import HUMAN_KEY, Digits, Language, Menu, MenuFlow, Option, Speech, prompts_of
from ivr.flow.reachability import Finding
from prompts.verbalise.number_prompts import LANGUAGE, OTHERS
from prompts.verbalise.turkish_numbers import KEYS, key_dative

MAIN_S, SUB_S = 30.0, 20.0
"""Longest time until the human's key has been said (rule I16). It counts from the answer of the call for a first
menu, and from its own beginning for a later menu."""
DISTRESS_S = 8.0
"""Longest time from the answer of the call until the key of a service for distress has been said (rule I22)."""
CONFIRM_S = 6.0
"""Longest acknowledgement. A caller who has chosen wants to go on (rule I12)."""
SENTENCE_S = 20.0
"""Longest single prompt. A longer one cannot be remembered, and cannot be repeated in parts."""

NOT_APPLICABLE = ("Rules of accessible menus (docs/centre/menu.md): checked. I10, keys and speech both: not "
                  "applicable, there is no speech input.")
"""Text about the one rule that no menu can break or obey."""

ADVERT_WORDS = {
    "tr": ("kampanya", "indirim", "fırsat", "reklam", "ödüllü", "lider", "en iyi", "yenilikçi", "gurur duy",
           "bizi tercih", "takip edin", "dikkatle dinle", "dikkatlice dinle", "menümüz değiş", "seçenekler değiş",
           "seçeneklerimiz değiş"),
    "en": ("discount", "special offer", "award", "leading", "world-class", "follow us", "listen carefully",
           "menu has changed", "options have changed"),
}
"""Beginnings of words that waste a caller's time (rule I11)."""

_PRESS = {"tr": re.compile(r"(?P<before>.*?)(?P<comma>,?)\s*(?P<key>\w+) bas(?:ın|ınız)(?P<after>.*)"),
          "en": re.compile(r"(?P<before>.*?)(?P<comma>,?)\s*press (?P<key>\w+)(?P<after>.*)", re.IGNORECASE)}
_PUNCTUATION = ".!… "


class PromptVoice(Protocol):
    """Texts and lengths of prompts, as `prompts.prompt_lengths` provides them."""

    def has_prompt(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> bool:
        """Return whether the prompt exists in exactly this language and speed."""
        ...

    def text_of(self, key: str, *, language: str = LANGUAGE) -> str:
        """Return the text of a prompt."""
        ...

    def is_built(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> bool:
        """Return whether the length comes from a built sound. Otherwise it is estimated."""
        ...

    def length_s(self, key: str, *, slow: bool = False, language: str = LANGUAGE) -> float:
        """Return the length of a prompt in seconds."""
        ...


class MenuTimes(NamedTuple):
    """Times of one menu in one language, in seconds."""

    human_s: float | None
    """Time until the human's key has been said, or None without such a key.

    It counts from the answer of the call or from the beginning of the menu.
    """
    whole_s: float
    """Time until everything has been said."""
    keys: Mapping[str, float]
    """Time until each key has been said."""
    built: bool
    """Whether all lengths come from built sounds. Otherwise some are estimated."""


def find_problems(flow: MenuFlow, voice: PromptVoice, at_night: Collection[str] = (),
                  distress: Collection[str] = ()) -> list[Finding]:
    """Return all problems in the order of the nodes. A problem in several languages is returned once.

    `distress` has the services for callers in distress.
    """
    languages = reachability.spoken_languages(flow)
    found: list[Finding] = []
    for name, node in flow.nodes.items():
        for language in sorted(languages[name], key=lambda one: one != LANGUAGE):
            found += _check_sentences(f"node '{name}'", name, prompts_of(node), voice, language)
            if isinstance(node, Menu):
                found += chain(_check_options(node, voice, language), _check_closing(flow, node, voice, language))
            if isinstance(node, Digits):
                found += _check_question(node, voice, language)
    if flow.notice:
        for language in sorted(frozenset[str]().union(*languages.values()), key=lambda one: one != LANGUAGE):
            found += _check_sentences("the notice", "notice", (flow.notice,), voice, language)
    found += _check_times(flow, voice, at_night, distress)
    return list(dict.fromkeys(found))


# -- lengths -----------------------------------------------------------------------------------------------------------


def menu_times(menu: Menu, voice: PromptVoice, language: str = LANGUAGE, *, slow: bool = False,
        behind: bool = False) -> MenuTimes:
    """Return the times of one menu. With `behind` another menu comes before it, so it begins with those words."""
    pause = OPTION_PAUSE_S * (SLOW_FACTOR if slow else 1.0)

    def length_of(keys: tuple[str, ...]) -> float:
        return sum(voice.length_s(key, slow=slow, language=language) + pause for key in keys)

    at = length_of((*((LAST_STEP,) if behind else ()), *menu.intro))
    known: dict[str, float] = {}
    for option in menu.options:
        at += length_of((option.say,))
        # The silence after the option is not needed to press its key.
        known[option.key] = at - pause
    keys = (*menu.intro, *(option.say for option in menu.options), *menu.closing)
    return MenuTimes(known.get(HUMAN_KEY), at + length_of(menu.closing) - pause, known,
                 all(voice.is_built(key, slow=slow, language=language) for key in keys))


class LeadIn(NamedTuple):
    """Time before the first menu of a call."""

    seconds: float
    language: str
    """Language of that menu."""
    built: bool


def lead_in_of(flow: MenuFlow, start: str, voice: PromptVoice, *, slow: bool = False) -> LeadIn:
    """Return the time from a node to the first menu behind it."""
    at, language, built, name, seen = 0.0, LANGUAGE, True, start, set[str]()
    while name not in seen:
        seen.add(name)
        node = flow.nodes[name]
        if isinstance(node, Language):
            language = node.language
        elif isinstance(node, Speech):
            at += sum(voice.length_s(key, slow=slow, language=language) for key in node.say)
            built = built and all(voice.is_built(key, slow=slow, language=language) for key in node.say)
        else:
            break
        name = node.then
    return LeadIn(at, language, built)


def _check_times(flow: MenuFlow, voice: PromptVoice, at_night: Collection[str], distress: Collection[str]
                 ) -> Iterator[Finding]:
    first: set[str] = set()
    for start in reachability.start_nodes(flow):
        # Only the first menu of a call counts from its answer.
        menu = reachability.first_menu(flow, start)
        if menu is None:
            continue
        first.add(menu.name)
        way = lead_in_of(flow, start, voice)
        timed = menu_times(menu, voice, way.language)
        yield from _check_human_time(menu, way, timed, MAIN_S, f"from '{start}'")
        for option in menu.options:
            service = reachability.service_behind(flow, option.then)
            if service in distress and way.seconds + timed.keys[option.key] > DISTRESS_S:
                built = way.built and timed.built
                yield Finding(menu.name, f"from '{start}' the key of '{service}', a service for distress, is heard "
                              f"after {way.seconds + timed.keys[option.key]:.1f} s, more than {DISTRESS_S:.0f} "
                              "(rule I22)"
                              f"{'' if built else ', estimated without the built sounds'}",
                              "Make it the first option, and shorten the sentences before it.",
                              f"option {option.key} say", not built)
    for name, languages in reachability.spoken_languages(flow).items():
        node = flow.nodes[name]
        if not isinstance(node, Menu) or name in first or name in at_night:
            continue
        for language in sorted(languages):
            yield from _check_human_time(node, LeadIn(0.0, language, True),
                                         menu_times(node, voice, language, behind=True), SUB_S, f"in menu '{name}'")


def _check_human_time(menu: Menu, way: LeadIn, timed: MenuTimes, limit: float, where: str) -> Iterator[Finding]:
    """Yield a problem if the human's key comes too late. Estimated lengths only warn, because built sounds decide."""
    if timed.human_s is not None and way.seconds + timed.human_s > limit:
        built = way.built and timed.built
        reckoned = "" if built else ", estimated without the built sounds"
        yield Finding(menu.name, f"{where} the human's key is heard after {way.seconds + timed.human_s:.0f} s, more "
                      f"than {limit:.0f} (rule I16){reckoned}",
                      "Shorten the sentences before it, or take an option out.", f"option {HUMAN_KEY} say", not built)


# -- words -------------------------------------------------------------------------------------------------------------


def _check_sentences(what: str, place: str, keys: Iterable[str], voice: PromptVoice, language: str
                     ) -> Iterator[Finding]:
    """Yield problems of sentences. `what` names the node or the notice that says them."""
    for key in dict.fromkeys(keys):
        text = voice.text_of(key, language=language)
        # lower() turns the Turkish capital İ into an i with a combining dot.
        plain = text.lower().replace("i̇", "i")
        if not voice.has_prompt(key, language=language):
            yield Finding(place, f"'{key}' of {what} has no text in '{language}': it is said in '{LANGUAGE}'",
                          f"Write it in prompts/{language}.", warning=True)
        if not voice.has_prompt(key, slow=True):
            yield Finding(place, f"'{key}' of {what} has no slow version (rule I8)",
                          "Add 'slow: true' to it in the catalogue, and build.", warning=True)
        for word in ADVERT_WORDS[language]:
            if re.search(rf"\b{re.escape(word)}", plain):
                yield Finding(place, f"'{key}' of {what} says '{word}…': callers came for help (rule I11)",
                              "Take out praise, offers and warnings that the menu has changed.", warning=True)
        if (length := voice.length_s(key, language=language)) > SENTENCE_S:
            yield Finding(place, f"'{key}' of {what} takes {length:.0f} s, more than {SENTENCE_S:.0f}",
                          "Make two sentences of it, or say less.", warning=True)


def _check_options(menu: Menu, voice: PromptVoice, language: str) -> Iterator[Finding]:
    for option in menu.options:
        at = f"option {option.key} "
        text = voice.text_of(option.say, language=language)
        said_key = _check_spoken_key(option, text, _language_of(option.say, voice, language))
        if said_key is not None:
            yield Finding(menu.name, f"option {option.key} of menu '{menu.name}': {said_key[0]} (rule I2)", said_key[1],
                          at + "say", said_key[2])
        if option.confirm == option.say:
            yield Finding(menu.name, f"option {option.key} of menu '{menu.name}' is acknowledged with its own question "
                          "(rule I12)", "Say what follows, as in 'Uzaktan eğitim için sizi bağlıyorum.'.",
                          at + "confirm")
        elif (length := voice.length_s(option.confirm, language=language)) > CONFIRM_S:
            yield Finding(menu.name, f"the acknowledgement of option {option.key} of menu '{menu.name}' takes "
                          f"{length:.0f} s, more than {CONFIRM_S:.0f} (rule I12)", "Say only what was chosen.",
                          at + "confirm", True)


def _language_of(key: str, voice: PromptVoice, language: str) -> str:
    """Return the language of a prompt: the one in its key, or the first language if it is not translated."""
    own = key.partition("/")[0]
    if own in OTHERS:
        return own
    return language if voice.has_prompt(key, language=language) else LANGUAGE


def _check_spoken_key(option: Option, text: str, language: str) -> tuple[str, str, bool] | None:
    """Return the fault in how an option names its key, the solution, and whether the fault is only a warning."""
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
    if found["after"].strip(_PUNCTUATION):
        return "the key does not come last", right, False
    if not found["comma"]:
        return "there is no pause before the key", "Put a comma before it: it becomes a pause of 600 ms.", True
    return None


def _key_of(word: str, language: str) -> str | None:
    """Return the key that a word names: `dörde` is 4, and in English `4` and `four` are."""
    if language == "tr":
        return next((key for key in KEYS if key_dative(key) == word), None)
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return word if word in KEYS else str(names.index(word)) if word in names else None


def _check_closing(flow: MenuFlow, menu: Menu, voice: PromptVoice, language: str) -> Iterator[Finding]:
    """Yield problems if a menu does not name the keys that are the same everywhere."""
    text = " ".join(voice.text_of(key, language=language) for key in (*menu.intro, *menu.closing)).lower()
    words = {"tr": ("kareye", "yıldıza", "dokuza"), "en": ("hash", "star", "9")}[language]
    first = {reachability.first_menu(flow, start) for start in reachability.start_nodes(flow)}
    if menu in first:
        missing = [word for word in words[:2] if word not in text]
        if missing:
            yield Finding(menu.name, f"menu '{menu.name}' tells nobody of # and * (rules I7, I8)",
                          "End it with 'closing: tus-bilgisi'.", warning=True)
    elif words[2] not in text:
        yield Finding(menu.name, f"menu '{menu.name}' tells nobody the way back, key 9 (rule I14)",
                      "End it with 'closing: geri-bilgisi'.", warning=True)


def _check_question(node: Digits, voice: PromptVoice, language: str) -> Iterator[Finding]:
    text = voice.text_of(node.say[-1], language=language).lower() if node.say else ""
    if node.least != node.most and {"tr": "kareye", "en": "hash"}[language] not in text:
        yield Finding(node.name, f"node '{node.name}' does not say that # ends what is keyed in",
                      "End the question with 'ardından kareye basın'.", "say", True)
