"""The twin in writing by short message, on a real Asterisk: who is offered one, the key, the gateway, a gateway that is
away and a node that dies meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lab import process, up
from lab.records import total
from lab.session import Lab
from santral.privacy import search
from tests.system.conftest import NewLab
from tests.system.stage import Stage
from tests.until import until_async

pytestmark = pytest.mark.system

MOBILE, OTHER, FIXED = "05001112244", "05001112255", "03124131000"
"""Mobiles of a block that is given to nobody; a fixed line."""
LINK = "https://mebim.meb.gov.tr"
QUICK = f"{up.ANY_HOUR}\n[wait]\ntick_s = 2\n"
HEARS_S = 40.0
"""From one sentence to the next, on a loaded machine."""


async def counted(lab: Lab, result: str) -> float:
    return total(await lab.metrics(), "acd_sms_total", result=result)


def written(lab: Lab) -> list[str]:
    """Files of the node and of the lab's gateway in which a caller's number stands."""
    found = search(lab.folder, [MOBILE[1:].encode(), OTHER[1:].encode()])
    return [path.name for path in found if path.parent == lab.folder]


async def test_a_caller_has_the_link_on_the_telephone(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(texts=3.0, extra=QUICK)
    stage = Stage(lab, tmp_path)
    mobile, fixed = await asyncio.gather(stage.hurried("2", number=MOBILE), stage.hurried("4", number=FIXED))
    await stage.hears(mobile, "kisa-mesaj-sor", HEARS_S)
    await mobile.press("6")
    await stage.hears(mobile, "kisa-mesaj-yolda", HEARS_S)
    [sent] = await until_async(lab.texts, HEARS_S, "the gateway has it")
    assert sent["to"] == f"+9{MOBILE}" and sent["text"].startswith("Uzaktan eğitim: ") and sent["text"].endswith(LINK)
    await until_async(lambda: counted(lab, "sent"), HEARS_S, "it is counted")
    assert lab.rows("select box, text, state from sms") == [{"box": "", "text": "", "state": "sent"}]
    await stage.hears(fixed, "bekleme-ilk", HEARS_S)
    with pytest.raises(AssertionError, match="did not hear"):
        stage.heard(fixed, "kisa-mesaj-sor")
    await lab.clear()
    assert written(lab) == ["sms.jsonl"], "the gateway's own; no number in store, log or record"


@pytest.mark.long
async def test_a_gateway_that_is_away_and_a_node_that_dies_lose_no_message(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(texts=up.NO_OFFER_S, extra=QUICK)
    stage = Stage(lab, tmp_path)
    process.end(up.running(lab.folder, "gateway"), process.TERM_S)
    caller = await stage.hurried("0", number=OTHER)
    await stage.hears(caller, "bekleme-ilk", HEARS_S)
    await caller.press("6")
    await stage.hears(caller, "kisa-mesaj-yolda", HEARS_S)
    tried = "select 1 from sms where leaf = 'temsilci' and state = 'waiting' and tries > 0"
    await until_async(lambda: lab.rows(tried), HEARS_S, "it was tried, and waits")
    lab.kill_node()
    up.start_gateway(lab.folder)
    await lab.start_node()
    await until_async(lambda: lab.rows("select 1 from sms where state = 'sent'"), HEARS_S, "it goes after the restart")
    [sent] = lab.texts()
    assert sent["to"] == f"+9{OTHER}" and sent["text"].endswith(LINK)
    await lab.clear()
    assert written(lab) == ["sms.jsonl"]
