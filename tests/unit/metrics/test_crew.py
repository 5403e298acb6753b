"""Agents together: time up to now, breaks kept, limits, skills on duty; and the rules that an offer was made under."""

from __future__ import annotations

import pytest

from metrics.prometheus import names
from metrics.prometheus.accommodations import deviating_rules
from metrics.prometheus.names import EDGES_MOST, K_MIN, POOLED, WAIT_BUCKETS, wait_edges
from metrics.prometheus.recorder import MetricsRecorder
from routing.core import events as e
from routing.core.model.centre_model import Agent, AgentState, Centre, Profile, Service, Step
from routing.core.model.facts import Offered, Overridden
from routing.core.model.ids import AgentId, OfferId, SkillId
from tests.core.house import EDU, House
from tests.fakes.team import named

pytestmark = pytest.mark.unit

A = AgentId("a")
TEAM = dict.fromkeys("abcde", 50)
HEAVY = Service(EDU.id, "Psikososyal destek", (Step(((SkillId("edu"), 1),)),), load=5)


class Watched:
    """A house of five whose facts are recorded."""

    def __init__(self, profile: Profile | None = None, service: Service = EDU) -> None:
        self.house = House(TEAM, profile, (service,))
        self.recorder = MetricsRecorder(self.house.centre)
        self.told = 0

    def run(self, until: float) -> None:
        """The clock comes to every deadline up to then."""
        while (at := self.house.engine.next_deadline()) is not None and at <= until:
            self.house.tick(max(at, self.house.now))
        self.house.tick(until)

    def value(self, name: str, **labels: str) -> float | None:
        """After everything up to now."""
        self.recorder.count_facts(self.house.facts[self.told:])
        self.told = len(self.house.facts)
        self.recorder.render_page(self.house.engine.status(self.house.now))
        return self.recorder.registry.get_sample_value(name, labels)

    def breaks(self) -> dict[str, float | None]:
        return {result: self.value(names.BREAKS.name, result=result) for result in ("on_time", "delayed", "overridden")}

    def state(self, state: str) -> float | None:
        return self.value(names.AGENT_SECONDS.name, team="genel", state=state)


def test_time_is_counted_while_it_goes_on() -> None:
    told = Watched(Profile(rest_gap_s=10.0))
    told.house.sits("a", at=100.0)
    told.run(160.0)
    assert told.state("ready") == pytest.approx(50.0), "after the rest"
    told.run(170.0)
    assert told.state("ready") == pytest.approx(60.0)
    offer = told.house.talks(170.0)
    told.house.over(offer, 200.0)
    told.run(203.0)
    assert (told.state("talking"), told.state("wrapup")) == (pytest.approx(30.0), pytest.approx(3.0))
    told.house.tell(e.WrapUpEnded(A), 210.0)
    told.run(235.0)
    assert told.state("ready") == pytest.approx(75.0)


def test_rest_is_counted_when_it_is_of_five() -> None:
    told = Watched(Profile(rest_gap_s=10.0))
    told.house.sits("a", at=100.0)
    told.run(104.0)
    assert told.state("resting") == 0
    told.house.sits("b", "c", "d", at=200.0)
    told.run(300.0)
    assert (told.state("resting"), told.state("ready")) == (0, pytest.approx(190.0 + 3 * 90.0)), "of four"
    told.house.sits("e", at=400.0)
    told.run(406.0)
    assert told.state("resting") == pytest.approx(4 * 10.0 + 6.0)
    told.run(500.0)
    assert told.state("resting") == pytest.approx(46.0), "the rest of it is the rest of one"

def test_rest_of_before_a_new_beginning_is_not_counted_after_it() -> None:
    for again in (lambda told: told.recorder.restart_counts(told.house.now),
                  lambda told: told.recorder.apply_centre(told.house.centre)):
        told = Watched(Profile(rest_gap_s=10.0))
        told.house.sits("a", "b", "c", "d", at=100.0)
        told.run(150.0)
        assert told.state("resting") == 0
        again(told)
        told.house.sits("e", at=200.0)
        told.run(300.0)
        assert told.state("resting") == 0, "of one"
        for name in "abcd":
            told.house.tell(e.AgentSignedOut(AgentId(name)))
        told.house.sits("a", "b", "c", "d", at=400.0)
        told.run(500.0)
        assert told.state("resting") == pytest.approx(50.0)


def test_a_break_is_kept_delayed_or_overridden() -> None:
    told = Watched()
    told.house.sits("a", at=0.0)
    told.house.tell(e.BreaksPlanned(A, ((1000.0, 1300.0), (2000.0, 2300.0), (3000.0, 3300.0), (5000.0, 5300.0))))
    told.run(1000.0)
    told.run(1300.0)
    assert told.breaks() == {"on_time": 1, "delayed": 0, "overridden": 0}
    offer = told.house.talks(1400.0)  # nobody had learned how long they take
    told.run(2000.0)
    told.house.over(offer, 2100.0)
    told.house.tell(e.WrapUpEnded(A), 2105.0)
    assert told.house.state("a") is AgentState.PAUSED
    assert told.breaks()["delayed"] == 0, "it lasts"
    told.run(2500.0)
    assert told.breaks() == {"on_time": 1, "delayed": 1, "overridden": 0}
    told.run(3000.0)
    told.house.tell(e.AgentResumed(A), 3060.0)
    assert told.breaks() == {"on_time": 1, "delayed": 1, "overridden": 1}, "ended by a word"
    told.run(5000.0)
    told.house.tell(e.AgentSignedOut(A), 5100.0)
    told.house.sits("a", at=5200.0)
    assert sum(value or 0 for value in told.breaks().values()) == 4, "each counts once"


def test_a_break_that_was_given_up_before_it_began_is_overridden() -> None:
    told = Watched()
    told.house.sits("a", at=0.0)
    told.house.tell(e.BreaksPlanned(A, ((1000.0, 1300.0),)))
    offer = told.house.talks(10.0)
    told.run(1000.0)
    told.house.tell(e.AgentResumed(A), 1010.0)
    told.house.over(offer, 1020.0)
    assert told.breaks() == {"on_time": 0, "delayed": 0, "overridden": 1}


def test_a_pause_that_counts_as_work_is_no_break() -> None:
    told = Watched()
    told.house.sits("a", at=0.0)
    told.house.tell(e.AgentPaused(A, "egitim"), 100.0)
    told.house.tell(e.AgentPaused(A, "teknik"), 400.0)
    told.house.tell(e.AgentPaused(A, "mola"), 500.0)
    told.run(560.0)
    assert (told.state("paused_work"), told.state("paused")) == (400.0, 60.0)


def test_a_training_in_the_place_of_a_planned_break_gives_it_up() -> None:
    told = Watched()
    told.house.sits("a", at=0.0)
    told.house.tell(e.BreaksPlanned(A, ((1000.0, 1300.0),)))
    offer = told.house.talks(10.0)
    told.run(1000.0)
    told.house.tell(e.AgentPaused(A, "egitim"), 1010.0)
    told.house.over(offer, 1020.0)
    told.house.tell(e.WrapUpEnded(A))
    assert told.breaks() == {"on_time": 0, "delayed": 0, "overridden": 1}


def test_a_pause_over_its_limit_is_counted_once() -> None:
    told = Watched()
    told.house.sits("a", at=0.0)
    assert told.value(names.PAUSE_LIMITS.name, reason="cay") == 0
    told.house.tell(e.AgentPaused(A, "cay"), 100.0)
    told.run(999.0)
    assert told.value(names.PAUSE_LIMITS.name, reason="cay") == 0
    told.run(5000.0)
    assert told.value(names.PAUSE_LIMITS.name, reason="cay") == 1


def heavy() -> Watched:
    """Two heavy contacts, one after the other."""
    told = Watched(service=HEAVY)
    told.house.sits(*TEAM, at=0.0)
    for name in "bcde":
        told.house.tell(e.AgentPaused(AgentId(name), ""), 0.0)
    for at in (10.0, 1000.0):
        told.run(at)
        offer = told.house.talks(at)
        told.house.over(offer, at + 10.0)
        told.house.tell(e.WrapUpEnded(A))
        if at < 1000.0:
            assert told.value(names.LIMITED.name, team="genel") == 0
    return told


def test_who_is_at_the_limit_of_their_load_is_counted_until_it_has_decayed() -> None:
    told = heavy()
    assert told.value(names.LIMITED.name, team="genel") == 1
    told.house.tell(e.AgentSignedOut(AgentId("b")))
    assert told.value(names.LIMITED.name, team="genel") is None, "four are there"
    told.house.sits("b")
    told.run(20_000.0)
    assert told.value(names.LIMITED.name, team="genel") == 0


def test_offers_under_a_rule_are_counted_when_they_are_of_five() -> None:
    house = House(dict.fromkeys("abcdefghijk", 50))
    house.profiles(**{name: Profile(rest_gap_s=60.0) for name in "abcde"})
    recorder = MetricsRecorder(house.centre)
    house.sits("a", at=0.0)
    house.tick(70.0)
    house.talks(70.0)
    offered = house.last(Offered)

    def counted(agents: str) -> float | None:
        recorder.count_facts([offered._replace(agent=AgentId(name), offer=OfferId(number))
                       for number, name in enumerate(agents, 100)])
        return recorder.registry.get_sample_value(names.APPLIED.name, {"rule": "rest_gap"})

    assert counted("aaaabcd") == 0, "four of them"
    assert counted("fghijk") == 0, "theirs is the usual"
    assert counted("e") == 8
    assert counted("eeee") == 8
    recorder.apply_centre(house.centre)
    assert counted("abcd") == 8, "with a new centre it begins again"
    assert counted("e") == 13


def test_an_offer_to_somebody_at_their_limit_is_a_violation() -> None:
    told = heavy()
    assert told.value(names.VIOLATIONS.name, rule="distress") == 0
    now, offered = told.house.now, told.house.last(Offered)
    told.recorder.count_facts([Overridden(1, now, A, None, "distress_limit", now + 60.0, "admin"),
                        offered._replace(at=now, offer=OfferId(99))])
    assert told.value(names.VIOLATIONS.name, rule="distress") == 0, "relaxed aloud"
    told.recorder.count_facts([offered._replace(at=now + 61.0, offer=OfferId(100))])
    assert told.value(names.VIOLATIONS.name, rule="distress") == 1
    assert told.value(names.VIOLATIONS.name, rule="max_concurrency") == 1, "and they had the one before"


def test_a_rule_overridden_before_a_restart_is_still_overridden() -> None:
    told = Watched(Profile(rest_gap_s=60.0))
    house = told.house
    house.sits("a", at=0.0)
    house.tick(70.0)
    house.tell(e.RulesOverridden(A, frozenset({"rest_gap"}), 80.0 + 1800.0, "admin"), 80.0)
    recorder, before = MetricsRecorder(house.centre), len(house.facts)
    recorder.count_history(house.facts)
    house.over(house.talks(110.0), 120.0)
    house.tell(e.WrapUpEnded(A), 125.0)
    house.talks(126.0)
    offers = [fact for fact in house.facts[before:] if isinstance(fact, Offered)]
    assert [offer.at for offer in offers] == [110.0, 126.0]
    recorder.count_facts(house.facts[before:])
    assert recorder.registry.get_sample_value(names.VIOLATIONS.name, {"rule": "rest_gap"}) == 0


def test_counters_begin_again_and_what_is_under_way_goes_on() -> None:
    told = Watched()
    house = told.house
    house.sits("a", at=0.0)
    for at in (10.0, 100.0):
        house.over(house.talks(at), at + 30.0)
        house.tell(e.WrapUpEnded(A), at + 35.0)
    house.tick(500.0)
    house.talks(550.0)
    house.sits("b", at=560.0)
    facts = len(house.facts)
    recorder = MetricsRecorder(house.centre)
    recorder.count_history([fact for fact in house.facts if fact.at > 50.0])
    recorder.restart_counts(600.0)
    counters = {metric.name for metric in names.OURS if metric.kind != names.GAUGE}

    def counted() -> dict[str, float]:
        recorder.render_page(house.engine.status(house.now))
        return {sample.name: sample.value for family in recorder.registry.collect() for sample in family.samples
                if sample.value and sample.name.removesuffix("_count").removesuffix("_sum") in counters}

    house.now = 600.0
    house.tick(600.0)
    assert counted() == {}, "the talk that goes on, too"
    assert recorder.registry.get_sample_value(names.AGENTS.name, {"team": "genel", "state": "talking"}) == 1
    house.tick(610.0)
    assert counted() == {names.AGENT_SECONDS.name: pytest.approx(10.0)}
    states = [recorder.registry.get_sample_value(names.AGENT_SECONDS.name, {"team": "genel", "state": state})
              for state in ("talking", "ready")]
    assert states == [pytest.approx(10.0), pytest.approx(10.0)]
    house.over(house.last(Offered), 620.0)  # type: ignore[arg-type]
    house.tell(e.CallerHungUp(house.last(Offered).contact), 620.0)
    recorder.count_facts(house.facts[facts:])
    where = {"queue": "edu", "channel": "voice"}
    get = recorder.registry.get_sample_value
    assert get(names.CONTACTS.name, where | {"outcome": "answered"}) == 1
    assert get(names.SLA.name, where | {"within": "true"}) == 1, "connected before, ended now"


def test_skills_are_shown_however_few_have_them() -> None:
    agents = (Agent(A, ((SkillId("psikolog"), 80),)), Agent(AgentId("b"), ((SkillId("tr"), 50),)))
    service = EDU._replace(floor=((SkillId("isaret"), 50),))
    house = House({}, services=(service,))
    house.reload(agents=agents)
    house.sits("a", at=1.0)
    recorder = MetricsRecorder(house.centre)
    recorder.render_page(house.engine.status(house.now))
    get = recorder.registry.get_sample_value
    for skill, signed in (("psikolog", 1), ("tr", 0), ("isaret", 0)):
        assert get(names.SKILLED.name, {"skill": skill, "state": "signed_in"}) == signed
    assert get(names.ON_DUTY.name, {"queue": "edu", "state": "signed_in"}) == 0, "the floor is a sign language"


def test_rules_of_few_are_pooled_or_left_out() -> None:
    slow, quiet = Profile(wrapup_s=40.0), Profile(rest_gap_s=5.0)
    profiles = {f"genel{number}": slow for number in range(K_MIN)} | {"genel5": quiet}
    team = named(["edu"], {"genel": 20}, profiles)
    assert deviating_rules(team.agents)[AgentId("genel0")] == {"wrapup"}
    assert _rules(team) == {"wrapup"}, "one agent's rule is no figure"
    more = profiles | {f"genel{number}": Profile(ring_timeout_s=30.0 + number) for number in range(6, 10)}
    few = {name: Profile(pair_id="p") if name == "genel5" else one for name, one in more.items()}
    assert _rules(named(["edu"], {"genel": 20}, few)) == {"wrapup", POOLED}
    told = MetricsRecorder(team)
    found = {sample.labels["rule"] for metric in told.registry.collect() for sample in metric.samples
             if sample.name == names.VIOLATIONS.name}
    assert "rest_gap" not in found and {POOLED, "channels"} <= found, "but a violation is never left out"


def _rules(centre: Centre) -> set[str]:
    return {sample.labels["rule"] for metric in MetricsRecorder(centre).registry.collect() for sample in metric.samples
            if sample.name == names.APPLIED.name}


def test_profiles_in_force_are_those_of_the_engine_after_a_change() -> None:
    house = House(TEAM)
    recorder = MetricsRecorder(house.centre, in_force=lambda: house.engine.centre)
    house.profiles(**{name: Profile(wrapup_s=40.0) for name in "bcde"}, a=Profile(ring_timeout_s=60.0))
    recorder.count_facts(house.facts)
    assert recorder.registry.get_sample_value(names.VIOLATIONS.name, {"rule": POOLED}) == 0, "the one with 60 s"


def test_every_target_is_an_edge_and_there_are_not_more() -> None:
    assert wait_edges([20.0, 30.0]) == WAIT_BUCKETS
    found = wait_edges([25.0, 20.0, 240.0])
    assert {20.0, 25.0, 240.0} <= set(found) and len(found) == len(WAIT_BUCKETS)
    assert list(found) == sorted(found)
    many = wait_edges(float(number) for number in range(21, 41))
    assert many == tuple(float(number) for number in range(21, 21 + EDGES_MOST))
    centre = named(["edu"])
    centre = centre._replace(services=(centre.services[0]._replace(target_s=25.0),))
    recorder = MetricsRecorder(centre)
    assert recorder.registry.get_sample_value("acd_queue_wait_seconds_bucket", {
        "queue": "edu", "channel": "voice", "outcome": "answered", "le": "25.0"}) == 0
