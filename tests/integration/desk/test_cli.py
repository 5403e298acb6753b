"""`santral status` and `santral agent` against a running API."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import resource
import time
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from typer.testing import CliRunner

from desk import table_words
from desk.announce_cli import end_of
from desk.api.route import AGENT
from desk.api.routes import ROUTES
from desk.api.views import LastKnownGood
from desk.cli import build_commands
from desk.client import Node, call_api, find_node
from desk.table_words import OVER_LIMIT, PHONE_FAULTS, STATES
from desk.tables import agent_table, format_duration, status_page
from drawing.texts import Phrase
from routing.core import events
from routing.core.model.centre_model import AgentState, PauseReason
from routing.core.model.errors import DistressUnconfirmed, QualificationNeeded, SeatTaken, UnknownReason
from routing.core.model.ids import AgentId, ContactId, OfferId, SkillId
from tests.fakes.desk import SOUND, Desk, running

pytestmark = pytest.mark.integration


async def santral(*args: Any) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, build_commands(), [str(arg) for arg in args],
                                   env={"COLUMNS": "120", "TERM": "dumb"})


def state(folder: Path, desk: Desk) -> Path:
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "node.json").write_text(json.dumps({"http": desk.base.removeprefix("http://")}))
    (folder / "secrets" / "tokens.json").write_text(json.dumps(
        {"admin": "adm-token", "supervisor": "sup-token", "agents": {"a1": "own-token"}}))
    return folder


async def test_status_shows_queues_and_agents(tmp_path: Path) -> None:
    async with running() as desk:
        found = await santral("status", "--state", state(tmp_path, desk))
        assert found.exit_code == 0, found.output
        for word in ("Asterisk bağlı", "Temsilci", "0:12", "a1", "2001", "uygun"):
            assert word in found.output
        assert "own-token" not in found.output


async def test_tables_are_in_the_language_of_the_centre(tmp_path: Path) -> None:
    async with running() as desk:
        node = ("--state", state(tmp_path, desk))
        commands = (("status", "--all"), ("callbacks",), ("contacts",), ("agent", "reasons"), ("agent", "skills", "a1"))
        turkish = [(await santral(*words, *node)).output for words in commands]
        desk.house.tables_in = "en"
        english = [(await santral(*words, *node)).output for words in commands]
        letters = set("ığşİĞŞ")
        assert all(letters & set(one) for one in turkish[:2]) and "Asterisk is connected" in english[0]
        for told, words in zip(english, ("signed in", "next", "points", "counts as", "Level"), strict=True):
            assert words in told and not letters & set(told), told


def test_every_word_of_a_table_is_in_both_languages() -> None:
    def list_phrases(found: object) -> Iterator[Phrase]:
        if isinstance(found, Phrase):
            yield found
        elif isinstance(found, dict | tuple):
            for one in found.values() if isinstance(found, dict) else found:
                yield from list_phrases(one)

    phrases = list(list_phrases(vars(table_words)))
    assert len(phrases) > 70
    for one in phrases:
        names = [sorted(re.findall(r"\{\w+\}", text)) for text in one]
        assert one.tr and one.en and names[0] == names[1], one


@pytest.mark.parametrize(("reason", "shown"), [("declines", True), ("phone_drops", True), ("ring_no_answer", False)])
def test_a_supervisor_sees_that_it_is_the_phone_which_refuses(reason: str, shown: bool) -> None:
    out = Console(width=160, record=True, file=StringIO())
    one = {"id": "a1", "team": "bir", "seat": "2001", "state": "not_responding", "reason": reason, "since": 1.0,
           "service": None, "pause_pending": "", "over_limit": False, "break_postponed": False}
    out.print(agent_table({"at": 3.0, "agents": [one]}, all_of_them=False))
    told = out.export_text()
    assert "yanıt vermiyor" in told and any(words.tr in told for words in PHONE_FAULTS.values()) is shown
    assert not shown or PHONE_FAULTS[reason].tr in told


def test_a_supervisor_sees_who_is_over_the_limit_of_a_pause() -> None:
    out = Console(width=160, record=True, file=StringIO())
    one = {"id": "a1", "team": "bir", "seat": "2001", "state": "paused", "reason": "yemek", "since": 1.0,
           "service": None, "pause_pending": "", "over_limit": True, "break_postponed": False}
    out.print(agent_table({"at": 3.0, "agents": [one]}, all_of_them=False))
    assert f"molada ({OVER_LIMIT.tr})" in out.export_text()


async def test_skills_are_shown_added_and_replaced(tmp_path: Path) -> None:
    async with running() as desk:
        node = ("--state", state(tmp_path, desk))
        desk.inbox.agents = tuple(one._replace(skills=(("tr", 80), ("edu", 5)), skills_for_now=True)
                                  if one.agent == "a1" else one for one in desk.inbox.agents)
        asked = len(desk.inbox.events)
        shown = await santral("agent", "skills", "a1", *node)
        assert shown.exit_code == 0, shown.output
        assert "edu" in shown.output and "80" in shown.output
        assert len(desk.inbox.events) == asked, "to look changes nothing"
        for words, event in (
                (("edu=60",), events.AgentSkillsChanged(AgentId("a1"), ((SkillId("edu"), 60),), added=True)),
                (("edu=60", "--only"), events.AgentSkillsChanged(AgentId("a1"), ((SkillId("edu"), 60),))),
                (("--as-configured",), events.AgentSkillsChanged(AgentId("a1"), None))):
            done = await santral("agent", "skills", "a1", *words, *node)
            assert done.exit_code == 0 and desk.inbox.events[-1] == event, done.output
        for wrong in (("--only",), ("edu=60", "--as-configured"), ("edu",)):
            assert (await santral("agent", "skills", "a1", *wrong, *node)).exit_code == 2


async def test_a_qualification_for_a_day_is_refused_with_one_message(tmp_path: Path) -> None:
    async with running(QualificationNeeded("psy: a service for distress asks for it")) as desk:
        refused = await santral("agent", "skills", "a1", "psy=60", "--state", state(tmp_path, desk))
        assert refused.exit_code and "Bu beceri bir yeterliliktir" in " ".join(refused.output.split()), refused.output


async def test_the_reasons_for_a_pause_are_a_table(tmp_path: Path) -> None:
    async with running(UnknownReason("no reason 'sinema' for a pause in the centre; known: mola, egitim")) as desk:
        desk.inbox.reasons = (PauseReason("mola", "Mola", "Break", default=True, digit="1"),
                                    PauseReason("egitim", "Eğitim", "Training", True, 7200.0))
        folder = state(tmp_path, desk)
        found = await santral("agent", "reasons", "--state", folder)
        assert found.exit_code == 0, found.output
        rows = found.output.splitlines()
        assert "mola *\tMola\t1\tmola\t-" in rows, found.output
        assert "egitim\tEğitim\t-\tçalışma\t2:00:00" in rows, found.output
        found = await santral("agent", "pause", "a1", "--reason", "sinema", "--state", folder)
        assert found.exit_code == 1 and "known: mola, egitim) [unknown_reason]" in " ".join(found.output.split())


async def test_a_node_that_is_older_than_the_command_has_a_status(tmp_path: Path) -> None:
    async with running() as desk:
        node = find_node(state(tmp_path, desk), None, None)
        found = await asyncio.to_thread(call_api, node, "GET", "/api/v1/status")
    del found["last_known_good"], found["unservable_needs"]
    out = Console(width=160, record=True, file=StringIO())
    out.print(status_page(found))
    assert "Asterisk bağlı" in out.export_text()


async def test_status_says_that_the_files_of_the_centre_are_not_in_force(tmp_path: Path) -> None:
    async with running() as desk:
        assert "HATA" not in (await santral("status", "--state", state(tmp_path, desk))).output
        desk.house.instead = LastKnownGood(since=1_764_000_000.0, problems=["services.yaml:12: [b]. Fix it."])
        found = await santral("status", "--state", state(tmp_path, desk))
        assert found.exit_code == 0, found.output
        for word in ("MERKEZİN DOSYALARINDA HATA VAR: 25.11.2025 01:00", "services.yaml:12: [b]. Fix it.",
                     "santral reload"):
            assert word in found.output


@pytest.mark.parametrize(("looks", "away"), [(2, True), (3, False)], ids=["away", "back"])
async def test_a_watcher_waits_for_a_node_that_is_started_again(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: int, away: bool) -> None:
    """The second look finds nobody, the third one finds it again, where its file says; the one after is Ctrl-C."""
    seen = 0
    async with running() as desk:
        folder = state(tmp_path, desk)
        home = (folder / "node.json").read_text()

        def restarting(node: Node, *asked: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen > looks:
                raise KeyboardInterrupt
            (folder / "node.json").write_text(home if seen > 1 else '{"http": "127.0.0.1:1"}')
            return call_api(node, *asked)

        monkeypatch.setattr("desk.cli.call_api", restarting)
        monkeypatch.setattr("desk.cli.REFRESH_S", 0.0)
        found = await santral("status", "--watch", "--state", folder)
    assert found.exit_code == 0, found.output
    assert ("YANIT VERMİYOR" in found.output) is ("no node answers" in found.output) is away
    assert ("Temsilciler" in found.output) is not away


async def test_status_says_what_nobody_can_take_today(tmp_path: Path) -> None:
    async with running() as desk:
        desk.house.left = ["menu.yaml:79: [b]. Fix it."]
        found = await santral("status", "--state", state(tmp_path, desk))
    assert found.exit_code == 0, found.output
    for word in ("BAKABİLECEK KİMSE YOK", "menu.yaml:79: [b]. Fix it.", "santral reload"):
        assert word in found.output


async def test_recordings_are_listed_and_written(tmp_path: Path) -> None:
    async with running() as desk:
        folder = state(tmp_path, desk)
        shown = await santral("recordings", "list", "--kind", "call", "--since", "2025-11-01", "--state", folder)
        assert shown.exit_code == 0 and "20251125-0123456789abcdef" in shown.output and "1:05" in shown.output
        out = tmp_path / "talk.wav"
        args = ("recordings", "export", "20251125-0123456789abcdef", "--out", out, "--state", folder)
        assert (await santral(*args)).exit_code == 0
        assert out.read_bytes() == SOUND and out.stat().st_mode & 0o777 == 0o600
        assert (await santral(*args)).exit_code == 1, "nothing is overwritten"
        for wrong, told in (("missing", "unknown_recording"), ("damaged", "broke off"), ("../x", "no id")):
            found = await santral("recordings", "export", wrong, "--out", tmp_path / "other.wav", "--state", folder)
            assert found.exit_code != 0 and told in found.output
            assert not (tmp_path / "other.wav").exists()


async def test_recordings_are_listed_by_the_clock_of_the_centre(tmp_path: Path) -> None:
    """Of the fake: Tokyo, where it was 01:00 on the 25th."""
    async with running() as desk:
        bounds = ("--since", "2025-11-25", "--until", "2025-11-26T12:00:00")
        shown = await santral("recordings", "list", *bounds, "--state", state(tmp_path, desk))
        assert shown.exit_code == 0 and "2025-11-25 01:00:00" in shown.output, shown.output
        (_, wanted), = desk.house.asked
    ends = [datetime.fromtimestamp(at, ZoneInfo("Asia/Tokyo")) for at in (wanted.since, wanted.until)]
    assert [f"{at:%Y-%m-%dT%H:%M}" for at in ends] == ["2025-11-25T00:00", "2025-11-26T12:00"]


@pytest.mark.parametrize("room", [100_000, len(SOUND) - 1], ids=["within", "at its end"])
async def test_a_disk_that_is_full_is_no_fault_of_the_node_and_leaves_no_part(tmp_path: Path, room: int) -> None:
    """A limit of the process plays the disk: it has its own word, and the last bytes come when the file is closed."""
    out = tmp_path / "talk.wav"
    async with running() as desk:
        args = ("recordings", "export", "20251125-0123456789abcdef", "--out", out, "--state", state(tmp_path, desk))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        try:
            found = await santral(*args)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (found.exit_code, found.output) == (1, f"santral: {out}: {os.strerror(errno.EFBIG)}\n")
    assert not out.exists()


async def test_who_ends_the_player_has_heard_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player = tmp_path / "aplay"
    player.write_text("#!/bin/sh\nexec head -c 10 > /dev/null\n")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    async with running() as desk:
        found = await santral("recordings", "play", "endless", "--state", state(tmp_path, desk))
    assert (found.exit_code, found.output) == (0, "")


@pytest.mark.parametrize("url", ["http://127.0.0.1:abc", "http://[::1", "127.0.0.1:99999", "http://", "ftp://127.0.0.1",
                                 "http://a b"])
async def test_an_address_that_is_none_is_one_sentence(tmp_path: Path, url: str) -> None:
    token = tmp_path / "token"
    token.write_text("own-token\n")
    for args in (("status",), ("recordings", "export", "20251125-0123456789abcdef", "--out", tmp_path / "a.wav")):
        found = await santral(*args, "--url", url, "--token-file", token)
        assert found.exit_code == 1
        assert found.output == f"santral: {url} is no address; write http://127.0.0.1:8063\n"


async def test_a_recording_is_played_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = tmp_path / "heard"
    player = tmp_path / "aplay"
    player.write_text(f"#!/bin/sh\ncat > {heard}\n")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    async with running() as desk:
        found = await santral("recordings", "play", "20251125-0123456789abcdef", "--state", state(tmp_path, desk))
        assert found.exit_code == 0, found.output
    assert heard.read_bytes() == SOUND


async def test_a_lab_is_found_by_its_own_file(tmp_path: Path) -> None:
    async with running() as desk:
        lab, node = tmp_path / "lab", tmp_path / "node"
        lab.mkdir()
        node.mkdir()
        state(node, desk)
        (lab / "lab.json").write_text(json.dumps({"http": desk.base.removeprefix("http://"), "state": str(node)}))
        assert (await santral("status", "--lab", lab)).exit_code == 0


async def test_each_step_of_an_agent(tmp_path: Path) -> None:
    async with running() as desk:
        folder = state(tmp_path, desk)
        for args, event in (
            (("login", "a1", "--seat", "2001"), events.AgentSignedIn),
            (("pause", "a1", "--reason", "çay"), events.AgentPaused), (("resume", "a1"), events.AgentResumed),
            (("wrapup-end", "a1"), events.WrapUpEnded), (("wrapup-extend", "a1"), events.WrapUpExtended),
            (("wrapup-request", "a1"), events.WrapUpRequested), (("logout", "a1"), events.AgentSignedOut),
        ):
            found = await santral("agent", *args, "--state", folder)
            assert found.exit_code == 0, found.output
            assert found.output == "a1: uygun, masa 2001\n" and isinstance(desk.inbox.events[-1], event)
        # a2 has no token in the file: the supervisor's is taken
        assert (await santral("agent", "resume", "a2", "--state", folder)).exit_code == 0


async def test_a_yes_no_of_the_talk_is_set_and_taken_back(tmp_path: Path) -> None:
    async with running() as desk:
        desk.inbox.agents = tuple(one._replace(offer=OfferId(7), contact=ContactId("c1")) for one in desk.inbox.agents)
        folder = state(tmp_path, desk)
        for args, flagged in ((("a1",), True), (("a1", "--undo"), False)):
            found = await santral("agent", "flag-abusive", *args, "--state", folder)
            assert found.exit_code == 0, found.output
            assert desk.inbox.events[-1] == events.CallerFlaggedAbusive(OfferId(7), flagged)


def test_each_route_with_a_command_needs_the_agent_and_at_most_one_yes_no() -> None:
    routes = [route for route in ROUTES if route.command]
    assert len(routes) > 8
    for route in routes:
        assert route.method == "POST" and route.path.startswith(f"{AGENT}/"), route.path
        fields = [] if route.request is None else [one.annotation for one in route.request.model_fields.values()]
        assert fields in ([], [bool]), route.path


async def test_callbacks_are_a_table_and_one_is_cancelled(tmp_path: Path) -> None:
    async with running() as desk:
        folder = state(tmp_path, desk)
        found = await santral("callbacks", "--state", folder)
        assert found.exit_code == 0, found.output
        for word in ("Geri aramalar", "temsilci", "5:00", "1:30 sonra", "sırası gelince"):
            assert word in found.output, found.output
        found = await santral("callbacks", "cancel", "a2", "--state", folder)
        assert found.exit_code == 0 and isinstance(desk.inbox.events[-1], events.ContactExited), found.output
        found = await santral("callbacks", "--state", folder, "cancel", "c9")
        assert found.exit_code == 1 and "[unknown_contact]" in found.output


async def test_who_waits_is_a_table_and_one_is_given_points(tmp_path: Path) -> None:
    async with running() as desk:
        folder = state(tmp_path, desk)
        found = await santral("contacts", "--state", folder)
        assert found.exit_code == 0, found.output
        for word in ("Bekleyenler", "temsilci", "5:00", "puan"):
            assert word in found.output, found.output
        found = await santral("contacts", "prioritise", "a2", "4", "--state", folder)
        assert found.exit_code == 0 and desk.inbox.events[-1] == events.ContactPrioritised("a2", 4, "supervisor")  # type: ignore[arg-type]
        found = await santral("contacts", "prioritise", "a2", "-5", "--state", folder)
        assert found.exit_code == 0, found.output
        assert desk.inbox.events[-1] == events.ContactPrioritised("a2", -5, "supervisor")  # type: ignore[arg-type]
        found = await santral("contacts", "prioritise", "a2", "--stat", folder)
        assert found.exit_code == 2, "a wrong option is one still"
        found = await santral("contacts", "--state", folder, "prioritise", "--", "c9", "-4")
        assert found.exit_code == 1 and "[unknown_contact]" in found.output


async def test_one_who_waits_is_moved_or_withdrawn(tmp_path: Path) -> None:
    async with running() as desk:
        folder = state(tmp_path, desk)
        for words, event in (
                (("move", "a2", "--service", "bilgi", "--agent", "a1"),
                 events.MoveRequested("a2", "bilgi", "a1", "supervisor")),  # type: ignore[arg-type]
                (("withdraw", "a2"), events.WithdrawalRequested("a2", "", False, None, "supervisor")),  # type: ignore[arg-type]
                (("withdraw", "a2", "--prompt", "bekleme-veda"),
                 events.WithdrawalRequested("a2", "bekleme-veda", False, None, "supervisor")),  # type: ignore[arg-type]
                (("withdraw", "a2", "--callback"), events.WithdrawalRequested("a2", "", True, None, "supervisor"))):  # type: ignore[arg-type]
            found = await santral("contacts", *words, "--state", folder)
            assert found.exit_code == 0 and desk.inbox.events[-1] == event, found.output
        found = await santral("contacts", "withdraw", "a2", "--callback", "--from", "2036-01-02T09:00", "--until",
                              "2036-01-02T12:00", "--state", folder)
        window = desk.inbox.events[-1].window  # type: ignore[union-attr]
        assert found.exit_code == 0 and window[1] - window[0] == 3 * 3600.0, found.output
        found = await santral("contacts", "withdraw", "a2", "--callback", "--from", "09:00", "--state", folder)
        assert found.exit_code == 2 and "--until" in found.output
        found = await santral("contacts", "move", "a2", "--state", folder)
        assert found.exit_code == 2 and "--service" in found.output
        found = await santral("contacts", "withdraw", "c9", "--state", folder)
        assert found.exit_code == 1 and "[unknown_contact]" in found.output


async def test_a_move_into_distress_asks_once_and_is_taken_back(tmp_path: Path) -> None:
    async with running(DistressUnconfirmed("confirm the move")) as desk:
        folder = state(tmp_path, desk)
        found = await santral("contacts", "move", "a2", "--service", "kriz", "--state", folder)
        assert found.exit_code == 1 and "Gerçekten taşınsın mı?" in found.output, "nobody answered the question"
        assert desk.inbox.events == [events.MoveRequested("a2", "kriz", None, "supervisor")]  # type: ignore[arg-type]
    async with running() as desk:
        folder = state(tmp_path, desk)
        found = await santral("contacts", "move", "a2", "--service", "kriz", "--yes", "--state", folder)
        assert found.exit_code == 0, found.output
        assert desk.inbox.events[-1] == events.MoveRequested("a2", "kriz", None, "supervisor", True)  # type: ignore[arg-type]
        found = await santral("contacts", "undo", "a2", "--state", folder)
        assert found.exit_code == 0 and desk.inbox.events[-1] == events.ActUndone("a2", "supervisor")  # type: ignore[arg-type]


async def test_an_agent_reads_what_is_stored_of_their_needs(tmp_path: Path) -> None:
    async with running() as desk:
        folder = state(tmp_path, desk)
        found = await santral("agent", "needs", "a1", "--state", folder)
        assert found.exit_code == 0, found.output
        for word in ("Size özel, yürürlükte", "ring_timeout_s", "30.0", "kurul", "Herkes için", "wrapup_s"):
            assert word in found.output, found.output
        found = await santral("agent", "needs", "a2", "--state", folder)
        assert found.exit_code == 1 and "[forbidden]" in found.output, "a supervisor's token does not do"


async def test_address_and_token_by_hand(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("own-token\n")
    async with running() as desk:
        assert (await santral("agent", "resume", "a1", "--url", desk.base, "--token-file", token)).exit_code == 0
        found = await santral("status", "--url", desk.base, "--token-file", token)
        assert found.exit_code == 1 and "yetkiniz yok" in found.output and "[forbidden]" in found.output


async def test_a_refusal_is_one_sentence(tmp_path: Path) -> None:
    async with running(SeatTaken()) as desk:
        found = await santral("agent", "login", "a1", "--seat", "2001", "--state", state(tmp_path, desk))
        assert found.exit_code == 1
        assert found.output == "santral: Bu masada başka bir temsilci oturum açmış. [seat_taken]\n"


@pytest.mark.parametrize(("files", "args", "said"), [
    ({}, ["--state", "."], "node.json is not there"), ({}, [], "Say which node"),
    ({}, ["--url", "http://127.0.0.1:1"], "needs --token-file"),
    ({"node.json": "{"}, ["--state", "."], "not JSON"), ({"node.json": "{}"}, ["--state", "."], "names no address"),
    ({"node.json": '{"http": "127.0.0.1:1"}', "secrets/tokens.json": "{}"}, ["--state", "."], "no token"),
    ({"node.json": '{"http": "127.0.0.1:1"}', "secrets/tokens.json": '{"admin": "x"}'}, ["--state", "."],
     "no node answers"),
])
async def test_trouble_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str],
                                       args: list[str], said: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANTRAL_STATE", "nowhere")
    (tmp_path / "secrets").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = await santral("status", *args)
    assert found.exit_code == 1 and said in found.output and found.output.count("\n") == 1


def test_every_state_has_a_word_and_time_is_readable() -> None:
    assert set(STATES) == {one.value for one in AgentState}
    assert [format_duration(one) for one in (-1, 7.9, 750, 3723)] == ["0:00", "0:07", "12:30", "1:02:03"]


async def test_a_reload_shows_what_changes_what_does_not_and_every_problem(tmp_path: Path) -> None:
    async with running() as desk:
        folder = state(tmp_path, desk)
        shown = await santral("reload", "--dry-run", "--state", folder)
        assert shown.exit_code == 0, shown.output
        for word in ("target_s", "20.0", "30.0", "warning: team.yaml:1", "not yet: [seats]. restart the node",
                     "--dry-run"):
            assert word in shown.output
        done = await santral("reload", "--state", folder)
        assert done.exit_code == 0 and done.output.rstrip().endswith("in force")
        (first, looked), (_, meant) = desk.house.asked
        assert (first, looked.dry_run, meant.dry_run) == ("admin", True, False)


async def test_a_refused_reload_ends_with_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "kotu")
    async with running() as desk:
        found = await santral("reload", "--state", state(tmp_path, desk))
        assert found.exit_code == 2
        assert "menu.yaml:3: wrong. Fix it." in found.output and "nothing was changed" in found.output


async def test_announcements_are_switched_on_and_off_and_listed(tmp_path: Path) -> None:
    async with running() as desk:
        folder = state(tmp_path, desk)
        done = await santral("announce", "on", "Bugün kapalıyız.", "--close", "--until", "2h", "--state", folder)
        assert done.exit_code == 0 and re.search(
            r"announcement 7 is on until \d\d\.\d\d\. \d\d:\d\d \(Asia/Tokyo\); end", done.output), done.output
        (_, wanted), = desk.house.asked
        assert (wanted.text, wanted.closes, wanted.service) == ("Bugün kapalıyız.", True, None)
        assert abs(wanted.until - time.time() - 7200.0) < 60.0
        (tmp_path / "Benim kaydım.wav").write_bytes(b"RIFF")
        done = await santral("announce", "on", "--recording", tmp_path / "Benim kaydım.wav", "--state", folder)
        assert done.exit_code == 0, done.output
        name = desk.house.asked[-1][1].recording
        assert (folder / "announcements" / name).read_bytes() == b"RIFF" and name.startswith("Benim-kayd-m-")
        shown = await santral("announce", "list", "--state", folder)
        assert "Duyuru 7" in shown.output and "Duyuru 6" not in shown.output and "herkes" in shown.output
        assert "Duyuru 6" in (await santral("announce", "list", "--all", "--state", folder)).output
        assert (await santral("announce", "off", "7", "--state", folder)).exit_code == 0
        assert desk.house.asked[-1][1].id == 7
        for wrong in (("--until", "yarın"), ("--until", "0001-01-01"), ("--until", "9999-12-31T23:59"),
                      ("--service", "yok")):
            found = await santral("announce", "on", "Bugün.", *wrong, "--state", folder)
            assert found.exit_code == 1 and "Traceback" not in found.output, found.output


async def test_a_surge_profile_is_switched_in_one_sentence(tmp_path: Path) -> None:
    async with running() as desk:
        folder = state(tmp_path, desk)
        shown = await santral("surge", "status", "--state", folder)
        assert "no surge profile is in force. Profiles: quake (Deprem)" in shown.output
        done = await santral("surge", "on", "quake", "--state", folder)
        assert done.exit_code == 0 and "quake is in force since" in done.output and "santral surge off" in done.output
        assert desk.house.asked[-1][1].profile == "quake"
        found = await santral("surge", "on", "sel", "--state", folder)
        assert found.exit_code == 1 and "no surge profile 'sel'; there are quake" in found.output
        assert "no surge profile is in force" in (await santral("surge", "off", "--state", folder)).output


@pytest.mark.parametrize(("text", "end"), [
    ("90m", "2026-03-25T17:30+03:00"), ("2h", "2026-03-25T18:00+03:00"), ("17:30", "2026-03-25T17:30+03:00"),
    ("09:00", "2026-03-26T09:00+03:00"), ("2026-12-31T12:00", "2026-12-31T12:00+03:00"),
    ("2026-12-31T12:00+01:00", "2026-12-31T12:00+01:00")])
@pytest.mark.parametrize("machine", ["Asia/Tokyo", "America/New_York"])
def test_an_announcement_ends_by_the_clock_of_the_centre(
        text: str, end: str, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the command runs."""
    monkeypatch.setenv("TZ", machine)
    time.tzset()
    try:
        now = datetime.fromisoformat("2026-03-25T16:00+03:00").timestamp()
        assert end_of(text, now, ZoneInfo("Europe/Istanbul")) == datetime.fromisoformat(end).timestamp()
    finally:
        monkeypatch.undo()
        time.tzset()
