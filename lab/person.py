"""A simulated agent: a phone at a seat, and a person who signs in over HTTP and answers as told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from desk import client
from lab.errors import LabError
from lab.network import Behaviour, Network
from lab.up import Info, Seat


class Refused(LabError):
    """The node did not do what was asked over HTTP."""


async def ask(info: Info, method: str, path: str, body: dict[str, Any] | None = None, agent: str | None = None
              ) -> dict[str, Any]:
    """One question to the node; with `agent` by the agent's own token, else by the administrator's. Raises Refused."""
    try:
        token = _token(Path(info.tokens), agent)
    except (OSError, ValueError, KeyError) as error:
        raise Refused(f"no token {'of ' + agent if agent else 'of the administrator'} in {info.tokens}") from error
    node = client.Node(f"http://{info.http}", token)
    try:
        return await asyncio.to_thread(client.call, node, method, path, body)
    except client.Trouble as error:
        raise Refused(f"{method} {path}: {error}") from error


def _token(path: Path, agent: str | None) -> str:
    tokens = json.loads(path.read_text(encoding="utf-8"))
    return str(tokens["agents"][agent] if agent else tokens["admin"])


class Person:
    """An agent of the centre, at their seat or at another."""

    def __init__(self, info: Info, network: Network, agent: str, seat: str | None = None) -> None:
        self.info = info
        self.network = network
        self.id = agent
        own = info.seat(agent)
        self.place: Seat = own if seat is None else next(
            (one for one in info.agents if one.endpoint == seat), own)

    @property
    def seat(self) -> str:
        """The phone's endpoint."""
        return self.place.endpoint

    async def sign_in(self, behaviour: Behaviour | None = None) -> dict[str, Any]:
        """The phone registers, the agent logs in; the agent as the node sees them."""
        if behaviour is not None:
            await self.behave(behaviour)
        await self.network.register({self.seat: self.place.secret})
        return await self.ask("login", {"seat": self.seat})

    async def behave(self, behaviour: Behaviour) -> None:
        """How the phone acts from its next ring on."""
        await self.network.behave(self.seat, behaviour)

    async def sign_out(self) -> dict[str, Any]:
        """Log out."""
        return await self.ask("logout")

    async def ask(self, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """`pause`, `resume`, `wrapup/end`, `wrapup/extend`, `login`, `logout`."""
        return await ask(self.info, "POST", f"/api/v1/agents/{self.id}/{what}", body, self.id)

    async def view(self) -> dict[str, Any]:
        """The agent as the node sees them."""
        return await ask(self.info, "GET", f"/api/v1/agents/{self.id}", agent=self.id)
