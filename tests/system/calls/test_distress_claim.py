"""A person in distress takes the phone that rings for somebody else, on a real Asterisk."""

from __future__ import annotations

import pytest

from lab.phones.network import PhoneBehaviour
from tests.system.stage import Stage
from tests.until import until_async

pytestmark = pytest.mark.system

BOTH = ("a1002", "a1003")
"""Counsellors who take calls for a representative too. One of them is kept free for distress."""
ABSENT = PhoneBehaviour("60")
"""Nobody picks this phone up while the test looks."""


async def test_a_phone_that_rings_for_another_caller_rings_for_distress(stage: Stage) -> None:
    def offers() -> list[tuple[str, str, str, str]]:
        rows = stage.lab.query_store("select agent, service, state, reason from offers order by offer")
        return [(row["agent"], row["service"], row["state"], row["reason"]) for row in rows]

    await stage.agents(BOTH, ABSENT)
    other = await stage.hurried("0")
    await stage.network.wait_ring()
    # 1. The counsellor who is kept free takes the first person in distress, and nobody is free for the second one.
    one = await stage.hurried("1")
    await stage.network.wait_ring(since=1)
    two = await stage.hurried("1")
    # 2. The phone of the other caller stops, and rings for the second person. Nobody counts as absent.
    await until_async(lambda: [row[1:] for row in offers()] == [
        ("temsilci", "rescinded", "distress"), ("psikososyal", "pending", ""), ("psikososyal", "pending", "")],
        what="the second person in distress has a phone")
    took = {row[0] for row in offers() if row[2] == "pending"}
    assert took == set(BOTH)
    # 3. The other caller waits on.
    [row] = stage.lab.query_store("select state, outcome from contacts where service = ?", "temsilci")
    assert (row["state"], row["outcome"]) == ("pending", None)
    for leg in (other, one, two):
        await leg.hang_up()
        await leg.wait_ended()
