"""Connect a node with Asterisk by two AMI links that begin and end together.

One link brings events, and the other carries out actions (`command_executor`).

After every connect the session logs in twice and waits for FullyBooted. Live events gather while the session takes a
snapshot. The engine gets the differences, then the gathered events, then `LinkChanged(up=True)`. Nothing is replayed.

A comparison of both views settles actions of unknown outcome (`_look`). The same comparison runs once a minute anyway.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from typing import Any

import structlog

from routing.ami.cel_recovery import CelRecovery, Mark, OutageCall, Recorded, find_unrecorded, record_call
from routing.ami.command_executor import CommandExecutor, DialAddress, RecordingName
from routing.ami.errors import AuthFailed, LinkError, LinkLost
from routing.ami.event_translator import WANTED, EventTranslator
from routing.ami.fallback.members import FallbackMembers
from routing.ami.fallback.queues import AgentSource, FallbackQueues
from routing.ami.line_counts import LineRefusals, RefusedNumbers, read_lines
from routing.ami.link import Link, LinkCounters, Timing, WatchActions, backoff_delays
from routing.ami.resync import (
    channels_to_explain,
    diff_events,
    found_talks,
    misbridged_callers,
    read_holds,
    read_recordings,
    stale_consults,
    stray_legs,
    take_snapshot,
)
from routing.ami.settings import AsteriskSettings, SessionPace
from routing.ami.talk_recordings import TalkRecordings
from routing.ami.wire import Message
from routing.core.event_times import with_time
from routing.core.events import (
    CallerHungUp,
    ChannelShown,
    ContactExited,
    Event,
    FallbackEntered,
    LinkChanged,
    OfferAnswered,
    OfferRinging,
    TalkFound,
)
from routing.core.model.centre_model import PHONE_CHANNELS, Channel
from routing.core.model.commands import Command, RefreshHold
from routing.core.model.ids import ContactId, OfferId, ServiceId, leg_id
from routing.core.model.live_calls import LiveContact, LiveOffer

log = structlog.get_logger()

EXPLAINED_S = 600.0
"""Age at which the time of the last read of outage calls is noted again. A next leader reads the calls since then."""

LiveCalls = tuple[Sequence[LiveContact], Sequence[LiveOffer]]
FindRecorded = Callable[[Sequence[str], float], Awaitable[Recorded]]


class AsteriskSession:
    """Run both links to Asterisk.

    `post` hands an event to the engine, and `live` returns what the engine believes to be alive.

    `started` and `explained` are the last values that `remember` got, perhaps from an earlier process: the start time
    of Asterisk, and the time up to which outage calls are recorded (None for now, before the first connect). By
    this value the session recognises calls that ended with a restart, even if nobody listened. `agents` returns the
    members of the fallback queues (`fallback_queues`). `watch` learns of each action that was written. `recorded`
    returns which of these contacts the store has: with None, or with a path through the menu that ended from the given
    time on. `wall` and `steady` are the clocks of this machine.
    """

    def __init__(self, settings: AsteriskSettings, post: Callable[[Event], None], live: Callable[[], LiveCalls], *,
                 timing: Timing | None = None, pace: SessionPace | None = None, started: str = "",
                 explained: float | None = None,
                 remember: Callable[[str, float], Coroutine[Any, Any, None]] | None = None,
                 record: RecordingName = lambda offer: "", way_out: DialAddress | None = None,
                 clock: Callable[[], float] = time.time, agents: AgentSource | None = None,
                 recorded: FindRecorded | None = None,
                 may_act: Callable[[], bool] = lambda: True, watch: WatchActions | None = None,
                 wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._post = post
        self._live = live
        self._timing = timing or Timing()
        self._pace = pace or SessionPace()
        self._clock, self._may_act, self._watch, self._recorded = clock, may_act, watch, recorded
        self.explained = clock() if explained is None else explained
        """Time before which all calls are explained: the last read of the CEL file, or the oldest call then open."""
        self._box = CelRecovery(settings.cel, clock, wall, explained=self.explained) if settings.cel else None
        seats = settings.seats
        # The end of every caller is reported: the engine may hear of the queue entry only afterwards.
        self._translator = EventTranslator(
            lambda uniqueid: True, (lambda seat: seat in seats) if seats is not None else (lambda seat: True),
            settings.remote_seats, settings.by_number)
        self._events: Link | None = None
        self._connected_links: tuple[Link, ...] = ()
        """Links of the last connection that was up, which may be lost meanwhile."""
        self._clock_told = False
        self._look = asyncio.Event()
        self._rung: list[tuple[OfferId, str]] = []
        """Offers and legs whose ring or answer was just reported, until they are compared with the live offers."""
        self.orders = CommandExecutor(settings, self._translator, post, self._look, self._pace.rescind, record, way_out)
        self.fallback = None if agents is None else FallbackQueues(
            FallbackMembers(settings.unknown_service, settings.remote_seats | settings.node_seats),
            agents, lambda: self.orders.link, steady)
        """Members and callers of the fallback queues. None if nobody tells the agents."""
        self._started = started
        self._remember = remember
        self.counters = LinkCounters()
        self.reconnects = 0
        """Connections that were lost or failed since the start."""
        self.heard = 0
        """Events read, of the wanted kinds."""
        self.mismatches = 0
        """Differences that an audit found while the link was up. Each one means a bug, or a forged or lost event."""
        self.unseen = 0
        """Contacts that were ended because Asterisk never showed their channel. Each one means a forged question."""
        self.lines: dict[str, int] = {}
        """Lines held by class, as counted last. Empty while no link is up, and if the dialplan counts no lines."""

    @property
    def channels(self) -> frozenset[Channel]:
        """Return the channels of Asterisk: all channels that need a phone."""
        return PHONE_CHANNELS

    def takes(self, command: Command) -> bool:
        """Return whether the command concerns a call on this Asterisk.

        A contact without a channel cannot be sent anywhere.
        """
        return command.channel in PHONE_CHANNELS and command.node in ("", self._settings.node) \
            and (not isinstance(command, RefreshHold) or bool(command.leg))

    def execute(self, commands: Sequence[Command]) -> None:
        """Begin to carry out the commands, in order."""
        self.orders.execute_commands(commands)

    def live(self) -> None:
        """Return None: the session itself compares both views after every connect and once a minute."""

    @property
    def connected(self) -> bool:
        """Return whether both links are up and the state is read."""
        return self.orders.link is not None

    @property
    def silent_s(self) -> float:
        """Return for how long one of the links of the last connection has brought nothing. 0 before the first one."""
        now = asyncio.get_running_loop().time()
        return max((now - link.heard_at for link in self._connected_links), default=0.0)

    def expect_channel(self, contact: ContactId) -> bool:
        """Return whether Asterisk has shown the channel of a contact that a dialogue is about to queue.

        Otherwise the engine hears of the channel later, or a look at Asterisk ends the contact.
        """
        shown = self._translator.shown
        if contact in shown:
            return True
        shown.await_channel(contact)
        self._look.set()
        return False

    @property
    def recordings(self) -> TalkRecordings:
        """Return which talks are recorded."""
        return self._translator.recordings

    @property
    def line_refusals(self) -> LineRefusals:
        """Return the calls that found no line, by class and result."""
        return self._translator.refusals.counts

    @property
    def refused_numbers(self) -> RefusedNumbers:
        """Return the calls to numbers that are not the centre's, by begin and digits of the number."""
        return self._translator.refusals.numbers

    @property
    def seat_refusals(self) -> int:
        """Return the calls of seats that had too many already, since the node started."""
        return self._translator.refusals.seats.total()

    @property
    def silent_dials(self) -> int:
        """Return the callbacks to which the carrier has said nothing, since the node started."""
        return self._translator.dials.silent

    async def run_session(self) -> None:
        """Work until cancelled.

        Raises AuthFailed, in the ExceptionGroup of the TaskGroup, if another try is useless.
        """
        async with asyncio.TaskGroup() as group:
            self.orders.group = group
            group.create_task(self._stay_connected(), name="ami links")
            group.create_task(self._run_audits(), name="ami audits")
            group.create_task(self._report_refusals(), name="ami refused calls")
            if self._settings.line_classes is not None:
                group.create_task(self._count_lines(self._settings.line_classes), name="ami lines")
            if self.fallback is not None:
                group.create_task(self.fallback.run_forever(), name="ami fallback queues")

    def request_resync(self, reason: str) -> None:
        """Read the whole state again, because this side has lost something (the inbox was full)."""
        if self._events is not None:
            self._events.mark_lost(reason)

    # -- connections -------------------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        waits = backoff_delays()
        while True:
            try:
                await self._run_connection()
            except AuthFailed:
                raise
            except LinkError as error:
                log.warning("ami.link_lost", node=self._settings.node, reason=str(error), was_up=self.connected)
            # Only a connection that was up shortens the next wait: a failing log-in keeps its backoff.
            if self.connected:
                waits = backoff_delays()
                self.orders.link = None
                self._post(LinkChanged(self._settings.node, up=False))
            self.reconnects += 1
            await asyncio.sleep(next(waits))

    async def _run_connection(self) -> None:
        """Run one pair of links from log-in to loss. Always raise an error at the end."""
        events = Link(self._settings.events, WANTED, timing=self._timing, counters=self.counters,
                      may_act=self._may_act, watch=self._watch)
        actions = Link(self._settings.actions, timing=self._timing, counters=self.counters, may_act=self._may_act,
                       watch=self._watch)
        watch = asyncio.create_task(self._end_together(actions, events), name="ami actions watch")
        try:
            # 1. Log in to both links. Events gather from the first log-in on.
            await events.connect_and_login()
            self._events = events
            await actions.connect_and_login()
            await self._wait_until_booted(events)
            # 2. Compare the state. Actions are possible only afterwards, so no command meets an unknown channel.
            await self._resync_state(events, actions)
            self.orders.link, self._connected_links = actions, (events, actions)
            self._end_late_legs()
            self._post(LinkChanged(self._settings.node, up=True))
            log.info("ami.connected", node=self._settings.node)
            if self.fallback is not None:
                self.fallback.note_gap()
            # 3. Remember Asterisk's start time, then handle events until the link is lost.
            self._remember_start()
            while True:
                self._handle_messages(await events.next_events())
        finally:
            watch.cancel()
            self._events = None
            await asyncio.gather(events.close(), actions.close())

    def _remember_start(self) -> None:
        """Have Asterisk's start time and the time of the last read of outage calls stored, after the events so far."""
        if self._remember is not None and self.orders.group is not None and self._started:
            self.orders.group.create_task(self._remember(self._started, self.explained), name="ami start remembered")

    @staticmethod
    async def _end_together(actions: Link, events: Link) -> None:
        events.mark_lost(f"the link of the actions: {await actions.wait_lost()}")

    async def _wait_until_booted(self, events: Link) -> None:
        try:
            async with asyncio.timeout(self._pace.boot):
                while not any(message.name == "FullyBooted" for message in await events.next_events()):
                    pass  # earlier events are part of the snapshot that follows
        except TimeoutError as error:
            raise LinkLost(f"no FullyBooted within {self._pace.boot:.0f} s: Asterisk is still starting, or the AMI "
                           f"user [{self._settings.events.user}] has no read=system in manager.conf") from error

    async def _resync_state(self, events: Link, actions: Link) -> None:
        # 1. Read the state. Each read may take a while, so the engine's view is taken again after the last one.
        before, known_to = {one.contact for one in self._own_live_calls()[0]}, self._find_box_end()
        now = await take_snapshot(events)
        restarted = bool(self._started) and self._started != now.started
        held = await read_holds(events, now, self._own_live_calls()[1])
        recorded = await read_recordings(events, now, self._own_live_calls()[1])
        marked = await stale_consults(events, now, self._own_live_calls()[1])
        contacts, offers = self._own_live_calls()
        # The snapshot does not know callers who came after it. Gathered events tell of their channels.
        judged = [one for one in contacts if one.contact in before or one.contact in now.channels]
        wanted = channels_to_explain(now, judged, offers)
        # 2. Explain with the CEL file what happened while no link was up.
        past = await asyncio.to_thread(self._box.read_past, wanted) if self._box is not None and wanted else {}
        read_at, outage_calls = self._clock(), await self._read_outage_calls(
            contacts, now.channels if restarted else None, known_to)
        # 3. Let the translator begin again from the snapshot, with the dials that go on.
        seats = self._translator.adopt_snapshot(now.agent_legs(), now.bridge_members(), now.devices,
                                                now.channel_contexts(), held)
        self._translator.recordings.adopt_states(recorded)
        dials = [*((one.contact, one.offer) for one in offers if one.dialling),
                 *((one.contact, None) for one in contacts if one.dialling)]
        for contact, offer in dials:
            if (channel := now.channels.get(contact)) is not None:
                self._translator.dials.begin_dial(contact, offer, alive=True, up=channel.state == "Up")
        # 4. Tell the engine the differences, then repair what only Asterisk can repair.
        news = diff_events(now, judged, offers, restarted=restarted, past=past, held=held)
        for event in [*news, *seats, *outage_calls]:
            self._post(event)
        self._post_talks(found_talks(now, offers, contacts, past))
        self._note_explained(read_at, now.started)
        await self.orders.hang_up_strays(stray_legs(now, offers, contacts), actions)
        await self.orders.separate_callers(misbridged_callers(now, contacts), actions)
        await self.orders.unmark_consults(marked, actions)
        # 5. Handle the events that arrived meanwhile.
        self._mark_in_sync(known_to)
        self._handle_messages(events.take_arrived())
        self._count_unseen(contacts, news)
        if self._translator.shown.awaited:
            self._look.set()

    async def _read_outage_calls(self, contacts: Sequence[LiveContact], alive: Collection[str] | None = None,
                                 seen: Mark | None = None) -> list[Event]:
        """Return the calls that have ended and have no record. Live contacts are explained by the comparison.

        A node may have read the same lines before. The engine remembers the last callers only, so the store is asked.
        """
        if self._box is None or self.fallback is None:
            return []
        left_out = self._box.left_out
        found = await asyncio.to_thread(self._box.read_outage_calls, alive, seen)
        if self._box.left_out > left_out:
            log.error("cel.calls_left_out", calls=self._box.left_out - left_out,
                      mend="more calls ended in the gap than one read takes; the oldest have no record")
        live = {one.contact for one in contacts}
        found = [call for call in found if call.uniqueid not in live]
        known = {} if not found or self._recorded is None else await self._recorded(
            [call.uniqueid for call in found], min(call.began for call in found))
        return [record_call(call, self._service_of(call)) for call in find_unrecorded(found, known)]

    def _service_of(self, call: OutageCall) -> ServiceId:
        """Return the service of a call of a gap: the chosen one, that of the called number, or that of all others."""
        services = frozenset() if self.fallback is None else self.fallback.service_ids()
        chosen = (call.service, self._settings.entry_services.get(call.entry, ""))
        return ServiceId(next((one for one in chosen if one in services), self._settings.unknown_service))

    def _note_explained(self, read_at: float, started: str) -> None:
        """Note up to when calls are explained, and by which Asterisk. Calls that are left are read again."""
        self.explained = read_at if self._box is None else min(read_at, self._box.oldest_open)
        if self._box is None or not self._box.has_vanished:
            self._started = started

    def _find_box_end(self) -> Mark | None:
        return None if self._box is None else self._box.find_end()

    def _mark_in_sync(self, known_to: Mark | None) -> None:
        """Note that both views agreed at this end of the black box. Later events may be lost with the link."""
        if self._box is not None and known_to is not None:
            self._box.mark_position(known_to)
            if self._box.clock_was_set and not self._clock_told:
                self._clock_told = True
                log.warning("clock.drift_detected", by_s=round(self._box.set_by_s, 1),
                            mend="the wall clock was changed, and records keep the clock of the node's start. "
                                 "Restart the node when the machine's time is right")
            if trouble := self._box.find_trouble():
                log.warning("cel.read_failed", why=trouble,
                            mend="a call that ends while the link is down gets the time of the next look. "
                                 "Check the folder's owner, group and mode, and [asterisk] cel")

    def _handle_messages(self, messages: Sequence[Message]) -> None:
        self.heard += len(messages)
        for message in messages:
            for event in self._translator.translate_message(message):
                self._post(with_time(event, self._clock() - message.late_s) if message.late_s else event)
                # A talk of the fallback queue has ended, or an unknown caller has left it: record the call soon.
                if isinstance(event, CallerHungUp) and self._box is not None and self._box.is_open_call(event.contact):
                    self._look.set()
                if isinstance(event, OfferRinging | OfferAnswered):
                    self._rung.append((event.offer, message.get("DestUniqueid") or message.get("Uniqueid")))
        if self._rung and self.connected:
            self._end_late_legs()
        for contact, leg in self._translator.take_joined():
            self.orders.rebridge_legs(contact, leg)
        if self._translator.doubts:
            self._look.set()

    def _end_late_legs(self) -> None:
        """End legs that ring for no live offer: their Originate was under way for long, perhaps from another node.

        Such a leg would give a waiting caller to an agent, unseen by the engine, which then offers the caller again. If
        the two talk already, a look at Asterisk decides.
        """
        rung, self._rung = self._rung, []
        live = {one.offer for one in self._live()[1]} if rung else set[OfferId]()
        for offer, leg in rung:
            if offer in live or self._translator.has_ended(leg):
                continue
            if self._translator.has_caller(leg):
                self._look.set()
            else:
                self.orders.end_late_leg(leg)

    def _own_live_calls(self) -> LiveCalls:
        contacts, offers = self._live()
        return [one for one in contacts if one.node in ("", self._settings.node)], offers

    # -- looking -----------------------------------------------------------------------------------------------------

    async def _count_lines(self, classes: Sequence[str]) -> None:
        """Read the lines held by class again and again, for the metrics."""
        while True:
            link = self.orders.link
            try:
                self.lines = {} if link is None else await read_lines(link, classes)
            except LinkError:
                self.lines = {}
            await asyncio.sleep(self._pace.lines)

    async def _report_refusals(self) -> None:
        """Report the refused calls as sums, again and again. Those of the last minute before a stop are lost."""
        while True:
            await asyncio.sleep(self._pace.refusals)
            for event in self._translator.refusals.take_sums():
                self._post(event)
            self._translator.refusals.log_seats()

    async def _run_audits(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._pace.audit):
                    await self._look.wait()
            except TimeoutError:
                pass
            # The request is cleared before the comparison: a request that comes meanwhile causes another one.
            self._look.clear()
            events, actions = self._events, self.orders.link
            if events is None or actions is None:
                continue
            try:
                await self._audit_state(events, actions)
                if self.fallback is not None:
                    await self.fallback.look_once()
            except LinkError as error:
                log.warning("ami.audit_failed", reason=str(error))

    async def _audit_state(self, events: Link, actions: Link) -> None:
        """Compare both views. Only differences that existed before and after the snapshot count."""
        # 1. Take the snapshot between two pauses, so that events under way arrive in time.
        doubts, awaited = set(self._translator.doubts), set(self._translator.shown.awaited)
        before, known_to = self._own_live_calls(), self._find_box_end()
        await asyncio.sleep(self._pace.settle)
        self._translator.phones.begin_list()
        now = await take_snapshot(events)
        await asyncio.sleep(self._pace.settle)
        # The link was lost and replaced meanwhile, so the snapshot is outdated.
        if actions is not self.orders.link:
            return
        # 2. Compare only contacts and offers that did not change meanwhile.
        live, offers = self._own_live_calls()
        known_contacts, known_offers = set(before[0]), set(before[1])
        contacts = [one for one in live if one in known_contacts]
        found = diff_events(now, contacts, [one for one in offers if one in known_offers])
        # 3. Count the faults. A frozen node explains why a caller is in the fallback queue, so that is no fault.
        doubts |= self._count_unseen(contacts, found)
        wrong = [one for one in found if not (isinstance(one, ContactExited | FallbackEntered)
                                              or (isinstance(one, CallerHungUp) and one.contact in doubts))]
        self.mismatches += len(wrong)
        for one in wrong:
            log.warning("ami.state_corrected", kind=type(one).__name__)
        # 4. Correct the engine's view, then what only Asterisk can correct.
        read_at, outage_calls = self._clock(), await self._read_outage_calls(before[0])
        for event in [*found, *outage_calls, *self._translator.phones.apply_list(now.devices)]:
            self._post(event)
        if outage_calls or read_at - self.explained > EXPLAINED_S:
            self._note_explained(read_at, now.started)
            self._remember_start()
        self._translator.doubts -= doubts
        # Contacts that the engine did not take have no channel to come.
        self._translator.shown.settle_contacts(awaited - {one.contact for one in live if not one.shown})
        if self._translator.shown.awaited:
            self._look.set()
        self._mark_in_sync(known_to)
        known = [*before[1], *offers]
        if talks := {leg_id(one.offer, one.contact) for one in found_talks(now, known, contacts)}:
            past = await asyncio.to_thread(self._box.read_past, talks) if self._box is not None else {}
            self._post_talks(found_talks(now, known, contacts, past))
        stray = [leg for leg in stray_legs(now, known, contacts) if not self._translator.has_ended(leg)]
        await self.orders.hang_up_strays(stray, actions)
        await self.orders.separate_callers(misbridged_callers(now, contacts), actions)

    def _post_talks(self, talks: Iterable[TalkFound]) -> None:
        """Report talks whose begin was not seen. The engine connects them, or ends their legs."""
        for talk in talks:
            if not self._translator.has_ended(leg := leg_id(talk.offer, talk.contact)):
                log.warning("ami.talk_found", leg=leg)
                self._post(talk)

    def _count_unseen(self, contacts: Iterable[LiveContact], found: Iterable[Event]) -> set[str]:
        """Return the contacts that these events end and whose channel Asterisk never showed. Count and log them."""
        shown = {one.contact for one in found if isinstance(one, ChannelShown)}
        hidden = {one.contact for one in contacts if not one.shown} - shown
        unseen: set[str] = {one.contact for one in found if isinstance(one, CallerHungUp) and one.contact in hidden}
        self._translator.shown.settle_contacts(ContactId(one) for one in shown | unseen)
        self.unseen += len(unseen)
        for one in unseen:
            log.warning("ami.channel_never_shown", call=one,
                        mend="a question named a call that Asterisk does not have, and no phone rang for it. Look for "
                             "a program on this machine that has read the key of AGI in extensions.conf")
        return unseen
