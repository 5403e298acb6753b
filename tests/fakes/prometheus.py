"""Run a Prometheus that watches a lab, and an Alertmanager, on free ports of this machine."""

from __future__ import annotations

import json
import shutil
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import isfinite, nan
from pathlib import Path

from lab import process, records
from lab.errors import LabError
from lab.ports import Ports

READY_S = 30.0
"""It is ready in 0.2 s; a machine under full load takes its time."""
POLL_S = 0.05
ASKED_S = 120.0


@contextmanager
def watching(config: Path, folder: Path) -> Iterator[str]:
    """Its address while the block runs; what it stores goes into `folder`. Raises LabError."""
    with _running("prometheus", "is Ready", folder, [
            f"--config.file={config}", f"--storage.tsdb.path={folder / 'series'}"]) as place:
        yield f"http://{place}"


def ask(url: str, query: str) -> list[tuple[dict[str, str], float]]:
    """Return labels and the last known value of each series over two minutes; nan if a series has none."""
    now = time.time()
    words = urllib.parse.urlencode({"query": query, "start": now - ASKED_S, "end": now, "step": 1})
    answer = json.loads(records.page(url.removeprefix("http://"), f"/api/v1/query_range?{words}"))
    assert answer["status"] == "success", (query, answer)
    return [(one["metric"], next((value for _, text in reversed(one["values"]) if isfinite(value := float(text))), nan))
            for one in answer["data"]["result"]]


@contextmanager
def alerting(config: Path, folder: Path) -> Iterator[str]:
    """`host:port` of an Alertmanager of its own while the block runs. Raises LabError."""
    with _running("prometheus-alertmanager", "OK", folder, [
            f"--config.file={config}", f"--storage.path={folder / 'alerts'}", "--cluster.listen-address="]) as place:
        yield place


@contextmanager
def _running(name: str, ready: str, folder: Path, words: list[str]) -> Iterator[str]:
    program = shutil.which(name)
    if program is None:
        raise LabError(f"{name} is missing. As root: apt-get install {name}")
    ports = Ports()
    try:
        place = f"127.0.0.1:{ports.one()}"
        log = folder / f"{name}.log"
        running = process.start([program, *words, f"--web.listen-address={place}", "--log.level=warn"], log)
        try:
            _wait_ready(place, ready, running, log)
            yield place
        finally:
            process.end(running)
    finally:
        ports.close()


def _wait_ready(place: str, ready: str, running: process.Identity, log: Path) -> None:
    end = time.monotonic() + READY_S
    while True:
        with suppress(LabError):
            if ready in records.page(place, "/-/ready"):
                return
        process.reap(running.pid)
        if not process.alive(running) or time.monotonic() >= end:
            raise LabError(f"{log.stem} did not get ready. It said: {process.tail(log)}")
        time.sleep(POLL_S)
