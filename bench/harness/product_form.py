"""Exact values for skill-based routing by first come first served and longest idle (FCFS-ALIS).

A free agent takes the caller who has waited longest among those the agent can serve. A caller takes the agent who has
been idle longest among those who can serve the caller. The stationary distribution is a product, so no simulation is
needed.

Agents form pools of equals. Callers have types, and some of the pools serve each type. Arrivals are Poisson, handle
times are exponential with a mean that depends only on the pool, and nobody hangs up. Times are seconds.

Source: Adan and Weiss, Stochastic Systems 4(1):250-299, 2014. A state is the order of the busy agents by their callers'
arrival, the numbers waiting between them, and the order of the idle agents. Its distribution is a product over the
agents. With t the numbers of busy agents by pool and n the sizes of the pools, the sum over all other parts is P(t) ~
A(t) * G(n - t). There

    A(t) = sum over pools g of (n_g - t_g + 1) * A(t - e_g), divided by mu_t - lambda_U(t)
    G(u) = sum over pools g of u_g * G(u - e_g), divided by lambda_C(u)

mu_t is the rate at which t agents serve. U(t) are the types without an idle agent in t, and C(u) the types that an
agent in u can serve. lambda is the rate of a set of types, and e_g is one agent of pool g. Both A and G are stored as
logarithms.

A caller's wait is a sum of exponential times with rate mu_t - lambda_U(t) along the path from t down. The path ends
where t leaves an agent to the type. The terms of A give the chance of each step of the path. The same path tells which
pool serves waiting callers, and the path of G which pool serves the others.

Work and memory grow with the product of (size + 1) over the pools: 180 agents in three pools are 227,000 vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
Factor = Callable[[int, Index], Vector]

MOST_VECTORS = 20_000_000
"""Largest number of count vectors. More would need over about 2 GB and are refused; use fewer or smaller pools."""

EULER_DECAY = 18.4
"""A of the Euler method. It bounds the error of the inversion by exp(-A) = 1e-8 (Abate and Whitt, ORSA J. on Computing
7(1):36-43, 1995)."""
EULER_TERMS = 15
EULER_BINOMIAL = 11
"""Terms summed before the binomial weights of that method, and terms averaged by them. Both are its authors' choice."""


class AgentPool(NamedTuple):
    """Equal agents."""

    size: int
    handle_s: float


class CallerType(NamedTuple):
    """Callers of one type."""

    rate: float
    """Calls a second."""
    pools: tuple[int, ...]
    """Numbers of the pools whose agents can serve them."""


class PoolSystem(NamedTuple):
    """Pools and the types they serve."""

    pools: tuple[AgentPool, ...]
    types: tuple[CallerType, ...]


class TypeLaw(NamedTuple):
    """Values for the callers of one type."""

    waits: float
    """Share that finds no free agent who can serve it."""
    mean_wait_s: float
    """Mean over all callers of the type."""
    within: tuple[float, ...]
    """Share served within each of the given limits."""
    served_by: tuple[float, ...]
    """Share served by each pool."""


class SystemLaw(NamedTuple):
    """The steady state of a system."""

    types: tuple[TypeLaw, ...]
    occupancy: tuple[float, ...]
    """Share of their time in which the agents of each pool are busy."""

    def overall_waits(self, system: PoolSystem) -> tuple[float, float]:
        """Return (share that waits, mean wait) of a caller of any type."""
        total = math.fsum(kind.rate for kind in system.types)
        pairs = list(zip(system.types, self.types, strict=True))
        return (math.fsum(kind.rate * law.waits for kind, law in pairs) / total,
                math.fsum(kind.rate * law.mean_wait_s for kind, law in pairs) / total)


def solve_system(system: PoolSystem, limits_s: tuple[float, ...] = (), types: tuple[int, ...] | None = None,
                 shares: bool = True) -> SystemLaw:
    """Return the steady state. Raise ValueError if there is none.

    `limits_s` are the limits for `within`. `types` are the only types wanted, in this order. Without `shares` the
    result has no `served_by`, which costs as much as all the rest.
    """
    _check_system(system)
    grid = _StateGrid(system)
    log_a, log_g = grid.log_values(grid.factor_of_a), grid.log_values(grid.factor_of_g)
    law = log_a + log_g[::-1]  # the last vector is n: the i-th from the end is n - t
    law = np.exp(law - np.max(law))
    law /= law.sum()
    occupancy = tuple(float(law @ grid.counts[g]) / pool.size for g, pool in enumerate(system.pools))
    laws = []
    for kind in range(len(system.types)) if types is None else types:
        waiting = _TypeWait(grid, law, log_a, kind)
        served = waiting.served_by + _served_at_once(grid, law, log_g, kind) if shares else ()
        laws.append(TypeLaw(waiting.share, waiting.mean_s,
                            tuple(1.0 - waiting.share_waiting_longer(limit) for limit in limits_s),
                            tuple(map(float, served))))
    return SystemLaw(tuple(laws), occupancy)


class _StateGrid:
    """All count vectors of a system, sorted by their sum. The terms of a vector come from the sum before."""

    def __init__(self, system: PoolSystem) -> None:
        self.system = system
        shape = tuple(pool.size + 1 for pool in system.pools)
        self.cells = math.prod(shape)
        self.counts = [axis.reshape(-1) for axis in np.indices(shape, dtype=np.int32)]
        self.strides = [math.prod(shape[g + 1:]) for g in range(len(shape))]
        sums = np.sum(self.counts, axis=0)
        order = np.argsort(sums, kind="stable")
        self.levels: list[Index] = np.split(order, np.cumsum(np.bincount(sums))[:-1])
        self.full, self.some = np.zeros(self.cells, dtype=np.intp), np.zeros(self.cells, dtype=np.intp)
        for g, pool in enumerate(system.pools):  # as bits: pools entirely in the vector, pools partly in it
            self.full |= np.where(self.counts[g] == pool.size, 1 << g, 0)
            self.some |= np.where(self.counts[g] > 0, 1 << g, 0)
        left_alone, reached = _rates_by_pools(system)
        served = sum((self.counts[g] / pool.handle_s for g, pool in enumerate(system.pools)), np.zeros(self.cells))
        self.spare: Vector = served - left_alone[self.full]
        self.reached: Vector = reached[self.some]
        if not (self.spare[1:] > 0.0).all():
            raise ValueError("no steady state: some types bring more work than all agents who can serve them can do")

    def factor_of_a(self, g: int, at: Index) -> Vector:
        """Return the factor of A's term from t - e_g: the number of agents of the pool that could be the one."""
        return np.asarray((self.system.pools[g].size - self.counts[g][at] + 1) / self.spare[at])

    def factor_of_g(self, g: int, at: Index) -> Vector:
        """Return the factor of G's term from u - e_g."""
        return np.asarray(self.counts[g][at] / self.reached[at])

    def log_values(self, factor: Factor) -> Vector:
        """Return ln A or ln G of every vector."""
        logs = np.full(self.cells, -np.inf)
        logs[0] = 0.0
        for level in self.levels[1:]:
            terms = np.full((len(self.strides), len(level)), -np.inf)
            for g, stride in enumerate(self.strides):
                has = np.flatnonzero(self.counts[g][level])
                at = level[has]
                terms[g, has] = np.log(factor(g, at)) + logs[at - stride]
            most = terms.max(axis=0)
            logs[level] = most + np.log(np.exp(terms - most).sum(axis=0))
        return logs

    def step_chance(self, factor: Factor, logs: Vector, g: int, at: Index) -> Vector:
        """Return the chance of the step down to pool `g`: the share of the vectors' value that comes from its term."""
        return np.asarray(np.exp(np.log(factor(g, at)) + logs[at - self.strides[g]] - logs[at]))


class _TypeWait:
    """The wait of one type: the path down from each vector that leaves it no agent to the first that leaves it one."""

    def __init__(self, grid: _StateGrid, law: Vector, log_a: Vector, kind: int) -> None:
        self.grid = grid
        self.mine = grid.system.types[kind].pools
        bits = sum(1 << g for g in self.mine)
        left = np.flatnonzero((grid.full & bits) == bits)
        sums = np.sum([count[left] for count in grid.counts], axis=0)
        order = np.argsort(sums, kind="stable")
        self.cells: Index = left[order]
        self.levels: list[Index] = np.split(np.arange(len(left)), np.flatnonzero(np.diff(sums[order])) + 1)
        self.law: Vector = law[self.cells]
        self.place: Index = np.full(grid.cells, -1, dtype=np.intp)
        self.place[self.cells] = np.arange(len(left))
        self.step = np.zeros((len(grid.strides), len(left)))
        for g in range(len(grid.strides)):
            has = np.flatnonzero(grid.counts[g][self.cells])
            self.step[g, has] = grid.step_chance(grid.factor_of_a, log_a, g, self.cells[has])
        self.share = float(self.law.sum())
        self.mean_s = float(self.law @ self._mean_waits())
        self.served_by: Vector = self.law @ self._exit_chances()

    def _expect_after_step(self, values: npt.NDArray[np.number], level: Index) -> npt.NDArray[np.number]:
        """Return the expected value one step down, as far as the type still has no agent there."""
        total = np.zeros_like(values[level])
        for g, stride in enumerate(self.grid.strides):
            if g not in self.mine:
                has = np.flatnonzero(self.grid.counts[g][self.cells[level]])
                at = level[has]
                before = values[self.place[self.cells[at] - stride]]
                total[has] += (self.step[g, at] * before.T).T
        return total

    def _mean_waits(self) -> Vector:
        means = np.zeros(len(self.cells))
        for level in self.levels:
            means[level] = 1.0 / self.grid.spare[self.cells[level]] + self._expect_after_step(means, level)
        return means

    def _exit_chances(self) -> Vector:
        """Return the chance of each pool that its agent is the one that becomes free for the caller."""
        chances = np.zeros((len(self.cells), len(self.grid.strides)))
        for level in self.levels:
            chances[level] = self._expect_after_step(chances, level)
            for g in self.mine:
                chances[level, g] += self.step[g, level]
        return chances

    def share_waiting_longer(self, limit_s: float) -> float:
        """Return P(wait > limit) of all callers of the type, by Euler inversion of (1 - transform of the wait)/s."""
        if limit_s <= 0.0:
            return self.share
        k = np.arange(EULER_TERMS + EULER_BINOMIAL + 1)
        s = (EULER_DECAY + 2j * np.pi * k) / (2.0 * limit_s)
        transforms = np.zeros((len(self.cells), len(s)), dtype=np.complex128)
        for level in self.levels:
            rate = self.grid.spare[self.cells[level]][:, None]
            served = sum((self.step[g, level] for g in self.mine), np.zeros(len(level)))[:, None]
            transforms[level] = rate / (rate + s) * (served + self._expect_after_step(transforms, level))
        image = ((self.share - self.law @ transforms) / s).real
        signed = np.where(k % 2 == 0, 1.0, -1.0) * image
        signed[0] *= 0.5
        partial = np.cumsum(signed)[EULER_TERMS:]
        weights = np.array([math.comb(EULER_BINOMIAL, j) for j in range(EULER_BINOMIAL + 1)]) / 2.0**EULER_BINOMIAL
        tail = math.exp(EULER_DECAY / 2.0) / limit_s * float(weights @ partial)
        return min(max(tail, 0.0), 1.0)


def _served_at_once(grid: _StateGrid, law: Vector, log_g: Vector, kind: int) -> Vector:
    """Return the share of the type's callers who find an idle agent of each pool.

    On the path down from the idle agents, the last agent who can serve the type has been idle longest.
    """
    mine = grid.system.types[kind].pools
    bits = sum(1 << g for g in mine)
    chances = np.zeros((grid.cells, len(mine)))
    for level in grid.levels[1:]:
        for g, stride in enumerate(grid.strides):
            at = level[np.flatnonzero(grid.counts[g][level])]
            step = grid.step_chance(grid.factor_of_g, log_g, g, at)
            chances[at] += step[:, None] * chances[at - stride]
            if g in mine:
                chances[at, mine.index(g)] += step * ((grid.some[at - stride] & bits) == 0)
    shares = np.zeros(len(grid.strides))
    shares[list(mine)] = law[::-1] @ chances
    return shares


def _rates_by_pools(system: PoolSystem) -> tuple[Vector, Vector]:
    """Return two rates by set of pools (as bits): types served only inside it, and types that any of its pools
    serves."""
    only, any_of = np.zeros(1 << len(system.pools)), np.zeros(1 << len(system.pools))
    for chosen in range(1 << len(system.pools)):
        for kind in system.types:
            inside = sum(chosen >> g & 1 for g in kind.pools)
            only[chosen] += kind.rate if inside == len(kind.pools) else 0.0
            any_of[chosen] += kind.rate if inside else 0.0
    return only, any_of


def _check_system(system: PoolSystem) -> None:
    """Raise ValueError for an impossible system, naming the pool or type."""
    for g, pool in enumerate(system.pools):
        if pool.size < 1 or pool.handle_s <= 0.0:
            raise ValueError(f"pool {g} needs at least one agent and a positive handle time, not {pool}")
        if not any(g in kind.pools for kind in system.types):
            raise ValueError(f"pool {g} serves no type: leave it out")
    for c, kind in enumerate(system.types):
        if kind.rate <= 0.0 or not kind.pools or len(set(kind.pools)) < len(kind.pools):
            raise ValueError(f"type {c} needs a positive rate and at least one pool, each once, not {kind}")
        if not all(0 <= g < len(system.pools) for g in kind.pools):
            raise ValueError(f"type {c} names a pool that is not there: {kind.pools}")
    vectors = math.prod(pool.size + 1 for pool in system.pools)
    if vectors > MOST_VECTORS:
        raise ValueError(f"{vectors} count vectors are too many (at most {MOST_VECTORS}): take fewer or smaller pools")
