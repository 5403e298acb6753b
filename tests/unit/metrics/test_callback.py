"""A callback in queue_log and in /metrics: facts of the engine itself, from the asking to the talk."""

from __future__ import annotations

import pytest

from metrics.prometheus.recorder import MetricsRecorder
from metrics.queue_log.lines import LineState, lines_of
from routing.core import events as e
from tests.core.house import EDU, House
from tests.fakes.team import named

pytestmark = pytest.mark.unit


def called_back() -> House:
    """c1 asks, is tried in vain, then reached and talked with."""
    told = House({"a": 50}, services=(EDU._replace(callback_retry_s=60.0),))
    told.waits("edu", at=1000.0, number_encrypted="box")
    told.tell(e.CallbackRequested("c1"), 1005.0)
    told.tell(e.CallerHungUp("c1"), 1008.0)
    told.sits("a", at=1010.0)
    told.tell(e.OfferAnswered(told.offers[-1].offer), 1011.0)
    told.tell(e.CallbackAccepted(told.offers[-1].offer), 1012.0)
    told.tell(e.CallbackFailed(told.offers[-1].offer, "no_answer"), 1040.0)
    told.tick(1100.0)
    told.tell(e.OfferAnswered(told.offers[-1].offer), 1101.0)
    told.tell(e.CallbackAccepted(told.offers[-1].offer), 1102.0)
    return told


def test_the_visit_stays_open_and_has_verbs_of_its_own() -> None:
    told = called_back()
    told.tell(e.CallbackReached("c1", "PJSIP/called"), 1110.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c1"), 1110.5)
    told.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 1170.5)
    state = LineState()
    written = [line for fact in told.facts for line in lines_of(fact, state) if line.split("|")[1] == "c1"]
    assert written == [
        "1000|c1|edu|NONE|ENTERQUEUE|||1", "1005|c1|edu|NONE|CALLBACKASKED|",
        "1040|c1|edu|a|RINGCANCELED|0", "1040|c1|edu|NONE|CALLBACKFAILED|no_answer|1",
        "1110|c1|edu|NONE|CALLBACKREACHED|1", "1110|c1|edu|a|CONNECT|110|o2-c1|10",
        "1170|c1|edu|a|COMPLETECALLER|110|60|1"]


def test_a_chosen_time_is_counted_and_is_no_verb_of_the_log() -> None:
    told = House({"a": 50}, services=(EDU,))
    told.waits("edu", at=1000.0)
    told.tell(e.CallbackRequested("c1"), 1005.0)
    told.tell(e.CallbackRequested("c1", window=(5000.0, 9000.0)), 1006.0)
    state, recorder = LineState(), MetricsRecorder(named(["edu"], {"genel": 5}))
    assert [line.split("|")[4] for fact in told.facts for line in lines_of(fact, state) if "|c1|" in line] == [
        "ENTERQUEUE", "CALLBACKASKED"]
    recorder.count_facts(told.facts)
    assert [recorder.registry.get_sample_value("acd_callbacks_total", {"queue": "edu", "result": result})
            for result in ("requested", "time_chosen", "failed")] == [1, 1, 0]


def test_each_step_is_counted_and_those_who_wait_are_shown() -> None:
    told = called_back()
    recorder = MetricsRecorder(named(["edu"], {"genel": 5}))
    recorder.count_facts(told.facts)

    def value(name: str, **labels: str) -> float | None:
        return recorder.registry.get_sample_value(name, {"queue": "edu", **labels})

    recorder.render_page(told.engine.status(1103.0))
    assert value("acd_callbacks_waiting") == 1
    told.tell(e.CallbackReached("c1", "PJSIP/called"), 1110.0)
    recorder.count_facts(told.facts[-1:])
    recorder.render_page(told.engine.status(1110.0))
    assert value("acd_callbacks_waiting") == 0
    found = {result: value("acd_callbacks_total", result=result) for result in (
        "requested", "dialled", "reached", "no_answer", "busy", "refused", "no_key", "failed", "stale")}
    assert found == {"requested": 1, "dialled": 2, "reached": 1, "no_answer": 1, "busy": 0, "refused": 0, "no_key": 0,
                     "failed": 0, "stale": 0}
