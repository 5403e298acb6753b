"""Errors of the engine.

RoutingError
├── IllegalTransition   an event does not fit the state of its subject, and nothing was changed
└── Refused             a request cannot be granted (with a Turkish sentence for the person)
    ├── UnknownAgent, UnknownService, UnknownContact, UnknownSeat, UnknownReason
    ├── SeatTaken       another agent is signed in at that seat
    ├── NotSignedIn
    ├── NotOpen, NotThere   no caller can be transferred to this service, or to this agent, now
    ├── ToConfirm       a repeated request transfers all the same
    │   ├── NobodyThere     nobody is at the target of a transfer
    │   └── EntersDistress, LeavesDistress   the transfer leads into a distress service, or out of one
    ├── InDistress      a supervisor takes nobody out of a distress service
    ├── DistressUnconfirmed   a move into a distress service was not confirmed
    ├── NothingToUndo   no act of a supervisor can be taken back
    ├── NoCallback      the service calls nobody back, or no more callers
    │   ├── CallbackExists   a callback to the number waits already
    │   └── NumberLeftAlone  the number was called or has refused often enough today
    ├── WindowPast      the time for a callback is over
    ├── NotNow          the agent's state does not allow it
    ├── NothingToDecline   the agent gets no heavy contacts anyway
    ├── QualificationNeeded   a skill of a distress service comes from the settings, and not for a day
    └── OutOfRange      the value cannot be meant
"""

from __future__ import annotations


class HalfDone(Exception):
    """A fault of the engine: an event was refused after it had begun to change things.

    The memory is worth nothing then. The node ends, and nothing of the turn is stored. The next start builds the engine
    from the rows.
    """

    def __init__(self, event: str) -> None:
        super().__init__(f"engine: {event} was refused half-done; start the node again, which reads the rows of the "
                         "store, and report this fault")


class RoutingError(Exception):
    """Root of the engine's errors."""


class SnapshotError(RoutingError):
    """The state of an engine cannot be written, or another version of the program wrote it."""


class IllegalTransition(RoutingError):
    """State and event do not fit. The state is unchanged."""

    def __init__(self, kind: str, subject: object, state: str, event: str) -> None:
        super().__init__(f"{kind} {subject}: {event} is not possible in state {state}")
        # The parts are kept for logs, which name the event without the text.
        self.kind, self.subject, self.state, self.event = kind, subject, state, event


class Refused(RoutingError):
    """A request that cannot be granted. `code` is stable (part of the HTTP API), `turkish` is for people."""

    code = "refused"
    turkish = "Bu işlem şu anda yapılamıyor."


class OffDuty(Refused):
    """The agent works at other hours. A supervisor can sign the agent in at any time."""

    code = "off_duty"
    turkish = "Çalışma saatiniz dışındasınız. Gözetmeniniz sizin için oturum açabilir."


class UnknownAgent(Refused):
    """The centre's team does not have this agent."""

    code = "unknown_agent"
    turkish = "Böyle bir temsilci yok."


class UnknownService(Refused):
    """The centre does not have this service."""

    code = "unknown_service"
    turkish = "Böyle bir hizmet yok."


class UnknownContact(Refused):
    """The engine does not know this contact (any more)."""

    code = "unknown_contact"
    turkish = "Bu çağrı artık yok."


class UnknownRecording(Refused):
    """This recording does not exist (any more)."""

    code = "unknown_recording"
    turkish = "Böyle bir kayıt yok."


class UnknownSeat(Refused):
    """The centre does not have this seat."""

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
    """No caller can be transferred to this service now: it is closed or full."""

    code = "not_open"
    turkish = "Bu hizmet şu anda kapalı ya da dolu."


class NotThere(Refused):
    """No caller can be transferred to this agent now.

    The reason is not told, because it may be what the agent needs.
    """

    code = "not_there"
    turkish = "Bu temsilci şu anda bu çağrıyı alamıyor."


class InDistress(Refused):
    """The contact is in a distress service. Only the counsellor who has spoken with the caller may transfer it out."""

    code = "in_distress"
    turkish = "Bu arayan zor durumda olabilir; onu ancak görüşen danışman aktarabilir."


class DistressUnconfirmed(Refused):
    """A supervisor moves a contact into a distress service, where it comes before all others. A confirmed request moves
    it."""

    code = "confirm_distress"
    turkish = "Bu arayan zor durumdakilerin sırasına, beklediği süreyle birlikte geçer. Gerçekten taşınsın mı?"


class NothingToUndo(Refused):
    """No supervisor has moved or raised this contact, or an agent was offered it since, or it has changed since."""

    code = "nothing_to_undo"
    turkish = "Geri alınacak bir işlem yok; arayan bir temsilciye sunulmuş ya da yeri başka yolla değişmiş olabilir."


class ToConfirm(Refused):
    """A transfer that the agent may not mean. The same request within some seconds transfers all the same."""


class NobodyThere(ToConfirm):
    """Nobody is there who could take the caller."""

    code = "nobody_there"
    turkish = "Orada şu anda kimse yok. Yine de aktarmak için isteği yineleyin."


class EntersDistress(ToConfirm):
    """The transfer leads into a distress service, where the caller comes before all others."""

    code = "enters_distress"
    turkish = "Arayan, zor durumdakilerin sırasında herkesin önüne geçer. Yine de aktarmak için isteği yineleyin."


class LeavesDistress(ToConfirm):
    """The transfer leads out of a distress service, so the caller waits like any other."""

    code = "leaves_distress"
    turkish = "Arayan, zor durumdakilerin sırasından çıkar. Yine de aktarmak için isteği yineleyin."


class NoCallback(Refused):
    """The service calls nobody back, has no room for more callbacks, or may not call this number."""

    code = "no_callback"
    turkish = "Bu arayan şu anda geri aranamıyor."


class CallbackExists(NoCallback):
    """A callback to this number waits already. One telephone rings for one callback at a time."""

    code = "callback_exists"
    turkish = "Bu numara için zaten bir geri arama isteği var."


class NumberLeftAlone(NoCallback):
    """This number was called often enough today, or its owner does not want to be called."""

    code = "number_left_alone"
    turkish = "Bu numara bugün yeniden aranamıyor."


class WindowPast(Refused):
    """The time for a callback is over, or ends before it begins."""

    code = "window_past"
    turkish = "Geri arama için seçilen zaman geçmiş."


class CallerUnknown(Refused):
    """The caller could not be recognised again: the number is withheld, or the service anonymous."""

    code = "caller_unknown"
    turkish = "Bu arayanın numarası bilinmiyor; sonraki aramalarında tanınamaz."


class NotNow(Refused):
    """The agent's state does not allow it now.

    If the agent's profile is the reason, that is not told, because supervisors read the answer.
    """

    code = "not_now"
    turkish = "Bu işlem şu anki durumunuzda yapılamıyor."


class NothingToDecline(Refused):
    """The agent fits no service with heavy contacts, so "not now" would keep nothing away."""

    code = "nothing_to_decline"
    turkish = "Size ağır çağrı gelen bir hizmet yok."


class QualificationNeeded(Refused):
    """A distress service asks for the skill, and the settings do not give the agent this level of it."""

    code = "qualification_needed"
    turkish = "Bu beceri bir yeterliliktir; gün içinde verilemez, team.yaml dosyasına yazılır."


class OutOfRange(Refused):
    """The value cannot be meant: a weight beyond 5, breaks that overlap, a rule that cannot be overridden."""

    code = "out_of_range"
    turkish = "Bu değer geçerli değil."
