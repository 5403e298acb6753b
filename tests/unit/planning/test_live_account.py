"""The account of a call that goes on says the same as `santral why` afterwards."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from planning.why.live_account import LiveAccounts
from routing.core import events as e
from routing.core.model.centre_model import HEAVY_LOAD
from routing.core.model.ids import AgentId, ContactId
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit


def explain(house: House, contact: str, at: float, *, english: bool = False) -> tuple[list[str], list[str]]:
    accounts = LiveAccounts(house.engine, lambda: ZoneInfo("Europe/Istanbul"))
    facts = [fact for fact in house.facts if getattr(fact, "contact", None) == contact]
    told = accounts.explain_call(ContactId(contact), facts, whole=True, now=at, english=english)
    return [text for _, text in told.lines], list(told.why)


def test_each_step_has_its_reason() -> None:
    house = House({"a": 80})
    house.sits("a", at=1.0)
    house.tell(e.AgentPaused(AgentId("a"), "yemek"), 5.0)
    house.waits("edu", 10.0)
    # 1. The caller waits for somebody who is on a break.
    lines, why = explain(house, "c1", 12.0)
    assert "Uzaktan eğitim" in lines[0]
    assert why == ["Boşta uygun kimse yoktu: hazır değildi: molada (1).", "02:00:12 itibarıyla 1. sırada."]
    assert explain(house, "c1", 12.0, english=True)[1][0] == "Nobody who fits was free: not ready: on a break (1)."
    # 2. The phone of the chosen agent rings.
    (offer,) = house.tell(e.AgentResumed(AgentId("a")), 20.0)
    lines, why = explain(house, "c1", 21.0)
    assert why[0] == lines[-1] and "a" in why[0] and "kural" in why[1].lower()
    # 3. The talk is over.
    house.tell(e.OfferConnected(offer.offer, ContactId("c1")), 22.0)  # type: ignore[union-attr]
    assert explain(house, "c1", 23.0)[1] == why
    house.tell(e.TalkEnded(offer.offer, "caller"), 30.0)  # type: ignore[union-attr]
    lines, why = explain(house, "c1", 31.0)
    assert len(why) == 1 and "8 sn" in why[0]


def test_what_an_agent_needs_is_never_named() -> None:
    house = House({"a": 80}, services=(EDU._replace(load=HEAVY_LOAD),))
    house.sits("a", at=1.0)
    house.tell(e.HeavyContactsDeclined(AgentId("a")), 5.0)
    house.waits("edu", 10.0)
    _, why = explain(house, "c1", 12.0)
    assert why[0] == "Boşta uygun kimse yoktu: uygun değildi (1)."
