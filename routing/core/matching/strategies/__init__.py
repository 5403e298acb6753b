"""Order several fitting agents: candidates by hard constraints, then rank, then key, then smallest index.

A strategy is a module with three names. `BY_LEVEL` is true if every level has a separate rank, the same for all agents:
one pool then serves all levels of a skill. `rank(agent, level)` gives 0 to `RANK_MAX`, the higher the better.
`key(record, h)` gives a number, the smaller the better, where h is the half-life in seconds. `level` is the agent's
level in the skill that ranks (0-100), or -1 if nothing ranks. A key must not change while the agent is idle. An idle
agent is therefore sorted in only once.

| name | rank | key | for |
|---|---|---|---|
| `longest_idle` | level | idle since | the default: the best, and among them a fair turn (Avaya's EAD-MIA) |
| `least_occupied` | level | occupancy | the best, and among them the one with the least recent work (EAD-LOA) |
| `longest_idle_any` | - | idle since | all who fit, alike (UCD-MIA) |
| `least_occupied_any` | - | occupancy | all who fit, alike, by work (UCD-LOA) |
| `fewest_skills` | fewest skills, then level | idle since | specialists first: generalists stay free |
| `weakest_first` | lowest level that will do | idle since | the best are kept for contacts that need them |
| `fewest_contacts` | level | contacts offered | the best, and among them the one with the fewest recent offers |

Occupancy is handled time (talk and wrap-up). Contacts offered are a count. Both halve every
`Centre.occupied_half_life_s`. All agents have the same half-life, so the order of two idle agents never changes. With
x(t) = x · 2^-(t - at)/h, log2(x) + at/h has the order of x at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from routing.core.matching.protocols import RankedAgent
from routing.core.matching.strategies import (
    fewest_contacts,
    fewest_skills,
    least_occupied,
    least_occupied_any,
    longest_idle,
    longest_idle_any,
    weakest_first,
)
from routing.core.model.centre_model import Agent
from routing.core.model.errors import RoutingError

RANK_MAX = 127
"""Highest rank. Ranks are bits of a mask."""


class UnknownStrategy(RoutingError, ValueError):
    """There is no strategy with this name."""


Key = Callable[[RankedAgent, float], float]
"""The order of agents within a rank. The second argument is the half-life of handled time."""


class Strategy(NamedTuple):
    """The parts of a strategy module."""

    name: str
    by_level: bool
    rank: Callable[[Agent, int], int]
    key: Key


_MODULES = (longest_idle, least_occupied, longest_idle_any, least_occupied_any, fewest_skills, weakest_first,
            fewest_contacts)
STRATEGIES = {
    name: Strategy(name, module.BY_LEVEL, module.rank, module.key)
    for module in _MODULES if (name := module.__name__.rpartition(".")[2])
}
"""Every strategy by its name."""


def find_strategy(name: str) -> Strategy:
    """Return the strategy with this name.

    Raise `UnknownStrategy`, which lists the known names, if there is none.
    """
    found = STRATEGIES.get(name)
    if found is None:
        raise UnknownStrategy(f"no strategy '{name}'; there are {', '.join(STRATEGIES)}")
    return found
