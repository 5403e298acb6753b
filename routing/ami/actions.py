"""Translate commands of the engine into AMI actions."""

from __future__ import annotations

from collections.abc import Collection

from routing.ami.wire import BadAction
from routing.core.model.centre_model import AUTO_ANSWER_MODES, AnswerMode
from routing.core.model.commands import (
    BlindTransfer,
    CancelConsult,
    Offer,
    Partner,
    RefreshHold,
    Rescind,
    StartConsult,
)
from routing.core.model.ids import ContactId, leg_id, partner_leg_id

CONTEXT_AGENT = "santral-agent"
CONTEXT_CALLING = "santral-calling"
"""Context of an agent's leg of a callback. The agent is there first, and the caller joins later."""
CALLBACK_LABEL = "Geri arama:"
"""Words before the service's name on the display of an agent's phone."""
CONTEXT_HOLD = "santral-hold"
CONTEXT_FALLBACK = "santral-fallback"
CONTEXT_TRANSFERRED = "santral-transferred"
CONTEXT_AFTER_TALK, CONTEXT_BYE = "santral-after-talk", "santral-bye"
RECORDING_PAUSED, RECORD = "SC_RECORDING_PAUSED", "SC_RECORD"
"""Variables of an agent's leg: `1` while its recording is paused, and the file name of the talk (empty if not
recorded)."""
MIXMONITOR_FILE = "MIXMONITOR_FILENAME"
"""Variable of a leg in which Asterisk names the file of its last recording."""
CONSULTS = "SHARED(SC_CONSULTING)"
"""Variable of the leg of an agent who consults a colleague: `1` from before the caller is led away until the agent
waits."""
TALK = "SHARED(SC_TALK)"
"""Variable of a caller: channel id of the agent's leg that has the caller, from just before the bridge on."""
ENDED = "SC_ENDED"
"""Variable of an agent's leg: with `1` it does not begin a talk any more."""
ANSWERED_ELSEWHERE = 26
"""Hangup cause with which phones show no missed call."""

NORMAL, REJECTED = 16, 21
"""Hangup causes of an agent who hangs up, and of a phone that refuses a call."""

Action = dict[str, str | list[str]]

_AUTO_ANSWER = ["PJSIP_HEADER(add,Alert-Info)=<http://127.0.0.1>;info=alert-autoanswer",
                "PJSIP_HEADER(add,Call-Info)=<sip:127.0.0.1>;answer-after=0"]
"""Headers that make telephones answer by themselves. `Variable` reaches the phone, and PreDialGoSub does not."""


def to_action(command: Offer | Rescind | BlindTransfer | StartConsult | CancelConsult | RefreshHold, called: str,
              record: str = "", pages: Collection[str] = ()) -> Action:
    """Return the AMI action of a command.

    `called` is the number shown next to the service's name on the agent's phone. `record` is the file name of the talk.
    An empty `record` means that the talk may not be recorded. `pages` are the seats whose phone is a page.
    """
    match command:
        case Offer():
            action = _originate_action(command, called, pages)
            if record:
                action["Variable"] = [*action["Variable"], f"{RECORD}={record}"]
            return action
        case Rescind():
            return hang_up_action(leg_id(command.offer, command.contact))
        case RefreshHold():
            return hold_action(command.contact)
        case BlindTransfer():
            return {"Action": "Redirect", "Channel": command.contact, "Context": CONTEXT_TRANSFERRED,
                    "Exten": f"to_{command.service}", "Priority": "1"}
        case StartConsult(on_second_line=True):
            # The caller stays in the bridge of the first line, so only the caller's service changes.
            return {"Action": "Setvar", "Channel": command.contact, "Variable": "__SC_SERVICE",
                    "Value": command.service}
        case StartConsult():
            # The priority `quiet` skips the announcement: the agent has already told the caller about the consult.
            return {"Action": "Redirect", "Channel": command.contact, "Context": CONTEXT_TRANSFERRED,
                    "Exten": f"to_{command.service}", "Priority": "quiet"}
        case CancelConsult():
            return set_variable_action(leg_id(command.offer, command.contact), "SHARED(SC_CONSULT_BACK)", "1")


def rebridge_actions(contact: ContactId, leg: str) -> list[Action]:
    """Return the AMI actions that separate a caller and an agent whom a phone's transfer key has bridged.

    The caller goes into the hold loop, and the agent's leg then joins the caller as after any offer.
    """
    return [set_variable_action(leg, "SC_REBRIDGE", "1"), hold_action(contact)]


def consult_mark_action(command: StartConsult, on: bool = True) -> Action:
    """Return the AMI action that precedes the action of a `StartConsult`.

    The mark tells the agent's leg what to do when the caller is led away. `on=False` removes the mark if nobody was led
    away.
    """
    return set_variable_action(leg_id(command.offer, command.contact), CONSULTS, "1" if on else "")


def unmark_consult_action(leg: str) -> Action:
    """Return the AMI action that removes the consult mark from a leg."""
    return set_variable_action(leg, CONSULTS, "")


def hold_action(contact: ContactId) -> Action:
    """Return the AMI action that leads a caller into the hold loop from any other place."""
    return {"Action": "Redirect", "Channel": contact, "Context": CONTEXT_HOLD, "Exten": "s", "Priority": "1"}


def hang_up_action(leg: str, cause: int = ANSWERED_ELSEWHERE) -> Action:
    """Return the AMI action that ends an agent's leg."""
    return {"Action": "Hangup", "Channel": leg, "Cause": str(cause)}


def taken_action(leg: str) -> Action:
    """Return the AMI action that tells an agent that another one has the caller. The leg then ends by itself."""
    return {"Action": "Redirect", "Channel": leg, "Context": CONTEXT_AGENT, "Exten": "taken", "Priority": "1"}


def set_variable_action(leg: str, variable: str, value: str) -> Action:
    """Return the AMI action that sets a variable of an agent's leg."""
    return {"Action": "Setvar", "Channel": leg, "Variable": variable, "Value": value}


def ring_partner_action(offer: Offer, partner: Partner, called: str, pages: Collection[str] = ()) -> Action:
    """Return the AMI action that rings the partner of a pair. The partner's leg joins the leg of the first agent."""
    own = offer._replace(agent=partner.agent, seat=partner.seat, answer_mode=partner.answer_mode,
                         whisper=partner.whisper, reading_s=partner.reading_s, remote=partner.remote,
                         comfort=partner.comfort, partner=None)
    action = _originate_action(own, called, pages)
    action["ChannelId"] = partner_leg_id(offer.offer, offer.contact)
    action["Variable"] = [*action["Variable"], f"SC_PAIR_LEAD={leg_id(offer.offer, offer.contact)}"]
    return action


def _originate_action(offer: Offer, called: str, pages: Collection[str]) -> Action:
    # 1. Refuse values that Asterisk would misread.
    if not offer.leg and not offer.callback:
        raise BadAction(f"offer {offer.offer}: the name of the caller's channel is missing")
    if set(offer.service_name) & set('"\\<>'):
        raise BadAction(f"service {offer.service}: its name may not hold quotes or angle brackets")
    # 2. Give the leg everything that its dialplan needs.
    exten, read_s = _agent_extension(offer)
    # The dialplan cannot ask the caller's channel: a phone that answers at once is faster than the caller's way into
    # the hold loop.
    variables = [f"SC_CHAN={offer.leg}"] if offer.leg else []
    variables += [f"SC_SERVICE={offer.service}", f"SC_OFFER={offer.offer}"]
    if read_s:
        variables.append(f"SC_READING_S={read_s:g}")
    if offer.consulting_leg:
        variables.append(f"SC_CONSULTING_LEG={offer.consulting_leg}")
    if offer.partner is not None:
        variables.append(f"SC_PAIR_PARTNER={partner_leg_id(offer.offer, offer.contact)}")
    if offer.answer_mode in AUTO_ANSWER_MODES:
        variables += _AUTO_ANSWER
    # A page amplifies by itself, so its leg must not be amplified as well.
    if offer.comfort.gain_db and offer.seat not in pages:
        variables.append(f"VOLUME(TX)={10 ** (offer.comfort.gain_db / 20):.4f}")
    # 3. Choose the words of the display. A call through the carrier names the centre, never the subject of the call.
    what = f"{CALLBACK_LABEL} {offer.service_name}" if offer.callback else offer.service_name
    shown = "" if offer.remote else f'"{what} {format_wait(offer.waited_s)}" '
    context = CONTEXT_CALLING if offer.callback else CONTEXT_AGENT
    return {
        "Action": "Originate", "Channel": f"PJSIP/{offer.seat}", "ChannelId": leg_id(offer.offer, offer.contact),
        "Context": context, "Exten": exten, "Priority": "1", "Async": "true",
        "Timeout": str(max(1000, round(offer.ring_s * 1000))),
        "CallerID": f"{shown}<{called}>", "Variable": variables,
    }


def _agent_extension(offer: Offer) -> tuple[str, float]:
    """Return the extension of the agent's context and its seconds, for reading or for a key."""
    if offer.answer_mode is AnswerMode.PRESS_ONE:
        return "press", offer.reading_s
    if offer.answer_mode is AnswerMode.SINGLE_SWITCH:
        # The phone answers at once, so the agent's own time to answer begins after the announcement.
        return "switch", offer.ring_s + offer.reading_s
    # A phone with automatic answer after the whisper announcement gets one, even if nothing else is said.
    if offer.whisper or (offer.answer_mode is AnswerMode.AUTO_AFTER_WHISPER and not offer.reading_s):
        return "whisper", offer.reading_s
    return ("read", offer.reading_s) if offer.reading_s else ("s", 0.0)


def format_wait(seconds: float) -> str:
    """Format a wait for the small display of a telephone: `45 sn`, `3 dk`."""
    return f"{max(0, round(seconds))} sn" if seconds < 59.5 else f"{round(seconds / 60)} dk"
