"""A surge profile: one switch for words, menu, deflection, breaks and people; it survives a restart and is audited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routing.core.model.ids import AgentId, ServiceId
from routing.store.audit import Audit
from routing.store.store import Store
from santral.centre.config import check_centre, node_config
from santral.node.centre_calendar import state_at
from santral.node.surge_switch import SurgeError, SurgeSwitch
from tests.ministry import copied, edit

pytestmark = pytest.mark.integration

NOW = 1_795_569_100.0
OFF_DUTY = NOW - 86_400 * 3


class Node:
    """A switch over a store and the ministry's files with a plan of breaks for all."""

    def __init__(self, folder: Path, store: Store, state: Path) -> None:
        self.config, self.store, self.state, self.changes = node_config(folder), store, state, 0
        self.switch = self.fresh()

    def fresh(self) -> SurgeSwitch:
        switch = SurgeSwitch(self.store, Audit(self.state), lambda: self.config, lambda: NOW)
        switch.changed = self.count
        return switch

    def count(self) -> None:
        self.changes += 1

    async def restarted(self) -> SurgeSwitch:
        switch = self.fresh()
        await switch.load_switch()
        return switch


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", '"4440632" = "ana"', '"4440632" = "ana"\n"4440183" = "kriz"')
    edit(folder, "menu.yaml", "  ana: karsilama\n", "  ana: karsilama\n  kriz: psikososyal\n")
    with (folder / "santral.toml").open("a", encoding="utf-8") as file:
        file.write('\n[profile]\nbreak_plan = ["10:00-10:15"]\n')
    store = await Store.open_store(tmp_path / "santral.db")
    yield Node(folder, store, tmp_path)
    await store.close()


async def test_one_word_switches_menu_words_and_deflection_and_a_restart_forgets_nothing(node: Node) -> None:
    switch = node.switch
    assert switch.entry_in_force("ana", "ana") == "ana" and not list(switch.current_announcements())
    assert not switch.is_deflected("temsilci", 10_000, None)
    await switch.switch("quake", "supervisor ayse")
    for one in (switch, await node.restarted()):
        assert one.entry_in_force("ana", "ana") == "deprem"
        assert one.entry_in_force("ana", "kapali") == "kapali", "a closed line stays closed"
        assert one.entry_in_force("kriz", "kriz") == "kriz", "the crisis number has no menu to shorten"
        assert {(said.prompt, said.service) for said in one.current_announcements()} == {
            ("yogun-deprem", service.id) for service in node.config.loaded.services if not service.distress}
        assert one.is_deflected("temsilci", 4, None) and not one.is_deflected("temsilci", 3, None)
        assert not one.is_deflected("psikososyal", 10_000, 10_000.0), "never in distress"
        assert (one.by, one.since) == ("supervisor ayse", NOW)
    await switch.switch("quake", "supervisor ali")
    assert switch.by == "supervisor ayse" and node.changes == 1, "on already"
    await switch.switch("", "supervisor ali")
    assert (await node.restarted()).profile is None and switch.entry_in_force("ana", "ana") == "ana"
    assert [(one.who, one.what, one.about["profile"]) for one in Audit(node.state).read_entries()] == [
        ("supervisor ayse", "surge_on", "quake"), ("supervisor ali", "surge_off", "quake")]
    with pytest.raises(SurgeError, match="no surge profile 'sel'; there are quake"):
        await switch.switch("sel", "admin")


async def test_the_key_of_the_duty_supervisor(node: Node) -> None:
    switch = node.switch
    assert switch.may_switch(AgentId("a1001")) and not switch.may_switch(AgentId("a1003"))
    assert await switch.switch_by_key("1", AgentId("a1001")) is True
    assert switch.name == "quake" and switch.by == "agent a1001"
    assert await switch.switch_by_key("2", AgentId("a1001")) is None and await switch.switch_by_key(
        "", AgentId("a1001")) is None
    assert await switch.switch_by_key("0", AgentId("a1001")) is False and switch.profile is None


async def test_a_profile_that_leaves_the_files_is_off(node: Node) -> None:
    await node.switch.switch("quake", "admin")
    node.config = node.config.with_settings(node.config.settings.model_copy(update={
        "surge": node.config.settings.surge.model_copy(update={"profiles": {}})}))
    again = await node.restarted()
    assert again.profile is None and again.entry_in_force("ana", "ana") == "ana"


async def test_people_are_called_in_and_only_own_breaks_stay(node: Node) -> None:
    profile = node.config.settings.surge.profiles["quake"]
    before, during = (state_at(node.config, OFF_DUTY, surge=one) for one in (None, profile))
    assert set(during.on_call) == set(before.on_call) and all(during.on_call.values())
    assert not all(before.on_call.values())
    served = {service.id: service.steps for service in during.centre.services}
    assert len(served[ServiceId("temsilci")]) == 1 and "gorus_oneri >= 30" in served[ServiceId("temsilci")][0].where
    assert served[ServiceId("temsilci")][0].where.endswith("and not (psikososyal >= 64)")
    assert all(steps == old.steps for old in before.centre.services if old.id != "temsilci"
               for steps in [served[old.id]])
    own = {one.agent for one in node.config.loaded.accommodations.values() if one.break_plan is not None}
    assert set(during.breaks) == own < set(before.breaks)


@pytest.mark.parametrize(("old", "new", "key", "what"), [
    ('entry = "deprem"', 'entry = "sel"', "entry", "names the entry 'sel', which menu.yaml does not have"),
    ('entry = "deprem"', 'entry = "ana"', "", ""),
    ('say = "yogun-deprem"', 'say = "yogun-sel"', "say", "unknown prompt 'yogun-sel'"),
    ('shared = ["temsilci"]', 'shared = ["psikososyal"]', "shared", "'psikososyal' is no ordinary service"),
    ('supervisors = ["a1001"', 'supervisors = ["a9998"', "supervisors", "no agent 'a9998'"),
    ("deflect = { waiting = 4 }", "deflect = {}", "deflect", "needs 'waiting' or 'over_s'"),
    ("deflect = { waiting = 4 }", "deflect = { waiting = 0 }", "deflect", "should be at least 1"),
])
def test_a_faulty_profile_is_told_with_its_line(tmp_path: Path, old: str, new: str, key: str, what: str) -> None:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", old, new)
    problems = [str(one) for one in check_centre(folder).problems]
    if not what:
        assert problems == []
        return
    lines = (folder / "santral.toml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if text.startswith(key) and "=" in text
                and number > next(at for at, text in enumerate(lines) if text.startswith("[fallback]")))
    assert len(problems) == 1 and problems[0].startswith(f"santral.toml:{line}: ") and what in problems[0], problems


def test_a_profile_without_a_way_to_distress_or_with_it_in_the_middle_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    text = (folder / "menu.yaml").read_text(encoding="utf-8")
    begin = text.index("  deprem-menu:")
    first = text[text.index("      - key: 1", begin):text.index("      - key: 0", begin)]
    (folder / "menu.yaml").write_text(text[:begin] + text[begin:].replace(first, "", 1), encoding="utf-8")
    (problem,) = check_centre(folder).problems
    assert "has no way to a service for distress" in str(problem) and str(problem).startswith("santral.toml:")
    rest = text[begin:].replace(first, "", 1)
    at = rest.index("    closing:")
    (folder / "menu.yaml").write_text(text[:begin] + rest[:at] + first + rest[at:], encoding="utf-8")
    (problem,) = check_centre(folder).problems
    # With a slow voice the key is also too late in the menu itself.
    assert "distress is not the first option" in str(problem) or "rule I22" in str(problem)
