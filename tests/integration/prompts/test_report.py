"""The page of what is said: complete, escaped, and alive in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prompts import build as building
from prompts import cli
from prompts.audio import hold_music
from prompts.audio.voices import choose_voices
from prompts.build import Options, build_prompts
from prompts.errors import VoiceError
from prompts.prompt_report import draw_wave, take_screenshot
from prompts.studio import RecordingStudio
from prompts.text_reader import Prompt, all_prompts
from tests.ministry import WORDS

pytestmark = pytest.mark.integration

BROWSER_S = 60.0
KEYS = ("karsilama", "karsilama-yavas", "digits/4", "en/karsilama")


class Page(HTMLParser):
    """Opened and closed in order; the sounds its buttons name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sounds: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "input", "path"):
            self.open.append(tag)
        self.sounds += [value for name, value in attrs if name == "data-sound" and value]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def prompts() -> dict[str, Prompt]:
    everything = all_prompts(WORDS)
    few = {key: everything[key] for key in KEYS}
    few["kod-hazir"] = everything["kod-hazir"]._replace(text='<b>"Hazır" & öyle</b>')
    return few


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, prompts: dict[str, Prompt]) -> Path:
    """Sounds with one recording, one recording of another text, and one prompt that was not built."""
    root = tmp_path_factory.mktemp("report") / "sounds here"
    built = {key: prompt for key, prompt in prompts.items() if key != "kod-hazir"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "hold_music", lambda piece: hold_music.hold_music(piece, bars=1))
        build_prompts(built, Options(root, choose_voices("espeak")))
        shutil.copy(root / "tr/karsilama.wav16", root / "karsilama.wav")
        RecordingStudio(root).take_recordings({root / "karsilama.wav": prompts["karsilama"]})
        RecordingStudio(root).take_recordings({root / "karsilama.wav": prompts["digits/4"]._replace(text="beş")})
        build_prompts(built, Options(root, choose_voices("espeak")))
    return root


@pytest.fixture(scope="module")
def page(folder: Path, prompts: dict[str, Prompt]) -> Path:
    out = folder.parent / "pages" / "prompts.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "all_prompts", lambda words: prompts)
        done = CliRunner().invoke(cli.build_commands(), ["report", "--sounds", str(folder), "--out", str(out)])
    assert (done.exit_code, "5 prompts" in done.output) == (0, True), done.output
    return out


def test_everything_is_told(page: Path, folder: Path) -> None:
    text = page.read_text(encoding="utf-8")
    sounds = Page(text).sounds
    assert sorted((page.parent / sound).resolve() for sound in sounds) == sorted(
        (folder / name).resolve() for name in ("tr/karsilama.wav", "tr/karsilama-yavas.wav", "tr/digits/4.wav",
                                               "en/karsilama.wav"))  # fmt: skip
    assert "<b>" not in text
    assert "&lt;b&gt;&#34;Hazır&#34; &amp; öyle" in text
    assert text.count('<tr data-voice="recorded"') == 1, "the slow greeting has other words"
    for part in ("kod-hazir: not built", "not built, or damaged", "Recorded with another text: record them again: 1",
                 "still uses synthesis (2)", "Turkish, sayi: 1", "English, menu: 1", "espeak-ng en-gb",
                 "-21.0 dBFS", "Said in Turkish to callers who chose English", "Samples at full scale"):  # fmt: skip
        assert part in text, part


def test_a_wave_is_drawn_as_loud_as_it_is(folder: Path) -> None:
    heights = [float(found) for found in re.findall(r"v([\d.]+)", draw_wave(folder / "tr/karsilama.wav"))]
    assert len(heights) == 80
    assert 10 < max(heights) <= 36 * 10 ** (-2.9 / 20)
    assert draw_wave(folder / "tr/nothing.wav") == ""


def browser() -> list[str]:
    if shutil.which("chromium") is None:
        pytest.skip("NOT LOOKED AT IN A BROWSER: apt-get install chromium")
    return ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000",
            "--autoplay-policy=no-user-gesture-required"]  # fmt: skip


def shown(page: Path, action: str) -> str:
    """The page as Chromium has it after some JavaScript."""
    command = browser()
    acted = page.with_name("acted.html")
    acted.write_text(page.read_text(encoding="utf-8").replace("</body>", f"<script>{action}</script></body>"), "utf-8")
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        done = subprocess.run([*command, f"--user-data-dir={profile}", "--dump-dom", acted.as_uri()],
                              capture_output=True, check=True, timeout=BROWSER_S)  # fmt: skip
    return done.stdout.decode()


def test_a_browser_plays_the_sound_and_finds_words(page: Path) -> None:
    dom = shown(page, """
        player.onplaying = () => { document.title = 'heard ' + player.duration.toFixed(1); };
        document.querySelector('button[data-sound]').click();
        document.getElementById('word').value = 'MEBİM'; document.getElementById('bare').checked = true; filter();
    """)  # fmt: skip
    assert re.search(r"<title>heard [2-3]\.\d</title>", dom)
    assert 'aria-pressed="true"' in dom
    assert "1 of 5 prompts" in dom


def test_the_picture_of_it(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser()
    take_screenshot(page, tmp_path / "page.png")
    data = (tmp_path / "page.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (1280, 1250)
    assert len(data) > 20_000
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VoiceError, match="apt-get install chromium"):
        take_screenshot(page, tmp_path / "other.png")
