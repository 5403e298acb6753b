"""Choose the seat of a page. Nobody types its number.

An agent keeps a seat while signed in at it. Before the sign-in a claim holds it: the page registers and checks its
sound first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from desk.phone.turn import TurnCredentials, TurnRelay, make_credentials
from routing.core.inbox import Inbox
from routing.core.model.errors import Refused
from routing.core.model.ids import AgentId, SeatId

CLAIM_S = 60.0
"""Life of a claim without a connection. A page connects within a second; a reload and a restarted node need less."""
PHONE = "/phone"
"""Address of the relay."""
DOMAIN = "santral"
"""Host part of the address of record. Asterisk looks at the user part alone."""


class NoPageSeat(Refused):
    """All page seats are taken, or the centre has none."""

    code = "no_page_seat"
    turkish = "Şu anda boş web telefonu yok; yöneticinize haber verin."


class OwnPhone(Refused):
    """The agent is signed in at a telephone."""

    code = "own_phone"
    turkish = "Kendi telefonunuzla oturum açtınız; bu sayfanın telefonu gerekmiyor."


class SeatNeeded(Refused):
    """A sign-in without a seat needs the session of a page."""

    code = "seat_needed"
    turkish = "Hangi telefonda oturum açacağınızı belirtin."


class SeatOfPage(Refused):
    """The seat that was named is one of pages. The node chooses those, so nobody takes another agent's."""

    code = "seat_of_page"
    turkish = "Bu numara web sayfalarının telefonudur ve elle seçilmez; kendi telefonunuzun numarasını yazın."


class PagePhones(NamedTuple):
    """Settings of the phones of pages."""

    web: Mapping[str, str]
    """Secret of each seat in the house."""
    far: Mapping[str, str]
    """Secret of each seat of agents at home."""
    asterisk: str
    """`host:port` of Asterisk's web server."""
    sip: str = ""
    """WebSocket address if a proxy leads pages past the node. Empty: the relay."""
    turn: TurnRelay | None = None


class PhoneAccess(NamedTuple):
    """The phone of a page: seat, secret and addresses."""

    seat: str
    uri: str
    secret: str
    websocket: str
    turn: TurnCredentials | None


NoteHolder = Callable[[str, str], Awaitable[None]]


class _Claim(NamedTuple):
    seat: str
    at: float


class WebSeats:
    """The page seats of a node, and who has which."""

    def __init__(self, phones: PagePhones, inbox: Inbox, clock: Callable[[], float],
                 is_connected: Callable[[str], bool] = lambda agent: False,
                 note_holder: NoteHolder | None = None) -> None:
        """`is_connected` returns whether a page of an agent is connected to the relay. `note_holder` stores the seat
        and the agent who gets its secret."""
        self._phones, self._inbox, self._clock, self._is_connected = phones, inbox, clock, is_connected
        self._note_holder = note_holder
        self._noted: set[tuple[str, str]] = set()
        """Seats and agents that this node has stored: at most all seats for all agents."""
        self._secrets = {**phones.web, **phones.far}
        self._claims: dict[str, _Claim] = {}

    def claim_phone(self, agent: str, *, far: bool = False) -> PhoneAccess:
        """Return the phone of an agent's page. Raise NoPageSeat or OwnPhone.

        The seat stays the same while the agent is signed in, and while the page is connected. `far` prefers a seat for
        agents at home.
        """
        seat, now = self.claim_seat(agent, far=far), self._clock()
        turn = None if self._phones.turn is None else make_credentials(self._phones.turn, seat, now)
        return PhoneAccess(seat, f"sip:{seat}@{DOMAIN}", self._secrets[seat], self._phones.sip or PHONE, turn)

    async def hand_out_phone(self, agent: str, *, far: bool = False) -> PhoneAccess:
        """Return the phone of an agent's page like `claim_phone`, when the store knows who has its secret."""
        found = self.claim_phone(agent, far=far)
        if self._note_holder is not None and (found.seat, agent) not in self._noted:
            await self._note_holder(found.seat, agent)
            self._noted.add((found.seat, agent))
        return found

    def claim_seat(self, agent: str, *, far: bool | None = None) -> str:
        """Return the seat of an agent's page, and keep it for them. Raise NoPageSeat or OwnPhone.

        Without `far` the seat of the last page is kept, whatever its kind.
        """
        # 1. The seat at which the agent works.
        view = self._inbox.agent_view(AgentId(agent))
        if view is not None and view.seat is not None:
            if view.seat not in self._secrets:
                raise OwnPhone
            return self._keep(agent, view.seat)
        # 2. The seat of the last page, unless another kind is wanted now or somebody has signed in there.
        wanted, other = (self._phones.far, self._phones.web) if far else (self._phones.web, self._phones.far)
        last = self._claims.get(agent)
        kept = self._secrets if far is None else wanted or other
        if last is not None and last.seat in kept and self._inbox.agent_at_seat(SeatId(last.seat)) is None:
            return self._keep(agent, last.seat)
        # 3. The first free one.
        held = {claim.seat for one, claim in self._claims.items() if one != agent and self._is_alive(one, claim)}
        for seat in (*wanted, *other):
            if seat not in held and self._inbox.agent_at_seat(SeatId(seat)) is None:
                return self._keep(agent, seat)
        raise NoPageSeat

    def require_nameable(self, agent: str, seat: str, *, by_program: bool) -> None:
        """Raise SeatOfPage if an agent may not sign in at this seat by its name.

        The agent's own seat may be named. A program of the agent may also name a page seat that no page has claimed.
        """
        if seat not in self._secrets or self.seat_of(agent) == seat:
            return
        claimed = any(claim.seat == seat and self._is_alive(one, claim)
                      for one, claim in self._claims.items() if one != agent)
        if claimed or not by_program:
            raise SeatOfPage

    def seat_of(self, agent: str) -> str:
        """Return the page seat of an agent, or nothing. Only this seat may speak through the agent's relay."""
        view = self._inbox.agent_view(AgentId(agent))
        if view is not None and view.seat is not None:
            return view.seat if view.seat in self._secrets else ""
        claim = self._claims.get(agent)
        return "" if claim is None or self._inbox.agent_at_seat(SeatId(claim.seat)) is not None else claim.seat

    def _keep(self, agent: str, seat: str) -> str:
        # Claims of others on this seat are over, so a page that comes back late does not take it away.
        self._claims = {one: claim for one, claim in self._claims.items() if claim.seat != seat or one == agent}
        self._claims[agent] = _Claim(seat, self._clock())
        return seat

    def _is_alive(self, agent: str, claim: _Claim) -> bool:
        return self._is_connected(agent) or self._clock() - claim.at < CLAIM_S


def find_origin(sip: str) -> str:
    """Return the origin of a WebSocket address for the policy of pages, or an empty text without an address."""
    where = urlsplit(sip)
    return f"{where.scheme}://{where.netloc}" if sip else ""
