"""The page that a caller gets: their data in plain Turkish, and nothing of an agent."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pytest

from routing.core.model.centre_model import Agent, AnswerMode, Centre, Comfort, DistressLimit, PreConnect, Profile
from routing.core.model.ids import AgentId
from routing.store.callers import caller_preferences
from routing.store.callers.caller_preferences import CallerPreferences
from routing.store.kinds import FACTS
from santral.privacy.caller_page import format_length, render_page
from santral.privacy.exported_fields import AGENT_KINDS, COURSE_FIELDS
from tests.privacy_house import CENTRE, NUMBER, OTHER, PAGE_CONTEXT, House, asks_for_text, opened

pytestmark = pytest.mark.integration

NEEDS = Profile(
    ring_timeout_s=45.25, answer_mode=AnswerMode.AUTO_AFTER_WHISPER, pre_connect=PreConnect.BOTH, pre_connect_s=7.125,
    wrapup_s=93.75, wrapup_extend_s=61.375, rna_allowed=7, capacity=161, one_at_a_time=True,
    break_grace_s=311.5, max_continuous_s=2_711.5, distress=DistressLimit(soft=3.875),
    auto_return_s=411.25, comfort=Comfort(gain_db=11.5, limiter=True))
"""All accommodations that a call can show, each of a value that nothing else has."""
COLLEAGUE = AgentId("gizli-meslektas")
SECRETS = ("45.25", "7.125", "93.75", "61.375", "311.5", "2711.5", "3.875", "411.25", "11.5", "gizli",
           "auto", "whisper", "screen", "ring", "wrapup", "seat", "agent", "profile", "accommodation")
"""Values of the accommodations, and words that would name one."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    alone = Agent(COLLEAGUE, CENTRE.agents[0].skills, NEEDS)
    async with opened(tmp_path / "state", Centre(CENTRE.services, (alone,))) as found:
        yield found


class Words(HTMLParser):
    """The text of a page, and the files it plays."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.files: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.text += data if self.lasttag != "style" else ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "audio":
            self.files.append(str(dict(attrs)["src"]))


async def test_a_caller_reads_their_calls_and_hears_them(house: House, tmp_path: Path) -> None:
    name = await house.node.call(NUMBER)
    await house.node.call(OTHER)
    await house.record(name)
    digest = house.node.keys.encrypt_number(NUMBER)[0]
    await house.store.run_write(partial(
        caller_preferences.put_preferences, some=[CallerPreferences(digest, True, False, 20_000)]))
    await asks_for_text(house, NUMBER, 1_700_000_000.0)
    await house.export(await house.privacy.by_number(NUMBER), tmp_path / "out")
    page = Words((tmp_path / "out" / "caller.html").read_text(encoding="utf-8"))
    for text in ("Örnek Hastanesi", NUMBER, "Uzaktan eğitim hizmetinde sıraya girdiniz.", "bir görevliye bağlandınız",
                 "Görüşmeyi siz kapattınız.", "Duyuruları yavaş dinlemek istediniz.", "https://mebim.meb.gov.tr"):
        assert text in page.text, page.text
    assert OTHER not in page.text
    assert [(tmp_path / "out" / file).is_file() for file in page.files] == [True]
    assert (tmp_path / "out" / "caller.html").stat().st_mode & 0o777 == 0o600


async def test_nothing_of_a_colleague_is_told(house: House, tmp_path: Path) -> None:
    name = await house.node.call(NUMBER, talk=False)
    await house.node.call(NUMBER, callback=True, talk=False)
    answered = await house.node.call(NUMBER)
    assert name != answered and house.bytes_of("45.25"), "the state knows the accommodations"
    await house.export(await house.privacy.by_number(NUMBER), tmp_path / "out")
    page = Words((tmp_path / "out" / "caller.html").read_text(encoding="utf-8")).text
    told = (tmp_path / "out" / "caller.json").read_text(encoding="utf-8")
    for text in (page, told):
        assert [found.group() for word in SECRETS
                if (found := re.search(rf".{{0,40}}(?<![\w.-]){re.escape(word)}(?!\d).{{0,20}}", text))] == []
    assert {one["contact"] for one in json.loads(told)["talks"]} == {answered}, "not whom the centre rang"


def test_hostile_text_stays_text() -> None:
    told = {"numbers": ["<script>1</script>"], "contacts": [], "course": [], "talks": [], "recordings": [],
            "notes": [{"contact": "1.1", "at": 5.0, "text": "<img src=x onerror=alert(1)>"}], "wishes": [],
            "keyed_in": [{"at": 5.0, "field": "gun", "digits": "<b>"}], "short_messages": []}
    page = render_page(told, PAGE_CONTEXT, 6.0)
    assert not re.search("<(script|img|b)>?[ 1]", page) and "default-src 'none'" in page
    assert "<img src=x onerror=alert(1)>" in Words(page).text


def test_each_fact_of_a_contact_is_exported_or_left_out_on_purpose() -> None:
    of_contacts = {name for name, kind in FACTS.items() if "contact" in kind._fields}
    assert of_contacts == AGENT_KINDS | set(COURSE_FIELDS)
    for name, fields in COURSE_FIELDS.items():
        assert fields <= set(FACTS[name]._fields), name


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "0 saniye"), (40.0, "40 saniye"), (60.0, "1 dakika"),
                                                (190.4, "3 dakika 10 saniye")])
def test_lengths_are_words(seconds: float, words: str) -> None:
    assert format_length(seconds) == words
