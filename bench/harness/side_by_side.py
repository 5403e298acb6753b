"""Two ways to bring callers to agents on one Asterisk: a Santral node, and Asterisk's own app_queue.

Each side has the same number of phones with the same skills, and gets callers of the same kinds. A caller is a Local
channel that is where the menu would have left it, with the same variables. A phone is a real one of the lab's telephone
network that answers at once. No sound is sent: the phones run `Echo` and nobody speaks. Only decisions are compared.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from bench.harness.ami_observer import OURS, SIDES, THEIRS, AmiObserver, caller_id
from lab import lifecycle
from lab.errors import LabError
from lab.pbx import process
from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import find_asterisk
from lab.pbx.ports import PortBlock
from lab.people.agent import ask_node
from lab.phones.ami_client import AmiClient, AmiError
from lab.phones.network import PhoneNetwork
from lab.phones.network_conf import TEMPLATES

KINDS = ("psikososyal", "uzaktan_egitim", "ihbar_sikayet")
"""Services of both sides, by number."""
REST = ("gorus_oneri", "temsilci")
"""Services of the menu that nobody dials here."""
USER = "bench"
SIGN_IN_AT_ONCE = 8
FIRST_SEAT = 2001
RTP_PORTS = 1000
"""Media ports of each Asterisk: 250 calls a side with two ports each."""
CAUSE = "16"
LEVEL_MAX = 90
"""Highest level. In app_queue it has the penalty 0, and each level below a higher one."""


class SideAgent(NamedTuple):
    """An agent, the same on both sides."""

    levels: Mapping[int, int]
    """Level of each kind."""
    rest_s: int = 0
    """Rest after each talk: `rest_gap_s` here, `wrapuptime` of the member in app_queue."""
    distress_limit: Mapping[str, float] | None = None
    """Limit of heavy contacts. app_queue has nothing like it."""


class SideRules(NamedTuple):
    """Rules of the services, by kind."""

    floors: Sequence[int] = (1, 1, 1)
    """Level below which nobody gets the kind. In app_queue such an agent is no member."""
    loads: Sequence[int] = (0, 0, 0)
    settings: str = ""
    """Lines on top of the settings."""


def equal_agents(kinds: Sequence[tuple[int, ...]]) -> list[SideAgent]:
    """Return agents who serve these kinds, all with the same level."""
    return [SideAgent(dict.fromkeys(of, 50)) for of in kinds]


def start_both_sides(folder: Path, team: Sequence[SideAgent], rules: SideRules | None = None, *,
                     in_order: bool = False, postgres: bool = False) -> lifecycle.LabInfo:
    """Start a lab in `folder` with this team on each side. `lifecycle.stop_lab` ends it.

    With `in_order` app_queue keeps the order between its queues (`force_longest_waiting_caller`). With `postgres` the
    node stores its turns on PostgreSQL with a synchronous standby.
    """
    rules = rules or SideRules()
    centre = _write_centre(folder, team, rules)
    info = lifecycle.start_lab(centre, folder / "lab", guarded=True, extra=rules.settings + (
        f"[seats]\nfirst = {FIRST_SEAT}\ncount = {2 * len(team)}\n"),
        store="postgres" if postgres else "sqlite", standby=postgres)
    _add_configuration(info, team, rules, in_order=in_order)
    return info


def _write_centre(folder: Path, team: Sequence[SideAgent], rules: SideRules) -> Path:
    """Write a centre with the ministry's menu and these services. Agents have no wrap-up, as in app_queue."""
    centre = folder / "centre"
    shutil.copytree(lifecycle.CENTRE, centre)
    # The equal services know no distress, so no surge profile names its people. Callers are Local channels, of which
    # Asterisk counts several for a call, so no count of lines (`maxcalls`) may refuse them.
    settings = centre / "santral.toml"
    kept, section = [], ""
    for line in settings.read_text(encoding="utf-8").splitlines(keepends=True):
        section = line if line.startswith("[") else section
        if not section.startswith(("[surge", "[lines]")):
            kept.append(line)
    settings.write_text("".join(kept), encoding="utf-8")
    services: list[dict[str, Any]] = [
        {"id": one, "name": f"Hizmet {number}", "steps": [{"needs": {one: floor}}], "floor": {one: floor}, "load": load,
         "target_s": 20, "target_share": 0.8}
        for number, (one, floor, load) in enumerate(zip(KINDS, rules.floors, rules.loads, strict=True))]
    services += [{"id": one, "name": f"Hizmet {one}", "steps": [{"needs": {KINDS[0]: 1}}], "target_s": 20,
                  "target_share": 0.8} for one in REST]
    agents, needs = [], []
    for number, agent in enumerate(team):
        seat = FIRST_SEAT + number
        agents.append({"id": f"a{seat}", "number": str(seat), "team": "takim",
                       "skills": {KINDS[kind]: level for kind, level in agent.levels.items()}})
        needs.append({"agent": f"a{seat}", "wrapup_s": 0, "rest_gap_s": agent.rest_s}
                     | ({} if agent.distress_limit is None else {"distress_limit": dict(agent.distress_limit)}))
    # JSON is YAML.
    for name, text in (("services", {"services": services}), ("team", {"agents": agents}),
                       ("accommodations", {"accommodations": needs})):
        path = centre / f"{name}.yaml"
        path.write_text(json.dumps(text), encoding="utf-8")
        path.chmod(0o600)
    return centre


def _add_configuration(info: lifecycle.LabInfo, team: Sequence[SideAgent], rules: SideRules, *,
                       in_order: bool) -> None:
    """Add the comparison's configuration to the rendered files, and reload both Asterisks."""
    # 1. Write the secret of the observer's session.
    lab = Path(info.state)
    conf, away = lab / "asterisk", Path(info.network.folder) / "conf"
    members = [[(FIRST_SEAT + len(team) + number, LEVEL_MAX - agent.levels[kind], agent.rest_s)
                for number, agent in enumerate(team) if agent.levels.get(kind, -1) >= floor]
               for kind, floor in enumerate(rules.floors)]
    (lab / "bench.json").touch(mode=0o600)
    secret = secrets.token_urlsafe(24)
    (lab / "bench.json").write_text(json.dumps({"secret": secret}), encoding="utf-8")
    # 2. Add to the rendered files.
    for path, name in ((conf / "extensions.conf", "extensions"), (conf / "queues.conf", "queues"),
                       (conf / "manager.conf", "manager"), (away / "extensions.conf", "phones")):
        with path.open("a", encoding="utf-8") as file:
            file.write(TEMPLATES.get_template(f"duel/{name}.conf.j2").render(
                sides=SIDES, ours=OURS, kinds=KINDS, members=members, user=USER, secret=secret))
    # An agent of app_queue is in two queues, so `leastrecent` must see the last call of either.
    order = "\nforce_longest_waiting_caller=yes" if in_order else ""
    _replace_text(conf / "queues.conf", "shared_lastcall=no", f"shared_lastcall=yes{order}")
    # Silent phones must not count as gone.
    _replace_text(conf / "pjsip.conf", "rtp_timeout=15\n", "rtp_timeout=0\n")
    # 3. Choose media ports. The blocks are released when both Asterisks hold the ports they use.
    with closing(PortBlock()) as ours, closing(PortBlock()) as theirs:
        for path, held in zip((conf / "rtp.conf", away / "rtp.conf"), (ours, theirs), strict=True):
            first, last = held.media_range(RTP_PORTS)
            lines = path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if not line.startswith(("rtpstart", "rtpend"))]
            path.write_text("\n".join([*kept, f"rtpstart={first}", f"rtpend={last}", ""]), encoding="utf-8")
        # 4. Reload.
        program = find_asterisk()
        here, there = (PrivateAsterisk(program, folder, state) for folder, state in (
            (conf, lab / "pbx"), (away, lab / "network")))
        for command in ("manager reload", "dialplan reload", "queue reload all", "module reload res_rtp_asterisk.so",
                        "module reload res_pjsip.so"):
            here.run_console(command)
        for command in ("module load app_echo.so", "dialplan reload", "module reload res_rtp_asterisk.so"):
            there.run_console(command)


def _replace_text(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    if before not in text:
        raise LabError(f"{path.name} has no line {before.strip()!r} any more: the benchmark must be brought up to date")
    path.write_text(text.replace(before, after), encoding="utf-8")


class SideBySide:
    """A session with a started lab that signs all agents in, and starts and ends callers."""

    def __init__(self, info: lifecycle.LabInfo, agents: int, witness: AmiObserver) -> None:
        self.info = info
        self.observer = witness
        self.troubles: list[str] = []
        """Refused actions, except those for a channel that was already gone."""
        self._agents = agents
        self._network = PhoneNetwork(info.network)
        self._ami = AmiClient(witness.handle_event)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = False

    async def __aenter__(self) -> SideBySide:
        await self._network.__aenter__()
        secret = json.loads((Path(self.info.state) / "bench.json").read_text(encoding="utf-8"))["secret"]
        await self._ami.connect_to(int(self.info.ami.rpartition(":")[2]), USER, secret)
        await self._sign_in_agents()
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._ended = True  # talks that would still end by themselves are left alone
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._ami.close()
        await self._network.__aexit__()

    async def _sign_in_agents(self) -> None:
        state = Path(self.info.state)
        phones = json.loads((state / "secrets" / "seats.json").read_text(encoding="utf-8"))
        await self._network.register_phones(phones, limit=90.0)
        gate = asyncio.Semaphore(SIGN_IN_AT_ONCE)

        async def sign_in_seat(seat: lifecycle.AgentSeat) -> None:
            async with gate:
                await ask_node(self.info, "POST", f"/api/v1/agents/{seat.id}/login", {"seat": seat.endpoint}, seat.id)

        await asyncio.gather(*(sign_in_seat(seat) for seat in self.info.agents[:self._agents]))

    def start_caller(self, side: str, number: int, kind: int) -> str:
        """Start a caller of this kind and return its id. The observer sees what happens to the caller."""
        name = caller_id(side, number)
        self._send_action("Originate", ("Channel", f"Local/{kind}@bench-{side}/n"), ("Context", "bench-caller"),
                          ("Exten", "s"), ("Priority", "1"), ("Async", "true"), ("ChannelId", f"{name}1"),
                          ("OtherChannelId", f"{name}2"), ("Timeout", "60000"))
        return f"{name}2"

    def hang_up(self, channel: str) -> None:
        """Hang up a channel by its exact id. A channel that is already gone is no trouble."""
        self._send_action("Hangup", ("Channel", channel), ("Cause", CAUSE))

    def hang_up_caller(self, caller: str) -> None:
        """Hang up a caller."""
        self.hang_up(f"{caller[:-1]}1")

    def _send_action(self, name: str, *fields: tuple[str, str]) -> None:
        if self._ended:
            return

        async def send_and_check() -> None:
            try:
                await self._ami.send_action(name, *fields)
            except AmiError as error:
                if "No such channel" not in str(error):
                    self.troubles.append(str(error))

        task = asyncio.create_task(send_and_check(), name=f"bench.harness.side_by_side.{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cpu_s(self, name: str) -> float:
        """Return the CPU seconds that a process of the lab (`asterisk`, `node`, `network`) has used so far."""
        return process.cpu_s(lifecycle.find_process(Path(self.info.state), name))


__all__ = ["KINDS", "OURS", "SIDES", "THEIRS", "SideAgent", "SideBySide", "SideRules", "equal_agents",
           "start_both_sides"]
