"""Name the reasons in facts, for the engine and for all who read facts."""

from __future__ import annotations

LOST, TRANSFER = "lost", "transfer"
"""Ends of a talk that goes on (`TalkEndedRecorded.by`): the agent's phone vanished, or the caller was transferred."""
DROPPED = "dropped"
"""The network lost the caller, and nobody hung up. In the records the caller ended the talk."""

REQUESTED, TIME_CHOSEN, REACHED = "requested", "time_chosen", "reached"
"""Changes of a callback (`CallbackChanged.reason`) other than a failed try."""
NO_ANSWER, BUSY, REFUSED, NO_KEY, FAILED = TRY_FAILURES = "no_answer", "busy", "refused", "no_key", "failed"
"""Reports of a failed try (`CallbackFailed.reason`)."""
CALLBACK_REFUSED = f"callback_{REFUSED}"
"""End of an offer (`OfferClosed.reason`) whose caller refused the callback."""
EXPIRED, REPLACED = "expired", "replaced"
"""End of a callback (`Ended.key`): its time was over, or the owner of the line has asked for one."""
SUPERVISOR, WITHDRAWN = "supervisor", "withdrawn"
"""A supervisor moved the contact (`Moved.reason`, `Stepped.reason`), or took it out of the queue (`Ended.key`)."""
FALLBACK, RULE, DEFLECTED = "fallback", "rule", "deflected"
"""The caller left the queue alive (`ContactExited.reason`): into the fallback queue, by a rule of the service, or after
a callback that a surge could not give."""
MESSAGE = "message"
"""A rule of the service led the caller out, and the caller left a message (`Ended.key`). A caller who was turned away
has the reason of the rule there."""
STALE = "stale"
"""Asterisk did not report what became of an offer, a try or a talk."""

FOUND = "found"
"""A look at Asterisk has found the talk of an offer that was over (`Offered.strategy`). The end of what rang for the
same caller meanwhile (`OfferClosed.reason`)."""
UNFIT = "unfit"
"""The skills, the profile or the floor changed while the phone rang, so the agent no longer fits."""
DESK_CLOSED = "desk_closed"
"""The desk was closed while a message was offered there."""
OUTAGE = "outage"
"""The contact came and ended while no node listened (`Ended.key`)."""

NOT_NOW = "rescinded"
"""An agent declined heavy contacts while one of them rang. Outside this looks like any offer that was rescinded."""
RING_NO_ANSWER, DECLINES, PHONE_DROPS = "ring_no_answer", "declines", "phone_drops"
"""Reasons of *not responding*: nobody picked up, the phone refused, or the phone answered and hung up at once."""
HANGUP = "hangup"
"""Report that an agent's leg was hung up (`OfferEnded.reason`)."""
PRE_CONNECT_HANGUP = "pre_connect_hangup"
"""End of an offer whose phone answered and hung up before the connection, as in the whisper announcement."""
IN_WORDS = "in_words"
"""End of an offer whose agent answered, and gave the caller back who was still being told something."""
