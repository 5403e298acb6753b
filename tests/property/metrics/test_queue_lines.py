"""For any events of a house, each call's lines form a word of docs/integrate/queue-log.md, and readers' rules hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from metrics.queue_log.lines import LineState, lines_of
from routing.core import events as e
from routing.core.model.facts import Fact
from routing.core.model.ids import ContactId, ServiceId
from tests.core.driver import Driver
from tests.core.house import House
from tests.examples import examples
from tests.oracle.crowd import Crowd
from tests.oracle.side_by_side import SideBySide
from tests.readers import words
from tests.unit.routing.core.test_callback import TWICE, asked
from tests.unit.routing.core.test_consult import TIP, Asking

pytestmark = pytest.mark.property

EVENTS = 400
"""In one house."""


def checked(facts: list[Fact], *, asternic: bool, finished: bool) -> words.Words:
    """All lines of these facts, read; and the same facts make the same lines."""
    state, again = LineState(asternic=asternic), LineState(asternic=asternic)
    said = [line for fact in facts for line in lines_of(fact, state, lambda box: "05321234567|'x")]
    assert said == [line for fact in facts for line in lines_of(fact, again, lambda box: "05321234567|'x")]
    found = words.check("".join(f"{line}\n" for line in said), finished=finished)
    assert not finished or (state.talking == {} and state.held == set()), "what is over is forgotten"
    return found


class Heard(SideBySide):
    """Keeps what the engine says."""

    facts: list[Fact]

    def restart(self, drop: Any = None) -> None:
        """No row is lost: of a call that the store has forgotten no line can tell the end."""
        super().restart()

    def _count(self, event: e.Event | None, fact: Fact) -> None:
        super()._count(event, fact)
        self.__dict__.setdefault("facts", []).append(fact)


def today(facts: list[Fact]) -> list[Fact]:
    """The clocks of these houses begin near nought: readers want ten digits."""
    return [fact._replace(at=fact.at + 1_700_000_000.0) for fact in facts]


def crowd(seed: int, count: int) -> list[Fact]:
    """Return the facts of a random house, with restarts."""
    with patch("tests.oracle.crowd.SideBySide", Heard):
        found = Crowd(seed)
    while found.side_by_side.events < count:
        found.step()
    assert isinstance(found.side_by_side, Heard)
    return today(found.side_by_side.facts)


def disorder(seed: int, count: int) -> tuple[list[Fact], bool]:
    """Anything told of anything that was ever there, late and twice; then everybody leaves. False: the driver's own
    checks have ended it before. Whether what happens is right is asked elsewhere: here, whether it is told."""
    rng, driver = random.Random(seed), Driver()
    driver.open_house()
    try:
        for _ in range(count):
            driver.some_step(rng)
        for contact in list(driver.checker.contact):
            driver.tell(e.CallerHungUp(contact))
            driver.tell(e.ContactExited(contact, "key"))  # a callback outlives its call
    except AssertionError:
        return today(driver.facts), False
    return today(driver.facts), True


SEEDS = (Phase.explicit, Phase.reuse, Phase.generate)
"""A seed does not shrink."""


@settings(max_examples=examples(5), phases=SEEDS)
@given(st.integers(0, 2**32), st.booleans())
def test_a_house_as_it_should_be(seed: int, asternic: bool) -> None:
    checked(crowd(seed, EVENTS), asternic=asternic, finished=False)


@settings(max_examples=examples(15), phases=SEEDS)
@given(st.integers(0, 2**32), st.booleans())
def test_a_house_in_disorder(seed: int, asternic: bool) -> None:
    facts, finished = disorder(seed, EVENTS)
    checked(facts, asternic=asternic, finished=finished)


RARE = {("on hold", "RINGNOANSWER"), ("on hold", "RINGCANCELED"), ("to be called", "RINGNOANSWER"),
        ("to be called", "EXITWITHTIMEOUT"), ("to be called", "WITHDRAW"), ("to be called", "ABANDON"),
        ("talking", "ATTENDEDTRANSFER")}
"""Ways that occur once in thirty thousand events or so: they are asked for under `long`."""


def ways(some: Iterable[list[Fact]], wanted: set[tuple[str, str]]) -> Counter[str]:
    """Go through these houses until each of these ways of the table was gone: how often each verb occurred."""
    gone: set[tuple[str, str]] = set()
    seen: Counter[str] = Counter()

    class Watched(words.Words):
        def _step(self, line: words.Line) -> None:
            gone.add((self.state.get(line.call, "new"), line.event))
            super()._step(line)

    for facts in some:
        state, read = LineState(asternic=True), Watched()
        read.read(words.parse("".join(f"{line}\n" for fact in facts for line in lines_of(fact, state))))
        seen.update(read.events)
        if wanted <= gone:
            return seen
    raise AssertionError(f"never seen: {wanted - gone}")


def by_hand() -> Iterator[list[Fact]]:
    """Houses of ways that random ones hardly ever go.

    The phones that ring for a callback and for a consult answer and hang up. A supervisor moves a callback, and its
    caller refuses.
    """
    recalled = asked()
    recalled.sits("a", at=10.0)
    consulted = Asking(meets=False).house
    for told in (recalled, consulted):
        offer = told.offers[-1].offer
        told.tell(e.OfferAnswered(offer), told.now + 1.0)
        told.tell(e.OfferEnded(offer, "hangup"), told.now + 1.0)
        yield today(told.facts)
    moved = House({"a": 80}, services=(TWICE, TIP))
    moved.waits("edu", at=1.0)
    moved.tell(e.CallbackRequested(ContactId("c1")), 5.0)
    moved.tell(e.CallerHungUp(ContactId("c1")), 8.0)
    moved.tell(e.MoveRequested(ContactId("c1"), ServiceId("tip")), 9.0)
    moved.sits("a", at=10.0)
    moved.tell(e.CallbackAccepted(moved.offers[-1].offer), 11.0)
    moved.tell(e.CallbackFailed(moved.offers[-1].offer, "refused"), 20.0)
    yield today(moved.facts)


def houses(most: int) -> Iterator[list[Fact]]:
    """Those by hand, then both random kinds in turn; made as they are asked for."""
    yield from by_hand()
    for seed in range(most):
        yield crowd(seed, 1_500)
        yield disorder(seed, 1_500)[0]


def test_the_ways_of_the_table_are_gone() -> None:
    """Or the two above said nothing of them."""
    seen = ways(houses(15), set(words.table()) - RARE)
    assert {"CALLERONHOLD", "SURVEY", "CALLBACKASKED", "TRANSFER", "ADDMEMBER", "UNPAUSE"} <= set(seen)


@pytest.mark.long
def test_every_way_of_the_table_is_gone_and_every_verb_occurs() -> None:
    assert set(words.FIELDS) - set(ways(houses(1_000), set(words.table()))) == {"QUEUESTART"}
