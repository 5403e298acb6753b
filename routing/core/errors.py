"""Errors of the engine.

RoutingError
├── IllegalTransition   an event does not fit the state of what it is about; nothing was changed
└── Refused             somebody asked for something that cannot be had (with a Turkish sentence for the person)
    ├── UnknownAgent, UnknownService, UnknownContact, UnknownSeat, UnknownReason
    ├── SeatTaken       another agent is signed in at that seat
    ├── NotSignedIn
    ├── NotOpen, NotThere   a service, or an agent, to whom no caller can be sent on now
    ├── NoCallback      a service that calls nobody (more) back
    ├── NotNow          the agent's state does not allow it
    └── OutOfRange      a value that cannot be meant
"""

from __future__ import annotations


class HalfDone(Exception):
    """A fault of ours: an event was refused after it had begun to change things. What is in memory is worth nothing any
    more; the node ends, nothing of the turn is stored, and the next start builds the engine from the rows."""

    def __init__(self, event: str) -> None:
        super().__init__(f"engine: {event} was refused half-done; start the node again, it reads the rows anew. Please "
                         "report it")


class RoutingError(Exception):
    """Root of the engine's errors."""


class IllegalTransition(RoutingError):
    """State and event do not fit. The state is unchanged."""

    def __init__(self, kind: str, subject: object, state: str, event: str) -> None:
        super().__init__(f"{kind} {subject}: {event} is not possible in state {state}")
        self.kind, self.subject, self.state, self.event = kind, subject, state, event


class Refused(RoutingError):
    """A request that cannot be granted. `code` is stable (part of the HTTP API), `turkish` is for people."""

    code = "refused"
    turkish = "Bu işlem şu anda yapılamıyor."


class UnknownAgent(Refused):
    """No such agent in the centre's team."""

    code = "unknown_agent"
    turkish = "Böyle bir temsilci yok."


class UnknownService(Refused):
    """No such service in the centre."""

    code = "unknown_service"
    turkish = "Böyle bir hizmet yok."


class UnknownContact(Refused):
    """The engine does not know this contact (any more)."""

    code = "unknown_contact"
    turkish = "Bu çağrı artık yok."


class UnknownRecording(Refused):
    """There is no such recording (any more)."""

    code = "unknown_recording"
    turkish = "Böyle bir kayıt yok."


class UnknownSeat(Refused):
    """No such seat."""

    code = "unknown_seat"
    turkish = "Böyle bir masa yok."


class UnknownReason(Refused):
    """The centre's table of pause reasons does not have this reason."""

    code = "unknown_reason"
    turkish = "Böyle bir mola nedeni yok."


class SeatTaken(Refused):
    """Another agent is signed in at that seat."""

    code = "seat_taken"
    turkish = "Bu masada başka bir temsilci oturum açmış."


class NotSignedIn(Refused):
    """The agent is not signed in."""

    code = "not_signed_in"
    turkish = "Önce oturum açmanız gerekiyor."


class NotOpen(Refused):
    """No caller can be sent on to this service now: it is closed or full."""

    code = "not_open"
    turkish = "Bu hizmet şu anda kapalı ya da dolu."


class NotThere(Refused):
    """No caller can be sent on to this agent now. Why is not said: it may be what the agent needs."""

    code = "not_there"
    turkish = "Bu temsilci şu anda bu çağrıyı alamıyor."


class NoCallback(Refused):
    """The service calls nobody back, or as many as it may wait for it already; or the caller's number may not be
    called."""

    code = "no_callback"
    turkish = "Bu arayan şu anda geri aranamıyor."


class CallerUnknown(Refused):
    """Nobody would know this caller again: the number is withheld, or the service anonymous."""

    code = "caller_unknown"
    turkish = "Bu arayanın numarası bilinmiyor; sonraki aramalarında tanınamaz."


class NotNow(Refused):
    """The agent's state does not allow it now. Where their profile does not, that is not said: supervisors read it."""

    code = "not_now"
    turkish = "Bu işlem şu anki durumunuzda yapılamıyor."


class OutOfRange(Refused):
    """A value that cannot be meant: a weight beyond 5, breaks that overlap, a rule that is never relaxed."""

    code = "out_of_range"
    turkish = "Bu değer geçerli değil."
