"""The encoder: whatever is given, Asterisk reads exactly that one command, or nothing is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.agi import wire
from ivr.agi.errors import AgiError, BadCommand

pytestmark = pytest.mark.property


def parse_args(line: str) -> list[str]:
    """Asterisk's own reading of a command (parse_args of res_agi.c)."""
    words: list[str] = []
    quoted = escaped = False
    space = True
    for char in line:
        if char == '"' and not escaped:
            quoted = not quoted
            if quoted and space:
                words.append("")
                space = False
        elif char in " \t" and not quoted and not escaped:
            space = True
        elif char == "\\" and not escaped:
            escaped = True
            continue
        else:
            if space:
                words.append("")
                space = False
            words[-1] += char
        escaped = False
    return words


@given(st.lists(st.text(), max_size=4))
def test_one_command_or_none(arguments: list[str]) -> None:
    try:
        line = wire.encode_command("SET VARIABLE", *arguments)
    except BadCommand as error:
        assert isinstance(error, ValueError)
        joined = "".join(arguments)
        assert set(joined) & set("\r\n\0") or len(joined) * 4 > 1_900 or any("\ud800" <= c <= "\udfff" for c in joined)
        return
    assert line.count(b"\n") == 1 and line.endswith(b"\n") and b"\r" not in line and b"\0" not in line
    assert len(line) <= wire.MAX_COMMAND_BYTES
    assert parse_args(line.decode()[:-1]) == ["SET", "VARIABLE", *arguments]


@given(st.text(), st.sampled_from("\r\n\0"), st.text())
def test_line_ends_and_nul_are_always_refused(before: str, bad: str, after: str) -> None:
    with pytest.raises(BadCommand):
        wire.encode_command("EXEC", "Playback", before + bad + after)


@given(st.integers(0, 50), st.sampled_from(["a", "ş", '"', "\\"]))
def test_over_long_is_refused(more: int, char: str) -> None:
    with pytest.raises(BadCommand):
        wire.encode_command("NOOP", char * (wire.MAX_COMMAND_BYTES - 7 + more))


@pytest.mark.parametrize("verb", ["", "noop", "NOOP\nNOOP", "NOOP ", "SET  VARIABLE", "NOOP\n"])
def test_verbs_are_ours(verb: str) -> None:
    with pytest.raises(BadCommand):
        wire.encode_command(verb)


@given(st.binary(max_size=3_000), st.integers(1, 64))
def test_any_bytes_end_in_events_or_one_error(data: bytes, step: int) -> None:
    """Fuzz: no other exception, and where the bytes are cut does not matter."""

    def run(size: int) -> object:
        decoder = wire.Decoder()
        events: list[object] = []
        try:
            for start in range(0, len(data), size):
                events += decoder.feed(data[start: start + size])
            events += decoder.eof()
        except AgiError:
            return "refused"
        return events

    assert run(step) == run(1)
