"""Commands to AMI actions."""

from __future__ import annotations

import pytest

from routing.ami.actions import Action, consult_mark_action, format_wait, ring_partner_action, to_action
from routing.ami.wire import BadAction, encode_action
from routing.core.model.centre_model import AnswerMode, Comfort
from routing.core.model.commands import (
    BlindTransfer,
    CancelConsult,
    Offer,
    Partner,
    RefreshHold,
    Rescind,
    StartConsult,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId

pytestmark = pytest.mark.unit

CALLER = ContactId("7.1")
LEG, PARTNER = "o3-7.1", "p3-7.1"


def offer(**changes: object) -> Offer:
    return Offer(OfferId(3), CALLER, "PJSIP/trunk-0000000e", AgentId("a1"), SeatId("2001"), ServiceId("psikososyal"),
                 "Psikososyal destek", 15.0, AnswerMode.MANUAL, False, 62.0)._replace(**changes)  # type: ignore[arg-type]


def test_an_offer_becomes_an_originate() -> None:
    assert to_action(offer(), "4440632") == {
        "Action": "Originate", "Channel": "PJSIP/2001", "ChannelId": "o3-7.1", "Context": "santral-agent",
        "Exten": "s", "Priority": "1", "Async": "true", "Timeout": "15000",
        "CallerID": '"Psikososyal destek 1 dk" <4440632>',
        "Variable": ["SC_CHAN=PJSIP/trunk-0000000e", "SC_SERVICE=psikososyal", "SC_OFFER=3"]}
    assert to_action(offer(whisper=True), "1")["Exten"] == "whisper"
    assert to_action(offer(whisper=True, answer_mode=AnswerMode.PRESS_ONE), "1")["Exten"] == "press"
    assert encode_action(to_action(offer(), "4440632"), "id")


def test_a_talk_that_may_be_recorded_says_into_which_file_and_its_partner_does_not() -> None:
    pair = offer(partner=Partner(AgentId("a2"), SeatId("2002"), AnswerMode.MANUAL, False))
    assert to_action(pair, "1", "call-x-7.1~o3")["Variable"][-1] == "SC_RECORD=call-x-7.1~o3"
    assert pair.partner is not None
    for action in (to_action(pair, "1"), ring_partner_action(pair, pair.partner, "1")):
        assert not any(one.startswith("SC_RECORD") for one in action["Variable"])


@pytest.mark.parametrize(("changes", "exten", "read_s", "by_itself"), [
    ({}, "s", "", False),
    ({"whisper": True}, "whisper", "", False),
    ({"whisper": True, "reading_s": 4.5}, "whisper", "4.5", False),
    ({"reading_s": 4.0}, "read", "4", False),
    ({"answer_mode": AnswerMode.AUTO}, "s", "", True),
    ({"answer_mode": AnswerMode.AUTO_AFTER_WHISPER}, "whisper", "", True),
    ({"answer_mode": AnswerMode.AUTO_AFTER_WHISPER, "reading_s": 3.0}, "read", "3", True),
    ({"answer_mode": AnswerMode.SINGLE_SWITCH, "reading_s": 3.0}, "switch", "18", True),
    ({"answer_mode": AnswerMode.PRESS_ONE}, "press", "", False),
    ({"answer_mode": AnswerMode.PRESS_ONE, "reading_s": 3.0}, "press", "3", False),
])
def test_what_comes_before_the_caller(changes: dict[str, object], exten: str, read_s: str, by_itself: bool) -> None:
    action = to_action(offer(**changes), "1")
    variables = action["Variable"]
    assert action["Exten"] == exten
    assert [one for one in variables if "SC_READING_S" in one] == ([f"SC_READING_S={read_s}"] if read_s else [])
    for header in ("Alert-Info", "answer-after=0"):
        assert any(header in one for one in variables) is by_itself


def test_the_gain_of_a_profile_is_that_of_the_phone_and_never_of_a_page() -> None:
    def gain_of(action: Action) -> list[str]:
        return [one for one in action["Variable"] if one.startswith("VOLUME")]

    louder = offer(comfort=Comfort(gain_db=12.0), partner=Partner(
        AgentId("a2"), SeatId("3002"), AnswerMode.MANUAL, False, comfort=Comfort(gain_db=6.0)))
    assert louder.partner is not None
    assert gain_of(to_action(louder, "1")) == ["VOLUME(TX)=3.9811"]
    assert gain_of(ring_partner_action(louder, louder.partner, "1")) == ["VOLUME(TX)=1.9953"]
    # The page of a seat amplifies by itself.
    assert gain_of(to_action(louder, "1", pages={"2001"})) == []
    assert gain_of(ring_partner_action(louder, louder.partner, "1", {"3002"})) == []
    assert gain_of(to_action(offer(), "1")) == []


def test_a_call_to_the_outside_says_which_centre_it_is_and_nothing_else() -> None:
    action = to_action(offer(remote=True, seat=SeatId("uzak-a1"), answer_mode=AnswerMode.PRESS_ONE), "4440632")
    assert (action["Channel"], action["Exten"], action["CallerID"]) == ("PJSIP/uzak-a1", "press", "<4440632>")


@pytest.mark.parametrize("wrong", [{"leg": ""}, {"service_name": 'x" <1>'}])
def test_an_offer_that_cannot_be_made_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(BadAction):
        to_action(offer(**wrong), "4440632")


def test_a_line_break_in_a_channel_name_is_refused() -> None:
    with pytest.raises(BadAction):
        encode_action(to_action(offer(leg="PJSIP/x\r\nAction: Hangup"), "1"), "id")


def test_rescind_and_refresh() -> None:
    assert to_action(Rescind(OfferId(3), CALLER, "stale"), "1") == {
        "Action": "Hangup", "Channel": "o3-7.1", "Cause": "26"}
    assert to_action(RefreshHold(CALLER, "PJSIP/trunk-1"), "1") == {
        "Action": "Redirect", "Channel": "7.1", "Context": "santral-hold", "Exten": "s", "Priority": "1"}


@pytest.mark.parametrize("seconds, words", [(0, "0 sn"), (44.6, "45 sn"), (59.6, "1 dk"), (62, "1 dk"), (200, "3 dk")])
def test_waits_in_short_words(seconds: float, words: str) -> None:
    assert format_wait(seconds) == words


def test_a_pairs_offer_becomes_two_calls_that_know_of_each_other() -> None:
    mate = Partner(AgentId("a2"), SeatId("2002"), AnswerMode.AUTO, True, 3.0)
    pair = offer(partner=mate)
    lead, other = to_action(pair, "4440632"), ring_partner_action(pair, mate, "4440632")
    assert lead["Variable"] == ["SC_CHAN=PJSIP/trunk-0000000e", "SC_SERVICE=psikososyal", "SC_OFFER=3",
                                "SC_PAIR_PARTNER=p3-7.1"]
    assert (lead["Channel"], lead["ChannelId"], lead["Exten"]) == ("PJSIP/2001", LEG, "s")
    assert (other["Channel"], other["ChannelId"], other["Exten"]) == ("PJSIP/2002", PARTNER, "whisper")
    assert [one for one in other["Variable"] if one.startswith("SC_")] == [
        "SC_CHAN=PJSIP/trunk-0000000e", "SC_SERVICE=psikososyal", "SC_OFFER=3", "SC_READING_S=3", "SC_PAIR_LEAD=o3-7.1"]
    assert any("answer-after=0" in one for one in other["Variable"])


def test_who_is_transferred_is_led_out_of_the_talk() -> None:
    assert to_action(BlindTransfer(CALLER, ServiceId("tip")), "444") == {
        "Action": "Redirect", "Channel": CALLER, "Context": "santral-transferred", "Exten": "to_tip", "Priority": "1"}


def test_the_caller_is_led_away_from_an_agent_who_asks_and_the_agent_is_led_back_by_a_word() -> None:
    assert to_action(StartConsult(OfferId(3), CALLER, ServiceId("tip"), on_second_line=True), "444") == {
        "Action": "Setvar", "Channel": CALLER, "Variable": "__SC_SERVICE", "Value": "tip"}, "nobody is parted"
    assert to_action(StartConsult(OfferId(3), CALLER, ServiceId("tip")), "444") == {
        "Action": "Redirect", "Channel": CALLER, "Context": "santral-transferred", "Exten": "to_tip",
        "Priority": "quiet"}
    assert consult_mark_action(StartConsult(OfferId(3), CALLER, ServiceId("tip"))) == {
        "Action": "Setvar", "Channel": LEG, "Variable": "SHARED(SC_CONSULTING)", "Value": "1"}
    assert to_action(CancelConsult(OfferId(3), CALLER), "444") == {
        "Action": "Setvar", "Channel": LEG, "Variable": "SHARED(SC_CONSULT_BACK)", "Value": "1"}
