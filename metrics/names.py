"""Every metric in one table: name, kind, labels, buckets, meaning. Dashboards use these and nothing else.

The spelling is that of the list that passed `promtool check metrics`: prefix `acd_`, base units, `_total` for counters.
No label ever holds an agent, a number or a call: labels come from the centre's own names and from closed sets.
"""

from __future__ import annotations

import re
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
"""Seconds. The library's own end at 10 s; every usual service-level threshold is an edge here."""
HANDLE_BUCKETS = (5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0, 420.0, 600.0, 900.0, 1800.0, 3600.0)
MENU_BUCKETS = (5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0)
DECISION_BUCKETS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2)
"""Seconds: a decision takes microseconds; 10 ms would be heard by nobody and is an alarm all the same."""

OFFERED = Metric("acd_contacts_offered_total", COUNTER, ("queue", "channel"), "Contacts that entered a queue.")
CONTACTS = Metric("acd_contacts_total", COUNTER, ("queue", "channel", "outcome"),
                  "Contacts by their one final outcome.")
SLA = Metric("acd_sla_contacts_total", COUNTER, ("queue", "channel", "within"),
             "Answered and abandoned contacts; within = answered within the queue's target, from entry to the bridge. "
             "Service level = within true / all of these: every abandon counts against it.")
WAIT = Metric("acd_queue_wait_seconds", HISTOGRAM, ("queue", "channel", "outcome"),
              "Wait from queue entry to the bridge or the end, counted when the contact ends.", WAIT_BUCKETS)
WAITING = Metric("acd_queue_contacts_waiting", GAUGE, ("queue", "channel"), "Contacts that wait now.")
OLDEST = Metric("acd_queue_oldest_wait_seconds", GAUGE, ("queue", "channel"), "Longest wait of those who wait now.")
HANDLE = Metric("acd_handle_seconds", HISTOGRAM, ("queue", "channel", "phase"),
                "Handle time by phase: talk (without hold), hold, wrapup. AHT = sum of all / count of talk.",
                HANDLE_BUCKETS)
OFFERS = Metric("acd_offers_total", COUNTER, ("queue", "result"), "Offers to agents by how they ended.")
AGENTS = Metric("acd_agents", GAUGE, ("team", "state"), "Agents by state; groups below five are pooled or left out.")
AGENT_SECONDS = Metric("acd_agent_state_seconds_total", COUNTER, ("team", "state"),
                       "Time agents spent in a state, counted when they leave it; groups as in acd_agents.")
MOVED = Metric("acd_contacts_moved_total", COUNTER, ("queue", "reason"),
               "Waiting contacts that went on to another queue, by the queue they left: overflow, full, closed, "
               "chosen, transfer. They count as offered in both.")
STEPS = Metric("acd_routing_step_total", COUNTER, ("queue", "status"),
               "Times a waiting contact asked for less: expired (the step's time was over), nobody (nobody signed in "
               "could meet it), preferred (the preferred agent's time was over).")
EWT_ERROR = Metric("acd_ewt_error_seconds", HISTOGRAM, ("queue",),
                   "Difference between the wait expected at entry and the real one, either way, of the answered who "
                   "had to wait. Its mean is the mean absolute error.", WAIT_BUCKETS)
EWT = Metric("acd_ewt_contacts_total", COUNTER, ("queue", "within"),
             "Answered contacts that had to wait; within = the wait lay in the interval of 80 of 100 that was expected "
             "at entry. Coverage = within true / all of these.")
OVERRIDES = Metric("acd_accommodation_overrides_total", COUNTER, (),
                   "Times a rule of a profile did not hold: relaxed aloud, or by an emergency ceiling.")
IVR_CALLS = Metric("ivr_calls_total", COUNTER, ("flow",),
                   "Callers who came through the menu or hung up in it, by entry.")
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
CALLBACKS_NOW = Metric("acd_callbacks_waiting", GAUGE, ("queue",),
                       "Callers who have hung up and wait to be called back.")
CALLBACKS = Metric("acd_callbacks_total", COUNTER, ("queue", "result"),
                   "Callbacks: asked, dialled (each try), reached, and why tries failed (no_answer, busy, refused, "
                   "no_key, failed, stale).")
SURVEY = Metric("acd_survey_answers_total", COUNTER, ("queue", "question", "answer"),
                "What callers said after the talk: asked (0), cared (1 to 5), solved (1 yes, 0 no), message (0). "
                "Response rate = cared of all answers / asked.")
DECISION = Metric("acd_routing_decision_seconds", HISTOGRAM, (), "Time the engine takes for one event.",
                  DECISION_BUCKETS)
CONNECTED = Metric("acd_asterisk_connected", GAUGE, ("link",), "1: the link is up and its state read.")
RECONNECTS = Metric("acd_asterisk_reconnects_total", COUNTER, ("link",), "Times the link came back after a loss.")
MISMATCHES = Metric("acd_reconciliation_mismatches_total", COUNTER, ("kind",),
                    "Differences a snapshot of Asterisk showed against the engine.")
RECORDINGS = Metric("acd_recordings_total", COUNTER, ("result",),
                    "Plain sounds found in the spool after a talk, by what became of them: kept, destroyed (too short, "
                    "private), failed (tried again).")
RECORDING = Metric("acd_recording_possible", GAUGE, (),
                   "1: talks that may be recorded are; 0: nothing can be sealed, or there is no room.")
MQTT_CONNECTED = Metric("acd_mqtt_connected", GAUGE, ("broker",),
                        "1: the MQTT broker takes what happens and delivers it. No series: the centre has none.")
MQTT_BEHIND = Metric("acd_mqtt_behind", GAUGE, ("broker",), "Facts that the broker has not confirmed yet.")
MQTT_SIGNALS = Metric("acd_mqtt_signals_total", COUNTER, ("kind",),
                      "Signals for agents' devices by kind; expired: too late to be sent.")
MQTT_ACKS = Metric("acd_mqtt_acks_total", COUNTER, ("status",),
                   "What devices did with signals: shown, felt, failed, expired; unknown: with none that was sent.")
ALARMS = Metric("acd_alarms_total", COUNTER, ("kind",), "What must not happen, such as bridge_mismatch: stays 0.")
DROPPED = Metric("acd_events_dropped_total", COUNTER, (), "Events the full inbox did not take: stays 0.")
BUILD = Metric("acd_build_info", GAUGE, ("version",), "Always 1.")

TABLE = (OFFERED, CONTACTS, SLA, WAIT, WAITING, OLDEST, HANDLE, OFFERS, MOVED, STEPS, EWT_ERROR, EWT, OVERRIDES, SURVEY,
         CALLBACKS_NOW, CALLBACKS,
         IVR_CALLS, IVR_COMPLETED, IVR_INPUT, IVR_DURATION,
         AGENTS, AGENT_SECONDS, DECISION, CONNECTED, RECONNECTS, MISMATCHES, RECORDINGS, RECORDING,
         MQTT_CONNECTED, MQTT_BEHIND, MQTT_SIGNALS, MQTT_ACKS, ALARMS, DROPPED, BUILD)

K_MIN = 5
"""Smallest group that is shown: below it a figure could be about one known person."""
POOLED = "diger"
"""Name of the group that holds all teams below `K_MIN`."""

_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,39}\Z")


def label(value: str) -> str:
    """A label's value as it is, or `invalid`: it must begin with a letter, so no number ever passes for a name."""
    return value if _LABEL.match(value) else "invalid"
