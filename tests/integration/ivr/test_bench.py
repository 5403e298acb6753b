"""The FastAGI benchmark measures what it says: every candidate answers whole calls."""

from __future__ import annotations

import asyncio

import pytest

from bench import agi
from tests.until import LIMIT_S

pytestmark = pytest.mark.integration


def test_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agi, "CALLS", 5)
    monkeypatch.setattr(agi, "ROUNDS", 1)
    monkeypatch.setattr(agi, "CALLERS", 2)
    rows = agi.measure_rows()
    assert len({row.name for row in rows}) == 6, "two servers with both settings, and connections that say nothing"
    assert all(row.value > 0 and row.ratio is not None and "panoramisk" in row.beside for row in rows[:4])
    assert [row.goal != "" for row in rows] == [True, False, False, False, True, True]


@pytest.mark.parametrize("candidate", [agi.serve_santral, agi.serve_panoramisk, agi.serve_streams])
async def test_each_candidate_sends_all_commands(candidate: agi.Candidate) -> None:
    async with candidate() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(agi.HEAD)
        commands = []
        while line := await asyncio.wait_for(reader.readline(), LIMIT_S):
            commands.append(line)
            writer.write(b"200 result=1\n")
        writer.close()
    assert commands == [b'SET VARIABLE "ACD_NEXT" "hold"\n'] * agi.COMMANDS
