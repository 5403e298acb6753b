"""Bytes recorded from Asterisk 22.10.1 (tests/wire/agi), cut at every byte, and the cases no recording has."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.agi import wire
from ivr.agi.errors import WireError
from ivr.agi.wire import Decoder, Env, Eof, Hangup, Reply
from tests.fakes.agi_dialler import environment

pytestmark = pytest.mark.contract

RECORDED = sorted((Path(__file__).parents[2] / "wire" / "agi").glob("*.bin"))
GONE = "Command Not Permitted on a dead channel or intercept routine"


def decode(data: bytes) -> list[wire.Event]:
    decoder = Decoder()
    return [*decoder.feed(data), *decoder.eof()]


def replies(data: bytes) -> list[wire.Event]:
    decoder = Decoder()
    decoder.feed(environment("menu"))
    return [*decoder.feed(data), *decoder.eof()]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_calls_do_not_depend_on_where_bytes_are_cut(path: Path) -> None:
    data = path.read_bytes()
    whole = decode(data)
    assert isinstance(whole[0], Env)
    for at in range(1, len(data)):
        decoder = Decoder()
        assert [*decoder.feed(data[:at]), *decoder.feed(data[at:]), *decoder.eof()] == whole, at
    decoder = Decoder()
    single = [event for byte in data for event in decoder.feed(bytes([byte]))]
    assert [*single, *decoder.eof()] == whole


def recorded(name: str) -> list[wire.Event]:
    return decode((Path(__file__).parents[2] / "wire" / "agi" / f"{name}.bin").read_bytes())


def test_a_whole_call() -> None:
    env, *found = recorded("whole")
    assert isinstance(env, Env)
    assert env.values["agi_network_script"] == "menu?lang=tr"
    assert (env.values["agi_arg_1"], env.values["agi_arg_2"], env.values["agi_accountcode"]) == ("ana", "#", "")
    assert found[:9] == [
        Reply(200, "1", 'Şükrü ığdır (a) "b" \\\\ c'), Reply(200, "0"), Reply(200, "1"), Reply(200, "53", None, 3360),
        Reply(200, "35"), Reply(200, "-1", None, 0), Reply(200, "", "timeout"), Reply(200, "0"), Reply(200, "-2"),
    ]
    # A value with line breaks and brackets cannot be told from its end; the next reply is found all the same.
    assert isinstance(found[9], Reply) and found[9].value is not None and found[9].value.startswith("asa)s\niki(3")
    assert found[10:] == [Reply(200, "0"), Eof(clean=True)]


def test_errors_are_one_reply_each() -> None:
    _, unknown, usage, second, noop, end = recorded("errors")
    assert unknown == Reply(510, text="Invalid or unknown command")
    assert isinstance(usage, Reply) and usage.code == 520 and "Sets a variable" in usage.text
    assert isinstance(second, Reply) and second.code == 520
    assert (noop, end) == (Reply(200, "0"), Eof(clean=True))


def test_hangup_is_no_reply() -> None:
    assert recorded("hangup")[1:] == [
        Reply(200, "-1", None, 4000), Hangup(), Reply(511, text=GONE),
        Reply(200, "1", 'Şükrü ığdır (a) "b" \\\\ c'), Reply(511, text=GONE), Eof(clean=True)]
    assert recorded("hangup-exit")[1:] == [Reply(200, "-1", None, 4000), Hangup(), Hangup(), Eof(clean=True)]


@pytest.mark.parametrize(("data", "expected"), [
    (f"HANGUP511 {GONE}\n".encode(), [Hangup(), Reply(511, text=GONE)]),
    (b"HANGUP\r\nHANGUPHANGUP\n200 result=1\r\n", [Hangup(), Hangup(), Hangup(), Reply(200, "1")]),
    (b"520-Usage\nHANGUP\n520 End of proper usage.\n", [Hangup(), Reply(520, text="Usage\n520 End of proper usage.")]),
    (b"520-Usage\nHANGUP [<channel>]\n520 End\n", [Reply(520, text="Usage\nHANGUP [<channel>]\n520 End")]),
    (b"520-Usage\nHANGUP520 End\n", [Hangup(), Reply(520, text="Usage\n520 End")]),
    (b"100 Trying...\n200 result=0\n", [Reply(200, "0")]),
    (b"200 result=1 (a\nb)\n200 result=0\n", [Reply(200, "1", "a\nb"), Reply(200, "0")]),
    (b"200 result=1 (f(x) endpos=3)\n", [Reply(200, "1", "f(x) endpos=3")]),
    (b"200 result=-1 (hangup) endpos=800\n", [Reply(200, "-1", "hangup", 800)]),
    (b"200 result=1 ()\n", [Reply(200, "1", "")]),
])
def test_replies(data: bytes, expected: list[wire.Event]) -> None:
    found = replies(data)
    assert found[:-1] == expected


def test_glued_hangup_at_the_end() -> None:
    assert replies(b"HANGUP") == [Hangup(), Eof(clean=True)]
    assert replies(b"200 resu") == [Eof(clean=False)]


def test_end_of_file_in_the_environment() -> None:
    assert decode(b"") == [Eof(clean=False)]
    assert decode(b"agi_network: yes\n") == [Eof(clean=False)]


def test_bytes_that_are_no_text_are_replaced_and_counted() -> None:
    decoder = Decoder()
    (env,) = decoder.feed(environment("menu", extra="agi_rdnis: Şükrü\n".encode("iso-8859-9")))
    assert isinstance(env, Env) and env.values["agi_rdnis"] == "\ufffd\ufffdkr\ufffd"
    assert decoder.replaced == 3


def test_first_header_wins_and_taint_is_counted() -> None:
    decoder = Decoder()
    (env,) = decoder.feed(environment("menu", "a", extra=b"agi_uniqueid: other\nno name\nagi_dnid: a\x1b[2Jb\n"))
    assert isinstance(env, Env) and env.values["agi_uniqueid"] == "1795569005.1"
    assert decoder.tainted == 3


@pytest.mark.parametrize("data", [
    b"a: " + b"x" * wire.MAX_ENV_BYTES,
    b"a: b\n" * (wire.MAX_ENV_LINES + 1),
    (b"a: " + b"x" * 1000 + b"\n") * 17,
])
def test_environment_is_bounded(data: bytes) -> None:
    with pytest.raises(WireError):
        Decoder().feed(data)


@pytest.mark.parametrize("data", [
    b"2" * (wire.MAX_LINE_BYTES + 1),
    b"520-x\n" + b"y\n" * wire.MAX_BLOCK_LINES,
    b"200 result=1 (a\n" + b"y\n" * wire.MAX_BLOCK_LINES,
    b"nonsense\n" * (wire.MAX_BLOCK_LINES + 1),
])
def test_replies_are_bounded(data: bytes) -> None:
    with pytest.raises(WireError):
        replies(data)
