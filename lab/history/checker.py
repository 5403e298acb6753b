"""Check the history of a lab: join what everybody saw, and test the invariants I1 to I8.

The check reads a folder and nothing else. Its work grows with the number of lines, but for the order of waits, where it
also grows with the logarithm of those who wait.
"""

from __future__ import annotations

from pathlib import Path

from lab.history.checks.arrivals import check_arrivals
from lab.history.checks.assignments import check_assignments
from lab.history.checks.personal_data import check_personal_data
from lab.history.checks.records import check_records
from lab.history.checks.recovery import check_recovery
from lab.history.evidence import Evidence, read_evidence
from lab.history.findings import Findings
from lab.history.talks import find_talks


def check_history(folder: Path) -> Findings:
    """Return all findings in a folder of `HistoryRecorder`, by invariant. Raise BadHistory if it is no whole history.
    """
    found = read_evidence(folder)
    contacts = found.contacts()
    talks = find_talks(found.seen, contacts)
    findings = sorted((*check_arrivals(found), *check_assignments(found, talks), *check_records(found, talks),
                       *check_recovery(found, talks), *check_personal_data(found, folder)),
                      key=lambda one: (one.invariant, one.at or 0.0))
    return Findings(tuple(findings), len(found.callers), len(contacts), sum(map(len, found.acts)),
                    tuple(_describe_limits(found)))


def _describe_limits(found: Evidence) -> list[str]:
    """Return what could not be checked."""
    notes = []
    if not found.clocks_agree:
        notes.append("A clock was set, so times of records were not compared with those of others.")
    if unseen := sum(not caller.get("contact") and caller.get("answered") is not None for caller in found.callers):
        notes.append(f"{unseen} callers could not be joined with a contact: no witness saw their channels begin.")
    if gaps := sum(line.get("event") == "gone" for line in found.seen):
        notes.append(f"A witness lost Asterisk {gaps} times. Talks of those moments were not compared.")
    if not found.box:
        notes.append("There is no black box, so outcomes were not compared with it.")
    return notes
