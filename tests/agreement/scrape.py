"""A scraped page of `/metrics`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lab.people.node_records import MetricSample
from tests.agreement.told import CALLBACKS, ENDS, MOVES, Sums, Told, by_service, say

METRICS = frozenset({"offered", *ENDS, "all abandoned", "in service level",
                     "within", "answered_wait_s", "abandoned_wait_s", "talks",
                     "talk_s", "hold_s", "wrapup_s"})
METRICS_BY_QUEUE = frozenset({
    "moved on", *(f"moved {reason}" for reason in MOVES), "offers missed", "offers taken away", "callback dialled",
    *(f"callback {reason}" for reason in CALLBACKS), "surveys", "survey cared", "survey solved"})
RESULTS = {"ring_no_answer": "offers missed", "rejected": "offers missed",
           "pre_connect_hangup": "offers missed", "cancelled": "offers taken away",
           "rescinded": "offers taken away"}


def of_metrics(found: Sequence[MetricSample]) -> list[Told]:
    """Return the figures of a scraped page: those with a channel in their labels, and those without."""
    sums: Sums = Counter()
    for one in found:
        labels = one.labels
        if "queue" not in labels:
            continue
        place, queue = (labels["queue"], labels.get("channel", "")), (labels["queue"], "")
        outcome, phase = labels.get("outcome", ""), labels.get("phase", "")
        match one.name:
            case "acd_contacts_offered_total":
                sums[place, "offered"] += one.value
            case "acd_contacts_total":
                sums[place, outcome] += one.value
                sums[place, "all abandoned"] += one.value * outcome.startswith("abandoned")
            case "acd_sla_contacts_total":
                sums[place, "within"] += one.value * (labels["within"] == "true")
                sums[place, "in service level"] += one.value
            case "acd_queue_wait_seconds_sum" if outcome.startswith(("answered", "abandoned")):
                sums[place, f"{outcome.removesuffix('_short')}_wait_s"] += one.value
            case "acd_handle_seconds_count" if phase == "talk":
                sums[place, "talks"] += one.value
            case "acd_handle_seconds_sum" if phase in ("talk", "hold", "wrapup"):
                sums[place, "talk_s"] += one.value * (phase != "wrapup")
                sums[place, f"{phase}_s"] += one.value * (phase != "talk")
            case "acd_contacts_moved_total":
                sums[queue, "moved on"] += one.value
                sums[queue, f"moved {labels['reason']}"] += one.value
            case "acd_offers_total" if labels["result"] in RESULTS:
                sums[queue, RESULTS[labels["result"]]] += one.value
            case "acd_callbacks_total":
                sums[queue, f"callback {labels['result']}"] += one.value
            case "acd_survey_answers_total":
                say(sums, queue, labels["question"], int(labels["answer"]), one.value)
    return [Told("/metrics", METRICS, sums), Told("/metrics", METRICS_BY_QUEUE, sums, by_service)]
