"""Callers who are called back, with real phones: the place that is kept, both orders of dialling, each party hanging up
at each moment, a node that dies in the middle, and the number that is seen nowhere.

One lab, in its quiet hours: who wants to be called at once says so. Three stories go on in three services at the same
time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lab import lifecycle
from lab.pbx.fetch import AsteriskProgram
from lab.people import node_records
from lab.people.agent import SimAgent, ask_node
from lab.phones.ami_client import AmiClient
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from routing.ami.wire import Message
from routing.store.callers.number_keys import NumberKeys
from tests.ministry import copied, drop_rules, edit
from tests.system import ended
from tests.system.needs import KEY, LEAD, PARTNER, READS, SCREEN, SKILL, SWITCH
from tests.system.stage import Stage, length, plain, written
from tests.until import until_async

pytestmark = pytest.mark.system

ORDER, ORDER_KEY = "temsilci", "0"
AGENT_FIRST, AGENT_FIRST_KEY = "uzaktan_egitim", "2"
CALLER_FIRST, CALLER_FIRST_KEY = "gorus_oneri", "4"
CALLERS = 10
CALLBACK = "3"
CALLER_TONE, AGENT_TONE, PARTNER_TONE = 440, 700, 900
LIMIT_S = 60.0
HURRIED_KEYS = 3
"""Presses of `Stage.hurried`."""
PRESS_S = 0.7
"""Between two presses of a caller in a hurry."""


def centre_of(folder: Path) -> Path:
    """The ministry's centre: one service calls the caller first, and wants a key; nobody has a wrap-up. Without rules
    callers wait for their agent."""
    centre = copied(folder)
    drop_rules(centre)
    begin = f"  - id: {CALLER_FIRST}\n"
    edit(centre, "services.yaml", begin, f"{begin}    callback: caller_first\n    callback_press: true\n")
    return centre


def quiet_now() -> str:
    """Settings of a lab whose quiet hours have begun a minute ago and end in 23 hours."""
    now = datetime.now(ZoneInfo("Europe/Istanbul"))
    begins, ends = ((now + timedelta(minutes=minutes)).strftime("%H:%M") for minutes in (-1, -60))
    return f'[callback]\nquiet_from = "{begins}"\nquiet_to = "{ends}"\n[profile]\nwrapup_s = 0\n'


class Callers:
    """The people of one story: callers by number, and contacts by the hash of the number."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.keys = NumberKeys.load_keys(stage.lab.folder / "secrets" / "numbers.json")

    def contact(self, number: str) -> str:
        """The newest contact of a number that has not ended; empty: none."""
        rows = self.stage.lab.query_store("select contact from contacts where caller_hash = ? and outcome is null "
                                   "order by queued_at desc limit 1", self.keys.encrypt_number(f"+90{number[1:]}")[0])
        return str(rows[0]["contact"]) if rows else ""

    async def waits(self, key: str, number: str) -> tuple[Leg, str]:
        """A hurried caller who waits; their line and contact."""
        leg = await self.stage.hurried(key, number=number)
        contact = await until_async(lambda: self.contact(number), LIMIT_S, f"a contact; {leg.describe_moments()}")
        await through(leg)
        return leg, contact

    async def waiting(self) -> dict[str, dict[str, Any]]:
        """Return the callbacks that wait, by contact."""
        found = await ask_node(self.stage.info, "GET", "/api/v1/callbacks")
        return {one["id"]: one for one in found["callbacks"]}

    async def asks(self, leg: Leg, contact: str) -> None:
        """Wants to be called back at the number they have, at once; in a hurry. Then hangs up."""
        end = asyncio.get_running_loop().time() + LIMIT_S
        for key in cycle(CALLBACK + "111"):  # a key that comes before the dialogue that hears it is lost
            if contact in await self.waiting():
                break
            assert asyncio.get_running_loop().time() < end, f"no callback for {contact}: {leg.describe_moments()}"
            if not leg.ended.is_set():
                await leg.press_keys(key)
            await asyncio.sleep(PRESS_S)
        await leg.hang_up()
        await leg.wait_ended()

    async def called_back(self, key: str, number: str) -> str:
        """The whole of it; the contact."""
        leg, contact = await self.waits(key, number)
        await self.asks(leg, contact)
        return contact

    async def phone(self, number: str, behaviour: PhoneBehaviour) -> None:
        """How the telephone outside acts when it rings."""
        await self.stage.network.set_behaviour(f"90{number[1:]}", behaviour)

    async def rings(self, number: str, since: int = 0) -> Leg:
        """It rings."""
        return await self.stage.network.wait_ring(f"90{number[1:]}", since=since, limit=LIMIT_S)

    async def agent(self, name: str, behaviour: PhoneBehaviour | None = None) -> SimAgent:
        """Signs in; who waits rings at once."""
        seat = self.stage.info.seat_of(name)
        await self.stage.network.register_phones({seat.endpoint: seat.secret})
        return await self.stage.lab.sign_in_agent(name,
            behaviour or PhoneBehaviour(tone=AGENT_TONE, record=self.stage.folder))

    async def talks(self, person: SimAgent, contact: str) -> None:
        """This agent talks with this contact."""
        async def there() -> bool:
            view = await person.fetch_view()
            return bool(view["state"] == "talking" and view["contact"] == contact)

        await until_async(there, LIMIT_S, f"{person.id} talks with {contact}")

    async def row(self, contact: str, **wanted: Any) -> None:
        """The store has this of a contact."""
        def there() -> bool:
            (row,) = self.stage.lab.query_store("select * from contacts where contact = ?", contact)
            return all(row[name] == value for name, value in wanted.items())

        await until_async(there, LIMIT_S, f"{wanted} of {contact}")


async def through(leg: Leg) -> None:
    """Until the keys of a hurried caller are over: the first one that arrives queues them, a later one is an answer."""
    await until_async(lambda: leg.describe_moments().count("pressed") >= HURRIED_KEYS, LIMIT_S, "all keys")


async def hears_tone(stage: Stage, leg: Leg, hertz: int) -> None:
    """Until this end has heard the other's voice."""
    await until_async(lambda: leg.recording is not None and leg.recording.exists() and stage.tone_s(leg, hertz) > 0.3,
                      LIMIT_S, f"{hertz} Hz at {leg}: {leg.describe_moments()}")


# -- the stories -----------------------------------------------------------------------------------------------------


async def the_place_is_kept(callers: Callers) -> None:
    """Ten callers, one agent. The third is called back at once, the sixth in the morning, the eighth rings in again;
    each keeps the place."""
    stage = callers.stage
    numbers = [f"0532100000{place}" for place in range(CALLERS)]
    found = await asyncio.gather(*(callers.waits(ORDER_KEY, number) for number in numbers))
    await stage.counts(ORDER, CALLERS)
    order = [row["contact"]
        for row in stage.lab.query_store("select contact from contacts where service = ? order by since",
                                                      ORDER)]
    number_of = {contact: number for (_, contact), number in zip(found, numbers, strict=True)}
    leg_of = {contact: leg for leg, contact in found}
    at_once, later, again = order[2], order[5], order[7]
    await callers.phone(number_of[at_once], PhoneBehaviour(tone=CALLER_TONE, record=stage.folder))

    async def in_the_morning() -> None:
        leg = leg_of[later]
        await stage.hears_music(leg)  # a key over the words after the choice would end these words
        await leg.press_keys(CALLBACK)
        await stage.hears(leg, "geri-arama-numara")
        await leg.press_keys("1")
        await stage.hears(leg, "geri-arama-sessiz")
        await leg.press_keys("2")
        await stage.hears(leg, "geri-arama-tamam")
        assert later in await callers.waiting()
        await leg.hang_up()

    async def rings_in_again() -> str:
        await callers.asks(leg_of[again], again)
        leg = await stage.hurried(ORDER_KEY, number=number_of[again])
        await until_async(lambda: callers.contact(number_of[again]) not in ("", again), LIMIT_S, "the second call")
        await stage.hears(leg, "geri-arama-birlesti")
        contact = callers.contact(number_of[again])
        leg_of[contact] = leg
        return contact

    _, _, merged = await asyncio.gather(callers.asks(leg_of[at_once], at_once), in_the_morning(), rings_in_again())
    await stage.counts(ORDER, CALLERS + 1)
    assert again in await callers.waiting(), "the promise holds while they wait"
    agent = await callers.agent(plain(ORDER, 1, 30, alone=False)[0])
    for contact in [merged if one == again else one for one in order if one != later]:
        await callers.talks(agent, contact)
        if contact == at_once:
            leg = await callers.rings(number_of[contact])
            await stage.hears(leg, "geri-arama-bir-dakika")
            stage.in_order(leg, "geri-arama-merhaba", "geri-arama-bir-dakika")
            await hears_tone(stage, leg, AGENT_TONE)
            assert leg.shown_number == stage.info.numbers[0]
        else:
            leg = leg_of[contact]
        await leg.hang_up()
        assert await stage.ended(contact) == "answered"
    phones = [one for one in stage.network.rung if one.seat == agent.seat]
    assert phones[2].shown_name.startswith("Geri arama: "), "the third"
    stage.in_order(phones[2], "geri-arama-temsilci", "bilgi-temsilci")
    # The second call was too short to serve the caller, so the promise holds.
    await ask_node(stage.info, "POST", f"/api/v1/callbacks/{again}/cancel")
    assert (await callers.waiting())[later]["position"] == 1, "and nobody calls at night"
    await ask_node(stage.info, "POST", f"/api/v1/callbacks/{later}/cancel")
    assert await stage.ended(later) == "left"


async def agent_first(callers: Callers) -> None:
    """Each party hangs up at each moment. A separate story stops the node in the middle."""
    stage, (best, second) = callers.stage, plain(AGENT_FIRST, 2)
    first, busy = "05331000001", "05331000002"
    await callers.phone(first, PhoneBehaviour("ignore"))
    await callers.phone(busy, PhoneBehaviour("busy"))
    # One after the other: who came first is called first.
    contact = await callers.called_back(AGENT_FIRST_KEY, first)
    other = await callers.called_back(AGENT_FIRST_KEY, busy)
    # The agent hangs up while the caller's phone rings: it stops, and rings again for the next one. No try is counted.
    agent = await callers.agent(best, PhoneBehaviour())
    rung = await callers.rings(first)
    phone = await stage.network.wait_ring(agent.seat)
    await callers.phone(first, PhoneBehaviour("2", tone=CALLER_TONE, record=stage.folder))
    await agent.ask_as_agent("pause")
    await phone.hang_up()
    await rung.wait_ended()
    await callers.row(contact, tries=0, state="pending")
    before = len(stage.network.rung)
    # The other number is busy: the agent is free at once, and it is tried later.
    takes = await callers.agent(second)
    await callers.row(other, tries=1, state="pending")
    await stage.hears(await stage.network.wait_ring(takes.seat, before), "geri-arama-ulasilamadi")
    # The agent hangs up while the caller hears who calls: the caller waits on the line, and the next one takes them.
    leg = await callers.rings(first, before)
    phone = next(one for one in reversed(stage.network.rung) if one.seat == takes.seat)
    await leg.wait_answered()
    await takes.ask_as_agent("pause")
    await phone.hang_up()
    await agent.set_behaviour(PhoneBehaviour(tone=AGENT_TONE, record=stage.folder))
    await agent.ask_as_agent("resume")
    await callers.talks(agent, contact)
    assert not leg.ended.is_set(), leg.describe_moments()
    await callers.row(contact, callback=0, state="assigned")
    await leg.hang_up()
    assert await stage.ended(contact) == "answered"
    assert (await agent.fetch_view())["rna_count"] == (await takes.fetch_view())["rna_count"] == 0
    await ask_node(stage.info, "POST", f"/api/v1/callbacks/{other}/cancel")


async def caller_first(callers: Callers) -> None:
    """The agent rings when the caller has come and pressed 1; who does not come is tried later."""
    stage, (best, second) = callers.stage, plain(CALLER_FIRST, 2)
    mailbox, hangs_up, comes = "05341000001", "05341000002", "05341000003"
    await callers.phone(mailbox, PhoneBehaviour(record=stage.folder))
    await callers.phone(hangs_up, PhoneBehaviour(talk=1.5))
    await callers.phone(comes, PhoneBehaviour(
        tone=CALLER_TONE, press=f"1@{length('geri-arama-merhaba') + 4.0:.2f}s", record=stage.folder))
    contacts = []
    for number in (comes, mailbox, hangs_up):
        contacts.append(await callers.waits(CALLER_FIRST_KEY, number))
    await asyncio.gather(*(callers.asks(leg, contact) for leg, contact in contacts))
    (_, there), (_, box), (_, gone) = contacts
    declines = await callers.agent(best, PhoneBehaviour("decline"))
    leg = await callers.rings(comes)
    assert not [one for one in stage.network.rung if one.seat == declines.seat], "the caller comes first"
    phone = await stage.network.wait_ring(declines.seat, limit=LIMIT_S)
    assert phone.shown_name.startswith("Görüş ve öneri"), "there is a caller on the line by now"
    takes = await callers.agent(second)
    await callers.talks(takes, there)
    await stage.hears(leg, "geri-arama-bir-dakika")
    await leg.hang_up()
    assert await stage.ended(there) == "answered"
    await declines.ask_as_agent("pause")
    await callers.row(gone, tries=1)
    await callers.row(box, tries=1)
    reasons = stage.lab.query_store("select reason from offers where contact in (?, ?) order by reason", gone, box)
    assert {row["reason"] for row in reasons} == {"callback_no_key", "callback_refused"}
    told = await callers.rings(mailbox)
    await told.wait_ended()
    stage.heard(told, "geri-arama-bas")
    assert (await takes.fetch_view())["rna_count"] == 0
    for contact in (box, gone):
        await ask_node(stage.info, "POST", f"/api/v1/callbacks/{contact}/cancel")


async def the_node_dies(callers: Callers) -> None:
    """Killed while the caller's phone rings: who answers hears who calls and then music, the agent hears music, and the
    new node brings them together."""
    stage, lab = callers.stage, callers.stage.lab
    number, (best,) = "05351000001", plain(AGENT_FIRST, 3)[2:]
    await callers.phone(number, PhoneBehaviour("1", tone=CALLER_TONE, record=stage.folder))
    contact = await callers.called_back(AGENT_FIRST_KEY, number)
    agent = await callers.agent(best)
    leg = await callers.rings(number)
    lab.kill_node()
    await leg.wait_answered()
    await lab.start_node()
    await callers.talks(agent, contact)
    await hears_tone(stage, leg, AGENT_TONE)
    await hears_tone(stage, next(one for one in stage.network.rung if one.seat == agent.seat), CALLER_TONE)
    await leg.hang_up()
    assert await stage.ended(contact) == "answered"


Story = Callable[[Callers], Coroutine[Any, Any, None]]
TOGETHER: tuple[Story, ...] = (the_place_is_kept, agent_first, caller_first)
STORIES: tuple[Story, ...] = (*TOGETHER, the_node_dies)


@pytest.fixture(scope="module")
def told(asterisk_tree: AsteriskProgram, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
         ) -> dict[str, BaseException | list[str]]:
    """How each story that is asked for went, and (`leaks`) where a caller's number was seen."""
    asked = " ".join(item.name for item in request.session.items)
    wanted = {story.__name__ for story in STORIES if story.__name__ in asked}
    folder = tmp_path_factory.mktemp("callback")
    info = lifecycle.start_lab(centre_of(folder), folder / "lab", extra=quiet_now())
    heard: list[Message] = []

    async def everything() -> dict[str, BaseException | list[str]]:
        secrets = json.loads((folder / "lab" / "secrets" / "ami.json").read_text(encoding="utf-8"))
        ami = AmiClient(heard.append)
        await ami.connect_to(int(info.ami.rpartition(":")[2]), "santral-events", secrets["events"])
        found: dict[str, BaseException | list[str]] = {}

        async def tell(story: Story) -> None:
            lab = LabSession(info)  # not as a context: what one story leaves behind is not the others'
            async with lab.network:
                try:
                    await story(Callers(Stage(lab, tmp_path_factory.mktemp("story"))))
                except Exception as error:
                    found[story.__name__] = error
                await lab.network.hang_up_all()
                for person in lab.people:
                    await person.sign_out()

        await asyncio.gather(*(tell(story) for story in TOGETHER if story.__name__ in wanted))
        if the_node_dies.__name__ in wanted:
            await tell(the_node_dies)
        await ami.close()
        return found

    try:
        found = asyncio.run(everything())
        found["leaks"] = leaks(folder / "lab", info, heard)
    finally:
        ended.down(folder / "lab")
    return found


def leaks(folder: Path, info: lifecycle.LabInfo, heard: list[Message]) -> list[str]:
    """Every place but the secrets where the subscriber's part of a caller's number stands; the network outside knows
    whom it plays."""
    seen = {str(path): text for path, text in written(folder, {"network", "recordings", "secrets"}).items()}
    seen |= {"AMI": "".join(one.text for one in heard).encode()}
    seen |= {page: node_records.fetch_page(info.http, page).encode() for page in ("/metrics", "/health/ready")}
    parts = [f"{prefix}100000".encode() for prefix in ("532", "533", "534", "535")]
    return [place for place, text in seen.items() if any(part in text for part in parts)]


@pytest.mark.parametrize("story", [*TOGETHER, pytest.param(the_node_dies, marks=pytest.mark.long)],
                         ids=lambda story: story.__name__)
def test_a_story(told: dict[str, Any], story: Story) -> None:
    trouble = told.get(story.__name__)
    if trouble is not None:
        raise trouble


def test_a_callers_number_is_seen_nowhere(told: dict[str, Any]) -> None:
    assert told["leaks"] == []


@pytest.mark.long
async def test_agents_who_need_something_take_callbacks_as_they_take_calls(needs: Stage) -> None:
    """A pair whose two phones join, one key for everything, time to read: the caller is dialled when they are ready."""
    callers, number = Callers(needs), "05361000001"
    await callers.phone(number, PhoneBehaviour("0", tone=CALLER_TONE, record=needs.folder))
    briefed = length("geri-arama-temsilci") + length(f"bilgi-{SKILL}")
    by_key = PhoneBehaviour(tone=AGENT_TONE, record=needs.folder, press=f"5@{briefed + 1.0:.2f}s")
    plainly = by_key._replace(press="")
    for people in (((LEAD, plainly), (PARTNER, plainly._replace(tone=PARTNER_TONE))), ((SWITCH, by_key),),
                   ((READS, plainly),), ((SCREEN, plainly),)):
        contact = await callers.called_back(KEY, number)
        since = len(needs.network.rung)
        agents = [await callers.agent(name, behaviour) for name, behaviour in people]
        leg = await callers.rings(number, since)
        await callers.talks(agents[0], contact)
        for _, behaviour in people:
            assert behaviour.tone is not None
            await hears_tone(needs, leg, behaviour.tone)
        await leg.hang_up()
        assert await needs.ended(contact) == "answered"
        for agent in agents:
            await agent.sign_out()
