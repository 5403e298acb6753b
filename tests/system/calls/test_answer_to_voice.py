"""How long an agent who has answered waits for the caller, in 200 calls that hear confirmation and recording notice."""

from __future__ import annotations

import asyncio
import random

import pytest

from lab.phones.network import PhoneBehaviour
from tests.system.stage import Stage, plain

pytestmark = [pytest.mark.system, pytest.mark.long]

AGENTS, ROUNDS = 20, 10
WITHIN_S, MOST_S = 1.0, 3.0
SERVICE, KEY = "uzaktan_egitim", "2"
ANSWERS_S = 1.0, 6.0
"""Each agent has a usual time to answer, half a second more or less."""
TALK_S = 18.0
"""A phone hangs up so much later: after the words, if it answers at once."""
ROUND_S = 120.0
OFFERS = "select agent, connected_at, offered_at from offers where connected_at is not null order by offer desc limit ?"


async def test_two_hundred_agents_who_answered_hear_the_caller(stage: Stage) -> None:
    rng, waits, calls = random.Random(25), list[float](), list[float]()
    people = await stage.agents(plain(SERVICE, AGENTS, alone=False), PhoneBehaviour("1"))
    usual = {person.seat: rng.uniform(*ANSWERS_S) for person in people}

    async def call() -> None:
        caller = await stage.network.place_call(stage.info.numbers[0], press=f"{KEY}@3s")
        await caller.wait_ended(ROUND_S)

    for _ in range(ROUNDS):
        before = len(stage.network.rung)
        for person in people:
            await stage.reaches(person, "ready")
            delay = usual[person.seat] + rng.uniform(-0.5, 0.5)
            await stage.network.set_behaviour(person.seat, PhoneBehaviour(f"{delay:.2f}", talk=TALK_S))
        await asyncio.gather(*(call() for _ in people))
        talks = {row["agent"]: row for row in stage.lab.query_store(OFFERS, AGENTS)}
        answered = {leg.seat: leg.answered_at for leg in stage.network.rung[before:] if leg.answered_at is not None}
        for person in people:
            row, at = talks[person.id], answered[person.seat]
            assert at is not None
            waits.append(max(0.0, row["connected_at"] - at))
            calls.append(row["connected_at"] - row["offered_at"])
    within = sum(wait <= WITHIN_S for wait in waits) / len(waits)
    print(f"\n{len(waits)} calls: {within:.1%} of the agents heard the caller within {WITHIN_S:.0f} s, the longest "
          f"after {max(waits):.2f} s, the mean after {sum(waits) / len(waits):.2f} s; from the key to the talk "
          f"{sum(calls) / len(calls):.1f} s")
    assert within >= 0.95 and max(waits) < MOST_S
