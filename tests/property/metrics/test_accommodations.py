"""The second look at offers against the engine in random houses with every need: it finds nothing, and when the engine
is made to lie it does. Time in states adds up to what the facts tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from metrics.prometheus import names
from metrics.prometheus.accommodations import BREAK, CHECKED, RULES
from metrics.prometheus.recorder import MetricsRecorder
from routing.core.events import Event
from routing.core.model.centre_model import AgentState, Centre, Channel
from routing.core.model.facts import AgentChanged, Fact, Offered
from tests.oracle.crowd import Crowd

pytestmark = pytest.mark.property

HOUSES, EVENTS = 12, 500
SOUGHT = 60
"""Houses in which a broken rule is looked for, until it is found: who rests is offered something in one of ten."""


class Watched:
    """A crowd whose facts go to a recorder, bent on their way if wanted."""

    def __init__(self, seed: int, bend: Callable[[Fact, Centre], Fact] = lambda fact, _: fact) -> None:
        self.crowd = Crowd(seed, restarts=False)
        side_by_side = self.crowd.side_by_side
        self.recorder = MetricsRecorder(side_by_side.engine.centre, in_force=lambda: side_by_side.engine.centre)
        self.facts: list[Fact] = []
        count = side_by_side._count

        def look(event: Event | None, fact: Any) -> None:
            count(event, fact)
            self.facts.append(fact)
            self.recorder.count_facts([bend(fact, side_by_side.engine.centre)])

        side_by_side._count = look  # type: ignore[method-assign]
        while side_by_side.events < EVENTS:
            self.crowd.step()

    def counted(self, name: str) -> Counter[str]:
        """By rule."""
        return Counter({sample.labels["rule"]: sample.value for metric in self.recorder.registry.collect()
                        for sample in metric.samples if sample.name == name})  # type: ignore[misc]


def test_the_engine_keeps_every_rule() -> None:
    applied: Counter[str] = Counter()
    for seed in range(HOUSES):
        watched = Watched(seed)
        broken = {rule: many for rule, many in watched.counted(names.VIOLATIONS.name).items() if many}
        assert not broken, f"house {seed}: {broken}"
        applied += watched.counted(names.APPLIED.name)
    assert sum(applied.values()) > 100, "there were needs to be kept"


def _bent(**what: Any) -> Callable[[Fact, Centre], Fact]:
    def bend(fact: Fact, centre: Centre) -> Fact:
        return fact._replace(**what) if isinstance(fact, Offered) else fact
    return bend


def _to_who_has(field: str, wanted: Callable[[Any], bool], **what: Any) -> Callable[[Fact, Centre], Fact]:
    """Offers go to somebody whose profile has this."""
    def bend(fact: Fact, centre: Centre) -> Fact:
        who = next((agent.id for agent in centre.agents if wanted(getattr(agent.profile, field))), None)
        return fact._replace(agent=who, partner=None, **what) if isinstance(fact, Offered) and who else fact
    return bend


def _in_a_break(fact: Fact, centre: Centre) -> Fact:
    rings = isinstance(fact, AgentChanged) and fact.state is AgentState.RINGING
    return fact._replace(before=AgentState.PAUSED) if rings and isinstance(fact, AgentChanged) else fact


BENT = {
    "ring_timeout": _bent(ring_s=1.0),
    "channels": _to_who_has("channels", lambda channels: Channel.TASK not in channels, channel=Channel.TASK),
    "no_topics": _to_who_has("no_topics", lambda topics: "b" in topics, service="b"),
    "max_concurrency": _to_who_has("channels", lambda channels: Channel.VOICE in channels, channel=Channel.VOICE),
    "rest_gap": _to_who_has("rest_gap_s", lambda rest_s: rest_s > 0),
    BREAK: _in_a_break,
}


@pytest.mark.parametrize("rule", BENT)
def test_a_broken_rule_is_found(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "K_MIN", 1)  # each rule under its own name
    found: Counter[str] = Counter()
    for seed in range(SOUGHT):
        found += Watched(seed, BENT[rule]).counted(names.VIOLATIONS.name)
        if found[rule]:
            return
    pytest.fail(f"{rule} was not found: {found}")


def test_every_checked_rule_has_its_name() -> None:
    assert {RULES[field] for field in CHECKED} | {BREAK} == {*BENT, "distress"}, "distress: see the unit test"


def test_time_in_states_is_the_time_that_the_facts_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "K_MIN", 1)
    for seed in range(4):
        watched = Watched(seed)
        told = sum(fact.before_s for fact in watched.facts if isinstance(fact, AgentChanged)
                   and fact.before is not AgentState.SIGNED_OUT)
        status = watched.crowd.side_by_side.engine.status(watched.crowd.side_by_side.now)
        told += sum(status.at - view.since for view in status.agents if view.state is not AgentState.SIGNED_OUT)
        for _ in range(2):  # a second look at the same moment adds nothing
            watched.recorder.render_page(status)
        counted = sum(sample.value for metric in watched.recorder.registry.collect() for sample in metric.samples
                      if sample.name == names.AGENT_SECONDS.name)
        assert counted == pytest.approx(told, abs=0.01) and counted > 500
