"""Project the facts of a node into metrics and queue_log, and restore both and the engine after a start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import structlog

from metrics.prometheus.recorder import MetricsRecorder
from metrics.queue_log.lines import CallerId, hide_callerid, mask_number
from metrics.queue_log.log_file import Rotation
from metrics.queue_log.writer import QueueLog
from routing.core.engine import Engine
from routing.core.model.centre_model import PHONE_CHANNELS, WAITING_STATES, AgentState, Centre
from routing.core.model.facts import AgentChanged, Ended, Fact
from routing.core.model.reasons import PHONE_DROPS
from routing.core.stored import Started
from routing.runner import RunnerTurn
from routing.store.callers.number_keys import NumberKeys
from routing.store.store import Store
from santral.centre.config import NodeConfig

log = structlog.get_logger()

PAST_MAX = 100_000
"""Most facts that a start reads for the metrics alone. They cover some 10,000 contacts, more than arrive during the
longest talk (two hours), and take three to five seconds. The bound is needed because a year has 80 million facts.
Without a node a waiting caller goes to the fallback queue after a minute, a new one after ten seconds. If the past is
longer, the counters begin at 0, as after a purge."""


class Projections(NamedTuple):
    """Metrics and queue_log, which get each stored fact once and in order."""

    recorder: MetricsRecorder
    queue_log: QueueLog

    @classmethod
    def from_config(cls, config: NodeConfig, state: Path, numbers: NumberKeys, in_force: Callable[[], Centre],
                    version: str) -> Projections:
        """Build the projections by the settings. `in_force` returns the present centre of the engine."""
        wanted = config.settings.queue_log
        # 1. Choose how much of a number queue_log shows.
        masked_callerid: CallerId = hide_callerid
        if wanted.callerid == "full":
            masked_callerid = numbers.decrypt_number
        elif wanted.callerid == "masked":
            def masked_callerid(box: str) -> str:
                return mask_number(numbers.decrypt_number(box))
        # 2. Build both.
        most = None if wanted.rotate_mb is None else wanted.rotate_mb * 1_000_000
        rotation = Rotation(wanted.rotate == "daily", most, wanted.keep_days, ZoneInfo(config.settings.centre.timezone))
        return cls(MetricsRecorder(config.centre, in_force=in_force, version=version),
                   QueueLog(state / wanted.path, masked_callerid, asternic=wanted.compat == "asternic",
                            rotation=rotation))

    async def restore_projections(self, engine: Engine, store: Store, centre: Centre,
                                  clock: Callable[[], float]) -> int:
        """Restore the engine and both projections. Return the number of the last fact before this start."""
        # 1. Start the engine with the stored state.
        loaded = await store.load_state()
        now = clock()
        started = Started(centre, **loaded._asdict())
        engine.handle(started, now)
        if repairs := engine.take_repairs():
            log.error("store.repaired", rows=[f"{type(row).__name__} {row[0]}" for row in repairs])
            await store.repair_rows(repairs)
        # 2. Count the facts of the past. queue_log writes only the lines it does not have yet.
        last, read = loaded.next_fact - 1, 0
        seq = begin = _first_fact_read(last, self.queue_log.done)
        first = 1
        while facts := await store.facts_after(seq):
            if seq == begin:
                first = facts[0].seq
                # Contacts older than the first fact wait already, but none of these facts says so.
                self.queue_log.note_waiting(
                    one.contact for one in loaded.contacts if one.queued_at < facts[0].at
                    and one.channel in PHONE_CHANNELS and one.state in WAITING_STATES)
            self.recorder.count_history(facts)
            self.queue_log.write_facts(facts)
            seq, read = facts[-1].seq, read + len(facts)
        # Older facts were purged or skipped, so the counters begin again.
        if first > 1:
            self.recorder.restart_counts(now)
        # 3. Store the facts of the start itself, then project them too.
        changes, own = engine.take_changes(), engine.take_facts()
        await store.commit(RunnerTurn([(now, started)], own, changes))
        self.recorder.count_history(own)
        self.queue_log.write_facts(own)
        self.queue_log.write_start(now)
        log.info("node.restored", contacts=len(loaded.contacts), offers=len(loaded.offers), facts=read + len(own))
        return last


def log_phone_faults(facts: Sequence[Fact]) -> None:
    """Log each phone that has gone out of service because it answers and hangs up."""
    for fact in facts:
        if isinstance(fact, AgentChanged) and fact.state is AgentState.NOT_RESPONDING and fact.reason == PHONE_DROPS \
                and fact.before is not AgentState.NOT_RESPONDING:
            log.warning("agent.phone_dropped", agent=fact.agent, seat=fact.seat, calls=fact.rna_count)


def log_ended_calls(facts: Sequence[Fact]) -> None:
    """Log each call that has ended: id, service, outcome and wait. The id leads to `santral why`."""
    for fact in facts:
        if isinstance(fact, Ended):
            log.info("call.ended", contact=fact.contact, service=fact.service, outcome=fact.outcome.value,
                     wait_s=round(fact.wait_s, 1))


def _first_fact_read(last: int, done: int | None) -> int:
    """Return the fact after which a start begins to read.

    `last` is the last stored fact. `done` is the last fact with lines in queue_log, or None if no queue_log says so.
    """
    return max(0, (last if done is None else min(last, done)) - PAST_MAX)
