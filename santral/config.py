"""From a centre's files to what each room needs: the engine's values, the menu, the plan of Asterisk's files.

Everything is checked whole before anything starts; `santral check` shows the same findings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from asterisk_conf.plan import MUSIC_CLASS, Address, Emergency, Plan, Registration, Timings, Trunk
from centres import services as files
from centres.load import Loaded, load
from centres.model import minute_of
from centres.problem import Problem
from centres.settings import Settings
from ivr.config import DISTRESS, USUAL, IvrSettings, Wait
from ivr.flow.load import load as load_flow
from ivr.flow.model import End, Flow, Queue
from ivr.quiet import Quiet
from ivr.transfer import Where
from prompts.catalogue import found_in, spoken
from prompts.lengths import Lengths
from prompts.say import LANGUAGES
from routing.core import model as core
from routing.core.ids import AgentId
from santral import by_date, outside, routable
from santral.engine_values import engine_centre, team_of
from santral.errors import BadCentre
from santral.files_agree import (
    calls_nobody_back,
    closing,
    forgotten_early,
    led_nowhere,
    names_of,
    no_entry,
    no_wish_kept,
    not_recorded,
    sent_away,
    two_keys,
    unasked,
    unknown_prompts,
    untold,
)
from santral.secrets import Secrets

DEFAULT_CENTRE = Path(__file__).resolve().parents[1] / "centres" / "meb"

NODE = "asterisk"
"""Name of the one Asterisk a node drives."""


SOUNDS = Path(".cache/sounds")
"""Where `make prompts` builds."""


class Checked(NamedTuple):
    """A centre as read, with everything found. `flow` is None when menu.yaml cannot be used."""

    loaded: Loaded
    flow: Flow | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    today: tuple[Problem, ...] = ()
    """What needs of agents that are in force today leave to nobody, in files that are good on another day. A person who
    checks or reloads mends it; nothing that runs by itself fails by the calendar alone."""


class NodeConfig(NamedTuple):
    """A centre in force on a node."""

    settings: Settings
    centre: core.Centre
    flow: Flow
    loaded: Loaded
    """The files it was made from."""
    sign_in: Mapping[str, AgentId]
    """Sign-in number, as keyed on a phone, -> agent."""
    warnings: tuple[Problem, ...] = ()

    def by_number(self, number: str) -> Where | None:
        """Where a number leads that an agent keys to send a caller on: a service by its place in services.yaml (1 is
        the first), an agent by their sign-in number (3 digits and more). None: nowhere."""
        if not number.isascii() or not number.isdigit():
            return None
        if len(number) > 2:
            agent = self.sign_in.get(number)
            return None if agent is None else Where(agent=agent)
        place = int(number)
        return Where(self.centre.services[place - 1].id) if 0 < place <= len(self.centre.services) else None

    @property
    def agents(self) -> tuple[AgentId, ...]:
        """Everybody of the team."""
        return tuple(agent.id for agent in self.centre.agents)

    @property
    def services(self) -> frozenset[str]:
        """Ids of all services."""
        return frozenset(service.id for service in self.centre.services)

    def with_settings(self, settings: Settings) -> NodeConfig:
        """The same files with other settings."""
        loaded = replace(self.loaded, settings=settings)
        return self._replace(settings=settings, loaded=loaded, centre=engine_centre(loaded))

    @property
    def unrecorded(self) -> frozenset[str]:
        """Services whose talks are never recorded, whatever anybody presses: the private and the anonymous ones."""
        return frozenset(service.id for service in self.loaded.services if service.privacy != "normal")

    @property
    def recorded(self) -> frozenset[str]:
        """Services whose talks are recorded."""
        wanted = self.settings.recording
        if not wanted.talks:
            return frozenset()
        return (self.services if wanted.services is None else frozenset(wanted.services)) - self.unrecorded

    @property
    def surveyed(self) -> frozenset[str]:
        """Services after whose talks callers are asked how it was."""
        return frozenset(one.id for one in self.loaded.services if one.asks)

    @property
    def waits(self) -> dict[str, Wait]:
        """What callers of each service hear while they wait."""
        calls_out = self.settings.trunk.way_out is not None
        return {service.id: _wait(service, calls_out, self.settings.wishes.kept) for service in self.loaded.services}

    def ivr(self, node: str) -> IvrSettings:
        """Settings of the dialogues of a node that drives this Asterisk."""
        return IvrSettings(node=node, comfort_s=self.settings.wait.announce_s, survey=self.surveyed,
                           messages=self.services - self.unrecorded, waits=self.waits,
                           own_numbers=frozenset(self.settings.numbers), quiet=self.quiet)

    @property
    def quiet(self) -> Quiet:
        """When nobody is called back."""
        hours = self.settings.callback
        return Quiet(minute_of(hours.quiet_from), minute_of(hours.quiet_to), self.settings.centre.timezone)


def check(folder: Path, overlay: Path | None = None, *, today: date | None = None) -> Checked:
    """Read and check every file of a centre; nothing is raised for what is wrong in them. `today`: the day whose needs
    of agents are in force; None: today, where the centre is."""
    loaded = load(folder, overlay, today=today)
    problems, warnings = list(loaded.problems), list(loaded.warnings)
    flow: Flow | None = None
    lengths = Lengths.of(*sounds(loaded))
    problems += _no_store(loaded)
    problems += unknown_prompts(loaded, lengths.keys) + not_recorded(loaded)
    for doubt in (calls_nobody_back, sent_away, unasked, untold, forgotten_early):
        warnings += doubt(loaded)
    if loaded.menu is not None:
        read = load_flow(loaded.menu, names_of(loaded, lengths.keys), lengths)
        flow = read.flow
        for one in read.problems:
            (warnings if one.warning else problems).append(Problem(one.where, one.what, one.mend))
    found, doubts = routable.check(loaded, team_of(loaded), flow)
    of_today = found if found and by_date.good_on_some_day(loaded, flow) else []
    problems, warnings = problems + [one for one in found if one not in of_today], warnings + doubts
    problems += no_entry(loaded)
    if flow is not None and loaded.settings is not None:
        found, doubts = closing(loaded, flow)
        problems = problems + found + led_nowhere(loaded, flow) + two_keys(loaded, flow)
        warnings = warnings + doubts + no_wish_kept(loaded, flow)
    return Checked(loaded, flow, *(tuple(sorted(found, key=lambda one: one.order))
                                   for found in (problems, warnings, of_today)))


def sounds(loaded: Loaded) -> list[Path]:
    """Where built sounds may stand on this machine: the node's own, then those of `make prompts`."""
    own = [] if loaded.settings is None else [Path(loaded.settings.asterisk.sounds)]
    return [*own, SOUNDS]


def unsent(checked: Checked) -> list[Problem]:
    """A menu with short messages in a centre without a gateway: nobody is offered one. Told to who checks a centre, not
    at each start of a node."""
    settings, flow, menu = checked.loaded.settings, checked.flow, checked.loaded.menu
    if settings is None or settings.sms.url is not None or flow is None or menu is None:
        return []
    for name, node in flow.nodes.items():
        if isinstance(node, Queue | End) and node.sms:
            return [Problem(f"{menu.file}:{menu['nodes'][name].lines['sms']}",
                            "the menu has short messages, and the centre no gateway: none is offered",
                            "Name the gateway at [sms] of santral.toml (docs/operate/sms.md).")]
    return []


def config_of(checked: Checked) -> NodeConfig | None:
    """The centre as it can be put in force; None: it has problems, and not of today alone."""
    loaded = checked.loaded
    if checked.problems or loaded.settings is None or checked.flow is None:
        return None
    return NodeConfig(loaded.settings, engine_centre(loaded), checked.flow, loaded,
                      {agent.number: AgentId(agent.id) for agent in loaded.agents}, checked.warnings)


def node_config(folder: Path, overlay: Path | None = None) -> NodeConfig:
    """The centre, or BadCentre with every problem in it. By the calendar alone it is none: see `Checked.today`."""
    checked = check(folder, overlay)
    config = config_of(checked)
    if config is None:
        raise BadCentre(listed(checked.problems, folder))
    return config


def listed(problems: Sequence[Problem], folder: Path) -> str:
    """What is wrong with a centre, a line each."""
    lines = "\n  ".join(str(problem) for problem in problems)
    return f"{counted(len(problems))} in the centre {folder}:\n  {lines}"


def counted(many: int, what: str = "problem") -> str:
    """How many, in words."""
    return f"{many} {what}{'' if many == 1 else 's'}"


def _wait(service: files.Service, calls_out: bool, wishes: bool) -> Wait:
    """What its callers hear while they wait."""
    usual, own = DISTRESS if service.distress else USUAL, service.waiting
    return replace(
        usual, first=own.first or usual.first, place=own.place, expected=own.expected,
        comfort=own.comfort or usual.comfort, music=service.music or usual.music,
        emergency=service.emergency or "", wishes=wishes and not service.distress and service.privacy != "anonymous",
        callback_after_s=service.callback_after_s,
        callback_key=str(service.callback_key) if calls_out and service.calls_back != "none" else "")


def asterisk_plan(config: NodeConfig, secrets: Secrets) -> Plan:
    """What Asterisk's files are rendered from."""
    settings = config.settings
    ami = secrets.ami()
    seats = settings.seats.names()
    registration = settings.trunk.registration
    trunk = Trunk(tuple(settings.trunk.match),
                  None if registration is None else
                  Registration(registration.server, registration.user, secrets.trunk()), settings.trunk.way_out)
    said = spoken()
    return Plan(
        numbers=settings.numbers, nodes=tuple(address(agi) for agi in settings.asterisk.agi),
        sounds=settings.asterisk.sounds, music=settings.asterisk.music,
        musics=tuple(dict.fromkeys(one.music for one in config.waits.values() if one.music != MUSIC_CLASS)),
        seats=tuple(secrets.seats(seats).items()),
        outside=tuple(outside.read(config.loaded, secrets.folder).numbers.items()),
        transfers=tuple(settings.transfer.items()),
        trunk=trunk, events_secret=ami["events"], actions_secret=ami["actions"],
        services=tuple((service.id, key if (key := f"bilgi-{service.id}") in said else None)
                       for service in config.centre.services),
        emergencies=tuple(Emergency(one.id, language, slow, found_in(said, one.emergency, slow, language).place)
                          for one in config.loaded.services if one.emergency is not None
                          for language in LANGUAGES for slow in (False, True)),
        net_members=settings.net.seats, spool=settings.asterisk.spool,
        sip=address(settings.asterisk.sip), ami=address(settings.asterisk.ami),
        metrics=None if settings.asterisk.metrics is None else address(settings.asterisk.metrics),
        rtp=(settings.asterisk.rtp_start, settings.asterisk.rtp_end),
        timings=Timings(tick_s=settings.wait.tick_s, step_s=settings.wait.step_s, max_fails=settings.wait.max_fails))


def _no_store(loaded: Loaded) -> list[Problem]:
    """An address of the store that a start could only fail at. Never shown: a password may stand in it."""
    if loaded.settings is None:
        return []
    try:
        url = make_url(loaded.settings.store.url)
        good = url.get_backend_name() == "postgresql" or (url.get_backend_name() == "sqlite" and bool(url.database))
    except (ArgumentError, ValueError):  # ValueError: a port that is none
        good = False
    return [] if good else [Problem(loaded.where("store", "url"), "'store.url' is no address of a store",
                                    "Write sqlite:///santral.db or postgresql://user@host/database; of a password "
                                    "everything but letters and digits as %40 and the like.")]


def store_place(config: NodeConfig, state: Path) -> Path | str:
    """Where the store of a node with this state folder is."""
    text = config.settings.store.url
    url = make_url(text)
    if url.get_backend_name() == "sqlite" and url.database:
        return state / url.database
    return text


def address(text: str) -> Address:
    """`host:port` as a pair."""
    host, _, port = text.rpartition(":")
    return Address(host, int(port))
