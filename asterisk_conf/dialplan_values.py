"""Hold the durations of the dialplan, and the prompts that it plays."""

from __future__ import annotations

from typing import NamedTuple


class Timings(NamedTuple):
    """Durations in seconds, except `max_fails`.

    With the defaults, a waiting caller goes to the fallback queue 60 s after the last node has gone. For a frozen node
    it is 80 s (measured on Asterisk 22).
    """

    tick_s: int = 15
    """Longest round of the hold loop."""
    step_s: int = 5
    """Time in which a node must answer a tick, and go on in a dialogue. Without an answer the round is missed."""
    max_fails: int = 4
    """Missed rounds in a row that send a waiting caller to the fallback queue."""
    menu_fails: int = 2
    """The same for a new caller."""
    take_over_fails: int = 3
    """Further misses of a new caller where a second node may take over: with `retry_s` 6 s, and a take-over takes 7 s
    from the fault, of which the first node still answers for 4 s."""
    retry_s: int = 2
    """Music between two tries for a new caller while no node answers."""
    external_ring_s: int = 30
    """Ring time of an outside number that the menu leads to."""
    external_wait_s: int = 60
    """Longest wait for an outside number, while other callers go to the same number."""
    key_s: int = 15
    """Longest wait of an agent for the answer to a key: a step of each of two nodes, and the time to take over."""
    talk_s: int = 7200
    """Longest talk, on the agent's leg. It ends a leg that nobody ended. The agent's key adds the same time."""
    talk_warning_s: int = 300
    """Time before the limit at which the agent is warned, and from which the key extends the talk."""
    talk_extensions: int = 100
    """Number of limits that a talk can have: 200 hours, more than any talk. Bridge() can count them in milliseconds."""
    partner_s: int = 86_400
    """Longest talk of the partner of a pair. The agent's limit ends it. This limit is for a time without a node."""
    calling_s: int = 90
    """Longest wait of an agent for the caller of a callback. The engine's own limit is shorter."""
    called_key_s: int = 10
    """Time of the caller of a callback to press 1."""
    press_s: int = 6
    """Time to press 1 after the whisper announcement."""
    undo_ms: int = 800
    """Silence after the acknowledgement and after the notice, in which `9` and `8` still count (`dialplan.UNDO_S`)."""
    hurry_s: int = 3
    """Time from the first round of the wait in which the key of the choice, pressed again, means nothing. The clock of
    the dialplan counts whole seconds, so two seconds are certain."""
    words_s: float = 2.5
    """Longest wait of an agent who has answered for the end of the acknowledgement and the notice. The phone rings so
    that hardly anybody waits at all, and nobody waits 3 s."""
    pair_s: int = 240
    """Longest wait of one agent of a pair for the other. The phone rings for 60 s, reading takes 20 and a key 60.

    The node ends this wait earlier. The limit is for a time without a node.
    """
    consult_s: int = 90
    """Longest wait of a consulting agent. The node ends it earlier (60 s). The limit is for a time without a node."""
    echo_s: int = 15
    """Longest sound check. A page needs half a second, a person some sentences."""
    seat_rtp_s: int = 15
    """Silence after which a talking phone has gone. Its caller goes to the front of the queue."""
    trunk_rtp_s: int = 60
    """The same for a caller. It is longer because some carriers send nothing while a caller is silent."""
    hold_rtp_s: int = 900
    """The same during hold, for callers and agents."""
    fallback_s: int = 30
    """Round of the fallback queue. A phone that rings at its end rings on."""
    fallback_ask_s: int = 60
    """Shortest time between two questions of a caller in the fallback queue to a node."""
    emergency_s: int = 180
    """Time after which the emergency text is repeated in the fallback queue, as in the hold loop."""


class DialplanPrompts(NamedTuple):
    """Keys of the prompts that the dialplan plays. The node says all others."""

    outage: str = "system/outage"
    """To a new caller while no node answers: a fault, the line stays open, the emergency number. At most 6 s."""
    outage_key: str = "system/outage-key"
    """After that: the key to the counsellors."""
    bye: str = "system/goodbye"
    fallback: str = "system/net"
    """To a caller who enters the fallback queue: the next free agent answers."""
    transferred: str = "system/sent-on"
    """To a caller whom an agent transfers blindly."""
    where_to: str = "aktarma-nereye"
    """To an agent who transfers a caller by keys: the number, please."""
    asked: str = "aktarma-soruluyor"
    """To a consulting agent: the colleague is being called."""
    limit_near: str = "sure-bitiyor"
    """To an agent whose talk reaches its limit in five minutes."""
    limit_extended: str = "sure-uzatildi"
    """To an agent who has extended the limit."""
    limit_far: str = "sure-yeterli"
    """To an agent who wants to extend a limit that is far away, or who has none."""
    caller_left: str = "agent/caller-left"
    """To a consulting agent whose caller has hung up."""
    not_allowed: str = "agent/not-allowed"
    """To an agent's phone that dialled anything but a code."""
    press_one: str = "agent/press-one"
    """To the agent: press 1 to accept."""
    press_any: str = "agent/press-any"
    """To the agent: press any key to accept."""
    calls_back: str = "geri-arama-temsilci"
    """To the agent: this is a callback. The service follows."""
    taken: str = "agent/taken"
    """To an agent who has answered for a caller with whom another agent talks already."""
    nobody: str = "geri-arama-ulasilamadi"
    """To the agent who waited for the caller of a callback: the caller could not be reached."""
    hello: str = "geri-arama-merhaba"
    """To the caller of a callback: who calls."""
    press_here: str = "geri-arama-bas"
    """To the caller of a callback: press 1 to be connected."""
    moment: str = "geri-arama-bir-dakika"
    """To the caller of a callback: a moment, please."""
    unavailable: str = "agent/unavailable"
    """To an agent's phone that dialled a code while no node answers."""

    def to_callers(self) -> dict[str, str]:
        """Return the prompts that callers hear. Each has a slow version and every language."""
        return {name: key for name, key in self._asdict().items() if name in _TO_CALLERS}


_TO_CALLERS = ("outage", "outage_key", "bye", "fallback", "transferred", "hello", "press_here", "moment")


TIMINGS = Timings()
SAID = DialplanPrompts()
