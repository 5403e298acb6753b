"""Run one seed: build its world, inject its faults, heal it, and check what happened."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import structlog

from ivr import dialplan
from lab.simulation import invariants, schedule, sim_centre
from lab.simulation.asterisk_death import end_asterisk, start_asterisk
from lab.simulation.asterisk_model import Asterisk
from lab.simulation.database import Database
from lab.simulation.history import History, Violation
from lab.simulation.network import LATENCY_S, Connection, Network
from lab.simulation.order_watch import OrderWatch
from lab.simulation.schedule import HEALED_AT_S, SERVICES, CallerPlan, Fault, Plan, make_plan
from lab.simulation.sim_node import SimNode
from lab.simulation.virtual_time import World
from routing.ami.cel_recovery import CLOCK_SKEW_MAX_S
from routing.core.model.centre_model import AgentState
from routing.core.model.ids import ServiceId
from routing.core.records import AgentRecord, Contact

SETTLES_S = 150.0
"""Longest time from the last fault until everything has settled: the look at Asterisk comes once a minute, and callers
of the fallback queue are served one after the other."""

LATE_S = 6.0
"""Length from which a freeze lets another node take over meanwhile."""

PROTECTIONS = ("fence", "fence-turns", "agi-gate", "late-migration")
"""Protections that can be taken out, to show that the simulation finds what they protect from."""

MEMORY = "/dev/shm"  # noqa: S108  a folder with a random name is made there
"""Folder in memory, for the file of the calls' events."""

NEXT = dialplan.NEXT.encode()
"""Variable by which a node leads a caller on."""

UNDECIDED = (dialplan.HOLD.encode(), dialplan.BYE.encode())
"""Parts of the dialplan to which a suspended node leads callers."""

PROBE_S = 0.5
"""Longest wait for the answer of another node, as shipped."""

SIGN_IN_S = 0.5
"""Pause between two tries of an agent to sign in."""


class Variation(NamedTuple):
    """Differences from the usual world of a seed."""

    without: str = ""
    """Protection that is taken out."""
    double: bool = False
    """Its faults are two freezes that follow each other: of a leader that writes, and of the next leader."""
    dies: bool = False
    """Asterisk ends once, besides its other faults."""

    def repeat_command(self, seed: int) -> str:
        """Return the line that repeats a seed."""
        return (f"santral lab simulate --seed {seed}" + (f" --without {self.without}" if self.without else "")
                + " --double-faults" * self.double + " --asterisk-dies" * self.dies)


USUAL = Variation()


class Outcome(NamedTuple):
    """Result of one seed."""

    seed: int
    violations: tuple[Violation, ...]
    trace: tuple[str, ...]
    callers: int
    seconds: float
    """Virtual seconds."""


class Simulation:
    """The world of one seed."""

    def __init__(self, plan: Plan, folder: Path, without: str = "", traced: bool = False) -> None:
        """`without` is the protection that is taken out."""
        self.plan, self.world = plan, World()
        self._rng = random.Random(f"run {plan.seed}")
        self.history = History(self.world, traced)
        self.network = Network(self.world, self._rng)
        self.network.watch = self._watch_write
        self.database = Database(self.world)
        self.database.on_taken = self._note_epoch
        self.database.revision = min(node.revision for node in plan.nodes)
        self.database.clock_rate = plan.database_rate
        self.order = OrderWatch(self.history, self.database.rows[Contact], frozenset({ServiceId(SERVICES[0])}))
        self.database.on_kept = self.order.watch_turn
        self.centre = sim_centre.make_centre(plan.agents)
        self.seats = sim_centre.seats(plan.agents)
        cel = folder / "santral.csv"
        self.asterisk = Asterisk(
            self.world, self.network, self._rng, self.history, [node.port for node in plan.nodes], self.seats, cel,
            self._epoch_of, fence=without != "fence", turns=without != "fence-turns")
        self.asterisk.queues.set_services(SERVICES, frozenset(SERVICES[:1]), sim_centre.USUAL)
        self.nodes = {node.name: SimNode(
            node, self.world, self.network, self.database, self.history, self._rng, self.centre, cel,
            agi_gate=without != "agi-gate", migrates_early=without == "late-migration") for node in plan.nodes}
        for one in self.nodes.values():
            one.find_leader = partial(self._probe_nodes, one)
        self.expected = len(plan.callers)
        self._arrived = 0

    # -- the run -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until everything has settled, and check it."""
        world = self.world
        for node in self.plan.nodes:
            world.call_at(node.starts_at, self.nodes[node.name].start)
        for caller in self.plan.callers:
            world.call_at(caller.at, partial(self._admit, caller))
        for fault in self.plan.faults:
            world.call_at(fault.at, partial(self._inject, fault))
        world.call_at(0.6, self._sign_in)
        world.run_until(HEALED_AT_S + 0.001)
        world.run_until(HEALED_AT_S + SETTLES_S, self._has_settled)
        invariants.check_end(self.history, self.database, self.nodes.values(), self.asterisk, self._has_settled())
        self.order.check_end()
        for one in self.nodes.values():
            one.kill()
            for loop in one.ended:
                loop.dispose()

    def _admit(self, caller: CallerPlan) -> None:
        self._arrived += 1
        if self.asterisk.down:
            return  # the carrier refuses the call
        self.asterisk.admit_caller(caller.service, caller.patience_s, caller.talk_s, caller.ends_talk)

    def _sign_in(self) -> None:
        rows = self.database.rows[AgentRecord]
        for seat in self.seats:
            row = rows.get(f"a{seat}")
            if row is None or row.state is AgentState.SIGNED_OUT:
                for node in self.nodes.values():
                    if node.leads:
                        node.sign_in(seat)
        if self.world.now < HEALED_AT_S or len(rows) < len(self.seats):
            self.world.call_after(SIGN_IN_S, self._sign_in)

    def _has_settled(self) -> bool:
        return self._arrived == self.expected and not self.asterisk.channels \
            and not invariants.live_rows(self.database) \
            and not invariants.unrecorded_callers(self.history, self.database)

    def _note_epoch(self, epoch: int) -> None:
        self.history.epoch = epoch

    def _epoch_of(self, connection: Connection) -> int:
        node = self.nodes[connection.loop.name]
        return node.epoch if node.loop is connection.loop else 0

    async def _probe_nodes(self, asking: SimNode) -> str:
        """Ask the other nodes whether one leads. A frozen one does not answer."""
        others = [one for one in self.nodes.values() if one is not asking]
        frozen = any(one.loop is not None and one.loop.is_frozen for one in others)
        await asyncio.sleep(PROBE_S if frozen else self.asterisk.pick(LATENCY_S))
        return next((one.plan.name for one in others if one.leads), "")

    def _watch_write(self, connection: Connection, data: bytes) -> None:
        """Check that only the leader decides where a caller goes. A frozen one may stop behind its own check.

        A suspended node decides nothing: callers wait on, and go where Asterisk has shown that they go.
        """
        if connection.kind == "agi" and NEXT in data and self._epoch_of(connection) < self.history.epoch \
                and not (connection.protocol.server in self.nodes[connection.loop.name].undecided
                         and any(one in data for one in UNDECIDED)):
            self.history.blame("I2", f"node {connection.loop.name} of epoch {self._epoch_of(connection)} answers AGI")

    # -- faults ------------------------------------------------------------------------------------------------------

    def _target(self, fault: Fault) -> SimNode:
        leading = [node for node in self.nodes.values() if node.plan.name == self.database.holder]
        others = [node for node in self.nodes.values() if node not in leading]
        return (leading if fault.of_leader and leading else others or leading)[0]

    def _inject(self, fault: Fault) -> None:
        """Inject a fault. It is over at the time of healing."""
        node, world = self._target(fault), self.world
        until = min(world.now + fault.lasts_s, HEALED_AT_S)
        name = node.plan.name
        self.history.note(f"fault {fault.kind} of {name} until {until:.3f}")
        match fault.kind:
            case "kill":
                node.kill(until - world.now)
            case "freeze":
                if node.loop is not None:
                    node.loop.freeze_until(until)
            case "freeze_in_write" | "kill_after_commit" | "freeze_after_commit":
                self._arm(fault.kind, node, until)
            case "ami_stall":
                self.network.link(name, "ami").stalled_until = until
            case "ami_cut":
                self.network.cut_link(name, "ami")
            case "agi_slow":
                link = self.network.link(name, "agi")
                link.slow_s = min(fault.lasts_s, 4.0)
                world.call_at(until, lambda: setattr(link, "slow_s", 0.0))
            case "store_stall":
                node.link.stalled_until = until
            case "lose_answer":
                node.link.lose_next_answer = True
            case "store_frozen":
                self.database.frozen_until = until
            case "store_restart":
                self.database.restart(min(until - world.now, 8.0))
            case "clock_set":
                self.history.wall_error_s += fault.sets_by_s
                self.history.clock_moved = True
                self.history.clock_set |= abs(fault.sets_by_s) > CLOCK_SKEW_MAX_S
            case "asterisk_frozen":
                self.asterisk.frozen_until = min(until, world.now + 8.0)
            case schedule.DEATH:
                end_asterisk(self.asterisk)
                world.call_at(until, lambda: start_asterisk(self.asterisk))

    def _arm(self, kind: str, node: SimNode, until: float) -> None:
        """Wait for the next byte, or the next answer to a commit, and stop the process right there."""
        loop = node.loop
        if loop is None:
            return

        def stop(end: Callable[[], None]) -> None:
            if self.world.now < HEALED_AT_S:
                self.history.note(f"{kind} happens to {node.plan.name}")
                end()
            loop.before_write, node.link.after_commit = (lambda data: None), (lambda: None)

        if kind == "freeze_in_write":
            # A long freeze is worst between the check of the lease and an Originate.
            wanted = b"Action: Originate" if until - self.world.now > LATE_S else b""
            loop.before_write = lambda data: stop(lambda: loop.freeze_until(until)) if wanted in data else None
        elif kind == "freeze_after_commit":
            node.link.after_commit = lambda: stop(lambda: loop.freeze_until(until))
        else:
            node.link.after_commit = lambda: stop(node.kill)


@contextmanager
def controlled_process(seed: int, history: History) -> Iterator[None]:
    """Make what is random in this process follow the seed, and take the log of all nodes into the trace."""
    before, state = structlog.get_config(), random.getstate()

    def take_log(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        history.note(f"log {event}")
        raise structlog.DropEvent

    level = logging.INFO if history.traced else logging.CRITICAL
    structlog.configure(processors=[take_log], cache_logger_on_first_use=False,
                        wrapper_class=structlog.make_filtering_bound_logger(level))
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
        structlog.configure(**before)


def run_seed(seed: int, variation: Variation = USUAL, traced: bool = False) -> Outcome:
    """Run one seed and return what it found."""
    plan = make_plan(seed, double=variation.double, dies=variation.dies)
    with TemporaryDirectory(prefix="santral-sim-", dir=MEMORY if Path(MEMORY).is_dir() else None) as folder:
        simulation = Simulation(plan, Path(folder), variation.without, traced)
        with controlled_process(seed, simulation.history):
            simulation.run()
    history = simulation.history
    return Outcome(seed, tuple(history.violations), tuple(history.lines), len(plan.callers), simulation.world.now)
