"""Model the fallback queues: Asterisk's app_queue, with members that a node adds and pauses."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ivr import dialplan
from lab.simulation.channels import Caller, Leg, Switch
from routing.ami.actions import CONTEXT_FALLBACK
from routing.ami.fallback.members import FALLBACK_PREFIX, FALLBACK_UNKNOWN

Block = list[tuple[str, str]]
LOOK_S = 1.0
"""Pause between two tries of a queue, as `retry` in queues.conf."""


@dataclass(eq=False)
class Entry:
    """A caller in a queue."""

    queue: str
    caller: Caller
    since: float
    until: float
    """End of the round."""
    leg: Leg | None = None
    """The phone that rings for the caller, or talks."""
    withdrawn: bool = False


class AppQueue:
    """All fallback queues."""

    def __init__(self, asterisk: Switch, rng: random.Random) -> None:
        self._asterisk, self._rng = asterisk, rng
        self.unknown_service = ""
        self.distress: frozenset[str] = frozenset()
        """Services for distress, whose callers come first."""
        self.members: dict[str, dict[str, str | None]] = {}
        """Members of each queue by interface, with the reason of their pause."""
        self._entries: list[Entry] = []
        self._looking = False

    def set_services(self, services: tuple[str, ...], distress: frozenset[str], unknown: str) -> None:
        """Make the queues of the centre."""
        self.unknown_service, self.distress = unknown, distress
        self.members = {FALLBACK_UNKNOWN: {}, **{f"{FALLBACK_PREFIX}{service}": {} for service in services}}

    # -- callers -----------------------------------------------------------------------------------------------------

    def join(self, caller: Caller) -> None:
        """Begin a round of a caller."""
        asterisk = self._asterisk
        queue = f"{FALLBACK_PREFIX}{caller.variables[dialplan.SERVICE]}"
        since = float(caller.variables[dialplan.SINCE])
        entry = Entry(queue, caller, since, asterisk.world.now + asterisk.times.fallback_s)
        self._entries.append(entry)
        self._entries.sort(key=lambda one: (
            one.queue.removeprefix(FALLBACK_PREFIX) not in self.distress, one.since))
        if not self._looking:
            self._looking = True
            asterisk.after(0.01, self._look)

    def forget(self, caller: Caller) -> None:
        """Take a caller out, who has hung up or was led away. The phone that rings for the caller stops."""
        for entry in [one for one in self._entries if one.caller is caller]:
            self._entries.remove(entry)
            if entry.leg is not None and entry.leg.partner is None:
                self._asterisk.hang_up(entry.leg, 26, "queue")

    def forget_everybody(self) -> None:
        """Lose all callers with the process. Members are stored."""
        self._entries.clear()
        self._looking = False

    def leg_ended(self, leg: Leg) -> None:
        """Let a caller wait on whose phone has stopped to ring."""
        for entry in self._entries:
            if entry.leg is leg:
                entry.leg = None
                if entry.withdrawn:
                    self._leave(entry, withdrawn=True)
                return

    def _leave(self, entry: Entry, withdrawn: bool) -> None:
        self._entries.remove(entry)
        self._asterisk.go_on(entry.caller, 0.002,
                             lambda: self._asterisk.leave_fallback(entry.caller, withdrawn))

    def _look(self) -> None:
        """Ring a free member for each caller, and end rounds that are over."""
        asterisk = self._asterisk
        for entry in list(self._entries):
            if entry.leg is not None or entry not in self._entries:
                continue
            if asterisk.world.now >= entry.until:
                self._leave(entry, withdrawn=False)
                continue
            free = [interface for interface, paused in self.members[entry.queue].items() if paused is None
                    and asterisk.phones[interface.removeprefix("PJSIP/")].device_state == "NOT_INUSE"]
            if free:
                self._ring(entry, self._rng.choice(free))
        self._looking = bool(self._entries)
        if self._entries:
            asterisk.after(LOOK_S, self._look)

    def _ring(self, entry: Entry, interface: str) -> None:
        asterisk = self._asterisk
        uniqueid = asterisk.next_id()
        leg = entry.leg = Leg(uniqueid, f"{interface}-{uniqueid.partition('.')[2]}", "santral-seat",
                              seat=interface.removeprefix("PJSIP/"))

        def answered() -> None:
            if entry in self._entries:
                self._entries.remove(entry)
                asterisk.bridge(leg, entry.caller)
            else:
                asterisk.hang_up(leg, 26, "queue")
        asterisk.ring(leg, 15.0, answered, Channel=entry.caller.name, Uniqueid=entry.caller.uniqueid,
                      Context=CONTEXT_FALLBACK)

    # -- the manager -------------------------------------------------------------------------------------------------

    def answer(self, name: str, one: dict[str, str]) -> list[Block]:
        """Answer an action about queues."""
        if name == "QueueStatus":
            return self._list()
        if name == "QueueWithdrawCaller":
            return [self._withdraw(one["Caller"])]
        members = self.members[one["Queue"]]
        if name == "QueueRemove":
            members.pop(one["Interface"], None)
        else:
            members[one["Interface"]] = one.get("Reason", "") if one["Paused"] in ("1", "true") else None
        return [[("Response", "Success"), ("Message", "done")]]

    def _withdraw(self, channel: str) -> Block:
        for entry in self._entries:
            if entry.caller.name == channel:
                entry.withdrawn = True
                if entry.leg is None:
                    self._leave(entry, withdrawn=True)
                return [("Response", "Success"), ("Message", "Withdraw requested successfully")]
        return [("Response", "Error"), ("Message", "Unable to withdraw caller from queue: No such channel")]

    def _list(self) -> list[Block]:
        return [[("Response", "Success"), ("EventList", "start")],
                *[[("Event", "QueueParams"), ("Queue", queue)] for queue in self.members],
                *[[("Event", "QueueMember"), ("Queue", queue), ("Location", interface),
                   ("Paused", "0" if reason is None else "1"), ("PausedReason", reason or "")]
                  for queue, members in self.members.items() for interface, reason in members.items()],
                *[[("Event", "QueueEntry"), ("Queue", entry.queue), ("Channel", entry.caller.name),
                   ("Uniqueid", entry.caller.uniqueid)] for entry in self._entries],
                [("Event", "QueueStatusComplete"), ("EventList", "Complete")]]
