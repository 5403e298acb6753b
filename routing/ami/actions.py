"""What the engine wants done, in AMI's words: a command's action."""

from __future__ import annotations

from routing.ami.wire import BadAction
from routing.core.commands import Consult, Offer, Overflow, Partner, Rescind, SendOn, TakeBack
from routing.core.ids import ContactId, leg_id, partner_leg_id
from routing.core.model import AnswerMode

CONTEXT_AGENT = "santral-agent"
CONTEXT_CALLING = "santral-calling"
"""The agent's leg of a callback: like `santral-agent`, but the caller comes when the agent is there."""
CALLS_BACK = "Geri arama:"
"""Before the service on the display of an agent's phone."""
CONTEXT_HOLD = "santral-hold"
CONTEXT_NET = "santral-net"
CONTEXT_SENT = "santral-sent"
HUSHED, RECORD = "SC_HUSHED", "SC_RECORD"
"""On the agent's leg: `1` while its recording is paused; name of the file of the talk, empty: it is not recorded."""
ASKS = "SHARED(SC_ASKS)"
"""Of the leg of an agent who asks somebody first: `1` from before the caller is led away until the agent waits."""
CAUSE_OURS = 26
"""`Answered elsewhere`: phones show no missed call."""

Action = dict[str, str | list[str]]

_AUTO_ANSWER = ["PJSIP_HEADER(add,Alert-Info)=<http://127.0.0.1>;info=alert-autoanswer",
                "PJSIP_HEADER(add,Call-Info)=<sip:127.0.0.1>;answer-after=0"]
"""The two headers that make telephones answer by themselves. `Variable` reaches the phone; PreDialGoSub does not."""
_BY_ITSELF = frozenset({AnswerMode.AUTO, AnswerMode.AUTO_AFTER_BRIEF, AnswerMode.SINGLE_SWITCH})


def to_action(command: Offer | Rescind | Overflow | SendOn | Consult | TakeBack, called: str,
              record: str = "") -> Action:
    """The AMI action of a command. `called`: the number shown beside the service's name on the agent's phone. `record`:
    name of the file of the talk, if it may be recorded."""
    match command:
        case Offer():
            action = _originate(command, called)
            if record:
                action["Variable"] = [*action["Variable"], f"{RECORD}={record}"]
            return action
        case Rescind():
            return hang_up(leg_id(command.offer, command.contact))
        case Overflow():
            return {"Action": "Redirect", "Channel": command.contact, "Context": CONTEXT_NET, "Exten": "s",
                    "Priority": "1"}
        case SendOn():
            return {"Action": "Redirect", "Channel": command.contact, "Context": CONTEXT_SENT,
                    "Exten": f"to_{command.service}", "Priority": "1"}
        case Consult(line=True):
            return {"Action": "Setvar", "Channel": command.contact, "Variable": "__SC_SERVICE",
                    "Value": command.service}
        case Consult():
            return {"Action": "Redirect", "Channel": command.contact, "Context": CONTEXT_SENT,
                    "Exten": f"to_{command.service}", "Priority": "quiet"}
        case TakeBack():
            return to_set(leg_id(command.offer, command.contact), "SHARED(SC_BACK)", "1")


def to_meet(contact: ContactId, leg: str) -> list[Action]:
    """The AMI actions that part a caller and an agent whom a phone's transfer key has joined: the caller goes into the
    hold loop, and the agent's leg on to the caller, as after any offer."""
    return [to_set(leg, "SC_ANEW", "1"), to_hold(contact)]


def to_ask(command: Consult, on: bool = True) -> Action:
    """The AMI action before that of a `Consult`: what the agent's leg does when the caller has been led away. Not `on`:
    nobody was."""
    return to_set(leg_id(command.offer, command.contact), ASKS, "1" if on else "")


def to_forget(leg: str) -> Action:
    """The AMI action that takes the mark of an agent who asks off a leg by its id."""
    return to_set(leg, ASKS, "")


def to_hold(contact: ContactId) -> Action:
    """The AMI action that leads a caller into the hold loop, out of whatever they are in."""
    return {"Action": "Redirect", "Channel": contact, "Context": CONTEXT_HOLD, "Exten": "s", "Priority": "1"}


def hang_up(leg: str) -> Action:
    """The AMI action that ends an agent's leg."""
    return {"Action": "Hangup", "Channel": leg, "Cause": str(CAUSE_OURS)}


def to_set(leg: str, variable: str, value: str) -> Action:
    """The AMI action that sets a variable of an agent's leg."""
    return {"Action": "Setvar", "Channel": leg, "Variable": variable, "Value": value}


def to_partner(offer: Offer, partner: Partner, called: str) -> Action:
    """The AMI action that rings the other one of a pair: like an offer of their own, but it joins the agent's leg."""
    own = offer._replace(agent=partner.agent, seat=partner.seat, answer_mode=partner.answer_mode, brief=partner.brief,
                         reading_s=partner.reading_s, outside=partner.outside, partner=None)
    action = _originate(own, called)
    action["ChannelId"] = partner_leg_id(offer.offer, offer.contact)
    action["Variable"] = [*action["Variable"], f"SC_LEAD={leg_id(offer.offer, offer.contact)}"]
    return action


def _originate(offer: Offer, called: str) -> Action:
    if not offer.leg and not offer.callback:
        raise BadAction(f"offer {offer.offer}: the name of the caller's channel is missing")
    if set(offer.service_name) & set('"\\<>'):
        raise BadAction(f"service {offer.service}: its name may not hold quotes or angle brackets")
    exten, read_s = _way(offer)
    # Not asked of the caller's channel: a phone that answers by itself is sooner here than the caller in the hold loop.
    variables = [f"SC_CHAN={offer.leg}"] if offer.leg else []
    variables.append(f"SC_SERVICE={offer.service}")
    if read_s:
        variables.append(f"SC_READ={read_s:g}")
    if offer.first:
        variables.append(f"SC_FIRST={offer.first}")
    if offer.partner is not None:
        variables.append(f"SC_PARTNER={partner_leg_id(offer.offer, offer.contact)}")
    if offer.answer_mode in _BY_ITSELF:
        variables += _AUTO_ANSWER
    # On its way through the carrier the call says which centre it is, and nothing of what it is about.
    what = f"{CALLS_BACK} {offer.service_name}" if offer.callback else offer.service_name
    shown = "" if offer.outside else f'"{what} {wait_words(offer.waited_s)}" '
    context = CONTEXT_CALLING if offer.callback else CONTEXT_AGENT
    return {
        "Action": "Originate", "Channel": f"PJSIP/{offer.seat}", "ChannelId": leg_id(offer.offer, offer.contact),
        "Context": context, "Exten": exten, "Priority": "1", "Async": "true",
        "Timeout": str(max(1000, round(offer.ring_s * 1000))),
        "CallerID": f"{shown}<{called}>", "Variable": variables,
    }


def _way(offer: Offer) -> tuple[str, float]:
    """Extension of the agent's context that leads to the caller, and the seconds it is given: to read, or for a key."""
    if offer.answer_mode is AnswerMode.PRESS_ONE:
        return "press", offer.reading_s
    if offer.answer_mode is AnswerMode.SINGLE_SWITCH:
        # The phone answers at once, so the agent's own time to answer begins after the word.
        return "switch", offer.ring_s + offer.reading_s
    # A phone that answers by itself after the brief has one, whatever else comes before the caller.
    if offer.brief or (offer.answer_mode is AnswerMode.AUTO_AFTER_BRIEF and not offer.reading_s):
        return "brief", offer.reading_s
    return ("read", offer.reading_s) if offer.reading_s else ("s", 0.0)


def wait_words(seconds: float) -> str:
    """A wait as a telephone's small display shows it: `45 sn`, `3 dk`."""
    return f"{max(0, round(seconds))} sn" if seconds < 59.5 else f"{round(seconds / 60)} dk"
