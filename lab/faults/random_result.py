"""Judge a random run: an outcome for each arrival, agents' seconds, and slopes of memory and file handles."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lab.faults.fault_model import SECONDS_TRUE, FaultRow
from lab.faults.judge import StoreRows

SUM_S = 0.1
"""Sum of an agent's seconds by state is true to this. Each state has a rounding error."""
SETTLE_S = 2_200.0
"""Start of a process that no slope counts: it fills caches, which hold 2,000 callers. They come in 37 minutes."""
FLAT_S = 600.0
"""Least time after it for a slope that is judged."""
FLAT_MB_H, FLAT_HANDLES_H = 20.0, 30.0
"""Limits of the slopes of a node's memory and file handles. A node with 60 take-overs an hour grew by 7 MB. A leak of
6 kB a call would be 20 MB.
"""
HOUR_S = 3600.0
SHOWN = 5
"""Most names in a problem."""
SIGNED_OUT = "signed_out"
IN_MENU = "in the menu"
"""Outcome of a caller who hung up before choosing a service."""


class Arrival(NamedTuple):
    """A caller as the telephone network and Asterisk's witness saw the call."""

    line: str
    contact: str
    """Id of the caller's channel at the centre, empty if no witness saw it."""
    answered: bool


class Usage(NamedTuple):
    """Memory and file handles of a process at a moment."""

    at: float
    rss_mb: float
    handles: int


class Window(NamedTuple):
    """Times between which an agent signed in, and signed out."""

    in_from: float
    in_to: float
    out_from: float
    out_to: float


class StateChange(NamedTuple):
    """A stored change of an agent's state."""

    at: float
    agent: str
    before: str
    state: str
    before_s: float


def judge_outcomes(row: FaultRow, arrivals: Sequence[Arrival], rows: StoreRows, menus: Mapping[str, str]) -> None:
    """Count an outcome for each arrival. `menus` has the outcome of each menu by contact."""
    # 1. Every arrival has one outcome: that of its record, or the end in the menu.
    stored = {str(one["contact"]): str(one["outcome"] or "") for one in rows.contacts}
    outcomes: Counter[str] = Counter()
    without = []
    for one in arrivals:
        if not one.answered:
            continue
        outcome = stored.get(one.contact) or (IN_MENU if one.contact in menus else "")
        if outcome:
            outcomes[outcome] += 1
        else:
            without.append(f"{one.line} ({one.contact or 'seen by no witness'})")
    # 2. No record is of nobody, none is open, and none is twice.
    known = Counter(one.contact for one in arrivals if one.contact)
    row.calls = len(arrivals)
    answered = sum(one.answered for one in arrivals)
    row.lost = len(arrivals) - answered
    found = {"callers were not answered": [one.line for one in arrivals if not one.answered],
             "arrivals have no outcome": without,
             "records are of nobody": [name for name in stored if name not in known],
             "lines share a contact": [name for name, count in known.items() if count > 1],
             "records have no end": [name for name, outcome in stored.items() if not outcome],
             "contacts ended twice": [name for name, count in rows.ends.items() if count > 1],
             "contacts are not in the queue_log": [name for name in stored if name not in rows.logged]}
    for what, names in found.items():
        if names:
            row.problems.append(f"{len(names)} {what}: {', '.join(names[:SHOWN])}")
    row.doubled = len(found["contacts ended twice"])
    row.records = sum(len(names) for what, names in found.items() if what != "callers were not answered")
    row.figures |= {"arrivals": answered, "outcomes": dict(outcomes.most_common())}
    row.notes.append(f"{answered} arrivals, {outcomes.total()} outcomes: "
                     + ", ".join(f"{name} {count}" for name, count in outcomes.most_common()))


def judge_seconds(row: FaultRow, changes: Sequence[StateChange], windows: Mapping[str, Window]) -> None:
    """Compare each agent's seconds by state with the time from sign-in to sign-out."""
    states: dict[str, float] = defaultdict(float)
    by_agent: dict[str, list[StateChange]] = defaultdict(list)
    for one in changes:
        by_agent[one.agent].append(one)
    signed = 0.0
    for agent, window in windows.items():
        # A request of an agent (a break after the call) is a change without seconds.
        known = [one for one in by_agent[agent] if one.before != SIGNED_OUT]
        begin = next((one.at for one in by_agent[agent] if one.before == SIGNED_OUT), None)
        end = known[-1].at if known and known[-1].state == SIGNED_OUT else None
        if begin is None or end is None:
            row.problems.append(f"the records of agent {agent} do not end with a sign-out")
            continue
        for one in known:
            states[one.before] += one.before_s
        total = sum(one.before_s for one in known)
        signed += end - begin
        if abs(total - (end - begin)) > SUM_S:
            row.problems.append(f"agent {agent} has {total:.1f} s by state and was signed in for {end - begin:.1f} s")
        if not (window.in_from - SECONDS_TRUE <= begin <= window.in_to + SECONDS_TRUE
                and window.out_from - SECONDS_TRUE <= end <= window.out_to + SECONDS_TRUE):
            row.problems.append(f"agent {agent} signed in or out at another time than the record says")
    row.figures["agents"] = {"count": len(windows), "signed_in_s": round(signed, 1),
                             "by_state_s": {name: round(value, 1) for name, value in sorted(states.items())}}
    row.notes.append(f"{len(windows)} agents: {sum(states.values()):.1f} s by state, {signed:.1f} s signed in: "
                     + ", ".join(f"{name} {value:.0f}" for name, value in sorted(states.items())))


def judge_usage(row: FaultRow, usage: Mapping[tuple[str, int], Sequence[Usage]]) -> None:
    """Note the slopes of each process, and judge those of nodes that lived long enough."""
    slopes = []
    for (name, pid), looks in usage.items():
        settled = [one for one in looks if one.at - looks[0].at >= SETTLE_S]
        found = settled if len(settled) > 2 else list(looks)
        if len(found) < 3:
            continue
        hours = np.array([(one.at - found[0].at) / HOUR_S for one in found])
        memory, handles = (float(np.polyfit(hours, np.array(values, dtype=float), 1)[0])
                           for values in ([one.rss_mb for one in found], [one.handles for one in found]))
        span = found[-1].at - found[0].at
        judged = found is settled and span >= FLAT_S
        slopes.append({"process": name, "pid": pid, "seconds": round(span), "judged": judged,
                       "mb_per_h": round(memory, 2), "handles_per_h": round(handles, 2),
                       "mb": [round(found[0].rss_mb, 1), round(found[-1].rss_mb, 1)],
                       "handles": [found[0].handles, found[-1].handles]})
        row.notes.append(f"{name} ({pid}), {span:.0f} s{'' if judged else ' (too short to judge)'}: "
                         f"{memory:+z.1f} MB/h from {found[0].rss_mb:.0f} MB, "
                         f"{handles:+z.1f} handles/h from {found[0].handles}")
        if judged and (memory > FLAT_MB_H or handles > FLAT_HANDLES_H):
            row.problems.append(f"{name} ({pid}) grows: {memory:+z.1f} MB/h, {handles:+z.1f} handles/h")
    row.figures["usage"] = slopes


def read_usage(pid: int) -> Usage:
    """Read memory and file handles of a process. Raise OSError if it is gone."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(one for one in status.splitlines() if one.startswith("VmRSS:"))
    return Usage(time.monotonic(), int(line.split()[1]) / 1024, sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))


def read_changes(rows: Sequence[tuple[float, list[Any]]]) -> list[StateChange]:
    """Read stored values of `AgentChanged` with their times."""
    return [StateChange(at, agent, before, state, seconds)
            for at, (agent, _, _, before, state, _, _, seconds, *_) in rows]
