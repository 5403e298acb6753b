"""Santral next to an Asterisk that has other work: a stock Debian one with a phone, and one laid out like FreePBX's.

Before and after: modules, endpoints and keys. The old phone calls as before, and Santral's callers reach the engine.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.routes.in_call_keys import IN_CALL_KEYS
from lab.lab_nodes import LabNode, wait_ready
from lab.lifecycle import SOUNDS
from lab.pbx import process
from lab.pbx.fetch import AsteriskProgram
from lab.pbx.ports import PortBlock
from lab.pbx.process import Identity
from lab.phones import network
from lab.phones.network import NetworkPlace, PhoneNetwork
from lab.phones.network_conf import CALLERS
from tests.fakes.freepbx_tree import write_tree
from tests.ministry import copied, edit
from tests.system.stock_asterisk import StockAsterisk

pytestmark = pytest.mark.system

SECRET = "TheirPhone2001abcdefghij"
PHONE = f"""
[their-udp]
type=transport
protocol=udp
bind=@sip@
[2001]
type=endpoint
context=from-internal
disallow=all
allow=alaw
auth=2001
aors=2001
[2001]
type=auth
auth_type=userpass
username=2001
password={SECRET}
[2001]
type=aor
max_contacts=1
"""
DIALPLAN = "\n[from-internal]\nexten => 600,1,Answer()\n same => n,Echo()\n"
OUT = {"bridge_native_rtp.so", "res_pjsip_diversion.so"}


class Neighbour:
    """An Asterisk with other work, and a centre next to it."""

    def __init__(self, asterisk: StockAsterisk, folder: Path, ports: PortBlock) -> None:
        self.asterisk, self.folder = asterisk, folder
        self.sip, self.rtp = f"127.0.0.1:{ports.free_port()}", ports.media_range(64)
        self.agi, self.http, self.web = (f"127.0.0.1:{ports.free_port()}" for _ in range(3))
        self.centre = copied(folder)
        self.node: subprocess.Popen[bytes] | None = None
        self.place: NetworkPlace

    def set_up(self) -> None:
        """Write this machine's settings, with the AMI port of the operator's own file."""
        port = re.search(r"^port\s*=\s*(\d+)$", (self.asterisk.etc / "manager.conf").read_text(), re.MULTILINE)
        assert port is not None
        edit(self.centre, "santral.toml", 'sip = "127.0.0.1:5060"', f'sip = "{self.sip}"')
        (self.folder / "local.toml").write_text(
            f'[listen]\nagi = "{self.agi}"\nhttp = "{self.http}"\n'
            f'[asterisk]\nami = "127.0.0.1:{port[1]}"\nagi = ["{self.agi}"]\nsounds = "{SOUNDS}"\n'
            f'music = "{SOUNDS}/moh"\nhttp = "{self.web}"\n'
            f'cel = "{self.asterisk.root}/var/log/asterisk/cel-custom/santral.csv"\nspool = "{self.folder}/spool"\n'
            f'[trunk]\nmatch = ["{CALLERS}"]\n[seats]\nprefix = "sc-"\n', encoding="utf-8")
        (self.folder / "spool").mkdir(mode=0o700)
        (self.asterisk.root / "var/log/asterisk/cel-custom").mkdir()

    def santral(self, *words: str) -> tuple[int, str]:
        done = subprocess.run([str(Path(sys.executable).parent / "santral"), *words], capture_output=True, text=True,
                              timeout=120, check=False, env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", **_path()})
        return done.returncode, done.stdout + done.stderr

    def share(self) -> str:
        """Carry out the page: render, copy, restart. Return what was told."""
        code, told = self.santral("asterisk-conf", str(self.centre), "--settings", str(self.folder / "local.toml"),
                                  "--state", str(self.folder / "state"), "--out", str(self.folder / "out"),
                                  "--existing", str(self.asterisk.etc))
        assert code == 0, told
        shutil.copytree(self.folder / "out", self.asterisk.etc, dirs_exist_ok=True)
        self.asterisk.restart()
        return told

    def check(self) -> tuple[int, str]:
        console = " ".join([*self.asterisk.program.command, "-C", str(self.asterisk.etc / "asterisk.conf"), "-rx"])
        return self.santral("check", str(self.centre), "--settings", str(self.folder / "local.toml"),
                            "--state", str(self.folder / "state"), "--asterisk", str(self.asterisk.etc),
                            "--console", console)

    def start_node(self) -> None:
        with (self.folder / "node.log").open("ab") as log:
            self.node = subprocess.Popen(
                [str(Path(sys.executable).parent / "santral"), "run", str(self.centre), "--settings",
                 str(self.folder / "local.toml"), "--state", str(self.folder / "state")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        found = process.identify_process(self.node.pid)
        node = LabNode("a", self.http, "", str(self.folder / "state"), str(self.folder / "node.log"),
                       str(self.folder / "local.toml"))
        wait_ready(node, found or Identity(self.node.pid, 0))

    def modules(self) -> set[str]:
        """Modules that run."""
        return {line.split()[0] for line in self.asterisk.console("module show").splitlines() if " Running" in line}

    def endpoints(self) -> set[str]:
        return set(re.findall(r"^ Endpoint:  (\S+?)(?:/|\s)", self.asterisk.console("pjsip show endpoints"),
                              re.MULTILINE)) - {"<Endpoint"}

    def close(self) -> None:
        if self.node is not None and self.node.poll() is None:
            self.node.kill()
            self.node.wait()
        self.asterisk.stop()


def _path() -> dict[str, str]:
    """Where the packages of this tree are, for a command of it."""
    return {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}


@pytest.fixture
def neighbour(asterisk_tree: AsteriskProgram, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Neighbour]:
    ports = PortBlock()
    made = Neighbour(StockAsterisk(asterisk_tree, tmp_path / "pbx", ports), tmp_path, ports)
    etc = made.asterisk.etc
    if request.param == "debian":
        for name, text in (("pjsip.conf", PHONE.replace("@sip@", made.sip)), ("extensions.conf", DIALPLAN)):
            with (etc / name).open("a", encoding="utf-8") as file:
                file.write(text)
    else:
        port = re.search(r"^port\s*=\s*(\d+)$", (etc / "manager.conf").read_text(), re.MULTILINE)
        assert port is not None
        for path in etc.glob("*.conf"):
            # FreePBX has no sample files next to its own.
            if path.name not in ("asterisk.conf", "iax.conf"):
                path.unlink()
        write_tree(etc, sip=made.sip, ami=port[1], secret=SECRET, moh=f"{SOUNDS}/moh", rtp_first=made.rtp[0],
                   rtp_last=made.rtp[1])
    made.set_up()
    place, phones = network.start_network(asterisk_tree, tmp_path / "net", made.sip, ports, media=64)
    made.place = place
    try:
        yield made
    finally:
        made.close()
        phones.stop_process()
        ports.close()


async def theirs_calls(phones: PhoneNetwork) -> None:
    """The operator's phone reaches the operator's own number."""
    await phones.register_phones({"2001": SECRET})
    echo = await phones.place_call("600", seat="2001", stay=2)
    await echo.wait_answered()
    await echo.hang_up()


@pytest.mark.parametrize("neighbour", ["debian", "freepbx"], indirect=True)
async def test_both_work_on_one_asterisk(neighbour: Neighbour) -> None:
    # 1. Before: the operator's work alone.
    neighbour.asterisk.start()
    modules, endpoints = neighbour.modules(), neighbour.endpoints()
    features = neighbour.asterisk.console("features show")
    assert endpoints == {"2001"} and modules >= OUT
    async with PhoneNetwork(neighbour.place) as phones:
        await theirs_calls(phones)
    # 2. Santral next to it. Only two modules are out, nothing of theirs is lost, and every key of a talk lives.
    neighbour.share()
    after = neighbour.modules()
    assert modules - after == OUT, modules - after
    assert endpoints < neighbour.endpoints() and {"sc-trunk", "sc-2001"} <= neighbour.endpoints()
    now = neighbour.asterisk.console("features show")
    assert all(key.feature in now and key.feature not in features for key in IN_CALL_KEYS)
    assert set(re.findall(r"^(\w+ ?\w*)\s+\S+\s+(##|#\d?|\*\d?)", features, re.MULTILINE)) \
        <= set(re.findall(r"^(\w+ ?\w*)\s+\S+\s+(##|#\d?|\*\d?)", now, re.MULTILINE))
    code, checked = neighbour.check()
    assert code == 0 and "0 findings; the running Asterisk was asked" in checked, checked
    # 3. Both work.
    neighbour.start_node()
    secrets = neighbour.folder / "state/secrets"
    seat, pin = (json.loads((secrets / name).read_text())[key] for name, key in (("seats.json", "sc-2001"),
                                                                                   ("pins.json", "a1001")))
    async with PhoneNetwork(neighbour.place) as phones:
        await theirs_calls(phones)
        await phones.register_phones({"sc-2001": seat})
        code_call = await phones.place_call("*45", seat="sc-2001", press=f"1001#@3s,{pin}#@7s")
        await code_call.wait_ended()
        caller = await phones.place_call("+904440632", press="1@4s", tone=440)
        ring = await phones.wait_ring("sc-2001")
        await ring.wait_answered()
        await caller.hang_up()


@pytest.mark.parametrize("neighbour", ["debian"], indirect=True)
async def test_todays_three_failures_are_found(neighbour: Neighbour) -> None:
    neighbour.asterisk.start()
    neighbour.share()
    etc = neighbour.asterisk.etc
    # 1. noload lines at the end of modules.conf, after a [global]. 2. No features.conf. 3. A phone 2001 in both.
    modules = (etc / "modules.conf").read_text().replace("#include santral/modules_modules.conf\n", "")
    (etc / "modules.conf").write_text(modules + "\n[global]\n#include santral/modules_modules.conf\n")
    features = (etc / "features.conf").read_text()
    (etc / "features.conf").write_text(features.replace("#include santral/features_applicationmap.conf\n", ""))
    neighbour.asterisk.restart()
    code, told = neighbour.check()
    assert code == 2
    assert "noload falls into [global] of modules.conf" in told
    assert "bridge_native_rtp.so runs" in told, "the running one was asked"
    assert f"{len(IN_CALL_KEYS)} of {len(IN_CALL_KEYS)} keys of a talk are dead" in told
    edit(neighbour.folder, "local.toml", 'prefix = "sc-"', "count = 4")
    code, told = neighbour.santral("asterisk-conf", str(neighbour.centre), "--settings",
                                   str(neighbour.folder / "local.toml"), "--state", str(neighbour.folder / "state"),
                                   "--out", str(neighbour.folder / "other"), "--existing", str(etc))
    assert code == 2 and "[seats] prefix is empty" in told and not (neighbour.folder / "other").exists()
