"""Two releases side by side through an upgrade and back, under calls: on two nodes, and on the one node of a file.

    python -m pytest -s tests/system/recovery/test_upgrade.py

The newer release is planted: wider tables, and a fact with a field that this release does not know.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import pytest

from lab.history.checker import check_history
from lab.history.recorder import HistoryRecorder
from lab.pbx.watch_user import USER, read_secret
from lab.people.traffic import LabTraffic, TrafficHabits, pick_across_teams
from lab.phones.ami_client import AmiClient
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.planted_release import REVISION, VERSION, plant_release
from lab.session import LabSession
from routing.ami.wire import Message
from routing.core.model.centre_model import Outcome
from routing.core.model.facts import Ended, Fact, MenuEndedRecorded, Queued
from routing.core.model.ids import ContactId
from routing.store.lease.node_rows import read_nodes, read_store
from routing.store.migrate import HEAD
from routing.store.reader import Reader
from santral.standby.nodes_cli import describe_store
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = [pytest.mark.system, pytest.mark.long]

WAITS, KEY = "uzaktan_egitim", "2"
AGENT, CALLER = 600, 440
"""Hz."""
PLACES = ("bekleme-siradaki", "sira-2", "sira-3")
"""Prompts that tell the first, the second and the third waiting caller their place."""
OTHERS = TrafficHabits(every=1.5, keys="134", talk=(3.0, 8.0), press=(1.0, 2.0), stay_least=30.0)
"""Callers of the other services, who come and go meanwhile."""
AGENTS = 12
RECORDED_S = 120.0
"""Limit for the next look at Asterisk, which is made each minute, on a busy machine."""
MORE = 4
"""Callers who come between two steps."""


class Callers:
    """One caller who talks, three who wait, and those who come and go."""

    def __init__(self, lab: LabSession, stage: Stage) -> None:
        self.lab, self.stage = lab, stage
        self.traffic = LabTraffic(lab.info, lab.network, OTHERS,
                                  pick_across_teams(lab.info.agents, AGENTS, without=WAITS))
        self.talk: Leg
        self.waiting: list[Leg] = []
        self.places: Counter[tuple[str, str]] = Counter()
        """How often Asterisk began to play each place to each channel."""
        self._client = AmiClient(self._note_place)
        self._coming: asyncio.Task[None]

    def _note_place(self, message: Message) -> None:
        if message.name == "Newexten":
            files = message.get("AppData").replace(",", "&").split("&")
            self.places.update((message.get("Uniqueid"), Path(one).name) for one in files if Path(one).name in PLACES)

    async def begin(self) -> None:
        await self._client.connect_to(int(self.lab.info.ami.rpartition(":")[2]), USER, read_secret(self.lab.folder))
        agent = await self.stage.agent(plain(WAITS, 1)[0], PhoneBehaviour("0", tone=AGENT, record=self.stage.folder))
        self.talk = await self.stage.hurried(KEY, tone=CALLER)
        await self.stage.reaches(agent, "talking")
        for place in PLACES:
            self.waiting.append(await self.stage.waiting(KEY, WAITS))
            await self.stage.hears(self.waiting[-1], place)
        await self.traffic.sign_in_agents()
        self._coming = asyncio.create_task(self.traffic.generate_callers(), name="callers")

    async def have_more(self) -> None:
        """Wait until some more callers have come."""
        wanted = len(self.traffic.calls) + MORE
        await until_async(lambda: len(self.traffic.calls) >= wanted, 120.0, "more callers")

    async def check_all(self) -> list[Leg]:
        """Look at who talks and who waits, let everybody go, compare the calls with the records, and return them."""
        # 1. Nobody was dropped, and nobody heard a place twice: by Asterisk, and by the callers' own recordings.
        assert not any(leg.ended.is_set() for leg in (self.talk, *self.waiting))
        queue = await self.lab.fetch_queue(WAITS)
        assert (queue["talking"], queue["waiting"]) == (1, len(PLACES))
        assert len(self.places) >= len(PLACES) and set(self.places.values()) == {1}, self.places
        for leg, place in zip(self.waiting, PLACES, strict=True):
            with pytest.raises(AssertionError, match="not twice"):
                self.stage.twice(leg, place)
        # 2. The sum of outcomes is that of the arrivals: who hung up in the menu is no contact.
        self._coming.cancel()
        with suppress(asyncio.CancelledError):
            await self._coming
        await self.lab.network.hang_up_all()
        await self.lab.wait_until_quiet()
        arrived = len(self.traffic.calls) + 1 + len(PLACES)
        facts: list[Fact] = []
        queued: set[ContactId] = set()
        menu: set[ContactId] = set()

        def all_recorded() -> bool:
            # A caller whom the fallback queue had is recorded with the next look at the black box.
            with Reader(self.lab.info.store) as reader:
                facts[:] = reader.facts_after(0)
                while more := reader.facts_after(facts[-1].seq):
                    facts.extend(more)
            queued.update(fact.contact for fact in facts if isinstance(fact, Queued))
            menu.update(fact.contact for fact in facts if isinstance(fact, MenuEndedRecorded))
            return len(queued | menu) >= arrived

        await until_async(all_recorded, RECORDED_S, "a record of each caller")
        await self._client.close()
        menu -= queued
        ended = Counter(fact.contact for fact in facts if isinstance(fact, Ended))
        outcomes = Counter(str(fact.outcome) for fact in facts if isinstance(fact, Ended))
        print(f"\narrived {arrived}: contacts {dict(outcomes)}, hung up in the menu {len(menu)}")
        assert set(ended) == queued and set(ended.values()) == {1} and str(Outcome.FAILURE) not in outcomes
        assert len(queued) + len(menu) == arrived
        return [self.talk, *self.waiting, *self.traffic.calls]


def describe(lab: LabSession) -> tuple[str, dict[str, tuple[str, str]]]:
    """Return what `santral nodes` says of the store, and version and tables of each node that lives."""
    with Reader(lab.info.store) as reader:
        nodes, store = reader.run_query(read_nodes), reader.run_query(read_store)
    return describe_store(nodes, store), {one.name: (one.version, one.tables) for one in nodes if one.role != "gone"}


@pytest.mark.parametrize("store", ["postgres", "sqlite"])
async def test_an_upgrade_and_back_under_calls(new_lab: NewLab, tmp_path: Path, store: str) -> None:
    pair, history = store == "postgres", tmp_path / "history"
    lab = await new_lab(centre=patient(tmp_path), history=history, store=store,
                        **({"nodes": 2, "standby": True} if pair else {}))
    newer = await asyncio.to_thread(plant_release, tmp_path / "newer")
    callers = Callers(lab, Stage(lab, tmp_path))
    recorder = HistoryRecorder(lab, history)
    await recorder.start()
    await callers.begin()
    for release in (newer, None):
        if pair:
            # The standby first: it changes nothing, so both releases work on the same tables.
            standby, leader = sorted(("a", "b"), key=(await lab.find_leader()).name.__eq__)
            await lab.change_release(standby, release)
            told, nodes = describe(lab)
            assert {nodes["a"][1], nodes["b"][1]} == {HEAD, REVISION}, nodes
            assert f"; of an older release: {leader if release else standby};" in f"{told};", told
            await callers.have_more()
            await lab.change_release(leader, release)
            await lab.find_leader()
            await until_async(lambda: len(describe(lab)[1]) == 2, what="both nodes are there")
        else:
            await lab.change_release("", release)
        told, nodes = describe(lab)
        print(told, nodes)
        if pair:
            assert set(nodes.values()) == {(VERSION, REVISION) if release else (version("santral"), HEAD)}
            assert ("no node of an older release is left" in told) is (release is not None), told
        assert told.startswith(f"tables {REVISION}, for code of {HEAD} or later"), told
        await callers.have_more()
    for leg in await callers.check_all():
        recorder.note_caller(leg)
    await recorder.stop()
    found = check_history(history)
    assert found.findings == (), found.findings
    # Facts of the newer release with a field more are no riddle for this one.
    assert all("fact_unreadable" not in Path(node.log).read_text(encoding="utf-8") for node in lab.info.nodes)
