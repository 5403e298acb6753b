"""A state with callers in every place that knows of them: store, journal, queue_log, recordings."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text

from metrics.queue_log import QueueLog
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.facts import Fact
from routing.core.ids import AgentId, ContactId, SeatId
from routing.core.journal import replay
from routing.core.model import Agent, Centre, Profile
from routing.core.stored import Started
from routing.store import sms
from routing.store.numbers import NumberKeys
from routing.store.reader import Reader
from routing.store.store import Store
from routing.store.vault import Vault
from santral.privacy import Privacy, search
from tests.core_house import EDU
from tests.fakes.store_day import Turn

NUMBER, OTHER = "+905321112233", "+905324445566"
SECOND = "+905327778899"
"""Where the first caller wants to be called back."""
SERVICE = EDU._replace(preferred_s=20.0, place_kept_s=600.0)
CENTRE = Centre((SERVICE,), tuple(Agent(AgentId(f"a{n}"), ((SERVICE.steps[0].needs[0][0], 50),), Profile())
                                  for n in range(3)))
SPOKEN = b"\xd5SOMETHING SAID" * 2000


class Node:
    """A node without telephones: what it is told is kept as a real one keeps it."""

    def __init__(self, store: Store, keys: NumberKeys, log: QueueLog, now: float) -> None:
        self.store, self.keys, self.log, self.now = store, keys, log, now
        self.engine = Engine()
        self.calls = 0

    async def start(self) -> None:
        loaded = await self.store.load()
        self.engine = Engine()
        await self.tell(Started(CENTRE, loaded.contacts, loaded.offers, loaded.agents, loaded.over, loaded.spoke,
                                loaded.next_offer, loaded.next_fact, loaded.places, loaded.abusive))
        for agent in CENTRE.agents:
            await self.tell(e.SeatChanged(SeatId(f"s{agent.id}"), True, False))
            await self.tell(e.AgentSignedIn(agent.id, SeatId(f"s{agent.id}")))

    async def tell(self, event: e.Event) -> list[Any]:
        self.now += 0.5
        commands = self.engine.handle(event, self.now)
        changes, facts = self.engine.take_changes(), self.engine.take_facts()
        await self.store.commit(Turn([(self.now, event)], facts, changes))
        self.log.take(facts)
        return list(commands)

    async def call(self, number: str, *, talk: bool = True, callback: bool = False) -> str:
        self.calls += 1
        name = ContactId(f"{int(self.now)}.{self.calls}")
        digest, box = self.keys.seal(number)
        commands = await self.tell(e.ContactQueued(name, SERVICE.id, f"PJSIP/trunk-{self.calls}", since=self.now,
                                                   caller_hash=digest, caller_box=box))
        if callback:
            await self.tell(e.CallbackAsked(name, 36_000.0, False, *self.keys.seal(SECOND)))
        if talk:
            (offer,) = commands
            await self.tell(e.OfferConnected(offer.offer, name))
            await self.tell(e.TalkEnded(offer.offer, "caller"))
            await self.tell(e.WrapUpEnded(offer.agent))
        else:
            await self.tell(e.ContactGone(name))
        return name


class House(NamedTuple):
    state: Path
    store: Store
    vault: Vault
    node: Node
    privacy: Privacy

    def bytes_of(self, *words: str) -> list[Path]:
        return search(self.state, [word.encode() for word in words])

    async def record(self, contact: str, rest: str = "o1", kind: str = "call", age_s: float = 60.0) -> None:
        path = self.plain(contact, rest, kind, age_s)
        assert await self.vault.keep(path, contact, kind, SERVICE.id)

    def plain(self, contact: str, rest: str = "o1", kind: str = "call", age_s: float = 60.0) -> Path:
        path = self.vault.spool / f"{kind}-{SERVICE.id}-{contact}~{rest}.alaw"
        path.write_bytes(SPOKEN)
        os.utime(path, (time.time() - age_s,) * 2)
        return path

    async def rows(self, sql: str) -> list[Any]:
        return await self.store.work(lambda connection: list(connection.execute(text(sql)).all()))

    def journal(self) -> tuple[list[Fact], list[Fact]]:
        """What a replay says, and what the facts say."""
        with Reader(self.state / "santral.db") as reader:
            inputs: list[Any] = []
            while page := reader.journal_after(inputs[-1].seq if inputs else 0):
                inputs += page
            facts: list[Fact] = []
            while found := reader.facts_after(facts[-1].seq if facts else 0):
                facts += found
        return replay([(one.at, one.event) for one in inputs]), facts


@asynccontextmanager
async def opened(state: Path) -> AsyncIterator[House]:
    """On an empty folder; its node has started."""
    (state / "spool").mkdir(parents=True)
    keys = NumberKeys.load_or_create(state / "secrets" / "numbers.json")
    store = await Store.open(state / "santral.db")
    vault = Vault(state / "recordings", state / "spool", state / "secrets" / "recordings.json", store, keep_days=90.0,
                  private=[])
    log = QueueLog(state / "queue_log", keys.open)
    node = Node(store, keys, log, time.time() - 3600.0)
    await node.start()
    log.start(node.now)

    async def forget(digest: str) -> None:
        await node.tell(e.CallerForgotten(digest))

    privacy = Privacy(state, store, vault, keys, state / "queue_log", forget, node=True, who="test",
                      keys=state / "secrets" / "recordings.json")
    yield House(state, store, vault, node, privacy)
    log.close()
    await vault.close()
    await store.close()


async def asks_for_text(house: House, number: str, at: float) -> str:
    """A short message that waits; the box that holds the number."""
    digest, box = house.privacy._numbers.seal(number)
    wanted = sms.Wanted("1.9", "temsilci", digest, box, "Bilgi: https://mebim.meb.gov.tr")
    verdict = await house.privacy._store.work(partial(sms.ask, wanted=wanted, now=at, again_s=3600.0, per_minute=60))
    assert verdict is sms.Verdict.TAKEN
    return box
