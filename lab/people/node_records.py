"""A node's records of its calls. Metrics, queue_log and store describe the same calls, and a lab reads all three."""

from __future__ import annotations

import http.client
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from lab.errors import LabError
from routing.store.database import url_of

PAGE_S = 10.0
"""Limit for a page. `/metrics` answers in milliseconds."""
PAGE_MAX = 16 * 1024 * 1024


class MetricSample(NamedTuple):
    """One line of `/metrics`."""

    name: str
    labels: dict[str, str]
    value: float


class QueueLogLine(NamedTuple):
    """One line of queue_log."""

    at: float
    contact: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...]


class RunSummary(NamedTuple):
    """Results of a run."""

    offered: int
    answered: int
    abandoned: int
    other: int
    within: int
    counted: int
    longest_wait_s: float

    @property
    def service_level(self) -> float | None:
        """Share of the calls answered in time, None if nobody called. Every abandon counts against the share."""
        return self.within / self.counted if self.counted else None


def fetch_page(place: str, path: str = "/metrics") -> str:
    """Fetch `http://place/path`. Raise LabError if no node answers."""
    host, _, port = place.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PAGE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read(PAGE_MAX).decode()
    except (OSError, http.client.HTTPException) as error:
        raise LabError(f"no node answers at http://{place}{path}: {error}") from error
    finally:
        connection.close()


def parse_samples(text: str) -> list[MetricSample]:
    """Parse the lines of a `/metrics` page."""
    return [MetricSample(one.name, dict(one.labels), one.value)
            for family in text_string_to_metric_families(text) for one in family.samples]


def sum_samples(found: Iterable[MetricSample], name: str, **labels: str) -> float:
    """Sum all samples of this name with these labels."""
    return sum(one.value for one in found
               if one.name == name and all(one.labels.get(key) == value for key, value in labels.items()))


def read_queue_log(path: Path) -> list[QueueLogLine]:
    """Read all lines of a queue_log, in Asterisk's format with `|` between fields. Raise LabError."""
    found = []
    for text in path.read_text(encoding="utf-8").splitlines():
        fields = text.split("|")
        if len(fields) < 5:
            raise LabError(f"{path}: a line with {len(fields)} fields, at least 5 are expected")
        found.append(QueueLogLine(float(fields[0]), fields[1], fields[2], fields[3], fields[4], tuple(fields[5:])))
    return found


def longest_wait(lines: Iterable[QueueLogLine]) -> float:
    """Return the longest wait in seconds of all callers who were connected or left the queue."""
    return find_longest_waiter(lines)[1]


def find_longest_waiter(lines: Iterable[QueueLogLine]) -> tuple[str, float]:
    """Return the contact with the longest wait, and the wait in seconds. Return an empty text if nobody waited."""
    # Each event of queue_log holds its wait at another place (Asterisk's queue_log documentation).
    place = {"CONNECT": 0, "ABANDON": 2, "EXITWITHTIMEOUT": 2, "EXITWITHKEY": 3}
    waits = [(float(line.data[place[line.event]] or 0), line.contact) for line in lines
             if line.event in place and len(line.data) > place[line.event]]
    wait, contact = max(waits, default=(0.0, ""))
    return contact, wait


def summarise_run(text: str, lines: Iterable[QueueLogLine]) -> RunSummary:
    """Summarise a run from its metrics page and its queue_log."""
    found = parse_samples(text)
    ended = "acd_contacts_total"
    answered = sum_samples(found, ended, outcome="answered")
    abandoned = sum_samples(found, ended, outcome="abandoned") + sum_samples(found, ended, outcome="abandoned_short")
    sla = "acd_sla_contacts_total"
    return RunSummary(int(sum_samples(found, "acd_contacts_offered_total")), int(answered), int(abandoned),
                   int(sum_samples(found, ended) - answered - abandoned), int(sum_samples(found, sla, within="true")),
                   int(sum_samples(found, sla)), longest_wait(lines))


def query_store(store: Path | str, query: str, *values: Any) -> list[dict[str, Any]]:
    """Query a node's store, read-only, while the node runs: a SQLite file, or the URL of a PostgreSQL.

    The query has SQLite's `?` for each value.
    """
    if isinstance(store, str):
        engine = create_engine(url_of(store), poolclass=NullPool, connect_args={"connect_timeout": int(PAGE_S)})
        with engine.connect() as server:
            rows = server.exec_driver_sql(query.replace("%", "%%").replace("?", "%s") if values else query, values)
            return [dict(row) for row in rows.mappings()]
    # A read-only connection cannot block the writer of a node in WAL mode.
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=PAGE_S)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, values)]
