"""The state of a desk: everything an agent must know, built from one agent, and nothing private for others."""

from __future__ import annotations

import json

import pytest

from desk.live.desk_state import STATE_MAX, DeskSources, DeskState, build_desk_state
from routing.core import events as e
from routing.core.model.centre_model import Channel, PreConnect, Profile, Service, Step, WrapUpMode
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId, leg_id
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

TIP = Service(ServiceId("tip"), "İhbar", (Step(((SkillId("edu"), 60),)),))
PROFILE = Profile(wrapup_s=20.0, ring_timeout_s=25.0)
SOURCES = DeskSources(lambda seat: "page", lambda offer: "paused")


def state_of(house: House, agent: str = "a", *, own: bool = True) -> DeskState:
    view = house.engine.desk_view(AgentId(agent), house.now)
    assert view is not None
    return build_desk_state(view, SOURCES, own=own)


def sitting(*names: str, services: tuple[Service, ...] = (EDU, TIP)) -> House:
    house = House(dict.fromkeys(names, 80), PROFILE, services)
    house.sits(*names, at=1.0)
    return house


def test_an_agent_without_a_seat_has_no_phone() -> None:
    house = House({"a": 80})
    state = state_of(house)
    assert (state.state, state.seat, state.phone.kind, state.phone.registered) == ("signed_out", None, None, False)
    assert house.engine.desk_view(AgentId("nobody"), 0.0) is None


def test_the_phone_is_registered_while_its_seat_can_ring() -> None:
    house = sitting("a")
    assert (state_of(house).phone.kind, state_of(house).phone.registered) == ("page", True)
    house.seat("a", reachable=False, at=2.0)
    assert not state_of(house).phone.registered


def test_an_offer_tells_wait_end_of_ringing_language_and_slow_speech() -> None:
    house = sitting("a")
    call = house.calls("edu", 10.0, since=4.0, slow=True, language="en")
    offer = state_of(house).offer
    assert offer is not None
    assert (offer.offer, offer.contact, offer.service_name) == (call.offer, "c1", "Uzaktan eğitim")
    assert (offer.waiting_since, offer.rings_until, offer.slow, offer.language) == (4.0, 35.0, True, "en")
    assert (offer.callback, offer.returned, offer.asked_by, offer.answered_at) == (False, False, None, None)
    house.tell(e.OfferAnswered(call.offer), 12.0)
    offer = state_of(house).offer
    assert offer is not None and (offer.answered_at, offer.rings_until) == (12.0, None)


def test_a_talk_tells_hold_recording_and_what_the_agent_asked_for() -> None:
    house = sitting("a")
    call = house.calls("edu", 10.0, caller_hash="5b" * 16)
    house.tell(e.OfferConnected(call.offer, call.contact), 10.0)
    house.tell(e.HoldSet(call.offer, True), 15.0)
    state = state_of(house)
    assert state.offer is None and state.talk is not None
    assert (state.talk.since, state.talk.on_hold_since, state.talk.recording) == (10.0, 15.0, "paused")
    house.tell(e.HoldSet(call.offer, False), 16.0)
    house.tell(e.CallerFlaggedAbusive(call.offer, True), 17.0)
    talk = state_of(house).talk
    assert talk is not None and talk.on_hold_since is None and talk.abusive and not talk.returned


def test_a_wrap_up_has_its_end_and_its_contact() -> None:
    house = sitting("a")
    house.over(house.talks(10.0), 30.0)
    state = state_of(house)
    assert state.talk is None and state.wrapup is not None
    assert (state.wrapup.contact, state.wrapup.service_name, state.wrapup.until) == ("c1", "Uzaktan eğitim", 50.0)


def test_both_sides_of_a_consult_transfer_see_each_other() -> None:
    house = sitting("a", "b")
    first = house.talks(10.0)
    asks, other = first.agent, "b" if first.agent == "a" else "a"
    house.tell(e.ConsultRequested(first.offer, ServiceId("tip")), 20.0)
    second = house.offers[-1]
    talk = state_of(house, asks).talk
    assert talk is not None and talk.consult is not None
    assert (talk.consult.to, talk.consult.service, talk.consult.state, talk.consult.since) == (
        other, "tip", "seeking", 20.0)
    offer = state_of(house, other).offer
    assert offer is not None and (offer.asked_by, offer.service) == (asks, "tip")
    # The consultant answers and talks with the colleague, not yet with the caller.
    house.tell(e.OfferAnswered(second.offer), 22.0)
    house.tell(e.OfferConnected(second.offer, ContactId(leg_id(first.offer, first.contact))), 22.0)
    state = state_of(house, other)
    assert state.offer is None and state.talk is not None
    assert (state.talk.asked_by, state.talk.since, state.talk.recording) == (asks, 22.0, "none")
    talk = state_of(house, asks).talk
    assert talk is not None and talk.consult is not None and talk.consult.state == "talking"
    # The consulting agent leaves: a wrap-up without a contact.
    house.tell(e.OfferEnded(first.offer, "hangup"), 25.0)
    state = state_of(house, asks)
    assert state.talk is None and state.wrapup is not None and state.wrapup.contact is None


def test_a_caller_whose_talk_was_dropped_has_returned() -> None:
    house = sitting("a", "b")
    call = house.talks(10.0)
    house.tell(e.TalkEnded(call.offer, "lost"), 20.0)
    again = house.offers[-1]
    assert again.agent != call.agent
    offer = state_of(house, again.agent).offer
    assert offer is not None and offer.returned and offer.contact == "c1"


def test_a_call_that_rings_next_to_a_message_shows_both() -> None:
    house = sitting("a")
    house.chats(Channel.EMAIL, 5.0)
    house.calls("edu", 10.0)
    state = state_of(house)
    assert state.offer is not None and state.talk is not None
    assert (state.offer.channel, state.talk.channel) == ("voice", "email")
    # The longest state is far below the limit of one document.
    assert len(state.model_dump_json().encode()) < STATE_MAX / 2


def test_the_next_break_and_a_pending_one_are_told() -> None:
    house = sitting("a")
    house.tell(e.BreaksPlanned(AgentId("a"), ((600.0, 900.0),)), 2.0)
    assert state_of(house).break_.planned_at == 600.0
    house.talks(10.0)
    house.tell(e.AgentPaused(AgentId("a"), "yemek"), 12.0)
    assert state_of(house).break_.pending_reason == "yemek"
    written = json.loads(state_of(house).model_dump_json())
    assert written["break"]["pending_reason"] == "yemek" and "break_" not in written


def test_others_do_not_see_what_shows_an_accommodation() -> None:
    house = sitting("a", services=(EDU._replace(load=3),))
    house.tell(e.BreaksPlanned(AgentId("a"), ((600.0, 900.0),)), 2.0)
    house.tell(e.HeavyContactsDeclined(AgentId("a")), 3.0)
    assert state_of(house).heavy_declined_until and state_of(house, own=False).heavy_declined_until is None
    house = sitting("a")
    house.tell(e.BreaksPlanned(AgentId("a"), ((6000.0, 9000.0),)), 2.0)
    house.calls("edu", 10.0)
    mine, theirs = state_of(house), state_of(house, own=False)
    assert mine.break_.planned_at and mine.offer and mine.offer.rings_until
    assert theirs.offer is not None and theirs.offer.rings_until is None
    assert (theirs.resting_until, theirs.break_.planned_at, theirs.overrides) == (None, None, {})
    house.tell(e.OfferConnected(house.offers[-1].offer, ContactId("c1")), 11.0)
    house.over(house.offers[-1], 20.0)
    mine, theirs = state_of(house), state_of(house, own=False)
    assert mine.wrapup and mine.wrapup.until and theirs.wrapup and theirs.wrapup.until is None


def test_each_of_a_pair_sees_the_other_one() -> None:
    house = House({"a": 80, "b": 80}, PROFILE._replace(pair_id="p1"))
    house.sits("a", "b", at=1.0)
    house.talks(2.0)
    found = {name: state_of(house, name).talk for name in ("a", "b")}
    assert {name: talk and talk.partner for name, talk in found.items()} == {"a": "b", "b": "a"}


@pytest.mark.parametrize(("mode", "length", "asks", "after"), [
    (WrapUpMode.MANDATORY_TIMEOUT, 20.0, False, "follows"), (WrapUpMode.MANDATORY_TIMEOUT, 0.0, False, "none"),
    (WrapUpMode.MANDATORY_TIMEOUT, 20.0, True, "follows"), (WrapUpMode.OPTIONAL, 20.0, False, "on_request"),
    (WrapUpMode.AGENT_REQUESTED, 20.0, True, "requested")])
def test_a_talk_tells_its_agent_alone_whether_a_wrap_up_follows(
        mode: WrapUpMode, length: float, asks: bool, after: str) -> None:
    house = House({"a": 80}, PROFILE._replace(wrapup_mode=mode, wrapup_s=length), (EDU,))
    house.sits("a", at=1.0)
    call = house.calls("edu", 10.0)
    house.tell(e.OfferConnected(call.offer, call.contact), 12.0)
    if asks:
        house.tell(e.WrapUpRequested(AgentId("a")), 13.0)
    mine, theirs = state_of(house).talk, state_of(house, own=False).talk
    assert mine is not None and mine.wrapup_after == after
    assert theirs is not None and theirs.wrapup_after is None
    house.tell(e.AgentSignedOut(AgentId("a")), 14.0)
    talk = state_of(house).talk
    assert talk is not None and (talk.wrapup_after, state_of(house).leaving) == ("none", True)


def test_a_reported_load_is_seen_by_its_agent_alone_in_talk_and_wrap_up() -> None:
    house = sitting("a")
    call = house.talks(2.0)
    house.tell(e.LoadReported(call.offer, 4), 3.0)
    mine, theirs = state_of(house).talk, state_of(house, own=False).talk
    assert mine is not None and mine.reported_load == 4 and theirs is not None and theirs.reported_load is None
    house.over(call, 10.0)
    own, other = state_of(house).wrapup, state_of(house, own=False).wrapup
    assert own is not None and own.reported_load == 4 and other is not None and other.reported_load is None


def test_the_first_of_a_pair_speaks_and_the_second_types() -> None:
    house = House({"a": 80, "b": 80}, PROFILE._replace(pair_id="p1"))
    house.sits("a", "b", at=1.0)
    house.talks(2.0)
    found = {name: state_of(house, name).talk for name in ("a", "b")}
    assert {name: talk and talk.pair_role for name, talk in found.items()} == {"a": "speaks", "b": "types"}


@pytest.mark.parametrize(("kind", "reads"), [(PreConnect.NONE, False), (PreConnect.WHISPER, False),
                                             (PreConnect.SCREEN, True), (PreConnect.BOTH, True)])
def test_an_offer_tells_its_agent_alone_whether_there_is_time_to_read(kind: PreConnect, reads: bool) -> None:
    house = House({"a": 80}, PROFILE._replace(pre_connect=kind, pre_connect_s=8.0), (EDU,))
    house.sits("a", at=1.0)
    house.calls("edu", 10.0)
    mine, theirs = state_of(house).offer, state_of(house, own=False).offer
    assert mine is not None and mine.time_to_read is reads and theirs is not None and theirs.time_to_read is None
