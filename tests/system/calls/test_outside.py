"""Remote counsellors on a real Asterisk: a leg to an outside number, taken by key 1, and the number kept to oneself."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest

from lab.people import node_records
from lab.people.agent import SimAgent
from lab.phones.ami_client import AmiClient
from lab.phones.network import PhoneBehaviour
from routing.ami.wire import Message
from tests.system.needs import NUMBERS, REMOTE, REMOTE_KEY, REMOTE_SKILL, UNKNOWN, WRONG
from tests.system.stage import Stage, length, written
from tests.until import until_async

pytestmark = pytest.mark.system

CALLER, AGENT = 440, 700
TELEPHONE, NOBODYS = (NUMBERS[agent].removeprefix("+") for agent in (REMOTE, WRONG))
"""As the lab's network calls them."""
SUBSCRIBERS = [number[-10:].encode() for number in NUMBERS.values()]
BRIEF = f"bilgi-{REMOTE_SKILL}"
LATE_S = 5.0
"""A busy machine is late by less."""
RING_TIMEOUT_S = 15.0
"""By default."""


def asked_s() -> float:
    """Until the counsellor has heard what it is about and which key to press."""
    return length(BRIEF) + length("agent/press-one")


async def counsellor(stage: Stage, behaviour: PhoneBehaviour) -> SimAgent:
    """On call since the node runs, and free; the outside telephone acts as told."""
    person = SimAgent(stage.info, stage.network, REMOTE)
    await stage.network.set_behaviour(TELEPHONE, behaviour)
    await stage.network.set_behaviour(NOBODYS, PhoneBehaviour("unknown"))
    if (await person.fetch_view())["state"] in ("wrapup", "not_responding"):
        await person.ask_as_agent("resume")
    await stage.reaches(person, "ready")
    return person


@pytest.fixture
async def events(needs: Stage) -> AsyncIterator[list[Message]]:
    """Yield the events of another program on Asterisk's AMI that has the rights of the node."""
    heard: list[Message] = []
    secrets = json.loads((needs.lab.folder / "secrets" / "ami.json").read_text(encoding="utf-8"))
    client = AmiClient(heard.append)
    await client.connect_to(int(needs.info.ami.rpartition(":")[2]), "santral-events", secrets["events"])
    yield heard
    await client.close()


async def test_a_counsellor_outside_takes_the_call_by_key_and_the_number_is_seen_nowhere(
        needs: Stage, events: list[Message]) -> None:
    person = await counsellor(needs, PhoneBehaviour(record=needs.folder, tone=AGENT, press=f"1@{asked_s() + 2.5:.2f}s"))
    caller = await needs.hurried(REMOTE_KEY, tone=CALLER)
    phone = await needs.network.wait_ring(TELEPHONE)
    await needs.hears_tone(phone, CALLER)
    await needs.hears_tone(caller, AGENT)
    assert (await needs.reaches(person, "talking"))["seat"] == f"uzak-{REMOTE}"
    assert (phone.shown_name, phone.shown_number) == ("<unknown>", needs.info.numbers[0]), "not what it is about"
    contact = await needs.newest()
    await caller.hang_up()
    await phone.wait_ended()
    assert await needs.ended(contact) == "answered"
    needs.in_order(phone, BRIEF, "agent/press-one")
    # The better agents could not be called, each for a different reason, and nobody waited for that. The agent without
    # a number was not even signed in.
    assert needs.closed(UNKNOWN) == ("", "") and needs.closed(WRONG) == ("rescinded", "unreachable")
    assert phone.began - caller.began < RING_TIMEOUT_S, "a phone that rings in vain takes that long"
    said = (needs.lab.folder / "node.log").read_text(encoding="utf-8")
    assert re.search(rf"\b{UNKNOWN}\b[a0-9, ]* are on call and have no number", said)
    await until_async(lambda: any(one.name == "Hangup" and f"uzak-{REMOTE}" in one.get("Channel") for one in events))
    # Every file of node and Asterisk but the secrets themselves.
    found = written(needs.lab.folder, {"network", "recordings", "secrets"})
    seen = {str(path): text for path, text in found.items()}
    seen |= {"AMI": "".join(one.text for one in events).encode()}
    seen |= {page: node_records.fetch_page(needs.info.http, page).encode() for page in ("/metrics", "/health/ready")}
    assert [place for place, text in seen.items() if any(number in text for number in SUBSCRIBERS)] == [
        str(needs.lab.folder / "asterisk" / "pjsip.conf")]
    assert (needs.lab.folder / "asterisk" / "pjsip.conf").stat().st_mode & 0o777 == 0o600


async def test_a_mailbox_presses_no_key_and_is_no_answer(needs: Stage) -> None:
    person = await counsellor(needs, PhoneBehaviour(tone=AGENT, record=needs.folder))
    caller = await needs.hurried(REMOTE_KEY, tone=CALLER)
    phone = await needs.network.wait_ring(TELEPHONE)
    await phone.wait_ended()
    needs.in_order(phone, BRIEF, "agent/press-one")
    assert asked_s() + 5.0 < phone.talked_s < asked_s() + 6.0 + LATE_S
    assert needs.tone_s(phone, CALLER) == 0
    await until_async(lambda: needs.closed(REMOTE) == ("timeout", "no_answer"), what=f"{needs.closed(REMOTE)}")
    assert (await person.fetch_view())["rna_count"] == 1
    assert (await needs.lab.fetch_queue(REMOTE_SKILL))["waiting"] == 1, "the caller keeps the place in line"
    await caller.hang_up()
