"""A lab at work, watched by a Prometheus: callers come in waves, agents take breaks, and the answers to every query of
the dashboards are kept. The pictures of the documentation are drawn from them."""

from __future__ import annotations

import asyncio
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from lab.errors import LabError
from lab.network import Network
from lab.person import Person
from lab.ports import Ports
from lab.prometheus import watching
from lab.traffic import Habits, Traffic, spread
from lab.up import ANY_HOUR, CENTRE, Info, down, up
from metrics.dashboards.boards import BOARDS
from metrics.dashboards.panel import chosen
from metrics.dashboards.source import Keeping, NoAnswer, Prometheus, Span
from metrics.rules import SCRAPE, Plan, files

PLAIN, SPECIAL = 14, 8
"""Agents as they come, and those with accommodations besides."""
CALM_S, BUSY_S = 6.7, 2.2
"""Mean time between two callers in a trough and on a crest."""
WAVES = 1.5
"""Of callers in the whole time."""
REST_S, RESTS = 25.0, (30.0, 100.0)
"""Mean time until somebody takes a break, and how long one is."""
OFTEN = 1 / 3
"""Prometheus reads every 5 seconds instead of 15: the whole is short."""
POINTS = 240
SEED = 7


def record(minutes: float, out: Path, say: Callable[[str], None]) -> None:
    """Let it work for so long and keep the answers. Raises LabError, OSError."""
    with tempfile.TemporaryDirectory(prefix="santral-watched-") as name:
        folder, ports = Path(name), Ports()
        port = ports.one()
        try:
            info = up(folder=folder / "lab", guarded=True, measured=True, say=say,
                      extra=f'{ANY_HOUR}\n[mqtt]\nbroker = "127.0.0.1:{port}"\ntls = false\n'
                            '[profile]\nring_signal = ["audio", "haptic"]\n')
            write(info, folder, OFTEN)
            with _broker(info, folder), watching(folder / SCRAPE, folder) as url:
                asyncio.run(_work(info, minutes * 60.0, say))
                step, now = minutes * 60.0 / POINTS, time.time()
                keeping = Keeping(Prometheus(url, Span(now - POINTS * step, now, step)))
                for query in (query for board in BOARDS for panel in board.panels for query in panel.queries):
                    keeping.ask(chosen(query.expression))
                keeping.write(out)
        except NoAnswer as error:
            raise LabError(str(error)) from error
        finally:
            down(folder / "lab")
            ports.close()


def write(info: Info, folder: Path, factor: float) -> None:
    """Rules, and what Prometheus shall read: the node of a lab and its Asterisk."""
    for name, text in files(Plan((info.http,), (info.asterisk_metrics,), factor=factor)).items():
        (folder / name).write_text(text, encoding="utf-8")


@contextmanager
def _broker(info: Info, folder: Path) -> Iterator[None]:
    """The MQTT broker of the lab's settings."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        raise LabError("mosquitto is missing, the MQTT broker. As root: apt-get install mosquitto")
    out = folder / "broker"
    subprocess.run([sys.executable, "-m", "santral", "mqtt-conf", info.centre, "--settings", info.settings, "--state",
                    info.state, "--out", str(out), "--data", str(folder)], check=True, stdout=subprocess.DEVNULL)
    with (out / "mosquitto.conf").open("a", encoding="utf-8") as conf:
        conf.write("user root\n")
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(out / "mosquitto.conf")], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


async def _work(info: Info, seconds: float, say: Callable[[str], None]) -> None:
    special = {entry["agent"] for entry in yaml.safe_load(
        (CENTRE / "accommodations.yaml").read_text(encoding="utf-8"))["accommodations"]}
    chosen_ = spread(info.agents, PLAIN)
    chosen_ += spread([seat for seat in info.agents if seat.id in special and seat.id not in chosen_], SPECIAL)
    async with Network(info.network) as network:
        traffic = Traffic(info, network, Habits(every=CALM_S, seed=SEED), chosen_)
        await traffic.sign_in()
        say(f"{len(traffic.people)} agents are signed in; callers come for {seconds / 60:.0f} minutes")
        tasks = [asyncio.create_task(one) for one in (traffic.arrive(), _waves(traffic, seconds), _breaks(traffic))]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        say(f"{len(traffic.calls)} callers, {len(traffic.troubles)} troubles")
        await network.hang_up_all()


async def _waves(traffic: Traffic, seconds: float) -> None:
    """Callers come more and less often."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        crest = 0.5 - 0.5 * math.cos(2 * math.pi * WAVES * (loop.time() - began) / seconds)
        traffic.habits = traffic.habits._replace(every=CALM_S + (BUSY_S - CALM_S) * crest)
        await asyncio.sleep(5.0)


async def _breaks(traffic: Traffic) -> None:
    """Somebody rests now and then."""
    dice = random.Random(SEED)

    async def rests(person: Person, seconds: float) -> None:
        with suppress(LabError):  # who is on a break already does not take another
            await person.ask("pause")
            await asyncio.sleep(seconds)
            await person.ask("resume")

    async with asyncio.TaskGroup() as group:
        while True:
            await asyncio.sleep(dice.expovariate(1.0 / REST_S))
            group.create_task(rests(dice.choice(traffic.people), dice.uniform(*RESTS)))
