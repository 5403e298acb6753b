"""A copy of a recorded history whose lines a test changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parents[1] / "unit" / "lab" / "recorded_history"
"""Four callers of a lab: one talk before the node was killed, one through it, one wait through it, one who left."""

Matches = Callable[[dict[str, Any]], bool]


class Folder:
    """The folder of a history."""

    def __init__(self, path: Path) -> None:
        self.path = path
        shutil.copytree(RECORDED, path)

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(text) for text in (self.path / name).read_text(encoding="utf-8").splitlines()]

    def write(self, name: str, lines: list[dict[str, Any]]) -> None:
        (self.path / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def find(self, name: str, matches: Matches) -> dict[str, Any]:
        return next(line for line in self.lines(name) if matches(line))

    def append(self, name: str, line: dict[str, Any]) -> None:
        self.write(name, [*self.lines(name), line])

    def insert_after(self, name: str, place: dict[str, Any], line: dict[str, Any]) -> None:
        lines = self.lines(name)
        lines.insert(lines.index(place) + 1, line)
        self.write(name, lines)

    def change(self, name: str, matches: Matches, **values: Any) -> None:
        """Set values of the matching lines. A function gets the old value."""
        lines = self.lines(name)
        assert any(matches(line) for line in lines), "the history has such a line"
        self.write(name, [line | {key: value(line[key]) if callable(value) else value for key, value in values.items()}
                          if matches(line) else line for line in lines])

    def repeat(self, name: str, matches: Matches, **values: Any) -> None:
        """Put a changed copy of the first matching line behind it."""
        line = self.find(name, matches)
        self.insert_after(name, line, line | values)

    def drop(self, name: str, matches: Matches) -> None:
        lines = self.lines(name)
        kept = [line for line in lines if not matches(line)]
        assert len(kept) < len(lines), "the history has such a line"
        self.write(name, kept)

    def drop_text(self, name: str, matches: Callable[[str], bool]) -> None:
        path = self.path / name
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(text for text in lines if not matches(text)), encoding="utf-8")
