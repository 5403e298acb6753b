"""A Prometheus that watches a lab, and an Alertmanager that tells of it: on free ports of this machine, for as long as
somebody needs them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab import process, records
from lab.errors import LabError
from lab.ports import Ports

READY_S = 30.0
"""It is ready in 0.2 s; a machine under full load takes its time."""
POLL_S = 0.05


@contextmanager
def watching(config: Path, folder: Path) -> Iterator[str]:
    """Its address while the block runs; what it stores goes into `folder`. Raises LabError."""
    with _running("prometheus", "is Ready", folder, [
            f"--config.file={config}", f"--storage.tsdb.path={folder / 'series'}"]) as place:
        yield f"http://{place}"


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
