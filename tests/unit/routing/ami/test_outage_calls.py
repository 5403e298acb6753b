"""Calls of a gap, as the black box tells them: who came, where to, who took them, and how they ended."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from routing.ami import cel_recovery
from routing.ami.cel_recovery import MENU_RECORDED_S, CelRecovery, ChannelPast, OutageCall, find_unrecorded, record_call
from routing.ami.resync import Channel, Snapshot, channels_to_explain, diff_events
from routing.core.events import ContactExited, MenuEnded, OutageCallFound
from routing.core.model.centre_model import ContactState
from routing.core.model.facts import MenuEndedRecorded
from routing.core.model.ids import ContactId, SeatId, ServiceId
from routing.core.model.live_calls import LiveContact

pytestmark = pytest.mark.unit

C = ContactId("7.1")
CONTACT = LiveContact(C, "PJSIP/trunk-1", ContactState.PENDING, "")
LONG = 2_000
"""Calls of a long gap."""
LINES_BYTES = 1024 * 1024
"""Bound of a read: some hundred lines. It does not grow with the file, of which up to 32 MB count."""
LINE = '"{at:.6f}","{event}","{who}","{of}","{cause}"\n'


def write_cel(file: Path, *rows: tuple[float, str, str]) -> None:
    """Write lines of time, event and channel. A channel may have ` of <caller>`, an event ` <cause>`."""
    with file.open("a") as out:
        for at_s, event, who in rows:
            name, _, of = who.partition(" of ")
            word, _, cause = event.partition(" ")
            out.write(LINE.format(at=at_s, event=word, who=name, of=of or name, cause=cause))


def box_at(file: Path, now: float, explained: float = 0.0) -> CelRecovery:
    return CelRecovery(file, lambda: now, lambda: now, explained=explained)


def test_calls_that_met_no_node_are_found_whole_once_they_have_ended(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    box = box_at(file, 100.0, explained=10.0)
    write_cel(file, (5.0, "SC_NO_NODE", "7.0"), (6.0, "HANGUP", "7.0"),
              (11.0, "CHAN_START", "7.1"), (12.0, "SC_NO_NODE", "7.1"), (14.0, "HANGUP", "7.1"),
              (20.0, "SC_NO_NODE", "7.2"), (22.0, "SC_FALLBACK-temsilci", "7.2"), (25.0, "SC_FALLBACK-psy", "7.2"),
              (30.0, "BRIDGE_ENTER", "7.2"), (40.0, "BRIDGE_ENTER", "7.9"), (41.0, "HANGUP", "7.9"))
    assert box.read_outage_calls() == [OutageCall("7.1", 12.0, ended=14.0, missed=True)], \
        "older ones are known, one still talks"
    assert not box.is_open_call("7.2"), "a failed resync reads them again"
    box.mark_position(box.find_end())
    assert box.is_open_call("7.2") and box.oldest_open == 20.0, "another process begins there"
    write_cel(file, (103.0, "CHAN_END", "7.2"))
    assert box.read_outage_calls() == [OutageCall("7.2", 20.0, "psy", 30.0, 103.0, missed=True, talk_s=73.0)]
    box.mark_position(box.find_end())
    assert box.read_outage_calls() == [] and not box.is_open_call("7.2")


def test_what_is_written_between_a_read_and_its_mark_is_read_next(tmp_path: Path) -> None:
    """A caller of a suspended node hung up while the next leader compared its view, and had no record."""
    file = tmp_path / "cel.csv"
    box = box_at(file, 100.0)
    write_cel(file, (90.0, "SC_CALLED-ana", "7.1"), (92.0, "SC_HOLD-temsilci", "7.1"))
    assert box.read_outage_calls() == []
    write_cel(file, (96.0, "HANGUP 16", "7.1"), (96.5, "SC_CALLED-ana", "7.2"))
    with file.open("a") as out:
        out.write('"96.000000","SC_HO')
    box.mark_position(box.find_end())
    with file.open("a") as out:
        out.write('LD-psy","7.2","7.2",""\n')
    write_cel(file, (98.0, "HANGUP 16", "7.2"))
    assert box.read_outage_calls() == [
        OutageCall("7.1", 90.0, "temsilci", None, 96.0, held=True, entry="ana"),
        OutageCall("7.2", 96.5, "psy", None, 98.0, held=True, entry="ana")]
    box.mark_position(box.find_end())
    assert box.read_outage_calls() == []


def test_a_call_begins_when_its_caller_comes_and_names_who_took_it(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    write_cel(file, (10.0, "SC_CALLED-ana", "7.1"), (15.0, "SC_NO_NODE", "7.1"), (22.0, "SC_FALLBACK-psy", "7.1"),
              (29.0, "SC_MEMBER-2001", "8.1 of 7.1"), (30.0, "BRIDGE_ENTER", "8.1 of 7.1"),
              (30.0, "BRIDGE_ENTER", "7.1"), (41.0, "BRIDGE_EXIT", "7.1"), (41.0, "HANGUP 44", "8.1 of 7.1"),
              # The first phone has vanished, and another one takes the caller.
              (45.0, "SC_MEMBER-2002", "8.2 of 7.1"), (45.0, "BRIDGE_ENTER", "7.1"), (50.0, "BRIDGE_EXIT", "7.1"),
              (53.0, "HANGUP 16", "7.1"),
              # Known callers: one left the menu of a node that lives, one waited by it.
              (11.0, "SC_CALLED-ana", "7.3"), (12.0, "HANGUP 16", "7.3"),
              (12.0, "SC_CALLED-ana", "7.4"), (14.0, "SC_HOLD-edu", "7.4"), (15.0, "BRIDGE_ENTER", "7.4"),
              (16.0, "HANGUP 16", "7.4"))
    assert box_at(file, 100.0).read_outage_calls() == [
        OutageCall("7.1", 10.0, "psy", 30.0, 53.0, missed=True, entry="ana", talk_s=16.0, member="2002"),
        OutageCall("7.3", 11.0, ended=12.0, entry="ana"),
        OutageCall("7.4", 12.0, "edu", None, 16.0, held=True, entry="ana")], "the store knows the last two, or nobody"


def test_calls_of_an_asterisk_that_died_end_with_it(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    write_cel(file, (10.0, "SC_CALLED-ana", "7.1"), (11.0, "SC_NO_NODE", "7.1"),
              (20.0, "SC_CALLED-ana", "7.2"), (21.0, "SC_FALLBACK-psy", "7.2"), (24.0, "BRIDGE_ENTER", "7.2"),
              (30.0, "SC_CALLED-ana", "8.1"), (31.0, "SC_NO_NODE", "8.1"))
    box = box_at(file, 100.0)
    seen = box.find_end()
    write_cel(file, (60.0, "SC_NO_NODE", "8.2"))
    assert box.read_outage_calls({"8.1"}, seen) == [
        OutageCall("7.1", 10.0, "", None, 24.0, missed=True, entry="ana", vanished=True),
        OutageCall("7.2", 20.0, "psy", 24.0, 24.0, missed=True, entry="ana", vanished=True)]
    box.mark_position(box.find_end())
    assert box.is_open_call("8.1") and box.is_open_call("8.2") and not box.is_open_call("7.1")


def test_calls_of_a_dead_asterisk_are_found_though_the_clock_was_set_back(tmp_path: Path) -> None:
    """Their times are to come for a process that began afterwards. Lines after the look are of the new Asterisk."""
    file = tmp_path / "cel.csv"
    write_cel(file, (3_700.0, "SC_CALLED-ana", "7.1"), (3_701.0, "SC_NO_NODE", "7.1"),
              (3_705.0, "SC_CALLED-ana", "7.2"))
    box = box_at(file, 110.0, explained=3_600.0)
    seen = box.find_end()
    write_cel(file, (109.0, "SC_CALLED-ana", "8.1"))
    assert [one.uniqueid for one in box.read_outage_calls({}, seen)] == ["7.1"] and box.has_vanished
    box.mark_position(seen)
    assert box.read_outage_calls() == [], "a node may be about to store the menu of the second"


@pytest.mark.parametrize("moved", ["rotated", "new"])
def test_the_end_of_the_file_that_was_seen_is_known_after_a_rotation(tmp_path: Path, moved: str) -> None:
    file = tmp_path / "cel.csv"
    write_cel(file, (10.0, "SC_CALLED-ana", "7.0"))
    box = box_at(file, 100.0)
    box.mark_position(box.find_end())
    write_cel(file, (20.0, "SC_NO_NODE", "7.1"))
    seen = box.find_end()
    if moved == "rotated":
        write_cel(file, (30.0, "SC_NO_NODE", "8.1"))
    file.rename(tmp_path / "cel.csv.1")
    write_cel(file, (40.0, "SC_NO_NODE", "8.2"))
    if moved == "new":
        seen = box.find_end()
        write_cel(file, (50.0, "SC_NO_NODE", "8.3"))
    gone = {"rotated": ["7.1"], "new": ["7.1", "8.2"]}
    assert [one.uniqueid for one in box.read_outage_calls({}, seen)] == gone[moved]


def test_a_new_process_reads_the_last_second_again(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    write_cel(file, (8.5, "SC_NO_NODE", "7.0"), (9.9996, "SC_NO_NODE", "7.1"), (30.0, "HANGUP 16", "7.0"),
              (31.0, "HANGUP 16", "7.1"))
    assert [one.uniqueid for one in box_at(file, 100.0, explained=10.0).read_outage_calls()] == ["7.1"]


def test_who_hung_up_in_a_menu_is_found_whoever_led_it(tmp_path: Path) -> None:
    """A suspended node records nothing, and leads its menus to their end after another node has begun to lead."""
    file, now = tmp_path / "cel.csv", [100.0]
    box = CelRecovery(file, lambda: now[0], lambda: now[0], explained=0.0)
    write_cel(file, (10.0, "SC_CALLED-ana", "7.1"), (20.0, "SC_LEFT_MENU", "7.1"), (20.0, "HANGUP 16", "7.1"),
              (40.0, "SC_CALLED-ana", "7.2"), (55.0, "SC_LEFT_MENU", "7.2"), (55.0, "HANGUP 16", "7.2"),
              (45.0, "SC_CALLED-ana", "7.3"), (98.0, "SC_CALLED-ana", "7.4"))
    assert box.read_outage_calls() == [OutageCall("7.1", 10.0, ended=20.0, left_menu=True, entry="ana"),
                                       OutageCall("7.2", 40.0, ended=55.0, left_menu=True, entry="ana")], \
        "the store knows whom a node recorded that was alive"
    box.mark_position(box.find_end())
    # 1. The third and fifth hang up now: a node may be about to record it. The lines of the fifth come late.
    write_cel(file, (101.0, "SC_LEFT_MENU", "7.3"), (101.0, "HANGUP 16", "7.3"), (102.0, "SC_CALLED-ana", "7.5"))
    now[0] = 101.0 + MENU_RECORDED_S / 2
    assert box.read_outage_calls() == [] and box.oldest_open == 45.0, "another process begins there"
    box.mark_position(box.find_end())
    assert not box.is_open_call("7.3"), "no look is due for it"
    write_cel(file, (101.1, "CHAN_END", "7.3"), (103.0, "SC_LEFT_MENU", "7.5"), (103.0, "HANGUP 16", "7.5"))
    # 2. A look that fails changes nothing, and each of them is found once.
    for _ in range(2):
        now[0] = 101.0 + MENU_RECORDED_S
        assert box.read_outage_calls() == [OutageCall("7.3", 45.0, ended=101.0, left_menu=True, entry="ana")]
    box.mark_position(box.find_end())
    now[0] = 103.0 + MENU_RECORDED_S
    assert box.read_outage_calls() == [OutageCall("7.5", 102.0, ended=103.0, left_menu=True, entry="ana")]
    box.mark_position(box.find_end())
    now[0] = 200.0
    assert box.read_outage_calls() == [] and box.oldest_open == 98.0


def test_whom_a_menu_led_to_its_end_passed_the_menu_and_is_no_contact(tmp_path: Path) -> None:
    """A suspended node tells callers what they want to hear, or connects them to an outside number, and records it not.
    """
    file = tmp_path / "cel.csv"
    write_cel(file, (10.0, "SC_CALLED-ana", "7.1"), (40.0, "HANGUP 16", "7.1"),
              (11.0, "SC_CALLED-ana", "7.2"), (21.0, "SC_OUTSIDE", "7.2"), (25.0, "BRIDGE_ENTER", "7.2"),
              (60.0, "HANGUP 16", "7.2"), (12.0, "SC_CALLED-ana", "7.3"), (13.0, "SC_OUTSIDE", "7.3"),
              (44.0, "SC_HOLD-edu", "7.3"), (61.0, "HANGUP 16", "7.3"),
              (62.0, "SC_CALLED-ana", "7.4"), (63.0, "SC_LEFT_MENU", "7.4"), (63.0, "HANGUP 16", "7.4"),
              (64.0, "SC_OUTSIDE", "7.5"), (65.0, "HANGUP 16", "7.5"), (66.0, "SC_CALLED-ana", "7.6"))
    desk, box = ServiceId("desk"), box_at(file, 100.0)
    calls = box.read_outage_calls({}, box.find_end())
    assert [record_call(one, desk) for one in calls] == [
        MenuEnded(C, "ana", (), "self_service", 30.0),
        MenuEnded(ContactId("7.2"), "ana", (), "external_transfer", 49.0),
        OutageCallFound(ContactId("7.3"), desk, 12.0, 61.0),
        OutageCallFound(ContactId("7.4"), desk, 62.0, 63.0),
        OutageCallFound(ContactId("7.5"), desk, 64.0, 65.0),
        OutageCallFound(ContactId("7.6"), desk, 66.0, 66.0, failure=True)], "Asterisk died with the last one"


def test_a_call_whose_lines_come_late_has_a_record_with_the_nearest_times(tmp_path: Path) -> None:
    file, now = tmp_path / "cel.csv", [100.0]
    box = CelRecovery(file, lambda: now[0], lambda: now[0])
    box.mark_position(box.find_end())
    now[0] = 160.0
    write_cel(file, (70.0, "SC_CALLED-ana", "7.1"), (71.0, "SC_NO_NODE", "7.1"), (80.0, "HANGUP 16", "7.1"),
              (120.0, "SC_CALLED-ana", "7.2"), (121.0, "SC_NO_NODE", "7.2"), (90.0, "HANGUP 16", "7.2"))
    assert box.read_outage_calls() == [OutageCall("7.1", 100.0, ended=100.0, missed=True, entry="ana"),
                                       OutageCall("7.2", 120.0, ended=120.0, missed=True, entry="ana")]


def test_a_clock_that_was_set_back_between_two_nodes_hides_no_call(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    write_cel(file, (3_690.0, "SC_CALLED-ana", "7.1"), (91.0, "SC_NO_NODE", "7.1"), (95.0, "HANGUP 16", "7.1"),
              (96.0, "SC_CALLED-ana", "7.2"), (97.0, "SC_NO_NODE", "7.2"), (99.0, "HANGUP 16", "7.2"))
    assert [(one.uniqueid, one.ended) for one in box_at(file, 100.0, explained=3_680.0).read_outage_calls()] == [
        ("7.1", 100.0), ("7.2", 99.0)], "the store knows who has a record"


@pytest.mark.parametrize("set_by", [3_600.0, -3_600.0])
def test_a_clock_that_was_set_after_the_begin_of_a_node_hides_no_call(tmp_path: Path, set_by: float) -> None:
    """A new process has marked nothing yet, so that both readings of a time are possible."""
    file, now, by = tmp_path / "cel.csv", [7_000.0], [0.0]
    write_cel(file, (6_950.0, "SC_CALLED-ana", "7.1"), (6_951.0, "SC_LEFT_MENU", "7.1"), (6_951.0, "HANGUP 16", "7.1"))
    box = CelRecovery(file, lambda: now[0], lambda: now[0] + by[0], explained=6_900.0)
    now[0], by[0] = 7_010.0, set_by
    write_cel(file, (7_005.0 + set_by, "SC_CALLED-ana", "7.2"), (7_006.0 + set_by, "SC_NO_NODE", "7.2"),
              (7_007.0 + set_by, "HANGUP 16", "7.2"))
    now[0] = 7_020.0
    assert [(one.uniqueid, one.began, one.ended) for one in box.read_outage_calls()] == [
        ("7.1", 6_950.0, 6_951.0), ("7.2", 7_005.0, 7_007.0)]


def test_lines_of_an_older_asterisk_conf_have_no_cause(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    file.write_text('"20.0","SC_NO_NODE","7.1","7.1"\n"22.0","HANGUP","7.1","7.1"\n')
    box = box_at(file, 100.0)
    assert box.read_past({C}) == {C: ChannelPast(ended=22.0)}
    assert box.read_outage_calls() == [OutageCall(C, 20.0, ended=22.0, missed=True)]


def test_a_long_gap_is_read_within_its_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cel.csv"
    monkeypatch.setattr(cel_recovery, "OUTAGE_CALLS_MAX", 3)
    monkeypatch.setattr(cel_recovery, "OPEN_CALLS_MAX", 2)
    for number in range(5):
        write_cel(file, (10.0 + number, "SC_NO_NODE", f"7.{number}"), (20.0 + number, "HANGUP 16", f"7.{number}"),
                  (30.0 + number, "SC_NO_NODE", f"8.{number}"))
    box = box_at(file, 100.0)
    assert [one.uniqueid for one in box.read_outage_calls()] == ["7.2", "7.3", "7.4"] and box.left_out == 2
    box.mark_position(box.find_end())
    assert [box.is_open_call(f"8.{number}") for number in range(5)] == [False, False, False, True, True]


def test_a_known_caller_who_talked_in_the_fallback_queue_did_not_give_up(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    write_cel(file, (20.0, "SC_FALLBACK-psy", C), (29.0, "SC_MEMBER-2001", f"8.1 of {C}"), (30.0, "BRIDGE_ENTER", C),
              (45.0, "BRIDGE_EXIT", C), (50.0, "HANGUP 16", C))
    past = box_at(file, 100.0).read_past({C})
    assert past == {C: ChannelPast(None, 50.0, 30.0, 15.0, "2001", 16)}
    assert diff_events(Snapshot("x", {}, ()), [CONTACT], [], past=past) == [
        ContactExited(C, "fallback", exited_at=30.0, seat=SeatId("2001"), talk_s=15.0)]


def test_a_known_caller_who_still_talks_there_left_the_queue_when_the_talk_began(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    write_cel(file, (20.0, "SC_FALLBACK-psy", C), (29.0, "SC_MEMBER-2001", f"8.1 of {C}"), (30.0, "BRIDGE_ENTER", C))
    talks = Snapshot("x", {C: Channel(C, "PJSIP/trunk-1", "Up", "b", "santral-fallback")}, ())
    assert channels_to_explain(talks, [CONTACT], []) == {C}
    past = box_at(file, 100.0).read_past({C})
    assert diff_events(talks, [CONTACT], [], past=past) == [
        ContactExited(C, "fallback", exited_at=30.0, seat=SeatId("2001"))]


def test_a_long_gap_is_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    ended = [row for number in range(LONG) for row in ((1.0, "SC_CALLED-ana", f"7.{number}"),
                                                       (2.0, "HANGUP", f"7.{number}"))]
    write_cel(file, *ended, (3.0, "SC_NO_NODE", "8.1"), (4.0, "HANGUP", "8.1"))
    box = box_at(file, 100.0, explained=2.5)
    tracemalloc.start()
    try:
        assert [one.uniqueid for one in box.read_outage_calls()] == ["8.1"] and set(box.read_past({"8.1"})) == {"8.1"}
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < LINES_BYTES, "neither the file nor its calls are in memory at once"


@pytest.mark.parametrize(("outcome", "at", "lines", "whole"), [
    ("error", 50.0, [(20.0, "SC_FALLBACK-psy"), (30.0, "BRIDGE_ENTER"), (40.0, "BRIDGE_EXIT")], False),
    ("abandoned", 20.0, [(20.0, "SC_FALLBACK-psy")], False),
    ("abandoned", 59.0, [(20.0, "SC_FALLBACK-psy"), (30.0, "BRIDGE_ENTER"), (40.0, "BRIDGE_EXIT")], False),
    ("queued", 15.0, [(15.0, "SC_HOLD-psy")], False),
    ("abandoned", 60.0, [(20.0, "SC_NO_NODE")], True),
    ("self_service", 40.0, [(20.0, "SC_NO_NODE")], True),
    ("error", 61.0, [(60.0, "SC_LEFT_MENU")], True),
    ("abandoned", 30.0, [(20.0, "SC_NO_NODE"), (30.0, "SC_OUTSIDE")], True)])
def test_a_path_records_a_call_only_if_it_reaches_its_end(
        tmp_path: Path, outcome: str, at: float, lines: list[tuple[float, str]], whole: bool) -> None:
    """A frozen node ended the path of a caller whom the fallback queue served, who was then in no other record."""
    file = tmp_path / "cel.csv"
    write_cel(file, (10.0, "SC_CALLED-ana", "7.1"), *((time, event, "7.1") for time, event in lines),
              (60.0, "HANGUP 16", "7.1"))
    calls = box_at(file, 100.0).read_outage_calls()
    path = MenuEndedRecorded(1, at, ContactId("7.1"), "ana", ("karsilama",), outcome, at - 10.0)
    assert find_unrecorded(calls, {}) == calls and find_unrecorded(calls, {"7.1": None}) == []
    assert find_unrecorded(calls, {"7.1": path}) == ([] if whole else calls)
