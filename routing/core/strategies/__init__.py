"""Which of several fitting agents: candidates by hard constraints, then rank, then key, then smallest index.

A strategy is a module with `BY_LEVEL` (every level has a rank of its own, whoever the agent is: one pool then serves
all levels of a skill), `rank(agent, level)` from 0 to `RANK_MAX`, the higher the better, and `key(record, h)`, where h
is the half-life in seconds, the smaller the better. `level` is the agent's in the skill that ranks (0-100), -1 when
nothing ranks. A key must not change while the agent is idle: that is what lets the idle stand in line once and for all.

| name | rank | key | for |
|---|---|---|---|
| `longest_idle` | level | idle since | the default: the best, and among them a fair turn (Avaya's EAD-MIA) |
| `least_occupied` | level | occupancy | the best, and among them who worked least lately (EAD-LOA) |
| `longest_idle_any` | - | idle since | everybody who fits alike (UCD-MIA) |
| `least_occupied_any` | - | occupancy | everybody who fits alike, by work (UCD-LOA) |
| `fewest_skills` | fewest skills, then level | idle since | specialists first: generalists stay free |
| `weakest_first` | lowest level that will do | idle since | the best are kept for who needs them |
| `fewest_contacts` | level | contacts offered | the best, and among them who was offered least lately |

Occupancy is handled time (talk and wrap-up) and contacts offered are a count, both halved every
`Centre.occupied_half_life_s`. One half-life for all, so the order of two idle agents never changes: where x(t) = x ·
2^-(t - at)/h, the order of log2(x) + at/h is that of x at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from routing.core.errors import RoutingError
from routing.core.matching.protocols import RankedAgent
from routing.core.model import Agent
from routing.core.strategies import (
    fewest_contacts,
    fewest_skills,
    least_occupied,
    least_occupied_any,
    longest_idle,
    longest_idle_any,
    weakest_first,
)

RANK_MAX = 127
"""Highest rank. Ranks are bits of a mask."""


class UnknownStrategy(RoutingError, ValueError):
    """There is no strategy with this name."""


class Strategy(NamedTuple):
    """The parts of a strategy module, at hand."""

    name: str
    by_level: bool
    rank: Callable[[Agent, int], int]
    key: Callable[[RankedAgent, float], float]


_MODULES = (longest_idle, least_occupied, longest_idle_any, least_occupied_any, fewest_skills, weakest_first,
            fewest_contacts)
STRATEGIES = {
    name: Strategy(name, module.BY_LEVEL, module.rank, module.key)
    for module in _MODULES if (name := module.__name__.rpartition(".")[2])
}
"""Every strategy by its name."""


def named(name: str) -> Strategy:
    """Return the strategy with this name. Raise `UnknownStrategy`, which lists the known names, if there is none."""
    found = STRATEGIES.get(name)
    if found is None:
        raise UnknownStrategy(f"no strategy '{name}'; there are {', '.join(STRATEGIES)}")
    return found
