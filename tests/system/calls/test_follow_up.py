"""A call that the network loses, with real telephones: the caller who has agreed is called back, nobody else is."""

from __future__ import annotations

import pytest

from lab.people.agent import SimAgent
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICE, KEY = "psikososyal", "1"
CALLER, AGENT = 440, 700
OWN, SUBSCRIBER = "05321239988", "905321239988"
"""As the caller's network says it, and as the carrier is asked for it."""
ABROAD = "004930123456"
NETWORK = 38
"""Q.850: network out of order."""
TALK_S = 1.0


async def talking(stage: Stage, agent: SimAgent, number: str = OWN) -> tuple[Leg, Leg, str]:
    """The caller, the agent's phone and the contact."""
    rung = len(stage.network.rung)
    caller = await stage.hurried(KEY, tone=CALLER, number=number)
    phone = await stage.network.wait_ring(agent.seat, rung)
    return caller, phone, str((await stage.reaches(agent, "talking", 60.0))["contact"])


def followed(stage: Stage, contact: str) -> bool:
    """Whether there is a contact that follows this one up."""
    return bool(stage.lab.query_store("select contact from contacts where contact = ?", f"f{contact}"))


def wished(stage: Stage, contact: str) -> int:
    """Whether this caller wants a person at once in later calls."""
    return len(stage.lab.query_store("select * from caller_preferences where human_first and caller_hash = "
                              "(select caller_hash from contacts where contact = ?)", contact))


async def agreed(stage: Stage, contact: str, is_so: bool) -> None:
    def there() -> bool:
        rows = stage.lab.query_store("select follow_up from contacts where contact = ?", contact)
        return bool(rows[0]["follow_up"]) is is_so

    await until_async(there, what=f"agreed: {is_so}")


async def test_who_has_agreed_is_called_back_when_the_line_is_lost_and_nobody_else(stage: Stage) -> None:
    agent = await stage.agent(plain(SERVICE, 1)[0], PhoneBehaviour(tone=AGENT, record=stage.folder))
    await stage.network.set_behaviour(SUBSCRIBER, PhoneBehaviour(tone=CALLER, record=stage.folder))

    caller, phone, contact = await talking(stage, agent)  # agreed, and not any more
    await phone.press_keys("*5")
    await agreed(stage, contact, True)
    await stage.hears(phone, "takip-tamam")
    await phone.press_keys("*6")
    await agreed(stage, contact, False)
    await stage.hears(phone, "takip-iptal")
    await phone.press_keys("*7")  # another wish of the same caller, for later calls
    await stage.hears(phone, "istek-tamam")
    await until_async(lambda: wished(stage, contact) == 1, what="the preference is stored")
    await agent.ask_as_agent("preferences", {"human_first": False})
    await until_async(lambda: wished(stage, contact) == 0, what="the preference is taken back")
    await caller.hang_up(NETWORK)
    assert await stage.ended(contact) == "answered" and not followed(stage, contact)
    await agent.ask_as_agent("resume")

    caller, phone, contact = await talking(stage, agent, ABROAD)  # nobody calls that number, so nobody promises it
    await phone.press_keys("*5")
    await stage.hears(phone, "takip-olmaz")
    await agreed(stage, contact, False)
    await caller.hang_up(NETWORK)
    assert await stage.ended(contact) == "answered" and not followed(stage, contact)
    await agent.ask_as_agent("resume")

    caller, _, contact = await talking(stage, agent)  # agreed, said by the desk
    await agent.ask_as_agent("follow-up", {"agreed": True})
    await agreed(stage, contact, True)
    await caller.hang_up(NETWORK)
    assert await stage.ended(contact) == "answered"
    await until_async(lambda: followed(stage, contact), what="a contact that follows this one up")
    await agent.ask_as_agent("resume")
    again = await stage.network.wait_ring(SUBSCRIBER)
    await until_async(lambda: again.answered.is_set() and stage.tone_s(again, AGENT) > TALK_S, 60.0, "both are there")
    assert (await stage.reaches(agent, "talking"))["contact"] == f"f{contact}"
    stage.heard(again, "geri-arama-merhaba")
    await again.hang_up()
    assert await stage.ended(f"f{contact}") == "answered" and not followed(stage, f"f{contact}")
