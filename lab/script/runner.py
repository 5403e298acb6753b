"""A runner for many scripts at once. Each has separate callers and agents, and its services to itself."""

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

from centres.centre_reader import LoadedCentre
from centres.centre_reader import load_centre as load_centre
from centres.problem import Problem
from centres.services import Service
from lab.centre_words import words_of
from lab.errors import BadInput, LabError
from lab.lifecycle import SOUNDS, AgentSeat, LabInfo
from lab.pbx.fetch import find_asterisk
from lab.pbx.ports import PortBlock
from lab.phones import network, network_conf
from lab.phones.audio_socket import AudioExchange
from lab.phones.network import PhoneNetwork
from lab.script import hold_music, prompt_library
from lab.script.model import CallScript, ScriptAgent
from lab.script.player import ScriptOutcome, ScriptPart, ScriptPlay, ScriptRunContext, cycle_tones
from lab.script.reader import load_script
from lab.script.steps import ScriptVocabulary
from prompts.centre_words import NO_CENTRE, CentreWords
from prompts.text_reader import all_prompts

AT_ONCE = 16
"""Calls at the same time. Listening to one takes about 4 % of a processor (14 s of CPU for 360 s of calls)."""
WAITING_GROUP = "bekleme"
CARRIER_PORTS = 64
"""Ports for the media of calls to a trunk, two for each call."""

_URI = re.compile(r"sip:(?P<number>[+0-9]{1,20})@(?P<host>[A-Za-z0-9.-]{1,253})(?::(?P<port>[1-9][0-9]{0,4}))?")

PlayCallback = Callable[[ScriptPlay], None]


class TrunkTarget(NamedTuple):
    """A telephone number at an Asterisk that is not part of the lab."""

    number: str
    address: str
    """host:port"""


class ScriptProblems(LabError):
    """Raised with every problem of scripts that cannot run."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))


def parse_target(uri: str) -> TrunkTarget:
    """Parse `sip:4440632@host:port`. Raise BadInput."""
    match = _URI.fullmatch(uri)
    if match is None:
        raise BadInput(f"{uri!r} is no number at a trunk; write for example sip:4440632@192.0.2.10:5060")
    return TrunkTarget(match["number"], f"{match['host']}:{match['port'] or 5060}")


def find_scripts(given: Iterable[Path]) -> list[Path]:
    """Return the given files, and all scripts in given folders and below, in the order of their names.

    Each file comes once, because the centre would know its second caller from the first. Raise BadInput.
    """
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


def read_scripts(paths: Sequence[Path], centre: LoadedCentre | None,
                 words: CentreWords = NO_CENTRE) -> list[CallScript]:
    """Read all scripts. Raise ScriptProblems.

    `centre` is the centre that the scripts call. For an unknown one it is None, and `words` are what it may say.
    """
    prompts = all_prompts(words if centre is None else words_of(centre))
    waiting = {key for key, prompt in prompts.items() if prompt.group == WAITING_GROUP}
    known = ScriptVocabulary(prompts, None, None, None, waiting)
    if centre is not None:
        numbers = centre.settings.numbers if centre.settings else {}
        known = known._replace(services=[one.id for one in centre.services], agents=[one.id for one in centre.agents],
                               numbers=[*numbers, *numbers.values()])
    problems: list[Problem] = []
    scripts: list[CallScript] = []
    for path in paths:
        script, found = load_script(path, known)
        problems += found
        scripts += [script] if script else []
    if problems:
        raise ScriptProblems(problems)
    return scripts


class CastList:
    """Assign callers, agents and services to scripts."""

    def __init__(self, centre: LoadedCentre, seats: Sequence[AgentSeat]) -> None:
        self._centre, self._seats = centre, {seat.id: seat for seat in seats}
        self._services = {service.id: service for service in centre.services}
        self._plain = [seat for seat in seats if seat.id not in centre.accommodations]
        settings = centre.settings
        assert settings is not None
        self._numbers = settings.numbers
        self._callers = caller_numbers()

    def cast_script(self, script: CallScript) -> ScriptPart:
        """Return the parts of a script. Raise ScriptProblems if the team has no agent left for it."""
        # 1. Choose the agents.
        problems: list[Problem] = []
        people: dict[int, str] = {}
        for agent in script.agents:
            chosen = self._choose_agent(agent, set(people.values()))
            if chosen is None:
                problems.append(Problem(f"{script.file}:{agent.line}", f"the team has nobody left for '{agent.who}'",
                                        "Name an agent by id, or take one out."))
            else:
                people[agent.line] = chosen
        if problems:
            raise ScriptProblems(problems)
        # 2. Find the services whose callers those agents would get. No other script may call there.
        skills = {skill for name in people.values() for skill in self._seats[name].skills}
        served = {name for name, service in self._services.items() if skills & _skills_asked(service)}
        # 3. Choose the numbers of the callers.
        number = next((number for number, entry in self._numbers.items() if script.number in (number, entry)),
                      next(iter(self._numbers)))
        others = [next(self._callers) for _ in range(script.ahead.people if script.ahead else 0)]
        told = {script.announced.service} - {""} if script.announced else set()
        return ScriptPart(number, script.caller or next(self._callers), others, people, script.services | served | told)

    def _choose_agent(self, agent: ScriptAgent, taken: set[str]) -> str | None:
        if agent.who in self._seats:
            return None if agent.who in taken else agent.who
        service = self._services[agent.who]
        able = [seat for seat in self._plain if seat.id not in taken and _meets_first_step(seat, service)]
        # An agent with few skills blocks few services for other scripts. Among those, take the highest level.
        return min(able, key=lambda seat: (len(seat.skills), -max(seat.skills.values()))).id if able else None


def caller_numbers() -> Iterator[str]:
    """Yield numbers of a block that belongs to nobody.

    Each run begins elsewhere, since the centre knows earlier callers by their number.
    """
    first = secrets.randbelow(10**7)
    return (f"0500{(first + more) % 10**7:07d}" for more in itertools.count())


def _skills_asked(service: Service) -> set[str]:
    """Return every skill that any step of a service asks for."""
    found: set[str] = set()
    for needs in (*(step.needs for step in service.steps), service.floor):
        found |= set(re.findall(r"[A-Za-z_][\w./-]*", needs)) if isinstance(needs, str) else set(needs)
    return found


def _meets_first_step(seat: AgentSeat, service: Service) -> bool:
    """Return whether an agent has the skills of the service's first step.

    Only the engine evaluates expressions; scripts name an agent by id there.
    """
    needs = service.steps[0].needs
    return not isinstance(needs, str) and all(seat.skills.get(skill, -1) >= level for skill, level in needs.items())


@asynccontextmanager
async def open_lab_context(info: LabInfo) -> AsyncIterator[ScriptRunContext]:
    """Open the parts for scripts in a running lab."""
    sounds = info.sounds
    async with PhoneNetwork(info.network) as session, AudioExchange() as exchange:
        known, tunes = await asyncio.to_thread(
            lambda: (prompt_library.load_library(sounds), hold_music.load_tunes(sounds)))
        yield ScriptRunContext(session, exchange, known, tunes, info, cycle_tones())


@asynccontextmanager
async def open_trunk_context(place: str, sounds: Path) -> AsyncIterator[ScriptRunContext]:
    """Open a telephone network of this run that calls an Asterisk that is not part of the lab."""
    program = await asyncio.to_thread(find_asterisk)
    # Another machine cannot send to the loopback, so the network then listens on all addresses.
    here_too = place.startswith(("127.", "localhost"))
    bind = "127.0.0.1" if here_too else "0.0.0.0"  # noqa: S104 (a carrier's side)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="santral-script-"))
        ports = PortBlock()
        stack.callback(ports.close)
        here, phones = await asyncio.to_thread(network.start_network, program, Path(folder), place, ports, None,
                                               CARRIER_PORTS, None, bind)
        stack.push_async_callback(asyncio.to_thread, phones.stop_process)
        session = await stack.enter_async_context(PhoneNetwork(here))
        exchange = await stack.enter_async_context(AudioExchange())
        known, tunes = await asyncio.to_thread(
            lambda: (prompt_library.load_library(sounds), hold_music.load_tunes(sounds)))
        yield ScriptRunContext(session, exchange, known, tunes, None, cycle_tones(),
                               network_conf.CALLERS if here_too else "this machine's address")


async def play_scripts(house: ScriptRunContext, scripts: Sequence[CallScript], parts: Mapping[Path, ScriptPart],
                       recordings: Path, told: PlayCallback, at_once: int = AT_ONCE) -> list[ScriptOutcome]:
    """Play all scripts and return their outcomes in the same order.

    Scripts that affect all callers come last, one by one. Doubtful ones are repeated there: they differed while the
    machine was busy.
    """
    # 1. Each service has a lock, so that scripts that share a service take turns.
    fresh = caller_numbers()
    stems = Counter(script.path.stem for script in scripts)
    gate = asyncio.Semaphore(at_once)
    locks = {name: asyncio.Lock() for part in parts.values() for name in part.services}

    async def play_one(script: CallScript, part: ScriptPart) -> ScriptOutcome:
        name = f"{script.path.stem}.wav"
        if stems[script.path.stem] > 1:
            name = f"{script.path.resolve().parent.name}-{name}"
        async with AsyncExitStack() as stack:
            for service in sorted(part.services):  # the same order for all, so no deadlock
                await stack.enter_async_context(locks[service])
            await stack.enter_async_context(gate)
            return await ScriptPlay(house, script, part, recordings / name, told).play_script()

    # 2. Play the scripts that can run together.
    async with asyncio.TaskGroup() as group:
        tasks = {script.path: group.create_task(play_one(script, parts[script.path]),
                                                name=f"lab.script.model[{script.file}]")
                 for script in scripts if not script.alone}
    outcomes = {path: task.result() for path, task in tasks.items()}
    # 3. Play the others one by one, and the doubtful ones once more with new callers.
    for script in scripts:
        part = parts[script.path]
        if script.alone:
            outcomes[script.path] = await play_one(script, part)
        elif outcomes[script.path].doubtful:   # once more, alone
            again = part._replace(caller=script.caller or next(fresh), others=[next(fresh) for _ in part.others])
            outcomes[script.path] = await play_one(script, again)
    return [outcomes[script.path] for script in scripts]


async def run_in_lab(info: LabInfo, paths: Sequence[Path], recordings: Path, told: PlayCallback,
                     at_once: int = AT_ONCE) -> list[ScriptOutcome]:
    """Run scripts in a running lab. Raise ScriptProblems."""
    centre = load_centre(Path(info.centre), Path(info.settings))
    scripts = read_scripts(paths, centre)
    cast = CastList(centre, info.agents)
    parts = {script.path: cast.cast_script(script) for script in scripts}
    async with open_lab_context(info) as house:
        return await play_scripts(house, scripts, parts, recordings, told, at_once)


async def run_at_trunk(where: TrunkTarget, paths: Sequence[Path], recordings: Path, told: PlayCallback, *,
                       sounds: Path = SOUNDS, words: CentreWords = NO_CENTRE,
                       at_once: int = AT_ONCE) -> list[ScriptOutcome]:
    """Run scripts against a number at a trunk, with only the callers in the lab. Raise ScriptProblems."""
    scripts = read_scripts(paths, None, words)
    ours = caller_numbers()
    parts = {script.path: ScriptPart(number=script.number if script.number.isdigit() else where.number,
                                     caller=script.caller or next(ours), others=(), people={},
                                     services=script.services)
             for script in scripts}
    async with open_trunk_context(where.address, sounds) as house:
        return await play_scripts(house, scripts, parts, recordings, told, at_once)
