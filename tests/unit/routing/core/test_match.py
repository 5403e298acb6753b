"""The indexes: where agents stand, where contacts wait, and what they cost."""

from __future__ import annotations

from typing import Any

import pytest

from routing.core.matching.agent_pool import ALL_CHANNELS, CHANNEL_BIT, Group, virtual_start
from routing.core.matching.matching_index import EXTRA_POOLS_MAX, Matching
from routing.core.model.centre_model import Agent, Channel, Profile, Service, Step
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.core.records import AgentRecord, Contact

pytestmark = pytest.mark.unit

EDU, PSY, EN = SkillId("edu"), SkillId("psy"), SkillId("en")
LESSON = Service(ServiceId("edu"), "Uzaktan eğitim", (Step(((EDU, 50),), 20.0), Step(((EDU, 20),))))
GRIEF = Service(ServiceId("psy"), "Psikososyal destek", (Step(((PSY, 50),)),), load=3)


def contact(service: Service, number: int = 1, channel: Channel = Channel.VOICE, **more: Any) -> Contact:
    made = Contact(ContactId(f"c{number}"), service, channel, float(number), 0, number, float(number), **more)
    made.entry = virtual_start(service, made.since, made.priority), number, made
    return made


class Floor:
    """Agents who are signed in, by their levels in `edu`, `psy` and `en`."""

    def __init__(self, *services: Service, agents: tuple[Agent, ...] = ()) -> None:
        self.matching = Matching(services, agents)
        self.number = 0

    def sits(self, profile: Profile | None = None, **levels: int) -> AgentRecord:
        agent = Agent(AgentId(f"a{self.number}"), tuple((SkillId(name), level) for name, level in levels.items()),
                      profile or Profile())
        record = AgentRecord(agent, self.number, idle_since=float(self.number), seat=SeatId("s"), desk=True)
        self.number += 1
        self.matching.sign_in(record)
        return record

    def ready(self, *channels: Channel, profile: Profile | None = None, **levels: int) -> AgentRecord:
        record = self.sits(profile, **levels)
        self.matching.index_agent(record, sum(CHANNEL_BIT[one] for one in channels) or ALL_CHANNELS)
        return record

    def best(self, one: Contact) -> list[AgentRecord]:
        self.matching.settle_agents()
        group = self.matching.group_of(one)
        return group.pool.best_agents(group.allowed, 9)


def test_one_pool_has_every_level_of_a_single_skill() -> None:
    floor = Floor(LESSON)
    low, high, middle = floor.ready(edu=20), floor.ready(edu=90), floor.ready(edu=50)
    assert floor.best(contact(LESSON)) == [high, middle]
    assert floor.best(contact(LESSON, step=1)) == [high, middle, low]
    assert floor.matching.group_of(contact(LESSON)).pool is floor.matching.group_of(contact(LESSON, step=1)).pool


def test_weakest_first_keeps_to_the_levels_that_will_do() -> None:
    service = LESSON._replace(strategy="weakest_first")
    floor = Floor(service)
    floor.ready(edu=49)
    high, low = floor.ready(edu=100), floor.ready(edu=50)
    assert floor.best(contact(service)) == [low, high]


def test_equal_keys_go_by_the_place_in_the_list() -> None:
    service = LESSON._replace(strategy="least_occupied")
    floor = Floor(service)
    busy, idle, idle_too = floor.sits(edu=60), floor.sits(edu=60), floor.sits(edu=60)
    busy.occupied, busy.occupied_at = 100.0, 50.0
    for record in (idle_too, busy, idle):
        floor.matching.index_agent(record)
    assert floor.best(contact(service)) == [idle, idle_too, busy]
    busy.occupied = 0.0  # while they stand their place does not move, and they are found where they are
    floor.matching.unindex_agent(busy)
    floor.matching.unindex_agent(idle)
    assert floor.best(contact(service)) == [idle_too]
    floor.matching.unindex_agent(idle_too)
    assert floor.best(contact(service)) == [] and floor.matching.ready_count == 0


def test_an_agent_stands_only_for_the_channels_of_now() -> None:
    floor = Floor(LESSON)
    chat = floor.ready(Channel.CHAT, edu=60)
    both = floor.ready(edu=55)
    assert floor.best(contact(LESSON)) == [both]
    assert floor.best(contact(LESSON, channel=Channel.CHAT)) == [chat, both]
    floor.matching.unindex_agent(chat)
    floor.matching.index_agent(chat, CHANNEL_BIT[Channel.VOICE])
    assert floor.best(contact(LESSON)) == [chat, both]
    assert floor.best(contact(LESSON, channel=Channel.CHAT)) == [both]


def test_a_profile_without_the_channel_or_with_none_at_a_time_is_not_counted() -> None:
    floor = Floor(LESSON)
    floor.sits(Profile(channels=frozenset({Channel.CHAT})), edu=60)
    floor.sits(Profile(max_concurrency=((Channel.VOICE, 0),)), edu=60)
    assert floor.matching.group_of(contact(LESSON)).count_signed_in() == 0
    assert floor.matching.group_of(contact(LESSON, channel=Channel.CHAT)).count_signed_in() == 2
    assert floor.matching.group_of(contact(LESSON,
        channel=Channel.TASK)).count_signed_in() == 1, "an unnamed channel: one"


def test_pools_of_a_channel_are_made_with_its_first_contact_and_keep_the_order() -> None:
    floor = Floor(LESSON)
    late, early, away = floor.sits(edu=60), floor.sits(edu=60), floor.sits(edu=60)
    late.idle_since = 5.0
    floor.matching.index_agent(late)
    floor.matching.index_agent(early)
    for channel in (Channel.EMAIL, Channel.VOICE):
        assert floor.best(contact(LESSON, channel=channel)) == [early, late]
    assert floor.matching.ready_count == 2 and floor.matching.signed_in_count == 3 and away.placement is None
    assert floor.matching.group_of(contact(LESSON, channel=Channel.EMAIL)).count_signed_in() == 3


def test_a_contacts_own_needs_and_topics_are_met() -> None:
    angry = Profile(no_topics=frozenset({"abusive", "edu2"}))
    other = LESSON._replace(id=ServiceId("edu2"))
    floor = Floor(LESSON, other, agents=(Agent(AgentId("x"), (), angry),))
    calm, english = floor.ready(profile=angry, edu=60, en=10), floor.ready(edu=50, en=50)
    assert floor.best(contact(LESSON, needs=((EN, 20),))) == [english]
    assert floor.best(contact(LESSON, topics=frozenset({"abusive", "unheard of"}))) == [english]
    assert floor.best(contact(LESSON, topics=frozenset({"unheard of"}))) == [calm, english]
    assert floor.best(contact(other)) == [english], "a service is a topic"
    assert calm.serves == ("edu",) and english.serves == ("edu", "edu2")


def test_pools_of_single_contacts_are_bounded_and_never_taken_from_those_who_wait() -> None:
    floor = Floor(LESSON)
    record = floor.ready(edu=60, en=100)
    waiting = contact(LESSON, needs=((EN, 100),))
    floor.matching.add_contact(floor.matching.group_of(waiting), waiting)
    for level in range(EXTRA_POOLS_MAX + 20):
        assert floor.best(contact(LESSON, needs=((EN, level),))) == [record]
    assert record.cohort is not None and len(record.cohort.slots) == 1 + EXTRA_POOLS_MAX
    assert floor.best(waiting) == [record] and waiting.group is floor.matching.group_of(waiting)
    floor.matching.sign_out(record)
    assert floor.best(waiting) == []


def test_heavy_contacts_keep_to_the_tiers() -> None:
    floor = Floor(GRIEF)
    tired, fresh, full, spared = (floor.sits(psy=level) for level in (90, 60, 100, 70))
    tired.max_load_normal, full.max_load_normal, full.max_load_last_resort = 2, 2, 2
    spared.max_load_normal = spared.max_load_last_resort = spared.max_load_emergency = 2
    for record in (tired, fresh, full, spared):
        floor.matching.index_agent(record)
    assert floor.best(contact(GRIEF)) == [fresh, tired]
    assert floor.best(contact(GRIEF, beyond_ceiling=True)) == [fresh, tired, full]
    assert floor.matching.group_of(contact(GRIEF)).count_signed_in() == 4


def test_light_contacts_know_no_tiers() -> None:
    light = GRIEF._replace(load=2)
    floor = Floor(light)
    full = floor.sits(psy=60)
    full.max_load_normal = full.max_load_last_resort = 2
    floor.matching.index_agent(full)
    assert floor.best(contact(light)) == [full]


def test_a_personal_line_is_there_as_long_as_somebody_waits_in_it() -> None:
    floor = Floor(LESSON)
    record = floor.ready(edu=10)
    first, second = contact(LESSON, 1), contact(LESSON, 2)
    floor.matching.add_personal(second, record)
    floor.matching.add_personal(first, record)
    group = first.group
    assert isinstance(group, Group) and group is second.group and group.queue.head()[2] is first
    assert group.has_ready_agent and group.pool.first_agent(group.allowed) is record
    floor.matching.unindex_agent(record)
    assert not group.has_ready_agent
    floor.matching.index_agent(record, CHANNEL_BIT[Channel.CHAT])
    floor.matching.settle_agents()
    assert not group.has_ready_agent, "not for calls now"
    floor.matching.remove_contact(first)
    floor.matching.remove_contact(second)
    floor.matching.remove_contact(second)
    assert record.personal_pools == () and not floor.matching.waiting_groups


def test_with_other_rules_contacts_wait_in_other_groups() -> None:
    limited = LESSON._replace(id=ServiceId("limited"), max_talking=1)
    same = LESSON._replace(id=ServiceId("same"))
    heavier = LESSON._replace(id=ServiceId("heavier"), weight=2.0)
    floor = Floor(LESSON, limited, same, heavier)
    group = floor.matching.group_of(contact(LESSON))
    assert group is floor.matching.group_of(contact(same))
    others = [contact(limited), contact(heavier), contact(LESSON, step=1), contact(LESSON, node="b")]
    assert len({group, *map(floor.matching.group_of, others)}) == 5


def test_nobody_is_left_behind_when_agents_sign_out() -> None:
    floor = Floor(LESSON)
    record = floor.ready(edu=60)
    waiting = contact(LESSON)
    floor.matching.add_contact(floor.matching.group_of(waiting), waiting)
    assert not floor.matching.groups_to_review
    floor.matching.sign_out(record)
    floor.matching.sign_out(record)
    assert list(floor.matching.groups_to_review) == [waiting.group] and waiting.group is not None \
        and waiting.group.is_unservable
    assert floor.matching.signed_in_count == floor.matching.ready_count == 0
