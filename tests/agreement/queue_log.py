"""The lines of queue_log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from lab.people.node_records import QueueLogLine
from tests.agreement.told import VOICE, Place, Sums, Told, voice

SHORT_S = 5
"""An earlier hang-up is a short abandon: `short_abandon_s` of every service of the default centre."""
QUEUE_LOG = frozenset({
    "offered", "answered", "abandoned", "abandoned_short", "all abandoned", "moved chosen", "moved transfer",
    "moved on", "left", "answered_wait_s", "abandoned_wait_s", "talks", "talk_s", "sent on", "callback requested",
    "callback reached", "offers missed", "offers taken away"})
SENT_ON = ("BLINDTRANSFER", "ATTENDEDTRANSFER")
COMPLETE = ("COMPLETECALLER", "COMPLETEAGENT")
EXITS = ("ABANDON", "EXITWITHKEY", "WITHDRAW", "EXITWITHTIMEOUT", "EXITEMPTY")


class Visit(NamedTuple):
    """A call in one queue, from ENTERQUEUE on."""

    queue: str
    lines: list[QueueLogLine]

    @property
    def end(self) -> QueueLogLine | None:
        """Return the line that closed the visit, or None while it is open."""
        return next((line for line in reversed(self.lines) if line.event in (*COMPLETE, *SENT_ON, *EXITS)), None)


def visits(lines: Iterable[QueueLogLine]) -> dict[str, list[Visit]]:
    """Return the visits of each call, in order."""
    found: dict[str, list[Visit]] = defaultdict(list)
    for line in lines:
        if line.contact in ("NONE", "MANAGER"):
            continue
        if line.event == "ENTERQUEUE":
            found[line.contact].append(Visit(line.queue, []))
        if line.contact in found:  # a survey's lines come after the last visit
            found[line.contact][-1].lines.append(line)
    return found


def of_queue_log(lines: Iterable[QueueLogLine], short_s: int = SHORT_S) -> Told:
    """Return the figures of queue_log. A call is not offered again when it returns to the queue in which its talk was
    lost, or is transferred within that queue."""
    sums: Sums = Counter()
    for stay in visits(lines).values():
        before: Visit | None = None
        for visit, after in zip(stay, [*stay[1:], None], strict=True):
            ended = None if before is None else before.end
            again = before is not None and before.queue == visit.queue and ended is not None \
                and ended.event not in EXITS
            sums[(visit.queue, VOICE), "offered"] += not again
            _of_visit(sums, (visit.queue, VOICE), visit, after, short_s)
            before = visit
    return Told("queue_log", QUEUE_LOG, sums, voice, whole=True)


def _of_visit(sums: Sums, place: Place, visit: Visit, after: Visit | None, short_s: int) -> None:
    wait_s = 0
    for line in visit.lines:
        name = {"RINGNOANSWER": "offers missed", "AGENTDUMP": "offers missed", "RINGCANCELED": "offers taken away",
                "CALLBACKASKED": "callback requested", "CALLBACKREACHED": "callback reached"}.get(line.event)
        if name is not None:
            sums[(line.queue, VOICE), name] += 1
        elif line.event == "CONNECT":
            wait_s = int(line.data[0])
    end = visit.end
    if end is None:
        return
    if end.event in (*COMPLETE, *SENT_ON):
        sums[place, "talks"] += 1
        sums[place, "talk_s"] += int(end.data[1 if end.event in COMPLETE else 3])
        sums[place, "sent on"] += end.event in SENT_ON
        if after is None:
            sums[place, "answered"] += 1
            sums[place, "answered_wait_s"] += wait_s
        elif after.queue != visit.queue:
            sums[place, "moved transfer"] += 1
            sums[place, "moved on"] += 1
    elif after is not None:
        sums[place, "moved chosen"] += end.event == "EXITWITHKEY"
        sums[place, "moved on"] += 1
    elif end.event == "ABANDON":
        wait_s = int(end.data[2])
        sums[place, "abandoned_short" if wait_s < short_s else "abandoned"] += 1
        sums[place, "all abandoned"] += 1
        sums[place, "abandoned_wait_s"] += wait_s
    else:
        sums[place, "left"] += end.event in ("EXITWITHKEY", "WITHDRAW")
