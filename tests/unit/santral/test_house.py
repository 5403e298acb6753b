"""A hang-up signal asks for a reload; whatever goes wrong with it, the node goes on. Agents see what is stored of
them."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from centres.centre_reader import SHIPPED
from desk.api.models import Reload
from routing.core.inbox import InboxClosed
from routing.core.model.errors import UnknownService
from routing.core.model.ids import AgentId
from routing.store.errors import StoreError
from santral.centre.config import node_config
from santral.errors import SantralError
from santral.node.operations import RunningNodeOperations
from tests.until import LIMIT_S

pytestmark = pytest.mark.unit

TROUBLES = [InboxClosed(), TimeoutError(), UnknownService("gone"), StoreError("disk full"), OSError(28, "no space")]

OWN: Any = SimpleNamespace(hang_up=None, comfort=None, save_comfort=None, own_day=None, access_log=None,
                           list_codes=None, save_note=None, own_contacts=None, callers_at_hand=None)
"""The part of a desk that these tests do not ask."""



async def test_no_reload_by_signal_ends_the_node() -> None:
    troubles, asked = list(TROUBLES), asyncio.Event()

    class Reloader:
        async def reload_files(self, by: str, *, dry_run: bool) -> Any:
            if not troubles:
                asked.set()
                await asyncio.Event().wait()
            raise troubles.pop(0)

    audited = list[tuple[str, str, dict[str, Any]]]()

    async def audit(who: str, what: str, **about: Any) -> None:
        audited.append((who, what, about))

    hang_up: Any = SimpleNamespace(wait=lambda: asyncio.sleep(0), clear=lambda: None)
    house = RunningNodeOperations(lambda: None, Reloader(), lambda: 0.0, SimpleNamespace(),  # type: ignore[arg-type, return-value]
                      SimpleNamespace(find_recordings=None, read_recording=None, pause_by_api=None, audit_access=audit),  # type: ignore[arg-type]
                      lambda offer: True, SimpleNamespace(erase_preference=None), lambda: None, tuple,  # type: ignore[arg-type]
                      SimpleNamespace(), OWN, OWN, str, dict)  # type: ignore[arg-type]
    running = asyncio.create_task(house.run_reloads(hang_up))
    await asyncio.wait_for(asked.wait(), LIMIT_S)
    assert not running.done() and not troubles
    running.cancel()
    assert audited[0] == ("SIGHUP", "reload_requested", {"dry_run": False})


@pytest.mark.parametrize(("by", "named", "told"), [
    ("admin omer", None, "admin omer"), ("admin omer", "somebody", "admin omer"), ("admin", "omer", "admin omer"),
    ("admin", None, "admin")])
async def test_a_reload_is_in_the_audit_with_the_person(by: str, named: str | None, told: str) -> None:
    audited = list[tuple[str, str, dict[str, Any]]]()

    async def audit(who: str, what: str, **about: Any) -> None:
        audited.append((who, what, about))

    class Reloader:
        async def reload_files(self, by: str, *, dry_run: bool) -> Any:
            assert audited, "the line comes first"
            raise SantralError("menu.yaml:3: wrong")

    house = RunningNodeOperations(lambda: None, Reloader(), lambda: 0.0, SimpleNamespace(),  # type: ignore[arg-type, return-value]
                      SimpleNamespace(find_recordings=None, read_recording=None, pause_by_api=None, audit_access=audit),  # type: ignore[arg-type]
                      lambda offer: True, SimpleNamespace(erase_preference=None), lambda: None, tuple,  # type: ignore[arg-type]
                      SimpleNamespace(), OWN, OWN, str, dict)  # type: ignore[arg-type]
    done = await house.reload_centre(Reload(dry_run=True, by=named), by)
    assert done.problems == ["menu.yaml:3: wrong"]
    assert audited == [(told, "reload_requested", {"dry_run": True})]


def test_everything_that_is_stored_of_an_agents_needs_is_shown_them_as_the_files_have_it(tmp_path: Path) -> None:
    centre = tmp_path / "meb"
    shutil.copytree(SHIPPED / "meb", centre)
    with (centre / "santral.toml").open("a", encoding="utf-8") as file:
        file.write("\n[profile]\nwrapup_s = 20\n")
    (centre / "accommodations.yaml").write_text("""\
accommodations:
  - {agent: a1001, channels: [social, chat], break_plan: ["10:00-10:15"], valid_to: 2026-01-31, approved_by: kurul}
  - {agent: a1001, distress_limit: {soft: 2, hard: 3, release: 1}, valid_from: 2026-02-01, review_at: 2026-08-01}
  - {agent: a1002, ring_timeout_s: 30}
""", encoding="utf-8")
    (centre / "accommodations.yaml").chmod(0o600)
    config, now = node_config(centre), datetime(2026, 1, 31, 20, 30, tzinfo=UTC).timestamp()  # 23:30 in Ankara
    house = RunningNodeOperations(lambda: config, SimpleNamespace(), lambda: now, SimpleNamespace(),  # type: ignore[arg-type]
                      SimpleNamespace(find_recordings=None, read_recording=None, pause_by_api=None, audit_access=None),  # type: ignore[arg-type]
                      lambda offer: True, SimpleNamespace(erase_preference=None), lambda: None, tuple,  # type: ignore[arg-type]
                      SimpleNamespace(), OWN, OWN, str, dict)  # type: ignore[arg-type]
    found = house.own_needs(AgentId("a1001"))
    assert found.everybody == {"wrapup_s": 20.0}
    assert [one.model_dump(exclude_none=True) for one in found.entries] == [
        {"in_force": True, "valid_to": "2026-01-31", "approved_by": "kurul",
         "needs": {"channels": ["chat", "social"], "break_plan": ["10:00-10:15"]}},
        {"in_force": False, "valid_from": "2026-02-01", "review_at": "2026-08-01",
         "needs": {"distress_limit": {"soft": 2.0, "hard": 3.0, "release": 1.0}}}]
    now += 3600.0
    assert [one.in_force for one in house.own_needs(AgentId("a1001")).entries] == [False, True]
    assert house.own_needs(AgentId("a1003")).entries == []
