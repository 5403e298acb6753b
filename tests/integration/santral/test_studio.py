"""The recording studio in a real browser, with a microphone that plays a file."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar
from axe_playwright_python.async_playwright import Axe
from typer.testing import CliRunner

from prompts import build as building
from prompts.audio import hold_music
from prompts.audio.sound_level import load_wav, speech_rms
from prompts.audio.voices import choose_voices
from prompts.build import Options, build_prompts
from prompts.errors import SoundError
from prompts.manifest import Manifest
from prompts.recording_intake import check_delivery
from prompts.text_reader import all_prompts
from santral.centre.config import node_config
from santral.cli import cli as santral
from santral.studio.heard_order import count_heard, simulate_waits
from santral.studio.page_server import StudioPage
from santral.studio.takes import OFTEN, Takes, order_sentences
from tests.fakes.journal_day import Day
from tests.ministry import MEB, WORDS
from tests.studio_reader import opened_studio, reading_person
from tests.until import LIMIT_S

pytestmark = pytest.mark.integration

KEYS = ("ana-menu-2", "bekleme-siradaki")
CATALOGUE = all_prompts(WORDS)


def open_page(folder: Path, keys: tuple[str, ...] = KEYS) -> StudioPage:
    """A studio with a few sentences, the second one heard most."""
    few = {key: CATALOGUE[key] for key in keys}
    sentences = order_sentences(few, {keys[-1]: 9, keys[0]: 5}, "tr")
    return StudioPage(sentences, Takes(folder / "takes", few, folder / "sounds"), "santral prompts build --out X")


async def test_two_sentences_are_read_imported_and_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "hold_music", lambda piece: hold_music.hold_music(piece, bars=1))
    studio = open_page(tmp_path)
    async with opened_studio(studio) as address, \
            reading_person(tmp_path, f"{address}/?token={studio.token}") as reader:
        page = reader.page
        # 1. The sentence heard most comes first, large, and marked. The token is not in the address.
        assert page.url == f"{address}/"
        assert await page.inner_text("#text") == CATALOGUE["bekleme-siradaki"].text
        assert await page.is_visible("#often")
        assert (await Axe().run(page)).violations_count == 0
        # 2. A noisy room and a word cut off are told at once, and the sentence stays.
        said = await reader.read_once(CATALOGUE["bekleme-siradaki"].text, room=120.0)
        assert "Oda gürültülü" in said
        assert await page.inner_text("#text") == CATALOGUE["bekleme-siradaki"].text
        # 3. A good one is kept, and the next sentence follows.
        said = await reader.read_well(CATALOGUE["bekleme-siradaki"].text)
        assert "dBFS" in said
        assert await page.inner_text("#text") == CATALOGUE["ana-menu-2"].text
        assert await page.evaluate("document.activeElement.id") == "record"
        assert (await Axe().run(page)).violations_count == 0
    # 4. Another start of the program goes on where the person stopped.
    studio = open_page(tmp_path)
    async with opened_studio(studio) as address, \
            reading_person(tmp_path, f"{address}/?token={studio.token}") as reader:
        page = reader.page
        assert "1 / 2 cümle kaydedildi" in await page.inner_text("#progress")
        assert await page.inner_text("#text") == CATALOGUE["ana-menu-2"].text
        await reader.read_well(CATALOGUE["ana-menu-2"].text)
        await page.click("#import")
        await page.wait_for_function("() => document.getElementById('imported').textContent")
        assert "2 kayıt alındı" in await page.inner_text("#imported")
        assert reader.errors == []
    # 5. The build plays both, at one level.
    few = {key: CATALOGUE[key] for key in KEYS}
    report = build_prompts(few, Options(tmp_path / "sounds", choose_voices("espeak")))
    assert report.recorded == 2
    manifest = Manifest.read_manifest(tmp_path / "sounds")
    assert manifest is not None
    levels = [speech_rms(load_wav(tmp_path / f"sounds/tr/{key}.wav")) for key in KEYS]
    assert abs(levels[0] - levels[1]) < 2.0


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[StudioPage, str, ClientSession]]:
    studio = open_page(tmp_path)
    async with opened_studio(studio) as address, ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        yield studio, address, client


async def test_nobody_without_the_token_and_no_foreign_page_gets_in(
    served: tuple[StudioPage, str, ClientSession]
) -> None:
    studio, address, client = served
    own = {"Origin": address}
    for path in ("/", "/?token=x", "/static/studio.js", "/takes/ana-menu-2"):
        assert (await client.get(address + path)).status == 403
    assert (await client.post(f"{address}/import", headers=own)).status == 403
    # 1. The token is changed for a cookie that scripts cannot read and other sites do not send.
    answer = await client.get(f"{address}/?token={studio.token}", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, "/")
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Strict" in answer.headers["Set-Cookie"]
    answer = await client.get(address)
    assert answer.status == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert studio.token not in await answer.text()
    # 2. Foreign pages and foreign names of this machine are refused, also with the cookie.
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert (await client.post(f"{address}/import", headers=headers)).status == 403
    assert (await client.get(address, headers={"Host": "evil.example"})).status == 403


async def test_a_take_has_bounds_and_a_known_name(served: tuple[StudioPage, str, ClientSession],
                                                 tmp_path: Path) -> None:
    studio, address, client = served
    own = {"Origin": address}
    await client.get(f"{address}/?token={studio.token}")
    takes = Takes(tmp_path / "takes", {key: CATALOGUE[key] for key in KEYS}, tmp_path / "sounds")
    most = takes.most_bytes("ana-menu-2")
    assert (await client.post(f"{address}/takes/ana-menu-2", data=io.BytesIO(bytes(most + 1)),
                              headers=own)).status == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield bytes(100_000)

    assert (await client.post(f"{address}/takes/ana-menu-2", data=endless(), headers=own)).status == 413
    for name in ("karsilama", "..%2f..%2fx", "%2fetc%2fpasswd", "en/ana-menu-2"):
        assert (await client.post(f"{address}/takes/{name}", data=b"RIFF", headers=own)).status == 404
        assert (await client.get(f"{address}/takes/{name}")).status == 404
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []
    # A take that is no sound has a fault, and the import leaves it out.
    answer = await client.post(f"{address}/takes/ana-menu-2", data=b"RIFF", headers=own)
    assert await answer.json() == {"faults": ["damaged"]}
    answer = await client.post(f"{address}/import", headers=own)
    assert (await answer.json())["taken"] == 0


def test_a_take_of_changed_words_is_read_again(tmp_path: Path) -> None:
    prompts = {key: CATALOGUE[key] for key in KEYS}
    Takes(tmp_path / "takes", prompts, tmp_path).keep_take("ana-menu-2", b"RIFF")
    assert Takes(tmp_path / "takes", prompts, tmp_path).find_take("ana-menu-2") is not None
    prompts["ana-menu-2"] = prompts["ana-menu-2"]._replace(text="Başka sözler.")
    assert Takes(tmp_path / "takes", prompts, tmp_path).find_take("ana-menu-2") is None
    assert check_delivery(tmp_path / "takes", prompts).good == {}
    (tmp_path / "takes/takes.json").write_text("[")
    with pytest.raises(SoundError, match=r"takes\.json: not readable"):
        Takes(tmp_path / "takes", prompts, tmp_path)


def test_a_later_start_knows_all_takes_without_a_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = {key: CATALOGUE[key] for key in KEYS}
    Takes(tmp_path, prompts, tmp_path).keep_take("ana-menu-2", b"RIFF")
    monkeypatch.setattr("santral.studio.takes.faults_of", lambda path, prompt: pytest.fail("checked again"))
    again = Takes(tmp_path, prompts, tmp_path)
    assert again.faults_of_take("ana-menu-2") == ["damaged"]
    assert again.faults_of_take("bekleme-siradaki") is None


def test_the_order_is_that_of_the_callers() -> None:
    config = node_config(MEB)
    waits = simulate_waits(config.centre)
    assert len(waits) > 500
    heard = count_heard(config.flow, config.ivr_settings("test"), 15.0, waits)
    assert set(heard) <= set(CATALOGUE)
    # Every caller hears the greeting, fewer the last option, and few a long place in the line.
    assert heard["karsilama"] == heard["ana-menu-1"] == len(waits)
    assert heard["ana-menu-1"] > heard["ana-menu-2"] > heard["ana-menu-4"] > heard["sira-2"] > 0
    sentences = order_sentences(CATALOGUE, heard, "tr")
    assert [one.prompt.id for one in sentences[:2]] == ["karsilama", "ana-menu-1"]
    assert sum(one.often for one in sentences) == OFTEN
    assert not any(one.prompt.slow or one.prompt.language != "tr" for one in sentences)
    assert sentences[-1].prompt.group == "kod"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records of a short day."""
    folder, day = tmp_path_factory.mktemp("state"), Day()
    day.run(node_config(MEB).centre, 0.02)
    asyncio.run(day.keep(folder / "santral.db"))
    return folder


def test_the_command_opens_the_page_in_the_order_of_the_records_and_ends_by_a_signal(tmp_path: Path,
                                                                                     state: Path) -> None:
    argv = [sys.executable, "-m", "santral", "prompts", "studio", str(MEB), "--out", str(tmp_path), "--state",
            str(state)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as studio:
        assert studio.stdout is not None
        try:
            first, second = studio.stdout.readline(), studio.stdout.readline()
            told = re.fullmatch(r"\d+ sentences, those heard most first \((\d+) calls of the records\); "
                                r"the first 100 are marked\.\n", first)
            assert told is not None, first
            assert int(told[1]) > 100
            address = second.split()[-1]
            with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(address) as answer:
                page = answer.read().decode()
        finally:
            studio.send_signal(signal.SIGTERM)
        assert studio.wait(2 * LIMIT_S) == 0
    sentences = json.loads(page.partition('id="sentences">')[2].partition("</script>")[0])
    assert [one["name"] for one in sentences[:2]] == ["karsilama", "ana-menu-1"]


def test_records_that_are_not_there_are_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(santral, ["prompts", "studio", str(MEB), "--out", str(tmp_path), "--state",
                                        str(tmp_path / "none")])
    assert done.exit_code == 1
    assert done.output.startswith("santral prompts: ")
    assert str(tmp_path / "none") in done.output
