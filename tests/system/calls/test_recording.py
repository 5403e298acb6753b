"""The content of a recording, by ear, on a real Asterisk. It has both parties from the connection on, and nothing of
the greeting, the menu or the music. It has nothing of callers who refused, cut the notice off, or chose a private
service. It is silent while it is paused, and has no digit. Then one caller is erased, and nothing is left anywhere.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.lifecycle import SOUNDS
from lab.people.agent import SimAgent, ask_node
from lab.phones import audio
from lab.phones.audio import Samples
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from routing.store.callers.number_keys import NumberKeys
from santral.privacy.caller_data import search_files, significant_digits
from tests.system.conftest import NewLab
from tests.system.stage import Stage, length, plain, prompt
from tests.until import until_async

pytestmark = pytest.mark.system

CALLER, AGENT, COLLEAGUE = 440, 1000, 1300
ERASED, KEPT = "05321112233", "05324445566"
ASKED, ASKED_NUMBER = "gorus_oneri", "4"
"""Of the colleague: a service whose talks are recorded as well, and its number of the house."""
KEY_S = 3.0
"""The key, over the greeting. An earlier one may meet no dialogue yet."""
WRITTEN_S = 6.0
"""Asterisk writes 32 KB at once. After this time the recorded sound is in the file."""
STEADY_S = 0.2
"""A tone of this length is somebody's voice in these tests, a shorter one may be a vowel of a prompt."""
DTMF = (697, 770, 852, 941, 1209, 1336, 1477)


class House:
    """The lab and what became of its recordings."""

    def __init__(self, lab: LabSession, stage: Stage) -> None:
        self.lab, self.stage = lab, stage

    def rows(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self.lab.query_store("select * from recordings order by at")]

    def record(self) -> list[dict[str, Any]]:
        """Return the notes of the node and the commands."""
        path = self.lab.folder / "audit.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    async def noted(self, lines: int) -> None:
        """Wait until this many lines are there."""
        await until_async(lambda: len(self.record()) == lines, what=f"{lines} lines of the record")

    async def rows_of(self, contact: str) -> list[dict[str, Any]]:
        """Recordings of a contact whose talk is over, when there is one."""
        async def there() -> list[dict[str, Any]]:
            return [row for row in self.rows() if row["contact"] == contact]

        return await until_async(there, what=f"a recording of {contact}")

    async def heard(self, row: dict[str, Any], folder: Path) -> Samples:
        """A recording as a supervisor hears it: A-law as 16 bit."""
        out = folder / f"{row['id']}.wav"
        await asyncio.to_thread(_santral, "recordings", "export", row["id"], "--out", str(out), "--state",
                                str(self.lab.folder))
        data = out.read_bytes()
        assert data[20:22] == b"\x06\0" and data[24:28] == (8000).to_bytes(4, "little"), "A-law, 8 kHz"
        return _alaw(data[58:])

    def contact(self, leg: Leg, number: str) -> str:
        digest, _ = NumberKeys.load_keys(self.lab.folder / "secrets" / "numbers.json").encrypt_number(number)
        [row] = self.lab.query_store(
            "select contact from contacts where caller_hash = ? order by queued_at desc limit 1",
                              digest)
        return str(row["contact"])


def _santral(*args: str, stdin: str = "") -> str:
    done = subprocess.run([sys.executable, "-m", "santral", *args], input=stdin, capture_output=True, text=True,
                          timeout=60.0)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def _alaw(data: bytes) -> Samples:
    """ITU-T G.711."""
    code = np.frombuffer(data, dtype=np.uint8).astype(np.int32) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.float64)


def _with(key: str) -> str:
    """Pressed over the greeting. Acknowledgement and notice are then heard to their ends."""
    return f"{key}@{KEY_S}s"


def _louder(samples: Samples, hertz: float) -> list[float]:
    """Moments (s) at which a tone stands out. A single window is none: a vowel may have the pitch of the tone."""
    size = int(audio.WINDOW_S * audio.RATE)
    found = [at for at in range(0, len(samples) - size, size)
             if audio.root_mean_square(window := samples[at: at + size]) >= audio.QUIET_LEVEL
             and audio.tone_energy(window, hertz) >= 0.25]
    return [at / audio.RATE for at in found if at - size in found or at + size in found]


def _gaps(moments: list[float]) -> list[tuple[float, float]]:
    """Return the pauses of more than 1 s. Two with less than 0.2 s of the tone between them are one."""
    found: list[tuple[float, float]] = []
    for begin, end in pairwise(moments):
        if end - begin <= 1.0:
            continue
        if found and begin - found[-1][1] < STEADY_S:
            begin = found.pop()[0]
        found.append((begin, end))
    return found


def _silence_s(samples: Samples, begin: float) -> float:
    """Return how long it is silent from a moment on."""
    size, at = int(audio.WINDOW_S * audio.RATE), int(begin * audio.RATE)
    while at < len(samples) and audio.root_mean_square(samples[at: at + size]) < audio.QUIET_LEVEL:
        at += size
    return at / audio.RATE - begin


@pytest.mark.long
async def test_a_frozen_node_that_is_asked_for_a_pause_costs_nobody_their_call(new_lab: NewLab, tmp_path: Path) -> None:
    """The recording ends, the agent hears that the node did not answer, and the talk goes on."""
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    agent = await stage.agent(plain("uzaktan_egitim", 1)[0], PhoneBehaviour(tone=AGENT, record=tmp_path))
    caller = await stage.caller(_with("2"), tone=CALLER, number=KEPT)
    await stage.reaches(agent, "talking", 60.0)
    phone = await stage.network.wait_ring(agent.seat)
    spool = lab.folder / "spool"
    await until_async(lambda: any(file.stat().st_size for file in spool.iterdir()), what="a recording")
    [file] = list(spool.iterdir())
    lab.freeze_node()
    await phone.press_keys("*2")
    await stage.hears(phone, "agent/unavailable")
    ended, before = file.stat().st_size, stage.tone_s(phone, CALLER)
    await until_async(lambda: stage.tone_s(phone, CALLER) > before + WRITTEN_S, what="agent and caller are together")
    assert not caller.ended.is_set() and file.stat().st_size == ended, "nothing more was recorded"
    lab.thaw_node()
    await caller.hang_up()


@pytest.mark.long
async def test_a_recording_that_nobody_can_keep_paused_ends_and_the_talk_goes_on(
        new_lab: NewLab, tmp_path: Path) -> None:
    """Paused, then a colleague is asked, and the node is frozen when the agent is back."""
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    agent = await stage.agent(plain("uzaktan_egitim", 1)[0], PhoneBehaviour(tone=AGENT, record=tmp_path))
    colleague = await stage.agent(plain(ASKED, 1)[0], PhoneBehaviour(tone=COLLEAGUE, record=tmp_path))
    caller = await stage.caller(_with("2"), tone=CALLER, number=KEPT)
    await stage.reaches(agent, "talking", 60.0)
    phone = await stage.network.wait_ring(agent.seat)
    [file] = list((lab.folder / "spool").iterdir())
    await agent.ask_as_agent("recording/pause")
    await agent.ask_as_agent("consult", {"service": ASKED})
    theirs = await stage.network.wait_ring(colleague.seat)
    await stage.talk(theirs, 0.5)
    await until_async(lambda: stage.tone_s(theirs, AGENT) > 0.5, what="the two agents talk")
    asks, before = file.stat().st_size, stage.tone_s(phone, CALLER)
    lab.freeze_node()
    await theirs.hang_up()
    await until_async(lambda: stage.tone_s(phone, CALLER) > before + WRITTEN_S, what="agent and caller are together")
    assert not phone.ended.is_set() and file.stat().st_size == asks, "nothing more was recorded"
    lab.thaw_node()
    await caller.hang_up()


async def test_what_a_recording_holds_and_what_it_does_not(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    house = House(lab, stage)
    agents = await stage.agents([*plain("uzaktan_egitim", 3), plain("psikososyal", 1)[0]], PhoneBehaviour(tone=AGENT))
    colleague = await stage.agent(plain(ASKED, 1)[0], PhoneBehaviour(tone=COLLEAGUE, record=tmp_path))
    spool = lab.folder / "spool"

    # In the middle of the notice: a busy machine begins it late.
    in_notice = f"{KEY_S + length('secildi-uzaktan-egitim') + length('kayit-bilgisi') / 2:.1f}s"
    heard, refused, hurried, late = await asyncio.gather(
        stage.caller(_with("2"), tone=CALLER, number=ERASED),
        stage.caller(f"{_with('2')},8@{in_notice}", tone=CALLER, number=KEPT),
        stage.caller(f"{_with('2')},2@{in_notice}", tone=CALLER, number="05325556677"),
        stage.caller(_with("1"), tone=CALLER, number="05326667788"))
    for agent in agents:
        await stage.reaches(agent, "talking", 60.0)
    await asyncio.sleep(2.0)
    # Only one may be recorded, and while it is, the sound is plain in the spool alone.
    [file] = await until_async(lambda: list(spool.iterdir()), what="a recording has begun")
    assert file.name.startswith("call-uzaktan_egitim-")
    contact = house.contact(heard, "+9" + ERASED)
    [agent] = [one for one in agents if (await one.fetch_view())["contact"] == contact]
    await heard.press_keys("1234567890")
    await agent.ask_as_agent("recording/pause")
    await asyncio.sleep(0.5)
    await heard.press_keys("1234567890")
    await asyncio.sleep(1.5)
    await agent.ask_as_agent("recording/resume")
    await asyncio.sleep(2.0)
    phone = await stage.network.wait_ring(agent.seat)
    for lines in (3, 4):  # the same by the keys of the agent's phone
        await phone.press_keys("*2")
        await house.noted(lines)
        await asyncio.sleep(2.5)
    await _asked(house, agent, colleague, file)
    await agent.ask_as_agent("recording/pause")
    await _asked(house, agent, colleague, file, paused=True)
    await agent.ask_as_agent("recording/resume")
    await asyncio.sleep(2.0)
    await phone.press_keys("*2")
    await house.noted(7)
    paused = await _asked(house, agent, colleague, file, paused=True)  # while the agent hears that it is paused
    await phone.press_keys("*2")
    await house.noted(8)
    await until_async(lambda: file.stat().st_size > paused + 2.5 * audio.RATE, what="it goes on by the keys")
    for leg in (heard, refused, hurried, late):
        await leg.hang_up()

    [row] = await house.rows_of(contact)
    talked = lab.query_store("select connected_at, talk_s from offers where contact = ? and talk_s is not null",
        contact)
    assert house.rows() == [row], "of the others there is none"
    assert (row["kind"], row["service"], row["agent"]) == ("call", "uzaktan_egitim", agent.id)
    await until_async(lambda: not list(spool.iterdir()), what="an empty spool")
    sound = await house.heard(row, tmp_path)
    caller, other = _louder(sound, CALLER), _louder(sound, AGENT)
    assert caller and other and caller[0] < 0.5 and other[0] < 0.5, "both, from the connection on"
    for key in ("karsilama", "kayit-bilgisi", "ana-menu-2", "secildi-uzaktan-egitim"):
        assert not audio.find_prompt(prompt(key), sound).found
    music = audio.read_wav(SOUNDS / "moh" / "santral.wav")
    assert not audio.find_prompt(music[: audio.RATE], sound).found
    gaps = _gaps(caller)
    assert len(gaps) == 5, "paused over HTTP and by keys, the agent keys whom to ask, paused while they ask, twice"
    over_http, by_keys, asks, asks_http, asks_keys = gaps
    # By keys the agent is told that it goes on when it does: those words are in it, and no one else's.
    keyed = length("kayit-suruyor") + 2.0
    for (begin, end), told in ((over_http, 0.3), (by_keys, keyed), (asks_http, 0.3), (asks_keys, keyed)):
        silent = _silence_s(sound, begin + 0.3)
        assert silent > 1.2, "two seconds, what the keys took, and before they ask"
        assert end - begin - 0.3 - silent < told, f"silence while it is paused: {silent} s from {begin} to {end} s"
    assert other[-1] > over_http[1] + 0.3 and caller[-1] > asks_keys[1] + 0.3, "and heard again after it"
    assert asks_http[0] - asks[1] > 1.3 and _louder(sound, COLLEAGUE) == [], "after the colleague, but not with them"
    assert abs(row["at"] - talked[0]["connected_at"]) < 0.1 and row["seconds"] < talked[0]["talk_s"] - 5.0
    assert [hertz for hertz in DTMF if _louder(sound, hertz)] == [], "no digit, pressed while paused or not"

    await _erased(house, row)


async def _asked(house: House, agent: SimAgent, colleague: SimAgent, file: Path, *, paused: bool = False) -> int:
    """A colleague is asked first, and the caller is the agent's again. Nothing is recorded while they ask, and when it
    was paused before, silence afterwards; the size of the file at the end."""
    network = house.stage.network
    rung = len(network.rung)
    if paused:
        await agent.ask_as_agent("consult", {"service": ASKED})
    else:
        phone = await network.wait_ring(agent.seat)
        await house.stage.press_number(phone, "*3", f"{ASKED_NUMBER}#", after=1.0)  # a gap that is seen
    theirs = await network.wait_ring(colleague.seat, since=rung)
    await house.stage.talk(theirs, 0.5)
    # The agent may still hear what the last key did: as soon as that is over they are with the colleague.
    await until_async(lambda: house.stage.tone_s(theirs, AGENT) > 0.5, 60.0, "the two agents talk")
    asks = file.stat().st_size
    await asyncio.sleep(1.5)
    assert file.stat().st_size == asks, "what agents say to each other is in none"
    await theirs.hang_up()
    await theirs.wait_ended()
    if paused:
        await until_async(lambda: file.stat().st_size > asks + 2.0 * audio.RATE, what="silence")
        assert (await agent.fetch_view())["state"] == "talking"
    else:
        await until_async(lambda: file.stat().st_size > asks + 1.5 * audio.RATE, what="it goes on")
    return file.stat().st_size


async def _erased(house: House, row: dict[str, Any]) -> None:
    """The caller is erased while the node runs: rows, files, logs of node and Asterisk, queue_log."""
    lab, folder = house.lab, house.lab.folder
    number = "+9" + ERASED
    digest, _ = NumberKeys.load_keys(folder / "secrets" / "numbers.json").encrypt_number(number)
    rows = lab.query_store("select number_encrypted from contacts where caller_hash = ?", digest)
    boxes = [str(one["number_encrypted"]) for one in rows]
    needles = [word.encode() for word in (significant_digits(number), digest, *boxes)]
    assert search_files(folder, needles), "the search finds what is there"
    told = await asyncio.to_thread(
        _santral, "privacy", "erase", lab.info.centre, "--settings", lab.info.settings, "--state", str(folder), "--yes",
        "--who", "sistem testi", stdin=f"{ERASED}\n")
    assert "1 recordings" in told
    assert search_files(folder, needles) == []
    assert house.rows() == [] and list((folder / "recordings").rglob(row["id"])) == []
    kept = NumberKeys.load_keys(folder / "secrets" / "numbers.json").encrypt_number("+9" + KEPT)[0]
    assert lab.query_store("select contact from contacts where caller_hash = ?", kept), "the others are as they were"
    record = house.record()
    # The command asks the node, which notes that its token acted.
    assert [entry["what"] for entry in record] == [*("paused", "resumed") * 4, "heard", "erasing", "acted", "erased"]
    assert record[0]["who"] == record[2]["who"] == f"agent {row['agent']}"
    assert record[8]["who"] == "supervisor" and record[11]["who"] == "sistem testi"
    status = await ask_node(lab.info, "GET", "/api/v1/status")
    assert status["link_up"], "the node goes on"


@pytest.mark.long
async def test_a_node_that_is_killed_in_the_talk_loses_nothing_of_it(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    house = House(lab, stage)
    agent = await stage.agent(plain("uzaktan_egitim", 1)[0], PhoneBehaviour(tone=AGENT))
    leg = await stage.caller(_with("2"), tone=CALLER, number=KEPT)
    await stage.reaches(agent, "talking", 60.0)
    contact = house.contact(leg, "+9" + KEPT)
    await asyncio.sleep(2.0)
    await asyncio.to_thread(lab.kill_node)
    await asyncio.sleep(2.0)
    [file] = list((lab.folder / "spool").iterdir())
    await leg.hang_up()
    await leg.wait_ended()
    await asyncio.sleep(1.0)
    assert file.exists(), "nobody seals it while no node runs"
    await lab.start_node()
    [row] = await house.rows_of(contact)
    sound = await house.heard(row, tmp_path)
    assert _louder(sound, CALLER)[-1] > 3.0, "what was said while the node was dead is in it"
    await until_async(lambda: not file.exists(), what="an empty spool")


@pytest.mark.long
async def test_each_talk_of_a_transferred_caller_has_its_own_and_a_private_one_none(
        new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    house = House(lab, stage)
    services = ("uzaktan_egitim", "gorus_oneri", "psikososyal")
    tones = (700, 1000, 1300)
    agents = [await stage.agent(plain(service, 1)[0], PhoneBehaviour(tone=tone))
              for service, tone in zip(services, tones, strict=True)]
    leg = await stage.caller(_with("2"), tone=CALLER, number=KEPT)
    for agent, onward in zip(agents, (*services[1:], None), strict=True):
        await stage.reaches(agent, "talking", 60.0)
        contact = house.contact(leg, "+9" + KEPT)
        await asyncio.sleep(2.5)
        if onward is not None:
            await agent.ask_as_agent("transfer", {"service": onward})
    await leg.hang_up()
    await until_async(lambda: len(house.rows()) == 2 and not list((lab.folder / "spool").iterdir()), what="two sealed")
    assert [(row["contact"], row["service"], row["agent"]) for row in house.rows()] == [
        (contact, service, agent.id) for service, agent in zip(services[:2], agents[:2], strict=True)]
    for row, own in zip(house.rows(), tones, strict=False):
        sound = await house.heard(row, tmp_path)
        assert _louder(sound, CALLER) and _louder(sound, own)
        assert [other for other in tones if other != own and _louder(sound, other)] == [], "no other talk is in it"
