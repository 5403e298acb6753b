"""Check bearer tokens, and give the roles of the people and programs that ask."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

FAILURES_MAX = 10
"""Wrong tokens from one address within `WINDOW_S` before the address must wait.

Nobody can guess a token of 128 bits or more, so this protects the processor. A right token is never refused, because a
flood could lock people out.
"""
WINDOW_S = 60.0
PEERS_MAX = 1024
"""Addresses that are remembered. The oldest is forgotten first."""
SESSION_COOKIE = "__Host-santral"
"""Cookie of a person's session. The prefix makes browsers insist on Secure, on this host and on Path=/."""
TOKEN_MAX = 256
"""Characters of a token. A longer one is not even hashed."""


class Role(StrEnum):
    """The rights of a token or a person."""

    ADMIN = "admin"
    SUPERVISOR = "supervisor"
    AGENT = "agent"
    NEEDS = "needs"
    """Manager of accommodations. No route has this role yet."""
    UNIT = "unit"
    """Member of a unit that cases are referred to. No route has this role yet."""


class TokenHolder(NamedTuple):
    """The holder of a token, or the person of a session."""

    role: Role
    """The role in which a route is used."""
    agent: str = ""
    """Id of an agent, empty for other roles."""
    person: str = ""
    """Id of the person of a session, empty for a token."""
    roles: tuple[Role, ...] = ()
    """All roles of a person, in the order in which they are tried. Empty for a token, which has one role."""
    session: str = ""
    """Id of the session, empty for a token. It is no secret."""

    @property
    def audit_name(self) -> str:
        """Return the name for the audit and for `by`: the role, and the id of the person or agent."""
        return f"{self.role.value} {self.person or self.agent}".strip()

    def choose_role(self, allowed: frozenset[Role], agent: str, *, own: bool) -> TokenHolder | None:
        """Return the holder in the role that may use a route, or None. With `own`, an agent may name only itself."""
        for role in self.roles or (self.role,):
            if role in allowed and not (own and role is Role.AGENT and agent != self.agent):
                return self._replace(role=role)
        return None


class Tokens:
    """The tokens of a node, kept as hashes. An empty token belongs to nobody."""

    def __init__(self, admin: str, supervisor: str, agents: Mapping[str, str]) -> None:
        self.replace_tokens(admin, supervisor, agents)

    def replace_tokens(self, admin: str, supervisor: str, agents: Mapping[str, str]) -> None:
        """Replace all tokens. Raise ValueError if two are the same, and keep the old ones."""
        known = [(admin, TokenHolder(Role.ADMIN)), (supervisor, TokenHolder(Role.SUPERVISOR)),
                 *((token, TokenHolder(Role.AGENT, agent)) for agent, token in agents.items())]
        # Equal tokens fall together here, so the counts differ then.
        hashed = {_hash_token(token): who for token, who in known if token}
        if len(hashed) != sum(1 for token, _ in known if token):
            raise ValueError("two of the tokens are the same: delete tokens.json, the next start makes new ones")
        self._known = hashed

    def holder_of(self, header: str) -> TokenHolder | None:
        """Return the holder of the token in the `Authorization` header, or None if it is not valid.

        Only the hash is looked up, so the time does not tell how near a token is to a right one.
        """
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > TOKEN_MAX:
            return None
        return self._known.get(_hash_token(token))


def _hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


class Failures:
    """Counts wrong tokens by address."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._peers: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, peer: str) -> float:
        """Count one more failure. Return the seconds that the address must wait, or 0."""
        now = self._clock()
        # Taking the entry out and putting it back moves it to the end, so the oldest address is first.
        since, count = self._peers.pop(peer, (now, 0))
        if now - since >= WINDOW_S:
            since, count = now, 0
        self._peers[peer] = (since, count + 1)
        if len(self._peers) > PEERS_MAX:
            self._peers.popitem(last=False)
        return since + WINDOW_S - now if count + 1 > FAILURES_MAX else 0.0
