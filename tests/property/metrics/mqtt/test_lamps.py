"""Everybody in a random house has a lamp: after every event it is on as long as something rings for them, no longer and
no shorter, and it is put out once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from metrics.mqtt.message import Device, RingingOffers, messages_of
from routing.core.events import Event
from routing.core.model.centre_model import OfferState
from routing.core.model.facts import Fact, Offered
from tests.examples import examples
from tests.oracle.crowd import Crowd

pytestmark = pytest.mark.property

HOUSES, EVENTS = 24, 400


def test_lamps_are_on_while_something_rings() -> None:
    told: Counter[str] = Counter()
    for seed in range(examples(HOUSES)):
        _house(seed, told)
    assert told["ring"] > 300 and told["pair"] >= 3, f"{told}: there was something to be told"


def _house(seed: int, told: Counter[str]) -> None:
    crowd = Crowd(seed, restarts=False)
    side_by_side = crowd.side_by_side
    facts: list[Fact] = []
    rings: RingingOffers = {}
    lit: set[str] = set()
    count = side_by_side._count

    def look(event: Event | None, fact: Any) -> None:
        count(event, fact)
        facts.append(fact)

    side_by_side._count = look  # type: ignore[method-assign]
    while side_by_side.events < EVENTS:
        crowd.step()
        agents = side_by_side.engine._domain.agents
        devices = {agent: Device(str(agent), "light") for agent in agents}
        for fact in facts:
            told["pair"] += isinstance(fact, Offered) and fact.partner is not None
            for message in messages_of(fact, devices, rings):
                if "/signal/" in message.topic:
                    device, kind = message.topic.split("/")[3:]
                    _switch(lit, device, kind)
                    told[kind] += 1
        facts.clear()
        ringing: set[str] = set()
        asked: set[str] = set()
        for record in agents.values():
            for offer in record.offers.values():
                if offer.state is OfferState.PENDING:
                    (asked if offer.talks_first else ringing).add(str(record.id))
        # A consulted agent who chats talks before and after, so no fact says that they have answered.
        assert ringing <= lit <= ringing | asked, seed


def _switch(lit: set[str], device: str, kind: str) -> None:
    if kind == "ring":
        lit.add(device)
    elif kind == "ringstop":
        assert device in lit, "put out once"
        lit.remove(device)
