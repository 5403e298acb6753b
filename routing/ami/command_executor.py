"""Carry out the engine's commands on the AMI link for actions. Results come back as events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from routing.ami.actions import (
    ENDED,
    NORMAL,
    RECORD,
    RECORDING_PAUSED,
    REJECTED,
    TALK,
    Action,
    consult_mark_action,
    hang_up_action,
    hold_action,
    rebridge_actions,
    ring_partner_action,
    set_variable_action,
    taken_action,
    to_action,
    unmark_consult_action,
)
from routing.ami.callback_dialling import (
    DID_NOT_COME,
    HANG_UP_REASONS,
    connect_actions,
    dial_action,
    failed_dial,
    no_caller_action,
)
from routing.ami.errors import LinkError, OutcomeUnknown
from routing.ami.event_translator import EventTranslator
from routing.ami.link import Link, StartedAction
from routing.ami.settings import AsteriskSettings
from routing.ami.wire import BadAction, Message
from routing.core.events import Event, OfferEnded
from routing.core.model.commands import (
    BlindTransfer,
    CancelConsult,
    Command,
    ConnectCallback,
    DialCaller,
    Offer,
    Partner,
    RefreshHold,
    Rescind,
    SetInterrupted,
    StartConsult,
    StopDial,
)
from routing.core.model.ids import ContactId, leg_id, parse_leg_id, parse_partner_leg_id, partner_leg_id
from routing.core.model.reasons import TAKEN

log = structlog.get_logger()

HANGUP_TRIES_MAX = 4
"""Tries of one Hangup, the only action that is safe to repeat.

Asterisk answers an Originate before the channel exists, so a Hangup right after it may find no channel.
"""
STRAY_LEGS_MAX = 20
"""Stray legs hung up after one look. More of them mean that the node's view is wrong, not Asterisk's."""

RecordingName = Callable[[Offer], str]
"""From an offer to the file name of its talk, or an empty text if the talk is not recorded."""
DialAddress = Callable[[str], str]
"""From an encrypted number to a SIP address that leads there, valid for one call."""

_OneAction = Offer | BlindTransfer | StartConsult | CancelConsult | RefreshHold
"""Commands that are one AMI action each."""


class CommandExecutor:
    """Turn commands into actions, each in its own task.

    `link` carries the actions and `group` runs the tasks. Both are None while there is no connection. `look` is set if
    only a look at Asterisk can tell the outcome. `rescind_s` is the pause between tries of one Hangup.
    """

    def __init__(self, settings: AsteriskSettings, translator: EventTranslator, post: Callable[[Event], None],
                 look: asyncio.Event, rescind_s: float, record: RecordingName, way_out: DialAddress | None) -> None:
        self._settings = settings
        self._translator = translator
        self._post = post
        self._look = look
        self._rescind_s = rescind_s
        self._record = record
        self._way_out = way_out
        self.link: Link | None = None
        self.group: asyncio.TaskGroup | None = None
        self._ending: set[asyncio.Future[None]] = set()
        """First tries to end a leg that are under way. An offer waits for them, as it may go to the same phone."""
        self.in_doubt = 0
        """Actions whose outcome had to be looked up."""
        self.refused = 0
        """Commands that Asterisk refused or that could not be sent."""

    def execute_commands(self, commands: Sequence[Command]) -> None:
        """Begin to carry out these commands, in order, without waiting.

        Results come back as events. Every command must be one that the session takes (`AsteriskSession.takes`).
        """
        # An action may be written at once only while no earlier command of this batch waits in a task.
        first = True
        for command in commands:
            if isinstance(command, SetInterrupted):
                continue  # a call has no interruptions
            # 1. Refuse what certainly cannot be done, so the engine goes on at once.
            if isinstance(command, Offer) and (agent := self._agent_without_number(command)):
                for leg in _leg_ids(command):
                    self._translator.discard_leg(leg)
                self._report_failure(command, f"{agent} has no outside number: see santral check", "unreachable",
                                     partner=agent != command.agent)
                continue
            if self.group is None or self.link is None or self.link.is_lost:
                self._report_failure(command, "no link to Asterisk")
                continue
            # 2. Commands of more than one action run in their own tasks.
            name = f"ami {type(command).__name__.lower()}"
            if isinstance(command, DialCaller):
                self.group.create_task(self._dial_caller(command, self.link), name=name)
                continue
            if isinstance(command, ConnectCallback):
                self._translator.dials.end_dial(command.contact)
                self.group.create_task(self._connect_caller(command, self.link), name=name)
                continue
            if isinstance(command, StopDial):
                first = False
                for leg in self._dialled_legs(command.contact, command.reason):
                    self.group.create_task(self._hang_up_leg(leg, self.link), name=name)
                continue
            if isinstance(command, Rescind):
                first = False  # later commands stay behind this one
                if command.reason == DID_NOT_COME:
                    for leg in _leg_ids(command):
                        self.group.create_task(self._announce_no_caller(leg, self.link), name=name)
                legs = [] if command.reason == DID_NOT_COME else _leg_ids(command)
                for leg in legs:
                    if command.talks or command.reason in HANG_UP_REASONS:
                        self.group.create_task(self._hang_up_leg(leg, self.link), name=name)
                    else:
                        self._begin_end(self.group, leg, self.link, name, taken=command.reason == TAKEN)
                for leg in self._dialled_legs(command.contact, command.reason) if command.dialled else []:
                    self.group.create_task(self._hang_up_leg(leg, self.link), name=name)
                continue
            if isinstance(command, Offer) and self._ending:
                first = False
                self.group.create_task(self._offer_after(tuple(self._ending), command, self.link), name=name)
                continue
            if isinstance(command, StartConsult) and not command.on_second_line:
                first = False
                self.group.create_task(self._start_consult(command, self.link), name=name)
                continue
            # 3. All others are one action each, written at once unless an earlier command waits in a task.
            if isinstance(command, Offer):
                self._translator.dials.end_dial(command.contact)
            if isinstance(command, Offer) and command.partner is not None:
                self.group.create_task(self._ring_partner(command, command.partner, self.link), name=name)
            self.group.create_task(self._carry_out(
                command, self.link, self._start_action(command, self.link) if first else None), name=name)

    async def _offer_after(self, ends: Sequence[asyncio.Future[None]], offer: Offer, actions: Link) -> None:
        """Ring the phones of an offer after the first tries to end other legs."""
        await asyncio.wait(ends)
        self._translator.dials.end_dial(offer.contact)
        if offer.partner is not None:
            await self._ring_partner(offer, offer.partner, actions)
        await self._carry_out(offer, actions, None)

    def _dialled_legs(self, contact: ContactId, reason: str) -> list[str]:
        """Return the leg of a caller who is being called back, if that ends too, and forget the dial then."""
        # A caller who has already answered a callback stays on the line and waits for the next agent.
        if reason not in HANG_UP_REASONS and self._translator.dials.is_answered(contact):
            self._translator.dials.release_agent(contact)
            return []
        self._translator.dials.end_dial(contact)
        return [contact]  # a dialled channel has the contact's id

    def _agent_without_number(self, offer: Offer) -> str:
        """Return the first agent of the offer who has no outside number, or an empty text if there is none.

        A remote counsellor who has signed in at a phone of the centre is called there.
        """
        one: Offer | Partner
        house = self._settings.seats or frozenset()
        for one in (offer,) if offer.partner is None else (offer, offer.partner):
            if one.remote and one.seat not in self._settings.remote_seats and one.seat not in house:
                return one.agent
        return ""

    async def _dial_caller(self, command: DialCaller, actions: Link) -> None:
        """Dial a caller. The number is neither here nor in what is sent: see `routing.sip_redirect`."""
        if self._way_out is None or not command.number_encrypted:
            self._report_failure(command, "no way out for callbacks, or no number: see [trunk] outgoing")
            return
        # Noted before the action leaves: the new channel may be reported before the reply.
        self._translator.dials.begin_dial(command.contact, command.offer)
        way_out, box = self._way_out, command.number_encrypted
        await self._ask_asterisk(command, lambda: actions.run_action(
            dial_action(command, way_out(box), self._settings.called)))

    async def _connect_caller(self, command: ConnectCallback, actions: Link) -> None:
        """Connect the agent's legs with the caller. A leg that is gone is reported by its own end."""
        try:
            for action in connect_actions(command):
                await actions.run_action(action)
        except (LinkError, BadAction) as error:
            log.warning("ami.command_failed", command="ConnectCallback", reason=str(error))

    async def _start_consult(self, command: StartConsult, actions: Link) -> None:
        """Mark the agent's leg, then lead the caller away.

        Without the mark the leg would end with the talk, so no caller is led away if the mark fails. If the caller is
        not led away, the mark is removed: it would change the end of the next talk.
        """
        try:
            reply = await actions.run_action(consult_mark_action(command))
            if reply.ok:
                if not await self._carry_out(command, actions, None):
                    await actions.run_action(consult_mark_action(command, on=False))
                return
            why = reply.get("Message")
        except (LinkError, BadAction) as error:
            why = str(error)
        self._report_failure(command, why)
        self._look.set()

    async def _ring_partner(self, offer: Offer, partner: Partner, actions: Link) -> None:
        await self._ask_asterisk(
            offer, lambda: actions.run_action(ring_partner_action(
                offer, partner, self._settings.called, self._settings.pages)), partner=True)

    def _start_action(self, command: _OneAction,
                      actions: Link) -> StartedAction | None:
        """Write the action at once if possible: the offer is stored, and a phone waits."""
        try:
            return actions.start_action(self._action_for(command))
        except BadAction:
            return None  # reported when the command is carried out

    def _action_for(self, command: _OneAction) -> Action:
        return to_action(command, self._settings.called,
                         self._record(command) if isinstance(command, Offer) else "", self._settings.pages)

    async def pause_recording(self, leg: str, on: bool) -> bool:
        """Silence the recording of an agent's leg from now on, or end the silence.

        Return False if nothing is recorded there. If Asterisk cannot silence the recording, the recording ends.

        The leg carries a variable for the pause, set before the pause begins. During a consult the recording stops, and
        the recording that begins afterwards is not paused by itself.

        Raise TimeoutError if the outcome is unknown because Asterisk was not reached or did not answer.
        """
        actions = self.link
        if actions is None:
            raise TimeoutError("no link to Asterisk")
        try:
            # 1. Set the variable first, for a recording that begins again after a consult.
            if on:
                await actions.run_action(set_variable_action(leg, RECORDING_PAUSED, "1"))
            # 2. Silence both directions, or end the silence.
            reply = await actions.run_action({"Action": "MixMonitorMute", "Channel": leg, "Direction": "both",
                                              "State": "1" if on else "0"})
            if reply.ok and not on:
                await actions.run_action(set_variable_action(leg, RECORDING_PAUSED, ""))
            # 3. A recording that cannot be silenced ends: better no recording than a recorded secret.
            if not reply.ok and on:
                reply = await actions.run_action({"Action": "StopMixMonitor", "Channel": leg})
                if reply.ok:
                    await actions.run_action(set_variable_action(leg, RECORD, ""))
        except LinkError as error:
            raise TimeoutError(str(error)) from None
        except BadAction:
            return False
        return reply.ok

    async def hang_up(self, leg: str, refuse: bool = False) -> bool:
        """Hang up an agent's leg as the agent would, or refuse it while it rings.

        Return False if there is no such leg. Raise TimeoutError if the outcome is unknown because Asterisk was not
        reached or did not answer.
        """
        actions = self.link
        if actions is None:
            raise TimeoutError("no link to Asterisk")
        try:
            return (await actions.run_action(hang_up_action(leg, REJECTED if refuse else NORMAL))).ok
        except LinkError as error:
            raise TimeoutError(str(error)) from None
        except BadAction:
            return False

    async def _carry_out(self, command: _OneAction,
                         actions: Link, started: StartedAction | None) -> bool:
        """Carry out a command of one action. Return whether it was done, as far as is known."""
        done = await self._ask_asterisk(
            command, lambda: actions.run_action(self._action_for(command)) if started is None
            else actions.await_reply(started))
        if done is False and isinstance(command, BlindTransfer | StartConsult | CancelConsult):
            self._look.set()  # a caller who waits for the engine and still talks is led away after the look
        return bool(done)

    async def _ask_asterisk(self, command: Command, ask: Callable[[], Awaitable[Message]], *,
                            partner: bool = False) -> bool | None:
        """Return whether Asterisk did it, or None if it was not asked or the outcome is unknown. Report a failure."""
        try:
            reply = await ask()
        except OutcomeUnknown:
            # Never repeat it: the action may have been done, and a phone would ring twice.
            self.in_doubt += 1
            self._look.set()
            return None
        except (LinkError, BadAction) as error:
            self._report_failure(command, str(error), partner=partner)
            return None
        if not reply.ok:
            self._report_failure(command, reply.get("Message"), partner=partner)
        return reply.ok

    def rebridge_legs(self, contact: ContactId, leg: str) -> None:
        """Begin to lead a caller and an agent's leg through the dialplan, after a phone's transfer key has bridged
        them."""
        if self.group is not None and self.link is not None:
            self.group.create_task(self._rebridge_legs(contact, leg, self.link), name="ami joined")

    async def _rebridge_legs(self, contact: ContactId, leg: str, actions: Link) -> None:
        """Separate caller and consultant, whom the dialplan then bridges again at once.

        If this fails, the two go on talking without a recording.
        """
        try:
            for action in rebridge_actions(contact, leg):
                if not (await actions.run_action(action)).ok:
                    return  # one of the two is gone
        except LinkError as error:
            log.warning("ami.command_failed", command="Joined", reason=str(error))

    async def _announce_no_caller(self, leg: str, actions: Link) -> None:
        """Tell the agent's leg that the caller did not come. The leg then ends by itself.

        A leg that stays is a stray leg at the next look.
        """
        try:
            await actions.run_action(no_caller_action(leg))
        except LinkError:
            self._look.set()

    def _begin_end(self, group: asyncio.TaskGroup, leg: str, actions: Link, name: str, *, taken: bool = False) -> None:
        """Begin to end a leg of an offer that is over, unless the leg has its caller. With `taken` an agent who has
        answered hears that another one has the caller."""
        tried = asyncio.get_running_loop().create_future()
        self._ending.add(tried)
        task = group.create_task(self._end_leg(leg, actions, tried, taken), name=name)
        task.add_done_callback(lambda _: self._note_tried(tried))

    def _note_tried(self, tried: asyncio.Future[None]) -> None:
        self._ending.discard(tried)
        if not tried.done():
            tried.set_result(None)

    async def _end_leg(self, leg: str, actions: Link, tried: asyncio.Future[None], taken: bool) -> None:
        for _ in range(HANGUP_TRIES_MAX):
            try:
                ended = await self._end_unless_talking(leg, actions, taken=taken)
            except LinkError:
                self._look.set()  # the next look finds the leg, or its talk
                return
            self._note_tried(tried)
            if ended or self._translator.has_ended(leg):
                return
            await asyncio.sleep(self._rescind_s)

    async def _end_unless_talking(self, leg: str, actions: Link, *, taken: bool = False) -> bool:
        """End a leg, unless it has its caller: then a look at Asterisk finds the talk, and the engine decides.

        A Hangup may arrive late, when the phone was answered long ago. So the leg learns first that it may not begin a
        talk any more (`[santral-fence]`). Return False if there is no such leg. Raise LinkError if the link fails.
        """
        ids = parse_leg_id(leg) or parse_partner_leg_id(leg)
        if ids is not None:
            if not (await actions.run_action(set_variable_action(leg, ENDED, "1"))).ok:
                return False
            reply = await actions.run_action({"Action": "Getvar", "Channel": ids[1], "Variable": TALK})
            if reply.ok and reply.get("Value") == leg_id(*ids):
                log.warning("ami.leg_talks", leg=leg)
                await actions.run_action(set_variable_action(leg, ENDED, ""))
                self._look.set()
                return True
            if taken:
                reply = await actions.run_action({"Action": "Getvar", "Channel": leg, "Variable": "CHANNEL(state)"})
                if reply.get("Value") == "Up":
                    return (await actions.run_action(taken_action(leg))).ok
        return (await actions.run_action(hang_up_action(leg))).ok

    async def _hang_up_leg(self, leg: str, actions: Link) -> None:
        for _ in range(HANGUP_TRIES_MAX):
            try:
                reply = await actions.run_action(hang_up_action(leg))
            except LinkError:
                self._look.set()  # the next look hangs up legs of ended offers
                return
            if reply.ok or self._translator.has_ended(leg):
                return
            await asyncio.sleep(self._rescind_s)

    def _report_failure(self, command: Command, reason: str, outcome: str = "failed", *, partner: bool = False) -> None:
        """Report that certainly nothing was done, because nothing was sent or Asterisk refused."""
        self.refused += 1
        log.warning("ami.command_failed", command=type(command).__name__, reason=reason)
        if isinstance(command, DialCaller):
            self._translator.dials.end_dial(command.contact)
            self._post(failed_dial(command.contact, command.offer, "failed"))
        if isinstance(command, Offer):
            self._translator.discard_leg(partner_leg_id(command.offer, command.contact) if partner else
                                         leg_id(command.offer, command.contact))
            self._post(OfferEnded(command.offer, outcome, partner))

    def end_late_leg(self, leg: str) -> None:
        """Begin to end a leg of an offer that is over."""
        if self.group is not None and self.link is not None:
            log.warning("ami.late_leg_ended", leg=leg)
            self._begin_end(self.group, leg, self.link, "ami late leg")

    async def hang_up_strays(self, legs: Sequence[str], actions: Link) -> None:
        """End stray legs. Raise LinkError if the link fails."""
        for leg in legs[:STRAY_LEGS_MAX]:
            log.warning("ami.stray_leg_ended", leg=leg)
            await self._end_unless_talking(leg, actions)

    async def unmark_consults(self, legs: Sequence[str], actions: Link) -> None:
        """Remove the consult mark from legs whose agent consults nobody. Raise LinkError if the link fails."""
        for leg in legs[:STRAY_LEGS_MAX]:
            log.warning("ami.stale_consult", leg=leg)
            await actions.run_action(unmark_consult_action(leg))

    async def separate_callers(self, callers: Sequence[ContactId], actions: Link) -> None:
        """Lead misbridged callers into the hold loop, where each waits for their own service again. Raise LinkError if
        the link fails."""
        for contact in callers[:STRAY_LEGS_MAX]:
            log.warning("ami.callers_misbridged", call=contact)
            await actions.run_action(hold_action(contact))


def _leg_ids(command: Offer | Rescind) -> list[str]:
    """Return the channel ids of the legs that a command begins or ends."""
    pair = command.pair if isinstance(command, Rescind) else command.partner is not None
    legs = [leg_id(command.offer, command.contact)]
    if pair:
        legs.append(partner_leg_id(command.offer, command.contact))
    return legs
