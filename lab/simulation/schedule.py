"""Choose by a seed what happens in one simulation: nodes, callers, agents' habits and faults."""

from __future__ import annotations

import random
from typing import NamedTuple

HEALED_AT_S = 20.0
"""Time at which the last fault is over. From then on everything must settle."""

ARRIVALS_S = (0.8, 15.0)
FAULTS_S = (1.5, 16.0)

SERVICES = ("kriz", "bilgi")
"""A service for distress, and a usual one. The second is that of callers who have not chosen."""

KINDS = ("kill", "freeze", "freeze_in_write", "kill_after_commit", "freeze_after_commit", "ami_stall", "ami_cut",
         "agi_slow", "store_stall", "lose_answer", "store_frozen", "store_restart", "asterisk_frozen",
         "clock_set")
"""Faults. Those of a node or its links hit the leader twice of three times."""

DEATH, DEAD_S = "asterisk_killed", (0.5, 6.0)
"""Fault of a death of Asterisk, and the time until a supervisor has started it again."""


class NodePlan(NamedTuple):
    """One node."""

    name: str
    port: int
    revision: int
    """Version of the tables that it writes."""
    keys: str
    """Fingerprint of its keys. A node with other keys never leads."""
    starts_at: float


class CallerPlan(NamedTuple):
    """One caller."""

    at: float
    service: str
    patience_s: float
    talk_s: float
    ends_talk: bool


class Fault(NamedTuple):
    """One fault."""

    at: float
    kind: str
    of_leader: bool
    """The fault hits the node that leads then. Otherwise another one."""
    lasts_s: float
    sets_by_s: float = 0.0
    """Seconds by which the wall clock of the machine is set."""


class Plan(NamedTuple):
    """Everything that a seed decides before the start. The rest follows from its random numbers and from the nodes."""

    seed: int
    nodes: tuple[NodePlan, ...]
    agents: int
    callers: tuple[CallerPlan, ...]
    faults: tuple[Fault, ...]
    database_rate: float
    """Speed of the database's clock against that of the nodes' machine."""


def make_plan(seed: int, *, double: bool = False, dies: bool = False) -> Plan:
    """Return the plan of a seed. A `double` one has two freezes that follow each other instead of other faults.

    With `dies` the end of Asterisk is one fault more.
    """
    rng = random.Random(f"plan {seed}")
    newer = rng.random() < 0.2
    strangers = newer and rng.random() < 0.5
    nodes = tuple(NodePlan(
        name, 4573 + number, 1 + (newer and number == 1), "strange" if strangers and number == 1 else "keys",
        rng.uniform(0.0, 0.5) + number * 0.2) for number, name in enumerate(("a", "b")))
    callers = tuple(sorted(_make_caller(rng) for _ in range(rng.randint(3, 7))))
    faults = tuple(sorted(_make_fault(rng) for _ in range(rng.randint(1, 4))))
    agents, database_rate = rng.randint(2, 3), rng.uniform(0.98, 1.02)
    if double:
        faults = tuple(sorted(_make_double_fault(rng)))
    if dies:
        faults = tuple(sorted((*faults, Fault(rng.uniform(*FAULTS_S), DEATH, False, rng.uniform(*DEAD_S)))))
    return Plan(seed, nodes, agents, callers, faults, database_rate)


def _make_double_fault(rng: random.Random) -> tuple[Fault, ...]:
    """Return two freezes: of a leader in the middle of its work, and of the next one when the first wakes up."""
    at, lasts_s = rng.uniform(1.5, 6.0), rng.uniform(9.0, 12.0)
    return (Fault(at, "freeze_in_write", True, lasts_s),
            Fault(at + lasts_s - rng.uniform(0.1, 1.5), "freeze", True, rng.uniform(2.0, 5.0)))


HASTY, HASTY_S = 8.0, 6.0
"""Factor by which the callers with the least patience have still less, and their limit in seconds."""


def _make_caller(rng: random.Random) -> CallerPlan:
    patience = rng.uniform(2.0, 25.0) if rng.random() < 0.2 else 1_000.0
    # Some hang up at once. A node that is frozen or away has them in the menu then.
    patience /= HASTY if patience < HASTY_S else 1.0
    return CallerPlan(rng.uniform(*ARRIVALS_S), SERVICES[0] if rng.random() < 0.3 else SERVICES[1], patience,
                      rng.choice((rng.uniform(0.5, 4.0), rng.uniform(3.0, 15.0))), rng.random() < 0.4)


def _make_fault(rng: random.Random) -> Fault:
    kind = rng.choice(KINDS)
    lasts_s = rng.uniform(0.2, 16.0) if rng.random() < 0.6 else rng.uniform(0.2, 6.0)
    sets_by_s = rng.choice((-86_400.0, -3_600.0, -2.0, 2.0, 3_600.0)) if kind == "clock_set" else 0.0
    return Fault(rng.uniform(*FAULTS_S), kind, rng.random() < 0.67, lasts_s, sets_by_s)
