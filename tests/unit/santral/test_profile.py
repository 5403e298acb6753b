"""Every need that a centre's file can name reaches the engine as what it says, and nothing else changes by it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from centres.team import Accommodation, Needs
from centres.team import Agent as Person
from routing.core.model.centre_model import (
    PHONE_CHANNELS,
    Agent,
    AnswerMode,
    Channel,
    Comfort,
    DistressLimit,
    PreConnect,
    Profile,
    WrapUpMode,
)
from routing.core.queueing.abuse_flags import ABUSIVE
from santral.centre.engine_values import agent_of

pytestmark = pytest.mark.unit

USUAL = Profile()
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "channels": (["chat", "email"], {"channels": frozenset({Channel.CHAT, Channel.EMAIL})}),
    "max_concurrency": ({"chat": 1, "email": 2},
                        {"max_concurrency": ((Channel.VOICE, 1), (Channel.CHAT, 1), (Channel.EMAIL, 2))}),
    "capacity": (66, {"capacity": 66}),
    "one_at_a_time": (True, {"one_at_a_time": True}),
    "ring_timeout_s": (45, {"ring_timeout_s": 45.0}),
    "ring_signal": (["visual"], {"comfort": Comfort(ring_signal=frozenset({"visual"}))}),
    "answer_mode": ("single_switch", {"answer_mode": AnswerMode.SINGLE_SWITCH}),
    "pre_connect_mode": ("both", {"pre_connect": PreConnect.BOTH}),
    "pre_connect_s": (10, {"pre_connect_s": 10.0}),
    "wrapup_mode": ("mandatory", {"wrapup_mode": WrapUpMode.MANDATORY}),
    "wrapup_s": (90, {"wrapup_s": 90.0}),
    "wrapup_extend_s": (120, {"wrapup_extend_s": 120.0}),
    "rest_gap_s": (60, {"rest_gap_s": 60.0}),
    "rna_allowed": (5, {"rna_allowed": 5}),
    "auto_return_s": (300, {"auto_return_s": 300.0}),
    "break_plan": (["10:00-10:15"], {}),  # told day by day as events: tests/unit/santral/test_calendar.py
    "break_grace_s": (300, {"break_grace_s": 300.0}),
    "max_continuous_s": (3_600, {"max_continuous_s": 3_600.0}),
    "distress_limit": ({"soft": 2, "hard": 3, "release": 1}, {"distress": DistressLimit(2.0, 3.0, 1.0, True)}),
    "no_topics": (["siddet"], {"no_topics": frozenset({"siddet"})}),
    "no_abusive_history": (True, {"no_topics": frozenset({ABUSIVE})}),
    "captions": (True, {"channels": frozenset(Channel) - PHONE_CHANNELS}),
    "pair_id": ("cift1", {"pair_id": "cift1"}),
    "ear": ("left", {"comfort": Comfort(ear="left")}),
    "gain_db": (12, {"comfort": Comfort(gain_db=12.0)}),
    "limiter": (False, {"comfort": Comfort(limiter=False)}),
    "verbosity": ("low", {"comfort": Comfort(verbosity="low")}),
    "braille_cells": (40, {"comfort": Comfort(braille_cells=40)}),
}


def profile(everybody: dict[str, Any], own: dict[str, Any]) -> Profile:
    person = Person.model_validate({"id": "a1001", "number": "1001", "skills": {"tr": 50}})
    return agent_of(person, Needs.model_validate(everybody),
                  Accommodation.model_validate({"agent": "a1001", **own})).profile


def test_every_need_has_a_case() -> None:
    assert set(CASES) == set(Needs.model_fields)


@pytest.mark.parametrize("name", CASES)
def test_a_need_reaches_the_engine(name: str) -> None:
    value, wanted = CASES[name]
    own, everybody = profile({}, {name: value}), profile({name: value}, {})
    assert own == USUAL._replace(**wanted)
    # Only an agent's own limit keeps distress away.
    assert everybody == own._replace(distress=own.distress._replace(binds=False))


def test_of_what_holds_for_everybody_ones_own_need_goes_first() -> None:
    assert profile({"wrapup_s": 20, "rest_gap_s": 5}, {"wrapup_s": 60}) == USUAL._replace(wrapup_s=60.0, rest_gap_s=5.0)
    both = profile({}, {"no_topics": ["siddet"], "no_abusive_history": True})
    assert both.no_topics == {"siddet", ABUSIVE}


def test_the_engine_has_no_place_for_why() -> None:
    names = " ".join((*Profile._fields, *Comfort._fields, *Agent._fields, *DistressLimit._fields))
    assert not re.search(r"diagn|disab|engel|tan[ıi]|reason|why|note|percent|rate|kind|type", names)
