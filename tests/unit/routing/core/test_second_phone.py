"""One absent counsellor holds nobody in distress: a second and a third phone ring, and the first bridge wins."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import Agent, AgentState, Profile, Service, Step
from routing.core.model.commands import Command, Offer, Rescind
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from tests.core.house import House
from tests.oracle.side_by_side import SideBySide

pytestmark = pytest.mark.unit

PSY_SKILL = SkillId("psy")
PSY = Service(ServiceId("psy"), "Psikososyal destek", (Step(((PSY_SKILL, 50),)),), load=3, distress=True)
INFO = Service(ServiceId("info"), "Bilgi", (Step(((PSY_SKILL, 1),)),))
QUICK = Profile(wrapup_s=0.0, max_continuous_s=1e9)


def house(*names: str, remote: str = "", **profiles: Profile) -> House:
    """Return a house with these counsellors at their phones, the first one with the best level."""
    found = House({}, QUICK, (PSY, INFO))
    found.reload(agents=tuple(
        Agent(AgentId(name), ((PSY_SKILL, 90 - number),), profiles.get(name, QUICK), remote=name == remote)
        for number, name in enumerate(names)))
    found.sits(*names, at=0.0)
    return found


def rings(h: House, *offers: Offer) -> None:
    for one in offers:
        h.tell(e.OfferRinging(one.offer))


def offered(commands: list[Command]) -> list[str]:
    return [one.agent for one in commands if isinstance(one, Offer)]


def rescinded(commands: list[Command]) -> list[tuple[int, str]]:
    return [(one.offer, one.reason) for one in commands if isinstance(one, Rescind)]


def three_phones(h: House) -> list[Offer]:
    """Let three phones ring for one caller, from 10 s on."""
    rings(h, h.calls("psy", 10.0))
    for at in (17.0, 24.0):
        h.tick(at)
        rings(h, h.offers[-1])
    return h.offers[-3:]


def test_a_second_and_a_third_phone_ring_while_the_first_rings_on() -> None:
    h = house("ali", "ece", "can", "oya")
    assert h.calls("psy", 10.0).agent == "ali"
    rings(h, h.offers[-1])
    assert h.engine.next_deadline() == 17.0
    assert offered(h.tick(17.0)) == ["ece"]
    rings(h, h.offers[-1])
    assert h.state("ali") is h.state("ece") is AgentState.RINGING
    assert offered(h.tick(24.0)) == ["can"]
    rings(h, h.offers[-1])
    assert [fact.beside for fact in h.facts_of(f.Offered)] == [False, True, True]
    assert offered(h.tick(24.9)) == [] and h.state("oya") is AgentState.READY, "at most three ring"


def test_only_distress_rings_further_phones() -> None:
    h = house("ali", "ece")
    rings(h, h.calls("info", 10.0))
    assert offered(h.tick(18.0)) == [] and h.state("ece") is AgentState.READY


def test_the_next_phone_rings_at_once_when_one_ends_and_the_caller_never_waits() -> None:
    h = house("ali", "ece", "can", "oya")
    first, second, _ = three_phones(h)
    told = h.tell(e.OfferEnded(first.offer, "no_answer"), 25.0)
    assert offered(told) == ["oya"], "three ring again"
    assert h.contact("c1").state == "reserved"
    assert h.agent("ali").rna_count == 1 and h.last(f.OfferClosed).contact_version is None
    # The oldest phone that rings on holds the caller: its connection is as any other.
    h.tell(e.OfferConnected(second.offer, ContactId("c1")), 26.0)
    assert h.last(tf.Connected).agent == "ece" and h.contact("c1").state == "assigned"


def test_three_absent_agents_in_a_row_cost_one_ring_time() -> None:
    h = house("ali", "ece", "can", "oya")
    first, *_ = three_phones(h)
    h.tell(e.OfferEnded(first.offer, "no_answer"), 25.0)
    h.tell(e.OfferConnected(h.offers[-1].offer, ContactId("c1")), 27.0)
    assert h.last(tf.Connected).agent == "oya" and h.last(tf.Connected).wait_s == 17.0


def test_the_first_bridge_wins_and_the_others_are_ready_without_penalty() -> None:
    h = house("ali", "ece", "can")
    first, second, third = three_phones(h)
    told = h.tell(e.OfferConnected(second.offer, ContactId("c1")), 26.0)
    assert rescinded(told) == [(third.offer, "taken"), (first.offer, "taken")]
    assert h.state("ece") is AgentState.TALKING
    assert h.state("ali") is h.state("can") is AgentState.READY
    assert h.agent("ali").rna_count == h.agent("can").rna_count == 0
    h.over(second, 60.0)
    assert h.last(tf.TalkEndedRecorded).agent == "ece"


def test_a_caller_who_hangs_up_stops_all_phones() -> None:
    h = house("ali", "ece", "can")
    three_phones(h)
    told = h.tell(e.CallerHungUp(ContactId("c1")), 26.0)
    assert len(rescinded(told)) == 3 and {why for _, why in rescinded(told)} == {"caller_hung_up"}
    assert {h.state(name) for name in ("ali", "ece", "can")} == {AgentState.READY}
    assert h.last(f.Ended).outcome == "abandoned"


def test_a_picked_up_phone_lets_no_further_one_begin() -> None:
    h = house("ali", "ece")
    first = h.calls("psy", 10.0)
    rings(h, first)
    h.tell(e.OfferAnswered(first.offer), 16.0)
    assert offered(h.tick(20.0)) == [], "whisper, reading time and key 1 harm nobody"
    assert offered(h.tell(e.OfferEnded(first.offer, "hangup"), 21.0)) == ["ece"]


def test_a_waiting_caller_in_distress_goes_before_a_further_phone() -> None:
    h = house("ali", "ece")
    rings(h, h.calls("psy", 10.0))
    busy = h.calls("info", 11.0)
    h.tell(e.OfferConnected(busy.offer, busy.contact), 12.0)
    h.waits("psy", 13.0)
    h.tick(18.0)
    assert offered(h.over(busy, 20.0)) == ["ece"] and h.offers[-1].contact == "c3"


def test_a_remote_phone_rings_first_or_last_and_never_next_to_another() -> None:
    h = house("ali", "ece", remote="ece")
    first = h.calls("psy", 10.0)
    rings(h, first)
    assert offered(h.tick(18.0)) == []
    assert offered(h.tell(e.OfferEnded(first.offer, "no_answer"), 25.0)) == ["ece"]


def test_neither_a_pair_nor_an_agent_with_another_contact_is_a_further_phone() -> None:
    pair = QUICK._replace(pair_id="p")
    h = house("ali", "ece", "can", "oya", ece=pair, can=pair)
    h.tell(e.AgentPaused(AgentId("oya"), "mola"), 1.0)
    rings(h, h.calls("psy", 10.0))
    assert offered(h.tick(18.0)) == []


def test_an_agent_who_lets_a_phone_ring_is_asked_last_until_an_act() -> None:
    h = house("ali", "ece", "can")
    first = h.calls("psy", 10.0)
    rings(h, first)
    h.tick(17.0)
    h.tell(e.OfferConnected(h.offers[-1].offer, ContactId("c1")), 19.0)
    h.over(h.offers[-1], 20.0)
    # ali has the best level and let the phone ring for nine seconds.
    assert h.calls("psy", 30.0).agent == "ece"
    h.tell(e.CallerHungUp(ContactId("c2")), 31.0)
    assert h.calls("info", 32.0).agent == "ali", "only distress asks last"
    h.tell(e.CallerHungUp(ContactId("c3")), 33.0)
    h.tell(e.AgentResumed(AgentId("ali")), 34.0)
    assert h.calls("psy", 35.0).agent == "ali", "an act at the desk"


def test_picking_up_counts_as_answering() -> None:
    h = house("ali", "ece")
    first = h.calls("psy", 10.0)
    rings(h, first)
    h.tell(e.OfferAnswered(first.offer), 16.0)
    h.tell(e.OfferEnded(first.offer, "no_answer"), 22.0)
    h.tell(e.OfferConnected(h.offers[-1].offer, ContactId("c1")), 23.0)
    h.over(h.offers[-1], 30.0)
    h.tick(39.0)
    assert h.calls("psy", 40.0).agent == "ali"


def test_a_break_of_an_agent_whose_phone_rings_next_to_another_stops_that_phone_alone() -> None:
    h = house("ali", "ece", "can", "oya")
    _, second, _ = three_phones(h)
    told = h.tell(e.AgentPaused(AgentId("ece"), "mola"), 26.0)
    assert rescinded(told) == [(second.offer, "paused")] and offered(told) == ["oya"]
    assert h.state("ece") is AgentState.PAUSED and h.contact("c1").state == "reserved"


def test_a_phone_that_does_not_react_gives_way_at_once() -> None:
    h = house("ali", "ece", "can")
    rings(h, h.calls("psy", 10.0))
    h.tick(17.0)
    assert offered(h.tick(17.0 + h.centre.phone_reacts_s)) == ["can"]
    assert h.state("ece") is AgentState.UNREACHABLE


def test_a_restart_keeps_all_phones() -> None:
    h = house("ali", "ece", "can", "oya")
    side = SideBySide(h.centre)
    for name in ("ali", "ece", "can", "oya"):
        side.tell(e.SeatChanged(SeatId("s" + name), True, False))
        side.tell(e.AgentSignedIn(AgentId(name), SeatId("s" + name)))
    side.tell(e.LinkChanged("", True))
    side.tell(e.ContactQueued(ContactId("c1"), PSY.id, "PJSIP/c1"))
    for at in (side.now + 1.0, side.now + 8.0, side.now + 15.0):
        side.pass_time(at)
        for one in list(side.engine.live_offers()):
            side.tell(e.OfferRinging(one.offer))
    before = [(one.offer, one.state) for one in side.engine.live_offers()]
    assert [state for _, state in before] == ["pending", "beside", "beside"]
    side.restart()
    assert [(one.offer, one.state) for one in side.engine.live_offers()] == before
    side.tell(e.LinkChanged("", True))
    side.tell(e.OfferConnected(before[1][0], ContactId("c1")))
    assert [one.state for one in side.engine.live_offers()] == ["accepted"]
