"""Read the fields of a menu document: allowed values, and names that must exist.

Problems are collected and not raised, so that a reader sees all of them at once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from ivr.flow import sms_text
from ivr.flow.menu_model import Needs, Sms, is_address
from prompts.verbalise.number_prompts import LANGUAGE, LANGUAGES

MAX_PRIORITY = 120
"""Largest priority: two hours of waiting. A higher one would put a caller first for the whole day."""
MAX_NEEDS = 8
"""Skills that a caller can need in addition to the service's. They must fit into a variable of the channel."""

MAX_TOPICS = 8
"""Topics of a caller. They must fit into a variable of the channel."""
TOPIC = re.compile(r"[A-Za-z0-9_./-]{1,40}", re.ASCII)
"""Pattern of a topic, the same as for the names of `no_topics`."""
ABUSIVE = "abusive"
"""Topic that only agents give a caller."""

FileLocation = tuple[str, int]


class KnownNames(NamedTuple):
    """Names that a menu may use. None means that their file could not be read, so names are not judged."""

    prompts: Collection[str]
    services: Collection[str] | None = None
    closed: str | None = None
    """Entry used while the centre is closed. A menu reached only from there may lack key 0 and end in good-bye."""
    distress: Collection[str] = ()
    """Services for callers in distress."""
    unrecorded: Collection[str] = ()
    """Services that allow no recording, and so no spoken message."""
    transfers: Collection[str] | None = None
    """Names of outside numbers."""
    skills: Collection[str] | None = None
    """Skills that at least one agent has."""
    untexted: Collection[str] = ()
    """Services that allow no short message."""
    sends: bool = False
    """Whether the centre has a gateway for short messages."""
    is_closed_known: bool = True
    """Whether the file that names the entry of the closed centre could be read."""
    looked_in: str = ""
    """Places of the prompts, as a sentence without a full stop for somebody who misses one."""


class FieldProblem(NamedTuple):
    """A problem of the document, with its place and its solution."""

    where: str
    """File and line, for example `menu.yaml:12`."""
    what: str
    """Fault, without a full stop."""
    mend: str
    """Solution, as a whole sentence."""
    warning: bool = False
    """Whether the centre can run in spite of the problem."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.mend}"


class FieldReader:
    """Reader that collects problems. Every method returns what it could read."""

    def __init__(self, known: KnownNames) -> None:
        self.known = known
        self.problems: list[FieldProblem] = []
        self.places: dict[str, FileLocation] = {}
        """Place of each `node`, `node key` or `node option 1 key`."""
        self.targets: list[str] = []
        self.file = "menu.yaml"

    @property
    def has_errors(self) -> bool:
        """Whether a problem is more than a warning."""
        return any(not problem.warning for problem in self.problems)

    def add_problem(self, place: FileLocation, what: str, mend: str, *, warning: bool = False) -> None:
        """Add a problem."""
        self.problems.append(FieldProblem(f"{place[0]}:{place[1]}", what, mend, warning))

    def location_of(self, mapping: Any, key: Any) -> FileLocation:
        """Return file and line of a key."""
        line = mapping.lines.get(key, mapping.line)
        return self.file, int(line)

    def check_keys(self, mapping: Any, known: tuple[str, ...], needed: Iterable[str]) -> None:
        """Report keys that are not in `known`, and keys of `needed` that are missing."""
        for key in mapping:
            if key not in known:
                self.report_unknown(self.location_of(mapping, key), "key", key, known)
        for key in needed:
            if key not in mapping:
                self.add_problem((self.file, int(mapping.line)), f"'{key}' is missing", f"Write '{key}: …' here.")

    def suggest_key(self, mapping: Any, known: tuple[str, ...]) -> str:
        """Return a guess of the key that was meant, or an empty string."""
        for key in mapping:
            near = difflib.get_close_matches(str(key), known, 1)
            if near:
                return f"Did you mean '{near[0]}' instead of '{key}'?"
        return ""

    def report_unknown(self, place: FileLocation, what: str, given: Any, known: Collection[str],
            otherwise: str = "", looked_in: str = "") -> None:
        """Report a name that does not exist."""
        near = difflib.get_close_matches(str(given), sorted(known), 1)
        some = ", ".join(sorted(known)[:8])
        mend = f"Did you mean '{near[0]}'?" if near else otherwise or (
            f"Known are: {some}." if some else "There is none yet.")
        self.add_problem(place, f"unknown {what} '{str(given)[:60]}'", f"{mend} {looked_in}." if looked_in else mend)

    def read_target(self, mapping: Any, key: str) -> str:
        """Return the name of the node at a key."""
        if key not in mapping:
            return ""
        name = str(mapping[key])
        if name not in self.targets:
            self.report_unknown(self.location_of(mapping, key), "node", name, self.targets)
        return name

    def read_service(self, raw: Any, key: str) -> str:
        """Return the id of the service at a key."""
        service = str(raw[key])
        # Names are judged only if their file could be read.
        if self.known.services is not None and service not in self.known.services:
            self.report_unknown(self.location_of(raw, key), "service", service, self.known.services)
        return service

    def read_points(self, raw: Any) -> int:
        """Return the priority points, or 0 if they are not allowed ones."""
        priority = raw.get("priority", 0)
        # A bool is an int for isinstance, and `priority: yes` must not be one point.
        if type(priority) is not int or not 0 <= priority <= MAX_PRIORITY:
            self.add_problem(self.location_of(raw, "priority"), "'priority' is no whole number of points",
                      f"Write 0 to {MAX_PRIORITY}. A point counts as one minute of waiting.")
            return 0
        return priority

    def read_needs(self, raw: Any) -> Needs:
        """Return the skills that the caller needs, with their levels."""
        given = raw.get("needs", {})
        if not isinstance(given, dict) or len(given) > MAX_NEEDS or ("needs" in raw and not given):
            self.add_problem(self.location_of(raw, "needs"), "'needs' is no list of skills and levels",
                      f"Write it as {{en: 1}}, at most {MAX_NEEDS}.")
            return ()
        found: list[tuple[str, int]] = []
        for skill, level in given.items():
            place = (self.file, int(given.lines[skill]))  # type: ignore[attr-defined]
            if type(level) is not int or not 1 <= level <= 100:
                self.add_problem(place, f"the level of '{str(skill)[:40]}' is no whole number", "Write 1 to 100.")
            elif self.known.skills is not None and skill not in self.known.skills:
                self.add_problem(place, f"nobody has the skill '{str(skill)[:40]}': such a caller would wait for ever",
                          "Give it to somebody in team.yaml, or take it out.")
            else:
                found.append((str(skill), level))
        return tuple(found)

    def read_topics(self, raw: Any) -> tuple[str, ...]:
        """Return the subjects that the callers of a queue want to talk about."""
        given = raw.get("topics", [])
        if not isinstance(given, list) or len(given) > MAX_TOPICS or ("topics" in raw and not given):
            self.add_problem(self.location_of(raw, "topics"), "'topics' is no list of words",
                      f"Write it as [siddet], at most {MAX_TOPICS}.")
            return ()
        found = [one for one in given if isinstance(one, str) and TOPIC.fullmatch(one) and one != ABUSIVE]
        if len(found) < len(given):
            self.add_problem(self.location_of(raw, "topics"), "'topics' has a word that cannot be one",
                      f"Write 1 to 40 of A-Z, a-z, 0-9, '_', '.', '/' and '-'. Only agents say '{ABUSIVE}'.")
        return tuple(dict.fromkeys(found))

    def read_text_twin(self, name: str, raw: Any) -> str:
        """Return the written form of a leaf (rule I17): an address or a prompt."""
        if "text" not in raw:
            self.add_problem(self.places[name], f"node '{name}' has no written form (rule I17)",
                      "Add 'text': an https address, or a prompt that tells where to write.", warning=True)
            return ""
        text = str(raw["text"])
        if not is_address(text) and text not in self.known.prompts:
            self.add_problem(self.location_of(raw, "text"), f"'{text[:60]}' is neither an https address nor a prompt",
                      "Write where the same can be had in writing, such as https://….")
            return ""
        return text

    def read_sms(self, name: str, raw: Any, link: str, service: str = "") -> Sms:
        """Return the words of a short message: one text, or one for each language."""
        if "sms" not in raw:
            if self.known.sends and is_address(link) and service not in self.known.untexted:
                self.add_problem(self.location_of(raw, "text"),
                                 f"nobody gets the link of node '{name}' by short message (rule I17)",
                                 "Add 'sms': the words before it, such as \"Uzaktan eğitim:\".", warning=True)
            return ()
        given = raw["sms"]
        texts = given if isinstance(given, dict) else {LANGUAGE: given}
        place = self.location_of(raw, "sms")
        # A message on a telephone that others read must not reveal a call for help.
        if service in self.known.untexted:
            self.add_problem(place, f"the service '{service}' is for distress or anonymous, and a short message stays "
                             "on a telephone that others read", "Take 'sms' out.")
        if not is_address(link):
            self.add_problem(place, f"node '{name}' has 'sms' and no link to send",
                      "Write an https address at 'text', or take 'sms' out.")
        if LANGUAGE not in texts:
            self.add_problem(place, f"'sms' of node '{name}' has no words in '{LANGUAGE}'",
                f"Write {{{LANGUAGE}: \"…\"}}.")
        for language, words in texts.items():
            at = (self.file, int(given.lines[language])) if isinstance(given, dict) else place  # type: ignore[attr-defined]
            if language not in LANGUAGES:
                self.report_unknown(at, "language", language, LANGUAGES)
            self.check_sms_words(name, words, link, at)
        return tuple((str(language), str(words).strip()) for language, words in texts.items())

    def check_sms_words(self, name: str, words: Any, link: str, place: FileLocation) -> None:
        """Report faults in the words of one short message."""
        if not isinstance(words, str) or not words.strip() or not words.isprintable():
            self.add_problem(place, f"'sms' of node '{name}' is no line of text", "Write the words before the link.")
            return
        if len(link) > sms_text.LINK_MAX:
            self.add_problem(place, f"the link of node '{name}' has {len(link)} letters, more than {sms_text.LINK_MAX} "
                             "of a short message", "Give it a shorter one at 'text'.")
        used, limit = sms_text.text_size(f"{words.strip()} {link}")
        if used > limit:
            # Name the letters that make the message UCS-2, so that the author can replace them.
            odd = "" if limit == sms_text.BASIC_MAX else (
                ", because of letters that telephones have no place for: " + " ".join(sorted(
                    {letter for letter in words if sms_text.text_size(letter).limit == sms_text.UCS2_MAX})))
            self.add_problem(place, f"the short message of node '{name}' takes {used} of {limit} places{odd}",
                      "Say it in fewer words: it must be one message.")

    def read_prompts(self, mapping: Any, key: str) -> tuple[str, ...]:
        """Return the prompt at a key, or the prompts of its list."""
        if key not in mapping:
            return ()
        raw = mapping[key]
        keys = raw if isinstance(raw, list) else [raw]
        found: list[str] = []
        for number, prompt in enumerate(keys):
            place = (self.file, raw.lines[number]) if isinstance(raw, list) else self.location_of(mapping, key)  # type: ignore[attr-defined]
            if not isinstance(prompt, str) or prompt not in self.known.prompts:
                self.report_unknown(place, "prompt", prompt, self.known.prompts, looked_in=self.known.looked_in)
            else:
                found.append(prompt)
        if not keys:
            self.add_problem(self.location_of(mapping, key), f"'{key}' is empty", "Name a prompt, or take the key out.")
        return tuple(found)
