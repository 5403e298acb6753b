"""Read the folder of a history into lists and indexes, each line with the place where it stands."""

from __future__ import annotations

import csv
import heapq
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lab.errors import LabError
from lab.history.lines import COPY_BEGAN, FORMAT, HEADER, read_lines
from routing.act_history import FULL

CLOCK_S = 1.0
"""Largest difference between the clocks of a node and of the recorder at which their times are compared."""


class BadHistory(LabError):
    """Raised when a folder is no whole history. The message says what is wrong."""


class Line(NamedTuple):
    """One line of a file. Any: the values of JSON."""

    where: str
    told: dict[str, Any]

    @property
    def at(self) -> float:
        """Unix seconds."""
        return float(self.told["at"])

    def get(self, name: str) -> Any:
        """Return a value of the line, or None."""
        return self.told.get(name)


class Evidence(NamedTuple):
    """Everything that a folder has."""

    began: float
    tones: frozenset[str]
    """Agents whom callers know by their tones."""
    rows: dict[str, list[Line]]
    """Lines of the store's copy, by table."""
    acts: tuple[list[Line], ...]
    """Acts, one list for each process, until the copy of the store began."""
    later: list[Line]
    """Acts after that. The copy may lack what they did."""
    seen: list[Line]
    """Events that the witnesses saw, one witness after the other."""
    callers: list[Line]
    box: list[Line]
    """Lines of Asterisk's CEL files: `at`, `event`, `id`."""
    logs: tuple[Path, ...]
    clocks_agree: bool
    """Times of nodes and store may be compared with those of others."""

    def contacts(self) -> dict[str, Line]:
        """Return the rows of contacts by id."""
        return {row.get("contact"): row for row in self.rows.get("contacts", ())}

    def offers(self) -> list[Line]:
        """Return the rows of calls' offers in the order of their numbers."""
        return sorted((row for row in self.rows.get("offers", ()) if row.get("channel") == "voice"),
                      key=lambda row: int(row.get("offer")))

    def facts(self, *kinds: str) -> Iterator[Line]:
        """Yield the facts of these kinds, or all, in order."""
        return (line for line in self.rows.get("facts", ()) if not kinds or line.get("kind") in kinds)

    def acts_in_order(self) -> Iterator[Line]:
        """Yield the acts of all processes by the steady time, which nobody sets and all processes of a boot share."""
        return heapq.merge(*self.acts, key=lambda act: float(act.get("steady")))

    def away(self, since: float, until: float) -> bool:
        """Return whether a witness could not see Asterisk at some moment between two times."""
        return any(line.get("event") == "gone" and since <= line.at <= until for line in self.seen)


def read_evidence(folder: Path) -> Evidence:
    """Read a folder. Raise BadHistory if it is no history, or not a whole one."""
    # 1. The header, which the recorder writes last.
    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        began, known, tones = float(header["began"]), header["format"], frozenset(header["tones"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BadHistory(f"{folder} is no history, or its recording was not ended: it has no readable {HEADER}. Name "
                         "the folder that HistoryRecorder has written") from None
    if known != FORMAT:
        raise BadHistory(f"{folder} has format {known}, and this version reads {FORMAT}. Record it again")
    # 2. The files of each side.
    try:
        acts = tuple(_read_file(path) for path in sorted(folder.glob("node-*.jsonl")))
        seen = [line for path in sorted(folder.glob("witness-*.jsonl")) for line in _read_file(path)]
        rows: dict[str, list[Line]] = {}
        for line in _read_file(folder / "store.jsonl"):
            rows.setdefault(line.get("table"), []).append(line)
        callers = _read_file(folder / "callers.jsonl")
        box = [line for path in sorted(folder.glob("blackbox-*.csv")) for line in _read_box(path)]
    except FileNotFoundError as error:
        raise BadHistory(f"{folder} is no whole history: {Path(str(error.filename)).name} is missing. Record it again"
                         ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise BadHistory(f"{folder} cannot be read: {error}. Record it again") from None
    # 3. A file that was full lacks acts, so a check would prove nothing.
    for process in acts:
        if process and process[-1].get("act") == FULL:
            raise BadHistory(f"{process[-1].where.partition(':')[0]} is full, and later acts are missing. Record a "
                             "shorter run")
    # 4. Nodes act on while the store is copied.
    copied = next((float(line.get("steady")) for line in rows.get(COPY_BEGAN, ())), math.inf)
    later = [line for process in acts for line in process if float(line.get("steady")) > copied]
    acts = tuple([line for line in process if float(line.get("steady")) <= copied] for process in acts)
    return Evidence(began, tones, rows, acts, later, seen, callers, box, tuple(sorted(folder.glob("logs/*"))),
                    _do_clocks_agree(acts, seen))


def _read_file(path: Path) -> list[Line]:
    found = [Line(f"{path.name}:{number}", told) for number, told in read_lines(path)]
    for line in found:
        float(line.told["at"])
    return found


def _read_box(path: Path) -> Iterator[Line]:
    """Yield the lines of a CEL file. A killed Asterisk may leave a part of a line, which says nothing."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for number, row in enumerate(csv.reader(file), 1):
            try:
                at, event, id_, *_ = row
                yield Line(f"{path.name}:{number}", {"at": float(at), "event": event, "id": id_})
            except ValueError:
                continue


def _do_clocks_agree(acts: tuple[list[Line], ...], seen: list[Line]) -> bool:
    """Return whether the wall clocks of the nodes and of the recorder stayed together, measured by the steady clock."""
    offsets = [line.at - float(line.get("steady")) for lines in (*acts, seen) for line in lines if line.get("steady")]
    return not offsets or max(offsets) - min(offsets) <= CLOCK_S
