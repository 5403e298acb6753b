"""The checker of a lab's history: a real one passes, and each planted fault is found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lab.history.checker import check_history
from lab.history.checks.personal_data import find_personal_data
from lab.history.cli import build_commands
from lab.history.evidence import BadHistory, read_evidence
from lab.history.findings import INVARIANTS
from routing.act_history import ActHistory
from tests.fakes.history import RECORDED, Folder

pytestmark = pytest.mark.unit

STORE, CALLERS, FIRST, SECOND = "store.jsonl", "callers.jsonl", "node-asterisk-1.jsonl", "node-asterisk-2.jsonl"
WITNESS, BOX = "witness-pbx.jsonl", "blackbox-1.csv"
TALKER, WAITER, LEAVER = "1796026700.3", "1796026700.2", "1796026700.1"
"""A caller who talked through the end of the first node, one who waited through it, and one who left meanwhile."""
NUMBER = "0532" + "1234567"

Plant = Callable[["Folder"], None]


def row_of(contact: str) -> Callable[[dict[str, Any]], bool]:
    return lambda line: line["table"] == "contacts" and line["contact"] == contact


def offer_of(contact: str) -> Callable[[dict[str, Any]], bool]:
    return lambda line: line["table"] == "offers" and line["contact"] == contact


def fact_of(contact: str, kind: str) -> Callable[[dict[str, Any]], bool]:
    return lambda line: line["table"] == "facts" and line["kind"] == kind and line.get("contact") == contact


def originate_of(contact: str) -> Callable[[dict[str, Any]], bool]:
    return lambda line: line.get("action") == "Originate" and line["channel"].endswith(contact)


def lose_record(folder: Folder) -> None:
    folder.drop(STORE, row_of(LEAVER))


def add_record(folder: Folder) -> None:
    folder.repeat(STORE, row_of(LEAVER), contact="1796026700.9")
    folder.repeat(STORE, fact_of(LEAVER, "Ended"), contact="1796026700.9")


def call_twice(folder: Folder) -> None:
    act = folder.find(FIRST, originate_of(TALKER))
    folder.append(SECOND, folder.lines(SECOND)[-1] | {"act": "ami", "action": "Originate", "channel": act["channel"]})


def offer_twice(folder: Folder) -> None:
    folder.repeat(STORE, offer_of(TALKER), offer=9, agent="a1001", seat="2001")


def talk_with_another(folder: Folder) -> None:
    folder.change(STORE, offer_of(WAITER), agent="a1051")


def talk_at_another_seat(folder: Folder) -> None:
    folder.change(STORE, offer_of(WAITER), seat="2051")


def serve_later_first(folder: Folder) -> None:
    folder.change(STORE, fact_of(LEAVER, "Queued"), since=lambda since: since - 30.0)
    folder.drop(STORE, fact_of(LEAVER, "Ended"))


def swap_facts(folder: Folder) -> None:
    first, second = (folder.find(STORE, fact_of(TALKER, kind))["version"] for kind in ("Offered", "Connected"))
    folder.change(STORE, fact_of(TALKER, "Offered"), version=second)
    folder.change(STORE, fact_of(TALKER, "Connected"), version=first)


def act_late(folder: Folder) -> None:
    folder.append(FIRST, folder.find(SECOND, originate_of(WAITER)) | {"epoch": 1, "channel": "o9-1796026700.9"})


def act_without_lease(folder: Folder) -> None:
    act = folder.lines(SECOND)[-1]
    folder.append(SECOND, {name: act[name] for name in ("at", "steady")} | {"act": "ami", "action": "Hangup"})


def seat_in_two_talks(folder: Folder) -> None:
    folder.change(WITNESS, lambda line: line.get("id", "").endswith(f"-{WAITER}"),
                  channel="PJSIP/2140-00000009")


def end_before_beginning(folder: Folder) -> None:
    row = folder.find(STORE, offer_of(TALKER))
    folder.change(STORE, offer_of(TALKER), talk_ended_at=row["connected_at"] - 5.0)


def log_number(folder: Folder) -> None:
    log = next((folder.path / "logs").glob("*node.log"))
    log.write_text(log.read_text(encoding="utf-8") + f"[info] call from {NUMBER}\n", encoding="utf-8")


def answer_after_lease(folder: Folder) -> None:
    act = folder.find(FIRST, lambda line: line.get("next") == "hold")
    folder.change(FIRST, lambda line: line.get("next") == "hold" and line["contact"] == act["contact"],
                  next="survey", until=act["steady"] - 2.0)


def contradict_black_box(folder: Folder) -> None:
    folder.drop_text(BOX, lambda text: "BRIDGE_ENTER" in text and f'"{TALKER}"' in text)


def lose_request(folder: Folder) -> None:
    folder.drop(STORE, lambda line: line["table"] == "journal" and line["kind"] == "AgentSignedIn"
                and line["agent"] == "a1140")


def lose_commit(folder: Folder) -> None:
    folder.drop(STORE, fact_of(TALKER, "OfferRang"))


def lose_arrival(folder: Folder) -> None:
    folder.drop(STORE, lambda line: line.get("contact") == LEAVER)


def end_twice(folder: Folder) -> None:
    folder.repeat(STORE, fact_of(LEAVER, "Ended"))


def never_end(folder: Folder) -> None:
    folder.change(STORE, row_of(LEAVER), outcome=None, ended_at=None)


def talk_longer(folder: Folder) -> None:
    folder.change(STORE, offer_of(WAITER), talk_s=lambda talked: talked + 5.0)


def end_late(folder: Folder) -> None:
    folder.change(STORE, row_of(LEAVER), ended_at=folder.find(STORE, row_of(LEAVER))["ended_at"] + 3.0)


def drop_caller(folder: Folder) -> None:
    folder.change(CALLERS, lambda line: line["contact"] == LEAVER, cut=True)


def join_callers(folder: Folder) -> None:
    bridge = folder.find(WITNESS, lambda line: line["event"] == "BridgeEnter" and line["id"] == TALKER)
    folder.insert_after(WITNESS, bridge, bridge | {"id": LEAVER})


def bridge_other_caller(folder: Folder) -> None:
    folder.change(WITNESS, lambda line: line.get("id", "").endswith(f"-{WAITER}"), id=f"o3-{LEAVER}")


def learn_late(folder: Folder) -> None:
    for kind in ("TalkEndedRecorded", "Ended"):
        folder.change(STORE, fact_of(TALKER, kind), at=folder.find(STORE, fact_of(TALKER, kind))["at"] + 30.0)


def leave_agent_talking(folder: Folder) -> None:
    folder.change(STORE, lambda line: line["table"] == "agents" and line["agent"] == "a1140", state="talking")


def forget_reader(folder: Folder) -> None:
    log = next((folder.path / "logs").glob("*queue_log"))
    log.write_text("".join(text for text in log.read_text(encoding="utf-8").splitlines(keepends=True)
                           if not (f"|{TALKER}|" in text and "|CONNECT|" in text)), encoding="utf-8")


def lose_leader(folder: Folder) -> None:
    folder.change(STORE, lambda line: line["table"] == "leases" and line["name"] == "router", epoch=7)


def never_answer_again(folder: Folder) -> None:
    folder.drop(SECOND, lambda line: line["act"] == "ready")


def act_while_copied(folder: Folder, *, led: bool) -> None:
    """Let the node act on while the store is copied, with a commit that the copy lacks. `led`: another one leads."""
    last = folder.lines(SECOND)[-1]
    times = {name: last[name] + 1.0 for name in ("at", "steady")}
    folder.append(STORE, {"at": last["at"], "steady": last["steady"], "table": "copy_began"})
    folder.append(SECOND, last | times | {"fact": [10_000, times["at"]]})
    if led:
        folder.change(STORE, lambda line: line["table"] == "leases" and line["name"] == "router", epoch=3)
        folder.append(SECOND, times | {"act": "led", "epoch": 3, "until": times["steady"] + 5.0})


PLANTED: list[tuple[Plant, str, str, str]] = [
    (lose_record, "I3", "record_missing", LEAVER),
    (add_record, "I3", "record_of_nobody", "1796026700.9"),
    (call_twice, "I2", "double_offer", f"o2-{TALKER}"),
    (offer_twice, "I2", "contact_offered_twice", TALKER),
    (talk_with_another, "I4", "heard_another", WAITER),
    (talk_at_another_seat, "I4", "talk_elsewhere", "offer 3"),
    (serve_later_first, "I1", "place_lost", LEAVER),
    (swap_facts, "I4", "wrong_order", TALKER),
    (act_late, "I2", "act_of_old_epoch", "node-asterisk-1"),
    (act_without_lease, "I2", "act_without_lease", "node-asterisk-2"),
    (seat_in_two_talks, "I2", "two_talks_at_once", "seat 2140"),
    (end_before_beginning, "I4", "end_before_beginning", "offer 2"),
    (log_number, "I7", "personal_data", "node.log"),
    (answer_after_lease, "I2", "act_after_lease", "node-asterisk-1"),
    (contradict_black_box, "I4", "outcome_contradicted", TALKER),
    (lose_request, "I4", "request_missing", "a1140"),
    (lose_commit, "I6", "fact_missing", "fact"),
    (lose_arrival, "I3", "arrival_unrecorded", LEAVER),
    (end_twice, "I3", "ends_wrong", LEAVER),
    (never_end, "I3", "end_missing", LEAVER),
    (end_late, "I4", "time_differs", LEAVER),
    (talk_longer, "I4", "time_differs", "offer 3"),
    (drop_caller, "I1", "caller_dropped", LEAVER),
    (join_callers, "I2", "callers_bridged", TALKER),
    (bridge_other_caller, "I2", "wrong_caller", "offer 3"),
    (learn_late, "I5", "state_late", "a1140"),
    (leave_agent_talking, "I5", "state_wrong", "a1140"),
    (forget_reader, "I6", "reader_missed", TALKER),
    (lose_leader, "I8", "leader_unknown", "asterisk"),
    (never_answer_again, "I8", "not_recovered", "asterisk"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "history")


def test_a_real_history_with_a_killed_node_has_no_findings() -> None:
    found = check_history(RECORDED)
    assert found.findings == () and found.notes == ()
    assert (found.callers, found.contacts) == (4, 4) and found.acts > 60


@pytest.mark.parametrize(("plant", "invariant", "fault", "subject"), PLANTED, ids=[one[0].__name__ for one in PLANTED])
def test_a_planted_fault_is_found_and_named(folder: Folder, plant: Plant, invariant: str, fault: str,
                                            subject: str) -> None:
    plant(folder)
    found = [one for one in check_history(folder.path).findings if one.fault == fault]
    assert found, [one.fault for one in check_history(folder.path).findings]
    assert found[0].invariant == invariant and subject in found[0].subject
    assert found[0].lines and found[0].what.endswith(".")
    for place in found[0].lines:
        name, _, number = place.rpartition(":")
        path = next(folder.path.rglob(name))
        assert 1 <= int(number) <= len(path.read_text(encoding="utf-8").splitlines())


def test_a_node_without_a_lease_may_lead_callers_on_and_decide_nothing(folder: Folder) -> None:
    act = {name: folder.lines(SECOND)[-1][name] for name in ("at", "steady")} | {"act": "agi", "verb": "SET VARIABLE"}
    folder.append(SECOND, act)
    folder.append(SECOND, act | {"next": "hold", "contact": WAITER})
    folder.append(SECOND, act | {"next": "bye", "contact": WAITER})
    folder.append(SECOND, act | {"epoch": 1, "until": act["steady"] - 2.0})
    assert check_history(folder.path).findings == ()
    folder.append(SECOND, act | {"next": "survey", "contact": WAITER})
    assert [one.fault for one in check_history(folder.path).findings] == ["act_without_lease"]


@pytest.mark.parametrize("led", [False, True], ids=["acts", "leader"])
def test_a_store_need_not_have_what_came_while_it_was_copied(folder: Folder, led: bool) -> None:
    act_while_copied(folder, led=led)
    assert check_history(folder.path).findings == ()
    folder.drop(STORE, lambda line: line["table"] == "copy_began")
    assert {"commit_missing"} <= {one.fault for one in check_history(folder.path).findings}


def test_an_offer_that_a_found_talk_took_back_is_no_second_one(folder: Folder) -> None:
    folder.repeat(STORE, offer_of(TALKER), offer=9, agent="a1001", seat="2001", reason="found")
    assert "contact_offered_twice" not in [one.fault for one in check_history(folder.path).findings]


@pytest.mark.parametrize(("after_s", "missing"), [(0.01, False), (1.0, True)])
def test_a_caller_who_hangs_up_as_hold_is_told_has_the_record_of_the_menu(
        folder: Folder, after_s: float, missing: bool) -> None:
    act = folder.find(FIRST, lambda line: line.get("next") == "hold")
    gone = "1796026700.99"
    folder.insert_after(FIRST, act, act | {"contact": gone})
    folder.repeat(STORE, lambda line: line.get("kind") == "MenuEndedRecorded", contact=gone, seq=10_000)
    with (folder.path / BOX).open("a", encoding="utf-8") as box:
        box.write(f'"{act["at"] + after_s}","CHAN_END","{gone}","{gone}"\n')
    assert ("contact_missing" in {one.fault for one in check_history(folder.path).findings}) is missing


def test_each_invariant_has_a_planted_fault() -> None:
    assert {one[1] for one in PLANTED} == set(INVARIANTS)


def test_the_command_tells_findings_by_its_exit_code(folder: Folder) -> None:
    run = CliRunner().invoke(build_commands(), ["check", str(folder.path)])
    assert run.exit_code == 0 and "0 findings" in run.output
    lose_record(folder)
    run = CliRunner().invoke(build_commands(), ["check", str(folder.path)])
    assert run.exit_code == 1 and "record_missing" in run.output and LEAVER in run.output and INVARIANTS["I3"] in (
        run.output)


def test_a_program_reads_the_same_findings(folder: Folder) -> None:
    run = CliRunner().invoke(build_commands(), ["check", str(folder.path), "--json"])
    assert run.exit_code == 0 and json.loads(run.output)["findings"] == []
    lose_record(folder)
    run = CliRunner().invoke(build_commands(), ["check", str(folder.path), "--json"])
    found = json.loads(run.output)["findings"]
    assert run.exit_code == 1 and ("I3", "record_missing") in {(one["invariant"], one["fault"]) for one in found}


def test_a_finding_of_personal_data_does_not_repeat_it(folder: Folder) -> None:
    log_number(folder)
    assert NUMBER[1:] not in CliRunner().invoke(build_commands(), ["check", str(folder.path)]).output


@pytest.mark.parametrize("text", [
    NUMBER, NUMBER[1:], "+90" + NUMBER[1:], "sip:" + NUMBER + "@192.0.2.1", "id 100000001" + "46"])
def test_numbers_are_personal_in_each_notation(text: str) -> None:
    assert find_personal_data(f"x {text} y")


@pytest.mark.parametrize("text", [
    '"at":1796026700.552345', "o12-1796026700.3", '"steady":14162.5012345678', "10000000145", "port 50600"])
def test_times_and_ids_are_not_personal(text: str) -> None:
    assert not find_personal_data(text)


def test_a_folder_that_is_no_history_is_refused_in_one_sentence(folder: Folder, tmp_path: Path) -> None:
    run = CliRunner().invoke(build_commands(), ["check", str(tmp_path)])
    assert run.exit_code == 2 and "is no history" in run.output and run.output.count("\n") == 1
    (folder.path / STORE).unlink()
    with pytest.raises(BadHistory, match=r"store\.jsonl is missing"):
        check_history(folder.path)


def test_a_broken_line_is_named(folder: Folder) -> None:
    with (folder.path / CALLERS).open("a", encoding="utf-8") as file:
        file.write('{"half":\n')
    with pytest.raises(BadHistory, match=r"callers\.jsonl:5"):
        check_history(folder.path)


def test_another_format_is_refused(folder: Folder) -> None:
    header = folder.path / "history.json"
    header.write_text(json.dumps(json.loads(header.read_text(encoding="utf-8")) | {"format": 2}), encoding="utf-8")
    with pytest.raises(BadHistory, match="format 2"):
        check_history(folder.path)


def test_a_history_whose_file_was_full_proves_nothing(folder: Folder) -> None:
    acts = ActHistory(folder.path, "full", bytes_max=1_000)
    for _ in range(20):
        acts.note_action({"Action": "Ping"})
    acts.close()
    path = next(folder.path.glob("node-full-*.jsonl"))
    assert path.stat().st_size <= 1_200 and len(path.read_text(encoding="utf-8").splitlines()) < 20
    with pytest.raises(BadHistory, match="is full"):
        check_history(folder.path)


def test_with_a_clock_that_was_set_times_are_not_compared(folder: Folder) -> None:
    end_late(folder)
    folder.change(SECOND, lambda line: True, at=lambda at: at + 3600.0)
    found = check_history(folder.path)
    assert "time_differs" not in {one.fault for one in found.findings}
    assert any("clock was set" in note for note in found.notes)


def test_a_witness_that_lost_asterisk_is_no_proof_of_an_end(folder: Folder) -> None:
    entered = folder.find(WITNESS, lambda line: line["event"] == "BridgeEnter" and line["id"] == TALKER)
    lines = folder.lines(WITNESS)
    place = lines.index(entered) + 2
    gone = {"at": lines[place]["at"], "steady": lines[place]["steady"], "event": "gone", "pbx": "pbx"}
    folder.write(WITNESS, [*lines[:place], gone])
    found = check_history(folder.path)
    assert found.findings == () and any("lost Asterisk 1 times" in note for note in found.notes)


def test_the_acts_hold_no_number_and_no_value(tmp_path: Path) -> None:
    acts = ActHistory(tmp_path, "a")
    acts.note_action({"Action": "Originate", "Channel": f"PJSIP/{NUMBER}@trunk", "Variable": f"X={NUMBER}"})
    acts.note_command(NUMBER, "SET VARIABLE", ("ARRAY(SC_WORDS,ACD_NEXT)", f"{NUMBER},hold"))
    acts.note_command("1.2", "SET VARIABLE", ("ACD_NEXT", NUMBER))
    acts.note_answer("POST /api/v1/agents/{id}/login", "")
    acts.close()
    text = next(tmp_path.glob("*.jsonl")).read_text(encoding="utf-8")
    assert NUMBER not in text and '"next":"hold"' in text and '"action":"Originate"' in text


def test_reading_a_history_opens_no_database(folder: Folder) -> None:
    shutil.copytree(folder.path, folder.path / "copy")
    assert len(read_evidence(folder.path / "copy").offers()) == 3
