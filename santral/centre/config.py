"""Turn the files of a centre into the values of each room: engine, menu, plan of the Asterisk files.

All files are checked before anything starts, and `santral check` shows the same findings.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from asterisk_conf.carrier import Address, Nat, Registration, Tls, Trunk
from asterisk_conf.conf_plan import MUSIC_CLASS, AsteriskPlan, Emergency, LineClass, LinePlan, Pages, PlanService
from asterisk_conf.dialplan_values import Timings
from asterisk_conf.machine_addresses import list_addresses
from centres import services as files
from centres.base_shapes import minute_of
from centres.called_numbers import list_forms
from centres.centre_reader import SETTINGS, LoadedCentre, load_centre
from centres.problem import Problem
from centres.settings import Settings
from centres.validation import locate_in
from ivr.flow.menu_model import End, MenuFlow, Queue
from ivr.flow.menu_reader import load_menu as load_flow
from ivr.flow.reachability import reachable_nodes
from ivr.quiet_hours import QuietHours
from ivr.routes.in_call_keys import IN_CALL_KEYS, TransferTarget
from ivr.settings import CALLERS_MOST, DEFAULT_HOLD, DISTRESS_HOLD, HoldSettings, IvrSettings
from prompts.catalogue import find_prompt
from prompts.text_reader import WHISPER, all_prompts
from prompts.verbalise.number_prompts import LANGUAGES
from routing.ami.fallback.members import longest_ring_s
from routing.core.model import centre_model as core
from routing.core.model.ids import AgentId
from santral.centre import coverage_by_date, distress_checks, reachability, remote_agents, surge_checks
from santral.centre.centre_words import centre_words, places_looked_in, read_prompts, silent_whispers
from santral.centre.cross_file_checks import (
    calls_nobody_back,
    check_closed_entry,
    closed_parts,
    conflicting_keys,
    distress_sent_away,
    external_without_trunk,
    forgotten_early,
    late_steps,
    missing_entries,
    names_of,
    not_recorded,
    preferences_not_stored,
    unasked_nodes,
    unheard_notice,
    unknown_prompts,
    untold_waits,
    watched_callers,
)
from santral.centre.engine_values import engine_centre, team_of
from santral.centre.unused_needs import unused_needs
from santral.errors import BadCentre
from santral.secrets import NodeSecrets

DEFAULT_CENTRE = Path(__file__).resolve().parents[2] / "centres" / "meb"

NODE = "asterisk"
"""Name of the one Asterisk that a node drives, and of a node that has no other name."""
NODE_NAME = "[a-z0-9][a-z0-9-]{0,31}"
"""Form of the name of a node."""
LINE_REFUSALS = {"busy": 17, "unavailable": 34}
"""Hangup cause of a refused call by the word of [lines]."""
SOUNDS = Path(".cache/sounds")
"""Folder in which `make prompts` builds."""


class CheckedCentre(NamedTuple):
    """The files of a centre with all findings. `flow` is None if menu.yaml cannot be used."""

    loaded: LoadedCentre
    flow: MenuFlow | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    today: tuple[Problem, ...] = ()
    """Problems that come only from agents' needs in force today, in files that are good on another day. A person who
    checks or reloads fixes them. No automatic start fails because of the date alone."""
    sentences: tuple[str, ...] = ()
    """Calls that limits and roster carry in distress, in words."""


class NodeConfig(NamedTuple):
    """A centre in force on a node."""

    settings: Settings
    centre: core.Centre
    flow: MenuFlow
    loaded: LoadedCentre
    sign_in: Mapping[str, AgentId]
    """Agent by sign-in number, as keyed on a phone."""
    warnings: tuple[Problem, ...] = ()

    def by_number(self, number: str) -> TransferTarget | None:
        """Return the target of a number that an agent keys to transfer a caller, or None if there is none.

        One or two digits are the position of a service in services.yaml, from 1. Three digits and more are the sign-in
        number of an agent.
        """
        if not number.isascii() or not number.isdigit():
            return None
        if len(number) > 2:
            agent = self.sign_in.get(number)
            return None if agent is None else TransferTarget(agent=agent)
        place = int(number)
        return TransferTarget(self.centre.services[place - 1].id) if 0 < place <= len(self.centre.services) else None

    @property
    def agents(self) -> tuple[AgentId, ...]:
        """Ids of the whole team."""
        return tuple(agent.id for agent in self.centre.agents)

    @property
    def services(self) -> frozenset[str]:
        """Ids of all services."""
        return frozenset(service.id for service in self.centre.services)

    def with_settings(self, settings: Settings) -> NodeConfig:
        """Return the same files with other settings."""
        loaded = replace(self.loaded, settings=settings)
        return self._replace(settings=settings, loaded=loaded, centre=engine_centre(loaded))

    @property
    def unknown_service(self) -> str:
        """Service of callers in the fallback queue who have not chosen one."""
        return self.settings.fallback.unknown or str(self.flow.queue_node(self.flow.human).service)

    @property
    def entry_services(self) -> dict[str, str]:
        """Service by entry of the menu, for entries from which only one service can be reached."""
        found = {}
        for entry, start in self.flow.entries.items():
            nodes = [self.flow.nodes[name] for name in reachable_nodes(self.flow, [start])]
            served = {str(node.service) for node in nodes if isinstance(node, Queue)}
            if len(served) == 1:
                found[entry] = served.pop()
        return found

    @property
    def line_entries(self) -> dict[str, str]:
        """Class of lines by entry of the menu, for entries from which only one service with lines can be reached."""
        classes = () if self.settings.lines is None else self.settings.lines.classes
        return {entry: service for entry, service in self.entry_services.items() if service in classes}

    @property
    def unrecorded(self) -> frozenset[str]:
        """Services whose talks are never recorded, even on request: the private and the anonymous ones."""
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
        """Services with a survey after the talk."""
        return frozenset(one.id for one in self.loaded.services if one.asks_survey)

    @property
    def waits(self) -> dict[str, HoldSettings]:
        """Hold settings of each service."""
        calls_out = self.settings.trunk.way_out is not None
        return {service.id: _hold_settings(service, calls_out, self.settings.preferences.enabled)
                for service in self.loaded.services}

    def ivr_settings(self, node: str) -> IvrSettings:
        """Return the settings of the dialogues with this Asterisk."""
        return IvrSettings(node=node, comfort_s=self.settings.wait.announce_s, survey=self.surveyed,
                           recorded=self.recorded if self.flow.has_notice else frozenset(),
                           messages=self.services - self.unrecorded, waits=self.waits,
                           callers_most=self.settings.lines.total if self.settings.lines else CALLERS_MOST,
                           line_classes=frozenset(self.settings.lines.classes if self.settings.lines else ()),
                           own_numbers=frozenset(self.settings.numbers), quiet=self.quiet)

    @property
    def quiet(self) -> QuietHours:
        """Hours in which no callback is dialled."""
        hours = self.settings.callback
        return QuietHours(minute_of(hours.quiet_from), minute_of(hours.quiet_to), self.settings.centre.timezone)


def check_centre(folder: Path, overlay: Path | None = None, *, today: date | None = None) -> CheckedCentre:
    """Read and check all files of a centre. Problems in the files are returned, not raised.

    `today` is the date whose agents' needs are in force. None means the present date at the centre.
    """
    # 1. Read the files.
    loaded = load_centre(folder, overlay, today=today)
    problems, warnings = list(loaded.problems), list(loaded.warnings)
    flow: MenuFlow | None = None
    lengths, unsaid = read_prompts(loaded, sound_folders(loaded))
    keys = frozenset[str]() if lengths is None else lengths.keys
    # 2. Check each file against the others.
    problems += _no_store(loaded) + _readable_password(loaded, overlay)
    problems += unsaid + not_recorded(loaded) + closed_parts(loaded) + distress_sent_away(loaded)
    if lengths is not None:
        problems += unknown_prompts(loaded, keys, places_looked_in(loaded)) + silent_whispers(loaded, lengths)
    for doubt in (calls_nobody_back, late_steps, unasked_nodes, untold_waits, forgotten_early, unused_needs,
                  watched_callers):
        warnings += doubt(loaded)
    # 3. Check the menu. A mistake in a text of a prompt hides which names exist, so the menu waits.
    if loaded.menu is not None and lengths is not None:
        read = load_flow(loaded.menu, names_of(loaded, keys, places_looked_in(loaded)), lengths)
        flow = read.flow
        for one in read.problems:
            (warnings if one.warning else problems).append(Problem(one.where, one.what, one.mend))
    # 4. Check that agents can serve services and menu. If a later or earlier day is good, only the date is at fault.
    found, doubts = reachability.check_reachability(loaded, team_of(loaded), flow)
    of_today = found if found and coverage_by_date.is_good_some_day(loaded, flow) else []
    problems, warnings = problems + [one for one in found if one not in of_today], warnings + doubts
    # 5. Check what the team carries in distress. The engine cannot read faulty expressions.
    distress = distress_checks.DistressCheck([], [], [])
    if not found and not loaded.problems:
        distress = distress_checks.check_distress(loaded, engine_centre(loaded))
        problems, warnings = problems + distress.problems, warnings + distress.warnings
    # 6. Check the names that need a valid menu or settings.
    problems += missing_entries(loaded)
    if flow is not None and loaded.settings is not None:
        found, doubts = check_closed_entry(loaded, flow)
        problems = problems + found + external_without_trunk(loaded, flow) + conflicting_keys(loaded, flow)
        problems += surge_checks.check_profiles(loaded, flow, keys)
        warnings = warnings + doubts + preferences_not_stored(loaded, flow) + unheard_notice(loaded, flow)
    problems, warnings, of_today = (sorted(each, key=lambda one: one.order) for each in (problems, warnings, of_today))
    return CheckedCentre(loaded, flow, tuple(problems), tuple(warnings), tuple(of_today), tuple(distress.sentences))


def sound_folders(loaded: LoadedCentre) -> list[Path]:
    """Return the folders that may hold built sounds: the node's own, then that of `make prompts`."""
    own = [] if loaded.settings is None else [Path(loaded.settings.asterisk.sounds)]
    return [*own, SOUNDS]


def unsent_sms(checked: CheckedCentre) -> list[Problem]:
    """Return a problem if the menu offers short messages but the centre has no gateway.

    Only a person who checks a centre sees it, not each start of a node.
    """
    settings, flow, menu = checked.loaded.settings, checked.flow, checked.loaded.menu
    if settings is None or settings.sms.url is not None or flow is None or menu is None:
        return []
    for name, node in flow.nodes.items():
        if isinstance(node, Queue | End) and node.sms:
            return [Problem(f"{menu.file}:{menu['nodes'][name].lines['sms']}",
                            "the menu has short messages, but the centre has no gateway: none is offered",
                            "Name the gateway at [sms] of santral.toml (docs/operate/sms.md).")]
    return []


def config_of(checked: CheckedCentre) -> NodeConfig | None:
    """Return the centre in a form that a node can use. Return None if it has problems that are not only of today."""
    loaded = checked.loaded
    if checked.problems or loaded.settings is None or checked.flow is None:
        return None
    return NodeConfig(loaded.settings, engine_centre(loaded), checked.flow, loaded,
                      {agent.number: AgentId(agent.id) for agent in loaded.agents}, checked.warnings)


def node_config(folder: Path, overlay: Path | None = None) -> NodeConfig:
    """Return the centre, or raise BadCentre with all its problems.

    Problems of the date alone are no error (see `CheckedCentre.today`).
    """
    checked = check_centre(folder, overlay)
    config = config_of(checked)
    if config is None:
        raise BadCentre(format_problems(checked.problems, folder))
    return config


def format_problems(problems: Sequence[Problem], folder: Path) -> str:
    """Return the problems of a centre, one per line."""
    lines = "\n  ".join(str(problem) for problem in problems)
    return f"{format_count(len(problems))} in the centre {folder}:\n  {lines}"


def format_count(many: int, what: str = "problem") -> str:
    """Return a count with its noun."""
    return f"{many} {what}{'' if many == 1 else 's'}"


def _hold_settings(service: files.Service, calls_out: bool, wishes: bool) -> HoldSettings:
    """Return the settings of the hold loop for a service."""
    usual, own = DISTRESS_HOLD if service.distress else DEFAULT_HOLD, service.waiting
    return replace(
        usual, first=own.first or usual.first, say_position=own.place, expected=own.expected,
        comfort=own.comfort or usual.comfort, music=service.music or usual.music,
        emergency=service.emergency or "", preferences=wishes and not service.distress
        and service.privacy != "anonymous",
        reasons={name.removeprefix("when_"): rule.say for name, rule in service.rules.items() if rule.say is not None},
        callback_after_s=service.callback_after_s,
        callback_key=str(service.callback_key) if calls_out and service.calls_back != "none" else "")


def asterisk_plan(config: NodeConfig, secrets: NodeSecrets) -> AsteriskPlan:
    """Return the values from which the Asterisk files are rendered."""
    # 1. Read settings and secrets.
    settings = config.settings
    ami = secrets.ami_secrets()
    seats = settings.seats.seat_names()
    registration = settings.trunk.registration
    trunk = Trunk(tuple(settings.trunk.match),
                  None if registration is None else
                  Registration(registration.server, registration.user, secrets.trunk_password()),
                  settings.trunk.way_out, settings.trunk.transport == "tls", settings.trunk.srtp, settings.trunk.proxy,
                  settings.trunk.codecs, settings.trunk.asks_every_s)
    own = settings.asterisk
    # 2. Build the plan.
    said = all_prompts(centre_words(config.loaded))
    return AsteriskPlan(
        numbers=settings.numbers,
        nat=None if own.external is None else Nat(own.external, own.local),
        tls=None if own.tls is None else Tls(parse_address(own.tls), own.certificate, own.key, own.authorities),
        prefix=settings.seats.prefix,
        number_forms={form: number for number in settings.numbers for form in list_forms(number)},
        nodes=tuple(parse_address(agi) for agi in settings.asterisk.agi),
        sounds=settings.asterisk.sounds, music=settings.asterisk.music,
        musics=tuple(dict.fromkeys(one.music for one in config.waits.values() if one.music != MUSIC_CLASS)),
        seats=tuple(secrets.seat_secrets(seats).items()),
        remote_agents=tuple(remote_agents.read_numbers(config.loaded, secrets.folder).numbers.items()),
        external_numbers=tuple(settings.transfer.items()), in_call_keys=IN_CALL_KEYS,
        trunk=trunk, agi_key=secrets.agi_key(), events_secret=ami["events"], actions_secret=ami["actions"],
        services=tuple(PlanService(service.id, WHISPER + service.id, service.distress,
                                    longest_ring_s(service, config.centre.agents))
                       for service in config.centre.services),
        unknown_service=config.unknown_service,
        lines=_line_plan(config), line_entries=config.line_entries,
        entry_services=config.entry_services,
        emergencies=tuple(Emergency(one.id, language, slow, find_prompt(said, one.emergency, slow, language).place)
                          for one in config.loaded.services if one.emergency is not None
                          for language in LANGUAGES for slow in (False, True)),
        spool=settings.asterisk.spool,
        sip=parse_address(settings.asterisk.sip), ami=parse_address(settings.asterisk.ami),
        http=parse_address(settings.asterisk.http), metrics=settings.asterisk.metrics,
        pages=_page_plan(config, secrets),
        rtp=(settings.asterisk.rtp_start, settings.asterisk.rtp_end),
        timings=Timings(tick_s=settings.wait.tick_s, step_s=settings.wait.step_s, max_fails=settings.wait.max_fails))


def _page_plan(config: NodeConfig, secrets: NodeSecrets) -> Pages | None:
    """Return the page seats with the address of their sound. Return None if all agents have phones."""
    seats, media = config.settings.seats, config.settings.asterisk.media_address
    if not seats.page_names():
        return None
    others = tuple(address for address in list_addresses() if address != media)
    return Pages(tuple(secrets.seat_secrets(seats.web_names()).items()),
                 tuple(secrets.seat_secrets(seats.far_names()).items()), media, others)


def _line_plan(config: NodeConfig) -> LinePlan | None:
    """Return the lines of the carrier with the classes of calls. Return None if the settings name no lines."""
    lines = config.settings.lines
    if lines is None:
        return None
    said = all_prompts(centre_words(config.loaded))
    words = {one.id: find_prompt(said, one.emergency, slow=False, language="tr").place
             for one in config.loaded.services if one.emergency}
    return LinePlan(lines.total, tuple(
        LineClass(name, lines.kept.get(name, 0), lines.most_of(name), words[name]) for name in lines.classes),
        LINE_REFUSALS[lines.refusal])


def _no_store(loaded: LoadedCentre) -> list[Problem]:
    """Return a problem if the address of the store is invalid.

    The address is never shown, because it may contain a password.
    """
    if loaded.settings is None:
        return []
    try:
        url = make_url(loaded.settings.store.url)
        good = url.get_backend_name() == "postgresql" or (url.get_backend_name() == "sqlite" and bool(url.database))
    # ValueError comes from an invalid port.
    except (ArgumentError, ValueError):
        good = False
    return [] if good else [Problem(loaded.where("store", "url"), "'store.url' is no address of a store",
                                    "Write sqlite:///santral.db or postgresql://user@host/database. In a password, "
                                    "write all but letters and digits as %40 and the like.")]


def _readable_password(loaded: LoadedCentre, overlay: Path | None) -> list[Problem]:
    """Return a problem for each file of settings that holds a password of the store and that everybody may read."""
    found = []
    paths = [*([overlay] if overlay else []), loaded.folder / SETTINGS]
    for path, document in zip(paths, loaded.documents if loaded.settings else (), strict=False):
        store = document.get("store")
        try:
            url = make_url(str(store.get("url", ""))) if isinstance(store, Mapping) else None
        except (ArgumentError, ValueError):
            continue
        if url is not None and (url.password or "password" in url.query) and path.stat().st_mode & stat.S_IROTH:
            found.append(Problem(
                locate_in([document], ("store", "url")), "everybody may read the password of the store",
                f"Run chmod 600 {path} as its owner, or put the password into a passfile."))
    return found


def store_place(config: NodeConfig, state: Path) -> Path | str:
    """Return the place of the store for a node with this state folder."""
    return place_of_store(config.settings, state)


def place_of_store(settings: Settings, state: Path) -> Path | str:
    """Return the place of the store that the settings name, also in a centre with other problems."""
    text = settings.store.url
    url = make_url(text)
    if url.get_backend_name() == "sqlite" and url.database:
        return state / url.database
    return text


def parse_address(text: str) -> Address:
    """Return `host:port` as a pair."""
    host, _, port = text.rpartition(":")
    return Address(host, int(port))
