"""What a node's facts become: metrics and queue_log; and where both, and the engine, stand after a start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import structlog

from metrics.queue_file import Rotation
from metrics.queue_lines import CallerId, masked, no_callerid
from metrics.queue_log import QueueLog
from metrics.recorder import Recorder
from routing.core.engine import Engine
from routing.core.model import PHONE_CHANNELS, Centre
from routing.core.stored import Started
from routing.core.views import WAITING
from routing.runner import Turn
from routing.store.numbers import NumberKeys
from routing.store.store import Store
from santral.config import NodeConfig

log = structlog.get_logger()

PAST_MAX = 100_000
"""Facts before those that the queue_log needs that a start reads: some 10,000 contacts, more than come while the
longest talk (two hours) lasts, in three to five seconds. A waiting caller goes to the safety net after a minute without
a node, a new one after ten seconds, and a year has 80 million facts. Of a longer past the counters begin at 0, as after
a purge."""


class Projections(NamedTuple):
    """Both are told each fact once, in order, after it is stored."""

    recorder: Recorder
    queue_log: QueueLog

    @classmethod
    def of(cls, config: NodeConfig, state: Path, numbers: NumberKeys, in_force: Callable[[], Centre],
           version: str) -> Projections:
        """As the centre wants them. `in_force`: the settings that the engine has now."""
        wanted = config.settings.queue_log
        callerid: CallerId = no_callerid
        if wanted.callerid == "full":
            callerid = numbers.open
        elif wanted.callerid == "masked":
            def callerid(box: str) -> str:
                return masked(numbers.open(box))
        most = None if wanted.rotate_mb is None else wanted.rotate_mb * 1_000_000
        rotation = Rotation(wanted.rotate == "daily", most, wanted.keep_days, ZoneInfo(config.settings.centre.timezone))
        return cls(Recorder(config.centre, in_force=in_force, version=version),
                   QueueLog(state / wanted.path, callerid, asternic=wanted.compat == "asternic", rotation=rotation))

    async def remember(self, engine: Engine, store: Store, centre: Centre, clock: Callable[[], float]) -> int:
        """A new engine and both of these stand where they stood. The number of the last fact before this node."""
        loaded = await store.load()
        now = clock()
        started = Started(centre, loaded.contacts, loaded.offers, loaded.agents, loaded.over, loaded.spoke,
                          loaded.next_offer, loaded.next_fact, loaded.places, loaded.abusive)
        engine.handle(started, now)
        if repairs := engine.take_repairs():
            log.error("store.repaired", rows=[f"{type(row).__name__} {row[0]}" for row in repairs])
            await store.repair(repairs)
        last, read = loaded.next_fact - 1, 0
        seq = begin = _past(last, self.queue_log.done)
        first = 1
        while facts := await store.facts_after(seq):
            if seq == begin:
                first = facts[0].seq
                self.queue_log.waiting(one.contact for one in loaded.contacts if one.queued_at < facts[0].at
                                       and one.channel in PHONE_CHANNELS and one.state in WAITING)
            self.recorder.remember(facts)
            self.queue_log.take(facts)
            seq, read = facts[-1].seq, read + len(facts)
        if first > 1:  # older ones were purged, or left alone
            self.recorder.begin_again(now)
        changes, own = engine.take_changes(), engine.take_facts()
        await store.commit(Turn([(now, started)], own, changes))
        self.recorder.remember(own)
        self.queue_log.take(own)
        self.queue_log.start(now)
        log.info("node.restored", contacts=len(loaded.contacts), offers=len(loaded.offers), facts=read + len(own))
        return last


def _past(last: int, done: int | None) -> int:
    """After which fact a start begins to read. `last`: the last one there is; `done`: the last one whose lines are in
    the queue_log, None: there is no queue_log that says so, and the new one begins here."""
    return max(0, (last if done is None else min(last, done)) - PAST_MAX)
