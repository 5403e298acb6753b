"""Facts change rows by compare-and-set, and no order of events makes a double assignment possible."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from routing.core.events import HoldTick
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, Channel, ContactState, OfferState, Outcome
from routing.core.records import Contact
from routing.store.errors import StoreConflict
from routing.store.reader import Reader
from routing.store.rows import SLOTS_MAX
from routing.store.store import Store
from tests.fakes.store_day import SERVICE, Day, Turn

pytestmark = pytest.mark.unit


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open_store(tmp_path / "santral.db")
    yield opened
    await opened.close()


def talking() -> tuple[Day, int]:
    day = Day()
    day.sign_in("a1")
    day.queue("c1")
    offer = day.offer("c1", "a1")
    return day, offer


async def test_a_whole_call_leaves_one_outcome_and_nothing_alive(store: Store, tmp_path: Path) -> None:
    day, offer = talking()
    await store.commit(day.turn())
    day.ring(offer)
    day.connect(offer)
    day.hold(offer, 4.0)
    await store.commit(day.turn())
    loaded = await store.load_state()
    assert (loaded.offers[0].held_s, loaded.offers[0].held_since) == (4.0, None)
    day.hold(offer, 4.0, on=True)
    turn = day.turn()
    await store.commit(turn)
    assert (await store.load_state()).offers[0].held_since == turn.facts[-1].at, "a hold outlives the node"
    assert not loaded.offers[0].wrapup_requested
    day.want_wrap_up(offer)
    await store.commit(day.turn())
    assert (await store.load_state()).offers[0].wrapup_requested
    assert loaded.contacts[0].state is ContactState.ASSIGNED
    assert loaded.contacts[0].version == 3
    assert loaded.contacts[0].slow is True
    assert loaded.offers[0].rang_at is not None
    day.talk_over(offer)
    day.wrap(offer)
    await store.commit(day.turn())
    loaded = await store.load_state()
    assert loaded.contacts == ()
    assert loaded.offers == ()
    assert loaded.ended_contacts == ("c1",)
    assert loaded.next_offer == offer + 1
    assert loaded.next_fact == day.seq + 1
    assert [agent.state for agent in loaded.agents] == [AgentState.READY]
    assert await store.count_contacts() == [(SERVICE, Outcome.ANSWERED, 1)]
    assert await store.facts_after(0) == day.facts
    with Reader(tmp_path / "santral.db") as reader:
        assert [row.seq for row in reader.journal_after(1)] == [2, 3, 4, 5]
        assert isinstance(reader.journal_after(0, 1)[0].event, HoldTick)


async def test_the_last_note_of_a_key_stays(store: Store) -> None:
    assert await store.read_value("asterisk_started") == ""
    for value in ("first", "second"):
        await store.note_value("asterisk_started", value)
        assert await store.read_value("asterisk_started") == value


async def test_an_id_that_comes_again_leaves_the_earlier_record_alone(store: Store) -> None:
    day, offer = talking()
    day.connect(offer)
    day.talk_over(offer)
    day.wrap(offer)
    day.queue("c1")
    day.offer("c1", "a1")
    await store.commit(day.turn())
    loaded = await store.load_state()
    assert [(one.contact, one.state, one.version) for one in loaded.contacts] == [("c1", ContactState.RESERVED, 2)]
    assert [one.contact for one in loaded.offers] == ["c1"]
    assert len(loaded.ended_contacts) == 1 and loaded.ended_contacts[0].startswith("c1~")
    counts = {outcome: many for _, outcome, many in await store.count_contacts()}
    assert counts == {None: 1, Outcome.ANSWERED: 1}


async def test_a_cut_talk_brings_the_caller_back_and_frees_the_agent(store: Store) -> None:
    day, offer = talking()
    day.connect(offer)
    day.talk_over(offer, lost=True)
    again = day.offer("c1", "a1")
    await store.commit(day.turn())
    loaded = await store.load_state()
    assert [(one.offer, one.state) for one in loaded.offers] == [(again, OfferState.PENDING)]
    assert loaded.contacts[0].offer == again


@pytest.mark.parametrize("version", [7, 1], ids=["version from the future", "version from the past"])
async def test_a_wrong_version_writes_nothing_and_the_right_turn_still_fits(store: Store, version: int) -> None:
    day, offer = talking()
    await store.commit(day.turn())
    day.connect(offer)
    right = day.turn()
    wrong = [change._replace(before=version) if change.kind is Contact else change for change in right.changes]
    with pytest.raises(StoreConflict, match=f"expected version {version}") as caught:
        await store.commit(right._replace(changes=wrong))
    assert (caught.value.fact, caught.value.subject, caught.value.seq) == ("contacts", "contact c1", day.seq)
    loaded = await store.load_state()
    # The offer's row was changed before the contact's failed: the rollback took it back.
    assert loaded.offers[0].state is OfferState.PENDING
    assert loaded.next_fact == day.seq
    await store.commit(right)
    assert (await store.load_state()).contacts[0].state is ContactState.ASSIGNED


async def test_a_gap_in_the_numbers_is_refused(store: Store) -> None:
    day, _ = talking()
    with pytest.raises(StoreConflict, match="next fact is 1"):
        await store.commit(Turn([], day.facts[1:]))
    assert await store.facts_after(0) == []


async def test_the_same_turn_twice_is_refused(store: Store) -> None:
    day, _ = talking()
    turn = day.turn()
    await store.commit(turn)
    with pytest.raises(StoreConflict):
        await store.commit(turn)


async def test_a_second_outcome_is_refused(store: Store) -> None:
    day = Day()
    day.queue("c1")
    day.end("c1", Outcome.ABANDONED)
    await store.commit(day.turn())
    day.contacts["c1"]["state"] = ContactState.PENDING
    day.end("c1", Outcome.FALLBACK)
    with pytest.raises(StoreConflict):
        await store.commit(day.turn())
    assert await store.count_contacts() == [(SERVICE, Outcome.ABANDONED, 1)]


async def test_two_calls_for_one_agent_are_refused_by_the_index(store: Store) -> None:
    day, _ = talking()
    day.queue("c2")
    day.offer("c2", "a1")
    with pytest.raises(StoreConflict, match="index"):
        await store.commit(day.turn())
    assert (await store.load_state()).contacts == ()


async def test_wrap_up_still_fills_the_slot(store: Store) -> None:
    day, offer = talking()
    day.connect(offer)
    day.talk_over(offer)
    await store.commit(day.turn())
    day.queue("c2")
    day.offer("c2", "a1")
    with pytest.raises(StoreConflict):
        await store.commit(day.turn())


async def test_two_agents_for_one_caller_are_refused_by_the_index(store: Store) -> None:
    day, _ = talking()
    day.sign_in("a2")
    day.contacts["c1"].update(state=ContactState.PENDING)
    day.offer("c1", "a2")
    with pytest.raises(StoreConflict):
        await store.commit(day.turn())


async def test_two_agents_at_one_seat_are_refused(store: Store) -> None:
    day = Day()
    day.sign_in("a1", "s1")
    day.sign_in("a2", "s1")
    with pytest.raises(StoreConflict):
        await store.commit(day.turn())
    day = Day()
    day.sign_in("a1", "s1")
    day.agent("a1", AgentState.SIGNED_OUT, "s1")
    day.sign_in("a2", "s1")
    await store.commit(day.turn())
    assert len((await store.load_state()).agents) == 2


async def test_chats_take_slots_up_to_the_limit(store: Store) -> None:
    day = Day()
    day.sign_in("a1")
    for number in range(SLOTS_MAX):
        day.queue(f"c{number}", Channel.CHAT)
    first, *_ = [day.offer(f"c{number}", "a1") for number in range(SLOTS_MAX)]
    await store.commit(day.turn())
    day.queue("more", Channel.CHAT)
    await store.commit(day.turn())
    day.offer("more", "a1")
    more = day.turn()
    with pytest.raises(StoreConflict, match=str(SLOTS_MAX)):
        await store.commit(more)
    # A slot that is free again is used again.
    day.close(first, OfferState.REJECTED)
    freed = day.turn()
    await store.commit(Turn([], [*more.facts, *freed.facts], [*more.changes, *freed.changes]))
    assert len((await store.load_state()).offers) == SLOTS_MAX


@pytest.mark.parametrize("values", [
    "(900, 'c1', 'a2', 's', 'x', 'voice', 0, 'pending', 1, 0, 0, 0, 0, '', 0, false, false, 0, false, 0)",
    "(900, 'c2', 'a1', 's', 'x', 'voice', 0, 'pending', 1, 0, 0, 0, 0, '', 0, false, false, 0, false, 0)",
    "(900, 'c2', 'a1', 's', 'x', 'voice', 1, 'pending', 1, 0, 0, 0, 0, '', 0, false, false, 0, false, 0)",
    "(900, 'c9', 'a2', 's', 'x', 'voice', 0, 'pending', 1, 0, 0, 0, 0, '', 0, false, false, 0, false, 0)",
    "(900, 'c2', 'a2', 's', 'x', 'voice', 0, 'ringing', 1, 0, 0, 0, 0, '', 0, false, false, 0, false, 0)",
], ids=["caller twice", "agent twice", "second voice slot", "no such caller", "unknown state"])
async def test_raw_sql_cannot_assign_twice_either(store: Store, tmp_path: Path, values: str) -> None:
    day, _ = talking()
    day.queue("c2")
    await store.commit(day.turn())
    engine = create_engine(f"sqlite:///{tmp_path / 'santral.db'}")
    with engine.connect() as connection:
        connection.execute(text("PRAGMA foreign_keys=ON"))
        with pytest.raises(IntegrityError):
            connection.execute(text(
                "INSERT INTO offers (offer, contact, agent, seat, service, channel, slot, state, version, "
                "offered_at, ring_s, step, level, reason, held_s, interrupted, wrapup_requested, load, load_reported, "
                "waited_s) "
                f"VALUES {values}"))
    engine.dispose()


async def test_an_agent_changes_only_from_the_version_it_has(store: Store) -> None:
    day = Day()
    day.sign_in("a1")
    await store.commit(day.turn())
    day.agent("a1", AgentState.PAUSED, "s1")
    day.turn()
    day.agent("a1", AgentState.READY, "s1")
    late = day.turn()
    with pytest.raises(StoreConflict, match=r"agent a1.*expected version 2"):
        await store.commit(Turn([], [], late.changes))


async def test_agents_change_seats_in_one_turn(store: Store) -> None:
    day = Day()
    day.sign_in("a1", "s1")
    day.sign_in("a2", "s2")
    await store.commit(day.turn())
    day.agent("a1", AgentState.READY, "s2")
    day.agent("a2", AgentState.READY, "s1")
    await store.commit(day.turn())
    assert {one.agent: one.seat for one in (await store.load_state()).agents} == {"a1": "s2", "a2": "s1"}


async def test_what_is_no_row_is_kept_as_a_fact(store: Store) -> None:
    alarm = f.Alarm(1, 5.0, "bridge_mismatch", None, None, None)
    await store.commit(Turn([(5.0, None)], [alarm]))
    assert await store.facts_after(0) == [alarm]


async def test_a_cursor_never_goes_back(store: Store) -> None:
    assert await store.read_cursor("queue_log") is None
    await store.set_cursor("queue_log", 7)
    await store.set_cursor("queue_log", 5)
    assert await store.read_cursor("queue_log") == 7
    await store.set_cursor("queue_log", 9)
    assert await store.read_cursor("queue_log") == 9


async def test_conflicts_say_no_number_of_a_caller(store: Store) -> None:
    day = Day()
    day.queue("c1")
    turn = day.turn()
    secret = [one._replace(row=one.row._replace(caller_hash="0532-secret", number_encrypted="0532-secret"))
              for one in turn.changes]
    await store.commit(turn._replace(changes=secret))
    with pytest.raises(StoreConflict, match="index or check") as caught:
        await store.commit(Turn([], [], secret))
    assert "0532" not in str(caught.value)
    assert caught.value.__cause__ is None
