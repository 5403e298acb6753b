"""Display names of people: on pages, and nowhere else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from desk.api.tokens import Role
from desk.people import person_rows
from desk.people.person_rows import Person
from desk.people.session_requests import COOKIE
from metrics.mqtt.message import Device, messages_of
from metrics.prometheus.recorder import MetricsRecorder
from routing.core import events as e
from routing.core.model.facts import AgentChanged
from routing.core.model.ids import AgentId
from routing.core.model.talk_facts import Connected
from tests.fakes.live_node import live_node
from tests.fakes.team import named
from tests.until import until_async

pytestmark = pytest.mark.integration

NAME = "Zümrüt Göklerden"


async def test_a_display_name_is_in_no_fact_log_metric_message_or_event(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with live_node(tmp_path) as node:
            # 1. A person with a name works: sign-in, talk, hold, pause, sign-out.
            await node.store.run_write(lambda connection: person_rows.put_person(
                connection, Person("a1", NAME, (Role.AGENT,), disabled=False), "", 0.0))
            await node.desk.load()
            assert node.desk.sessions.display_name("a1") == NAME, "pages ask for it"
            cookie = await node.desk.sessions.open_session("a1")
            await node.sits("a1", "2001")
            async with node.browse("a1", {"Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}) as page:
                shown = [await page.next("state")]
                offer = await node.talks("c1")
                node.post(e.HoldSet(offer.offer, True), e.AgentPaused(AgentId("a1"), "mola"),
                          e.TalkEnded(offer.offer, "caller"))
                shown += await page.notices(2)
            await node.ask("POST", "/api/v1/agents/a1/logout", "a1")
            await until_async(lambda: node.runner.colleagues_of(AgentId("a2")) == ())
            facts = await node.store.facts_after(0)
    # 2. Facts, and what metrics and MQTT make of them.
    assert any(isinstance(fact, Connected) for fact in facts) and any(isinstance(fact, AgentChanged) for fact in facts)
    recorder = MetricsRecorder(named(["bilgi"], {"genel": 2}))
    recorder.count_facts(facts)
    devices = {AgentId("a1"): Device("lamba", "both")}
    sent = [list(messages_of(fact, devices, {})) for fact in facts]
    assert any(sent)
    told = [repr(facts), generate_latest(recorder.registry).decode(), repr(sent), repr(shown), repr(logs),
            *(path.read_text(encoding="utf-8") for path in tmp_path.glob("*.jsonl"))]
    assert not [text for text in told if "Zümrüt" in text or "Z\\u00fcmr" in text]
    # 3. All tables of the store: journal, rows, outbox.
    with closing(sqlite3.connect(tmp_path / "santral.db")) as db:
        tables = [table for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert [table for table in tables if "Zümrüt" in repr(db.execute(f"SELECT * FROM {table}").fetchall())
                ] == ["people"]
