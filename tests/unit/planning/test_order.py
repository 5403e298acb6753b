"""Order violations, counted by a second look at the rules."""

from __future__ import annotations

import pytest

from planning.simulation.order_monitor import OrderMonitor
from routing.core.model.centre_model import HEAVY_LOAD, Centre, Channel, Profile, Service, Step
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from tests.planning_house import agent, service

pytestmark = pytest.mark.unit

VOICE = Channel.VOICE
A, B, C = (ContactId(name) for name in "ABC")
GENERAL, EDU_ONLY, TIP_ONLY = AgentId("both"), AgentId("edu"), AgentId("tip")


def order(**tip: object) -> OrderMonitor:
    return OrderMonitor(Centre((service("edu"), service("tip", **tip)),
                        (agent("both", "edu", "tip"), agent("edu", "edu"), agent("tip", "tip"))))


def come(the_order: OrderMonitor, contact: ContactId, name: str, since: float, priority: int = 0) -> None:
    the_order.add_contact(contact, ServiceId(name), VOICE, priority, since)


def test_to_pass_somebody_older_whom_the_agent_could_serve_is_a_violation() -> None:
    found = order()
    come(found, A, "tip", 0.0)
    come(found, B, "edu", 1.0)
    assert found.note_offer(B, GENERAL, 5.0)


def test_the_oldest_passes_nobody_and_one_who_came_at_the_same_time_neither() -> None:
    found = order()
    come(found, A, "tip", 0.0)
    come(found, B, "edu", 0.0)
    assert not found.note_offer(A, GENERAL, 5.0)
    assert not found.note_offer(B, GENERAL, 5.0)


def test_within_one_service_the_older_comes_first() -> None:
    found = order()
    come(found, A, "edu", 0.0)
    come(found, B, "edu", 1.0)
    assert found.note_offer(B, EDU_ONLY, 5.0)


def test_whom_the_agent_could_not_serve_is_not_passed() -> None:
    found = order()
    come(found, A, "tip", 0.0)
    come(found, B, "edu", 1.0)
    assert not found.note_offer(B, EDU_ONLY, 5.0)


@pytest.mark.parametrize("other", [{"priority": 2}, {"weight": 2.0}, {"load": HEAVY_LOAD}, {"preferred_s": 60.0}])
def test_only_equals_can_be_passed(other: dict[str, object]) -> None:
    found = order(**other)
    come(found, A, "tip", 0.0)
    come(found, B, "edu", 1.0)
    assert not found.note_offer(B, GENERAL, 5.0)


def test_points_of_the_contact_count_for_its_class() -> None:
    found = order(priority=2)
    come(found, A, "tip", 0.0)
    come(found, B, "edu", 1.0, priority=2)
    assert found.note_offer(B, GENERAL, 5.0)


def test_who_has_left_or_rings_is_not_passed() -> None:
    found = order()
    come(found, A, "tip", 0.0)
    come(found, B, "tip", 1.0)
    come(found, C, "edu", 2.0)
    found.remove_contact(A)
    assert not found.note_offer(B, TIP_ONLY, 5.0)
    assert not found.note_offer(C, GENERAL, 5.0)


def test_who_comes_back_from_a_phone_that_was_not_taken_has_the_old_age() -> None:
    found = order()
    come(found, A, "edu", 0.0)
    assert not found.note_offer(A, EDU_ONLY, 0.0)
    come(found, B, "edu", 1.0)
    come(found, C, "edu", 2.0)
    found.return_contact(A)
    assert found.note_offer(B, EDU_ONLY, 5.0)
    assert not found.note_offer(A, EDU_ONLY, 6.0)
    assert not found.note_offer(C, EDU_ONLY, 6.0)


def test_another_service_or_other_points_take_the_age_along() -> None:
    found = order()
    come(found, A, "tip", 0.0)
    come(found, B, "edu", 1.0)
    found.move_contact(A, ServiceId("edu"))
    assert found.note_offer(B, EDU_ONLY, 5.0)
    found = order()
    come(found, A, "edu", 0.0)
    come(found, B, "edu", 1.0)
    found.change_contact(A, 5, (), frozenset())
    assert not found.note_offer(B, EDU_ONLY, 5.0)


def test_needs_of_the_contact_keep_agents_away_who_have_them_not() -> None:
    found = order()
    found.add_contact(A, ServiceId("edu"), VOICE, 0, 0.0, ((SkillId("en"), 1),))
    come(found, B, "edu", 1.0)
    assert not found.note_offer(B, EDU_ONLY, 5.0)


def test_a_step_lets_an_agent_pass_only_until_it_asks_for_less() -> None:
    steps = (Step(((SkillId("edu"), 80),), 20.0), Step(((SkillId("edu"), 10),)))
    rules: Service = service("edu", steps=steps)
    for step, passed in ((0, False), (1, True)):
        found = OrderMonitor(Centre((rules, service("tip")), (agent("both", "edu", "tip"),)))
        come(found, A, "edu", 0.0)
        come(found, B, "tip", 1.0)
        if step:
            found.note_step(A, step)
        assert found.note_offer(B, GENERAL, 25.0) is passed
        found.move_contact(A, ServiceId("edu"))
        come(found, C, "tip", 2.0)
        assert not found.note_offer(C, GENERAL, 26.0), "a contact that moves begins with the first step"


def test_what_a_profile_excludes_is_not_served() -> None:
    profile = Profile(no_topics=frozenset({"tip"}))
    found = OrderMonitor(Centre((service("edu"), service("tip")), (agent("both", "edu", "tip", profile=profile),)))
    come(found, A, "tip", 0.0)
    come(found, B, "edu", 1.0)
    assert not found.note_offer(B, GENERAL, 5.0)


def test_who_is_sent_elsewhere_at_the_door_is_not_passed_until_another_service_takes_them() -> None:
    found = order(max_waiting=1)
    found.note_opening(ServiceId("edu"), False)
    come(found, A, "edu", 0.0)
    found.add_contact(B, ServiceId("tip"), VOICE, 0, 0.5, place=2)
    come(found, C, "tip", 1.0)
    assert not found.note_offer(C, GENERAL, 5.0)
    found.note_opening(ServiceId("edu"), True)
    found.move_contact(A, ServiceId("tip"))
    found.return_contact(C)
    assert found.note_offer(C, GENERAL, 5.0)
    found.remove_contact(B)
    assert not found.note_offer(A, GENERAL, 5.0)


def test_a_contact_that_a_rule_leads_out_is_not_passed_until_another_service_takes_it() -> None:
    found = order()
    come(found, A, "edu", 0.0)
    come(found, B, "edu", 1.0)
    found.lead_out(A)
    assert not found.note_offer(B, GENERAL, 5.0)
    found.move_contact(A, ServiceId("tip"))
    come(found, C, "tip", 6.0)
    assert found.note_offer(C, GENERAL, 7.0)


def test_who_hangs_on_a_link_that_is_down_is_not_passed() -> None:
    found = order()
    found.add_contact(A, ServiceId("tip"), VOICE, 0, 0.0, node="west")
    come(found, B, "edu", 1.0)
    found.note_link("west", False)
    found.note_link("east", True)
    assert not found.note_offer(B, GENERAL, 5.0)
    found.note_link("west", True)
    found.return_contact(B)
    assert found.note_offer(B, GENERAL, 6.0)


def test_a_service_with_enough_contacts_at_agents_is_not_passed() -> None:
    found = order(max_talking=1)
    for number, contact in enumerate((A, B)):
        come(found, contact, "tip", float(number))
    come(found, C, "edu", 2.0)
    assert not found.note_offer(A, TIP_ONLY, 5.0)
    assert not found.note_offer(C, GENERAL, 5.0)
    found.return_contact(C)
    found.end_talk(A)
    assert found.note_offer(C, GENERAL, 5.0)


def test_another_channel_is_passed_only_by_an_agent_with_nothing_under_way() -> None:
    both = Profile(channels=frozenset({VOICE, Channel.CHAT}))
    for profile, idle, passed in ((both, True, True), (both, False, False), (both._replace(pair_id="p"), True, False),
                                  (both._replace(capacity=50), True, False), (Profile(), True, True)):
        found = OrderMonitor(Centre((service("edu"),), (agent("edu", "edu", profile=profile),)))
        come(found, A, "edu", 0.0)
        found.add_contact(B, ServiceId("edu"), Channel.CHAT, 0, 1.0)
        assert found.note_offer(B, EDU_ONLY, 5.0, idle) is passed, (profile, idle)


def test_skills_for_now_and_new_rules_count_from_their_moment() -> None:
    found = order()
    come(found, A, "tip", 0.0)
    come(found, B, "edu", 1.0)
    assert not found.note_offer(B, EDU_ONLY, 5.0)
    found.return_contact(B)
    found.note_skills(EDU_ONLY, ((SkillId("edu"), 50), (SkillId("tip"), 50)))
    assert found.note_offer(B, EDU_ONLY, 6.0)
    found.return_contact(B)
    found.note_skills(EDU_ONLY, None)
    assert not found.note_offer(B, EDU_ONLY, 7.0)
    found.return_contact(B)
    found.apply_centre(Centre((service("edu"), service("tip")), (agent("edu", "edu", "tip"), agent("both", "edu"))))
    assert found.note_offer(B, EDU_ONLY, 8.0)
    found.return_contact(B)
    assert not found.note_offer(B, GENERAL, 8.0)
    found.return_contact(B)
    found.apply_centre(Centre((service("edu", priority=3), service("tip")), (agent("edu", "edu", "tip"),)))
    assert not found.note_offer(B, EDU_ONLY, 9.0), "no longer equals"


def test_who_was_cut_off_waits_again_with_the_old_age() -> None:
    found = order()
    come(found, A, "edu", 0.0)
    assert not found.note_offer(A, EDU_ONLY, 0.0)
    come(found, B, "edu", 1.0)
    found.return_contact(A)
    assert found.note_offer(B, EDU_ONLY, 9.0)
