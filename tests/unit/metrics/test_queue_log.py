"""The lines of queue_log, as app_queue writes them."""

from __future__ import annotations

import pytest

from metrics.queue_log.lines import FIELD_MAX, LEAD_MAX_S, LineState, clean_name, lines_of, mask_number
from routing.core import events as e
from routing.core.model.centre_model import AgentState, Channel, OfferState, Outcome
from routing.core.model.facts import Moved, Queued, SurveyAnsweredRecorded
from routing.core.model.ids import ContactId, ServiceId
from tests.core.house import EDU, House
from tests.fakes.facts import Story, T, day, text

pytestmark = pytest.mark.unit


def test_an_answered_call() -> None:
    assert text(day()) == [
        f"{T}|1795.0|temsilci|NONE|ENTERQUEUE|||3",
        f"{T}|1795.0|temsilci|a1002|RINGNOANSWER|15000",
        f"{T + 16}|1795.0|temsilci|a1001|CONNECT|16|o2-1795.0|2",
        f"{T + 76}|1795.0|temsilci|a1001|COMPLETECALLER|3|60|1",
    ]


@pytest.mark.parametrize(("outcome", "key", "line"), [
    (Outcome.ABANDONED, "", "NONE|ABANDON|2|3|9"), (Outcome.ABANDONED_SHORT, "", "NONE|ABANDON|2|3|9"),
    (Outcome.FAILURE, "", "NONE|EXITWITHTIMEOUT|2|3|9"), (Outcome.FALLBACK, "", "NONE|EXITWITHTIMEOUT|2|3|9"),
    (Outcome.TURNED_AWAY, "closed", "NONE|EXITWITHTIMEOUT|2|3|9"),
    (Outcome.TURNED_AWAY, "", "NONE|EXITWITHTIMEOUT|2|3|9"),
    (Outcome.LEFT, "message", "NONE|WITHDRAW|2|3|9|message"),
    (Outcome.LEFT, "*", "NONE|EXITWITHKEY|*|2|3|9"), (Outcome.LEFT, "|x", "NONE|EXITWITHKEY||2|3|9"),
    (Outcome.LEFT, "merged", "NONE|WITHDRAW|2|3|9|merged"),
    (Outcome.LEFT, "served", "NONE|WITHDRAW|2|3|9|served")])
def test_calls_that_end_in_the_queue(outcome: Outcome, key: str, line: str) -> None:
    story = Story()
    story.queued("1.1")
    story.at += 9.9
    story.ended("1.1", outcome, key)
    assert text(story)[1:] == [f"{T + 10}|1.1|temsilci|{line}"]


def test_a_wait_is_cut_to_seconds_as_the_store_keeps_it() -> None:
    """The store keeps 8.9996 s as 9 s, so a reader of its facts says 9 too."""
    story = Story()
    story.queued("1.1")
    story.at += 8.9996
    story.ended("1.1", Outcome.ABANDONED)
    assert text(story)[1].endswith("|ABANDON|2|3|9")


def test_rings_that_were_ended_by_others() -> None:
    story = Story()
    story.queued("1.1")
    story.missed("1.1", "a1", OfferState.CANCELED, 1.2345)
    story.missed("1.1", "a2", OfferState.RESCINDED, 0)
    story.missed("1.1", "a3", OfferState.REJECTED, 0.5)
    assert [line.split("|", 3)[3] for line in text(story)[1:]] == [
        "a1|RINGCANCELED|1234", "a2|RINGCANCELED|0", "a3|RINGNOANSWER|500"]


def test_a_cut_talk_is_a_second_visit() -> None:
    story = Story()
    story.queued("1.1", position=4)
    story.connected("1.1", "a1")
    story.talked("1.1", "a1", by="lost")
    story.connected("1.1", "a2")
    story.talked("1.1", "a2", by="agent")
    assert [line.split("|")[4] for line in text(story)] == [
        "ENTERQUEUE", "CONNECT", "COMPLETEAGENT", "ENTERQUEUE", "CONNECT", "COMPLETEAGENT"]
    assert len({tuple(line.split("|")[:5]) for line in text(story)}) == 6


def test_a_pre_connect_hang_up_has_the_verb_of_app_queue() -> None:
    story = Story()
    story.queued("1.1")
    story.missed("1.1", "a1", OfferState.REJECTED, 2.0, "pre_connect_hangup")
    assert text(story)[-1].split("|", 1)[1] == "1.1|temsilci|a1|AGENTDUMP|"


def test_members_and_breaks() -> None:
    story = Story()
    story.agent("a1", AgentState.SIGNED_OUT, AgentState.READY)
    story.agent("a1", AgentState.READY, AgentState.PAUSED, "öğle molası")
    story.at += 5
    story.agent("a1", AgentState.PAUSED, AgentState.READY)
    story.agent("a1", AgentState.READY, AgentState.BUSY)
    story.agent("a1", AgentState.RINGING, AgentState.NOT_RESPONDING, "ring_no_answer")
    story.at += 5
    story.agent("a1", AgentState.NOT_RESPONDING, AgentState.SIGNED_OUT)
    assert [line.split("|", 1)[1] for line in text(story)] == [
        "MANAGER|temsilci|a1|ADDMEMBER|", "MANAGER|gorus_oneri|a1|ADDMEMBER|",
        "NONE|NONE|a1|PAUSEALL|ogle_molasi", "NONE|temsilci|a1|PAUSE|ogle_molasi",
        "NONE|gorus_oneri|a1|PAUSE|ogle_molasi",
        "NONE|NONE|a1|UNPAUSEALL|", "NONE|temsilci|a1|UNPAUSE|", "NONE|gorus_oneri|a1|UNPAUSE|",
        "NONE|NONE|a1|PAUSEALL|Auto-Pause", "NONE|temsilci|a1|PAUSE|Auto-Pause",
        "NONE|gorus_oneri|a1|PAUSE|Auto-Pause",
        "NONE|NONE|a1|UNPAUSEALL|Auto-Unpause", "NONE|temsilci|a1|UNPAUSE|Auto-Unpause",
        "NONE|gorus_oneri|a1|UNPAUSE|Auto-Unpause",
        "MANAGER|temsilci|a1|REMOVEMEMBER|", "MANAGER|gorus_oneri|a1|REMOVEMEMBER|"]


def test_the_callers_number_only_when_asked_for() -> None:
    story = Story()
    story.queued("1.1", box="sealed")
    assert text(story) == [f"{T}|1.1|temsilci|NONE|ENTERQUEUE|||1"]
    opened = lines_of(story.facts[0], LineState(), lambda box: {"sealed": "05321234567|'x"}[box])
    assert opened == [f"{T}|1.1|temsilci|NONE|ENTERQUEUE||05321234567|1"]
    hidden = lines_of(story.facts[0], LineState(), lambda box: mask_number("05321234567"))
    assert hidden == [f"{T}|1.1|temsilci|NONE|ENTERQUEUE||*********67|1"]
    assert mask_number("112") == "***" and mask_number("") == ""


def test_names_are_what_readers_can_keep() -> None:
    assert clean_name("İhbar ve şikâyet|'; DROP") == "Ihbar_ve_sikayet____DROP"
    assert len(clean_name("x" * 99)) == FIELD_MAX


def test_time_never_goes_back() -> None:
    story = Story()
    story.queued("1.1")
    story.at -= 100
    story.ended("1.1", Outcome.ABANDONED)
    assert [line.split("|")[0] for line in text(story)] == [str(T), str(T)]


def test_a_contact_that_moves_leaves_one_queue_and_enters_the_next() -> None:
    state, contact = LineState(), ContactId("1700000000.7")
    queued = Queued(1, 1_700_000_000.0, contact, 1, ServiceId("edu"), Channel.VOICE, 1_700_000_000.0, 0, 4, "", "",
                    False, "")
    assert lines_of(queued, state) == ["1700000000|1700000000.7|edu|NONE|ENTERQUEUE|||4"]
    moved = Moved(2, 1_700_000_090.0, contact, 2, ServiceId("edu"), ServiceId("tip"), Channel.VOICE, "waited", 90.4,
                  2, 3)
    assert lines_of(moved, state) == ["1700000090|1700000000.7|edu|NONE|EXITWITHTIMEOUT|3|3|90",
                                   "1700000090|1700000000.7|tip|NONE|ENTERQUEUE|||2"]
    chosen = moved._replace(seq=3, at=1_700_000_095.0, before=ServiceId("tip"), service=ServiceId("edu"),
                            reason="chosen", waited_s=5.0, left_position=2, position=1)
    assert lines_of(chosen, state) == ["1700000095|1700000000.7|tip|NONE|EXITWITHKEY||2|2|5",
                                    "1700000095|1700000000.7|edu|NONE|ENTERQUEUE|||1"]


def test_a_hold_has_an_end_whatever_ends_the_talk() -> None:
    story = Story()
    story.queued("1.1")
    story.connected("1.1", "a1")
    story.held("1.1", "a1", True)
    story.at += 5
    story.held("1.1", "a1", False)
    story.held("1.1", "a1", True)
    story.talked("1.1", "a1")
    assert [line.split("|", 2)[2] for line in text(story)[2:]] == [
        "temsilci|a1|CALLERONHOLD|", "temsilci|a1|CALLEROFFHOLD|", "temsilci|a1|CALLERONHOLD|",
        "temsilci|a1|CALLEROFFHOLD|", "temsilci|a1|COMPLETECALLER|3|60|1"]
    assert len({tuple(line.split("|")[:5]) for line in text(story)}) == 7, "no event twice in one second"


def test_what_a_caller_says_after_the_talk() -> None:
    story = day()
    story.facts += [SurveyAnsweredRecorded(90, story.at + 9, ContactId("1795.0"), ServiceId("temsilci"), "cared", 5)]
    assert text(story)[-1] == f"{T + 85}|1795.0|temsilci|NONE|SURVEY|cared|5"


@pytest.mark.parametrize("asternic", [False, True])
def test_a_transfer_has_the_legacy_word_with_it_when_asternic_reads(asternic: bool) -> None:
    told = House({"a": 50, "b": 50}, services=(EDU, EDU._replace(id=ServiceId("tip"))))
    told.waits("edu", at=1000.0)
    told.sits("a", at=1001.0)
    told.tell(e.OfferAnswered(told.offers[-1].offer), 1002.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c1"), 1002.0)
    told.tell(e.TransferRequested(told.offers[-1].offer, ServiceId("tip")), 1062.0)
    state = LineState(asternic=asternic)
    found = [line for fact in told.facts for line in lines_of(fact, state) if "|c1|" in line]
    legacy = ["1062|c1|edu|a|TRANSFER|tip|santral|2|60|1"] * asternic
    assert found[2:] == ["1062|c1|edu|a|BLINDTRANSFER|tip|santral|2|60|1", *legacy, "1062|c1|tip|NONE|ENTERQUEUE|||1"]


def test_who_serves_other_queues_from_now_on_is_a_member_of_them() -> None:
    story = Story()
    story.agent("a1", AgentState.SIGNED_OUT, AgentState.READY, services=("edu", "tip"))
    story.at += 5
    story.agent("a1", AgentState.READY, AgentState.PAUSED, "mola", services=("tip", "psy"))
    story.at += 5
    story.agent("a1", AgentState.PAUSED, AgentState.SIGNED_OUT, services=("edu",))
    assert [line.split("|", 1)[1] for line in text(story)] == [
        "MANAGER|edu|a1|ADDMEMBER|", "MANAGER|tip|a1|ADDMEMBER|", "MANAGER|psy|a1|ADDMEMBER|PAUSED",
        "NONE|NONE|a1|PAUSEALL|mola", "NONE|tip|a1|PAUSE|mola", "NONE|psy|a1|PAUSE|mola",
        "MANAGER|edu|a1|REMOVEMEMBER|", "NONE|NONE|a1|UNPAUSEALL|Auto-Unpause", "NONE|tip|a1|UNPAUSE|Auto-Unpause",
        "NONE|psy|a1|UNPAUSE|Auto-Unpause", "MANAGER|tip|a1|REMOVEMEMBER|", "MANAGER|psy|a1|REMOVEMEMBER|"]


def test_a_device_gone_wild_does_not_write_times_of_tomorrow() -> None:
    story = Story()
    for _ in range(10 * LEAD_MAX_S):
        story.agent("a1", AgentState.READY, AgentState.PAUSED, "mola")
        story.agent("a1", AgentState.PAUSED, AgentState.READY)
    found = text(story)
    assert T + LEAD_MAX_S - 1 <= int(found[-1].split("|")[0]) <= T + LEAD_MAX_S
    assert len({tuple(line.split("|")[:5]) for line in found}) == len(found)
