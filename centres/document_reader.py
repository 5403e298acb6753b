"""Read YAML and TOML files as plain dicts and lists that remember the line of each value.

YAML follows the core schema of YAML 1.2, not the 1.1 of PyYAML. So `no`, `on` and `12:30` stay text. A number that
begins with 0 also stays text: `0632` is a telephone number, not octal. A key is always text: `1:` and `"1":` are the
same key.

Duplicate keys, anchors and aliases, tags, tabs and several documents are refused, because they hide what a reader sees.
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
"""A team of ten thousand agents is below 2 MB. A larger file is a mistake or an attack."""
MAX_DEPTH = 32
"""Levels of nesting. A menu needs about six. The builder recurses, so this is below Python's own limit."""

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
    """A list of a document. `lines[i]` is the line of item i, `line` its first line, `file` its file."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__()
        self.file, self.line = file, line
        self.lines: list[int] = []


class Parsed(NamedTuple):
    """A document as far as it could be read. If there are problems, `data` may be None or incomplete."""

    data: Any
    problems: tuple[Problem, ...]


class _Stop(Exception):
    """Reading cannot go on; the problem is already noted."""


def read_document(path: Path, *, toml: bool = False, private: bool = False, missing: str | None = None) -> Parsed:
    """Read the document in a file: TOML if `toml`, else YAML. Problems name the file without its folder.

    `private`: no message quotes the content (accommodations), only the line. `missing`: how to fix that the file does
    not exist.
    """
    name = path.name
    try:
        with path.open("rb") as file:
            # One byte more than allowed shows that the file is too large without reading all of it.
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        mend = missing or f"Create {name} in the centre's folder."
        return Parsed(None, (Problem(f"{name}:1", "the file is missing", mend),))
    except OSError as error:
        return Parsed(None, (Problem(f"{name}:1", f"the file cannot be read: {error.strerror}",
                                     "Check its owner and mode."),))
    if len(raw) > MAX_BYTES:
        return Parsed(None, (Problem(f"{name}:1", f"the file is larger than {MAX_BYTES} bytes",
                                     "Remove what does not belong there."),))
    try:
        # Some editors write a byte-order mark before the first letter.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return Parsed(None, (Problem(f"{name}:{line}", "the file is not UTF-8", "Save it as UTF-8."),))
    return parse_toml(text, name) if toml else parse_yaml(text, name, private=private)


# --- YAML ------------------------------------------------------------------------------------------------------------


def parse_yaml(text: str, file: str, *, private: bool = False) -> Parsed:
    """Parse a YAML text into `Mapping`, `Sequence` and scalars, and report every problem that one reading can find."""
    # A tab can change the meaning of every line after it, so nothing else is reported next to tabs.
    tabs = [number for number, line in enumerate(text.split("\n"), 1) if "\t" in line]
    problems = [Problem(f"{file}:{number}", "a tab", "Use spaces; YAML and people count tabs differently.")
                for number in tabs]
    if problems:
        return Parsed(None, tuple(problems))
    builder = _Builder(text, file, problems, private)
    try:
        data = builder.build_document()
    except _Stop:
        data = None
    return Parsed(data, tuple(problems))


class _Builder:
    """Builds values from the events of PyYAML. Events carry lines and show anchors; the nodes of PyYAML hide them."""

    def __init__(self, text: str, file: str, problems: list[Problem], private: bool) -> None:
        self._text, self._file, self._problems, self._private = text, file, problems, private
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.SafeLoader))

    def build_document(self) -> Any:
        """Return the one document of the text. Return None if the text is empty."""
        event = self._next_event()
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = self._next_event()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        data = self._build_value(event, 0)
        # This event is the end of the document.
        self._next_event()
        event = self._next_event()
        if not isinstance(event, yaml.StreamEndEvent):
            self._stop_reading(event, "a second document begins here",
                               "Keep one document in a file; remove the '---'.")
        return data

    def _next_event(self) -> Any:
        try:
            return next(self._events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            # PyYAML quotes the text in its message, so a private document gets none.
            detail = "" if self._private else f": {error.problem or error.context}"
            self._add_problem((mark.line if mark else 0) + 1, f"this is not YAML{detail}",
                              "Check the indentation, the colons and the quotes of this and the line above.")
        except yaml.reader.ReaderError as error:
            self._add_problem(self._text.count("\n", 0, error.position) + 1, "a control character",
                              "Remove it; it came from copying and cannot be seen.")
        raise _Stop

    def _add_problem(self, line: int, what: str, mend: str) -> None:
        self._problems.append(Problem(f"{self._file}:{line}", what, mend))

    def _stop_reading(self, event: Any, what: str, mend: str) -> None:
        self._add_problem(event.start_mark.line + 1, what, mend)
        raise _Stop

    def _build_value(self, event: Any, depth: int) -> Any:
        line = event.start_mark.line + 1
        if depth > MAX_DEPTH:
            # Without this bound a few kilobytes of brackets would end in a RecursionError.
            self._stop_reading(event, f"nested deeper than {MAX_DEPTH} levels", "Flatten it.")
        if isinstance(event, yaml.AliasEvent):
            self._add_problem(line, "an alias ('*name')", "Write the value out, or quote the text.")
            return None
        if event.anchor is not None:
            self._add_problem(line, "an anchor ('&name')", "Remove it, or quote the text.")
        if event.tag is not None and event.tag != "!":
            self._add_problem(line, "a tag ('!name')", "Remove it, or quote the text.")
        if isinstance(event, yaml.ScalarEvent):
            return _parse_scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._build_sequence(line, depth)
        return self._build_mapping(line, depth)

    def _build_sequence(self, line: int, depth: int) -> Sequence:
        items = Sequence(self._file, line)
        while not isinstance(event := self._next_event(), yaml.SequenceEndEvent):
            items.lines.append(event.start_mark.line + 1)
            items.append(self._build_value(event, depth + 1))
        return items

    def _build_mapping(self, line: int, depth: int) -> Mapping:
        found = Mapping(self._file, line)
        while not isinstance(event := self._next_event(), yaml.MappingEndEvent):
            at = event.start_mark.line + 1
            # 1. Take the key. It stays text, whatever it looks like.
            if isinstance(event, yaml.ScalarEvent):
                if event.anchor is not None or event.tag not in (None, "!"):
                    self._add_problem(at, "an anchor or tag on a key", "Remove it, or quote the key.")
                key = event.value
                if key == "<<" and event.implicit[0]:
                    self._add_problem(at, "a merge key ('<<')", "Write the keys out.")
            elif isinstance(event, yaml.AliasEvent):
                self._add_problem(at, "an alias as a key", "Quote a key that begins with '*', such as \"*\".")
                key = f"*{event.anchor}"
            else:
                self._stop_reading(event, "a key that is not a word", "Write one word before the colon.")
            # 2. Build the value before the key is compared: its events must be consumed in any case.
            value = self._build_value(self._next_event(), depth + 1)
            if key in found:
                named = "a key" if self._private else f"the key '{key}'"
                self._add_problem(at, f"{named} appears twice; first on line {found.lines[key]}", "Keep one of them.")
                continue
            found[key] = value
            found.lines[key] = at
        return found


def _parse_scalar(event: yaml.ScalarEvent) -> Any:
    text = event.value
    # A quoted scalar or a block is always text.
    if not event.implicit[0]:
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
    """Parse a TOML text into the same shape. There is at most one problem, because tomllib stops at its first error."""
    # Line numbers are counted by line feeds alone.
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        what = str(error)
        # tomllib puts the position into its message only. Here the location of the problem carries it.
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)\Z", what)
        line = int(place[1]) if place and place[1] else max(1, text.rstrip("\n").count("\n") + 1)
        what = what[: place.start()] if place else what
        return Parsed(None, (Problem(f"{file}:{line}", f"this is not TOML: {what[:1].lower()}{what[1:]}",
                                     "Check the quotes, the brackets, and that no key appears twice."),))
    return Parsed(_with_lines(data, file, key_lines(text), (), 1), ())


def _with_lines(value: Any, file: str, lines: dict[tuple[str | int, ...], int], path: tuple[str | int, ...],
                line: int) -> Any:
    # A value inside an inline table has no known line: it takes that of its statement.
    line = lines.get(path, line)
    if isinstance(value, dict):
        mapping = Mapping(file, line)
        for key, item in value.items():
            mapping.lines[key] = lines.get((*path, key), line)
            mapping[key] = _with_lines(item, file, lines, (*path, key), line)
        return mapping
    if isinstance(value, list):
        items = Sequence(file, line)
        for index, item in enumerate(value):
            items.lines.append(lines.get((*path, index), line))
            items.append(_with_lines(item, file, lines, (*path, index), line))
        return items
    return value
