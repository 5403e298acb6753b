"""Seats whose phone is a page: each mistake in the settings is one message with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from centres.centre_reader import load_centre
from tests.ministry import MEB, copied, edit

pytestmark = pytest.mark.unit

WEB = "first = 3001\ncount = 60\n"


def problems_after(tmp_path: Path, old: str, new: str) -> list[str]:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", old, new)
    return [str(one) for one in load_centre(folder).problems]


def line_of(tmp_path: Path, content: str) -> int:
    lines = (tmp_path / "meb" / "santral.toml").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith(content))


def test_the_ministry_has_pages_beside_phones() -> None:
    settings = load_centre(MEB).settings
    assert settings is not None
    seats = settings.seats
    assert seats.web_names()[::59] == ("3001", "3060") and seats.far_names() == ()
    assert len(seats.seat_names()) == 180 and seats.all_names() == seats.seat_names() + seats.web_names()
    assert settings.asterisk.media_address == "127.0.0.1"


@pytest.mark.parametrize(("new", "place", "what"), [
    ("first = 2180\ncount = 60\n", "first = 2180",
     "seat 2180 is in [seats] and in [seats.web]: a phone would be a page too. Begin [seats.web] at a number of 2181"),
    ("first = 1990\ncount = 12\n", "first = 1990", "seat 2001 is in [seats] and in [seats.web]"),
    (f"{WEB}[seats.far]\nfirst = 3060\ncount = 2\n", "first = 3060", "seat 3060 is in [seats.web] and in [seats.far]"),
    (f"{WEB}[seats.far]\nfirst = 2100\ncount = 2\n", "first = 2100", "seat 2100 is in [seats] and in [seats.far]"),
])
def test_a_number_is_a_phone_or_a_page(tmp_path: Path, new: str, place: str, what: str) -> None:
    found = problems_after(tmp_path, WEB, new)
    assert len(found) == 1 and found[0].startswith(f"santral.toml:{line_of(tmp_path, place)}: {what}"), found


def test_a_centre_has_a_seat(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", "count = 180", "count = 0")
    assert load_centre(folder).problems == (), "pages are seats too"
    edit(folder, "santral.toml", f"\n{WEB}", "\n")
    edit(folder, "santral.toml", "[seats.web]", "#")
    (found,) = load_centre(folder).problems
    assert found.where == f"santral.toml:{line_of(tmp_path, '[seats]')}" and "has no seat: raise 'count'" in found.what


@pytest.mark.parametrize("match", ["127.0.0.1", "127.0.0.0/8", "0.0.0.0/1"])
def test_no_page_is_the_carrier(tmp_path: Path, match: str) -> None:
    found = problems_after(tmp_path, 'match = ["127.0.0.2"]', f'match = ["127.0.0.2",\n  "{match}"]')
    line = line_of(tmp_path, "match")
    assert len(found) == 1 and found[0].startswith(
        f"santral.toml:{line}: '{match}' holds 127.0.0.1, from which the node leads pages to Asterisk: every page "
        "would be the carrier"), found


@pytest.mark.parametrize(("match", "turn", "refused"), [
    ("192.0.2.0/24", True, True), ("192.0.2.7", True, True), ("192.0.2.7:5062", True, False),
    ("198.51.100.7", True, False), ("192.0.2.0/24", False, False)])
def test_no_agent_calls_as_the_carrier_through_the_relay_of_sound(tmp_path: Path, match: str, turn: bool,
                                                                  refused: bool) -> None:
    folder = copied(tmp_path)
    relay = '[turn]\nurl = "turn:desk.example:3478?transport=tcp"\n' if turn else ""
    edit(folder, "santral.toml", "[asterisk]", f'{relay}[asterisk]\nadvertise = "192.0.2.7"')
    edit(folder, "santral.toml", 'match = ["127.0.0.2"]', f'match = ["{match}"]')
    found = [str(one) for one in load_centre(folder).problems]
    said = f"santral.toml:{line_of(tmp_path, 'match')}: '{match}' holds 192.0.2.7, from which the relay of [turn] sends"
    assert [one.startswith(said) for one in found] == ([True] if refused else []), found


def test_a_carrier_that_registers_is_none_of_the_pages(tmp_path: Path) -> None:
    found = problems_after(tmp_path, "[seats] ", '[trunk.registration]\nserver = "127.0.0.1:5099"\nuser = "u"\n[seats]')
    assert len(found) == 1 and found[0].startswith(f"santral.toml:{line_of(tmp_path, 'server')}: "), found


@pytest.mark.parametrize("match", ["127.0.0.1:5062", "192.0.2.0/24"])
def test_a_carrier_on_this_machine_is_known_by_its_port(tmp_path: Path, match: str) -> None:
    assert problems_after(tmp_path, 'match = ["127.0.0.2"]', f'match = ["{match}"]') == []


def test_without_pages_the_trunk_may_be_this_machine(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", WEB, "")
    text = (folder / "santral.toml").read_text(encoding="utf-8")
    kept = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("[seats.web]"))
    (folder / "santral.toml").write_text(kept.replace('["127.0.0.2"]', '["127.0.0.1"]'), encoding="utf-8")
    assert load_centre(folder).problems == ()


@pytest.mark.parametrize("sip", ["0.0.0.0:5060", "[::]:5060", "pbx.example:5060"])
def test_pages_need_one_address_for_sound(tmp_path: Path, sip: str) -> None:
    found = problems_after(tmp_path, 'sip = "127.0.0.1:5060"', f'sip = "{sip}"')
    assert len(found) == 1 and found[0].startswith(f"santral.toml:{line_of(tmp_path, 'sip')}: "), found
    edit(tmp_path / "meb", "santral.toml", "[asterisk]", '[asterisk]\nadvertise = "192.0.2.7"')
    loaded = load_centre(tmp_path / "meb")
    assert loaded.problems == () and loaded.settings is not None
    assert loaded.settings.asterisk.media_address == "192.0.2.7"


@pytest.mark.parametrize(("new", "what"), [
    ('[asterisk]\nadvertise = "0.0.0.0"', "'asterisk.advertise' should be one IPv4 address"),
    ('[asterisk]\nadvertise = "pbx.example"', "'asterisk.advertise' should be one IPv4 address"),
    ('[asterisk]\nhttp = "192.0.2.7:8088"', "'asterisk.http' should be at 127.0.0.1 with a port"),
    ('[asterisk]\nhttp = "0.0.0.0:8088"', "'asterisk.http' should be at 127.0.0.1 with a port"),
    ('[asterisk]\nhttp = "127.0.0.1:0"', "'asterisk.http' should be at 127.0.0.1 with a port"),
    ('[turn]\nurl = "relay.example:3478"\n[asterisk]', "'turn.url' should be turn:host:port"),
    ('[turn]\nurl = "turn:u:p@relay.example"\n[asterisk]', "'turn.url' should be turn:host:port"),
    ('[turn]\nurl = "turn:relay.example:99999"\n[asterisk]', "'turn.url' should be turn:host:port"),
    ('[turn]\nsecret = "x"\n[asterisk]', "unknown key 'secret'"),
    ('[desk]\nsip = "https://desk.example/sip"\n[asterisk]', "'desk.sip' should be wss://host/path"),
    ('[desk]\nsip = "wss://u:p@desk.example/sip"\n[asterisk]', "'desk.sip' should be wss://host/path"),
    ('[desk]\nsip = "ws://desk.example/sip"\n[asterisk]', "may be ws only at 127.0.0.1"),
    ('[desk]\ncaller = "full"\n[asterisk]', "'desk.caller' should be 'none' or 'masked'"),
    ('[desk]\nproxies = ["proxy.example"]\n[asterisk]', "should be an address or a network"),
    ('[desk]\nnotes_days = 0\n[asterisk]', "'desk.notes_days' should be at least 1"),
])
def test_a_wrong_address_is_one_message_with_its_line(tmp_path: Path, new: str, what: str) -> None:
    found = problems_after(tmp_path, "[asterisk]", new)
    line = line_of(tmp_path, new.splitlines()[1])
    assert len(found) == 1 and found[0].startswith(f"santral.toml:{line}: ") and what in found[0], found


@pytest.mark.parametrize("url", ["turn:127.0.0.1:3478?transport=tcp", "turns:relay.example", "turn:[::1]:3478"])
def test_a_relay_for_sound_has_an_address(tmp_path: Path, url: str) -> None:
    assert problems_after(tmp_path, "[asterisk]", f'[turn]\nurl = "{url}"\n[asterisk]') == []


@pytest.mark.parametrize("url", ["wss://desk.example/sip", "ws://127.0.0.1:8088/ws"])
def test_pages_may_be_led_past_the_node(tmp_path: Path, url: str) -> None:
    assert problems_after(tmp_path, "[asterisk]", f'[desk]\nsip = "{url}"\n[asterisk]') == []
