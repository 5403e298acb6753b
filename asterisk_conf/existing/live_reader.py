"""Read the configuration of a live Asterisk, with its includes and templates, as Asterisk itself reads it.

An include does not end a section: lines of an included file belong to the section in which the include is. So a
fragment in the wrong place changes its meaning, and each line here knows its section.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

DEPTH_MAX = 10
"""Deepest includes. Asterisk's own limit is 10 (MAX_INCLUDE_LEVEL of main/config.c)."""
LINES_MAX = 500_000
"""Most lines of one file with its includes. A PBX of thousands of extensions has fewer."""
KNOWN = ("asterisk.conf", "modules.conf", "extensions.conf")
"""Files that each folder of an Asterisk has at least one of."""
OWN = "santral/"
"""Folder of Santral's fragments below the folder of Asterisk."""

_INCLUDE = re.compile(r'#(?P<kind>include|tryinclude)\s+["<]?(?P<path>[^">\s]+)[">]?', re.IGNORECASE)
_HEADER = re.compile(r"\[(?P<name>[^\]]+)\](?:\s*\((?P<parents>[^)]*)\))?")
_ENTRY = re.compile(r"(?P<name>[^=]+?)\s*=>?\s*(?P<value>.*)")


class NoAsteriskFolder(ValueError):
    """A folder has no configuration of an Asterisk. The text says what is missing and what to do."""


class LiveLine(NamedTuple):
    """A line as Asterisk reads it. `number` 0 is the end of a file."""

    file: str
    number: int
    text: str
    section: str
    """Section in force after the line. Empty before the first header."""

    @property
    def is_header(self) -> bool:
        """Whether the line begins a section."""
        return self.text.startswith("[")


class LiveEntry(NamedTuple):
    """An assignment with its place."""

    name: str
    value: str
    file: str
    line: int


@dataclass
class LiveSection:
    """A section with the entries of its templates and of all its includes."""

    name: str
    file: str
    line: int
    template: bool = False
    entries: list[LiveEntry] = field(default_factory=list)

    def value_of(self, name: str, default: str = "") -> str:
        """Return the last value of a name."""
        return next((entry.value for entry in reversed(self.entries) if entry.name == name), default)


@dataclass
class LiveFolder:
    """Configuration folder of a live Asterisk. `changed` has new texts of files, which are not written yet."""

    folder: Path
    changed: Mapping[str, str] = field(default_factory=dict)
    missing: list[tuple[str, int, str]] = field(default_factory=list)
    """Files that an `#include` names and nobody has made: Asterisk refuses the whole file that includes them."""

    def __post_init__(self) -> None:
        if not self.folder.is_dir() or not any((self.folder / name).is_file() for name in KNOWN):
            raise NoAsteriskFolder(f"{self.folder}: no folder of an Asterisk: it has none of {', '.join(KNOWN)}. "
                                   "Name the folder of asterisk.conf, usually /etc/asterisk.")

    def text_of(self, name: str) -> str | None:
        """Return the text of a file. Return None if there is no such file.

        Bytes of another encoding, such as a comment in Latin-5, are kept as they are.
        """
        if name in self.changed:
            return self.changed[name]
        path = self.folder / name
        return path.read_text(encoding="utf-8", errors="surrogateescape") if path.is_file() else None

    def read_lines(self, name: str) -> list[LiveLine]:
        """Return the lines of a file and of its includes, in the order of Asterisk. A missing file has none."""
        if self.text_of(name) is None:
            return []
        found: list[LiveLine] = []
        for line in self._walk(name, "", 0):
            found.append(line)
            if len(found) >= LINES_MAX:
                raise NoAsteriskFolder(f"{self.folder / name}: more than {LINES_MAX} lines with its includes; a file "
                                       "includes itself. Take the include out.")
        return found

    def _walk(self, name: str, section: str, depth: int) -> Iterator[LiveLine]:
        in_comment = False
        for number, raw in enumerate((self.text_of(name) or "").split("\n"), 1):
            # 1. Comments: a block (;-- to --;), or from a semicolon that is not escaped.
            text, in_comment = _strip_comment(raw, in_comment)
            # 2. An include goes on in the same section.
            if include := _INCLUDE.match(text):
                yield LiveLine(name, number, text, section)
                for inner in self._find_included(include, name, number):
                    for line in self._walk(inner, section, depth + 1) if depth < DEPTH_MAX else ():
                        section = line.section
                        yield line
                continue
            if header := _HEADER.match(text):
                section = header["name"]
            yield LiveLine(name, number, text, section)
        yield LiveLine(name, 0, "", section)

    def _find_included(self, include: re.Match[str], name: str, number: int) -> list[str]:
        """Return the names of the included files, below the folder if they are there."""
        wanted = include["path"].removeprefix(f"{self.folder}/")
        if any(sign in wanted for sign in "*?["):
            return sorted(str(path.relative_to(self.folder)) for path in self.folder.glob(wanted.lstrip("/")))
        if self.text_of(wanted) is None:
            if include["kind"].lower() == "include":
                self.missing.append((name, number, wanted))
            return []
        return [wanted]

    def read_sections(self, name: str) -> list[LiveSection]:
        """Return the sections of a file with its includes. Entries of templates come first, as in Asterisk."""
        found: list[LiveSection] = []
        for line in self.read_lines(name):
            header = _HEADER.match(line.text)
            if header:
                options = [one.strip() for one in (header["parents"] or "").split(",") if one.strip()]
                # `(+)` adds to a section that is there already.
                earlier = next((one for one in reversed(found) if one.name == header["name"]), None)
                if "+" in options and earlier is not None:
                    found.append(found.pop(found.index(earlier)))
                    continue
                section = LiveSection(header["name"], line.file, line.number, "!" in options)
                for option in options:
                    parent = next((one for one in found if one.name == option), None)
                    section.entries += parent.entries if parent else []
                found.append(section)
            elif found and line.text and not line.text.startswith("#") and (entry := _ENTRY.match(line.text)):
                found[-1].entries.append(LiveEntry(entry["name"].strip(), entry["value"].strip(), line.file,
                                                   line.number))
        return [section for section in found if not section.template]


def _strip_comment(raw: str, in_comment: bool) -> tuple[str, bool]:
    """Return a line without its comment, and whether a block comment goes on."""
    text = raw.strip()
    if in_comment:
        return ("", "--;" not in text)
    if text.startswith(";--") and not text.startswith(";---"):
        return "", "--;" not in text
    return re.split(r"(?<!\\);", text, maxsplit=1)[0].strip(), False
