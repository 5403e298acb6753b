"""Reads Asterisk's files back, for the linter. Flat files only (`a = b` in sections): templates and includes are
faults, because neither this reader nor an operator sees what they become."""

from __future__ import annotations

from typing import NamedTuple

from asterisk.config import Config, ParseError


class Finding(NamedTuple):
    """One fault: where, what, how to mend it. Line 0: the file as a whole."""

    file: str
    line: int
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; {self.mend}"


class Entry(NamedTuple):
    """`name = value` at a line."""

    name: str
    value: str
    line: int


class Section(NamedTuple):
    """`[name]` with its entries. A name may come again (pjsip.conf: endpoint and aor)."""

    name: str
    line: int
    entries: tuple[Entry, ...]

    def get(self, name: str, default: str = "") -> str:
        """The last value of a name: the one Asterisk uses."""
        return next((entry.value for entry in reversed(self.entries) if entry.name == name), default)

    def all(self, name: str) -> list[Entry]:
        """All entries of a name."""
        return [entry for entry in self.entries if entry.name == name]


class _Text(Config):  # type: ignore[misc]
    """pyst2's reader on text: its own `load` leaves the file open and reads in the encoding of the locale."""

    def __init__(self, name: str, text: str) -> None:
        self._text = text
        super().__init__(name)

    def load(self) -> None:
        self.raw_lines = self._text.splitlines()


def read(name: str, text: str) -> tuple[list[Section], list[Finding]]:
    """Sections of a file, and what cannot be read."""
    findings = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
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
