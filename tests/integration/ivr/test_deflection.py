"""A call that ends because nobody is free soon, over a real socket: words, one key, and never for distress."""

from __future__ import annotations

import pytest

from ivr.routes import deflection
from lab.lifecycle import SOUNDS
from prompts.prompt_lengths import PromptLengths
from routing.core.events import CallbackRequested, ContactExited, ContactQueued
from routing.core.inbox import QueueLoad
from routing.core.model.errors import NoCallback
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.integration.ivr_node import Start, services
from tests.ministry import WORDS

pytestmark = pytest.mark.integration

MOBILE = "05321234567"


async def deflected(start: Start, inbox: FakeInbox, key: str = "", number: str = MOBILE, choice: str = "0",
                    waiting: int = 20) -> Dialler:
    """A caller who chooses a service with this many waiting, of which 20 are too many."""
    inbox.loads = {"temsilci": QueueLoad(waiting, None), "psikososyal": QueueLoad(99, None)}
    known = [one._replace(distress=one.id == "psikososyal") for one in services("")]
    port = await start(inbox, services=known,
                       is_deflected=lambda service, count, _: service != "psikososyal" and count >= 20)
    keys = {f"ana-menu-{choice}": choice, deflection.WORDS: key}
    return await Dialler(port, "menu", "ana", variables={"SC_NUMBER": number}, by_file=keys).call()


async def test_silence_ends_the_call_and_nobody_was_queued(start: Start) -> None:
    inbox = FakeInbox()
    dialler = await deflected(start, inbox)
    assert dialler.played[-2:] == [deflection.WORDS, deflection.CALLBACK_WORDS]
    assert dialler.variables["ACD_NEXT"] == "end" and inbox.events == []


async def test_key_one_is_distress_here_too(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = await deflected(start, inbox, "1")
    assert dialler.variables["ACD_NEXT"] == "hold"
    assert [event.service for event in inbox.events if isinstance(event, ContactQueued)] == ["psikososyal"]


async def test_key_three_is_a_callback_and_the_caller_hangs_up(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID, service="temsilci"),
                      contact_view(UNIQUEID, service="temsilci")._replace(callback=True))
    dialler = await deflected(start, inbox, "3")
    assert dialler.played[-1] == deflection.AGREED and dialler.variables["ACD_NEXT"] == "end"
    assert [type(event) for event in inbox.events] == [ContactQueued, CallbackRequested]
    assert inbox.events[1].caller_hash == "hash(+905321234567)"  # type: ignore[union-attr]


async def test_a_callback_that_is_refused_leaves_nobody_in_the_queue(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID, service="temsilci"), NoCallback())
    dialler = await deflected(start, inbox, "3")
    assert dialler.played[-1] == deflection.NOT_POSSIBLE and dialler.variables["ACD_NEXT"] == "end"
    assert inbox.events[-1] == ContactExited(UNIQUEID, "deflected")  # type: ignore[arg-type]


async def test_a_withheld_number_is_offered_no_callback(start: Start) -> None:
    dialler = await deflected(start, FakeInbox(), "3", number="anonymous")
    assert deflection.CALLBACK_WORDS not in dialler.played and dialler.variables["ACD_NEXT"] == "end"


@pytest.mark.parametrize(("choice", "waiting"), [("0", 19), ("1", 500)])
async def test_below_the_limit_and_in_distress_callers_wait(start: Start, choice: str, waiting: int) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = await deflected(start, inbox, choice=choice, waiting=waiting)
    assert deflection.WORDS not in dialler.played and dialler.variables["ACD_NEXT"] == "hold"


def test_a_deflected_call_holds_its_line_for_fifteen_seconds_at_most() -> None:
    length = PromptLengths.of_folders(SOUNDS, words=WORDS).length_s
    words = sum(map(length, (deflection.WORDS, deflection.CALLBACK_WORDS, deflection.TEXT_WORDS)))
    answer = max(map(length, (deflection.AGREED, deflection.NOT_POSSIBLE)))
    assert words + deflection.KEY_S + answer <= deflection.LIMIT_S
