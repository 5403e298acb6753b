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

from metrics.queue_log.writer import QueueLog
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.journal import replay_entries, stored_form
from routing.core.model.centre_model import Agent, Centre, Profile
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, ContactId, SeatId
from routing.core.stored import Started
from routing.store import sms_messages
from routing.store.callers.erasure import CallerTraces
from routing.store.callers.note_keys import NoteKeys
from routing.store.callers.number_keys import NumberKeys
from routing.store.reader import Reader
from routing.store.recordings.recording_store import RecordingStore
from routing.store.store import Store
from santral.privacy.caller_data import CallerData, search_files
from santral.privacy.caller_page import PageContext
from tests.core.house import EDU
from tests.fakes.store_day import Turn

NUMBER, OTHER = "+905321112233", "+905324445566"
SECOND = "+905327778899"
"""The first caller's number for a callback."""
SERVICE = EDU._replace(preferred_s=20.0, position_held_s=600.0)
CENTRE = Centre((SERVICE,), tuple(Agent(AgentId(f"a{n}"), ((SERVICE.steps[0].needs[0][0], 50),), Profile())
                                  for n in range(3)))
PAGE_CONTEXT = PageContext("Örnek Hastanesi", "Europe/Istanbul", {SERVICE.id: "Uzaktan eğitim"})
SPOKEN = b"\xd5SOMETHING SAID" * 2000


class Node:
    """A node without telephones. It keeps its input as a real node does."""

    def __init__(self, store: Store, keys: NumberKeys, log: QueueLog, now: float, centre: Centre = CENTRE) -> None:
        self.store, self.keys, self.log, self.now, self.centre = store, keys, log, now, centre
        self.engine = Engine()
        self.calls = 0

    async def start(self) -> None:
        loaded = await self.store.load_state()
        self.engine = Engine()
        await self.tell(Started(self.centre, **loaded._asdict()))
        for agent in self.centre.agents:
            await self.tell(e.SeatChanged(SeatId(f"s{agent.id}"), True, False))
            await self.tell(e.AgentSignedIn(agent.id, SeatId(f"s{agent.id}")))

    async def tell(self, event: e.Event) -> list[Any]:
        self.now += 0.5
        commands = self.engine.handle(event, self.now)
        changes, facts = self.engine.take_changes(), self.engine.take_facts()
        await self.store.commit(Turn([(self.now, event)], facts, changes))
        self.log.write_facts(facts)
        return list(commands)

    async def call(self, number: str, *, talk: bool = True, callback: bool = False) -> str:
        self.calls += 1
        name = ContactId(f"{int(self.now)}.{self.calls}")
        digest, box = self.keys.encrypt_number(number)
        commands = await self.tell(e.ContactQueued(name, SERVICE.id, f"PJSIP/trunk-{self.calls}", since=self.now,
                                                   caller_hash=digest, number_encrypted=box))
        if callback:
            await self.tell(e.CallbackRequested(name, 36_000.0, False, *self.keys.encrypt_number(SECOND)))
        if talk:
            (offer,) = commands
            await self.tell(e.OfferConnected(offer.offer, name))
            await self.tell(e.TalkEnded(offer.offer, "caller"))
            await self.tell(e.WrapUpEnded(offer.agent))
        else:
            await self.tell(e.CallerHungUp(name))
        return name


class House(NamedTuple):
    state: Path
    store: Store
    vault: RecordingStore
    node: Node
    privacy: CallerData

    async def export(self, caller: CallerTraces, folder: Path) -> dict[str, int]:
        return await self.privacy.export_caller(caller, folder, PAGE_CONTEXT)

    def bytes_of(self, *words: str) -> list[Path]:
        return search_files(self.state, [word.encode() for word in words])

    async def record(self, contact: str, rest: str = "o1", kind: str = "call", age_s: float = 60.0) -> None:
        path = self.plain(contact, rest, kind, age_s)
        assert await self.vault.store_file(path, contact, kind, SERVICE.id)

    def plain(self, contact: str, rest: str = "o1", kind: str = "call", age_s: float = 60.0) -> Path:
        path = self.vault.spool / f"{kind}-{SERVICE.id}-{contact}~{rest}.alaw"
        path.write_bytes(SPOKEN)
        os.utime(path, (time.time() - age_s,) * 2)
        return path

    async def rows(self, sql: str) -> list[Any]:
        return await self.store.run_write(lambda connection: list(connection.execute(text(sql)).all()))

    def journal(self) -> tuple[list[Any], list[Any]]:
        """Return the facts of a replay and the stored facts, both as they are stored."""
        with Reader(self.state / "santral.db") as reader:
            inputs: list[Any] = []
            while page := reader.journal_after(inputs[-1].seq if inputs else 0):
                inputs += page
        again = replay_entries([(one.at, one.event) for one in inputs])
        return [*map(stored_form, again)], [*map(stored_form, self.facts())]

    def facts(self) -> list[Fact]:
        """Return the stored facts."""
        found: list[Fact] = []
        with Reader(self.state / "santral.db") as reader:
            while page := reader.facts_after(found[-1].seq if found else 0):
                found += page
        return found


@asynccontextmanager
async def opened(state: Path, centre: Centre = CENTRE) -> AsyncIterator[House]:
    """On an empty folder; its node has started."""
    (state / "spool").mkdir(parents=True)
    keys = NumberKeys.load_or_create(state / "secrets" / "numbers.json")
    store = await Store.open_store(state / "santral.db")
    vault = RecordingStore(state / "recordings", state / "spool", state / "secrets" / "recordings.json", store,
        keep_days=90.0,
                  private=[])
    log = QueueLog(state / "queue_log", keys.decrypt_number)
    node = Node(store, keys, log, time.time() - 3600.0, centre)
    await node.start()
    log.write_start(node.now)

    async def forget(digest: str) -> None:
        await node.tell(e.CallerErased(digest))

    privacy = CallerData(state, store, vault, keys, state / "queue_log", forget, node=True, who="test",
                         notes=NoteKeys.load_or_create(state / "secrets" / "notes.json"),
                         keys=state / "secrets" / "recordings.json")
    yield House(state, store, vault, node, privacy)
    log.close()
    await vault.close()
    await store.close()


async def asks_for_text(house: House, number: str, at: float) -> str:
    """Queue a short message and return the encrypted number."""
    digest, box = house.privacy._numbers.encrypt_number(number)
    wanted = sms_messages.RequestedMessage("1.9", "temsilci", digest, box, "Bilgi: https://mebim.meb.gov.tr")
    verdict = await house.privacy._store.run_write(partial(sms_messages.request_message, wanted=wanted, now=at,
        again_s=3600.0, per_minute=60))
    assert verdict is sms_messages.RequestVerdict.TAKEN
    return box
