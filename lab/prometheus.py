"""A Prometheus that watches a lab: on a free port of this machine, for as long as somebody needs it."""

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
    program = shutil.which("prometheus")
    if program is None:
        raise LabError("prometheus is missing, it reads metrics. As root: apt-get install prometheus")
    ports = Ports()
    try:
        address = f"127.0.0.1:{ports.one()}"
        log = folder / "prometheus.log"
        running = process.start([program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'series'}",
                                 f"--web.listen-address={address}", "--log.level=warn"], log)
        try:
            _wait_ready(address, running, log)
            yield f"http://{address}"
        finally:
            process.end(running)
    finally:
        ports.close()


def _wait_ready(address: str, running: process.Identity, log: Path) -> None:
    end = time.monotonic() + READY_S
    while True:
        with suppress(LabError):
            if "is Ready" in records.page(address, "/-/ready"):
                return
        process.reap(running.pid)
        if not process.alive(running) or time.monotonic() >= end:
            raise LabError(f"prometheus did not get ready. It said: {process.tail(log)}")
        time.sleep(POLL_S)
