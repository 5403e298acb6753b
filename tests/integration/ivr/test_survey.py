"""The survey and spoken messages over a real socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.caller import voice_message
from ivr.settings import IvrSettings
from routing.core.events import SurveyAnswered
from routing.core.inbox import InboxClosed
from routing.core.model.centre_model import ContactState
from routing.core.model.errors import UnknownService
from routing.core.model.ids import ContactId, ServiceId
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.integration.ivr_node import Serve, Start

pytestmark = pytest.mark.integration

SPEECH = bytes(40_000)


@pytest.fixture
def start(serve: Serve, tmp_path: Path) -> Start:
    async def begin(inbox: FakeInbox, keep: voice_message.StoreMessage | None = None) -> int:
        asked = frozenset({"temsilci"})
        dialogues = await serve(inbox, settings=IvrSettings(survey=asked, messages=asked), spool=tmp_path, keep=keep)
        return dialogues.server.address[1]

    return begin


def survey(port: int, *keys: str, service: str = "temsilci", **more: str) -> Dialler:
    return Dialler(port, "survey", variables={"SC_SERVICE": service, **more}, keys=[*keys])


def answers(inbox: FakeInbox) -> list[tuple[str, int]]:
    found = [event for event in inbox.events if isinstance(event, SurveyAnswered)]
    assert all((one.contact, one.service) == (UNIQUEID, "temsilci") for one in found)
    return [(one.question, one.answer) for one in found]


@pytest.mark.parametrize(("service", "onward"), [("temsilci", "survey"), ("psikososyal", "bye"), ("", "bye")])
async def test_only_callers_of_some_services_are_asked(start: Start, service: str, onward: str) -> None:
    inbox = FakeInbox()
    inbox.contacts = [(contact_view(UNIQUEID, ContactState.WRAPPING),)]
    dialler = await Dialler(await start(inbox), "after-talk", variables={"SC_SERVICE": service}).call()
    assert dialler.variables["ACD_NEXT"] == onward
    other = FakeInbox()
    await survey(await start(other), service="psikososyal").call()
    assert other.events == []


async def test_who_talked_with_an_agent_without_wrap_up_is_asked_too(start: Start) -> None:
    """Where there is no wrap-up the engine has completed the contact by the time the caller comes here."""
    inbox = FakeInbox()
    inbox.contacts = [(contact_view(UNIQUEID, ContactState.ASSIGNED),), ()]
    dialler = await Dialler(await start(inbox), "after-talk", variables={"SC_SERVICE": "temsilci"}).call()
    assert dialler.variables["ACD_NEXT"] == "survey"


async def test_answers_reach_the_engine_one_by_one(start: Start) -> None:
    inbox = FakeInbox()
    dialler = await survey(await start(inbox), "4", "1").call()
    assert answers(inbox) == [("asked", 0), ("cared", 4), ("solved", 1)]
    assert dialler.played == ["anket-giris", "anket-ilgi", "anket-cozum", "anket-tesekkur"]
    assert "${SET(SC_ALIVE=1)}" in dialler.commands[0], "the first act"


async def test_who_hangs_up_has_said_what_they_said(start: Start) -> None:
    inbox = FakeInbox()
    dialler = survey(await start(inbox), "2", SC_SLOW="1")
    dialler.hang_up_at = 9
    await dialler.call()
    assert answers(inbox) == [("asked", 0), ("cared", 2)] and dialler.played[0] == "anket-giris-yavas"


@pytest.mark.parametrize("answer", [InboxClosed(), TimeoutError(), UnknownService()])
async def test_no_engine_no_survey(start: Start, answer: Exception) -> None:
    dialler = await survey(await start(FakeInbox(answer)), "5").call()
    assert dialler.played == []


async def test_a_spoken_message_is_kept_and_counted(start: Start, tmp_path: Path) -> None:
    kept: list[tuple[bytes, str, str, str]] = []

    async def keep(path: Path, contact: ContactId, kind: str, service: ServiceId) -> bool:
        kept.append((path.read_bytes(), contact, kind, service))
        path.unlink()
        return True

    inbox = FakeInbox()
    dialler = survey(await start(inbox, keep), "5", "1", "1")
    dialler.recording = SPEECH
    await dialler.call()
    assert kept == [(SPEECH, UNIQUEID, "survey", "temsilci")] and not list(tmp_path.iterdir())
    assert answers(inbox)[-1] == ("message", 0)
    assert dialler.played[-4:] == ["anket-mesaj", "mesaj-konusun", "mesaj-alindi", "anket-tesekkur"]
    assert 'EXEC "PlayTones" "!1000/300"' in dialler.commands


async def test_silence_is_no_message(start: Start, tmp_path: Path) -> None:
    async def keep(path: Path, contact: ContactId, kind: str, service: ServiceId) -> bool:
        raise AssertionError("nothing was said")

    inbox = FakeInbox()
    dialler = survey(await start(inbox, keep), "5", "1", "1")
    dialler.recording = bytes(200)
    await dialler.call()
    assert dialler.played[-5:] == ["mesaj-konusun", "mesaj-duyulmadi", "mesaj-konusun", "mesaj-alinamadi",
                                   "anket-tesekkur"]
    assert answers(inbox)[-1] == ("solved", 1) and not list(tmp_path.iterdir()), "nothing is left behind"


async def test_who_hangs_up_while_speaking_has_left_a_message(start: Start) -> None:
    kept: list[str] = []

    async def keep(path: Path, contact: ContactId, kind: str, service: ServiceId) -> bool:
        kept.append(path.name)
        return True

    dialler = survey(await start(FakeInbox(), keep), "5", "1", "1")
    dialler.recording, dialler.hang_up_recording = SPEECH, True
    await dialler.call()
    assert len(kept) == 1 and kept[0].startswith(f"survey-temsilci-{UNIQUEID}~") and kept[0].endswith(".wav")
