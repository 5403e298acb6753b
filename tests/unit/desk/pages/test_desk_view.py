"""The words of a desk: states, times, and what is stored about an agent."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from centres.team import Needs
from desk.api import models
from desk.pages.desk_view import DeskContext, build_desk_view, shorten_name
from desk.pages.page_words import LANGUAGES, list_words
from desk.pages.profile_words import describe_profile, value_in_force
from routing.core.model.centre_model import AgentState
from tests.fakes.desk_states import AT, NAMES, REASONS, RINGING, SERVICES, STATES, desk_state

pytestmark = pytest.mark.unit

TURKISH = DeskContext(list_words("tr"), REASONS["tr"], NAMES, SERVICES, ZoneInfo("Europe/Istanbul"))
ENGLISH = DeskContext(list_words("en"), REASONS["en"], NAMES, SERVICES, ZoneInfo("Europe/Istanbul"))


def shown(name: str, context: DeskContext = TURKISH, now: float | None = None) -> dict[str, str]:
    view = build_desk_view(STATES[name].model_dump(mode="json", by_alias=True), context, now)
    return {key: text for key, text in view.texts.items() if text}


def test_the_states_of_the_samples_are_all_states() -> None:
    assert {state.state for state in STATES.values()} == {state.value for state in AgentState}


@pytest.mark.parametrize(("now", "length"), [
    (AT, "0 sn"), (AT + 59.9, "59 sn"), (AT + 60.0, "1 dk"), (AT - 5.0, "0 sn"),
    (AT + 3599.0, "59 dk"), (AT + 3660.0, "1 sa 1 dk")])
def test_lengths_are_whole(now: float, length: str) -> None:
    assert shown("talk", now=now)["talk_for"] == length


def test_a_break_names_its_reason_and_its_end() -> None:
    texts = shown("paused")
    assert texts["state"] == "Molada: Yemek" and texts["since"] == "14.05 saatinden beri"
    assert texts["break_until"] == "Molanız 14.35 saatinde bitiyor."
    assert shown("paused", ENGLISH)["break_until"] == "Your break ends at 14:35."


@pytest.mark.parametrize("context", [TURKISH, ENGLISH])
def test_the_first_words_of_every_offer_fit_twenty_cells(context: DeskContext) -> None:
    for service in ("Psikososyal destek", "Görüş ve öneri", "Uzaktan eğitim", "Danışmanlıkhizmetlerimerkezi"):
        for waited in (0.0, 12.0, 3500.0, 90000.0):
            state = desk_state(AgentState.RINGING, RINGING._replace(service_name=service, waiting_since=AT - waited))
            short = build_desk_view(state.model_dump(mode="json", by_alias=True), context).texts["offer_short"]
            # A capital letter and a number take one sign each; hours and minutes are two numbers.
            assert len(short) + 1 + sum(one.isdigit() for one in short.split()) <= 20 + (waited > 3600)


def test_an_offer_tells_everything_that_is_known() -> None:
    assert shown("offer-known")["offer_facts"] == (
        "Psikososyal destek, 12 sn bekledi. Geri arama. Yavaş konuşulmasını istiyor. "
        "Daha önce bir temsilciyle görüştü. Dil: İngilizce. Ayşe Şahin size danışıyor.")


def test_a_consult_names_the_colleague_or_the_service() -> None:
    assert shown("talk-seeking")["consult"] == "Uzaktan eğitim aranıyor. Arayan müzik dinliyor."
    assert shown("talk-consulting")["consult"] == "Ayşe Şahin ile görüşüyorsunuz. Arayan müzik dinliyor."


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_need_has_words(language: str) -> None:
    words = list_words(language)
    assert [name for name in Needs.model_fields if f"need.{name}" not in words] == []


def test_the_profile_is_told_in_words() -> None:
    needs = models.OwnNeeds(everybody={"wrapup_s": 20.0, "verbosity": "low"}, entries=[
        models.Need(in_force=False, valid_from="2027-01-01", valid_to=None, review_at=None, approved_by=None,
                    needs={"ear": "left"}),
        models.Need(in_force=True, valid_from=None, valid_to=None, review_at="2026-09-01", approved_by=None,
                    needs={"channels": ["voice", "chat"], "no_topics": ["psikososyal"], "limiter": False,
                           "max_concurrency": {"voice": 1}, "gain_db": 6.0})])
    found = describe_profile(needs, list_words("tr"), SERVICES)
    assert found.own and found.review_at == "2026-09-01"
    assert found.rows == (
        ("Size gelen kanallar", "telefon, yazışma"), ("Size gelmeyen konular", "Psikososyal destek"),
        ("Ani yüksek seslerin kısılması", "hayır"), ("Kanal başına aynı anda gelen iletişim", "telefon: 1"),
        ("Ses yükseltme (dB)", "6"))
    assert value_in_force(needs, "verbosity", "normal") == "low" and value_in_force(needs, "ear", "both") == "both"
    everybody = describe_profile(models.OwnNeeds(everybody={"wrapup_s": 20.0}, entries=[]), list_words("en"), {})
    assert not everybody.own and everybody.rows == (("Length of wrap-up (seconds)", "20"),)


@pytest.mark.parametrize(("name", "cells", "short"), [
    ("Görüş ve öneri", 10, "Görüş"), ("Temsilci", 3, "Tem"), ("A", 0, "")])
def test_a_name_is_cut_at_words(name: str, cells: int, short: str) -> None:
    assert shorten_name(name, cells) == short
