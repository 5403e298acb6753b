"""The shape of each node of a menu document: its keys and their values. Problems are gathered, nothing is raised."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from ivr.flow import sms
from ivr.flow.model import (
    CHECKS,
    GOOD_OPTIONS,
    HUMAN_KEY,
    MAX_OPTIONS,
    NUMBER,
    OPTION_KEYS,
    RESERVED,
    TCKN,
    Digits,
    End,
    Language,
    Menu,
    Message,
    Needs,
    Node,
    Option,
    Queue,
    Sms,
    Speech,
    Transfer,
    is_address,
)
from prompts.say import LANGUAGE, LANGUAGES

SPEECH = ("say", "then")
NOTICE = "notice"
KEYS = {
    "options": ("intro", "options", "closing", "after_failures"),
    "input": ("input", "check", "digits", "keep", "say", "then", "after_failures"),
    "language": ("language", "needs", "then"),
    "message": ("message", "max_s", "say", "then", "after_failures", "text"),
    "queue": ("queue", "priority", "say", "needs", "text", "sms"),
    "transfer": ("transfer", "say", "after_failures", "text"),
    "end": ("say", "end", "text", "sms"),
}
"""The key that tells what a node is -> all its keys. A node with 'then' and none of them is a speech."""
NEEDED = {"options": ("options",), "queue": ("queue",), "language": ("language", "then"),
          "input": ("input", "check", "say", "then", "after_failures"),
          "message": ("message", "say", "then", "after_failures"),
          "transfer": ("transfer", "say", "after_failures"), "end": ("say", "end")}
OPTION = ("key", "say", "confirm", "then")
MAX_PRIORITY = 120
"""Two hours of waiting: more would put a caller before everybody for the whole day."""
MAX_NEEDS = 8
"""Skills that a caller can need besides the service's: it goes into a variable of the channel."""
MESSAGE_S, LEAST_MESSAGE_S, MOST_MESSAGE_S = 90, 10, 300
"""Length of a spoken message: as shipped, least, most."""
KEEP = ("hash", "box")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,29}\Z")

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


class Nodes:
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

    def node(self, name: str, raw: Any, place: Place) -> Node | None:
        """A node of any kind."""
        if not _NAME.match(name):
            self.note(place, f"'{name[:60]}' is no name for a node", "Use a-z, 0-9 and '-', at most 40.")
        if not isinstance(raw, dict):
            self.note(place, f"node '{name}' has no keys",
                      "Write 'say' and 'then', or 'options', or 'queue', or 'say' and 'end' under it.")
            return None
        self.places |= {f"{name} {key}": self.at(raw, key) for key in raw}
        kinds = [kind for kind in KEYS if kind in raw]
        if "then" in raw and not (kinds and "then" in KEYS[kinds[0]]):
            kinds.append("then")
        if len(kinds) != 1:
            what = " and ".join(f"'{kind}'" for kind in kinds) or (
                "neither 'then' nor any of " + ", ".join(f"'{kind}'" for kind in KEYS))
            guess = self.nearest(raw, (*KEYS, "then")) if not kinds else ""
            self.note(place, f"node '{name}' has {what}",
                      guess or "A node is a speech, a menu, a queue, an end or one of their kin: keep one.")
            return None
        [kind] = kinds
        self.keys(raw, KEYS.get(kind, (*SPEECH, NOTICE)), NEEDED.get(kind, SPEECH))
        match kind:
            case "options":
                return self.menu(name, raw)
            case "input":
                return self.digits(name, raw)
            case "language":
                return self.language(name, raw)
            case "message":
                return self.message(name, raw)
            case "queue":
                return self.queue(name, raw)
            case "transfer":
                return self.transfer(name, raw)
            case "end":
                return self.end(name, raw)
        if NOTICE in raw and raw[NOTICE] is not True:
            self.note(self.at(raw, NOTICE), f"'notice' of node '{name}' is not 'true'",
                      "Write 'notice: true' where callers are told of recordings, or leave it out.")
        return Speech(name, self.said(raw, "say"), self.target(raw, "then"), raw.get(NOTICE) is True)

    # -- leaves

    def queue(self, name: str, raw: Any) -> Queue:
        """A place to wait."""
        service, text = self.service(raw, "queue"), self.text(name, raw)
        return Queue(name, service, self.points(raw), self.said(raw, "say"), self.needs(raw), text,
                     self.sms(name, raw, text, service))

    def transfer(self, name: str, raw: Any) -> Transfer:
        """An outside number."""
        to = str(raw["transfer"])
        if self.known.transfers is not None and to not in self.known.transfers:
            self.unknown(self.at(raw, "transfer"), "outside number", to, self.known.transfers,
                         "Name it under [transfer] of santral.toml, such as alo183 = \"183\".")
        return Transfer(name, to, self.said(raw, "say"), self.target(raw, "after_failures"), self.text(name, raw))

    def end(self, name: str, raw: Any) -> End:
        """Good-bye."""
        if raw["end"] is not True:
            self.note(self.at(raw, "end"), f"'end' of node '{name}' is not 'true'",
                      "Write 'end: true', or lead on with 'then'.")
        text = self.text(name, raw)
        return End(name, self.said(raw, "say"), text, self.sms(name, raw, text))

    def message(self, name: str, raw: Any) -> Message:
        """A spoken message."""
        service = self.service(raw, "message")
        if service in self.known.unrecorded:
            self.note(self.at(raw, "message"), f"nothing of the service '{service}' may be recorded",
                      "Leave the message for another service, or change the 'privacy' of this one.")
        most = raw.get("max_s", MESSAGE_S)
        if type(most) is not int or not LEAST_MESSAGE_S <= most <= MOST_MESSAGE_S:
            self.note(self.at(raw, "max_s"), "'max_s' is no length of a spoken message",
                      f"Write {LEAST_MESSAGE_S} to {MOST_MESSAGE_S} seconds.")
            most = MESSAGE_S
        return Message(name, service, float(most), self.said(raw, "say"), self.target(raw, "then"),
                       self.target(raw, "after_failures"), self.text(name, raw))

    # -- questions

    def digits(self, name: str, raw: Any) -> Digits:
        """Several keys."""
        field, check = str(raw["input"]), str(raw.get("check", NUMBER))
        if not _FIELD.match(field):
            self.note(self.at(raw, "input"), f"'{field[:60]}' is no name for what is keyed in",
                      "Use a-z, 0-9 and '_', at most 30, beginning with a letter.")
        if check not in CHECKS:
            self.unknown(self.at(raw, "check"), "check", check, CHECKS)
            check = NUMBER
        boxed = raw.get("keep", KEEP[0])
        if boxed not in KEEP:
            self.unknown(self.at(raw, "keep"), "way to keep it", boxed, KEEP)
        elif boxed == KEEP[1] and check == TCKN:
            self.note(self.at(raw, "keep"), "a national id would be kept so that it can be read",
                      "Take 'keep' out: it is kept as a keyed hash, which recognises it and no more.")
        least, most = self.range(name, raw, check)
        return Digits(name, field, check, least, most, self.said(raw, "say"), self.target(raw, "then"),
                      self.target(raw, "after_failures"), boxed == KEEP[1])

    def range(self, name: str, raw: Any, check: str) -> tuple[int, int]:
        """Fewest and most digits."""
        least, most = CHECKS[check]
        if check != NUMBER:
            if "digits" in raw:
                self.note(self.at(raw, "digits"), f"'digits' of node '{name}', and '{check}' has its own",
                          "Take it out.")
            return least, most
        given = raw.get("digits")
        ends = given if isinstance(given, list) and len(given) == 2 else [given, given]
        if not all(type(end) is int for end in ends) or not least <= ends[0] <= ends[1] <= most:
            self.note(self.at(raw, "digits"), f"'digits' of node '{name}' does not say how many",
                      f"Write a number, or [fewest, most]: {least} to {most}.")
            return least, most
        return ends[0], ends[1]

    def language(self, name: str, raw: Any) -> Language:
        """Another language."""
        language = str(raw["language"])
        if language not in LANGUAGES:
            self.unknown(self.at(raw, "language"), "language", language, LANGUAGES)
        return Language(name, language, self.target(raw, "then"), self.needs(raw))

    def menu(self, name: str, raw: Any) -> Menu:
        """One key."""
        if "after_failures" in raw:
            after = self.target(raw, "after_failures")
        else:
            after = ""
            self.note(self.places[name], f"menu '{name}' has no 'after_failures': a caller who presses nothing would"
                      " be lost", "Write 'after_failures: <the human node>'.")
        options = raw["options"]
        made: list[Option] = []
        if not isinstance(options, list) or not options:
            self.note(self.at(raw, "options"), f"menu '{name}' has no options", "Write a list of '- key: …' under it.")
            options = []
        for number, item in enumerate(options):
            place = (self.file, options.lines[number])  # type: ignore[attr-defined]  # the reader's list knows its lines
            option = self.option(name, item, place)
            if option is not None:
                self.once(name, option, made, place)
                made.append(option)
        self.count(name, raw, made)
        return Menu(name, tuple(made), after, self.said(raw, "intro"), self.said(raw, "closing"))

    def option(self, menu: str, raw: Any, place: Place) -> Option | None:
        """One choice of a menu."""
        if not isinstance(raw, dict):
            self.note(place, "an option without keys", "Write 'key', 'say', 'confirm' and 'then'.")
            return None
        self.keys(raw, (*OPTION, "needs"), OPTION)
        key = str(raw.get("key", ""))
        if "key" in raw and (len(key) != 1 or key not in OPTION_KEYS):
            why = "is reserved (# repeats, * speaks slowly, 9 goes back)" if key in RESERVED else "is no key of a menu"
            self.note(self.at(raw, "key"), f"'{key[:20]}' {why}", "Use one of 0 to 8.")
        self.places |= {f"{menu} option {key} {name}": self.at(raw, name) for name in raw}
        says, confirms = self.said(raw, "say"), self.said(raw, "confirm")
        return Option(key, "".join(says[:1]), "".join(confirms[:1]), self.target(raw, "then"), self.needs(raw))

    def once(self, menu: str, option: Option, before: list[Option], place: Place) -> None:
        """No key and no sentence twice."""
        if option.key and any(other.key == option.key for other in before):
            self.note(place, f"key {option.key} stands twice in menu '{menu}'", "Give each option its own key.")
        elif option.say and any(other.say == option.say for other in before):
            self.note(self.places.get(f"{menu} option {option.key} say", place),
                      f"two options of menu '{menu}' say the same, '{option.say}'", "Give each its own sentence.")

    def count(self, name: str, raw: Any, made: list[Option]) -> None:
        """Not more than people keep in mind."""
        options = sum(option.key != HUMAN_KEY for option in made)
        if options > MAX_OPTIONS:
            self.note(self.at(raw, "options"), f"menu '{name}' has {options} options beside 0",
                      f"Nobody keeps more than {MAX_OPTIONS} in mind: make two menus of them.")
        elif options > GOOD_OPTIONS:
            self.note(self.at(raw, "options"), f"menu '{name}' has {options} options beside 0",
                      f"{GOOD_OPTIONS} are easier to keep in mind.", warning=True)

    # -- values

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
