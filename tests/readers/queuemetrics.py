"""QueueMetrics, by its rules (its manual's pages on queue_log and its additional verbs):

- time, call, queue, agent, verb, and up to five data fields; more are cut off;
- a call in a queue is a record: ENTERQUEUE opens it, CONNECT takes it, COMPLETE* or a transfer closes it as taken;
  ABANDON, EXITWITHTIMEOUT, EXITWITHKEY, EXITEMPTY and WITHDRAW close it as lost, each with its wait;
- CALLERONHOLD and CALLEROFFHOLD count between CONNECT and the end;
- an own verb is kept with the call, up to 1800 s after its end;
- an agent's session goes from the first ADDMEMBER to the last REMOVEMEMBER, pauses from PAUSEALL to UNPAUSEALL.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

TAKEN = ("COMPLETECALLER", "COMPLETEAGENT")
SENT_ON = ("BLINDTRANSFER", "ATTENDEDTRANSFER", "TRANSFER")
LOST = {"ABANDON": 2, "EXITWITHTIMEOUT": 2, "EXITWITHKEY": 3, "EXITEMPTY": 2, "WITHDRAW": 2}
"""Place of the wait."""
MISSED = ("RINGNOANSWER", "RINGCANCELED", "AGENTDUMP")
OF_AGENTS = ("ADDMEMBER", "REMOVEMEMBER", "PAUSEALL", "UNPAUSEALL", "PAUSE", "UNPAUSE")
STATUS_S = 1_800
FIELDS = 5


@dataclass
class Record:
    """A call in one queue."""

    call: str
    queue: str
    entered: int
    taken_by: str = ""
    wait_s: int = 0
    talk_s: int = 0
    on_hold: int | None = None
    holds_s: int = 0
    end: str = ""
    ended: int = 0
    own: list[tuple[str, ...]] = field(default_factory=list)
    """Own verbs with their data."""


class QueueMetrics:
    """Give it a file, then ask. `odd` has what it cannot make sense of."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.rings: Counter[tuple[str, str]] = Counter()
        """Agent and verb -> rings."""
        self.sessions_s: Counter[str] = Counter()
        self.pauses_s: Counter[str] = Counter()
        self.odd: list[str] = []
        self._open: dict[str, Record] = {}
        self._last: dict[str, Record] = {}
        self._since: dict[str, int] = {}
        self._queues: dict[str, set[str]] = defaultdict(set)
        self._paused: dict[str, int] = {}

    def load(self, lines: Iterable[str]) -> None:
        """All of a file."""
        for line in lines:
            date, call, queue, agent, verb, *data = line.split("|")
            data = data[:FIELDS]
            if verb in ("QUEUESTART", "CONFIGRELOAD", "SYSCOMPAT"):
                continue
            if verb in OF_AGENTS:
                self._agent(int(date), queue, agent, verb, line)
            elif verb in MISSED:
                self.rings[agent, verb] += 1
            elif verb == "ENTERQUEUE":
                self._enter(int(date), call, queue, line)
            else:
                self._goes_on(int(date), call, queue, agent, verb, data, line)

    def _enter(self, date: int, call: str, queue: str, line: str) -> None:
        if call in self._open:
            self.odd.append(line)
        record = self._open[call] = self._last[call] = Record(call, queue, date)
        self.records.append(record)

    def _goes_on(self, date: int, call: str, queue: str, agent: str, verb: str, data: list[str], line: str) -> None:
        record = self._open.get(call)
        if record is None:
            last = self._last.get(call)
            if last is None or verb in TAKEN or verb in LOST or verb in SENT_ON or date - last.ended > STATUS_S:
                self.odd.append(line)
            else:
                last.own.append((verb, *data))
        elif verb == "CONNECT":
            record.taken_by, record.wait_s = agent, int(data[0])
        elif verb == "CALLERONHOLD":
            record.on_hold = date
        elif verb == "CALLEROFFHOLD":
            if record.on_hold is None:
                self.odd.append(line)
            else:
                record.holds_s += date - record.on_hold
                record.on_hold = None
        elif verb in (*TAKEN, *SENT_ON):
            if record.taken_by != agent or record.queue != queue or record.on_hold is not None:
                self.odd.append(line)
            # Five fields hold the talk time of COMPLETE* and BLINDTRANSFER, ATTENDEDTRANSFER has it there too.
            record.talk_s = int(data[1] if verb in TAKEN else data[3])
            self._close(record, verb, date)
        elif verb in LOST:
            if record.taken_by or record.queue != queue:
                self.odd.append(line)
            record.wait_s = int(data[LOST[verb]])
            self._close(record, verb, date)
        else:
            record.own.append((verb, *data))

    def _close(self, record: Record, verb: str, date: int) -> None:
        record.end, record.ended = verb, date
        del self._open[record.call]

    def _agent(self, date: int, queue: str, agent: str, verb: str, line: str) -> None:
        if verb == "ADDMEMBER":
            if not self._queues[agent]:
                self._since[agent] = date
            self._queues[agent].add(queue)
        elif verb == "REMOVEMEMBER":
            self._queues[agent].discard(queue)
            if not self._queues[agent]:
                if agent not in self._since:
                    self.odd.append(line)
                else:
                    self.sessions_s[agent] += date - self._since.pop(agent)
        elif verb == "PAUSEALL":
            self._paused.setdefault(agent, date)
        elif verb == "UNPAUSEALL":
            if agent not in self._paused:
                self.odd.append(line)
            else:
                self.pauses_s[agent] += date - self._paused.pop(agent)

    def taken(self) -> list[Record]:
        """Calls that an agent had, in each queue once."""
        return [one for one in self.records if one.end in (*TAKEN, *SENT_ON)]

    def lost(self) -> list[Record]:
        """Calls that left a queue without having been taken."""
        return [one for one in self.records if one.end in LOST]
