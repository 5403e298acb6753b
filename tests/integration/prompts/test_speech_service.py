"""A build that asks a speech service, with every fault of the service, over loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from centres.centre_reader import load_centre
from prompts import build as building
from prompts.audio import hold_music, speech_service
from prompts.audio.run_program import run_program
from prompts.audio.sound_level import load_wav, make_silence, pydub_segment, speech_rms
from prompts.audio.speech_cache import FOLDER, SpeechCache
from prompts.audio.speech_service import SpeechPlan, SpeechService
from prompts.audio.voices import choose_voices
from prompts.errors import ServiceStopped, SoundError, VoiceError
from prompts.manifest import Manifest
from prompts.text_reader import Prompt, all_prompts
from santral.cli import cli as santral
from tests.fakes.speech_service import (
    FakeSpeech,
    answer,
    cut_off,
    late,
    says,
    short_of_its_header,
    speak,
    streamed,
)
from tests.fakes.speech_service import speech_service as serve_speech
from tests.ministry import WORDS, copied, edit
from tests.until import LIMIT_S

pytestmark = pytest.mark.integration

SOON = (0.01,) * 4
KEY = "sk-very-secret"
WORDS_SAID = "Bire basın."
CATALOGUE = all_prompts(WORDS)
KEYS = ("digits/4", "ana-menu-2", "bekleme-siradaki", "secildi-psikososyal")


@pytest.fixture(autouse=True)
def short_music(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "hold_music", lambda piece: hold_music.hold_music(piece, bars=1))


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_service, "BACKOFF_S", SOON)


@pytest.fixture
def fake() -> Iterator[FakeSpeech]:
    with serve_speech() as service:
        yield service


def plan(fake: FakeSpeech, *, form: str = "openai", timeout_s: float = LIMIT_S, key: str | None = KEY) -> SpeechPlan:
    return SpeechPlan(fake.url, form, "tts-1", {"tr": "deniz"}, key, None, timeout_s, "santral.toml:12")


def make(fake: FakeSpeech, text: str = WORDS_SAID, backoff_s: Sequence[float] = SOON, **how: float) -> float:
    """Seconds of sound for a text."""
    service = SpeechService(plan(fake, **how), backoff_s=backoff_s)  # type: ignore[arg-type]
    return float(service.make_sound(text, "tr", 1.0).duration_seconds)


def test_both_forms_say_what_a_build_asks(fake: FakeSpeech) -> None:
    assert 0.3 < make(fake) < 3
    assert fake.asked == [{"model": "tts-1", "input": WORDS_SAID, "voice": "deniz", "response_format": "wav",
                           "speed": 1.0}]
    assert fake.keys == [f"Bearer {KEY}"]
    SpeechService(plan(fake, form="piper", key=None)).make_sound(WORDS_SAID, "tr", 0.8)
    assert fake.asked[1] == {"text": WORDS_SAID, "voice": "deniz", "length_scale": 1.25}
    assert fake.keys[1] is None


def test_a_streamed_sound_of_unknown_length_is_taken(fake: FakeSpeech) -> None:
    fake.does = [streamed]
    assert make(fake) > 0.3


@pytest.mark.parametrize("fault", [cut_off, short_of_its_header, answer(b"", 500), answer(b"", 503),
                                   answer(speak("Bire basın. " * 30))],
                         ids=["cut off", "half a sound", "500", "503", "a minute of sound"])
def test_a_fault_that_passes_is_tried_again(fake: FakeSpeech, fault: object) -> None:
    fake.does = [fault, fault, says]  # type: ignore[list-item]
    assert make(fake) > 0.3
    assert len(fake.asked) == 3


@pytest.mark.parametrize(("fault", "told"), [
    (answer(speak("Bire basın. " * 30)), "more sound than this text takes"),
    (answer(speak("Bire basın, ikiye basın, üçe basın, dörde basın.")), "s of sound, and this text takes"),
    (cut_off, "its answer is cut off"),
    (short_of_its_header, "its sound is cut off"),
    (answer(b"", 500), "it answers 500"),
], ids=["a minute", "some seconds more", "cut off", "half a sound", "500"])
def test_a_sentence_that_never_succeeds_fails_alone_at_first(fake: FakeSpeech, fault: object, told: str) -> None:
    fake.does = [fault]  # type: ignore[list-item]
    service = SpeechService(plan(fake), backoff_s=SOON)
    for _ in range(speech_service.LOST_MAX - 1):
        with pytest.raises(VoiceError, match=told) as error:
            service.make_sound(WORDS_SAID, "tr", 1.0)
        assert not isinstance(error.value, ServiceStopped)
    # Several in a row are no chance, so nothing more is asked.
    with pytest.raises(ServiceStopped, match=told):
        service.make_sound(WORDS_SAID, "tr", 1.0)
    asked = len(fake.asked)
    with pytest.raises(ServiceStopped, match=told):
        service.make_sound("Başka bir cümle.", "tr", 1.0)
    assert len(fake.asked) == asked == speech_service.LOST_MAX * (len(SOON) + 1)


@pytest.mark.parametrize(("body", "status", "told"), [
    (b"<!doctype html><title>Sign in</title>", 200, "a page of HTML instead of WAV"),
    (b"ID3\x04\x00" + bytes(4000), 200, "MP3 instead of WAV"),
    (b"\xff\xfb\x90\x64" + bytes(4000), 200, "MP3 instead of WAV"),
    (b'{"audio": "none"}', 200, "JSON instead of WAV"),
    (b"", 200, "nothing instead of WAV"),
    (b"", 302, "it answers 302"),
    (f"no such model; you sent {KEY}".encode(), 404, "it answers 404: no such model; you sent …"),
    (f"the key {KEY[:9]} is unknown".encode(), 401, "it answers 401: it refuses the key at"),
])
def test_a_service_that_cannot_serve_is_asked_once(fake: FakeSpeech, body: bytes, status: int, told: str) -> None:
    fake.does = [answer(body, status, Location="http://127.0.0.1:1/")]
    with pytest.raises(ServiceStopped) as error:
        make(fake)
    assert told in str(error.value)
    assert str(error.value).startswith("santral.toml:12: the speech service at 127.0.0.1:")
    assert len(fake.asked) == 1
    assert KEY[:9] not in str(error.value) + repr(plan(fake))


def test_wav_of_another_kind_is_refused(fake: FakeSpeech, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(speak(WORDS_SAID))
    for name, how, told in (("8 kHz", ["-r", "8000"], "8000 Hz; 16000 to 48000 can be used"),
                            ("float", ["-e", "floating-point", "-b", "32"], "WAV of 32 bit")):
        run_program(["sox", "-D", tmp_path / "a.wav", *how, tmp_path / "b.wav"])
        fake.does = [answer((tmp_path / "b.wav").read_bytes())]
        with pytest.raises(ServiceStopped, match=told):
            make(fake)
        assert name
    run_program(["sox", "-D", tmp_path / "a.wav", "-c", "2", "-r", "48000", tmp_path / "c.wav"])
    fake.does = [answer((tmp_path / "c.wav").read_bytes())]
    assert make(fake) > 0.3


def test_a_late_service_ends_with_the_limit_of_the_setting(fake: FakeSpeech) -> None:
    fake.does = [late]
    with pytest.raises(VoiceError, match=r"did not answer within 1 s \(\[voice\] timeout_s\) \(2 tries\)"):
        make(fake, backoff_s=SOON[:1], timeout_s=1.0)
    # A busy machine needs more than a second for a good answer.
    fake.does = [late, says]
    assert make(fake, timeout_s=5.0) > 0.3


def test_a_busy_service_is_asked_after_the_pause_that_it_wants(fake: FakeSpeech) -> None:
    for as_date in (False, True):
        # A date has whole seconds, so two from now are more than one.
        began, then = time.monotonic(), datetime.now(UTC) + timedelta(seconds=2)
        wish = format_datetime(then, usegmt=True) if as_date else "1"
        fake.does = [answer(b"", 429, Retry_After=wish), says]
        assert make(fake) > 0.3
        assert time.monotonic() - began > 0.9
    for wish in ("3600", "x", "-4"):
        fake.does = [answer(b"", 429, Retry_After=wish)]
        with pytest.raises(ServiceStopped, match="it answers 429") as error:
            make(fake)
        assert ("asks to wait 3600 s" in str(error.value)) == (wish == "3600")


def test_words_are_asked_for_once(fake: FakeSpeech, tmp_path: Path) -> None:
    for _ in range(2):
        service = SpeechService(plan(fake), SpeechCache(tmp_path))
        first = service.make_sound(WORDS_SAID, "tr", 1.0)
        assert service.make_sound(WORDS_SAID, "tr", 1.0).raw_data == first.raw_data
    assert len(fake.asked) == 1
    service.make_sound(WORDS_SAID, "tr", 0.8)
    assert len(fake.asked) == 2
    # A damaged file is asked for again.
    for path in tmp_path.glob("*.wav"):
        path.write_bytes(b"RIFF")
    service.make_sound(WORDS_SAID, "tr", 1.0)
    assert len(fake.asked) == 3


def test_the_cache_is_bounded_and_the_oldest_leaves(tmp_path: Path) -> None:
    sound = make_silence(1000, pydub_segment().silent(duration=1, frame_rate=16000))
    cache = SpeechCache(tmp_path, most_bytes=70_000)
    for number in range(4):
        cache.keep_sound(str(number), sound)
        (tmp_path / f"{number}.wav").touch()
        time.sleep(0.01)
    cache.drop_oldest()
    assert [cache.find_sound(str(number)) is not None for number in range(4)] == [False, False, True, True]


def few(keys: Sequence[str] = KEYS) -> dict[str, Prompt]:
    return {key: CATALOGUE[key] for key in keys}


def options(fake: FakeSpeech, out: Path) -> building.Options:
    return building.Options(out, choose_voices("service", service=speech_service.service_voices(plan(fake), out)))


def test_a_service_that_dies_in_the_middle_leaves_what_is_built(tmp_path: Path) -> None:
    """And the next build goes on from there."""
    out = tmp_path / "sounds"
    with serve_speech() as fake:
        fake.die_after = 3
        with pytest.raises(SoundError) as error:
            building.build_prompts(few(), options(fake, out))
    # 1. One message, however many sentences lack their sound.
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert "sounds could not be built:" in lines[0]
    assert lines[1].strip().startswith("santral.toml:12: the speech service at 127.0.0.1:")
    assert "does not answer" in lines[1]
    assert "Finished sounds are kept" in lines[1]
    manifest = Manifest.read_manifest(out)
    assert manifest is not None
    assert not manifest.complete
    built = {key for key in manifest.entries if key in KEYS}
    assert built
    # 2. The service is back, at the same address.
    with serve_speech() as back:
        back.url, here = fake.url, back.url
        moved = plan(back)._replace(url=here)
        voices = speech_service.service_voices(moved, out)
        for voice in voices.values():
            voice.identity = f"{voice.name} {fake.url}"
        report = building.build_prompts(few(), building.Options(out, choose_voices("service", service=voices)))
    assert set(report.built) == set(KEYS) - built
    manifest = Manifest.read_manifest(out)
    assert manifest is not None
    assert manifest.complete
    entry = manifest.entries["ana-menu-2"]
    assert (entry.backend, entry.voice) == ("service", "openai tts-1 deniz")
    assert speech_rms(load_wav(out / "tr/ana-menu-2.wav")) == pytest.approx(-21, abs=1)
    assert list((out / FOLDER).glob("*.wav"))


def test_the_command_takes_service_and_key_from_the_settings(tmp_path: Path, fake: FakeSpeech,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prompts.cli.all_prompts", lambda words: few(("digits/4",)))
    key = tmp_path / "speech.key"
    key.write_text(KEY + "\n")
    key.chmod(0o600)
    centre, out = copied(tmp_path), tmp_path / "sounds"
    edit(centre, "santral.toml", "[hours]", f'[voice]\nurl = "{fake.url}"\nmodel = "tts-1"\nkey_file = "{key}"\n'
         'voices = { tr = "deniz" }\n\n[hours]')
    build = ["prompts", "build", "--centre", str(centre), "--out", str(out)]
    done = CliRunner().invoke(santral, build)
    assert done.exit_code == 0, done.output
    assert "voice: openai tts-1 deniz (tr), espeak-ng en-gb (en)" in done.output
    assert fake.keys == [f"Bearer {KEY}"]
    assert KEY not in done.output + (out / "manifest.json").read_text()
    # A key that others can read is refused before anything is asked, and `check` warns of it.
    key.chmod(0o644)
    done = CliRunner().invoke(santral, build)
    assert done.exit_code == 1
    assert "chmod 600" in done.output
    assert "santral.toml:" in done.output
    assert len(fake.asked) == 1
    done = CliRunner().invoke(santral, ["check", str(centre), "--state", str(tmp_path)])
    assert "is readable by others" in done.output


def test_the_robot_voice_says_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prompts.cli.all_prompts", lambda words: few(("digits/4",)))
    centre, out = copied(tmp_path), tmp_path / "sounds"
    edit(centre, "santral.toml", 'sounds = "/var/lib/santral/sounds"', f'sounds = "{out}"')
    done = CliRunner().invoke(santral, ["prompts", "build", "--centre", str(centre), "--out", str(out), "--voice",
                                        "espeak"])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(santral, ["check", str(centre), "--state", str(tmp_path)])
    assert "1 of 1 sentences are of espeak-ng" in done.output
    assert "a robot voice for trials" in done.output


@pytest.mark.parametrize(("lines", "told"), [
    ('url = "http://speech.example/v1"\nvoices = { tr = "a" }\nmodel = "m"', "may be http only at 127.0.0.1"),
    ('url = "https://a:b@speech.example/v1"\nvoices = { tr = "a" }', "a password belongs in the file at 'key_file'"),
    ('url = "https://speech.example/v1"\nmodel = "m"', "needs the voice of a language"),
    ('url = "https://speech.example/v1"\nvoices = { tr = "a" }', "'model' is needed"),
    ('url = "https://speech.example/v1"\nvoices = { tr = "a" }\nmodel = "m"\nkey_file = "speech.key"', "absolute path"),
    ('key = "sk-1"', "unknown key 'key'"),
])
def test_faulty_settings_are_told(tmp_path: Path, lines: str, told: str) -> None:
    centre = copied(tmp_path)
    edit(centre, "santral.toml", "[hours]", f"[voice]\n{lines}\n\n[hours]")
    assert told in "\n".join(map(str, load_centre(centre).problems))
