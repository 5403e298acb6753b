"""The agreement on a callback over a real socket: what is heard, what is keyed in, what the engine is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr.agi.server import FastAgi
from ivr.callback_windows import CallbackWindow
from ivr.caller.contact_events import ContactEvents
from ivr.quiet_hours import QuietHours
from ivr.routes import callback_dialogue
from ivr.routes.callback_dialogue import CallbackDialogue
from ivr.settings import IvrSettings
from ivr.sounds import SoundFolder
from prompts.text_reader import read_texts
from prompts.verbalise import number_prompts
from routing.core.events import CallbackAccepted, CallbackRequested, Event
from routing.core.inbox import ContactView, InboxClosed
from routing.core.model.centre_model import CallbackOrder, ContactState, Service
from routing.core.model.errors import CallbackExists, NoCallback, NumberLeftAlone, Refused, WindowPast
from routing.core.model.ids import ContactId, OfferId, ServiceId
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.integration.ivr_node import answering, seal

pytestmark = pytest.mark.integration

SERVICES = (Service(ServiceId("genel"), "Genel", ()), Service(ServiceId("ihbar"), "İhbar", (), anonymous=True),
            Service(ServiceId("yok"), "Yok", (), callback=CallbackOrder.NONE))
NIGHT = QuietHours(21 * 60, 9 * 60)
MINE, OTHER = "05321234567", "03124131234"
SAYS_MINE, SAYS_OTHER = (
    [f"digits/{one.rpartition('/')[2]}" if "/" in one else one
        for one in number_prompts.telephone_words(f"+90{number[1:]}")]
    for number in (MINE, OTHER))
YES = "geri-arama-dogru-mu"


def clock(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Istanbul")).timestamp()


def takes(event: Event) -> ContactView:
    """The engine agrees."""
    return contact_view(UNIQUEID, service="genel")._replace(callback=isinstance(event, CallbackRequested))


def window(part: str, day: str, begins: str, ends: str) -> CallbackWindow:
    return CallbackWindow(part, *(datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=ZoneInfo("Europe/Istanbul"))
                                  for at in (begins, ends)))


TIMES = (window("noon", "2026-11-25", "12:00", "15:00"), window("evening", "2026-11-25", "17:00", "20:00"),
         window("morning", "2026-11-26", "09:00", "12:00"))
WHEN = ["geri-arama-zaman", "kural-bugun", "geri-arama-ogle", "geri-arama-icin-2", "kural-bugun", "geri-arama-aksam",
        "geri-arama-icin-3", "kural-yarin", "geri-arama-sabah", "geri-arama-icin-4"]


Call = Callable[..., Awaitable[tuple[Dialler, FakeInbox]]]


@pytest.fixture
def call() -> Call:
    async def begin(*, answer: Any = takes, service: str = "genel", state: ContactState = ContactState.PENDING,
                    now: str = "2026-11-25T10:00", number: str = MINE, route: str = "callback",
                    windows: Sequence[CallbackWindow] = (), hang_up_at: int | None = None,
                    **more: Any) -> tuple[Dialler, FakeInbox]:
        inbox = FakeInbox(answer)
        inbox.contacts = [(contact_view(UNIQUEID, state, service=service),)]
        contacts = ContactEvents(SERVICES, "genel", IvrSettings(own_numbers=frozenset({"4440632"}), quiet=NIGHT), seal)
        one = CallbackDialogue(inbox, SoundFolder("/sounds", read_texts().keys() | {number_prompts.PAUSE}), contacts,
            lambda: clock(now), lambda service: windows)
        server = FastAgi("127.0.0.1", 0)
        server.add_route("callback", one.agree_callback)
        server.add_route("dial", one.take_callback)
        variables = {"SC_NUMBER": number} | more.pop("variables", {})
        uniqueid = more.pop("uniqueid", UNIQUEID)
        async with answering(server) as port:
            dialler = Dialler(port, route, variables=variables, uniqueid=uniqueid, **more)
            dialler.hang_up_at = hang_up_at
            return await dialler.call(), inbox

    return begin


def asked(inbox: FakeInbox) -> list[CallbackRequested]:
    return [event for event in inbox.events if isinstance(event, CallbackRequested)]


async def test_the_number_is_heard_said_to_be_right_and_agreed_on(call: Call) -> None:
    dialler, inbox = await call(by_file={YES: "1"})
    assert dialler.played == ["geri-arama-numara", *(one.rpartition("/")[2] for one in SAYS_MINE), YES,
                              "geri-arama-tamam"]
    assert asked(inbox) == [CallbackRequested(ContactId(UNIQUEID), 0.0, False, *seal("+905321234567"))], \
        "their own too: the engine has none of who came through an anonymous service"
    assert dialler.variables["ACD_NEXT"] == "bye" and dialler.variables["SC_ALIVE"] == "1"


async def test_another_number_is_keyed_in_read_back_and_sealed(call: Call) -> None:
    keys = [*OTHER, "#"]
    dialler, inbox = await call(by_file={YES: "2"}, keys=[*keys, "1"])
    assert dialler.waited[0] == 20_000 and set(dialler.waited[1: len(keys)]) == {5_000}
    after = dialler.played[dialler.played.index("geri-arama-girilen"):]
    assert after == ["geri-arama-girilen", *(one.rpartition("/")[2] for one in SAYS_OTHER), YES, "geri-arama-tamam"]
    assert asked(inbox) == [CallbackRequested(ContactId(UNIQUEID), 0.0, False, "hash(+903124131234)",
        "box(+903124131234)")]
    assert not [one for one in dialler.commands if OTHER in one or OTHER[1:] in one], "nothing of it goes to Asterisk"


async def test_a_withheld_number_has_to_be_keyed_in_and_more_time_is_given(call: Call) -> None:
    dialler, inbox = await call(number="anonymous", keys=["0", "*", *OTHER[1:], "", "1"])
    assert dialler.played[:4] == ["geri-arama-gizli", "geri-arama-gir", "menu-sure-verildi-yavas",
                                  "geri-arama-girilen-yavas"], "more time, and slow speech with it"
    assert dialler.waited[:4] == [20_000, 5_000, 40_000, 10_000] and dialler.variables["SC_SLOW"] == "1"
    assert [event.number_encrypted for event in asked(inbox)] == ["box(+903124131234)"]


@pytest.mark.parametrize(("keyed", "why"), [
    ("00442079460000", "geri-arama-yurtdisi"), ("09001234567", "geri-arama-ucretli"), ("112", "geri-arama-kisa"),
    ("4440632", "geri-arama-bizim"), ("0532123456", "geri-arama-gecersiz")])
async def test_a_number_that_is_not_called_is_refused_with_its_reason_and_another_one_asked_for(
        call: Call, keyed: str, why: str) -> None:
    dialler, inbox = await call(number="anonymous", keys=[*keyed, "#", *OTHER, "#", "1"])
    at = dialler.played.index(why)
    assert dialler.played[at + 1] == "geri-arama-gir" and len(asked(inbox)) == 1
    assert dialler.variables["ACD_NEXT"] == "bye"


async def test_a_caller_from_abroad_hears_why_and_may_give_a_number_here(call: Call) -> None:
    dialler, inbox = await call(number="+4930123456", keys=[*OTHER, "#", "1"])
    assert dialler.played[:2] == ["geri-arama-yurtdisi", "geri-arama-gir"] and len(asked(inbox)) == 1


@pytest.mark.parametrize(("keys", "by_file", "heard"), [
    ([], {}, 2),  # silence, asked twice
    ([], {YES: "9"}, 1),
    (["4", "7", "8", "5", "6", "0", "3", "4", "5"], {}, 8),  # a stuck key
    ([], {YES: "2"}, 1),  # no number keyed in
])
async def test_what_is_no_agreement_leads_back_to_the_music(call: Call, keys: list[str], by_file: dict[str, str],
                                                            heard: int) -> None:
    dialler, inbox = await call(keys=keys, by_file=by_file)
    assert dialler.played.count(YES) == heard and dialler.played[-1] == "geri-arama-bekleyin"
    assert not asked(inbox) and dialler.variables["ACD_NEXT"] == "hold"


async def test_three_numbers_and_no_more(call: Call) -> None:
    dialler, inbox = await call(number="anonymous", keys=["1", "#"] * 3 + ["1", "#"])
    assert dialler.played.count("geri-arama-kisa") == callback_dialogue.NUMBERS_MAX
    assert not asked(inbox) and dialler.variables["ACD_NEXT"] == "hold"


@pytest.mark.parametrize(("now", "moment"), [
    ("2026-11-25T22:30", ["geri-arama-yarin", "saatten-bas", "saatten-9"]),
    ("2026-11-26T03:00", ["geri-arama-bugun", "saatten-bas", "saatten-9"])])
async def test_in_quiet_hours_the_moment_is_said_and_the_caller_chooses(call: Call, now: str,
                                                                        moment: list[str]) -> None:
    for key, anytime in (("1", True), ("2", False), ("", False)):
        dialler, inbox = await call(now=now, by_file={YES: "1"} | ({"geri-arama-hemen": key} if key else {}))
        at = dialler.played.index("geri-arama-sessiz")
        assert dialler.played[at + 1: at + 6] == [*moment, "geri-arama-arayacagiz", "geri-arama-hemen"]
        assert [event.anytime for event in asked(inbox)] == [anytime]
    dialler, inbox = await call(now=now, by_file={YES: "1", "geri-arama-hemen": "9"})
    assert not asked(inbox) and dialler.variables["ACD_NEXT"] == "hold"


async def test_a_caller_chooses_a_time_after_the_agreement_and_hears_it(call: Call) -> None:
    dialler, inbox = await call(windows=TIMES, by_file={YES: "1", "geri-arama-icin-4": "4"})
    at = dialler.played.index("geri-arama-tamam")
    assert dialler.played[at + 1: at + 1 + len(WHEN)] == WHEN, "promised first: whoever hangs up now is called"
    assert dialler.played[at + 1 + len(WHEN):] == [
        "kural-yarin", "geri-arama-sabah", "9", "geri-arama-ile", "12", "geri-arama-arasinda"]
    assert [one.window for one in asked(inbox)] == [None, (clock("2026-11-26T09:00"), clock("2026-11-26T12:00"))]
    assert dialler.variables["ACD_NEXT"] == "bye"


@pytest.mark.parametrize(("keys", "questions", "wrong"), [
    ({}, 1, 0),  # silence
    ({"geri-arama-zaman": "1"}, 1, 0),  # as soon as possible
    ({"geri-arama-icin-2": "7"}, 2, 1),  # a wrong key, then silence
])
async def test_without_a_chosen_time_the_turn_in_the_queue_holds(call: Call, keys: dict[str, str], questions: int,
                                                                 wrong: int) -> None:
    dialler, inbox = await call(windows=TIMES, by_file={YES: "1", **keys})
    assert dialler.played.count("geri-arama-zaman") == questions and dialler.played[-1] == "geri-arama-sirada"
    assert dialler.played.count("menu-tus-yanlis") == wrong
    assert [one.window for one in asked(inbox)] == [None] and dialler.variables["ACD_NEXT"] == "bye"


async def test_a_caller_who_hangs_up_in_the_question_has_the_promise(call: Call) -> None:
    whole, _ = await call(windows=TIMES, by_file={YES: "1"})
    asks = next(at for at, one in enumerate(whole.commands) if "geri-arama-zaman" in one)
    _, inbox = await call(windows=TIMES, by_file={YES: "1"}, hang_up_at=asks + 1)
    assert [one.window for one in asked(inbox)] == [None]


async def test_two_wrong_keys_end_the_question(call: Call) -> None:
    dialler, inbox = await call(windows=TIMES, keys=["1", "5", "6"])
    assert dialler.played.count("geri-arama-zaman") == 2 and dialler.played[-1] == "geri-arama-sirada"
    assert len(asked(inbox)) == 1


@pytest.mark.parametrize("error", [WindowPast(), InboxClosed(), TimeoutError()])
async def test_a_time_that_cannot_be_kept_is_not_promised(call: Call, error: Exception) -> None:
    def answer(event: Event) -> ContactView:
        if isinstance(event, CallbackRequested) and event.window is not None:
            raise error
        return takes(event)

    dialler, inbox = await call(answer=answer, windows=TIMES, by_file={YES: "1", "geri-arama-icin-3": "3"})
    assert "geri-arama-arasinda" not in dialler.played and dialler.played[-1] == "geri-arama-sirada"
    assert len(asked(inbox)) == 2 and dialler.variables["ACD_NEXT"] == "bye"


async def test_at_night_a_time_is_asked_for_unless_the_caller_is_called_at_once(call: Call) -> None:
    night = TIMES[2:]
    for key, chooses in (("1", False), ("2", True)):
        dialler, inbox = await call(now="2026-11-25T22:30", windows=night, by_file={
            YES: "1", "geri-arama-hemen": key, "geri-arama-icin-2": "2"})
        assert ("geri-arama-zaman" in dialler.played) is chooses
        assert [one.window is not None for one in asked(inbox)] == [False, *[True] * chooses]


async def test_another_telephone_is_never_called_in_quiet_hours(call: Call) -> None:
    dialler, inbox = await call(now="2026-11-25T23:00", number="anonymous", keys=[*OTHER, "", "1"])
    assert "geri-arama-arayacagiz" in dialler.played and "geri-arama-hemen" not in dialler.played
    assert [event.anytime for event in asked(inbox)] == [False]


@pytest.mark.parametrize(("service", "answer", "heard"), [
    ("ihbar", takes, "geri-arama-yok"), ("yok", takes, "geri-arama-yok"), ("unknown", takes, "geri-arama-yok"),
    ("genel", NoCallback(), "geri-arama-dolu"), ("genel", CallbackExists(), "geri-arama-var"),
    ("genel", NumberLeftAlone(), "geri-arama-yeter"), ("genel", Refused(), "geri-arama-bekleyin"),
    ("genel", InboxClosed(), "geri-arama-bekleyin"), ("genel", TimeoutError(), "geri-arama-bekleyin")])
async def test_who_cannot_be_called_back_hears_so_and_waits_on(call: Call, service: str, answer: Any,
                                                               heard: str) -> None:
    dialler, _ = await call(service=service, answer=answer, by_file={YES: "1"})
    assert heard in dialler.played and dialler.played[-1] == "geri-arama-bekleyin"
    assert dialler.variables["ACD_NEXT"] == "hold"


async def test_who_is_connected_meanwhile_or_not_known_is_not_asked(call: Call) -> None:
    dialler, _ = await call(state=ContactState.ASSIGNED)
    assert dialler.played == [] and dialler.variables["ACD_NEXT"] == "hold"
    dialler, inbox = await call(answer=contact_view(UNIQUEID, ContactState.ASSIGNED, service="genel"),
                                by_file={YES: "1"})
    assert len(asked(inbox)) == 1 and "geri-arama-tamam" not in dialler.played
    assert dialler.variables["ACD_NEXT"] == "hold"


async def test_slow_speech_is_kept_and_repeats_are_heard(call: Call) -> None:
    dialler, inbox = await call(keys=["#", "*", "1"])
    assert dialler.played.count(YES) == 2 and f"{YES}-yavas" in dialler.played
    assert dialler.variables["SC_SLOW"] == "1" and dialler.waited == [10_000, 10_000, 20_000] and len(asked(inbox)) == 1


async def test_an_agent_who_has_taken_a_callback_has_the_caller_dialled(call: Call) -> None:
    dialler, inbox = await call(route="dial", uniqueid=f"o17-{UNIQUEID}", answer=None)
    assert inbox.events == [CallbackAccepted(OfferId(17))] and dialler.variables["ACD_NEXT"] == "dial"
    dialler, _ = await call(route="dial", uniqueid=f"o17-{UNIQUEID}", answer=InboxClosed())
    assert "ACD_NEXT" not in dialler.variables, "the agent hears that it does not work now"
    dialler, inbox = await call(route="dial")
    assert inbox.events == [] and "ACD_NEXT" not in dialler.variables, "that is no agent's leg"
