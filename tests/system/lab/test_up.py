"""A lab starts as an operator would start it, is found again, and leaves nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.cli import build_commands
from lab.errors import LabError, NoLab
from lab.faults.proxy import TcpProxy
from lab.lifecycle import LabInfo, read_lab, start_lab, stop_lab
from lab.pbx import process
from lab.pbx.process import Identity
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from tests.system.conftest import NewLab
from tests.system.stage import plain
from tests.until import LIMIT_S, until, until_async

pytestmark = pytest.mark.system


async def test_lab_json_says_where_everything_is_and_is_private(lab: LabSession) -> None:
    path = lab.folder / "lab.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = json.loads(path.read_text())
    for name in ("sip", "http", "agi", "ami", "state", "pid", "asterisk_pid", "agents"):
        assert found[name], name
    assert len(found["agents"]) == 180
    assert {"id", "endpoint", "secret", "pin", "skills"} <= set(found["agents"][0])
    assert len({agent["secret"] for agent in found["agents"]}) == 180


async def test_a_call_reaches_the_agent_and_is_in_all_three_records(lab: LabSession) -> None:
    before = len(lab.read_queue_log())
    agent = await lab.sign_in_agent("a1001", PhoneBehaviour(talk=1.0, tone=600))
    call = await lab.place_call(press="1@1s", tone=440)
    await call.wait_answered()
    phone = await lab.network.wait_ring(agent.seat)
    await phone.wait_ended()
    assert phone.was_answered
    assert call.answered_at and phone.answered_at and phone.answered_at > call.answered_at
    await lab.wait_until_quiet()
    events = [line.event for line in lab.read_queue_log()[before:]]
    assert [event for event in events if event in ("ENTERQUEUE", "CONNECT")] == ["ENTERQUEUE", "CONNECT"]


async def test_what_was_said_is_found_in_the_recording_and_nothing_else(lab: LabSession) -> None:
    await lab.sign_in_agent(plain("uzaktan_egitim", 1)[0], PhoneBehaviour("ignore"))
    call = await lab.place_call(press="2@1s", stay=20, record=True)
    await call.wait_ended()
    greeting, chosen = lab.find_prompt(call, "karsilama", head_s=0.9), lab.find_prompt(call, "secildi-uzaktan-egitim")
    assert greeting.found
    assert chosen.found
    assert greeting.offset_s < chosen.offset_s
    assert not lab.find_prompt(call, "karsilama").found, "the key cut it off"
    assert not lab.find_prompt(call, "secildi-psikososyal").found
    assert not lab.find_prompt(call, "bilgi-psikososyal").found


async def test_the_node_can_be_killed_and_comes_back(new_lab: NewLab) -> None:
    lab = await new_lab()
    first = read_lab(lab.folder).pid
    lab.kill_node()
    with pytest.raises(LabError, match="no node answers"):
        await lab.fetch_status()
    await lab.start_node()
    assert (await lab.fetch_status())["link_up"]
    assert read_lab(lab.folder).pid != first


async def test_the_link_to_asterisk_can_go_through_a_proxy(new_lab: NewLab) -> None:
    loop = asyncio.get_running_loop()
    proxies: list[TcpProxy] = []

    async def begin(address: str) -> str:
        proxies.append(TcpProxy("127.0.0.1", int(address.rpartition(":")[2])))
        return f"127.0.0.1:{await proxies[0].start_listening()}"

    try:
        lab = await new_lab(through=lambda link, address: address if link != "a.ami" else
                            asyncio.run_coroutine_threadsafe(begin(address), loop).result(LIMIT_S))
        await _cut_and_mend(lab, proxies[0])
    finally:
        for proxy in proxies:
            await proxy.stop_listening()


async def _cut_and_mend(lab: LabSession, proxy: TcpProxy) -> None:
    proxy.drop_connections()

    async def link_up() -> bool:
        return bool((await lab.fetch_status())["link_up"])

    async def link_down() -> bool:
        return not await link_up()

    await until_async(link_down, what="the node sees that the link is cut")
    proxy.restore_traffic()
    await until_async(link_up, what="the link comes back")
    await lab.clear_lab()


def test_down_ends_what_was_started_and_again_nothing(tmp_path: Path) -> None:
    info = start_lab(folder=tmp_path)
    with pytest.raises(LabError, match="already"):
        start_lab(folder=tmp_path)
    running = [process.identify_process(pid) for pid in (info.pid, info.asterisk_pid, info.network.pid)]
    assert all(running)
    assert stop_lab(tmp_path) == ["node", "network", "asterisk"]
    assert not any(process.is_alive(one) for one in running if one)
    assert stop_lab(tmp_path) == []
    with pytest.raises(NoLab, match="lab up"):
        read_lab(tmp_path)


def test_a_guarded_lab_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    code = ("import sys, time; from pathlib import Path; from lab.lifecycle import start_lab; "
            "start_lab(folder=Path(sys.argv[1]), guarded=True); print('ready', flush=True); time.sleep(600)")
    owner = process.start_process([sys.executable, "-c", code, str(tmp_path / "lab")], tmp_path / "owner.log")
    until(lambda: "ready" in process.read_tail(tmp_path / "owner.log"), timeout=120)
    found = json.loads((tmp_path / "lab" / "lab.json").read_text())["processes"]
    assert [one["name"] for one in found] == ["guard", "asterisk", "network", "node"]
    process.send_signal(owner, signal.SIGKILL)
    for one in found:
        until(lambda one=one: not process.is_alive(Identity(one["pid"], one["started"])), timeout=60, what=one["name"])


def test_down_never_ends_another_process_with_the_same_pid(tmp_path: Path) -> None:
    mine = process.identify_process(os.getpid())
    assert mine is not None
    (tmp_path / "lab.json").write_text(json.dumps(
        {"processes": [{"name": "node", "pid": mine.pid, "started": mine.started - 1, "run": ""}]}))
    assert stop_lab(tmp_path) == []
    assert process.is_alive(mine)


def test_nothing_is_left_when_the_node_cannot_start(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="node ended"):
        start_lab(folder=tmp_path, extra='\n[store]\nurl = "sqlite:////proc/nowhere/santral.db"\n')
    found = json.loads((tmp_path / "lab.json").read_text())
    assert found["processes"] == []
    assert not process.is_alive(Identity(found["asterisk_pid"], 0))


def test_call_and_down_without_a_lab_are_one_sentence(tmp_path: Path) -> None:
    runner = CliRunner()
    result = runner.invoke(build_commands(), ["call", "4440632", "--lab", str(tmp_path)])
    assert result.exit_code == 1
    assert "no lab runs in" in result.output
    assert "Traceback" not in result.output
    assert runner.invoke(build_commands(), ["down", "--state", str(tmp_path)]).exit_code == 0


def test_call_prints_a_time_line(lab_session: LabInfo, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    result = CliRunner().invoke(
        build_commands(), ["call", "4440632", "--lab", lab_session.state, "--stay", "1.5s", "--record", str(heard)])
    assert result.exit_code == 0, result.output
    assert "answered" in result.output
    assert "over: hung up" in result.output
    assert heard.stat().st_size > 16_000


def test_demo_answers_calls_and_leaves_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        build_commands(), ["demo", "--seconds", "18", "--every", "0.7", "--agents", "8", "--state", str(tmp_path)])
    assert result.exit_code == 0, result.output
    for name in ("offered", "answered", "abandoned", "service level", "longest wait", "The longest waiter: Çağrı"):
        assert name in result.output
    # Each of the three commands works with what the demo has left.
    commands = [line.split() for line in result.output.partition("Try next\n")[2].splitlines() if line.strip()]
    assert [command[:2] for command in commands] == [["santral", "why"], ["santral", "report"], ["santral", "replay"]]
    for command in commands:
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "lab.json").read_text())["processes"] == []
    assert list((tmp_path / "recordings").glob("*.wav"))
