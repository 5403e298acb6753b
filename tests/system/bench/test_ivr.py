"""The bench of the whole menu, short: real calls through the node and through the server that decides nothing."""

from __future__ import annotations

import asyncio

import pytest

from bench import ivr

pytestmark = pytest.mark.system


async def test_calls_go_through_the_node_and_through_a_server_that_decides_nothing() -> None:
    """`measure` itself raises when a caller did not get through the whole dialogue."""
    rows = {row.name: row for row in await asyncio.to_thread(ivr.measure_menu, 1, 6, 8, 4)}
    assert rows["ivr node's CPU"].value > 0 and rows["ivr Asterisk's CPU"].value > 0
    assert rows["ivr calls carried"].ratio is not None and rows["ivr calls failed"].value == 0
