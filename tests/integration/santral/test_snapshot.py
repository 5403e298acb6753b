"""Once a day the journal gets the whole state of the engine. A replay begins there, and the purge cuts there."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import zlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from planning.journal.replay import replay_journal
from routing import runner as running
from routing.core import engine as engines
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model.commands import Command, DialCaller, Offer
from routing.core.model.errors import Refused, SnapshotError
from routing.core.model.ids import ContactId, SeatId
from routing.core.stored import Started
from routing.runner import Runner
from routing.store.callers import erasure
from routing.store.reader import Reader
from routing.store.store import Store
from santral.cli import cli
from santral.node.state_reader import open_journal
from tests.core.centres import CENTRES
from tests.fakes.store_day import Turn
from tests.privacy_house import NUMBER, OTHER, House, opened

pytestmark = pytest.mark.integration

CENTRE = CENTRES[0]
DAY_S = 86_400.0
DAYS, CALLS = 4, 40
AGENTS = [agent.id for agent in CENTRE.agents]


class LongRun:
    """A node that runs for days without a restart."""

    def __init__(self, store: Store) -> None:
        self.now, self.store = 1_764_000_000.0, store
        self.commands: list[Command] = []
        self.runner = Runner(Engine(), store, clock=lambda: self.now, execute=self.commands.extend)
        self.dice = random.Random(5)
        self.calls = 0

    async def ask(self, event: e.Event) -> None:
        """Tell an event, also one that is refused."""
        self.now += self.dice.choice((0.0, 0.3, 4.0))
        try:
            await self.runner.ask(event)
        except Refused:
            pass

    async def open_house(self) -> None:
        """Start the node as a node does, and sign everybody in."""
        engine, started = self.runner._engine, Started(CENTRE)
        engine.handle(started, self.now)
        changes, facts = engine.take_changes(), engine.take_facts()
        await self.store.commit(Turn([(self.now, started)], facts, changes))
        await self.ask(e.LinkChanged("", True))
        await self.sign_in()

    async def sign_in(self) -> None:
        """Bring everybody to their phones."""
        for agent in AGENTS:
            await self.ask(e.SeatChanged(SeatId(f"s{agent}"), True, False))
            await self.ask(e.AgentSignedIn(agent, SeatId(f"s{agent}")))
            await self.ask(e.AgentResumed(agent))

    async def pass_day(self) -> None:
        """Take many calls in any order, and leave some of them waiting, ringing and talking over night."""
        dice, offers = self.dice, list[Offer]()
        await self.ask(e.BreaksPlanned(dice.choice(AGENTS), ((self.now + 900.0, self.now + 1_800.0),)))
        for _ in range(CALLS):
            self.calls += 1
            contact, caller = ContactId(f"1764.{self.calls}"), f"hash-{dice.randrange(30)}"
            begin = len(self.commands)
            await self.ask(e.ContactQueued(contact, dice.choice(CENTRE.services).id, f"PJSIP/{self.calls}",
                                           caller_hash=caller, number_encrypted=f"box-{caller}"))
            offers += [one for one in self.commands[begin:] if isinstance(one, Offer)]
            roll = dice.random()
            if roll < 0.15:
                await self.ask(e.CallerHungUp(contact))
            elif roll < 0.3:
                await self.ask(e.CallbackRequested(contact))
                await self.ask(e.CallerHungUp(contact))
            for offer in [one for one in offers if dice.random() < 0.5]:
                offers.remove(offer)
                await self.ask(e.OfferRinging(offer.offer))
                await self.ask(e.OfferConnected(offer.offer, offer.contact))
                if dice.random() < 0.8:
                    await self.ask(e.TalkEnded(offer.offer, "caller"))
                    await self.ask(e.WrapUpEnded(offer.agent))
            if dice.random() < 0.1:
                await self.ask(e.AgentPaused(dice.choice(AGENTS)))
        self.now += DAY_S / 8

    async def pass_night(self) -> None:
        """Write the state in the middle of a batch, and go on."""
        self.runner.post(e.SeatChanged(SeatId("s-night"), True, False))
        self.runner.write_snapshot()
        self.runner.post(e.SeatChanged(SeatId("s-night"), True, True))
        await self.ask(e.AgentResumed(AGENTS[0]))
        await self.sign_in()


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[tuple[Path, LongRun]]:
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("long run")
    node = LongRun(store)
    loop = asyncio.create_task(node.runner.run_forever())
    await node.open_house()
    for day in range(DAYS):
        await node.pass_day()
        if day < DAYS - 1:
            await node.pass_night()
    loop.cancel()
    await asyncio.wait({loop})
    await node.runner.commit_deferred()
    yield tmp_path, node
    await store.close()


def commands_of(folder: Path, first: int) -> list[Command]:
    """Return the commands of a new engine that gets the journal from an entry on."""
    engine, found = Engine(), list[Command]()
    with Reader(folder / "santral.db") as reader:
        for row in reader.journal_after(first - 1, 100_000):
            if isinstance(row.event, Started):
                engine = Engine()
            found += engine.tick(row.at) if row.event is None else engine.handle(row.event, row.at)
    return found


def plain(commands: Sequence[Command]) -> list[Command]:
    """Return commands without numbers, which the journal does not have."""
    return [one._replace(number_encrypted="") if isinstance(one, DialCaller) else one for one in commands]


def starts_of(folder: Path) -> list[tuple[int, float, Started]]:
    with Reader(folder / "santral.db") as reader:
        return [(row.seq, row.at, row.event) for row in reader.journal_after(0, 100_000)
                if isinstance(row.event, Started)]


def santral(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env={"COLUMNS": "160"})


async def test_a_replay_goes_on_from_the_second_day_with_all_commands_and_facts(
        state: tuple[Path, LongRun], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, node = state
    monkeypatch.setattr("routing.store.reader.PAGE", 100_000)
    starts = starts_of(folder)
    assert [bool(one.state) for _, _, one in starts] == [False, *[True] * (DAYS - 1)]
    # 1. The whole journal: each state of a night gives the same engine, or a fact would differ.
    with open_journal(str(folder)) as journal:
        whole = replay_journal(journal.read_entries(), journal.read_facts())
    assert whole.difference is None and whole.starts == 1 and whole.facts > 300 and whole.decisions > 30
    # 2. From each night on, all commands are those that the node gave.
    every = plain(commands_of(folder, 1))
    assert every == plain(node.commands)
    for seq, _, _ in starts[1:]:
        rest = plain(commands_of(folder, seq))
        assert 10 < len(rest) < len(every) and rest == every[-len(rest):]
    # 3. The purge cuts the journal of a node that was never restarted. The rest is a journal.
    _, cut_at, _ = starts[2]
    past = await node.store.run_query(partial(erasure.find_old_history, journal_before=cut_at + 1.0,
                                              facts_before=cut_at + 1.0))
    assert past is not None and past.entry == starts[2][0] and past.entries == starts[2][0] - 1
    await erasure.drop_history(node.store, past)
    with open_journal(str(folder)) as journal:
        rest_of_it = replay_journal(journal.read_entries(), journal.read_facts())
    assert rest_of_it.difference is None and rest_of_it.starts == 0
    assert 0 < rest_of_it.facts < whole.facts - 100 and rest_of_it.decisions > 10
    done = santral("replay", str(folder))
    assert done.exit_code == 0 and "the same again, bit for bit" in done.output
    # 4. Why a contact of the last day got its agent is told from the last night on.
    done = santral("why", "1764.150", str(folder))
    assert done.exit_code == 0, done.output


async def test_the_next_start_is_whole_again_and_the_day_after_refers_to_it(state: tuple[Path, LongRun]) -> None:
    folder, node = state
    loaded = await node.store.load_state()
    for _ in range(2):
        node.now += 60.0
        await node.store.commit(Turn([(node.now, Started(CENTRE, **loaded._asdict()))], ()))
    first, second = [one for _, _, one in starts_of(folder)][-2:]
    assert first == second == Started(CENTRE, **loaded._asdict())


async def test_a_caller_who_is_erased_is_in_no_state(tmp_path: Path) -> None:
    async with opened(tmp_path / "state") as house:
        await house.node.call(NUMBER)
        await house.node.call(NUMBER, callback=True, talk=False)
        await house.node.call(OTHER)
        await write_state(house)
        await house.node.call(OTHER)
        with Reader(house.state / "santral.db") as reader:
            (row,) = [one for one in reader.journal_after(0) if isinstance(one.event, Started) and one.event.state]
        assert isinstance(row.event, Started) and len(row.event.callers) == 3
        content = zlib.decompress(b64decode(row.event.state)).decode()
        digest, box = house.node.keys.encrypt_number(NUMBER)
        assert digest in row.event.callers and digest not in content and box[:10] not in content
        erased = await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
        assert erased.left == () and house.bytes_of(digest) == []
        # The rest of the journal is still told bit for bit.
        with open_journal(str(house.state)) as journal:
            assert replay_journal(journal.read_entries(), journal.read_facts()).difference is None


async def write_state(house: House) -> None:
    house.node.now += 0.5
    await house.store.commit(Turn([(house.node.now, house.node.engine.take_snapshot())], ()))


@pytest.mark.parametrize("fault", ["routing.core.domain:Domain", '"turns"', "not base64"])
async def test_a_state_of_another_version_is_said_so(fault: str, state: tuple[Path, LongRun]) -> None:
    folder, node = state
    seq, _, started = starts_of(folder)[-1]
    await node.store.close()
    text = started.state
    content = zlib.decompress(b64decode(text)).decode()
    if fault in content:
        other = content.replace(fault, '"other"' if fault.startswith('"') else "routing.core.domain:Other")
        text = b64encode(zlib.compress(other.encode())).decode()
    else:
        text = fault
    with closing(sqlite3.connect(folder / "santral.db")) as connection:
        connection.execute("UPDATE journal SET body = replace(body, ?, ?) WHERE seq = ?", (started.state, text, seq))
        connection.commit()
    done = santral("replay", str(folder))
    assert done.exit_code != 0 and "Traceback" not in done.output
    assert "another version of Santral" in done.output.replace("\n", " ")


async def test_a_state_that_cannot_be_written_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise SnapshotError("no part of the engine")

    monkeypatch.setattr(engines, "encode_domain", fail)
    store = await Store.open_store(tmp_path / "santral.db")
    node = LongRun(store)
    loop = asyncio.create_task(node.runner.run_forever())
    with capture_logs() as logs:
        await node.open_house()
        await node.pass_night()
    assert [one["event"] for one in logs] == ["journal.snapshot_failed"]
    assert node.runner.is_storing and running.BATCH_MAX > 1
    loop.cancel()
    await asyncio.wait({loop})
    await store.close()
