"""Names the dialogue shares with the dialplan (ARCHITECTURE.md): written by `asterisk_conf`, relied on here."""

from __future__ import annotations

NEXT = "ACD_NEXT"
"""Set as the last act of each dialogue; empty: the node did not finish."""
HOLD, NET, BYE = "hold", "net", "bye"
SURVEY, LEAD = "survey", "lead"
CALLBACK, DIAL = "callback", "dial"
"""What a caller who wants to be called back is led to; what an agent's leg hears when its caller is dialled."""
SAY = "ACD_SAY"
"""`file&file&…`, played by the hold loop."""

NUMBER = "SC_NUMBER"
SERVICE, SINCE, PRIORITY, SLOW = "SC_SERVICE", "SC_SINCE", "SC_PRIORITY", "SC_SLOW"
INHERITED = "__"
"""Before a name in SET VARIABLE: every channel made from this one has it too. Read without it."""
NOTICE = "SC_NOTICE"
"""What became of the recording notice (`ivr.flow.model.HEARD`, `REFUSED`); empty: not heard. Only a talk whose caller
heard it and did not refuse is recorded (`record.conf`)."""
HUSHED = "SC_HUSHED"
"""On the agent's leg: `1` while the agent's keys have the recording paused."""
SEAT = "SC_SEAT"
MENU_LIMIT = "SC_MENU_S"
"""The longest dialogue, in seconds: the menu's first act is to set `LIMIT` to it, so a frozen node loses a new caller
after one tick's time and not after ten minutes of silence."""
LIMIT = "TIMEOUT(absolute)"
LANGUAGE, NEEDS = "SC_LANGUAGE", "SC_NEEDS"
"""What is spoken when it is not the first language, and what the agent must have besides (`en:1`): inherited, as the
service."""
OUTSIDE, BACK_TO = "SC_OUTSIDE", "SC_BACK_TO"
"""Name of the outside number the call is led to (`lead`), and the node of the menu that follows when nobody answers."""
TOLD = "SC_TOLD"
"""Ours alone: the announcements that were heard (`ivr.announcement`); inherited."""
PLACE, WAIT = "SC_PLACE", "SC_WAIT"
"""Ours alone: the place in line and the wait that were said last, so that a restart does not say them again."""
MUSIC = "CHANNEL(musicclass)"
CALLBACK = "callback"
"""`ACD_NEXT` of a waiting caller who would rather be called back."""

MENU_ROUTE, TICK_ROUTE, AFTER_TALK_ROUTE, CODES_ROUTE = "menu", "tick", "after-talk", "codes"
SURVEY_ROUTE, TRANSFER_ROUTE, HUSH_ROUTE = "survey", "transfer", "hush"
CALLBACK_ROUTE, DIAL_ROUTE = "callback", "dial"
