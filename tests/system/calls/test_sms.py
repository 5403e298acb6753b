"""The twin in writing by short message, on a real Asterisk: who is offered one, the key, the gateway, a gateway that is
away and a node that dies meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lab import lifecycle
from lab.pbx import process
from lab.people.node_records import sum_samples
from lab.session import LabSession
from santral.privacy.caller_data import search_files
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.stage import Stage
from tests.until import until_async

pytestmark = pytest.mark.system

MOBILE, OTHER, FIXED = "05001112244", "05001112255", "03124131000"
"""Mobiles of a block that is given to nobody; a fixed line."""
LINK = "https://mebim.meb.gov.tr"
QUICK = f"{lifecycle.ANY_HOUR}\n[wait]\ntick_s = 2\n"
HEARS_S = 40.0
"""From one sentence to the next, on a loaded machine."""


async def counted(lab: LabSession, result: str) -> float:
    return sum_samples(await lab.fetch_metrics(), "acd_sms_total", result=result)


def written(lab: LabSession) -> list[str]:
    """Files of the node and of the lab's gateway in which a caller's number stands."""
    found = search_files(lab.folder, [MOBILE[1:].encode(), OTHER[1:].encode()])
    return [path.name for path in found if path.parent == lab.folder]


async def test_a_caller_has_the_link_on_the_telephone(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(centre=patient(tmp_path), texts=3.0, extra=QUICK)
    stage = Stage(lab, tmp_path)
    mobile, fixed = await asyncio.gather(stage.hurried("2", number=MOBILE), stage.hurried("4", number=FIXED))
    await stage.hears(mobile, "kisa-mesaj-sor", HEARS_S)
    await mobile.press_keys("6")
    await stage.hears(mobile, "kisa-mesaj-yolda", HEARS_S)
    [sent] = await until_async(lab.sent_messages, HEARS_S, "the gateway has it")
    assert sent["to"] == f"+9{MOBILE}" and sent["text"].startswith("Uzaktan eğitim: ") and sent["text"].endswith(LINK)
    await until_async(lambda: counted(lab, "sent"), HEARS_S, "it is counted")
    assert lab.query_store("select number_encrypted, text, state from sms_messages") == [
        {"number_encrypted": "", "text": "", "state": "sent"}]
    await stage.hears(fixed, "bekleme-ilk", HEARS_S)
    with pytest.raises(AssertionError, match="did not hear"):
        stage.heard(fixed, "kisa-mesaj-sor")
    await lab.clear_lab()
    assert written(lab) == ["sms.jsonl"], "the gateway's own; no number in store, log or record"


@pytest.mark.long
async def test_a_gateway_that_is_away_and_a_node_that_dies_lose_no_message(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(centre=patient(tmp_path), texts=lifecycle.NO_OFFER_S, extra=QUICK)
    stage = Stage(lab, tmp_path)
    process.end_process(lifecycle.find_process(lab.folder, "gateway"), process.TERM_S)
    caller = await stage.hurried("0", number=OTHER)
    await stage.hears(caller, "bekleme-ilk", HEARS_S)
    await caller.press_keys("6")
    await stage.hears(caller, "kisa-mesaj-yolda", HEARS_S)
    tried = "select 1 from sms_messages where leaf = 'temsilci' and state = 'waiting' and tries > 0"
    await until_async(lambda: lab.query_store(tried), HEARS_S, "it was tried, and waits")
    lab.kill_node()
    lifecycle.start_gateway(lab.folder)
    await lab.start_node()
    await until_async(lambda: lab.query_store("select 1 from sms_messages where state = 'sent'"), HEARS_S,
        "it goes after the restart")
    [sent] = lab.sent_messages()
    assert sent["to"] == f"+9{OTHER}" and sent["text"].endswith(LINK)
    await lab.clear_lab()
    assert written(lab) == ["sms.jsonl"]
