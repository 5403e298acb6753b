"""Read Asterisk's files back for the linter.

Only flat files are accepted (`name = value` in sections). Templates and includes are faults, because neither this
reader nor an operator sees their result. The one exception is the hook in the last line (`HOOK`), whose file
`santral check --asterisk` reads.
"""

from __future__ import annotations

from typing import NamedTuple

from asterisk.config import Config, ParseError

HOOK = "#tryinclude local/"
"""Begin of the last line of each rendered file: a file of the operator's, which no rendering touches."""


class Finding(NamedTuple):
    """A fault with its place and its solution. Line 0 means the whole file."""

    file: str
    line: int
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; {self.mend}"


class Entry(NamedTuple):
    """An assignment `name = value` at a line."""

    name: str
    value: str
    line: int


class Section(NamedTuple):
    """A section `[name]` with its entries. A name may come again (pjsip.conf has endpoint and aor)."""

    name: str
    line: int
    entries: tuple[Entry, ...]

    def value_of(self, name: str, default: str = "") -> str:
        """Return the last value of a name, which is the one that Asterisk uses."""
        return next((entry.value for entry in reversed(self.entries) if entry.name == name), default)

    def entries_of(self, name: str) -> list[Entry]:
        """Return all entries of a name."""
        return [entry for entry in self.entries if entry.name == name]


class _Text(Config):  # type: ignore[misc]
    """Reader of pyst2 on a text. Its own `load` leaves the file open and reads in the encoding of the locale."""

    def __init__(self, name: str, text: str) -> None:
        self._text = text
        super().__init__(name)

    def load(self) -> None:
        self.raw_lines = self._text.splitlines()


def read_sections(name: str, text: str) -> tuple[list[Section], list[Finding]]:
    """Return the sections of a file, and findings for the parts that cannot be read."""
    findings = []
    lines = text.splitlines()
    if lines and lines[-1] == f"{HOOK}{name}":
        text = "\n".join(lines[:-1])
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        # A block comment (;--) could hide a setting from this reader and from people.
        if bare.startswith(("#include", "#exec", "#tryinclude", ";--")) or (bare.startswith("[") and "(" in bare):
            findings.append(Finding(name, number, f"not flat: {bare[:40]}", "write it out"))
    if findings:
        return [], findings
    try:
        config = _Text(name, text)
    except ParseError as error:
        return [], [Finding(name, error.args[0] if error.args else 0, "cannot be read", "[section], name = value")]
    return [
        Section(category.name, category.number,
                tuple(Entry(item.name, item.value.strip(), item.number) for item in category.items))
        for category in config.categories
    ], []  # fmt: skip
