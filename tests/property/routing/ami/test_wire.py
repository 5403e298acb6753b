"""For any content of an action, Asterisk reads exactly that one action, or nothing is sent."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routing.ami import wire
from routing.ami.wire import BLOCK_MAX, HEADERS_MAX, LINE_MAX, BadAction, Counters, Decoder, WireError, encode_action

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
        data = encode_action({"Action": "Ping", **fields}, "id1")
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
        data = encode_action({"Action": "Ping", "V": value}, "id1")
    except BadAction:
        assert set(value) & set("\r\n\0") or len(f"V: {value}\r\n".encode(errors="replace")) > LINE_MAX
    else:
        assert max(len(line) + 1 for line in data.split(b"\n")) <= LINE_MAX


@pytest.mark.parametrize("count", [HEADERS_MAX - 2, HEADERS_MAX - 1])
def test_the_limit_of_headers_is_asterisks_own(count: int) -> None:
    action = {"Action": "Ping", "V": ["1"] * count}
    if count + 2 <= HEADERS_MAX:
        assert encode_action(action, "id1").count(b"\r\n") == HEADERS_MAX + 1
    else:
        with pytest.raises(BadAction, match="headers"):
            encode_action(action, "id1")


@pytest.mark.parametrize("action", [
    {}, {"Action": ""}, {"Action": "Pi ng"}, {"Action": "Ping", "ActionID": "mine"},
    {"Action": "Ping", "bad name": "1"},
    {"Action": "Ping", "A": "1", "a": "2"}, {"Action": "Setvar", "Variable": "NODE", "Value": "x"},
    {"Action": "Originate", "Channel": "PJSIP/1"}, {"Action": "Ping", "A": "\ud800"}, {"Action": "Ping", "A": 1},
])
def test_senseless_actions_are_refused(action: dict[str, str]) -> None:
    with pytest.raises(BadAction):
        encode_action(action, "id1")


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


def plain_read(data: bytes, wanted: set[bytes] | None) -> tuple[list[tuple[bool, dict[str, str]]], Counters]:
    """Rules P1 to P6 a second time, line by line and without regard to speed: what `Decoder` must come to."""
    found, counters = [], Counters()
    for block in data[: max(data.rfind(b"\r\n\r\n"), 0)].split(b"\r\n\r\n"):
        lines = block.split(b"\r\n")
        while lines and not lines[0]:
            lines.pop(0)
        while lines and not lines[-1]:
            lines.pop()
        if not lines:
            continue
        if sum(len(line) + 2 for line in lines) - 2 > BLOCK_MAX:
            raise WireError("size")
        second = lines[1] if len(lines) > 1 else b""
        if lines[0].startswith(b"Event: "):
            sound = second.startswith((b"Privilege: ", b"ActionID: "))
            if sound and wanted is not None and lines[0][7:] not in wanted and second.startswith(b"Privilege: "):
                counters.dropped += 1
                continue
        else:
            sound = lines[0].startswith(b"Response: ") and not any(line.startswith(b"Event:") for line in lines)
        if sound and len(lines) > HEADERS_MAX:
            raise WireError("headers")
        if not sound or any(set(line) & set(b"\r\n\0") for line in lines):
            counters.tainted += 1
            continue
        text = [line.decode("utf-8", "replace") for line in lines]
        counters.replaced += [one.encode() for one in text] != lines
        headers: dict[str, str] = {}
        for one in text:
            name, colon, value = one.partition(":")
            if colon:
                headers.setdefault(name, value.removeprefix(" "))
        found.append((lines[0].startswith(b"Event: "), headers))
    return found, counters


ODD = (b"\r", b"\n", b"\0", b"\r\n", b"\r\n\r\n", b"\xde", b": ", b":", b"Uniqueid: 9.9\r\n", b"Event: Hangup\r\n",
       b"\r\n\r\n\r\n", b"x" * 70_000, b"H: 1\r\n" * 130, b"H: 1\r\n" * 125)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """What Asterisk sends, now and then with something in it that it should not send."""
    blocks = []
    for number in range(draw(st.integers(1, 12))):
        name = draw(st.sampled_from(("Hangup", "Newstate", "VarSet", "ANameOfMoreThanTwentyFourLetters", "")))
        second = draw(st.sampled_from(("Privilege: call,all", "Privilege: ", "ActionID: 1", "Uniqueid: 1")))
        first = draw(st.sampled_from((f"Event: {name}", f"Event: {name}", f"Event: {name}", "Response: Success")))
        value = draw(st.sampled_from(("PJSIP/hat-1", "Şükrü Iğdır", "", "a: b", "a:")))
        block = f"{first}\r\n{second}\r\nChannel: {value}\r\nUniqueid: 7.{number}\r\nCause: 16\r\n\r\n".encode()
        if draw(st.integers(0, 3)) == 0:
            place = draw(st.integers(0, len(block)))
            block = block[:place] + draw(st.sampled_from(ODD)) + block[place:]
        blocks.append(block)
    return b"".join(blocks)


@given(streams(), st.sampled_from((None, {"Hangup", "Newstate"})), st.lists(st.integers(1, 400), max_size=20))
def test_the_quick_way_reads_what_the_plain_way_reads(
        data: bytes, wanted: set[str] | None, cuts: list[int]) -> None:
    try:
        expected = plain_read(data, None if wanted is None else {name.encode() for name in wanted})
    except WireError:
        expected = None
    decoder, found, start = Decoder(wanted), [], 0
    decoder.feed(GREETING)
    try:
        for cut in [*cuts, len(data)]:
            found += [(m.is_event, m.all_headers()) for m in decoder.feed(data[start : start + cut])]
            start += cut
    except WireError:
        assert expected is None or len(data) - data.rfind(b"\r\n\r\n") > BLOCK_MAX
        return
    assert expected == (found, decoder.counters)


@given(streams())
def test_a_header_asked_for_alone_is_the_one_of_the_whole(data: bytes) -> None:
    decoder = Decoder()
    try:
        found = decoder.feed(GREETING + data)
    except WireError:
        return
    for message in found:
        headers = message.all_headers()
        assert all(message.has_header(name) and message.get(name) == value for name, value in headers.items())


@pytest.mark.parametrize("name, value", [("HEADS_MAX", 2), ("SHAPES_MAX", 1)])
def test_what_is_remembered_has_a_limit_and_changes_nothing(
        monkeypatch: pytest.MonkeyPatch, name: str, value: int) -> None:
    data = b"".join(b"Event: E%d\r\nPrivilege: call,all\r\nUniqueid: %d\r\n\r\n" % (n % 5, n) for n in range(50))
    expected = plain_read(data, {b"E1", b"E3"})
    monkeypatch.setattr(wire, name, value)
    monkeypatch.setattr(wire, "_shapes", {})
    decoder, found = Decoder({"E1", "E3"}), []
    decoder.feed(GREETING)
    for start in range(0, len(data), 100):
        found += [(m.is_event, m.all_headers()) for m in decoder.feed(data[start : start + 100])]
    assert (found, decoder.counters) == expected
    assert len(decoder._drop) + len(decoder._keep) <= wire.HEADS_MAX and len(wire._shapes) <= wire.SHAPES_MAX
