"""Cost of observation: calls a second through a node's own path, with every projection on and with none.

The path is that of a shipped node: inbox, engine, one commit of each turn (SQLite, `synchronous=FULL`, on a real disk),
commands out, then the projections.

With everything on, the recorder of `/metrics`, the queue_log and the outbox run. The recorder measures each decision
and renders a page every 15 s, as Prometheus asks for it. The outbox reads the facts from the store again, and a real
mosquitto on this machine confirms every message (without TLS; 180 agents, 50 of them with a device). With everything
off, only the runner and its store run.

The calls are whole calls of 180 agents: queued, offered, rung, answered, connected, talked, wrapped up. The next call
comes as soon as one is offered, so the node is never idle: some hundred calls a second, a hundred times what 180 people
can answer. In such a storm the outbox gives way (`metrics.mqtt.outbox`), as in a node. A round ends when the last
wrap-up is stored. The outbox then drains: the facts a second that the broker confirms are compared with the same
library, which publishes messages of the same facts from memory.

Rounds with and without take turns on the same disk, each with a new store. The ratio is the median over neighbouring
rounds. Other load on the machine distorts the clock for one side. The process's own CPU for each call is therefore
shown as well, with the same goal. The last row, without a goal, is the engine alone: nothing stored, with and without
recorder and queue_log for every single event.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import aiomqtt

from bench.harness.stored_engine import open_engine
from bench.row import Row
from lab.errors import LabError
from lab.pbx.ports import PortBlock
from metrics.mqtt.message import Device, Message, RingingOffers, messages_of
from metrics.mqtt.outbox import WINDOW, MqttBroker, MqttOutbox
from metrics.prometheus.recorder import MetricsRecorder
from metrics.queue_log.writer import QueueLog
from routing.core import events
from routing.core.engine import Engine
from routing.core.model import commands
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.runner import Runner

TAKES_S = 60.0
CALLS = 2_000
"""Calls of one round: a busy hour of 180 agents."""
ROUNDS = 5
CALLS_AT_ONCE = 60
AGENTS, DEVICES = 180, 50
SCRAPE_S = 15.0
GOAL = 0.8
DRAIN_GOAL = 0.3
"""Least speed of the drain, as a share of the bare library's, which reads and decodes no facts.

The facts of a day of 30,000 calls are then confirmed within minutes after an outage of the broker.
"""
BARE_TIMES = 4
"""Times that the bare library publishes the messages of one page of facts in each round."""
DONE_S = 300.0
BUSY = 20
"""As in `santral.node.mqtt_setup`."""
STARTED_SEQ = 1
"""Number of the one fact before the first call: the centre came into force."""
SERVICES = tuple(f"hizmet{number}" for number in range(5))


class RoundCost(NamedTuple):
    """Cost of one round of `CALLS` calls."""

    calls_s: float
    cpu_us: float
    """CPU of the node's process for each call, with the writer of the store."""
    events: int
    drain: float = 0.0
    """Facts a second that the broker confirmed after the last call."""
    bare: float = 0.0
    """Facts a second of the bare library."""


def measure_rows() -> list[Row]:
    """Measure all rounds and the engine alone."""
    with tempfile.TemporaryDirectory(prefix="santral-observe-") as name:
        folder = Path(name)
        with _run_broker(folder) as broker:
            on, off = asyncio.run(_run_rounds(folder, broker))
    bare, watched = _engine_calls_s(folder=None), _engine_calls_s(
        folder=Path(tempfile.mkdtemp(prefix="santral-observe-")))
    without, with_all = (statistics.median(one.calls_s for one in found) for found in (off, on))
    ratio = statistics.median(mine.calls_s / other.calls_s for mine, other in zip(on, off, strict=True))
    plain, cpu = (statistics.median(one.cpu_us for one in found) for found in (off, on))
    a_call = on[0].events / CALLS
    drain, bare_drain = (statistics.median(of) for of in zip(*((one.drain, one.bare) for one in on), strict=True))
    drain_ratio = statistics.median(one.drain / one.bare for one in on)
    return [
        Row("observe.calls", with_all, "1/s", f"no projection: {without:.4g} 1/s", ratio, f"at least {GOAL:g}x",
            ratio >= GOAL),
        Row("observe.cpu", cpu, "us", f"a call without: {plain:.4g} us", plain / cpu, f"at least {GOAL:g}x",
            plain / cpu >= GOAL),
        Row("observe.event", 1e6 / (with_all * a_call), "us", f"no projection: {1e6 / (without * a_call):.4g} us", None,
            "", None),
        Row("observe.drain", drain, "facts/s", f"bare aiomqtt: {bare_drain:.4g} facts/s", drain_ratio,
            f"at least {DRAIN_GOAL:g}x", drain_ratio >= DRAIN_GOAL),
        Row("observe.engine_alone", watched, "1/s", f"nothing kept, nothing told: {bare:.4g} 1/s", watched / bare, "",
            None),
    ]


def build_centre() -> Centre:
    """Build five services and agents with two of the five skills. Some need a device to notice a call."""
    return Centre(
        tuple(Service(ServiceId(name), name.title(), (Step(((SkillId(name), 1),)),)) for name in SERVICES),
        tuple(Agent(AgentId(f"a{number}"), tuple((SkillId(SERVICES[(number + more) % len(SERVICES)]), 50)
                                                 for more in (0, 1)),
                    Profile(ring_timeout_s=30.0) if number < DEVICES else Profile(), f"takim{number % 3}")
              for number in range(AGENTS)))


class CallDriver:
    """Play callers, phones and agents: answer the engine's commands with their events."""

    def __init__(self, post: Callable[[events.Event], None], count: int) -> None:
        self._post, self._left, self._made = post, count, 0
        self.offers = 0
        self.posted = 0

    def start_calls(self) -> None:
        """Sign everybody in and start the first callers."""
        self._post_event(events.LinkChanged("", True))
        for number in range(AGENTS):
            self._post_event(events.SeatChanged(SeatId(f"s{number}"), True, False))
            self._post_event(events.AgentSignedIn(AgentId(f"a{number}"), SeatId(f"s{number}")))
        for _ in range(CALLS_AT_ONCE):
            self._start_call()

    def obey_commands(self, what: Sequence[commands.Command]) -> None:
        """Ring, answer, talk and wrap up for each offer, and start the next call."""
        for command in what:
            if isinstance(command, commands.Offer):
                self.offers += 1
                number, contact = command.offer, command.contact
                for event in (events.OfferRinging(number), events.OfferAnswered(number),
                              events.OfferConnected(number, contact), events.TalkEnded(number, "caller"),
                              events.WrapUpEnded(command.agent)):
                    self._post_event(event)
                self._start_call()

    def _start_call(self) -> None:
        if self._left:
            self._left -= 1
            self._made += 1
            self._post_event(events.ContactQueued(ContactId(f"1800000000.{self._made}"),
                                                  ServiceId(SERVICES[self._made % len(SERVICES)]),
                                                  f"PJSIP/trunk-{self._made:08x}"))

    def _post_event(self, event: events.Event) -> None:
        self.posted += 1
        self._post(event)


async def _run_rounds(folder: Path, broker: MqttBroker) -> tuple[list[RoundCost], list[RoundCost]]:
    on: list[RoundCost] = []
    off: list[RoundCost] = []
    for number in range(ROUNDS):
        off.append(await _run_round(folder / f"off-{number}", None))
        on.append(await _run_round(folder / f"on-{number}", broker))
    return on, off


async def _run_round(folder: Path, broker: MqttBroker | None) -> RoundCost:
    """Run one round with a new store and engine. A `broker` of None means no projections."""
    # 1. Start an engine and put the centre in force.
    await asyncio.to_thread(folder.mkdir)
    engine, store, clock = await open_engine(folder, build_centre())
    # 2. Start a runner, with or without projections.
    calls: CallDriver
    runner: Runner
    if broker is None:
        runner = Runner(engine, store, clock=clock, execute=lambda what: calls.obey_commands(what))
        outbox, observers = None, []
    else:
        recorder, queue_log = (MetricsRecorder(build_centre(), in_force=lambda: engine.centre),
                               QueueLog(folder / "queue_log"))
        devices = {AgentId(f"a{number}"): Device(f"aygit{number}", "haptic") for number in range(DEVICES)}
        outbox = MqttOutbox(broker, store, lambda: runner.queue_status(), devices, clock,
                            recorder.observe_acknowledgement, lambda: runner.waiting_count > BUSY)
        await outbox.load_cursor(STARTED_SEQ)
        runner = Runner(engine, store, clock=clock, execute=lambda what: calls.obey_commands(what),
                        projections=[recorder.count_facts, queue_log.write_facts, outbox.note_facts],
                        measure=recorder.observe_decision)
        observers = [asyncio.create_task(outbox.run()), asyncio.create_task(_scrape_metrics(recorder, runner))]
        await _wait_until(lambda: outbox is not None and outbox.connected)
    # 3. Run all calls.
    calls = CallDriver(runner.post, CALLS)
    working = asyncio.create_task(runner.run_forever())
    began_s, cpu_s = time.perf_counter(), time.process_time()
    calls.start_calls()
    await _wait_until(lambda: calls.offers >= CALLS)
    await runner.ask(events.HoldTick(ContactId("nobody")))  # behind all events before
    took_s, cpu_s, drain, bare = time.perf_counter() - began_s, time.process_time() - cpu_s, 0.0, 0.0
    # 4. Wait for the broker, then end everything.
    if outbox is not None:
        behind = outbox.behind
        await _wait_until(lambda: outbox is None or not outbox.behind)
        drain = behind / (time.perf_counter() - began_s - took_s)
    for task in (working, *observers):
        task.cancel()
    await asyncio.gather(working, *observers, return_exceptions=True)
    # 5. Publish messages of the same facts without outbox and store.
    if broker is not None:
        facts = await store.facts_after(STARTED_SEQ)
        rings: RingingOffers = {}
        messages = [one for fact in facts for one in messages_of(fact, devices, rings)]
        bare = BARE_TIMES * len(facts) / await _publish_bare(broker, BARE_TIMES * messages)
    await store.close()
    shutil.rmtree(folder)
    return RoundCost(CALLS / took_s, cpu_s / CALLS * 1e6, calls.posted, drain, bare)


async def _publish_bare(broker: MqttBroker, messages: Sequence[Message]) -> float:
    """Publish messages with the bare library, as many at once as the outbox does. Return the seconds."""
    window = asyncio.Semaphore(WINDOW)

    async def publish_one(client: aiomqtt.Client, message: Message) -> None:
        try:
            await client.publish(message.topic, message.payload, qos=1)
        finally:
            window.release()

    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5,
                              max_inflight_messages=WINDOW, logger=logging.getLogger("bench.observe.mqtt"),
                              socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]) as client:
        client.pending_calls_threshold = 2 * WINDOW
        began_s = time.perf_counter()
        async with asyncio.TaskGroup() as under_way:
            for message in messages:
                await window.acquire()
                under_way.create_task(publish_one(client, message))
        return time.perf_counter() - began_s


async def _scrape_metrics(recorder: MetricsRecorder, runner: Runner) -> None:
    while True:
        await asyncio.sleep(SCRAPE_S)
        recorder.render_page(runner.status())


async def _wait_until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DONE_S):
        while True:
            if true():
                return
            await asyncio.sleep(0.001)


def _engine_calls_s(folder: Path | None) -> float:
    """Return the calls a second of the engine alone. With a folder, recorder and queue_log get each event."""
    engine, now = Engine(), 1_800_000_000.0
    waiting: list[events.Event] = [events.Configured(build_centre())]
    calls = CallDriver(waiting.append, CALLS)
    recorder = queue_log = None
    if folder is not None:
        recorder, queue_log = MetricsRecorder(build_centre()), QueueLog(folder / "queue_log")
    calls.start_calls()
    began_s, at = time.perf_counter(), 0
    while at < len(waiting):
        calls.obey_commands(engine.handle(waiting[at], now))
        facts = engine.take_facts()
        if recorder is not None and queue_log is not None:
            recorder.count_facts(facts)
            queue_log.write_facts(facts)
        at += 1
        now += 0.001
    took_s = time.perf_counter() - began_s
    if queue_log is not None and folder is not None:
        queue_log.close()
        shutil.rmtree(folder)
    return calls.offers / took_s


@contextmanager
def _run_broker(folder: Path) -> Iterator[MqttBroker]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        raise LabError("mosquitto is missing, the MQTT broker. As root: apt-get install mosquitto")
    ports = PortBlock()
    try:
        port = ports.free_port()
        conf = folder / "mosquitto.conf"
        # As in the file of `santral mqtt-conf`: without it each batch ends with a delayed confirmation of 40 ms.
        conf.write_text(f"listener {port} 127.0.0.1\nset_tcp_nodelay true\nallow_anonymous true\n", encoding="utf-8")
        with (folder / "mosquitto.log").open("wb") as log:
            process = subprocess.Popen([program, "-c", str(conf)], stdout=log, stderr=log)
        try:
            yield MqttBroker("127.0.0.1", port, "bench", "bench", tls=False)
        finally:
            process.terminate()
            process.wait(10)
    finally:
        ports.close()
