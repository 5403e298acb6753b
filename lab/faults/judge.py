"""Judge a fault by its witnesses: what callers and phones heard, and what the store says about it."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.errors import LabError
from lab.faults.fault import Fault
from lab.faults.fault_model import Bounds, FaultRow
from lab.faults.scene import TALK_S, WAITS, FaultScene, SceneCall
from lab.phones import audio, silence
from lab.phones.leg import Leg
from lab.session import LabSession
from routing.core.model.centre_model import Outcome
from routing.store.kinds import NUMBERS

SPOKEN_S = 0.3
"""Least time of a tone that counts as a talk. Sentences and music never have it."""
BEFORE_S, EDGE_S = 1.0, 0.5
"""A talk is looked at from this time before the injection, and up to this time before its end: the hang-up itself is no
gap."""
SHORT_S = 0.5
"""A talk that is this much shorter than its agent wanted was cut."""
BOTH_S = 0.25
"""Least time in which two voices at once count as two assignments."""


SAME_S = 1.5
"""Greatest difference between a caller's first event and the second in which Asterisk has the call."""
FLOOD_SERVICE = "ihbar_sikayet"
"""Service of a flood's callers. It is anonymous, and nobody of the scene calls it."""


class StoreRows(NamedTuple):
    """Rows of a store after a fault."""

    contacts: list[dict[str, Any]]
    offers: list[dict[str, Any]]
    ends: dict[str, int]
    """How often the facts end a contact."""
    logged: set[str]
    """Contacts of the queue_log."""
    aside: Mapping[str, Sequence[tuple[float, float]]] = {}
    """Times in which the engine knew a contact in the fallback queue, from and to. Nobody is offered there: a phone may
    ring."""


class Ears(NamedTuple):
    """Tones that one line heard, by windows of `audio.WINDOW_S`."""

    leg: Leg
    heard: NDArray[np.bool_]
    """One row a window, one column a tone."""

    def seconds(self, column: int) -> float:
        """Return how long a tone was heard."""
        return float(np.sum(self.heard[:, column])) * audio.WINDOW_S

    def first(self, column: int) -> float | None:
        """Return the Unix time at which a tone was heard first."""
        found = np.flatnonzero(self.heard[:, column])
        return None if not len(found) or self.leg.answered_at is None else (
            self.leg.answered_at + float(found[0]) * audio.WINDOW_S)


def read_store(lab: LabSession) -> StoreRows:
    """Read what the store says about all calls of the lab."""
    # The first value of the fact is the contact.
    ends = Counter(str(one[0]) for one in read_facts(lab, "Ended"))
    return StoreRows(lab.query_store("select * from contacts order by queued_at"),
                     lab.query_store("select * from offers order by offer"),
                     dict(ends),
                     {line.contact for line in lab.read_queue_log()}, _read_aside(lab))


def _read_aside(lab: LabSession) -> dict[str, list[tuple[float, float]]]:
    """Read from the journal when the engine knew which contact in the fallback queue."""
    found = defaultdict[str, list[tuple[float, float]]](list)
    entered: dict[str, float] = {}
    rows = lab.query_store("select at, kind, body from journal where kind in (?, ?) order by seq",
                           NUMBERS["FallbackEntered"], NUMBERS["HoldTick"])
    for row in rows:
        # The first value of both events is the contact. The next question of its caller ends such a time.
        contact, at = str(json.loads(row["body"])[0]), float(row["at"])
        if row["kind"] == NUMBERS["FallbackEntered"]:
            entered.setdefault(contact, at)
        elif contact in entered:
            found[contact].append((entered.pop(contact), at))
    for contact, at in entered.items():
        found[contact].append((at, math.inf))
    return found


def read_facts(lab: LabSession, kind: str) -> list[list[Any]]:
    """Read the values of all facts of a kind, in order, without number and time."""
    return [values for _, values in read_fact_times(lab, kind)]


def read_fact_times(lab: LabSession, kind: str) -> list[tuple[float, list[Any]]]:
    """Read all facts of a kind with their times, in order, without number."""
    rows = lab.query_store("select at, body from facts where kind = ? order by seq", NUMBERS[kind])
    return [(float(one["at"]), json.loads(one["body"])) for one in rows]


def _match_records(hashes: dict[SceneCall, str], contacts: list[dict[str, Any]]
                   ) -> tuple[dict[SceneCall, list[dict[str, Any]]], list[dict[str, Any]]]:
    """Return the records of each call, and those of nobody.

    The black box knows no numbers, so who came without a node has no hash. The id begins with the second of the call.
    """
    found = {call: [one for one in contacts if one["caller_hash"] == code] for call, code in hashes.items()}
    nameless = [one for one in contacts if not one["caller_hash"] and one["service"] != FLOOD_SERVICE]
    for call in sorted((one for one, known in found.items() if not known), key=lambda one: one.leg.began):
        near = [one for one in nameless if abs(int(one["contact"].partition(".")[0]) - call.leg.began) <= SAME_S]
        if near:
            nearest = min(near, key=lambda one: abs(float(one["contact"].partition(".")[0]) - call.leg.began))
            nameless.remove(nearest)
            found[call].append(nearest)
    return found, nameless


class Judge:
    """The judge of one fault."""

    def __init__(self, fault: Fault, scene: FaultScene, rows: StoreRows, injected: float, healed: float) -> None:
        self.fault, self.scene, self.rows = fault, scene, rows
        self.injected, self.healed = injected, healed
        self.row = FaultRow(fault.id, fault.title, fault.how, calls=len(scene.calls), bounds=fault.bounds.reason)
        self._tones = [call.tone for call in scene.calls] + [phone.tone for phone in scene.phones.values()]
        self._agents = {phone.tone: agent for agent, phone in scene.phones.items()}
        seats = {phone.person.seat for phone in scene.phones.values()}
        self._callers = {call: self._listen(call.leg) for call in scene.calls}
        self._phones = [self._listen(leg) for leg in scene.rung if leg.seat in seats and leg.was_answered]
        hashes = {call: scene.hash_of(call) for call in scene.calls}
        self._records, self._strange = _match_records(hashes, rows.contacts)

    def judge(self) -> FaultRow:
        """Return the row with everything measured."""
        self._count_lost()
        self._count_doubled()
        self._check_records()
        self._check_order()
        self._measure_gaps()
        self._measure_decision()
        self._compare_bounds(self.fault.bounds)
        self.row.ok = not self.row.problems
        return self.row

    # --- what was heard ----------------------------------------------------------------------------------------------

    def _listen(self, leg: Leg) -> Ears:
        try:
            samples = audio.read_wav(leg.recording) if leg.recording is not None and leg.recording.exists() else None
        except LabError:  # the line is not over: its other end was killed
            samples = None
        if samples is None:
            return Ears(leg, np.zeros((0, len(self._tones)), dtype=bool))
        return Ears(leg, silence.find_tones(samples, self._tones))

    def _voices(self, call: SceneCall) -> list[int]:
        """Return the tones of the agents whom a caller heard."""
        ears = self._callers[call]
        return [tone for column, tone in enumerate(self._tones)
                if tone in self._agents and ears.seconds(column) >= SPOKEN_S]

    def _talk_began(self, call: SceneCall) -> float | None:
        """Return the Unix time at which a caller heard an agent first."""
        ears = self._callers[call]
        times = [at for column, tone in enumerate(self._tones)
                 if tone in self._voices(call) and (at := ears.first(column)) is not None]
        return min(times, default=None)

    def _phone_of(self, call: SceneCall) -> Ears | None:
        """Return the phone that heard a caller last."""
        column = self._tones.index(call.tone)
        found = [one for one in self._phones if one.seconds(column) >= SPOKEN_S]
        return found[-1] if found else None

    # --- callers -----------------------------------------------------------------------------------------------------

    def _is_cut(self, call: SceneCall) -> bool:
        """Return whether the fault itself took the call, by what it is."""
        return self.fault.cuts_calls and call.leg.began < self.injected

    def _count_lost(self) -> None:
        for call in self.scene.calls:
            if call.left or self._is_cut(call):
                continue
            phone = self._phone_of(call)
            if not self._voices(call) or phone is None:
                self._add_problem("lost", f"the caller who {call.role} was lost: {call.leg.describe_moments()}")
            elif phone.leg.talked_s and phone.leg.talked_s < TALK_S - SHORT_S:
                self._add_problem("lost", f"the talk of the caller who {call.role} was cut after "
                                          f"{phone.leg.talked_s:.1f} s")

    def _count_doubled(self) -> None:
        # 1. Two voices at once, on either side.
        for call, ears in self._callers.items():
            self._find_two(ears, lambda tone: tone in self._agents, f"the caller who {call.role} heard two agents")
        for ears in self._phones:
            self._find_two(ears, lambda tone: tone not in self._agents, f"{ears.leg} heard two callers")
        # 2. Two offers at once of one contact or to one agent, by the store.
        for name in ("contact", "agent"):
            groups = defaultdict(list)
            for offer in self.rows.offers:
                groups[offer[name]].append(offer)
            for key, offers in groups.items():
                for one, after in pairwise(offers):
                    over = one["talk_ended_at"] or one["ended_at"]
                    if over is None or after["offered_at"] < over - self.fault.bounds.true_s:
                        self._add_problem("doubled", f"{name} {key} had offers {one['offer']} and {after['offer']} at "
                                                     "once")

    def _find_two(self, ears: Ears, of: Callable[[int], bool], what: str) -> None:
        columns = [column for column, tone in enumerate(self._tones) if of(tone)]
        at_once = np.sum(ears.heard[:, columns], axis=1) >= 2 if len(ears.heard) else np.zeros(0)
        if float(np.sum(at_once)) * audio.WINDOW_S >= BOTH_S:
            self._add_problem("doubled", f"{what} at once")

    # --- records -----------------------------------------------------------------------------------------------------

    def _check_records(self) -> None:
        for call in self.scene.calls:
            found = self._records[call]
            # A menu that ends with its Asterisk has chosen no service yet.
            if not found and self._is_cut(call) and call.role == "in the menu":
                continue
            if len(found) != 1:
                self._add_problem("records", f"the caller who {call.role} has {len(found)} records instead of one")
                continue
            for what in self._wrong_in(call, found[0]):
                self._add_problem("records", f"the record of the caller who {call.role}: {what}")
        for contact in self._strange:
            self._add_problem("records", f"contact {contact['contact']} is the record of nobody")
        for name, count in self.rows.ends.items():
            if count != 1:
                self._add_problem("records", f"contact {name} has ended {count} times")

    def _wrong_in(self, call: SceneCall, contact: dict[str, Any]) -> list[str]:
        outcome, name = str(contact["outcome"] or ""), str(contact["contact"])
        found = []
        # 1. The outcome tells what the caller heard.
        voices = self._voices(call)
        wanted = {"answered", "fallback"} if voices else {"abandoned", "abandoned_short"}
        if self._is_cut(call):
            wanted = {"pbx_failure"} | ({"answered"} if voices else set())
        if outcome not in wanted:
            found.append(f"outcome {outcome or 'missing'} instead of {' or '.join(sorted(wanted))}")
        # 2. The agent of the record is the agent who was heard.
        agents = {one["agent"] for one in self.rows.offers
                  if one["contact"] == name and one["connected_at"] is not None}
        heard = {self._agents[tone] for tone in voices}
        if outcome == "answered" and agents != heard:
            found.append(f"talked with {sorted(agents)} by the record and heard {sorted(heard)}")
        # 3. The end is that of the caller's own line, where the caller ended it.
        own = call.leg.ended_at
        if call.left and own is not None and contact["ended_at"] is not None and not self._is_cut(call):
            apart = abs(contact["ended_at"] - own)
            if apart > self.fault.bounds.true_s:
                found.append(f"its end is {apart:.1f} s away from that of the line")
        if name not in self.rows.logged:
            found.append("the queue_log does not have it")
        if self.rows.ends.get(name, 0) == 0:
            found.append("no fact ends it")
        return found

    def _check_order(self) -> None:
        """Check that nobody was served before a caller of the same service who had waited longer.

        The fallback queue serves by its own order, and the engine offers nobody who is there.
        """
        calls = [(began, found[0]) for call, found in self._records.items()
                 if found and found[0]["service"] == WAITS and found[0]["outcome"] != Outcome.FALLBACK
                 and not call.left and not self._is_cut(call) and (began := self._talk_began(call)) is not None]
        if any(later["since"] > earlier["since"] and began < waited and self._could_offer(earlier, self._offered(later))
               for waited, earlier in calls for began, later in calls):
            self._add_problem("records", "callers of one service were not served in the order of their arrival")

    def _offered(self, contact: dict[str, Any]) -> float:
        """Return when a contact was offered to the agent of its talk."""
        return max((float(one["offered_at"]) for one in self.rows.offers
                    if one["contact"] == contact["contact"] and one["connected_at"] is not None), default=math.inf)

    def _could_offer(self, contact: dict[str, Any], at: float) -> bool:
        """Return whether the engine knew a contact at a time, and its caller in the hold loop."""
        return bool(contact["queued_at"] <= at) and not any(
            since <= at < until for since, until in self.rows.aside.get(contact["contact"], ()))

    # --- times -------------------------------------------------------------------------------------------------------

    def _measure_gaps(self) -> None:
        if self.fault.cuts_calls:
            return
        talks, waits, new = list[float](), list[float](), list[float]()
        for call in self.scene.calls:
            answered, ended = call.leg.answered_at, call.leg.ended_at
            if answered is None or ended is None:
                continue
            end = self._talk_began(call) or ended - EDGE_S
            try:
                if call.role in ("talks", "hangs up"):
                    talks += self._talk_gaps(call, ended)
                elif call.role in ("waits", "in distress", "leaves", "rings"):
                    waits.append(self._silence_of(call, self.injected - BEFORE_S, end))
                elif call.role in ("new", "in the menu"):
                    new.append(self._silence_of(call, max(answered, self.injected - BEFORE_S), end))
            except LabError as error:
                self.row.problems.append(f"the caller who {call.role}: {error}")
        self.row.talk_gap_s, self.row.wait_gap_s, self.row.new_gap_s = (
            None if not found else round(max(found), 2) for found in (talks, waits, new))

    def _talk_gaps(self, call: SceneCall, ended: float) -> list[float]:
        """Return the longest time without the other voice at both ends of a talk."""
        phone, voices = self._phone_of(call), self._voices(call)
        if phone is None or len(voices) != 1:
            return []
        start, end = self.injected - BEFORE_S, min(ended, self.healed + BEFORE_S) - EDGE_S
        return [silence.longest_without(silence.between(leg, start, end), tone)
                for leg, tone in ((call.leg, voices[0]), (phone.leg, call.tone))]

    @staticmethod
    def _silence_of(call: SceneCall, start: float, end: float) -> float:
        return silence.longest_silence(silence.between(call.leg, start, end))

    def _measure_decision(self) -> None:
        since = self.healed if self.fault.decides_after else self.injected
        times = [float(one["offered_at"]) for one in self.rows.offers if one["offered_at"] >= self.injected]
        self.row.decision_s = round(max(0.0, min(times) - since), 2) if times else None

    def _compare_bounds(self, bounds: Bounds) -> None:
        for what, value, limit in (("who talked heard nothing for", self.row.talk_gap_s, bounds.talk_gap_s),
                                   ("who waited heard nothing for", self.row.wait_gap_s, bounds.wait_gap_s),
                                   ("who came new heard nothing for", self.row.new_gap_s, bounds.new_gap_s),
                                   ("the first decision took", self.row.decision_s, bounds.decision_s)):
            if value is not None and value > limit:
                self.row.problems.append(f"{what} {value:.2f} s, at most {limit:.2f} s")
        # After a long fault the fallback queue may have served everybody.
        if self.row.decision_s is None and not any(
                found and found[0]["outcome"] == Outcome.FALLBACK for found in self._records.values()):
            self.row.problems.append("no decision was made after the injection")

    def _add_problem(self, kind: str, text: str) -> None:
        setattr(self.row, kind, getattr(self.row, kind) + 1)
        self.row.problems.append(text)


