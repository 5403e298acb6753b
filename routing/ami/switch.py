"""The whole AMI side of a node: two links that live and die together, events in, commands out.

After every connect: log in twice, wait for FullyBooted, let live events gather, take a snapshot, tell the engine the
differences, then what gathered, then `LinkChanged(up=True)`. Nothing is replayed. An action in doubt is settled by
looking (`_look`), and once a minute the two views are laid side by side anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from routing.ami.actions import Action, hang_up, to_action, to_hold, to_meet, to_partner
from routing.ami.blackbox import BlackBox
from routing.ami.dialling import DID_NOT_COME, LET_GO, to_dial, to_join, to_nobody
from routing.ami.errors import AuthFailed, LinkError, LinkLost, OutcomeUnknown
from routing.ami.link import Link, LinkCounters, Login, Started, Timing, backoff
from routing.ami.resync import diff, holds, snapshot, strangers, strays, unclear
from routing.ami.translate import WANTED, ByNumber, Translator
from routing.ami.wire import BadAction, Message
from routing.core.commands import (
    Command,
    Consult,
    Dial,
    Interrupt,
    Join,
    Offer,
    Overflow,
    Partner,
    Rescind,
    SendOn,
    TakeBack,
)
from routing.core.events import CallbackFailed, ContactGone, ContactLeft, Event, LinkChanged, OfferEnded
from routing.core.ids import ContactId, SeatId, leg_id, partner_leg_id
from routing.core.live import LiveContact, LiveOffer
from routing.core.model import Channel

log = structlog.get_logger()

RESCINDS_MAX = 4
"""Tries of one Hangup. It is the one action that is safe to repeat, and needs it: an Originate is answered before its
channel is there, so a Hangup right behind it may find nothing to hang up."""
STRAYS_MAX = 20
"""Stray legs hung up in one look; more of them at once means that our belief is wrong, not theirs."""

Live = tuple[Sequence[LiveContact], Sequence[LiveOffer]]
Record = Callable[[Offer], str]
"""Name of the file of an offer's talk; empty: it is not recorded."""
WayOut = Callable[[str], str]
"""From an encrypted number to a SIP address that leads there, good for one call."""


class SwitchSettings(NamedTuple):
    """Where Asterisk is and how it knows us."""

    node: str
    events: Login
    """AMI user with read=system,call and write=reporting."""
    actions: Login
    """AMI user with write=call,originate,reporting."""
    called: str
    """Number shown beside the service's name on the agents' phones."""
    cel: Path | None = None
    """File written by cel_custom; None: there is none."""
    seats: frozenset[str] | None = None
    """Endpoints that are seats; None: every PJSIP device counts as one."""
    outside: frozenset[SeatId] = frozenset()
    """Endpoints of the remote counsellors who have a number."""
    by_number: ByNumber = lambda number: (None, None)
    """Service and agent to whom a number leads that a phone's transfer key named; neither: nowhere."""


class Pace(NamedTuple):
    """Seconds; tests shorten them."""

    boot: float = 120.0
    """Limit for FullyBooted: a big configuration takes a minute."""
    audit: float = 60.0
    """Never oftener without a reason: reading all channels costs Asterisk its channel lock."""
    settle: float = 1.0
    """Around an audit's snapshot: what is under way then arrives by itself and is no difference."""
    rescind: float = 0.3
    """Between tries of one Hangup."""


class Switch:
    """Runs both links. `post` hands an event to the engine, `live` says what the engine believes to be alive. `started`
    is what `remember` was told last, by this process or the one before it: when Asterisk began, so that calls which
    went away with it are known as such even when nobody looked meanwhile."""

    def __init__(self, settings: SwitchSettings, post: Callable[[Event], None], live: Callable[[], Live], *,
                 timing: Timing | None = None, pace: Pace | None = None, started: str = "",
                 remember: Callable[[str], Coroutine[Any, Any, None]] | None = None,
                 record: Record = lambda offer: "", way_out: WayOut | None = None) -> None:
        self._settings = settings
        self._post = post
        self._live = live
        self._timing = timing or Timing()
        self._pace = pace or Pace()
        self._box = BlackBox(settings.cel) if settings.cel else None
        seats = settings.seats
        # Every caller's end is told, known or not: the engine may hear of the queue entry after it.
        self._translator = Translator(lambda uniqueid: True, (lambda seat: seat in seats) if seats is not None
                                      else (lambda seat: True), settings.outside, settings.by_number)
        self._events: Link | None = None
        self._actions: Link | None = None
        self._group: asyncio.TaskGroup | None = None
        self._look = asyncio.Event()
        self._started = started
        self._remember = remember
        self._record = record
        self._way_out = way_out
        self.counters = LinkCounters()
        self.reconnects = 0
        """Connections lost, or not come to be, since the start."""
        self.heard = 0
        """Events read, of the kinds that are asked for."""
        self.mismatches = 0
        """Differences an audit found while the link was up: each is a bug, or an event forged or lost."""
        self.in_doubt = 0
        """Actions whose outcome had to be looked up."""
        self.refused = 0
        """Commands Asterisk refused, or that could not be sent."""

    @property
    def connected(self) -> bool:
        """Both links are up and the state is read."""
        return self._actions is not None

    @property
    def pong_s(self) -> float:
        """Round trip of the last ping on the link of the actions."""
        return self._actions.pong_s if self._actions else 0.0

    def metrics(self) -> dict[str, float]:
        """Everything countable, by name."""
        return {"link_up": float(self.connected), "reconnects": self.reconnects, "heard": self.heard,
                "mismatches": self.mismatches,
                "in_doubt": self.in_doubt, "refused": self.refused, "tainted": self.counters.tainted,
                "dropped": self.counters.dropped, "replaced": self.counters.replaced,
                "orphans": self.counters.orphans, "overflows": self.counters.overflows, "pong_seconds": self.pong_s}

    async def run(self) -> None:
        """Work until cancelled. Raises AuthFailed (in an ExceptionGroup of the TaskGroup) when trying is of no use."""
        async with asyncio.TaskGroup() as group:
            self._group = group
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
                self._actions = None
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
            self._actions = actions
            self._post(LinkChanged(self._settings.node, up=True))
            log.info("ami.up", node=self._settings.node)
            if self._remember is not None and self._group is not None and self._started:
                self._group.create_task(self._remember(self._started), name="ami start remembered")
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
        contacts, offers = self._mine()
        wanted = unclear(now, contacts, offers)
        past = await asyncio.to_thread(self._box.past, wanted) if self._box is not None and wanted else {}
        seats = self._translator.adopt(now.legs(), now.bridges(), now.devices, now.places(), held)
        for one in offers:
            if one.dialling and (channel := now.channels.get(one.contact)) is not None:
                self._translator.dials.begin(one.contact, one.offer, alive=True, up=channel.state == "Up")
        for event in [*diff(now, contacts, offers, restarted=restarted, past=past, held=held), *seats]:
            self._post(event)
        await self._hang_up(strays(now, offers, contacts), actions)
        await self._part(strangers(now, contacts), actions)
        self._mark()
        self._handle(events.arrived())

    def _mark(self) -> None:
        """Both views agree now. Not when a link is lost: a silent one has been deaf for seconds by then."""
        if self._box is not None:
            self._box.mark()
            if trouble := self._box.trouble():
                log.warning("blackbox.unreadable", why=trouble, mend="calls that end in a gap get the time they were "
                            "missed at; see the folder's owner, group and mode, and [asterisk] cel")

    def _handle(self, messages: Sequence[Message]) -> None:
        self.heard += len(messages)
        for message in messages:
            for event in self._translator.translate(message):
                self._post(event)
        for contact, leg in self._translator.take_joined():
            if self._group is not None and self._actions is not None:
                self._group.create_task(self._once_more(contact, leg, self._actions), name="ami joined")
        if self._translator.doubts:
            self._look.set()

    def _mine(self) -> Live:
        contacts, offers = self._live()
        return [one for one in contacts if one.node in ("", self._settings.node)], offers

    # -- commands ----------------------------------------------------------------------------------------------------

    def execute(self, commands: Sequence[Command]) -> None:
        """Begin to carry these out, in order. Never waits; what comes of them comes back as events."""
        first = True
        for command in commands:
            if isinstance(command, Interrupt) or not _is_call(command) \
                    or command.node not in ("", self._settings.node):
                continue
            if isinstance(command, Offer) and (agent := self._without_number(command)):
                for leg in _legs(command):
                    self._translator.never_was(leg)
                self._failed(command, f"{agent} has no outside number: see santral check", "unreachable",
                             partner=agent != command.agent)
                continue
            if self._group is None or self._actions is None or self._actions.lost:
                self._failed(command, "no link to Asterisk")
                continue
            name = f"ami {type(command).__name__.lower()}"
            if isinstance(command, Dial):
                self._group.create_task(self._dial(command, self._actions), name=name)
                continue
            if isinstance(command, Join):
                self._translator.dials.end(command.contact)
                self._group.create_task(self._join(command, self._actions), name=name)
                continue
            if isinstance(command, Rescind):
                first = False  # what comes behind it stays behind it
                if command.reason == DID_NOT_COME:
                    for leg in _legs(command):
                        self._group.create_task(self._nobody(leg, self._actions), name=name)
                for leg in self._to_hang_up(command):
                    self._group.create_task(self._rescind(leg, self._actions), name=name)
                continue
            if isinstance(command, Offer):
                self._translator.dials.end(command.contact)
            if isinstance(command, Offer) and command.partner is not None:
                self._group.create_task(self._ring_partner(command, command.partner, self._actions), name=name)
            self._group.create_task(self._carry_out(
                command, self._actions, self._start(command, self._actions) if first else None), name=name)

    def _to_hang_up(self, command: Rescind) -> list[str]:
        """The legs of an offer that is taken back, and the caller's where they were being called back for it."""
        legs = _legs(command) if command.reason != DID_NOT_COME else []
        if command.dialled and (command.reason in LET_GO or not self._translator.dials.up(command.contact)):
            self._translator.dials.end(command.contact)
            legs.append(command.contact)  # the channel of a caller who is dialled has the contact's id
        return legs

    def _without_number(self, offer: Offer) -> str:
        """Who of those to be called has no outside number; empty: nobody. A remote counsellor who has signed in at a
        phone of the house is called there."""
        one: Offer | Partner
        house = self._settings.seats or frozenset()
        for one in (offer,) if offer.partner is None else (offer, offer.partner):
            if one.outside and one.seat not in self._settings.outside and one.seat not in house:
                return one.agent
        return ""

    async def _dial(self, command: Dial, actions: Link) -> None:
        """The number is not here, nor in what is sent: see `routing.redirect`."""
        if self._way_out is None or not command.box:
            self._failed(command, "no way out for callbacks, or no number: see [trunk] outgoing")
            return
        self._translator.dials.begin(command.contact, command.offer)
        try:
            reply = await actions.action(to_dial(command, self._way_out(command.box), self._settings.called))
        except OutcomeUnknown:
            self.in_doubt += 1
            self._look.set()
        except (LinkError, BadAction) as error:
            self._failed(command, str(error))
        else:
            if not reply.ok:
                self._failed(command, reply.get("Message"))

    async def _join(self, command: Join, actions: Link) -> None:
        """An agent's leg that is not there (any more) is told of by its own end."""
        try:
            for action in to_join(command):
                await actions.action(action)
        except (LinkError, BadAction) as error:
            log.warning("ami.command_failed", command="Join", reason=str(error))

    async def _ring_partner(self, offer: Offer, partner: Partner, actions: Link) -> None:
        try:
            reply = await actions.action(to_partner(offer, partner, self._settings.called))
        except OutcomeUnknown:
            self.in_doubt += 1
            self._look.set()
        except (LinkError, BadAction) as error:
            self._failed(offer, str(error), partner=True)
        else:
            if not reply.ok:
                self._failed(offer, reply.get("Message"), partner=True)

    def _start(self, command: Offer | Overflow | SendOn | Consult | TakeBack, actions: Link) -> Started | None:
        """Written at once where possible: the offer is stored, and a phone waits."""
        try:
            return actions.start(self._action(command))
        except BadAction:
            return None  # told when it is carried out

    def _action(self, command: Offer | Overflow | SendOn | Consult | TakeBack) -> Action:
        return to_action(command, self._settings.called,
                         self._record(command) if isinstance(command, Offer) else "")

    async def hush(self, leg: str, on: bool) -> bool:
        """Silence in the recording of an agent's leg from now on, or an end to it. False: nothing is recorded there.
        When Asterisk cannot silence it, the recording is stopped. Raises TimeoutError: nobody knows, Asterisk was
        not reached or did not answer."""
        actions = self._actions
        if actions is None:
            raise TimeoutError("no link to Asterisk")
        try:
            reply = await actions.action({"Action": "MixMonitorMute", "Channel": leg, "Direction": "both",
                                          "State": "1" if on else "0"})
            if not reply.ok and on:
                reply = await actions.action({"Action": "StopMixMonitor", "Channel": leg})
        except LinkError as error:
            raise TimeoutError(str(error)) from None
        except BadAction:
            return False
        return reply.ok

    async def _carry_out(self, command: Offer | Overflow | SendOn | Consult | TakeBack, actions: Link,
                         started: Started | None) -> None:
        try:
            reply = await (actions.action(self._action(command)) if started is None
                           else actions.reply(started))
        except OutcomeUnknown:
            self.in_doubt += 1
            self._look.set()
        except (LinkError, BadAction) as error:
            self._failed(command, str(error))
        else:
            if not reply.ok:
                self._failed(command, reply.get("Message"))
                if isinstance(command, SendOn | Consult | TakeBack):
                    self._look.set()  # who waits, for the engine, and talks on is led out of the talk by the look
            elif isinstance(command, Overflow):
                self._post(ContactLeft(command.contact, "net"))

    async def _once_more(self, contact: ContactId, leg: str, actions: Link) -> None:
        """Who was asked comes for the caller at once, by the dialplan. When this fails the two go on talking, without a
        recording."""
        try:
            for action in to_meet(contact, leg):
                if not (await actions.action(action)).ok:
                    return  # one of the two is gone
        except LinkError as error:
            log.warning("ami.command_failed", command="Joined", reason=str(error))

    async def _nobody(self, leg: str, actions: Link) -> None:
        """The agent has waited for a caller who did not come: they hear so, and the leg ends. A leg that does not is a
        stray one at the next look."""
        try:
            await actions.action(to_nobody(leg))
        except LinkError:
            self._look.set()

    async def _rescind(self, leg: str, actions: Link) -> None:
        for _ in range(RESCINDS_MAX):
            try:
                reply = await actions.action(hang_up(leg))
            except LinkError:
                self._look.set()  # a leg of an offer that is over is hung up by the next look
                return
            if reply.ok or self._translator.is_over(leg):
                return
            await asyncio.sleep(self._pace.rescind)

    def _failed(self, command: Command, reason: str, outcome: str = "failed", *, partner: bool = False) -> None:
        """Nothing was done: surely, because nothing was sent or Asterisk said so."""
        self.refused += 1
        log.warning("ami.command_failed", command=type(command).__name__, reason=reason)
        if isinstance(command, Dial):
            self._translator.dials.end(command.contact)
            self._post(CallbackFailed(command.offer, "failed"))
        if isinstance(command, Offer):
            self._translator.never_was(partner_leg_id(command.offer, command.contact) if partner else
                                       leg_id(command.offer, command.contact))
            self._post(OfferEnded(command.offer, outcome, partner))

    async def _hang_up(self, legs: Sequence[str], actions: Link) -> None:
        for leg in legs[:STRAYS_MAX]:
            log.warning("ami.stray_leg", leg=leg)
            await actions.action(hang_up(leg))

    async def _part(self, callers: Sequence[ContactId], actions: Link) -> None:
        """Each into the hold loop, where they wait for their own service again."""
        for contact in callers[:STRAYS_MAX]:
            log.warning("ami.strangers", call=contact)
            await actions.action(to_hold(contact))

    # -- looking -----------------------------------------------------------------------------------------------------

    async def _audits(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._pace.audit):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            events, actions = self._events, self._actions
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
        if actions is not self._actions:
            return
        contacts, offers = self._mine()
        contacts = [one for one in contacts if one in set(before[0])]
        found = diff(now, contacts, [one for one in offers if one in set(before[1])])
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
        await self._hang_up([leg for leg in strays(now, known, contacts) if not self._translator.is_over(leg)], actions)
        await self._part(strangers(now, contacts), actions)


def _legs(command: Offer | Rescind) -> list[str]:
    """Channel ids of the legs that a command begins or ends."""
    pair = command.pair if isinstance(command, Rescind) else command.partner is not None
    legs = [leg_id(command.offer, command.contact)]
    if pair:
        legs.append(partner_leg_id(command.offer, command.contact))
    return legs


def _is_call(command: Command) -> bool:
    """Whether a telephone has to do with it. Messages ring no phone, and a contact without a caller's channel (a
    message, a callback) cannot be sent to the safety net."""
    if isinstance(command, Offer | Rescind):
        return command.channel is Channel.VOICE
    return bool(command.leg) if isinstance(command, Overflow) else not isinstance(command, Interrupt)
