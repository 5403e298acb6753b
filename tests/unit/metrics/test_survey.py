"""The survey's numbers from facts."""

from __future__ import annotations

import pytest

from metrics.prometheus.recorder import MetricsRecorder
from metrics.reports.survey import SurveyAnswers, answers_by_service, sum_answers
from routing.core.inbox import Status
from routing.core.model.facts import Alarm, Fact, MenuEndedRecorded, SurveyAnsweredRecorded
from routing.core.model.ids import ContactId, ServiceId
from tests.fakes.team import named

pytestmark = pytest.mark.unit


def facts(*said: tuple[float, str, str, str, int]) -> list[Fact]:
    """(time, contact, service, question, answer) in order."""
    return [SurveyAnsweredRecorded(seq, at, ContactId(contact), ServiceId(service), question, answer)
            for seq, (at, contact, service, question, answer) in enumerate(said, 1)]


def day() -> list[Fact]:
    """Six callers of `bilgi`, five of whom answer; one of `tip`."""
    said: list[tuple[float, str, str, str, int]] = []
    for number, cared in enumerate((5, 5, 4, 2, 1), 1):
        said += [(10.0 * number, f"1.{number}", "bilgi", "asked", 0),
                 (10.0 * number + 1, f"1.{number}", "bilgi", "cared", cared),
                 (10.0 * number + 2, f"1.{number}", "bilgi", "solved", int(cared > 2))]
    said += [(55.0, "1.5", "bilgi", "message", 0), (60.0, "1.6", "bilgi", "asked", 0), (70.0, "1.7", "tip", "asked", 0),
             (71.0, "1.7", "tip", "cared", 1)]
    return facts(*said)


def test_rates_means_and_shares() -> None:
    found = answers_by_service(day())
    bilgi = found[ServiceId("bilgi")]
    assert (bilgi.asked, bilgi.answered, bilgi.messages) == (6, 5, 1)
    assert bilgi.rate == pytest.approx(5 / 6) and bilgi.mean == pytest.approx(17 / 5)
    assert bilgi.cared_share == pytest.approx(3 / 5) and bilgi.solved_share == pytest.approx(3 / 5)


def test_few_answers_show_no_mean() -> None:
    tip = answers_by_service(day())[ServiceId("tip")]
    assert (tip.asked, tip.answered, tip.rate) == (1, 1, 1.0)
    assert (tip.mean, tip.cared_share, tip.solved_share) == (None, None, None)


def test_a_survey_belongs_to_the_time_in_which_it_began() -> None:
    found = answers_by_service(facts((9.0, "1.1", "bilgi", "asked", 0), (11.0, "1.1", "bilgi", "cared", 5),
                             (12.0, "1.2", "bilgi", "asked", 0), (20.5, "1.2", "bilgi", "cared", 1)), 10.0, 20.0)
    assert found[ServiceId("bilgi")].cared == {1: 1, 2: 0, 3: 0, 4: 0, 5: 0}
    assert answers_by_service([Alarm(1, 1.0, "x", None, None, None)]) == {}  # type: ignore[arg-type]


def test_all_services_as_one() -> None:
    whole = sum_answers(answers_by_service(day()).values())
    assert (whole.asked, whole.answered, whole.messages, sum(whole.solved.values())) == (7, 6, 1, 5)


def answers(*cared: int, solved: int = 0) -> SurveyAnswers:
    said = SurveyAnswers(asked=len(cared))
    for one in cared:
        said.cared[one] += 1
    said.solved[True] = solved
    return said


@pytest.mark.parametrize(("parts", "shown"), [
    ([answers(5, 5, 5, 5, 4, 4), answers(1)], False),
    ([answers(5, 5, 5, 5, 4, 4), answers(1, 1), answers(2, 2)], False),
    ([answers(5, 5, 5, 5, 4, 4), answers(1, 1, 1), answers(2, 2)], True),
    ([answers(5, 5, 5, 5, 4, 4), answers()], True),
    ([answers(1, 1, 1), answers(2, 2)], True),
    ([answers(1, 1), answers(2, 2)], False)])
def test_from_all_services_nobody_can_tell_what_a_few_callers_said(parts: list[SurveyAnswers], shown: bool) -> None:
    whole = sum_answers(parts)
    assert (whole.mean is not None, whole.cared_share is not None) == (shown, shown)
    assert whole.answered == sum(one.answered for one in parts) and whole.rate == 1.0


def test_what_is_solved_has_its_own_few() -> None:
    whole = sum_answers([answers(5, 5, 5, 5, 5, solved=5), answers(5, 5, 5, 5, 5, solved=1)])
    assert whole.mean == 5.0 and whole.solved_share is None
    assert sum_answers([answers(solved=6), answers(solved=5)]).solved_share == 1.0


def test_prometheus_counts_the_same() -> None:
    recorder = MetricsRecorder(named(["bilgi", "tip"], {}))
    recorder.count_facts(day())
    page = recorder.render_page(Status(0.0, True, (), (), ())).decode()
    for line in ('acd_survey_answers_total{answer="5",question="cared",queue="bilgi"} 2.0',
                 'acd_survey_answers_total{answer="0",question="asked",queue="bilgi"} 6.0'):
        assert line in page


def test_the_way_through_the_menu_is_counted() -> None:
    recorder = MetricsRecorder(named(["bilgi"], {}))
    recorder.count_facts([MenuEndedRecorded(1, 5.0, ContactId("1.1"), "ana", ("karsilama", "ana-menu"), "operator",
        30.0, "temsilci",
                              2, 1, 0, 1, True),
                   MenuEndedRecorded(2, 6.0, ContactId("1.2"), "ana", ("karsilama",), "abandoned", 3.0),
                   MenuEndedRecorded(3, 7.0, ContactId("1.2"), "ana", ("ana-menu",), "queued", 9.0, wrong=2,
                       resumed=True)])
    page = recorder.render_page(Status(0.0, True, (), (), ())).decode()
    for line in ('ivr_calls_total{flow="ana"} 2.0', 'ivr_calls_completed_total{flow="ana",outcome="abandoned"} 1.0',
                 'ivr_input_events_total{event="timeout",flow="ana"} 2.0',
                 'ivr_input_events_total{event="operator_zero",flow="ana"} 1.0',
                 'ivr_calls_completed_total{flow="ana",outcome="queued"} 0.0',
                 'ivr_input_events_total{event="invalid",flow="ana"} 3.0',
                 'ivr_duration_seconds_bucket{flow="ana",le="45.0"} 2.0'):
        assert line in page, line
    assert 'ivr_input_events_total{event="repeat",flow="ana"} 0.0' in page


def test_the_share_of_callers_who_key_distress_is_counted() -> None:
    centre = named(["bilgi", "destek"], {})
    recorder = MetricsRecorder(centre._replace(services=tuple(
        one._replace(distress=one.id == "destek") for one in centre.services)))
    recorder.count_facts([MenuEndedRecorded(n, 5.0, ContactId(f"1.{n}"), "ana", (), "queued", 3.0, service,
                                            resumed=resumed)
                          for n, (service, resumed) in enumerate(
                              [("destek", False), ("destek", True), ("bilgi", False), ("", False)])])
    page = recorder.render_page(Status(0.0, True, (), (), ())).decode()
    assert 'ivr_calls_distress_total{flow="ana"} 1.0' in page and 'ivr_calls_total{flow="ana"} 3.0' in page
