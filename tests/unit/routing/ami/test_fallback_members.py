"""Members of the fallback queues: who may answer what, and what a change of an agent does."""

from __future__ import annotations

import pytest

from asterisk_conf import conf_plan
from routing.ami.fallback import members
from routing.ami.fallback.members import FallbackMembers, longest_ring_s, may_answer
from routing.core.inbox import AgentView
from routing.core.model.centre_model import Agent, AgentState, Centre, Channel, Profile, Service, Step
from routing.core.model.ids import AgentId, SeatId, ServiceId, SkillId

pytestmark = pytest.mark.unit

PSY, INFO = SkillId("psy"), SkillId("info")
CRISIS = Service(ServiceId("crisis"), "Destek", (Step(((PSY, 70),), 20.0), Step(((PSY, 0),))), floor=((PSY, 50),),
                 distress=True)
DESK = Service(ServiceId("desk"), "Bilgi", (Step(((INFO, 30),)),))


def agent(name: str, profile: Profile | None = None, remote: bool = False, **skills: int) -> Agent:
    return Agent(AgentId(name), tuple((SkillId(skill), level) for skill, level in skills.items()),
                 profile or Profile(), remote=remote)


def view(one: Agent, state: AgentState = AgentState.READY, seat: str | None = "2001", reason: str = "") -> AgentView:
    return AgentView(one.id, "genel", state, reason, 0.0, None if seat is None else SeatId(seat), None, None, None, 0,
                     one.skills, "")


def wanted(centre: Centre, *views: AgentView) -> dict[tuple[str, str], str | None]:
    return dict(FallbackMembers("desk", {"uzak-a1", "3001"}).wanted_members(centre, views))


def test_the_queues_are_those_that_asterisk_has() -> None:
    assert members.FALLBACK_PREFIX == conf_plan.FALLBACK_PREFIX
    assert members.FALLBACK_UNKNOWN == conf_plan.FALLBACK_UNKNOWN
    assert FallbackMembers("desk").queue_names(Centre((CRISIS, DESK), ())) == [
        "santral-fallback-unknown", "santral-crisis", "santral-desk"]


def test_nobody_below_the_floor_without_voice_or_with_the_topic_excluded_is_a_member() -> None:
    assert may_answer(agent("a", psy=50), CRISIS), "a later step takes them"
    assert not may_answer(agent("a", psy=49), CRISIS) and not may_answer(agent("a", info=99), CRISIS)
    assert not may_answer(agent("a", Profile(channels=frozenset({Channel.CHAT})), psy=90), CRISIS)
    assert not may_answer(agent("a", Profile(no_topics=frozenset({"crisis"})), psy=90), CRISIS)


def test_a_queue_rings_as_long_as_its_slowest_member_needs() -> None:
    slow, quick = agent("a", Profile(ring_timeout_s=44.2), psy=80), agent("b", Profile(ring_timeout_s=10.0), psy=80)
    far = agent("c", Profile(ring_timeout_s=90.0), remote=True, psy=80)
    assert longest_ring_s(CRISIS, (slow, quick, far)) == 45 and longest_ring_s(CRISIS, (quick,)) == 10
    assert longest_ring_s(CRISIS, ()) == members.RING_S


def test_members_are_the_phones_of_those_who_are_signed_in_with_their_pauses() -> None:
    both, info = agent("a", psy=60, info=60), agent("b", info=60)
    centre = Centre((CRISIS, DESK), (both, info))
    assert wanted(centre, view(both), view(info, AgentState.PAUSED, "2002", "mola")) == {
        ("santral-crisis", "PJSIP/2001"): None, ("santral-desk", "PJSIP/2001"): None,
        ("santral-fallback-unknown", "PJSIP/2001"): None,
        ("santral-desk", "PJSIP/2002"): "mola", ("santral-fallback-unknown", "PJSIP/2002"): "mola"}
    assert wanted(centre, view(both, AgentState.SIGNED_OUT), view(info, seat=None)) == {}
    assert wanted(centre, view(info, AgentState.NOT_RESPONDING))["santral-desk", "PJSIP/2001"] == "not_responding"
    assert wanted(centre, view(info, AgentState.WRAPUP))["santral-desk", "PJSIP/2001"] is None
    assert wanted(centre, view(info, seat="uzak-a1")) == {}, "an outside number needs a key against mailboxes"
    assert wanted(centre, view(info, seat="3001")) == {}, "a page cannot ring without the node"


def test_skills_of_the_day_and_a_new_centre_count() -> None:
    one = agent("a", psy=60)
    table = FallbackMembers("desk")
    assert list(table.wanted_members(Centre((CRISIS, DESK), (one,)), [view(one)])) == [("santral-crisis", "PJSIP/2001")]
    moved = view(one)._replace(skills=((INFO, 60),))
    assert ("santral-desk", "PJSIP/2001") in table.wanted_members(Centre((CRISIS, DESK), (one,)), [moved])
    assert not table.wanted_members(Centre((CRISIS._replace(floor=((PSY, 90),)),), (one,)), [view(one)])
