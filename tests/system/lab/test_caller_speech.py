"""Callers of the demo speak: the agent's phone hears the Turkish sentence of their key, again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.people.caller_speech import SENTENCES, build_speech, speech_class
from lab.people.traffic import KEYS
from lab.phones import audio
from lab.phones.network import PhoneBehaviour
from tests.system.conftest import NewLab

pytestmark = pytest.mark.system


async def test_the_agent_hears_the_sentence_of_the_callers_key(new_lab: NewLab, tmp_path: Path) -> None:
    assert set(SENTENCES) == set(KEYS)
    speech = build_speech(tmp_path / "callers")
    files = {key: next(speech[speech_class(key)].iterdir()) for key in SENTENCES}
    # A second demo builds nothing.
    times = {key: file.stat().st_mtime_ns for key, file in files.items()}
    assert build_speech(tmp_path / "callers") == speech
    assert {key: file.stat().st_mtime_ns for key, file in files.items()} == times
    lab = await new_lab(speech=speech)
    sentence = audio.read_wav(files["1"])
    length_s = len(sentence) / audio.RATE
    agent = await lab.sign_in_agent("a1001", PhoneBehaviour(talk=length_s + 5.0, record=lab.folder / "agent"))
    await lab.network.place_call(lab.info.numbers[0], press="1@1s", speech=speech_class("1"))
    phone = await lab.network.wait_ring(agent.seat)
    await phone.wait_ended()
    assert phone.recording is not None
    heard = audio.read_wav(phone.recording)
    # The call is answered in the middle of a sentence, so only its beginning is there for certain.
    assert audio.find_prompt(sentence[:3 * audio.RATE], heard).found
    assert not audio.find_prompt(audio.read_wav(files["2"])[:3 * audio.RATE], heard).found
