"""Santral next to the work of an existing Asterisk: places of the includes, what changes, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_conf.carrier import Address
from asterisk_conf.conf_plan import AsteriskPlan
from asterisk_conf.existing.live_lint import lint_live, lint_logs
from asterisk_conf.existing.live_reader import LiveFolder, NoAsteriskFolder
from asterisk_conf.existing.placement import is_generated
from asterisk_conf.existing.share import Shared, share_asterisk
from asterisk_conf.lint import lint_folder
from asterisk_conf.render import render_files
from asterisk_conf.write import write_files
from ivr.routes.in_call_keys import IN_CALL_KEYS
from tests.fakes.asterisk_plan import plan
from tests.fakes.freepbx_tree import write_tree

pytestmark = pytest.mark.unit

SEATS = (("sc-2001", "SeatSecret2001abcdefghij"), ("sc-2002", "SeatSecret2002abcdefghij"))


def ours() -> AsteriskPlan:
    return replace(plan(), prefix="sc-", seats=SEATS, sip=Address("127.0.0.1", 5080))


@pytest.fixture
def freepbx(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    write_tree(folder, sip="0.0.0.0:5060", ami=5038, secret="theirs", moh="/moh", rtp_first=10000, rtp_last=20000)
    return folder


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    for name, text in {
            "modules.conf": "[modules]\nautoload=yes\n; a comment in Latin-5: \xfe\n[global]\nx=1\n",
            "extensions.conf": "[general]\nstatic=yes\n[internal]\nexten => 600,1,Echo()\n",
            "pjsip.conf": "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0:5060\n[phone](!)\ntype=endpoint\n"
                          "[2001](phone)\nauth=2001\n",
            "manager.conf": "[general]\nenabled=yes\nport=5038\nbindaddr=127.0.0.1\n",
            "features.conf": "[general]\n[featuremap]\nblindxfer => #1\n[applicationmap]\n",
            "logger.conf": "[general]\n[logfiles]\nmessages.log => notice,warning\n"}.items():
        (folder / name).write_bytes(text.encode("latin-1"))
    return folder


def put(shared: Shared, folder: Path) -> LiveFolder:
    assert shared.findings == []
    write_files(shared.files, folder)
    return LiveFolder(folder)


@pytest.mark.parametrize("tree", ["freepbx", "plain"])
def test_every_line_is_in_the_section_it_belongs_to(tree: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(tree)
    live = put(share_asterisk(ours(), folder), folder)
    assert lint_live(live, IN_CALL_KEYS) == []
    noload = {entry.value: section.name for section in live.read_sections("modules.conf") for entry in section.entries
              if entry.name == "noload" and entry.file.startswith("santral/")}
    assert noload == {"bridge_native_rtp.so": "modules", "res_pjsip_diversion.so": "modules"}
    keys = next(one for one in live.read_sections("features.conf") if one.name == "applicationmap")
    assert {key.feature for key in IN_CALL_KEYS} <= {entry.name for entry in keys.entries}
    endpoints = {one.name for one in live.read_sections("pjsip.conf") if one.value_of("type") == "endpoint"}
    assert {"2001", "sc-2001", "sc-2002", "sc-trunk"} <= endpoints and "trunk" not in endpoints
    # A second run changes nothing.
    again = share_asterisk(ours(), folder)
    assert not any(one.new for one in again.placed) and again.findings == []


def test_the_files_of_freepbx_stay_as_it_has_written_them(freepbx: Path) -> None:
    shared = share_asterisk(ours(), freepbx)
    changed = {one.file for one in shared.placed}
    assert all("custom" in name for name in changed), changed
    assert {"extensions_custom.conf", "features_applicationmap_custom.conf", "modules_custom.conf",
            "cel_general_custom.conf", "logger_logfiles_custom.conf", "pjsip_custom_post.conf"} <= changed
    assert not any(is_generated(text) for name, text in shared.files.items() if not name.startswith("santral/"))


def test_every_setting_of_the_whole_asterisk_is_listed(freepbx: Path) -> None:
    shared = share_asterisk(ours(), freepbx)
    listed = {(one.file, one.key): (one.before, one.after) for one in shared.changes}
    assert listed["pjsip.conf", "endpoint_identifier_order"] == ("", "header,ip,username")
    assert listed["cel.conf", "enable"] == ("no", "yes")
    general = {name: text for name, text in shared.files.items() if name.endswith(("_general.conf", "_modules.conf"))
               and name.startswith("santral/")}
    written = [line for text in general.values() for line in text.splitlines() if line and line[0] not in ";["]
    assert len(written) + 1 == len(shared.changes), "and nothing else is written into them"
    assert ("modules.conf", "load") not in listed and "app_voicemail.so" in shared.left


def test_bytes_of_another_encoding_are_kept(plain: Path) -> None:
    put(share_asterisk(ours(), plain), plain)
    assert b"Latin-5: \xfe\n" in (plain / "modules.conf").read_bytes()


def test_their_transport_is_used_at_the_same_port(freepbx: Path) -> None:
    shared = share_asterisk(replace(ours(), sip=Address("0.0.0.0", 5060)), freepbx)
    text = shared.files["santral/pjsip.conf"]
    assert "transport=0.0.0.0-udp" in text and "type=transport" not in text
    assert "[sc-transport-udp]" in share_asterisk(ours(), freepbx).files["santral/pjsip.conf"]


@pytest.mark.parametrize(("file", "text", "what", "place"), [
    ("pjsip.endpoint_custom.conf", "[sc-2001]\ntype=endpoint\n", "[sc-2001] exists already",
     "pjsip.endpoint_custom.conf:1"),
    ("pjsip_custom.conf", "[x]\ntype=identify\nendpoint=x\nmatch=192.0.2.10\n", "192.0.2.10 belongs to [x] already",
     "pjsip_custom.conf:4"),
    ("modules_custom.conf", "noload => app_read.so\n", "app_read.so is kept out", "modules_custom.conf:1"),
])
def test_a_conflict_is_told_with_its_place(freepbx: Path, file: str, text: str, what: str, place: str) -> None:
    (freepbx / file).write_text(text, encoding="utf-8")
    found = [str(one) for one in share_asterisk(ours(), freepbx).findings]
    assert any(what in one and place in one for one in found), found


def test_ami_at_another_port_and_no_prefix_are_told(freepbx: Path) -> None:
    found = share_asterisk(replace(ours(), ami=Address("127.0.0.1", 5039)), freepbx).findings
    assert [one.mend for one in found] == ['[asterisk] ami = "127.0.0.1:5038"']
    (alone,) = share_asterisk(plan(), freepbx).findings
    assert 'prefix = "sc-"' in alone.mend


def test_a_folder_that_is_none_of_an_asterisk_has_one_message(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NoAsteriskFolder, match=r"no folder of an Asterisk.*usually /etc/asterisk"):
            LiveFolder(folder)


@pytest.mark.parametrize(("file", "section", "include", "what"), [
    ("pjsip.conf", "[global]", "santral/modules_modules.conf", ""),
    ("modules.conf", "[global]", "santral/modules_modules.conf", "noload falls into [global] of modules.conf"),
    ("features.conf", "[featuremap]", "santral/features_applicationmap.conf", "falls into [featuremap]"),
])
def test_a_fragment_by_hand_in_the_wrong_section_is_found(plain: Path, file: str, section: str, include: str,
                                                          what: str) -> None:
    put(share_asterisk(ours(), plain), plain)
    path = plain / file
    text = path.read_bytes().decode("latin-1").replace(f"#include {include}\n", "")
    if section not in text:
        text += f"{section}\n"
    path.write_bytes(text.replace(f"{section}\n", f"{section}\n#include {include}\n", 1).encode("latin-1"))
    found = [str(one) for one in lint_live(LiveFolder(plain), IN_CALL_KEYS)]
    assert any((what or "falls into [global]") in one for one in found), found


def test_lines_that_fall_into_our_last_section_are_found(plain: Path) -> None:
    put(share_asterisk(ours(), plain), plain)
    path = plain / "extensions.conf"
    path.write_text(path.read_text() + "exten => 700,1,Echo()\n")
    found = [str(one) for one in lint_live(LiveFolder(plain), IN_CALL_KEYS)]
    assert any("exten falls into Santral's [santral-nowhere]" in one for one in found), found


def test_lines_of_the_operator_at_the_end_of_a_file_are_read_and_checked(tmp_path: Path) -> None:
    write_files(render_files(plan()), tmp_path)
    assert lint_live(LiveFolder(tmp_path), IN_CALL_KEYS) == [] == lint_folder(tmp_path)
    (tmp_path / "local").mkdir()
    (tmp_path / "local/extensions.conf").write_text("[mine]\nexten => 700,1,Answer()\n same => n,Hangup()\n")
    assert lint_live(LiveFolder(tmp_path), IN_CALL_KEYS) == []
    # A line without a section belongs to the last one of ours, and a dangerous application is one here too.
    (tmp_path / "local/extensions.conf").write_text("exten => 700,1,Answer()\n[mine]\nexten => 701,1,System(true)\n")
    found = [str(one) for one in lint_live(LiveFolder(tmp_path), IN_CALL_KEYS)]
    assert any("local/extensions.conf:1: exten falls into [santral-nowhere] of extensions.conf" in one
               for one in found), found
    assert any("application System" in one for one in found), found


def test_an_include_that_is_not_there_and_a_talkative_log_are_found(plain: Path) -> None:
    put(share_asterisk(ours(), plain), plain)
    (plain / "santral/queues.conf").unlink()
    found = [str(one) for one in lint_live(LiveFolder(plain), IN_CALL_KEYS)]
    assert any("santral/queues.conf is not there" in one for one in found), found
    assert "logs notice" in str(lint_logs(LiveFolder(plain))[0])
