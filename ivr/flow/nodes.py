"""The shape of each node of a menu document: its keys and their values. Problems are gathered, nothing is raised."""

from __future__ import annotations

import re
from typing import Any

from ivr.flow.fields import Fields, Place
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
    Node,
    Option,
    Queue,
    Speech,
    Transfer,
)
from prompts.say import LANGUAGES

SPEECH = ("say", "then")
NOTICE = "notice"
KEYS = {
    "options": ("intro", "options", "closing", "after_failures"),
    "input": ("input", "check", "digits", "keep", "say", "then", "after_failures"),
    "language": ("language", "needs", "then"),
    "message": ("message", "max_s", "say", "then", "after_failures", "text"),
    "queue": ("queue", "priority", "say", "needs", "topics", "text", "sms"),
    "transfer": ("transfer", "say", "after_failures", "text"),
    "end": ("say", "end", "text", "sms"),
}
"""The key that tells what a node is -> all its keys. A node with 'then' and none of them is a speech."""
NEEDED = {"options": ("options",), "queue": ("queue",), "language": ("language", "then"),
          "input": ("input", "check", "say", "then", "after_failures"),
          "message": ("message", "say", "then", "after_failures"),
          "transfer": ("transfer", "say", "after_failures"), "end": ("say", "end")}
OPTION = ("key", "say", "confirm", "then")
MESSAGE_S, LEAST_MESSAGE_S, MOST_MESSAGE_S = 90, 10, 300
"""Length of a spoken message: as shipped, least, most."""
KEEP = ("hash", "box")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,29}\Z")


class Nodes(Fields):
    """Node by node; every method gives what it could read."""

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
                     self.sms(name, raw, text, service), self.topics(raw))

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
