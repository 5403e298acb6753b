"""A whole lab: a private Asterisk with a centre's rendered files, a Santral node, and the telephone network.

    info = start_lab(centre, folder)      # ready: a call would be answered
    stop_lab(folder)                      # ends every recorded process; safe to repeat

The lab starts everything as an operator would: `santral asterisk-conf`, `santral run`. Each process is written to
`folder/lab.json` (0600) when it starts, so `stop_lab` finds it even if `start_lab` fails or is killed.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from centres.centre_reader import LoadedCentre, load_centre
from lab.centre_words import CENTRE as CENTRE
from lab.centre_words import SOUNDS as SOUNDS
from lab.centre_words import are_built, seed_sounds, sounds_of, words_of
from lab.errors import LabError, NoLab, NotReady
from lab.pbx import process
from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import AsteriskProgram, find_asterisk, hold_lock
from lab.pbx.ports import PortBlock
from lab.pbx.process import Identity
from lab.pbx.sms_gateway import FILE as GATEWAY_FILE
from lab.pbx.sms_gateway import render_settings
from lab.pbx.watch_user import add_user
from lab.phones import network, network_conf
from lab.phones.network import NetworkPlace
from lab.visitors import Visitor, VisitorPlaces, wait_listening

PROJECT_ROOT = Path(__file__).resolve().parents[1]
FILE = "lab.json"
SETTINGS_FILE = "settings.toml"
ANY_HOUR = '[callback]\nquiet_from = "09:00"\nquiet_to = "09:00"\n'
"""Settings of a lab in which nothing depends on the hour. Callers are called back at night as well."""
NO_OFFER_S = 3600.0
"""Value for `texts` with which the key for a message works and no caller hears the offer."""
NICE = -5
"""Priority of the node, as in deploy/santral.service: behind Asterisk's sound, before everything else."""
MEDIA_PORTS = 480
"""UDP ports for the media of each Asterisk. A call leg takes two, so 120 talks (240 legs) fit."""
READY_S = 60.0
"""A node is ready in about a second. A machine under full load takes longer."""
COMMAND_S = 600.0
"""Limit for a command before the node starts. Building the prompts takes a minute or two on a slow machine."""
PROBE_S = 2.0
"""Limit for one readiness request."""
NODE_STOP_S = 20.0
"""Limit for the end of a node, which lets its dialogues drain for some seconds."""

Say = Callable[[str], None]
Through = Callable[[str], str]


class AgentSeat(NamedTuple):
    """An agent and the phone at the agent's seat."""

    id: str
    endpoint: str
    secret: str
    pin: str
    skills: dict[str, int]
    team: str


class LabInfo(NamedTuple):
    """A running lab, as recorded in `lab.json`."""

    sip: str
    http: str
    agi: str
    ami: str
    state: str
    pid: int
    asterisk_pid: int
    centre: str
    settings: str
    tokens: str
    network: NetworkPlace
    agents: tuple[AgentSeat, ...]
    numbers: tuple[str, ...]
    """Called numbers of the centre."""
    desk: str
    """Address of the desk for a browser."""
    caller_page: str
    """Address of the page from which a visitor calls, empty without `start_lab(visited=True)`."""
    people: tuple[Visitor, ...]
    """People of the desk with their passwords (`lab.people.desk_people`)."""

    @property
    def sounds(self) -> Path:
        """Folder of the built prompts that the lab's callers hear."""
        return Path(self._asterisk["sounds"])

    @property
    def asterisk_web(self) -> str:
        """Address of Asterisk's web server, for pages and with `start_lab(measured=True)` for its metrics."""
        return str(self._asterisk["http"])

    @property
    def _asterisk(self) -> dict[str, Any]:
        asterisk: dict[str, Any] = tomllib.loads(Path(self.settings).read_text(encoding="utf-8"))["asterisk"]
        return asterisk

    def seat_of(self, agent: str) -> AgentSeat:
        """Return the seat of an agent. Raise LabError if the centre has no such agent."""
        for seat in self.agents:
            if seat.id == agent:
                return seat
        raise LabError(f"no agent {agent!r} in this centre; there are {self.agents[0].id} to {self.agents[-1].id}")


def start_lab(centre: Path = CENTRE, folder: Path = Path("lab-state"), *, asterisk_path: Path | None = None,
              sounds: Path = SOUNDS, extra: str = "", through: Through | None = None,
              outside: Mapping[str, str] | None = None, guarded: bool = False, measured: bool = False,
              texts: float | None = None, visited: bool = False, speech: Mapping[str, Path] | None = None,
              history: Path | None = None, say: Say = lambda text: None) -> LabInfo:
    """Start everything except traffic, and return when a call would be answered. Raise LabError and leave nothing
    running.

    - `extra`: lines on top of the settings.
    - `through`: takes the address of the AMI and returns the address that the node shall use, such as a proxy's.
    - `outside`: numbers of remote counsellors. The network plays their telephones.
    - `guarded`: the lab ends with this process, even when it is killed. Otherwise the lab outlives it.
    - `measured`: Asterisk serves its own metrics (`LabInfo.asterisk_web`).
    - `texts`: start a gateway for short messages (`lab.pbx.sms_gateway`). Callers get the offer after this wait in
      seconds.
    - `visited`: people come with their browsers (`lab.visitors`): the caller's page, a TURN relay, and ports that stay
      the same when they are free.
    - `speech`: names and folders of what callers can say (`lab.people.caller_speech`).
    - `history`: folder into which the node writes its acts, for `lab.history`.
    """
    # 1. Refuse a second lab in the same folder: both would write one `lab.json`.
    folder = folder.resolve()
    if _is_running(folder):
        raise LabError(f"a lab runs in {folder} already. End it first: santral lab down --state {folder}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # 2. Choose the ports that the settings name before anything starts.
    ports = PortBlock()
    try:
        carrier = ports.free_port(socket.SOCK_DGRAM)
        extra = f'[trunk]\nmatch = ["{network_conf.CALLERS}"]\noutgoing = "127.0.0.1:{carrier}"\n{extra}'
        _write_remote_numbers(folder, outside or {})
        gateway = None if texts is None else ports.free_port()
        extra += "" if gateway is None or texts is None else render_settings(gateway, texts)
        visitors = VisitorPlaces.choose_places(ports) if visited else None
        extra += "" if visitors is None else visitors.render_settings()
        # 3. Start all processes. A failure or Ctrl-C ends those that already run.
        start = _LabStart(centre.resolve(), folder, ports, say, guarded, measured, speech or {}, history)
        return start.start_everything(
            asterisk_path, sounds_of(centre, sounds), extra, through, carrier, gateway, visitors)
    except BaseException:
        stop_lab(folder)
        raise
    finally:
        ports.close()


def stop_lab(folder: Path) -> list[str]:
    """End the processes that `lab.json` names, the node first. Return the names of those that were still running.

    A process is known by pid and start time, so a reused pid never ends another process.
    """
    try:
        found = _load_state(folder)
    except NoLab:
        return []
    ended = []
    for one in reversed(found.get("processes", [])):
        identity = Identity(one["pid"], one["started"])
        # The guard is in the list and may call this function, so it must not end itself.
        if process.is_alive(identity) and identity.pid != os.getpid():
            ended.append(str(one["name"]))
            process.end_process(identity, NODE_STOP_S if one["name"] == "node" else process.TERM_S)
        # Only folders that the lab made below the temporary folder are removed.
        run = one.get("run")
        if run and Path(run).name.startswith("santral-lab-"):
            shutil.rmtree(run, ignore_errors=True)
    _save_state(folder, {**found, "processes": []})
    return ended


def read_lab(folder: Path) -> LabInfo:
    """Return the lab that runs in a folder. Raise NoLab if there is none."""
    found = _load_state(folder)
    if not found.get("processes") or "agents" not in found:
        raise NoLab(f"no lab runs in {folder}. Start one: santral lab up --state {folder}")
    return LabInfo(**{**{name: found[name] for name in LabInfo._fields}, "network": NetworkPlace(**found["network"]),
                   "agents": tuple(AgentSeat(**seat) for seat in found["agents"]), "numbers": tuple(found["numbers"]),
                      "people": tuple(Visitor(**one) for one in found["people"])})


def note_process(folder: Path, name: str, identity: Identity, run: Path | None = None) -> None:
    """Record a process of the lab. `stop_lab` ends the last recorded process first."""
    with suppress(NoLab):
        found = _load_state(folder)
        entry = {"name": name, "pid": identity.pid, "started": identity.started, "run": str(run) if run else ""}
        # A process that started again replaces its entry and moves to the end of the order.
        others = [one for one in found["processes"] if one["name"] != name]
        changed: dict[str, Any] = {**found, "processes": [*others, entry]}
        if name == "node":
            changed["pid"] = identity.pid
        if name == "asterisk":
            changed["asterisk_pid"] = identity.pid
        _save_state(folder, changed)


def note_people(folder: Path, people: Sequence[Visitor]) -> None:
    """Record the people of the desk, so that whoever starts a browser finds their passwords."""
    _save_state(folder, {**_load_state(folder), "people": [one._asdict() for one in people]})


def start_node(folder: Path, env: Mapping[str, str] | None = None) -> Identity:
    """Start the node of a lab, for the first time or again. Return before the node is ready."""
    found = _load_state(folder)
    noted = ["--history", found["history"]] if found.get("history") else []
    identity = process.start_process(
        [sys.executable, "-m", "santral", "run", found["centre"], "--state", str(folder), "--settings",
         found["settings"], *noted], folder / "node.log", env, NICE)
    note_process(folder, "node", identity)
    return identity


def start_gateway(folder: Path) -> None:
    """Start the gateway for short messages, for the first time or again."""
    url = tomllib.loads(Path(_load_state(folder)["settings"]).read_text(encoding="utf-8"))["sms"]["url"]
    command = [sys.executable, "-m", "lab.pbx.sms_gateway", str(urlsplit(url).port), str(folder / GATEWAY_FILE)]
    note_process(folder, "gateway", process.start_process(command, folder / "gateway.log"))


def find_process(folder: Path, name: str) -> Identity:
    """Return a process of a lab: `asterisk`, `network`, `node`, `gateway`, `turn`, `page` or `traffic`. Raise NoLab if
    there is none."""
    for one in _load_state(folder)["processes"]:
        if one["name"] == name:
            return Identity(one["pid"], one["started"])
    raise NoLab(f"the lab in {folder} has no process {name!r}")


def wait_ready(http_place: str, identity: Identity, log: Path, limit: float = READY_S) -> None:
    """Wait until the node reports that a call would be answered. Raise NotReady with the last lines of its log."""
    end = time.monotonic() + limit
    while not _is_ready(http_place):
        if process.wait_end(identity, 0.0):
            raise NotReady(f"the node ended while it started. It said:\n{process.read_tail(log)}")
        if time.monotonic() >= end:
            raise NotReady(f"the node was not ready after {limit:.0f} s. It said:\n{process.read_tail(log)}")
        time.sleep(process.POLL_S)


class _LabStart:
    """The steps of `start_lab`, in order."""

    def __init__(self, centre: Path, folder: Path, ports: PortBlock, say: Say, guarded: bool, measured: bool,
                 speech: Mapping[str, Path], history: Path | None) -> None:
        self._centre = centre
        self._folder = folder
        self._ports = ports
        self._say = say
        self._guarded, self._measured, self._speech, self._history = guarded, measured, speech, history
        self._settings = folder / SETTINGS_FILE

    def start_everything(self, asterisk_path: Path | None, sounds: Path, extra: str, through: Through | None,
                         carrier: int, gateway: int | None, visitors: VisitorPlaces | None) -> LabInfo:
        # 1. Check the centre first: a mistake in its files costs no start.
        loaded = load_centre(self._centre)
        if loaded.settings is None or loaded.problems:
            raise LabError("the centre's files have problems. See them: santral check "
                           f"{self._centre}\n{loaded.problems[0] if loaded.problems else ''}".rstrip())
        # 2. Bring Asterisk and the prompts. Both may take minutes on a fresh machine.
        program = find_asterisk(asterisk_path, self._say)
        self._build_prompts(sounds)
        # 3. Write the settings and the record, so that `stop_lab` finds each process from now on.
        places = self._choose_addresses()
        if visitors is not None:
            places["http"] = f"127.0.0.1:{visitors.desk}"
        overlay = self._render_overlay(places, sounds, extra)
        self._settings.write_text(overlay, encoding="utf-8")
        _save_state(self._folder, {**places, "state": str(self._folder), "centre": str(self._centre),
                             "settings": str(self._settings), "processes": [],
                             "history": "" if self._history is None else str(self._history.resolve())})
        # 4. Start the guard before anything that it must end.
        if self._guarded:
            self._start_guard()
        # 5. Start the gateway, Asterisk and the telephone network.
        if gateway is not None:
            start_gateway(self._folder)
        self._start_asterisk(program, watched=visitors is not None or self._history is not None)
        page = visitors and network_conf.VisitorLine(visitors.network, tuple(loaded.settings.numbers))
        place = self._start_network(program, places["sip"], carrier, page)
        # Asterisk keeps its real AMI address. Only the node goes through the proxy, so its settings are written again.
        if through is not None:
            mine, other = (f"\nami = {json.dumps(one)}" for one in (places["ami"], through(places["ami"])))
            self._settings.write_text(overlay.replace(mine, other), encoding="utf-8")
        # 6. Start the node last: it expects Asterisk and its trunk.
        if visitors is not None:
            self._start_visitors(visitors, loaded.settings.numbers)
        self._say("starting the node")
        identity = start_node(self._folder)
        wait_ready(places["http"], identity, self._folder / "node.log")
        self._save_info(loaded, place, visitors)
        return read_lab(self._folder)

    def _choose_addresses(self) -> dict[str, str]:
        sip = self._ports.free_port(socket.SOCK_DGRAM)
        return {"sip": f"127.0.0.1:{sip}"} | {
            name: f"127.0.0.1:{self._ports.free_port()}" for name in ("ami", "agi", "http")}

    def _render_overlay(self, places: Mapping[str, str], sounds: Path, extra: str) -> str:
        first, last = self._ports.media_range(MEDIA_PORTS)
        quoted = {name: json.dumps(value) for name, value in places.items()}
        cel = json.dumps(str(self._folder / "pbx/log/cel-custom/santral.csv"))
        root = sounds.resolve()
        return (f"# Written by the lab: what this machine has otherwise.\n"
                f"[listen]\nagi = {quoted['agi']}\nhttp = {quoted['http']}\n\n"
                f"[asterisk]\nami = {quoted['ami']}\nsip = {quoted['sip']}\nagi = [{quoted['agi']}]\n"
                f"http = \"127.0.0.1:{self._ports.free_port()}\"\n"
                f"rtp_start = {first}\nrtp_end = {last}\nsounds = {json.dumps(str(root))}\n"
                f"music = {json.dumps(str(root / 'moh'))}\ncel = {cel}\n"
                f"spool = {json.dumps(str(self._folder / 'spool'))}\n"
                f"metrics = {json.dumps(self._measured)}\n\n"
                f"{extra}")

    def _build_prompts(self, sounds: Path) -> None:
        words = words_of(load_centre(self._centre))
        if are_built(sounds, words):
            return
        sounds.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(sounds.with_name(f"{sounds.name}.lock"), self._say, "the prompts are"):
            if not are_built(sounds, words):
                self._say("building the prompts that are missing")
                seed_sounds(sounds)
                read_santral("prompts", "build", "--centre", str(self._centre), "--out", str(sounds), "--renamed")

    def _start_guard(self) -> None:
        owner = process.identify_process(os.getpid())
        assert owner is not None
        command = [sys.executable, "-m", "lab.guard", str(owner.pid), str(owner.started), str(self._folder)]
        note_process(self._folder, "guard", process.start_process(command, self._folder / "guard.log"))

    def _start_asterisk(self, program: AsteriskProgram, *, watched: bool) -> None:
        self._say("starting Asterisk")
        conf = self._folder / "asterisk"
        read_santral("asterisk-conf", str(self._centre), "--settings", str(self._settings), "--state",
                     str(self._folder), "--out", str(conf))
        if watched:
            add_user(conf, self._folder)
        pbx = PrivateAsterisk(program, conf, self._folder / "pbx", self._max_calls())
        identity = pbx.start_process()
        note_process(self._folder, "asterisk", identity, pbx.run)
        pbx.wait_ready()

    def _max_calls(self) -> int | None:
        """Return the last belt of the centre's lines, as `santral asterisk-conf` prints it."""
        settings = load_centre(self._centre, self._settings).settings
        if settings is None or settings.lines is None:
            return None
        return settings.lines.total + 2 * len(settings.seats.all_names())

    def _start_visitors(self, visitors: VisitorPlaces, numbers: Mapping[str, str]) -> None:
        """Start the TURN relay and the caller's page."""
        self._say("starting the caller's page and the TURN relay")
        visitors.write_secret(self._folder)
        for name, port, identity in (("turn", visitors.turn, visitors.start_relay(self._folder)),
                                     ("page", visitors.page, visitors.start_page(self._folder, next(iter(numbers))))):
            note_process(self._folder, name, identity)
            wait_listening(identity, port, self._folder / f"{name}.log")

    def _start_network(self, program: AsteriskProgram, target: str, sip: int,
                       page: network_conf.VisitorLine | None) -> NetworkPlace:
        self._say("starting the telephone network")
        place, phones = network.start_network(program, self._folder / "network", target, self._ports,
                                              media=MEDIA_PORTS, sip=sip, page=page, speech=self._speech)
        note_process(self._folder, "network", Identity(place.pid, place.started), phones.run)
        return place

    def _save_info(self, loaded: LoadedCentre, place: NetworkPlace, visitors: VisitorPlaces | None) -> None:
        assert loaded.settings is not None
        secrets = {name: json.loads((self._folder / "secrets" / f"{name}.json").read_text(encoding="utf-8"))
                   for name in ("seats", "pins")}
        # Seats have no owner in the settings: the lab gives each agent the next seat.
        seats = loaded.settings.seats.seat_names()
        agents = [AgentSeat(agent.id, seat, secrets["seats"][seat], secrets["pins"].get(agent.id, ""),
                       {str(skill): int(level) for skill, level in agent.skills.items()}, agent.team)._asdict()
                  for agent, seat in zip(loaded.agents, seats, strict=False)]
        _save_state(self._folder, {**_load_state(self._folder), "agents": agents, "network": place._asdict(),
                             "tokens": str(self._folder / "secrets" / "tokens.json"),
                             "numbers": list(loaded.settings.numbers),
                             "desk": f"http://{_load_state(self._folder)['http']}/",
                             "caller_page": "" if visitors is None else f"http://127.0.0.1:{visitors.page}/",
                             "people": []})


def _write_remote_numbers(folder: Path, outside: Mapping[str, str]) -> None:
    """Write the numbers of remote counsellors to the node's secrets, as an operator would by hand."""
    if outside:
        path = folder / "secrets" / "remote_agents.json"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(dict(outside)), encoding="utf-8")


def read_santral(*arguments: str) -> str:
    """Run a Santral command as an operator would, and return what it prints. Raise LabError with the command's own
    words."""
    try:
        done = subprocess.run([sys.executable, "-m", "santral", *arguments], capture_output=True, text=True,
                              check=False, timeout=COMMAND_S, stdin=subprocess.DEVNULL, start_new_session=True)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"santral {arguments[0]} did not end within {COMMAND_S:.0f} s") from error
    if done.returncode:
        raise LabError(f"santral {' '.join(arguments[:2])} failed:\n{(done.stdout + done.stderr).strip()}")
    return done.stdout


def _is_ready(place: str) -> bool:
    host, _, port = place.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PROBE_S)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _is_running(folder: Path) -> bool:
    try:
        found = _load_state(folder)
    except NoLab:
        return False
    return any(process.is_alive(Identity(one["pid"], one["started"])) for one in found.get("processes", []))


def _load_state(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise NoLab(f"no lab runs in {folder} (no readable {FILE}). Start one: santral lab up --state {folder}"
                    ) from error


def _save_state(folder: Path, found: Mapping[str, Any]) -> None:
    # A reader sees the old record or the new one, never half of it. The file holds secrets, so nobody else may read it.
    draft = folder / f".{FILE}.{os.getpid()}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(found, file, ensure_ascii=False, indent=1)
    draft.replace(folder / FILE)
