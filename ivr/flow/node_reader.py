"""Read the shape of each node of a menu document. Problems are collected and not raised."""

from __future__ import annotations

import re
from typing import Any

from ivr.flow.field_reader import FieldReader, FileLocation
from ivr.flow.menu_model import (
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
from prompts.verbalise.number_prompts import LANGUAGES

SPEECH = ("say", "then")
KEYS = {
    "options": ("intro", "options", "closing", "after_failures"),
    "input": ("input", "check", "digits", "keep", "say", "then", "after_failures"),
    "language": ("language", "needs", "then"),
    "message": ("message", "max_s", "say", "then", "after_failures", "text"),
    "queue": ("queue", "priority", "say", "needs", "topics", "text", "sms"),
    "transfer": ("transfer", "say", "after_failures", "text"),
    "end": ("say", "end", "text", "sms"),
}
"""All keys of a node, by the key that decides its kind. A node with 'then' and none of these keys is a speech."""
NEEDED = {"options": ("options",), "queue": ("queue",), "language": ("language", "then"),
          "input": ("input", "check", "say", "then", "after_failures"),
          "message": ("message", "say", "then", "after_failures"),
          "transfer": ("transfer", "say", "after_failures"), "end": ("say", "end")}
OPTION = ("key", "say", "confirm", "then")
MESSAGE_S, LEAST_MESSAGE_S, MOST_MESSAGE_S = 90, 10, 300
"""Length of a spoken message: default, shortest, longest."""
KEEP = ("hash", "encrypted")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,29}\Z")


class NodeReader(FieldReader):
    """Reader of single nodes. Every method returns what it could read."""

    def read_node(self, name: str, raw: Any, place: FileLocation) -> Node | None:
        """Return a node of any kind, or None if its kind is unclear."""
        # 1. The name and the container.
        if not _NAME.match(name):
            self.add_problem(place, f"'{name[:60]}' is no name for a node", "Use a-z, 0-9 and '-', at most 40.")
        if not isinstance(raw, dict):
            self.add_problem(place, f"node '{name}' has no keys",
                      "Write 'say' and 'then', or 'options', or 'queue', or 'say' and 'end' under it.")
            return None
        # Remember where each key is, for problems that are found later.
        self.places |= {f"{name} {key}": self.location_of(raw, key) for key in raw}
        # 2. Exactly one key decides the kind. 'then' is such a key only where no other kind uses it.
        kinds = [kind for kind in KEYS if kind in raw]
        if "then" in raw and not (kinds and "then" in KEYS[kinds[0]]):
            kinds.append("then")
        if len(kinds) != 1:
            what = " and ".join(f"'{kind}'" for kind in kinds) or (
                "neither 'then' nor any of " + ", ".join(f"'{kind}'" for kind in KEYS))
            # A misspelt key is the usual cause, so name the nearest one.
            guess = self.suggest_key(raw, (*KEYS, "then")) if not kinds else ""
            self.add_problem(place, f"node '{name}' has {what}",
                      guess or "A node is a speech, a menu, a queue, an end or a similar kind: keep one.")
            return None
        # 3. The keys of that kind.
        [kind] = kinds
        self.check_keys(raw, KEYS.get(kind, SPEECH), NEEDED.get(kind, SPEECH))
        match kind:
            case "options":
                return self.read_menu_node(name, raw)
            case "input":
                return self.read_digits(name, raw)
            case "language":
                return self.read_language(name, raw)
            case "message":
                return self.read_message(name, raw)
            case "queue":
                return self.read_queue(name, raw)
            case "transfer":
                return self.read_transfer(name, raw)
            case "end":
                return self.read_end(name, raw)
        return Speech(name, self.read_prompts(raw, "say"), self.read_target(raw, "then"))

    # -- leaves

    def read_queue(self, name: str, raw: Any) -> Queue:
        """Return a node at which callers wait."""
        service, text = self.read_service(raw, "queue"), self.read_text_twin(name, raw)
        return Queue(name, service, self.read_points(raw), self.read_prompts(raw, "say"), self.read_needs(raw), text,
                     self.read_sms(name, raw, text, service), self.read_topics(raw))

    def read_transfer(self, name: str, raw: Any) -> Transfer:
        """Return a node that transfers to an outside number."""
        to = str(raw["transfer"])
        if self.known.transfers is not None and to not in self.known.transfers:
            self.report_unknown(self.location_of(raw, "transfer"), "outside number", to, self.known.transfers,
                         "Name it under [transfer] of santral.toml, such as alo183 = \"183\".")
        return Transfer(name, to, self.read_prompts(raw, "say"), self.read_target(raw, "after_failures"),
            self.read_text_twin(name, raw))

    def read_end(self, name: str, raw: Any) -> End:
        """Return a node that ends the call."""
        if raw["end"] is not True:
            self.add_problem(self.location_of(raw, "end"), f"'end' of node '{name}' is not 'true'",
                      "Write 'end: true', or lead on with 'then'.")
        text = self.read_text_twin(name, raw)
        return End(name, self.read_prompts(raw, "say"), text, self.read_sms(name, raw, text))

    def read_message(self, name: str, raw: Any) -> Message:
        """Return a node that takes a spoken message."""
        service = self.read_service(raw, "message")
        if service in self.known.unrecorded:
            self.add_problem(self.location_of(raw, "message"), f"nothing of the service '{service}' may be recorded",
                      "Leave the message for another service, or change the 'privacy' of this one.")
        most = raw.get("max_s", MESSAGE_S)
        if type(most) is not int or not LEAST_MESSAGE_S <= most <= MOST_MESSAGE_S:
            self.add_problem(self.location_of(raw, "max_s"), "'max_s' is no length of a spoken message",
                      f"Write {LEAST_MESSAGE_S} to {MOST_MESSAGE_S} seconds.")
            most = MESSAGE_S
        return Message(name, service, float(most), self.read_prompts(raw, "say"), self.read_target(raw, "then"),
                       self.read_target(raw, "after_failures"), self.read_text_twin(name, raw))

    # -- questions

    def read_digits(self, name: str, raw: Any) -> Digits:
        """Return a question that several keys answer."""
        field, check = str(raw["input"]), str(raw.get("check", NUMBER))
        if not _FIELD.match(field):
            self.add_problem(self.location_of(raw, "input"), f"'{field[:60]}' is no name for what is keyed in",
                      "Use a-z, 0-9 and '_', at most 30, beginning with a letter.")
        if check not in CHECKS:
            self.report_unknown(self.location_of(raw, "check"), "check", check, CHECKS)
            check = NUMBER
        boxed = raw.get("keep", KEEP[0])
        if boxed not in KEEP:
            self.report_unknown(self.location_of(raw, "keep"), "way to keep it", boxed, KEEP)
            # A national id in readable form is more than recognising a caller needs.
        elif boxed == KEEP[1] and check == TCKN:
            self.add_problem(self.location_of(raw, "keep"), "a national id would be stored in readable form",
                      "Take 'keep' out: a keyed hash is stored, which recognises the id and does no more.")
        least, most = self.read_range(name, raw, check)
        return Digits(name, field, check, least, most, self.read_prompts(raw, "say"), self.read_target(raw, "then"),
                      self.read_target(raw, "after_failures"), boxed == KEEP[1])

    def read_range(self, name: str, raw: Any, check: str) -> tuple[int, int]:
        """Return the fewest and the most digits."""
        least, most = CHECKS[check]
        if check != NUMBER:
            if "digits" in raw:
                self.add_problem(self.location_of(raw, "digits"),
                                 f"'digits' of node '{name}', and '{check}' has its own", "Take it out.")
            return least, most
        given = raw.get("digits")
        ends = given if isinstance(given, list) and len(given) == 2 else [given, given]
        if not all(type(end) is int for end in ends) or not least <= ends[0] <= ends[1] <= most:
            self.add_problem(self.location_of(raw, "digits"), f"'digits' of node '{name}' does not say how many",
                      f"Write a number, or [fewest, most]: {least} to {most}.")
            return least, most
        return ends[0], ends[1]

    def read_language(self, name: str, raw: Any) -> Language:
        """Return a node that changes the language."""
        language = str(raw["language"])
        if language not in LANGUAGES:
            self.report_unknown(self.location_of(raw, "language"), "language", language, LANGUAGES)
        return Language(name, language, self.read_target(raw, "then"), self.read_needs(raw))

    def read_menu_node(self, name: str, raw: Any) -> Menu:
        """Return a question that one key answers."""
        if "after_failures" in raw:
            after = self.read_target(raw, "after_failures")
        else:
            after = ""
            self.add_problem(self.places[name], f"menu '{name}' has no 'after_failures': a caller who presses nothing "
                             "would be lost", "Write 'after_failures: <the human node>'.")
        options = raw["options"]
        made: list[Option] = []
        if not isinstance(options, list) or not options:
            self.add_problem(self.location_of(raw, "options"), f"menu '{name}' has no options",
                "Write a list of '- key: …' under it.")
            options = []
        for number, item in enumerate(options):
            place = (self.file, options.lines[number])  # type: ignore[attr-defined]  # the reader's list knows its lines
            option = self.read_option(name, item, place)
            if option is not None:
                self.check_unique(name, option, made, place)
                made.append(option)
        self.check_count(name, raw, made)
        return Menu(name, tuple(made), after, self.read_prompts(raw, "intro"), self.read_prompts(raw, "closing"))

    def read_option(self, menu: str, raw: Any, place: FileLocation) -> Option | None:
        """Return one option of a menu, or None if it has no keys."""
        if not isinstance(raw, dict):
            self.add_problem(place, "an option without keys", "Write 'key', 'say', 'confirm' and 'then'.")
            return None
        self.check_keys(raw, (*OPTION, "needs"), OPTION)
        key = str(raw.get("key", ""))
        if "key" in raw and (len(key) != 1 or key not in OPTION_KEYS):
            why = "is reserved (# repeats, * speaks slowly, 9 goes back)" if key in RESERVED else "is no key of a menu"
            self.add_problem(self.location_of(raw, "key"), f"'{key[:20]}' {why}", "Use one of 0 to 8.")
        self.places |= {f"{menu} option {key} {name}": self.location_of(raw, name) for name in raw}
        says, confirms = self.read_prompts(raw, "say"), self.read_prompts(raw, "confirm")
        return Option(key, "".join(says[:1]), "".join(confirms[:1]), self.read_target(raw, "then"),
            self.read_needs(raw))

    def check_unique(self, menu: str, option: Option, before: list[Option], place: FileLocation) -> None:
        """Report a key or a sentence that an earlier option has."""
        if option.key and any(other.key == option.key for other in before):
            self.add_problem(place, f"key {option.key} appears twice in menu '{menu}'", "Give each option its own key.")
        elif option.say and any(other.say == option.say for other in before):
            self.add_problem(self.places.get(f"{menu} option {option.key} say", place),
                      f"two options of menu '{menu}' say the same, '{option.say}'", "Give each its own sentence.")

    def check_count(self, name: str, raw: Any, made: list[Option]) -> None:
        """Report more options than people remember."""
        options = sum(option.key != HUMAN_KEY for option in made)
        if options > MAX_OPTIONS:
            self.add_problem(self.location_of(raw, "options"), f"menu '{name}' has {options} options besides 0",
                      f"Nobody remembers more than {MAX_OPTIONS}: make two menus of them.")
        elif options > GOOD_OPTIONS:
            self.add_problem(self.location_of(raw, "options"), f"menu '{name}' has {options} options besides 0",
                      f"{GOOD_OPTIONS} are easier to remember.", warning=True)
