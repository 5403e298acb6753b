"""Whatever is put into an action, Asterisk reads exactly that one action, or nothing is sent."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routing.ami.wire import HEADERS_MAX, LINE_MAX, BadAction, Decoder, WireError, encode

pytestmark = pytest.mark.property

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True).filter(
    lambda name: name.casefold() not in ("action", "actionid"))
VALUES = st.text(max_size=40) | st.text(alphabet="a:\r\n\0 \u2028\x85ş", max_size=12)
GREETING = b"Asterisk Call Manager/11.0.0\r\n"


def reference_parse(data: bytes) -> list[list[tuple[str, str]]]:
    """As manager.c reads: a line ends at LF (a CR before it goes too), an empty line ends the action, NUL ends text."""
    actions: list[list[tuple[str, str]]] = []
    headers: list[tuple[str, str]] = []
    for line in data.split(b"\n"):
        line = line.removesuffix(b"\r").partition(b"\0")[0]
        if not line:
            if headers:
                actions.append(headers)
            headers = []
            continue
        name, _, value = line.decode().partition(":")
        headers.append((name, value.removeprefix(" ")))
    return actions + ([headers] if headers else [])


@given(st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=4), max_size=6))
@example({"Variable": ["A=1\r\n\r\nAction: Command\r\nCommand: core stop now"]})
@example({"Channel": "x\nAction: Hangup"})
def test_exactly_one_action_or_refused(fields: dict[str, str | list[str]]) -> None:
    try:
        data = encode({"Action": "Ping", **fields}, "id1")
    except BadAction:
        values = [one for value in fields.values() for one in ([value] if isinstance(value, str) else value)]
        broken = any(set(value) & set("\r\n\0") for value in values)
        folded = {name.casefold() for name in fields}
        assert broken or len(folded) != len(fields), "a sound action was refused"
        return
    expected = [("Action", "Ping"), ("ActionID", "id1")]
    for name, value in fields.items():
        expected += [(name, one) for one in ([value] if isinstance(value, str) else value)]
    assert reference_parse(data) == [expected]


@given(st.text(min_size=900, max_size=1100) | st.text(alphabet="şğıç", min_size=480, max_size=530))
def test_over_long_lines_are_refused_by_their_bytes(value: str) -> None:
    try:
        data = encode({"Action": "Ping", "V": value}, "id1")
    except BadAction:
        assert set(value) & set("\r\n\0") or len(f"V: {value}\r\n".encode(errors="replace")) > LINE_MAX
    else:
        assert max(len(line) + 1 for line in data.split(b"\n")) <= LINE_MAX


@pytest.mark.parametrize("count", [HEADERS_MAX - 2, HEADERS_MAX - 1])
def test_the_limit_of_headers_is_asterisks_own(count: int) -> None:
    action = {"Action": "Ping", "V": ["1"] * count}
    if count + 2 <= HEADERS_MAX:
        assert encode(action, "id1").count(b"\r\n") == HEADERS_MAX + 1
    else:
        with pytest.raises(BadAction, match="headers"):
            encode(action, "id1")


@pytest.mark.parametrize("action", [
    {}, {"Action": ""}, {"Action": "Pi ng"}, {"Action": "Ping", "ActionID": "mine"},
    {"Action": "Ping", "bad name": "1"},
    {"Action": "Ping", "A": "1", "a": "2"}, {"Action": "Setvar", "Variable": "NODE", "Value": "x"},
    {"Action": "Originate", "Channel": "PJSIP/1"}, {"Action": "Ping", "A": "\ud800"}, {"Action": "Ping", "A": 1},
])
def test_senseless_actions_are_refused(action: dict[str, str]) -> None:
    with pytest.raises(BadAction):
        encode(action, "id1")


PARTS = [b"\r\n\r\n", b"Event: Hangup\r\n", b"Privilege: call,all\r\n", b"Response: Success\r\n", b"\r", b"\n"]


@given(st.lists(st.binary(max_size=60) | st.sampled_from(PARTS), max_size=30))
def test_garbage_never_crashes_and_cuts_do_not_matter(pieces: list[bytes]) -> None:
    data = GREETING + b"".join(pieces)
    outcomes = []
    for step in (len(data), 1, 7):
        decoder, found = Decoder({"Hangup"}), []
        try:
            for start in range(0, len(data), step):
                found += [m.text for m in decoder.feed(data[start : start + step])]
        except WireError:
            found.append("refused")
        outcomes.append((found, decoder.counters))
    assert outcomes[0] == outcomes[1] == outcomes[2]


@given(st.binary(max_size=300))
def test_a_garbage_greeting_never_crashes(data: bytes) -> None:
    try:
        Decoder().feed(data)
    except WireError as error:
        assert "greet" in str(error)
