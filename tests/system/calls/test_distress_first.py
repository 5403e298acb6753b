"""Counsellors who take other calls too, on a real Asterisk: none of these comes to them while distress waits.

The facts of the store are read as a list, and each offer is compared with the callers who waited at that moment. The
engine's own counters take no part.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from tests.agreement.stored_facts import stored_facts
from tests.ministry import copied
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain

pytestmark = pytest.mark.system

CALLS = 40
DISTRESS, OTHER = "psikososyal", "temsilci"
KEYS = {DISTRESS: "1", OTHER: "0"}
COUNSELLORS = 5
TALK_S = 20.0
"""Of each talk, with the words that come before it where talks are recorded: 13 s, and a busy machine."""
EVERY_S = (0.2, 1.5)
"""Times between two calls. The counsellors cannot carry them, so both kinds wait."""
LEAVES, STAYS_S = 0.2, (4.0, 25.0)
"""Share of callers who hang up after this time, wherever they are."""
SERVED_S = 600.0
NO_WRAPUP = "\n[profile]\nwrapup_s = 0\n"

Facts = Iterable[tuple[str, dict[str, Any]]]


@dataclass
class OfferWatch:
    """Offers of other contacts to counsellors, compared with those in distress who waited then."""

    counsellors: frozenset[str]
    waiting: set[str] = field(default_factory=set)
    """Contacts in distress without an offer."""
    refused: set[tuple[str, str]] = field(default_factory=set)
    """Agents whose phone rang for a contact without an answer. The engine rings others first."""
    most_waiting: int = 0
    to_distress: int = 0
    to_others: int = 0
    past_distress: list[str] = field(default_factory=list)
    """Offers of others that passed somebody in distress whom the agent could have taken."""

    def read_facts(self, facts: Facts) -> None:
        """Follow the facts in their order."""
        for kind, fact in facts:
            contact = fact.get("contact")
            if kind == "Queued" and fact["service"] == DISTRESS:
                self.waiting.add(contact)
            elif kind == "Moved":
                (self.waiting.add if fact["service"] == DISTRESS else self.waiting.discard)(contact)
            elif kind == "Offered":
                self._note_offer(fact)
            elif kind == "OfferClosed":
                self.refused.add((fact["agent"], contact))
                if fact["service"] == DISTRESS and fact["contact_version"] is not None:
                    self.waiting.add(contact)
            elif kind == "Ended":
                self.waiting.discard(contact)
            self.most_waiting = max(self.most_waiting, len(self.waiting))

    def _note_offer(self, fact: dict[str, Any]) -> None:
        if fact["service"] == DISTRESS:
            self.to_distress += 1
            self.waiting.discard(fact["contact"])
        elif fact["agent"] in self.counsellors:
            self.to_others += 1
            passed = [one for one in sorted(self.waiting) if (fact["agent"], one) not in self.refused]
            self.past_distress += [f"offer {fact['offer']} to {fact['agent']} passed {one}" for one in passed]


def centre(folder: Path, *, kept: bool) -> Path:
    """Write the ministry's centre without a way out of the queue, and maybe without agents who are kept free."""
    made, out = copied(folder), ("when_",) if kept else ("when_", "keep_free:")
    path = made / "services.yaml"
    path.write_text("".join(line for line in path.read_text(encoding="utf-8").splitlines(keepends=True)
                            if not line.strip().startswith(out)), encoding="utf-8")
    return made


def test_the_watch_sees_an_offer_past_distress() -> None:
    """The same facts, in the wrong and in the right order."""
    came = ("Queued", {"contact": "1", "service": DISTRESS})
    other = ("Offered", {"contact": "2", "service": OTHER, "agent": "ece", "offer": 7})
    taken = ("Offered", {"contact": "1", "service": DISTRESS, "agent": "ali", "offer": 8})
    wrong, right = OfferWatch(frozenset({"ece"})), OfferWatch(frozenset({"ece"}))
    wrong.read_facts([came, other, taken])
    right.read_facts([came, taken, other])
    assert wrong.past_distress == ["offer 7 to ece passed 1"] and right.past_distress == []


@pytest.mark.parametrize("kept", [False, pytest.param(True, marks=pytest.mark.long)], ids=["nobody", "as shipped"])
async def test_no_other_call_comes_to_a_counsellor_while_distress_waits(new_lab: NewLab, tmp_path: Path,
                                                                        kept: bool) -> None:
    rng = random.Random(183)
    stage = Stage(await new_lab(centre=centre(tmp_path, kept=kept), extra=NO_WRAPUP), tmp_path)
    # 1. Counsellors of both levels who serve the other service too, one of whom declines each call.
    able = [name for name in plain(DISTRESS, 15, 50, alone=False)
            if stage.info.seat_of(name).skills.get(OTHER, 0) >= 30]
    people = await stage.agents(able[:COUNSELLORS], PhoneBehaviour(talk=TALK_S))
    await stage.agents(able[COUNSELLORS:COUNSELLORS + 1], PhoneBehaviour("decline"))
    # 2. Forty calls of both kinds. Some callers hang up in the menu, in the queue or in the talk.
    legs: list[Leg] = []
    for _ in range(CALLS):
        service = rng.choice((DISTRESS, OTHER))
        stay = rng.uniform(*STAYS_S) if rng.random() < LEAVES else None
        legs.append(await stage.network.place_call(
            stage.info.numbers[0], press=f"{KEYS[service]}@600ms,{KEYS[service]}@1900ms", stay=stay))
        await asyncio.sleep(rng.uniform(*EVERY_S))
    for leg in legs:
        await leg.wait_ended(SERVED_S)
    await stage.lab.wait_until_quiet()
    # 3. The store tells who was offered what.
    watch = OfferWatch(frozenset(able[:COUNSELLORS + 1]))
    watch.read_facts(stored_facts(stage.lab.folder / "santral.db"))
    print(f"\n{len(legs)} calls, {len(people)} counsellors: {watch.to_distress} offers of distress, at most "
          f"{watch.most_waiting} waited; {watch.to_others} offers of other calls, {len(watch.past_distress)} of them "
          "past distress")
    assert watch.past_distress == []
    assert watch.to_distress > 5 and watch.to_others > 5 and watch.most_waiting > 2, "both kinds came, and waited"
