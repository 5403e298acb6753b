"""A whole lab: a private Asterisk with a centre's rendered files, a Santral node, and the telephone network.

    info = start_lab(centre, folder)      # ready: a call would be answered
    stop_lab(folder)                      # ends every recorded process; safe to repeat

The lab starts everything as an operator would: `santral asterisk-conf`, `santral run`. Each process is written to
`folder/lab.json` (0600) when it starts, so `stop_lab` finds it even if `start_lab` fails or is killed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import filterfalse
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from asterisk_conf.conf_plan import most_channels
from centres.centre_reader import LoadedCentre, load_centre
from lab.centre_words import CENTRE as CENTRE
from lab.centre_words import SOUNDS as SOUNDS
from lab.centre_words import are_built, seed_sounds, sounds_of, words_of
from lab.errors import LabError, NoLab
from lab.lab_nodes import NAMES, LabNode, share_secrets, start_node, wait_ready
from lab.lab_postgres import LabPostgres, ServerPlace, remove_servers, thaw_servers
from lab.lab_record import find_process as find_process
from lab.lab_record import is_running, load_state, note_process, save_state
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
SETTINGS_FILE = "settings.toml"
ANY_HOUR = '[callback]\nquiet_from = "09:00"\nquiet_to = "09:00"\n'
"""Settings of a lab in which nothing depends on the hour. Callers are called back at night as well."""
NO_OFFER_S = 3600.0
"""Value for `texts` with which the key for a message works and no caller hears the offer."""
MEDIA_PORTS = 480
"""UDP ports for the media of each Asterisk. A call leg takes two, so 120 talks (240 legs) fit."""
CROWD_MEDIA = (61_000, 65_535)
"""Media ports of a lab with a crowd of 2,000 callers: above those that Linux gives to connections. Labs may share them,
since Asterisk skips a port in use."""
COMMAND_S = 600.0
"""Limit for a command before the node starts. Building the prompts takes a minute or two on a slow machine."""
NODE_STOP_S = 20.0
"""Limit for the end of a node, which lets its dialogues drain for some seconds."""

Say = Callable[[str], None]
Through = Callable[[str, str], str]
"""Takes the name of a link (`a.ami`, `b.agi`, `a.primary`, `b.standby`) and an address, and returns the address to use,
such as a proxy's. A link begins with the node. Asterisk uses the AGI links, and the node the others."""
STORES = ("sqlite", "postgres")


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
    nodes: tuple[LabNode, ...]
    """The nodes. `http`, `agi`, `pid`, `settings` and `state` are those of the first one."""
    postgres: tuple[ServerPlace, ...]
    """The servers of PostgreSQL, none in a lab on SQLite."""
    database: str
    """URL of a PostgreSQL that somebody else runs (`start_lab(database=…)`), or empty."""

    @property
    def sounds(self) -> Path:
        """Folder of the built prompts that the lab's callers hear."""
        return Path(self._asterisk["sounds"])

    @property
    def store(self) -> str | Path:
        """Store of the nodes: the file of SQLite, or the URL of PostgreSQL."""
        if self.database:
            return self.database
        folder = Path(self.state)
        return LabPostgres.attach(folder).url() if self.postgres else folder / "santral.db"

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
              crowd: bool = False, texts: float | None = None, visited: bool = False,
              speech: Mapping[str, Path] | None = None, history: Path | None = None, nodes: int = 1,
              store: str = STORES[0], standby: bool = False, database: str = "",
              say: Say = lambda text: None) -> LabInfo:
    """Start everything except traffic, and return when a call would be answered. Raise LabError and leave nothing
    running.

    - `extra`: lines on top of the settings.
    - `through`: puts something between two parts of the lab, such as a proxy.
    - `outside`: numbers of remote counsellors. The network plays their telephones.
    - `guarded`: the lab ends with this process, even when it is killed. Otherwise the lab outlives it.
    - `measured`: Asterisk serves its own metrics (`LabInfo.asterisk_web`).
    - `crowd`: Asterisk has media ports for `CROWD_MEDIA` callers at once.
    - `texts`: start a gateway for short messages (`lab.pbx.sms_gateway`). Callers get the offer after this wait in
      seconds.
    - `visited`: people come with their browsers (`lab.visitors`): the caller's page, a TURN relay, and ports that stay
      the same when they are free.
    - `speech`: names and folders of what callers can say (`lab.people.caller_speech`).
    - `history`: folder into which the nodes write their acts, for `lab.history`.
    - `nodes`, `store`, `standby`: two nodes on one PostgreSQL (`postgres`), with a synchronous standby if wanted.
    - `database`: URL of a PostgreSQL that somebody else runs, instead of `store` and `standby`.
    """
    # 1. Refuse a second lab in the same folder: both would write one `lab.json`.
    folder = folder.resolve()
    _check_store(nodes, store, standby, database)
    if is_running(folder):
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
        return _LabStart(centre.resolve(), folder, ports, say, guarded, measured, crowd, speech or {}, history, nodes,
                         0 if store == STORES[0] else 1 + standby, database, through or (lambda link, place: place)
                         ).start_everything(
            asterisk_path, sounds_of(centre, sounds), extra, carrier, gateway, visitors)
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
        found = load_state(folder)
    except NoLab:
        return []
    # A node ends in order only if its database answers, so the database ends last.
    servers = found.get("postgres", [])
    thaw_servers(servers)
    entries = found.get("processes", [])[::-1]
    ended = []
    for one in [*filterfalse(_is_server, entries), *filter(_is_server, entries)]:
        identity, name = Identity(one["pid"], one["started"]), str(one["name"])
        # The guard is in the list and may call this function, so it must not end itself.
        if process.is_alive(identity) and identity.pid != os.getpid():
            ended.append(name)
            process.end_process(identity, NODE_STOP_S if name.startswith("node") else process.TERM_S,
                                signal.SIGQUIT if _is_server(one) else signal.SIGTERM)
        # Only folders that the lab made below the temporary folder are removed.
        run = one.get("run")
        if run and Path(run).name.startswith("santral-lab-"):
            shutil.rmtree(run, ignore_errors=True)
    remove_servers(servers)
    save_state(folder, {**found, "processes": []})
    return ended


def read_lab(folder: Path) -> LabInfo:
    """Return the lab that runs in a folder. Raise NoLab if there is none."""
    found = load_state(folder)
    if not found.get("processes") or "agents" not in found:
        raise NoLab(f"no lab runs in {folder}. Start one: santral lab up --state {folder}")
    return LabInfo(**{**{name: found[name] for name in LabInfo._fields}, "network": NetworkPlace(**found["network"]),
                   "agents": tuple(AgentSeat(**seat) for seat in found["agents"]), "numbers": tuple(found["numbers"]),
                      "people": tuple(Visitor(**one) for one in found["people"]),
                      "nodes": tuple(LabNode(**one) for one in found["nodes"]),
                      "postgres": tuple(ServerPlace(**one) for one in found["postgres"])})


def note_people(folder: Path, people: Sequence[Visitor]) -> None:
    """Record the people of the desk, so that whoever starts a browser finds their passwords."""
    save_state(folder, {**load_state(folder), "people": [one._asdict() for one in people]})


def start_gateway(folder: Path) -> None:
    """Start the gateway for short messages, for the first time or again."""
    url = tomllib.loads(Path(load_state(folder)["settings"]).read_text(encoding="utf-8"))["sms"]["url"]
    command = [sys.executable, "-m", "lab.pbx.sms_gateway", str(urlsplit(url).port), str(folder / GATEWAY_FILE)]
    note_process(folder, "gateway", process.start_process(command, folder / "gateway.log"))


class _LabStart:
    """The steps of `start_lab`, in order."""

    def __init__(self, centre: Path, folder: Path, ports: PortBlock, say: Say, guarded: bool, measured: bool,
                 crowd: bool, speech: Mapping[str, Path], history: Path | None, nodes: int, servers: int, database: str,
                 through: Through) -> None:
        self._centre = centre
        self._folder = folder
        self._ports = ports
        self._say = say
        self._guarded, self._measured, self._crowd = guarded, measured, crowd
        self._speech, self._history = speech, history
        self._node_count, self._server_count, self._through, self._database = nodes, servers, through, database
        self._servers: LabPostgres | None = None
        self._settings = folder / SETTINGS_FILE

    def start_everything(self, asterisk_path: Path | None, sounds: Path, extra: str, carrier: int, gateway: int | None,
                         visitors: VisitorPlaces | None) -> LabInfo:
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
        nodes = self._choose_nodes(None if visitors is None else visitors.desk)
        overlay = self._render_overlay(places, nodes, sounds, extra)
        self._settings.write_text(overlay, encoding="utf-8")
        if self._server_count:
            self._servers = LabPostgres.choose_places(self._folder, [self._ports.free_port()
                                                                     for _ in range(self._server_count)])
        save_state(self._folder, {
            **places, "http": nodes[0].http, "agi": nodes[0].agi, "state": str(self._folder),
            "centre": str(self._centre), "settings": str(self._settings), "processes": [],
            "history": "" if self._history is None else str(self._history.resolve()),
            "nodes": [node._asdict() for node in nodes],
            "postgres": [] if self._servers is None else [one._asdict() for one in self._servers.places],
            "database": self._database})
        # 4. Start the guard before anything that it must end.
        if self._guarded:
            self._start_guard()
        # 5. Start the database, the gateway, Asterisk and the telephone network.
        if self._servers is not None:
            self._say("starting PostgreSQL")
            self._servers.start()
        if gateway is not None:
            start_gateway(self._folder)
        self._start_asterisk(program, watched=visitors is not None or self._history is not None)
        page = visitors and network_conf.VisitorLine(visitors.network, tuple(loaded.settings.numbers))
        place = self._start_network(program, places["sip"], carrier, page)
        # 6. Start the nodes last: they expect Asterisk and its trunk.
        if visitors is not None:
            self._start_visitors(visitors, loaded.settings.numbers)
        self._start_nodes(nodes, overlay, places["ami"])
        self._save_info(loaded, place, visitors)
        return read_lab(self._folder)

    def _start_nodes(self, nodes: Sequence[LabNode], overlay: str, ami: str) -> None:
        """Write the settings of each node, and start the first node and then the others."""
        for node in nodes:
            # Asterisk has its real AMI address. Only nodes go through something else.
            links = overlay.replace(f"\nami = {json.dumps(ami)}",
                                    f"\nami = {json.dumps(self._go_through(node, 'ami', ami))}")
            url = self._database if self._servers is None else self._servers.url(partial(self._go_through, node))
            Path(node.settings).write_text(
                f"{_render_listen(node)}{links}" + (f"\n[store]\nurl = {json.dumps(url)}\n" if url else ""),
                encoding="utf-8")
        for node in nodes:
            self._say("starting the node" if len(nodes) == 1 else f"starting node {node.name}")
            if node is not nodes[0]:
                share_secrets(nodes[0], node)
            wait_ready(node, start_node(self._folder, node.name), standby=node is not nodes[0])

    def _go_through(self, node: LabNode, link: str, place: str) -> str:
        return self._through(f"{node.name}.{link}", place)

    def _choose_nodes(self, desk: int | None) -> list[LabNode]:
        """Return the nodes. `desk` is the port of HTTP of the first one, if it is chosen already."""
        found = []
        for name in NAMES[:self._node_count]:
            agi, http = (f"127.0.0.1:{self._ports.free_port()}" for _ in range(2))
            # The first node has the places of a lab with one.
            end, state = ("", self._folder) if name == NAMES[0] else (f"-{name}", self._folder / f"node-{name}")
            found.append(LabNode(name, http, agi, str(state), str(self._folder / f"node{end}.log"),
                                 str(self._settings.with_stem(f"{self._settings.stem}{end}"))))
        if desk is not None:
            found[0] = found[0]._replace(http=f"127.0.0.1:{desk}")
        return found

    def _choose_addresses(self) -> dict[str, str]:
        sip = self._ports.free_port(socket.SOCK_DGRAM)
        return {"sip": f"127.0.0.1:{sip}"} | {
            name: f"127.0.0.1:{self._ports.free_port()}" for name in ("ami",)}

    def _render_overlay(self, places: Mapping[str, str], nodes: Sequence[LabNode], sounds: Path, extra: str) -> str:
        """Return the settings that all nodes and Asterisk share."""
        first, last = CROWD_MEDIA if self._crowd else self._ports.media_range(MEDIA_PORTS)
        quoted = {name: json.dumps(value) for name, value in places.items()}
        cel = json.dumps(str(self._folder / "pbx/log/cel-custom/santral.csv"))
        root = sounds.resolve()
        agi = json.dumps([self._go_through(node, "agi", node.agi) for node in nodes])
        return (f"[asterisk]\nami = {quoted['ami']}\nsip = {quoted['sip']}\nagi = {agi}\n"
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
        return most_channels(settings.lines.total, len(settings.seats.all_names()))

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
        save_state(self._folder, {**load_state(self._folder), "agents": agents, "network": place._asdict(),
                             "tokens": str(self._folder / "secrets" / "tokens.json"),
                             "numbers": list(loaded.settings.numbers),
                             "desk": f"http://{load_state(self._folder)['http']}/",
                             "caller_page": "" if visitors is None else f"http://127.0.0.1:{visitors.page}/",
                             "people": []})


def _render_listen(node: LabNode) -> str:
    """Return the settings that only this node has."""
    return (f"# Written by the lab: what this machine has otherwise.\n"
            f"[listen]\nagi = {json.dumps(node.agi)}\nhttp = {json.dumps(node.http)}\n\n")


def _is_server(entry: Mapping[str, Any]) -> bool:
    """Return whether a recorded process is a server of PostgreSQL."""
    return str(entry["name"]).startswith("postgres-")


def _check_store(nodes: int, store: str, standby: bool, database: str) -> None:
    """Raise LabError for a store that cannot hold these nodes."""
    if not 1 <= nodes <= len(NAMES):
        raise LabError(f"a lab has one node or {len(NAMES)}, not {nodes}")
    if store not in STORES:
        raise LabError(f"no store {store!r}; there are {' and '.join(STORES)}")
    if database and (store != STORES[0] or standby):
        raise LabError("a lab with a database of somebody else starts none: leave out store and standby")
    if store == STORES[0] and not database and (nodes > 1 or standby):
        raise LabError(f"{'a second node' if nodes > 1 else 'a standby'} needs PostgreSQL: add --store postgres")


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
