"""A whole lab: a private Asterisk with a centre's rendered files, a Santral node, and the telephone network around.

    info = up(centre, folder)      # ready: a call would be answered
    down(folder)                   # ends everything, by recorded process; again does nothing

Everything is started as an operator would: `santral asterisk-conf`, `santral run`. What runs is written into
`folder/lab.json` (0600), step by step, so that `down` finds it whenever `up` fails or is killed.
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
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from centres.load import Loaded, load
from lab import network, network_conf, process
from lab.asterisk import PrivateAsterisk
from lab.errors import LabError, NoLab, NotReady
from lab.fetch import Program, asterisk, exclusive
from lab.gateway import FILE as GATEWAY_FILE
from lab.gateway import settings
from lab.network import Place
from lab.ports import Ports
from lab.process import Identity
from prompts.catalogue import Catalogue
from prompts.errors import PromptError

HOUSE = Path(__file__).resolve().parents[1]
CENTRE = HOUSE / "centres" / "meb"
SOUNDS = HOUSE / ".cache" / "sounds"
FILE = "lab.json"
SETTINGS_FILE = "settings.toml"
ANY_HOUR = '[callback]\nquiet_from = "09:00"\nquiet_to = "09:00"\n'
"""Settings of a lab in which nothing depends on the hour: callers are called back at night as well."""
NO_OFFER_S = 3600.0
"""For `texts`: who presses the key has a message, and nobody hears a sentence more."""
NICE = -5
"""Of the node, as docs/santral.service has it: behind Asterisk's sound, before everything else."""
MEDIA_PORTS = 480
"""UDP ports for media of each Asterisk: two a call leg, so 120 talks (240 legs) fit."""
READY_S = 60.0
"""A node is ready in about a second; a machine under full load takes its time."""
COMMAND_S = 600.0
"""The longest command before the node: building the prompts takes a minute or two on a slow machine."""
PROBE_S = 2.0
"""One question for readiness."""
NODE_STOP_S = 20.0
"""A node lets dialogues drain for some seconds before it ends."""

Say = Callable[[str], None]
Through = Callable[[str], str]


class Seat(NamedTuple):
    """An agent and the phone at their seat."""

    id: str
    endpoint: str
    secret: str
    pin: str
    skills: dict[str, int]
    team: str


class Info(NamedTuple):
    """A running lab, as in `lab.json`."""

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
    network: Place
    agents: tuple[Seat, ...]
    numbers: tuple[str, ...]
    """Called numbers of the centre."""

    @property
    def sounds(self) -> Path:
        """The built prompts that its callers hear."""
        return Path(self._asterisk["sounds"])

    @property
    def asterisk_metrics(self) -> str:
        """Where its Asterisk tells metrics of its own; KeyError: it does not (`up(measured=True)`)."""
        return str(self._asterisk["metrics"])

    @property
    def _asterisk(self) -> dict[str, Any]:
        asterisk: dict[str, Any] = tomllib.loads(Path(self.settings).read_text(encoding="utf-8"))["asterisk"]
        return asterisk

    def seat(self, agent: str) -> Seat:
        """The seat of an agent. Raises LabError."""
        for seat in self.agents:
            if seat.id == agent:
                return seat
        raise LabError(f"no agent {agent!r} in this centre; there are {self.agents[0].id} to {self.agents[-1].id}")


def up(centre: Path = CENTRE, folder: Path = Path("lab-state"), *, asterisk_path: Path | None = None,
       sounds: Path = SOUNDS, extra: str = "", through: Through | None = None,
       outside: Mapping[str, str] | None = None, guarded: bool = False, measured: bool = False,
       texts: float | None = None, say: Say = lambda text: None) -> Info:
    """Start everything, without traffic; returns when a call would be answered. `extra`: lines laid over the settings.
    `through`: is given the address of the AMI and returns the one the node shall use, such as a proxy's.
    `outside`: numbers of remote counsellors; the network plays their telephones.
    `guarded`: the lab ends with this process, even when it is killed; else it outlives it.
    `measured`: Asterisk tells its own metrics (`Info.asterisk_metrics`).
    `texts`: there is a gateway for short messages (`lab.gateway`), offered to who waits for so many seconds.
    Raises LabError; then nothing is left running."""
    folder = folder.resolve()
    if _running(folder):
        raise LabError(f"a lab runs in {folder} already. End it first: santral lab down --state {folder}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ports = Ports()
    try:
        carrier = ports.one(socket.SOCK_DGRAM)
        extra = f'[trunk]\nmatch = ["{network_conf.CALLERS}"]\noutgoing = "127.0.0.1:{carrier}"\n{extra}'
        _numbers(folder, outside or {})
        gateway = None if texts is None else ports.one()
        extra += "" if gateway is None or texts is None else settings(gateway, texts)
        return _Start(centre.resolve(), folder, ports, say, guarded, measured).everything(
            asterisk_path, sounds, extra, through, carrier, gateway)
    except BaseException:
        down(folder)
        raise
    finally:
        ports.close()


def down(folder: Path) -> list[str]:
    """End what `lab.json` names, the node first; names of what was still running. Never ends another process, even
    when a pid is used again."""
    try:
        found = _load(folder)
    except NoLab:
        return []
    ended = []
    for one in reversed(found.get("processes", [])):
        identity = Identity(one["pid"], one["started"])
        if process.alive(identity) and identity.pid != os.getpid():
            ended.append(str(one["name"]))
            process.end(identity, NODE_STOP_S if one["name"] == "node" else process.TERM_S)
        run = one.get("run")
        if run and Path(run).name.startswith("santral-lab-"):
            shutil.rmtree(run, ignore_errors=True)
    _save(folder, {**found, "processes": []})
    return ended


def read(folder: Path) -> Info:
    """The lab that runs in a folder. Raises NoLab."""
    found = _load(folder)
    if not found.get("processes") or "agents" not in found:
        raise NoLab(f"no lab runs in {folder}. Start one: santral lab up --state {folder}")
    return Info(**{**{name: found[name] for name in Info._fields}, "network": Place(**found["network"]),
                   "agents": tuple(Seat(**seat) for seat in found["agents"]), "numbers": tuple(found["numbers"])})


def remember(folder: Path, name: str, identity: Identity, run: Path | None = None) -> None:
    """Note a process that belongs to the lab: `down` ends the last noted first."""
    with suppress(NoLab):
        found = _load(folder)
        entry = {"name": name, "pid": identity.pid, "started": identity.started, "run": str(run) if run else ""}
        others = [one for one in found["processes"] if one["name"] != name]
        changed: dict[str, Any] = {**found, "processes": [*others, entry]}
        if name == "node":
            changed["pid"] = identity.pid
        if name == "asterisk":
            changed["asterisk_pid"] = identity.pid
        _save(folder, changed)


def start_node(folder: Path, env: Mapping[str, str] | None = None) -> Identity:
    """Start (again) the node of a lab; does not wait until it is ready."""
    found = _load(folder)
    identity = process.start(
        [sys.executable, "-m", "santral", "run", found["centre"], "--state", str(folder), "--settings",
         found["settings"]], folder / "node.log", env, NICE)
    remember(folder, "node", identity)
    return identity


def start_gateway(folder: Path) -> None:
    """Start (again) the gateway for short messages of a lab that has one."""
    url = tomllib.loads(Path(_load(folder)["settings"]).read_text(encoding="utf-8"))["sms"]["url"]
    command = [sys.executable, "-m", "lab.gateway", str(urlsplit(url).port), str(folder / GATEWAY_FILE)]
    remember(folder, "gateway", process.start(command, folder / "gateway.log"))


def running(folder: Path, name: str) -> Identity:
    """A process of a lab: `asterisk`, `network`, `node`, `gateway`, `traffic`. Raises NoLab when there is none."""
    for one in _load(folder)["processes"]:
        if one["name"] == name:
            return Identity(one["pid"], one["started"])
    raise NoLab(f"the lab in {folder} has no process {name!r}")


def wait_ready(http_place: str, identity: Identity, log: Path, limit: float = READY_S) -> None:
    """Until the node says that a call would be answered. Raises NotReady with its last words."""
    end = time.monotonic() + limit
    while not _is_ready(http_place):
        if process.wait_end(identity, 0.0):
            raise NotReady(f"the node ended while it started. It said:\n{process.tail(log)}")
        if time.monotonic() >= end:
            raise NotReady(f"the node was not ready after {limit:.0f} s. It said:\n{process.tail(log)}")
        time.sleep(process.POLL_S)


class _Start:
    """The steps of `up`, in order."""

    def __init__(self, centre: Path, folder: Path, ports: Ports, say: Say, guarded: bool, measured: bool) -> None:
        self._centre = centre
        self._folder = folder
        self._ports = ports
        self._say = say
        self._guarded, self._measured = guarded, measured
        self._settings = folder / SETTINGS_FILE

    def everything(self, asterisk_path: Path | None, sounds: Path, extra: str, through: Through | None,
                   carrier: int, gateway: int | None) -> Info:
        loaded = load(self._centre)
        if loaded.settings is None or loaded.problems:
            raise LabError("the centre's files have problems. See them: santral check "
                           f"{self._centre}\n{loaded.problems[0] if loaded.problems else ''}".rstrip())
        program = asterisk(asterisk_path, self._say)
        self._prompts(sounds)
        places = self._places()
        overlay = self._overlay(places, sounds, extra)
        self._settings.write_text(overlay, encoding="utf-8")
        _save(self._folder, {**places, "state": str(self._folder), "centre": str(self._centre),
                             "settings": str(self._settings), "processes": []})
        if self._guarded:
            self._start_guard()
        if gateway is not None:
            start_gateway(self._folder)
        self._start_asterisk(program)
        place = self._start_network(program, places["sip"], carrier)
        if through is not None:
            mine, other = (f"\nami = {json.dumps(one)}" for one in (places["ami"], through(places["ami"])))
            self._settings.write_text(overlay.replace(mine, other), encoding="utf-8")
        self._say("starting the node")
        identity = start_node(self._folder)
        wait_ready(places["http"], identity, self._folder / "node.log")
        self._finish(loaded, place)
        return read(self._folder)

    def _places(self) -> dict[str, str]:
        sip = self._ports.one(socket.SOCK_DGRAM)
        return {"sip": f"127.0.0.1:{sip}"} | {
            name: f"127.0.0.1:{self._ports.one()}" for name in ("ami", "agi", "http")}

    def _overlay(self, places: Mapping[str, str], sounds: Path, extra: str) -> str:
        first, last = self._ports.media(MEDIA_PORTS)
        quoted = {name: json.dumps(value) for name, value in places.items()}
        cel = json.dumps(str(self._folder / "pbx/log/cel-custom/santral.csv"))
        root = sounds.resolve()
        return (f"# Written by the lab: what this machine has otherwise.\n"
                f"[listen]\nagi = {quoted['agi']}\nhttp = {quoted['http']}\n\n"
                f"[asterisk]\nami = {quoted['ami']}\nsip = {quoted['sip']}\nagi = [{quoted['agi']}]\n"
                f"rtp_start = {first}\nrtp_end = {last}\nsounds = {json.dumps(str(root))}\n"
                f"music = {json.dumps(str(root / 'moh'))}\ncel = {cel}\n"
                f"spool = {json.dumps(str(self._folder / 'spool'))}\n"
                f"{self._measuring()}\n"
                f"{extra}")

    def _measuring(self) -> str:
        return f'metrics = "127.0.0.1:{self._ports.one()}"\n' if self._measured else ""

    def _prompts(self, sounds: Path) -> None:
        if _built(sounds):
            return
        sounds.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(sounds.with_name(f"{sounds.name}.lock"), self._say, "the prompts are"):
            if not _built(sounds):
                self._say("building the prompts that are missing")
                _santral("prompts", "build", "--out", str(sounds))

    def _start_guard(self) -> None:
        owner = process.identify(os.getpid())
        assert owner is not None
        command = [sys.executable, "-m", "lab.guard", str(owner.pid), str(owner.started), str(self._folder)]
        remember(self._folder, "guard", process.start(command, self._folder / "guard.log"))

    def _start_asterisk(self, program: Program) -> None:
        self._say("starting Asterisk")
        conf = self._folder / "asterisk"
        _santral("asterisk-conf", str(self._centre), "--settings", str(self._settings), "--state", str(self._folder),
                 "--out", str(conf))
        pbx = PrivateAsterisk(program, conf, self._folder / "pbx")
        identity = pbx.start()
        remember(self._folder, "asterisk", identity, pbx.run)
        pbx.wait_ready()

    def _start_network(self, program: Program, target: str, sip: int) -> Place:
        self._say("starting the telephone network")
        place, phones = network.start(program, self._folder / "network", target, self._ports, media=MEDIA_PORTS,
                                      sip=sip)
        remember(self._folder, "network", Identity(place.pid, place.started), phones.run)
        return place

    def _finish(self, loaded: Loaded, place: Place) -> None:
        assert loaded.settings is not None
        secrets = {name: json.loads((self._folder / "secrets" / f"{name}.json").read_text(encoding="utf-8"))
                   for name in ("seats", "pins")}
        seats = loaded.settings.seats.names()
        agents = [Seat(agent.id, seat, secrets["seats"][seat], secrets["pins"].get(agent.id, ""),
                       {str(skill): int(level) for skill, level in agent.skills.items()}, agent.team)._asdict()
                  for agent, seat in zip(loaded.agents, seats, strict=False)]
        _save(self._folder, {**_load(self._folder), "agents": agents, "network": place._asdict(),
                             "tokens": str(self._folder / "secrets" / "tokens.json"),
                             "numbers": list(loaded.settings.numbers)})


def _numbers(folder: Path, outside: Mapping[str, str]) -> None:
    """What the operator writes by hand: numbers of remote counsellors, in the node's secrets."""
    if outside:
        path = folder / "secrets" / "outside.json"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(dict(outside)), encoding="utf-8")


def _santral(*arguments: str) -> None:
    """Run one of Santral's commands, as an operator would; its words become the error."""
    try:
        done = subprocess.run([sys.executable, "-m", "santral", *arguments], capture_output=True, text=True,
                              check=False, timeout=COMMAND_S, stdin=subprocess.DEVNULL, start_new_session=True)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"santral {arguments[0]} did not end within {COMMAND_S:.0f} s") from error
    if done.returncode:
        raise LabError(f"santral {' '.join(arguments[:2])} failed:\n{(done.stdout + done.stderr).strip()}")


def _built(sounds: Path) -> bool:
    """Whether the node would find every sound."""
    try:
        Catalogue.load(sounds)
    except PromptError:
        return False
    return True


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


def _running(folder: Path) -> bool:
    try:
        found = _load(folder)
    except NoLab:
        return False
    return any(process.alive(Identity(one["pid"], one["started"])) for one in found.get("processes", []))


def _load(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise NoLab(f"no lab runs in {folder} (no readable {FILE}). Start one: santral lab up --state {folder}"
                    ) from error


def _save(folder: Path, found: Mapping[str, Any]) -> None:
    draft = folder / f".{FILE}.{os.getpid()}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(found, file, ensure_ascii=False, indent=1)
    draft.replace(folder / FILE)
