"""The line of the caller's page: a visitor's browser may ask for anything, and reaches the centre alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.phones.network_conf import VisitorLine, write_files

pytestmark = pytest.mark.unit


def plan_of(folder: Path, page: VisitorLine | None) -> str:
    write_files(folder, sip=5060, ami=5038, rtp=(10000, 10100), target="127.0.0.1:5070", secret="x", page=page)
    return (folder / "extensions.conf").read_text(encoding="utf-8").partition("[visitor]")[2]


def test_a_visitor_calls_the_numbers_of_the_centre_and_no_text_of_a_browser_is_dialled(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, VisitorLine(8099, ("4440632", "3125551122")))
    assert re.findall(r"^exten => (\S+?),", plan, re.MULTILINE) == ["4440632", "3125551122", "T"]
    assert "EXTEN" not in plan
    assert re.findall(r"Dial\(([^)]*)\)", plan) == [
        f"PJSIP/centre/sip:{number}@127.0.0.1:5070,90" for number in ("4440632", "3125551122")]
    # The number of the caller comes from the browser as well, and is read in an expression.
    assert plan.index("Set(CALLERID(num)=${FILTER(0-9,") < plan.index("$[")
    assert "bindport=8099" in (tmp_path / "http.conf").read_text(encoding="utf-8")


def test_without_the_page_there_is_no_such_line(tmp_path: Path) -> None:
    assert plan_of(tmp_path, None) == ""
    assert "enabled=no" in (tmp_path / "http.conf").read_text(encoding="utf-8")
