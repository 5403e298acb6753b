"""The conclusion of `santral why`: who fits the service, and where they were."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model.centre_model import Agent, Profile
from routing.core.model.ids import AgentId, ContactId, OfferId
from tests.why_house import DESTEK, OTHER, House, text

pytestmark = pytest.mark.unit

EVENING = 21 * 3600.0
"""Nine in the evening of the first day, UTC."""


def test_nobody_who_fits_was_signed_in_after_the_last_one_left() -> None:
    house = House()
    house.sits(EVENING - 3600.0, "ali", "ece")
    house.at(EVENING, e.AgentSignedOut(AgentId("ali")))
    house.calls(EVENING + 60.0, "c1", DESTEK)
    house.at(EVENING + 400.0, e.CallerHungUp(ContactId("c1")))
    account = house.tell("c1")
    assert "Sonuç: Destek (destek) için uygun son temsilci 21:00:00 saatinde çıktı; ondan sonra oturumda uygun kimse " \
        "yoktu." in text(account)
    assert "the last agent who fits Destek (destek) signed out at 21:00:00" in text(account, english=True)


def test_agents_who_never_came_are_said_so() -> None:
    house = House()
    house.sits(EVENING, "ece")
    house.calls(EVENING + 60.0, "c1", DESTEK)
    house.at(EVENING + 400.0, e.CallerHungUp(ContactId("c1")))
    assert "için uygun kimse oturumda değildi" in text(house.tell("c1"))
    # A caller who still waits has the same conclusion.
    house.calls(EVENING + 500.0, "c2", DESTEK)
    assert "için uygun kimse oturumda değildi" in text(house.tell("c2"))


def test_a_team_without_anybody_who_fits() -> None:
    house = House(agents=(Agent(AgentId("ece"), (), Profile()),))
    house.sits(EVENING, "ece")
    house.calls(EVENING + 60.0, "c1", DESTEK)
    house.at(EVENING + 400.0, e.CallerHungUp(ContactId("c1")))
    assert "Sonuç: ekipte Destek (destek) için uygun kimse yok." in text(house.tell("c1"))


def test_busy_agents_are_counted_with_their_reasons_and_needs_stay_hidden() -> None:
    house = House(agents=(Agent(AgentId("ali"), ((OTHER, 50),), Profile()),
                          Agent(AgentId("nur"), ((OTHER, 50),), Profile(rest_gap_s=300.0))))
    house.sits(EVENING, "ali", "nur")
    house.at(EVENING + 10.0, e.AgentPaused(AgentId("ali")))
    house.calls(EVENING + 20.0, "c0", DESTEK)
    house.at(EVENING + 20.0, e.OfferRinging(OfferId(1)), e.OfferAnswered(OfferId(1)))
    house.together(EVENING + 21.0, 1, "c0")
    house.at(EVENING + 30.0, e.TalkEnded(OfferId(1), "caller"))
    house.at(EVENING + 31.0, e.WrapUpEnded(AgentId("nur")))
    house.calls(EVENING + 40.0, "c1", DESTEK)
    house.at(EVENING + 200.0, e.CallerHungUp(ContactId("c1")))
    said = text(house.tell("c1"))
    assert "için uygun 2 temsilci oturumdaydı: " in said and "1 hazır değildi" in said and "dinlenmede" not in said


def test_a_short_wait_has_no_conclusion() -> None:
    house = House()
    house.sits(EVENING, "ali")
    house.calls(EVENING + 60.0, "c1", DESTEK)
    house.at(EVENING + 61.0, e.OfferRinging(OfferId(1)), e.OfferAnswered(OfferId(1)))
    house.together(EVENING + 62.0, 1, "c1")
    house.at(EVENING + 90.0, e.TalkEnded(OfferId(1), "caller"))
    assert "Sonuç" not in text(house.tell("c1"))
