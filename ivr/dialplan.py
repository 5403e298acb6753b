"""Name what the dialogues share with the dialplan. `asterisk_conf` writes these names into the files of Asterisk."""

from __future__ import annotations

NEXT = "ACD_NEXT"
"""Next part of the dialplan. It is set after everything it needs. Empty means that the node did not finish."""
HOLD, FALLBACK, BYE = "hold", "fallback", "bye"
END = "end"
"""End of the call without a good-bye: all was said, and the line is needed."""
FAREWELL = "farewell"
"""The end of a call with the sentence in `SAY`."""
SURVEY, EXTERNAL, MENU = "survey", "external", "menu"
CALLBACK, DIAL = "callback", "dial"
"""Where a caller who wants a callback goes, and what an agent's leg hears while its caller is dialled."""
SAY = "ACD_SAY"
"""Files `file&file&…` that the hold loop plays."""

OFFERED = "SC_OFFERED"
"""Reason of a rule that leads the caller out of the queue (`callback`). Empty if the caller asks by key."""

FIRST_ROUND_DONE = "SC_ROUND_SAID"
"""`1` if `SAY` has the sentences of the hold loop's first round, so that the loop does not ask for them."""

WORDS, WORDS_KEY = "SC_WORDS", "SC_WORDS_KEY"
"""Files of the acknowledgement, which the hold loop plays first, and the key that chose the service."""
NOTICE_WORDS = "SC_NOTICE_WORDS"
"""File of the recording notice, which follows. Empty where talks are not recorded, or the caller has refused."""
WHOLE_WORDS = "SHARED(SC_WORDS)"
"""`1` if an agent's leg waits for the end of these words. For callers in distress it does not. It is set before the
engine knows the contact, because a phone may answer before the dialplan goes on."""
UNDO_S = 0.8
"""Silence after the acknowledgement and after the notice, in which `9` and `8` still count."""

NUMBER = "SC_NUMBER"
SERVICE, SINCE, PRIORITY, SLOW = "SC_SERVICE", "SC_SINCE", "SC_PRIORITY", "SC_SLOW"
INHERITED = "__"
"""Prefix of a name in SET VARIABLE. All channels made from this one inherit the variable. It is read without prefix."""
NOTICE = "SC_NOTICE"
"""Result of the recording notice (`ivr.flow.menu_model.NOTICE_HEARD`, `NOTICE_REFUSED`). Empty if it was not heard.

A talk is recorded only if its caller heard the notice and did not refuse (`record.conf`).
"""
SEAT = "SC_SEAT"
CONSULTING_LEG = "SC_CONSULTING_LEG"
"""Channel id of the agent's leg with the talk. Set on the second line of the agent's phone."""
SECOND_LINE, CONSULT_BACK = "SHARED(SC_SECOND_LINE,{leg})", "SHARED(SC_CONSULT_BACK,{leg})"
"""Variables of that leg: the name of the line used for a consult transfer, and `1` when the node cancels it."""
ALIVE = "SET(SC_ALIVE=1)"
"""Expression that, read as the first variable of a dialogue, tells the dialplan that a node has met the caller."""
PLACE, PLACE_KEY = "SC_PLACE", "SC_PLACE_KEY"
"""Menu that asked the caller last, and the key that answered it. The dialplan sets both with the question.

A node that freezes or dies in a dialogue leaves them. The node that is asked next goes on there, with the key.
"""
LANGUAGE, NEEDS = "SC_LANGUAGE", "SC_NEEDS"
"""Language other than the first, and skills that the agent must have in addition (`en:1`). Both are inherited."""
TOPICS = "SC_TOPICS"
"""Subjects of the call as far as the menu knows them (`siddet,miras`). Inherited."""
EXTERNAL_NAME, BACK_TO = "SC_EXTERNAL", "SC_EXTERNAL_FAILED"
"""Name of the outside number to dial (`external`), and the node of the menu that follows when nobody answers."""
ANNOUNCEMENTS_HEARD = "SC_ANNOUNCED"
"""Announcements that the caller has heard (`ivr.caller.announcements`). Inherited, and used by the node alone."""
PREFERENCE_ASKED = "SC_PREFERENCE_ASKED"
"""`1` if the caller was asked to have slow speech remembered. Inherited, and used by the node alone."""
POSITION_SAID, WAIT_SAID = "SC_POSITION", "SC_WAIT"
"""Position and wait that were said last, so that a restart does not repeat them. Used by the node alone."""
MUSIC = "CHANNEL(musicclass)"
LINE_CLASS = "GROUP(class)"
"""Class among the lines of the carrier: a service with lines for itself. Other calls are in the class `other`."""

MENU_ROUTE, TICK_ROUTE, AFTER_TALK_ROUTE, CODES_ROUTE = "menu", "tick", "after-talk", "codes"
SURVEY_ROUTE, TRANSFER_ROUTE, RECORDING_PAUSE_ROUTE = "survey", "in-call-key", "recording-pause"
CALLBACK_ROUTE, DIAL_ROUTE = "callback", "dial"
