"""Calls of a page, as its library and Asterisk word them: three are open at most, and no trick of a page hides one."""

from __future__ import annotations

import pytest

from desk.phone.page_calls import CALLS_MAX, MESSAGES_BURST, MESSAGES_PER_S, REFUSED_MAX, MessageRate, PageCalls
from desk.phone.sip_guard import RefusedMessage, SipHead, check_message

pytestmark = pytest.mark.contract

SEAT = "3001"


def request(method: str, call: str, *, tag: str = "p", cseq: int = 1, to: str = "", more: str = "") -> SipHead:
    return check_message(
        f"{method} sip:*40@santral SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK{call}\r\n"
        f"To: <sip:*40@santral>{f';tag={to}' if to else ''}\r\nFrom: <sip:{SEAT}@santral>;tag={tag}\r\n"
        f"Call-ID: {call}\r\nCSeq: {cseq} {method}\r\n{more}Content-Length: 0\r\n\r\n", SEAT)


def answer(status: int, call: str, *, tag: str = "p", cseq: int = 1, method: str = "INVITE") -> str:
    return (f"SIP/2.0 {status} Some Reason\r\nVia: SIP/2.0/WS x.invalid;rport=1;received=127.0.0.1;branch=z9hG4bK\r\n"
            f"Call-ID: {call}\r\nFrom: <sip:{SEAT}@santral>;tag={tag}\r\nTo: <sip:*40@santral>;tag=asterisk\r\n"
            f"CSeq: {cseq} {method}\r\nContent-Length:  0\r\n\r\n")


def hung_up(call: str, tag: str = "p") -> str:
    return (f"BYE sip:{SEAT}@x.invalid;transport=ws SIP/2.0\r\nVia: SIP/2.0/WS 127.0.0.1:8088;rport;branch=z9hG4bKa\r\n"
            f"From: <sip:*40@santral>;tag=asterisk\r\nTo: <sip:{SEAT}@santral>;tag={tag}\r\nCall-ID: {call}\r\n"
            "CSeq: 7 BYE\r\nReason: Q.850;cause=16\r\nContent-Length:  0\r\n\r\n")


def full() -> PageCalls:
    """Return the calls of a page that has as many open as it may, all of them answered."""
    calls = PageCalls()
    for number in range(CALLS_MAX):
        assert calls.answer_request(request("INVITE", f"c{number}")) is None
        calls.note_asterisk(answer(200, f"c{number}"))
    return calls


def is_full(calls: PageCalls, call: str = "one-more") -> bool:
    found = calls.answer_request(request("INVITE", call))
    return found is not None


def test_a_further_call_is_busy_and_its_ack_ends_here() -> None:
    calls = full()
    assert calls.answer_request(request("INVITE", "late", more="Via: SIP/2.0/WS y.invalid\r\n")) == (
        "SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bKlate\r\nVia: SIP/2.0/WS y.invalid\r\n"
        f"From: <sip:{SEAT}@santral>;tag=p\r\nCall-Id: late\r\nCseq: 1 INVITE\r\nTo: <sip:*40@santral>;tag=relay\r\n"
        "Content-Length: 0\r\n\r\n")
    assert calls.answer_request(request("ACK", "late", to="relay")) == "" and calls.refused == 1
    # The calls that are open go on.
    assert calls.answer_request(request("ACK", "c0", to="asterisk")) is None
    assert calls.answer_request(request("INVITE", "c0", cseq=2, to="asterisk")) is None, "the hold key"


@pytest.mark.parametrize("end", [hung_up("c1"), answer(200, "c1", cseq=2, method="BYE")])
def test_what_asterisk_ends_gives_place(end: str) -> None:
    calls = full()
    calls.note_asterisk(end)
    assert not is_full(calls) and is_full(calls, "two-more")


@pytest.mark.parametrize("status", [401, 407, 404, 486, 487, 503])
def test_what_asterisk_refuses_or_challenges_gives_place(status: int) -> None:
    calls = PageCalls()
    for number in range(20):
        assert calls.answer_request(request("INVITE", "again", cseq=number)) is None
        calls.note_asterisk(answer(100, "again", cseq=number))
        calls.note_asterisk(answer(status, "again", cseq=number))


@pytest.mark.parametrize("trick", [
    request("BYE", "c0", cseq=2, to="asterisk"), request("CANCEL", "c0"), request("BYE", "c0", cseq=2, to="guessed")])
@pytest.mark.parametrize("said", [
    "", answer(481, "c0", cseq=2, method="BYE"), answer(491, "c0", cseq=2), answer(481, "c0"), "no SIP\r\n\r\n",
    hung_up("c0", "another"), answer(200, "c0", cseq=2, method="INFO")])
def test_no_word_of_a_page_gives_place(trick: SipHead, said: str) -> None:
    calls = full()
    assert calls.answer_request(trick) is None
    calls.note_asterisk(said)
    assert is_full(calls)


@pytest.mark.parametrize(("tag", "cseq"), [("p", 2), ("p", 1), ("q", 1)])
def test_a_further_call_does_not_hide_behind_the_name_of_an_open_one(tag: str, cseq: int) -> None:
    calls = full()
    assert calls.answer_request(request("INVITE", "c0", tag=tag, cseq=cseq)), "486"
    # Its ACK is not that of the open call.
    assert calls.answer_request(request("ACK", "c0", to="asterisk", cseq=7)) is None


def test_an_invite_that_two_parsers_read_differently_ends_the_connection() -> None:
    for more in ("Call-ID: other\r\n", "CSeq: 2 INVITE\r\n", "To: <sip:*40@santral>\r\n"):
        with pytest.raises(RefusedMessage):
            PageCalls().answer_request(request("INVITE", "c0", more=more))


def test_refused_calls_are_remembered_within_bounds() -> None:
    calls = full()
    for number in range(REFUSED_MAX + 5):
        assert is_full(calls, f"late{number}")
    assert calls.answer_request(request("ACK", "late0", to="relay")) is None, "forgotten, and Asterisk ignores it"
    assert calls.answer_request(request("ACK", "late9", to="relay")) == ""


def test_a_page_that_sends_too_fast_is_slowed() -> None:
    now = 0.0
    rate = MessageRate(lambda: now)
    assert [rate.take_message() for _ in range(int(MESSAGES_BURST))] == [0.0] * int(MESSAGES_BURST)
    assert rate.take_message() == 1 / MESSAGES_PER_S
    # Two hundred at once are taken at the pace of the rate, and a page that rests may hurry again.
    for _ in range(200):
        now += rate.take_message()
    assert now == pytest.approx(201 / MESSAGES_PER_S, rel=0.01)
    now += 1000.0
    assert [rate.take_message() for _ in range(int(MESSAGES_BURST))] == [0.0] * int(MESSAGES_BURST)
