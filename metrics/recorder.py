"""Facts become counters and histograms; what is true now becomes gauges when somebody asks.

One recorder has its own registry and no thread: it is fed and read on the node's loop. Fed at start with every stored
fact it stands where it stood, so counters never fall back because a node was restarted.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from metrics import names
from metrics.names import Metric, label
from routing.core.facts import (
    AgentChanged,
    Alarm,
    CallbackChanged,
    CallbackDialled,
    Ended,
    Fact,
    MenuPassed,
    Moved,
    OfferClosed,
    Overridden,
    Queued,
    Stepped,
    Surveyed,
)
from routing.core.ids import ContactId
from routing.core.inbox import Status
from routing.core.model import AgentState, Channel, ContactState, OfferState, Outcome
from routing.core.talk_facts import Connected, Introduced, TalkOver, WrappedUp

disable_created_metrics()  # type: ignore[no-untyped-call]

LINK, MQTT = "ami", "mqtt"
RESULTS = {OfferState.TIMEOUT: "ring_no_answer", OfferState.REJECTED: "rejected", OfferState.CANCELED: "cancelled",
           OfferState.RESCINDED: "rescinded"}
CALLBACK_RESULTS = ("asked", "dialled", "reached", "no_answer", "busy", "refused", "no_key", "failed", "stale")
ANSWERED = "answered"
IN_SERVICE_LEVEL = {Outcome.ANSWERED, Outcome.ABANDONED, Outcome.ABANDONED_SHORT}
WAITING_STATES = (ContactState.PENDING, ContactState.RESERVED)


def groups(sizes: Mapping[str, int]) -> dict[str, str | None]:
    """Team -> the group it is shown in: itself from `K_MIN` agents on, else one pool, else (None) not at all."""
    small = {team for team, size in sizes.items() if size < names.K_MIN}
    pool = names.POOLED if sum(sizes[team] for team in small) >= names.K_MIN else None
    return {team: pool if team in small else label(team) for team in sizes}


class Recorder:
    """`take` facts of each turn, `text` for `/metrics`. `teams` maps each team to its number of agents."""

    def __init__(self, services: Iterable[str], teams: Mapping[str, int], *, version: str = "0") -> None:
        self.registry = CollectorRegistry()
        self._within: dict[ContactId, bool] = {}
        """Contacts that have been connected and have not ended yet: as many as there are calls."""
        self._dropped = 0
        self._services: tuple[str, ...] = ()
        self._groups: dict[str, str | None] = {}
        self._make(version)
        self.configure(services, teams)

    def _make(self, version: str) -> None:
        self._offered, self._contacts = self._counter(names.OFFERED), self._counter(names.CONTACTS)
        self._sla, self._offers = self._counter(names.SLA), self._counter(names.OFFERS)
        self._agent_seconds, self._alarms = self._counter(names.AGENT_SECONDS), self._counter(names.ALARMS)
        self._reconnects, self._mismatches = self._counter(names.RECONNECTS), self._counter(names.MISMATCHES)
        self._drops, self._moved, self._steps = (
            self._counter(one) for one in (names.DROPPED, names.MOVED, names.STEPS))
        self._ewt, self._ewt_error = self._counter(names.EWT), self._histogram(names.EWT_ERROR)
        self._overrides, self._survey = self._counter(names.OVERRIDES), self._counter(names.SURVEY)
        self._callbacks, self._called = self._gauge(names.CALLBACKS_NOW), self._counter(names.CALLBACKS)
        self._wait, self._handle = self._histogram(names.WAIT), self._histogram(names.HANDLE)
        self._ivr_calls, self._ivr_completed = self._counter(names.IVR_CALLS), self._counter(names.IVR_COMPLETED)
        self._ivr_input, self._ivr_duration = self._counter(names.IVR_INPUT), self._histogram(names.IVR_DURATION)
        self._decision = self._histogram(names.DECISION)
        self._waiting, self._oldest = self._gauge(names.WAITING), self._gauge(names.OLDEST)
        self._agents, self._connected = self._gauge(names.AGENTS), self._gauge(names.CONNECTED)
        self._recordings, self._recording = self._counter(names.RECORDINGS), self._gauge(names.RECORDING)
        self._recorded: dict[str, int] = {}
        self._mqtt, self._mqtt_behind = self._gauge(names.MQTT_CONNECTED), self._gauge(names.MQTT_BEHIND)
        self._signals, self._acks = self._counter(names.MQTT_SIGNALS), self._counter(names.MQTT_ACKS)
        self._told: dict[tuple[Counter, str], int] = {}
        self._gauge(names.BUILD).labels(version).set(1)
        self._connected.labels(LINK).set(0)
        self._reconnects.labels(LINK)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(metric.name, metric.meaning, metric.labels, buckets=metric.buckets, registry=self.registry)

    def configure(self, services: Iterable[str], teams: Mapping[str, int]) -> None:
        """Names of the centre in force. Series of each queue begin at 0, or their first increase could not be seen."""
        self._services = tuple(services)
        self._groups = groups(teams)
        voice = Channel.VOICE.value
        for service in map(label, self._services):
            self._offered.labels(service, voice)
            for outcome in Outcome:
                self._contacts.labels(service, voice, outcome.value)
            for within in ("true", "false"):
                self._sla.labels(service, voice, within)
            for result in CALLBACK_RESULTS:
                self._called.labels(service, result)
            for result in (ANSWERED, *RESULTS.values()):
                self._offers.labels(service, result)

    # -- what happened -----------------------------------------------------------------------------------------------

    def take(self, facts: Sequence[Fact]) -> None:
        """Count the facts of a turn. Give each fact once and in order, the stored ones at start included."""
        for fact in facts:
            handler = _HANDLERS.get(type(fact))
            if handler is not None:
                handler(self, fact)

    def _queued(self, fact: Queued) -> None:
        self._offered.labels(label(fact.service), fact.channel.value).inc()

    def _connect(self, fact: Connected) -> None:
        self._within.setdefault(fact.contact, fact.within)
        queue = label(fact.service)
        self._offers.labels(queue, ANSWERED).inc()
        if fact.estimate is not None:
            self._ewt_error.labels(queue).observe(abs(fact.wait_s - fact.estimate.wait_s))
            within = fact.estimate.low_s <= fact.wait_s <= fact.estimate.high_s
            self._ewt.labels(queue, "true" if within else "false").inc()

    def _move(self, fact: Moved) -> None:
        self._moved.labels(label(fact.before), label(fact.reason)).inc()
        self._offered.labels(label(fact.service), fact.channel.value).inc()

    def _step(self, fact: Stepped) -> None:
        self._steps.labels(label(fact.service), label(fact.reason)).inc()

    def _override(self, fact: Overridden) -> None:
        self._overrides.inc()

    def _menu(self, fact: MenuPassed) -> None:
        flow = label(fact.entry)
        self._ivr_calls.labels(flow).inc()
        self._ivr_completed.labels(flow, fact.outcome).inc()
        self._ivr_duration.labels(flow).observe(fact.lasted_s)
        for event, times in (("timeout", fact.timeouts), ("invalid", fact.wrong), ("repeat", fact.repeats),
                             ("more_time", fact.more), ("slow_speech", int(fact.slow)),
                             ("operator_zero", int(fact.outcome == "operator"))):
            if times:
                self._ivr_input.labels(flow, event).inc(times)

    def _surveyed(self, fact: Surveyed) -> None:
        self._survey.labels(label(fact.service), label(fact.question), str(fact.answer)).inc()

    def _closed(self, fact: OfferClosed) -> None:
        self._offers.labels(label(fact.service), RESULTS.get(fact.state, fact.state.value)).inc()

    def _talk(self, fact: TalkOver) -> None:
        queue, channel = label(fact.service), fact.channel.value
        self._handle.labels(queue, channel, "talk").observe(max(0.0, fact.talk_s - fact.held_s))
        if fact.held_s > 0:
            self._handle.labels(queue, channel, "hold").observe(fact.held_s)

    def _introduced(self, fact: Introduced) -> None:
        queue, channel = label(fact.service), fact.channel.value
        self._handle.labels(queue, channel, "talk").observe(max(0.0, fact.talk_s - fact.held_s))
        self._handle.labels(queue, channel, "hold").observe(fact.held_s)

    def _wrapped(self, fact: WrappedUp) -> None:
        self._handle.labels(label(fact.service), fact.channel.value, "wrapup").observe(max(0.0, fact.wrapup_s))

    def _ended(self, fact: Ended) -> None:
        queue, channel, outcome = label(fact.service), fact.channel.value, fact.outcome
        self._contacts.labels(queue, channel, outcome.value).inc()
        self._wait.labels(queue, channel, outcome.value).observe(max(0.0, fact.wait_s))
        within = self._within.pop(fact.contact, False) and outcome is Outcome.ANSWERED
        if outcome in IN_SERVICE_LEVEL:
            self._sla.labels(queue, channel, "true" if within else "false").inc()

    def _agent(self, fact: AgentChanged) -> None:
        group = self._groups.get(fact.team)
        if group is not None and fact.before is not AgentState.SIGNED_OUT:
            self._agent_seconds.labels(group, fact.before.value).inc(max(0.0, fact.before_s))

    def _called_back(self, fact: CallbackChanged) -> None:
        self._called.labels(label(fact.service), label(fact.reason)).inc()

    def _dialled(self, fact: CallbackDialled) -> None:
        self._called.labels(label(fact.service), "dialled").inc()

    def _alarm(self, fact: Alarm) -> None:
        self._alarms.labels(label(fact.kind)).inc()

    # -- what no fact tells ------------------------------------------------------------------------------------------

    def decision(self, seconds: float) -> None:
        """The engine took this long for one event."""
        self._decision.observe(seconds)

    def reconnected(self) -> None:
        """The link to Asterisk is back after a loss."""
        self._reconnects.labels(LINK).inc()

    def mismatch(self, kind: str, count: int = 1) -> None:
        """A snapshot of Asterisk differed from the engine. `kind` is from a closed set of the caller."""
        self._mismatches.labels(label(kind)).inc(count)

    def recordings(self, done: Mapping[str, int], *, possible: bool) -> None:
        """Files of the spool by result, of all time; whether talks can be recorded now."""
        for result, count in done.items():
            self._recordings.labels(result).inc(count - self._recorded.get(result, 0))
        self._recorded = dict(done)
        self._recording.set(possible)

    def mqtt(self, *, connected: bool, behind: int, sent: Mapping[str, int], acks: Mapping[str, int]) -> None:
        """The way to the broker: whether it stands, facts to go, signals and acknowledgements of all time."""
        self._mqtt.labels(MQTT).set(connected)
        self._mqtt_behind.labels(MQTT).set(behind)
        for metric, counts in ((self._signals, sent), (self._acks, acks)):
            for name, count in counts.items():
                metric.labels(name).inc(count - self._told.get((metric, name), 0))
                self._told[metric, name] = count

    # -- what is true now --------------------------------------------------------------------------------------------

    def text(self, status: Status, dropped: int = 0) -> bytes:
        """The whole `/metrics` page. `dropped`: events the inbox has refused since the node started."""
        self._drops.inc(max(0, dropped - self._dropped))
        self._dropped = max(dropped, self._dropped)
        self._connected.labels(LINK).set(1 if status.link_up else 0)
        self._queues(status)
        self._people(status)
        return generate_latest(self.registry)

    def _queues(self, status: Status) -> None:
        waiting: Tally[tuple[str, str]] = Tally()
        oldest: dict[tuple[str, str], float] = {}
        callbacks: Tally[str] = Tally()
        for contact in status.contacts:
            callbacks[label(contact.service)] += contact.callback
            if contact.state in WAITING_STATES:
                key = (label(contact.service), contact.channel.value)
                waiting[key] += 1
                oldest[key] = max(oldest.get(key, 0.0), contact.waited_s)
        self._callbacks.clear()
        for service in {*callbacks, *map(label, self._services)}:
            self._callbacks.labels(service).set(callbacks[service])
        self._waiting.clear()
        self._oldest.clear()
        for key in {*waiting, *((label(service), Channel.VOICE.value) for service in self._services)}:
            self._waiting.labels(*key).set(waiting[key])
            self._oldest.labels(*key).set(oldest.get(key, 0.0))

    def _people(self, status: Status) -> None:
        found: Tally[tuple[str, str]] = Tally()
        for agent in status.agents:
            group = self._groups.get(agent.team)
            if group is not None:
                found[(group, agent.state.value)] += 1
        self._agents.clear()
        for group in {group for group in self._groups.values() if group is not None}:
            for state in AgentState:
                self._agents.labels(group, state.value).set(found[(group, state.value)])


_HANDLERS: dict[type, Callable[[Recorder, Any], None]] = {
    Queued: Recorder._queued, Connected: Recorder._connect, OfferClosed: Recorder._closed, TalkOver: Recorder._talk,
    Introduced: Recorder._introduced,
    WrappedUp: Recorder._wrapped, Ended: Recorder._ended, AgentChanged: Recorder._agent, Alarm: Recorder._alarm,
    Moved: Recorder._move, Stepped: Recorder._step, Overridden: Recorder._override, Surveyed: Recorder._surveyed,
    MenuPassed: Recorder._menu, CallbackChanged: Recorder._called_back, CallbackDialled: Recorder._dialled,
}
