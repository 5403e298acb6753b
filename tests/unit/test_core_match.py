"""The indexes: where agents stand, where contacts wait, and what they cost."""

from __future__ import annotations

from typing import Any

import pytest

from routing.core.ids import AgentId, ContactId, ServiceId, SkillId
from routing.core.match import SPARE_POOLS, Matching
from routing.core.model import Agent, Channel, Profile, Service, Step
from routing.core.pool import ALL_CHANNELS, CHANNEL_BIT, Group
from routing.core.records import AgentRecord, Contact

pytestmark = pytest.mark.unit

EDU, PSY, EN = SkillId("edu"), SkillId("psy"), SkillId("en")
LESSON = Service(ServiceId("edu"), "Uzaktan eğitim", (Step(((EDU, 50),), 20.0), Step(((EDU, 20),))))
GRIEF = Service(ServiceId("psy"), "Psikososyal destek", (Step(((PSY, 50),)),), load=3)


def contact(service: Service, number: int = 1, channel: Channel = Channel.VOICE, **more: Any) -> Contact:
    made = Contact(ContactId(f"c{number}"), service, channel, float(number), 0, number, float(number), **more)
    made.key = made.line_key()
    return made


class Floor:
    """Agents who are signed in, by their levels in `edu`, `psy` and `en`."""

    def __init__(self, *services: Service, agents: tuple[Agent, ...] = ()) -> None:
        self.matching = Matching(services, agents)
        self.number = 0

    def sits(self, profile: Profile | None = None, **levels: int) -> AgentRecord:
        agent = Agent(AgentId(f"a{self.number}"), tuple((SkillId(name), level) for name, level in levels.items()),
                      profile or Profile())
        record = AgentRecord(agent, self.number, idle_since=float(self.number))
        self.number += 1
        self.matching.sign_in(record)
        return record

    def ready(self, *channels: Channel, profile: Profile | None = None, **levels: int) -> AgentRecord:
        record = self.sits(profile, **levels)
        self.matching.stand(record, sum(CHANNEL_BIT[one] for one in channels) or ALL_CHANNELS)
        return record

    def best(self, one: Contact) -> list[AgentRecord]:
        self.matching.settle()
        group = self.matching.group(one)
        return group.pool.best(group.allowed, 9)


def test_one_pool_has_every_level_of_a_single_skill() -> None:
    floor = Floor(LESSON)
    low, high, middle = floor.ready(edu=20), floor.ready(edu=90), floor.ready(edu=50)
    assert floor.best(contact(LESSON)) == [high, middle]
    assert floor.best(contact(LESSON, step=1)) == [high, middle, low]
    assert floor.matching.group(contact(LESSON)).pool is floor.matching.group(contact(LESSON, step=1)).pool


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
        floor.matching.stand(record)
    assert floor.best(contact(service)) == [idle, idle_too, busy]
    busy.occupied = 0.0  # while they stand their place does not move, and they are found where they are
    floor.matching.leave(busy)
    floor.matching.leave(idle)
    assert floor.best(contact(service)) == [idle_too]
    floor.matching.leave(idle_too)
    assert floor.best(contact(service)) == [] and floor.matching.ready == 0


def test_an_agent_stands_only_for_the_channels_of_now() -> None:
    floor = Floor(LESSON)
    chat = floor.ready(Channel.CHAT, edu=60)
    both = floor.ready(edu=55)
    assert floor.best(contact(LESSON)) == [both]
    assert floor.best(contact(LESSON, channel=Channel.CHAT)) == [chat, both]
    floor.matching.leave(chat)
    floor.matching.stand(chat, CHANNEL_BIT[Channel.VOICE])
    assert floor.best(contact(LESSON)) == [chat, both]
    assert floor.best(contact(LESSON, channel=Channel.CHAT)) == [both]


def test_a_profile_without_the_channel_or_with_none_at_a_time_is_not_counted() -> None:
    floor = Floor(LESSON)
    floor.sits(Profile(channels=frozenset({Channel.CHAT})), edu=60)
    floor.sits(Profile(max_concurrency=((Channel.VOICE, 0),)), edu=60)
    assert floor.matching.group(contact(LESSON)).signed_in() == 0
    assert floor.matching.group(contact(LESSON, channel=Channel.CHAT)).signed_in() == 2
    assert floor.matching.group(contact(LESSON, channel=Channel.TASK)).signed_in() == 1, "an unnamed channel: one"


def test_pools_of_a_channel_are_made_with_its_first_contact_and_keep_the_order() -> None:
    floor = Floor(LESSON)
    late, early, away = floor.sits(edu=60), floor.sits(edu=60), floor.sits(edu=60)
    late.idle_since = 5.0
    floor.matching.stand(late)
    floor.matching.stand(early)
    for channel in (Channel.EMAIL, Channel.VOICE):
        assert floor.best(contact(LESSON, channel=channel)) == [early, late]
    assert floor.matching.ready == 2 and floor.matching.signed_in == 3 and away.standing is None
    assert floor.matching.group(contact(LESSON, channel=Channel.EMAIL)).signed_in() == 3


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
    floor.matching.join(floor.matching.group(waiting), waiting)
    for level in range(SPARE_POOLS + 20):
        assert floor.best(contact(LESSON, needs=((EN, level),))) == [record]
    assert record.kind is not None and len(record.kind.places) == 1 + SPARE_POOLS
    assert floor.best(waiting) == [record] and waiting.group is floor.matching.group(waiting)
    floor.matching.sign_out(record)
    assert floor.best(waiting) == []


def test_heavy_contacts_keep_to_the_tiers() -> None:
    floor = Floor(GRIEF)
    tired, fresh, full, spared = (floor.sits(psy=level) for level in (90, 60, 100, 70))
    tired.gladly, full.gladly, full.atmost = 2, 2, 2
    spared.gladly = spared.atmost = spared.utmost = 2
    for record in (tired, fresh, full, spared):
        floor.matching.stand(record)
    assert floor.best(contact(GRIEF)) == [fresh, tired]
    assert floor.best(contact(GRIEF, urgent=True)) == [fresh, tired, full]
    assert floor.matching.group(contact(GRIEF)).signed_in() == 4


def test_light_contacts_know_no_tiers() -> None:
    light = GRIEF._replace(load=2)
    floor = Floor(light)
    full = floor.sits(psy=60)
    full.gladly = full.atmost = 2
    floor.matching.stand(full)
    assert floor.best(contact(light)) == [full]


def test_a_personal_line_is_there_as_long_as_somebody_waits_in_it() -> None:
    floor = Floor(LESSON)
    record = floor.ready(edu=10)
    first, second = contact(LESSON, 1), contact(LESSON, 2)
    floor.matching.join_personal(second, record)
    floor.matching.join_personal(first, record)
    group = first.group
    assert isinstance(group, Group) and group is second.group and group.line.head()[2] is first
    assert group.ready and group.pool.first(group.allowed) is record
    floor.matching.leave(record)
    assert not group.ready
    floor.matching.stand(record, CHANNEL_BIT[Channel.CHAT])
    floor.matching.settle()
    assert not group.ready, "not for calls now"
    floor.matching.part(first)
    floor.matching.part(second)
    floor.matching.part(second)
    assert record.own == () and not floor.matching.active


def test_with_other_rules_contacts_wait_in_other_groups() -> None:
    limited = LESSON._replace(id=ServiceId("limited"), max_talking=1)
    same = LESSON._replace(id=ServiceId("same"))
    heavier = LESSON._replace(id=ServiceId("heavier"), weight=2.0)
    floor = Floor(LESSON, limited, same, heavier)
    group = floor.matching.group(contact(LESSON))
    assert group is floor.matching.group(contact(same))
    others = [contact(limited), contact(heavier), contact(LESSON, step=1), contact(LESSON, node="b")]
    assert len({group, *map(floor.matching.group, others)}) == 5


def test_nobody_is_left_behind_when_agents_sign_out() -> None:
    floor = Floor(LESSON)
    record = floor.ready(edu=60)
    waiting = contact(LESSON)
    floor.matching.join(floor.matching.group(waiting), waiting)
    assert not floor.matching.unmet
    floor.matching.sign_out(record)
    floor.matching.sign_out(record)
    assert list(floor.matching.unmet) == [waiting.group] and waiting.group is not None and waiting.group.unmet
    assert floor.matching.signed_in == floor.matching.ready == 0
