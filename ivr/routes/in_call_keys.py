"""List the keys that an agent presses during a talk, and carry them out.

`IN_CALL_KEYS` has one row for each key. The files of Asterisk, this route and the table of keys in `docs/reference` are
made from these rows.

The dialplan collects the number and asks the node. It plays the answer from `ACD_SAY`, so the node needs milliseconds,
and a frozen node costs no talk. Numbers are short and internal: a service's number in services.yaml, or an agent's
sign-in number. Nothing else can be reached.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from ivr import dialplan
from ivr.agi.session import Session
from ivr.caller.preferences import NoPreferences, PreferenceStore
from ivr.routes import abuse_flag
from ivr.routes.feature_codes import WILL_COME
from ivr.sounds import Sounds, prompt_files
from routing.core.events import (
    ConsultEndRequested,
    ConsultRequested,
    FollowUpAgreed,
    TransferRequested,
    WrapUpRequested,
)
from routing.core.inbox import Inbox, InboxClosed
from routing.core.memory.transfer_warnings import TransferWarnings
from routing.core.model.centre_model import AgentState
from routing.core.model.errors import (
    EntersDistress,
    LeavesDistress,
    NobodyThere,
    NoCallback,
    NotNow,
    NotOpen,
    NotThere,
    Refused,
    ToConfirm,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, leg_id, parse_leg_id

DONE, ASKED, CONSULT_CANCELLED = "aktarma-tamam", "aktarma-soruluyor", "aktarma-geri"
NO_NUMBER, CLOSED, NOT_THERE, NOBODY, INTO_DISTRESS, OUT_OF_DISTRESS = (
    "aktarma-numara-yok", "aktarma-kapali", "aktarma-alamiyor", "aktarma-kimse-yok", "aktarma-zora", "aktarma-zordan")
AGREED, WITHDRAWN, CANNOT = "takip-tamam", "takip-iptal", "takip-olmaz"
PREFERENCE_SAVED, PREFERENCE_DROPPED, PREFERENCE_REFUSED = "istek-tamam", "istek-iptal", "istek-olmaz"
NOT_NOW, NO_SYSTEM, NOT_ALLOWED = "kod-simdi-olmaz", "kod-sistem-yok", "agent/not-allowed"

SECOND_LINE = "line"
"""Argument of the route for a consult that is dialled on a second line of the phone. No key has this name."""

log = structlog.get_logger(__name__)


class TransferTarget(NamedTuple):
    """Target of a transfer number: a service or an agent."""

    service: ServiceId | None = None
    agent: AgentId | None = None


ByNumber = Callable[[str], TransferTarget | None]
CanCall = Callable[[OfferId], bool]
"""Return whether the caller of an offer can be called back, at the number of the call or at an agreed one."""


class KeyPress(NamedTuple):
    """A key pressed in a talk."""

    offer: OfferId
    contact: ContactId
    number: str = ""
    """Digits that the agent has keyed in afterwards."""


class UnknownNumber(LookupError):
    """The number is no service and no agent."""


class InCallKeys:
    """Endpoint of `agi://node/in-call-key,<name>,<number>,<leg>`. A separate channel asks for the agent's leg.

    The name is that of a row of `IN_CALL_KEYS`, or `line`: a consult that is dialled on a second line of the phone
    while the talk is on the first.
    """

    def __init__(self, inbox: Inbox, sounds: Sounds, by_number: ByNumber, abuses: abuse_flag.AbuseFlags,
                 can_call: CanCall = lambda offer: True, wishes: PreferenceStore | None = None) -> None:
        self.inbox, self.sounds, self.by_number, self.can_call = inbox, sounds, by_number, can_call
        self.abuses, self.wishes, self.warnings = abuses, wishes or NoPreferences(), TransferWarnings()

    async def handle_key(self, session: Session) -> None:
        """Carry out the key, and return the prompt with the result to the dialplan."""
        name = session.argument_at(1)
        if name == SECOND_LINE:
            spoken = await self._consult_on_line(session)
        else:
            key = next((one for one in IN_CALL_KEYS if one.name == name), None)
            spoken = await self._carry_out(key, session, session.argument_at(3))
        await session.set_variable(dialplan.SAY, "&".join(prompt_files(self.sounds, (spoken,) if spoken else ())))
        await session.set_variable(dialplan.NEXT, dialplan.HOLD)

    async def _consult_on_line(self, session: Session) -> str:
        """Consult a colleague on a second line, and return the prompt. Without a talk no number may be dialled."""
        seat = await session.get_variable(dialplan.SEAT)
        view = self.inbox.agent_at_seat(SeatId(seat)) if seat else None
        if view is None or view.state is not AgentState.TALKING or view.offer is None or view.contact is None:
            return NOT_ALLOWED
        leg = leg_id(view.offer, view.contact)
        name = dialplan.SECOND_LINE.format(leg=leg)
        if await session.get_variable(name):
            # The agent consults somebody on another line already.
            return NOT_NOW
        # Store the line's name before anybody is called: a phone that answers by itself needs it at once.
        await session.set_variable(dialplan.CONSULTING_LEG, leg)
        await session.set_variable(dialplan.CONSULT_BACK.format(leg=leg), "")
        await session.set_variable(name, session.channel)
        spoken = await self._carry_out(LINE_KEY, session, leg)
        # The consult was refused, so nothing may look like a consulting line.
        if spoken != ASKED:
            await session.set_variable(name, "")
            await session.set_variable(dialplan.CONSULTING_LEG, "")
        return spoken

    async def _carry_out(self, key: InCallKey | None, session: Session, leg: str) -> str:
        """Carry out a key that was pressed on the leg of an agent, and return the prompt with the result."""
        talk = parse_leg_id(leg)
        if key is None or key.action is None or talk is None:
            return NOT_NOW
        try:
            return await key.action(self, KeyPress(*talk, session.argument_at(2))) or key.said
        except UnknownNumber:
            return NO_NUMBER
        except NotOpen:
            return CLOSED
        except NotThere:
            return NOT_THERE
        except ToConfirm as error:
            return TO_CONFIRM[type(error)]
        except NoCallback:
            return CANNOT
        except Refused:
            return NOT_NOW
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_timed_out", call=session.uniqueid)
            return NO_SYSTEM

    # -- one action for each key: it raises `Refused`, or returns a prompt that replaces that of the row ------------

    def find_target(self, number: str) -> TransferTarget:
        """Return the service or agent of a number. Raise `UnknownNumber` if there is none."""
        found = self.by_number(number)
        if found is None:
            raise UnknownNumber
        return found

    async def _ask_confirmed(self, event: TransferRequested | ConsultRequested) -> None:
        """Ask for a transfer. The same key and number within some seconds confirm one that is asked back."""
        target = event.offer, event.service, event.to
        try:
            await self.inbox.ask(event._replace(confirmed=self.warnings.is_confirmed(target, self.inbox.now())))
        except ToConfirm:
            self.warnings.note_warning(target, self.inbox.now())
            raise

    async def transfer_caller(self, press: KeyPress) -> None:
        """Transfer the caller blindly."""
        await self._ask_confirmed(TransferRequested(press.offer, *self.find_target(press.number)))

    async def start_consult(self, press: KeyPress) -> None:
        """Consult a colleague about the caller."""
        await self._ask_confirmed(ConsultRequested(press.offer, *self.find_target(press.number)))

    async def start_line_consult(self, press: KeyPress) -> None:
        """Consult a colleague on a second line of the phone."""
        await self._ask_confirmed(ConsultRequested(press.offer, *self.find_target(press.number), on_second_line=True))

    async def cancel_consult(self, press: KeyPress) -> None:
        """Return to the caller."""
        await self.inbox.ask(ConsultEndRequested(press.offer))

    async def agree_follow_up(self, press: KeyPress) -> None:
        """Note that the caller wants a callback if the call is lost."""
        if not self.can_call(press.offer):
            raise NoCallback
        await self.inbox.ask(FollowUpAgreed(press.offer))

    async def withdraw_follow_up(self, press: KeyPress) -> None:
        """Note that the caller no longer wants this callback."""
        await self.inbox.ask(FollowUpAgreed(press.offer, False))

    async def prefer_person(self, press: KeyPress) -> str:
        """Save that the caller wants a person at once in later calls."""
        return "" if await self.wishes.save_for_contact(press.contact, human_first=True) else PREFERENCE_REFUSED

    async def prefer_menu(self, press: KeyPress) -> str:
        """Save that the caller no longer wants this."""
        return "" if await self.wishes.save_for_contact(press.contact, human_first=False) else PREFERENCE_REFUSED

    async def request_wrapup(self, press: KeyPress) -> None:
        """Request a wrap-up after the talk. Raise `NotNow` if no agent has this offer."""
        view = self.inbox.agent_of_offer(press.offer)
        if view is None:
            raise NotNow
        await self.inbox.ask(WrapUpRequested(view.agent))

    async def flag_abusive(self, press: KeyPress) -> str:
        """Flag the caller as abusive, or take the flag back."""
        return await self.abuses.flag_caller(press.offer, press.contact)


KeyAction = Callable[[InCallKeys, KeyPress], Awaitable[str | None]]
"""Carry out a key, or raise `Refused`. Return a prompt, or nothing if the prompt of the row follows."""


class InCallKey(NamedTuple):
    """One key, and everything that is made from it."""

    digits: str
    """The keys, such as `*1`. The digits of no other row may begin with them."""
    name: str
    """Extension of the dialplan, and argument of the route."""
    meaning: str
    """Sentence for `docs/reference`."""
    action: KeyAction | None
    """None: another route of the dialplan carries the key out."""
    said: str = ""
    """Prompt after success. An agent who consults hears it while waiting (`consult.conf`)."""
    asks_number: bool = False
    """Whether the dialplan asks for a number first."""
    label: str = ""
    """Name of the feature, if it differs from `name`."""

    @property
    def feature(self) -> str:
        """Name in `features.conf`."""
        return f"santral-{self.label or self.name.replace('_', '-')}"


IN_CALL_KEYS = (
    InCallKey("*1", "transfer", "Blind transfer.", InCallKeys.transfer_caller, DONE, asks_number=True),
    InCallKey("*3", "consult", "Consult transfer.", InCallKeys.start_consult, asks_number=True, label="consult-start"),
    InCallKey("*9", "consult_cancel", "Cancel the consult transfer and return to the caller.",
              InCallKeys.cancel_consult, CONSULT_CANCELLED),
    InCallKey("*2", dialplan.RECORDING_PAUSE_ROUTE, "Pause the recording; again: resume it.", None),
    InCallKey("*5", "agree", "The caller agrees to a callback if the call is lost.", InCallKeys.agree_follow_up,
              AGREED, label="follow-up-agree"),
    InCallKey("*6", "withdraw", "The caller withdraws that agreement.", InCallKeys.withdraw_follow_up, WITHDRAWN,
              label="follow-up-withdraw"),
    InCallKey("*7", "person_first", "The caller wants a person at once in later calls.", InCallKeys.prefer_person,
              PREFERENCE_SAVED),
    InCallKey("*8", "menu_first", "The caller no longer wants that.", InCallKeys.prefer_menu, PREFERENCE_DROPPED),
    InCallKey("*4", "wrapup", "Request a wrap-up.", InCallKeys.request_wrapup, WILL_COME),
    InCallKey("*0", "abusive", "Flag the caller as abusive; again: remove the flag.", InCallKeys.flag_abusive),
    InCallKey("#1", "extend", "Extend the limit of the talk, after its warning.", None),
)
TO_CONFIRM: dict[type[ToConfirm], str] = {
    NobodyThere: NOBODY, EntersDistress: INTO_DISTRESS, LeavesDistress: OUT_OF_DISTRESS}
"""Prompt of each question that the same key and number answer."""

LINE_KEY = InCallKey("", SECOND_LINE, "", InCallKeys.start_line_consult, ASKED)
"""Action of a second line, which no key starts."""

OWN_PROMPTS = (*(key.said for key in (*IN_CALL_KEYS, LINE_KEY) if key.said), *abuse_flag.OWN_PROMPTS, NO_NUMBER, CLOSED,
               NOT_THERE, *TO_CONFIRM.values(), CANNOT, PREFERENCE_REFUSED, NOT_NOW, NO_SYSTEM, NOT_ALLOWED)
