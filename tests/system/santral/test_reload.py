"""The centre's files change under live calls: nobody is dropped, talks have no gap, places stay, an old menu ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.lifecycle import SOUNDS
from lab.people import node_records
from lab.people.agent import ask_node
from lab.phones import audio, silence
from lab.phones.audio import Samples
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from tests.ministry import copied, edit
from tests.system.conftest import NewLab
from tests.system.stage import THROUGH, Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

AGENT, CALLER = 600, 440
TALKS, WAITS, OLD = ("temsilci", "0"), ("uzaktan_egitim", "2"), ("gorus_oneri", "4")
"""Service and key: of those who talk, of those who wait, and the option that the new menu does not have any more."""
AT_ONCE = 5
"""Callers who come in together: a hundred INVITEs in one moment are another test."""
RECORDED = 8
"""Of each kind: recording a hundred calls costs the machine more than carrying them."""
PACKET_LOSS_S = 0.15
"""As of a restart: some packets come late on a machine under load, a talk that was cut is silent for longer."""
PAUSE_S = 0.7
NEW_MENU = (
    ("      - key: 4\n        say: ana-menu-4\n        confirm: secildi-gorus-oneri\n        then: gorus-oneri\n", ""),
    ("  gorus-oneri:\n    queue: gorus_oneri\n    text: https://mebim.meb.gov.tr\n"
     '    sms: "Görüş ve önerilerinizi yazılı olarak da iletebilirsiniz."\n\n', ""))


async def santral_reload(lab: LabSession, *options: str) -> tuple[int, str, float]:
    """Exit code, what was said, seconds."""
    began = time.monotonic()
    done = await asyncio.to_thread(lambda: subprocess.run(
        [sys.executable, "-m", "santral", "reload", "--state", str(lab.folder), *options], capture_output=True,
        text=True, check=False, timeout=120.0, env={**os.environ, "COLUMNS": "200"}))
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


async def build_prompts(centre: Path, sounds: Path) -> None:
    """Build the sounds of changed files, as an operator does before a reload."""
    await asyncio.to_thread(lambda: subprocess.run(
        [sys.executable, "-m", "santral", "prompts", "build", "--centre", str(centre), "--out", str(sounds)],
        capture_output=True, check=True, timeout=300.0))


async def callers(stage: Stage, count: int, key: str, tone: int | None = None) -> list[Leg]:
    """Start this many impatient callers for a key; without one they listen to the menu. The sound of the first callers
    is kept."""
    async def call(number: int) -> Leg:
        if number < RECORDED:
            return await (stage.hurried(key, tone=tone) if key else stage.caller())
        return await stage.network.place_call(stage.info.numbers[0], caller="05000000000", tone=tone,
                                        press=THROUGH.format(key=key) if key else "")

    legs: list[Leg] = []
    for begin in range(0, count, AT_ONCE):
        legs += await asyncio.gather(*(call(number) for number in range(begin, min(begin + AT_ONCE, count))))
        await asyncio.gather(*(leg.wait_answered() for leg in legs[begin:]))
    return legs


def talk(leg: Leg) -> Samples:
    """A talk from the agent's first tone to the last: before it and after it other things are heard."""
    assert leg.recording is not None
    samples, size = audio.read_wav(leg.recording), int(audio.WINDOW_S * audio.RATE)
    tones = [at for at in range(0, len(samples) - size, size)
             if audio.tone_energy(samples[at: at + size], AGENT) >= audio.TONE_SHARE]
    return samples[tones[0]:tones[-1] + size]


def waited(leg: Leg, start: float, end: float) -> Samples:
    """Return the sound of a leg between two times. A machine that hardly carries this many calls sends less sound than
    the time between them. Then the last part counts."""
    assert leg.recording is not None and leg.answered_at is not None
    samples = audio.read_wav(leg.recording)
    first, last = (int((at - leg.answered_at) * audio.RATE) for at in (start, end))
    return samples[max(0, min(first, len(samples) - (last - first))):last]


def order(lab: LabSession, service: str) -> list[str]:
    """Contacts of a service as they came."""
    return [str(row["contact"]) for row in
            lab.query_store("select contact from contacts where service = ? order by queued_at", service)]


@pytest.mark.parametrize("many", [20, pytest.param(100, marks=pytest.mark.long)])
async def test_new_files_under_live_calls_drop_nobody(new_lab: NewLab, tmp_path: Path, many: int) -> None:
    folder = copied(tmp_path)
    talk_count, menu_count = many * 3 // 10, many * 3 // 10
    wait_count = many - talk_count - menu_count
    sounds = Path(shutil.copytree(SOUNDS, tmp_path / "sounds"))
    lab = await new_lab(centre=folder, sounds=sounds)
    stage = Stage(lab, tmp_path)
    names = plain("temsilci", talk_count + 1, 40, alone=False)
    people = await stage.agents(names[:talk_count], PhoneBehaviour("0", tone=AGENT))
    talks = await callers(stage, talk_count, TALKS[1], CALLER)
    await asyncio.gather(*(stage.reaches(person, "talking") for person in people))
    waits = await callers(stage, wait_count, WAITS[1])
    await stage.counts(WAITS[0], wait_count, 30.0)
    places = await until_async(lambda: found if len(found := order(lab, WAITS[0])) == wait_count else [],
                               what="those who wait in the store")
    menus = await callers(stage, menu_count, "")
    everybody = [*talks, *waits, *menus]
    began = time.time()

    edit(folder, "menu.yaml", "then: temsilci", "then: temsilcii")
    code, said, _ = await santral_reload(lab)
    assert code == 2 and "menu.yaml:" in said and "nothing was changed" in said, said
    for old, new in (("then: temsilcii", "then: temsilci"), *NEW_MENU):
        edit(folder, "menu.yaml", old, new)
    edit(folder, "services.yaml", "    target_s: 15\n", "    target_s: 12\n")
    edit(folder, "services.yaml", "  - id: temsilci\n",
         "  - id: yeni_hizmet\n    name: Yeni\n    steps: [{needs: {temsilci: 30}}]\n\n  - id: temsilci\n")
    gone, new = names[0], "a9001"
    team = (folder / "team.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    (line,) = [one for one in team if f"id: {gone}," in one]
    edit(folder, "team.yaml", line, f"  - {{id: {new}, number: \"9001\", skills: {{uzaktan_egitim: 90}}}}\n")
    edit(folder, "santral.toml", "announce_s = 60", "announce_s = 45")
    code, said, _ = await santral_reload(lab)
    assert code == 2 and "bilgi-yeni_hizmet" in said, "nobody could say the name of the new service"
    await build_prompts(folder, sounds)
    code, said, looked_s = await santral_reload(lab, "--dry-run")
    assert code == 0 and "target_s" in said and "a9001" in said and "--dry-run" in said, said
    assert new not in {one["id"] for one in (await lab.fetch_status())["agents"]}
    code, said, took_s = await santral_reload(lab)
    assert code == 0 and said.rstrip().endswith("in force"), said
    assert "whisper announcement" in said and "of yeni_hizmet" in said
    print(f"{many} calls: dry run {looked_s:.2f} s, reload {took_s:.2f} s")

    status = await lab.fetch_status()
    assert {"yeni_hizmet"} < {one["id"] for one in status["queues"]}
    assert {gone, new} & {one["id"] for one in status["agents"]} == {gone, new}, "who talks is there to the end"
    assert [one["talking"] for one in status["queues"] if one["id"] == TALKS[0]] == [talk_count]
    await asyncio.gather(*(leg.press_keys(OLD[1]) for leg in menus))
    await stage.counts(OLD[0], menu_count, 30.0)
    late = await stage.caller("4@1s")
    await stage.hears(late, "menu-tus-yanlis")
    assert (await lab.fetch_queue(OLD[0]))["waiting"] == menu_count, "the new menu has no such option"
    assert order(lab, WAITS[0]) == places and (await lab.fetch_queue(WAITS[0]))["waiting"] == wait_count
    assert not [str(leg) for leg in everybody if leg.ended.is_set()], "nobody was dropped"
    ended = time.time()

    # The new agent is there, with PIN and token, and takes who came first.
    seat = lab.info.seat_of(names[talk_count])
    await lab.network.register_phones({seat.endpoint: seat.secret})
    await lab.network.set_behaviour(seat.endpoint, PhoneBehaviour("0", tone=AGENT))
    await ask_node(lab.info, "POST", f"/api/v1/agents/{new}/login", {"seat": seat.endpoint}, agent=new)
    served = await until_async(lambda: lab.query_store(
        "select contact from offers where agent = ? and connected_at > 0", new),
                               what="the new agent's first talk")
    assert [row["contact"] for row in served] == places[:1]
    await lab.network.hang_up_all()
    await lab.wait_until_quiet()
    await asyncio.gather(*(leg.wait_ended() for leg in everybody))
    gap = max(silence.longest_without(talk(leg), AGENT) for leg in talks if leg.recording is not None)
    pause = max(silence.longest_silence(waited(leg, began - 1.0, ended - 1.0)) for leg in waits
                if leg.recording is not None)
    print(f"longest gap in a talk {gap:.2f} s, in the music {pause:.2f} s")
    assert gap <= PACKET_LOSS_S and pause <= PAUSE_S
    outcomes = lab.query_store("select outcome, count(*) as n from contacts group by outcome")
    assert not {"fallback", "pbx_failure"} & {str(row["outcome"]) for row in outcomes}, outcomes

    # SIGHUP does the same, and the agent who is gone is gone.
    edit(folder, "services.yaml", "    target_s: 12\n", "    target_s: 14\n")
    os.kill(lab.info.pid, signal.SIGHUP)
    log = lab.folder / "node.log"
    await until_async(lambda: "by=SIGHUP" in log.read_text(encoding="utf-8"), what="a reload by SIGHUP")
    assert gone not in {one["id"] for one in (await lab.fetch_status())["agents"]}


async def test_a_file_that_was_saved_half_way_costs_nobody_the_line_after_a_crash(new_lab: NewLab, tmp_path: Path
                                                                                  ) -> None:
    folder = copied(tmp_path)
    lab = await new_lab(centre=folder)
    stage = Stage(lab, tmp_path)
    caller = await stage.waiting(WAITS[1], WAITS[0])
    await until_async((lab.folder / "last-known-good").exists, what="a copy of the files in force")
    good = (folder / "services.yaml").read_text(encoding="utf-8")
    (folder / "services.yaml").write_text(good[:len(good) // 2], encoding="utf-8")
    await asyncio.to_thread(lab.kill_node)
    await lab.start_node()

    told = (await lab.fetch_status())["last_known_good"]
    assert told["problems"][0].startswith("services.yaml:"), told
    assert node_records.sum_samples(await lab.fetch_metrics(), "acd_centre_files_good") == 0
    assert "centre.last_known_good_used" in (lab.folder / "node.log").read_text(encoding="utf-8")
    code, said, _ = await santral_reload(lab)
    assert code == 2 and "services.yaml:" in said and (await lab.fetch_status())["last_known_good"] == told
    assert not caller.ended.is_set()
    seat = lab.info.seat_of(plain(WAITS[0], 1)[0])
    await lab.network.register_phones({seat.endpoint: seat.secret})
    person = await lab.sign_in_agent(seat.id, PhoneBehaviour("0", tone=AGENT))
    await stage.reaches(person, "talking")  # with the caller who waited before

    (folder / "services.yaml").write_text(good.replace("    target_s: 15\n", "    target_s: 12\n", 1), encoding="utf-8")
    code, said, _ = await santral_reload(lab)
    assert code == 0 and said.rstrip().endswith("in force"), said
    assert (await lab.fetch_status())["last_known_good"] is None
    assert node_records.sum_samples(await lab.fetch_metrics(), "acd_centre_files_good") == 1
    assert "target_s: 12" in (lab.folder / "last-known-good" / "services.yaml").read_text(encoding="utf-8")
    await lab.network.hang_up_all()
    await caller.wait_ended()


async def test_a_first_start_on_a_day_whose_needs_leave_nobody_serves_all_others(new_lab: NewLab, tmp_path: Path
                                                                                ) -> None:
    folder = copied(tmp_path)
    edit(folder, "menu.yaml", "then: gorus-oneri", "then: gorus-oneri\n        needs: {en: 40}")
    edit(folder, "team.yaml", 'number: "1131", team: gorus_oneri, skills: {',
         'number: "1131", team: gorus_oneri, skills: {en: 40, ')
    edit(folder, "accommodations.yaml", "  - {agent: a1130,",
         "  - {agent: a1131, channels: [chat], valid_from: 2025-11-20}\n  - {agent: a1130,")
    lab = await new_lab(centre=folder)
    status = await lab.fetch_status()
    (told,) = status["unservable_needs"]
    assert told.startswith("menu.yaml:") and status["last_known_good"] is None
    assert node_records.sum_samples(await lab.fetch_metrics(), "acd_centre_files_good") == 0
    assert "calendar.coverage_lost" in (lab.folder / "node.log").read_text(encoding="utf-8")
    code, said, _ = await santral_reload(lab)
    assert code == 2 and told in said, "the operator who reloads must fix it"
    edit(folder, "menu.yaml", "        needs: {en: 40}\n", "")
    code, said, _ = await santral_reload(lab)
    assert code == 0 and (await lab.fetch_status())["unservable_needs"] == []
    assert node_records.sum_samples(await lab.fetch_metrics(), "acd_centre_files_good") == 1
