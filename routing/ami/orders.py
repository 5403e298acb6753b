"""What the engine wants done, carried out on the link of the actions; what comes of it comes back as events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from routing.ami.actions import (
    HUSHED,
    RECORD,
    Action,
    hang_up,
    to_action,
    to_ask,
    to_forget,
    to_hold,
    to_meet,
    to_partner,
    to_set,
)
from routing.ami.dialling import DID_NOT_COME, LET_GO, to_dial, to_join, to_nobody
from routing.ami.errors import LinkError, OutcomeUnknown
from routing.ami.link import Link, Started
from routing.ami.settings import SwitchSettings
from routing.ami.translate import Translator
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
from routing.core.events import CallbackFailed, ContactLeft, Event, OfferEnded
from routing.core.ids import ContactId, leg_id, partner_leg_id

log = structlog.get_logger()

RESCINDS_MAX = 4
"""Tries of one Hangup. It is the one action that is safe to repeat, and needs it: an Originate is answered before its
channel is there, so a Hangup right behind it may find nothing to hang up."""
STRAYS_MAX = 20
"""Stray legs hung up in one look; more of them at once means that our belief is wrong, not theirs."""

Record = Callable[[Offer], str]
"""Name of the file of an offer's talk; empty: it is not recorded."""
WayOut = Callable[[str], str]
"""From an encrypted number to a SIP address that leads there, good for one call."""


class Orders:
    """`link` and `group`: where actions go and what runs them, None while there is none. `look`: set when the outcome
    of something can only be seen by looking. `rescind_s`: between tries of one Hangup."""

    def __init__(self, settings: SwitchSettings, translator: Translator, post: Callable[[Event], None],
                 look: asyncio.Event, rescind_s: float, record: Record, way_out: WayOut | None) -> None:
        self._settings = settings
        self._translator = translator
        self._post = post
        self._look = look
        self._rescind_s = rescind_s
        self._record = record
        self._way_out = way_out
        self.link: Link | None = None
        self.group: asyncio.TaskGroup | None = None
        self.in_doubt = 0
        """Actions whose outcome had to be looked up."""
        self.refused = 0
        """Commands Asterisk refused, or that could not be sent."""

    def execute(self, commands: Sequence[Command]) -> None:
        """Begin to carry these out, in order. Never waits; what comes of them comes back as events. All of them are
        commands that the session takes (`Switch.takes`)."""
        first = True
        for command in commands:
            if isinstance(command, Interrupt):
                continue  # nothing interrupts a call
            if isinstance(command, Offer) and (agent := self._without_number(command)):
                for leg in _legs(command):
                    self._translator.never_was(leg)
                self._failed(command, f"{agent} has no outside number: see santral check", "unreachable",
                             partner=agent != command.agent)
                continue
            if self.group is None or self.link is None or self.link.lost:
                self._failed(command, "no link to Asterisk")
                continue
            name = f"ami {type(command).__name__.lower()}"
            if isinstance(command, Dial):
                self.group.create_task(self._dial(command, self.link), name=name)
                continue
            if isinstance(command, Join):
                self._translator.dials.end(command.contact)
                self.group.create_task(self._join(command, self.link), name=name)
                continue
            if isinstance(command, Rescind):
                first = False  # what comes behind it stays behind it
                if command.reason == DID_NOT_COME:
                    for leg in _legs(command):
                        self.group.create_task(self._nobody(leg, self.link), name=name)
                for leg in self._to_hang_up(command):
                    self.group.create_task(self._rescind(leg, self.link), name=name)
                continue
            if isinstance(command, Consult) and not command.line:
                first = False
                self.group.create_task(self._consult(command, self.link), name=name)
                continue
            if isinstance(command, Offer):
                self._translator.dials.end(command.contact)
            if isinstance(command, Offer) and command.partner is not None:
                self.group.create_task(self._ring_partner(command, command.partner, self.link), name=name)
            self.group.create_task(self._carry_out(
                command, self.link, self._start(command, self.link) if first else None), name=name)

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
        way_out, box = self._way_out, command.box
        await self._asked(command, lambda: actions.action(to_dial(command, way_out(box), self._settings.called)))

    async def _join(self, command: Join, actions: Link) -> None:
        """An agent's leg that is not there (any more) is told of by its own end."""
        try:
            for action in to_join(command):
                await actions.action(action)
        except (LinkError, BadAction) as error:
            log.warning("ami.command_failed", command="Join", reason=str(error))

    async def _consult(self, command: Consult, actions: Link) -> None:
        """First the mark on the agent's leg: without it the leg ends with the talk. Where it cannot be set nobody is
        led away, and where nobody is, it goes: the next time the talk ends it would mean something else."""
        try:
            reply = await actions.action(to_ask(command))
            if reply.ok:
                if not await self._carry_out(command, actions, None):
                    await actions.action(to_ask(command, on=False))
                return
            why = reply.get("Message")
        except (LinkError, BadAction) as error:
            why = str(error)
        self._failed(command, why)
        self._look.set()

    async def _ring_partner(self, offer: Offer, partner: Partner, actions: Link) -> None:
        await self._asked(offer, lambda: actions.action(to_partner(offer, partner, self._settings.called)),
                          partner=True)

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
        When Asterisk cannot silence it, the recording is over. That it is paused stands on the leg, and before it is:
        the agent may ask somebody meanwhile, and what begins again when they are back is not paused by itself. Raises
        TimeoutError: nobody knows, Asterisk was not reached or did not answer."""
        actions = self.link
        if actions is None:
            raise TimeoutError("no link to Asterisk")
        try:
            if on:
                await actions.action(to_set(leg, HUSHED, "1"))
            reply = await actions.action({"Action": "MixMonitorMute", "Channel": leg, "Direction": "both",
                                          "State": "1" if on else "0"})
            if reply.ok and not on:
                await actions.action(to_set(leg, HUSHED, ""))
            if not reply.ok and on:
                reply = await actions.action({"Action": "StopMixMonitor", "Channel": leg})
                if reply.ok:
                    await actions.action(to_set(leg, RECORD, ""))
        except LinkError as error:
            raise TimeoutError(str(error)) from None
        except BadAction:
            return False
        return reply.ok

    async def _carry_out(self, command: Offer | Overflow | SendOn | Consult | TakeBack, actions: Link,
                         started: Started | None) -> bool:
        """Whether it was done, as far as is known."""
        done = await self._asked(command, lambda: actions.action(self._action(command)) if started is None
                                 else actions.reply(started))
        if done is False and isinstance(command, SendOn | Consult | TakeBack):
            self._look.set()  # who waits, for the engine, and talks on is led out of the talk by the look
        elif done and isinstance(command, Overflow):
            self._post(ContactLeft(command.contact, "net"))
        return bool(done)

    async def _asked(self, command: Command, ask: Callable[[], Awaitable[Message]], *,
                     partner: bool = False) -> bool | None:
        """Whether Asterisk did it; None: it was not asked, or nobody knows. What was not done is told."""
        try:
            reply = await ask()
        except OutcomeUnknown:
            self.in_doubt += 1
            self._look.set()
            return None
        except (LinkError, BadAction) as error:
            self._failed(command, str(error), partner=partner)
            return None
        if not reply.ok:
            self._failed(command, reply.get("Message"), partner=partner)
        return reply.ok

    def lead_anew(self, contact: ContactId, leg: str) -> None:
        """Begin to lead a caller and an agent's leg, whom a phone's transfer key has joined, through the dialplan."""
        if self.group is not None and self.link is not None:
            self.group.create_task(self._once_more(contact, leg, self.link), name="ami joined")

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
            await asyncio.sleep(self._rescind_s)

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

    async def end(self, legs: Sequence[str], actions: Link) -> None:
        """Hang up stray legs. Raises LinkError."""
        for leg in legs[:STRAYS_MAX]:
            log.warning("ami.stray_leg", leg=leg)
            await actions.action(hang_up(leg))

    async def forget(self, legs: Sequence[str], actions: Link) -> None:
        """Take the mark off who was marked as asking and asks nobody. Raises LinkError."""
        for leg in legs[:STRAYS_MAX]:
            log.warning("ami.asks_nobody", leg=leg)
            await actions.action(to_forget(leg))

    async def part(self, callers: Sequence[ContactId], actions: Link) -> None:
        """Each into the hold loop, where they wait for their own service again. Raises LinkError."""
        for contact in callers[:STRAYS_MAX]:
            log.warning("ami.strangers", call=contact)
            await actions.action(to_hold(contact))


def _legs(command: Offer | Rescind) -> list[str]:
    """Channel ids of the legs that a command begins or ends."""
    pair = command.pair if isinstance(command, Rescind) else command.partner is not None
    legs = [leg_id(command.offer, command.contact)]
    if pair:
        legs.append(partner_leg_id(command.offer, command.contact))
    return legs
