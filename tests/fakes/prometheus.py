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

from lab.errors import LabError
from lab.pbx import process
from lab.pbx.ports import PortBlock
from lab.people import node_records
from metrics.prometheus.rules import PAGES

READY_S = 90.0
"""Prometheus is ready in 0.2 s; a machine under full load takes longer."""
POLL_S = 0.05
ASKED_S = 120.0


@contextmanager
def watching(config: Path, folder: Path) -> Iterator[str]:
    """Yield the address of a Prometheus that stores into `folder`, and serves the runbooks next to its configuration.
    Raise LabError."""
    with _running("prometheus", "is Ready", folder, [
            f"--config.file={config}", f"--storage.tsdb.path={folder / 'series'}",
            f"--web.console.templates={config.parent / PAGES}"]) as place:
        yield f"http://{place}"


def ask(url: str, query: str) -> list[tuple[dict[str, str], float]]:
    """Return labels and the last known value of each series over two minutes; nan if a series has none."""
    now = time.time()
    words = urllib.parse.urlencode({"query": query, "start": now - ASKED_S, "end": now, "step": 1})
    answer = json.loads(node_records.fetch_page(url.removeprefix("http://"), f"/api/v1/query_range?{words}"))
    assert answer["status"] == "success", (query, answer)
    return [(one["metric"], next((value for _, text in reversed(one["values"]) if isfinite(value := float(text))), nan))
            for one in answer["data"]["result"]]


@contextmanager
def alerting(config: Path, folder: Path) -> Iterator[str]:
    """Yield `host:port` of a separate Alertmanager. Raise LabError."""
    with _running("prometheus-alertmanager", "OK", folder, [
            f"--config.file={config}", f"--storage.path={folder / 'alerts'}", "--cluster.listen-address="]) as place:
        yield place


@contextmanager
def _running(name: str, ready: str, folder: Path, words: list[str]) -> Iterator[str]:
    program = shutil.which(name)
    if program is None:
        raise LabError(f"{name} is missing. As root: apt-get install {name}")
    ports = PortBlock()
    try:
        place = f"127.0.0.1:{ports.free_port()}"
        log = folder / f"{name}.log"
        running = process.start_process([program, *words, f"--web.listen-address={place}", "--log.level=warn"], log)
        try:
            _wait_ready(place, ready, running, log)
            yield place
        finally:
            process.end_process(running)
    finally:
        ports.close()


def _wait_ready(place: str, ready: str, running: process.Identity, log: Path) -> None:
    end = time.monotonic() + READY_S
    while True:
        with suppress(LabError):
            if ready in node_records.fetch_page(place, "/-/ready"):
                return
        process.reap_child(running.pid)
        if not process.is_alive(running) or time.monotonic() >= end:
            raise LabError(f"{log.stem} did not get ready. It said: {process.read_tail(log)}")
        time.sleep(POLL_S)
