"""Expected waits: what they are made of, when there is none, how they are corrected, and how good they are."""

from __future__ import annotations

import math
import random
from collections import defaultdict

import pytest

from bench import estimate as bench
from planning.simulation import centre_run as day
from planning.simulation.centre_run import Arrival, Duty
from routing.core import events as e
from routing.core import journal
from routing.core.memory.handle_times import SEED_MEAN_S
from routing.core.memory.waits import CORRECTION_MAX, SEED_RING_S, LearnedService
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import Agent, Centre, Channel, Estimate, Profile, Service, Step
from routing.core.model.facts import Fact
from routing.core.model.ids import ServiceId
from routing.core.waiting_time import agent_supply, expected_wait
from routing.core.waiting_time.agent_supply import AgentSupply, SupplyRate
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

INFO = EDU._replace(id="info", name="Genel bilgi", steps=(Step(()),))


def busy(levels: dict[str, int], *services: Service) -> House:
    """Everybody talks with somebody of edu since 0."""
    told = House(levels, services=services or (EDU,))
    told.sits(*levels)
    for _ in levels:
        offer = told.calls("edu")
        told.tell(e.OfferConnected(offer.offer, offer.contact))
    return told


def test_who_finds_somebody_free_is_told_nothing() -> None:
    told = House({"a": 50})
    told.sits("a")
    told.calls("edu", at=1.0)
    assert told.last(f.Queued).estimate is None and told.engine.status(1.0).queues[0].estimate is not None


def test_nobody_at_work_no_estimate() -> None:
    told = House({"a": 50})
    told.waits("edu", at=1.0)
    assert told.last(f.Queued).estimate is None
    told.sits("a", at=2.0)
    told.tell(e.AgentPaused("a"), 2.0)
    told.waits("edu", at=3.0)
    assert told.last(f.Queued).estimate is None and told.contact("c2").estimate is None
    told.tell(e.AgentResumed("a"), 4.0)
    told.waits("edu", at=4.5)
    assert told.last(f.Queued).estimate is not None, "as soon as somebody is at work"


def test_whether_anybody_could_serve_a_caller_is_seen() -> None:
    told = House({"a": 50}, services=(EDU, INFO))
    told.waits("edu", at=1.0)
    assert told.contact("c1").unserved, "nobody is signed in"
    told.sits("a", at=2.0)
    assert not told.contact("c1").unserved, "ringing"
    told.tell(e.OfferConnected(told.offers[-1].offer, "c1"), 3.0)
    told.waits("edu", at=4.0)
    assert not told.contact("c2").unserved and told.contact("c2").estimate is not None
    told.tell(e.AgentPaused("a"), 5.0)
    told.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 5.0)
    told.tell(e.WrapUpEnded("a"), 6.0)
    told.waits("info", at=30.0)
    assert told.contact("c2").unserved and told.contact("c3").unserved, "on a break is not at work"
    told.tell(e.LinkChanged("", False), 31.0)
    told.tell(e.AgentResumed("a"), 31.0)
    assert not told.contact("c2").unserved, "somebody is free, the link is what is missing"


def test_it_is_told_at_entry_and_again_with_the_connection_and_measured() -> None:
    told = busy({"a": 50})
    told.waits("edu", at=100.0)
    expected = told.last(f.Queued).estimate
    assert expected is not None and expected.low_s < expected.wait_s < expected.high_s
    assert told.contact("c2").estimate is not None
    told.tell(e.TalkEnded(1, "caller"), 200.0)
    told.tell(e.WrapUpEnded("a"), 215.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 220.0)
    assert told.last(tf.Connected).estimate == expected and told.facts_of(tf.Connected)[0].estimate is None
    measure = told.engine.estimate_accuracy()["edu"]  # type: ignore[index]
    assert measure.answered == 1 and measure.mean_error_s == pytest.approx(abs(120.0 - expected.wait_s))
    assert measure.coverage == float(expected.low_s <= 120.0 <= expected.high_s)


def test_who_has_an_age_is_measured_by_the_wait_that_was_told() -> None:
    told = busy({"a": 50})
    told.waits("edu", at=100.0, since=40.0)
    expected = told.last(f.Queued).estimate
    assert expected is not None
    told.tell(e.TalkEnded(1, "caller"), 200.0)
    told.tell(e.WrapUpEnded("a"), 215.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 220.0)
    connected = told.last(tf.Connected)
    assert connected.wait_s == 180.0 and connected.estimate is not None
    assert connected.estimate.wait_s == pytest.approx(60.0 + expected.wait_s)
    assert connected.estimate.high_s == pytest.approx(60.0 + expected.high_s)
    measure = told.engine.estimate_accuracy()["edu"]  # type: ignore[index]
    assert measure.mean_error_s == pytest.approx(abs(120.0 - expected.wait_s))


def test_a_step_that_nobody_signed_in_can_meet_costs_no_time() -> None:
    steps = (Step((("edu", 90),), 300.0), Step((("edu", 10),)))
    by_steps, plain = (busy({"a": 50}, EDU._replace(steps=found)) for found in (steps, steps[1:]))
    for told in (by_steps, plain):
        told.waits("edu", at=1.0)
    assert by_steps.last(f.Queued).estimate == plain.last(f.Queued).estimate is not None
    newcomer = by_steps.engine.status(1.0).queues[0].estimate
    assert newcomer == plain.engine.status(1.0).queues[0].estimate is not None
    free = House({"a": 50}, services=(EDU._replace(steps=steps),))
    free.sits("a")
    assert free.engine.status(1.0).queues[0].estimate is None
    free.calls("edu", at=2.0)
    assert free.last(f.Queued).estimate is None, "in the next step somebody is free"


def test_it_grows_with_the_line_and_shrinks_with_the_team() -> None:
    one, many = busy({"a": 50}), busy(dict.fromkeys("abcdefghij", 50))
    found = []
    for told in (one, many):
        for _ in range(4):
            told.waits("edu", at=1.0)
        waits = [fact.estimate.wait_s for fact in told.facts_of(f.Queued)[-4:] if fact.estimate is not None]
        assert waits == sorted(waits) and len(set(waits)) == 4
        found.append(waits)
    assert found[0][0] > 8 * found[1][0] and found[0][3] > 3 * found[1][3]
    assert found[0][0] < SEED_MEAN_S + SEED_RING_S < found[0][3]
    newcomer = one.engine.status(1.0).queues[0].estimate
    assert newcomer is not None and newcomer.wait_s > found[0][3]


def test_the_sum_of_turns_is_exact_or_nearly() -> None:
    rate = SupplyRate(0.05, 0.05, frozenset(), {})
    for impatience in (1 / 600, 1 / 60):
        for ahead in (0, 3, 8, 60):
            mean, variance = expected_wait._sum_turns(rate, impatience, ahead, 0.0)
            turns = [1 / 0.05, *(1 / (0.05 + number * impatience) for number in range(1, ahead + 1))]
            assert mean == pytest.approx(sum(turns), rel=0.01)
            assert variance == pytest.approx(sum(turn * turn for turn in turns), rel=0.02)
    assert expected_wait._sum_turns(SupplyRate(0.0, 0.0, frozenset(), {}), 0.01, 3, 0.0)[0] == math.inf


def test_the_first_place_has_the_spread_of_one_exponential_time() -> None:
    told = busy({"a": 50})
    told.engine._domain.forecast.ring_s = 0.0
    told.waits("edu", at=0.0)
    expected = told.last(f.Queued).estimate
    assert expected is not None
    assert expected.wait_s == pytest.approx(SEED_MEAN_S * math.log(2), rel=0.05)
    assert expected.high_s == pytest.approx(SEED_MEAN_S * math.log(10), rel=0.05)
    assert expected.low_s == pytest.approx(SEED_MEAN_S * -math.log(0.9), rel=0.25)


def test_of_those_who_compete_only_the_share_counts_that_takes_such_agents() -> None:
    """Of two agents at work one serves both services: half of the contacts before in info go to the one of edu."""
    told = House({"a": 50, "b": 0}, services=(EDU, INFO))
    told.sits("a", "b")
    for _ in "ab":
        offer = told.calls("info")
        told.tell(e.OfferConnected(offer.offer, offer.contact))
    for _ in range(4):
        told.waits("info", at=1.0)
    told.waits("edu", at=2.0)
    d = told.engine._domain
    contact = d.contacts["c7"]  # type: ignore[index]
    rate = d.supply.rate_for(d, contact, 0)
    assert expected_wait._contacts_ahead(d, d.supply, rate, contact, 2.0) == 2.0
    urgent = d.contacts["c3"]  # type: ignore[index]
    assert expected_wait._contacts_ahead(d, d.supply, d.supply.rate_for(d, urgent, 0), urgent, 2.0) == 0.0


def test_a_step_that_ends_soon_counts_its_agents_only_so_long() -> None:
    relaxes = EDU._replace(steps=(Step((("edu", 80),), 30.0), Step((("edu", 10),))))
    stays = relaxes._replace(id="stays", steps=(relaxes.steps[0]._replace(lasts_s=None), relaxes.steps[1]))
    told = House({"a": 90, **dict.fromkeys("bcdefghi", 20)}, services=(relaxes, stays))
    told.sits(*"abcdefghi")
    for _ in range(9):
        told.waits("edu")
        told.tick(told.now + 30.0)
        told.tell(e.OfferConnected(told.offers[-1].offer, told.offers[-1].contact))
    told.waits("edu", at=400.0)
    told.waits("stays", at=400.0)
    soon, late = [fact.estimate for fact in told.facts_of(f.Queued)[-2:]]
    assert soon is not None and late is not None and 30.0 < soon.wait_s < late.wait_s


def test_looking_changes_nothing_that_is_decided() -> None:
    def tell(looks: bool) -> list[Fact]:
        told = busy({"a": 50, "b": 20})
        for number in range(20):
            told.waits("edu", at=1.0 + 3.0 * number)
            if looks:
                told.engine.status(told.now + 1.0)
                told.contact("c3")
        return told.facts

    assert tell(True) == tell(False)


def test_what_was_found_is_used_for_a_while_and_for_so_many_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    told = busy({"a": 50, "b": 50})
    looks = []
    look = AgentSupply.sample_agents
    monkeypatch.setattr(AgentSupply, "sample_agents", lambda self, d: (looks.append(d.now), look(self, d))[1])
    told.waits("edu", at=1.0)
    told.waits("edu", at=1.0 + agent_supply.RATE_LIFETIME_S - 0.1)
    assert looks == [1.0]
    told.waits("edu", at=1.0 + agent_supply.RATE_LIFETIME_S)
    assert looks == [1.0, 11.0]
    monkeypatch.setattr(agent_supply, "RATES_MAX", 3)
    for number in range(5):
        told.waits("edu", at=12.0, needs=(("edu", number),))
        assert len(told.engine._domain.supply.rates) <= 3
    told.tell(e.Configured(told.centre), 13.0)
    told.waits("edu", at=13.0)
    assert looks[-1] == 13.0, "other settings, other agents"


def test_of_a_large_team_a_sample_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_supply, "SAMPLE_MAX", 4)
    told = busy({f"a{number}": 50 for number in range(12)})
    told.waits("edu", at=1.0)
    d = told.engine._domain
    (rate,) = d.supply.rates.values()
    assert sum(len(kin.records) for kin in d.supply.cohorts) == 4
    assert rate.per_s == pytest.approx(12 / (SEED_MEAN_S + SEED_RING_S))


def test_for_few_agents_the_age_of_their_contacts_counts() -> None:
    told = busy({"a": 50})
    told.waits("edu", at=1.0)
    told.tell(e.CallerHungUp("c2"), 2.0)
    told.waits("edu", at=230.0)
    young, old = [fact.estimate for fact in told.facts_of(f.Queued)[-2:]]
    assert young is not None and old is not None and old.wait_s < young.wait_s


def test_corrections_follow_and_stay_within_bounds() -> None:
    learned = LearnedService(ServiceId("edu"))
    for _ in range(2_000):
        learned.correct_estimate(Estimate(10.0, 5.0, 20.0), 100.0)
    assert learned.factors[2] == CORRECTION_MAX and learned.by[2] == math.exp(CORRECTION_MAX)
    assert 0 < learned.factors[0] < learned.factors[1]
    assert (learned.count, learned.covered, learned.error_s) == (2_000, 0, 180_000.0)


def test_callbacks_and_cut_talks_teach_nothing() -> None:
    told = busy({"a": 50})
    told.waits("edu", at=1.0)
    told.tell(e.CallbackRequested("c2"), 2.0)
    told.tell(e.CallerHungUp("c2"), 3.0)
    told.tell(e.TalkEnded(1, "caller"), 20.0)
    told.tell(e.WrapUpEnded("a"), 21.0)
    told.tell(e.CallbackAccepted(told.offers[-1].offer), 22.0)
    told.tell(e.CallbackReached("c2", "PJSIP/called"), 30.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 31.0)
    assert told.engine.estimate_accuracy() == {} and told.last(tf.Connected).estimate is None


def test_patience_is_learned_from_who_gives_up() -> None:
    told = busy({"a": 50})
    for number in range(30):
        told.waits("edu", at=10.0 * number + 1.0)
        told.tell(e.CallerHungUp(f"c{told.numbers}"), 10.0 * number + 9.0)
    learned = told.engine._domain.forecast.peek_learned("edu")  # type: ignore[arg-type]
    assert 8.0 < learned.waited_s / learned.given_up < 40.0


TEAMS = {
    "one queue": ((("x", 50),),),
    "some serve both": ((("x", 50),), (("x", 50), ("y", 50))),
    "by steps": ((("x", 90),), (("x", 20),), (("x", 20), ("y", 30))),
}


@pytest.mark.parametrize("team", TEAMS)
def test_better_than_the_hold_time_of_app_queue_and_eight_of_ten_within(team: str) -> None:
    """The same simulated day for both; app_queue.c tells everybody ((old * 3) + new) / 4 of its queue's waits."""
    skills = TEAMS[team]
    steps = (Step((("x", 80),), 30.0), Step((("x", 10),))) if team == "by steps" else (Step((("x", 1),)),)
    services = (Service("x", "X", steps), Service("y", "Y", (Step((("y", 1),)),), priority=1))
    agents = tuple(Agent(f"a{number}", skills[number % len(skills)], Profile(wrapup_s=15.0)) for number in range(12))
    rng, hours, arrivals = random.Random(5), 24, []
    for service, share in (("x", 1.0),) if team == "one queue" else (("x", 0.7), ("y", 0.3)):
        at = 0.0
        while (at := at + rng.expovariate(12 * 0.98 * share / 259.0)) < hours * 3600.0:
            arrivals.append(Arrival(at, service, rng.lognormvariate(math.log(240.0) - 0.18, 0.6),
                                    rng.expovariate(1 / 300.0)))
    arrivals.sort(key=lambda one: one.at)
    hold: dict[str, float] = defaultdict(float)
    told: dict[str, float] = {}
    theirs, ours, within, waits = 0.0, 0.0, 0, 0

    def watch(facts: list[Fact]) -> None:
        nonlocal theirs, ours, within, waits
        for fact in facts:
            if isinstance(fact, f.Queued):
                told[fact.contact] = hold[fact.service]
            elif isinstance(fact, tf.Connected):
                if fact.estimate is not None:
                    waits += 1
                    theirs += abs(told[fact.contact] - fact.wait_s)
                    ours += abs(fact.estimate.wait_s - fact.wait_s)
                    within += fact.estimate.low_s <= fact.wait_s <= fact.estimate.high_s
                hold[fact.service] = (hold[fact.service] * 3 + fact.wait_s) / 4

    day.run_simulation(Centre(services, agents), arrivals, [Duty(agent.id, 0.0, hours * 3600.0) for agent in agents],
        watch=watch)
    assert waits > 500 and ours < 0.95 * theirs and 0.7 <= within / waits <= 0.9, (waits, ours / theirs, within / waits)


def test_a_day_of_the_bench_is_told_better_than_by_app_queue() -> None:
    case = next(case for case in bench.all_cases() if case.load == 1.0)
    told = bench.measure_promises(case, seeds=(1,))
    ours, theirs, last = bench.mean_errors(told)
    assert len(told) > 1_000 and {one.service for one in told} == set(case.shares)
    assert ours <= bench.BETTER * theirs and ours < 0.8 * last
    assert 0.75 <= sum(one.within for one in told) / len(told) <= 0.88
    said, true = bench._wording_rows("day", told)
    assert said.value > 70 and true.value > 95, "words that callers hear are true"


def test_the_bench_says_what_app_queue_would() -> None:
    watch, fact = bench.PromiseWatch(), f.Queued(1, 10.0, "c1", 1, "s", Channel.VOICE, 10.0, 0, 1, "", "", False,
        "")
    for number, wait_s in enumerate((41.0, 3.9, 100.0)):
        came = fact._replace(contact=f"c{number}", at=100.0 * number, estimate=Estimate(30.0, 10.0, 60.0))
        watch([came])
        watch([tf.Connected(2, came.at + wait_s, 1, came.contact, 2, "a", 1, "sa", "s", Channel.VOICE, wait_s, 0.0, 1,
                           True)])
    assert [one.hold_s for one in watch.promises] == [0, 10, 8], "(0*3+41)>>2, (10*3+3)>>2"
    assert [one.last_s for one in watch.promises] == [0.0, 41.0, 3.9000000000000057]
    assert [one.within for one in watch.promises] == [True, False, False]


def test_replay_says_the_same_estimates() -> None:
    entries: list[tuple[float, e.Event | None]] = []
    told = House({"a": 50, "b": 20})
    tell = told.engine.handle
    told.engine.handle = lambda event, now: (entries.append((now, event)), tell(event, now))[1]  # type: ignore[assignment,method-assign,return-value]
    entries.append((0.0, e.Configured(told.centre)))
    told.sits("a", "b")
    for number in range(12):
        told.waits("edu", at=2.0 * number + 1.0, channel=Channel.VOICE)
        told.engine.status(told.now)
    assert journal.replay_entries(entries) == told.facts and told.last(f.Queued).estimate is not None
