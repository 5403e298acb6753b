"""Forty calls in a lab with two nodes, and an account of each caller afterwards.

The account joins four witnesses: the caller's own line, Asterisk's black box, the channel that a second AMI client saw,
and the store.
"""

from __future__ import annotations

import asyncio
import csv
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.exc import DBAPIError

from asterisk_conf.conf_plan import CEL_CALLED, CEL_FALLBACK
from asterisk_conf.dialplan_values import TIMINGS
from lab.faults.judge import read_facts
from lab.faults.proxy import TcpProxy
from lab.faults.scene import RECORDS_S
from lab.history.checker import check_history
from lab.history.evidence import Line, read_evidence
from lab.history.recorder import BLACK_BOX, HistoryRecorder
from lab.people.traffic import LabTraffic, TrafficHabits, pick_across_teams
from lab.phones.leg import Leg
from lab.session import LabSession
from routing.core.callers.menu_outcome import HUNG_UP
from routing.store.kinds import NUMBERS
from tests.until import LIMIT_S, until_async

CALLS = 40
AGENTS = 24
HABITS = TrafficHabits(every=0.8, talk=(3.0, 10.0), press=(1.0, 2.0), press_again=7.0, stay_least=60.0, keys="1240")
"""A key that a frozen node has not heard is pressed again, or its caller would be in the menu for good. Pressed again,
`3` would ask for a callback."""
DISTRESS = "psikososyal"
FILL_S = 240.0
"""Limit until this many calls are there, on a busy machine."""
SERVED_S = 120.0
"""Limit for decisions to go on, on a busy machine. An idle one takes seconds."""
RETRY_S = TIMINGS.retry_s + 1.0
"""Time after which the dialplan asks for a node again, with a second for words that begin meanwhile."""
ACTS = re.compile(rb"^Action: (Originate|Redirect|Hangup|Setvar|QueueAdd|Bridge)", re.MULTILINE | re.IGNORECASE)
"""Commands of a node that change something at Asterisk."""


class NodeLinks:
    """Proxies of the nodes: to Asterisk's AMI and to both servers of PostgreSQL."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.proxies: dict[str, TcpProxy] = {}
        self._sent: dict[str, bytearray] = {}

    def through(self, link: str, place: str) -> str:
        """For `lab.lifecycle`, which runs in a thread: the address to use."""
        node, _, end = link.partition(".")
        if end == "agi":
            return place
        host, _, port = place.rpartition(":")
        watch = self._sent.setdefault(node, bytearray()).extend if end == "ami" else None
        proxy = self.proxies[link] = TcpProxy(host, int(port), watch)
        return f"{host}:{asyncio.run_coroutine_threadsafe(proxy.start_listening(), self._loop).result(LIMIT_S)}"

    def to_database(self, node: str) -> list[TcpProxy]:
        """Return the links of a node to both servers."""
        return [proxy for link, proxy in self.proxies.items() if link in (f"{node}.primary", f"{node}.standby")]

    def forget_acts(self, node: str) -> None:
        """Forget what a node has sent to Asterisk so far."""
        self._sent[node].clear()

    def count_acts(self, node: str) -> int:
        """Return how many commands a node has sent since then."""
        return len(ACTS.findall(self._sent[node]))

    async def stop(self) -> None:
        """End all links."""
        for proxy in self.proxies.values():
            await proxy.stop_listening()


class CallerAccount(NamedTuple):
    """The end of each caller of a load."""

    contacts: int
    in_menu: list[str]
    """Callers who hung up in the menu, each with the own time and the recorded path."""
    unanswered: int
    """Callers who hung up before anything answered."""
    lost: list[str]
    """Callers without a record, or with one that differs from the own line."""


class NodeLoad:
    """The load. `open_load` makes it."""

    def __init__(self, lab: LabSession, recorder: HistoryRecorder, history: Path) -> None:
        self.lab = lab
        self.traffic = LabTraffic(lab.info, lab.network, HABITS, pick_across_teams(lab.info.agents, AGENTS))
        self._calling = asyncio.create_task(asyncio.sleep(0))
        self.fault_at = 0.0
        self._recorder, self._history = recorder, history
        self._before = 0
        self._gaps: list[tuple[float, float]] = []
        """Times from a fault to the first decision. On a busy machine callers enter a fallback queue meanwhile."""

    async def start(self) -> None:
        """Sign the agents in, and let callers come until 40 of them are on the line."""
        await self.traffic.sign_in_agents()
        self._calling = asyncio.create_task(self.traffic.generate_callers(), name="callers")
        await until_async(lambda: self.live() >= CALLS, FILL_S, f"{CALLS} calls")

    async def stop_calling(self) -> None:
        """Let nobody call any more. Safe to repeat."""
        self._calling.cancel()
        with suppress(asyncio.CancelledError):
            await self._calling

    @property
    def callers(self) -> list[Leg]:
        """Return the lines of all callers."""
        return list(self.lab.network.calls.values())

    def live(self) -> int:
        """Return how many callers are on the line."""
        return sum(not leg.ended.is_set() for leg in self.callers)

    def fallbacks(self) -> int:
        """Return how often a caller has entered a fallback queue, by Asterisk's own record."""
        return self._read_box().count(CEL_FALLBACK)

    def find_misled(self) -> list[str]:
        """Return callers who entered a fallback queue while a node led. With its key they go on to that of distress."""
        rows: list[list[str]] = []
        for row in csv.reader(self._read_box().splitlines()):
            if row[1].startswith(CEL_FALLBACK) and not (
                    row[1] == CEL_FALLBACK + DISTRESS and any(row[2] == before[2] for before in rows)):
                rows.append(row)
        return [f"{row[2]} entered a fallback queue {float(row[0]) - self.fault_at:+.1f} s after the last fault"
                for row in rows if not any(began <= float(row[0]) <= ended for began, ended in self._gaps)]

    def epoch(self) -> int:
        """Return the epoch of the lease."""
        return int(self.lab.query_store("select epoch from leases where name = ?", "router")[0]["epoch"])

    async def ask_store(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query, none while the database is away."""
        with suppress(DBAPIError):
            return await asyncio.to_thread(self.lab.query_store, query, *values)
        return []

    async def begin_fault(self) -> None:
        """Note the moment of the fault."""
        self._before = (await self.ask_store("select max(seq) as seq from facts"))[0]["seq"]
        self.fault_at = time.time()

    async def first_decision(self, since: float | None = None) -> float:
        """Wait for the first offer after the fault, or after a moment, and return how long after it came."""
        start = self.fault_at if since is None else since
        found: list[float] = []

        async def decided() -> bool:
            found[:] = [row["at"] for row in await self.ask_store(
                "select min(at) as at from facts where seq > ? and at > ? and kind = ?", self._before, start,
                NUMBERS["Offered"]) if row["at"] is not None]
            return bool(found)

        await until_async(decided, SERVED_S, "an offer after the fault")
        self._gaps.append((self.fault_at, found[0] + RETRY_S))
        return found[0] - start

    async def end(self, what: str, decided_s: float) -> None:
        """Let the callers leave, and compare each of them with all records."""
        await self.hang_up()
        account = await self.account_for_callers()
        outcomes = Counter(row["outcome"] for row in await self.ask_store("select outcome from contacts"))
        print(f"\n{what}: first decision {decided_s:.2f} s; fallback queue {self.fallbacks()}; calls "
              f"{len(self.callers)} = contacts {account.contacts} {dict(outcomes)} + hung up in the menu "
              f"{len(account.in_menu)} + before an answer {account.unanswered} + lost {len(account.lost)}; "
              f"epoch {self.epoch()}", *account.in_menu, sep="\n  ")
        self.check(account)

    async def hang_up(self) -> None:
        """Let all callers and agents leave, and wait until each caller of the black box has a record."""
        await self.stop_calling()

        async def all_left() -> bool:
            # A line that is being dialled has no channel yet, so it is asked again.
            await self.lab.network.hang_up_all()
            return self.live() == 0

        await until_async(all_left, SERVED_S, "all callers have hung up")
        await self.lab.wait_until_quiet()

        async def missing() -> set[str]:
            rows = await self.ask_store("select contact from contacts where outcome is not null")
            menus = await asyncio.to_thread(read_facts, self.lab, "MenuEndedRecorded")
            return self._called() - {row["contact"] for row in rows} - {menu[0] for menu in menus}

        async def all_recorded() -> bool:
            return not await missing()

        with suppress(AssertionError):  # the account names them
            await until_async(all_recorded, RECORDS_S)
        # An agent at work would write into the store while it is copied.
        for person in self.traffic.people:
            await person.sign_out()
        await self.lab.wait_until_quiet()

    async def account_for_callers(self) -> CallerAccount:
        """End the recording, and account for each caller. Everybody must have hung up."""
        for leg in self.callers:
            self._recorder.note_caller(leg)
        await self._recorder.stop()
        found = await asyncio.to_thread(read_evidence, self._history)
        contacts, called = found.contacts(), self._called()
        menus: dict[str, Line] = {fact.get("contact"): fact for fact in found.facts("MenuEndedRecorded")}
        account = CallerAccount(sum(row.get("outcome") is not None for row in contacts.values()), [],
                                sum(caller.get("answered") is None for caller in found.callers), [])
        for caller in found.callers:
            if caller.get("answered") is None:
                continue
            name, menu = caller.get("contact"), menus.get(caller.get("contact"))
            told = (f"{name or caller.get('line')}: hung up {caller.get('ended') - caller.get('answered'):.1f} s after "
                    f"the answer, {caller.get('answered') - self.fault_at:+.1f} s after the fault")
            if not name or name not in called:
                account.lost.append(f"{told}; the black box does not have the call")
            elif name in contacts:
                if contacts[name].get("outcome") is None:
                    account.lost.append(f"{told}; the contact has no outcome")
            elif menu is None:
                account.lost.append(f"{told}; neither a contact nor a path of the menu")
            elif menu.get("outcome") != HUNG_UP or caller.get("cut"):
                account.lost.append(f"{told}; the menu ended as {menu.get('outcome')}, "
                                    f"{'cut by us' if caller.get('cut') else 'hung up'}")
            else:
                account.in_menu.append(f"{told}, at {menu.get('nodes')[-1]} by the record "
                                       f"{menu.at - caller.get('ended'):+.2f} s after the line")
        return account

    def check(self, account: CallerAccount) -> None:
        """Assert that nobody was lost or doubled, or entered a fallback queue while a node led."""
        assert not account.lost, "\n".join(account.lost)
        assert account.contacts + len(account.in_menu) + account.unanswered == len(self.callers)
        findings = check_history(self._history)
        assert findings.ok, "\n".join(f"{one.invariant} {one.fault} {one.subject}: {one.what}"
                                      for one in findings.findings)
        assert not self.find_misled()

    def _called(self) -> set[str]:
        """Return the ids of all callers by the black box."""
        return {row[2] for row in csv.reader(self._read_box().splitlines()) if row[1].startswith(CEL_CALLED)}

    def _read_box(self) -> str:
        return (self.lab.folder / BLACK_BOX).read_text(encoding="utf-8")


@asynccontextmanager
async def open_load(lab: LabSession, history: Path) -> AsyncIterator[NodeLoad]:
    """Yield the load when this many callers are on the line. The lab writes this history."""
    recorder = HistoryRecorder(lab, history)
    await recorder.start()
    load = NodeLoad(lab, recorder, history)
    try:
        await load.start()
        yield load
    finally:
        await load.stop_calling()
