"""The stage between handler and assignment: each noted change is handled in the same turn, before the assignment."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

from routing.core import changes, reactions
from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import Outcome
from routing.core.model.commands import Offer
from routing.core.model.ids import ContactId
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

CORE = Path(reactions.__file__).parent


def test_every_change_has_a_reaction() -> None:
    assert set(reactions.REACTIONS) == set(get_args(changes.Change))


def test_a_caller_who_waits_for_one_agent_is_offered_to_another_in_the_turn_in_which_that_one_leaves() -> None:
    told = House({"a": 50, "b": 50}, services=(EDU._replace(preferred_s=60.0, preferred_days=1.0),))
    told.sits("a")
    first = told.calls("edu", 1.0, caller_hash="h1")
    told.tell(e.OfferConnected(first.offer, first.contact), 2.0)
    told.tell(e.TalkEnded(first.offer, "caller"), 3.0)
    told.sits("b", at=4.0)
    told.waits("edu", at=5.0, caller_hash="h1")
    done = told.tell(e.AgentSignedOut("a"), 6.0)
    if not any(isinstance(one, Offer) for one in done):
        done = told.tell(e.WrapUpEnded("a"), 6.0)
    assert [one.agent for one in done if isinstance(one, Offer)] == ["b"]


def test_a_reaction_may_note_a_change_that_is_handled_as_well() -> None:
    """A served caller's callback ends, and with it what it was blocked by."""
    told = House({"a": 50}, services=(EDU,))
    told.waits("edu", at=1.0, caller_hash="h1", number_encrypted="box")
    told.tell(e.CallbackRequested(ContactId("c1"), 500.0), 2.0)
    told.tell(e.CallerHungUp(ContactId("c1")), 3.0)
    told.waits("edu", at=10.0, caller_hash="h1")
    assert told.contact("c2").merged and not told.facts_of(f.Ended), "the promise holds until the caller is served"
    told.sits("a", at=11.0)
    offer = told.offers[-1]
    told.tell(e.OfferConnected(offer.offer, offer.contact), 12.0)
    told.tell(e.TalkEnded(offer.offer, "caller"), 60.0)
    (end,) = [one for one in told.facts_of(f.Ended) if one.contact == "c1"]
    assert (offer.contact, end.outcome) == ("c2", Outcome.LEFT)


def test_only_the_engine_and_a_start_run_the_reactions() -> None:
    """A function that changes a record does not know what others make of it: no module below imports this stage."""
    users = set()
    for path in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".reactions"):
                users.add(path.stem)
    assert users == {"engine", "restore"}
