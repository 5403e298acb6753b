"""Live events of a talk on a real Asterisk: recorded or paused, over a restart of the node, and the hang-up by API."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import pytest

from lab.people.agent import SimAgent
from lab.phones.network import PhoneBehaviour
from tests.fakes.live_node import Client, Told
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain

pytestmark = pytest.mark.system

CALLER, AGENT = 440, 1000


def stream_of(stage: Stage, agent: SimAgent, http: aiohttp.ClientSession) -> aiohttp.client._RequestContextManager:
    token = json.loads(Path(stage.info.tokens).read_text(encoding="utf-8"))["agents"][agent.id]
    return http.get(f"http://{stage.info.http}/api/v1/agents/{agent.id}/events",
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=aiohttp.ClientTimeout(total=None, sock_read=60))


async def recording(client: Client, wanted: str) -> Told:
    """Return the first state in which the talk is recorded like this."""
    while True:
        state = await client.next("state")
        if state.data["talk"] is not None and state.data["talk"]["recording"] == wanted:
            return state


async def test_a_talk_on_the_desk_tells_its_recording_and_is_hung_up_there(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    agent = await stage.agent(plain("uzaktan_egitim", 1)[0], PhoneBehaviour(tone=AGENT, record=tmp_path))
    async with aiohttp.ClientSession() as http:
        async with stream_of(stage, agent, http) as response:
            client = Client(response)
            opened = await client.next("state")
            assert opened.data["phone"] == {"kind": "own", "registered": True}
            # The recording notice is heard to its end, so the talk is recorded.
            caller = await stage.caller("2@1.2s", tone=CALLER, number="05321112233")
            offer = (await client.next("notice")).data
            assert offer["kind"] == "offer" and offer["service"] == "uzaktan_egitim"
            await recording(client, "on")
            await agent.ask_as_agent("recording/pause")
            await recording(client, "paused")
        # A new node asks Asterisk about the talks that go on.
        lab.kill_node()
        await lab.start_node()
        async with stream_of(stage, agent, http) as response:
            client = Client(response)
            await recording(client, "paused")
            await agent.ask_as_agent("recording/resume")
            await recording(client, "on")
            await agent.ask_as_agent("hangup")
            ended = await client.next("notice")
            while ended.data["kind"] != "talk_ended":
                ended = await client.next("notice")
            assert (ended.data["offer"], ended.data["reason"]) == (offer["offer"], "agent")
    # The caller goes on as after any talk.
    await caller.wait_ended()
