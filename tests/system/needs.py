"""A centre whose agents need what a plain one does not: time to read, keys, an outside number, a partner.

All of them but the remote counsellors serve one service, so who is signed in gets the call.
"""

from __future__ import annotations

from pathlib import Path

from centres.base_shapes import DAYS
from tests.ministry import copied, edit

SKILL, KEY = "uzaktan_egitim", "2"
"""Service of the agents at seats, and the key that leads to it."""

READS, AFTER_BRIEF, SWITCH, SCREEN, BY_WISH, SPARED = "a1041", "a1042", "a1043", "a1044", "a1045", "a1046"
READ_S, RING_S = 10, 10

LOUDER, GAIN_DB = "a1047", 12.0
"""An agent whose phone is amplified."""
LEAD, PARTNER = "a1056", "a1062"
"""A pair. The partner's phone answers by itself."""

REMOTE, UNKNOWN, WRONG = "a1004", "a1010", "a1016"
"""Remote counsellors, always on call: one who can be called, a better one without a number, and a still better one
whose number the carrier does not know."""
REMOTE_SKILL, REMOTE_KEY = "psikososyal", "1"
NUMBERS = {REMOTE: "+905321234567", WRONG: "+905329876543"}

ALWAYS = ", ".join(f'{day}: ["00:00-24:00"]' for day in DAYS)
ACCOMMODATIONS = f"""\
accommodations:
  - {{agent: {READS}, pre_connect_mode: both, pre_connect_s: {READ_S}}}
  - {{agent: {AFTER_BRIEF}, answer_mode: auto_after_whisper}}
  - {{agent: {SWITCH}, answer_mode: single_switch, ring_timeout_s: {RING_S}}}
  - {{agent: {SCREEN}, answer_mode: auto_after_whisper, pre_connect_mode: screen, pre_connect_s: {READ_S}}}
  - {{agent: {BY_WISH}, wrapup_mode: agent_requested, wrapup_s: 30}}
  - {{agent: {SPARED}, no_abusive_history: true}}
  - {{agent: {LOUDER}, gain_db: {GAIN_DB}, limiter: true}}
  - {{agent: {LEAD}, pair_id: cift}}
  - {{agent: {PARTNER}, pair_id: cift, answer_mode: auto}}
"""


def write(folder: Path) -> Path:
    """Write the ministry's centre with these agents into a separate folder."""
    centre = copied(folder)
    (centre / "accommodations.yaml").write_text(ACCOMMODATIONS, encoding="utf-8")
    for agent in (REMOTE, UNKNOWN, WRONG):
        begin = f"{{id: {agent}, "
        edit(centre, "team.yaml", begin, f"{begin}on_call: {{{ALWAYS}}}, ")
    return centre
