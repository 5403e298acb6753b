"""The survey after real talks: who is asked, what is heard, what is counted."""

from __future__ import annotations

import json

import pytest

from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from routing.store.kinds import NUMBERS
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

AGENT = 700
SURVEY_S = 60.0
"""From the call to a question, on a loaded machine."""
ASKED = ("anket-giris", "anket-ilgi")


def answers(stage: Stage, contact: str) -> list[tuple[str, int]]:
    """Return the answers of a caller's survey in the journal."""
    number = NUMBERS["SurveyAnsweredRecorded"]
    rows = stage.lab.query_store(f"select body from facts where kind = {number} order by seq")
    found = [json.loads(row["body"]) for row in rows]
    return [(question, answer) for one, _, question, answer in found if one == contact]


async def talked(stage: Stage, key: str, service: str) -> tuple[Leg, str]:
    """A caller who stays after an agent of the service has hung up, and their contact."""
    agent = await stage.agent(plain(service, 1)[0], PhoneBehaviour(tone=AGENT))
    caller = await stage.hurried(key)
    phone = await stage.network.wait_ring(agent.seat)
    contact = str((await stage.reaches(agent, "talking"))["contact"])
    await stage.hears_tone(caller, AGENT)
    await phone.hang_up()
    return caller, contact


async def test_who_stays_is_asked_and_every_answer_counts(stage: Stage) -> None:
    caller, contact = await talked(stage, "2", "uzaktan_egitim")
    await stage.hears(caller, "anket-giris", SURVEY_S)
    await caller.press_keys("5")
    await until_async(lambda: len(answers(stage, contact)) == 2, what="the first answer")
    await caller.press_keys("1")
    await stage.hears(caller, "anket-mesaj", SURVEY_S)
    await caller.press_keys("0")
    await caller.wait_ended()
    stage.in_order(caller, "anket-giris", "anket-mesaj", "anket-tesekkur", "system/goodbye")
    assert answers(stage, contact) == [("asked", 0), ("cared", 5), ("solved", 1)]

    async def counted() -> bool:
        found = {(one.labels["question"], one.labels["answer"]): one.value for one in await stage.lab.fetch_metrics()
                 if one.name == "acd_survey_answers_total" and one.labels["queue"] == "uzaktan_egitim"}
        return found.get(("cared", "5"), 0) >= 1 and found.get(("solved", "1"), 0) >= 1

    await until_async(counted, what="the metrics have both answers")


async def test_who_hangs_up_is_kept_by_nobody(stage: Stage) -> None:
    caller, contact = await talked(stage, "0", "temsilci")
    await until_async(lambda: answers(stage, contact) == [("asked", 0)], SURVEY_S, "the survey has begun")
    await caller.hang_up()
    await caller.wait_ended()
    assert await stage.ended(contact) == "answered" and answers(stage, contact) == [("asked", 0)]


@pytest.mark.long
async def test_who_says_nothing_is_let_go(stage: Stage) -> None:
    caller, contact = await talked(stage, "4", "gorus_oneri")
    await caller.wait_ended(SURVEY_S)
    stage.twice(caller, "anket-ilgi")
    stage.heard(caller, "system/goodbye")
    stage.not_heard(caller, "anket-cozum")
    assert answers(stage, contact) == [("asked", 0)]


async def test_distress_is_not_asked(stage: Stage) -> None:
    caller, contact = await talked(stage, "1", "psikososyal")
    await caller.wait_ended()
    stage.heard(caller, "system/goodbye")
    stage.not_heard(caller, *ASKED)
    assert answers(stage, contact) == []


async def test_who_talked_in_distress_is_not_asked_although_their_agent_asked_another_service(stage: Stage) -> None:
    """The channel of a caller about whom somebody is asked has the service of who was asked, and kept it."""
    first = await stage.agent(plain("psikososyal", 1)[0], PhoneBehaviour(tone=AGENT))
    second = await stage.agent(plain("temsilci", 1)[0], PhoneBehaviour("0.2"))
    caller = await stage.hurried("1")
    phone = await stage.network.wait_ring(first.seat)
    contact = str((await stage.reaches(first, "talking"))["contact"])
    await first.ask_as_agent("consult", {"service": "temsilci"})
    await stage.reaches(second, "talking")
    other = await stage.network.wait_ring(second.seat)
    await other.hang_up()
    before = stage.tone_s(caller, AGENT)
    await until_async(lambda: stage.tone_s(caller, AGENT) > before + 1.0, SURVEY_S, "the first agent is heard again")
    await phone.hang_up()
    await caller.wait_ended(SURVEY_S)
    stage.heard(caller, "system/goodbye")
    stage.not_heard(caller, *ASKED)
    assert answers(stage, contact) == []
