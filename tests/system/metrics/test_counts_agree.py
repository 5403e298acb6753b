"""Real calls of every kind, with a node that is killed and an AMI link that is cut: store, /metrics, queue_log, a real
broker, report, its CSV and the export say the same to the call, and each contact has one end.

Forty calls make a round; `long` has five of them.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiomqtt
import pytest
from typer.testing import CliRunner

from lab import lifecycle
from lab.people.agent import SimAgent
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from metrics.mqtt.mosquitto_conf import WATCH_USER
from metrics.reports import daily_report
from metrics.reports.period import Period
from routing.store.kinds import NUMBERS
from santral.cli import cli
from santral.node.state_reader import open_past
from tests import agreement
from tests.integration.metrics.mqtt.test_outbox import MOSQUITTO, heard_at, listens
from tests.ministry import copied, drop_rules, edit
from tests.system.calls.test_callback import Callers
from tests.system.conftest import Link, NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

EDU, TIP, IDEA, ANY = "uzaktan_egitim", "ihbar_sikayet", "gorus_oneri", "temsilci"
KEYS = {EDU: "2", TIP: "3", IDEA: "4", ANY: "0"}
ZONE = ZoneInfo("Europe/Istanbul")
SHORT_S = 5.0
"""An earlier hang-up is a short abandon (`short_abandon_s` of a service)."""
OVERFLOW_S = 30
"""Overflow time of the service that overflows into another: the least value allowed."""
PRESSES = range(600, 7000, 900)
"""Many callers at once: a greeting may begin late, so the choice is pressed until it is surely heard."""
LIMIT_S = 120.0
"""For what takes seconds, on a machine with other work."""
ASKED_S = 300.0
"""Five callers, one after the other, with a talk and a survey each."""
CALLS = 40
"""Of a round."""
ROUNDS = 5
REACHED, BUSY = "0533200000", "0533300000"
"""Numbers outside, without the last digit: who picks up, and who is busy."""
HAPPENED = ("answered", "abandoned", "abandoned_short", "turned_away", "callback_failed", "moved waited",
            "moved transfer", "sent on", "talks", "hold_s", "wrapup_s", "offers missed", "offers taken away",
            "callback requested", "callback dialled", "callback reached", "callback busy", "surveys", "survey cared",
            "survey solved", "within")
"""Things that a run must have. Otherwise the comparison has not tested them."""


def centre_of(folder: Path) -> Path:
    """Return the ministry's centre, where a wait in one service leads to another, and there to good-bye. A callback is
    tried once."""
    centre = copied(folder)
    drop_rules(centre)
    for service, more in ((TIP, f"when_waited: {{to: {ANY}, over_s: {OVERFLOW_S}}}"),
                          (ANY, f"when_waited: {{to: goodbye, over_s: {OVERFLOW_S}}}"), (IDEA, "callback_tries: 1")):
        begin = f"  - id: {service}\n"
        edit(centre, "services.yaml", begin, f"{begin}    {more}\n")
    return centre


class Day:
    """Callers and agents of one round."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.stage, self.lab, self.number = stage, stage.lab, number
        self.callers = Callers(stage)
        self.legs: list[Leg] = []

    async def call(self, service: str, number: str | None = None) -> Leg:
        """A caller who presses the key of a service (empty: none) until it is surely heard."""
        press = ",".join(f"{KEYS[service]}@{at}ms" for at in PRESSES) if service else ""
        leg = await self.stage.caller(press, number=number)
        self.legs.append(leg)
        return leg

    async def queued(self, service: str, leg: Leg) -> str:
        """The contact of a caller who alone comes to a service now."""
        def there() -> str:
            rows = self.lab.query_store(
                "select contact from contacts where service = ? and outcome is null and queued_at > ?",
                                 service, leg.began)
            return str(rows[0]["contact"]) if rows else ""

        return await until_async(there, LIMIT_S, f"a contact of {service}; {leg.describe_moments()}")

    async def talking(self, service: str, agent: SimAgent) -> tuple[Leg, str]:
        """A caller and the only free agent of a service."""
        leg = await self.call(service)
        return leg, str((await self.stage.reaches(agent, "talking", LIMIT_S))["contact"])

    async def waiting(self, service: str, count: int) -> None:
        await self.stage.counts(service, count, LIMIT_S)

    async def agents(self, names: Iterable[str], behaviour: PhoneBehaviour) -> list[SimAgent]:
        return [await self.stage.agent(name, behaviour) for name in names]

    # -- the stories -------------------------------------------------------------------------------------------------

    async def in_the_menu(self) -> None:
        """Eight hear the greeting and hang up."""
        legs = [await self.call("") for _ in range(8)]
        await asyncio.gather(*(leg.wait_answered(LIMIT_S) for leg in legs))
        await asyncio.gather(*(leg.hang_up() for leg in legs))

    async def given_up(self, service: str) -> None:
        """Three wait for some time and hang up, one does so at once."""
        legs = [await self.call(service) for _ in range(3)]
        await self.waiting(service, 3)
        await self.older(service, SHORT_S + 1.0)
        late = await self.call(service)
        await self.waiting(service, 4)
        await asyncio.gather(*(leg.hang_up() for leg in [*legs, late]))
        await self.waiting(service, 0)

    async def older(self, service: str, seconds: float) -> None:
        """Make everybody there have waited this long."""
        async def old() -> bool:
            rows = self.lab.query_store("select max(since) as last from contacts where service = ? and outcome is null",
                                 service)
            return bool((await self.lab.fetch_status())["at"] > rows[0]["last"] + seconds)

        await until_async(old, LIMIT_S, f"they have waited in {service}")

    async def overflows(self) -> None:
        """Let two callers go on to the next service. One hangs up there, and one hears good-bye."""
        moved = await self.call(TIP)
        goes_on = await self.queued(TIP, moved)
        stays = await self.call(TIP)
        await until_async(lambda: self.lab.query_store(
            "select 1 from contacts where contact = ? and service = ?", goes_on, ANY), LIMIT_S, "one has gone on")
        await moved.hang_up()
        await stays.wait_ended(2 * LIMIT_S)

    async def served(self, service: str) -> None:
        """The first agent declines or is hung up on while it rings; the second takes what comes; who stays after the
        last talk is asked."""
        first, second = plain(service, 2)
        (declines,) = await self.agents([first], PhoneBehaviour("ignore"))
        leg = await self.call(service)
        await self.stage.reaches(declines, "ringing", LIMIT_S)
        await leg.hang_up()
        await self.stage.reaches(declines, "ready", LIMIT_S)
        await declines.set_behaviour(PhoneBehaviour("decline"))
        # The phone hangs up in a talk, after the words that follow the key. A key before the queue would choose.
        (takes,) = await self.agents([second], PhoneBehaviour("0", 8.0))
        legs = [await self.call(service) for _ in range(5)]
        await until_async(lambda: len(self.lab.query_store(
            "select 1 from contacts where service = ? and queued_at > ?", service, legs[0].began)) == len(legs),
            LIMIT_S, "five have come to the queue")
        await self.asked(legs)
        await declines.sign_out()
        await takes.set_behaviour(PhoneBehaviour("0.5"))
        leg, _ = await self.talking(service, takes)
        await leg.hang_up()
        await self.stage.reaches(takes, "ready", LIMIT_S)
        await takes.sign_out()

    async def asked(self, legs: list[Leg]) -> None:
        """Those whose agent hangs up stay: asked how it was they press 1 each time, and hear it to the end."""
        async def over(leg: Leg) -> None:
            end = asyncio.get_running_loop().time() + ASKED_S
            while not leg.ended.is_set():
                assert asyncio.get_running_loop().time() < end, leg.describe_moments()
                await leg.press_keys("1")
                await asyncio.sleep(1.0)

        await asyncio.gather(*(over(leg) for leg in legs))

    async def sent_on(self) -> None:
        """Two are sent on, by the desk and by keys; of three whose agents ask first one is given over, one comes back,
        one hangs up meanwhile."""
        first = plain(EDU, 5)
        seconds = await self.agents(plain(TIP, 4), PhoneBehaviour("0.3"))
        trios = []
        for name in first:
            (agent,) = await self.agents([name], PhoneBehaviour("0.2"))
            leg, contact = await self.talking(EDU, agent)
            trios.append((leg, contact, agent, next(one for one in reversed(self.stage.network.rung)
                                                    if one.seat == agent.seat)))
        (by_desk, _, desk, _), (by_keys, _, _, phone), *asking = trios
        await desk.ask_as_agent("transfer", {"service": TIP})
        await self.stage.press_number(phone, "*1", "3#")
        await until_async(lambda: self.talks_of(TIP) == 2, LIMIT_S,
            f"both are with the next one; {phone.describe_moments()}")
        await asyncio.gather(by_desk.hang_up(), by_keys.hang_up())
        await asyncio.gather(*(self.stage.reaches(one, "ready", LIMIT_S) for one in seconds))
        for _, _, agent, _ in asking:
            await agent.ask_as_agent("consult", {"service": TIP})
        await until_async(lambda: len(self.lab.query_store(
            "select 1 from offers where service = ? and state = 'pending' and rang_at is not null", TIP)) == 3,
            LIMIT_S, "three are asked")
        await self.until_states(seconds, "talking", 3)
        (given, given_to, gives, _), (back, _, takes, takes_phone), (gone, _, _, _) = asking
        await asyncio.gather(gives.ask_as_agent("consult/complete"), takes.ask_as_agent("consult/cancel"),
            gone.hang_up())
        await until_async(lambda: self.lab.query_store(
            "select 1 from offers where contact = ? and service = ? and state = 'accepted'", given_to, TIP), LIMIT_S,
            "the one who was asked has the caller")
        await self.until_states(seconds, "ready", 3)
        await asyncio.gather(given.hang_up(), takes_phone.hang_up())
        await self.asked([back])
        for person in [*seconds, *(agent for _, _, agent, _ in trios)]:
            await person.sign_out()

    async def until_states(self, people: list[SimAgent], state: str, count: int) -> None:
        async def there() -> bool:
            views = await asyncio.gather(*(one.fetch_view() for one in people))
            return [view["state"] for view in views].count(state) == count

        await until_async(there, LIMIT_S, f"{count} of {[one.id for one in people]} {state}")

    def talks_of(self, service: str) -> int:
        """Talks that are going on."""
        return len(self.lab.query_store("select 1 from offers where service = ? and state = 'accepted'", service))

    async def called_back(self) -> None:
        """One is reached, one is busy."""
        number, busy = f"{REACHED}{self.number}", f"{BUSY}{self.number}"
        await self.callers.phone(number, PhoneBehaviour("0.3"))
        await self.callers.phone(busy, PhoneBehaviour("busy"))
        contacts = []
        for one in (number, busy):
            leg = await self.call(IDEA, one)
            contact = await self.queued(IDEA, leg)
            await self.callers.asks(leg, contact)
            contacts.append(contact)
        agent = await self.callers.agent(plain(IDEA, 1)[0], PhoneBehaviour("0.3"))
        await self.callers.talks(agent, contacts[0])
        await (await self.callers.rings(number)).hang_up()
        for contact, outcome in zip(contacts, ("answered", "callback_failed"), strict=True):
            await until_async(lambda contact=contact: self.stage.outcome(contact), LIMIT_S, f"{outcome} is told")
            assert self.stage.outcome(contact) == outcome
        await self.stage.reaches(agent, "ready", LIMIT_S)
        await agent.sign_out()

    async def the_node_dies(self, link: Link) -> None:
        """Killed while two talk, of whom one hangs up before it is back, and two wait, of whom one hangs up; before
        that the link is cut while they do."""
        assert link.proxy is not None
        first, second = plain(EDU, 2)
        (talks,) = await self.agents([first], PhoneBehaviour("0.2"))
        on, _ = await self.talking(EDU, talks)
        (ends,) = await self.agents([second], PhoneBehaviour("0.2"))
        short, _ = await self.talking(EDU, ends)
        stays, leaves = await self.call(IDEA), await self.call(IDEA)
        await self.waiting(IDEA, 2)
        link.proxy.drop_connections()

        async def link_is(up_: bool) -> bool:
            return (await self.lab.fetch_status())["link_up"] is up_

        await until_async(lambda: link_is(False), LIMIT_S, "the cut is felt")
        link.proxy.restore_traffic()
        await until_async(lambda: link_is(True), LIMIT_S, "the link is back")
        before = await self.lab.fetch_metrics()
        await asyncio.to_thread(self.lab.kill_node)
        await asyncio.gather(short.hang_up(), leaves.hang_up())
        await asyncio.gather(short.wait_ended(), leaves.wait_ended())
        for _ in range(6):  # each asks the node, which is not there: an impatient caller keeps the place all the same
            await stays.press_keys(KEYS[IDEA])
            await asyncio.sleep(0.3)
        await self.lab.start_node()
        fell = list(agreement.never_falls(before, await self.lab.fetch_metrics()))
        assert not fell, "a counter of facts stands where it stood: " + "; ".join(fell)
        await self.stage.reaches(talks, "talking", LIMIT_S)
        await self.stage.reaches(ends, "ready", LIMIT_S)
        agent = await self.callers.agent(plain(IDEA, 1)[0], PhoneBehaviour("0.2"))
        await self.stage.reaches(agent, "talking", LIMIT_S)
        await asyncio.gather(on.hang_up(), stays.hang_up())
        for person in (talks, ends, agent):
            await self.stage.reaches(person, "ready", LIMIT_S)
            await person.sign_out()

    async def everything(self, link: Link) -> None:
        """The stories that need different people go on at the same time."""
        async def of_ideas() -> None:
            await self.given_up(IDEA)
            await self.served(IDEA)
            await self.called_back()

        async def of_transfers() -> None:
            await asyncio.gather(self.overflows(), self.given_up(EDU))
            await asyncio.gather(self.sent_on(), self.given_up(ANY))

        await asyncio.gather(self.in_the_menu(), of_ideas(), of_transfers())
        await self.the_node_dies(link)
        await asyncio.gather(*(leg.hang_up() for leg in self.legs))
        await asyncio.gather(*(leg.wait_ended() for leg in self.legs))


@asynccontextmanager
async def broker(lab: LabSession, port: int, folder: Path) -> AsyncIterator[list[tuple[str, dict[str, Any], bool]]]:
    """A real mosquitto with the rendered files, and what a wallboard hears of it."""
    files = folder / "broker"
    done = await asyncio.to_thread(subprocess.run, [
        sys.executable, "-m", "santral", "mqtt-conf", lab.info.centre, "--settings", lab.info.settings, "--state",
        str(lab.folder), "--out", str(files), "--data", str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with (files / "mosquitto.conf").open("a") as conf:
        conf.write("user root\n")
    passwords = json.loads((lab.folder / "secrets" / "mqtt.json").read_text())
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([str(MOSQUITTO), "-c", str(files / "mosquitto.conf")], stdout=log, stderr=log)
    try:
        await until_async(lambda: listens(port), what="mosquitto listens")
        client = aiomqtt.Client("127.0.0.1", port, username=WATCH_USER, password=passwords[WATCH_USER],
                                protocol=aiomqtt.ProtocolVersion.V5)
        async with heard_at(client, "acd/v1/events/#") as heard:
            yield heard
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 10)


@pytest.mark.parametrize("rounds", [1, pytest.param(ROUNDS, marks=pytest.mark.long)])
async def test_everybody_says_the_same_to_the_call(rounds: int, new_lab: NewLab, link: Link, tmp_path: Path,
                                                  broker_port: int) -> None:
    port = broker_port
    lab = await new_lab(centre=centre_of(tmp_path), through=link.through, extra=(
        f'{lifecycle.ANY_HOUR}[profile]\nwrapup_s = 1\n[mqtt]\nbroker = "127.0.0.1:{port}"\ntls = false\n'))
    calls = 0
    async with broker(lab, port, tmp_path) as heard:
        for number in range(rounds):
            day = Day(Stage(lab, tmp_path), number)
            await day.everything(link)
            calls += len(day.legs)
        await lab.wait_until_quiet()
        await lab.clear_lab()
        assert calls == rounds * CALLS
        store = agreement.of_store(lab.folder / "santral.db")

        def told() -> bool:
            return not agreement.differences(store, [agreement.of_mqtt(event for _, event, _ in list(heard))])

        try:
            await until_async(told, LIMIT_S)
        except AssertionError:
            agreement.agree(store, agreement.of_mqtt(event for _, event, _ in heard))
    ends = Counter(row["contact"] for row in lab.query_store(
        f"select json_extract(body, '$[0]') as contact from facts where kind = {NUMBERS['Ended']}"))
    assert len(ends) == len(lab.query_store("select 1 from contacts")) and set(ends.values()) == {1}, "one end each"
    missing = [name for name in HAPPENED if not sum(value for (_, what), value in store.sums.items() if what == name)]
    assert not missing, f"nothing was seen of {missing}"
    agreement.agree(store, *agreement.of_metrics(await lab.fetch_metrics()),
        agreement.of_queue_log(lab.read_queue_log()),
                    *from_the_past(lab, tmp_path))


def from_the_past(lab: LabSession, folder: Path) -> list[agreement.Told]:
    """Return the figures of reports and exports about everything, as a supervisor gets them."""
    first = lab.query_store("select min(at) as at from journal")[0]["at"]
    period = Period("interval", first - 60.0, (lab.query_store("select max(at) as at from journal")[0]["at"]) + 60.0,
        ZONE)
    with open_past(str(lab.folder)) as ask:
        read = daily_report.read_report(ask, period)
    start, end = (period.local_time(at).strftime("%Y-%m-%dT%H:%M:%S") for at in (period.start, period.end))
    for words in (["report", "interval", start, end, str(lab.folder), "--csv", str(folder / "report.csv")],
                  ["export", "contacts", str(lab.folder), "--from", start, "--to", end, "--out",
                   str(folder / "contacts.csv")]):
        said = CliRunner().invoke(cli, words)
        assert said.exit_code == 0, said.output
    return [agreement.of_report(read), agreement.of_report_csv(folder / "report.csv"),
            *agreement.of_export(folder / "contacts.csv")]
