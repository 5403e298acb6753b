"""The address that pages are told is one of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from asterisk_conf.machine_addresses import list_addresses
from centres.centre_reader import load_centre
from santral.centre.page_address import check_advertised
from santral.cli import cli
from santral.errors import SantralError
from santral.secrets import NodeSecrets
from tests.ministry import copied, edit

pytestmark = pytest.mark.unit

TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
        |-- 192.0.2.0
           /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 5
        |-- 127.0.0.1
           /32 host LOCAL
        |-- 192.0.2.10
           /32 host LOCAL
        |-- 192.0.2.9
           /32 host LOCAL
           /32 link BROADCAST
        |-- 192.0.2.255
           /32 link BROADCAST
"""


def problems_of(tmp_path: Path, advertise: str) -> list[str]:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", "[asterisk]\n", f'[asterisk]\nadvertise = "{advertise}"\n')
    return [str(one) for one in check_advertised(load_centre(folder))]


def test_an_address_of_another_machine_is_one_message_with_its_line(tmp_path: Path) -> None:
    found = problems_of(tmp_path, "203.0.113.77")
    assert len(found) == 1
    line = (tmp_path / "meb" / "santral.toml").read_text(encoding="utf-8").splitlines().index("[asterisk]") + 2
    assert found[0].startswith(f"santral.toml:{line}: 203.0.113.77 is no address of this machine"), found


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.9", *list_addresses()])
def test_every_address_of_this_machine_will_do(tmp_path: Path, address: str) -> None:
    assert problems_of(tmp_path, address) == []


def test_the_addresses_of_the_machine_are_those_of_the_kernel(tmp_path: Path) -> None:
    trie = tmp_path / "fib_trie"
    trie.write_text(TRIE, encoding="ascii")
    assert list_addresses(trie) == ("192.0.2.9", "192.0.2.10")
    assert list_addresses(tmp_path / "nowhere") == ()


def test_a_relay_without_its_secret_is_told_by_check_with_its_line(tmp_path: Path) -> None:
    folder, state = copied(tmp_path), tmp_path / "state"
    edit(folder, "santral.toml", "[asterisk]\n", '[turn]\nurl = "turn:relay.example:3478"\n[asterisk]\n')
    line = (folder / "santral.toml").read_text(encoding="utf-8").splitlines().index("[turn]") + 2
    out = CliRunner().invoke(cli, ["check", str(folder), "--state", str(state)], env={"COLUMNS": "400"})
    said = f"warning: santral.toml:{line}: [turn] names a relay for the sound of pages, but its secret is not there."
    assert out.exit_code == 0 and said in out.output
    path = NodeSecrets(state).folder / "turn.json"
    path.write_text('{"secret": "abc"}', encoding="utf-8")
    path.chmod(0o600)
    assert "[turn] names" not in CliRunner().invoke(cli, ["check", str(folder), "--state", str(state)]).output


def test_a_relay_without_its_secret_says_where_it_belongs(tmp_path: Path) -> None:
    secrets = NodeSecrets(tmp_path)
    with pytest.raises(SantralError, match=r"its secret is not there.*turn\.json, mode 0600"):
        secrets.turn_secret()
    path = secrets.folder / "turn.json"
    path.write_text('{"secret": "abc"}', encoding="utf-8")
    path.chmod(0o600)
    assert secrets.turn_secret() == "abc"
