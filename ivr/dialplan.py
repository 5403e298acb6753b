"""Names the dialogue shares with the dialplan (ARCHITECTURE.md): written by `asterisk_conf`, relied on here."""

from __future__ import annotations

NEXT = "ACD_NEXT"
"""Set last of all that the way on needs; empty: the node did not finish."""
HOLD, NET, BYE = "hold", "net", "bye"
SURVEY, LEAD = "survey", "lead"
CALLBACK, DIAL = "callback", "dial"
"""What a caller who wants to be called back is led to; what an agent's leg hears when its caller is dialled."""
SAY = "ACD_SAY"
"""`file&file&…`, played by the hold loop."""

BEGUN = "SC_BEGUN"
"""`1`: `SAY` has what the first round of the hold loop would say, so it does not ask for that."""

NUMBER = "SC_NUMBER"
SERVICE, SINCE, PRIORITY, SLOW = "SC_SERVICE", "SC_SINCE", "SC_PRIORITY", "SC_SLOW"
INHERITED = "__"
"""Before a name in SET VARIABLE: every channel made from this one has it too. Read without it."""
NOTICE = "SC_NOTICE"
"""What became of the recording notice (`ivr.flow.model.HEARD`, `REFUSED`); empty: not heard. Only a talk whose caller
heard it and did not refuse is recorded (`record.conf`)."""
SEAT = "SC_SEAT"
FIRST = "SC_FIRST"
"""On a second line of an agent's phone: channel id of the leg of their talk."""
LINE, BACK = "SHARED(SC_LINE,{leg})", "SHARED(SC_BACK,{leg})"
"""Of that leg: the name of the line on which they ask somebody; `1` when the node leads them back to the caller."""
ALIVE = "SET(TIMEOUT(absolute)=${SC_MENU_S})"
"""Read as the first variable of a dialogue, it gives the caller the longest dialogue's time (`SC_MENU_S`, seconds; what
is read). Until then the limit is that of a tick: a frozen node loses a new caller after that and not after ten minutes
of silence. Read again the time begins anew: before a message, which may take half of it, and in a menu that takes
long."""
KEPT = "SC_KEPT"
"""`1` after a talk that nobody has ended: the agent's leg did by the limit of a step, while a node that did not answer
had a key of theirs."""
LANGUAGE, NEEDS = "SC_LANGUAGE", "SC_NEEDS"
"""What is spoken when it is not the first language, and what the agent must have besides (`en:1`): inherited, as the
service."""
TOPICS = "SC_TOPICS"
"""What the caller wants to talk about, as far as the menu knows (`siddet,miras`): inherited."""
OUTSIDE, BACK_TO = "SC_OUTSIDE", "SC_BACK_TO"
"""Name of the outside number the call is led to (`lead`), and the node of the menu that follows when nobody answers."""
TOLD = "SC_TOLD"
"""Ours alone: the announcements that were heard (`ivr.announcement`); inherited."""
WISH = "SC_WISH"
"""Ours alone: `1` when the caller was asked whether slow speech is to be remembered; inherited."""
PLACE, WAIT = "SC_PLACE", "SC_WAIT"
"""Ours alone: the place in line and the wait that were said last, so that a restart does not say them again."""
MUSIC = "CHANNEL(musicclass)"

MENU_ROUTE, TICK_ROUTE, AFTER_TALK_ROUTE, CODES_ROUTE = "menu", "tick", "after-talk", "codes"
SURVEY_ROUTE, TRANSFER_ROUTE, HUSH_ROUTE = "survey", "transfer", "hush"
CALLBACK_ROUTE, DIAL_ROUTE = "callback", "dial"
