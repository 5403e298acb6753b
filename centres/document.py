"""YAML and TOML files as plain dicts and lists that remember the line each thing stands on.

YAML is read by the rules of YAML 1.2's core schema, not PyYAML's 1.1: `no`, `on` and `12:30` stay text, a number that
begins with 0 stays text (`0632` is a telephone number, not octal), and a key is always text (`1:` and `"1":` are the
same key). Refused, because they hide what a reader sees: duplicate keys, anchors and aliases, tags, tabs, several
documents.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from centres.problem import Problem
from centres.toml_lines import key_lines

MAX_BYTES = 4 * 1024 * 1024
"""A team of ten thousand agents is below 2 MB; more than this is no centre but a mistake (or an attack)."""
MAX_DEPTH = 32
"""Levels of nesting. A menu needs about six; the builder recurses, so it ends below Python's own limit."""

_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}([eE][-+]?[0-9]{1,3})?\Z")
_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "True": True, "false": False, "False": False}


class Mapping(dict[str, Any]):
    """A mapping of a document. `lines[key]` is the line of the key, `line` its first line, `file` its file."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__()
        self.file, self.line = file, line
        self.lines: dict[str, int] = {}


class Sequence(list[Any]):
    """A list of a document. `lines[i]` is the line of item i, `line` its own first line, `file` the file's name."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__()
        self.file, self.line = file, line
        self.lines: list[int] = []


class Parsed(NamedTuple):
    """A document as far as it could be read. With problems, `data` may be None or incomplete."""

    data: Any
    problems: tuple[Problem, ...]


class _Stop(Exception):
    """The document cannot be read any further; the problem is already noted."""


def read(path: Path, *, toml: bool = False, private: bool = False, missing: str | None = None) -> Parsed:
    """The document in a file: YAML, or `toml` whatever its name. Problems name the file without its folder.

    `private`: no message quotes anything that stands there (accommodations); the line says where it is. `missing`: how
    to mend that there is no such file.
    """
    name = path.name
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        mend = missing or f"Create {name} in the centre's folder."
        return Parsed(None, (Problem(f"{name}:1", "the file is missing", mend),))
    except OSError as error:
        return Parsed(None, (Problem(f"{name}:1", f"the file cannot be read: {error.strerror}",
                                     "Check its owner and mode."),))
    if len(raw) > MAX_BYTES:
        return Parsed(None, (Problem(f"{name}:1", f"the file is larger than {MAX_BYTES} bytes",
                                     "Take out what does not belong there."),))
    try:
        text = raw.decode("utf-8-sig")  # some editors write a mark before the first letter
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return Parsed(None, (Problem(f"{name}:{line}", "the file is not UTF-8", "Save it as UTF-8."),))
    return parse_toml(text, name) if toml else parse_yaml(text, name, private=private)


# --- YAML ------------------------------------------------------------------------------------------------------------


def parse_yaml(text: str, file: str, *, private: bool = False) -> Parsed:
    """A YAML text as `Mapping`, `Sequence` and scalars, with every problem that can be told in one reading."""
    tabs = [number for number, line in enumerate(text.split("\n"), 1) if "\t" in line]
    problems = [Problem(f"{file}:{number}", "a tab", "Use spaces; YAML and people count tabs differently.")
                for number in tabs]
    if problems:
        return Parsed(None, tuple(problems))
    builder = _Builder(text, file, problems, private)
    try:
        data = builder.document()
    except _Stop:
        data = None
    return Parsed(data, tuple(problems))


class _Builder:
    """Builds values from PyYAML's events. Events carry lines and show anchors, which its own nodes would hide."""

    def __init__(self, text: str, file: str, problems: list[Problem], private: bool) -> None:
        self._text, self._file, self._problems, self._private = text, file, problems, private
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.SafeLoader))

    def document(self) -> Any:
        """The one document of the text; None when it is empty."""
        event = self._next()
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        data = self._value(event, 0)
        self._next()  # end of the document
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._stop(event, "a second document begins here", "Keep one document in a file; take out the '---'.")
        return data

    def _next(self) -> Any:
        try:
            return next(self._events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            detail = "" if self._private else f": {error.problem or error.context}"
            self._note((mark.line if mark else 0) + 1, f"this is not YAML{detail}",
                       "Check the indentation, the colons and the quotes of this and the line above.")
        except yaml.reader.ReaderError as error:
            self._note(self._text.count("\n", 0, error.position) + 1, "a control character",
                       "Take it out; it came from copying and cannot be seen.")
        raise _Stop

    def _note(self, line: int, what: str, mend: str) -> None:
        self._problems.append(Problem(f"{self._file}:{line}", what, mend))

    def _stop(self, event: Any, what: str, mend: str) -> None:
        self._note(event.start_mark.line + 1, what, mend)
        raise _Stop

    def _value(self, event: Any, depth: int) -> Any:
        line = event.start_mark.line + 1
        if depth > MAX_DEPTH:
            self._stop(event, f"nested deeper than {MAX_DEPTH} levels", "Flatten it.")
        if isinstance(event, yaml.AliasEvent):
            self._note(line, "an alias ('*name')", "Write the value out, or quote the text.")
            return None
        if event.anchor is not None:
            self._note(line, "an anchor ('&name')", "Take it out, or quote the text.")
        if event.tag is not None and event.tag != "!":
            self._note(line, "a tag ('!name')", "Take it out, or quote the text.")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(line, depth)
        return self._mapping(line, depth)

    def _sequence(self, line: int, depth: int) -> Sequence:
        items = Sequence(self._file, line)
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.lines.append(event.start_mark.line + 1)
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, line: int, depth: int) -> Mapping:
        found = Mapping(self._file, line)
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            at = event.start_mark.line + 1
            if isinstance(event, yaml.ScalarEvent):
                if event.anchor is not None or event.tag not in (None, "!"):
                    self._note(at, "an anchor or tag on a key", "Take it out, or quote the key.")
                key = event.value
                if key == "<<" and event.implicit[0]:
                    self._note(at, "a merge key ('<<')", "Write the keys out.")
            elif isinstance(event, yaml.AliasEvent):
                self._note(at, "an alias as a key", "Quote a key that begins with '*', such as \"*\".")
                key = f"*{event.anchor}"
            else:
                self._stop(event, "a key that is not a word", "Write one word before the colon.")
            value = self._value(self._next(), depth + 1)
            if key in found:
                named = "a key" if self._private else f"the key '{key}'"
                self._note(at, f"{named} stands twice; first on line {found.lines[key]}", "Keep one of them.")
                continue
            found[key] = value
            found.lines[key] = at
        return found


def _scalar(event: yaml.ScalarEvent) -> Any:
    text = event.value
    if not event.implicit[0]:  # quoted or a block: always text
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return text


# --- TOML ------------------------------------------------------------------------------------------------------------


def parse_toml(text: str, file: str) -> Parsed:
    """A TOML text in the same shape. tomllib stops at its first error, so there is at most one problem."""
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        what = str(error)
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)\Z", what)
        line = int(place[1]) if place and place[1] else max(1, text.rstrip("\n").count("\n") + 1)
        what = what[: place.start()] if place else what
        return Parsed(None, (Problem(f"{file}:{line}", f"this is not TOML: {what[:1].lower()}{what[1:]}",
                                     "Check the quotes, brackets and that no key stands twice."),))
    return Parsed(_located(data, file, key_lines(text), (), 1), ())


def _located(value: Any, file: str, lines: dict[tuple[str | int, ...], int], path: tuple[str | int, ...],
             line: int) -> Any:
    line = lines.get(path, line)
    if isinstance(value, dict):
        mapping = Mapping(file, line)
        for key, item in value.items():
            mapping.lines[key] = lines.get((*path, key), line)
            mapping[key] = _located(item, file, lines, (*path, key), line)
        return mapping
    if isinstance(value, list):
        items = Sequence(file, line)
        for index, item in enumerate(value):
            items.lines.append(lines.get((*path, index), line))
            items.append(_located(item, file, lines, (*path, index), line))
        return items
    return value
