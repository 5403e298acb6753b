"""Erlang's formulae against other ways to the same value, and the order any queue keeps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.theory.erlang import ErlangQueue, answered_from, erlang_b, erlang_c, fewest_agents
from tests.examples import examples

pytestmark = pytest.mark.property

LOADS = st.floats(0.05, 150.0)
AGENTS = st.integers(1, 160)
PATIENCE = st.floats(5.0, 2_000.0)


@given(LOADS, AGENTS)
def test_erlang_b_is_the_sum_over_states(load: float, agents: int) -> None:
    logs = [k * math.log(load) - math.lgamma(k + 1) for k in range(agents + 1)]
    most = max(logs)
    direct = math.exp(logs[-1] - most) / math.fsum(math.exp(one - most) for one in logs)
    assert erlang_b(load, agents) == pytest.approx(direct, rel=1e-9)


@given(LOADS, AGENTS, PATIENCE)
@settings(max_examples=examples(40))
def test_erlang_a_keeps_its_balances(load: float, agents: int, patience: float) -> None:
    queue = ErlangQueue(load / 240, 240, agents, patience)
    assert 0.0 <= queue.abandoned_share() <= queue.waiting_share() <= 1.0 + 1e-12
    assert queue.mean_queue() == pytest.approx(queue.rate * queue.mean_wait_s())
    busy = queue.rate * (1.0 - queue.abandoned_share()) * 240
    assert queue.agent_occupancy() == pytest.approx(busy / agents)
    assert queue.agent_occupancy() <= 1.0 + 1e-9
    more = queue._replace(agents=agents + 1)
    assert more.waiting_share() <= queue.waiting_share() + 1e-12 \
        and more.abandoned_share() <= queue.abandoned_share() + 1e-12
    if load < agents:
        assert queue.waiting_share() <= erlang_c(load, agents) + 1e-12


@given(st.floats(0.2, 30.0), st.integers(0, 40), st.floats(0.01, 2.0))
@settings(max_examples=examples(25))
def test_an_answer_in_time_is_an_integral_over_the_wait(ratio: float, ahead: int, limit: float) -> None:
    """With j ahead, exp(-theta*wait) has the beta law (served_rate/theta, j+1): an answer in time is an integral."""
    low = math.exp(-limit)
    steps = 400
    scale = math.lgamma(ratio + ahead + 1) - math.lgamma(ratio) - math.lgamma(ahead + 1)
    nodes = [low + (1 - low) * (i + 0.5) / steps for i in range(steps)]
    integral = (1 - low) / steps * math.fsum(
        math.exp(scale + ratio * math.log(x) + ahead * math.log1p(-x)) for x in nodes)
    law = (*[0.0] * ahead, 1.0)
    assert answered_from(law, ratio, 1.0, limit) == pytest.approx(integral, abs=1e-3)


@given(LOADS, AGENTS)
def test_patience_without_end_is_erlang_c(load: float, agents: int) -> None:
    if load > 0.8 * agents:  # above, some callers wait longer than a day and give up
        return
    c, a = ErlangQueue(load / 240, 240, agents), ErlangQueue(load / 240, 240, agents, 100_000.0)
    assert a.waiting_share() == pytest.approx(c.waiting_share(), rel=0.05, abs=1e-12)
    assert a.service_level(20) == pytest.approx(c.service_level(20), abs=0.01)


@given(st.floats(0.001, 1.0), st.floats(0.5, 0.99), st.floats(1.0, 60.0), st.one_of(st.just(math.inf), PATIENCE))
@settings(max_examples=examples(40))
def test_fewest_agents_suffice_one_less_do_not(rate: float, target: float, within: float, patience: float) -> None:
    agents = fewest_agents(rate, 240, target, within, patience)
    assert ErlangQueue(rate, 240, agents, patience).service_level(within) >= target
    assert ErlangQueue(rate, 240, agents - 1, patience).service_level(within) < target
