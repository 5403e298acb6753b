"""The fields of a menu document: what a value may be, and which names it may name. Problems are gathered, nothing is
raised."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from ivr.flow import sms
from ivr.flow.model import Needs, Sms, is_address
from prompts.say import LANGUAGE, LANGUAGES

MAX_PRIORITY = 120
"""Two hours of waiting: more would put a caller before everybody for the whole day."""
MAX_NEEDS = 8
"""Skills that a caller can need besides the service's: it goes into a variable of the channel."""

MAX_TOPICS = 8
"""Topics of a caller: they go into a variable of the channel, as what is needed does."""
TOPIC = re.compile(r"[A-Za-z0-9_./-]{1,40}", re.ASCII)
"""As the names of `no_topics`."""
ABUSIVE = "abusive"
"""The topic that agents give a caller."""

Place = tuple[str, int]


class Names(NamedTuple):
    """What a menu may name. None: it could not be read, so names are not judged."""

    prompts: Collection[str]
    services: Collection[str] | None = None
    closed: str | None = None
    """The entry used while the centre is closed: a menu that nobody reaches otherwise may do without key 0 and end in
    good-bye."""
    distress: Collection[str] = ()
    """Services for distress."""
    unrecorded: Collection[str] = ()
    """Services of which nothing may be recorded, so no spoken message either."""
    transfers: Collection[str] | None = None
    """Names of outside numbers."""
    skills: Collection[str] | None = None
    """Skills that somebody has."""
    untexted: Collection[str] = ()
    """Services of which nothing may be sent by short message."""
    sends: bool = False
    """The centre has a gateway for short messages."""
    closed_known: bool = True
    """What says which entry that is could be read."""


class Problem(NamedTuple):
    """One thing to mend."""

    where: str
    """`menu.yaml:12`."""
    what: str
    """What is wrong, without a full stop."""
    mend: str
    """What to do about it, a whole sentence."""
    warning: bool = False
    """True: the centre can run all the same."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.mend}"


class Fields:
    """Collects problems; every method gives what it could read."""

    def __init__(self, known: Names) -> None:
        self.known = known
        self.problems: list[Problem] = []
        self.places: dict[str, Place] = {}
        """`node`, `node key` or `node option 1 key` -> where it stands."""
        self.targets: list[str] = []
        self.file = "menu.yaml"

    @property
    def wrong(self) -> bool:
        """Whether there is a problem that is more than a warning."""
        return any(not problem.warning for problem in self.problems)

    def note(self, place: Place, what: str, mend: str, *, warning: bool = False) -> None:
        """One problem more."""
        self.problems.append(Problem(f"{place[0]}:{place[1]}", what, mend, warning))

    def at(self, mapping: Any, key: Any) -> Place:
        """Where a key stands."""
        line = mapping.lines.get(key, mapping.line)
        return self.file, int(line)

    def keys(self, mapping: Any, known: tuple[str, ...], needed: Iterable[str]) -> None:
        """No other key than these, and all that are needed."""
        for key in mapping:
            if key not in known:
                self.unknown(self.at(mapping, key), "key", key, known)
        for key in needed:
            if key not in mapping:
                self.note((self.file, int(mapping.line)), f"'{key}' is missing", f"Write '{key}: …' here.")

    def nearest(self, mapping: Any, known: tuple[str, ...]) -> str:
        """A guess what was meant."""
        for key in mapping:
            near = difflib.get_close_matches(str(key), known, 1)
            if near:
                return f"Did you mean '{near[0]}' instead of '{key}'?"
        return ""

    def unknown(self, place: Place, what: str, given: Any, known: Collection[str], otherwise: str = "") -> None:
        """A name that nothing has."""
        near = difflib.get_close_matches(str(given), sorted(known), 1)
        some = ", ".join(sorted(known)[:8])
        mend = f"Did you mean '{near[0]}'?" if near else otherwise or (
            f"Known are: {some}." if some else "There is none yet.")
        self.note(place, f"unknown {what} '{str(given)[:60]}'", mend)

    def target(self, mapping: Any, key: str) -> str:
        """The name of a node."""
        if key not in mapping:
            return ""
        name = str(mapping[key])
        if name not in self.targets:
            self.unknown(self.at(mapping, key), "node", name, self.targets)
        return name

    def service(self, raw: Any, key: str) -> str:
        """The id of a service."""
        service = str(raw[key])
        if self.known.services is not None and service not in self.known.services:
            self.unknown(self.at(raw, key), "service", service, self.known.services)
        return service

    def points(self, raw: Any) -> int:
        """Points of priority."""
        priority = raw.get("priority", 0)
        if type(priority) is not int or not 0 <= priority <= MAX_PRIORITY:
            self.note(self.at(raw, "priority"), "'priority' is no whole number of points",
                      f"Write 0 to {MAX_PRIORITY}; a point counts as one minute of waiting.")
            return 0
        return priority

    def needs(self, raw: Any) -> Needs:
        """Skills with levels."""
        given = raw.get("needs", {})
        if not isinstance(given, dict) or len(given) > MAX_NEEDS or ("needs" in raw and not given):
            self.note(self.at(raw, "needs"), "'needs' is no list of skills and levels",
                      f"Write it as {{en: 1}}, at most {MAX_NEEDS}.")
            return ()
        found: list[tuple[str, int]] = []
        for skill, level in given.items():
            place = (self.file, int(given.lines[skill]))  # type: ignore[attr-defined]
            if type(level) is not int or not 1 <= level <= 100:
                self.note(place, f"the level of '{str(skill)[:40]}' is no whole number", "Write 1 to 100.")
            elif self.known.skills is not None and skill not in self.known.skills:
                self.note(place, f"nobody has the skill '{str(skill)[:40]}': such a caller would wait for ever",
                          "Give it to somebody in team.yaml, or take it out.")
            else:
                found.append((str(skill), level))
        return tuple(found)

    def topics(self, raw: Any) -> tuple[str, ...]:
        """What the callers of a queue want to talk about."""
        given = raw.get("topics", [])
        if not isinstance(given, list) or len(given) > MAX_TOPICS or ("topics" in raw and not given):
            self.note(self.at(raw, "topics"), "'topics' is no list of words",
                      f"Write it as [siddet], at most {MAX_TOPICS}.")
            return ()
        found = [one for one in given if isinstance(one, str) and TOPIC.fullmatch(one) and one != ABUSIVE]
        if len(found) < len(given):
            self.note(self.at(raw, "topics"), "'topics' has a word that cannot be one",
                      f"Write 1 to 40 of A-Z, a-z, 0-9, '_', '.', '/' and '-'; '{ABUSIVE}' is said by agents alone.")
        return tuple(dict.fromkeys(found))

    def text(self, name: str, raw: Any) -> str:
        """The twin in writing of a leaf (rule I17)."""
        if "text" not in raw:
            self.note(self.places[name], f"node '{name}' has no twin in writing (rule I17)",
                      "Add 'text': an https address, or a prompt that tells where to write.", warning=True)
            return ""
        text = str(raw["text"])
        if not is_address(text) and text not in self.known.prompts:
            self.note(self.at(raw, "text"), f"'{text[:60]}' is neither an https address nor a prompt",
                      "Write where the same can be had in writing, such as https://….")
            return ""
        return text

    def sms(self, name: str, raw: Any, link: str, service: str = "") -> Sms:
        """The words of a short message: a text, or one for each language."""
        if "sms" not in raw:
            if self.known.sends and is_address(link) and service not in self.known.untexted:
                self.note(self.at(raw, "text"), f"nobody gets the link of node '{name}' by short message (rule I17)",
                          "Add 'sms': the words before it, such as \"Uzaktan eğitim:\".", warning=True)
            return ()
        given = raw["sms"]
        texts = given if isinstance(given, dict) else {LANGUAGE: given}
        place = self.at(raw, "sms")
        if service in self.known.untexted:
            self.note(place, f"the service '{service}' is for distress or anonymous, and a short message stays on a "
                      "telephone that others read", "Take 'sms' out.")
        if not is_address(link):
            self.note(place, f"node '{name}' has 'sms' and no link to send",
                      "Write an https address at 'text', or take 'sms' out.")
        if LANGUAGE not in texts:
            self.note(place, f"'sms' of node '{name}' has no words in '{LANGUAGE}'", f"Write {{{LANGUAGE}: \"…\"}}.")
        for language, words in texts.items():
            at = (self.file, int(given.lines[language])) if isinstance(given, dict) else place  # type: ignore[attr-defined]
            if language not in LANGUAGES:
                self.unknown(at, "language", language, LANGUAGES)
            self.words(name, words, link, at)
        return tuple((str(language), str(words).strip()) for language, words in texts.items())

    def words(self, name: str, words: Any, link: str, place: Place) -> None:
        """Of one short message."""
        if not isinstance(words, str) or not words.strip() or not words.isprintable():
            self.note(place, f"'sms' of node '{name}' is no line of text", "Write the words before the link.")
            return
        if len(link) > sms.LINK_MAX:
            self.note(place, f"the link of node '{name}' has {len(link)} letters, more than {sms.LINK_MAX} of a short "
                      "message", "Give it a shorter one at 'text'.")
        used, limit = sms.size(f"{words.strip()} {link}")
        if used > limit:
            odd = "" if limit == sms.PLACES else (
                ", because of letters that telephones have no place for: " + " ".join(sorted(
                    {letter for letter in words if sms.size(letter).limit == sms.LETTERS})))
            self.note(place, f"the short message of node '{name}' takes {used} of {limit} places{odd}",
                      "Say it in fewer words: it must be one message.")

    def said(self, mapping: Any, key: str) -> tuple[str, ...]:
        """A prompt, or a list of them."""
        if key not in mapping:
            return ()
        raw = mapping[key]
        keys = raw if isinstance(raw, list) else [raw]
        found: list[str] = []
        for number, prompt in enumerate(keys):
            place = (self.file, raw.lines[number]) if isinstance(raw, list) else self.at(mapping, key)  # type: ignore[attr-defined]
            if not isinstance(prompt, str) or prompt not in self.known.prompts:
                self.unknown(place, "prompt", prompt, self.known.prompts)
            else:
                found.append(prompt)
        if not keys:
            self.note(self.at(mapping, key), f"'{key}' is empty", "Name a prompt, or take the key out.")
        return tuple(found)
