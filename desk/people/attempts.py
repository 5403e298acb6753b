"""Slow down those who guess passwords, without locking anybody out.

Wrong passwords are counted for a name from one source. The source is the address, or the browser if this person has
signed in in it before: so nobody's guesses make a person late who works in the usual browser.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import structlog

log = structlog.get_logger()

WRONG_MAX = 5
"""Wrong passwords of a pair within `WINDOW_S` before its answers come late. People mistype two or three times."""
WINDOW_S = 60.0
LATE_S = 12.0
"""Delay of an answer. With one answer at a time a pair tries 7,200 passwords a day at most."""
QUEUE_MAX = 5
"""Late answers that a pair may wait for: a minute. Further tries are refused at once, and not looked at."""
LATE_MAX = 200
"""Late answers of all pairs. Each holds a connection and nothing else."""
LATE_SOURCE_MAX = 40
"""Late answers of one source. Without it an address could hold all of them with many names."""
PAIRS_MAX = 4096
"""Pairs that are remembered. The oldest is forgotten first: only a flood from many addresses forgets one that counts,
and then the queue of hashes is the limit."""

Pair = tuple[str, str]


class TooManyTries(Exception):
    """The pair already waits for as many answers as it may."""


class _Count:
    """Wrong tries of one pair."""

    def __init__(self) -> None:
        self.wrong: list[float] = []
        """Times of the last wrong tries, at most `WRONG_MAX`. A running try counts as wrong until it was right."""
        self.free_at = 0.0
        """Time of the last late answer."""


class Attempts:
    """Count wrong tries, and tell how late an answer must come."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pairs: OrderedDict[Pair, _Count] = OrderedDict()
        self._late: list[tuple[float, str]] = []
        """Times of late answers that are still to come, with their sources."""

    def begin_try(self, pair: Pair) -> float:
        """Count a try as wrong, and return the seconds by which its answer must be late. Raise TooManyTries.

        The count comes before the check of the password, or many tries at once would all be the first.
        """
        # 1. Find the pair, and put it at the end.
        now = self._clock()
        count = self._pairs.pop(pair, None) or _Count()
        self._pairs[pair] = count
        if len(self._pairs) > PAIRS_MAX:
            self._pairs.popitem(last=False)
        # 2. The first wrong tries cost nothing.
        count.wrong = [at for at in count.wrong if now - at < WINDOW_S]
        if len(count.wrong) < WRONG_MAX:
            count.wrong.append(now)
            return 0.0
        # 3. Later answers come one after the other.
        self._late = [(at, source) for at, source in self._late if at > now]
        answer_at = max(now, count.free_at) + LATE_S
        if answer_at > now + QUEUE_MAX * LATE_S or len(self._late) >= LATE_MAX \
                or sum(source == pair[1] for _, source in self._late) >= LATE_SOURCE_MAX:
            raise TooManyTries
        if count.free_at <= now:
            # No name and no address: who it was is nobody's business but the person's.
            log.warning("sign_in.slowed", seconds=LATE_S)
        count.free_at = answer_at
        count.wrong = [*count.wrong[1:], answer_at]
        self._late.append((answer_at, pair[1]))
        return answer_at - now

    def note_right(self, pair: Pair) -> None:
        """Forget the tries of a pair, because the last one was right."""
        self._pairs.pop(pair, None)

    def forget_try(self, pair: Pair) -> None:
        """Take the last try back, because it was not looked at."""
        count = self._pairs.get(pair)
        if count is not None and count.wrong:
            count.wrong.pop()
