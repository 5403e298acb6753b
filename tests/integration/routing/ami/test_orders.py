"""Commands of the engine against a fake Asterisk: carried out, refused or in doubt, and reported as they went."""

from __future__ import annotations

from pathlib import Path

import pytest

from routing.core.events import (
    CallerHungUp,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    SeatChanged,
    TalkEnded,
    TalkFound,
)
from routing.core.model.centre_model import AnswerMode, Channel, ContactState
from routing.core.model.commands import RefreshHold, Rescind, SetInterrupted, StartConsult
from routing.core.model.ids import OfferId, SeatId, ServiceId
from routing.core.model.live_calls import LiveContact
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.integration.ami_node import LEG, MATE, NODE, PENDING, TALKING, UP, C, Node, offer

pytestmark = pytest.mark.integration


async def test_a_whole_call(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.devices = {"PJSIP/2001": "NOT_INUSE", "PJSIP/2002": "UNAVAILABLE"}
    asterisk.phones["2001"] = "answer"
    asterisk.knobs.split = 7
    await node.start()
    assert node.told == [SeatChanged(SeatId("2001"), True, False), SeatChanged(SeatId("2002"), False, False), UP]
    caller, node.offers = asterisk.caller(C), [PENDING]
    node.switch.orders.execute_commands([offer()])
    await node.heard(OfferRinging(OfferId(3)), OfferAnswered(OfferId(3)), OfferConnected(OfferId(3), C))
    asterisk.hangup(caller)
    asterisk.hangup(asterisk.channels[LEG])
    await node.heard(TalkEnded(OfferId(3), "caller"), CallerHungUp(C), OfferEnded(OfferId(3), "hangup"))
    assert asterisk.names().count("Originate") == 1 and node.switch.mismatches == 0
    assert node.switch.connected


@pytest.mark.parametrize("mode, reason", [("busy", "busy"), ("decline", "rejected"), ("absent", "unreachable")])
async def test_phones_that_do_not_take_the_call(node: Node, asterisk: FakeAsterisk, mode: str, reason: str) -> None:
    asterisk.phones["2001"] = mode
    await node.start()
    node.switch.orders.execute_commands([offer()])
    await node.heard(OfferEnded(OfferId(3), reason))


async def test_a_refused_originate_is_a_failed_offer(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.knobs.refuse = {"Originate": "Permission denied"}
    await node.start()
    node.switch.orders.execute_commands([offer(), offer(offer=OfferId(4), service_name='"')])
    await node.heard(OfferEnded(OfferId(3), "failed"), OfferEnded(OfferId(4), "failed"))
    assert node.switch.orders.refused == 2 and node.switch.connected


async def test_without_a_link_an_offer_fails_at_once(node: Node) -> None:
    node.switch.execute([offer()])
    assert node.told == [OfferEnded(OfferId(3), "failed")]


async def test_both_phones_of_a_pair_are_rung_and_let_go(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones = {"2001": "ring", "2002": "ring"}
    node.offers = [PENDING]
    await node.start()
    node.switch.orders.execute_commands([offer(partner=MATE)])
    await node.until(lambda: set(asterisk.channels) == {LEG, "p3-7.1"})
    node.switch.orders.execute_commands([Rescind(OfferId(3), C, "caller_hung_up", pair=True)])
    await node.until(lambda: not asterisk.channels)
    await node.heard(OfferEnded(OfferId(3), "hangup"), OfferEnded(OfferId(3), "hangup", partner=True))


async def test_a_partner_who_cannot_be_called_is_told_as_such(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones = {"2001": "ring"}
    await node.start()
    node.switch.orders.execute_commands([offer(partner=MATE)])
    await node.heard(OfferEnded(OfferId(3), "unreachable", partner=True))
    node.told.clear()
    node.switch.orders.execute_commands([offer(offer=OfferId(4), partner=MATE._replace(remote=True))])
    assert node.told == [OfferEnded(OfferId(4), "unreachable", partner=True)], "and nobody else is"
    asterisk.knobs.refuse = {"Originate": "Permission denied"}
    node.switch.orders.execute_commands([offer(offer=OfferId(5), partner=MATE)])
    await node.heard(OfferEnded(OfferId(5), "failed"), OfferEnded(OfferId(5), "failed", partner=True))


async def test_who_has_no_outside_number_is_not_called(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    node.switch.orders.execute_commands([offer(remote=True, seat=SeatId("uzak-a1"))])
    await node.heard(OfferEnded(OfferId(3), "unreachable"))
    assert "Originate" not in asterisk.names() and node.switch.orders.refused == 1


async def test_a_remote_counsellor_who_sits_at_a_phone_of_the_house_is_called_there(
        node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones = {"2001": "ring"}
    node.switch.orders._settings = node.switch.orders._settings._replace(
        seats=frozenset({"2001"}), remote_seats=frozenset({SeatId("uzak-a1")}))
    await node.start()
    node.switch.orders.execute_commands([offer(remote=True, answer_mode=AnswerMode.PRESS_ONE)])
    await node.heard(OfferRinging(OfferId(3)))
    assert "Originate" in asterisk.names() and node.switch.orders.refused == 0


def test_the_session_takes_calls_on_its_own_asterisk(node: Node) -> None:
    for command in (offer(), offer(node=NODE), Rescind(OfferId(3), C, "stale")):
        assert node.switch.takes(command)
    assert not node.switch.takes(offer(node="another"))
    assert node.switch.takes(RefreshHold(C, "PJSIP/trunk-00000000")) and not node.switch.takes(RefreshHold(C, ""))


@pytest.mark.parametrize("channel", [one for one in Channel if one is not Channel.VOICE])
def test_messages_and_tasks_are_none_of_the_telephones_business(node: Node, channel: Channel) -> None:
    for command in (offer(channel=channel, leg=""), SetInterrupted(OfferId(3), C, True, channel=channel),
                    Rescind(OfferId(3), C, "call", channel=channel)):
        assert not node.switch.takes(command)


async def test_rescind_and_refresh_reach_asterisk(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones["2001"] = "ring"
    await node.start()
    asterisk.caller(C)
    node.switch.orders.execute_commands([offer(), Rescind(OfferId(3), C, "stale"),
        RefreshHold(C, "PJSIP/trunk-00000000")])
    await node.heard(OfferEnded(OfferId(3), "hangup"))
    await node.until(lambda: {"Hangup", "Redirect"} <= set(asterisk.names()))
    # From its first action on the leg begins no talk any more, so the caller may be led away.
    assert asterisk.names().index("Setvar") < asterisk.names().index("Redirect")
    hangup = asterisk.asked("Hangup")[0]
    assert hangup["Cause"] == ["26"] and hangup["Channel"] == [LEG]


async def test_a_rescind_that_comes_before_its_channel_is_tried_again(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    node.switch.orders.execute_commands([Rescind(OfferId(3), C, "stale")])
    await node.until(lambda: asterisk.names().count("Setvar") == 2)
    asterisk.leg(LEG, "2001")
    await node.heard(OfferEnded(OfferId(3), "hangup"))


async def test_a_leg_that_has_its_caller_is_not_ended_by_a_late_rescind(node: Node, asterisk: FakeAsterisk) -> None:
    """The phone was answered while the action was under way. The engine hears of the talk, and decides."""
    await node.start()
    node.contacts = [LiveContact(C, "PJSIP/trunk-0", ContactState.PENDING, NODE)]
    asterisk.bridge(asterisk.caller(C), asterisk.leg(LEG, "2001"))
    node.switch.orders.execute_commands([Rescind(OfferId(3), C, "vanished")])
    await node.heard(TalkFound(OfferId(3), C))
    await node.until(lambda: asterisk.channels[LEG].variables["SC_ENDED"] == "")
    # The engine ends a talk that a rule forbids.
    node.switch.orders.execute_commands([Rescind(OfferId(3), C, "stale", talks=True)])
    await node.until(lambda: LEG not in asterisk.channels)


async def test_an_offer_waits_for_the_end_of_the_leg_before_it(node: Node, asterisk: FakeAsterisk) -> None:
    """Both may be at one phone, which carries one call."""
    asterisk.phones["2001"] = "ring"
    await node.start()
    asterisk.caller(C)
    asterisk.leg("o2-7.1", "2001", "Down")
    node.offers = [PENDING]
    node.switch.orders.execute_commands([Rescind(OfferId(2), C, "unfit"), offer()])
    node.switch.orders.execute_commands([RefreshHold(C, "PJSIP/trunk-00000000")])
    await node.until(lambda: {"Hangup", "Originate", "Redirect"} <= set(asterisk.names()))
    assert [one for one in asterisk.names() if one in ("Hangup", "Originate")] == ["Hangup", "Originate"]


async def test_an_originate_in_doubt_is_looked_up_not_repeated(hasty_node: Node, asterisk: FakeAsterisk) -> None:
    node = hasty_node
    asterisk.phones["2001"] = "ring"
    asterisk.knobs.silent = {"Originate"}
    await node.start()
    looks = asterisk.names().count("CoreShowChannels")
    node.offers = [PENDING]
    node.switch.orders.execute_commands([offer()])
    await node.until(lambda: asterisk.names().count("CoreShowChannels") > looks)
    await node.heard(OfferRinging(OfferId(3)))
    assert asterisk.names().count("Originate") == 1 and node.switch.orders.in_doubt == 1


async def test_an_originate_that_never_was_is_found_by_looking(hasty_node: Node, asterisk: FakeAsterisk) -> None:
    node = hasty_node
    asterisk.knobs.silent = {"Originate"}
    await node.start()
    asterisk._originate = lambda one: None  # type: ignore[method-assign]
    node.offers = [PENDING]
    node.switch.orders.execute_commands([offer()])
    await node.heard(OfferEnded(OfferId(3), "failed"))


async def test_only_what_is_to_be_recorded_names_a_file(asterisk: FakeAsterisk, tmp_path: Path) -> None:
    node = Node(asterisk, tmp_path, record=lambda offer: f"call-{offer.service}-x" if offer.service == "ps" else "")
    await node.start()
    asterisk.caller(C)
    node.switch.orders.execute_commands([offer(), offer(offer=OfferId(4), service=ServiceId("other"),
        seat=SeatId("2002"))])
    await node.until(lambda: asterisk.names().count("Originate") == 2)
    first, second = [one["Variable"] for one in asterisk.asked("Originate")]
    assert "SC_RECORD=call-ps-x" in first and not any("SC_RECORD" in one for one in second)
    await node.stop()


async def test_who_asks_is_marked_before_the_caller_is_led_away_and_who_cannot_be_keeps_them(
        node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    asterisk.caller(C)
    node.offers = [TALKING]  # or a look would take their leg for a stray one
    asks = StartConsult(OfferId(3), C, ServiceId("tip"), NODE)
    node.switch.orders.execute_commands([asks])
    await node.until(lambda: node.switch.orders.refused == 1)
    assert asterisk.names()[-1] == "Setvar", "no such leg: the caller stays where they are"
    leg = asterisk.leg(LEG, "2001", "Up")
    node.switch.orders.execute_commands([asks, offer(offer=OfferId(4), seat=SeatId("2002"))])
    await node.until(lambda: "Redirect" in asterisk.names() and asterisk.names()[-1] != "Setvar")
    assert leg.variables == {"SHARED(SC_CONSULTING)": "1"}
    assert asterisk.names().index("Originate") > asterisk.names().index("Setvar") + 1, "who is asked rings after it"
    [led] = asterisk.asked("Redirect")
    assert (led["Channel"], led["Exten"], "ExtraChannel" in led) == ([C], ["to_tip"], False)
    asterisk.knobs.refuse["Redirect"] = "Channel is gone"
    node.switch.orders.execute_commands([asks])
    await node.until(lambda: leg.variables == {"SHARED(SC_CONSULTING)": ""})


async def test_a_recording_is_silenced_or_else_stopped(node: Node, asterisk: FakeAsterisk) -> None:
    with pytest.raises(TimeoutError, match="no link"):  # not the same as a talk that nobody records
        await node.switch.orders.pause_recording(LEG, True)
    node.offers = [PENDING]
    await node.start()
    assert not await node.switch.orders.pause_recording(LEG, True), "no such leg"
    leg = asterisk.leg(LEG, "2001", "Up")
    leg.variables["SC_RECORD"] = "call-ps-x"
    for on, actions in ((True, ["Setvar", "MixMonitorMute"]), (False, ["MixMonitorMute", "Setvar"])):
        assert await node.switch.orders.pause_recording(LEG, on)
        assert asterisk.names()[-2:] == actions, "the pause on the leg begins first and ends last"
        [asked] = [one for one in asterisk.received[-2:] if one["Action"] == ["MixMonitorMute"]]
        assert (asked["Channel"], asked["Direction"], asked["State"]) == ([LEG], ["both"], ["1" if on else "0"])
        assert leg.variables["SC_RECORDING_PAUSED"] == ("1" if on else "")
    asterisk.knobs.refuse["MixMonitorMute"] = "Cannot set mute flag"
    asterisk.knobs.refuse["StopMixMonitor"] = "Could not stop monitoring channel"
    assert not await node.switch.orders.pause_recording(LEG, True), "stopped already: somebody is asked"
    assert not await node.switch.orders.pause_recording(LEG, False) and asterisk.names()[-1] == "MixMonitorMute"
    assert leg.variables == {"SC_RECORD": "call-ps-x",
        "SC_RECORDING_PAUSED": "1"}, "paused it is, when the agent is back"
    del asterisk.knobs.refuse["StopMixMonitor"]
    assert await node.switch.orders.pause_recording(LEG, True) and asterisk.names()[-2] == "StopMixMonitor"
    assert leg.variables["SC_RECORD"] == "", "it does not begin again"
