"""List every metric in one table: name, kind, labels, buckets, meaning. Dashboards and rules use nothing else.

The spelling passes `promtool check metrics`: prefix `acd_`, base units, `_total` for counters. Each figure is defined
next to its name, because two centres that count differently cannot be compared. No label ever holds an agent, a number
or a call. Labels come from the centre's own names and from closed sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import log
from typing import NamedTuple

from routing.core.model.reasons import NOT_NOW

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"


class Metric(NamedTuple):
    """One row of the table."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


WAIT_BUCKETS = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0)
"""Seconds. The library's own buckets end at 10 s. Every usual service-level threshold is an edge here
(`wait_edges`)."""
EDGES_MOST = 14
"""With more edges, the page of 20 queues and 5 channels would have more than 10,000 series."""
HANDLE_BUCKETS = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0)
"""Few edges, because each queue, channel and phase has its own histogram."""
ERROR_BUCKETS = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
MENU_BUCKETS = (5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0)
DECISION_BUCKETS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2)
"""Seconds. A decision takes microseconds. Nobody would hear 10 ms, but they are a reason to look."""
ACK_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

WITHDRAWN = frozenset({NOT_NOW, "paused", "signed_out"})
"""Ends of an offer by the agent: "not now", a break, the end of a shift.

The first follows from an agent's needs, so outside all three have one word.
"""


def public_end_reason(reason: str) -> str:
    """Return the reason for the end of an offer as anybody may know it."""
    return NOT_NOW if reason in WITHDRAWN else reason


# -- contacts and queues
OFFERED = Metric("acd_contacts_offered_total", COUNTER, ("queue", "channel"),
                 "Contacts that entered a queue after the menu. A transferred contact is offered in the new queue "
                 "too.")
CONTACTS = Metric("acd_contacts_total", COUNTER, ("queue", "channel", "outcome"),
                  "Contacts by their one final outcome, in the queue where they ended. Abandonment = (abandoned + "
                  "abandoned_short) / offered. abandoned_short is shown apart: within 5 s, or the limit of the "
                  "service. turned_away: a rule of the service kept the caller from every agent.")
SLA = Metric("acd_sla_contacts_total", COUNTER, ("queue", "channel", "within"),
             "Contacts that were answered, abandoned or turned away; within = answered within the queue's target, from "
             "entry to the bridge, pre-connect included. Service level = within true / all of these, so every abandon "
             "and every caller whom a rule turned away counts against it. "
             "Without short abandons: within true / (all of these - acd_contacts_total{outcome=\"abandoned_short\"}). "
             "Of received: within true / acd_contacts_offered_total.")
WAIT = Metric("acd_queue_wait_seconds", HISTOGRAM, ("queue", "channel", "outcome"),
              "Wait from queue entry to the bridge (answered) or the hang-up (abandoned, short ones too), counted "
              "when the contact ends. The target of each queue is an edge. ASA = sum / count of answered.",
              WAIT_BUCKETS)
STREAK = Metric("acd_queue_abandoned_streak", GAUGE, ("queue",),
                "Contacts that were abandoned since somebody was last answered in the queue. Short abandons do not "
                "count.")
TURNED_STREAK = Metric("acd_queue_turned_away_streak", GAUGE, ("queue",),
                       "Callers whom a rule turned away since somebody was last answered in the queue.")
WAITING = Metric("acd_queue_contacts_waiting", GAUGE, ("queue", "channel"),
                 "Contacts that wait now, callbacks included.")
OLDEST = Metric("acd_queue_oldest_wait_seconds", GAUGE, ("queue", "channel"),
                "Longest wait of the callers who wait on the line now.")
TARGET = Metric("acd_queue_target_seconds", GAUGE, ("queue",),
                "Target of the service level: answered within this time.")
TARGET_RATIO = Metric("acd_queue_target_ratio", GAUGE, ("queue",), "Share of contacts to answer within the target.")
OPEN = Metric("acd_queue_open", GAUGE, ("queue",), "1: open by its hours.")
DISTRESS = Metric("acd_queue_distress", GAUGE, ("queue",),
                  "1: its callers may be in distress, so they never time out and are never dropped.")
ON_DUTY = Metric("acd_queue_agents", GAUGE, ("queue", "state"),
                 "Agents who could take its calls: signed_in, and ready of those. Small numbers are shown too, "
                 "because an empty queue must be seen.")
SKILLED = Metric("acd_skill_agents", GAUGE, ("skill", "state"),
                 "Agents with the skill at any level: signed_in, and ready of those. Small numbers are shown too.")
HANDLE = Metric("acd_handle_seconds", HISTOGRAM, ("queue", "channel", "phase"),
                "Handle time by phase: pre_connect (from the agent's answer to the bridge: whisper announcement, "
                "reading, key), talk (without hold), hold, wrapup. AHT = sum of talk, hold and wrapup / count of "
                "talk.", HANDLE_BUCKETS)
OFFERS = Metric("acd_offers_total", COUNTER, ("queue", "result"), "Offers to agents by how they ended.")
MOVED = Metric("acd_contacts_moved_total", COUNTER, ("queue", "reason"),
               "Contacts that moved to another queue, by the queue they left: closed, full, nobody, expected, "
               "waited, chosen, supervisor, transfer. They count as offered in both.")
OUTAGE = Metric("acd_outage_contacts_total", COUNTER, ("queue", "outcome"),
                "Contacts that came and ended while no node listened, read from Asterisk's CEL file afterwards: "
                "fallback (the fallback queue gave them to an agent), abandoned, abandoned_short. They count in "
                "acd_contacts_total too.")
STEPS = Metric("acd_routing_step_total", COUNTER, ("queue", "status"),
               "Times a waiting contact went to a later step: expired (the step's time was over), "
               "preferred (the preferred agent's time was over).")
EWT_ERROR = Metric("acd_ewt_error_seconds", HISTOGRAM, ("queue",),
                   "Difference between the expected and the real wait, in either direction, of answered contacts that "
                   "had to wait. Its mean is the mean absolute error.", ERROR_BUCKETS)
EWT = Metric("acd_ewt_contacts_total", COUNTER, ("queue", "within"),
             "Answered contacts that had to wait; within = the wait was inside the expected interval of 80 of 100. "
             "Coverage = within true / all of these.")
SURVEY = Metric("acd_survey_answers_total", COUNTER, ("queue", "question", "answer"),
                "Answers of callers after the talk: asked (0), cared (1 to 5), solved (1 yes, 0 no), message (0). "
                "Response rate = cared of all answers / asked.")
CALLBACKS_NOW = Metric("acd_callbacks_waiting", GAUGE, ("queue",), "Callers who hung up and wait for a callback.")
CALLBACKS = Metric("acd_callbacks_total", COUNTER, ("queue", "result"),
                   "Callbacks: requested, time_chosen, dialled (each try), reached, and failed tries "
                   "(no_answer, busy, refused, no_key, failed, stale). Kept = reached / requested.")

# -- the menu
IVR_CALLS = Metric("ivr_calls_total", COUNTER, ("flow",),
                   "Callers who came through the menu or hung up in it, by entry. A caller who returns after a failed "
                   "external transfer counts once.")
IVR_COMPLETED = Metric("ivr_calls_completed_total", COUNTER, ("flow", "outcome"),
                       "The same by the end of the menu: queued, operator (key 0 or after failures), self_service "
                       "(everything heard, or a message left), external_transfer, abandoned (hung up), error. "
                       "Containment = self_service / all.")
IVR_DISTRESS = Metric("ivr_calls_distress_total", COUNTER, ("flow",),
                      "Callers who chose a distress service in the menu, by entry. A sudden share of all calls is a "
                      "disaster, or a menu that is misunderstood.")
IVR_INPUT = Metric("ivr_input_events_total", COUNTER, ("flow", "event"),
                   "Difficulties of callers: timeout (no key came), invalid (a wrong key), repeat, more_time, "
                   "slow_speech, operator_zero.")
IVR_DURATION = Metric("ivr_duration_seconds", HISTOGRAM, ("flow",),
                      "From the greeting to the end of the menu. 45 s is the limit to the human option (BTK).",
                      MENU_BUCKETS)

# -- people
AGENTS = Metric("acd_agents", GAUGE, ("team", "state"), "Agents by state; groups below five are pooled or left out.")
AGENT_SECONDS = Metric("acd_agent_state_seconds_total", COUNTER, ("team", "state"),
                       "Time of agents in each state, up to now. Ready excludes the rest gap and the rest after a "
                       "heavy contact, which are resting. Paused excludes pauses that count as work, which are "
                       "paused_work. Occupancy = (talking + wrapup) / (talking + wrapup + ready). Groups as in "
                       "acd_agents; resting is counted once it comes from five different agents.")
LIMITED = Metric("acd_agents_distress_limited", GAUGE, ("team",),
                 "Signed-in agents at the limit of their distress load, who get no heavy contact. Groups as in "
                 "acd_agents, and only while five or more of the group are signed in.")
APPLIED = Metric("acd_accommodations_applied_total", COUNTER, ("rule",),
                 "Offers made under a rule that differs from the usual profile, by rule, since the node started. "
                 "Rules of fewer than five agents are pooled or left out. Offers are counted once they come from five "
                 "different agents.")
VIOLATIONS = Metric("acd_accommodation_violations_total", COUNTER, ("rule",),
                    "Offers that a rule of the agent's profile forbids, found by a second check of the facts, since "
                    "the node started: stays 0. Rules of fewer than five agents are pooled.")
OVERRIDES = Metric("acd_accommodation_overrides_total", COUNTER, (),
                   "Times a rule of a profile was overridden, by a supervisor or by an emergency ceiling.")
BREAKS = Metric("acd_break_protection_total", COUNTER, ("result",),
                "Planned breaks that are over or were given up: on_time (begun within a minute of its latest start), "
                "delayed (later), overridden (given up, or ended early by the agent or a supervisor). A centre of "
                "fewer than five agents has none.")
PAUSE_LIMITS = Metric("acd_pause_limits_passed_total", COUNTER, ("reason",),
                      "Pauses that lasted longer than their reason allows. A centre of fewer than five agents has "
                      "none.")

# -- the platform
DECISION = Metric("acd_routing_decision_seconds", HISTOGRAM, (), "Time the engine takes for one event.",
                  DECISION_BUCKETS)
INBOX = Metric("acd_inbox_events", GAUGE, (), "Events that wait for the engine; 20000 is full.")
CONNECTED = Metric("acd_asterisk_connected", GAUGE, ("link",), "1: the link is up, and its state has been read.")
LINES = Metric("acd_lines", GAUGE, ("class",),
               "Lines of the carrier that calls hold, as Asterisk counts them: all, other (no distress keyed), words "
               "(hear the emergency text and end), or a service with lines for itself. No series: no [lines].")
LINES_LIMIT = Metric("acd_lines_limit", GAUGE, ("class",),
                     "Most lines of a class: all (total), other (total - kept), a service (most, if it has a number).")
LINE_REFUSALS = Metric("acd_line_refusals_total", COUNTER, ("class", "result"),
                       "Calls that found no line since the node started: refused (before the answer) or words (the "
                       "emergency text, then the end). They were never contacts.")
CALLS_REFUSED = Metric("acd_calls_refused_total", COUNTER, ("reason", "form"),
                       "Calls refused before the answer since the node started: unknown_number (not a number of the "
                       "centre; form is its begin and digits, as plus-12, zero-11 or text-0) or no_line (form none).")
SEAT_REFUSALS = Metric("acd_seat_calls_refused_total", COUNTER, ("by",),
                       "Calls that seats made beyond their limit since the node started, refused by asterisk, or by "
                       "the node before Asterisk saw them (page). No caller is among them.")
RECONNECTS = Metric("acd_asterisk_reconnects_total", COUNTER, ("link",), "Times the link returned after a loss.")
ASTERISK_EVENTS = Metric("acd_asterisk_events_total", COUNTER, ("link",),
                         "Events of Asterisk that the node has read, of the kinds it asks for.")
MISMATCHES = Metric("acd_reconciliation_mismatches_total", COUNTER, ("kind",),
                    "Differences between a snapshot of Asterisk and the engine: audit, or unseen (a contact whose "
                    "channel Asterisk never showed, so a question was forged).")
CENTRE_FILES = Metric("acd_centre_files_good", GAUGE, (),
                      "1: the centre's files are in force and good. 0: the node works with their last good copy "
                      "because the start found mistakes, or accommodations leave no agent for some callers today.")
CHANGES = Metric("acd_centre_changes_total", COUNTER, (),
                 "Times the rules of the centre changed since the node started, as by a reload.")
ANNOUNCEMENTS = Metric("acd_announcements", GAUGE, (), "Announcements that callers hear now.")
RECORDINGS = Metric("acd_recordings_total", COUNTER, ("result",),
                    "Unencrypted sounds found in the spool after a talk, by result: kept, destroyed (too short, "
                    "private), failed (tried again).")
RECORDING = Metric("acd_recording_possible", GAUGE, (),
                   "1: talks that may be recorded are recorded. 0: encryption fails, or there is no room.")
PURGED = Metric("acd_privacy_purge_timestamp_seconds", GAUGE, (),
                "Last nightly purge of old data, Unix seconds; 0: none.")
CALLER_PREFERENCES = Metric("acd_caller_preferences", GAUGE, ("preference",),
                            "Callers with a wish for later calls: slow (slow speech), human_first (a person at once). "
                            "Fewer than five count as 0.")
MQTT_CONNECTED = Metric("acd_mqtt_connected", GAUGE, ("broker",),
                        "1: the MQTT broker takes messages and delivers them. No series: the centre has no broker.")
MQTT_BEHIND = Metric("acd_mqtt_behind", GAUGE, ("broker",), "Facts that the broker has not confirmed yet.")
SIGNALS = Metric("acd_signal_messages_total", COUNTER, ("kind", "result"),
                 "Signals for agents' devices (ring, ringstop, alert, break): sent, late (not sent), and the answers "
                 "of devices: shown, felt, failed, expired. Kind unknown: an answer to no signal that was sent.")
SIGNAL_ACK = Metric("acd_signal_ack_seconds", HISTOGRAM, ("kind",),
                    "Time from sending a signal to the answer of the device, whatever the answer.", ACK_BUCKETS)
SMS = Metric("acd_sms_total", COUNTER, ("result",),
             "Short messages that callers asked for, since the node started: sent, failed (refused by the gateway, or "
             "unknown), expired (not taken in time), refused (too many, or sent before). No series: the centre has no "
             "gateway.")
SMS_WAITING = Metric("acd_sms_waiting", GAUGE, (), "Short messages that wait for the gateway; 500 is full.")
ALARMS = Metric("acd_alarms_total", COUNTER, ("kind",),
                "Faults that must not happen, such as bridge_mismatch: stays 0.")
DROPPED = Metric("acd_events_dropped_total", COUNTER, (), "Events that the full inbox refused: stays 0.")
AGI_REFUSED = Metric("acd_agi_refused_total", COUNTER, ("reason",),
                     "AGI connections that got no dialogue since the node started: forged (without the key of this "
                     "node), stale (the node may not act), silent, full, broken, unrouted.")
REFUSED = Metric("acd_channel_commands_refused_total", COUNTER, ("channel",),
                 "Commands of the engine that no adapter of the channel took, since the node started: stays 0.")
LEADS = Metric("acd_node_leads", GAUGE, (), "1: this node leads. 0: it stands by, and has no other metrics of ours.")
BUILD = Metric("acd_build_info", GAUGE, ("version",), "Always 1.")

# -- the process, named and told by prometheus_client
CPU = Metric("process_cpu_seconds_total", COUNTER, (), "Total user and system CPU time spent in seconds.")
RSS = Metric("process_resident_memory_bytes", GAUGE, (), "Resident memory size in bytes.")
VIRTUAL = Metric("process_virtual_memory_bytes", GAUGE, (), "Virtual memory size in bytes.")
BEGAN = Metric("process_start_time_seconds", GAUGE, (), "Start time of the process since unix epoch in seconds.")
OPEN_FILES = Metric("process_open_fds", GAUGE, (), "Number of open file descriptors.")
MOST_FILES = Metric("process_max_fds", GAUGE, (), "Maximum number of open file descriptors.")

OURS = (OFFERED, CONTACTS, SLA, WAIT, STREAK, TURNED_STREAK, WAITING, OLDEST, TARGET, TARGET_RATIO, OPEN, DISTRESS,
        ON_DUTY, SKILLED, HANDLE, OFFERS, MOVED, OUTAGE, STEPS, EWT_ERROR, EWT, SURVEY, CALLBACKS_NOW, CALLBACKS,
        IVR_CALLS, IVR_COMPLETED, IVR_DISTRESS, IVR_INPUT, IVR_DURATION,
        AGENTS, AGENT_SECONDS, LIMITED, APPLIED, VIOLATIONS, OVERRIDES, BREAKS, PAUSE_LIMITS,
        DECISION, INBOX, CONNECTED, LINES, LINES_LIMIT, LINE_REFUSALS, CALLS_REFUSED, SEAT_REFUSALS, RECONNECTS,
        ASTERISK_EVENTS, MISMATCHES, CENTRE_FILES, CHANGES, ANNOUNCEMENTS, RECORDINGS, RECORDING,
        CALLER_PREFERENCES, PURGED,
        MQTT_CONNECTED, MQTT_BEHIND, SIGNALS, SIGNAL_ACK, SMS, SMS_WAITING, ALARMS, DROPPED, AGI_REFUSED,
        REFUSED, LEADS, BUILD)
TABLE = (*OURS, CPU, RSS, VIRTUAL, BEGAN, OPEN_FILES, MOST_FILES)

SIGNAL_KINDS = ("ring", "ringstop", "alert", "break")
"""Kinds of signals to agents' devices."""

ACK_STATUS = ("shown", "felt", "failed", "expired")
"""Answers of a device to a signal."""

ALARM_KINDS = ("bridge_mismatch", "rows_repaired")
"""Every kind that the engine knows. Their series begin at 0, or the first increase could not be seen."""

K_MIN = 5
"""Smallest group that is shown. A figure of a smaller one could be about one known person."""
POOLED = "diger"
"""Name of the group that holds all teams, or rules, below `K_MIN`."""

_LABEL = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_./-]{0,39}|[0-9](?:\.[0-9]{1,2}){0,2}(?:[a-z]{1,4}[0-9]{0,2})?)\Z")


def label_value(value: str) -> str:
    """Return the value of a label, or `invalid`.

    A value begins with a letter, so that no number passes for a name. Exceptions are one digit (a key that a caller
    pressed) and a version.
    """
    return value if _LABEL.match(value) else "invalid"


def wait_edges(targets: Iterable[float]) -> tuple[float, ...]:
    """Return the buckets of waits with every target among them.

    For each target that is not a usual edge, the nearest edge gives way, so the number of series stays equal. All
    queues share the edges, because histograms with different edges cannot be added. Beyond `EDGES_MOST` targets the
    shortest are taken. The service level is counted apart and is exact for all.
    """
    # 1. Take the shortest targets.
    wanted = set(sorted({target for target in targets if target > 0})[:EDGES_MOST])
    edges = set(WAIT_BUCKETS)
    # 2. Replace the edge with the nearest ratio; edges that are targets themselves stay.
    for target in sorted(wanted - edges):
        spare = edges - wanted
        if spare:
            edges.remove(min(spare, key=lambda edge: (abs(log(edge / target)), edge)))
        edges.add(target)
    return tuple(sorted(edges))
