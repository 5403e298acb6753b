"""The output of the real engine under disorder is stored without a conflict, and a restart finds the same."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from routing.core import events as e
from routing.core import journal
from routing.core.engine import Engine
from routing.core.memory.callers import Abused, OldPlace
from routing.core.model import facts as f
from routing.core.model.centre_model import CallbackOrder, Channel, Profile
from routing.core.model.ids import AgentId, ContactId, ServiceId
from routing.core.stored import Started
from routing.store.callers import caller_input, erasure
from routing.store.reader import POSITIONS_MAX, Reader
from routing.store.store import Store
from tests.core.driver import Driver
from tests.core.house import EDU, House, farewell_after
from tests.fakes.store_day import Turn
from tests.oracle.crowd import Crowd

pytestmark = pytest.mark.integration

STEPS = 3_000

HOUSE_EVENTS = 2_000
HOUSES = range(60, 100)
"""Random ones at most, until everything has occurred that gives a caller another age or another time in the service."""


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_facts_of_the_engine_fit(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    driver = Driver()
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    entries = facts = 0
    driver.open_house()
    for number in range(STEPS):
        driver.some_step(rng)
        if number % 200 == 199:
            driver.revive()
        if rng.random() < 0.1 or number == STEPS - 1:
            await store.commit(Turn(driver.entries[entries:], driver.facts[facts:], driver.changes.take()))
            entries, facts = len(driver.entries), len(driver.facts)
    loaded = await store.load_state()
    await store.close()
    live = driver.engine.status(driver.now)
    assert loaded.next_fact == len(driver.facts) + 1 > STEPS // 3
    assert {one.contact: one.state for one in loaded.contacts} == {one.contact: one.state for one in live.contacts}
    assert {one.offer: one.state for one in loaded.offers
            if one.state in ("pending", "accepted") and one.channel is Channel.VOICE} \
        == {one.offer: one.state for one in driver.engine.live_offers()}
    states = {one.agent: (one.state, one.reason, one.seat, one.since, one.wrapup_until, one.pause_pending,
        one.rna_count)
              for one in loaded.agents if one.state != "signed_out"}
    assert states == {one.agent: (one.state, one.reason, one.seat, one.since, one.until, one.pause_pending,
                                  one.rna_count) for one in live.agents if one.state != "signed_out"}
    with Reader(tmp_path / "santral.db") as reader:
        inputs = []
        while page := reader.journal_after(len(inputs)):
            inputs += page
    # The journal alone tells the whole day again, bit for bit.
    again = journal.replay_entries([(one.at, one.event) for one in inputs])
    assert [*map(journal.stored_form, again)] == [*map(journal.stored_form, driver.facts)]


async def test_rows_know_since_when_each_waits_in_the_service_and_by_which_it_came(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart keeps the start of the overflow time after each event. With a wrong start the node would send callers
    at the head of the queue away at once."""
    facts: list[f.Fact] = []
    take = Engine.take_facts

    def kept(engine: Engine) -> list[f.Fact]:
        taken = take(engine)
        facts.extend(taken)
        return taken

    monkeypatch.setattr(Engine, "take_facts", kept)
    seen: Counter[str] = Counter()
    telling = {"talk over lost", "talk over transfer", "callback reached", "callback merged", "moved waited",
               "consult consultstarted", "consult consultcancelled", "consult over transfer"}
    for seed in HOUSES:
        facts.clear()
        crowd = Crowd(seed, restarts=False)
        store = await Store.open_store(tmp_path / f"{seed}.db")
        await store.take_lease("test")
        written = 0
        while crowd.side_by_side.events < HOUSE_EVENTS:
            for _ in range(100):
                crowd.step()
            await store.commit(Turn([], facts[written:], crowd.side_by_side.changes.take()))
            written = len(facts)
            told = {one.contact: (one.entered_at, one.visited)
                    for one in (await store.load_state()).contacts}
            known = {str(one.id): (one.entered_at, one.visited)
                     for one in crowd.side_by_side.engine._domain.contacts.values()}
            assert told == known
            seen["compared"] += len(known)
        await store.close()
        seen += crowd.side_by_side.seen
        if telling <= seen.keys():
            break
    assert telling <= seen.keys() and seen["compared"] > 100


@pytest.mark.parametrize("case", ["cut", "merged", "kept", "declined", "lost", "given"])
async def test_a_start_sends_nobody_away_who_had_time(tmp_path: Path, case: str) -> None:
    """Of an old call or callback a caller has the age, not the minutes off the line; after a talk the time begins."""
    edu = EDU._replace(when_waited=farewell_after(300.0), follows_up=True)
    told = House({"a": 50}, Profile(wrapup_s=0.0), (edu, edu._replace(id=ServiceId("tip"))))
    if case in ("cut", "given"):
        told.sits("a", at=1.0)
        offer = told.talks(10.0)
        if case == "given":
            told.tell(e.ConsultRequested(offer.offer, ServiceId("tip")), 590.0)
        told.tell(e.OfferEnded(offer.offer, "lost"), 610.0)
        name, since, entered_at = "c1", 10.0, 610.0
    elif case == "merged":
        told.waits("edu", 10.0, caller_hash="h")
        told.tell(e.CallbackRequested(ContactId("c1")), 20.0)
        told.tell(e.CallerHungUp(ContactId("c1")), 25.0)
        told.waits("edu", 610.0, caller_hash="h")
        name, since, entered_at = "c2", 10.0, 610.0
    elif case == "lost":
        told.sits("a", at=1.0)
        offer = told.calls("edu", 10.0, caller_hash="h")
        told.tell(e.OfferConnected(offer.offer, offer.contact), 10.0)
        told.tell(e.FollowUpAgreed(offer.offer, True), 20.0)
        told.waits("edu", 610.0, caller_hash="h")
        told.tell(e.CallerHungUp(ContactId("c1"), dropped=True), 612.0)
        told.tell(e.AgentPaused(AgentId("a")), 612.0)
        told.tell(e.OfferEnded(told.offers[-1].offer, "hangup"), 613.0)
        name, since, entered_at = "c2", 10.0, 610.0
    else:
        told.waits("edu", 10.0, caller_hash="h")
        told.tell(e.CallerHungUp(ContactId("c1")), 310.0)
        told.waits("edu", 610.0, caller_hash="h")
        name, since, entered_at = "c2", 10.0, 610.0
        if case == "declined":
            told.tell(e.HeldPositionDeclined(ContactId("c2")), 611.0)
            since = 610.0
    assert told.tick(640.0) == []
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    await store.commit(Turn([(0.0, e.Configured(told.centre))], told.facts, told.changes.take()))
    loaded = await store.load_state()
    await store.close()
    [row] = [one for one in loaded.contacts if one.contact == name]
    assert (row.since, row.entered_at) == (since, entered_at)
    engine = Engine()
    engine.handle(Started(told.centre, loaded.contacts, loaded.offers, loaded.agents), 640.0)
    engine.handle(e.LinkChanged("", True), 641.0)
    engine.tick(909.9)
    assert not [one for one in engine.take_facts() if isinstance(one, f.WayOutOffered)]
    engine.tick(910.0)
    assert [one.contact for one in engine.take_facts() if isinstance(one, f.WayOutOffered)] == [name]


async def test_places_of_callers_who_hung_up_outlive_a_restart(tmp_path: Path) -> None:
    """Callers who called again, talked, left by key or have no known number hold no position. The row of a restored
    position says so."""
    told = House({"a": 50})
    entries: list[tuple[float, e.Event | None]] = [(0.0, e.Configured(told.centre))]
    handle = told.engine.handle
    told.engine.handle = lambda event, now: (entries.append((now, event)), handle(event, now))[1]  # type: ignore[assignment,method-assign,func-returns-value]
    told.sits("a")
    told.talks(1.0)
    for number, at in enumerate((10.0, 20.0, 30.0, 40.0), 2):
        told.waits("edu", at, caller_hash=f"h{number}" if number < 5 else "", priority=number)
    told.tell(e.CallerHungUp("c2"), 50.0)  # type: ignore[arg-type]
    told.tell(e.CallerHungUp("c3"), 51.0)  # type: ignore[arg-type]
    told.tell(e.CallerHungUp("c5"), 52.0)  # type: ignore[arg-type]
    told.tell(e.ContactExited("c4", "key", "3"), 53.0)  # type: ignore[arg-type]
    told.waits("edu", 60.0, caller_hash="h3")
    told.tell(e.HeldPositionDeclined("c6"), 61.0)  # type: ignore[arg-type]
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    await store.commit(Turn(entries, told.facts, told.changes.take()))
    loaded = await store.load_state()
    await store.close()
    held = told.engine._domain.caller_memory.held_positions
    assert loaded.held_positions == tuple(held.values()) == (OldPlace("h2", (ServiceId("edu"),), 10.0, 2, 50.0),)
    [waits] = [one for one in loaded.contacts if one.contact == "c6"]
    assert (waits.since, waits.priority) == (60.0, 0)


@pytest.mark.parametrize("way", ["fallback", "waits", "left"])
async def test_a_later_call_has_used_the_place_up_after_a_restart(tmp_path: Path, way: str) -> None:
    told = House({"a": 50}, services=(EDU._replace(max_waiting=1),))
    told.waits("edu", 10.0, caller_hash="h1")
    told.tell(e.CallerHungUp(ContactId("c1")), 20.0)
    told.waits("edu", 30.0)
    told.waits("edu", 40.0, caller_hash="h1")
    name = ContactId(f"c{told.numbers}")
    if way != "waits":
        told.tell(e.ContactExited(name, "fallback") if way == "fallback" else e.ContactExited(name, "key", "3"), 41.0)
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    await store.commit(Turn([], told.facts, told.changes.take()))
    loaded = await store.load_state()
    await store.close()
    assert loaded.held_positions == tuple(told.engine._domain.caller_memory.held_positions.values()) == ()


async def test_dials_and_refusals_of_callbacks_outlive_a_restart(tmp_path: Path) -> None:
    """So a restart does not let the same number be dialled once more."""
    told = House({"a": 50}, services=(EDU._replace(callback_tries=9, callback_retry_s=60.0),))
    told.waits("edu", 10.0, caller_hash="h1", number_encrypted="box")
    told.tell(e.CallbackRequested(ContactId("c1"), caller_hash="victim", number_encrypted="box"), 11.0)
    told.tell(e.CallerHungUp(ContactId("c1")), 12.0)
    told.sits("a", at=13.0)
    for at, why in ((14.0, "no_answer"), (100.0, "refused"), (200.0, "busy")):
        told.tick(at - 0.5)
        told.tell(e.CallbackAccepted(told.offers[-1].offer), at)
        told.tell(e.CallbackFailed(told.offers[-1].offer, why), at + 5.0)
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    await store.commit(Turn([], told.facts, told.changes.take()))
    loaded = await store.load_state()
    await store.close()
    assert loaded.callback_calls == told.engine._domain.caller_memory.callback_calls.get("victim")
    assert [(one.at, one.refused) for one in loaded.callback_calls] == [
        (14.0, False), (100.0, False), (105.0, True), (200.0, False)]


async def test_dials_without_an_agent_outlive_a_restart(tmp_path: Path) -> None:
    told = House({"a": 50}, services=(EDU._replace(
        callback_tries=9, callback_retry_s=60.0, callback=CallbackOrder.PREDICTIVE),))
    told.waits("edu", 10.0, caller_hash="h1", number_encrypted="box")
    told.tell(e.CallbackRequested(ContactId("c1"), caller_hash="victim", number_encrypted="box"), 11.0)
    told.tell(e.CallerHungUp(ContactId("c1")), 12.0)
    told.sits("a", at=13.0)
    told.tick(20.0)
    told.tell(e.CallbackFailed(None, "refused", ContactId("c1")), 25.0)
    told.tick(90.0)
    told.tick(100.0)
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    await store.commit(Turn([], told.facts, told.changes.take()))
    loaded = await store.load_state()
    await store.close()
    assert loaded.callback_calls == told.engine._domain.caller_memory.callback_calls.get("victim")
    assert [(one.at, one.refused) for one in loaded.callback_calls] == [(20.0, False), (25.0, True), (100.0, False)]
    [waits] = loaded.contacts
    assert waits.dialling and waits.dials == ((20.0, False), (25.0, True), (100.0, False))


async def test_so_many_places_outlive_a_restart(tmp_path: Path) -> None:
    """Of more callers than that the latest."""
    told = House({"a": 50})
    entries: list[tuple[float, e.Event | None]] = [(0.0, e.Configured(told.centre))]
    for number in range(POSITIONS_MAX + 3):
        at = 10.0 + number
        for event in (e.ContactQueued(ContactId(f"x{number}"), EDU.id, "PJSIP/x", caller_hash=f"h{number}"),
                      e.CallerHungUp(ContactId(f"x{number}"))):
            entries.append((at, event))
            told.tell(event, at)
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    await store.commit(Turn(entries, told.facts, told.changes.take()))
    places = {place.caller_hash for place in (await store.load_state()).held_positions}
    await store.close()
    assert places == {f"h{number}" for number in range(3, POSITIONS_MAX + 3)}


async def test_what_was_said_of_callers_outlives_a_restart_until_it_is_taken_back(tmp_path: Path) -> None:
    """The last flag of each caller counts, also during a talk. An anonymised caller is flagged no more."""
    told = House({"a": 50})
    entries: list[tuple[float, e.Event | None]] = [(0.0, e.Configured(told.centre))]
    handle = told.engine.handle
    told.engine.handle = lambda event, now: (entries.append((now, event)), handle(event, now))[1]  # type: ignore[assignment,method-assign,func-returns-value]
    told.sits("a")

    def talks(at: float, caller: str, *said: bool) -> None:
        offer = told.calls("edu", at, caller_hash=caller)
        told.tell(e.OfferConnected(offer.offer, offer.contact), at)
        for abusive in said:
            told.tell(e.CallerFlaggedAbusive(offer.offer, abusive), at + 1.0)
        if caller != "h4":
            told.over(offer, at + 2.0)
            told.tell(e.CallerHungUp(offer.contact), at + 2.0)
            told.tell(e.WrapUpEnded(AgentId("a")), at + 3.0)

    talks(10.0, "h1", True)
    talks(20.0, "h2", True)
    talks(30.0, "h3", True)
    talks(40.0, "h1", True)
    talks(50.0, "h2", False)
    talks(60.0, "h3")
    talks(70.0, "h4", True)
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    await store.commit(Turn(entries, told.facts, told.changes.take()))
    loaded = await store.load_state()
    assert loaded.abuse_flags == (Abused("h3", 32.0), Abused("h1", 42.0), Abused("h4", 71.0))
    assert list(told.engine._domain.caller_memory.abuse) == ["h3", "h1", "h4"]
    [talked] = [one for one in loaded.contacts if one.contact == "c7"]
    assert talked.abusive and talked.topics == {"abusive"}
    old = await store.run_write(partial(erasure.blank_rows, ids=["c1", "c4"]))
    assert old == 2 and [one.caller_hash for one in (await store.load_state()).abuse_flags] == ["h3", "h4"]
    await store.close()
    with closing(sqlite3.connect(tmp_path / "santral.db")) as rows:
        assert rows.execute("select contact from contacts where abusive order by contact").fetchall() == [
            ("c3",), ("c7",)]


async def test_the_row_of_a_caller_transferred_to_an_anonymous_service_knows_nobody(tmp_path: Path) -> None:
    """Neither the number nor what they keyed in; those of others stay, and a restart begins so."""
    secret = EDU._replace(id=ServiceId("tip"), anonymous=True)
    told = House({"a": 50}, services=(EDU, secret))
    told.sits("a", at=1.0)
    offer = told.calls("edu", 10.0, caller_hash="h", number_encrypted="box")
    told.tell(e.OfferConnected(offer.offer, offer.contact), 10.0)
    told.waits("edu", 11.0, caller_hash="other", number_encrypted="theirs")
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    taken = len(told.facts)
    await store.commit(Turn([(0.0, e.Configured(told.centre))], told.facts, told.changes.take()))
    for contact in (offer.contact, "c2"):
        await store.run_write(partial(caller_input.add_input,
            one=caller_input.CallerInput(contact, "kimlik", "hash", "", 11.0)))
    told.tell(e.TransferRequested(offer.offer, secret.id), 20.0)
    await store.commit(Turn([], told.facts[taken:], told.changes.take()))
    found = {one.contact: (one.caller_hash, one.number_encrypted) for one in (await store.load_state()).contacts}
    left = await store.run_write(partial(caller_input.inputs_of_contacts, ids=[offer.contact, "c2"]))
    await store.close()
    assert found == {offer.contact: ("", ""), "c2": ("other", "theirs")}
    assert [one.contact for one in left] == ["c2"]
