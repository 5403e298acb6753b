"""Two ways to bring callers to agents on one Asterisk: a Santral node, and Asterisk's own app_queue at its best.

Each side has as many phones, with the same skills, and gets callers of the same kinds. A caller is a Local channel that
stands where the menu would have left it, by the same variables; a phone is a real one of the lab's telephone network
that answers at once. No sound is sent (the phones run `Echo`, and nobody speaks): what is compared are decisions.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from lab import process, up
from lab.asterisk import PrivateAsterisk
from lab.errors import LabError
from lab.fetch import asterisk
from lab.network import Network
from lab.network_conf import TEMPLATES
from lab.person import ask
from lab.ports import Ports
from lab.wire_client import AmiClient, AmiError
from lab.witness import OURS, SIDES, THEIRS, Witness, caller_id

KINDS = ("psikososyal", "uzaktan_egitim", "ihbar_sikayet")
"""Services of both sides, by number."""
REST = ("gorus_oneri", "temsilci")
"""Services of the menu that nobody dials here."""
USER = "bench"
SIGN_IN_AT_ONCE = 8
FIRST_SEAT = 2001
RTP_PORTS = 1000
"""Of each Asterisk: 250 calls a side with two ports each."""
CAUSE = "16"


def start(folder: Path, skills: Sequence[tuple[int, ...]]) -> up.Info:
    """A lab in `folder` with `len(skills)` agents on each side; an agent serves these kinds. `up.down` ends it."""
    centre = _centre(folder, skills)
    info = up.up(centre, folder / "lab", guarded=True,
                 extra=f"[seats]\nfirst = {FIRST_SEAT}\ncount = {2 * len(skills)}\n")
    _lay_over(info, skills)
    return info


def _centre(folder: Path, skills: Sequence[tuple[int, ...]]) -> Path:
    """The ministry's menu with services that differ in nothing, and agents without wrap-up, as app_queue's."""
    centre = folder / "centre"
    shutil.copytree(up.CENTRE, centre)
    services = [{"id": one, "name": f"Hizmet {number}", "steps": [{"needs": {one: 1}}], "target_s": 20,
                 "target_share": 0.8} for number, one in enumerate(KINDS)]
    services += [{"id": one, "name": f"Hizmet {one}", "steps": [{"needs": {KINDS[0]: 1}}], "target_s": 20,
                  "target_share": 0.8} for one in REST]
    agents = [{"id": f"a{FIRST_SEAT + number}", "number": str(FIRST_SEAT + number), "team": "takim",
               "skills": dict.fromkeys((KINDS[kind] for kind in kinds), 50)} for number, kinds in enumerate(skills)]
    needs = [{"agent": agent["id"], "wrapup_s": 0} for agent in agents]
    # JSON is YAML.
    for name, text in (("services", {"services": services}), ("team", {"agents": agents}),
                       ("accommodations", {"accommodations": needs})):
        path = centre / f"{name}.yaml"
        path.write_text(json.dumps(text), encoding="utf-8")
        path.chmod(0o600)
    return centre


def _lay_over(info: up.Info, skills: Sequence[tuple[int, ...]]) -> None:
    """What the duel needs beside the rendered files; both Asterisks read it in."""
    lab = Path(info.state)
    conf, away = lab / "asterisk", Path(info.network.folder) / "conf"
    members = [[FIRST_SEAT + len(skills) + number for number, kinds in enumerate(skills) if kind in kinds]
               for kind in range(len(KINDS))]
    (lab / "bench.json").touch(mode=0o600)
    secret = secrets.token_urlsafe(24)
    (lab / "bench.json").write_text(json.dumps({"secret": secret}), encoding="utf-8")
    for path, name in ((conf / "extensions.conf", "extensions"), (conf / "queues.conf", "queues"),
                       (conf / "manager.conf", "manager"), (away / "extensions.conf", "phones")):
        with path.open("a", encoding="utf-8") as file:
            file.write(TEMPLATES.get_template(f"duel/{name}.conf.j2").render(
                sides=SIDES, ours=OURS, kinds=KINDS, members=members, user=USER, secret=secret))
    # One agent of app_queue stands in two queues: `leastrecent` then looks at the last call of either.
    _replace(conf / "queues.conf", "shared_lastcall=no", "shared_lastcall=yes")
    _replace(conf / "manager.conf", "timestampevents=no", "timestampevents=yes")
    # Phones that send no sound are not gone.
    _replace(conf / "pjsip.conf", "rtp_timeout=15\n", "rtp_timeout=0\n")
    # As of the lab itself, given back when both Asterisks have theirs: from then on they hold what they use.
    with closing(Ports()) as ours, closing(Ports()) as theirs:
        for path, held in zip((conf / "rtp.conf", away / "rtp.conf"), (ours, theirs), strict=True):
            first, last = held.media(RTP_PORTS)
            lines = path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if not line.startswith(("rtpstart", "rtpend"))]
            path.write_text("\n".join([*kept, f"rtpstart={first}", f"rtpend={last}", ""]), encoding="utf-8")
        program = asterisk()
        here, there = (PrivateAsterisk(program, folder, state) for folder, state in (
            (conf, lab / "pbx"), (away, lab / "network")))
        for command in ("manager reload", "dialplan reload", "queue reload all", "module reload res_rtp_asterisk.so",
                        "module reload res_pjsip.so"):
            here.console(command)
        for command in ("module load app_echo.so", "dialplan reload", "module reload res_rtp_asterisk.so"):
            there.console(command)


def _replace(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    if before not in text:
        raise LabError(f"{path.name} has no line {before.strip()!r} any more: the benchmark must be brought up to date")
    path.write_text(text.replace(before, after), encoding="utf-8")


class Duel:
    """A session with a started lab: everybody at work, callers made and ended."""

    def __init__(self, info: up.Info, agents: int, witness: Witness) -> None:
        self.info = info
        self.witness = witness
        self.troubles: list[str] = []
        """Actions that Asterisk refused, other than for a channel that had gone already."""
        self._agents = agents
        self._network = Network(info.network)
        self._ami = AmiClient(witness.take)
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = False

    async def __aenter__(self) -> Duel:
        await self._network.__aenter__()
        secret = json.loads((Path(self.info.state) / "bench.json").read_text(encoding="utf-8"))["secret"]
        await self._ami.connect(int(self.info.ami.rpartition(":")[2]), USER, secret)
        await self._sit_down()
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._over = True  # talks that would still end by themselves are left alone
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._ami.close()
        await self._network.__aexit__()

    async def _sit_down(self) -> None:
        state = Path(self.info.state)
        phones = json.loads((state / "secrets" / "seats.json").read_text(encoding="utf-8"))
        await self._network.register(phones, limit=90.0)
        gate = asyncio.Semaphore(SIGN_IN_AT_ONCE)

        async def sign_in(seat: up.Seat) -> None:
            async with gate:
                await ask(self.info, "POST", f"/api/v1/agents/{seat.id}/login", {"seat": seat.endpoint}, seat.id)

        await asyncio.gather(*(sign_in(seat) for seat in self.info.agents[:self._agents]))

    def call(self, side: str, number: int, kind: int) -> str:
        """A caller of this kind comes; its id. What becomes of it, the witness knows."""
        name = caller_id(side, number)
        self._do("Originate", ("Channel", f"Local/{kind}@bench-{side}/n"), ("Context", "bench-caller"), ("Exten", "s"),
                 ("Priority", "1"), ("Async", "true"), ("ChannelId", f"{name}1"), ("OtherChannelId", f"{name}2"),
                 ("Timeout", "60000"))
        return f"{name}2"

    def hang_up(self, channel: str) -> None:
        """End a channel by its exact id. One that has gone already is no trouble."""
        self._do("Hangup", ("Channel", channel), ("Cause", CAUSE))

    def leave(self, caller: str) -> None:
        """A caller hangs up."""
        self.hang_up(f"{caller[:-1]}1")

    def _do(self, name: str, *fields: tuple[str, str]) -> None:
        if self._over:
            return

        async def work() -> None:
            try:
                await self._ami.action(name, *fields)
            except AmiError as error:
                if "No such channel" not in str(error):
                    self.troubles.append(str(error))

        task = asyncio.create_task(work(), name=f"lab.duel.{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cpu_s(self, name: str) -> float:
        """CPU seconds that a process of the lab has used so far: `asterisk`, `node`, `network`."""
        return process.cpu_s(up.running(Path(self.info.state), name))


__all__ = ["KINDS", "OURS", "SIDES", "THEIRS", "Duel", "start"]
