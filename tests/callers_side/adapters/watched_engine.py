"""Run the shipped engine, and tell what people hear and see of it.

The engine's commands and facts become rings, voices and sentences. With `words` each waiting caller hears the shipped
sentences of the hold loop, once in `TICK_S`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from math import inf
from typing import Any

from ivr.hold import hold_script
from ivr.hold.hold_script import HoldMemory
from ivr.settings import HoldSettings
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import PHONE_CHANNELS, AgentState, Channel, WayOut
from routing.core.model.commands import Command, Offer
from routing.core.model.errors import Refused
from routing.core.model.reasons import RULE
from tests.callers_side.adapters.cards import write_card
from tests.callers_side.observations import Seen

TICK_S = 15.0
"""Time between two questions of the hold loop, as shipped."""

VAIN_RING_S = 15.0
"""Time for which an agent is left alone after a ring in vain, so that the phone may fall silent."""

OWN = {AgentState.SIGNED_OUT: "out", AgentState.READY: "free", AgentState.RINGING: "rings",
       AgentState.TALKING: "talks", AgentState.WRAPUP: "writes", AgentState.PAUSED: "break",
       AgentState.NOT_RESPONDING: "away", AgentState.BUSY: "phone", AgentState.UNREACHABLE: "phone"}
AT_REST = (AgentState.PAUSED, AgentState.SIGNED_OUT, AgentState.NOT_RESPONDING)
"""States in which no phone may ring. An agent who is rung in one of them has not left it."""

Emit = Callable[[Seen], None]


class WatchedEngine(Engine):
    """The shipped engine, with somebody who watches the people around it."""

    def __init__(self, emit: Emit, *, words: bool = False, settings: dict[str, HoldSettings] | None = None) -> None:
        super().__init__()
        self._emit, self._words, self._settings = emit, words, settings or {}
        self._kept: list[f.Fact] = []
        self._rung: dict[int, tuple[str, str]] = {}
        """Agent and caller of each ring, by offer."""
        self._talks: dict[int, tuple[str, str]] = {}
        self._apart: dict[str, set[str]] = {}
        """Why the house cannot reach a caller, for each caller of whom that is so."""
        self._nodes: dict[str, str] = {}
        self._down: set[str] = set()
        self._asked_for_break: set[str] = set()
        self._plans: dict[str, tuple[tuple[float, float], ...]] = {}
        self._rest_until: dict[str, float] = {}
        self._arranged: dict[str, float] = {}
        """Agents with a plan (breaks, hours, or a wish for lighter calls), each with its end."""
        self._cards: dict[str, tuple[str, str]] = {}
        self._skills: dict[str, dict[Any, int]] = {}
        self._left_alone: dict[str, float] = {}
        """End of the rest after a ring in vain."""
        self._own: dict[str, AgentState] = {}
        self._seats: dict[str, str | None] = {}
        self._hung_up: set[str | None] = set()
        """Phones that are reachable and not in use."""
        self._deferred: set[str] = set()
        self._led_to_good_bye: set[str] = set()
        self._quiet_hours = False
        self._heard: dict[str, HoldMemory] = {}
        self._ticks: list[tuple[float, str]] = []
        self._now = -inf

    # -- the engine

    def handle(self, event: Any, now: float) -> list[Command]:
        """Handle an event, and tell what people notice."""
        self.say_until(now)
        self._before(event, now)
        try:
            done = super().handle(event, now)
        except Refused:
            if isinstance(event, e.MoveRequested | e.WithdrawalRequested):
                self._tell(now, "refuses", event.by or "supervisor", event.contact, "move")
            raise
        except Exception as error:
            self._tell(now, "broke", words=f"{type(error).__name__}: {error}")
            raise
        return self._after(event, done, now)

    def tick(self, now: float) -> list[Command]:
        """Let deadlines pass, and tell what people notice."""
        self.say_until(now)
        try:
            done = super().tick(now)
        except Exception as error:
            self._tell(now, "broke", words=f"{type(error).__name__}: {error}")
            raise
        return self._after(None, done, now)

    def take_facts(self) -> list[f.Fact]:
        """Return the facts since the last call."""
        kept, self._kept = self._kept, []
        return kept

    def _tell(self, at: float, what: str, who: str = "", about: str = "", words: str = "", n: float = 0.0,
              also: float = 0.0) -> None:
        self._emit(Seen(at, what, str(who), str(about), str(words), n, also))

    # -- before and after

    def _before(self, event: Any, now: float) -> None:
        match event:
            case e.OfferAnswered() if not event.partner and event.offer in self._rung:
                self._tell(now, "answers", *self._rung[event.offer], "brief")
            case e.CallbackAccepted() if event.offer in self._rung:
                self._tell(now, "answers", *self._rung[event.offer], "brief")
            case e.AgentPaused():
                self._asked_for_break.add(event.agent)
            case e.BreaksPlanned():
                self._plans[event.agent] = event.breaks
                self._arrange(event.agent, max((end for _, end in event.breaks), default=now), now)
            case e.WorkingHoursPlanned():
                self._arrange(event.agent, inf if event.hours else now, now)
            case e.HeavyContactsDeclined():
                self._arrange(event.agent, now + self.centre.heavy_declined_s, now)
            case e.SeatChanged():
                self._tell_phone(event, now)
            case e.LinkChanged():
                self._change_link(event.node, event.up, now)
            case e.ReturnedToMenu():
                self._set_apart(event.contact, "menu", now)
            case e.FallbackEntered():
                self._set_apart(event.contact, "fallback", now)
            case e.HoldTick() | e.ChannelShown() | e.ContactQueued():
                if isinstance(event, e.ContactQueued) and event.contact in self._nodes:
                    self._nodes[event.contact] = event.node
                    (self._set_apart if event.node in self._down else self._reach)(event.contact, "link", now)
                for why in ("menu", "unshown"):
                    self._reach(event.contact, why, now)
            case e.CallbackFailed():
                contact = event.contact or (self._rung.get(event.offer or 0) or ("", ""))[1]
                self._tell(now, "undialled", contact)
            case e.ContactExited() if event.reason == RULE and event.contact in self._led_to_good_bye:
                self._tell(now, "hears", event.contact, words="good-bye")
            case e.QuietHoursChanged():
                self._quiet_hours = event.on
                self._tell(now, "quiet hours", n=float(event.on))

    def _after(self, event: Any, done: list[Command], now: float) -> list[Command]:
        self._now = now
        if self._arranged:
            self._end_plans(now)
        if isinstance(event, e.Configured | e.Started):
            self._show_centre(now)
        rings = {one.offer: one for one in done if isinstance(one, Offer)}
        facts = super().take_facts()
        self._kept += facts
        for fact in facts:
            self._tell_fact(fact, event, rings, now)
        if isinstance(event, e.AgentSkillsChanged):
            self._show_cards(now)
        elif isinstance(event, e.WithdrawalRequested) and not event.callback:
            self._tell(now, "hears", event.contact, words="good-bye")
        return done

    def _ask_again(self, contact: str, line: str, why: str, now: float) -> None:
        """Tell that a caller asks once more. Callers from before a restart are not followed."""
        if contact in self._nodes:
            self._tell(now, "asks", contact, line, why)

    def _tell_fact(self, fact: Any, event: Any, rings: dict[Any, Offer], now: float) -> None:
        match fact:
            case f.AgentChanged():
                self._tell_state(fact, now)
            case f.Queued() if fact.channel in PHONE_CHANNELS:
                self._queue(fact, event, now)
            case f.Moved() if fact.channel in PHONE_CHANNELS:
                # A supervisor who has confirmed was asked once, so it is no slip.
                slip = fact.reason == "supervisor" and not getattr(event, "confirmed", False)
                self._ask_again(fact.contact, fact.service, "supervisor" if slip else "", now)
            case f.ContactChanged() if fact.needs or fact.topics:
                self._set_apart(fact.contact, "arranged", now)
            case f.Offered() if fact.offer in rings and fact.channel in PHONE_CHANNELS:
                self._ring(fact, rings[fact.offer], now)
            case f.OfferClosed() if fact.offer in self._rung:
                self._tell(now, "quiet", *self._rung.pop(fact.offer), fact.reason)
                gap_s = self._domain.agents[fact.agent].profile.rest_gap_s
                self._left_alone[fact.agent] = now + gap_s + VAIN_RING_S
                if self._own.get(fact.agent) is AgentState.READY and self._seats.get(fact.agent) in self._hung_up:
                    self._tell(now, "own", fact.agent, "", "free", self._left_alone[fact.agent])
            case tf.Connected() if fact.channel in PHONE_CHANNELS:
                self._rung.pop(fact.offer, None)
                self._talks[fact.offer] = fact.agent, fact.contact
                self._tell(now, "voice", fact.agent, fact.contact)
            case tf.TalkEndedRecorded() if fact.offer in self._talks:
                self._tell(now, "over", *self._talks.pop(fact.offer), fact.by)
                if fact.state == "pending":
                    self._ask_again(fact.contact, fact.to or fact.service, "", now)
            case tf.ConsultCompleted() if fact.offer in self._talks:
                self._tell(now, "over", *self._talks.pop(fact.offer), "consult")
            case f.WayOutOffered():
                if fact.way is WayOut.GOODBYE:
                    self._led_to_good_bye.add(fact.contact)
                self._set_apart(fact.contact, "asked", now)
            case f.CallbackChanged():
                self._tell_callback(fact, event, now)
            case f.CallbackDialled():
                self._tell(now, "dialled", fact.contact)
            case f.Ended():
                self._forget(fact, now)
            case f.ServiceChanged():
                pass

    # -- people

    def _tell_state(self, fact: f.AgentChanged, now: float) -> None:
        self._own[fact.agent] = fact.state
        if fact.load_state is not None:
            self._rest_until[fact.agent] = fact.load_state.rest_until
        if fact.state is AgentState.RINGING and fact.before in AT_REST:
            return
        about, n = "", 0.0
        if fact.state is AgentState.PAUSED and fact.before is not AgentState.PAUSED:
            planned = any(begin <= now + 1.0 for begin, _ in self._plans.get(fact.agent, ()))
            about = "own" if fact.agent in self._asked_for_break else "plan" if planned else "house"
        elif fact.state is AgentState.READY:
            agent = self._domain.agents[fact.agent]
            idle_since = fact.idle_since if fact.idle_since is not None else fact.since
            n = max((now if idle_since is None else idle_since) + agent.profile.rest_gap_s,
                    self._rest_until.get(fact.agent, 0.0), self._left_alone.get(fact.agent, 0.0))
        if fact.state not in (AgentState.PAUSED, AgentState.TALKING, AgentState.WRAPUP, AgentState.RINGING):
            self._asked_for_break.discard(fact.agent)
        self._seats[fact.agent] = fact.seat
        hangs = fact.state is not AgentState.READY or fact.seat in self._hung_up
        self._tell(now, "own", fact.agent, about, OWN[fact.state] if hangs else "phone", n)

    def _tell_phone(self, event: e.SeatChanged, now: float) -> None:
        """Tell that a phone is picked up, lost or put down. An agent sees that without the house."""
        hangs, agent = event.reachable and not event.in_use, next(
            (one for one, seat in self._seats.items() if seat == event.seat), None)
        (self._hung_up.add if hangs else self._hung_up.discard)(event.seat)
        if agent is not None and self._own.get(agent) is AgentState.READY:
            rests_until = max(self._rest_until.get(agent, 0.0), self._left_alone.get(agent, 0.0))
            self._tell(now, "own", agent, "", "free" if hangs else "phone", rests_until)

    def _show_centre(self, now: float) -> None:
        for service in self.centre.services:
            self._tell(now, "line", service.id, getattr(service, "partner", ""), "distress" if service.distress else "")
        self._show_cards(now)

    def _show_cards(self, now: float) -> None:
        for agent in self.centre.agents:
            sure, perhaps = write_card(self.centre, agent, dict(self._domain.agents[agent.id].agent.skills))
            if agent.id in self._arranged:
                sure = ""
            if self._cards.get(agent.id) != (sure, perhaps):
                self._cards[agent.id] = sure, perhaps
                self._tell(now, "card", agent.id, perhaps, sure, agent.profile.max_continuous_s,
                           self.centre.micro_break_s)

    def _arrange(self, agent: str, until: float, now: float) -> None:
        """Note that an agent has a plan until a time, and take the agent's card away meanwhile."""
        if until > now:
            self._arranged[agent] = max(until, self._arranged.get(agent, now))
            self._show_cards(now)

    def _end_plans(self, now: float) -> None:
        over = [agent for agent, until in self._arranged.items() if until < now]
        for agent in over:
            del self._arranged[agent]
        if over:
            self._show_cards(now)

    # -- callers

    def _queue(self, fact: f.Queued, event: Any, now: float) -> None:
        contact = fact.contact
        self._tell(now, "asks", contact, fact.service)
        self._nodes[contact] = fact.node
        if fact.channel is not Channel.VOICE or fact.needs or fact.topics:
            self._set_apart(contact, "arranged", now)
        if fact.node in self._down:
            self._set_apart(contact, "link", now)
        if isinstance(event, e.ContactQueued) and not event.shown:
            self._set_apart(contact, "unshown", now)
        if contact.startswith("f"):
            self._set_apart(contact, "follow-up", now)
        elif self._words:
            self._heard[contact] = HoldMemory()
            heapq.heappush(self._ticks, (now + 1.0, contact))

    def _set_apart(self, contact: str, why: str, now: float) -> None:
        reasons = self._apart.setdefault(contact, set())
        if why not in reasons:
            reasons.add(why)
            self._tell(now, "aside", contact, words="link" if "link" in reasons else why)

    def _reach(self, contact: str, why: str, now: float) -> None:
        reasons = self._apart.get(contact)
        if reasons and why in reasons:
            reasons.discard(why)
            if not reasons:
                self._tell(now, "back", contact)
            elif why == "link":
                self._tell(now, "aside", contact, words=min(reasons))

    def _change_link(self, node: str, up: bool, now: float) -> None:
        # A caller of no known machine follows the link that was reported last.
        for machine in (node, ""):
            (self._down.discard if up else self._down.add)(machine)
        for contact, own in self._nodes.items():
            if own in (node, ""):
                (self._reach if up else self._set_apart)(contact, "link", now)

    def _ring(self, fact: f.Offered, offer: Offer, now: float) -> None:
        kind = "live"
        if offer.callback:
            kind = "deferred" if fact.contact in self._deferred else "callback"
        elif offer.consulting_leg:
            kind = "consult"
        elif offer.remote or offer.answer_mode == "key":
            kind = "key"
        self._rung[fact.offer] = fact.agent, fact.contact
        self._tell(now, "rings", fact.agent, fact.contact, kind)

    def _tell_callback(self, fact: f.CallbackChanged, event: Any, now: float) -> None:
        contact = fact.contact
        if fact.reason in ("requested", "time_chosen"):
            window = getattr(event, "window", None)
            if window is not None or (self._quiet_hours and not fact.anytime):
                self._deferred.add(contact)
            self._tell(now, "hears", contact, words="promise" if window is None else "promised for",
                       n=0.0 if window is None else window[1])
        elif fact.reason == "reached":
            self._deferred.discard(contact)
            self._ask_again(contact, fact.service, "", now)
        elif not fact.callback:
            self._ask_again(contact, fact.service, "", now)
        else:
            self._tell(now, "undialled", contact)

    def _forget(self, fact: f.Ended, now: float) -> None:
        contact = fact.contact
        for found in (self._apart, self._nodes, self._heard):
            found.pop(contact, None)
        self._deferred.discard(contact)
        self._led_to_good_bye.discard(contact)
        forgotten = self._words and fact.key == "expired"
        self._tell(now, "gone", contact, words="forgotten" if forgotten else str(fact.outcome))

    # -- words

    def say_until(self, now: float) -> None:
        """Let callers hear what is said to them until a time."""
        while self._ticks and self._ticks[0][0] <= now:
            at, contact = heapq.heappop(self._ticks)
            heard = self._heard.get(contact)
            if heard is not None:
                self._say(contact, heard, max(at, self._now))
                heapq.heappush(self._ticks, (at + TICK_S, contact))

    def _say(self, contact: Any, heard: HoldMemory, at: float) -> None:
        """Let a caller hear one round of the shipped hold loop, if the caller waits and no phone rings."""
        view = self.contact_view(contact, at)
        if view is None or view.state != "pending" or view.callback:
            return
        wait = self._settings.get(view.service, HoldSettings())
        hold_script.on_transferred(heard, view)
        keys = hold_script.choose_sentences(heard, view, wait, at, place_s=30.0, comfort_s=60.0)
        for sentence in understand(keys, heard):
            self._tell(at, "hears", contact, words=sentence[0], n=sentence[1])


def understand(keys: list[str], heard: HoldMemory) -> list[tuple[str, float]]:
    """Return what a caller understands of the prompts of a round, each with its number."""
    said: list[tuple[str, float]] = []
    for key in keys:
        name, _, number = key.rpartition("-")
        if name == "sure-uzun":
            said.append(("wait more", float(number)))
        elif key == "sure-kisa":
            said.append(("wait", 1.0))
        elif name == "sure" and number.isdigit():
            said.append(("wait", float(number)))
        elif name == "sira" and number.isdigit():
            said.append(("place", float(number)))
        elif key == "bekleme-siradaki":
            said.append(("place", 1.0))
        elif key.startswith("bekleme-uzadi"):
            said.append(("again", 0.0))
        elif key.startswith("acil-"):
            said.append(("emergency", 0.0))
        else:
            said.append(("other", 0.0))
    return said
