"""Define a row of the table of routes, and the request that its handler gets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import NamedTuple

from desk.api.node_operations import NodeOperations
from desk.api.queue_snapshot import QueueSnapshot
from desk.api.tokens import Role, TokenHolder
from desk.live.call_streams import CallStreams
from desk.live.event_stream import EventStream
from desk.live.live_desks import LiveDesks
from desk.live.notices import Notice
from desk.phone.web_seats import WebSeats
from desk.shape import Shape
from routing.core.inbox import Inbox
from routing.core.memory.transfer_warnings import TransferWarnings
from routing.core.model.ids import AgentId, ContactId

BODY_MAX = 4096
"""Limit of a request's body in bytes. The largest valid body is below 200, but for a note."""
NOTE_BODY_MAX = 8192
"""Limit of a request with a note in bytes. 2,000 Turkish letters take 4,000 bytes."""


class ApiCall(NamedTuple):
    """A request that has passed every check."""

    inbox: Inbox
    operations: NodeOperations
    who: TokenHolder
    agent: AgentId
    """The id in the path: of an agent, a contact or a recording. Empty if the path has none."""
    body: Shape | None
    warnings: TransferWarnings
    live: LiveDesks
    queues: QueueSnapshot
    last_event: int | None = None
    """Id of the last event that a client of a stream has seen."""
    contact: ContactId | None = None
    """The contact that the request names. None for the most engaging one."""
    phones: WebSeats | None = None
    """Seats of pages. None if there are no people."""
    calls: CallStreams | None = None
    """The calls that pages watch."""
    language: str = ""
    """Language of texts, as pages choose theirs."""


Answer = Shape | AsyncGenerator[bytes, None] | EventStream
"""JSON, a sound in pieces, or server-sent events."""
Handler = Callable[[ApiCall], Awaitable[Answer]]


class Route(NamedTuple):
    """One row of the table. `own`: the token of an agent is valid only if the path names that agent."""

    method: str
    path: str
    roles: frozenset[Role]
    request: type[Shape] | None
    response: type[Shape] | None
    """None: the answer is a sound (`audio/wav`)."""
    handler: Handler
    summary: str
    own: bool = False
    detail: str = ""
    """Rules that names and models do not show."""
    command: bool = False
    """Whether `santral agent` has a command of this path, without a body or with one yes/no (`--undo` sends no)."""
    until_talk_ends: bool = False
    """Whether a session that was ended in a talk is valid until talk and wrap-up are over."""
    events: bool = False
    """Whether the answer is a stream of events, and `response` is what the event `state` carries."""
    change: tuple[str, type[Shape]] = ("notice", Notice)
    """The other event of a stream, with what it carries."""
    body_max: int = BODY_MAX
    """Limit of the body in bytes."""
    of_contact: bool = False
    """Whether the route acts on a contact at hand, which the query may name."""
    session_only: bool = False
    """Whether only a person with a session may ask, and no token."""
    audited: bool = False
    """Whether the handler writes a line of the audit itself, with more in it than the route."""

    def is_act_of(self, who: TokenHolder) -> bool:
        """Return whether the route is an act of a supervisor or admin that still needs a line of the audit."""
        return self.method != "GET" and not self.audited and who.role in STAFF


ALL = frozenset({Role.ADMIN, Role.SUPERVISOR, Role.AGENT})
STAFF = frozenset({Role.ADMIN, Role.SUPERVISOR})
ADMIN = frozenset({Role.ADMIN})
SELF = frozenset({Role.AGENT})
"""Only the agent says what is too much, and only the agent transfers the caller."""
AGENT = "/api/v1/agents/{id}"
