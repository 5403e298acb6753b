"""Wishes for later calls over a real socket: asked once, where it costs nobody time; told and taken back at the next
call; noted by the agent's keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from ivr.caller.preferences import CallerPreference
from ivr.dialogues import Dialogues
from ivr.hold.hold_script import ASKED_S, EARLY_S
from ivr.settings import DEFAULT_HOLD, DISTRESS_HOLD, IvrSettings
from routing.core.events import ContactQueued
from routing.core.model.centre_model import ContactState
from routing.core.model.ids import ContactId
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.integration.ivr_node import Serve, said, services, tick

pytestmark = pytest.mark.integration

NUMBER, HASH = "05321234567", "hash(+905321234567)"
SETTINGS = IvrSettings(node="one", survey=frozenset({"psikososyal"}),
                       waits={"temsilci": replace(DEFAULT_HOLD, preferences=True), "psikososyal": DISTRESS_HOLD})


class Remembered:
    """Keeps wishes in memory, and notes what it was asked."""

    def __init__(self) -> None:
        self.is_enabled, self.works = True, True
        self.wishes: dict[str, CallerPreference] = {}
        self.calls: list[str] = []
        self.of_contacts: dict[str, str] = {}

    def preference_of(self, caller_hash: str) -> CallerPreference:
        return self.wishes.get(caller_hash, CallerPreference())

    def note_call(self, caller_hash: str) -> None:
        self.calls.append(caller_hash)

    async def save_preference(self, caller_hash: str, *, slow: bool | None = None,
            human_first: bool | None = None) -> bool:
        if not self.works or not caller_hash:
            return False
        was = self.preference_of(caller_hash)
        self.wishes[caller_hash] = CallerPreference(was.slow if slow is None else slow,
                                        was.human_first if human_first is None else human_first)
        return True

    async def save_for_contact(self, contact: ContactId, *, slow: bool | None = None,
            human_first: bool | None = None) -> bool:
        return await self.save_preference(self.of_contacts.get(contact, ""), slow=slow, human_first=human_first)


class House:
    """Dialogues whose steady clock is the test's."""

    def __init__(self, dialogues: Dialogues, wishes: Remembered) -> None:
        self.dialogues, self.wishes, self.now = dialogues, wishes, 0.0
        dialogues.waiting.steady = lambda: self.now

    @property
    def port(self) -> int:
        return self.dialogues.server.address[1]

    async def tick(self, variables: dict[str, str], key: str = "", after_s: float = 15.0) -> list[str]:
        """One round of the hold loop; what is heard in it."""
        self.now += after_s
        variables.pop("ACD_SAY", None)
        dialler = await tick(self.port, key, **variables)
        variables |= dialler.variables
        return said(dialler)


Start = Callable[[FakeInbox], Awaitable[House]]


@pytest.fixture
def start(serve: Serve) -> Start:
    async def begin(inbox: FakeInbox) -> House:
        wishes = Remembered()
        return House(await serve(inbox, settings=SETTINGS, services=services("ihbar_sikayet"), wishes=wishes), wishes)

    return begin


def waits(service: str = "temsilci", state: ContactState = ContactState.PENDING) -> FakeInbox:
    return FakeInbox(contact_view(UNIQUEID, state, 1, service, slow=True))


def caller(**more: str) -> dict[str, str]:
    return {"SC_NUMBER": NUMBER, "SC_SLOW": "1"} | more


async def test_the_number_is_sealed_once_in_a_call(serve: Serve) -> None:
    """For the wish, and for the contact: it is as much work as all the rest of a step."""
    sealed: list[str] = []

    def seal(number: str) -> tuple[str, str]:
        sealed.append(number)
        return HASH, "box"

    dialogues = await serve(waits(), seal=seal, wishes=Remembered())
    await Dialler(dialogues.server.address[1], "menu", "ana", variables=caller(), by_file={
        "ana-menu-2-yavas": "2"}).call()
    assert sealed == ["+90" + NUMBER[1:]] and dialogues.entry.wishes.calls == [HASH]


# -- asked


async def test_it_is_asked_once_in_the_line_and_kept(start: Start) -> None:
    house, there = await start(waits()), caller()
    assert "yavas-hatirlansin-mi-yavas" not in await house.tick(there), "first the place in line"
    assert await house.tick(there) == ["yavas-hatirlansin-mi-yavas"]
    assert there["SC_PREFERENCE_ASKED"] == "1"
    assert await house.tick(there, "1", EARLY_S + 1) == ["yavas-hatirlanacak-yavas"]
    assert house.wishes.wishes == {HASH: CallerPreference(slow=True)}
    for _ in range(3):
        assert "yavas-hatirlansin-mi-yavas" not in await house.tick(there)
    assert await house.tick(there, "1") == ["bekleme-tus-yavas"], "the key has its old meaning again"


async def test_a_key_before_anybody_can_have_heard_it_is_no_answer(start: Start) -> None:
    house, there = await start(waits()), caller()
    await house.tick(there)
    await house.tick(there)
    assert await house.tick(there, "1", EARLY_S - 1) == ["yavas-hatirlansin-mi-yavas"]
    assert house.wishes.wishes == {}
    assert await house.tick(there, "1", ASKED_S + 1) == ["bekleme-tus-yavas"], "nor one a minute later"
    assert house.wishes.wishes == {}


async def test_the_answer_counts_while_a_phone_rings_and_covers_nothing(start: Start) -> None:
    inbox = waits()
    house, there = await start(inbox), caller()
    await house.tick(there)
    await house.tick(there)
    inbox.answers = [contact_view(UNIQUEID, ContactState.RESERVED, 0, "temsilci", slow=True)]
    assert await house.tick(there, "1", EARLY_S + 1) == [] \
        and house.wishes.wishes == {HASH: CallerPreference(slow=True)}


async def test_what_cannot_be_kept_is_not_promised(start: Start) -> None:
    house, there = await start(waits()), caller()
    house.wishes.works = False
    await house.tick(there)
    await house.tick(there)
    assert await house.tick(there, "1", EARLY_S + 1) == ["yavas-hatirlanamadi-yavas"]


@pytest.mark.parametrize("why", ["distress", "other service", "withheld", "normal speech", "asked before", "remembered",
                                 "not kept"])
async def test_who_is_not_asked(start: Start, why: str) -> None:
    there = caller(**({"SC_NUMBER": "anonymous"} if why == "withheld" else {"SC_PREFERENCE_ASKED": "1"}
        if why == "asked before"
                      else {"SC_SLOW": ""} if why == "normal speech" else {}))
    service = {"distress": "psikososyal", "other service": "gorus_oneri"}.get(why, "temsilci")
    inbox = waits(service)
    if why == "normal speech":
        inbox = FakeInbox(contact_view(UNIQUEID, ContactState.PENDING, 1, service))
    house = await start(inbox)
    house.wishes.is_enabled = why != "not kept"
    if why == "remembered":
        house.wishes.wishes[HASH] = CallerPreference(slow=True)
    for _ in range(6):
        assert not any("hatirlansin" in key for key in await house.tick(there))
    inbox.contacts = [(contact_view(UNIQUEID, ContactState.WRAPPING, 0, service),)]
    dialler = await Dialler(house.port, "after-talk", variables=there | {"SC_SERVICE": service}).call()
    assert dialler.variables["ACD_NEXT"] == ("survey" if why == "distress" else "bye")
    dialler = await Dialler(house.port, "survey", variables=there | {"SC_SERVICE": service}, keys=["1", "1"]).call()
    assert not any("hatirlansin" in key for key in dialler.played)


@pytest.mark.parametrize(("key", "said"), [("1", ["yavas-hatirlansin-mi-yavas", "yavas-hatirlanacak-yavas"]),
                                           ("2", ["yavas-hatirlansin-mi-yavas"]), ("", ["yavas-hatirlansin-mi-yavas"])])
async def test_who_never_waited_is_asked_after_the_talk(start: Start, key: str, said: list[str]) -> None:
    inbox = FakeInbox()
    inbox.contacts = [(contact_view(UNIQUEID, ContactState.WRAPPING, 0, "temsilci"),)]
    house, there = await start(inbox), caller(SC_SERVICE="temsilci")
    dialler = await Dialler(house.port, "after-talk", variables=there).call()
    assert dialler.variables["ACD_NEXT"] == "survey"
    dialler = await Dialler(house.port, "survey", variables=there, keys=[key, ""]).call()
    assert dialler.played == said and dialler.variables["SC_PREFERENCE_ASKED"] == "1"
    assert dialler.variables["ACD_NEXT"] == "bye" and inbox.events == [], "no survey of a service that has none"
    assert house.wishes.wishes == ({HASH: CallerPreference(slow=True)} if key == "1" else {})


# -- remembered


async def test_the_next_call_begins_slowly_and_asks_nothing(start: Start) -> None:
    house = await start(inbox := FakeInbox(contact_view(UNIQUEID)))
    house.wishes.wishes[HASH] = CallerPreference(slow=True)
    dialler = await Dialler(house.port, "menu", "ana", variables={"SC_NUMBER": NUMBER},
                            by_file={"ana-menu-2-yavas": "2"}).call()
    assert dialler.played[:3] == ["yavas-hatirlandi-yavas", "karsilama-yavas", "ana-menu-1-yavas"]
    assert dialler.variables["SC_SLOW"] == "1" and house.wishes.calls == [HASH]
    assert isinstance(inbox.events[0], ContactQueued) and inbox.events[0].slow


async def test_nine_forgets_at_once_also_for_who_hangs_up_then(start: Start) -> None:
    house = await start(FakeInbox(contact_view(UNIQUEID)))
    house.wishes.wishes[HASH] = CallerPreference(slow=True, human_first=True)
    dialler = Dialler(house.port, "menu", "ana", variables={"SC_NUMBER": NUMBER},
                      by_file={"yavas-hatirlandi-yavas": "9"})
    dialler.at_file["yavas-unutuldu"] = lambda: setattr(dialler, "hang_up_at", len(dialler.commands) + 1)
    await dialler.call()
    assert dialler.played[:2] == ["yavas-hatirlandi-yavas", "yavas-unutuldu"]
    assert house.wishes.wishes[HASH] == CallerPreference(human_first=True)


async def test_a_person_at_once_with_the_points_of_the_centre(start: Start) -> None:
    house = await start(inbox := FakeInbox(contact_view(UNIQUEID)))
    house.wishes.wishes[HASH] = CallerPreference(human_first=True)
    dialler = await Dialler(house.port, "menu", "ana", variables={"SC_NUMBER": NUMBER}).call()
    assert dialler.played == ["temsilci-hatirlandi"]
    [event] = inbox.events
    assert isinstance(event, ContactQueued) and (event.service, event.priority) == ("temsilci", 10)
    assert dialler.variables["ACD_NEXT"] == "hold"


@pytest.mark.parametrize("number", ["05329999999", "anonymous", "${SHELL(id)}"])
async def test_nobody_else_is_taken_for_them(start: Start, number: str) -> None:
    house = await start(inbox := FakeInbox(contact_view(UNIQUEID)))
    house.wishes.wishes[HASH] = CallerPreference(True, True)
    dialler = await Dialler(house.port, "menu", "ana", variables={"SC_NUMBER": number},
                            by_file={"ana-menu-0": "0"}).call()
    [event] = inbox.events
    assert dialler.played[0] == "karsilama" and isinstance(event, ContactQueued)
    assert (event.priority, event.slow) == (0, False)


async def test_while_the_centre_is_closed_nobody_is_led_to_a_person(start: Start) -> None:
    house = await start(FakeInbox(contact_view(UNIQUEID)))
    house.dialogues.entry.entry_now = lambda entry: "kapali"
    house.wishes.wishes[HASH] = CallerPreference(slow=True, human_first=True)
    dialler = await Dialler(house.port, "menu", "ana", variables={"SC_NUMBER": NUMBER},
                            by_file={"ana-menu-1-yavas": "1"}).call()
    assert dialler.played[:3] == ["yavas-hatirlandi-yavas", "karsilama-yavas", "ana-menu-1-yavas"]


async def test_a_call_to_an_anonymous_service_is_not_noted(start: Start) -> None:
    house = await start(FakeInbox(contact_view(UNIQUEID)))
    house.wishes.wishes[HASH] = CallerPreference(slow=True)
    await Dialler(house.port, "menu", "ana", variables={"SC_NUMBER": NUMBER}, by_file={"ana-menu-3-yavas": "3"}).call()
    assert house.wishes.calls == [""]


# -- said to an agent


@pytest.mark.parametrize(("how", "known", "said", "kept"), [
    ("person_first", True, "istek-tamam", CallerPreference(human_first=True)),
    ("menu_first", True, "istek-iptal", CallerPreference()),
    ("person_first", False, "istek-olmaz", None)])
async def test_the_agent_notes_it_by_keys(start: Start, how: str, known: bool, said: str,
        kept: CallerPreference | None) -> None:
    house = await start(inbox := FakeInbox())
    if known:
        house.wishes.of_contacts["c1"] = HASH
    dialler = await Dialler(house.port, "in-call-key", how, "", "o7-c1").call()
    assert dialler.variables["ACD_SAY"] == f"/sounds/tr/{said}" and dialler.variables["ACD_NEXT"] == "hold"
    assert house.wishes.wishes.get(HASH) == kept and inbox.events == []
