"""The words of the recording notice: who records, why, and where the full notice is."""

from __future__ import annotations

import pytest

from prompts.centre_words import NO_CENTRE
from prompts.text_reader import all_prompts
from prompts.text_style import find_style_faults
from prompts.verbalise.web_address import speak_address

pytestmark = pytest.mark.unit

HOSPITAL = NO_CENTRE._replace(name="Umut Hastanesi", english="Umut Hospital")
TR = "Umut Hastanesi görüşmenizi kalite için kayda alıyor. İstemiyorsanız, sekize basın."
EN = "Umut Hospital records calls for quality. If you do not want that, press 8."


@pytest.mark.parametrize(("address", "turkish", "english"), [
    ("ornek.org/kvkk", "ornek nokta org bölü ke ve ke ke", "ornek dot org slash K V K K"),
    ("meb.gov.tr", "meb nokta gov nokta te re", "meb dot gov dot T R"),
    ("www.umut-hastanesi.com.tr/bilgi/2026",
     "çift ve çift ve çift ve nokta umut tire hastanesi nokta com nokta te re bölü bilgi bölü 2026",
     "W W W dot umut dash hastanesi dot com dot T R slash bilgi slash 2026")])
def test_an_address_is_said_as_a_person_dictates_it(address: str, turkish: str, english: str) -> None:
    assert (speak_address(address, "tr"), speak_address(address, "en")) == (turkish, english)


def test_the_notice_names_controller_and_purpose_and_no_address_that_nobody_set() -> None:
    said = all_prompts(HOSPITAL)
    assert (said["kayit-bilgisi"].text, said["en/kayit-bilgisi"].text) == (TR, EN)


def test_the_address_of_the_full_notice_is_said_where_it_is_set() -> None:
    said = all_prompts(HOSPITAL._replace(notice="umut.org/kvkk"))
    for key in ("kayit-bilgisi", "kayit-bilgisi-yavas"):
        assert said[key].text == f"{TR} Ayrıntılar: umut nokta org bölü ke ve ke ke."
    assert said["en/kayit-bilgisi"].text == f"{EN} Details: umut dot org slash K V K K."


@pytest.mark.parametrize(("address", "fits"), [
    ("meb.gov.tr/kvkk", True), ("www.ozelhastane.com.tr/aydinlatma-metni", False)])
def test_an_address_that_nobody_can_remember_is_a_fault(address: str, fits: bool) -> None:
    faults = find_style_faults(all_prompts(HOSPITAL._replace(notice=address)))
    assert any("kayit-bilgisi" in one for one in faults) is not fits
