"""Model one Asterisk: channels, bridges and phones, and the dialplan of `asterisk_conf` for callers and agents.

Each function of the dialplan is one extension of the templates, with the same steps in the same order. Other things may
happen between two steps, as in the threads of Asterisk. The order of its events varies as measured
(`routing.ami.event_translator`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from asterisk_conf.dialplan_values import Timings
from ivr import dialplan
from lab.simulation.agi_model import CONTEXT_MENU, AgiQuestion, find_menu_end
from lab.simulation.channels import Caller, Channel, Leg, Phone
from lab.simulation.fallback_model import AppQueue
from lab.simulation.history import TAKEN_BY, CallerPast, History
from lab.simulation.manager_model import ManagerSession, render
from lab.simulation.network import Connection, Network
from lab.simulation.virtual_time import World
from routing.ami.actions import (
    ANSWERED_ELSEWHERE,
    CONTEXT_AFTER_TALK,
    CONTEXT_BYE,
    CONTEXT_FALLBACK,
    CONTEXT_HOLD,
    ENDED,
    TALK,
)
from routing.ami.cel_recovery import CALLED, FALLBACK, HOLD, MEMBER, NO_NODE

NORMAL, BUSY, NO_ANSWER, DECLINED = 16, 17, 19, 21
"""Causes of Q.850 with which channels end."""

STEP_S = (0.0005, 0.004)
"""Time of a step of the dialplan, and of a thread of Asterisk."""
SENTENCE_S = (1.0, 3.0)
"""Length of a sentence that a caller hears."""
FENCE_TRIES = 10
"""Looks of an agent's leg whether the caller's talk with another one is just ending."""
BEAT_S = 0.5
"""Pause between two rings."""
TURN_S = 0.02
"""Pause of a leg while another one looks at the same caller."""
SHARED_OFFER, SHARED_WORDS = "SHARED(SC_OFFER)", dialplan.WHOLE_WORDS


class Asterisk:
    """One Asterisk with its callers and phones. `fence` is the part `santral-fence` of the dialplan."""

    def __init__(self, world: World, network: Network, rng: random.Random, history: History, node_ports: Sequence[int],
                 seats: Sequence[str], cel: Path, epoch_of: Callable[[Connection], int], *, fence: bool = True,
                 turns: bool = True) -> None:
        """`epoch_of` returns the epoch of the node behind a connection. `cel` is the file of the calls' events. With
        `turns` legs look at their caller one after the other."""
        self.world, self.network, self.history, self.node_ports = world, network, history, tuple(node_ports)
        self.times, self._rng, self._cel, self._fence, self._turns = Timings(), rng, cel, fence, turns
        self.epoch_of, self.first_node, self.frozen_until = epoch_of, 0, 0.0
        self.started, self.life, self.down = "00:00:01", 1, False
        self.channels: dict[str, Channel] = {}
        self.phones = {seat: Phone(seat) for seat in seats}
        self.managers: dict[Any, None] = {}
        self.queues = AppQueue(self, rng)
        self._count = 0
        network.accept = self.accept_manager

    # -- time and events ---------------------------------------------------------------------------------------------

    def after(self, delay_s: float, run: Callable[[], None]) -> None:
        """Have a thread of this Asterisk run something later. A frozen Asterisk does it when it wakes."""
        life = self.life

        def run_awake() -> None:
            if life != self.life:
                return
            if self.world.now < self.frozen_until:
                self.world.call_at(self.frozen_until, run_awake)
            else:
                run()
        self.world.call_after(delay_s, run_awake)

    def go_on(self, channel: Channel, delay_s: float, step: Callable[[], None]) -> None:
        """Have a channel take its next step of the dialplan later, unless it has ended or jumped."""
        turn = channel.turn
        self.after(delay_s, lambda: step() if not channel.ended and channel.turn == turn else None)

    def pick(self, bounds: tuple[float, float]) -> float:
        """Return a time between two bounds."""
        return self._rng.uniform(*bounds)

    def emit(self, event: str, /, **headers: str) -> None:
        """Send an event to all sessions that want events."""
        data = render([("Event", event), ("Privilege", "call,all"), *headers.items()])
        for session in list(self.managers):
            if session.wants_events:
                session.tell(data)

    def write_cel(self, event: str, channel: Channel, linked: str = "", cause: str = "") -> None:
        """Write one line of the file of the calls' events."""
        line = (f'"{self.history.wall_time():.6f}","{event}","{channel.uniqueid}",'
                f'"{linked or channel.uniqueid}","{cause}"\n')
        with self._cel.open("ab", buffering=0) as file:
            file.write(line.encode("ascii"))

    def accept_manager(self, connection: Connection) -> ManagerSession:
        """Take a connection of a node to the manager."""
        session = ManagerSession(self, connection, self.epoch_of(connection))
        self.managers[session] = None
        return session

    def report_phone(self, seat: str) -> None:
        """Report the state of a phone, from another thread than the calls."""
        self.after(self.pick((0.002, 0.004)), lambda: self.emit(
            "DeviceStateChange", Device=f"PJSIP/{seat}", State=self.phones[seat].device_state))

    def next_id(self) -> str:
        """Return the uniqueid of a new channel."""
        self._count += 1
        return f"{int(self.history.wall_time())}.{self._count}"

    # -- callers -----------------------------------------------------------------------------------------------------

    def admit_caller(self, service: str, patience_s: float, talk_s: float, ends_talk: bool) -> Caller:
        """Let a caller dial the number of a service."""
        uniqueid = self.next_id()
        caller = Caller(uniqueid, f"PJSIP/trunk-{self._count:08x}", CONTEXT_MENU, service=service,
                        patience_s=patience_s, talk_s=talk_s, ends_talk=ends_talk)
        caller.variables[dialplan.NUMBER] = "anonymous"
        self.history.callers[uniqueid] = CallerPast(service, self.world.now)
        self.history.note(f"{uniqueid} calls {service}")
        self.channels[uniqueid] = caller
        self.emit("Newchannel", Channel=caller.name, ChannelStateDesc="Ring", Uniqueid=uniqueid,
                  Context="santral-in")
        caller.state = "Up"
        self.emit("Newstate", Channel=caller.name, ChannelStateDesc="Up", Uniqueid=uniqueid)
        self.write_cel("CHAN_START", caller)
        self.write_cel(f"{CALLED}{service}", caller)
        self.after(patience_s, lambda: self._lose_patience(caller))
        self.ask_menu(caller)
        return caller

    def _lose_patience(self, caller: Caller) -> None:
        if not caller.ended and caller.partner is None:
            self.hang_up(caller, NORMAL, "caller")

    def _ask(self, caller: Caller, route: str, argument: str, done: Callable[[str], None],
             again: bool = False) -> None:
        """Ask the nodes for the next part of the dialplan."""
        def take(onward: str) -> None:
            if caller.ended:
                return
            # The menu says `hold` before it hands the caller over. The first round proves that the caller waits.
            if onward == dialplan.HOLD and (
                    route == dialplan.TICK_ROUTE or caller.variables.get(dialplan.FIRST_ROUND_DONE) == "1"):
                self.history.callers[caller.uniqueid].queued = True
            done(onward)
        AgiQuestion(self, caller, route, argument, take, again)

    def ask_menu(self, caller: Caller) -> None:
        """Go through `[santral-menu]`: ask for the menu, or try again with music, then go to the fallback queue."""
        caller.context = CONTEXT_MENU
        for name in (dialplan.FIRST_ROUND_DONE, dialplan.WORDS, dialplan.NOTICE_WORDS):
            caller.variables[name] = ""

        def take(onward: str) -> None:
            if onward == dialplan.HOLD:
                self.begin_hold(caller)
            elif onward:
                self.jump(caller, onward)
            else:
                if not caller.fails:
                    self.write_cel(NO_NODE, caller)
                    self.history.callers[caller.uniqueid].missed = True
                caller.fails += 1
                if caller.fails >= self.times.menu_fails + self.times.take_over_fails * (len(self.node_ports) > 1):
                    self.enter_fallback(caller)
                else:
                    self.go_on(caller, self.times.retry_s, lambda: self.ask_menu(caller))
        self._ask(caller, dialplan.MENU_ROUTE, caller.service, take)

    def jump(self, caller: Caller, onward: str) -> None:
        """Go through `[santral-next]`: lead a caller where the node said. An unknown word leads to a person."""
        self.history.note(f"{caller.uniqueid} is led to {onward}")
        if onward == dialplan.HOLD:
            self.enter_hold(caller)
        elif onward in (dialplan.BYE, dialplan.FAREWELL):
            caller.context = CONTEXT_BYE
            self.go_on(caller, self.pick(SENTENCE_S), lambda: self.hang_up(caller, NORMAL, onward))
        elif onward == dialplan.END:
            self.hang_up(caller, NORMAL, onward)
        elif onward == dialplan.MENU:
            self.ask_menu(caller)
        else:
            self.enter_fallback(caller)

    # -- the hold loop -----------------------------------------------------------------------------------------------

    def enter_hold(self, caller: Caller) -> None:
        """Go through `[santral-hold]`, s: ask at once."""
        caller.context, caller.fails = CONTEXT_HOLD, 0
        caller.variables[SHARED_WORDS] = caller.variables[TALK] = ""
        self.ask_tick(caller)

    def begin_hold(self, caller: Caller) -> None:
        """Go through `[santral-hold]`, begun: first the words of the choice, then the round that was said or asked."""
        caller.context = CONTEXT_HOLD
        self.write_cel(f"{HOLD}{caller.variables.get(dialplan.SERVICE, '')}", caller)
        words = caller.variables.get(dialplan.WORDS, "") + caller.variables.get(dialplan.NOTICE_WORDS, "")

        def said() -> None:
            if caller.variables.get(dialplan.FIRST_ROUND_DONE) == "1":
                self._play_round(caller)
            else:
                self.ask_tick(caller)
        self.go_on(caller, self.pick(SENTENCE_S) if words else self.pick(STEP_S), said)

    def return_to_hold(self, caller: Caller) -> None:
        """Go through `[santral-hold]`, returned: the question was asked in the fallback queue."""
        caller.context = CONTEXT_HOLD
        self.write_cel(f"{HOLD}{caller.variables.get(dialplan.SERVICE, '')}", caller)
        self._play_round(caller)

    def _play_round(self, caller: Caller) -> None:
        caller.variables[SHARED_WORDS], caller.fails = "", 0
        said = self.pick(SENTENCE_S) if caller.variables.get(dialplan.SAY) else 0.0
        self.go_on(caller, said + self.times.tick_s, lambda: self.ask_tick(caller))

    def ask_tick(self, caller: Caller) -> None:
        """Ask for one round of the hold loop."""
        def take(onward: str) -> None:
            if onward == dialplan.HOLD:
                self._play_round(caller)
            elif onward:
                self.jump(caller, onward)
            else:
                caller.variables[SHARED_WORDS] = ""
                caller.fails += 1
                if caller.fails < self.times.max_fails:
                    self.go_on(caller, self.times.tick_s, lambda: self.ask_tick(caller))
                else:
                    self.enter_fallback(caller)
        self._ask(caller, dialplan.TICK_ROUTE, "", take)

    # -- the fallback queue ------------------------------------------------------------------------------------------

    def enter_fallback(self, caller: Caller) -> None:
        """Go through `[santral-fallback]`: a sentence, then rounds of app_queue with a question between."""
        caller.context, caller.asked_at = CONTEXT_FALLBACK, 0.0
        self.history.note(f"{caller.uniqueid} enters the fallback queue")
        self.history.callers[caller.uniqueid].missed = True
        caller.variables.setdefault(dialplan.SINCE, f"{int(self.history.wall_time())}.000")
        # A caller who has not chosen yet goes to the usual service.
        service = caller.variables.setdefault(dialplan.SERVICE, self.queues.unknown_service)
        self.write_cel(f"{FALLBACK}{service}", caller)
        self.go_on(caller, self.pick(SENTENCE_S), lambda: self.queues.join(caller))

    def leave_fallback(self, caller: Caller, withdrawn: bool) -> None:
        """Go on after a round of app_queue."""
        if not withdrawn and self.world.now < caller.asked_at + self.times.fallback_ask_s:
            self.go_on(caller, 0.01, lambda: self.queues.join(caller))
            return
        caller.asked_at = self.world.now

        def take(onward: str) -> None:
            if onward == dialplan.HOLD:
                self.return_to_hold(caller)
            elif onward not in ("", dialplan.FALLBACK):
                self.jump(caller, onward)
            else:
                caller.fails += not onward
                self.go_on(caller, 0.01, lambda: self.queues.join(caller))
        self._ask(caller, dialplan.TICK_ROUTE, "", take)

    # -- agents' legs ------------------------------------------------------------------------------------------------

    def originate(self, one: dict[str, str], variables: dict[str, str], epoch: int) -> None:
        """Begin an Originate of a node."""
        seat, uniqueid = one["Channel"].removeprefix("PJSIP/"), one["ChannelId"]
        self.history.note(f"originate {uniqueid} at {seat} in epoch {epoch}")

        def dial() -> None:
            failure = {"Response": "Failure", "Channel": one["Channel"], "Reason": "0", "Uniqueid": uniqueid}
            # A second Originate with the id of a live leg fails with that leg's id.
            if uniqueid in self.channels or not self.phones[seat].reachable:
                self.emit("OriginateResponse", **failure)
                return
            self._count += 1
            leg = Leg(uniqueid, f"{one['Channel']}-{self._count:08x}", one["Context"], seat=seat,
                      offer=int(variables["SC_OFFER"]), epoch=epoch, variables=variables)
            self.ring(leg, float(one["Timeout"]) / 1000, lambda: self.join_caller(leg), failure)
        self.after(self.pick((0.005, 0.03)), dial)

    def ring(self, leg: Leg, ring_s: float, answered: Callable[[], None], failure: dict[str, str] | None = None,
             **dialling: str) -> None:
        """Let a phone ring for a new leg. `failure` is the OriginateResponse of a call that is not answered."""
        phone = self.phones[leg.seat]
        self.channels[leg.uniqueid] = leg
        self.emit("Newchannel", Channel=leg.name, ChannelStateDesc="Down", Uniqueid=leg.uniqueid, Context=leg.context)
        self.emit("DialBegin", DestChannel=leg.name, DestUniqueid=leg.uniqueid, **dialling)
        busy = any(not one.ended for one in phone.legs)
        phone.legs.append(leg)

        def give_up(cause: int) -> None:
            if leg.state == "Up":
                return
            events: list[Callable[[], None]] = [lambda: self.emit(
                "DialEnd", DestChannel=leg.name, DestUniqueid=leg.uniqueid,
                DialStatus="BUSY" if cause == BUSY else "NOANSWER")]
            if failure is not None:
                events.append(lambda: self.emit("OriginateResponse", **failure))
            self._rng.shuffle(events)
            for event in events:
                event()
            self.hang_up(leg, cause, "phone")

        def pick_up() -> None:
            leg.state = "Up"
            self.history.note(f"{leg.seat} answers {leg.uniqueid}")
            events: list[Callable[[], None]] = [
                lambda: self.emit("Newstate", Channel=leg.name, ChannelStateDesc="Up", Uniqueid=leg.uniqueid),
                lambda: self.emit("DialEnd", DestChannel=leg.name, DestUniqueid=leg.uniqueid, DialStatus="ANSWER")]
            if failure is not None:
                events.append(lambda: self.emit("OriginateResponse", Response="Success", Channel=leg.name,
                                                Reason="4", Uniqueid=leg.uniqueid))
            self._rng.shuffle(events)
            for event in events:
                event()
            self.report_phone(leg.seat)
            self.go_on(leg, self.pick(STEP_S), answered)

        if busy:
            self.go_on(leg, self.pick(STEP_S), lambda: give_up(BUSY))
            return

        def show_ringing() -> None:
            leg.state = "Ringing"
            self.emit("Newstate", Channel=leg.name, ChannelStateDesc="Ringing", Uniqueid=leg.uniqueid)
            self.report_phone(leg.seat)
        self.go_on(leg, self.pick((0.01, 0.1)), show_ringing)
        habit = self._rng.random()
        if habit < phone.misses:
            self.go_on(leg, ring_s, lambda: give_up(NO_ANSWER))
        elif habit < phone.misses + phone.declines:
            self.go_on(leg, self._until_answer(phone), lambda: give_up(DECLINED))
        else:
            self.go_on(leg, self._until_answer(phone), pick_up)

    def _until_answer(self, phone: Phone) -> float:
        """Return the time until a person acts: between two rings, so two phones of a caller often act as one."""
        return 0.1 + BEAT_S * round(self.pick(phone.answers_s) / BEAT_S)

    def join_caller(self, leg: Leg) -> None:
        """Go through `[santral-agent]`, s: the caller's words, the fence, the bridge."""
        caller = next((one for one in self.channels.values() if one.name == leg.variables.get("SC_CHAN")), None)
        if not isinstance(caller, Caller):
            self.hang_up(leg, NORMAL, "dialplan")
            return
        left = [int(self.times.words_s * 10)]

        def wait_for_words() -> None:
            if caller.variables.get(SHARED_WORDS) and left[0] and not caller.ended:
                left[0] -= 1
                self.go_on(leg, 0.1, wait_for_words)
                return
            self.go_on(leg, self.pick(STEP_S), pass_fence)

        tries = [FENCE_TRIES]

        def pass_fence() -> None:
            # Legs that came at the same moment look one after the other.
            if self._turns and caller.looked_at is not None and not caller.looked_at.ended:
                self.go_on(leg, TURN_S, pass_fence)
                return
            caller.looked_at = leg
            talk = self.channels.get(caller.variables.get(TALK, ""))
            late = self._fence and int(caller.variables.get(SHARED_OFFER) or 0) > leg.offer
            talks = self._fence and talk is not None and talk is not leg
            if not late and not talks:
                self.go_on(leg, self.pick(STEP_S), take_caller)
                return
            caller.looked_at = None
            if late:
                refuse("late")
            elif tries[0] == 0:
                refuse(f"caller talks by {caller.variables[TALK]}")
            else:
                tries[0] -= 1
                self.go_on(leg, 0.05, pass_fence)

        def take_caller() -> None:
            caller.variables[SHARED_OFFER], caller.variables[TALK] = str(leg.offer), leg.uniqueid
            caller.looked_at = None
            self.go_on(leg, self.pick(STEP_S), begin_talk)

        def begin_talk() -> None:
            if leg.variables.get(ENDED):
                refuse("over")
            else:
                self.bridge(leg, caller)

        def refuse(why: str) -> None:
            self.history.note(f"the fence ends {leg.uniqueid}: {why}")
            self._tell_taken(leg)
        wait_for_words()

    def bridge(self, leg: Leg, caller: Caller) -> None:
        """Take a caller out of any place into a bridge with a leg."""
        if caller.ended:
            self.hang_up(leg, NORMAL, "dialplan")
            return
        # 1. `Bridge()` takes a talking caller out of the talk, whose leg ends.
        if isinstance(other := caller.partner, Leg):
            self._part(caller, f"{TAKEN_BY}{leg.uniqueid} of epoch {leg.epoch}")
            self.hang_up(other, NORMAL, "dialplan")
        # 2. The caller leaves the hold loop, and a question to a node ends.
        self.stop_waiting(caller)
        self._count += 1
        bridge = f"bridge-{self._count}"
        for one, partner in ((caller, leg), (leg, caller)):
            one.bridge, one.partner = bridge, partner
            one.turn += 1
            self.emit("BridgeEnter", BridgeUniqueid=bridge, Channel=one.name, Uniqueid=one.uniqueid)
            self.write_cel("BRIDGE_ENTER", one)
        heard = any(session.wants_events and not session.is_stalled for session in self.managers)
        if not leg.offer:
            self.write_cel(f"{MEMBER}{leg.seat}", leg, caller.uniqueid)
            caller.variables[TALK] = leg.uniqueid
        self.history.begin_talk(caller.uniqueid, leg.seat, leg.offer, not heard)
        # 3. The talk ends when one of the two hangs up.
        ends = caller if caller.ends_talk else leg
        self.go_on(ends, caller.talk_s, lambda: self.hang_up(
            ends, NORMAL, "caller" if ends is caller else "agent"))

    def stop_waiting(self, caller: Caller) -> None:
        """Stop what the dialplan does with a caller."""
        caller.turn += 1
        if caller.question is not None:
            caller.question.abandon()
        self.queues.forget(caller)

    def _part(self, channel: Channel, by: str) -> None:
        """Take both channels of a bridge apart."""
        other = channel.partner
        assert other is not None
        caller = channel if isinstance(channel, Caller) else other
        self.history.end_talk(caller.uniqueid, by)
        for one in (channel, other):
            self.emit("BridgeLeave", BridgeUniqueid=one.bridge, Channel=one.name, Uniqueid=one.uniqueid)
            self.write_cel("BRIDGE_EXIT", one)
            one.bridge, one.partner = "", None
            one.turn += 1

    def hang_up(self, channel: Channel, cause: int, by: str) -> None:
        """End a channel. `by` is who did it: `caller`, `agent`, `phone`, `node` or a part of the dialplan."""
        if channel.ended:
            return
        if by in ("caller", "agent"):
            self.emit("HangupRequest", Channel=channel.name, Uniqueid=channel.uniqueid, Cause=str(cause))
        other = channel.partner
        if other is not None:
            self._part(channel, by)
        channel.ended = True
        self.channels.pop(channel.uniqueid, None)
        if isinstance(channel, Caller):
            if channel.context == CONTEXT_MENU and not channel.fails:
                self.write_cel(find_menu_end(channel), channel)
            self.stop_waiting(channel)
            past = self.history.callers[channel.uniqueid]
            past.ended, past.how = self.world.now, by
            self.history.note(f"{channel.uniqueid} ended by {by}")
        elif isinstance(channel, Leg):
            phone = self.phones[channel.seat]
            phone.legs.remove(channel)
            self.report_phone(channel.seat)
            self.queues.leg_ended(channel)
            self.history.note(f"{channel.uniqueid} ended by {by}, cause {cause}")
        self.emit("Hangup", Channel=channel.name, Uniqueid=channel.uniqueid, Cause=str(cause),
                  ChannelStateDesc=channel.state, Context=channel.context)
        self.write_cel("HANGUP", channel, cause=str(cause))
        self.write_cel("CHAN_END", channel)
        # The other side of the bridge goes on in the dialplan.
        if isinstance(other, Caller):
            self._leave_talk(other, channel)
        elif other is not None:
            self.go_on(other, self.pick(STEP_S), lambda: self.hang_up(other, NORMAL, "dialplan"))

    def _leave_talk(self, caller: Caller, leg: Channel) -> None:
        if isinstance(leg, Leg) and not leg.offer:
            self.go_on(caller, self.pick(STEP_S), lambda: self.hang_up(caller, NORMAL, "fallback"))
        else:
            self.go_on(caller, self.pick(STEP_S), lambda: self.ask_after_talk(caller))

    def ask_after_talk(self, caller: Caller) -> None:
        """Go through `[santral-after-talk]`: the node decides, and without a node it is good-bye."""
        caller.context, caller.variables[TALK] = CONTEXT_AFTER_TALK, ""
        self._ask(caller, dialplan.AFTER_TALK_ROUTE, "", lambda onward: self.end_talk(caller, onward or dialplan.BYE),
                  again=True)

    def end_talk(self, caller: Caller, onward: str) -> None:
        """Lead a caller on after a talk. A served caller goes to good-bye, unless the leading node knows better."""
        talk = self.history.last_talk(caller.uniqueid)
        if onward != dialplan.BYE and talk is not None and talk.by == "agent" \
                and self.history.answered_by_old_epoch(caller.uniqueid):
            self.history.blame("I1", f"{caller.uniqueid} was served, but a node of an old epoch led the caller to "
                                     f"{onward}")
        self.jump(caller, onward)

    def answer_queues(self, name: str, one: dict[str, str]) -> list[list[tuple[str, str]]]:
        """Answer an action about the fallback queues."""
        return self.queues.answer(name, one)

    def redirect(self, channel: Channel, context: str) -> None:
        """Lead a caller into the hold loop, or a leg to the words of a caller that another agent has, by a node."""
        if isinstance(channel, Caller):
            if isinstance(leg := channel.partner, Leg):
                self._part(channel, "node")
                self.hang_up(leg, NORMAL, "dialplan")
            self.stop_waiting(channel)
            self.go_on(channel, self.pick(STEP_S), lambda: self.enter_hold(channel))
        elif isinstance(channel, Leg):
            self._tell_taken(channel)

    def _tell_taken(self, leg: Leg) -> None:
        """Tell an agent that another one has the caller."""
        leg.turn += 1
        self.go_on(leg, self.pick(SENTENCE_S), lambda: self.hang_up(leg, ANSWERED_ELSEWHERE, "dialplan"))
