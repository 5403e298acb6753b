"""Every metric in one table: name, kind, labels, buckets, meaning. Dashboards and rules use these and nothing else.

The spelling is that of the list that passed `promtool check metrics`: prefix `acd_`, base units, `_total` for counters.
What each figure means stands beside it, because two centres that count differently cannot be compared. No label ever
holds an agent, a number or a call: labels come from the centre's own names and from closed sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import log
from typing import NamedTuple

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"


class Metric(NamedTuple):
    """One row of the table."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


WAIT_BUCKETS = (1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0)
"""Seconds. The library's own end at 10 s; every usual service-level threshold is an edge here (`wait_edges`)."""
EDGES_MOST = 16
"""With more the page of 20 queues and 5 channels would have 10,000 series."""
HANDLE_BUCKETS = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0)
"""Few: there is one histogram for each queue, channel and phase."""
ERROR_BUCKETS = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
MENU_BUCKETS = (5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0)
DECISION_BUCKETS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2)
"""Seconds: a decision takes microseconds; 10 ms would be heard by nobody and is an alarm all the same."""
ACK_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

WITHDRAWN = frozenset({"taken_back", "paused", "signed_out"})
"""Ends of an offer on the agent's side: "not now", a break, the end of a shift. The first comes from what an agent
needs, so what leaves the house has one word for all three."""


def end_told(reason: str) -> str:
    """Why an offer ended, as anybody may know it."""
    return "rescinded" if reason in WITHDRAWN else reason


# -- contacts and queues
OFFERED = Metric("acd_contacts_offered_total", COUNTER, ("queue", "channel"),
                 "Contacts that entered a queue, after the menu; one that is sent on is offered in the new queue too.")
CONTACTS = Metric("acd_contacts_total", COUNTER, ("queue", "channel", "outcome"),
                  "Contacts by their one final outcome, in the queue where they ended. Abandonment = (abandoned + "
                  "abandoned_short) / offered; abandoned_short (within 5 s, or what the service says) is shown apart.")
SLA = Metric("acd_sla_contacts_total", COUNTER, ("queue", "channel", "within"),
             "Answered and abandoned contacts; within = answered within the queue's target, from entry to the bridge, "
             "pre-connect included. Service level = within true / all of these: every abandon counts against it. "
             "Without short abandons: within true / (all of these - acd_contacts_total{outcome=\"abandoned_short\"}). "
             "Of received: within true / acd_contacts_offered_total.")
WAIT = Metric("acd_queue_wait_seconds", HISTOGRAM, ("queue", "channel", "outcome"),
              "Wait from queue entry to the bridge (answered) or the hang-up (abandoned, short ones too), counted when "
              "the contact ends. The target of each queue is an edge. ASA = sum / count of answered.", WAIT_BUCKETS)
WAITING = Metric("acd_queue_contacts_waiting", GAUGE, ("queue", "channel"),
                 "Contacts that wait now, callers to be called back too.")
OLDEST = Metric("acd_queue_oldest_wait_seconds", GAUGE, ("queue", "channel"),
                "Longest wait of those who wait on the line now.")
TARGET = Metric("acd_queue_target_seconds", GAUGE, ("queue",), "Answered within so long is within the service level.")
TARGET_RATIO = Metric("acd_queue_target_ratio", GAUGE, ("queue",), "Share that shall be answered within the target.")
OPEN = Metric("acd_queue_open", GAUGE, ("queue",), "1: open by its hours.")
DISTRESS = Metric("acd_queue_distress", GAUGE, ("queue",),
                  "1: its callers may be in distress, never time out and are never dropped.")
ON_DUTY = Metric("acd_queue_agents", GAUGE, ("queue", "state"),
                 "Agents who could serve the queue: signed_in, and ready of those. Shown however few they are: that "
                 "nobody is there must be seen.")
SKILLED = Metric("acd_skill_agents", GAUGE, ("skill", "state"),
                 "Agents with the skill at any level: signed_in, and ready of those. Shown however few they are.")
HANDLE = Metric("acd_handle_seconds", HISTOGRAM, ("queue", "channel", "phase"),
                "Handle time by phase: pre_connect (agent's phone answered to bridge: brief, reading, key), talk "
                "(without hold), hold, wrapup. AHT = sum of talk, hold and wrapup / count of talk.",
                HANDLE_BUCKETS)
OFFERS = Metric("acd_offers_total", COUNTER, ("queue", "result"), "Offers to agents by how they ended.")
MOVED = Metric("acd_contacts_moved_total", COUNTER, ("queue", "reason"),
               "Contacts that went on to another queue, by the queue they left: overflow, full, closed, "
               "chosen, transfer. They count as offered in both.")
STEPS = Metric("acd_routing_step_total", COUNTER, ("queue", "status"),
               "Times a waiting contact asked for less: expired (the step's time was over), nobody (nobody signed in "
               "could meet it), preferred (the preferred agent's time was over).")
EWT_ERROR = Metric("acd_ewt_error_seconds", HISTOGRAM, ("queue",),
                   "Difference between the wait expected at entry and the real one, either way, of the answered who "
                   "had to wait. Its mean is the mean absolute error.", ERROR_BUCKETS)
EWT = Metric("acd_ewt_contacts_total", COUNTER, ("queue", "within"),
             "Answered contacts that had to wait; within = the wait lay in the interval of 80 of 100 that was expected "
             "at entry. Coverage = within true / all of these.")
SURVEY = Metric("acd_survey_answers_total", COUNTER, ("queue", "question", "answer"),
                "What callers said after the talk: asked (0), cared (1 to 5), solved (1 yes, 0 no), message (0). "
                "Response rate = cared of all answers / asked.")
CALLBACKS_NOW = Metric("acd_callbacks_waiting", GAUGE, ("queue",),
                       "Callers who have hung up and wait to be called back.")
CALLBACKS = Metric("acd_callbacks_total", COUNTER, ("queue", "result"),
                   "Callbacks: asked, dialled (each try), reached, and why tries failed (no_answer, busy, refused, "
                   "no_key, failed, stale). Kept = reached / asked.")

# -- the menu
IVR_CALLS = Metric("ivr_calls_total", COUNTER, ("flow",),
                   "Callers who came through the menu or hung up in it, by entry. Who was led to an outside number in "
                   "vain and came back to it is one.")
IVR_COMPLETED = Metric("ivr_calls_completed_total", COUNTER, ("flow", "outcome"),
                       "The same by how it ended: queued, operator (key 0 or after failures), self_service (everything "
                       "heard, or a message left), led (to an outside number), abandoned (hung up), error. "
                       "Containment = self_service / all.")
IVR_INPUT = Metric("ivr_input_events_total", COUNTER, ("flow", "event"),
                   "What was hard for callers: timeout (no key came), invalid (a wrong key), repeat, more_time, "
                   "slow_speech, operator_zero.")
IVR_DURATION = Metric("ivr_duration_seconds", HISTOGRAM, ("flow",),
                      "From the greeting to the end of the menu. 45 s is the limit to the human option (BTK).",
                      MENU_BUCKETS)

# -- people
AGENTS = Metric("acd_agents", GAUGE, ("team", "state"), "Agents by state; groups below five are pooled or left out.")
AGENT_SECONDS = Metric("acd_agent_state_seconds_total", COUNTER, ("team", "state"),
                       "Time agents spent in a state, up to now; ready without the rest gap and the rest after a heavy "
                       "contact, which are resting, and paused without what counts as work, which is paused_work. "
                       "Occupancy = (talking + wrapup) / (talking + wrapup + ready). "
                       "Groups as in acd_agents; resting is counted when it is of five different agents.")
LIMITED = Metric("acd_agents_distress_limited", GAUGE, ("team",),
                 "Signed-in agents at the limit of their distress load: no heavy contact comes to them. Groups as in "
                 "acd_agents, and only while five or more of the group are signed in.")
APPLIED = Metric("acd_accommodations_applied_total", COUNTER, ("rule",),
                 "Offers made under a rule of a profile that differs from the usual profile, by rule, since the node "
                 "started. Rules of fewer than five agents are pooled or left out; offers are counted when they have "
                 "come to five different agents.")
VIOLATIONS = Metric("acd_accommodation_violations_total", COUNTER, ("rule",),
                    "Offers that a rule of the agent's profile forbids, found by a second look at the facts, since the "
                    "node started: stays 0. Rules of fewer than five agents are told as one.")
OVERRIDES = Metric("acd_accommodation_overrides_total", COUNTER, (),
                   "Times a rule of a profile did not hold: relaxed aloud, or by an emergency ceiling.")
BREAKS = Metric("acd_break_protection_total", COUNTER, ("result",),
                "Planned breaks that are over or were given up: kept (begun within a minute of its latest start), "
                "delayed (later), overridden (given up, or ended before its time, by a word). A centre of fewer than "
                "five agents has none.")
PAUSE_LIMITS = Metric("acd_pause_limits_passed_total", COUNTER, ("reason",),
                      "Pauses that were longer than their reason allows. A centre of fewer than five agents has none.")

# -- the platform
DECISION = Metric("acd_routing_decision_seconds", HISTOGRAM, (), "Time the engine takes for one event.",
                  DECISION_BUCKETS)
INBOX = Metric("acd_inbox_events", GAUGE, (), "Events that wait for the engine; 20000 is full.")
CONNECTED = Metric("acd_asterisk_connected", GAUGE, ("link",), "1: the link is up and its state read.")
RECONNECTS = Metric("acd_asterisk_reconnects_total", COUNTER, ("link",), "Times the link came back after a loss.")
ASTERISK_EVENTS = Metric("acd_asterisk_events_total", COUNTER, ("link",),
                         "Events of Asterisk that the node has read, of the kinds it asks for.")
MISMATCHES = Metric("acd_reconciliation_mismatches_total", COUNTER, ("kind",),
                    "Differences a snapshot of Asterisk showed against the engine.")
CENTRE_FILES = Metric("acd_centre_files_good", GAUGE, (),
                      "1: the centre's files are in force and good; 0: the start found mistakes in them, and the node "
                      "works with their last good copy, or what agents need today leaves nobody for some callers.")
RECORDINGS = Metric("acd_recordings_total", COUNTER, ("result",),
                    "Plain sounds found in the spool after a talk, by what became of them: kept, destroyed (too short, "
                    "private), failed (tried again).")
RECORDING = Metric("acd_recording_possible", GAUGE, (),
                   "1: talks that may be recorded are; 0: nothing can be sealed, or there is no room.")
WISHES = Metric("acd_caller_wishes", GAUGE, ("wish",),
                "Callers who asked for something in later calls: slow (slow speech), human_first (a person at once). "
                "Fewer than five are told as 0.")
MQTT_CONNECTED = Metric("acd_mqtt_connected", GAUGE, ("broker",),
                        "1: the MQTT broker takes what happens and delivers it. No series: the centre has none.")
MQTT_BEHIND = Metric("acd_mqtt_behind", GAUGE, ("broker",), "Facts that the broker has not confirmed yet.")
SIGNALS = Metric("acd_signal_messages_total", COUNTER, ("kind", "result"),
                 "Signals for agents' devices (ring, ringstop, alert, break): sent, late (not sent any more), and what "
                 "devices said: shown, felt, failed, expired; kind unknown: of none that was sent.")
SIGNAL_ACK = Metric("acd_signal_ack_seconds", HISTOGRAM, ("kind",),
                    "From a signal's way out to the device's word, whatever it was.", ACK_BUCKETS)
SMS = Metric("acd_sms_total", COUNTER, ("result",),
             "Short messages that callers asked for, since the node started: sent, failed (refused by the gateway, or "
             "nobody knows), expired (not taken in time), refused (not taken from the caller: too many, or sent "
             "before). No series: the centre has no gateway.")
SMS_WAITING = Metric("acd_sms_waiting", GAUGE, (), "Short messages that wait for the gateway; 500 is full.")
ALARMS = Metric("acd_alarms_total", COUNTER, ("kind",), "What must not happen, such as bridge_mismatch: stays 0.")
DROPPED = Metric("acd_events_dropped_total", COUNTER, (), "Events the full inbox did not take: stays 0.")
REFUSED = Metric("acd_channel_commands_refused_total", COUNTER, ("channel",),
                 "Commands of the engine that no adapter of the channel took, since the node started: stays 0.")
BUILD = Metric("acd_build_info", GAUGE, ("version",), "Always 1.")

# -- the process, named and told by prometheus_client
CPU = Metric("process_cpu_seconds_total", COUNTER, (), "Total user and system CPU time spent in seconds.")
RSS = Metric("process_resident_memory_bytes", GAUGE, (), "Resident memory size in bytes.")
VIRTUAL = Metric("process_virtual_memory_bytes", GAUGE, (), "Virtual memory size in bytes.")
BEGAN = Metric("process_start_time_seconds", GAUGE, (), "Start time of the process since unix epoch in seconds.")
OPEN_FILES = Metric("process_open_fds", GAUGE, (), "Number of open file descriptors.")
MOST_FILES = Metric("process_max_fds", GAUGE, (), "Maximum number of open file descriptors.")

OURS = (OFFERED, CONTACTS, SLA, WAIT, WAITING, OLDEST, TARGET, TARGET_RATIO, OPEN, DISTRESS, ON_DUTY, SKILLED, HANDLE,
        OFFERS, MOVED, STEPS, EWT_ERROR, EWT, SURVEY, CALLBACKS_NOW, CALLBACKS,
        IVR_CALLS, IVR_COMPLETED, IVR_INPUT, IVR_DURATION,
        AGENTS, AGENT_SECONDS, LIMITED, APPLIED, VIOLATIONS, OVERRIDES, BREAKS, PAUSE_LIMITS,
        DECISION, INBOX, CONNECTED, RECONNECTS, ASTERISK_EVENTS, MISMATCHES, CENTRE_FILES, RECORDINGS, RECORDING,
        WISHES,
        MQTT_CONNECTED, MQTT_BEHIND, SIGNALS, SIGNAL_ACK, SMS, SMS_WAITING, ALARMS, DROPPED, REFUSED, BUILD)
TABLE = (*OURS, CPU, RSS, VIRTUAL, BEGAN, OPEN_FILES, MOST_FILES)

ALARM_KINDS = ("bridge_mismatch", "rows_repaired")
"""Every kind the engine knows: their series begin at 0, or the first one could not be seen as an increase."""

K_MIN = 5
"""Smallest group that is shown: below it a figure could be about one known person."""
POOLED = "diger"
"""Name of the group that holds all teams, or rules, below `K_MIN`."""

_LABEL = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_./-]{0,39}|[0-9](?:\.[0-9]{1,2}){0,2}(?:[a-z]{1,4}[0-9]{0,2})?)\Z")


def label(value: str) -> str:
    """A label's value as it is, or `invalid`: it must begin with a letter, so no number passes for a name. Besides: one
    digit (what a caller pressed), and a version."""
    return value if _LABEL.match(value) else "invalid"


def wait_edges(targets: Iterable[float]) -> tuple[float, ...]:
    """Buckets of waits with every target among them (of more than `EDGES_MOST` different ones the shortest; the service
    level is counted apart and exact for all). For each target that is no usual edge the nearest one gives way, so there
    are not more series; all queues have the same edges: histograms with different ones cannot be added up."""
    wanted = set(sorted({target for target in targets if target > 0})[:EDGES_MOST])
    edges = set(WAIT_BUCKETS)
    for target in sorted(wanted - edges):
        spare = edges - wanted
        if spare:
            edges.remove(min(spare, key=lambda edge: (abs(log(edge / target)), edge)))
        edges.add(target)
    return tuple(sorted(edges))
