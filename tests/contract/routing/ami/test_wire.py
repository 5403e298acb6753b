"""The codec on bytes that a real Asterisk 22.10.1 sent (`tests/wire/ami/*.bin`), cut at every byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from routing.ami.wire import BLOCK_MAX, GREETING_MAX, HEADERS_MAX, Counters, Decoder, Message, WireError

pytestmark = pytest.mark.contract

WIRE = Path(__file__).resolve().parents[3] / "wire" / "ami"
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
CALL = b"Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.2\r\nCause: 16\r\n\r\n"


def decode(data: bytes, step: int | None = None, wanted: set[str] | None = None) -> tuple[list[Message], Counters]:
    decoder, found = Decoder(wanted), []
    for start in range(0, len(data), step or len(data) or 1):
        found += decoder.feed(data[start : start + (step or len(data))])
    return found, decoder.counters


@pytest.mark.parametrize("name, count", [
    ("calls", 95), ("replies", 22), ("snapshot", 23), ("refused", 1), ("shutdown", 3), ("all", 272)])
def test_recorded_bytes_are_understood_whole_and_byte_by_byte(name: str, count: int) -> None:
    data = (WIRE / f"{name}.bin").read_bytes()
    whole, counters = decode(data)
    single, same = decode(data, 1)
    assert len(whole) == count
    assert [m.text for m in single] == [m.text for m in whole]
    assert counters == same == Counters()


def test_every_single_cut_gives_the_same_messages() -> None:
    data = (WIRE / "snapshot.bin").read_bytes()
    expected = [m.text for m in decode(data)[0]]
    for cut in range(len(data) + 1):
        decoder = Decoder()
        found = decoder.feed(data[:cut]) + decoder.feed(data[cut:])
        assert [m.text for m in found] == expected, f"cut at {cut}"


def test_turkish_letters_survive_every_cut() -> None:
    data = GREETING + f"Event: Hold\r\nPrivilege: call,all\r\nName: Şükrü Iğdır âİıöç {'ğ' * 20}\r\n\r\n".encode()
    for cut in range(len(data) + 1):
        decoder = Decoder()
        (message,) = decoder.feed(data[:cut]) + decoder.feed(data[cut:])
        assert message.get("Name") == f"Şükrü Iğdır âİıöç {'ğ' * 20}", f"cut at {cut}"
        assert decoder.counters.replaced == 0


def test_a_turkish_corpus_is_byte_exact_at_every_cut() -> None:
    names = ("Şükrü Iğdır", "Çağlayan Öğüt", "İıĞğÜüŞşÖöÇçâîû", "ğ" * 20)
    blocks = [(event, name) for name in names for event in ("Newstate", "VarSet", "Hangup")]
    data = GREETING + "".join(
        f"Event: {event}\r\nPrivilege: call,all\r\nCallerIDName: {name}\r\nUniqueid: 7.1\r\n\r\n"
        for event, name in blocks).encode()
    expected = [{"Event": event, "Privilege": "call,all", "CallerIDName": name, "Uniqueid": "7.1"}
                for event, name in blocks if event != "VarSet"]
    for cut in range(len(data) + 1):
        decoder = Decoder({"Newstate", "Hangup"})
        found = decoder.feed(data[:cut]) + decoder.feed(data[cut:])
        assert [m.all_headers() for m in found] == expected, f"cut at {cut}"
        assert decoder.counters == Counters(dropped=len(names))


def test_latin5_bytes_are_replaced_and_counted_not_lost() -> None:
    data = GREETING + b"Event: Hold\r\nPrivilege: call,all\r\nName: \xdek\r\nUniqueid: 1.2\r\n\r\n"
    (message,), counters = decode(data)
    assert message.get("Name") == "\ufffdk"
    assert message.get("Uniqueid") == "1.2"
    assert counters.replaced == 1


def test_unwanted_events_are_dropped_wanted_and_list_items_stay() -> None:
    data = (WIRE / "snapshot.bin").read_bytes()
    found, counters = decode(data, wanted={"Hangup"})
    assert counters.dropped == 1  # FullyBooted, the only event told to everybody in this recording
    assert sum(m.name == "CoreShowChannel" for m in found) == 2
    everything = (WIRE / "all.bin").read_bytes()
    hangups, counters = decode(everything, 100, {"Hangup"})
    assert {m.name for m in hangups if m.is_event} == {"Hangup"}
    assert counters.dropped == 272 - len(hangups)


def test_an_event_with_a_response_header_is_an_event() -> None:
    found, _ = decode((WIRE / "calls.bin").read_bytes())
    answers = [m for m in found if m.name == "OriginateResponse"]
    assert len(answers) == 12
    assert all(m.is_event and not m.ok and m.get("Response") in ("Success", "Failure") for m in answers)


def test_the_first_header_wins_and_empty_values_are_kept() -> None:
    data = (GREETING + b"Event: Hangup\r\nPrivilege: call,all\r\n"
            b"Uniqueid: 1.2\r\nUniqueid: 9.9\r\nAppData: \r\nEvent: Newstate\r\nLast:\r\n\r\n")
    (message,), _ = decode(data)
    assert message.get("Uniqueid") == "1.2"
    assert message.all_headers()["Uniqueid"] == "1.2"
    assert message.has_header("Last") and message.get("Last", "x") == ""
    assert not message.has_header("Nothing") and message.get("Nothing", "x") == "x"
    assert message.get("Event") == "Hangup"


@pytest.mark.parametrize("block", [
    b"Event: Hangup\r\nPrivilege: call,all\r\nName: a\nUniqueid: 1.2\r\n\r\n",
    b"Event: Hangup\r\nPrivilege: call,all\r\nName: a\rUniqueid: 1.2\r\n\r\n",
    b"Event: Hangup\r\nPrivilege: call,all\r\nName: a\0\r\n\r\n",
    b"Event: Hang\nup\r\nActionID: 1\r\n\r\n",
    b"Privilege: call,all\r\nEvent: Hangup\r\nUniqueid: 1.2\r\n\r\n",
    b"Event: Hangup\r\nUniqueid: 1.2\r\nPrivilege: call,all\r\n\r\n",
    b"Event: VarSet\r\nUniqueid: 1.2\r\n\r\n",
    b"Response: Success\r\nActionID: 1\r\nEvent: Hangup\r\nUniqueid: 1.2\r\n\r\n",
    b"Uniqueid: 1.2\r\n\r\n",
])
def test_tainted_blocks_are_counted_and_ignored_their_neighbours_are_not(block: bytes) -> None:
    for step in (None, 1):
        found, counters = decode(GREETING + CALL + block + CALL, step, {"Hangup"})
        assert [m.get("Uniqueid") for m in found] == ["1.2", "1.2"]
        assert counters == Counters(tainted=1)


def test_spare_blank_lines_are_no_messages() -> None:
    for step in (None, 1, 2, 3):
        found, counters = decode(GREETING + b"\r\n" + CALL + b"\r\n" + CALL + b"\r\n\r\n\r\n" + CALL, step)
        assert len(found) == 3 and counters == Counters()


def test_a_block_without_an_end_is_refused_at_its_limit() -> None:
    decoder = Decoder()
    decoder.feed(GREETING + b"Event: Hangup\r\nX: ")
    with pytest.raises(WireError, match="65536"):
        for _ in range(BLOCK_MAX // 1024 + 1):
            decoder.feed(b"y" * 1024)


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("name", ["Hangup", "VarSet"])
@pytest.mark.parametrize("step", [None, 1000, BLOCK_MAX // 2])
def test_a_block_is_refused_above_its_limit_wanted_or_not(over: int, name: str, step: int | None) -> None:
    head = f"Event: {name}\r\nPrivilege: call,all\r\nX: ".encode()
    block = head + b"y" * (BLOCK_MAX + over - len(head)) + b"\r\n\r\n"
    data = GREETING + CALL + CALL.replace(b"Hangup", b"VarSet") + block + CALL
    if over:
        with pytest.raises(WireError, match="65536"):
            decode(data, step, {"Hangup"})
    else:
        assert len(decode(data, step, {"Hangup"})[0]) == (3 if name == "Hangup" else 2)


def test_too_many_headers_are_refused() -> None:
    head = b"Event: Hangup\r\nPrivilege: call,all"
    fits = GREETING + head + b"\r\nH: 1" * (HEADERS_MAX - 2) + b"\r\n\r\n"
    assert len(decode(fits)[0]) == 1
    with pytest.raises(WireError, match="128 headers"):
        decode(GREETING + head + b"\r\nH: 1" * (HEADERS_MAX - 1) + b"\r\n\r\n")


@pytest.mark.parametrize("greeting", [
    b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 400 Bad\r\n\r\n", b"Asterisk Call Manager/" + b"1" * GREETING_MAX])
def test_another_greeting_is_refused(greeting: bytes) -> None:
    for step in (None, 1):
        with pytest.raises(WireError, match="greet"):
            decode(greeting, step)


def test_items_of_app_queue_have_their_id_at_the_end() -> None:
    data = (GREETING + b"Event: QueueEntry\r\nQueue: q\r\nChannel: PJSIP/trunk-1\r\nActionID: 7\r\n\r\n"
            b"Event: Hangup\r\nUniqueid: 1.2\r\nActionID: 7\r\n\r\nEvent: QueueMember\r\nQueue: q\r\n\r\n")
    (entry,), counters = decode(data)
    assert (entry.name, entry.is_item, entry.get("Channel"), counters.tainted) == (
        "QueueEntry", True, "PJSIP/trunk-1", 2)
