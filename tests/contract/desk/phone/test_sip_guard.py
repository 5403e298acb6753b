"""Messages of a page as JsSIP sends them, cut and changed at every byte: none that speaks as another seat passes."""

from __future__ import annotations

import pytest

from desk.phone.sip_guard import MESSAGE_MAX, RefusedMessage, WrongUser, check_message

pytestmark = pytest.mark.contract

REGISTER = ("REGISTER sip:santral SIP/2.0\r\nVia: SIP/2.0/WS 9o8gdqfsmk2k.invalid;branch=z9hG4bK1\r\n"
            "Max-Forwards: 69\r\nTo: <sip:3001@santral>\r\nFrom: <sip:3001@santral>;tag=u6\r\n"
            "Call-ID: 5sa\r\nCSeq: 2 REGISTER\r\n"
            'Authorization: Digest algorithm=MD5, username="3001", realm="asterisk", nonce="1/2", uri="sip:santral", '
            'response="0a"\r\n'
            "Contact: <sip:3001@9o8gdqfsmk2k.invalid;transport=ws>;+sip.ice;reg-id=1;expires=600\r\n"
            "Expires: 600\r\nAllow: INVITE,ACK,CANCEL,BYE\r\nSupported: path,gruu,outbound\r\n"
            "User-Agent: JsSIP 3.13.8\r\nContent-Length: 0\r\n\r\n")
SDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=ığ\r\n"
INVITE = ("INVITE sip:*40@santral SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK2\r\nTo: <sip:*40@santral>\r\n"
          'From: "Masa" <sip:3001@santral>;tag=7\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n'
          f"Content-Length: {len(SDP.encode())}\r\n\r\n{SDP}")
ANSWER = ("SIP/2.0 200 OK\r\nVia: SIP/2.0/WS 127.0.0.1\r\nTo: <sip:3001@x.invalid>;tag=1\r\n"
          'From: "Psikososyal destek 0 sn" <sip:0@127.0.0.1>;tag=2\r\nCSeq: 3 INVITE\r\n'
          f"Content-Length: {len(SDP.encode())}\r\n\r\n{SDP}")
WHOLE = (REGISTER, INVITE, ANSWER)
HIDDEN = REGISTER.replace("3001", "3002")


def passes(text: str, seat: str = "3001") -> bool:
    try:
        check_message(text, seat)
    except RefusedMessage:
        return False
    return True


@pytest.mark.parametrize("message", WHOLE)
def test_messages_of_the_page_pass(message: str) -> None:
    check_message(message, "3001")


@pytest.mark.parametrize("message", WHOLE)
def test_a_message_that_is_cut_at_any_byte_is_refused(message: str) -> None:
    data = message.encode()
    for at in range(len(data)):
        assert not passes(data[:at].decode(errors="replace")), at
        assert not passes(data[at:].decode(errors="replace")) or at == 0, at


@pytest.mark.parametrize("message", WHOLE)
def test_no_second_message_hides_behind_a_first(message: str) -> None:
    for between in ("", "\r\n", "\r\n\r\n", "\0", " "):
        assert not passes(f"{message}{between}{HIDDEN}")
    # The second message inside the body of the first one is body: its length is counted.
    for at in range(len(REGISTER) + 1):
        assert not passes(REGISTER[:at] + HIDDEN + REGISTER[at:])


@pytest.mark.parametrize("sign", ["\r", "\n", "\0", "\r\n", "\r\n ", "\r\n\t", "\u2028", "\x85"])
def test_a_sign_that_ends_lines_for_others_smuggles_no_user(sign: str) -> None:
    """At each place of the headers a line for another seat is slipped in behind the sign."""
    for line in ("From: <sip:3002@santral>;tag=1", "f: <sip:3002@santral>", "To: <sip:3002@santral>"):
        for at in range(len(REGISTER)):
            text = f"{REGISTER[:at]}{sign}{line}{sign}{REGISTER[at:]}"
            if not passes(text):
                continue
            # One that passes: a header value with an unusual sign, or a line whose name is not read as From or To.
            values = [one for one in text.split("\r\n") if one.lower().startswith(("from:", "to:", "f:", "t:"))]
            assert all("3002" not in one.split("<", 1)[1].split("@")[0] for one in values), (at, text)


@pytest.mark.parametrize(("old", "new"), [
    ("From: <sip:3001@", "From: <sip:3002@"), ("To: <sip:3001@", "To: <sip:3002@"),
    ('username="3001"', 'username="3002"'), ('username="3001"', 'username="3001", username="3002"'),
    ('username="3001"', 'username="3001", username=3002'), ('username="3001"', 'username="3001", Username="3002"'),
    ('username="3001"', 'username="3001", username = 3002'), ('username="3001"', "username=3001"),
    ("REGISTER sip:santral", "REGISTER sip:san\0tral"), ("From: <sip:3001@", "From: sip:3002@santral <sip:3001@"),
    ("From: <sip:3001@", "From: <sip:3001:x@"), ("From: <sip:3001@", "From: <sip:%33001@"),
    ("From: <sip:3001@santral>", 'From: "<sip:3001@santral>" <sip:3002@santral>'),
    ("From: <sip:3001@santral>", "From: sip:3001@santral"),
    ("From: <sip:3001@santral>", "From: <sip:3001@santral>, <sip:3002@santral>"),
    ("From: <sip:3001@santral>;tag=u6\r\n", ""),
    ("Content-Length: 0\r\n", "Content-Length: 0\r\nContent-Length: 0\r\n"),
    ("Content-Length: 0\r\n", "l: 0\r\n"), ("Content-Length: 0", "Content-Length: -1"),
    ("Content-Length: 0", "Content-Length: ٠"), ("From: ", "From : "), ("SIP/2.0\r\n", "SIP/2.0 \r\n"),
    ("REGISTER sip", "MESSAGE sip"), ("REGISTER sip", "REFER sip"), ("REGISTER sip", "register sip"),
    ("REGISTER sip:santral SIP/2.0", "GET / HTTP/1.1"),
])
def test_what_a_page_may_not_send(old: str, new: str) -> None:
    assert old in REGISTER
    assert not passes(REGISTER.replace(old, new, 1))


def test_another_user_is_told_from_what_is_no_sip() -> None:
    with pytest.raises(WrongUser):
        check_message(REGISTER, "3002")
    with pytest.raises(RefusedMessage, match="no SIP"):
        check_message("merhaba", "3001")


def test_the_largest_message_passes_and_one_byte_more_does_not() -> None:
    for sign in ("x", "ğ"):
        size = len(sign.encode())
        room = MESSAGE_MAX - len(INVITE.encode()) + len(SDP.encode()) - 8
        body = sign * (room // size)
        head = INVITE.removesuffix(SDP).replace(f"Content-Length: {len(SDP.encode())}",
                                                f"Content-Length: {len(body.encode())}")
        check_message(head + body, "3001")
        more = sign * (MESSAGE_MAX // size)
        with pytest.raises(RefusedMessage, match="more than 65536 bytes"):
            check_message(head.replace(str(len(body.encode())), str(len(more.encode()))) + more, "3001")
