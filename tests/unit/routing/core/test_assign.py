"""The assignment: whose turn it is, who is chosen, and what is looked at again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from routing.core import events as e
from routing.core.assignment import RUNNERS_UP
from routing.core.engine import Engine
from routing.core.matching.skill_requirement import ServiceError
from routing.core.model import facts as f
from routing.core.model.centre_model import Agent, Centre, Channel, Profile, Service, Step
from routing.core.model.commands import Offer
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

AT_ONCE = Profile(wrapup_s=0.0)


def service(name: str, **more: object) -> Service:
    return EDU._replace(id=ServiceId(name), name=name, **more)  # type: ignore[arg-type]


class Busy(House):
    """A house in which agent `a` talks with the first caller, so that everybody else waits."""

    def __init__(self, *services: Service, profile: Profile = AT_ONCE, agents: Sequence[str] = ("a",)) -> None:
        super().__init__(dict.fromkeys(agents, 50), profile, (EDU, *services))
        self.sits(*agents)
        for name in agents:
            offer = self.calls("edu", 0.0)
            self.tell(e.OfferConnected(offer.offer, offer.contact), 0.0)
            assert offer.agent == name

    def free(self, at: float, name: str = "a") -> Offer | None:
        """The agent hangs up: whom they get next."""
        offer = next(one for one in reversed(self.offers) if one.agent == name)
        given = [one for one in self.tell(e.TalkEnded(offer.offer, "agent"), at) if isinstance(one, Offer)]
        if given:
            self.tell(e.OfferConnected(given[0].offer, given[0].contact), at)
        return given[0] if given else None

    def order(self, at: float, count: int) -> list[str]:
        return [offer.contact for _ in range(count) if (offer := self.free(at)) is not None]


def test_age_and_points_decide_between_services() -> None:
    house = Busy(service("tip", priority=1))
    house.waits("edu", 10.0)
    house.waits("tip", 60.0)
    house.waits("tip", 75.0)
    assert house.order(80.0, 3) == ["c3", "c2", "c4"], "a point is a minute"


def test_of_equal_age_the_first_to_arrive() -> None:
    house = Busy(service("tip"), service("any", strategy="fewest_skills"))
    for name in ("any", "edu", "tip"):
        house.waits(name, 10.0)
    assert house.order(20.0, 3) == ["c2", "c3", "c4"]


def test_a_heavier_service_grows_older_faster_and_overtakes_in_time() -> None:
    for at, first in ((45.0, "c2"), (55.0, "c3")):
        house = Busy(service("tip", weight=2.0))
        house.waits("edu", 10.0)
        house.waits("tip", 30.0)
        assert house.order(at, 2)[0] == first, "35 s against 2 * 15 s, 45 s against 2 * 25 s"


def test_weight_counts_waiting_and_not_points() -> None:
    house = Busy(service("tip", weight=2.0))
    house.waits("tip", 10.0)
    house.waits("tip", 40.0, priority=1)
    assert house.contact("c2").position == 1, "2 * 30 s are as much as a point, and it was first"
    house.waits("tip", 45.0, priority=2)
    assert house.order(50.0, 3) == ["c4", "c2", "c3"]


def test_a_service_at_its_limit_waits_and_others_do_not() -> None:
    house = Busy(service("tip", max_talking=1), agents=("a", "b", "c"))
    for at in (10.0, 11.0):
        house.waits("tip", at)
    house.waits("edu", 20.0)
    first, second = house.free(30.0, "a"), house.free(31.0, "b")
    assert first is not None and second is not None and (first.contact, second.contact) == ("c4", "c6")
    assert house.free(32.0, "c") is None, "one talk with 'tip' at a time"
    given = house.tell(e.TalkEnded(first.offer, "caller"), 40.0)
    assert [one.contact for one in given if isinstance(one, Offer)] == ["c5"], "with its end the next one comes"


def test_a_limit_holds_after_a_reload_and_a_lost_offer_frees_its_place() -> None:
    house = Busy(service("tip", max_talking=1), agents=("a", "b"))
    house.waits("tip", 10.0)
    house.waits("tip", 11.0)
    assert house.free(20.0, "a") is not None
    house.tell(e.Configured(house.centre), 21.0)
    assert house.free(22.0, "b") is None
    talking = next(one for one in reversed(house.offers) if one.contact == "c3")
    again = house.tell(e.TalkEnded(talking.offer, "lost"), 30.0)
    assert [one.contact for one in again if isinstance(one, Offer)] == ["c3"], "it is the oldest again"


def test_what_waits_while_the_link_is_down_is_looked_at_when_it_is_up() -> None:
    house = House({"a": 50})
    house.sits("a")
    house.tell(e.LinkChanged("", False), 1.0)
    assert house.waits("edu", 2.0) == [] and house.tick(3.0) == []
    (offer,) = house.tell(e.LinkChanged("", True), 4.0)
    assert isinstance(offer, Offer) and offer.contact == "c1"


def test_the_record_of_a_decision_says_by_what_and_who_would_have_been_next() -> None:
    house = House({name: 50 + number // 2 for number, name in enumerate("abcdefgh")})
    for number, name in enumerate("abcdefgh"):
        house.sits(name, at=float(number))
    offer = house.calls("edu", 20.0)
    made = house.last(f.Offered)
    assert (offer.agent, made.level, made.idle_s, made.score, made.strategy) == ("g", 53, 14.0, 6.0, "longest_idle")
    assert made.runners_up == ("h", "e", "f", "c", "d") and len(made.runners_up) == RUNNERS_UP
    assert (made.agents_ready, made.agents_signed_in, made.tier) == (8, 8, 0)


def test_a_strategy_of_a_service_chooses_for_it_alone() -> None:
    house = House({"a": 90, "b": 40, "c": 60}, AT_ONCE, (EDU, service("low", strategy="weakest_first")))
    for at, name in enumerate("abc"):
        house.sits(name, at=float(at))
    assert house.calls("low", 10.0).agent == "b" and house.last(f.Offered).strategy == "weakest_first"
    assert house.calls("edu", 10.0).agent == "a" and house.last(f.Offered).strategy == "longest_idle"


def test_who_was_offered_least_lately() -> None:
    house = House({"a": 50, "b": 50}, AT_ONCE, (service("few", strategy="fewest_contacts"), EDU))
    house.sits("a", "b")
    chosen = []
    for at in range(10, 70, 10):
        offer = house.calls("few", float(at))
        chosen.append(offer.agent)
        house.tell(e.OfferConnected(offer.offer, offer.contact), float(at))
        if offer.agent == "a" or at < 50:
            house.tell(e.TalkEnded(offer.offer, "caller"), at + 1.0)
    assert chosen == ["a", "b", "a", "b", "a", "b"]


def test_heavy_contacts_say_their_tier_and_the_level_is_told_without_a_rank() -> None:
    house = House({"a": 50, "b": 90}, AT_ONCE, (service("psy", load=3, strategy="longest_idle_any"),))
    house.sits("a", "b")
    offer = house.calls("psy", 10.0)
    assert (offer.agent, house.last(f.Offered).level, house.last(f.Offered).tier) == ("a", 50, 0)


def test_conditions_choose_among_those_who_meet_them() -> None:
    tr, en = SkillId("tr"), SkillId("en")
    want = Service(ServiceId("x"), "x", (Step((), 30.0, "(tr >= 50 or en >= 50) and not stajyer"), Step(())),
                   floor_where="tr or en")
    agents = tuple(Agent(AgentId(name), skills) for name, skills in (
        ("new", ((tr, 90), (SkillId("stajyer"), 1))), ("none", ()), ("tr", ((tr, 60),)), ("en", ((en, 70),))))
    engine = Engine()
    engine.handle(e.Configured(Centre((want,), agents)), 0.0)
    for agent in agents:
        engine.handle(e.SeatChanged(SeatId(agent.id), True, False), 0.0)
        engine.handle(e.AgentSignedIn(agent.id, SeatId(agent.id)), 0.0)
    given = [engine.handle(e.ContactQueued(ContactId(str(number)), ServiceId("x")), 1.0) for number in range(4)]
    assert [[one.agent for one in some if isinstance(one, Offer)] for some in given] == [["en"], ["tr"], [], []]
    due = engine.tick(31.0)
    assert [one.agent for one in due if isinstance(one, Offer)] == ["new"], "the floor never relaxes: not 'none'"


def test_contacts_go_on_at_once_when_the_last_who_could_meet_their_step_leaves() -> None:
    steps = (Step(((SkillId("edu"), 80),), 30.0), Step(((SkillId("edu"), 20),), 30.0), Step(((SkillId("edu"), 0),)))
    house = House({"a": 90, "b": 10}, services=(EDU._replace(steps=steps),))
    house.sits("a", "b")
    house.tell(e.AgentPaused(AgentId("a")), 1.0)
    assert house.waits("edu", 2.0) == []
    (offer,) = house.tell(e.AgentSignedOut(AgentId("a")), 3.0)
    assert isinstance(offer, Offer) and offer.agent == "b" and house.last(f.Offered).step == 2


def test_a_contact_of_another_channel_finds_those_who_are_ready_already() -> None:
    house = House({"a": 50})
    house.sits("a")
    assert house.calls("edu", 1.0, channel=Channel.CHAT).agent == "a"


def test_settings_that_cannot_be_read_change_nothing() -> None:
    house = House({"a": 50})
    house.sits("a")
    broken = EDU._replace(steps=(Step((), where="edu >="),))
    with pytest.raises(ServiceError, match="service edu, step 1: column 7"):
        house.tell(e.Configured(Centre((broken,), ())), 1.0)
    assert house.engine.take_facts() == [] and house.calls("edu", 2.0).agent == "a"
