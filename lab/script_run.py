"""Many scripts at once: each has its own caller, its own agents, and the services it waits in to itself."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from centres.load import Loaded
from centres.load import load as load_centre
from centres.problem import Problem
from centres.services import Service
from lab import library, network, network_conf, tune
from lab.audiosocket import Exchange
from lab.errors import BadInput, LabError
from lab.fetch import asterisk
from lab.network import Network
from lab.ports import Ports
from lab.script import Agent, Script
from lab.script_play import House, Outcome, Part, Play, tones
from lab.script_reader import load
from lab.script_steps import Known
from lab.up import SOUNDS, Info, Seat
from prompts.catalogue import spoken

AT_ONCE = 16
"""Calls at the same time. Listening to one takes about 4 % of a processor (14 s of CPU for 360 s of calls)."""
WAITING_GROUP = "bekleme"
CARRIER_PORTS = 64
"""For the media of calls to a trunk: two a call."""

_URI = re.compile(r"sip:(?P<number>[+0-9]{1,20})@(?P<host>[A-Za-z0-9.-]{1,253})(?::(?P<port>[1-9][0-9]{0,4}))?")

Told = Callable[[Play], None]


class Target(NamedTuple):
    """A telephone number at somebody else's Asterisk."""

    number: str
    place: str
    """host:port"""


class Bad(LabError):
    """Scripts that cannot be run: every problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))


def target(uri: str) -> Target:
    """`sip:4440632@host:port`. Raises BadInput."""
    match = _URI.fullmatch(uri)
    if match is None:
        raise BadInput(f"{uri!r} is no number at a trunk; write for example sip:4440632@192.0.2.10:5060")
    return Target(match["number"], f"{match['host']}:{match['port'] or 5060}")


def files(given: Iterable[Path]) -> list[Path]:
    """Files as given; of a folder all scripts in it and below, in the order of their names. Each of them once: its
    second caller would be known from the first. Raises BadInput."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(path.rglob("*.yaml"))
            if not inside:
                raise BadInput(f"there is no script (*.yaml) in {path}")
            found += inside
        else:
            found.append(path)
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return list(once.values())


def read(paths: Sequence[Path], centre: Loaded | None) -> list[Script]:
    """All scripts. `centre`: whose they are; None: somebody else's, of which nothing is known. Raises Bad."""
    prompts = spoken()
    waiting = {key for key, prompt in prompts.items() if prompt.group == WAITING_GROUP}
    known = Known(prompts, None, None, None, waiting)
    if centre is not None:
        numbers = centre.settings.numbers if centre.settings else {}
        known = known._replace(services=[one.id for one in centre.services], agents=[one.id for one in centre.agents],
                               numbers=[*numbers, *numbers.values()])
    problems: list[Problem] = []
    scripts: list[Script] = []
    for path in paths:
        script, found = load(path, known)
        problems += found
        scripts += [script] if script else []
    if problems:
        raise Bad(problems)
    return scripts


class Cast:
    """Who plays in which script."""

    def __init__(self, centre: Loaded, seats: Sequence[Seat]) -> None:
        self._centre, self._seats = centre, {seat.id: seat for seat in seats}
        self._services = {service.id: service for service in centre.services}
        self._plain = [seat for seat in seats if seat.id not in centre.accommodations]
        settings = centre.settings
        assert settings is not None
        self._numbers = settings.numbers
        self._callers = callers()

    def part(self, script: Script) -> Part:
        """What this script has to itself. Raises Bad when the team has nobody for it."""
        problems: list[Problem] = []
        people: dict[int, str] = {}
        for agent in script.agents:
            chosen = self._chosen(agent, set(people.values()))
            if chosen is None:
                problems.append(Problem(f"{script.file}:{agent.line}", f"the team has nobody left for '{agent.who}'",
                                        "Name an agent by id, or take one out."))
            else:
                people[agent.line] = chosen
        if problems:
            raise Bad(problems)
        skills = {skill for name in people.values() for skill in self._seats[name].skills}
        served = {name for name, service in self._services.items() if skills & _skills(service)}
        number = next((number for number, entry in self._numbers.items() if script.number in (number, entry)),
                      next(iter(self._numbers)))
        others = [next(self._callers) for _ in range(script.ahead.people if script.ahead else 0)]
        told = {script.announced.service} - {""} if script.announced else set()
        return Part(number, script.caller or next(self._callers), others, people, script.services | served | told)

    def _chosen(self, agent: Agent, taken: set[str]) -> str | None:
        if agent.who in self._seats:
            return None if agent.who in taken else agent.who
        service = self._services[agent.who]
        able = [seat for seat in self._plain if seat.id not in taken and _meets(seat, service)]
        # Who serves little else leaves the other services to other scripts; who knows most is asked first.
        return min(able, key=lambda seat: (len(seat.skills), -max(seat.skills.values()))).id if able else None


def callers() -> Iterator[str]:
    """Numbers of a block that is given to nobody; others in each run, for the centre knows who rang before."""
    first = secrets.randbelow(10**7)
    return (f"0500{(first + more) % 10**7:07d}" for more in itertools.count())


def _skills(service: Service) -> set[str]:
    """Every skill that it asks for, in whatever step."""
    found: set[str] = set()
    for needs in (*(step.needs for step in service.steps), service.floor):
        found |= set(re.findall(r"[A-Za-z_][\w./-]*", needs)) if isinstance(needs, str) else set(needs)
    return found


def _meets(seat: Seat, service: Service) -> bool:
    """Whether the first step has them. Expressions are the engine's business: there an agent is named by id."""
    needs = service.steps[0].needs
    return not isinstance(needs, str) and all(seat.skills.get(skill, -1) >= level for skill, level in needs.items())


@asynccontextmanager
async def lab_house(info: Info) -> AsyncIterator[House]:
    """A running lab."""
    sounds = info.sounds
    async with Network(info.network) as session, Exchange() as exchange:
        known, tunes = await asyncio.to_thread(lambda: (library.load(sounds), tune.load(sounds)))
        yield House(session, exchange, known, tunes, info, tones())


@asynccontextmanager
async def trunk_house(place: str, sounds: Path) -> AsyncIterator[House]:
    """A telephone network of our own that calls somebody else's Asterisk."""
    program = await asyncio.to_thread(asterisk)
    here_too = place.startswith(("127.", "localhost"))
    bind = "127.0.0.1" if here_too else "0.0.0.0"  # noqa: S104 (a carrier's side)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="santral-script-"))
        ports = Ports()
        stack.callback(ports.close)
        here, phones = await asyncio.to_thread(network.start, program, Path(folder), place, ports, None,
                                               CARRIER_PORTS, None, bind)
        stack.push_async_callback(asyncio.to_thread, phones.stop)
        session = await stack.enter_async_context(Network(here))
        exchange = await stack.enter_async_context(Exchange())
        known, tunes = await asyncio.to_thread(lambda: (library.load(sounds), tune.load(sounds)))
        yield House(session, exchange, known, tunes, None, tones(),
                    network_conf.CALLERS if here_too else "this machine's address")


async def run(house: House, scripts: Sequence[Script], parts: Mapping[Path, Part], recordings: Path, told: Told,
              at_once: int = AT_ONCE) -> list[Outcome]:
    """All of them; outcomes in their order. Those that do something to all callers come last, one by one,
    and with them, once more, those that were not as written while the machine was too busy to tell."""
    fresh = callers()
    stems = Counter(script.path.stem for script in scripts)
    gate = asyncio.Semaphore(at_once)
    locks = {name: asyncio.Lock() for part in parts.values() for name in part.services}

    async def one(script: Script, part: Part) -> Outcome:
        name = f"{script.path.stem}.wav"
        if stems[script.path.stem] > 1:
            name = f"{script.path.resolve().parent.name}-{name}"
        async with AsyncExitStack() as stack:
            for service in sorted(part.services):  # always in the same order: nobody waits for each other
                await stack.enter_async_context(locks[service])
            await stack.enter_async_context(gate)
            return await Play(house, script, part, recordings / name, told).play()

    async with asyncio.TaskGroup() as group:
        tasks = {script.path: group.create_task(one(script, parts[script.path]), name=f"lab.script[{script.file}]")
                 for script in scripts if not script.alone}
    outcomes = {path: task.result() for path, task in tasks.items()}
    for script in scripts:
        part = parts[script.path]
        if script.alone:
            outcomes[script.path] = await one(script, part)
        elif outcomes[script.path].doubtful:  # once more, with nothing of ours beside it
            again = part._replace(caller=script.caller or next(fresh), others=[next(fresh) for _ in part.others])
            outcomes[script.path] = await one(script, again)
    return [outcomes[script.path] for script in scripts]


async def in_lab(info: Info, paths: Sequence[Path], recordings: Path, told: Told, at_once: int = AT_ONCE
                 ) -> list[Outcome]:
    """Run scripts in a running lab. Raises Bad."""
    centre = load_centre(Path(info.centre), Path(info.settings))
    scripts = read(paths, centre)
    cast = Cast(centre, info.agents)
    parts = {script.path: cast.part(script) for script in scripts}
    async with lab_house(info) as house:
        return await run(house, scripts, parts, recordings, told, at_once)


async def at_trunk(where: Target, paths: Sequence[Path], recordings: Path, told: Told, *, sounds: Path = SOUNDS,
                   at_once: int = AT_ONCE) -> list[Outcome]:
    """Run scripts against a number at a trunk: only the callers are ours. Raises Bad."""
    scripts = read(paths, None)
    ours = callers()
    parts = {script.path: Part(number=script.number if script.number.isdigit() else where.number,
                               caller=script.caller or next(ours), others=(), people={}, services=script.services)
             for script in scripts}
    async with trunk_house(where.place, sounds) as house:
        return await run(house, scripts, parts, recordings, told, at_once)
