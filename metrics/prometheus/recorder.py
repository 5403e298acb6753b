"""Count facts into counters and histograms, and set gauges from the present state when a scraper asks.

One recorder has its own registry and no thread: it is fed and read on the node's loop. At start it gets every stored
fact, so counters do not fall back after a restart. A number counts as the store keeps it, for the same reason. If the
oldest facts are purged, or are too many to read before the first call, the counts would be smaller than before. Then
`restart_counts` begins them at 0.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

from metrics.prometheus import names
from metrics.prometheus.accommodations import HANDLERS, Accommodations
from metrics.prometheus.agent_states import AgentStates
from metrics.prometheus.names import ACK_STATUS, SIGNAL_KINDS, Metric
from metrics.prometheus.series import MetricSeries
from routing.core.callers.menu_outcome import OUTCOMES
from routing.core.inbox import Status
from routing.core.journal import round_stored
from routing.core.model.centre_model import (
    ABANDONS,
    PHONE_CHANNELS,
    UNSERVED,
    WAITING_STATES,
    Centre,
    Channel,
    OfferState,
    Outcome,
)
from routing.core.model.facts import (
    AgentChanged,
    Alarm,
    CallbackChanged,
    CallbackDialled,
    CentreChanged,
    Ended,
    Fact,
    MenuEndedRecorded,
    Moved,
    OfferClosed,
    Overridden,
    PauseLimitReached,
    Queued,
    Stepped,
    SurveyAnsweredRecorded,
)
from routing.core.model.ids import ContactId
from routing.core.model.reasons import (
    OUTAGE,
    PRE_CONNECT_HANGUP,
    REACHED,
    REQUESTED,
    RING_NO_ANSWER,
    STALE,
    TIME_CHOSEN,
    TRANSFER,
    TRY_FAILURES,
)
from routing.core.model.talk_facts import (
    Connected,
    ConsultCancelled,
    ConsultCompleted,
    ConsultStarted,
    TalkEndedRecorded,
    WrappedUp,
)
from routing.store.schema import SMS_OVER

LINK, MQTT = "ami", "mqtt"
NO_FORM = "none"
"""Form of the number of a call that was refused for another reason."""
SMS_RESULTS = (*SMS_OVER, "refused")
RESULTS = {OfferState.TIMEOUT: RING_NO_ANSWER, OfferState.REJECTED: "rejected", OfferState.CANCELED: "cancelled",
           OfferState.RESCINDED: "rescinded"}
CALLBACK_RESULTS = (REQUESTED, TIME_CHOSEN, "dialled", REACHED, *TRY_FAILURES, STALE)
ANSWERED, ABANDONED = Outcome.ANSWERED.value, Outcome.ABANDONED.value
IN_SERVICE_LEVEL = frozenset({Outcome.ANSWERED, *UNSERVED})
WAIT_LABELS = {Outcome.ANSWERED: ANSWERED, **dict.fromkeys(ABANDONS, ABANDONED)}
"""Outcomes whose wait is observed, with its label. The other waits ended by a setting or a fault and say nothing."""
OUTAGE_OUTCOMES = (Outcome.FALLBACK, Outcome.ABANDONED, Outcome.ABANDONED_SHORT)
NO_SIGNALS = dict.fromkeys(product(SIGNAL_KINDS, ("sent", "late", *ACK_STATUS)), 0)
"""Series of signals. They begin at 0 once there is a broker, or the first increase could not be seen."""
PHASES = ("pre_connect", "talk", "hold", "wrapup")
Handlers = dict[type, tuple[Callable[[Any], None], ...]]


class MetricsRecorder:
    """Counts facts. Give the facts of each turn to `count_facts`, and read `render_page` for `/metrics`.

    `in_force` gives the centre after a change of it. None: the centre never changes.
    """

    def __init__(self, centre: Centre, *, in_force: Callable[[], Centre] | None = None, version: str = "0") -> None:
        self._series = MetricSeries(names.wait_edges(service.target_s for service in centre.services))
        self.registry = self._series.registry
        self._in_force = in_force
        self._channels: tuple[str, ...] = tuple(sorted(channel.value for channel in PHONE_CHANNELS))
        self._agent_states, self._accommodations = AgentStates(self._series), Accommodations(self._series)
        self._within: dict[ContactId, bool] = {}
        """Contacts that have been connected and have not ended: at most one for each call."""
        self._abandoned: Tally[str] = Tally()
        """Contacts abandoned since the last answer, by queue."""
        self._turned_away: Tally[str] = Tally()
        """Contacts turned away since the last answer, by queue."""
        self._consulting: set[ContactId] = set()
        """Contacts in a consult transfer. Until it completes, the caller belongs to the agent and has not moved."""
        self._flows: set[str] = set()
        """Menu entries that callers have used."""
        self._callbacks_told: dict[tuple[Metric, tuple[str, ...]], int] = {}
        self._counting: Handlers = {kind: (partial(handle, self),) for kind, handle in _HANDLERS.items()}
        # The second look at offers sees facts of this node only, so history skips it.
        looking = {kind: (partial(handle, self._accommodations),) for kind, handle in HANDLERS.items()}
        self._handling: Handlers = {
            kind: (*self._counting.get(kind, ()), *looking.get(kind, ())) for kind in {*self._counting, *looking}
        } | {CentreChanged: (self._on_centre_changed,)}
        self._begin_series(version)
        self.apply_centre(centre)

    def _begin_series(self, version: str) -> None:
        series = self._series
        series.set_gauge(names.LEADS, 1)
        series.set_gauge(names.BUILD, 1, version)
        series.set_gauge(names.CONNECTED, 0, LINK)
        for metric in (names.RECONNECTS, names.ASTERISK_EVENTS):
            series.add_count(metric, LINK, by=0.0)
        for kind in names.ALARM_KINDS:
            series.add_count(names.ALARMS, kind, by=0.0)
        for kind in ("audit", "unseen"):
            series.add_count(names.MISMATCHES, kind, by=0.0)
        self.commands_refused({})
        self.set_announcements(0)

    def apply_centre(self, centre: Centre) -> None:
        """Take the centre in force. The series of each queue begin at 0, or their first increase could not be seen."""
        series, self._centre = self._series, centre
        # 1. Begin the series of each queue.
        for service in centre.services:
            queue = service.id
            for channel in self._channels:
                self._begin_queue(queue, channel)
            for within in ("true", "false"):
                series.add_count(names.EWT, queue, within, by=0.0)
            for result in CALLBACK_RESULTS:
                series.add_count(names.CALLBACKS, queue, result, by=0.0)
            for result in (ANSWERED, PRE_CONNECT_HANGUP, *RESULTS.values()):
                series.add_count(names.OFFERS, queue, result, by=0.0)
            for end in OUTAGE_OUTCOMES:
                series.add_count(names.OUTAGE, queue, end.value, by=0.0)
        # 2. Set the targets again: a removed queue must lose them.
        for metric in (names.TARGET, names.TARGET_RATIO, names.DISTRESS):
            series.clear_gauge(metric)
        for service in centre.services:
            series.set_gauge(names.TARGET, service.target_s, service.id)
            series.set_gauge(names.TARGET_RATIO, service.target_share, service.id)
            series.set_gauge(names.DISTRESS, service.distress, service.id)
        # 3. Agents and profiles.
        self._agent_states.apply_centre(centre)
        self._accommodations.apply_centre(centre)

    def begin_channels(self, channels: Iterable[Channel]) -> None:
        """Begin the series of each queue for channels that have an adapter, next to those of the telephone."""
        known = tuple(sorted({*self._channels, *[channel.value for channel in channels]}))
        if known != self._channels:
            self._channels = known
            self.apply_centre(self._centre)

    def _begin_queue(self, queue: str, channel: str) -> None:
        series = self._series
        series.add_count(names.OFFERED, queue, channel, by=0.0)
        for outcome in Outcome:
            series.add_count(names.CONTACTS, queue, channel, outcome.value, by=0.0)
        for within in ("true", "false"):
            series.add_count(names.SLA, queue, channel, within, by=0.0)
        for told in (ANSWERED, ABANDONED):
            series.begin_histogram(names.WAIT, queue, channel, told)
        for phase in PHASES:
            series.begin_histogram(names.HANDLE, queue, channel, phase)

    # -- what happened -----------------------------------------------------------------------------------------------

    def count_history(self, facts: Sequence[Fact]) -> None:
        """Count the facts from before this node, in order."""
        told = self._counting
        for fact in facts:
            for handle in told.get(type(fact), ()):
                handle(fact)

    def restart_counts(self, now: float) -> None:
        """Begin counters and histograms at 0, and keep what is under way. Call it after `count_history` of an
        incomplete past.

        Prometheus would read a counter that falls to anything but 0 as an increase by its new value.
        """
        self._agent_states.restart_counts(now)
        self._series.reset_counts()

    def count_facts(self, facts: Sequence[Fact]) -> None:
        """Count the facts of a turn. Give each fact once and in order."""
        told = self._handling
        for fact in facts:
            for handle in told.get(type(fact), ()):
                handle(fact)

    def _on_centre_changed(self, fact: CentreChanged) -> None:
        self._series.add_count(names.CHANGES)
        if self._in_force is not None:
            self.apply_centre(self._in_force())

    def _on_queued(self, fact: Queued) -> None:
        self._series.add_count(names.OFFERED, fact.service, fact.channel.value)

    def _on_connected(self, fact: Connected) -> None:
        # A contact may connect several times; the first connection decides about the service level.
        self._within.setdefault(fact.contact, fact.within)
        series, queue = self._series, fact.service
        series.add_count(names.OFFERS, queue, ANSWERED)
        self._abandoned[queue] = self._turned_away[queue] = 0
        if fact.channel in PHONE_CHANNELS:
            series.observe_value(
                names.HANDLE, round_stored(fact.pre_connect_s), queue, fact.channel.value, "pre_connect")
        if fact.estimate is not None:
            series.observe_value(names.EWT_ERROR, abs(round_stored(fact.wait_s) - round_stored(fact.estimate.wait_s)),
                                 queue)
            within = fact.estimate.low_s <= fact.wait_s <= fact.estimate.high_s
            series.add_count(names.EWT, queue, "true" if within else "false")

    def _on_moved(self, fact: Moved) -> None:
        # A consult transfer moves the row, but the contact itself moves only when the transfer completes.
        if fact.contact in self._consulting:
            return
        self._series.add_count(names.MOVED, fact.before, fact.reason)
        self._series.add_count(names.OFFERED, fact.service, fact.channel.value)

    def _on_stepped(self, fact: Stepped) -> None:
        self._series.add_count(names.STEPS, fact.service, fact.reason)

    def _on_overridden(self, fact: Overridden) -> None:
        self._series.add_count(names.OVERRIDES)

    def _pass_limit(self, fact: PauseLimitReached) -> None:
        self._agent_states.pass_limit(fact)

    def _on_menu_passed(self, fact: MenuEndedRecorded) -> None:
        flow = fact.entry
        # The first call of an entry begins its series at 0.
        if flow not in self._flows:
            self._flows.add(flow)
            self._series.add_count(names.IVR_DISTRESS, flow, by=0.0)
            for outcome in OUTCOMES:
                self._series.add_count(names.IVR_COMPLETED, flow, outcome, by=0.0)
        # A resumed dialogue is counted already: it was an external transfer.
        if not fact.resumed:
            self._series.add_count(names.IVR_CALLS, flow)
            self._series.add_count(names.IVR_COMPLETED, flow, fact.outcome)
            self._series.observe_value(names.IVR_DURATION, round_stored(fact.lasted_s), flow)
            if any(service.distress and service.id == fact.service for service in self._centre.services):
                self._series.add_count(names.IVR_DISTRESS, flow)
        for event, times in (("timeout", fact.timeouts), ("invalid", fact.wrong), ("repeat", fact.repeats),
                             ("more_time", fact.more), ("slow_speech", int(fact.slow)),
                             ("operator_zero", int(fact.outcome == "operator"))):
            self._series.add_count(names.IVR_INPUT, flow, event, by=times)

    def _on_surveyed(self, fact: SurveyAnsweredRecorded) -> None:
        self._series.add_count(names.SURVEY, fact.service, fact.question, str(fact.answer))

    def _on_offer_closed(self, fact: OfferClosed) -> None:
        result = PRE_CONNECT_HANGUP if fact.reason == PRE_CONNECT_HANGUP else RESULTS.get(fact.state, fact.state.value)
        self._series.add_count(names.OFFERS, fact.service, result)

    def _on_consult_started(self, fact: ConsultStarted) -> None:
        self._consulting.add(fact.contact)

    def _on_consult_cancelled(self, fact: ConsultCancelled) -> None:
        self._consulting.discard(fact.contact)

    def _on_consult_completed(self, fact: ConsultCompleted) -> None:
        self._consulting.discard(fact.contact)
        # Only now has the contact left its queue. A transfer within one service is no move.
        if fact.by == TRANSFER and fact.to != fact.service:
            self._series.add_count(names.MOVED, fact.service, TRANSFER)
            self._series.add_count(names.OFFERED, fact.to, fact.channel.value)
        self._count_talk(fact)

    def _count_talk(self, fact: TalkEndedRecorded | ConsultCompleted) -> None:
        queue, channel = fact.service, fact.channel.value
        # `talk_s` includes hold, but the two are separate phases here.
        held_s = round_stored(fact.held_s)
        self._series.observe_value(names.HANDLE, round_stored(fact.talk_s) - held_s, queue, channel, "talk")
        if held_s > 0:
            self._series.observe_value(names.HANDLE, held_s, queue, channel, "hold")

    def _on_wrapped_up(self, fact: WrappedUp) -> None:
        self._series.observe_value(
            names.HANDLE, round_stored(fact.wrapup_s), fact.service, fact.channel.value, "wrapup")

    def _on_ended(self, fact: Ended) -> None:
        queue, channel, outcome = fact.service, fact.channel.value, fact.outcome
        self._series.add_count(names.CONTACTS, queue, channel, outcome.value)
        # An answered contact ended the streak when it was connected, so its later end does not.
        if outcome is Outcome.ABANDONED:
            self._abandoned[queue] += 1
        elif outcome is Outcome.TURNED_AWAY:
            self._turned_away[queue] += 1
        elif outcome is Outcome.FALLBACK:
            self._abandoned[queue] = self._turned_away[queue] = 0
        if fact.key == OUTAGE:
            self._series.add_count(names.OUTAGE, queue, outcome.value)
        # A contact that connected in time and ended otherwise does not count as answered in time.
        within = self._within.pop(fact.contact, False) and outcome is Outcome.ANSWERED
        told = WAIT_LABELS.get(outcome)
        if told is not None:
            self._series.observe_value(names.WAIT, round_stored(fact.wait_s), queue, channel, told)
        if outcome in IN_SERVICE_LEVEL:
            self._series.add_count(names.SLA, queue, channel, "true" if within else "false")

    def _on_agent_changed(self, fact: AgentChanged) -> None:
        self._agent_states.apply_change(fact)

    def _on_callback_changed(self, fact: CallbackChanged) -> None:
        self._series.add_count(names.CALLBACKS, fact.service, fact.reason)

    def _on_callback_dialled(self, fact: CallbackDialled) -> None:
        self._series.add_count(names.CALLBACKS, fact.service, "dialled")

    def _on_alarm(self, fact: Alarm) -> None:
        self._series.add_count(names.ALARMS, fact.kind)

    # -- what no fact tells ------------------------------------------------------------------------------------------

    def observe_decision(self, seconds: float) -> None:
        """Count the time that the engine took for one event."""
        self._series.observe_value(names.DECISION, seconds)

    def observe_acknowledgement(self, kind: str, seconds: float) -> None:
        """Count the time from a signal of this kind to the answer of the device."""
        self._series.observe_value(names.SIGNAL_ACK, seconds, kind)

    def set_asterisk(self, *, reconnects: int, mismatches: int, unseen: int, events: int) -> None:
        """Take counts since the start of the node: reconnects, mismatches found by audits, contacts whose channel
        Asterisk never showed, and events read."""
        self._raise_to(names.RECONNECTS, reconnects, LINK)
        self._raise_to(names.MISMATCHES, mismatches, "audit")
        self._raise_to(names.MISMATCHES, unseen, "unseen")
        self._raise_to(names.ASTERISK_EVENTS, events, LINK)

    def set_lines(self, held: Mapping[str, int], refused: Mapping[tuple[str, str], int],
                  limits: Mapping[str, int]) -> None:
        """Set the lines that calls hold by class, the limits, and the calls that found no line."""
        for metric, values in ((names.LINES, held), (names.LINES_LIMIT, limits)):
            self._series.clear_gauge(metric)
            for line_class, count in values.items():
                self._series.set_gauge(metric, count, line_class)
        # A series begins at 0, or its first increase could not be seen.
        if "other" in limits:
            self._series.add_count(names.LINE_REFUSALS, "other", "refused", by=0.0)
        for key, count in refused.items():
            self._raise_to(names.LINE_REFUSALS, count, *key)

    def set_refused_calls(self, numbers: Mapping[tuple[str, int], int], lines: Mapping[tuple[str, str], int]) -> None:
        """Take the refused calls since the start of the node, by form of the number or by line."""
        # A series begins at 0, or its first increase could not be seen.
        self._series.add_count(names.CALLS_REFUSED, "no_line", NO_FORM, by=0.0)
        self._raise_to(names.CALLS_REFUSED, sum(count for (_, result), count in lines.items() if result == "refused"),
                       "no_line", NO_FORM)
        for (form, digits), count in numbers.items():
            self._raise_to(names.CALLS_REFUSED, count, "unknown_number", f"{form}-{digits}")

    def set_seat_refusals(self, *, asterisk: int, page: int) -> None:
        """Take the calls of seats beyond their limit since the node started, by who refused them."""
        for by, count in (("asterisk", asterisk), ("page", page)):
            # A series begins at 0, or its first increase could not be seen.
            self._series.add_count(names.SEAT_REFUSALS, by, by=0.0)
            self._raise_to(names.SEAT_REFUSALS, count, by)

    def set_files_good(self, *, files_good: bool) -> None:
        """Set whether the centre's files are in force and leave an agent for every service today."""
        self._series.set_gauge(names.CENTRE_FILES, files_good)

    def set_announcements(self, active: int) -> None:
        """Set the announcements that callers hear now."""
        self._series.set_gauge(names.ANNOUNCEMENTS, active)

    def set_recordings(self, done: Mapping[str, int], *, possible: bool) -> None:
        """Take the files of the spool by result, and set whether talks can be recorded now."""
        for result, count in done.items():
            self._raise_to(names.RECORDINGS, count, result)
        self._series.set_gauge(names.RECORDING, possible)

    def set_purged(self, at: float) -> None:
        """Set when the node last destroyed old data, or 0."""
        self._series.set_gauge(names.PURGED, at)

    def set_preferences(self, callers: Mapping[str, int]) -> None:
        """Set the number of callers by preference."""
        for wish, count in callers.items():
            self._series.set_gauge(names.CALLER_PREFERENCES, count, wish)

    def set_mqtt(self, *, connected: bool, behind: int, signals: Mapping[tuple[str, str], int]) -> None:
        """Set the state of the broker connection: whether it works, facts to send, and signals by kind and result."""
        self._series.set_gauge(names.MQTT_CONNECTED, connected, MQTT)
        self._series.set_gauge(names.MQTT_BEHIND, behind, MQTT)
        for (kind, result), count in {**NO_SIGNALS, **signals}.items():
            self._raise_to(names.SIGNALS, count, kind, result)

    def set_sms(self, done: Mapping[str, int], *, waiting: int) -> None:
        """Set the short messages by result since the node started, and those that wait for the gateway."""
        self._series.set_gauge(names.SMS_WAITING, waiting)
        for result in SMS_RESULTS:
            self._raise_to(names.SMS, done.get(result, 0), result)

    def set_inbox(self, *, waiting: int, dropped: int) -> None:
        """Set the events that wait for the engine, and those that a full inbox has refused since the node started."""
        self._series.set_gauge(names.INBOX, waiting)
        self._raise_to(names.DROPPED, dropped)

    def set_agi_refusals(self, refused: Mapping[str, int]) -> None:
        """Take the AGI connections without a dialogue since the node started, by reason."""
        for reason, count in refused.items():
            self._raise_to(names.AGI_REFUSED, count, reason)

    def commands_refused(self, refused: Mapping[Channel, int]) -> None:
        """Count the commands that no adapter took since the node started, by channel."""
        for channel in Channel:
            self._raise_to(names.REFUSED, refused.get(channel, 0), channel.value)

    def _raise_to(self, metric: Metric, count: int, *labels: str) -> None:
        """Add to a counter the increase of a count that is kept elsewhere."""
        # The other count may have restarted, but a counter must never fall.
        before = self._callbacks_told.get((metric, labels), 0)
        self._series.add_count(metric, *labels, by=max(0, count - before))
        self._callbacks_told[metric, labels] = max(before, count)

    # -- what is true now --------------------------------------------------------------------------------------------

    def render_page(self, status: Status) -> bytes:
        """Render the whole `/metrics` page."""
        self._series.set_gauge(names.CONNECTED, status.link_up, LINK)
        self._set_contact_gauges(status)
        self._set_queue_gauges(status)
        self._agent_states.set_gauges(status)
        return self._series.render_page()

    def _set_contact_gauges(self, status: Status) -> None:
        # 1. Count what waits, by queue and channel.
        series = self._series
        waiting: Tally[tuple[str, str]] = Tally()
        oldest: dict[tuple[str, str], float] = {}
        callbacks: Tally[str] = Tally()
        for contact in status.contacts:
            callbacks[contact.service] += contact.callback
            if contact.state in WAITING_STATES:
                key = str(contact.service), contact.channel.value
                waiting[key] += 1
                # A caller who waits for a callback does not hold the line.
                if not contact.callback:
                    oldest[key] = max(oldest.get(key, 0.0), contact.waited_s)
        # 2. Write all queues of the centre, also empty ones: 0 must differ from unknown.
        for metric in (names.CALLBACKS_NOW, names.WAITING, names.OLDEST, names.STREAK, names.TURNED_STREAK):
            series.clear_gauge(metric)
        services = [str(service.id) for service in self._centre.services]
        for queue in {*callbacks, *services}:
            series.set_gauge(names.CALLBACKS_NOW, callbacks[queue], queue)
            series.set_gauge(names.STREAK, self._abandoned[queue], queue)
            series.set_gauge(names.TURNED_STREAK, self._turned_away[queue], queue)
        for key in {*waiting, *product(services, self._channels)}:
            series.set_gauge(names.WAITING, waiting[key], *key)
            series.set_gauge(names.OLDEST, oldest.get(key, 0.0), *key)

    def _set_queue_gauges(self, status: Status) -> None:
        for metric in (names.OPEN, names.ON_DUTY):
            self._series.clear_gauge(metric)
        for queue in status.queues:
            self._series.set_gauge(names.OPEN, queue.open, queue.service)
            self._series.set_gauge(names.ON_DUTY, queue.agents_signed_in, queue.service, "signed_in")
            self._series.set_gauge(names.ON_DUTY, queue.agents_ready, queue.service, "ready")


_HANDLERS: dict[type, Callable[[MetricsRecorder, Any], None]] = {
    Queued: MetricsRecorder._on_queued, Connected: MetricsRecorder._on_connected,
    OfferClosed: MetricsRecorder._on_offer_closed, TalkEndedRecorded: MetricsRecorder._count_talk,
    ConsultStarted: MetricsRecorder._on_consult_started, ConsultCancelled: MetricsRecorder._on_consult_cancelled,
    ConsultCompleted: MetricsRecorder._on_consult_completed,
    WrappedUp: MetricsRecorder._on_wrapped_up, Ended: MetricsRecorder._on_ended,
    AgentChanged: MetricsRecorder._on_agent_changed,
    Alarm: MetricsRecorder._on_alarm, Moved: MetricsRecorder._on_moved, Stepped: MetricsRecorder._on_stepped,
    Overridden: MetricsRecorder._on_overridden,
    SurveyAnsweredRecorded: MetricsRecorder._on_surveyed, MenuEndedRecorded: MetricsRecorder._on_menu_passed,
    CallbackChanged: MetricsRecorder._on_callback_changed,
    CallbackDialled: MetricsRecorder._on_callback_dialled, PauseLimitReached: MetricsRecorder._pass_limit,
}
