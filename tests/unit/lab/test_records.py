"""A node's figures are read as they stand, and a day is summed up from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.lifecycle import AgentSeat
from lab.people import node_records
from lab.people.traffic import pick_across_teams

pytestmark = pytest.mark.unit

PAGE = """\
# TYPE acd_contacts_offered_total counter
acd_contacts_offered_total{queue="a",channel="voice"} 5
acd_contacts_offered_total{queue="b",channel="voice"} 3
# TYPE acd_contacts_total counter
acd_contacts_total{queue="a",channel="voice",outcome="answered"} 4
acd_contacts_total{queue="b",channel="voice",outcome="abandoned"} 1
acd_contacts_total{queue="b",channel="voice",outcome="abandoned_short"} 1
acd_contacts_total{queue="b",channel="voice",outcome="overflow"} 2
# TYPE acd_sla_contacts_total counter
acd_sla_contacts_total{queue="a",channel="voice",within="true"} 3
acd_sla_contacts_total{queue="a",channel="voice",within="false"} 3
"""
LOG = """\
1795570419|1795570404.0|a|NONE|ENTERQUEUE|||1
1795570420|1795570404.0|a|a1001|CONNECT|7|o1-1795570404.0|1
1795570425|1795570404.0|a|a1001|COMPLETEAGENT|7|5|1
1795570430|1795570406.0|b|NONE|ABANDON|1|1|11
"""


def test_a_day_is_summed_up(tmp_path: Path) -> None:
    (tmp_path / "queue_log").write_text(LOG)
    lines = node_records.read_queue_log(tmp_path / "queue_log")
    found = node_records.summarise_run(PAGE, lines)
    assert (found.offered, found.answered, found.abandoned, found.other) == (8, 4, 2, 2)
    assert found.service_level == 0.5
    assert found.longest_wait_s == 11
    assert node_records.summarise_run("", []).service_level is None


def test_a_line_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "queue_log").write_text("1795570419|x\n")
    with pytest.raises(LabError, match="at least 5"):
        node_records.read_queue_log(tmp_path / "queue_log")


def test_agents_are_taken_from_each_team_in_turn() -> None:
    agents = [AgentSeat(f"{team}{number}", "2001", "", "", {}, team) for team in "xy" for number in range(3)]
    assert pick_across_teams(agents, 4) == ["x0", "y0", "x1", "y1"]
    assert len(pick_across_teams(agents, 99)) == 6
