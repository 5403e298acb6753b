"""Exact values for skill-based routing by first come first served and longest idle (FCFS-ALIS): a free agent takes the
caller who has waited longest of those they can serve, a caller the agent who has been idle longest of those who can
serve them. The stationary law is a product: no simulation is needed to know it.

Agents stand in pools of equals, callers are of types, each type may be served by some of the pools. Arrivals are
Poisson, handle times exponential with a mean that depends on the pool only, nobody gives up. Times are seconds.

Source: Adan and Weiss, Stochastic Systems 4(1):250-299, 2014. The law of (order of the busy by their callers' arrival,
numbers waiting between them, order of the idle) is a product over the agents. Summed over everything but the numbers t
of busy agents by pool it is P(t) ~ A(t) * G(n - t), with n the sizes of the pools and

    A(t) = sum over pools g of (n_g - t_g + 1) * A(t - e_g), divided by mu_t - lambda_U(t)
    G(u) = sum over pools g of u_g * G(u - e_g), divided by lambda_C(u)

mu_t is what t agents serve together, U(t) the types all of whose agents are busy in t, C(u) the types that somebody in
u can serve, lambda their rates, e_g one agent of pool g. Both are kept as logarithms. A caller's wait is a sum of
exponential times with rate mu_t - lambda_U(t) along the way from t down, as long as t leaves the type nobody; the way
is drawn by the terms of A. The same way tells who serves those who wait, that of G who serves those who do not.

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
"""Count vectors beyond which an answer would need more than about 2 GB: refused, use fewer or smaller pools."""

EULER_DECAY = 18.4
"""A of the Euler method: it bounds the error of the inversion by exp(-A) = 1e-8 (Abate and Whitt, ORSA J. on Computing
7(1):36-43, 1995)."""
EULER_TERMS = 15
EULER_BINOMIAL = 11
"""Terms summed before, and terms averaged by, the binomial weights of the same method: its authors' own choice."""


class Pool(NamedTuple):
    """Agents of one kind."""

    size: int
    handle_s: float


class Type(NamedTuple):
    """Callers of one kind."""

    rate: float
    """Calls per second."""
    pools: tuple[int, ...]
    """Numbers of the pools whose agents can serve them."""


class System(NamedTuple):
    """Pools and the types they serve."""

    pools: tuple[Pool, ...]
    types: tuple[Type, ...]


class TypeLaw(NamedTuple):
    """What one type of callers meets."""

    waits: float
    """Share that does not find a free agent who can serve them."""
    mean_wait_s: float
    """Of all callers of the type."""
    within: tuple[float, ...]
    """Share served within each of the limits asked for."""
    served_by: tuple[float, ...]
    """Share served by each pool."""


class Law(NamedTuple):
    """The steady state of a system."""

    types: tuple[TypeLaw, ...]
    occupancy: tuple[float, ...]
    """Share of their time the agents of each pool are busy."""

    def overall(self, system: System) -> tuple[float, float]:
        """(share that waits, mean wait) of a caller of any type."""
        total = math.fsum(kind.rate for kind in system.types)
        pairs = list(zip(system.types, self.types, strict=True))
        return (math.fsum(kind.rate * law.waits for kind, law in pairs) / total,
                math.fsum(kind.rate * law.mean_wait_s for kind, law in pairs) / total)


def solve(system: System, limits_s: tuple[float, ...] = (), types: tuple[int, ...] | None = None,
          shares: bool = True) -> Law:
    """The steady state. `limits_s`: limits for `within`; `types`: the only types wanted, in this order; `shares` False
    leaves `served_by` out, which costs as much as all the rest. Raises ValueError when there is no steady state."""
    _check(system)
    grid = _Grid(system)
    log_a, log_g = grid.logarithms(grid.factor_of_a), grid.logarithms(grid.factor_of_g)
    law = log_a + log_g[::-1]  # the last vector is n: the i-th from the end is n - t
    law = np.exp(law - law.max())
    law /= law.sum()
    occupancy = tuple(float(law @ grid.counts[g]) / pool.size for g, pool in enumerate(system.pools))
    laws = []
    for kind in range(len(system.types)) if types is None else types:
        waiting = _Waiting(grid, law, log_a, kind)
        served = waiting.served_by + _served_at_once(grid, law, log_g, kind) if shares else ()
        laws.append(TypeLaw(waiting.share, waiting.mean_s, tuple(1.0 - waiting.longer(limit) for limit in limits_s),
                            tuple(map(float, served))))
    return Law(tuple(laws), occupancy)


class _Grid:
    """All count vectors of a system, sorted by their sum: a vector's terms come from the sum before it."""

    def __init__(self, system: System) -> None:
        self.system = system
        shape = tuple(pool.size + 1 for pool in system.pools)
        self.cells = math.prod(shape)
        self.counts = [axis.reshape(-1) for axis in np.indices(shape, dtype=np.int32)]
        self.strides = [math.prod(shape[g + 1:]) for g in range(len(shape))]
        sums = np.sum(self.counts, axis=0)
        order = np.argsort(sums, kind="stable")
        self.levels: list[Index] = np.split(order, np.cumsum(np.bincount(sums))[:-1])
        self.full, self.some = np.zeros(self.cells, dtype=np.intp), np.zeros(self.cells, dtype=np.intp)
        for g, pool in enumerate(system.pools):  # as bits: pools wholly in the vector, pools of which anybody is
            self.full |= np.where(self.counts[g] == pool.size, 1 << g, 0)
            self.some |= np.where(self.counts[g] > 0, 1 << g, 0)
        left_alone, reached = _rates(system)
        served = sum((self.counts[g] / pool.handle_s for g, pool in enumerate(system.pools)), np.zeros(self.cells))
        self.spare: Vector = served - left_alone[self.full]
        self.reached: Vector = reached[self.some]
        if not (self.spare[1:] > 0.0).all():
            raise ValueError("no steady state: some types bring more work than all agents who can serve them can do")

    def factor_of_a(self, g: int, at: Index) -> Vector:
        """Of A's term from t - e_g: as many agents of the pool as could be the one."""
        return np.asarray((self.system.pools[g].size - self.counts[g][at] + 1) / self.spare[at])

    def factor_of_g(self, g: int, at: Index) -> Vector:
        """Of G's term from u - e_g."""
        return np.asarray(self.counts[g][at] / self.reached[at])

    def logarithms(self, factor: Factor) -> Vector:
        """ln A or ln G of every vector."""
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

    def chance(self, factor: Factor, logs: Vector, g: int, at: Index) -> Vector:
        """Share of the vectors' value that comes from the term of pool `g`: the chance of that step down."""
        return np.asarray(np.exp(np.log(factor(g, at)) + logs[at - self.strides[g]] - logs[at]))


class _Waiting:
    """The wait of one type: the way down from each vector that leaves it nobody to the first that leaves it one."""

    def __init__(self, grid: _Grid, law: Vector, log_a: Vector, kind: int) -> None:
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
            self.step[g, has] = grid.chance(grid.factor_of_a, log_a, g, self.cells[has])
        self.share = float(self.law.sum())
        self.mean_s = float(self.law @ self._mean())
        self.served_by: Vector = self.law @ self._exits()

    def _down(self, values: npt.NDArray[np.number], level: Index) -> npt.NDArray[np.number]:
        """Expected value one step down, as far as the type is still left with nobody there."""
        total = np.zeros_like(values[level])
        for g, stride in enumerate(self.grid.strides):
            if g not in self.mine:
                has = np.flatnonzero(self.grid.counts[g][self.cells[level]])
                at = level[has]
                before = values[self.place[self.cells[at] - stride]]
                total[has] += (self.step[g, at] * before.T).T
        return total

    def _mean(self) -> Vector:
        means = np.zeros(len(self.cells))
        for level in self.levels:
            means[level] = 1.0 / self.grid.spare[self.cells[level]] + self._down(means, level)
        return means

    def _exits(self) -> Vector:
        """The pool whose agent is the one that becomes free for the caller."""
        chances = np.zeros((len(self.cells), len(self.grid.strides)))
        for level in self.levels:
            chances[level] = self._down(chances, level)
            for g in self.mine:
                chances[level, g] += self.step[g, level]
        return chances

    def longer(self, limit_s: float) -> float:
        """P(wait > limit) of all callers of the type: Euler inversion of (1 - transform of the wait)/s."""
        if limit_s <= 0.0:
            return self.share
        k = np.arange(EULER_TERMS + EULER_BINOMIAL + 1)
        s = (EULER_DECAY + 2j * np.pi * k) / (2.0 * limit_s)
        transforms = np.zeros((len(self.cells), len(s)), dtype=np.complex128)
        for level in self.levels:
            rate = self.grid.spare[self.cells[level]][:, None]
            served = sum((self.step[g, level] for g in self.mine), np.zeros(len(level)))[:, None]
            transforms[level] = rate / (rate + s) * (served + self._down(transforms, level))
        image = ((self.share - self.law @ transforms) / s).real
        signed = np.where(k % 2 == 0, 1.0, -1.0) * image
        signed[0] *= 0.5
        partial = np.cumsum(signed)[EULER_TERMS:]
        weights = np.array([math.comb(EULER_BINOMIAL, j) for j in range(EULER_BINOMIAL + 1)]) / 2.0**EULER_BINOMIAL
        tail = math.exp(EULER_DECAY / 2.0) / limit_s * float(weights @ partial)
        return min(max(tail, 0.0), 1.0)


def _served_at_once(grid: _Grid, law: Vector, log_g: Vector, kind: int) -> Vector:
    """Share of the type's callers who find each pool's agent idle and get them: going down from the idle agents, the
    last one met who can serve the type has been idle longest."""
    mine = grid.system.types[kind].pools
    bits = sum(1 << g for g in mine)
    chances = np.zeros((grid.cells, len(mine)))
    for level in grid.levels[1:]:
        for g, stride in enumerate(grid.strides):
            at = level[np.flatnonzero(grid.counts[g][level])]
            step = grid.chance(grid.factor_of_g, log_g, g, at)
            chances[at] += step[:, None] * chances[at - stride]
            if g in mine:
                chances[at, mine.index(g)] += step * ((grid.some[at - stride] & bits) == 0)
    shares = np.zeros(len(grid.strides))
    shares[list(mine)] = law[::-1] @ chances
    return shares


def _rates(system: System) -> tuple[Vector, Vector]:
    """By set of pools (as bits): rate of the types served only inside it, and of those served by somebody in it."""
    only, any_of = np.zeros(1 << len(system.pools)), np.zeros(1 << len(system.pools))
    for chosen in range(1 << len(system.pools)):
        for kind in system.types:
            inside = sum(chosen >> g & 1 for g in kind.pools)
            only[chosen] += kind.rate if inside == len(kind.pools) else 0.0
            any_of[chosen] += kind.rate if inside else 0.0
    return only, any_of


def _check(system: System) -> None:
    """Refuses what is no system, naming the pool or type."""
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
