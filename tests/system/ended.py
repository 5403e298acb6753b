"""Read what an ended lab left: its queue_log, by the words of docs/integrate/queue-log.md and by two other readers.

`tests.agreement` then checks that all who tell of its contacts say the same.
"""

from __future__ import annotations

import time
from pathlib import Path

from structlog.testing import capture_logs

from lab import lifecycle
from metrics.queue_log.writer import QueueLog
from santral.node.state_reader import open_facts
from tests import agreement
from tests.readers import words
from tests.readers.compare import differences


def down(folder: Path) -> None:
    """End the lab, and look. The records of a lab on PostgreSQL end with its server."""
    lifecycle.stop_lab(folder)
    if (folder / "queue_log").exists() and (folder / "santral.db").exists():
        look(folder)


def look(folder: Path) -> None:
    """A start takes what a killed node had not written yet and finds nothing else amiss; each call's lines are the
    beginning of a word, and who reads them counts what the store has."""
    asternic = "|TRANSFER|" in (folder / "queue_log").read_text(encoding="ascii")
    with capture_logs() as logged:
        log = QueueLog(folder / "queue_log", asternic=asternic)
        with open_facts(str(folder)) as facts:
            log.write_facts(list(facts))
        log.write_start(time.time())
        log.close()
    assert logged == [], "the file said what the facts say"
    text = (folder / "queue_log").read_text(encoding="ascii")
    words.check(text)
    assert not (found := differences(text, folder / "santral.db")), "\n".join(found)
    agreement.of_the_past(folder)
