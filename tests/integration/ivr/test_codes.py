"""Codes that agents dial over a real socket: sign-in, pauses and the pause of a recording."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asterisk_conf.conf_plan import ECHO_CODE
from guide.phone_keys import CODES
from ivr.routes import agent_status, feature_codes
from ivr.routes.recording_pause import PauseRecording
from routing.core.events import (
    AgentPaused,
    AgentResumed,
    AgentSignedIn,
    AgentSignedOut,
    CallerFlaggedAbusive,
    HeavyContactsDeclined,
    WrapUpEnded,
    WrapUpExtended,
    WrapUpRequested,
)
from routing.core.inbox import DeskView, InboxClosed, QueueLoad
from routing.core.model.centre_model import AgentState, PauseReason
from routing.core.model.errors import NotNow, NotSignedIn, OffDuty, SeatTaken, UnknownReason, UnknownSeat
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, agent_view, contact_view
from tests.integration.ivr_node import NOW, Start, said

pytestmark = pytest.mark.integration

REASONS = (PauseReason("mola", prompt="neden-mola", digit="1", default=True),
           PauseReason("yemek", prompt="neden-yemek", digit="2"), PauseReason("egitim", work=True))


def sign_in(port: int, pin: str = "4321", number: str = "1001") -> Dialler:
    return Dialler(port, "codes", "*45", variables={"SC_SEAT": "2001"}, keys=[*number, "#", *pin, "#"])


async def test_sign_in_by_telephone(start: Start) -> None:
    inbox = FakeInbox(agent_view("a1001", "2001"))
    dialler = await sign_in(await start(inbox)).call()
    assert dialler.played == ["kod-numara-sor", "kod-sifre-sor", "kod-giris-tamam"]
    assert inbox.events == [AgentSignedIn("a1001", "2001")]
    assert dialler.waited[:2] == [20_000, 5_000] and dialler.variables["ACD_NEXT"] == "bye"


async def test_nobody_signs_in_outside_the_working_hours(start: Start) -> None:
    def refuse(agent: AgentId) -> None:
        assert agent == "a1001"
        raise OffDuty

    inbox = FakeInbox(agent_view("a1001", "2001"))
    dialler = await sign_in(await start(inbox, require_on_duty=refuse)).call()
    assert dialler.played[-1] == "kod-simdi-olmaz" and inbox.events == []


@pytest.mark.parametrize(("pin", "number"), [("1111", "1001"), ("4321", "9999"), ("", "1001"), ("4321", ""),
                                             ("4" * 20, "1001")])
async def test_a_wrong_sign_in_says_the_same_whatever_was_wrong(start: Start, pin: str, number: str) -> None:
    inbox = FakeInbox()
    dialler = await sign_in(await start(inbox), pin, number).call()
    assert dialler.played[-1] == "kod-giris-hatali" and inbox.events == []


async def test_guessing_is_locked(start: Start) -> None:
    inbox = FakeInbox(agent_view("a1001", "2001"))
    port = await start(inbox)
    for _ in range(feature_codes.MAX_TRIES):
        assert (await sign_in(port, "0000").call()).played[-1] == "kod-giris-hatali"
    assert (await sign_in(port).call()).played == ["kod-giris-kilitli"]
    other = sign_in(port)
    other.variables["SC_SEAT"] = "2002"
    assert (await other.call()).played[-1] == "kod-giris-kilitli", "the number is locked, not only the seat"
    assert inbox.events == []


def test_a_lock_ends() -> None:
    now = [0.0]
    tries = feature_codes.SignInTries(lambda: now[0])
    for _ in range(feature_codes.MAX_TRIES):
        tries.note_wrong("x")
    assert tries.is_locked("x") and not tries.is_locked("y")
    now[0] = feature_codes.LOCK_S
    assert not tries.is_locked("x")
    for number in range(feature_codes.MAX_LOCKS + 1):
        tries.note_wrong(str(number))
    assert len(tries._wrong) == feature_codes.MAX_LOCKS


@pytest.mark.parametrize(("code", "event", "spoken"), [
    ("*44", AgentSignedOut, "kod-cikis-tamam"), ("*47", AgentResumed, "kod-hazir"),
    ("*48", WrapUpEnded, "kod-toparlama-bitti"), ("*49", WrapUpExtended, "kod-toparlama-uzadi"),
    ("*43", HeavyContactsDeclined, "kod-agir-gelmez")])
async def test_codes_of_one_step(start: Start, code: str, event: Callable[[str], object], spoken: str) -> None:
    inbox = FakeInbox(agent_view("a1001", "2001"))
    inbox.agents = (agent_view("a1002", None), agent_view("a1001", "2001"))
    dialler = await Dialler(await start(inbox), "codes", code, variables={"SC_SEAT": "2001"}).call()
    assert (dialler.played, inbox.events) == ([spoken], [event("a1001")])


@pytest.mark.parametrize(("offer", "events", "spoken"), [
    (7, [CallerFlaggedAbusive(OfferId(7))], "kaba-tamam"), (None, [], "kod-simdi-olmaz")])
async def test_after_the_talk_it_is_said_that_the_caller_was_abusive(
        start: Start, offer: int | None, events: list[object], spoken: str) -> None:
    inbox = FakeInbox()
    view = agent_view("a1001", "2001", AgentState.WRAPUP)
    inbox.agents = (view if offer is None else view._replace(offer=OfferId(offer), contact=ContactId("c7")),)
    dialler = await Dialler(await start(inbox), "codes", "*42", variables={"SC_SEAT": "2001"}).call()
    assert (dialler.played, inbox.events) == ([spoken], events)


async def test_what_was_said_by_a_key_in_the_talk_is_taken_back_by_the_code_after_it(start: Start) -> None:
    inbox = FakeInbox()
    inbox.agents = (agent_view("a1001", "2001", AgentState.WRAPUP)._replace(
        offer=OfferId(7), contact=ContactId("c7")),)
    inbox.contacts = [(contact_view("c7"),), (contact_view("c7")._replace(abusive=True),)]
    port = await start(inbox)
    assert said(await Dialler(port, "in-call-key", "abusive", "", "o7-c7").call()) == ["kaba-tamam"]
    dialler = await Dialler(port, "codes", "*42", variables={"SC_SEAT": "2001"}).call()
    assert (dialler.played, inbox.events) == (["kaba-geri"],
        [CallerFlaggedAbusive(OfferId(7)), CallerFlaggedAbusive(OfferId(7), False)])


@pytest.mark.parametrize(("state", "spoken"), [
    (AgentState.WRAPUP, "kod-toparlama-basladi"), (AgentState.TALKING, "kod-toparlama-istendi")])
async def test_who_has_no_wrap_up_that_could_be_longer_asks_for_one(start: Start, state: AgentState,
                                                                    spoken: str) -> None:
    inbox = FakeInbox(NotNow(), agent_view("a1001", "2001", state))
    inbox.agents = (agent_view("a1001", "2001"),)
    dialler = await Dialler(await start(inbox), "codes", "*49", variables={"SC_SEAT": "2001"}).call()
    assert (dialler.played, inbox.events) == ([spoken], [WrapUpExtended("a1001"), WrapUpRequested("a1001")])


@pytest.mark.parametrize(("key", "pending", "spoken", "reason"), [
    ("2", "", "kod-mola-basladi", "yemek"), ("1", "mola", "kod-mola-sonra", "mola"),
    ("9", "", "kod-mola-secilmedi", None),
    ("", "", "kod-mola-secilmedi", None)])
async def test_a_break_has_a_reason(start: Start, key: str, pending: str, spoken: str, reason: str | None) -> None:
    inbox = FakeInbox(agent_view("a1001", "2001", pending=pending))
    inbox.agents, inbox.reasons = (agent_view("a1001", "2001"),), REASONS
    dialler = await Dialler(await start(inbox), "codes", "*46", variables={"SC_SEAT": "2001"}, keys=[key]).call()
    assert dialler.played == ["kod-mola-sor", "neden-mola", "neden-yemek", spoken]
    assert inbox.events == ([AgentPaused("a1001", reason)] if reason else [])


@pytest.mark.parametrize(("digit", "spoken", "reason"), [
    ("2", "kod-mola-basladi", "yemek"), ("9", "kod-mola-secilmedi", None)])
async def test_a_break_with_its_digit_asks_nothing(start: Start, digit: str, spoken: str, reason: str | None) -> None:
    inbox = FakeInbox(agent_view("a1001", "2001"))
    inbox.agents, inbox.reasons = (agent_view("a1001", "2001"),), REASONS
    dialler = await Dialler(await start(inbox), "codes", f"*46{digit}", variables={"SC_SEAT": "2001"}).call()
    assert (dialler.played, inbox.events) == ([spoken], [AgentPaused("a1001", reason)] if reason else [])


async def test_an_agent_hears_where_they_are(start: Start) -> None:
    view = agent_view("a1001", "2001", AgentState.PAUSED, pending="yemek")._replace(
        pause_limit_at=NOW + 754, heavy_declined_until=NOW + 1)
    inbox = FakeInbox()
    inbox.agents = (view,)
    inbox.desks = {"a1001": DeskView(NOW, view, True, NOW + 60, None, (), ("psikososyal", "temsilci"))}
    inbox.loads = {"psikososyal": QueueLoad(21, None), "temsilci": QueueLoad(0, None)}
    dialler = await Dialler(await start(inbox), "codes", "*41", variables={"SC_SEAT": "2001"}).call()
    assert dialler.played == ["kod-durum-mola", "12", "kod-dakika-kaldi", "kod-mola-sonra", "kod-agir-gelmez",
                              "bilgi-psikososyal", "20", "1", "kod-kisi-bekliyor", "kod-kodlar-sor"]
    assert inbox.events == [] and dialler.variables["ACD_NEXT"] == "bye"


@pytest.mark.parametrize("at", ["kod-durum-hazir", "kod-kodlar-sor"])
async def test_the_codes_are_said_on_request_at_any_moment(start: Start, at: str) -> None:
    inbox = FakeInbox()
    inbox.agents = (agent_view("a1001", "2001", AgentState.BUSY),)
    dialler = Dialler(await start(inbox), "codes", "*41", variables={"SC_SEAT": "2001"})
    dialler.by_file = {at: "1"}
    assert (await dialler.call()).played[-9:] == [f"kod-liste-{code}" for code in range(41, 50)]
    listed = {f"*{key.removeprefix('kod-liste-')}" for key in agent_status.CODE_LIST}
    assert listed == {code for code in CODES if code not in (ECHO_CODE, feature_codes.SURGE_CODE)}


@pytest.mark.parametrize(("state", "left_s", "spoken"), [
    (AgentState.READY, 30, ["kod-durum-hazir"]), (AgentState.WRAPUP, 59.0, ["kod-durum-toparlama", "kod-dakika-az"]),
    (AgentState.WRAPUP, 60.0, ["kod-durum-toparlama", "digits/1", "kod-dakika-kaldi"]),
    (AgentState.PAUSED, -1.0, ["kod-durum-mola", "kod-sure-doldu"]), (AgentState.TALKING, 9, ["kod-durum-gorusme"])])
def test_time_left_belongs_to_a_state_that_ends(state: AgentState, left_s: float, spoken: list[str]) -> None:
    view = agent_view("a1001", "2001", state)._replace(until=NOW + left_s, pause_limit_at=NOW + left_s)
    assert agent_status.status_prompts(DeskView(NOW, view, True, None, None, ()), {}) == [*spoken, "kod-bekleyen-yok"]


def test_a_break_and_a_sign_out_ahead_are_told_and_so_are_four_services() -> None:
    view = agent_view("a1001", "2001", AgentState.TALKING)
    desk = DeskView(NOW, view, True, NOW + 61, None, (), leave_pending=True)
    waiting = {ServiceId(f"s{number}"): number for number in range(agent_status.SERVICES_MOST + 2)}
    said = agent_status.status_prompts(desk, waiting)
    assert said[:4] == ["kod-durum-gorusme", "kod-cikis-sonra", "digits/2", "kod-mola-kadar"]
    assert [key for key in said if key.startswith("bilgi-")] == ["bilgi-s1", "bilgi-s2", "bilgi-s3", "bilgi-s4"]


async def test_a_table_without_keys_has_nothing_to_ask(start: Start) -> None:
    inbox = FakeInbox(agent_view("a1001", "2001"))
    inbox.agents, inbox.reasons = (agent_view("a1001", "2001"),), REASONS[2:]
    dialler = await Dialler(await start(inbox), "codes", "*46", variables={"SC_SEAT": "2001"}).call()
    assert (dialler.played, inbox.events) == (["kod-mola-basladi"], [AgentPaused("a1001", "")])


async def test_a_reason_that_left_the_table_meanwhile_changes_nothing(start: Start) -> None:
    inbox = FakeInbox(UnknownReason())
    inbox.agents, inbox.reasons = (agent_view("a1001", "2001"),), REASONS
    dialler = await Dialler(await start(inbox), "codes", "*46", variables={"SC_SEAT": "2001"}, keys=["2"]).call()
    assert dialler.played[-1] == "kod-mola-secilmedi"


@pytest.mark.parametrize(("answer", "spoken"), [
    (SeatTaken(), "kod-masa-dolu"), (UnknownSeat(), "kod-masa-bilinmiyor"), (NotSignedIn(), "kod-giris-gerekli"),
    (NotNow(), "kod-simdi-olmaz"), (InboxClosed(), "kod-sistem-yok"), (TimeoutError(), "kod-sistem-yok")])
async def test_every_refusal_is_spoken(start: Start, answer: Exception, spoken: str) -> None:
    dialler = await sign_in(await start(FakeInbox(answer))).call()
    assert dialler.played[-1] == spoken and dialler.variables["ACD_NEXT"] == "bye"


async def test_codes_without_a_seat_a_code_or_an_agent(start: Start) -> None:
    port = await start(FakeInbox())
    assert (await Dialler(port, "codes", "*45").call()).played == ["kod-masa-bilinmiyor"]
    seat = {"SC_SEAT": "2001"}
    assert (await Dialler(port, "codes", "*50", variables=seat).call()).played == ["kod-bilinmiyor"]
    assert (await Dialler(port, "codes", "*452", variables=seat).call()).played == ["kod-bilinmiyor"]
    assert (await Dialler(port, "codes", "*47", variables=seat).call()).played == ["kod-giris-gerekli"]


# -- the pause of a recording


@pytest.mark.parametrize(("paused", "there", "spoken"), [
    ("", True, "kayit-durdu"), ("1", True, "kayit-suruyor"), ("", False, "kayit-yok")])
async def test_an_agent_s_keys_pause_a_recording(start: Start, paused: str, there: bool, spoken: str) -> None:
    asked: list[tuple[str, bool]] = []

    async def silence(leg: str, on: bool) -> bool:
        asked.append((leg, on))
        return there

    dialler = await hush(start, silence, paused)
    assert asked == [(UNIQUEID, paused != "1")]
    assert said(dialler) == [spoken] and dialler.variables["ACD_NEXT"] == "hold"


async def test_a_recording_that_could_not_be_paused_is_never_said_to_be_none(start: Start) -> None:
    async def silence(leg: str, on: bool) -> bool:
        raise TimeoutError("no link to Asterisk")

    assert not (await hush(start, silence, "")).variables, "no ACD_NEXT: the dialplan ends the recording"


@pytest.mark.parametrize("there", [True, False])
async def test_what_was_paused_stays_so_and_nothing_new_is_noted(start: Start, there: bool) -> None:
    """The agent is back from asking somebody: it is silenced again, by nobody's wish."""
    asked: list[tuple[str, bool]] = []

    async def still(leg: str, on: bool) -> bool:
        asked.append((leg, on))
        return there

    dialler = await Dialler(await start(FakeInbox(), still=still), "recording-pause", "keep").call()
    assert asked == [(UNIQUEID, True)] and dialler.variables["ACD_NEXT"] == "hold"


async def hush(start: Start, silence: PauseRecording, paused: str) -> Dialler:
    return await Dialler(await start(FakeInbox(), silence=silence), "recording-pause", paused).call()


class Surge:
    """A switch of one profile that only a1001 may use."""

    def __init__(self, allowed: bool = True) -> None:
        self.allowed, self.keys = allowed, list[str]()

    def may_switch(self, agent: AgentId) -> bool:
        return self.allowed and agent == "a1001"

    async def switch_by_key(self, key: str, agent: AgentId) -> bool | None:
        self.keys.append(key)
        return {"0": False, "1": True}.get(key)


@pytest.mark.parametrize(("key", "spoken"), [
    ("1", "kod-yogunluk-acik"), ("0", "kod-yogunluk-kapali"), ("7", "kod-yogunluk-yok"), ("", "kod-yogunluk-yok")])
async def test_a_supervisor_switches_a_surge_profile_at_any_phone(start: Start, key: str, spoken: str) -> None:
    surge = Surge()
    port = await start(FakeInbox(), surge=surge)
    dialler = await Dialler(port, "codes", "*50", variables={"SC_SEAT": "2001"},
                            keys=[*"1001", "#", *"4321", "#", key]).call()
    assert dialler.played[2:] == ["kod-yogunluk-sor", spoken] and surge.keys == [key]


@pytest.mark.parametrize(("pin", "allowed"), [("1111", True), ("4321", False)])
async def test_nobody_else_switches_a_surge_profile(start: Start, pin: str, allowed: bool) -> None:
    surge = Surge(allowed)
    port = await start(FakeInbox(), surge=surge)
    dialler = await Dialler(port, "codes", "*50", variables={"SC_SEAT": "2001"},
                            keys=[*"1001", "#", *pin, "#", "1"]).call()
    assert dialler.played[-1] == "kod-giris-hatali" and surge.keys == []
