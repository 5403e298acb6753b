"""Facts become counters and histograms; what is true now becomes gauges when somebody asks.

One recorder has its own registry and no thread: it is fed and read on the node's loop. Fed at start with every stored
fact it stands where it stood, so counters do not fall back because a node was restarted. When the oldest facts have
been purged, or are too many to be read before the first call, what is left counts fewer than were shown: then they
`begin_again` at 0.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

from metrics import names
from metrics.accommodations import LOOKING, Accommodations
from metrics.crew import Crew
from metrics.mqtt_message import ACK_STATUS, SIGNALS
from metrics.names import Metric
from metrics.series import Series
from routing.core.facts import (
    AgentChanged,
    Alarm,
    CallbackChanged,
    CallbackDialled,
    CentreChanged,
    Ended,
    Fact,
    MenuPassed,
    Moved,
    OfferClosed,
    Overridden,
    PauseLimitReached,
    Queued,
    Stepped,
    Surveyed,
)
from routing.core.ids import ContactId
from routing.core.inbox import Status
from routing.core.menu import OUTCOMES
from routing.core.model import PHONE_CHANNELS, Centre, Channel, ContactState, OfferState, Outcome
from routing.core.talk_facts import Connected, Consulting, Introduced, Returned, TalkOver, WrappedUp

LINK, MQTT = "ami", "mqtt"
SMS_RESULTS = ("sent", "failed", "expired", "refused")
RESULTS = {OfferState.TIMEOUT: "ring_no_answer", OfferState.REJECTED: "rejected", OfferState.CANCELED: "cancelled",
           OfferState.RESCINDED: "rescinded"}
CALLBACK_RESULTS = ("asked", "dialled", "reached", "no_answer", "busy", "refused", "no_key", "failed", "stale")
ANSWERED, ABANDONED = "answered", "abandoned"
IN_SERVICE_LEVEL = {Outcome.ANSWERED: ANSWERED, Outcome.ABANDONED: ABANDONED, Outcome.ABANDONED_SHORT: ABANDONED}
"""With the outcome that labels the wait: of the others it says nothing, it ended by a setting or a fault."""
WAITING_STATES = (ContactState.PENDING, ContactState.RESERVED)
NO_SIGNALS = dict.fromkeys(product(SIGNALS, ("sent", "late", *ACK_STATUS)), 0)
"""Their series begin at 0 when there is a broker, or the first increase could not be seen."""
PHASES = ("pre_connect", "talk", "hold", "wrapup")
Handlers = dict[type, tuple[Callable[[Any], None], ...]]


class Recorder:
    """`take` facts of each turn, `text` for `/metrics`. `in_force` gives the centre after a change of it (None: it
    stays `centre`)."""

    def __init__(self, centre: Centre, *, in_force: Callable[[], Centre] | None = None, version: str = "0") -> None:
        self._series = Series(names.wait_edges(service.target_s for service in centre.services))
        self.registry = self._series.registry
        self._in_force = in_force
        self._channels: tuple[str, ...] = tuple(sorted(channel.value for channel in PHONE_CHANNELS))
        self._crew, self._accommodations = Crew(self._series), Accommodations(self._series)
        self._within: dict[ContactId, bool] = {}
        """Contacts that have been connected and have not ended yet: as many as there are calls."""
        self._asking: set[ContactId] = set()
        """Whose agents ask somebody else: until the caller is given over they are the agent's, and have not moved."""
        self._flows: set[str] = set()
        """Entries of the menu that somebody came by."""
        self._told: dict[tuple[Metric, tuple[str, ...]], int] = {}
        self._counting: Handlers = {kind: (partial(handle, self),) for kind, handle in _HANDLERS.items()}
        looking = {kind: (partial(handle, self._accommodations),) for kind, handle in LOOKING.items()}
        self._handling: Handlers = {kind: (*self._counting.get(kind, ()), *looking.get(kind, ()))
                                    for kind in {*self._counting, *looking}} | {CentreChanged: (self._changed,)}
        self._begin(version)
        self.configure(centre)

    def _begin(self, version: str) -> None:
        series = self._series
        series.set(names.BUILD, 1, version)
        series.set(names.CONNECTED, 0, LINK)
        for metric in (names.RECONNECTS, names.ASTERISK_EVENTS):
            series.add(metric, LINK, by=0.0)
        for kind in names.ALARM_KINDS:
            series.add(names.ALARMS, kind, by=0.0)
        series.add(names.MISMATCHES, "audit", by=0.0)
        self.commands_refused({})

    def configure(self, centre: Centre) -> None:
        """The centre in force. Series of each queue begin at 0, or their first increase could not be seen."""
        series, self._centre = self._series, centre
        for service in centre.services:
            queue = service.id
            for channel in self._channels:
                self._begin_queue(queue, channel)
            for within in ("true", "false"):
                series.add(names.EWT, queue, within, by=0.0)
            for result in CALLBACK_RESULTS:
                series.add(names.CALLBACKS, queue, result, by=0.0)
            for result in (ANSWERED, *RESULTS.values()):
                series.add(names.OFFERS, queue, result, by=0.0)
        for metric in (names.TARGET, names.TARGET_RATIO, names.DISTRESS):
            series.clear(metric)
        for service in centre.services:
            series.set(names.TARGET, service.target_s, service.id)
            series.set(names.TARGET_RATIO, service.target_share, service.id)
            series.set(names.DISTRESS, service.distress, service.id)
        self._crew.configure(centre)
        self._accommodations.configure(centre)

    def begin_channels(self, channels: Iterable[Channel]) -> None:
        """Begin the series of each queue for channels that have an adapter, besides those of the telephone."""
        known = tuple(sorted({*self._channels, *[channel.value for channel in channels]}))
        if known != self._channels:
            self._channels = known
            self.configure(self._centre)

    def _begin_queue(self, queue: str, channel: str) -> None:
        series = self._series
        series.add(names.OFFERED, queue, channel, by=0.0)
        for outcome in Outcome:
            series.add(names.CONTACTS, queue, channel, outcome.value, by=0.0)
        for within in ("true", "false"):
            series.add(names.SLA, queue, channel, within, by=0.0)
        for told in (ANSWERED, ABANDONED):
            series.begin(names.WAIT, queue, channel, told)
        for phase in PHASES:
            series.begin(names.HANDLE, queue, channel, phase)

    # -- what happened -----------------------------------------------------------------------------------------------

    def remember(self, facts: Sequence[Fact]) -> None:
        """Count what was before this node, in order."""
        told = self._counting
        for fact in facts:
            for handle in told.get(type(fact), ()):
                handle(fact)

    def begin_again(self, now: float) -> None:
        """Counters and histograms begin at 0; what is under way goes on. After `remember` of a past whose beginning is
        gone: a counter that falls to anything but 0 is read by Prometheus as so many new ones."""
        self._crew.begin_again(now)
        self._series.zero()

    def take(self, facts: Sequence[Fact]) -> None:
        """Count the facts of a turn. Give each fact once and in order."""
        told = self._handling
        for fact in facts:
            for handle in told.get(type(fact), ()):
                handle(fact)

    def _changed(self, fact: CentreChanged) -> None:
        if self._in_force is not None:
            self.configure(self._in_force())

    def _queued(self, fact: Queued) -> None:
        self._series.add(names.OFFERED, fact.service, fact.channel.value)

    def _connect(self, fact: Connected) -> None:
        self._within.setdefault(fact.contact, fact.within)
        series, queue = self._series, fact.service
        series.add(names.OFFERS, queue, ANSWERED)
        if fact.channel in PHONE_CHANNELS:
            series.observe(names.HANDLE, fact.pre_connect_s, queue, fact.channel.value, "pre_connect")
        if fact.estimate is not None:
            series.observe(names.EWT_ERROR, abs(fact.wait_s - fact.estimate.wait_s), queue)
            within = fact.estimate.low_s <= fact.wait_s <= fact.estimate.high_s
            series.add(names.EWT, queue, "true" if within else "false")

    def _move(self, fact: Moved) -> None:
        if fact.contact in self._asking:
            return
        self._series.add(names.MOVED, fact.before, fact.reason)
        self._series.add(names.OFFERED, fact.service, fact.channel.value)

    def _step(self, fact: Stepped) -> None:
        self._series.add(names.STEPS, fact.service, fact.reason)

    def _override(self, fact: Overridden) -> None:
        self._series.add(names.OVERRIDES)

    def _pass_limit(self, fact: PauseLimitReached) -> None:
        self._crew.pass_limit(fact)

    def _menu(self, fact: MenuPassed) -> None:
        flow = fact.entry
        if flow not in self._flows:
            self._flows.add(flow)
            for outcome in OUTCOMES:
                self._series.add(names.IVR_COMPLETED, flow, outcome, by=0.0)
        if not fact.resumed:  # that call is counted: it was led outside
            self._series.add(names.IVR_CALLS, flow)
            self._series.add(names.IVR_COMPLETED, flow, fact.outcome)
            self._series.observe(names.IVR_DURATION, fact.lasted_s, flow)
        for event, times in (("timeout", fact.timeouts), ("invalid", fact.wrong), ("repeat", fact.repeats),
                             ("more_time", fact.more), ("slow_speech", int(fact.slow)),
                             ("operator_zero", int(fact.outcome == "operator"))):
            self._series.add(names.IVR_INPUT, flow, event, by=times)

    def _surveyed(self, fact: Surveyed) -> None:
        self._series.add(names.SURVEY, fact.service, fact.question, str(fact.answer))

    def _closed(self, fact: OfferClosed) -> None:
        self._series.add(names.OFFERS, fact.service, RESULTS.get(fact.state, fact.state.value))

    def _consults(self, fact: Consulting) -> None:
        self._asking.add(fact.contact)

    def _returned(self, fact: Returned) -> None:
        self._asking.discard(fact.contact)

    def _introduced(self, fact: Introduced) -> None:
        self._asking.discard(fact.contact)
        if fact.by == "transfer" and fact.to != fact.service:
            self._series.add(names.MOVED, fact.service, "transfer")
            self._series.add(names.OFFERED, fact.to, fact.channel.value)
        self._talk(fact)

    def _talk(self, fact: TalkOver | Introduced) -> None:
        queue, channel = fact.service, fact.channel.value
        self._series.observe(names.HANDLE, fact.talk_s - fact.held_s, queue, channel, "talk")
        if fact.held_s > 0:
            self._series.observe(names.HANDLE, fact.held_s, queue, channel, "hold")

    def _wrapped(self, fact: WrappedUp) -> None:
        self._series.observe(names.HANDLE, fact.wrapup_s, fact.service, fact.channel.value, "wrapup")

    def _ended(self, fact: Ended) -> None:
        queue, channel, outcome = fact.service, fact.channel.value, fact.outcome
        self._series.add(names.CONTACTS, queue, channel, outcome.value)
        within = self._within.pop(fact.contact, False) and outcome is Outcome.ANSWERED
        told = IN_SERVICE_LEVEL.get(outcome)
        if told is not None:
            self._series.observe(names.WAIT, fact.wait_s, queue, channel, told)
            self._series.add(names.SLA, queue, channel, "true" if within else "false")

    def _agent(self, fact: AgentChanged) -> None:
        self._crew.take(fact)

    def _called_back(self, fact: CallbackChanged) -> None:
        self._series.add(names.CALLBACKS, fact.service, fact.reason)

    def _dialled(self, fact: CallbackDialled) -> None:
        self._series.add(names.CALLBACKS, fact.service, "dialled")

    def _alarm(self, fact: Alarm) -> None:
        self._series.add(names.ALARMS, fact.kind)

    # -- what no fact tells ------------------------------------------------------------------------------------------

    def decision(self, seconds: float) -> None:
        """The engine took this long for one event."""
        self._series.observe(names.DECISION, seconds)

    def acknowledged(self, kind: str, seconds: float) -> None:
        """An agent's device said so long after a signal of this kind what became of it."""
        self._series.observe(names.SIGNAL_ACK, seconds, kind)

    def asterisk(self, *, reconnects: int, mismatches: int, events: int) -> None:
        """Since the node started: returns of the link, differences that audits found, events read."""
        self._up_to(names.RECONNECTS, reconnects, LINK)
        self._up_to(names.MISMATCHES, mismatches, "audit")
        self._up_to(names.ASTERISK_EVENTS, events, LINK)

    def centre(self, *, files_good: bool) -> None:
        """Whether the centre's files are in force, and leave somebody for everything today."""
        self._series.set(names.CENTRE_FILES, files_good)

    def recordings(self, done: Mapping[str, int], *, possible: bool) -> None:
        """Files of the spool by result, of all time; whether talks can be recorded now."""
        for result, count in done.items():
            self._up_to(names.RECORDINGS, count, result)
        self._series.set(names.RECORDING, possible)

    def wishes(self, callers: Mapping[str, int]) -> None:
        """Callers who asked for something in later calls."""
        for wish, count in callers.items():
            self._series.set(names.WISHES, count, wish)

    def mqtt(self, *, connected: bool, behind: int, signals: Mapping[tuple[str, str], int]) -> None:
        """The way to the broker: whether it stands, facts to go, signals by kind and result since the node started."""
        self._series.set(names.MQTT_CONNECTED, connected, MQTT)
        self._series.set(names.MQTT_BEHIND, behind, MQTT)
        for (kind, result), count in {**NO_SIGNALS, **signals}.items():
            self._up_to(names.SIGNALS, count, kind, result)

    def sms(self, done: Mapping[str, int], *, waiting: int) -> None:
        """Short messages by result since the node started, and how many wait for the gateway."""
        self._series.set(names.SMS_WAITING, waiting)
        for result in SMS_RESULTS:
            self._up_to(names.SMS, done.get(result, 0), result)

    def inbox(self, *, waiting: int, dropped: int) -> None:
        """Events that wait for the engine, and those that a full inbox has refused since the node started."""
        self._series.set(names.INBOX, waiting)
        self._up_to(names.DROPPED, dropped)

    def commands_refused(self, refused: Mapping[Channel, int]) -> None:
        """Count the commands that no adapter took since the node started, by channel."""
        for channel in Channel:
            self._up_to(names.REFUSED, refused.get(channel, 0), channel.value)

    def _up_to(self, metric: Metric, count: int, *labels: str) -> None:
        """A count that somebody else keeps: what has come since the last time."""
        before = self._told.get((metric, labels), 0)
        self._series.add(metric, *labels, by=max(0, count - before))
        self._told[metric, labels] = max(before, count)

    # -- what is true now --------------------------------------------------------------------------------------------

    def text(self, status: Status) -> bytes:
        """The whole `/metrics` page."""
        self._series.set(names.CONNECTED, status.link_up, LINK)
        self._contacts_now(status)
        self._queues_now(status)
        self._crew.show(status)
        return self._series.text()

    def _contacts_now(self, status: Status) -> None:
        series = self._series
        waiting: Tally[tuple[str, str]] = Tally()
        oldest: dict[tuple[str, str], float] = {}
        callbacks: Tally[str] = Tally()
        for contact in status.contacts:
            callbacks[contact.service] += contact.callback
            if contact.state in WAITING_STATES:
                key = str(contact.service), contact.channel.value
                waiting[key] += 1
                if not contact.callback:  # who has hung up does not hold the line
                    oldest[key] = max(oldest.get(key, 0.0), contact.waited_s)
        for metric in (names.CALLBACKS_NOW, names.WAITING, names.OLDEST):
            series.clear(metric)
        services = [str(service.id) for service in self._centre.services]
        for queue in {*callbacks, *services}:
            series.set(names.CALLBACKS_NOW, callbacks[queue], queue)
        for key in {*waiting, *product(services, self._channels)}:
            series.set(names.WAITING, waiting[key], *key)
            series.set(names.OLDEST, oldest.get(key, 0.0), *key)

    def _queues_now(self, status: Status) -> None:
        for metric in (names.OPEN, names.ON_DUTY):
            self._series.clear(metric)
        for queue in status.queues:
            self._series.set(names.OPEN, queue.open, queue.service)
            self._series.set(names.ON_DUTY, queue.agents_signed_in, queue.service, "signed_in")
            self._series.set(names.ON_DUTY, queue.agents_ready, queue.service, "ready")


_HANDLERS: dict[type, Callable[[Recorder, Any], None]] = {
    Queued: Recorder._queued, Connected: Recorder._connect, OfferClosed: Recorder._closed, TalkOver: Recorder._talk,
    Consulting: Recorder._consults, Returned: Recorder._returned, Introduced: Recorder._introduced,
    WrappedUp: Recorder._wrapped, Ended: Recorder._ended, AgentChanged: Recorder._agent,
    Alarm: Recorder._alarm, Moved: Recorder._move, Stepped: Recorder._step, Overridden: Recorder._override,
    Surveyed: Recorder._surveyed, MenuPassed: Recorder._menu, CallbackChanged: Recorder._called_back,
    CallbackDialled: Recorder._dialled, PauseLimitReached: Recorder._pass_limit,
}
