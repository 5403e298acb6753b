"""The two links to a fake Asterisk: connect, look, translate, lose, come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from routing.ami import asterisk_session as switch_module
from routing.ami import link as link_module
from routing.ami.actions import CONSULTS
from routing.ami.errors import AuthFailed
from routing.ami.resync import ON_HOLD, Snapshot
from routing.core.events import (
    CallerHungUp,
    CallsRefused,
    HoldSet,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    SeatChanged,
    TalkEnded,
    TalkFound,
)
from routing.core.model.centre_model import ContactState, OfferState
from routing.core.model.ids import ContactId, OfferId, SeatId
from routing.core.model.live_calls import LiveContact
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.integration.ami_node import DOWN, LEG, NODE, PENDING, TALKING, UP, C, Node
from tests.until import until_async

pytestmark = pytest.mark.integration


async def test_what_happened_in_a_gap_is_told_after_it(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    asterisk.caller("7.2")
    node.contacts = [LiveContact(C, "PJSIP/trunk-0", ContactState.ASSIGNED, NODE),
                     LiveContact(ContactId("7.2"), "PJSIP/trunk-1", ContactState.PENDING, NODE),
                     LiveContact(ContactId("8.1"), "PJSIP/trunk-1", ContactState.PENDING, "another node")]
    node.offers = [TALKING]
    at = round(time.time(), 3)
    node.cel.write_text(f"{at},CHAN_END,7.1,7.1\n")
    node.told.clear()
    asterisk.cut()
    await node.heard(UP)
    assert node.told == [DOWN, TalkEnded(OfferId(3), "caller"), OfferEnded(OfferId(3), "hangup"),
                         CallerHungUp(C, at, False), UP]
    assert node.switch.reconnects == 1


async def test_a_caller_who_comes_while_the_views_are_compared_waits_on(node: Node, asterisk: FakeAsterisk) -> None:
    """The snapshot was taken before the call, and the engine took the caller for gone: nobody was offered."""
    hidden = ContactId("7.9")

    class LateCaller(list[LiveContact]):
        """Callers of the engine. One of them calls after the snapshot."""

        def __iter__(self) -> Iterator[LiveContact]:
            if hidden not in asterisk.channels and any(
                    one.get("Action") == ["CoreShowChannels"] for one in asterisk.received):
                asterisk.caller(hidden)
                self.append(LiveContact(hidden, "PJSIP/trunk-1", ContactState.PENDING, NODE))
            return super().__iter__()

    node.contacts = LateCaller([LiveContact(C, "PJSIP/trunk-0", ContactState.PENDING, NODE)])
    await node.start()
    await node.heard(UP)
    assert hidden in asterisk.channels and [one for one in node.told if isinstance(one, CallerHungUp)] == [
        CallerHungUp(C)]


async def test_a_talk_that_goes_on_through_a_gap_is_no_news_and_ends_right(
        node: Node, asterisk: FakeAsterisk) -> None:
    node.offers = [PENDING]
    await node.start()
    caller, leg = asterisk.caller(C), asterisk.leg(LEG, "2001")
    asterisk.up(leg)
    asterisk.bridge(caller, leg)
    await node.heard(OfferConnected(OfferId(3), C))
    node.contacts, node.offers = [LiveContact(C, caller.name, ContactState.ASSIGNED, NODE)], [TALKING]
    node.told.clear()
    asterisk.cut()
    await node.heard(UP)
    assert node.told == [DOWN, UP]
    leg.variables[ON_HOLD] = "1"
    asterisk.cut()
    await node.heard(HoldSet(OfferId(3), True))
    node.offers = [TALKING._replace(held=True)]
    await node.until(lambda: node.switch.connected)
    leg.variables[ON_HOLD] = "0"
    asterisk.cut()
    await node.heard(HoldSet(OfferId(3), False))
    asterisk.hangup(leg)
    await node.heard(TalkEnded(OfferId(3), "agent"), OfferEnded(OfferId(3), "hangup"))


async def test_who_asked_and_whose_caller_was_never_led_away_asks_nobody(node: Node, asterisk: FakeAsterisk) -> None:
    """The node before has set the mark and died. An agent who really asks keeps theirs: the caller waits meanwhile."""
    caller, leg, other, asked = (asterisk.caller(C), asterisk.leg(LEG, "2001"), asterisk.leg("o5-7.2", "2002"),
                                 asterisk.leg("o6-7.2", "2003"))
    for one in (leg, other, asked):
        asterisk.up(one)
        one.variables[CONSULTS] = "1"
    asterisk.caller("7.2")
    asterisk.bridge(caller, leg)
    asterisk.bridge(other, asked)
    asks = TALKING._replace(offer=OfferId(5), contact=ContactId("7.2"), leg="o5-7.2", state=OfferState.CONSULTING)
    node.offers = [TALKING, asks]
    await node.start()
    assert (leg.variables[CONSULTS], other.variables[CONSULTS]) == ("", "1")


async def test_two_agents_who_met_in_a_gap_are_told_once(node: Node, asterisk: FakeAsterisk) -> None:
    """One asks the other about the caller, who is in the hold loop."""
    await node.start()
    caller, leg = asterisk.caller(C), asterisk.leg(LEG, "2001")
    node.contacts = [LiveContact(C, caller.name, ContactState.RESERVED, NODE)]
    asked = PENDING._replace(offer=OfferId(4), leg="o4-7.1")
    node.offers = [TALKING._replace(state=OfferState.CONSULTING), asked]
    node.told.clear()
    asterisk.cut()
    other = asterisk.leg("o4-7.1", "2002")
    for one in (leg, other):
        asterisk.up(one)
    asterisk.bridge(leg, other)
    await node.heard(OfferConnected(OfferId(4), ContactId(LEG)), UP)
    node.offers[1] = asked._replace(answered=True, with_consulting_agent=True)
    node.told.clear()
    asterisk.cut()
    await node.heard(UP)
    assert node.told == [DOWN, UP]
    asterisk.hangup(other)
    await node.heard(OfferEnded(OfferId(4), "hangup"))


async def test_what_is_heard_of_a_phone_is_newer_than_the_list(node: Node, asterisk: FakeAsterisk,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """A talk that ends while a look is under way: its phone must not be busy again until the look after."""
    asterisk.devices = {"PJSIP/2001": "INUSE", "PJSIP/2002": "NOT_INUSE"}
    await node.start()
    look = switch_module.take_snapshot

    async def and_then_the_talk_ends(link: link_module.Link) -> Snapshot:
        found = await look(link)
        asterisk.emit("DeviceStateChange", Device="PJSIP/2001", State="NOT_INUSE")
        await node.heard(SeatChanged(SeatId("2001"), True, False))
        return found

    monkeypatch.setattr(switch_module, "take_snapshot", and_then_the_talk_ends)
    asterisk.devices["PJSIP/2002"] = "INUSE"  # and its event was lost
    node.switch._look.set()
    await node.heard(SeatChanged(SeatId("2002"), True, True))
    assert [event for event in node.told if isinstance(event, SeatChanged) and event.seat == "2001"] == [
        SeatChanged(SeatId("2001"), True, True), SeatChanged(SeatId("2001"), True, False)]


async def test_a_restart_of_asterisk_is_noticed(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    node.contacts = [LiveContact(C, "PJSIP/trunk-0", ContactState.PENDING, NODE)]
    await asterisk.stop()
    await node.heard(DOWN)
    asterisk.started = ("2026-11-25", "01:00:00")
    await asterisk.listen()
    await node.heard(CallerHungUp(C, None, True))


async def test_a_restart_of_asterisk_while_no_node_ran_is_noticed(asterisk: FakeAsterisk, tmp_path: Path) -> None:
    began: list[str] = []

    async def remember(started: str, explained: float) -> None:
        assert explained > 0
        began.append(started)

    for stored, failure in (("", False), ("2026-11-25 00:50:11", False), ("2026-11-24 10:00:00", True)):
        node = Node(asterisk, tmp_path, started=stored, remember=remember)
        node.contacts = [LiveContact(C, "PJSIP/trunk-0", ContactState.PENDING, NODE)]
        await node.start()
        assert CallerHungUp(C, None, failure) in node.told
        await node.until(lambda: began)
        assert began.pop() == "2026-11-25 00:50:11"
        await node.stop()


async def test_a_silent_asterisk_is_left_and_tried_again(hasty_node: Node, asterisk: FakeAsterisk) -> None:
    node = hasty_node
    await node.start()
    asterisk.knobs.stop_reading = True
    await node.heard(DOWN)
    asterisk.knobs.stop_reading = False
    await node.until(lambda: node.told[-1] == UP)


async def test_a_stray_leg_is_hung_up_a_talk_is_not(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.leg("o8-7.8", "2001")
    caller, leg = asterisk.caller("7.9"), asterisk.leg("o9-7.9", "2002")
    asterisk.bridge(caller, leg)
    await node.start()
    assert set(asterisk.channels) == {"7.9", "o9-7.9"}


async def test_a_talk_whose_begin_nobody_saw_is_reported_and_not_cut(node: Node, asterisk: FakeAsterisk) -> None:
    node.contacts = [LiveContact(C, "PJSIP/trunk-0", ContactState.PENDING, NODE)]
    # 1. The answer came before the node was there.
    asterisk.bridge(asterisk.caller(C), asterisk.leg(LEG, "2001"))
    await node.start()
    assert TalkFound(OfferId(3), C) in node.told and LEG in asterisk.channels
    # 2. The answer comes together with the bridge: a look at Asterisk decides.
    node.told.clear()
    other = ContactId("7.9")
    node.contacts = [LiveContact(other, "PJSIP/trunk-0", ContactState.PENDING, NODE)]
    asterisk.bridge(asterisk.caller(other), asterisk.leg("o9-7.9", "2002"))
    asterisk.emit("Newstate", Channel="PJSIP/2002", ChannelStateDesc="Up", Uniqueid="o9-7.9")
    await node.heard(TalkFound(OfferId(9), other))
    assert "o9-7.9" in asterisk.channels


async def test_a_phone_that_rings_for_an_offer_that_is_over_stops_at_once(node: Node, asterisk: FakeAsterisk) -> None:
    """Its Originate was under way for long. The agent would get a caller whom the engine offers to somebody else."""
    await node.start()
    late = asterisk.leg("o2-7.1", "2002")
    await node.heard(OfferRinging(OfferId(2)))
    await node.until(lambda: late.uniqueid not in asterisk.channels)
    node.offers = [PENDING]
    asterisk.leg(LEG, "2001")
    await node.heard(OfferRinging(OfferId(3)))
    # One that rings while the state is read is found as well, and one of a live offer rings on.
    node.told.clear()
    asterisk.cut()
    await node.heard(DOWN)
    asterisk.leg("o1-7.1", "2002")
    await node.heard(UP)
    await node.until(lambda: set(asterisk.channels) == {LEG})


async def test_a_forged_hangup_is_looked_into_and_not_believed(node: Node, asterisk: FakeAsterisk) -> None:
    node.offers = [PENDING]
    await node.start()
    caller, leg = asterisk.caller(C), asterisk.leg(LEG, "2001")
    asterisk.bridge(caller, leg)
    await node.heard(OfferConnected(OfferId(3), C))
    node.contacts, node.offers = [LiveContact(C, caller.name, ContactState.ASSIGNED, NODE)], [TALKING]
    looks = asterisk.names().count("CoreShowChannels")
    asterisk.emit("Hangup", Channel=caller.name, Uniqueid=C, Cause="16")
    await node.until(lambda: asterisk.names().count("CoreShowChannels") > looks)
    await node.until(lambda: not node.switch._translator.doubts)
    assert CallerHungUp(C) not in node.told and node.switch.mismatches == 0
    del asterisk.channels[C]
    asterisk.emit("Hangup", Channel=caller.name, Uniqueid=C, Cause="16")
    await node.heard(CallerHungUp(C))


async def test_a_full_inbox_leads_to_a_new_look(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    node.told.clear()
    node.switch.request_resync("the inbox was full")
    await node.heard(DOWN, UP)


async def test_a_wrong_secret_ends_the_run_with_its_remedy(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.users["engine-actions"] = "changed"
    with pytest.raises(ExceptionGroup) as caught:
        await node.switch.run_session()
    assert caught.group_contains(AuthFailed, match=r"\[engine-actions\].*manager\.conf")
    assert node.told == [] and asterisk.connections == 2


async def test_an_asterisk_that_never_boots_is_left(hasty_node: Node, asterisk: FakeAsterisk) -> None:
    node = hasty_node
    asterisk.knobs.booted = False
    node.task = asyncio.create_task(node.switch.run_session())
    await node.until(lambda: node.switch.reconnects >= 1)
    assert node.told == []
    asterisk.knobs.booted = True
    await node.heard(UP)


async def test_a_refused_snapshot_is_no_state(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.knobs.refuse = {"CoreShowChannels": "Permission denied"}
    node.contacts = [LiveContact(C, "PJSIP/trunk-0", ContactState.PENDING, NODE)]
    node.task = asyncio.create_task(node.switch.run_session())
    await node.until(lambda: node.switch.reconnects >= 2)
    assert node.told == []


async def test_stopping_closes_both_links(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    await node.stop()
    await until_async(lambda: not asterisk._writers)
    assert asterisk.connections == 2


async def test_refused_calls_are_reported_as_sums(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    for number in ("9.1", "9.2"):
        asterisk.emit("Hangup", Uniqueid=number, Channel=f"PJSIP/trunk-{number}", Context="santral-refused",
                      Exten="form_plus_13", Cause="1")
    # The pause between two sums may end between the two calls.
    await node.until(lambda: sum(one.calls for one in node.told if isinstance(one, CallsRefused)) == 2)
    assert {(one.reason, one.form) for one in node.told if isinstance(one, CallsRefused)} == {
        ("unknown_number", "plus-13")}
