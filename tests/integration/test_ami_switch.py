"""The whole AMI side against a fake Asterisk: connect, look, translate, carry out, lose, come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from routing.ami import link as link_module
from routing.ami import switch as switch_module
from routing.ami.errors import AuthFailed
from routing.ami.link import Login, Timing
from routing.ami.resync import ON_HOLD, Snapshot
from routing.ami.settings import Pace, SwitchSettings
from routing.ami.switch import Live, Switch
from routing.core.commands import Consult, Dial, Interrupt, Join, Offer, Overflow, Partner, Rescind
from routing.core.events import (
    CallbackFailed,
    ContactGone,
    ContactLeft,
    Event,
    Held,
    LinkChanged,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    SeatChanged,
    TalkEnded,
)
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.live import LiveContact, LiveOffer
from routing.core.model import AnswerMode, Channel, ContactState, OfferState
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.until import until_async

pytestmark = pytest.mark.integration

C, LEG, NODE = ContactId("7.1"), "o3-7.1", "one"
UP, DOWN = LinkChanged(NODE, True), LinkChanged(NODE, False)
PENDING = LiveOffer(OfferId(3), C, AgentId("a1"), SeatId("2001"), OfferState.PENDING, False, LEG)
TALKING = PENDING._replace(state=OfferState.ACCEPTED, answered=True)


MATE = Partner(AgentId("a2"), SeatId("2002"), AnswerMode.MANUAL, False)


class Node:
    """A switch, what it told, and what the engine is said to believe."""

    def __init__(self, asterisk: FakeAsterisk, tmp: Path, **memory: Any) -> None:
        self.asterisk = asterisk
        self.told: list[Event] = []
        self.contacts: list[LiveContact] = []
        self.offers: list[LiveOffer] = []
        self.cel = tmp / "cel.csv"
        where = ("127.0.0.1", asterisk.port)
        self.switch = Switch(
            SwitchSettings(NODE, Login(*where, "engine-events", "e1", "system,call"),
                           Login(*where, "engine-actions", "a1"), "4440632", self.cel),
            self.told.append, self._live, timing=Timing(2, 2, 0.3, 0.05, 0.2),
            pace=Pace(boot=0.5, audit=60, settle=0.02, rescind=0.02), **memory)
        self.task: asyncio.Task[None] | None = None

    def _live(self) -> Live:
        return self.contacts, self.offers

    async def start(self) -> None:
        self.task = asyncio.create_task(self.switch.run())
        await self.until(lambda: self.switch.connected)

    async def until(self, condition: Callable[[], object]) -> None:
        await until_async(condition, what=f"told: {self.told}")

    async def heard(self, *events: Event) -> None:
        await self.until(lambda: all(event in self.told for event in events))

    async def stop(self) -> None:
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task])


@pytest.fixture(autouse=True)
def quick_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "BACKOFF_FIRST_S", 0.02)
    monkeypatch.setattr(link_module, "BACKOFF_MAX_S", 0.05)


@pytest.fixture
async def asterisk() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as fake:
        yield fake


@pytest.fixture
async def node(asterisk: FakeAsterisk, tmp_path: Path) -> AsyncIterator[Node]:
    one = Node(asterisk, tmp_path)
    yield one
    await one.stop()


def offer(**changes: object) -> Offer:
    return Offer(OfferId(3), C, "PJSIP/trunk-00000000", AgentId("a1"), SeatId("2001"), ServiceId("ps"), "Görüş",
                 15.0, AnswerMode.MANUAL, False, 5.0)._replace(**changes)  # type: ignore[arg-type]


async def test_a_whole_call(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.devices = {"PJSIP/2001": "NOT_INUSE", "PJSIP/2002": "UNAVAILABLE"}
    asterisk.phones["2001"] = "answer"
    asterisk.knobs.split = 7
    await node.start()
    assert node.told == [SeatChanged(SeatId("2001"), True, False), SeatChanged(SeatId("2002"), False, False), UP]
    caller = asterisk.caller(C)
    node.switch.orders.execute([offer()])
    await node.heard(OfferRinging(OfferId(3)), OfferAnswered(OfferId(3)), OfferConnected(OfferId(3), C))
    asterisk.hangup(caller)
    asterisk.hangup(asterisk.channels[LEG])
    await node.heard(TalkEnded(OfferId(3), "caller"), ContactGone(C), OfferEnded(OfferId(3), "hangup"))
    assert asterisk.names().count("Originate") == 1 and node.switch.mismatches == 0
    assert node.switch.metrics()["link_up"] == 1


@pytest.mark.parametrize("mode, reason", [("busy", "busy"), ("decline", "rejected"), ("absent", "unreachable")])
async def test_phones_that_do_not_take_the_call(node: Node, asterisk: FakeAsterisk, mode: str, reason: str) -> None:
    asterisk.phones["2001"] = mode
    await node.start()
    node.switch.orders.execute([offer()])
    await node.heard(OfferEnded(OfferId(3), reason))


async def test_a_refused_originate_is_a_failed_offer(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.knobs.refuse = {"Originate": "Permission denied"}
    await node.start()
    node.switch.orders.execute([offer(), offer(offer=OfferId(4), service_name='"')])
    await node.heard(OfferEnded(OfferId(3), "failed"), OfferEnded(OfferId(4), "failed"))
    assert node.switch.orders.refused == 2 and node.switch.connected


async def test_without_a_link_an_offer_fails_at_once(node: Node) -> None:
    node.switch.orders.execute([offer(), offer(offer=OfferId(4), node="another")])
    assert node.told == [OfferEnded(OfferId(3), "failed")]


async def test_both_phones_of_a_pair_are_rung_and_let_go(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones = {"2001": "ring", "2002": "ring"}
    await node.start()
    node.switch.orders.execute([offer(partner=MATE)])
    await node.until(lambda: set(asterisk.channels) == {LEG, "p3-7.1"})
    node.switch.orders.execute([Rescind(OfferId(3), C, "contact_gone", pair=True)])
    await node.until(lambda: not asterisk.channels)
    await node.heard(OfferEnded(OfferId(3), "hangup"), OfferEnded(OfferId(3), "hangup", partner=True))


async def test_a_partner_who_cannot_be_called_is_told_as_such(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones = {"2001": "ring"}
    await node.start()
    node.switch.orders.execute([offer(partner=MATE)])
    await node.heard(OfferEnded(OfferId(3), "unreachable", partner=True))
    node.told.clear()
    node.switch.orders.execute([offer(offer=OfferId(4), partner=MATE._replace(outside=True))])
    assert node.told == [OfferEnded(OfferId(4), "unreachable", partner=True)], "and nobody else is"
    asterisk.knobs.refuse = {"Originate": "Permission denied"}
    node.switch.orders.execute([offer(offer=OfferId(5), partner=MATE)])
    await node.heard(OfferEnded(OfferId(5), "failed"), OfferEnded(OfferId(5), "failed", partner=True))


async def test_who_has_no_outside_number_is_not_called(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    node.switch.orders.execute([offer(outside=True, seat=SeatId("uzak-a1"))])
    await node.heard(OfferEnded(OfferId(3), "unreachable"))
    assert "Originate" not in asterisk.names() and node.switch.orders.refused == 1


async def test_a_remote_counsellor_who_sits_at_a_phone_of_the_house_is_called_there(
        node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones = {"2001": "ring"}
    node.switch.orders._settings = node.switch.orders._settings._replace(
        seats=frozenset({"2001"}), outside=frozenset({SeatId("uzak-a1")}))
    await node.start()
    node.switch.orders.execute([offer(outside=True, answer_mode=AnswerMode.PRESS_ONE)])
    await node.heard(OfferRinging(OfferId(3)))
    assert "Originate" in asterisk.names() and node.switch.orders.refused == 0


@pytest.mark.parametrize("channel", [one for one in Channel if one is not Channel.VOICE])
async def test_messages_and_tasks_are_none_of_the_telephones_business(
        node: Node, asterisk: FakeAsterisk, channel: Channel) -> None:
    await node.start()
    node.told.clear()
    node.switch.orders.execute([
        offer(channel=channel, leg=""), Interrupt(OfferId(3), C, True), Rescind(OfferId(3), C, "call", channel=channel),
        Overflow(C, ""), offer(offer=OfferId(4))])
    await node.heard(OfferEnded(OfferId(4), "unreachable"))
    assert node.told == [OfferEnded(OfferId(4), "unreachable")] and node.switch.orders.refused == 0
    assert not {"Hangup", "Redirect"} & set(asterisk.names()) and asterisk.names().count("Originate") == 1


DIAL = Dial(OfferId(3), C, "sealed", ServiceId("ps"), 1700000000.25, 2, slow=True, language="en")
URI = "sip:token@127.0.0.1:5999"


def opened(box: str) -> str:
    assert box == "sealed"
    return URI


async def test_a_callback_rings_the_agent_dials_the_caller_and_leads_them_together(
        asterisk: FakeAsterisk, tmp_path: Path) -> None:
    node = Node(asterisk, tmp_path, way_out=opened)
    asterisk.phones = {"2001": "ring", f"geri-arama/{URI}": "ring"}
    await node.start()
    node.switch.orders.execute([offer(leg="", callback=True)])
    await node.heard(OfferRinging(OfferId(3)))
    (rung,) = [one for one in asterisk.received if one["Action"] == ["Originate"]]
    assert rung["Context"] == ["santral-calling"] and "SC_CHAN" not in str(rung["Variable"])
    assert rung["CallerID"] == ['"Geri arama: Görüş 5 sn" <4440632>']
    node.switch.orders.execute([DIAL])
    await node.until(lambda: C in asterisk.channels)
    dialled = [one for one in asterisk.received if one["Action"] == ["Originate"]][1]
    assert (dialled["Channel"], dialled["ChannelId"]) == ([f"PJSIP/geri-arama/{URI}"], [C])
    assert (dialled["Context"], dialled["Exten"]) == (["santral-called"], ["s"])
    assert {"__SC_SINCE=1700000000.250", "__SC_PRIORITY=2", "__SC_SLOW=1", "__SC_LANGUAGE=en"} <= set(
        dialled["Variable"])
    node.switch.orders.execute([Join(OfferId(3), C, "PJSIP/geri-arama-0000001", pair=True)])
    await node.until(lambda: asterisk.names().count("Setvar") == 2)
    assert [one["Channel"] for one in asterisk.received if one["Action"] == ["Setvar"]] == [[LEG], ["p3-7.1"]]
    asterisk.hangup(asterisk.channels[C])
    await node.heard(ContactGone(C))
    assert not [one for one in node.told if isinstance(one, CallbackFailed)], "reached, and gone as any caller"
    await node.stop()


@pytest.mark.parametrize("mode, reason", [("busy", "busy"), ("decline", "refused"), ("absent", "failed")])
async def test_callers_who_do_not_take_the_callback(asterisk: FakeAsterisk, tmp_path: Path, mode: str,
                                                    reason: str) -> None:
    node = Node(asterisk, tmp_path, way_out=opened)
    asterisk.phones[f"geri-arama/{URI}"] = mode
    await node.start()
    node.switch.orders.execute([DIAL])
    await node.heard(CallbackFailed(OfferId(3), reason))
    assert not node.switch._translator.dials
    await node.stop()


async def test_a_mailbox_presses_no_key_and_a_caller_who_is_let_go_is_hung_up(
        asterisk: FakeAsterisk, tmp_path: Path) -> None:
    node = Node(asterisk, tmp_path, way_out=opened)
    asterisk.phones[f"geri-arama/{URI}"] = "ring"
    await node.start()
    node.switch.orders.execute([DIAL._replace(press=True)])
    await node.until(lambda: C in asterisk.channels)
    asterisk.up(asterisk.channels[C])
    asterisk.hangup(asterisk.channels[C], 19)
    await node.heard(CallbackFailed(OfferId(3), "no_key"))
    node.told.clear()
    node.switch.orders.execute([DIAL._replace(offer=OfferId(4))])
    await node.until(lambda: C in asterisk.channels)
    node.switch.orders.execute([Rescind(OfferId(4), C, "contact_gone", dialled=True)])
    await node.until(lambda: not asterisk.channels)
    await node.heard(ContactGone(C))
    assert not [one for one in node.told if isinstance(one, CallbackFailed)], "nobody waits for that try"
    await node.stop()


async def test_who_has_answered_is_not_hung_up_when_an_agent_is_gone(asterisk: FakeAsterisk, tmp_path: Path) -> None:
    node = Node(asterisk, tmp_path, way_out=opened)
    asterisk.phones[f"geri-arama/{URI}"] = "ring"
    await node.start()
    node.switch.orders.execute([DIAL])
    await node.until(lambda: C in asterisk.channels)
    asterisk.up(asterisk.channels[C])
    await node.until(lambda: node.switch._translator.dials.up(C))
    node.switch.orders.execute([Rescind(OfferId(3), C, "partner", dialled=True)])
    await node.until(lambda: asterisk.names().count("Hangup") == 4)
    assert C in asterisk.channels, "they wait for the next agent"
    node.switch.orders.execute([DIAL._replace(offer=OfferId(4))])  # too soon: Asterisk refuses, and it is theirs
    await node.until(lambda: asterisk.names().count("Originate") == 2)
    asterisk.hangup(asterisk.channels[C])
    await node.heard(CallbackFailed(OfferId(4), "refused"), ContactGone(C))
    assert CallbackFailed(OfferId(4), "failed") not in node.told
    await node.stop()


async def test_an_agent_who_waited_in_vain_hears_so(asterisk: FakeAsterisk, tmp_path: Path) -> None:
    node = Node(asterisk, tmp_path, way_out=opened)
    asterisk.phones = {"2001": "ring", f"geri-arama/{URI}": "busy"}
    await node.start()
    node.switch.orders.execute([offer(leg="", callback=True), DIAL])
    await node.heard(CallbackFailed(OfferId(3), "busy"))
    node.switch.orders.execute([Rescind(OfferId(3), C, "callback_failed", dialled=True)])
    await node.until(lambda: "Setvar" in asterisk.names())
    (said,) = [one for one in asterisk.received if one["Action"] == ["Setvar"]]
    assert (said["Channel"], said["Variable"], said["Value"]) == ([LEG], ["SC_CHAN"], ["none"])
    hung_up = [one["Channel"] for one in asterisk.received if one["Action"] == ["Hangup"]]
    assert [LEG] not in hung_up, "it ends by itself"
    await node.stop()


async def test_who_cannot_be_dialled_is_tried_again_later(node: Node, asterisk: FakeAsterisk) -> None:
    node.switch.orders.execute([DIAL])
    assert node.told == [CallbackFailed(OfferId(3), "failed")], "no link"
    await node.start()
    node.told.clear()
    node.switch.orders.execute([DIAL, DIAL._replace(box="")])
    await node.until(lambda: node.told.count(CallbackFailed(OfferId(3), "failed")) == 2)
    assert "Originate" not in asterisk.names(), "no way out, no number"


async def test_a_dialled_caller_is_found_again_after_a_gap(asterisk: FakeAsterisk, tmp_path: Path) -> None:
    node = Node(asterisk, tmp_path, way_out=opened)
    asterisk.phones[f"geri-arama/{URI}"] = "ring"
    await node.start()
    node.switch.orders.execute([DIAL])
    await node.until(lambda: C in asterisk.channels)
    node.offers = [PENDING._replace(dialling=True, rung=False)]
    node.told.clear()
    asterisk.cut()
    await node.heard(UP)
    assert node.told == [DOWN, UP], "it rings on, and nobody misses the agent's leg"
    asterisk.hangup(asterisk.channels[C], 17)
    await node.heard(CallbackFailed(OfferId(3), "busy"))
    node.told.clear()
    asterisk.cut()
    await node.heard(UP)
    assert CallbackFailed(OfferId(3), "failed") in node.told, "gone in a gap"
    await node.stop()


async def test_rescind_and_overflow_reach_asterisk(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones["2001"] = "ring"
    await node.start()
    asterisk.caller(C)
    node.switch.orders.execute([offer(), Rescind(OfferId(3), C, "stale"), Overflow(C, "PJSIP/trunk-00000000")])
    await node.heard(OfferEnded(OfferId(3), "hangup"))
    await node.until(lambda: asterisk.names()[-3:] == ["Originate", "Hangup", "Redirect"])
    hangup = next(one for one in asterisk.received if one["Action"] == ["Hangup"])
    assert hangup["Cause"] == ["26"] and hangup["Channel"] == [LEG]
    await node.heard(ContactLeft(C, "net"))


async def test_a_rescind_that_comes_before_its_channel_is_tried_again(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    node.switch.orders.execute([Rescind(OfferId(3), C, "stale")])
    await node.until(lambda: asterisk.names().count("Hangup") == 2)
    asterisk.leg(LEG, "2001")
    await node.heard(OfferEnded(OfferId(3), "hangup"))


async def test_an_originate_in_doubt_is_looked_up_not_repeated(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.phones["2001"] = "ring"
    asterisk.knobs.silent = {"Originate"}
    await node.start()
    looks = asterisk.names().count("CoreShowChannels")
    node.offers = [PENDING]
    node.switch.orders.execute([offer()])
    await node.until(lambda: asterisk.names().count("CoreShowChannels") > looks)
    await node.heard(OfferRinging(OfferId(3)))
    assert asterisk.names().count("Originate") == 1 and node.switch.orders.in_doubt == 1


async def test_an_originate_that_never_was_is_found_by_looking(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.knobs.silent = {"Originate"}
    await node.start()
    asterisk._originate = lambda one: None  # type: ignore[method-assign]
    node.offers = [PENDING]
    node.switch.orders.execute([offer()])
    await node.heard(OfferEnded(OfferId(3), "failed"))


async def test_what_happened_in_a_gap_is_told_after_it(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    asterisk.caller("7.2")
    node.contacts = [LiveContact(C, "PJSIP/trunk-0", ContactState.ASSIGNED, NODE),
                     LiveContact(ContactId("7.2"), "PJSIP/trunk-1", ContactState.PENDING, NODE),
                     LiveContact(ContactId("8.1"), "PJSIP/trunk-1", ContactState.PENDING, "another node")]
    node.offers = [TALKING]
    node.cel.write_text("123.5,CHAN_END,7.1,7.1\n")
    node.told.clear()
    asterisk.cut()
    await node.heard(UP)
    assert node.told == [DOWN, TalkEnded(OfferId(3), "caller"), OfferEnded(OfferId(3), "hangup"),
                         ContactGone(C, 123.5, False), UP]
    assert node.switch.reconnects == 1


async def test_a_talk_that_goes_on_through_a_gap_is_no_news_and_ends_right(
        node: Node, asterisk: FakeAsterisk) -> None:
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
    await node.heard(Held(OfferId(3), True))
    node.offers = [TALKING._replace(held=True)]
    await node.until(lambda: node.switch.connected)
    leg.variables[ON_HOLD] = "0"
    asterisk.cut()
    await node.heard(Held(OfferId(3), False))
    asterisk.hangup(leg)
    await node.heard(TalkEnded(OfferId(3), "agent"), OfferEnded(OfferId(3), "hangup"))


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
    node.offers[1] = asked._replace(answered=True, introduced=True)
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
    look = switch_module.snapshot

    async def and_then_the_talk_ends(link: link_module.Link) -> Snapshot:
        found = await look(link)
        asterisk.emit("DeviceStateChange", Device="PJSIP/2001", State="NOT_INUSE")
        await node.heard(SeatChanged(SeatId("2001"), True, False))
        return found

    monkeypatch.setattr(switch_module, "snapshot", and_then_the_talk_ends)
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
    await node.heard(ContactGone(C, None, True))


async def test_a_restart_of_asterisk_while_no_node_ran_is_noticed(asterisk: FakeAsterisk, tmp_path: Path) -> None:
    began: list[str] = []

    async def remember(started: str) -> None:
        began.append(started)

    for stored, failure in (("", False), ("2026-11-25 00:50:11", False), ("2026-11-24 10:00:00", True)):
        node = Node(asterisk, tmp_path, started=stored, remember=remember)
        node.contacts = [LiveContact(C, "PJSIP/trunk-0", ContactState.PENDING, NODE)]
        await node.start()
        assert ContactGone(C, None, failure) in node.told
        await node.until(lambda: began)
        assert began.pop() == "2026-11-25 00:50:11"
        await node.stop()


async def test_a_silent_asterisk_is_left_and_tried_again(node: Node, asterisk: FakeAsterisk) -> None:
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


async def test_a_forged_hangup_is_looked_into_and_not_believed(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    caller, leg = asterisk.caller(C), asterisk.leg(LEG, "2001")
    asterisk.bridge(caller, leg)
    await node.heard(OfferConnected(OfferId(3), C))
    node.contacts, node.offers = [LiveContact(C, caller.name, ContactState.ASSIGNED, NODE)], [TALKING]
    looks = asterisk.names().count("CoreShowChannels")
    asterisk.emit("Hangup", Channel=caller.name, Uniqueid=C, Cause="16")
    await node.until(lambda: asterisk.names().count("CoreShowChannels") > looks)
    await node.until(lambda: not node.switch._translator.doubts)
    assert ContactGone(C) not in node.told and node.switch.mismatches == 0
    del asterisk.channels[C]
    asterisk.emit("Hangup", Channel=caller.name, Uniqueid=C, Cause="16")
    await node.heard(ContactGone(C))


async def test_a_full_inbox_leads_to_a_new_look(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    node.told.clear()
    node.switch.resync("the inbox was full")
    await node.heard(DOWN, UP)


async def test_a_wrong_secret_ends_the_run_with_its_remedy(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.users["engine-actions"] = "changed"
    with pytest.raises(ExceptionGroup) as caught:
        await node.switch.run()
    assert caught.group_contains(AuthFailed, match=r"\[engine-actions\].*manager\.conf")
    assert node.told == [] and asterisk.connections == 2


async def test_an_asterisk_that_never_boots_is_left(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.knobs.booted = False
    node.task = asyncio.create_task(node.switch.run())
    await node.until(lambda: node.switch.reconnects >= 1)
    assert node.told == []
    asterisk.knobs.booted = True
    await node.heard(UP)


async def test_a_refused_snapshot_is_no_state(node: Node, asterisk: FakeAsterisk) -> None:
    asterisk.knobs.refuse = {"CoreShowChannels": "Permission denied"}
    node.contacts = [LiveContact(C, "PJSIP/trunk-0", ContactState.PENDING, NODE)]
    node.task = asyncio.create_task(node.switch.run())
    await node.until(lambda: node.switch.reconnects >= 2)
    assert node.told == []


async def test_stopping_closes_both_links(node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    await node.stop()
    await until_async(lambda: not asterisk._writers)
    assert asterisk.connections == 2


async def test_only_what_is_to_be_recorded_names_a_file(asterisk: FakeAsterisk, tmp_path: Path) -> None:
    node = Node(asterisk, tmp_path, record=lambda offer: f"call-{offer.service}-x" if offer.service == "ps" else "")
    await node.start()
    asterisk.caller(C)
    node.switch.orders.execute([offer(), offer(offer=OfferId(4), service=ServiceId("other"), seat=SeatId("2002"))])
    await node.until(lambda: asterisk.names().count("Originate") == 2)
    first, second = [one["Variable"] for one in asterisk.received if one["Action"] == ["Originate"]]
    assert "SC_RECORD=call-ps-x" in first and not any("SC_RECORD" in one for one in second)
    await node.stop()


async def test_who_asks_is_marked_before_the_caller_is_led_away_and_who_cannot_be_keeps_them(
        node: Node, asterisk: FakeAsterisk) -> None:
    await node.start()
    asterisk.caller(C)
    node.offers = [TALKING]  # or a look would take their leg for a stray one
    asks = Consult(OfferId(3), C, ServiceId("tip"), NODE)
    node.switch.orders.execute([asks])
    await node.until(lambda: node.switch.orders.refused == 1)
    assert asterisk.names()[-1] == "Setvar", "no such leg: the caller stays where they are"
    leg = asterisk.leg(LEG, "2001", "Up")
    node.switch.orders.execute([asks, offer(offer=OfferId(4), seat=SeatId("2002"))])
    await node.until(lambda: "Redirect" in asterisk.names() and asterisk.names()[-1] != "Setvar")
    assert leg.variables == {"SHARED(SC_ASKS)": "1"}
    assert asterisk.names().index("Originate") > asterisk.names().index("Setvar") + 1, "who is asked rings after it"
    [led] = [one for one in asterisk.received if one["Action"] == ["Redirect"]]
    assert (led["Channel"], led["Exten"], "ExtraChannel" in led) == ([C], ["to_tip"], False)
    asterisk.knobs.refuse["Redirect"] = "Channel is gone"
    node.switch.orders.execute([asks])
    await node.until(lambda: leg.variables == {"SHARED(SC_ASKS)": ""})


async def test_a_recording_is_silenced_or_else_stopped(node: Node, asterisk: FakeAsterisk) -> None:
    with pytest.raises(TimeoutError, match="no link"):  # not the same as a talk that nobody records
        await node.switch.orders.hush(LEG, True)
    await node.start()
    assert not await node.switch.orders.hush(LEG, True), "no such leg"
    leg = asterisk.leg(LEG, "2001", "Up")
    leg.variables["SC_RECORD"] = "call-ps-x"
    for on, actions in ((True, ["Setvar", "MixMonitorMute"]), (False, ["MixMonitorMute", "Setvar"])):
        assert await node.switch.orders.hush(LEG, on)
        assert asterisk.names()[-2:] == actions, "on the leg it is paused before it is, and no less than so long"
        [asked] = [one for one in asterisk.received[-2:] if one["Action"] == ["MixMonitorMute"]]
        assert (asked["Channel"], asked["Direction"], asked["State"]) == ([LEG], ["both"], ["1" if on else "0"])
        assert leg.variables["SC_HUSHED"] == ("1" if on else "")
    asterisk.knobs.refuse["MixMonitorMute"] = "Cannot set mute flag"
    asterisk.knobs.refuse["StopMixMonitor"] = "Could not stop monitoring channel"
    assert not await node.switch.orders.hush(LEG, True), "stopped already: somebody is asked"
    assert not await node.switch.orders.hush(LEG, False) and asterisk.names()[-1] == "MixMonitorMute"
    assert leg.variables == {"SC_RECORD": "call-ps-x", "SC_HUSHED": "1"}, "it goes on later, by the keys alone"
    del asterisk.knobs.refuse["StopMixMonitor"]
    assert await node.switch.orders.hush(LEG, True) and asterisk.names()[-2] == "StopMixMonitor"
    assert leg.variables["SC_RECORD"] == "", "it does not begin again"
