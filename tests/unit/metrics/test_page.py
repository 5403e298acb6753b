"""The page of a large centre in which everything has happened: its size, and what Prometheus' own check says of it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from ivr.agi.server import Counters
from metrics.prometheus import names
from metrics.prometheus.recorder import CALLBACK_RESULTS, MetricsRecorder
from routing.core.callers.menu_outcome import OUTCOMES
from routing.core.callers.survey_answers import ANSWERS
from routing.core.inbox import AgentView, ContactView, QueueView, Status
from routing.core.model.centre_model import (
    Agent,
    AgentState,
    Centre,
    Channel,
    ContactState,
    Estimate,
    OfferState,
    Outcome,
    PauseReason,
    Profile,
    Service,
    Step,
    Trigger,
)
from routing.core.model.facts import (
    AgentChanged,
    Alarm,
    CallbackChanged,
    Ended,
    Fact,
    MenuEndedRecorded,
    Moved,
    OfferClosed,
    Queued,
    Stepped,
    SurveyAnsweredRecorded,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from routing.core.model.talk_facts import Connected, TalkEndedRecorded, WrappedUp

pytestmark = pytest.mark.unit

QUEUES, TEAMS, SKILLS, FLOWS = 20, 20, 20, 4
MOST = 10_000
"""Series: what a scrape of a large centre may cost."""
RULES = ("wrapup_s", "rest_gap_s", "ring_timeout_s", "pre_connect_s", "break_grace_s", "capacity", "rna_allowed")


def large() -> Centre:
    """Return a centre where every queue has a different target, every team is large enough to be shown, and every rule
    is held by five agents."""
    services = tuple(Service(ServiceId(f"kuyruk{number}"), f"Kuyruk {number}",
                             (Step(((SkillId(f"beceri{number}"), 1),)),), target_s=20.0 + number)
                     for number in range(QUEUES))
    agents = []
    for number in range(TEAMS * names.K_MIN):
        field = RULES[number // names.K_MIN] if number // names.K_MIN < len(RULES) else ""
        profile = Profile(**{field: 7}) if field else Profile()  # type: ignore[arg-type]
        agents.append(Agent(AgentId(f"a{number}"), ((SkillId(f"beceri{number % SKILLS}"), 50),), profile,
                            f"takim{number % TEAMS}"))
    return Centre(services, tuple(agents), pause_reasons=(PauseReason("yemek", limit_s=3600.0),))


def everything(centre: Centre) -> list[Fact]:
    """Each queue on each channel with each outcome, and whatever else has a label."""
    facts: list[Fact] = []
    agent, seat, offer = AgentId("a1"), SeatId("2001"), OfferId(1)
    contact = ContactId("1.1")

    def stamp() -> tuple[int, float]:
        return len(facts) + 1, float(len(facts))

    for service in centre.services:
        queue = service.id
        for channel in Channel:
            for outcome in Outcome:
                facts.append(Queued(*stamp(), contact, 1, queue, channel, 0.0, 0, 1, "", "", False, ""))
                facts.append(Connected(*stamp(), offer, contact, 2, agent, 1, seat, queue, channel, 3.0, 1.0, 1, True,
                                       estimate=Estimate(2.0, 1.0, 4.0), pre_connect_s=1.0))
                facts.append(TalkEndedRecorded(*stamp(), offer, contact, 3, ContactState.WRAPPING, agent, 1, queue,
                    channel,
                                      "caller", 3.0, 60.0, 10.0, 1))
                facts.append(WrappedUp(*stamp(), offer, contact, 4, agent, 1, queue, channel, 9.0))
                facts.append(Ended(*stamp(), contact, 5, ContactState.WRAPPING, queue, channel, outcome, 3.0, 0, 1, ""))
        for state in (OfferState.TIMEOUT, OfferState.REJECTED, OfferState.CANCELED, OfferState.RESCINDED):
            facts.append(OfferClosed(*stamp(), offer, contact, agent, 1, queue, Channel.VOICE, state, "", 0.0, None))
        for reason in (*Trigger, "chosen", "supervisor", "transfer"):
            facts.append(Moved(*stamp(), contact, 1, queue, queue, Channel.VOICE, reason, 1.0, 1))
        for reason in ("expired", "preferred"):
            facts.append(Stepped(*stamp(), contact, 1, queue, 1, reason))
        for reason in CALLBACK_RESULTS:
            facts.append(CallbackChanged(*stamp(), contact, 1, queue, 0, 0.0, reason))
        for question, answers in ANSWERS.items():
            facts += [SurveyAnsweredRecorded(*stamp(), contact, queue, question, answer) for answer in answers]
    for number in range(FLOWS):
        facts += [MenuEndedRecorded(*stamp(), contact, f"giris{number}", (), outcome, 9.0) for outcome in OUTCOMES]
    for one in centre.agents:
        for state in AgentState:
            facts.append(AgentChanged(*stamp(), one.id, 1, one.team, state, AgentState.READY, "", seat, 5.0, (), 0))
    facts += [Alarm(*stamp(), kind, None, None, None) for kind in names.ALARM_KINDS]
    return facts


@pytest.fixture(scope="module")
def page() -> str:
    centre = large()
    recorder = MetricsRecorder(centre)
    recorder.count_facts(everything(centre))
    recorder.observe_decision(1e-5)
    recorder.set_asterisk(reconnects=1, mismatches=1, unseen=0, events=5)
    recorder.set_purged(1_800_000_000.0)
    recorder.set_preferences({"slow": 7, "human_first": 0})
    recorder.set_files_good(files_good=True)
    recorder.set_lines({"all": 300, "other": 240, "words": 1}, {("other", "refused"): 9, ("kriz", "words"): 1},
                       {"all": 300, "other": 240})
    recorder.set_refused_calls({("plus", 12): 3}, {("other", "refused"): 9})
    recorder.set_seat_refusals(asterisk=2, page=1)
    recorder.set_agi_refusals(Counters(forged=2).refusals())
    recorder.set_recordings({"kept": 1, "destroyed": 1, "failed": 1}, possible=True)
    recorder.set_sms({"sent": 2}, waiting=1)
    recorder.set_mqtt(connected=True, behind=0, signals={
        (kind, result): 1 for kind in ("ring", "ringstop", "alert", "break", "unknown")
        for result in ("sent", "late", "shown", "felt", "failed", "expired")})
    for kind in ("ring", "ringstop", "alert", "break"):
        recorder.observe_acknowledgement(kind, 0.2)
    recorder.set_inbox(waiting=0, dropped=1)
    queues = tuple(QueueView(one.id, one.name, 1, 0, 0, 1.0, 5, 5) for one in centre.services)
    agents = tuple(AgentView(one.id, one.team, AgentState.READY, "", 0.0, None, None, None, None, 0, one.skills, "")
                   for one in centre.agents)  # type: ignore[misc]
    contacts = tuple(ContactView(ContactId(f"{number}.{channel}"), one.id, channel, ContactState.PENDING, 1, 1, 9.0,
                                 None, None, False)
                     for number, one in enumerate(centre.services) for channel in Channel)
    return recorder.render_page(Status(1e6, True, queues, agents, contacts)).decode()


def test_a_large_centre_has_fewer_series_than_a_scrape_may_cost(page: str) -> None:
    series = [line for line in page.splitlines() if line and not line.startswith("#")]
    assert len({line.rpartition(" ")[0] for line in series}) == len(series)
    assert MOST / 2 < len(series) <= MOST, "more than half: everything was in it"
    told = {line.partition("{")[0].partition(" ")[0] for line in series}
    for metric in names.TABLE:
        suffix = "_count" if metric.kind == names.HISTOGRAM else ""
        assert metric.name + suffix in told, metric.name


def test_prometheus_finds_nothing_to_fix(page: str) -> None:
    program = shutil.which("promtool")
    assert program is not None, "promtool is missing: apt-get install prometheus"
    found = subprocess.run([program, "check", "metrics"], input=page, capture_output=True, text=True, timeout=60,
                           check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
