"""Write and read files of JSON lines. Each line has the time and the steady time at which it was written."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FORMAT = 1
"""Version of the files in a folder of a history."""
HEADER = "history.json"
"""File that the recorder writes last."""
COPY_BEGAN = "copy_began"
"""Table of the first line in a copy of the store. Nodes act on meanwhile, and the copy may lack that."""


class LineFile:
    """A file of JSON lines that grows. A killed writer leaves whole lines."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, **line: Any) -> None:
        """Write one line, at once."""
        stamped = {"at": round(time.time(), 6), "steady": round(time.monotonic(), 6), **line}
        os.write(self._file, json.dumps(stamped, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each line with its number. Raise ValueError with file and number of a line that is no JSON object."""
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            if not isinstance(line, dict):
                raise ValueError(f"{path.name}:{number} is no line of a history")
            yield number, line
