"""The product form gives the published tables, and what a brute-force solution of small systems gives."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from bench.harness.product_form import MOST_VECTORS, AgentPool, CallerType, PoolSystem, TypeLaw, solve_system
from planning.theory.erlang import ErlangQueue

pytestmark = pytest.mark.unit

RING = ((0, 2), (0, 1), (1, 2))


def ring(rho: float, shares: tuple[float, ...] = (1 / 3, 1 / 3, 1 / 3), size: int = 60) -> PoolSystem:
    """Three types, three pools, each agent has two of three skills; handle time 240 s."""
    rate = rho * 3 * size / 240
    return PoolSystem((AgentPool(size, 240),) * 3, tuple(CallerType(rate * share, to) for share,
        to in zip(shares, RING, strict=True)))


def printed(law: TypeLaw, row: str) -> bool:
    """Whether P(wait), mean wait and share within 20 s are the row's, to its digits."""
    waits, asa, within = row.split()
    return (f"{law.waits:.6f}", f"{law.mean_wait_s:.4f}", f"{law.within[0]:.6f}") == ("0" + waits, asa, "0" + within)


@pytest.mark.parametrize(("agents", "load"), [(3, 2.0), (14, 10.0), (55, 48.0), (180, 171.0)])
def test_one_pool_is_erlang_c(agents: int, load: float) -> None:
    queue = ErlangQueue(load / 240, 240, agents)
    law = solve_system(PoolSystem((AgentPool(agents, 240),), (CallerType(load / 240, (0,)),)), (5.0, 20.0, 90.0))
    one = law.types[0]
    assert one.waits == pytest.approx(queue.waiting_share(), rel=1e-10)
    assert one.mean_wait_s == pytest.approx(queue.mean_wait_s(), rel=1e-10)
    assert one.within == pytest.approx([queue.service_level(limit) for limit in (5.0, 20.0, 90.0)], abs=2e-8)
    assert law.occupancy[0] == pytest.approx(load / agents)
    assert one.served_by == pytest.approx((1.0,))


@pytest.mark.parametrize(("rho", "row"), [
    (0.90, ".110272 1.4703 .975395"), (0.95, ".387474 10.3326 .816970"), (0.97, ".584405 25.9736 .627367"),
])
def test_equal_pools_that_serve_all_are_one(rho: float, row: str) -> None:
    system = PoolSystem((AgentPool(90, 240), AgentPool(90, 240)), (CallerType(rho * 180 / 240, (0, 1)),))
    assert printed(solve_system(system, (20.0,)).types[0], row)


@pytest.mark.parametrize(("rho", "row"), [
    (0.90, ".113327 1.5162 .974596"), (0.95, ".391356 10.4530 .814792"), (0.97, ".587498 26.1359 .625008"),
])
def test_a_ring_of_two_skills(rho: float, row: str) -> None:
    law = solve_system(ring(rho), (20.0,))
    assert all(printed(one, row) for one in law.types)
    assert law.occupancy == pytest.approx((rho,) * 3)
    assert law.types[0].served_by == pytest.approx((0.5, 0.0, 0.5))


@pytest.mark.parametrize(("rho", "rows"), [
    (0.90, (".131363 1.7898 .969706", ".104076 1.3909 .976707", ".100948 1.3474 .977445")),
    (0.95, (".420362 11.3421 .798639", ".374184 9.9886 .823039", ".369025 9.8453 .825593")),
    (0.97, (".613157 27.4534 .605920", ".571566 25.4180 .635319", ".567004 25.2070 .638358")),
])
def test_a_ring_with_load_50_30_20(rho: float, rows: tuple[str, ...]) -> None:
    system = ring(rho, (0.5, 0.3, 0.2))
    law = solve_system(system, (20.0,))
    assert all(printed(one, row) for one, row in zip(law.types, rows, strict=True))
    waits, mean = law.overall_waits(system)
    assert waits == pytest.approx(sum(s * one.waits for s, one in zip((0.5, 0.3, 0.2), law.types, strict=True)))
    assert mean == pytest.approx(sum(s * one.mean_wait_s for s, one in zip((0.5, 0.3, 0.2), law.types, strict=True)))


@pytest.mark.parametrize(("rho", "row"), [
    (0.90, ".324561 12.9824 .803144"), (0.95, ".599039 47.9232 .533468"), (0.97, ".743304 99.1072 .360233"),
])
def test_three_separate_queues(rho: float, row: str) -> None:
    system = PoolSystem((AgentPool(60, 240),) * 3, tuple(CallerType(rho * 60 / 240, (g,)) for g in range(3)))
    assert printed(solve_system(system, (20.0,), types=(1,)).types[0], row)


SPECIALISTS = [(58, ".558083 27.6611 .609840", (".949", ".990")), (55, ".511306 18.9298 .685256", None),
               (50, ".462407 14.1314 .749954", None), (40, ".418778 11.5445 .794451", (".944", ".962"))]


@pytest.mark.parametrize(("specialists", "row", "occupancy"), [
    SPECIALISTS[0], *(pytest.param(*one, marks=pytest.mark.long) for one in SPECIALISTS[1:]),
])
def test_specialists_and_generalists(specialists: int, row: str, occupancy: tuple[str, str] | None) -> None:
    pools = (*(AgentPool(specialists, 240),) * 3, AgentPool(180 - 3 * specialists, 240))
    system = PoolSystem(pools, tuple(CallerType(0.95 * 60 / 240, (g, 3)) for g in range(3)))
    law = solve_system(system, (20.0,), types=(0,), shares=False)
    assert printed(law.types[0], row)
    if occupancy:
        assert (f"{law.occupancy[0]:.3f}"[1:], f"{law.occupancy[3]:.3f}"[1:]) == occupancy


State = tuple[tuple[int, ...], tuple[int, ...]]


class Brute:
    """A small system solved state by state: (idle agents, longest first; types waiting, oldest first). Agents are the
    pools' members by number. The queue is cut off at `most`, where hardly anybody ever is."""

    def __init__(self, system: PoolSystem, most: int) -> None:
        self.system = system
        self.pool_of = [g for g, pool in enumerate(system.pools) for _ in range(pool.size)]
        start: State = (tuple(range(len(self.pool_of))), ())
        self.index: dict[State, int] = {start: 0}
        moves: list[tuple[int, int, float]] = []
        todo = [start]
        while todo:
            state = todo.pop()
            for rate, after in self._moves(*state, most):
                if after not in self.index:
                    self.index[after] = len(self.index)
                    todo.append(after)
                moves.append((self.index[state], self.index[after], rate))
        generator = np.zeros((len(self.index), len(self.index)))
        for here, there, rate in moves:
            generator[there, here] += rate
            generator[here, here] -= rate
        generator[-1] = 1.0
        right = np.zeros(len(self.index))
        right[-1] = 1.0
        self.law = np.linalg.solve(generator, right)

    def _moves(self, idle: tuple[int, ...], queue: tuple[int, ...], most: int) -> Iterator[tuple[float, State]]:
        for c, kind in enumerate(self.system.types):
            able = [agent for agent in idle if self.pool_of[agent] in kind.pools]
            if able:
                yield kind.rate, (tuple(agent for agent in idle if agent != able[0]), queue)
            elif len(queue) < most:
                yield kind.rate, (idle, (*queue, c))
        for agent in set(range(len(self.pool_of))) - set(idle):
            g = self.pool_of[agent]
            fitting = [place for place, c in enumerate(queue) if g in self.system.types[c].pools]
            after: State
            if fitting:
                after = (idle, queue[:fitting[0]] + queue[fitting[0] + 1:])
            else:
                after = ((*idle, agent), queue)
            yield 1.0 / self.system.pools[g].handle_s, after

    def waits(self, c: int) -> float:
        """Share of the type's callers that find nobody."""
        pools = self.system.types[c].pools
        return float(sum(self.law[i] for (idle, _queue), i in self.index.items()
                         if not any(self.pool_of[agent] in pools for agent in idle)))

    def mean_wait_s(self, c: int) -> float:
        """By Little's law from the mean number of the type that waits."""
        return float(sum(self.law[i] * queue.count(c)
                         for (_idle, queue), i in self.index.items())) / self.system.types[c].rate

    def busy(self, g: int) -> float:
        """Share of the pool that is busy."""
        size = self.system.pools[g].size
        return 1.0 - float(sum(self.law[i] * sum(self.pool_of[agent] == g for agent in idle)
                               for (idle, _queue), i in self.index.items())) / size


SMALL = {
    "N": PoolSystem((AgentPool(1, 1.0), AgentPool(1, 1.0)), (CallerType(0.2, (0, 1)), CallerType(0.15, (1,)))),
    "N, one pool slower": PoolSystem((AgentPool(1, 0.7), AgentPool(2, 1.6)),
        (CallerType(0.25, (0, 1)), CallerType(0.1, (1,)))),
    "W": PoolSystem((AgentPool(1, 1.0), AgentPool(1, 1.3), AgentPool(1, 0.8)),
        (CallerType(0.2, (0, 1)), CallerType(0.12, (1, 2)))),
    "ring": PoolSystem((AgentPool(1, 1.0), AgentPool(1, 1.2), AgentPool(1, 0.9)),
                   (CallerType(0.15, (0, 2)), CallerType(0.08, (0, 1)), CallerType(0.05, (1, 2)))),
}


@pytest.mark.parametrize("name", SMALL)
def test_small_systems_solved_state_by_state(name: str) -> None:
    """Cut off at eight waiting, as many as these loads leave: what is missed is far below the tolerance."""
    system = SMALL[name]
    brute = Brute(system, most=6 if len(system.types) == 3 else 8)
    law = solve_system(system)
    for c, one in enumerate(law.types):
        assert one.waits == pytest.approx(brute.waits(c), rel=2e-4)
        assert one.mean_wait_s == pytest.approx(brute.mean_wait_s(c), rel=2e-3)
    for g, busy in enumerate(law.occupancy):
        assert busy == pytest.approx(brute.busy(g), rel=1e-4)


def test_who_serves_whom_brings_each_pool_its_work() -> None:
    for system in (*SMALL.values(), ring(0.9, (0.5, 0.3, 0.2), 20)):
        law = solve_system(system)
        for g, pool in enumerate(system.pools):
            work = sum(kind.rate * one.served_by[g] for kind, one in zip(system.types, law.types, strict=True))
            assert work * pool.handle_s / pool.size == pytest.approx(law.occupancy[g], rel=1e-9)
        for kind, one in zip(system.types, law.types, strict=True):
            assert sum(one.served_by) == pytest.approx(1.0)
            assert {g for g, share in enumerate(one.served_by) if share > 0} == set(kind.pools)


def test_the_tail_of_the_wait_adds_up_to_its_mean() -> None:
    """The mean is the integral of P(wait > t): the inversion against the recursion."""
    limits = tuple(np.arange(0.0, 1200.0, 4.0))
    one = solve_system(ring(0.9, (0.5, 0.3, 0.2), 10), limits, types=(0,)).types[0]
    assert one.within[0] == pytest.approx(1.0 - one.waits, abs=1e-7)
    tail = 1.0 - np.array(one.within)
    assert (np.diff(tail) <= 1e-7).all() and tail[-1] < 1e-3
    assert float(np.trapezoid(tail, limits)) == pytest.approx(one.mean_wait_s, rel=0.005)


def test_what_is_no_system_is_refused() -> None:
    pool = AgentPool(10, 240)
    for system, why in (
        (PoolSystem((pool,), (CallerType(1.0, (0,)),)), "no steady state"),
        (PoolSystem((pool, pool), (CallerType(0.045, (0,)), CallerType(0.001, (0, 1)))), "no steady state"),
        (PoolSystem((pool, pool), (CallerType(0.01, (0,)),)), "pool 1 serves no type"),
        (PoolSystem((AgentPool(0, 240),), (CallerType(0.01, (0,)),)), "pool 0 needs at least one agent"),
        (PoolSystem((pool,), (CallerType(0.0, (0,)),)), "type 0 needs a positive rate"),
        (PoolSystem((pool,), (CallerType(0.01, (0, 3)),)), "type 0 names a pool that is not there"),
        (PoolSystem((AgentPool(MOST_VECTORS, 240),), (CallerType(0.01, (0,)),)), "too many"),
    ):
        with pytest.raises(ValueError, match=why):
            solve_system(system)
    assert math.isfinite(solve_system(PoolSystem((pool, pool),
        (CallerType(0.04, (0,)), CallerType(0.001, (0, 1))))).types[0].mean_wait_s)
