"""What a node says about its calls, three times over: metrics, queue_log, store. A lab reads all three."""

from __future__ import annotations

import http.client
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from lab.errors import LabError

PAGE_S = 10.0
"""`/metrics` answers in milliseconds."""
PAGE_MAX = 16 * 1024 * 1024


class Sample(NamedTuple):
    """One line of `/metrics`."""

    name: str
    labels: dict[str, str]
    value: float


class Line(NamedTuple):
    """One line of queue_log."""

    at: float
    contact: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...]


class Summary(NamedTuple):
    """What a run came to."""

    offered: int
    answered: int
    abandoned: int
    other: int
    within: int
    counted: int
    longest_wait_s: float

    @property
    def service_level(self) -> float | None:
        """Share answered in time; every abandon counts against it. None: nobody called."""
        return self.within / self.counted if self.counted else None


def page(place: str, path: str = "/metrics") -> str:
    """What `http://place/path` answers. Raises LabError."""
    host, _, port = place.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PAGE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read(PAGE_MAX).decode()
    except (OSError, http.client.HTTPException) as error:
        raise LabError(f"no node answers at http://{place}{path}: {error}") from error
    finally:
        connection.close()


def samples(text: str) -> list[Sample]:
    """The lines of a `/metrics` page."""
    return [Sample(one.name, dict(one.labels), one.value)
            for family in text_string_to_metric_families(text) for one in family.samples]


def total(found: Iterable[Sample], name: str, **labels: str) -> float:
    """Sum of all samples of this name with these labels."""
    return sum(one.value for one in found
               if one.name == name and all(one.labels.get(key) == value for key, value in labels.items()))


def queue_log(path: Path) -> list[Line]:
    """All lines of a queue_log (Asterisk's format, fields by `|`)."""
    found = []
    for text in path.read_text(encoding="utf-8").splitlines():
        fields = text.split("|")
        if len(fields) < 5:
            raise LabError(f"{path}: a line with {len(fields)} fields, at least 5 are expected")
        found.append(Line(float(fields[0]), fields[1], fields[2], fields[3], fields[4], tuple(fields[5:])))
    return found


def longest_wait(lines: Iterable[Line]) -> float:
    """Longest wait of all who were connected or gave up, in seconds."""
    place = {"CONNECT": 0, "ABANDON": 2, "EXITWITHTIMEOUT": 2, "EXITWITHKEY": 3}
    waits = [float(line.data[place[line.event]] or 0) for line in lines
             if line.event in place and len(line.data) > place[line.event]]
    return max(waits, default=0.0)


def summary(text: str, lines: Iterable[Line]) -> Summary:
    """Metrics and queue_log of a run."""
    found = samples(text)
    ended = "acd_contacts_total"
    answered = total(found, ended, outcome="answered")
    abandoned = total(found, ended, outcome="abandoned") + total(found, ended, outcome="abandoned_short")
    sla = "acd_sla_contacts_total"
    return Summary(int(total(found, "acd_contacts_offered_total")), int(answered), int(abandoned),
                   int(total(found, ended) - answered - abandoned), int(total(found, sla, within="true")),
                   int(total(found, sla)), longest_wait(lines))


def rows(database: Path, query: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a node's SQLite store, read beside the running node."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=PAGE_S)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, values)]
