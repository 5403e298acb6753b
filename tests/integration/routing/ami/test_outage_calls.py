"""Calls of a gap over AMI: read once, however often and by however many nodes the black box is read."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from routing.ami import cel_recovery
from routing.ami.asterisk_session import EXPLAINED_S
from routing.ami.cel_recovery import MENU_RECORDED_S
from routing.ami.fallback.queues import AgentSource
from routing.core.events import CallerHungUp, Event, LinkChanged, MenuEnded, OutageCallFound
from routing.core.model.centre_model import Centre, Service, Step
from routing.core.model.ids import ContactId, SeatId, ServiceId, SkillId
from routing.store.callers.contact_history import find_recorded
from routing.store.store import Store
from tests.core.house import House
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.fakes.store_day import Turn
from tests.integration.ami_node import Node
from tests.unit.routing.ami.test_outage_calls import write_cel

pytestmark = pytest.mark.integration

DESK = Service(ServiceId("desk"), "Bilgi", (Step(((SkillId("edu"), 30),)),))
CENTRE = Centre((DESK,), ())
GAP = ((10.0, "SC_CALLED-ana", "7.1"), (11.0, "SC_NO_NODE", "7.1"), (20.0, "SC_FALLBACK-desk", "7.1"),
       (30.0, "SC_MEMBER-sa", "8.1 of 7.1"), (30.0, "BRIDGE_ENTER", "7.1"), (45.0, "BRIDGE_EXIT", "7.1"),
       (46.0, "HANGUP 16", "7.1"),
       (12.0, "SC_CALLED-ana", "7.2"), (13.0, "SC_NO_NODE", "7.2"), (14.0, "SC_FALLBACK-desk", "7.2"),
       (15.0, "HANGUP 16", "7.2"),
       (50.0, "SC_CALLED-ana", "7.3"), (51.0, "SC_NO_NODE", "7.3"), (60.0, "SC_FALLBACK-desk", "7.3"),
       (61.0, "SC_MEMBER-sa", "8.3 of 7.3"), (62.0, "BRIDGE_ENTER", "7.3"))
"""One was served, one gave up, and one is still served."""
FIRST = OutageCallFound("7.1", "desk", 10.0, 30.0, True, SeatId("sa"), 15.0)
SECOND = OutageCallFound("7.2", "desk", 12.0, 15.0)


def later(began: float, rows: Iterable[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    return [(began + at, event, who) for at, event, who in rows]


def since(began: float, *calls: OutageCallFound) -> list[OutageCallFound]:
    return [one._replace(queued_at=began + one.queued_at, ended_at=began + one.ended_at) for one in calls]


def found_by(node: Node) -> list[OutageCallFound]:
    return [event for event in node.told if isinstance(event, OutageCallFound)]


async def test_two_nodes_that_read_the_same_black_box_make_one_record(tmp_path: Path) -> None:
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    began = float(int(time.time()) - 100)
    write_cel(tmp_path / "cel.csv", *later(began, GAP))
    remembered: list[float] = []

    async def remember(started: str, explained: float) -> None:
        remembered.append(explained)

    async with FakeAsterisk() as asterisk:
        def node() -> Node:
            return Node(asterisk, tmp_path, explained=remembered[-1] if remembered else 0.0, remember=remember,
                        agents=AgentSource(lambda: CENTRE, list), recorded=partial(find_recorded, store))

        # 1. The first node finds both, and remembers that a call is open.
        async with node() as first:
            await first.start()
            await first.until(lambda: remembered)
            assert sorted(found_by(first)) == since(began, FIRST, SECOND) and remembered == [began + 50.0]
        house = House({"a": 50}, services=(DESK,))
        house.sits("a")
        for event in found_by(first):
            house.tell(event, began + 100.0)
        await store.commit(Turn([], house.facts, house.changes.take()))
        assert await find_recorded(store, ["7.1", "7.2", "7.3"], math.inf) == {"7.1": None, "7.2": None}
        # 2. The next one reads the same lines from the beginning, as after a crash, and finds nothing new.
        remembered[:] = [began]
        async with node() as second:
            await second.start()
            await second.until(lambda: remembered[1:])
            assert found_by(second) == []
        # 3. The open call ends while nobody listens: the third one finds it whole.
        write_cel(tmp_path / "cel.csv", *later(began, ((80.0, "BRIDGE_EXIT", "7.3"), (81.0, "HANGUP 16", "7.3"))))
        async with node() as third:
            await third.start()
            await third.until(lambda: remembered[2:])
            assert found_by(third) == since(
                began, OutageCallFound("7.3", "desk", 50.0, 62.0, True, SeatId("sa"), 18.0))
    await store.close()


async def test_who_was_in_the_menu_of_a_dead_asterisk_is_recorded_by_the_next_process(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process waits for the end of a dialogue, which another node may store, and ends before the record."""
    began = float(int(time.time()))
    write_cel(tmp_path / "cel.csv", (began, "SC_CALLED-ana", "7.1"))
    remembered: list[tuple[str, float]] = []

    async def remember(started: str, explained: float) -> None:
        remembered.append((started, explained))

    async with FakeAsterisk() as asterisk:
        known, found = ("one before", began), []
        for waits_s in (MENU_RECORDED_S, 0.0):
            monkeypatch.setattr(cel_recovery, "MENU_RECORDED_S", waits_s)
            remembered.clear()
            async with Node(asterisk, tmp_path, started=known[0], explained=known[1], remember=remember,
                            agents=AgentSource(lambda: CENTRE, list)) as node:
                await node.start()
                await node.until(lambda: remembered)
                known, found = remembered[-1], found_by(node)
            assert bool(found) is (waits_s == 0.0) and (known[0] == "one before") is (waits_s > 0.0)
        assert found == [OutageCallFound(ContactId("7.1"), ServiceId(""), began, began, failure=True)]


LEFT = ((10.0, "SC_CALLED-ana", "7.1"), (20.0, "SC_LEFT_MENU", "7.1"), (20.0, "HANGUP 16", "7.1"),
        (12.0, "SC_CALLED-ana", "7.2"), (30.0, "SC_LEFT_MENU", "7.2"), (30.0, "HANGUP 16", "7.2"))
"""Two hung up in the menu."""


async def test_who_hung_up_in_the_menu_of_a_suspended_node_is_recorded_by_a_later_leader(tmp_path: Path) -> None:
    """A suspended node stores nothing, and the leader of that time may lose the lease before it reads the black box."""
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    began = float(int(time.time()) - 100)
    write_cel(tmp_path / "cel.csv", *later(began, LEFT))
    house = House({"a": 50}, services=(DESK,))
    # 1. The node recorded the first one. Then it was suspended for a while, and wrote of other things afterwards.
    house.tell(MenuEnded(ContactId("7.1"), "ana", ("karsilama",), "abandoned", 10.0), began + 20.0)
    house.tell(MenuEnded(ContactId("7.9"), "ana", ("karsilama",), "abandoned", 1.0), began + 50.0)
    await store.commit(Turn([(began + 50.0, CallerHungUp(ContactId("7.8")))], house.facts, house.changes.take()))
    remembered: list[float] = []

    async def remember(started: str, explained: float) -> None:
        remembered.append(explained)

    async with FakeAsterisk() as asterisk:
        for expected in (since(began, OutageCallFound("7.2", "", 12.0, 30.0)), []):
            async with Node(asterisk, tmp_path, explained=began, remember=remember,
                            agents=AgentSource(lambda: CENTRE, list),
                            recorded=partial(find_recorded, store)) as node:
                remembered.clear()
                await node.start()
                await node.until(lambda: remembered)
                assert found_by(node) == expected
            # 2. The record of the second one is stored, so the next leader finds nobody.
            before = len(house.facts)
            for event in expected:
                house.tell(event._replace(service=DESK.id), began + 100.0)
            await store.commit(Turn([], house.facts[before:], house.changes.take()))
        assert await find_recorded(store, ["7.1", "7.2", "7.3"], math.inf) == {"7.2": None}
        both = await find_recorded(store, ["7.1", "7.2", "7.3"], began + 15.0)
        assert set(both) == {"7.1", "7.2"} and both["7.1"] is not None and both["7.1"].outcome == "abandoned"
        assert await find_recorded(store, ["7.1"], began + 21.0) == {}
    await store.close()


async def test_who_leaves_the_menu_of_a_suspended_node_after_another_one_leads_is_recorded(tmp_path: Path) -> None:
    """A suspended node answers a second longer. One of 49 callers of a load left its menu then, and had no record."""
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    clock, house, stored, remembered = [100.0], House({"a": 50}, services=(DESK,)), [0], list[float]()

    async def remember(started: str, explained: float) -> None:
        remembered.append(explained)

    async def keep(event: Event) -> None:
        house.tell(event, clock[0])
        await store.commit(Turn([], house.facts[stored[0]:], house.changes.take()))
        stored[0] = len(house.facts)

    async with FakeAsterisk() as asterisk:
        def node() -> Node:
            return Node(asterisk, tmp_path, audit_s=0.02, explained=50.0, agents=AgentSource(lambda: CENTRE, list),
                        recorded=partial(find_recorded, store), clock=lambda: clock[0], wall=lambda: clock[0],
                        remember=remember)

        async def look_twice(leader: Node) -> None:
            asked = len(asterisk.asked("CoreShowChannels"))
            await leader.until(lambda: len(asterisk.asked("CoreShowChannels")) > asked + 2)

        # 1. After the first look of a leader two callers come. The first one is in its own menu, which has not stored
        #    the end yet. The lines of the second one come late, and in two parts.
        async with node() as leader:
            await leader.start()
            await leader.until(lambda: remembered)
            clock[0] = 110.0
            write_cel(tmp_path / "cel.csv", (107.0, "SC_CALLED-ana", "7.1"), (110.0, "SC_LEFT_MENU", "7.1"),
                      (110.0, "HANGUP 16", "7.1"), (106.0, "SC_CALLED-ana", "7.2"))
            await look_twice(leader)
            write_cel(tmp_path / "cel.csv", (109.0, "SC_LEFT_MENU", "7.2"), (109.0, "HANGUP 16", "7.2"))
            await look_twice(leader)
            assert found_by(leader) == []
            # 2. The second one is found once the first leader cannot be about to store it.
            clock[0] = 109.0 + MENU_RECORDED_S
            found = OutageCallFound(ContactId("7.2"), ServiceId(""), 106.0, 109.0)
            await leader.heard(found)
            await keep(found._replace(service=DESK.id))
            await keep(MenuEnded(ContactId("7.1"), "ana", ("karsilama",), "abandoned", 3.0))
            clock[0] = 200.0
            await look_twice(leader)
            assert found_by(leader) == [found] and remembered[-1] == 107.0, "another leader reads from there"
            # 3. The menu of another node led somebody to its end. Another caller met no node at first.
            write_cel(tmp_path / "cel.csv", (199.0, "SC_CALLED-ana", "7.3"), (204.0, "HANGUP 16", "7.3"),
                      (199.0, "SC_CALLED-ana", "7.4"), (200.0, "SC_NO_NODE", "7.4"))
            clock[0] = 204.0 + MENU_RECORDED_S
            served = MenuEnded(ContactId("7.3"), "ana", (), "self_service", 5.0)
            await leader.heard(served)
            await keep(served)
            await keep(MenuEnded(ContactId("7.4"), "ana", ("karsilama",), "abandoned", 9.0))
            write_cel(tmp_path / "cel.csv", (209.0, "HANGUP 16", "7.4"))
            await look_twice(leader)
            assert [one for one in leader.told if not isinstance(one, LinkChanged)] == [found, served]
            # 4. From time to time a leader notes up to when it has read.
            clock[0] = 200.0 + 2 * EXPLAINED_S
            await leader.until(lambda: remembered[-1] == clock[0])
        # 5. The next leader reads all lines again, and finds each of the calls in the store.
        remembered.clear()
        async with node() as following:
            await following.start()
            await following.until(lambda: remembered)
            assert following.told == [LinkChanged("one", True)]
    await store.close()
