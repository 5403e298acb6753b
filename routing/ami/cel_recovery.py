"""Recover what happened to calls while nobody listened, from Asterisk's CEL file (the black box).

`cel_custom` writes one line for each event: `time,event,uniqueid,linkedid,cause`. The time is in seconds since 1970
with a fraction. The cause (Q.850) is that of a hang-up. The template is `asterisk_conf/templates/cel_custom.conf.j2`.
The file holds nothing about people: events of the dialplan name an entry of the menu, a service or a seat.
"""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from routing.core.events import Event, MenuEnded, OutageCallFound
from routing.core.model.facts import MenuEndedRecorded
from routing.core.model.ids import ContactId, SeatId, ServiceId, parse_leg_id

READ_MAX = 32 * 1024 * 1024
"""Bytes read after a gap: some 400,000 events, hours of the busiest traffic. Of a larger gap the newest bytes are read.
"""
LINE_MAX = 4096
"""Longest line. An event, two ids and a name of the dialplan take some 150 bytes."""
CLOCK_SKEW_MAX_S = 5.0
"""Largest accepted difference between Asterisk's clock and the node's. On two machines with NTP it is milliseconds.

A time further outside the possible range comes from a clock that was set meanwhile.
"""
_ENDS = {"CHAN_END", "HANGUP"}
_ENTERS, _LEAVES = "BRIDGE_ENTER", "BRIDGE_EXIT"
_LED_TO_END = {"self_service", "external_transfer"}
NO_NODE, FALLBACK = "SC_NO_NODE", "SC_FALLBACK-"
"""Events of the dialplan: a new caller whom no node has answered, and a caller who enters the fallback queue of the
service that follows (`asterisk_conf`)."""
LEFT_MENU = "SC_LEFT_MENU"
"""A caller hung up in a dialogue with a node, which has recorded it unless it was frozen or suspended. Or the caller
hung up before a node was asked."""
MENU_RECORDED_S = 6.0
"""Time in which a node that leads has stored the end of a dialogue, or leads no more."""
READ_AGAIN_S = 1.0
"""Length of the past that a new process reads again. The same line has nearly the same time for two processes."""
MENU_TRUE_S = 2.0
"""Difference between the end of a call and that of its path through the menu, if the caller hung up there."""
CALLED, HOLD, MEMBER, OUTSIDE = "SC_CALLED-", "SC_HOLD-", "SC_MEMBER-", "SC_OUTSIDE"
"""Further events: a caller has come, a caller goes from the menu into the hold loop of the service that follows, the
phone of the seat that follows takes a caller of a fallback queue, and the menu connects a caller to an outside number.
"""
OPEN_CALLS_MAX = 2_000
"""Calls remembered that have not ended, or just now: five times the callers of one Asterisk. The oldest is forgotten
first."""
OUTAGE_CALLS_MAX = 20_000
"""Ended calls that one read returns: more than an hour of the busiest traffic. The oldest are left out, and counted."""


class ChannelPast(NamedTuple):
    """Times of one channel in a gap, by the node's clock. None means that the file has no time, or none that can be
    trusted."""

    entered: float | None = None
    """When the channel was first bridged with another channel."""
    ended: float | None = None
    fallback_talk: float | None = None
    """When the fallback queue gave the channel to an agent."""
    fallback_talk_s: float = 0.0
    """Time in talks that the fallback queue gave, up to now or to the end of the channel."""
    member: str = ""
    """Seat of the last phone that took the channel in the fallback queue."""
    cause: int = 0
    """Why the channel ended (Q.850). 0 if the file does not tell."""


class OutageCall(NamedTuple):
    """A caller from the trunk, by the node's clock."""

    uniqueid: str
    began: float
    """When the caller came."""
    service: str = ""
    """Service of the last fallback queue or hold loop. Empty if the caller hung up before."""
    talked: float | None = None
    """When the fallback queue gave the caller to an agent."""
    ended: float | None = None
    missed: bool = False
    """No node answered the caller at least once."""
    held: bool = False
    """The caller came from the menu into the hold loop."""
    left_menu: bool = False
    """The caller hung up in a dialogue with a node, or before a node was asked."""
    outside: bool = False
    """The menu connected the caller to an outside number."""
    entry: str = ""
    """Entry of the menu."""
    talk_s: float = 0.0
    """Time in talks that the fallback queue gave."""
    talks_since: float | None = None
    """Start of the present talk."""
    member: str = ""
    """Seat of the last phone that took the caller in the fallback queue."""
    vanished: bool = False
    """Asterisk ended without a word about the caller. `ended` is the last time at which it wrote anything."""

    @property
    def was_in_menu(self) -> bool:
        """Return whether the call ended in the menu of a node, or where the menu led, but in no queue."""
        return not self.missed and not self.held


Recorded = Mapping[str, MenuEndedRecorded | None]
"""Records of calls, by uniqueid: None for a contact, else the last path through the menu."""


class Mark(NamedTuple):
    """A position in the file."""

    inode: int = 0
    offset: int = 0
    since: float = -math.inf
    """When the position was the end of the file."""
    set_by_s: float = 0.0
    """How far the wall clock had been set at that time."""


class _Row(NamedTuple):
    """A line of the file."""

    at: float | None
    event: str
    uniqueid: str
    linked: str
    """First channel of the call."""
    cause: int
    is_later: bool
    """The line was written after the end of the file that the reader names."""


class CelRecovery:
    """Read one CEL file from a marked position.

    Every method tolerates a file that is missing, rotated or truncated. `clock` is the node's clock, which nobody sets.
    Asterisk writes by the wall clock (`wall`).
    """

    def __init__(self, path: Path, clock: Callable[[], float], wall: Callable[[], float] = time.time,
                 explained: float = -math.inf) -> None:
        self._path, self._clock, self._wall = path, clock, wall
        # A time to come is of a clock that was set back since: the store knows which calls have a record.
        self._explained = explained - READ_AGAIN_S if explained <= clock() + CLOCK_SKEW_MAX_S else -math.inf
        """Time before which an earlier process has read the calls that had ended."""
        self._open: dict[str, OutageCall] = {}
        """Calls that had not ended at the last mark, or had just left the menu, by uniqueid."""
        self._still_open: dict[str, OutageCall] = {}
        self.left_out = 0
        """Ended calls that no read has returned (`OUTAGE_CALLS_MAX`)."""
        self._mark = self._calls_mark = Mark(set_by_s=self.set_by_s)
        """Position before which the past of channels is known, and that before which calls were read."""
        self._calls_end: Mark | None = None
        """End of the last read of calls, before the next mark."""

    @property
    def set_by_s(self) -> float:
        """Return how far the wall clock was set since the process began. A positive value means forward."""
        return self._wall() - self._clock()

    @property
    def clock_was_set(self) -> bool:
        """Return whether the wall clock was set since the process began, by more than clocks differ."""
        return abs(self.set_by_s) > CLOCK_SKEW_MAX_S

    def find_trouble(self) -> str:
        """Return why the file cannot be read, or an empty text if nothing is wrong.

        A missing file is not wrong: Asterisk creates the file at the first call, but never creates its folder.
        """
        folder = self._path.parent
        try:
            if not folder.is_dir():
                return f"{folder} is not there, and Asterisk does not make it"
            if not self._path.exists():
                return ""
            with self._path.open("rb"):
                return ""
        except OSError as error:
            return f"{self._path} cannot be read: {error.strerror}"

    def mark_position(self, end: Mark) -> None:
        """Mark an earlier end of the file: everything before it is known.

        Calls that met no node are known up to the end of the last read only, because no event tells of them.
        """
        self._open = self._still_open
        self._mark = end
        self._calls_mark, self._calls_end = self._calls_end or self._mark, None

    def read_past(self, wanted: Collection[str]) -> dict[str, ChannelPast]:
        """Return the times of these channels that the file has since the mark. The read is bounded.

        The agents' legs of these callers are in the result too. A channel without a line is left out. One without a
        usable time is in the result all the same.
        """
        found: dict[str, ChannelPast] = {}
        in_fallback = {uniqueid for uniqueid, call in self._open.items() if call.missed and call.service}
        talking: dict[str, float] = {}
        for at, event, uniqueid, linked, cause, _ in self._read_rows(self._mark):
            if event.startswith(MEMBER) and linked in wanted:
                found[linked] = found.get(linked, ChannelPast())._replace(member=event.removeprefix(MEMBER))
            if uniqueid not in wanted and ((ids := parse_leg_id(uniqueid)) is None or ids[1] not in wanted):
                continue
            known = found.setdefault(uniqueid, ChannelPast())
            if at is None:
                continue
            if event.startswith(FALLBACK):
                in_fallback.add(uniqueid)
            # 1. A talk that the fallback queue gave.
            if event == _ENTERS and uniqueid in in_fallback:
                talking[uniqueid] = at
                found[uniqueid] = known if known.fallback_talk is not None else known._replace(fallback_talk=at)
            elif event == _LEAVES and uniqueid in talking:
                since = talking.pop(uniqueid)
                found[uniqueid] = known._replace(fallback_talk_s=known.fallback_talk_s + max(0.0, at - since))
            # 2. The first bridge, and the end.
            elif event in _ENDS:
                since = talking.pop(uniqueid, at)
                found[uniqueid] = known._replace(
                    ended=at, cause=cause or known.cause, fallback_talk_s=known.fallback_talk_s + max(0.0, at - since))
            elif event == _ENTERS and known.entered is None:
                found[uniqueid] = known._replace(entered=at)
        return found

    def read_outage_calls(self, alive: Collection[str] | None = None, seen: Mark | None = None) -> list[OutageCall]:
        """Return the calls that have ended, as far as the file has told since the mark. The store may know them.

        Calls that have not ended are remembered for the next read, which begins at the next mark. So are calls that
        left the menu just now. `alive` names the channels that a new Asterisk had after the end `seen` of the file.
        Earlier calls that are not among them ended with the one before.
        """
        calls = {one.uniqueid: one for one in self._open.values() if one.ended is None}
        ended, last = [one for one in self._open.values() if one.ended is not None], -math.inf
        later = set[str]()
        self._calls_end = self.find_end()
        for at, event, uniqueid, linked, _, is_later in self._read_rows(self._calls_mark, seen, nearest=True):
            if at is None:
                continue
            known = calls.get(uniqueid)
            at = max(at, known.began) if known is not None else at
            # 1. The call begins, or chooses another service. The first line of a call may be lost with an old file.
            if event in (NO_NODE, LEFT_MENU, OUTSIDE) or event.startswith((CALLED, HOLD, FALLBACK)):
                if known is not None or at >= self._explained:
                    calls[uniqueid] = _note_step(known or OutageCall(uniqueid, at), event)
            # 2. A phone takes the call in the fallback queue.
            elif event.startswith(MEMBER):
                if linked in calls:
                    calls[linked] = calls[linked]._replace(member=event.removeprefix(MEMBER))
            # 3. The fallback queue gives it to an agent, the talk is over, and the call ends.
            elif known is None:
                continue
            elif event == _ENTERS and known.missed and known.service:
                calls[uniqueid] = known._replace(talked=known.talked or at, talks_since=at)
            elif event == _LEAVES:
                calls[uniqueid] = _end_talk(known, at)
            elif event in _ENDS:
                ended.append(_end_talk(calls.pop(uniqueid), at)._replace(ended=at))
            if is_later and known is None:
                later.add(uniqueid)
            elif not is_later and alive is not None and uniqueid in calls and uniqueid not in alive:
                last = max(last, at)
        # 4. Calls of an Asterisk that is gone have no end in the file.
        gone = [] if alive is None else [
            one for one in calls.values() if one.uniqueid not in alive and one.uniqueid not in later]
        for call in gone:
            at = max(last, call.began)
            ended.append(_end_talk(calls.pop(call.uniqueid), at)._replace(ended=at, vanished=True))
        # 5. The node of a dialogue may be about to store its end.
        recorded_by = self._clock() - MENU_RECORDED_S
        calls.update((one.uniqueid, one) for one in ended if one.was_in_menu and (one.ended or 0.0) > recorded_by)
        self._still_open = dict(list(calls.items())[-OPEN_CALLS_MAX:])
        found = [one for one in ended if one.uniqueid not in calls]
        self.left_out += max(0, len(found) - OUTAGE_CALLS_MAX)
        return found[-OUTAGE_CALLS_MAX:]

    @property
    def oldest_open(self) -> float:
        """Return when the oldest call came that the last read left to the next one. Infinity if there is none."""
        return min((call.began for call in self._still_open.values()), default=math.inf)

    @property
    def has_vanished(self) -> bool:
        """Return whether the last read left calls to the next one whose Asterisk is gone."""
        return any(call.vanished for call in self._still_open.values())

    def is_open_call(self, uniqueid: str) -> bool:
        """Return whether a call that met no node had not ended at the last mark."""
        call = self._open.get(uniqueid)
        return call is not None and call.missed

    def find_end(self) -> Mark:
        """Return the end of the last whole line, or the beginning of a file that is not there."""
        since, set_by_s = self._clock(), self.set_by_s
        try:
            with self._path.open("rb") as file:
                inode, size = os.fstat(file.fileno()).st_ino, file.seek(0, 2)
                start = max(0, size - LINE_MAX)
                file.seek(start)
                part = file.read(size - start)
        except OSError:
            return Mark(0, 0, since, set_by_s)
        return Mark(inode, start + part.rfind(b"\n") + 1 if b"\n" in part else size, since, set_by_s)

    def _read_rows(self, mark: Mark, seen: Mark | None = None, *, nearest: bool = False) -> Iterator[_Row]:
        """Yield the lines since the mark, with times by the node's clock.

        A time that cannot be trusted is None, or with `nearest` the nearest possible one. `seen` is an end of the file
        since the mark.
        """
        now, set_by_s = self._clock(), self.set_by_s
        for line, is_later in self._new_lines(mark, seen):
            row = next(csv.reader([line]), [])
            # A file may begin with lines from before an upgrade, which have no cause.
            if len(row) not in (4, 5):
                continue
            at = _read_time(row[0], mark, now, set_by_s, nearest=nearest)
            cause = int(row[4]) if len(row) == 5 and row[4].isdecimal() else 0
            yield _Row(at, row[1], row[2], row[3], cause, is_later)

    def _new_lines(self, mark: Mark, seen: Mark | None) -> Iterator[tuple[str, bool]]:
        """Yield whole lines since the mark, and whether they are later than `seen`: first the rest of a rotated file.
        """
        # 1. The same inode means that the file only grew. After a rotation the marked file has the ending `.1`.
        try:
            inode = self._path.stat().st_ino
        except OSError:
            return
        rotated = self._path.with_name(self._path.name + ".1")
        try:
            known = mark.inode not in (0, inode) and rotated.stat().st_ino == mark.inode
        except OSError:
            known = False
        if known:
            for end, line in _read_tail(rotated, mark.offset):
                yield line, seen is not None and seen.inode == mark.inode and end > seen.offset
        # 2. The present file.
        for end, line in _read_tail(self._path, mark.offset if inode == mark.inode else 0):
            yield line, seen is not None and (seen.inode != inode or end > seen.offset)


def _read_time(text: str, mark: Mark, now: float, set_by_s: float, *, nearest: bool) -> float | None:
    """Return a time of the file by the node's clock. Of one that cannot be trusted: the nearest possible one, or None.
    """
    try:
        told = float(text)
    except ValueError:
        return None
    possible = _find_node_times(told, mark, now, set_by_s)
    if len(possible) == 1:
        return possible[0]
    if not nearest:
        return None
    # The clock was set meanwhile. The later reading is wrong only for a line shortly before a step back.
    return max(possible) if possible else min(max(told - set_by_s, mark.since), now)


def _find_node_times(at: float, mark: Mark, now: float, set_by_s: float) -> list[float]:
    """Return the readings of a time of the file, by the node's clock, that lie between the mark and now."""
    # If the wall clock was set in the gap, the line may have been written before or after that.
    meanwhile = abs(set_by_s - mark.set_by_s) > CLOCK_SKEW_MAX_S
    by = (set_by_s, mark.set_by_s) if meanwhile else (set_by_s,)
    found = [at - one if abs(one) > CLOCK_SKEW_MAX_S else at for one in by]
    return [one for one in found if mark.since - CLOCK_SKEW_MAX_S <= one <= now + CLOCK_SKEW_MAX_S]


def _note_step(call: OutageCall, event: str) -> OutageCall:
    """Return the call after an event of the dialplan."""
    if event.startswith(CALLED):
        return call._replace(entry=event.removeprefix(CALLED))
    if event.startswith(HOLD):
        return call._replace(held=True, service=event.removeprefix(HOLD))
    if event.startswith(FALLBACK):
        return call._replace(missed=True, service=event.removeprefix(FALLBACK))
    if event == OUTSIDE:
        return call._replace(outside=True)
    return call._replace(left_menu=True) if event == LEFT_MENU else call._replace(missed=True)


def _end_talk(call: OutageCall, at: float) -> OutageCall:
    """Return the call after the talk that the fallback queue gave it, if there is one."""
    if call.talks_since is None:
        return call
    return call._replace(talk_s=call.talk_s + max(0.0, at - call.talks_since), talks_since=None)


def find_unrecorded(calls: Sequence[OutageCall], known: Recorded) -> list[OutageCall]:
    """Return the ended calls that have no record, or only a path through the menu that does not reach their end."""
    return [call for call in calls if call.uniqueid not in known
            or ((path := known[call.uniqueid]) is not None and not _is_whole_path(call, path))]


def _is_whole_path(call: OutageCall, path: MenuEndedRecorded) -> bool:
    """Return whether this path reaches the end of the call.

    A node that was frozen or cut off ends the path of a caller who goes on to a queue, or to another node.
    """
    if call.was_in_menu or call.left_menu or call.outside or path.outcome in _LED_TO_END:
        return True
    end = call.began if call.ended is None else call.ended
    return path.outcome == "abandoned" and call.talked is None and path.at >= end - MENU_TRUE_S


def record_call(call: OutageCall, service: ServiceId) -> Event:
    """Return the record of a call without one: a contact, or the path of a caller whom a menu led to its end."""
    contact, ended = ContactId(call.uniqueid), call.ended or call.began
    if call.was_in_menu and call.entry and not (call.left_menu or call.vanished):
        outcome = "external_transfer" if call.outside else "self_service"
        return MenuEnded(contact, call.entry, (), outcome, round(ended - call.began, 3))
    return OutageCallFound(contact, service, call.began, call.talked or ended, call.talked is not None,
                           SeatId(call.member), None if call.talked is None else call.talk_s, call.vanished)


def _read_tail(path: Path, offset: int) -> Iterator[tuple[int, str]]:
    """Yield whole lines from an offset on, each with its end. One line is in memory at a time, however long the gap."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < offset:  # truncated in place (copytruncate), so all of it is new
                offset = 0
            start = max(offset, size - READ_MAX)
            file.seek(start)
            left, end = READ_MAX, start
            if start > offset:
                end += len(file.readline())  # the limit cut the first line
                left -= end - start
            for line in file:
                left -= len(line)
                if left < 0 or not line.endswith(b"\n"):  # the last line may still be incomplete
                    return
                end += len(line)
                yield end, line[:-1].decode("utf-8", "replace").removesuffix("\r")
    except OSError:
        return
