"""Asternic Call Center Stats Lite, by its rules (its `parselog` and its reports):

- a line is split into eight fields, the last one takes the rest; a line whose time has anything but digits is dropped,
  and so is one older than the newest stored line minus ten seconds;
- eighteen events are known, others are passed over;
- (call, second, queue, agent, event) is unique, a second line of it is ignored;
- queues and agents go into SQL in quotes as they are, every field is a varchar(40);
- answered: COMPLETECALLER and COMPLETEAGENT, with their hold and talk time; service level: CONNECT by hold time, in
  steps to 15, 30, 45, 60, 75, 90 s and more; transferred: TRANSFER; unanswered: ABANDON and EXITWITHTIMEOUT.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

EVENTS = ("ABANDON", "AGENTDUMP", "AGENTLOGIN", "AGENTCALLBACKLOGIN", "AGENTLOGOFF", "AGENTCALLBACKLOGOFF",
          "COMPLETEAGENT", "COMPLETECALLER", "CONFIGRELOAD", "CONNECT", "ENTERQUEUE", "EXITWITHKEY", "EXITWITHTIMEOUT",
          "QUEUESTART", "SYSCOMPAT", "TRANSFER", "PAUSE", "UNPAUSE")
STEPS = (15, 30, 45, 60, 75, 90)
SLACK_S = 10
SCHEMA = """
create table qname (queue_id integer primary key, queue text not null check (length(queue) <= 40));
create table qagent (agent_id integer primary key, agent text not null check (length(agent) <= 40));
create table queue_stats (
  uniqueid text not null check (length(uniqueid) <= 40), datetime integer not null, qname integer not null,
  qagent integer not null, qevent integer not null, info1 text check (length(info1) <= 40),
  info2 text check (length(info2) <= 40), info3 text check (length(info3) <= 40),
  unique (uniqueid, datetime, qname, qagent, qevent));
"""


class Asternic:
    """Give it a file, in pieces or whole, then ask. `dropped` has what it would not take of what it knows."""

    def __init__(self) -> None:
        self._base = sqlite3.connect(":memory:")
        self._base.executescript(SCHEMA)
        self._ids: dict[tuple[str, str], int] = {}
        self.dropped: list[str] = []

    def close(self) -> None:
        """Forget all lines."""
        self._base.close()

    def parse(self, lines: Iterable[str]) -> None:
        """As its script does now and then: what is older than what it has is left out."""
        newest = self._base.execute("select max(datetime) from queue_stats").fetchone()[0] or 0
        for line in lines:
            date, call, queue, agent, event, *data = line.rstrip().split("|", 7)
            if not date.isdigit() or int(date) < newest - SLACK_S:
                self.dropped.append(line)
            elif event in EVENTS:
                info = [*data, "", "", ""][:3]
                done = self._base.execute(
                    "insert or ignore into queue_stats values (?, ?, ?, ?, ?, ?, ?, ?)",
                    (call, int(date), self._id("qname", "queue", queue), self._id("qagent", "agent", agent),
                     EVENTS.index(event), *info))
                if not done.rowcount:
                    self.dropped.append(line)

    def _id(self, table: str, column: str, name: str) -> int:
        if (table, name) not in self._ids:
            # In quotes as it is: a name with one in it breaks here, as it does there.
            made = self._base.execute(f"insert into {table} ({column}) values ('{name}')")
            self._ids[table, name] = int(made.lastrowid or 0)
        return self._ids[table, name]

    def _events(self, *wanted: str) -> list[tuple[str, str, str, str, str, str]]:
        """Queue, agent, event and the three fields of these events."""
        marks = ",".join("?" * len(wanted))
        return [(queue, agent, EVENTS[event], *info) for queue, agent, event, *info in self._base.execute(
            "select q.queue, a.agent, s.qevent, s.info1, s.info2, s.info3 from queue_stats s "
            "join qname q on q.queue_id = s.qname join qagent a on a.agent_id = s.qagent "
            f"where s.qevent in ({marks}) order by s.datetime", [EVENTS.index(one) for one in wanted])]

    def answered(self) -> dict[str, tuple[int, int, int]]:
        """Queue -> calls, seconds of hold (their word for the wait), seconds of talk."""
        found: dict[str, tuple[int, int, int]] = {}
        for queue, _, _, hold, talk, _ in self._events("COMPLETECALLER", "COMPLETEAGENT"):
            calls, holds, talks = found.get(queue, (0, 0, 0))
            found[queue] = calls + 1, holds + int(hold), talks + int(talk)
        return found

    def by_agent(self) -> dict[str, int]:
        """Agent -> answered calls."""
        found: dict[str, int] = {}
        for _, agent, *_ in self._events("COMPLETECALLER", "COMPLETEAGENT"):
            found[agent] = found.get(agent, 0) + 1
        return found

    def level(self) -> list[int]:
        """Calls that were connected within 15, 30 ... s; the last: later."""
        found = [0] * (len(STEPS) + 1)
        for _, _, _, hold, *_ in self._events("CONNECT"):
            found[sum(int(hold) > step for step in STEPS)] += 1
        return found

    def transferred(self) -> dict[str, int]:
        """`extension@context` -> calls."""
        found: dict[str, int] = {}
        for _, _, _, extension, context, _ in self._events("TRANSFER"):
            found[f"{extension}@{context}"] = found.get(f"{extension}@{context}", 0) + 1
        return found

    def unanswered(self) -> dict[str, tuple[int, int, int]]:
        """Queue -> abandoned calls, their seconds of wait, calls that ran into a time-out."""
        found: dict[str, tuple[int, int, int]] = {}
        for queue, _, event, _, _, wait in self._events("ABANDON", "EXITWITHTIMEOUT"):
            gone, waits, out = found.get(queue, (0, 0, 0))
            found[queue] = ((gone + 1, waits + int(wait), out) if event == "ABANDON" else (gone, waits, out + 1))
        return found
