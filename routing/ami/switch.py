"""The AMI side of a node: two links that live and die together; events in, and looks at what is there. What goes out is
`orders`.

After every connect: log in twice, wait for FullyBooted, let live events gather, take a snapshot, tell the engine the
differences, then what gathered, then `LinkChanged(up=True)`. Nothing is replayed. An action in doubt is settled by
looking (`_look`), and once a minute the two views are laid side by side anyway.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from routing.ami.blackbox import CLOCKS_APART_S, BlackBox
from routing.ami.errors import AuthFailed, LinkError, LinkLost
from routing.ami.link import Link, LinkCounters, Timing, backoff
from routing.ami.orders import Orders, Record, WayOut
from routing.ami.resync import asks_nobody, diff, holds, snapshot, strangers, strays, unclear
from routing.ami.settings import Pace, SwitchSettings
from routing.ami.translate import WANTED, Translator
from routing.ami.wire import Message
from routing.core.commands import Command, Overflow
from routing.core.events import ContactGone, ContactLeft, Event, LinkChanged
from routing.core.live import LiveContact, LiveOffer
from routing.core.model import PHONE_CHANNELS, Channel

log = structlog.get_logger()

Live = tuple[Sequence[LiveContact], Sequence[LiveOffer]]


class Switch:
    """Runs both links. `post` hands an event to the engine, `live` says what the engine believes to be alive. `started`
    is what `remember` was told last, by this process or the one before it: when Asterisk began, so that calls which
    went away with it are known as such even when nobody looked meanwhile."""

    def __init__(self, settings: SwitchSettings, post: Callable[[Event], None], live: Callable[[], Live], *,
                 timing: Timing | None = None, pace: Pace | None = None, started: str = "",
                 remember: Callable[[str], Coroutine[Any, Any, None]] | None = None,
                 record: Record = lambda offer: "", way_out: WayOut | None = None,
                 clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._post = post
        self._live = live
        self._timing = timing or Timing()
        self._pace = pace or Pace()
        self._box = BlackBox(settings.cel, clock) if settings.cel else None
        seats = settings.seats
        # Every caller's end is told, known or not: the engine may hear of the queue entry after it.
        self._translator = Translator(lambda uniqueid: True, (lambda seat: seat in seats) if seats is not None
                                      else (lambda seat: True), settings.outside, settings.by_number)
        self._events: Link | None = None
        self._clock_told = False
        self._look = asyncio.Event()
        self.orders = Orders(settings, self._translator, post, self._look, self._pace.rescind, record, way_out)
        self._started = started
        self._remember = remember
        self.counters = LinkCounters()
        self.reconnects = 0
        """Connections lost, or not come to be, since the start."""
        self.heard = 0
        """Events read, of the kinds that are asked for."""
        self.mismatches = 0
        """Differences an audit found while the link was up: each is a bug, or an event forged or lost."""

    @property
    def channels(self) -> frozenset[Channel]:
        """Return the channels of Asterisk: all that need a phone."""
        return PHONE_CHANNELS

    def takes(self, command: Command) -> bool:
        """Return whether the command is about a call on this Asterisk. A callback without a caller's channel
        cannot be sent to the safety net."""
        return command.channel in PHONE_CHANNELS and command.node in ("", self._settings.node) \
            and (not isinstance(command, Overflow) or bool(command.leg))

    def execute(self, commands: Sequence[Command]) -> None:
        """Begin to carry these out, in order."""
        self.orders.execute(commands)

    def live(self) -> None:
        """Return None: the session itself compares both views after every connect and once a minute."""

    @property
    def connected(self) -> bool:
        """Both links are up and the state is read."""
        return self.orders.link is not None

    @property
    def pong_s(self) -> float:
        """Round trip of the last ping on the link of the actions."""
        return self.orders.link.pong_s if self.orders.link else 0.0

    def metrics(self) -> dict[str, float]:
        """Everything countable, by name."""
        return {"link_up": float(self.connected), "reconnects": self.reconnects, "heard": self.heard,
                "mismatches": self.mismatches,
                "in_doubt": self.orders.in_doubt, "refused": self.orders.refused, "tainted": self.counters.tainted,
                "dropped": self.counters.dropped, "replaced": self.counters.replaced,
                "orphans": self.counters.orphans, "overflows": self.counters.overflows, "pong_seconds": self.pong_s}

    async def run(self) -> None:
        """Work until cancelled. Raises AuthFailed (in an ExceptionGroup of the TaskGroup) when trying is of no use."""
        async with asyncio.TaskGroup() as group:
            self.orders.group = group
            group.create_task(self._stay_connected(), name="ami links")
            group.create_task(self._audits(), name="ami audits")

    def resync(self, reason: str) -> None:
        """Read everything anew: our own side has lost something (the inbox was full)."""
        if self._events is not None:
            self._events.fail(reason)

    # -- connections -------------------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        waits = backoff()
        while True:
            try:
                await self._connection()
            except AuthFailed:
                raise
            except LinkError as error:
                log.warning("ami.lost", node=self._settings.node, reason=str(error), was_up=self.connected)
            if self.connected:
                waits = backoff()
                self.orders.link = None
                self._post(LinkChanged(self._settings.node, up=False))
            self.reconnects += 1
            await asyncio.sleep(next(waits))

    async def _connection(self) -> None:
        """One pair of links, from log-in to loss. Always raises."""
        events = Link(self._settings.events, WANTED, timing=self._timing, counters=self.counters)
        actions = Link(self._settings.actions, timing=self._timing, counters=self.counters)
        watch = asyncio.create_task(self._together(actions, events), name="ami actions watch")
        try:
            await events.open()
            self._events = events
            await actions.open()
            await self._booted(events)
            await self._resync(events, actions)
            self.orders.link = actions
            self._post(LinkChanged(self._settings.node, up=True))
            log.info("ami.up", node=self._settings.node)
            if self._remember is not None and self.orders.group is not None and self._started:
                self.orders.group.create_task(self._remember(self._started), name="ami start remembered")
            while True:
                self._handle(await events.events())
        finally:
            watch.cancel()
            self._events = None
            await asyncio.gather(events.close(), actions.close())

    @staticmethod
    async def _together(actions: Link, events: Link) -> None:
        events.fail(f"the link of the actions: {await actions.wait_lost()}")

    async def _booted(self, events: Link) -> None:
        try:
            async with asyncio.timeout(self._pace.boot):
                while not any(message.name == "FullyBooted" for message in await events.events()):
                    pass  # what came before is part of the snapshot that follows
        except TimeoutError as error:
            raise LinkLost(f"no FullyBooted within {self._pace.boot:.0f} s: Asterisk still starts, or the AMI user "
                           f"[{self._settings.events.user}] has no read=system in manager.conf") from error

    async def _resync(self, events: Link, actions: Link) -> None:
        now = await snapshot(events)
        restarted = bool(self._started) and self._started != now.started
        self._started = now.started
        held = await holds(events, now, self._mine()[1])
        marked = await asks_nobody(events, now, self._mine()[1])
        contacts, offers = self._mine()
        wanted = unclear(now, contacts, offers)
        past = await asyncio.to_thread(self._box.past, wanted) if self._box is not None and wanted else {}
        seats = self._translator.adopt(now.legs(), now.bridges(), now.devices, now.places(), held)
        for one in offers:
            if one.dialling and (channel := now.channels.get(one.contact)) is not None:
                self._translator.dials.begin(one.contact, one.offer, alive=True, up=channel.state == "Up")
        for event in [*diff(now, contacts, offers, restarted=restarted, past=past, held=held), *seats]:
            self._post(event)
        await self.orders.end(strays(now, offers, contacts), actions)
        await self.orders.part(strangers(now, contacts), actions)
        await self.orders.forget(marked, actions)
        self._mark()
        self._handle(events.arrived())

    def _mark(self) -> None:
        """Both views agree now. Not when a link is lost: a silent one has been deaf for seconds by then."""
        if self._box is not None:
            self._box.mark()
            if abs(self._box.set_by_s) > CLOCKS_APART_S and not self._clock_told:
                self._clock_told = True
                log.warning("clock.differs", by_s=round(self._box.set_by_s, 1), mend="the wall clock was set; records "
                            "keep that of the node's start. Restart the node when the machine's time is right")
            if trouble := self._box.trouble():
                log.warning("blackbox.unreadable", why=trouble, mend="calls that end in a gap get the time they were "
                            "missed at; see the folder's owner, group and mode, and [asterisk] cel")

    def _handle(self, messages: Sequence[Message]) -> None:
        self.heard += len(messages)
        for message in messages:
            for event in self._translator.translate(message):
                self._post(event)
        for contact, leg in self._translator.take_joined():
            self.orders.lead_anew(contact, leg)
        if self._translator.doubts:
            self._look.set()

    def _mine(self) -> Live:
        contacts, offers = self._live()
        return [one for one in contacts if one.node in ("", self._settings.node)], offers

    # -- looking -----------------------------------------------------------------------------------------------------

    async def _audits(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._pace.audit):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            events, actions = self._events, self.orders.link
            if events is None or actions is None:
                continue
            try:
                await self._audit(events, actions)
            except LinkError as error:
                log.warning("ami.audit_failed", reason=str(error))

    async def _audit(self, events: Link, actions: Link) -> None:
        """Lay both views side by side. Only what was believed before the snapshot and still is after it counts."""
        doubts = set(self._translator.doubts)
        before = self._mine()
        await asyncio.sleep(self._pace.settle)
        self._translator.phones.look()
        now = await snapshot(events)
        await asyncio.sleep(self._pace.settle)
        if actions is not self.orders.link:
            return
        contacts, offers = self._mine()
        known_contacts, known_offers = set(before[0]), set(before[1])
        contacts = [one for one in contacts if one in known_contacts]
        found = diff(now, contacts, [one for one in offers if one in known_offers])
        # Into the net a caller goes without our doing, when the node was frozen: nothing was missed.
        wrong = [one for one in found if not (isinstance(one, ContactLeft)
                                              or (isinstance(one, ContactGone) and one.contact in doubts))]
        self.mismatches += len(wrong)
        for one in wrong:
            log.warning("ami.mismatch", kind=type(one).__name__)
        for event in [*found, *self._translator.phones.listed(now.devices)]:
            self._post(event)
        self._translator.doubts -= doubts
        self._mark()
        known = [*before[1], *offers]
        stray = [leg for leg in strays(now, known, contacts) if not self._translator.is_over(leg)]
        await self.orders.end(stray, actions)
        await self.orders.part(strangers(now, contacts), actions)
