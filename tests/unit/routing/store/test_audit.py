"""The record of accesses: a chain of lines that shows whether one was changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from routing.store.audit import Audit, AuditError

pytestmark = pytest.mark.unit


def test_a_line_of_the_record_that_was_changed_or_taken_out_shows(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    for number in range(3):
        audit.note_entry("ayse", "heard", 1_700_000_000.0 + number, recording=f"r{number}")
    whole = audit.path.read_bytes()
    assert [entry.about["recording"] for entry in audit.read_entries()] == ["r0", "r1", "r2"]
    lines = whole.splitlines(keepends=True)
    for wrong in (whole.replace(b"ayse", b"veli", 1), lines[0] + lines[2], lines[1] + lines[2], b"x" + whole,
                  whole.replace(b'"r1"', b'"r9"')):
        audit.path.write_bytes(wrong)
        with pytest.raises(AuditError):
            list(audit.read_entries())
    audit.path.write_bytes(whole + b'{"number":4,"at"')  # torn by the loss of power
    audit.note_entry("ayse", "heard", 1_700_000_009.0, recording="r3")
    assert [entry.number for entry in audit.read_entries()] == [1, 2, 3, 4]
    assert audit.path.stat().st_mode & 0o777 == 0o600
    audit.note_entry("ayse", "exported", 1_700_000_010.0, contacts=[str(number) for number in range(501)])
    assert list(audit.read_entries())[-1].about == {"contacts": "501 of them"}
