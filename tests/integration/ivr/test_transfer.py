"""Keys in the talk, over a real socket: what the engine is asked, and what the agent is told."""

from __future__ import annotations

import pytest

from ivr.agi.server import FastAgi
from ivr.caller.preferences import NoPreferences, PreferenceStore
from ivr.routes.abuse_flag import AbuseFlags
from ivr.routes.in_call_keys import (
    AGREED,
    ASKED,
    CANNOT,
    CLOSED,
    CONSULT_CANCELLED,
    DONE,
    NO_NUMBER,
    NO_SYSTEM,
    NOT_ALLOWED,
    NOT_NOW,
    NOT_THERE,
    OWN_PROMPTS,
    WITHDRAWN,
    CanCall,
    InCallKeys,
    TransferTarget,
)
from ivr.sounds import SoundFolder
from routing.core.events import (
    CallerFlaggedAbusive,
    ConsultEndRequested,
    ConsultRequested,
    Event,
    FollowUpAgreed,
    TransferRequested,
    WrapUpRequested,
)
from routing.core.inbox import InboxClosed
from routing.core.model.centre_model import AgentState
from routing.core.model.errors import (
    CallerUnknown,
    EntersDistress,
    LeavesDistress,
    NobodyThere,
    NoCallback,
    NotNow,
    NotOpen,
    NotThere,
    UnknownAgent,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId
from tests.fakes.agi_dialler import Dialler
from tests.fakes.inbox import FakeInbox, agent_view, contact_view
from tests.integration.ivr_node import answering

pytestmark = pytest.mark.integration

NUMBERS = {"3": TransferTarget(ServiceId("ihbar_sikayet")), "1007": TransferTarget(agent=AgentId("a1007"))}
LEG = "o7-1795569005.1"


async def asks(inbox: FakeInbox, number: str, uniqueid: str = LEG, how: str = "transfer",
               variables: dict[str, str] | None = None, can_call: CanCall = lambda offer: True,
               wishes: PreferenceStore | None = None) -> Dialler:
    server = FastAgi("127.0.0.1", 0)
    server.add_route("in-call-key", InCallKeys(inbox, SoundFolder("/sounds", set(OWN_PROMPTS)), NUMBERS.get,
                                           AbuseFlags(inbox), can_call, wishes).handle_key)
    async with answering(server) as port:
        return await Dialler(port, "in-call-key", how, number, uniqueid, uniqueid=uniqueid, variables=variables).call()


@pytest.mark.parametrize(("number", "asked"), [
    ("3", TransferRequested(OfferId(7), ServiceId("ihbar_sikayet"))),
    ("1007", TransferRequested(OfferId(7), None, AgentId("a1007")))])
async def test_a_number_of_the_house_is_a_service_or_an_agent(number: str, asked: TransferRequested) -> None:
    inbox = FakeInbox()
    call = await asks(inbox, number)
    assert inbox.events == [asked]
    assert call.variables["ACD_SAY"] == f"/sounds/tr/{DONE}" and call.variables["ACD_NEXT"] == "hold"
    assert call.played == [], "the dialplan says it: a node that dies then cuts nothing"


@pytest.mark.parametrize(("question", "said"), [
    (NobodyThere(), "aktarma-kimse-yok"), (EntersDistress(), "aktarma-zora"), (LeavesDistress(), "aktarma-zordan")])
async def test_the_same_key_again_transfers_what_was_asked_back(question: Exception, said: str) -> None:
    inbox = FakeInbox(question, None)
    server = FastAgi("127.0.0.1", 0)
    keys = InCallKeys(inbox, SoundFolder("/sounds", set(OWN_PROMPTS)), NUMBERS.get, AbuseFlags(inbox))
    server.add_route("in-call-key", keys.handle_key)
    async with answering(server) as port:
        first, second = [await Dialler(port, "in-call-key", "transfer", "3", LEG).call() for _ in range(2)]
    assert first.variables["ACD_SAY"] == f"/sounds/tr/{said}"
    assert second.variables["ACD_SAY"] == f"/sounds/tr/{DONE}"
    assert [event.confirmed for event in inbox.events if isinstance(event, TransferRequested)] == [False, True]


@pytest.mark.parametrize(("error", "said"), [
    (NotOpen(), CLOSED), (NotThere(), NOT_THERE), (NotNow(), NOT_NOW), (UnknownAgent(), NOT_NOW),
    (NoCallback(), CANNOT), (InboxClosed(), NO_SYSTEM), (TimeoutError(), NO_SYSTEM)])
async def test_what_cannot_be_is_said(error: Exception, said: str) -> None:
    call = await asks(FakeInbox(error), "3")
    assert call.variables["ACD_SAY"] == f"/sounds/tr/{said}"


@pytest.mark.parametrize(("answer", "said"), [
    (None, "kaba-tamam"), (CallerUnknown(), "kaba-olmaz"), (NotNow(), NOT_NOW), (InboxClosed(), NO_SYSTEM)])
@pytest.mark.parametrize("before", [False, True])
async def test_that_the_caller_is_abusive_is_said_whoever_has_said_it_before(
        before: bool, answer: Exception | None, said: str) -> None:
    inbox = FakeInbox(answer)
    inbox.contacts = [(contact_view("1795569005.1")._replace(abusive=before),)]
    call = await asks(inbox, "", how="abusive")
    assert inbox.events == [CallerFlaggedAbusive(OfferId(7))]
    assert call.variables["ACD_SAY"] == f"/sounds/tr/{said}"


@pytest.mark.parametrize(("offer", "events", "said"), [
    (7, [WrapUpRequested(AgentId("a1001"))], "kod-toparlama-istendi"), (8, [], NOT_NOW)])
async def test_a_wrap_up_is_asked_for_by_who_talks_on_this_leg(offer: int, events: list[Event], said: str) -> None:
    inbox = FakeInbox()
    inbox.agents = (agent_view("a1002", "2002"), agent_view("a1001", "2001")._replace(offer=OfferId(offer)))
    call = await asks(inbox, "", how="wrapup")
    assert inbox.events == events
    assert call.variables["ACD_SAY"] == f"/sounds/tr/{said}"


@pytest.mark.parametrize(("number", "uniqueid", "said"), [
    ("9", LEG, NO_NUMBER), ("05320000000", LEG, NO_NUMBER), ("", LEG, NO_NUMBER), ("3", "1795569005.1", NOT_NOW)])
async def test_nothing_else_can_be_reached_and_nobody_else_may_ask(number: str, uniqueid: str, said: str) -> None:
    inbox = FakeInbox()
    call = await asks(inbox, number, uniqueid)
    assert call.variables["ACD_SAY"] == f"/sounds/tr/{said}" and inbox.events == []


@pytest.mark.parametrize(("how", "number", "asked", "said"), [
    ("consult", "3", ConsultRequested(OfferId(7), ServiceId("ihbar_sikayet")), ""),
    ("consult_cancel", "", ConsultEndRequested(OfferId(7)), CONSULT_CANCELLED),
    ("agree", "", FollowUpAgreed(OfferId(7)), AGREED),
    ("withdraw", "", FollowUpAgreed(OfferId(7), False), WITHDRAWN)])
async def test_somebody_is_asked_first_and_the_caller_taken_back(how: str, number: str, asked: Event,
                                                                said: str) -> None:
    inbox = FakeInbox()
    call = await asks(inbox, number, how=how)
    assert inbox.events == [asked] and call.variables["ACD_SAY"] == (f"/sounds/tr/{said}" if said else "")
    call = await asks(inbox, number, how="else")
    assert inbox.events == [asked] and call.variables["ACD_SAY"] == f"/sounds/tr/{NOT_NOW}"


@pytest.mark.parametrize(("how", "wants", "said"), [
    ("person_first", True, "istek-tamam"), ("menu_first", False, "istek-iptal")])
@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_preference_is_saved_or_its_refusal_said(how: str, wants: bool, said: str, is_stored: bool) -> None:
    class Wishes(NoPreferences):
        async def save_for_contact(self, contact: ContactId, *, slow: bool | None = None,
                                   human_first: bool | None = None) -> bool:
            saved.append((contact, slow, human_first))
            return is_stored

    saved: list[tuple[ContactId, bool | None, bool | None]] = []
    inbox = FakeInbox()
    call = await asks(inbox, "", how=how, wishes=Wishes())
    assert inbox.events == [] and saved == [(ContactId("1795569005.1"), None, wants)]
    assert call.variables["ACD_SAY"] == f"/sounds/tr/{said if is_stored else 'istek-olmaz'}"


async def test_the_key_of_another_route_is_none_of_this_one() -> None:
    inbox = FakeInbox()
    call = await asks(inbox, "", how="recording-pause")
    assert inbox.events == [] and call.variables["ACD_SAY"] == f"/sounds/tr/{NOT_NOW}"


async def test_nobody_is_promised_a_call_to_a_number_that_is_not_called() -> None:
    inbox = FakeInbox()
    looked: list[OfferId] = []

    def can_call(offer: OfferId) -> bool:
        looked.append(offer)
        return False

    call = await asks(inbox, "", how="agree", can_call=can_call)
    assert call.variables["ACD_SAY"] == f"/sounds/tr/{CANNOT}" and (inbox.events, looked) == ([], [OfferId(7)])
    await asks(inbox, "", how="withdraw", can_call=can_call)
    assert inbox.events == [FollowUpAgreed(OfferId(7), False)], "consent can always be taken back"


# -- dialled on a second line ------------------------------------------------------------------------------------------

NAME = f"SHARED(SC_SECOND_LINE,{LEG})"
TALKS = agent_view("a1", "2001", AgentState.TALKING)._replace(offer=OfferId(7), contact=ContactId("1795569005.1"))


async def dials(number: str, *answers: Exception, seat: str = "2001", busy: str = "") -> tuple[FakeInbox, Dialler]:
    inbox = FakeInbox(*answers)
    inbox.agents = (agent_view("a2", "2002"), TALKS)
    return inbox, await asks(inbox, number, "1795569099.4", "line", {"SC_SEAT": seat, NAME: busy})


async def test_who_talks_asks_by_dialling_and_their_leg_knows_the_line() -> None:
    inbox, call = await dials("1007")
    assert inbox.events == [ConsultRequested(OfferId(7), None, AgentId("a1007"), True)]
    assert call.variables["ACD_SAY"] == f"/sounds/tr/{ASKED}"
    assert call.variables[NAME].startswith("PJSIP/") and call.variables["SC_CONSULTING_LEG"] == LEG


@pytest.mark.parametrize(("number", "error", "said"), [
    ("9", None, NO_NUMBER), ("3", NotOpen(), CLOSED), ("3", NotThere(), NOT_THERE), ("3", NotNow(), NOT_NOW)])
async def test_what_cannot_be_is_said_and_the_leg_knows_of_no_line(number: str, error: Exception | None,
                                                                   said: str) -> None:
    _, call = await dials(number, *([error] if error else []))
    assert call.variables["ACD_SAY"] == f"/sounds/tr/{said}"
    assert call.variables[NAME] == "" and call.variables["SC_CONSULTING_LEG"] == ""


@pytest.mark.parametrize(("seat", "busy", "said"), [
    ("2002", "", NOT_ALLOWED), ("2003", "", NOT_ALLOWED), ("", "", NOT_ALLOWED),
    ("2001", "PJSIP/2001-0000000a", NOT_NOW)])
async def test_who_does_not_talk_or_asks_already_may_dial_nothing(seat: str, busy: str, said: str) -> None:
    inbox, call = await dials("1007", seat=seat, busy=busy)
    assert inbox.events == [] and call.variables["ACD_SAY"] == f"/sounds/tr/{said}"
    assert call.variables[NAME] == busy, "the line that is there stays known"
