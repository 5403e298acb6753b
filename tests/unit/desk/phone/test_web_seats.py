"""Which page seat an agent gets, and what the page is told."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from desk.phone.turn import TurnRelay
from desk.phone.web_seats import CLAIM_S, NoPageSeat, OwnPhone, PagePhones, WebSeats, find_origin
from tests.fakes.inbox import FakeInbox, agent_view

pytestmark = pytest.mark.unit

TURN = TurnRelay("turn:127.0.0.1:3478?transport=tcp", "tuz")
PHONES = PagePhones({"3001": "bir", "3002": "iki"}, {"3101": "uzak"}, "127.0.0.1:8088", turn=TURN)


class World:
    """Seats with agents who sign in, and pages that are connected."""

    def __init__(self, phones: PagePhones = PHONES) -> None:
        self.now = 1000.0
        self.inbox = FakeInbox()
        self.at: dict[str, str | None] = {f"a{number}": None for number in range(1, 6)}
        self.connected: set[str] = set()
        self.seats = WebSeats(phones, self.inbox, lambda: self.now, lambda agent: agent in self.connected)
        self.sign_in()

    def sign_in(self, **at: str | None) -> None:
        self.at |= at
        self.inbox.agents = tuple(agent_view(agent, seat) for agent, seat in self.at.items())


def test_the_lowest_free_seat_is_claimed_and_kept() -> None:
    here = World()
    assert here.seats.seat_of("a1") == ""
    assert [here.seats.claim_seat(agent) for agent in ("a1", "a2", "a1", "a3")] == ["3001", "3002", "3001", "3101"]
    assert here.seats.seat_of("a2") == "3002"
    with pytest.raises(NoPageSeat):
        here.seats.claim_seat("a4")


def test_a_seat_is_free_again_when_its_page_is_gone() -> None:
    here = World()
    for agent in ("a1", "a2", "a3"):
        here.seats.claim_seat(agent)
    here.connected = {"a1", "a3"}
    here.now += CLAIM_S
    assert here.seats.claim_seat("a4") == "3002"
    # The page of a2 comes back late: its seat is somebody else's.
    assert here.seats.seat_of("a2") == ""
    with pytest.raises(NoPageSeat):
        here.seats.claim_seat("a2")


def test_an_agent_keeps_the_seat_of_the_sign_in_also_after_a_restart_of_the_node() -> None:
    here = World()
    here.sign_in(a2="3001")
    assert here.seats.seat_of("a2") == "3001"
    assert here.seats.claim_seat("a1") == "3002", "3001 is taken"
    here.now += 10 * CLAIM_S
    assert here.seats.claim_seat("a2", far=True) == "3001", "no other seat while signed in"


def test_a_claimed_seat_at_which_somebody_signs_in_is_lost() -> None:
    here = World()
    assert here.seats.claim_seat("a1") == "3001"
    here.sign_in(a2="3001")
    assert here.seats.seat_of("a1") == ""
    assert here.seats.claim_seat("a1") == "3002"


def test_agents_at_home_get_their_kind_of_seat_while_there_is_one() -> None:
    here = World()
    assert here.seats.claim_seat("a1") == "3001"
    assert here.seats.claim_seat("a1", far=True) == "3101"
    assert here.seats.claim_seat("a1") == "3101", "a sign-in without a wish is at the seat whose phone is registered"
    assert here.seats.claim_seat("a1", far=False) == "3001", "the agent is back in the house"
    assert here.seats.claim_seat("a1", far=True) == "3101"
    assert here.seats.claim_seat("a2", far=True) == "3001"
    assert World(PHONES._replace(far={})).seats.claim_seat("a1", far=True) == "3001"


def test_an_own_telephone_needs_no_page() -> None:
    here = World()
    here.sign_in(a1="2001")
    assert here.seats.seat_of("a1") == ""
    with pytest.raises(OwnPhone):
        here.seats.claim_phone("a1")


def test_a_centre_without_page_seats_says_so() -> None:
    with pytest.raises(NoPageSeat):
        World(PagePhones({}, {}, "127.0.0.1:8088")).seats.claim_phone("a1")


def test_the_page_gets_its_secret_and_credentials_for_ten_minutes() -> None:
    here = World()
    found = here.seats.claim_phone("a1")
    assert (found.seat, found.uri, found.secret, found.websocket) == ("3001", "sip:3001@santral", "bir", "/phone")
    assert found.turn is not None
    assert (found.turn.url, found.turn.username) == (TURN.url, "1600:3001")
    expected = base64.b64encode(hmac.new(b"tuz", b"1600:3001", hashlib.sha1).digest()).decode()
    assert found.turn.credential == expected


def test_the_way_past_the_node_is_named() -> None:
    found = World(PHONES._replace(sip="wss://sip.example/ws", turn=None)).seats.claim_phone("a1")
    assert (found.websocket, found.turn) == ("wss://sip.example/ws", None)


@pytest.mark.parametrize(("sip", "origin"), [
    ("", ""), ("wss://desk.example/sip", "wss://desk.example"), ("ws://127.0.0.1:8088/ws", "ws://127.0.0.1:8088")])
def test_the_policy_of_pages_holds_the_way_past_the_node(sip: str, origin: str) -> None:
    assert find_origin(sip) == origin


async def test_a_secret_is_given_when_its_holder_is_stored() -> None:
    noted: list[tuple[str, str]] = []

    async def note(seat: str, agent: str) -> None:
        noted.append((seat, agent))

    inbox = FakeInbox()
    inbox.agents = (agent_view("a1", None), agent_view("a2", None))
    seats = WebSeats(PHONES, inbox, lambda: 0.0, note_holder=note)
    assert [(await seats.hand_out_phone(agent)).seat for agent in ("a1", "a2", "a1")] == ["3001", "3002", "3001"]
    assert noted == [("3001", "a1"), ("3002", "a2")]
