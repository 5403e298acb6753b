"""Compare the secrets of nodes without showing them: a keyed mark of each file, which stands in the store.

Secrets are made once and brought to the next machine by `santral cluster`. A secret that is made later is on one
machine only. After a take-over an agent would have another PIN there.
"""

from __future__ import annotations

import json
from pathlib import Path

from routing.store.callers.number_keys import NumberKeys
from santral.errors import SantralError
from santral.secrets import read_private

NUMBERS = "numbers.json"
"""File whose key makes the marks. `NumberKeys.fingerprint` compares it."""

MARK_CHARS = 12
"""Length of a mark. 48 bits tell two files apart, and say nothing of their content without the key."""

UNREADABLE = "unreadable"
"""Mark of a file that this node cannot read. It differs from each other mark."""


class SecretMarks:
    """The marks of one folder of secrets. Each file is read again only after a change, of it or of the key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[tuple[int, int, int, str], str]] = {}

    def read_marks(self, numbers: NumberKeys | None) -> dict[str, str]:
        """Return the mark of each JSON file, by its name without the ending. Return none without keys of numbers.

        Other files, such as certificates, may differ from machine to machine.
        """
        if numbers is None:
            return {}
        found = {}
        for path in sorted(self._folder.glob("[!.]*.json")):
            try:
                status = path.stat()
            except OSError:
                continue
            stamp = status.st_ino, status.st_mtime_ns, status.st_size, numbers.fingerprint
            known = self._known.get(path.stem)
            if path.name == NUMBERS:
                continue
            if known is None or known[0] != stamp:
                known = self._known[path.stem] = stamp, _mark_file(path, numbers)
            found[path.stem] = known[1]
        return found


def _mark_file(path: Path, numbers: NumberKeys) -> str:
    """Return the mark of the content, in which the order of names does not count."""
    try:
        content = json.dumps(read_private(path), sort_keys=True)
    except SantralError:
        return UNREADABLE
    return numbers.mark_text(f"{path.name}:{content}")[:MARK_CHARS]
