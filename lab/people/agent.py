"""A simulated agent: a phone at a seat, and a person who signs in over HTTP and answers calls as a test says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from desk import client
from lab.errors import LabError
from lab.lab_nodes import find_leader
from lab.lifecycle import AgentSeat, LabInfo
from lab.phones.network import PhoneBehaviour, PhoneNetwork


class RequestRefused(LabError):
    """Raised when the node refused a request over HTTP."""


async def ask_node(info: LabInfo, method: str, path: str, body: dict[str, Any] | None = None,
                   agent: str | None = None) -> dict[str, Any]:
    """Send one request to the node and return its answer. Raise RequestRefused.

    The request carries the token of `agent`, or the administrator's token if `agent` is None. Of several nodes the
    leader is asked, and waited for.
    """
    try:
        token = _read_token(Path(info.tokens), agent)
    except (OSError, ValueError, KeyError) as error:
        raise RequestRefused(
            f"no token {'of ' + agent if agent else 'of the administrator'} in {info.tokens}") from error
    # The client of the product blocks, so a thread keeps the other people of the lab going.
    place = info.http if len(info.nodes) == 1 else (await find_leader(info.nodes)).http
    node = client.Node(f"http://{place}", token)
    try:
        return await asyncio.to_thread(client.call_api, node, method, path, body)
    except client.ClientError as error:
        raise RequestRefused(f"{method} {path}: {error}") from error


def _read_token(path: Path, agent: str | None) -> str:
    tokens = json.loads(path.read_text(encoding="utf-8"))
    return str(tokens["agents"][agent] if agent else tokens["admin"])


class SimAgent:
    """An agent of the centre, at the agent's seat or at another one."""

    def __init__(self, info: LabInfo, network: PhoneNetwork, agent: str, seat: str | None = None) -> None:
        self.info = info
        self.network = network
        self.id = agent
        own = info.seat_of(agent)
        self.place: AgentSeat = own if seat is None else next(
            (one for one in info.agents if one.endpoint == seat), own)

    @property
    def seat(self) -> str:
        """Endpoint of the phone."""
        return self.place.endpoint

    async def sign_in(self, behaviour: PhoneBehaviour | None = None) -> dict[str, Any]:
        """Register the phone, sign the agent in and return the agent as the node sees it."""
        # The behaviour comes first: a contact may ring as soon as the agent is signed in.
        if behaviour is not None:
            await self.set_behaviour(behaviour)
        await self.network.register_phones({self.seat: self.place.secret})
        return await self.ask_as_agent("login", {"seat": self.seat})

    async def set_behaviour(self, behaviour: PhoneBehaviour) -> None:
        """Set how the phone acts from its next ring on."""
        await self.network.set_behaviour(self.seat, behaviour)

    async def sign_out(self) -> dict[str, Any]:
        """Sign the agent out."""
        return await self.ask_as_agent("logout")

    async def ask_as_agent(self, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request of the agent: `pause`, `resume`, `wrapup/end`, `wrapup/extend`, `login` or `logout`."""
        return await ask_node(self.info, "POST", f"/api/v1/agents/{self.id}/{what}", body, self.id)

    async def fetch_view(self) -> dict[str, Any]:
        """Return the agent as the node sees it."""
        return await ask_node(self.info, "GET", f"/api/v1/agents/{self.id}", agent=self.id)
