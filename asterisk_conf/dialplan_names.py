"""Name what the dialplan shares with the node: contexts, AGI routes, variables, CEL events, channel ids, endpoints.

The templates write these names, and `ivr` and `routing.ami` rely on them. A test compares this table with the rendered
files, and `docs/reference/dialplan.md` is generated from it.
"""

from __future__ import annotations

from typing import NamedTuple


class DialplanName(NamedTuple):
    """A name, or several related names separated by spaces."""

    kind: str
    name: str
    meaning: str


CONTEXT, ROUTE, VARIABLE, EVENT = "context", "AGI route", "variable", "CEL event"
CHANNEL, ENDPOINT = "channel id", "endpoint"

TABLE = tuple(DialplanName(kind, name, meaning) for kind, rows in {
    CONTEXT: {
        "santral-in": "Callers from the trunk, to the centre's numbers only.",
        "santral-lines": "Counts a call among the carrier's lines, or refuses it before the answer. Extensions "
                         "are the classes of calls; `full_` and `words_` with a class end a call. Sets `GROUP(lines)` "
                         "and `GROUP(class)`.",
        "santral-class": "Gosub: the class of lines by the caller's service.",
        "santral-number": "Notations of the called numbers.",
        "santral-refused": "Ends a call to a number that is not ours, at an extension with the number's form.",
        "santral-menu": "The dialogue, with a second try while no node answers.",
        "santral-next": "The step after a dialogue, by `ACD_NEXT`.",
        "santral-dialogue": "One sound of a dialogue, by the AGI command `GOSUB`.",
        "santral-hold": "The hold loop: music in `Read`, a tick every 15 s or less.",
        "santral-external": "Transfer to an external number; back to the menu when nobody answers.",
        "santral-survey": "Questions after the talk.",
        "santral-agent": "The agent's leg. Extensions `s` (connect), `whisper` (whisper announcement), `read` (time to "
                         "read), `press` (accept by 1), `switch` (any key), `pair` and `join` (pairs).",
        "santral-words": "Gosub before the bridge: the caller hears acknowledgement and notice to their end.",
        "santral-fence": "Gosub: ends a late leg, or one whose caller talks.",
        "santral-record": "Gosub before the bridge: records the talk if node and caller agreed.",
        "santral-talk-limit": "Gosub: the limit of a talk.",
        "santral-callback": "A caller who asks for a callback.",
        "santral-calling": "The agent's leg of a callback. The caller is dialled when an agent has accepted.",
        "santral-called": "The caller of a callback: `s`, or `press` (1 proves a person); then the hold loop.",
        "santral-after-talk": "The caller after the agent hung up.",
        "santral-keys": "Keys of an agent during a talk (`features.conf`).",
        "santral-key": "Asks the node about a key, on a Local channel.",
        "santral-refer": "Blind transfer by the agent's phone (REFER).",
        "santral-consult": "The consulting agent's leg: `wait`, then `back`.",
        "santral-transferred": "Blind transfer of a caller. The extension is `to_` and the service.",
        "santral-fallback": "The fallback queues, in rounds, while no node answers.",
        "santral-fallback-member": "Gosub on the phone that takes a caller in a fallback queue.",
        "santral-fallback-key": "Key 1 in the fallback queue: to the first distress service.",
        "santral-bye": "Good-bye and hang-up.",
        "santral-spoken": "Gosub: plays the files of `ACD_SAY`.",
        "santral-seat": "Numbers that an agent's phone may dial: the codes, and the target of a consult transfer.",
        "santral-seat-calls": "Gosub: counts a call of a seat, or refuses it before the answer. `full_seat` and "
                              "`full_all` end a call. Sets `GROUP(seat)` and `GROUP(seats)`.",
        "santral-seat-code": "A feature code.",
        "santral-seat-echo": "The sound check `*40`: 15 s of echo, only in a centre with pages.",
        "santral-seat-refused": "A number that a seat may not dial.",
        "santral-seat-line": "The second line of a phone, which waits for the consultant.",
        "santral-nowhere": "Refuses a call.",
    },
    ROUTE: {
        "menu,ENTRY": "The dialogue. Sets `ACD_NEXT`, and `ACD_SAY` with `SC_ROUND_SAID` for a caller who waits.",
        "tick,KEY": "One hold tick. Sets `ACD_NEXT`, `ACD_SAY` and the class of music.",
        "callback": "Agrees on a callback. Sets `ACD_NEXT`: `bye`, or `hold` to wait on.",
        "dial": "An agent accepted a callback: the caller is dialled.",
        "after-talk": "Sets `ACD_NEXT`: `hold` (front of the queue), `survey`, `bye`, or the fallback queue.",
        "survey": "Asks the questions.",
        "in-call-key,HOW,NUMBER,LEG": "A key of an agent in a talk, named as in `ivr/routes/in_call_keys.py`; `line`: "
                                      "a consult on a second line. Sets `ACD_SAY`.",
        "recording-pause,HOW,LEG": "Pauses a recording or resumes it. `keep` restores the pause after a consult. Sets "
                                   "`ACD_SAY`.",
        "codes,CODE": "A feature code of an agent's phone.",
    },
    VARIABLE: {
        "ACD_NEXT": "Next step, set last of all by AGI. Empty: the node did not finish.",
        "ACD_SAY": "`file&file&…` that the dialplan plays next.",
        "SC_HURRIED SC_FIRST": "The key that ended these words early; the first announcement, kept meanwhile.",
        "SC_ROUND_SAID": "`1`: `ACD_SAY` already holds the first announcement of the hold loop.",
        "SC": "Unique id of the caller's channel, which is the contact id. Inherited.",
        "SC_NUMBER": "The caller's number after validation, or `anonymous`. Never in CALLERID, so no AMI event has it. "
                     "Inherited.",
        "SC_CALLED": "The dialled number. Inherited.",
        "SC_SERVICE SC_SINCE SC_PRIORITY SC_SLOW": "Service, start of the wait (Unix seconds), points, `1` for slow "
                                                   "speech: the position survives a lost store. Inherited.",
        "SC_WORDS SC_WORDS_KEY": "Files of the acknowledgement that the hold loop plays first; the key of the choice. "
                                 "`SHARED(SC_WORDS)` is `1` while an agent's leg waits for their end, not in "
                                 "distress.",
        "SC_HURRY_UNTIL": "Time (Unix seconds) until which the key of the choice means nothing more.",
        "SC_NOTICE_WORDS": "File of the recording notice, which follows.",
        "SC_NOTICE": "Recording notice: `heard`, `refused` or empty. Only `heard` allows a recording. Inherited.",
        "SC_LANGUAGE SC_NEEDS": "Language other than the first; skills that the caller needs, as `en:1,isaret:50`. "
                                "Inherited.",
        "SC_SPOKEN": "Folder of the sounds of the caller's language.",
        "SC_TOPICS": "Topics from the menu: `siddet,miras`. Inherited.",
        "SC_EXTERNAL SC_EXTERNAL_FAILED": "External number of a transfer; menu node that follows when nobody answers.",
        "SC_ANNOUNCED": "Announcements that the caller has heard. Inherited.",
        "SC_PREFERENCE_ASKED": "`1`: the caller was asked for preferences. Inherited.",
        "SC_POSITION SC_WAIT": "Position and EWT announced last.",
        "SC_RECORDING_PAUSED": "`1` on the agent's leg while the recording is paused.",
        "SC_RECORD": "On the agent's leg: name of the recording, or empty.",
        "SC_CHAN": "On the agent's leg: full name of the caller's channel.",
        "SC_OFFER": "On the agent's leg: the offer. Shared by the caller's channel: highest connected.",
        "SC_TALK": "Shared by the caller's channel: leg that has it.",
        "SC_ENDED": "On the agent's leg: `1`: offer over.",
        "SC_READING_S": "On the agent's leg: seconds to read, or for the key.",
        "SC_PAIR_PARTNER SC_PAIR_LEAD": "On the legs of a pair: channel id of the other leg.",
        "SC_PAIR_HERE": "Shared by the legs of a pair: `1` when the other leg has come.",
        "SC_SEAT": "On calls from an agent's phone: the seat.",
        "SC_ALIVE": "`1` once a node has answered in the dialogue.",
        "SC_KEY SC_HEARD": "The caller's key, and the result of a sound of a dialogue.",
        "SC_PLACE SC_PLACE_KEY": "The menu that asked last, and its key: another node goes on there.",
        "SC_CONSULTING_LEG": "On the consultant's leg and a second line: channel id of the consulting agent's leg.",
        "SC_SECOND_LINE SC_FIRST_LINE_ENDED": "Shared by the consulting agent's leg: name of the second line; `1` when "
                                              "the first line ended.",
        "SC_REBRIDGE": "On the consultant's leg: `1` while the node bridges consultant and caller again.",
        "SC_CONSULTING SC_CONSULT_WAITS SC_CONSULT_BACK": "Shared by the consulting agent's leg: consult started, "
                                                          "agent waits, node returns the agent to the caller.",
        "SC_QUESTION SC_HOW SC_TO SC_PAUSED": "On the agent's leg: what a key asks (`key`, `pause`), its name, its "
                                              "number, and whether the recording is paused.",
        "SC_LEG SC_LEG_ID": "On the channel that asks: name and id of the agent's leg.",
        "SC_KEY_SAY SC_KEY_NEXT": "Shared by the agent's leg: `ACD_SAY` and `ACD_NEXT` of the answer to a key.",
        "SC_QUEUE SC_POINTS": "In the fallback queue: name of the app_queue, points of the service.",
        "SC_ASKED_AT SC_EMERGENCY_AT": "In the fallback queue: last question to the node, last emergency text.",
        "SC_NODE": "Global, with two nodes: `1` or `2`, the address that answered last, which is asked first.",
        "SC_AT SC_ASKS SC_ASKER": "With two nodes: address that is asked, number of those that did not answer, "
                                  "extension that asks.",
        "SC_CUT": "Shared by the caller's channel: `1` when the phone that talked has vanished.",
        "SC_FAILS SC_MISSED_AT": "Unanswered ticks in a row; time of the last one.",
        "SC_TRIES": "On a leg of a pair: tries to meet the other leg.",
        "SC_OFFERED": "Reason of a rule that leads the caller out. Empty: callback by key.",
    },
    EVENT: {
        "SC_CALLED-": "With the entry of the menu: a caller has come.",
        "SC_LEFT_MENU": "A caller hung up in the menu. The node may be frozen or suspended.",
        "SC_OUTSIDE": "From the menu to an outside number.",
        "SC_HOLD-": "With the service: from the menu into the hold loop.",
        "SC_NO_NODE": "No node answered a new caller.",
        "SC_FALLBACK-": "With the service: its fallback queue.",
        "SC_MEMBER-": "With the seat: the phone that takes a caller in a fallback queue.",
        "SC_LEFT_HOLD": "A waiting caller hung up.",
    },
    CHANNEL: {
        "o<offer>-<contact>": "The agent's leg.",
        "p<offer>-<contact>": "The leg of the other agent of a pair.",
        "<contact>": "The caller's channel of a callback. A follow-up of a lost call has `f` before the lost id.",
    },
    ENDPOINT: {
        "<seat>": "An agent's phone.",
        "trunk": "The carrier.",
        "uzak-<agent>": "External number of a remote agent.",
        "geri-arama": "Way to the caller of a callback. The node's SIP 302 names the number.",
        "disari-<label>": "External number of `[transfer]`, and the queue that dials it.",
    },
}.items() for name, meaning in rows.items())
