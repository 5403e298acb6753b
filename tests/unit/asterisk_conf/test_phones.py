"""Provisioning files and cards of phones: complete, private, and readable again."""

from __future__ import annotations

import json
import stat
import wave
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from asterisk_conf.phones.cards import NoDigits, account_uri, render_pin_cards, render_seat_cards, speak_pin
from asterisk_conf.phones.provisioning import (
    BadAddress,
    PhoneAccount,
    read_macs,
    render_grandstream,
    render_phones,
    render_yealink,
)
from santral.cli import cli

pytestmark = pytest.mark.unit

SEAT = PhoneAccount("sc-2001", "Secret<&>2001abcdefghij", "192.0.2.20", 5060, ("alaw", "g722"))
DIGIT_FRAMES, RATE = 800, 8000


def digits(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for digit in range(10):
        with wave.open(str(folder / f"{digit}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(bytes([digit + 1, 0]) * DIGIT_FRAMES)
    return folder


def test_a_yealink_file_has_the_account_and_its_codecs_in_order() -> None:
    rows = dict(line.split(" = ", 1) for line in render_yealink(SEAT).splitlines() if " = " in line)
    assert rows["account.1.auth_name"] == "sc-2001" and rows["account.1.password"] == SEAT.secret
    assert rows["account.1.sip_server.1.address"] == "192.0.2.20"
    assert (rows["account.1.codec.pcma.priority"], rows["account.1.codec.g722.priority"]) == ("1", "2")
    assert rows["account.1.codec.pcmu.enable"] == "0"


def test_a_grandstream_file_is_xml_with_the_account() -> None:
    tree = ElementTree.fromstring(render_grandstream(SEAT, "001565aabbcc"))
    values = {one.tag: one.text for one in tree.iterfind("config/*")}
    assert values["P34"] == SEAT.secret and values["P47"] == "192.0.2.20:5060"
    assert (values["P57"], values["P58"]) == ("8", "9") and tree.findtext("mac") == "001565aabbcc"


def test_files_are_named_as_the_phones_ask_for_them() -> None:
    macs = read_macs("# seat,address\nsc-2001, 00:15:65:AA:BB:CC\n", ["sc-2001", "sc-2002"])
    found = render_phones([SEAT, SEAT._replace(seat="sc-2002")], macs)
    assert set(found) == {"yealink/001565aabbcc.cfg", "grandstream/cfg001565aabbcc.xml", "yealink/sc-2002.cfg",
                          "grandstream/cfgsc-2002.xml"}
    assert all("not tried on a real phone" in text for text in found.values())


@pytest.mark.parametrize("text", ["2009,001565aabbcc", "sc-2001,nothing", "sc-2001",
                                  "sc-2001,001565aabbcc\nsc-2002,001565aabbcc"])
def test_a_wrong_line_of_addresses_is_told(text: str) -> None:
    with pytest.raises(BadAddress, match=r"line \d: "):
        read_macs(text, ["sc-2001", "sc-2002"])


def test_cards_say_what_a_person_needs() -> None:
    page = render_seat_cards([SEAT])
    assert "<svg" in page and 'aria-label="Hesabın kare kodu"' in page and "Secret&lt;&amp;&gt;2001" in page
    assert account_uri(SEAT) == f"sip:sc-2001:{SEAT.secret}@192.0.2.20:5060"
    small, large = (render_pin_cards({"1001": "4711"}, large=one) for one in (False, True))
    assert "<dd>4711 #</dd>" in small and 'class="large"' in large and 'class="large"' not in small


def test_a_spoken_pin_has_every_digit_twice(tmp_path: Path) -> None:
    (tmp_path / "out.wav").write_bytes(speak_pin("12", "903", digits(tmp_path / "digits")))
    with wave.open(str(tmp_path / "out.wav"), "rb") as file:
        frames = file.readframes(file.getnframes())
    said = [frames[at] - 1 for at in range(0, len(frames), 2) if frames[at] and (at == 0 or not frames[at - 2])]
    assert said == [1, 2, 9, 0, 3] * 2
    with pytest.raises(NoDigits, match="santral prompts build"):
        speak_pin("1", "2", tmp_path / "nowhere")


def test_the_command_writes_private_files_for_a_centre(tmp_path: Path) -> None:
    (tmp_path / "local.toml").write_text(f'[asterisk]\nsip = "0.0.0.0:5060"\nsounds = "{tmp_path}/sounds"\n'
                                         'advertise = "192.0.2.9"\n'
                                         '[trunk]\nmatch = ["192.0.2.1"]\n[seats]\ncount = 3\nprefix = "sc-"\n')
    digits(tmp_path / "sounds/tr/digits")
    words = ["phones", "centres/meb", "--settings", str(tmp_path / "local.toml"), "--state", str(tmp_path / "state"),
             "--out", str(tmp_path / "out")]
    told = CliRunner().invoke(cli, words)
    assert told.exit_code == 0 and "address = 192.0.2.9" in (tmp_path / "out/yealink/sc-2001.cfg").read_text()
    done = CliRunner().invoke(cli, [*words, "--server", "192.0.2.20"])
    assert done.exit_code == 0 and "3 phones, 180 PIN cards, 180 as sound" in done.output, done.output
    seats = json.loads((tmp_path / "state/secrets/seats.json").read_text())
    found = (tmp_path / "out/yealink/sc-2001.cfg").read_text()
    assert seats["sc-2001"] in found and "address = 192.0.2.20" in found
    for path in (tmp_path / "out").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
