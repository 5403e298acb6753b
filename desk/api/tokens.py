"""Who is asking: bearer tokens and the role each one carries."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

FAILURES_MAX = 10
"""Wrong tokens from one address within `WINDOW_S` before it is told to wait. A token has 128 bits or more, so this
is not against guessing but for the processor; a right token is never refused, or a flood could lock people out."""
WINDOW_S = 60.0
PEERS_MAX = 1024
"""Addresses that are remembered; the oldest is forgotten first."""
TOKEN_MAX = 256
"""Characters of a token; longer ones are not even hashed."""


class Role(StrEnum):
    """What a token may do."""

    ADMIN = "admin"
    SUPERVISOR = "supervisor"
    AGENT = "agent"


class Who(NamedTuple):
    """The asker."""

    role: Role
    agent: str = ""
    """Own id of an agent, empty for the others."""


class Tokens:
    """The tokens of a node, kept as hashes. An empty token is nobody's."""

    def __init__(self, admin: str, supervisor: str, agents: Mapping[str, str]) -> None:
        self.change(admin, supervisor, agents)

    def change(self, admin: str, supervisor: str, agents: Mapping[str, str]) -> None:
        """These and no others from now on; ValueError when two are the same, and the old ones stay."""
        known = [(admin, Who(Role.ADMIN)), (supervisor, Who(Role.SUPERVISOR)),
                 *((token, Who(Role.AGENT, agent)) for agent, token in agents.items())]
        hashed = {_digest(token): who for token, who in known if token}
        if len(hashed) != sum(1 for token, _ in known if token):
            raise ValueError("two of the tokens are the same: delete tokens.json, the next start makes new ones")
        self._known = hashed

    def who(self, header: str) -> Who | None:
        """The asker by the `Authorization` header; None when it carries no token of ours. Takes the same time for a
        token that is nearly right as for any other: only its hash is looked up."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > TOKEN_MAX:
            return None
        return self._known.get(_digest(token))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


class Failures:
    """Counts wrong tokens by address."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._peers: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, peer: str) -> float:
        """Note one more failure; seconds the address should wait, 0 while it may go on."""
        now = self._clock()
        since, count = self._peers.pop(peer, (now, 0))
        if now - since >= WINDOW_S:
            since, count = now, 0
        self._peers[peer] = (since, count + 1)
        if len(self._peers) > PEERS_MAX:
            self._peers.popitem(last=False)
        return since + WINDOW_S - now if count + 1 > FAILURES_MAX else 0.0
