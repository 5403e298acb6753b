"""The sound check on a real Asterisk: a phone dials `*40` and hears its own tone, without an agent or a node."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_conf.conf_plan import ECHO_CODE
from asterisk_conf.dialplan_values import TIMINGS
from lab.phones import audio
from tests.system.stage import Stage

pytestmark = pytest.mark.system

TONE = 697


async def test_a_phone_hears_itself_and_the_line_ends(stage: Stage, tmp_path: Path) -> None:
    place = stage.info.seat_of("a1001")
    await stage.network.register_phones({place.endpoint: place.secret})
    # A node that answers nothing shows that nobody is asked.
    stage.lab.freeze_node()
    try:
        leg = await stage.network.place_call(ECHO_CODE, seat=place.endpoint, tone=TONE, record=tmp_path / "own.wav")
        await leg.wait_answered()
        await stage.hears_tone(leg, TONE, seconds=3.0)
        await leg.wait_ended()
    finally:
        stage.lab.thaw_node()
    assert leg.recording is not None
    heard = audio.tone_s(audio.read_wav(leg.recording), TONE)
    assert 3.0 <= heard <= TIMINGS.echo_s + 1.0


async def test_a_key_ends_it(stage: Stage) -> None:
    place = stage.info.seat_of("a1002")
    await stage.network.register_phones({place.endpoint: place.secret})
    leg = await stage.dials(place.endpoint, ECHO_CODE, "#@2s")
    assert leg.talked_s < TIMINGS.echo_s - 5.0
