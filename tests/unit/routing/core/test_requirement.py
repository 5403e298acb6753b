"""Requirements: steps, floors and contacts' own needs in one value, and what is said of those that cannot be read."""

from __future__ import annotations

import pytest

from routing.core.matching import skill_requirement
from routing.core.matching.skill_requirement import UNRANKED, Requirement, ServiceError
from routing.core.model import facts as f
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ServiceId, SkillId
from tests.core.house import House

pytestmark = pytest.mark.unit

PSY, TR, EN = SkillId("psy"), SkillId("tr"), SkillId("en")
PSYCHO = Service(ServiceId("psy"), "Psikososyal destek", (Step(((PSY, 60), (TR, 10)), 20.0), Step((), 20.0), Step(())),
                 floor=((PSY, 40), (EN, 5)))


def test_the_floor_is_in_every_step_with_the_higher_of_both_levels() -> None:
    assert skill_requirement.build_requirement(PSYCHO, 0).needs == ((PSY, 60), (TR, 10), (EN, 5))
    assert skill_requirement.build_requirement(PSYCHO, 1).needs == ((PSY, 40), (EN, 5))


def test_the_contacts_own_needs_come_on_top_of_every_step() -> None:
    assert skill_requirement.build_requirement(PSYCHO, 0, ((EN, 50), (PSY, 10))).needs \
        == ((PSY, 60), (TR, 10), (EN, 50))
    assert skill_requirement.build_requirement(PSYCHO, 2, ((TR, 1),)).needs == ((PSY, 40), (EN, 5), (TR, 1))


def test_a_condition_that_only_asks_for_levels_is_needs() -> None:
    service = PSYCHO._replace(steps=(Step((), where="psy >= 70 and tr"),), floor_where="not en or en >= 20")
    assert skill_requirement.build_requirement(service, 0) == Requirement(
        ((PSY, 70), (TR, 0), (EN, 5)), ("not en or en >= 20",), frozenset())


def test_topics_count_only_when_somebody_excludes_them() -> None:
    asked = skill_requirement.build_requirement(PSYCHO, 0, (), frozenset({"abusive", "loud"}),
        frozenset({"abusive", "other"}))
    assert asked.topics == {"abusive"}
    assert skill_requirement.build_requirement(PSYCHO, 0, (), frozenset(), frozenset({"psy"})).topics == {"psy"}
    agents = (Agent(AgentId("a"), (), Profile(no_topics=frozenset({"abusive"}))), Agent(AgentId("b"), ()))
    assert skill_requirement.excluded_by(agents) == {"abusive"}


def test_an_agent_fits_by_skills_conditions_and_topics() -> None:
    wanted = Requirement(((PSY, 40),), ("tr or en",), frozenset({"abusive"}))
    assert skill_requirement.level_of(wanted, {PSY: 55, TR: 0}) == 55
    assert skill_requirement.level_of(wanted, {PSY: 39, TR: 0}) is None
    assert skill_requirement.level_of(wanted, {TR: 100}) is None, "an undefined skill is not 0"
    assert skill_requirement.level_of(wanted, {PSY: 55}) is None
    assert skill_requirement.level_of(wanted, {PSY: 55, TR: 0}, frozenset({"abusive"})) is None
    agent = Agent(AgentId("a"), ((PSY, 40), (EN, 3)))
    assert skill_requirement.fits_agent(wanted, agent)
    assert not skill_requirement.fits_agent(wanted, agent._replace(profile=Profile(no_topics=frozenset({"abusive"}))))


@pytest.mark.parametrize(("step", "best"), [
    (Step((), where="en >= 10 or tr >= 10"), 80), (Step(((TR, 1),), where="en >= 10 or tr >= 10"), 20),
    (Step((), where="tr >= 10 and en >= 10"), 20), (Step((), where="not en or tr < 50"), 60), (Step(()), 60)])
def test_what_the_step_asks_for_ranks_before_the_floor_and_the_callers_own_needs(step: Step, best: int) -> None:
    wanted = skill_requirement.build_requirement(PSYCHO._replace(steps=(step,), floor=((PSY, 50),), floor_where=""),
        0, ((TR, 5),))
    assert skill_requirement.level_of(wanted, {PSY: 60, EN: 80, TR: 20}) == best


def test_a_step_that_is_a_condition_finds_the_best_of_its_own_skill() -> None:
    floor = PSYCHO._replace(steps=(Step((), where="en >= 50 or tr >= 50"),), floor=((PSY, 50),), floor_where="")
    house = House({}, services=(floor,))
    house.reload(agents=(Agent(AgentId("a"), ((PSY, 90), (EN, 50))), Agent(AgentId("b"), ((PSY, 60), (EN, 95)))))
    house.sits("a", "b")
    assert (house.calls(floor.id).agent, house.last(f.Offered).level) == ("b", 95)


def test_without_needs_the_first_condition_ranks_and_without_any_nothing_does() -> None:
    assert skill_requirement.level_of(Requirement((), ("tr or en", "psy")), {EN: 30, PSY: 90}) == 30
    assert skill_requirement.level_of(Requirement(()), {EN: 30}) == UNRANKED


@pytest.mark.parametrize(("service", "said"), [
    (PSYCHO._replace(steps=(Step((), 5.0), Step((), where="psy >= 600"))), "service psy, step 2: column 8: there "),
    (PSYCHO._replace(floor_where="psy and"), "service psy, floor: column 8: something is missing"),
    (PSYCHO._replace(strategy="longest"), "service psy, strategy: no strategy 'longest'; there are longest_idle"),
])
def test_a_centre_that_cannot_be_routed_is_refused_with_the_place(service: Service, said: str) -> None:
    skill_requirement.check_centre(Centre((PSYCHO,), ()))
    with pytest.raises(ServiceError) as found:
        skill_requirement.check_centre(Centre((PSYCHO, service), ()))
    assert str(found.value).startswith(said)
