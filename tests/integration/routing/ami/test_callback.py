"""A callback against a fake Asterisk: the agent's phone rings, the caller is dialled, both are led together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routing.core.events import CallbackFailed, CallerHungUp, OfferRinging
from routing.core.model.centre_model import ContactState
from routing.core.model.commands import ConnectCallback, DialCaller, RefreshHold, Rescind, StopDial
from routing.core.model.ids import OfferId, ServiceId
from routing.core.model.live_calls import LiveContact
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.integration.ami_node import DOWN, LEG, PENDING, UP, C, Node, offer

pytestmark = pytest.mark.integration

DIAL = DialCaller(OfferId(3), C, "sealed", ServiceId("ps"), 1700000000.25, 2, slow=True, language="en")
URI = "sip:token@127.0.0.1:5999"


def opened(box: str) -> str:
    assert box == "sealed"
    return URI


@pytest.fixture
async def calling(asterisk: FakeAsterisk, tmp_path: Path) -> AsyncIterator[Node]:
    """A node that has a way out to callers."""
    async with Node(asterisk, tmp_path, way_out=opened) as node:
        yield node


async def test_a_callback_rings_the_agent_dials_the_caller_and_leads_them_together(
        calling: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones = {"2001": "ring", f"geri-arama/{URI}": "ring"}
    await calling.start()
    calling.switch.orders.execute_commands([offer(leg="", callback=True)])
    await calling.heard(OfferRinging(OfferId(3)))
    (rung,) = asterisk.asked("Originate")
    assert rung["Context"] == ["santral-calling"] and "SC_CHAN" not in str(rung["Variable"])
    assert rung["CallerID"] == ['"Geri arama: Görüş 5 sn" <4440632>']
    calling.switch.orders.execute_commands([DIAL])
    await calling.until(lambda: C in asterisk.channels)
    dialled = asterisk.asked("Originate")[1]
    assert (dialled["Channel"], dialled["ChannelId"]) == ([f"PJSIP/geri-arama/{URI}"], [C])
    assert (dialled["Context"], dialled["Exten"]) == (["santral-called"], ["s"])
    assert {"__SC_SINCE=1700000000.250", "__SC_PRIORITY=2", "__SC_SLOW=1", "__SC_LANGUAGE=en"} <= set(
        dialled["Variable"])
    calling.switch.orders.execute_commands([ConnectCallback(OfferId(3), C, "PJSIP/geri-arama-0000001", pair=True)])
    await calling.until(lambda: [
        one["Channel"] for one in asterisk.asked("Setvar") if one["Variable"] == ["SC_CHAN"]] == [[LEG], ["p3-7.1"]])
    asterisk.hangup(asterisk.channels[C])
    await calling.heard(CallerHungUp(C))
    assert not [one for one in calling.told if isinstance(one, CallbackFailed)], "reached, and gone as any caller"


@pytest.mark.parametrize("mode, reason", [("busy", "busy"), ("decline", "refused"), ("absent", "failed")])
async def test_callers_who_do_not_take_the_callback(calling: Node, asterisk: FakeAsterisk, mode: str,
                                                    reason: str) -> None:
    asterisk.phones[f"geri-arama/{URI}"] = mode
    await calling.start()
    calling.switch.orders.execute_commands([DIAL])
    await calling.heard(CallbackFailed(OfferId(3), reason))
    assert not calling.switch._translator.dials


async def test_a_mailbox_presses_no_key_and_a_caller_who_is_let_go_is_hung_up(
        calling: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones[f"geri-arama/{URI}"] = "ring"
    await calling.start()
    calling.switch.orders.execute_commands([DIAL._replace(press=True)])
    await calling.until(lambda: C in asterisk.channels)
    asterisk.up(asterisk.channels[C])
    asterisk.hangup(asterisk.channels[C], 19)
    await calling.heard(CallbackFailed(OfferId(3), "no_key"))
    calling.told.clear()
    calling.switch.orders.execute_commands([DIAL._replace(offer=OfferId(4))])
    await calling.until(lambda: C in asterisk.channels)
    calling.switch.orders.execute_commands([Rescind(OfferId(4), C, "caller_hung_up", dialled=True)])
    await calling.until(lambda: not asterisk.channels)
    await calling.heard(CallerHungUp(C))
    assert not [one for one in calling.told if isinstance(one, CallbackFailed)], "nobody waits for that try"


async def test_who_has_answered_is_not_hung_up_when_an_agent_is_gone(calling: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones[f"geri-arama/{URI}"] = "ring"
    await calling.start()
    calling.switch.orders.execute_commands([DIAL])
    await calling.until(lambda: C in asterisk.channels)
    asterisk.up(asterisk.channels[C])
    await calling.until(lambda: calling.switch._translator.dials.is_answered(C))
    calling.switch.orders.execute_commands([Rescind(OfferId(3), C, "partner", dialled=True)])
    await calling.until(lambda: asterisk.names().count("Setvar") == 4)
    assert C in asterisk.channels, "they wait for the next agent"
    calling.switch.orders.execute_commands(
        [DIAL._replace(offer=OfferId(4))])  # too soon: Asterisk refuses, and it is theirs
    await calling.until(lambda: asterisk.names().count("Originate") == 2)
    asterisk.hangup(asterisk.channels[C])
    await calling.heard(CallbackFailed(OfferId(4), "refused"), CallerHungUp(C))
    assert CallbackFailed(OfferId(4), "failed") not in calling.told


async def test_an_agent_who_waited_in_vain_hears_so(calling: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones = {"2001": "ring", f"geri-arama/{URI}": "busy"}
    calling.offers = [PENDING]
    await calling.start()
    calling.switch.orders.execute_commands([offer(leg="", callback=True), DIAL])
    await calling.heard(CallbackFailed(OfferId(3), "busy"))
    calling.switch.orders.execute_commands([Rescind(OfferId(3), C, "callback_failed", dialled=True)])
    await calling.until(lambda: "Setvar" in asterisk.names())
    (said,) = asterisk.asked("Setvar")
    assert (said["Channel"], said["Variable"], said["Value"]) == ([LEG], ["SC_CHAN"], ["none"])
    hung_up = [one["Channel"] for one in asterisk.asked("Hangup")]
    assert [LEG] not in hung_up, "it ends by itself"


async def test_who_cannot_be_dialled_is_tried_again_later(node: Node, asterisk: FakeAsterisk) -> None:
    node.switch.orders.execute_commands([DIAL])
    assert node.told == [CallbackFailed(OfferId(3), "failed")], "no link"
    await node.start()
    node.told.clear()
    node.switch.orders.execute_commands([DIAL, DIAL._replace(number_encrypted="")])
    await node.until(lambda: node.told.count(CallbackFailed(OfferId(3), "failed")) == 2)
    assert "Originate" not in asterisk.names(), "no way out, no number"


async def test_a_dialled_caller_is_found_again_after_a_gap(calling: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones[f"geri-arama/{URI}"] = "ring"
    await calling.start()
    calling.switch.orders.execute_commands([DIAL])
    await calling.until(lambda: C in asterisk.channels)
    calling.offers = [PENDING._replace(dialling=True, leg_requested=False)]
    calling.told.clear()
    asterisk.cut()
    await calling.heard(UP)
    assert calling.told == [DOWN, UP], "it rings on, and nobody misses the agent's leg"
    asterisk.hangup(asterisk.channels[C], 17)
    await calling.heard(CallbackFailed(OfferId(3), "busy"))
    calling.told.clear()
    asterisk.cut()
    await calling.heard(UP)
    assert CallbackFailed(OfferId(3), "failed") in calling.told, "gone in a gap"


REFRESH = RefreshHold(C, "PJSIP/geri-arama-0000001")
FREE_DIAL = DIAL._replace(offer=None)
"""A dial without a reserved agent."""


def missed(reason: str) -> CallbackFailed:
    return CallbackFailed(None, reason, C)


@pytest.mark.parametrize("mode, reason", [("busy", "busy"), ("decline", "refused"), ("absent", "failed")])
async def test_a_caller_without_an_agent_is_named_by_the_contact(calling: Node, asterisk: FakeAsterisk, mode: str,
                                                                 reason: str) -> None:
    asterisk.phones[f"geri-arama/{URI}"] = mode
    await calling.start()
    calling.switch.orders.execute_commands([FREE_DIAL])
    await calling.heard(missed(reason))
    (dialled,) = asterisk.asked("Originate")
    assert (dialled["ChannelId"], dialled["Context"]) == ([C], ["santral-called"])
    calling.switch.orders.execute_commands([StopDial(C, "callback_failed")])
    await calling.until(lambda: "Hangup" in asterisk.names())
    assert calling.told.count(missed(reason)) == 1, "a stop after the end says nothing more"


@pytest.mark.parametrize("answered, reason, stays", [
    (False, "caller_on_line", False), (True, "caller_on_line", True), (True, "caller_hung_up", False)])
async def test_a_dial_without_an_agent_is_stopped(calling: Node, asterisk: FakeAsterisk, answered: bool, reason: str,
                                                  stays: bool) -> None:
    """A caller who has answered waits for an agent, unless the callback is cancelled."""
    asterisk.phones[f"geri-arama/{URI}"] = "ring"
    await calling.start()
    calling.switch.orders.execute_commands([FREE_DIAL])
    await calling.until(lambda: C in asterisk.channels)
    if answered:
        asterisk.up(asterisk.channels[C])
        await calling.until(lambda: calling.switch._translator.dials.is_answered(C))
    calling.told.clear()
    calling.switch.orders.execute_commands([StopDial(C, reason), StopDial(C, reason), REFRESH])
    if stays:
        await calling.until(lambda: "Redirect" in asterisk.names())
        assert C in asterisk.channels and "Hangup" not in asterisk.names()
    else:
        await calling.until(lambda: C not in asterisk.channels)
    assert not [one for one in calling.told if isinstance(one, CallbackFailed)]


async def test_a_dial_without_an_agent_is_found_again_after_a_gap(calling: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones[f"geri-arama/{URI}"] = "ring"
    await calling.start()
    calling.switch.orders.execute_commands([FREE_DIAL])
    await calling.until(lambda: C in asterisk.channels)
    calling.contacts = [LiveContact(C, "", ContactState.PENDING, "", dialling=True)]
    calling.told.clear()
    asterisk.cut()
    await calling.heard(UP)
    assert calling.told == [DOWN, UP], "it rings on"
    asterisk.hangup(asterisk.channels[C], 17)
    await calling.heard(missed("busy"))
    calling.told.clear()
    asterisk.cut()
    await calling.heard(UP, missed("failed"))
    assert CallerHungUp(C) not in calling.told, "the callback goes on"


async def test_without_a_link_a_caller_is_dialled_later(node: Node) -> None:
    node.switch.orders.execute_commands([FREE_DIAL, StopDial(C, "caller_hung_up")])
    assert node.told == [missed("failed")]
