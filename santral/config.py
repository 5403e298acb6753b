"""From a centre's files to what each room needs: the engine's values, the menu, the plan of Asterisk's files.

Everything is checked whole before anything starts; `santral check` shows the same findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.engine import make_url

from asterisk_conf.plan import MUSIC_CLASS, Address, Plan, Registration, Timings, Trunk
from centres import services as files
from centres.load import SERVICES, Loaded, load
from centres.model import minute_of
from centres.problem import Problem
from centres.settings import Routing, Settings
from centres.shape import guess
from centres.team import Accommodation, Agent, Needs
from ivr.config import DISTRESS, USUAL, IvrSettings, Wait
from ivr.flow import sms, walk
from ivr.flow.load import load as load_flow
from ivr.flow.model import End, Flow, Queue, Transfer
from ivr.flow.nodes import Names
from ivr.quiet import Quiet
from ivr.transfer import Where
from prompts.catalogue import texts
from prompts.lengths import Lengths
from routing.core import expression
from routing.core import model as core
from routing.core.ids import AgentId, SeatId, ServiceId, SkillId
from santral import outside, routable
from santral.errors import BadCentre
from santral.outside import outside_seat
from santral.secrets import Secrets

DEFAULT_CENTRE = Path(__file__).resolve().parents[1] / "centres" / "meb"

NODE = "asterisk"
"""Name of the one Asterisk a node drives."""

ABUSIVE = "abusive"
"""Topic of a contact whose caller was abusive before."""


SOUNDS = Path(".cache/sounds")
"""Where `make prompts` builds."""


class Checked(NamedTuple):
    """A centre as read, with everything found. `flow` is None when menu.yaml cannot be used."""

    loaded: Loaded
    flow: Flow | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


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


def check(folder: Path, overlay: Path | None = None) -> Checked:
    """Read and check every file of a centre; nothing is raised for what is wrong in them."""
    loaded = load(folder, overlay)
    problems, warnings = list(loaded.problems), list(loaded.warnings)
    flow: Flow | None = None
    lengths = Lengths.of(*sounds(loaded))
    problems += _said(loaded, lengths.keys) + _recorded(loaded)
    warnings += _calls_back(loaded) + _untold(loaded)
    if loaded.menu is not None:
        read = load_flow(loaded.menu, _names(loaded, lengths.keys), lengths)
        flow = read.flow
        for one in read.problems:
            (warnings if one.warning else problems).append(Problem(one.where, one.what, one.mend))
    found, doubts = routable.check(loaded, _team(loaded), flow)
    problems, warnings = problems + found, warnings + doubts
    if flow is not None and loaded.settings is not None:
        for number, entry in loaded.settings.numbers.items():
            if entry not in flow.entries:
                problems.append(Problem(loaded.where("numbers", number),
                                        f"the called number {number} leads to '{entry}', which menu.yaml does not have",
                                        f"Name one of its entries: {', '.join(sorted(flow.entries))}."))
        found, doubts = _closing(loaded, flow)
        problems = problems + found + _way_out(loaded, flow) + _two_keys(loaded, flow)
        warnings = warnings + doubts + _wishes(loaded, flow)
    return Checked(loaded, flow, tuple(sorted(problems, key=lambda one: one.order)),
                   tuple(sorted(warnings, key=lambda one: one.order)))


def sounds(loaded: Loaded) -> list[Path]:
    """Where built sounds may stand on this machine: the node's own, then those of `make prompts`."""
    own = [] if loaded.settings is None else [Path(loaded.settings.asterisk.sounds)]
    return [*own, SOUNDS]


def _names(loaded: Loaded, prompts: frozenset[str]) -> Names:
    """What menu.yaml may name. Files with mistakes are not held against it."""
    skills = {skill for agent in loaded.agents for skill in agent.skills} if loaded.team_whole else None
    return Names(
        prompts, loaded.named, _closed(loaded), {service.id for service in loaded.services if service.distress},
        {service.id for service in loaded.services if service.privacy != "normal"},
        None if loaded.settings is None else loaded.settings.transfer.keys(), skills,
        {service.id for service in loaded.services if service.distress or service.privacy == "anonymous"},
        loaded.settings is not None and loaded.settings.sms.url is not None)


def _way_out(loaded: Loaded, flow: Flow) -> list[Problem]:
    """Who is led outside goes through the carrier."""
    led = any(isinstance(node, Transfer) for node in flow.nodes.values())
    if not led or loaded.settings is None or loaded.settings.trunk.way_out is not None:
        return []
    return [Problem(loaded.where("trunk"), "menu.yaml leads callers to an outside number, and there is no way out",
                    "Add outgoing = \"host:port\" of the carrier.")]


def _two_keys(loaded: Loaded, flow: Flow) -> list[Problem]:
    """A waiting caller has one key for a callback and another one for a short message."""
    texted = {node.service for node in flow.nodes.values() if isinstance(node, Queue) and node.sms}
    return [Problem(loaded.place(SERVICES, service.id, "callback_key"),
                    f"key {sms.KEY} asks for a short message while callers wait for '{service.id}'",
                    "Give the callback another key.")
            for service in loaded.services
            if service.id in texted and service.calls_back != "none" and str(service.callback_key) == sms.KEY]


def _wishes(loaded: Loaded, flow: Flow) -> list[Problem]:
    """Who asks for a person at once gets one (rule I20): that it is kept, and what it gives, stand in two files."""
    kept = loaded.settings is not None and loaded.settings.wishes.kept
    if kept == (flow.human_first is not None):
        return []
    if kept:
        return [Problem(loaded.where("wishes", "kept"), "who asks for a person at once gets nothing by it: menu.yaml "
                        "says nothing of 'human_first'",
                        f"Add to menu.yaml: human_first: {{priority: 10, then: {flow.human}}}.")]
    line = 1 if loaded.menu is None else loaded.menu.lines.get("human_first", loaded.menu.line)
    return [Problem(f"menu.yaml:{line}", "nobody's wish for a person at once is remembered",
                    "Add to santral.toml: [wishes] kept = true; or take 'human_first' out.")]


def _said(loaded: Loaded, prompts: frozenset[str]) -> list[Problem]:
    """Prompts that services and closures name must be there to be heard."""
    found = [Problem(loaded.place(SERVICES, service.id, *place), f"unknown prompt '{key}'", guess(key, prompts))
             for service in loaded.services for place, key in _named(service) if key not in prompts]
    closures = loaded.settings.calendar.closures if loaded.settings is not None else ()
    return found + [Problem(loaded.where("calendar", "closures", index, "say"), f"unknown prompt '{one.say}'",
                            guess(one.say, prompts))
                    for index, one in enumerate(closures) if one.say is not None and one.say not in prompts]


def _untold(loaded: Loaded) -> list[Problem]:
    """Rule I21 of accessible lines: who waits is told where they stand. In distress that is no comfort."""
    return [Problem(loaded.place(SERVICES, service.id, "waiting"),
                    f"callers of '{service.id}' are told neither their place in line nor how long it takes",
                    "Take out 'place: false' or 'expected: false'.")
            for service in loaded.services
            if not (service.distress or service.waiting.place or service.waiting.expected)]


def _calls_back(loaded: Loaded) -> list[Problem]:
    """Who is to be called back is called through the carrier. Rule I21 of accessible lines wants it offered, so a
    centre that offers none says so itself."""
    if loaded.settings is None or loaded.settings.trunk.way_out is not None:
        return []
    found = [Problem(loaded.place(SERVICES, service.id, "callback"),
                     f"service '{service.id}' calls callers back, and there is no way out",
                     "Add outgoing = \"host:port\" of the carrier at [trunk]; until then nobody is called back.")
             for service in loaded.services if service.callback not in (None, "none")]
    if usual := [f"'{one.id}'" for one in loaded.services if one.callback is None and one.calls_back != "none"]:
        found.append(Problem(loaded.where("trunk"), f"callers of {', '.join(usual)} are offered no callback: there is "
                             "no way out to them", "Add outgoing = \"host:port\" of the carrier; or say callback: none "
                             "at each of these services."))
    return found


def _recorded(loaded: Loaded) -> list[Problem]:
    """Services named at [recording] must be there, and not be private."""
    if loaded.settings is None or loaded.settings.recording.services is None:
        return []
    privacy = {service.id: service.privacy for service in loaded.services}
    found = []
    for index, name in enumerate(loaded.settings.recording.services):
        where = loaded.where("recording", "services", index)
        if name not in privacy:
            found.append(Problem(where, f"unknown service '{name}'", guess(name, privacy)))
        elif privacy[name] != "normal":
            found.append(Problem(where, f"service '{name}' is {privacy[name]}: its talks are never recorded",
                                 "Take it out here, or change its 'privacy' in services.yaml."))
    return found


def _named(service: files.Service) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Prompts that a service names, each with its place in the file."""
    if service.emergency is not None:
        yield ("emergency",), service.emergency
    if service.waiting.first is not None:
        yield ("waiting", "first"), service.waiting.first
    for index, key in enumerate(service.waiting.comfort or ()):
        yield ("waiting", "comfort", index), key


def _closed(loaded: Loaded) -> str | None:
    """The entry of a closed centre as it is written: santral.toml may have problems elsewhere, and menu.yaml is judged
    all the same."""
    for document in loaded.documents:
        hours = document.get("hours")
        if isinstance(hours, dict) and isinstance(hours.get("closed"), str):
            return str(hours["closed"])
    return None


def _closing(loaded: Loaded, flow: Flow) -> tuple[list[Problem], list[Problem]]:
    """Problems and warnings of the entry used while the centre is closed."""
    closed, where = _closed(loaded), loaded.where("hours", "closed")
    if closed is None:
        return [], []
    if closed not in flow.entries:
        return [Problem(where, f"'closed' names '{closed}', which menu.yaml does not have",
                        f"Name one of its entries: {', '.join(sorted(flow.entries))}.")], []
    distress = {service.id for service in loaded.services if service.distress}
    nodes = [flow.nodes[name] for name in walk.reached(flow, [flow.entries[closed]])]
    served = {node.service for node in nodes if isinstance(node, Queue)}
    warnings = [Problem(where, f"while the centre is closed, callers can still wait for '{service}'",
                        "See that somebody is on duty for it, or take it out of that entry's menu.")
                for service in sorted(served - distress)]
    if distress and not distress & served:
        names = ", ".join(f"'{service}'" for service in sorted(distress))
        warnings.append(Problem(where, f"while the centre is closed, nobody reaches {names}, which is for distress",
                                "Lead an option of that entry's menu there: distress knows no hours."))
    return [], warnings


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
                            "Name the gateway at [sms] of santral.toml (docs/sms.md).")]
    return []


def config_of(checked: Checked) -> NodeConfig | None:
    """The centre as it can be put in force; None: it has problems."""
    loaded = checked.loaded
    if checked.problems or loaded.settings is None or checked.flow is None:
        return None
    return NodeConfig(loaded.settings, engine_centre(loaded), checked.flow, loaded,
                      {agent.number: AgentId(agent.id) for agent in loaded.agents}, checked.warnings)


def node_config(folder: Path, overlay: Path | None = None) -> NodeConfig:
    """The centre, or BadCentre with every problem in it."""
    checked = check(folder, overlay)
    config = config_of(checked)
    if config is None:
        listed = "\n  ".join(str(problem) for problem in checked.problems)
        raise BadCentre(f"{counted(len(checked.problems))} in the centre {folder}:\n  {listed}")
    return config


def counted(many: int, what: str = "problem") -> str:
    """How many, in words."""
    return f"{many} {what}{'' if many == 1 else 's'}"


def engine_centre(loaded: Loaded, day: date | None = None) -> core.Centre:
    """What decides routing, as the engine's values, with the accommodations in force on a day (None: when the files
    were read)."""
    routing, everybody = _for_all(loaded)
    own = loaded.accommodations if day is None else loaded.in_force(day)
    calls_out = loaded.settings is not None and loaded.settings.trunk.way_out is not None
    seats = None if loaded.settings is None else frozenset(
        [SeatId(seat) for seat in loaded.settings.seats.names()] +
        [outside_seat(agent.id) for agent in loaded.agents if agent.on_call is not None])
    return core.Centre(
        tuple(_service(service, calls_out) for service in loaded.services),
        tuple(_agent(agent, everybody, own.get(agent.id)) for agent in loaded.agents), seats,
        costs=tuple(_costs(routing).items()),
        interruptible=frozenset(core.Channel(one) for one in routing.interruptible),
        load_half_life_s=routing.load_half_life_s, occupied_half_life_s=routing.occupied_half_life_s,
        decompression_s=routing.decompression_s, spared_s=routing.spared_s, micro_break_s=routing.micro_break_s,
        reacts_s=routing.reacts_s)


def _for_all(loaded: Loaded) -> tuple[Routing, Needs]:
    """What holds for the whole centre and for everybody in it."""
    settings = loaded.settings
    return (Routing(), Needs()) if settings is None else (settings.routing, settings.profile)


def _costs(routing: Routing) -> dict[core.Channel, int]:
    return dict(core.COSTS) | {core.Channel(channel): units for channel, units in routing.costs.items()}


def _team(loaded: Loaded) -> routable.Team:
    """Everybody as the engine will see them today."""
    routing, everybody = _for_all(loaded)
    return routable.Team([(agent, _agent(agent, everybody, loaded.accommodations.get(agent.id)).profile)
                          for agent in loaded.agents], _costs(routing))


def _service(service: files.Service, calls_out: bool) -> core.Service:
    floor, floor_where = _needs(service.floor)
    return core.Service(
        id=ServiceId(service.id), name=service.name,
        steps=tuple(core.Step(needs, step.lasts_s, where) for step in service.steps
                    for needs, where in [_needs(step.needs)]),
        floor=floor, floor_where=floor_where, priority=service.priority, weight=service.weight,
        strategy=service.strategy, distress=service.distress, load=service.load, ceiling_s=service.ceiling_s,
        preferred_s=service.preferred_s, preferred_days=service.preferred_days, target_s=service.target_s,
        target_share=service.target_share, short_abandon_s=service.short_abandon_s, overflow_s=service.overflow_s,
        overflow_to=None if service.overflow_to is None else ServiceId(service.overflow_to),
        max_waiting=service.max_waiting, place_kept_s=service.place_kept_s, max_talking=service.max_talking,
        callback_tries=service.callback_tries, callback_retry_s=service.callback_retry_s,
        anonymous=service.privacy == "anonymous",
        callback=core.CallbackOrder(service.calls_back if calls_out else "none"),
        follows_up=calls_out, callback_max=service.callback_max, callback_press=service.callback_press)


def _wait(service: files.Service, calls_out: bool, wishes: bool) -> Wait:
    """What its callers hear while they wait."""
    usual, own = DISTRESS if service.distress else USUAL, service.waiting
    return replace(
        usual, first=own.first or usual.first, place=own.place, expected=own.expected,
        comfort=own.comfort or usual.comfort, music=service.music or usual.music,
        emergency=service.emergency or "", wishes=wishes and not service.distress and service.privacy != "anonymous",
        callback_after_s=service.callback_after_s,
        callback_key=str(service.callback_key) if calls_out and service.calls_back != "none" else "")


def _needs(needs: files.Needs) -> tuple[core.Needs, str]:
    """What is asked for as levels, and as an expression when levels cannot say it."""
    if not isinstance(needs, str):
        return _skills(needs), ""
    levels = expression.needs(expression.parse(needs))
    return ((), needs) if levels is None else (levels, "")


def _agent(agent: Agent, everybody: Needs, own: Accommodation | None) -> core.Agent:
    changes = (({} if agent.on_call is None else outside.NEEDS) | everybody.changes()
               | ({} if own is None else own.changes()))
    return core.Agent(AgentId(agent.id), _skills(agent.skills), _profile(changes), agent.team,
                      agent.on_call is not None)


_ENUMS: Mapping[str, type[StrEnum]] = {
    "answer_mode": core.AnswerMode, "pre_connect_mode": core.PreConnect, "wrapup_mode": core.WrapUpMode}
_COMFORT = ("ring_signal", "ear", "gain_db", "limiter", "verbosity", "braille_cells")


def _profile(changes: dict[str, Any]) -> core.Profile:
    """The profile with these of a file's fields laid over it."""
    profile = core.Profile()
    changes.pop("break_plan", None)  # told day by day, in Unix seconds: see `calendar`
    changes |= {name: kind(changes[name]) for name, kind in _ENUMS.items() if name in changes}
    if "pre_connect_mode" in changes:
        changes["pre_connect"] = changes.pop("pre_connect_mode")
    if "channels" in changes:
        changes["channels"] = frozenset(core.Channel(channel) for channel in changes["channels"])
    if "max_concurrency" in changes:
        own = {core.Channel(channel): most for channel, most in changes["max_concurrency"].items()}
        changes["max_concurrency"] = tuple((dict(profile.max_concurrency) | own).items())
    if "distress_limit" in changes:
        limit = changes.pop("distress_limit")
        changes["distress"] = core.DistressLimit(limit.soft, limit.hard, limit.again)
    if changes.pop("no_abusive_history", False):
        changes["no_topics"] = frozenset(changes.get("no_topics", ())) | {ABUSIVE}
    comfort = {name: changes.pop(name) for name in _COMFORT if name in changes}
    return profile._replace(comfort=profile.comfort._replace(**comfort), **changes)


def _skills(skills: Mapping[str, int]) -> core.Needs:
    return tuple((SkillId(skill), level) for skill, level in skills.items())


def asterisk_plan(config: NodeConfig, secrets: Secrets) -> Plan:
    """What Asterisk's files are rendered from."""
    settings = config.settings
    ami = secrets.ami()
    seats = settings.seats.names()
    registration = settings.trunk.registration
    trunk = Trunk(tuple(settings.trunk.match),
                  None if registration is None else
                  Registration(registration.server, registration.user, secrets.trunk()), settings.trunk.way_out)
    briefs = texts()
    return Plan(
        numbers=settings.numbers, nodes=tuple(address(agi) for agi in settings.asterisk.agi),
        sounds=settings.asterisk.sounds, music=settings.asterisk.music,
        musics=tuple(dict.fromkeys(one.music for one in config.waits.values() if one.music != MUSIC_CLASS)),
        seats=tuple(secrets.seats(seats).items()),
        outside=tuple(outside.read(config.loaded, secrets.folder).numbers.items()),
        transfers=tuple(settings.transfer.items()),
        trunk=trunk, events_secret=ami["events"], actions_secret=ami["actions"],
        services=tuple((service.id, key if (key := f"bilgi-{service.id}") in briefs else None)
                       for service in config.centre.services),
        emergencies=tuple((one.id, one.emergency) for one in config.loaded.services if one.emergency is not None),
        net_members=settings.net.seats, spool=settings.asterisk.spool,
        sip=address(settings.asterisk.sip), ami=address(settings.asterisk.ami),
        metrics=None if settings.asterisk.metrics is None else address(settings.asterisk.metrics),
        rtp=(settings.asterisk.rtp_start, settings.asterisk.rtp_end),
        timings=Timings(tick_s=settings.wait.tick_s, step_s=settings.wait.step_s, max_fails=settings.wait.max_fails))


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
