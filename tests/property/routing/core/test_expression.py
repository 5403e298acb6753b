"""Expressions against a plain evaluator (Python's own, after a translation), and the indexes against a look at
everybody."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.core.matching import skill_requirement, strategies
from routing.core.matching.agent_pool import CHANNEL_BIT, virtual_start
from routing.core.matching.matching_index import Matching
from routing.core.matching.skill_expression import (
    All,
    Any,
    Compare,
    Expression,
    ExpressionError,
    Has,
    Not,
    as_needs,
    fits_skills,
    named_skills,
    parse_expression,
    ranking_level,
)
from routing.core.model.centre_model import Agent, Channel, Profile, Service, Step
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.core.records import AgentRecord, Contact, Index
from tests.examples import examples

pytestmark = pytest.mark.property

NAMES = tuple(SkillId(name) for name in ("tr", "en", "psikososyal", "işaret_dili", "k-1"))
SIGNS = (">=", ">", "<=", "<", "==", "!=")

atoms = st.one_of(st.builds(Has, st.sampled_from(NAMES)),
                  st.builds(Compare, st.sampled_from(NAMES), st.sampled_from(SIGNS), st.integers(0, 100)))


def _grown(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(All, several), st.builds(Any, several))


expressions: st.SearchStrategy[Expression] = st.recursive(atoms, _grown, max_leaves=8)
people = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 100))


def written(one: Expression, dice: random.Random) -> str:
    """The expression as a text, in either language, with parentheses everywhere."""
    match one:
        case Has(skill):
            return skill
        case Compare(skill, sign, level):
            return dice.choice(("{} {} {}", "{}{}{}", "{}  {}\n{}")).format(skill, sign, level)
        case Not(part):
            return dice.choice(("not ({})", "değil ({})", "({}) değil")).format(written(part, dice))
        case All(parts):
            return dice.choice((" and ", " ve ")).join(f"({written(part, dice)})" for part in parts)
        case Any(parts):
            return dice.choice((" or ", " veya ")).join(f"({written(part, dice)})" for part in parts)


def plainly(text: str, have: dict[SkillId, int]) -> bool:
    """Evaluate the text with Python. A comparison with an absent skill is False."""
    text = re.sub(r"\(([^()]*)\) değil", r"(not (\1))", text)
    text = re.sub(r"([^\W\d][\w-]*)(?:\s*(>=|<=|==|!=|>|<)\s*(\d+))?", lambda found: _word(found, have), text)
    return bool(eval(" ".join(text.split()), {"__builtins__": {}}))


def _word(found: re.Match[str], have: dict[SkillId, int]) -> str:
    word, sign, level = found.groups()
    if word in ("and", "or", "not", "True", "False"):
        return word
    if word in ("ve", "veya", "değil"):
        return {"ve": "and", "veya": "or", "değil": "not"}[word]
    if SkillId(word) not in have:
        return "False"
    return f"({have[SkillId(word)]} {sign} {level})" if sign else "True"


@given(expressions, people, st.randoms(use_true_random=False))
def test_a_text_means_what_a_plain_evaluator_says(one: Expression, have: dict[SkillId, int],
                                                  dice: random.Random) -> None:
    text = written(one, dice)
    try:
        read = parse_expression(text)
    except ExpressionError as error:
        assert "within each other" in error.what or "longer" in error.what
        return
    assert fits_skills(read, have) is plainly_of(one, have) is fits_skills(one, have)
    if ") değil" not in text:
        assert plainly(text, have) is fits_skills(read, have)
    assert named_skills(read) == named_skills(one) == {name for name in NAMES
        if name in re.findall(r"[^\W\d][\w-]*", text)}


def plainly_of(one: Expression, have: dict[SkillId, int]) -> bool:
    """The same by the tree, written out."""
    if isinstance(one, Has):
        return one.skill in have
    if isinstance(one, Compare):
        return one.skill in have and bool(eval(f"{have[one.skill]} {one.sign} {one.level}"))
    if isinstance(one, Not):
        return not plainly_of(one.part, have)
    held = [plainly_of(part, have) for part in one.parts]
    return False not in held if isinstance(one, All) else True in held


@given(expressions, people)
def test_needs_say_the_same_as_the_conjunction_they_are_of(one: Expression, have: dict[SkillId, int]) -> None:
    least = as_needs(one)
    if least is not None:
        assert fits_skills(one, have) is all(skill in have and have[skill] >= level for skill, level in least)
        if fits_skills(one, have):
            assert ranking_level(one, have) == have[least[0][0]]


@given(st.text(alphabet="ab >=<!()0159 tr and not ve\n?ğ", max_size=60))
def test_any_text_is_read_or_refused_with_a_column_in_it(text: str) -> None:
    try:
        assert isinstance(fits_skills(parse_expression(text), {SkillId("tr"): 50}), bool)
    except ExpressionError as error:
        assert 1 <= error.column <= len(error.text) + 1
        assert str(error).split("\n")[2].index("^") == error.column + 3


KINDS = ("longest_idle", "least_occupied", "longest_idle_any", "fewest_skills", "weakest_first", "fewest_contacts")
WHERES = ("", "", "k1 >= 20 or not k2", "k0 and (k1 or k2)", "k0 >= 30")


def _services(dice: random.Random) -> tuple[Service, ...]:
    def some_needs() -> tuple[tuple[SkillId, int], ...]:
        return tuple((SkillId(f"k{n}"), dice.choice((0, 20, 50, 80)))
                     for n in dice.sample(range(4), dice.randint(0, 2)))

    return tuple(
        Service(ServiceId(f"q{number}"), "Hizmet",
                tuple(Step(some_needs(), 20.0, dice.choice(WHERES)) for _ in range(dice.randint(1, 3))),
                floor=some_needs() if dice.random() < 0.3 else (), strategy=dice.choice(KINDS),
                load=dice.choice((0, 0, 3, 5)), floor_where=dice.choice(("", "", "not k3 or k3 >= 50")))
        for number in range(5))


def _team(dice: random.Random) -> list[AgentRecord]:
    profiles = (Profile(), Profile(), Profile(no_topics=frozenset({"q1", "abusive"})),
                Profile(channels=frozenset({Channel.VOICE})), Profile(max_concurrency=((Channel.CHAT, 0),)))
    records = []
    for index in range(14):
        levels = tuple((SkillId(f"k{n}"), dice.choice((0, 20, 50, 80, 100)))
                       for n in sorted(dice.sample(range(4), dice.randint(0, 4))))
        record = AgentRecord(Agent(AgentId(f"a{index}"), levels, dice.choice(profiles)), index)
        record.seat, record.desk = dice.choice((None, *[SeatId(f"s{index}")] * 3)), dice.random() < 0.75
        records.append(record)
    return records


class Plain:
    """Finds the ready agents, and the best agent for a contact, by a look at all agents."""

    def __init__(self, excluded: frozenset[str]) -> None:
        self.ready: dict[AgentRecord, int] = {}
        self.excluded = excluded

    def tier(self, record: AgentRecord, load: int) -> int:
        if load < 3:
            return 0
        return 0 if load <= record.max_load_normal else 1 if load <= record.max_load_last_resort else 2 \
            if load <= record.max_load_emergency else 3

    def best(self, contact: Contact) -> list[AgentRecord]:
        service, strategy = contact.service, strategies.find_strategy(contact.service.strategy)
        asked = skill_requirement.build_requirement(service, contact.step, contact.needs, contact.topics, self.excluded)
        found = []
        for record, channels in self.ready.items():
            profile = record.agent.profile
            if contact.channel not in profile.channels or dict(profile.max_concurrency).get(contact.channel, 1) == 0:
                continue
            # Calls need a phone, and messages an open desk.
            if not (record.desk if contact.channel in (Channel.CHAT, Channel.EMAIL) else record.seat):
                continue
            level = skill_requirement.level_of(asked, dict(record.agent.skills), profile.no_topics)
            tier = self.tier(record, service.load)
            if level is not None and channels & CHANNEL_BIT[contact.channel] \
                    and tier < (3 if contact.beyond_ceiling else 2):
                found.append((tier, -strategy.rank(record.agent, level), strategy.key(record, 3600.0), record.index,
                              record))
        return [entry[4] for entry in sorted(found, key=lambda entry: entry[:4])]


def _shake(dice: random.Random, record: AgentRecord, now: float, matching: Index, plain: Plain) -> None:
    """An agent comes, goes, or is ready again with another burden."""
    roll = dice.random()
    matching.unindex_agent(record)
    plain.ready.pop(record, None)
    if roll < 0.15:
        matching.sign_out(record)
    if roll < 0.3:
        return
    if not record.is_signed_in:
        matching.sign_in(record)
    if dice.random() < 0.7:
        record.idle_since = now
    if dice.random() < 0.4:
        record.occupied, record.occupied_at = dice.choice((0.0, 100.0, 240.0)), now
        record.offered, record.offered_at = dice.choice((0.0, 1.0, 5.0)), dice.choice((0.0, now))
    record.max_load_normal, record.max_load_last_resort, record.max_load_emergency = dice.choice(((5, 5, 5),
        (5, 5, 5), (2, 5, 5), (2, 4, 5), (2, 2, 2)))
    channels = dice.choice((31, 31, 1, 2, 30))
    matching.index_agent(record, channels)
    plain.ready[record] = channels


@given(st.integers(0, 10**9))
@settings(max_examples=examples(40))
def test_the_index_gives_whom_a_look_at_everybody_gives(seed: int) -> None:
    dice = random.Random(seed)
    services, records = _services(dice), _team(dice)
    agents = tuple(record.agent for record in records)
    matching, excluded = Matching(services, agents, 3600.0), skill_requirement.excluded_by(agents)
    plain = Plain(excluded)
    waiting: list[Contact] = []
    for number in range(150):
        now = float(number // 2)
        _shake(dice, dice.choice(records), now, matching, plain)
        service = dice.choice(services)
        contact = Contact(
            ContactId(str(number)), service, dice.choice((Channel.VOICE, Channel.VOICE, Channel.CHAT, Channel.EMAIL)),
            now, 0, number, now, step=dice.randrange(len(service.steps)), beyond_ceiling=dice.random() < 0.2,
            needs=dice.choice(((), (), ((SkillId("k2"), 50),), ((SkillId("k0"), 20),))),
            topics=dice.choice((frozenset(), frozenset({"abusive", "unknown"}))))
        contact.entry = virtual_start(service, now, 0), number, contact
        group = matching.group_of(contact)
        matching.settle_agents()
        assert group.pool.best_agents(group.allowed, 99) == plain.best(contact)
        assert group.has_ready_agent is bool(plain.best(contact)) and matching.ready_count == len(plain.ready)
        if dice.random() < 0.3:
            matching.add_contact(group, contact)
            waiting.append(contact)
        elif waiting and dice.random() < 0.5:
            matching.remove_contact(waiting.pop(dice.randrange(len(waiting))))
    assert {one.group for one in waiting} == set(matching.waiting_groups)
