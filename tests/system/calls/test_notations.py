"""One called number in every notation of a carrier, and a number that is not ours, on a real Asterisk."""

from __future__ import annotations

import aiohttp
import pytest

from lab import lifecycle
from tests.fakes.sip_uac import Telephone
from tests.system.stage import Stage
from tests.until import until_async

pytestmark = pytest.mark.system

OURS = (b"4440632", b"04440632", b"904440632", b"+904440632", b"00904440632", b"%2B904440632", b"+90-444-0-632",
        b"+90.444.0.632", b"00%2090%20444%200%20632", b"+904440632;phone-context=+90",
        b"4440632;phone-context=ims.example",
        b"+904440632;npdi;rn=+90510")
"""Twelve notations in the user part of the URI: with prefixes, signs and spaces between digits, and parameters."""
OTHERS = {b"+904440633": ("plus", 9), b"03124440632": ("zero", 11), b"903124440632": ("country", 12),
          b"00493012345": ("zeros", 11), b"4440633": ("plain", 7), b"444x0632": ("text", 0),
          b"4440632%0aagi_network_script:%20menu": ("text", 0), b"(444)063%294": ("plain", 7)}


@pytest.fixture
def lab_session(guarded_session: lifecycle.LabInfo) -> lifecycle.LabInfo:
    """A lab that an address besides the lab's own network may call."""
    return guarded_session


async def refused(stage: Stage) -> dict[str, float]:
    """Refused calls by form, as the metrics have them."""
    async with aiohttp.ClientSession() as web, web.get(f"http://{stage.info.http}/metrics") as answer:
        page = await answer.text()
    rows = [line for line in page.splitlines() if line.startswith("acd_calls_refused_total{") and "unknown" in line]
    return {line.split('form="')[1].partition('"')[0]: float(line.rpartition(" ")[2]) for line in rows}


async def test_every_notation_of_the_number_reaches_the_menu(stage: Stage, carrier: Telephone) -> None:
    before = await refused(stage)
    for number in OURS:
        call = await carrier.call(number)
        assert call.status == 200, (number, call.status)
        await call.bye()
    tel = await carrier.call(b"", uri=b"tel:+90-444-0-632", to=b"tel:+904440632")
    assert tel.status == 200
    await tel.bye()
    assert await refused(stage) == before


async def test_another_number_is_refused_and_seen_by_its_form(stage: Stage, carrier: Telephone) -> None:
    wanted = await refused(stage)
    for number, (form, digits) in OTHERS.items():
        call = await carrier.call(number)
        assert call.status == 404, (number, call.status)
        wanted[f"{form}-{digits}"] = wanted.get(f"{form}-{digits}", 0) + 1

    async def counted() -> bool:
        return await refused(stage) == wanted

    await until_async(counted, what=f"refused calls {wanted}")
    status = await stage.lab.fetch_status()
    assert {f"{one['form']}-{one['digits']}": one["calls"] for one in status["refused_numbers"]} == wanted
    # Neither the log nor any other text of the lab has the number.
    log = (stage.lab.folder / "node.log").read_text(encoding="utf-8")
    assert "call.number_refused" in log
    assert not any(number.decode().lstrip("+") in log for number in OTHERS)
