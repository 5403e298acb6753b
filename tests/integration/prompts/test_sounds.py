"""Every sound that `make` built, measured: what a caller hears is even, unclipped, without clicks and long silences."""

from __future__ import annotations

from pathlib import Path

import pytest

from prompts.audio.sound_quality import MOST_SPREAD_DB, check_sounds
from prompts.catalogue import FORMATS
from prompts.text_reader import all_prompts
from tests.ministry import WORDS

pytestmark = pytest.mark.integration

SOUNDS = Path(__file__).resolve().parents[3] / ".cache" / "sounds"


def test_all_built_sounds_are_fit_to_be_heard() -> None:
    prompts = all_prompts(WORDS)
    checked = check_sounds(SOUNDS, prompts)
    assert "\n".join(map(str, checked.findings)) == ""
    assert set(checked.measures) == set(prompts)
    for ending in FORMATS:
        assert len([each for each in checked.measures.values() if ending in each]) == len(prompts) > 700
        assert 0 < checked.loudness_spread(ending) <= MOST_SPREAD_DB
