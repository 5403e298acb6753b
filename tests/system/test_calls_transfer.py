"""Callers who are sent on, on a real Asterisk with real telephones: what everybody hears, whose the caller is, what the
records say, and that nobody is left in silence, whoever hangs up when."""

from __future__ import annotations

import pytest

from lab.leg import Leg
from lab.network import Behaviour
from lab.person import Person
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

EDU, EDU_KEY, TIP = "uzaktan_egitim", "2", "ihbar_sikayet"
CALLER, FIRST, SECOND = 440, 700, 1000
"""Tones of the three."""
TALK_S = 1.0


async def talking(stage: Stage, key: str, first: Person) -> tuple[Leg, str]:
    """A caller who talks with this agent, and the contact."""
    caller = await stage.hurried(key, tone=CALLER)
    contact = await stage.newest()
    await stage.reaches(first, "talking")
    return caller, contact


def chain(stage: Stage, contact: str) -> list[tuple[str, str, str, str]]:
    """Service, agent, state and reason of each offer of a contact, in order."""
    return [(row["service"], row["agent"], row["state"], row["reason"]) for row in stage.lab.rows(
        "select service, agent, state, reason from offers where contact = ? order by offer", contact)]


async def test_a_caller_is_sent_on_to_a_service_over_http(stage: Stage) -> None:
    first = await stage.agent(plain(EDU, 1)[0], Behaviour(tone=FIRST, record=stage.folder))
    caller, contact = await talking(stage, EDU_KEY, first)
    second = await stage.agent(plain(TIP, 1)[0], Behaviour("7", tone=SECOND, record=stage.folder))
    await first.ask("transfer", {"service": TIP})
    await stage.reaches(second, "talking")
    assert (await first.view())["state"] == "wrapup"
    await until_async(lambda: stage.tone_s(caller, SECOND) > TALK_S, what="the second agent is heard")
    stage.heard(caller, "system/sent-on")
    await caller.hangup()
    assert await stage.ended(contact) == "answered"
    await stage.reaches(second, "wrapup")
    assert chain(stage, contact) == [(EDU, first.id, "completed", "transfer"), (TIP, second.id, "wrapping", "caller")]
