"""Any small system: what must hold whatever its pools and loads are."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.harness.product_form import AgentPool, CallerType, PoolSystem, solve_system
from planning.theory.erlang import ErlangQueue
from tests.examples import examples

pytestmark = pytest.mark.property


@st.composite
def systems(draw: st.DrawFn) -> PoolSystem:
    """Up to three pools of up to six agents and three types, some of them with no steady state."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    pools = tuple(AgentPool(size, draw(st.floats(0.5, 2.0))) for size in sizes)
    types = [CallerType(draw(st.floats(0.05, 1.5)),
        tuple(sorted(draw(st.sets(st.integers(0, len(pools) - 1), min_size=1)))))
             for _ in range(draw(st.integers(1, 3)))]
    return PoolSystem(pools, tuple(types))


@given(systems())
@settings(max_examples=examples(60))
def test_flows_balance(system: PoolSystem) -> None:
    try:
        law = solve_system(system, (1.0,))
    except ValueError:
        assume(False)
    for g, pool in enumerate(system.pools):
        work = sum(kind.rate * one.served_by[g] for kind, one in zip(system.types, law.types, strict=True))
        assert work * pool.handle_s / pool.size == pytest.approx(law.occupancy[g], rel=1e-8)
        assert 0.0 < law.occupancy[g] < 1.0
    for one in law.types:
        assert 0.0 < one.waits < 1.0 and one.mean_wait_s > 0.0
        assert 1.0 - one.waits - 1e-6 <= one.within[0] <= 1.0
        assert sum(one.served_by) == pytest.approx(1.0)


@given(st.lists(st.integers(1, 8), min_size=2, max_size=3), st.floats(0.1, 0.95))
@settings(max_examples=examples(40))
def test_pools_that_differ_in_nothing_are_one_pool(sizes: list[int], rho: float) -> None:
    agents = sum(sizes)
    everybody = tuple(range(len(sizes)))
    rate = rho * agents
    types = (CallerType(0.3 * rate, everybody), CallerType(0.7 * rate, everybody))
    law = solve_system(PoolSystem(tuple(AgentPool(size, 1.0) for size in sizes), types))
    queue = ErlangQueue(rate, 1.0, agents)
    for one in law.types:
        assert one.waits == pytest.approx(queue.waiting_share(), rel=1e-8)
        assert one.mean_wait_s == pytest.approx(queue.mean_wait_s(), rel=1e-8)
        assert one.served_by == pytest.approx([size / agents for size in sizes])
