"""What observing costs: calls a second through the node's own path with every projection on, beside the same with none.

The path is the one that a node has as it is shipped: inbox, engine, one commit of each turn (SQLite,
`synchronous=FULL`, on a real disk), commands out, then the projections. On are the recorder of `/metrics` with the
measure of each decision and a page every 15 s as Prometheus asks for it, the queue_log, and the outbox, which reads
the facts from the store again and has a real mosquitto on this machine confirm every message (without TLS; 180
agents, 50 of them with a device). Off is the runner with its store alone. Whole calls of 180 agents: queued, offered,
rung, answered, connected, talked, wrapped up; as soon as one is offered the next one comes, so the node is never
idle: some hundred calls a second, a hundred times what 180 people can answer. In such a storm the outbox gives way
(`mqtt_outbox.WAY_MOST_S`), as it does in a node; a round ends when the last wrap-up is stored, and how long the
broker took from there is a row of its own.

Rounds with and without take turns on the same disk, each with a new store: the ratio is the median of those of
neighbours. Other work on the machine makes the wall's clock unfair to whoever it meets, so the process's own CPU for
each call stands beside it with the same goal. The last row, without one, is the engine alone: nothing kept, with
recorder and queue_log told of every single event and without.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lab.bench.row import Row
from lab.errors import LabError
from lab.ports import Ports
from metrics.mqtt_message import Device
from metrics.mqtt_outbox import Broker, Outbox
from metrics.queue_log import QueueLog
from metrics.recorder import Recorder
from routing.clock import Clock
from routing.core import commands, events
from routing.core.engine import Engine
from routing.core.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.core.model import Agent, Centre, Profile, Service, Step
from routing.core.stored import Started
from routing.runner import Runner, Turn
from routing.store.store import Store

TAKES_S = 60.0
CALLS = 2_000
"""Of one round: a busy hour of 180 agents."""
ROUNDS = 5
UNDER_WAY = 60
"""Calls at one moment."""
AGENTS, DEVICES = 180, 50
SCRAPE_S = 15.0
GOAL = 0.8
DONE_S = 300.0
BUSY = 20
"""As `santral.broker` says it."""
BEGAN = 1
"""The one fact before the first call: the centre was put in force."""
SERVICES = tuple(f"hizmet{number}" for number in range(5))


class Round(NamedTuple):
    """One of `CALLS`."""

    calls_s: float
    cpu_us: float
    """Of the node's process for each call, writer of the store included."""
    events: int
    drain_s: float
    """Until the broker has confirmed everything, after the last call."""


def rows() -> list[Row]:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="santral-observe-") as name:
        folder = Path(name)
        with _broker(folder) as broker:
            on, off = asyncio.run(_rounds(folder, broker))
    bare, watched = _engine(folder=None), _engine(folder=Path(tempfile.mkdtemp(prefix="santral-observe-")))
    without, with_all = (statistics.median(one.calls_s for one in found) for found in (off, on))
    ratio = statistics.median(mine.calls_s / other.calls_s for mine, other in zip(on, off, strict=True))
    plain, cpu = (statistics.median(one.cpu_us for one in found) for found in (off, on))
    a_call = on[0].events / CALLS
    drain_s = statistics.median(one.drain_s for one in on)
    return [
        Row("observe.calls", with_all, "1/s", f"no projection: {without:.4g} 1/s", ratio, f"at least {GOAL:g}x",
            ratio >= GOAL),
        Row("observe.cpu", cpu, "us", f"a call without: {plain:.4g} us", plain / cpu, f"at least {GOAL:g}x",
            plain / cpu >= GOAL),
        Row("observe.event", 1e6 / (with_all * a_call), "us", f"no projection: {1e6 / (without * a_call):.4g} us", None,
            "", None),
        Row("observe.drain", drain_s, "s", f"after {CALLS / with_all:.3g} s of calls", None, "", None),
        Row("observe.engine_alone", watched, "1/s", f"nothing kept, nothing told: {bare:.4g} 1/s", watched / bare, "",
            None),
    ]


def centre() -> Centre:
    """Five services, agents with two of five skills; some need a device to notice a call."""
    return Centre(
        tuple(Service(ServiceId(name), name.title(), (Step(((SkillId(name), 1),)),)) for name in SERVICES),
        tuple(Agent(AgentId(f"a{number}"), tuple((SkillId(SERVICES[(number + more) % len(SERVICES)]), 50)
                                                 for more in (0, 1)),
                    Profile(ring_timeout_s=30.0) if number < DEVICES else Profile(), f"takim{number % 3}")
              for number in range(AGENTS)))


class Calls:
    """Callers, agents' phones and the agents: answers the engine's commands with what they would do."""

    def __init__(self, post: Callable[[events.Event], None], count: int) -> None:
        self._post, self._left, self._made = post, count, 0
        self.offers = 0
        self.told = 0

    def open(self) -> None:
        """Everybody sits down, and the first callers come."""
        self._tell(events.LinkChanged("", True))
        for number in range(AGENTS):
            self._tell(events.SeatChanged(SeatId(f"s{number}"), True, False))
            self._tell(events.AgentSignedIn(AgentId(f"a{number}"), SeatId(f"s{number}")))
        for _ in range(UNDER_WAY):
            self._call()

    def execute(self, what: Sequence[commands.Command]) -> None:
        """The phone rings, is answered, they talk and the agent is done; meanwhile the next one calls."""
        for command in what:
            if isinstance(command, commands.Offer):
                self.offers += 1
                number, contact = command.offer, command.contact
                for event in (events.OfferRinging(number), events.OfferAnswered(number),
                              events.OfferConnected(number, contact), events.TalkEnded(number, "caller"),
                              events.WrapUpEnded(command.agent)):
                    self._tell(event)
                self._call()

    def _call(self) -> None:
        if self._left:
            self._left -= 1
            self._made += 1
            self._tell(events.ContactQueued(ContactId(f"1800000000.{self._made}"),
                                            ServiceId(SERVICES[self._made % len(SERVICES)]),
                                            f"PJSIP/trunk-{self._made:08x}"))

    def _tell(self, event: events.Event) -> None:
        self.told += 1
        self._post(event)


async def _rounds(folder: Path, broker: Broker) -> tuple[list[Round], list[Round]]:
    on: list[Round] = []
    off: list[Round] = []
    for number in range(ROUNDS):
        off.append(await _round(folder / f"off-{number}", None))
        on.append(await _round(folder / f"on-{number}", broker))
    return on, off


async def _round(folder: Path, broker: Broker | None) -> Round:
    """One store, one engine, `CALLS` calls. `broker` None: nobody looks."""
    await asyncio.to_thread(folder.mkdir)
    store, engine, clock = await Store.open(folder / "santral.db"), Engine(), Clock()
    await store.take_lease("bench")
    began = Started(centre(), (), (), (), (), (), 1, 1, ())
    engine.handle(began, clock())
    changes = engine.take_changes()
    await store.commit(Turn([(clock(), began)], engine.take_facts(), changes))
    calls: Calls
    runner: Runner
    if broker is None:
        runner = Runner(engine, store, clock=clock, execute=lambda what: calls.execute(what))
        outbox, observers = None, []
    else:
        recorder, queue_log = Recorder(centre(), in_force=lambda: engine.centre), QueueLog(folder / "queue_log")
        devices = {AgentId(f"a{number}"): Device(f"aygit{number}", "haptic") for number in range(DEVICES)}
        outbox = Outbox(broker, store, lambda: runner.status(), devices, clock, recorder.acknowledged,
                        lambda: runner.waiting > BUSY)
        await outbox.begin(BEGAN)
        runner = Runner(engine, store, clock=clock, execute=lambda what: calls.execute(what),
                        projections=[recorder.take, queue_log.take, outbox.take], measure=recorder.decision)
        observers = [asyncio.create_task(outbox.run()), asyncio.create_task(_scrape(recorder, runner))]
        await _until(lambda: outbox is not None and outbox.connected)
    calls = Calls(runner.post, CALLS)
    working = asyncio.create_task(runner.run())
    began_s, cpu_s = time.perf_counter(), time.process_time()
    calls.open()
    await _until(lambda: calls.offers >= CALLS)
    await runner.ask(events.ContactTicked(ContactId("nobody")))  # behind everything that was told before
    took_s, cpu_s, drained_s = time.perf_counter() - began_s, time.process_time() - cpu_s, 0.0
    if outbox is not None:
        await _until(lambda: outbox is None or not outbox.behind)
        drained_s = time.perf_counter() - began_s - took_s
    for task in (working, *observers):
        task.cancel()
    await asyncio.gather(working, *observers, return_exceptions=True)
    await store.close()
    shutil.rmtree(folder)
    return Round(CALLS / took_s, cpu_s / CALLS * 1e6, calls.told, drained_s)


async def _scrape(recorder: Recorder, runner: Runner) -> None:
    while True:
        await asyncio.sleep(SCRAPE_S)
        recorder.text(runner.status())


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DONE_S):
        while True:
            if true():
                return
            await asyncio.sleep(0.001)


def _engine(folder: Path | None) -> float:
    """Calls a second of the engine alone; with a folder recorder and queue_log are told as well."""
    engine, now = Engine(), 1_800_000_000.0
    waiting: list[events.Event] = [events.Configured(centre())]
    calls = Calls(waiting.append, CALLS)
    recorder = queue_log = None
    if folder is not None:
        recorder, queue_log = Recorder(centre()), QueueLog(folder / "queue_log")
    calls.open()
    began_s, at = time.perf_counter(), 0
    while at < len(waiting):
        calls.execute(engine.handle(waiting[at], now))
        facts = engine.take_facts()
        if recorder is not None and queue_log is not None:
            recorder.take(facts)
            queue_log.take(facts)
        at += 1
        now += 0.001
    took_s = time.perf_counter() - began_s
    if queue_log is not None and folder is not None:
        queue_log.close()
        shutil.rmtree(folder)
    return calls.offers / took_s


@contextmanager
def _broker(folder: Path) -> Iterator[Broker]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        raise LabError("mosquitto is missing, the MQTT broker. As root: apt-get install mosquitto")
    ports = Ports()
    try:
        port = ports.one()
        conf = folder / "mosquitto.conf"
        conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
        with (folder / "mosquitto.log").open("wb") as log:
            process = subprocess.Popen([program, "-c", str(conf)], stdout=log, stderr=log)
        try:
            yield Broker("127.0.0.1", port, "bench", "bench", tls=False)
        finally:
            process.terminate()
            process.wait(10)
    finally:
        ports.close()
