"""Facts become figures; nothing in them is about one person."""

from __future__ import annotations

import re

import pytest

from metrics.prometheus import names
from metrics.prometheus.agent_states import group_teams
from metrics.prometheus.health import check_health
from metrics.prometheus.recorder import MetricsRecorder
from routing.core.inbox import AgentView, ContactView, Status
from routing.core.model.centre_model import AgentState, Channel, ContactState, Estimate, OfferState, Outcome
from routing.core.model.facts import CentreChanged, Moved, Overridden, Stepped
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.talk_facts import Connected
from tests.fakes.facts import Story
from tests.fakes.team import named

pytestmark = pytest.mark.unit

NUMBERS = re.compile(r"\+?90?5\d{9}|(?<!\d)\d{11}(?!\d)")


def status(agents: tuple[AgentView, ...] = (), contacts: tuple[ContactView, ...] = ()) -> Status:
    return Status(1.0, True, (), agents, contacts)


def agent(number: int, team: str, state: AgentState) -> AgentView:
    return AgentView(AgentId(f"a{number}"), team, state, "", 0.0, None, None, None, None, 0, (), "")


def caller(number: int, waited: float, state: ContactState = ContactState.PENDING) -> ContactView:
    return ContactView(ContactId(f"1.{number}"), ServiceId("temsilci"), Channel.VOICE, state, 1, 1, waited, None, None,
                       False)


def lines(recorder: MetricsRecorder, at: Status | None = None) -> list[str]:
    return recorder.render_page(at or status()).decode().splitlines()


def day() -> Story:
    story = Story()
    story.queued("1.1")
    story.missed("1.1", "a1", OfferState.TIMEOUT)
    story.missed("1.1", "a2", OfferState.RESCINDED)
    story.at += 12
    story.connected("1.1", "a3")
    story.at += 60
    story.talked("1.1", "a3", talk=60, held=20)
    story.wrapped("1.1", "a3", 15)
    story.queued("1.2")
    story.at += 30
    story.ended("1.2", Outcome.ABANDONED)
    story.queued("1.3")
    story.connected("1.3", "a3", within=False)
    story.talked("1.3", "a3", by="lost")
    story.ended("1.3", Outcome.ABANDONED)
    story.queued("1.4")
    story.ended("1.4", Outcome.FALLBACK)
    story.agent("a3", AgentState.READY, AgentState.TALKING, before_s=40)
    story.agent("a3", AgentState.SIGNED_OUT, AgentState.READY, before_s=4000)
    story.alarm("bridge_mismatch")
    return story


def test_a_day_is_counted() -> None:
    recorder = MetricsRecorder(named(["temsilci", "psikososyal"], {"genel": 5}))
    recorder.count_facts(day().facts)
    found = lines(recorder)
    for line in (
        'acd_contacts_offered_total{channel="voice",queue="temsilci"} 4.0',
        'acd_contacts_offered_total{channel="voice",queue="psikososyal"} 0.0',
        'acd_contacts_total{channel="voice",outcome="answered",queue="temsilci"} 1.0',
        'acd_contacts_total{channel="voice",outcome="abandoned",queue="temsilci"} 2.0',
        'acd_contacts_total{channel="voice",outcome="fallback",queue="temsilci"} 1.0',
        'acd_sla_contacts_total{channel="voice",queue="temsilci",within="true"} 1.0',
        'acd_sla_contacts_total{channel="voice",queue="temsilci",within="false"} 2.0',
        'acd_queue_wait_seconds_bucket{channel="voice",le="20.0",outcome="abandoned",queue="temsilci"} 1.0',
        'acd_queue_wait_seconds_bucket{channel="voice",le="30.0",outcome="abandoned",queue="temsilci"} 2.0',
        'acd_handle_seconds_sum{channel="voice",phase="talk",queue="temsilci"} 100.0',
        'acd_handle_seconds_sum{channel="voice",phase="hold",queue="temsilci"} 20.0',
        'acd_handle_seconds_sum{channel="voice",phase="wrapup",queue="temsilci"} 15.0',
        'acd_offers_total{queue="temsilci",result="answered"} 2.0',
        'acd_offers_total{queue="temsilci",result="ring_no_answer"} 1.0',
        'acd_offers_total{queue="temsilci",result="rescinded"} 1.0',
        'acd_agent_state_seconds_total{state="ready",team="genel"} 40.0',
        'acd_alarms_total{kind="bridge_mismatch"} 1.0',
    ):
        assert line in found, line
    assert not any("signed_out" in line and "seconds_total" in line for line in found)


def test_a_pre_connect_hang_up_has_its_own_result() -> None:
    recorder = MetricsRecorder(named(["temsilci"], {"genel": 5}))
    before = 'acd_offers_total{queue="temsilci",result="pre_connect_hangup"} 0.0'
    assert before in lines(recorder), "or the first increase could not be seen"
    story = Story()
    story.queued("1.1")
    story.missed("1.1", "a1", OfferState.REJECTED, 2.0, "pre_connect_hangup")
    recorder.count_facts(story.facts)
    assert before.replace("0.0", "1.0") in lines(recorder)
    assert 'acd_offers_total{queue="temsilci",result="rejected"} 0.0' in lines(recorder)


def test_every_channel_with_an_adapter_begins_at_nothing() -> None:
    recorder = MetricsRecorder(named(["temsilci"], {}))
    assert not [line for line in lines(recorder) if 'channel="chat",queue' in line]
    recorder.begin_channels({Channel.CHAT})
    recorder.commands_refused({Channel.EMAIL: 2})
    shown = lines(recorder)
    for channel in ("voice", "chat"):
        assert f'acd_contacts_offered_total{{channel="{channel}",queue="temsilci"}} 0.0' in shown
        assert f'acd_queue_contacts_waiting{{channel="{channel}",queue="temsilci"}} 0.0' in shown
    assert 'acd_channel_commands_refused_total{channel="chat"} 0.0' in shown
    assert 'acd_channel_commands_refused_total{channel="email"} 2.0' in shown


def test_offered_equals_the_outcomes() -> None:
    recorder = MetricsRecorder(named(["temsilci"], {}))
    recorder.count_facts(day().facts)
    get = recorder.registry.get_sample_value
    key = {"queue": "temsilci", "channel": "voice"}
    assert get("acd_contacts_offered_total", key) == sum(
        get("acd_contacts_total", {**key, "outcome": one.value}) or 0 for one in Outcome)
    assert recorder._within == {}


def test_a_restart_fed_with_the_stored_facts_stands_where_it_stood() -> None:
    story = day()
    before, after = MetricsRecorder(named(["temsilci"], {"genel": 5})), MetricsRecorder(named(["temsilci"],
        {"genel": 5}))
    before.count_facts(story.facts[:7])
    before.count_facts(story.facts[7:])
    after.count_facts(story.facts)
    told = [[line for line in lines(one) if not line.startswith("process_")] for one in (before, after)]
    assert told[0] == told[1]


def test_gauges_are_what_is_true_now() -> None:
    recorder = MetricsRecorder(named(["temsilci"], {"genel": 6}))
    crew = tuple(agent(n, "genel", AgentState.READY if n else AgentState.PAUSED) for n in range(6))
    found = lines(recorder, status(crew, (caller(1, 4.0), caller(2, 9.0, ContactState.RESERVED),
                                          caller(3, 99.0, ContactState.ASSIGNED))))
    assert 'acd_queue_contacts_waiting{channel="voice",queue="temsilci"} 2.0' in found
    assert 'acd_queue_oldest_wait_seconds{channel="voice",queue="temsilci"} 9.0' in found
    assert 'acd_agents{state="ready",team="genel"} 5.0' in found
    assert 'acd_asterisk_connected{link="ami"} 1.0' in found
    assert 'acd_queue_contacts_waiting{channel="voice",queue="temsilci"} 0.0' in lines(recorder)


def test_what_no_fact_tells() -> None:
    recorder = MetricsRecorder(named())
    recorder.observe_decision(2e-5)
    for reconnects, mismatches, events, dropped in ((0, 1, 70, 2), (1, 3, 90, 5), (1, 3, 90, 5)):
        recorder.set_asterisk(reconnects=reconnects, mismatches=mismatches, unseen=2, events=events)
        recorder.set_inbox(waiting=3, dropped=dropped)
    recorder.observe_acknowledgement("ring", 0.3)
    found = lines(recorder)
    assert 'acd_routing_decision_seconds_bucket{le="2.5e-05"} 1.0' in found
    assert 'acd_asterisk_reconnects_total{link="ami"} 1.0' in found
    assert 'acd_asterisk_events_total{link="ami"} 90.0' in found
    assert 'acd_reconciliation_mismatches_total{kind="audit"} 3.0' in found
    assert 'acd_reconciliation_mismatches_total{kind="unseen"} 2.0' in found
    assert "acd_events_dropped_total 5.0" in found and "acd_inbox_events 3.0" in found
    assert 'acd_signal_ack_seconds_bucket{kind="ring",le="0.5"} 1.0' in found


def test_small_groups_are_pooled_or_left_out() -> None:
    assert group_teams({"a": 5, "b": 4, "c": 1}) == {"a": "a", "b": "diger", "c": "diger"}
    assert group_teams({"a": 50, "b": 4}) == {"a": "a", "b": None}
    recorder = MetricsRecorder(named([], {"a": 5, "b": 4}))
    found = lines(recorder, status((agent(1, "b", AgentState.PAUSED), agent(2, "new", AgentState.PAUSED))))
    assert not any('team="b"' in line or 'team="new"' in line for line in found)
    assert 'acd_agents{state="paused",team="a"} 0.0' in found


def test_no_number_and_no_agent_on_the_page() -> None:
    recorder = MetricsRecorder(named(["05321234567", "temsilci"], {"genel": 5}))
    story = day()
    story.queued("05321234567", "05321234567", box="+905321234567")
    story.ended("05321234567", Outcome.FAILURE)
    story.alarm("10000000146")
    recorder.count_facts(story.facts)
    page = recorder.render_page(status((agent(1, "genel", AgentState.READY),))).decode()
    ours = "\n".join(line for line in page.splitlines() if "process_" not in line)  # Unix seconds look like a number
    assert not NUMBERS.search(ours) and 'queue="invalid"' in page
    assert not re.search(r"a[0-9]+\"", page)


def test_the_table_names_every_series_and_nothing_else() -> None:
    recorder = MetricsRecorder(named(["temsilci"], {"genel": 5}))
    recorder.count_facts(day().facts)
    found = {family.name for family in recorder.registry.collect()}
    assert found == {one.name.removesuffix("_total") for one in names.TABLE}
    told = {family.name: family.documentation for family in recorder.registry.collect()}
    assert all(told[one.name.removesuffix("_total")] == one.meaning for one in names.TABLE)
    for one in names.TABLE:
        assert re.fullmatch(r"(acd|ivr|process)_[a-z_]+", one.name) and one.meaning.endswith(".")
        assert (one.kind == names.COUNTER) == one.name.endswith("_total")
        assert list(one.buckets) == sorted(one.buckets) and bool(one.buckets) == (one.kind == names.HISTOGRAM)
        assert not {"agent", "number", "caller", "contact"} & set(one.labels)
    assert "_created" not in recorder.render_page(status()).decode()


def test_health() -> None:
    assert check_health(link_up=True, store_ok=True, agi_listening=True, closing=False).ok
    bad = check_health(link_up=False, store_ok=True, agi_listening=True, closing=False)
    assert not bad.ok and bad.parts == {"asterisk": False, "store": True, "agi": True, "open": True}


def test_a_caller_who_was_turned_away_counts_against_the_service_level() -> None:
    story = Story()
    story.queued("1")
    story.connected("1", "a3")
    story.ended("1", Outcome.ANSWERED)
    recorder = MetricsRecorder(named(["temsilci"], {"genel": 9}))
    recorder.count_facts(story.facts)
    turned = Story()
    for name in ("2", "3"):
        turned.queued(name)
        turned.ended(name, Outcome.TURNED_AWAY, "closed")
    recorder.count_facts(turned.facts)
    key = {"queue": "temsilci", "channel": "voice"}
    told = recorder.registry.get_sample_value
    assert told("acd_contacts_total", {**key, "outcome": "turned_away"}) == 2
    assert [told("acd_sla_contacts_total", {**key, "within": within}) for within in ("true", "false")] == [1, 2]
    assert told("acd_queue_wait_seconds_count", {**key, "outcome": "abandoned"}) == 0, "nobody gave up"
    page = lines(recorder)
    assert 'acd_queue_turned_away_streak{queue="temsilci"} 2.0' in page
    assert 'acd_queue_abandoned_streak{queue="temsilci"} 0.0' in page
    story.queued("4")
    story.connected("4", "a3")
    recorder.count_facts(story.facts[-2:])
    assert 'acd_queue_turned_away_streak{queue="temsilci"} 0.0' in lines(recorder)


def test_abandons_are_counted_until_somebody_is_answered() -> None:
    recorder = MetricsRecorder(named(["edu", "tip"], {"genel": 9}))

    def streak() -> str:
        return next(line for line in lines(recorder) if line.startswith('acd_queue_abandoned_streak{queue="edu"}'))

    def ended(outcome: Outcome, queue: str = "edu") -> None:
        story = Story()
        story.queued("1", queue)
        story.ended("1", outcome)
        recorder.count_facts(story.facts)

    assert streak().endswith(" 0.0")
    for outcome in (Outcome.ABANDONED, Outcome.ABANDONED_SHORT, Outcome.ABANDONED):
        ended(outcome)
    ended(Outcome.ABANDONED, "tip")
    assert streak().endswith(" 2.0"), "a short abandon counts for nothing"
    ended(Outcome.ANSWERED)
    assert streak().endswith(" 2.0"), "the end of an older talk is no answer"
    ended(Outcome.FALLBACK)
    assert streak().endswith(" 0.0")
    ended(Outcome.ABANDONED)
    recorder.count_facts([Connected(
        7, 100.0, OfferId(7), ContactId("7"), 3, AgentId("a"), 2, SeatId("s"), ServiceId("edu"), Channel.VOICE, 5.0,
        1.0, 1, True)])
    assert streak().endswith(" 0.0")


def test_changes_of_the_centre_and_announcements_are_shown() -> None:
    recorder = MetricsRecorder(named())
    assert "acd_centre_changes_total 0.0" in lines(recorder) and "acd_announcements 0.0" in lines(recorder)
    story = Story()
    story.facts.append(CentreChanged(1, 60.0, 5, 9))
    recorder.count_facts(story.facts)
    recorder.set_announcements(2)
    assert "acd_centre_changes_total 1.0" in lines(recorder) and "acd_announcements 2.0" in lines(recorder)


def test_what_was_expected_is_measured_against_what_was() -> None:
    recorder = MetricsRecorder(named(["edu"], {"genel": 9}))
    for number, (wait_s, estimate) in enumerate([(20.0, Estimate(30.0, 10.0, 60.0)), (90.0, Estimate(30.0, 10.0, 60.0)),
                                                 (0.5, None)]):
        recorder.count_facts([Connected(
            number + 1, 100.0, OfferId(number + 1), ContactId(str(number)), 3, AgentId("a"), 2, SeatId("s"),
            ServiceId("edu"), Channel.VOICE, wait_s, 1.0, 1, True, estimate=estimate)])
    value = recorder.registry.get_sample_value
    assert value("acd_ewt_contacts_total", {"queue": "edu", "within": "true"}) == 1
    assert value("acd_ewt_contacts_total", {"queue": "edu", "within": "false"}) == 1
    assert value("acd_ewt_error_seconds_sum", {"queue": "edu"}) == 70.0
    assert value("acd_ewt_error_seconds_count", {"queue": "edu"}) == 2


def test_who_moves_is_offered_in_both_queues_and_ends_once() -> None:
    recorder = MetricsRecorder(named(["edu", "tip"], {"genel": 9}))
    recorder.count_facts([
        Moved(1, 60.0, ContactId("1"), 2, ServiceId("edu"), ServiceId("tip"), Channel.VOICE, "waited", 60.0, 3, 1),
        Stepped(2, 61.0, ContactId("1"), 3, ServiceId("tip"), 1, "preferred"),
        Overridden(3, 62.0, AgentId("a"), None, "rest_gap", 100.0, "supervisor")])
    value = recorder.registry.get_sample_value
    assert value("acd_contacts_moved_total", {"queue": "edu", "reason": "waited"}) == 1
    assert value("acd_contacts_offered_total", {"queue": "tip", "channel": "voice"}) == 1
    assert value("acd_routing_step_total", {"queue": "tip", "status": "preferred"}) == 1
    assert value("acd_accommodation_overrides_total") == 1


def test_recordings_are_counted_once_and_trouble_shows() -> None:
    recorder = MetricsRecorder(named(["temsilci"], {}))
    recorder.set_files_good(files_good=False)
    assert recorder.registry.get_sample_value("acd_centre_files_good") == 0
    recorder.set_files_good(files_good=True)
    assert recorder.registry.get_sample_value("acd_centre_files_good") == 1
    for done, possible in (({"kept": 2, "failed": 0}, True), ({"kept": 5, "failed": 1}, False)):
        recorder.set_recordings(done, possible=possible)
    value = recorder.registry.get_sample_value
    assert value("acd_recordings_total", {"result": "kept"}) == 5
    assert value("acd_recordings_total", {"result": "failed"}) == 1
    assert value("acd_recording_possible") == 0


def test_the_way_to_the_broker_is_told_when_there_is_one() -> None:
    recorder = MetricsRecorder(named(["destek"], {}))
    assert not [sample for metric in recorder.registry.collect() for sample in metric.samples
                if sample.name.startswith("acd_mqtt")]
    for behind, rings in ((4, 2), (0, 5)):
        recorder.set_mqtt(connected=behind == 0, behind=behind, signals={("ring", "sent"): rings, ("ring", "felt"): 1})
    value = recorder.registry.get_sample_value
    assert value("acd_mqtt_connected", {"broker": "mqtt"}) == 1 and value("acd_mqtt_behind", {"broker": "mqtt"}) == 0
    assert value("acd_signal_messages_total", {"kind": "ring", "result": "sent"}) == 5
    assert value("acd_signal_messages_total", {"kind": "ring", "result": "felt"}) == 1
    assert value("acd_signal_messages_total", {"kind": "break", "result": "late"}) == 0, "they begin before the first"


def test_lines_are_told_by_class_and_refused_calls_are_counted_once() -> None:
    recorder = MetricsRecorder(named(["temsilci"], {"genel": 5}))
    for refused in (3, 5, 5):
        recorder.set_lines({"all": 12, "other": 8}, {("other", "refused"): refused}, {"all": 12})
    page = lines(recorder)
    assert {'acd_lines{class="all"} 12.0', 'acd_lines{class="other"} 8.0', 'acd_lines_limit{class="all"} 12.0',
            'acd_line_refusals_total{class="other",result="refused"} 5.0'} <= set(page)
    for unknown in (2, 3):
        recorder.set_refused_calls({("plus", 13): unknown, ("text", 0): 1},
                                   {("other", "refused"): 5, ("a", "words"): 2})
    assert {'acd_calls_refused_total{form="plus-13",reason="unknown_number"} 3.0',
            'acd_calls_refused_total{form="text-0",reason="unknown_number"} 1.0',
            'acd_calls_refused_total{form="none",reason="no_line"} 5.0'} <= set(lines(recorder))
    for refused in (4, 7):
        recorder.set_seat_refusals(asterisk=refused, page=0)
    assert {'acd_seat_calls_refused_total{by="asterisk"} 7.0',
            'acd_seat_calls_refused_total{by="page"} 0.0'} <= set(lines(recorder))
    recorder.set_lines({}, {}, {})
    assert not [line for line in lines(recorder) if line.startswith("acd_lines{")]
