"""The distress load of agents: load and its decay, soft and hard limit, ceiling, rest, "not now", and privacy."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.agents.distress_load import NEGLIGIBLE_LOAD, load_of
from routing.core.model import facts as f
from routing.core.model.centre_model import (
    Agent,
    AgentState,
    AnswerMode,
    Centre,
    Channel,
    DistressLimit,
    Profile,
    Service,
    Step,
)
from routing.core.model.commands import Offer, Rescind
from routing.core.model.errors import OutOfRange
from routing.core.model.ids import AgentId, ServiceId, SkillId
from routing.core.stored import StoredAgent
from tests.core.house import House, load_fields, restore

pytestmark = pytest.mark.unit

STEP = (Step(((SkillId("edu"), 1),)),)
INFO = Service(ServiceId("info"), "Bilgi", STEP)
PSY = Service(ServiceId("psy"), "Psikososyal destek", STEP, load=3, ceiling_s=120.0, distress=True)
RISK = Service(ServiceId("risk"), "Can güvenliği", STEP, load=5, ceiling_s=60.0, distress=True)
ABUSE = Service(ServiceId("abuse"), "Şikâyet", STEP, load=2)
SERVICES = (INFO, PSY, RISK, ABUSE)
HALF_LIFE_S = 5400.0
QUICK = Profile(wrapup_s=0.0, distress=DistressLimit(binds=True))


def house(names: str = "a", profile: Profile = QUICK, **centre: float) -> House:
    found = House(dict.fromkeys(names, 50), profile, SERVICES)
    found.tell(e.Configured(found.centre._replace(**centre)))
    found.sits(*names)
    return found


def talks(h: House, service: str, at: float, *, seconds: float = 10.0) -> Offer:
    """A contact is offered, taken and over."""
    offer = h.calls(service, at)
    h.tell(e.OfferConnected(offer.offer, offer.contact), at)
    h.tell(e.TalkEnded(offer.offer, "caller"), at + seconds)
    return offer


def load(h: House, name: str = "a") -> float:
    return load_of(h.engine._domain, h.engine._domain.agents[AgentId(name)])


def test_the_load_is_the_sum_of_weights_halved_in_their_time() -> None:
    h = house()
    talks(h, "psy", 0.0)
    assert load(h) == pytest.approx(3.0, rel=0.01)
    talks(h, "abuse", HALF_LIFE_S)
    assert load(h) == pytest.approx(1.5 + 2.0, rel=0.01)
    h.tick(2 * HALF_LIFE_S)
    assert load(h) == pytest.approx(0.75 + 1.0, rel=0.01)
    h.tick(20 * HALF_LIFE_S)
    assert load(h) < NEGLIGIBLE_LOAD
    record = h.engine._domain.agents[AgentId("a")]
    assert not record.load_limits_apply and record.load == 0.0, "nothing is left to be thought of"


def test_from_the_soft_limit_on_others_come_first() -> None:
    h = house("ab")
    h.tell(e.AgentPaused(AgentId("b")), 0.0)
    for at in (0.0, 20.0):
        talks(h, "psy", at)
    assert load(h) == pytest.approx(6.0, rel=0.01)
    h.tick(40.0)
    soft = h.calls("psy", 50.0)
    assert soft.agent == "a", "below 6 by a hair: the weights of before have decayed"
    h.tell(e.CallerHungUp(soft.contact), 51.0)
    h.tell(e.AgentPaused(AgentId("a")), 52.0)
    h.tell(e.AgentResumed(AgentId("a")), 53.0)
    h.tell(e.CallerHungUp("none"), 53.0)
    talks(h, "abuse", 54.0)
    h.tell(e.AgentResumed(AgentId("b")), 70.0)
    assert h.calls("psy", 71.0).agent == "b", "a is longer idle, and beyond the soft limit"
    last = h.calls("psy", 72.0)
    assert last.agent == "a" and h.last(f.Offered).tier == 1, "nobody else is free"


def test_at_the_hard_limit_nothing_heavy_comes_until_below_again() -> None:
    h = house(profile=QUICK._replace(distress=DistressLimit(soft=6.0, hard=9.0, release=6.0, binds=True)))
    for at in (0.0, 20.0, 40.0, 60.0):
        talks(h, "psy", at)
    assert load(h) > 9.0
    assert h.waits("psy", 100.0) == []
    assert h.calls("info", 101.0).agent == "a", "what weighs nothing still comes"
    h.tell(e.CallerHungUp(h.offers[-1].contact), 102.0)
    waiting = [contact for contact in h.engine.status(102.0).contacts if contact.service == "psy"]
    assert len(waiting) == 1
    h.tell(e.CallerHungUp(waiting[0].contact), 103.0)
    at = 60.0 + HALF_LIFE_S / 2
    h.tick(at)
    assert 6.0 < load(h) < 9.0 and h.waits("psy", at) == [], "below the hard limit and not yet below `again`"
    while (due := h.engine.next_deadline()) is not None and len(h.offers) < 6:
        if due > at + 130.0:
            break
        h.tick(due)
    assert h.last(f.Offered).tier == 2, "beyond the ceiling, by a key"


def test_below_again_it_comes_by_itself() -> None:
    h = house(profile=QUICK._replace(max_continuous_s=1e9))
    h.tell(e.Configured(h.centre._replace(services=tuple(s._replace(ceiling_s=None) for s in SERVICES))))
    for at in (0.0, 20.0, 40.0, 60.0):
        talks(h, "psy", at)
    assert h.waits("psy", 100.0) == []
    count = len(h.offers)
    while len(h.offers) == count:
        due = h.engine.next_deadline()
        assert due is not None
        h.tick(due)
    assert load(h) == pytest.approx(6.0, abs=0.001) and load(h) < 6.0
    assert h.last(f.Offered).tier == 0


def test_beyond_the_ceiling_by_key_and_said_aloud() -> None:
    h = house()
    for at in (0.0, 20.0, 40.0, 60.0):
        talks(h, "psy", at)
    h.waits("psy", 100.0)
    (command,) = h.tick(100.0 + 120.0)
    assert isinstance(command, Offer) and command.answer_mode is AnswerMode.PRESS_ONE and command.whisper
    fact = h.last(f.Overridden)
    assert (fact.agent, fact.offer, fact.rule, fact.by) == ("a", command.offer, "distress_limit", "ceiling")
    assert fact.until == pytest.approx(220.0 + command.ring_s)
    assert h.last(f.Offered).tier == 2


@pytest.mark.parametrize("reason", ["rejected", "no_answer"])
def test_an_offer_beyond_the_limit_may_be_left_alone(reason: str) -> None:
    h = house(profile=QUICK._replace(rna_allowed=1))
    for at in (0.0, 20.0, 40.0, 60.0):
        talks(h, "psy", at)
    h.waits("psy", 100.0)
    (command,) = h.tick(220.0)
    assert isinstance(command, Offer)
    h.tell(e.OfferRinging(command.offer), 220.0)
    h.tell(e.OfferEnded(command.offer, reason), 225.0)
    assert h.state("a") is AgentState.READY and h.agent("a").rna_count == 0, "no miss, whatever was allowed"
    assert h.agent("a").heavy_declined_until == 225.0 + h.centre.heavy_declined_s
    assert h.tick(500.0) == [], "heard as: not now"
    offers = []
    while not offers:
        due = h.engine.next_deadline()
        assert due is not None
        offers = [one for one in h.tick(due) if isinstance(one, Offer)]
    assert h.now == 225.0 + h.centre.heavy_declined_s and h.agent("a").heavy_declined_until is None


def test_no_two_of_weight_four_in_a_row_and_a_rest_between() -> None:
    h = house()
    talks(h, "risk", 0.0)
    assert h.waits("info", 11.0) == [], "ten minutes of rest: nothing at all"
    assert h.state("a") is AgentState.READY, "to others it looks like any agent who waits"
    h.tell(e.AgentResumed(AgentId("a")), 60.0)
    assert h.offers[-1].service == "info", "the agent has ended the rest"
    h.tell(e.CallerHungUp(h.offers[-1].contact), 61.0)
    h.tell(e.Configured(h.centre._replace(services=tuple(s._replace(ceiling_s=None) for s in SERVICES))), 61.0)
    assert h.waits("risk", 62.0) == [], "not in a row"
    assert h.calls("psy", 63.0).service == "psy", "weight 3 is not of that kind"
    h.tell(e.CallerHungUp(h.offers[-1].contact), 64.0)
    (offer,) = h.tick(10.0 + h.centre.decompression_s)
    assert isinstance(offer, Offer) and offer.service == "risk"
    assert h.last(f.Offered).tier == 1, "after the rest only when nobody else is free"


def test_a_lighter_contact_between_is_enough() -> None:
    h = house()
    talks(h, "risk", 0.0)
    h.tell(e.AgentResumed(AgentId("a")), 20.0)
    talks(h, "info", 30.0)
    offer = h.calls("risk", 50.0)
    assert offer.service == "risk" and h.last(f.Offered).tier == 0


def test_a_real_break_between_is_enough_too() -> None:
    h = house()
    talks(h, "risk", 0.0)
    h.tell(e.AgentPaused(AgentId("a")), 20.0)
    h.tell(e.AgentResumed(AgentId("a")), 20.0 + 700.0)
    h.calls("risk", 721.0)
    assert h.last(f.Offered).tier == 0


def test_two_heavy_ones_at_once_are_in_a_row_as_well() -> None:
    profile = QUICK._replace(max_concurrency=((Channel.CHAT, 3),))
    h = house(profile=profile)
    h.tell(e.Configured(h.centre._replace(services=tuple(s._replace(ceiling_s=None) for s in SERVICES))))
    first = h.calls("risk", 0.0, channel=Channel.CHAT)
    assert h.waits("risk", 1.0, channel=Channel.CHAT) == [], "while the first one rings"
    h.tell(e.OfferConnected(first.offer, first.contact), 2.0)
    assert h.waits("risk", 3.0, channel=Channel.CHAT) == [], "and while it is talked with"
    assert h.calls("info", 4.0, channel=Channel.CHAT).agent == "a"


def test_not_now_keeps_heavy_ones_away_and_nothing_is_counted() -> None:
    h = house()
    h.tell(e.HeavyContactsDeclined(AgentId("a")), 10.0)
    assert h.waits("psy", 11.0) == []
    assert h.tick(11.0 + 300.0) == [], "not even beyond the ceiling"
    info = h.calls("info", 320.0)
    assert info.agent == "a"
    h.tell(e.CallerHungUp(info.contact), 321.0)
    (offer,) = h.tick(10.0 + h.centre.heavy_declined_s)
    assert isinstance(offer, Offer) and offer.service == "psy"
    assert h.agent("a").rna_count == 0


def test_not_now_takes_back_what_rings() -> None:
    h = house("ab")
    offer = h.calls("psy", 1.0)
    done = h.tell(e.HeavyContactsDeclined(AgentId(offer.agent)), 2.0)
    assert done[0] == Rescind(offer.offer, offer.contact, "rescinded")
    assert isinstance(done[1], Offer) and done[1].agent == "b"
    assert h.state("a") is AgentState.READY and h.agent("a").rna_count == 0


def test_not_now_said_in_a_talk_holds_after_it() -> None:
    h = house()
    offer = h.calls("psy", 1.0)
    h.tell(e.OfferConnected(offer.offer, offer.contact), 2.0)
    h.tell(e.HeavyContactsDeclined(AgentId("a")), 3.0)
    assert h.state("a") is AgentState.TALKING
    h.tell(e.TalkEnded(offer.offer, "caller"), 60.0)
    assert h.waits("psy", 61.0) == []


def test_the_agents_word_on_a_contact_replaces_that_of_its_service() -> None:
    h = house(profile=Profile(wrapup_s=30.0))
    offer = h.calls("info", 0.0)
    h.tell(e.LoadReported(offer.offer, 5), 0.5)
    assert load(h) == 0.0, "while it rings there is nothing to weigh"
    h.tell(e.OfferConnected(offer.offer, offer.contact), 1.0)
    h.tell(e.LoadReported(offer.offer, 2), 10.0)
    h.tell(e.TalkEnded(offer.offer, "caller"), 20.0)
    h.tell(e.LoadReported(offer.offer, 4), 25.0)
    h.tell(e.LoadReported(offer.offer, 4), 25.0)
    assert load(h) == pytest.approx(4.0, rel=0.01)
    h.tell(e.WrapUpEnded(AgentId("a")), 30.0)
    assert h.waits("info", 31.0) == [], "what became heavy is followed by a rest"
    h.tell(e.LoadReported(offer.offer, 1), 32.0)
    assert load(h) == pytest.approx(4.0, rel=0.01), "late news"


@pytest.mark.parametrize("weight", [-1, 6])
def test_a_weight_that_cannot_be_is_refused(weight: int) -> None:
    h = house()
    offer = h.calls("psy", 0.0)
    h.tell(e.OfferConnected(offer.offer, offer.contact), 1.0)
    before = load(h)
    with pytest.raises(OutOfRange, match="0 to 5"):
        h.tell(e.LoadReported(offer.offer, weight), 2.0)
    assert load(h) == pytest.approx(before, rel=0.01)


def test_a_talk_torn_off_weighs_as_well() -> None:
    h = house("ab")
    offer = h.calls("psy", 0.0)
    h.tell(e.OfferConnected(offer.offer, offer.contact), 1.0)
    h.tell(e.TalkEnded(offer.offer, "lost"), 30.0)
    assert load(h, offer.agent) == pytest.approx(3.0, rel=0.01)


def test_both_of_a_pair_hear_it() -> None:
    h = House({"a": 50, "b": 50}, QUICK._replace(pair_id="p1"), SERVICES)
    h.sits("a", "b")
    talks(h, "risk", 0.0)
    assert load(h, "a") == load(h, "b") == pytest.approx(5.0, rel=0.01)
    h.tell(e.AgentResumed(AgentId("a")), 20.0)
    assert h.waits("info", 21.0) == [], "the other one still rests"
    h.tell(e.AgentResumed(AgentId("b")), 22.0)
    assert h.offers[-1].service == "info"


def test_of_a_pair_the_one_who_can_take_less_decides() -> None:
    h = House({"a": 50, "b": 50}, QUICK._replace(pair_id="p1"), SERVICES)
    h.sits("a", "b")
    h.tell(e.HeavyContactsDeclined(AgentId("b")), 1.0)
    assert h.waits("psy", 2.0) == []
    assert h.calls("info", 3.0).agent == "a"
    h.tell(e.CallerHungUp(h.offers[-1].contact), 4.0)
    (offer,) = h.tick(1.0 + h.centre.heavy_declined_s)
    assert isinstance(offer, Offer) and offer.service == "psy", "and when it is over both are as before"


def test_handled_time_is_kept_decayed() -> None:
    h = house()
    talks(h, "info", 0.0, seconds=100.0)
    record = h.engine._domain.agents[AgentId("a")]
    assert (record.occupied, record.occupied_at) == (100.0, 100.0)
    talks(h, "info", 3600.0, seconds=100.0)
    assert record.occupied == pytest.approx(100.0 + 100.0 / 2.0, rel=0.001), "an hour ago: half of it"


def test_other_half_lives_hold_from_the_reload_on() -> None:
    h = house(profile=QUICK._replace(max_continuous_s=1e9))
    talks(h, "psy", 0.0)
    h.tick(HALF_LIFE_S)
    h.tell(e.Configured(h.centre._replace(load_half_life_s=100.0)), HALF_LIFE_S)
    assert load(h) == pytest.approx(1.5, rel=0.01)
    h.tick(HALF_LIFE_S + 100.0)
    assert load(h) == pytest.approx(0.75, rel=0.01)


def test_a_burden_outlives_a_restart() -> None:
    h = house(profile=QUICK._replace(max_continuous_s=1e9))
    for at in (0.0, 20.0, 40.0, 60.0):
        talks(h, "psy", at)
    h.tell(e.HeavyContactsDeclined(AgentId("a")), 80.0)
    talking = h.calls("info", 90.0)
    h.tell(e.OfferConnected(talking.offer, talking.contact), 91.0)
    h.tell(e.LoadReported(talking.offer, 4), 92.0)
    fact = h.last(f.AgentChanged)
    other = House({"a": 50}, QUICK, SERVICES)
    restore(other.engine, [], [], [StoredAgent(agent=AgentId("a"), version=fact.version, state=AgentState.READY,
                                        reason="", since=90.0, seat=fact.seat, idle_since=90.0,
                                        **load_fields(h, "a"))], 100.0)
    other.now = 100.0
    record, before = other.engine._domain.agents[AgentId("a")], h.engine._domain.agents[AgentId("a")]
    assert load(other) == pytest.approx(before.load * 2 ** ((before.load_at - 100.0) / HALF_LIFE_S))
    assert record.at_hard_limit and record.heavy_declined_until == before.heavy_declined_until == 980.0
    assert record.occupied == before.occupied and record.last_load == before.last_load


def test_a_clock_set_back_does_not_make_a_rest_without_end() -> None:
    h = House({"a": 50}, QUICK, SERVICES)
    far = {"load": 3.0, "occupied": 5.0, **dict.fromkeys(
        ("load_at", "heavy_declined_until", "rest_until", "rest_after_heavy_until", "working_since", "occupied_at",
         "break_until"), 9e9)}
    restore(h.engine, [], [], [StoredAgent(agent=AgentId("a"), version=3, state=AgentState.READY, reason="",
                                        since=9e9, seat="sa", idle_since=9e9, **far)], 1_000.0)
    record = h.engine._domain.agents[AgentId("a")]
    assert record.heavy_declined_until == 1_000.0 + h.centre.heavy_declined_s
    assert record.rest_until == record.rest_after_heavy_until == 1_000.0 + h.centre.decompression_s
    assert record.load_at == record.working_since == record.occupied_at == 1_000.0
    assert record.break_until == 0.0, "and who is READY is in no break"


def test_a_plain_agent_of_a_light_service_is_never_thought_about() -> None:
    h = house()
    for at in range(0, 200, 20):
        talks(h, "info", float(at))
    record = h.engine._domain.agents[AgentId("a")]
    assert not record.load_limits_apply and record.load == 0.0
    assert (record.max_load_normal, record.max_load_last_resort, record.max_load_emergency) == (5, 5, 5)


def test_each_agent_has_limits_of_their_own() -> None:
    tender = QUICK._replace(distress=DistressLimit(soft=2.0, hard=3.0, release=1.0, binds=True))
    h = House({"a": 50, "b": 50}, QUICK, SERVICES)
    h.tell(e.Configured(Centre(SERVICES, (Agent(AgentId("a"), ((SkillId("edu"), 50),), tender),
                                          Agent(AgentId("b"), ((SkillId("edu"), 50),), QUICK)))))
    h.sits("a", "b")
    for at in (0.0, 20.0):
        talks(h, "psy", at)
    assert {fact.agent for fact in h.facts_of(f.Offered)} == {"a", "b"}
    h.tick(100.0)
    assert h.calls("psy", 101.0).agent == "b" and h.waits("psy", 102.0) == []
