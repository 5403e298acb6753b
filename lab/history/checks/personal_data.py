"""Check that no log, record or history names a caller (I7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ivr.flow.digit_checks import is_tckn
from lab.history.evidence import Evidence
from lab.history.findings import Finding

MOBILE = re.compile(r"(?<![\w.])(?:\+?90|0)?5\d{9}(?![\w.])")
"""Numbers of mobile telephones, in each notation. Callers of a lab have such numbers."""
NATIONAL_ID = re.compile(r"(?<![\w.])[1-9]\d{10}(?![\w.])")


def check_personal_data(found: Evidence, folder: Path) -> Iterator[Finding]:
    """Yield the findings of I7. Each file of the history is read, the logs and the records."""
    for path in (*found.logs, *sorted(folder.glob("*.jsonl")), *sorted(folder.glob("*.csv"))):
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, text in enumerate(file, 1):
                if what := find_personal_data(text):
                    # The finding must not repeat what it has found.
                    yield Finding("I7", "personal_data", f"file {path.name}", None, f"A line has {what}.",
                                  (f"{path.name}:{number}",))


def find_personal_data(text: str) -> str:
    """Return what a text tells of a caller, or an empty text if it tells nothing."""
    if MOBILE.search(text):
        return "a telephone number"
    return "a national id" if any(is_tckn(one) for one in NATIONAL_ID.findall(text)) else ""
