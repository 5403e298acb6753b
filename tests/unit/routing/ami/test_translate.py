"""AMI events to core events, on recorded calls and on every order that was measured."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from routing.ami import bridges, event_translator, phone_states, second_lines
from routing.ami.dropped_calls import DROPPED_MAX
from routing.ami.event_translator import WANTED, EventTranslator
from routing.ami.line_counts import FORMS_A_SUM
from routing.ami.wire import Decoder, Message
from routing.core.events import (
    CallerHungUp,
    CallsRefused,
    Event,
    HoldSet,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    SeatChanged,
    TalkEnded,
    TransferRequested,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId

pytestmark = pytest.mark.unit

WIRE = Path(__file__).resolve().parents[3] / "wire" / "ami"
CALLER = ContactId("7.1")
LEG, PARTNER = "o3-7.1", "p3-7.1"


def ami(event: str, **headers: str) -> Message:
    text = "\r\n".join([f"Event: {event}", "Privilege: call,all", *(f"{k}: {v}" for k, v in headers.items())])
    return Message(text, event, True)


def born() -> list[Message]:
    return [ami("Newchannel", Uniqueid=LEG), ami("DialBegin", DestUniqueid=LEG)]


def ringing() -> Message:
    return ami("Newstate", Uniqueid=LEG, ChannelStateDesc="Ringing")


def up() -> Message:
    return ami("Newstate", Uniqueid=LEG, ChannelStateDesc="Up")


def dial_end(status: str) -> Message:
    return ami("DialEnd", DestUniqueid=LEG, DialStatus=status)


def enter(uniqueid: str, bridge: str = "b") -> Message:
    return ami("BridgeEnter", BridgeUniqueid=bridge, Uniqueid=uniqueid)


def leave(uniqueid: str, bridge: str = "b") -> Message:
    return ami("BridgeLeave", BridgeUniqueid=bridge, Uniqueid=uniqueid)


def hangup(uniqueid: str, cause: int = 16) -> Message:
    return ami("Hangup", Uniqueid=uniqueid, Cause=str(cause))


def failure(uniqueid: str = LEG) -> Message:
    return ami("OriginateResponse", ActionID="x", Response="Failure", Reason="0", Uniqueid=uniqueid)


def run(messages: list[Message], translator: EventTranslator | None = None) -> list[Event]:
    translator = translator or EventTranslator(lambda uniqueid: True)
    return [event for message in messages for event in translator.translate_message(message)]


TALKING = [*born(), ringing(), up(), dial_end("ANSWER"), enter(CALLER), enter(LEG)]
CONNECTED: list[Event] = [OfferRinging(OfferId(3)), OfferAnswered(OfferId(3)), OfferConnected(OfferId(3), CALLER)]


def test_a_recorded_day() -> None:
    """Real bytes: two talks, then one waiting caller and every way an offer can fail."""
    translator = EventTranslator(lambda uniqueid: True)
    messages = Decoder(WANTED).feed((WIRE / "calls.bin").read_bytes())
    events = [e for m in messages for e in translator.translate_message(m)]
    ended = {e.offer: e.reason for e in events if isinstance(e, OfferEnded)}
    assert ended == {1: "hangup", 2: "hangup", 3: "no_answer", 4: "hangup", 5: "busy", 6: "rejected", 7: "rejected",
                     8: "unreachable", 9: "unreachable", 10: "unreachable", 11: "rejected"}
    assert [(e.offer, e.by) for e in events if isinstance(e, TalkEnded)] == [(1, "caller"), (2, "agent")]
    connected = [e for e in events if isinstance(e, OfferConnected)]
    gone = [e.contact for e in events if isinstance(e, CallerHungUp)]
    assert [e.contact for e in connected] == gone[:2] and len(gone) == 3
    assert [e.offer for e in events if isinstance(e, OfferRinging)] == [1, 2, 3, 4, 6, 11]
    assert [e.offer for e in events if isinstance(e, OfferAnswered)] == [1, 2, 11]
    assert translator.count_remembered() == 0 and not translator.doubts
    first = [e for e in events if isinstance(e, SeatChanged) and e.seat == "2001"]
    assert first[0] == SeatChanged(SeatId("2001"), True, True) and first[-1] == SeatChanged(SeatId("2001"), True, False)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_answer_in_any_order_is_told_once(order: tuple[int, ...]) -> None:
    told = [up(), dial_end("ANSWER"), ami("OriginateResponse", Response="Success", Reason="4", Uniqueid=LEG)]
    events = run([*born(), ringing(), *(told[i] for i in order)])
    assert events == [OfferRinging(OfferId(3)), OfferAnswered(OfferId(3))]


@pytest.mark.parametrize("cause, status, reason", [
    (17, "BUSY", "busy"), (19, "", "no_answer"), (18, "", "no_answer"), (21, "NOANSWER", "rejected"),
    (23, "NOANSWER", "rejected"), (26, "NOANSWER", "hangup"), (20, "CHANUNAVAIL", "unreachable"),
    (58, "", "rejected"), (3, "", "unreachable"), (44, "", "unreachable"), (0, "", "failed"),
    (34, "CONGESTION", "failed"),
])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_an_offer_that_fails_ends_once_with_its_cause_in_any_order(
        cause: int, status: str, reason: str, order: tuple[int, ...]) -> None:
    told = [dial_end(status), failure(), hangup(LEG, cause)]
    events = run([*born(), ringing(), *(told[i] for i in order)])
    assert events == [OfferRinging(OfferId(3)), OfferEnded(OfferId(3), reason)]


def test_a_phone_that_never_said_it_rings_is_unreachable() -> None:
    assert run([*born(), failure(), hangup(LEG, 19)]) == [OfferEnded(OfferId(3), "unreachable")]


def test_a_phone_with_sound_before_the_answer_rings_too() -> None:
    """183 instead of 180, as gateways send it: on Asterisk 22 the channel stays `Down`, and DialState alone tells."""
    progress = ami("DialState", DestUniqueid=LEG, DialStatus="PROGRESS", DestChannelStateDesc="Down")
    other = ami("DialState", DestUniqueid=LEG, DialStatus="PROCEEDING", DestChannelStateDesc="Down")
    assert run([*born(), other, progress, progress, ringing(), hangup(LEG, 19)]) == [
        OfferRinging(OfferId(3)), OfferEnded(OfferId(3), "no_answer")]
    assert run([ami("DialState", DestUniqueid="7.9", DialStatus="PROGRESS")]) == []


def test_without_a_channel_the_failure_is_the_end() -> None:
    assert run([failure(), failure()]) == [OfferEnded(OfferId(3), "unreachable")]


@pytest.mark.parametrize(("messages", "reason"), [
    ([hangup(LEG, 19)], "no_answer"), ([up(), hangup(LEG, 19)], "no_answer"), ([up(), hangup(LEG, 16)], "hangup"),
    ([up(), hangup(LEG, 21)], "rejected"), ([hangup(LEG, 17)], "busy"), ([hangup(LEG, 1)], "unreachable")])
def test_an_outside_number_not_taken_by_key_ends_with_its_own_reason(messages: list[Message], reason: str) -> None:
    there = EventTranslator(lambda uniqueid: uniqueid == CALLER, outside={"2001"})
    end = hangup(LEG, int(messages[-1].get("Cause")))
    end = Message(f"{end.text}\r\nChannel: PJSIP/2001-0000000e", end.name, True)
    told = [event for message in [*born(), *messages[:-1], end] for event in there.translate_message(message)]
    assert told[-1] == OfferEnded(OfferId(3), reason)


def test_a_second_originate_does_not_end_the_living_leg() -> None:
    assert run([*TALKING, failure()]) == CONNECTED


def test_an_answered_leg_without_a_bridge_was_not_accepted() -> None:
    assert run([*born(), up(), hangup(LEG, 16)])[-1] == OfferEnded(OfferId(3), "hangup")
    assert run([*born(), up(), hangup(LEG, 21)])[-1] == OfferEnded(OfferId(3), "rejected")


@pytest.mark.parametrize("members", [(CALLER, LEG), (LEG, CALLER)])
def test_connected_in_either_order_of_entering(members: tuple[str, str]) -> None:
    assert run([*born(), up(), *(enter(m) for m in members)]) == [
        OfferAnswered(OfferId(3)), OfferConnected(OfferId(3), CALLER)]


def test_who_is_really_in_the_bridge_is_told() -> None:
    assert run([*born(), up(), enter("9.9"), enter(LEG)])[-1] == OfferConnected(OfferId(3), ContactId("9.9"))


ENDS: list[tuple[list[Message], str, str]] = [
    ([leave(CALLER), leave(LEG), hangup(CALLER), hangup(LEG)], "caller", "hangup"),
    ([leave(CALLER), leave(LEG), hangup(LEG), hangup(CALLER)], "caller", "hangup"),
    ([leave(CALLER), hangup(CALLER), leave(LEG), hangup(LEG)], "caller", "hangup"),
    ([leave(LEG), leave(CALLER), hangup(LEG), hangup(CALLER)], "agent", "hangup"),
    ([leave(LEG), hangup(LEG), leave(CALLER), hangup(CALLER)], "agent", "hangup"),
    ([leave(LEG), leave(CALLER), hangup(CALLER), hangup(LEG)], "agent", "hangup"),
    ([leave(LEG), leave(CALLER), hangup(LEG, 44), hangup(CALLER)], "lost", "lost"),
    ([leave(LEG), hangup(LEG, 27), leave(CALLER), hangup(CALLER)], "lost", "lost"),
    ([leave(CALLER), leave(LEG), hangup(CALLER, 44), hangup(LEG)], "dropped", "hangup"),
]


@pytest.mark.parametrize("messages, by, reason", ENDS)
def test_a_talk_ends_once_by_who_ended_it(messages: list[Message], by: str, reason: str) -> None:
    translator = EventTranslator(lambda uniqueid: True)
    events = run([*TALKING, *messages, *messages], translator)[len(CONNECTED):]
    talk, ended = TalkEnded(OfferId(3), by), OfferEnded(OfferId(3), reason)
    gone = CallerHungUp(CALLER, dropped=by == "dropped")
    once = [event for event in events if event != gone]
    assert once == [talk, ended]
    assert gone in events and (by != "caller" or events.index(talk) < events.index(gone))
    assert translator.count_remembered() == 0


def test_the_agent_hangs_up_and_the_caller_stays() -> None:
    events = run([*TALKING, leave(LEG), leave(CALLER), hangup(LEG)])
    assert events == [*CONNECTED, TalkEnded(OfferId(3), "agent"), OfferEnded(OfferId(3), "hangup")]


def test_one_forged_hangup_ends_no_talk() -> None:
    translator = EventTranslator(lambda uniqueid: True)
    assert run([*TALKING, hangup(CALLER)], translator) == CONNECTED
    assert translator.doubts == {CALLER}


def test_hold_counts_only_in_a_talk() -> None:
    hold, unhold = ami("Hold", Uniqueid=LEG), ami("Unhold", Uniqueid=LEG)
    assert run([*born(), hold, hold]) == []
    assert run([*TALKING, hold, unhold])[-2:] == [HoldSet(OfferId(3), True), HoldSet(OfferId(3), False)]


def test_strangers_and_ghosts_mean_nothing() -> None:
    known = EventTranslator(lambda uniqueid: uniqueid == CALLER)
    ghost = ami("Hangup", Channel="Surrogate/PJSIP/trunk-1", Uniqueid=CALLER, Cause="16")
    assert run([hangup("8.8"), ghost, hold_of("8.8"), ami("Nonsense"), ami("Newstate", Uniqueid="8.8")], known) == []
    assert run([hangup(CALLER)], known) == [CallerHungUp(CALLER)]


def hold_of(uniqueid: str) -> Message:
    return ami("Hold", Uniqueid=uniqueid)


@pytest.mark.parametrize("state, reachable, in_use", [
    ("NOT_INUSE", True, False), ("INUSE", True, True), ("BUSY", True, True), ("RINGING", True, True),
    ("RINGINUSE", True, True), ("ONHOLD", True, True), ("UNAVAILABLE", False, False), ("INVALID", False, False),
    ("UNKNOWN", True, False),
])
def test_device_states(state: str, reachable: bool, in_use: bool) -> None:
    device = ami("DeviceStateChange", Device="PJSIP/2001", State=state)
    assert run([device, device]) == [SeatChanged(SeatId("2001"), reachable, in_use)]
    trunk = EventTranslator(lambda uniqueid: True, lambda seat: seat.startswith("2"))
    assert run([ami("DeviceStateChange", Device="PJSIP/trunk", State=state),
                ami("DeviceStateChange", Device="Queue:net", State=state)], trunk) == []


def line(uniqueid: str, channel: str) -> Message:
    return ami("Newchannel", Uniqueid=uniqueid, Channel=channel)


def device(state: str) -> Message:
    return ami("DeviceStateChange", Device="PJSIP/2001", State=state)


def test_a_phone_is_free_with_the_hangup_of_its_last_channel() -> None:
    """DeviceStateChange comes from another thread of Asterisk, milliseconds later: nobody waits for it."""
    free, used = SeatChanged(SeatId("2001"), True, False), SeatChanged(SeatId("2001"), True, True)
    talk = [device("NOT_INUSE"), line(LEG, "PJSIP/2001-0000000a"), device("INUSE")]
    assert run([*talk, hangup(LEG), device("NOT_INUSE")]) == [free, used, free, OfferEnded(OfferId(3), "hangup")]
    code = line("8.1", "PJSIP/2001-0000000b")
    ended = [event for event in run([*talk, code, hangup(LEG)]) if isinstance(event, SeatChanged)]
    assert ended == [free, used]
    assert run([*talk, code, hangup(LEG), hangup("8.1")])[-2:] == [free, CallerHungUp(ContactId("8.1"))]


def test_a_phone_that_was_in_use_when_we_came_tells_itself_when_it_is_free() -> None:
    """Channels from before are not counted, so the last one known may not be the last."""
    found = run([device("INUSE"), line(LEG, "PJSIP/2001-0000000a"), hangup(LEG)])
    assert [event for event in found if isinstance(event, SeatChanged)] == [SeatChanged(SeatId("2001"), True, True)]
    translator = EventTranslator(lambda uniqueid: True)
    run([device("NOT_INUSE"), line(LEG, "PJSIP/2001-0000000a"), device("INUSE")], translator)
    translator.adopt_snapshot([(LEG, True, True)], [], [("PJSIP/2001", "INUSE")])
    assert not any(isinstance(event, SeatChanged) for event in run([hangup(LEG)], translator))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, names in ((event_translator, ("LEGS_MAX", "ENDED_LEGS_MAX")), (bridges, ("MEMBERS_MAX",)),
                          (phone_states, ("LINES_MAX", "SEATS_MAX"))):
        for name in names:
            monkeypatch.setattr(module, name, 5)
    translator = EventTranslator(lambda uniqueid: True)
    for n in range(20):
        run([ami("Newchannel", Uniqueid=f"o{n}-7.{n}", Channel=f"PJSIP/{n}-0000000{n}"), enter(f"7.{n}", f"b{n}"),
             ami("DeviceStateChange", Device=f"PJSIP/{n}", State="INUSE")], translator)
        run([failure(f"o{n + 100}-1.1")], translator)
    assert translator.count_remembered() <= 20
    assert len(translator.phones._seats) == 5 and len(translator._over) == 5


# -- pairs -------------------------------------------------------------------------------------------------------------


def partner(*messages: Message) -> list[Message]:
    """The same of the partner's leg."""
    return [Message(one.text.replace(LEG, PARTNER), one.name, True) for one in messages]


THREE = [*TALKING, *partner(*born(), ringing(), up(), enter(LEG))]


def test_the_partners_leg_rings_and_joins_without_a_word_and_is_told_to_be_up() -> None:
    theirs = OfferAnswered(OfferId(3), partner=True)
    assert run(THREE) == [*CONNECTED, theirs]
    assert run([*partner(*born(), ringing(), up(), up()), *TALKING, *partner(enter(LEG))]) == [theirs, *CONNECTED]


@pytest.mark.parametrize("cause, reason", [(17, "busy"), (19, "no_answer"), (21, "rejected"), (20, "unreachable")])
def test_a_partner_who_does_not_come_is_told_as_such(cause: int, reason: str) -> None:
    told = run(partner(*born(), ringing(), hangup(LEG, cause)))
    assert told == [OfferEnded(OfferId(3), reason, partner=True)]


def test_a_partners_phone_that_is_not_there_is_told_once() -> None:
    assert run([failure(PARTNER), failure(PARTNER)]) == [OfferEnded(OfferId(3), "unreachable", partner=True)]
    assert run([*partner(*born()), failure(PARTNER)]) == [], "a second Originate; the leg lives"


def test_a_partner_in_a_strangers_bridge_is_a_mismatch() -> None:
    assert run([*partner(*born(), up()), enter("9.9"), enter(PARTNER)])[-1] == OfferConnected(
        OfferId(3), ContactId("9.9"))


@pytest.mark.parametrize("messages, ends", [
    ([leave(PARTNER), hangup(PARTNER), leave(LEG), hangup(LEG, 26), leave(CALLER)],
     [OfferEnded(OfferId(3), "hangup", True), TalkEnded(OfferId(3), "agent"), OfferEnded(OfferId(3), "hangup")]),
    ([leave(PARTNER), hangup(PARTNER, 44), leave(LEG), hangup(LEG, 26), leave(CALLER)],
     [OfferEnded(OfferId(3), "lost", True), OfferEnded(OfferId(3), "hangup")]),
    ([leave(LEG), hangup(LEG), leave(PARTNER), hangup(PARTNER, 26), leave(CALLER)],
     [TalkEnded(OfferId(3), "agent"), OfferEnded(OfferId(3), "hangup")]),
    ([leave(CALLER), hangup(CALLER), leave(PARTNER), hangup(PARTNER, 26), leave(LEG), hangup(LEG, 26)],
     [TalkEnded(OfferId(3), "caller"), CallerHungUp(CALLER), OfferEnded(OfferId(3), "hangup")]),
])
def test_who_leaves_a_talk_of_three(messages: list[Message], ends: list[Event]) -> None:
    translator = EventTranslator(lambda uniqueid: True)
    told = run([*THREE, *messages], translator)
    assert told[:4] == [*CONNECTED, OfferAnswered(OfferId(3), partner=True)] and told[4:] == ends
    assert translator.count_remembered() == 0 or messages[-1].name == "BridgeLeave"


def test_the_transfer_key_of_a_phone_is_told_before_the_end_of_the_talk() -> None:
    numbers = {"3": (ServiceId("tip"), None), "1007": (None, AgentId("a1007"))}
    translator = EventTranslator(lambda _: True, by_number=lambda number: numbers.get(number, (None, None)))
    for message in (*born(), up(), enter(CALLER), enter(LEG), ami("Newchannel", Uniqueid=PARTNER)):
        translator.translate_message(message)

    def sent(extension: str, leg: str = LEG, result: str = "Success") -> list[Event]:
        return translator.translate_message(ami("BlindTransfer", TransfererUniqueid=leg, TransfereeUniqueid=CALLER,
                                        Result=result, Extension=extension))

    assert sent("3") == [TransferRequested(OfferId(3), ServiceId("tip"), None, True)]
    assert sent("1007") == [TransferRequested(OfferId(3), None, AgentId("a1007"), True)]
    assert sent("05320000000") == [TransferRequested(OfferId(3), None, None, True)], "nowhere: in front of the own line"
    assert sent("3", leg=PARTNER) == [] and sent("3", leg="o8-7.2") == [] and sent("3", result="Fail") == []


def test_two_agents_of_one_caller_meet_and_a_caller_who_is_back_is_told_again() -> None:
    translator = EventTranslator(lambda _: True)

    def told(*messages: Message) -> list[Event]:
        return [event for message in messages for event in translator.translate_message(message)]

    asked = "o9-7.1"
    assert told(*born(), up(), enter(CALLER), enter(LEG))[-1] == OfferConnected(OfferId(3), CALLER)
    assert told(leave(CALLER), leave(LEG), ami("Newchannel", Uniqueid=asked), enter(LEG, "c"), enter(asked, "c")) == [
        OfferConnected(OfferId(9), ContactId(LEG))]
    assert told(leave(LEG, "c"), leave(asked, "c"), hangup(asked)) == [OfferEnded(OfferId(9), "hangup")]
    assert told(enter(CALLER, "d"), enter(LEG, "d")) == [OfferConnected(OfferId(3), CALLER)]
    assert told(enter("o4-7.2", "e"), enter("o5-7.3", "e")) == [], "legs of two callers are nobody's meeting"


# -- phones of two lines -----------------------------------------------------------------------------------------------

ASKED, SECOND_LINE = "o4-7.1", "8.1"
SEAT = [ami("Newchannel", Uniqueid=LEG, Channel="PJSIP/2001-0000000a", Context="santral-seat"), *TALKING]
"""Every channel of a phone begins in its context. A leg of the node does not."""
DIALLED = ami("Newchannel", Uniqueid=SECOND_LINE, Channel="PJSIP/2001-0000000b", Context="santral-seat")
ASKS = [*SEAT, ami("Hold", Uniqueid=LEG), DIALLED, ami("Newchannel", Uniqueid=ASKED, Channel="PJSIP/2002-0000000c"),
        enter(SECOND_LINE, "s"), enter(ASKED, "s")]
MEET = OfferConnected(OfferId(4), ContactId(LEG))


def consult_completed(**more: str) -> Message:
    told = {"OrigTransfererUniqueid": LEG, "SecondTransfererUniqueid": SECOND_LINE, "Result": "Success",
            "DestType": "Bridge", "TransfereeUniqueid": CALLER, "TransferTargetUniqueid": ASKED}
    return ami("AttendedTransfer", **told | more)


def test_a_second_line_is_no_caller_and_who_comes_to_it_talks_with_the_agent_of_the_first() -> None:
    assert run(ASKS) == [*CONNECTED, HoldSet(OfferId(3), True), MEET]
    assert run([*ASKS[:-2], enter(ASKED, "s"), enter(SECOND_LINE, "s")])[-1] == MEET
    assert run([DIALLED, ami("Newchannel", Uniqueid=ASKED), enter(SECOND_LINE, "s"), enter(ASKED, "s")]) == []


def test_the_end_of_a_second_line_gives_the_caller_back_on_hold_as_the_phone_has_them() -> None:
    ends = [leave(SECOND_LINE, "s"), hangup(SECOND_LINE)]
    assert run([*ASKS, *ends])[len(run(ASKS)):] == [OfferConnected(OfferId(3), CALLER), HoldSet(OfferId(3), True)]
    back = [ami("Unhold", Uniqueid=LEG), *ends]
    assert run([*ASKS, *back])[-1] == OfferConnected(OfferId(3), CALLER)
    assert run([*ASKS, leave(CALLER), leave(LEG), *ends])[len(run(ASKS)):] == [], "there is nobody to be back with"


def test_a_phone_that_was_lost_on_its_second_line_is_lost_on_the_first() -> None:
    translator = EventTranslator(lambda uniqueid: True)
    run(ASKS, translator)
    assert run([hangup(SECOND_LINE, 44)], translator) == [OfferEnded(OfferId(3), "lost")]
    assert translator.doubts == {CALLER}, "a look ends the leg that is on hold, and nobody is asked about the talk"
    assert TalkEnded(OfferId(3), "agent") not in run([leave(LEG), hangup(LEG, 26)], translator)


def test_whom_the_transfer_key_has_joined_is_led_through_the_dialplan_once_more() -> None:
    """As measured: the caller swaps into the bridge of the second line, then it is told, then the lines end."""
    translator = EventTranslator(lambda uniqueid: True)
    run(ASKS, translator)
    moves = [leave(CALLER), leave(SECOND_LINE, "s"), enter(CALLER, "s")]
    assert run([*moves, consult_completed()], translator) == [OfferConnected(OfferId(4), CALLER)]
    assert translator.take_joined() == [(CALLER, ASKED)] and translator.take_joined() == []
    ends = run([leave(LEG), hangup(LEG), hangup(SECOND_LINE)], translator)
    assert ends == [TalkEnded(OfferId(3), "agent"), OfferEnded(OfferId(3), "hangup")], "the caller has not left"
    for more in ({"Result": "Fail"}, {"OrigTransfererUniqueid": "x", "SecondTransfererUniqueid": "y"}):
        assert run([*ASKS, consult_completed(**more)]) == run(ASKS)


@pytest.mark.parametrize("more", [
    {"DestType": "App"}, {"SecondTransfererUniqueid": "9.9"}, {"SecondTransfererUniqueid": "o5-9.1"}])
def test_a_transfer_to_a_line_on_which_nobody_is_asked_or_to_a_strangers_sends_the_caller_to_the_front(
        more: dict[str, str]) -> None:
    translator = EventTranslator(lambda uniqueid: True)
    run(ASKS, translator)
    other = ami("Newchannel", Uniqueid="9.9", Channel="PJSIP/2009-0000000d", Context="santral-seat")
    assert run([other, consult_completed(**more)], translator) == [TransferRequested(OfferId(3), gone=True)]
    assert translator.take_joined() == []


def test_two_callers_in_one_bridge_are_parted() -> None:
    two = [Message(one.text.replace("7.1", "9.1").replace("o3", "o5"), one.name, True) for one in TALKING[:-2]]
    talks = [*SEAT, *two, enter("9.1", "c"), enter("o5-9.1", "c")]
    parted = run([*talks, leave(CALLER), leave("o5-9.1", "c"), enter(CALLER, "c")])[len(run(talks)):]
    assert parted == [TransferRequested(OfferId(3), gone=True), TransferRequested(OfferId(5), gone=True)]


def test_second_lines_are_known_after_a_reconnect_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    translator = EventTranslator(lambda uniqueid: True)
    places = [(LEG, "PJSIP/2001-0000000a", "santral-agent"), (SECOND_LINE, "PJSIP/2001-0000000b", "santral-seat-line"),
              (CALLER, "PJSIP/trunk-00000001", "santral-hold")]
    translator.adopt_snapshot([(LEG, False, True)], [("b", CALLER), ("b", LEG)], [], places)
    assert run([hangup(SECOND_LINE)], translator) == [OfferConnected(OfferId(3), CALLER)]
    translator.adopt_snapshot([(LEG, False, True)], [("b", CALLER), ("b", LEG)], [], places, {LEG: True})
    assert run([hangup(SECOND_LINE)], translator) == [OfferConnected(OfferId(3), CALLER), HoldSet(OfferId(3), True)]
    monkeypatch.setattr(second_lines, "LINES_MAX", 5)
    run([ami("Newchannel", Uniqueid=f"8.{n}", Channel=f"PJSIP/{n}-0000000{n}", Context="santral-seat")
         for n in range(20)], translator)
    assert len(translator.lines) == 5


def test_a_caller_on_the_way_between_two_lines_is_no_line_after_a_reconnect() -> None:
    """They stand in the context of phones for moments: taken for a line, nothing was told of their call any more."""
    translator = EventTranslator(lambda uniqueid: True, lambda name: name == "2001")
    translator.adopt_snapshot([(LEG, False, True)], [], [], [(CALLER, "PJSIP/trunk-00000001", "santral-seat-line")])
    assert len(translator.lines) == 0


def request(uniqueid: str, cause: int, name: str = "HangupRequest") -> Message:
    return ami(name, Uniqueid=uniqueid, Cause=str(cause))


@pytest.mark.parametrize(("asked", "by"), [
    (request(CALLER, 38), "dropped"), (request(CALLER, 44, "SoftHangupRequest"), "dropped"),
    (request(CALLER, 102), "dropped"), (request(CALLER, 16), "caller"), (request("8.1", 38), "caller")])
@pytest.mark.parametrize("first", [CALLER, LEG])
def test_a_line_that_the_network_lost_is_none_that_the_caller_put_down(asked: Message, by: str, first: str) -> None:
    """Whichever channel's end is told first."""
    translator = EventTranslator(lambda uniqueid: uniqueid == CALLER)
    run(TALKING, translator)
    last = LEG if first == CALLER else CALLER
    events = run([asked, leave(CALLER), leave(LEG), hangup(first), hangup(last)], translator)
    assert [one for one in events if isinstance(one, TalkEnded)] == [TalkEnded(OfferId(3), by)]
    run([hangup("8.1")], translator)
    assert translator.count_remembered() == 0


@pytest.mark.parametrize(("cause", "by"), [(38, "dropped"), (16, "caller")])
def test_a_request_without_a_cause_has_the_talk_wait_for_the_end_of_the_caller(cause: int, by: str) -> None:
    translator, gone = EventTranslator(lambda uniqueid: True), CallerHungUp(CALLER, dropped=by == "dropped")
    asked = ami("HangupRequest", Uniqueid=CALLER)
    assert run([*TALKING, asked, leave(CALLER), leave(LEG), hangup(LEG)], translator) == CONNECTED
    assert translator.count_remembered() > 0
    assert run([hangup(CALLER, cause)], translator) == [
        TalkEnded(OfferId(3), by), OfferEnded(OfferId(3), "hangup"), gone]
    assert translator.count_remembered() == 0 and run([hangup(CALLER, cause)], translator) == [gone]


@pytest.mark.parametrize(("asked", "dropped"), [
    (request(CALLER, 44, "SoftHangupRequest"), True), (request(CALLER, 16), False)])
def test_a_line_is_lost_in_the_hold_loop_too(asked: Message, dropped: bool) -> None:
    """There is no talk to end: sent on, or asked about with the caller in line."""
    assert run([asked, hangup(CALLER)]) == [CallerHungUp(CALLER, dropped=dropped)]


def test_the_cause_of_the_end_alone_tells_it_too() -> None:
    events = run([*TALKING, leave(CALLER), leave(LEG), hangup(CALLER, 38), hangup(LEG)])
    assert TalkEnded(OfferId(3), "dropped") in events


def test_an_agent_who_hangs_up_first_has_ended_the_call_whatever_comes_of_the_caller_then() -> None:
    events = run([*TALKING, leave(LEG), hangup(LEG), leave(CALLER), request(CALLER, 38), hangup(CALLER, 38)])
    assert [one for one in events if isinstance(one, TalkEnded)] == [TalkEnded(OfferId(3), "agent")]


def test_lost_lines_remembered_are_bounded() -> None:
    translator = EventTranslator(lambda uniqueid: True)
    run([request(f"9.{number}", 38) for number in range(DROPPED_MAX + 20)], translator)
    assert len(translator.dropped) == DROPPED_MAX and "9.19" not in translator.dropped and "9.20" in translator.dropped
    translator.adopt_snapshot([], [], [])
    assert translator.count_remembered() == 0


def test_a_callback_that_the_carrier_never_answers_is_counted() -> None:
    translator = EventTranslator(lambda uniqueid: True)
    for number, (state, cause) in enumerate((("Down", "23"), ("Up", "23"), ("Down", "17"))):
        contact = ContactId(f"7.{number}")
        translator.dials.begin_dial(contact, None)
        for message in (ami("Newchannel", Uniqueid=contact), ami("Newstate", Uniqueid=contact, ChannelStateDesc=state),
                        ami("Hangup", Uniqueid=contact, Cause=cause)):
            translator.dials.take_message(message)
    assert translator.dials.silent == 1


def test_a_call_without_a_line_is_counted_and_never_a_contact() -> None:
    translator = EventTranslator(lambda uniqueid: True)
    for exten in ("full_other", "full_other", "words_psikososyal", "other"):
        assert translator.translate_message(
            ami("Hangup", Uniqueid="9.1", Channel="PJSIP/trunk-1", Context="santral-lines", Exten=exten)) == []
    for exten in ("form_plus_13", "form_zero_11", "form_zero_11", "form_text_0", "form_\x1b[2J_11",
                  "form_plus_131", "s"):
        assert translator.translate_message(
            ami("Hangup", Uniqueid="9.3", Channel="PJSIP/trunk-3", Context="santral-refused", Exten=exten)) == []
    assert translator.refusals.numbers == {("plus", 13): 1, ("zero", 11): 2, ("text", 0): 1}
    assert translator.refusals.counts == {("other", "refused"): 2, ("psikososyal", "words"): 1}
    assert translator.refusals.take_sums() == [
        CallsRefused("unknown_number", 2, "zero-11"), CallsRefused("unknown_number", 1, "plus-13"),
        CallsRefused("unknown_number", 1, "text-0"), CallsRefused("no_line", 2)]
    assert translator.refusals.take_sums() == [], "each call is in one sum"
    assert translator.translate_message(
        ami("Hangup", Uniqueid="9.2", Channel="PJSIP/trunk-2", Context="santral-hold", Exten="s")) != []


def test_a_call_that_a_seat_has_too_many_of_is_counted_by_seat_and_logged_once_a_sum() -> None:
    translator = EventTranslator(lambda uniqueid: True)
    for number, exten in enumerate(("full_seat", "full_seat", "full_all", "s")):
        channel = f"PJSIP/2001-0000000{number}"
        for message in (ami("Newchannel", Uniqueid=f"8.{number}", Channel=channel, Context="santral-seat"),
                        ami("Hangup", Uniqueid=f"8.{number}", Channel=channel, Context="santral-seat-calls",
                            Exten=exten)):
            assert translator.translate_message(message) == []
    assert translator.refusals.seats == {"2001": 3}
    for _ in range(2):
        with capture_logs() as logged:
            translator.refusals.log_seats()
        assert logged in ([{"event": "seat.calls_refused", "log_level": "warning", "seat": "2001", "calls": 3}], [])
    assert logged == []


def test_a_flood_of_refused_calls_is_a_few_sums() -> None:
    translator = EventTranslator(lambda uniqueid: True)
    for digits in range(21):
        for form in ("plus", "zeros", "zero"):
            for _ in range(1 + (digits == 13)):
                translator.refusals.take_hangup(ami("Hangup", Context="santral-refused", Exten=f"form_{form}_{digits}"))
    sums = translator.refusals.take_sums()
    assert len(sums) == FORMS_A_SUM + 1 and sums[-1] == CallsRefused("unknown_number", 66 - 8, "other")
    assert sum(one.calls for one in sums) == 66
