"""Play the situations in which people were left alone, by the shipped engine, and observe them.

`record_stories` writes them down. The files in `recorded/` are of the engine that had these faults, and stay so.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path

from ivr.settings import HoldSettings
from routing.core import events as e
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.commands import Command, DialCaller, Offer
from routing.core.model.errors import Refused
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from tests.callers_side.adapters.watched_engine import WatchedEngine
from tests.callers_side.observations import Seen, write_day

SKILL = SkillId("beceri")
LINE = (Step(((SKILL, 1),)),)
CRISIS = Service(ServiceId("destek"), "Destek", LINE, floor=((SKILL, 1),), distress=True)
USUAL = Service(ServiceId("bilgi"), "Bilgi", LINE, callback_max=1_000)


class Story:
    """A small centre in which all agents serve all lines."""

    def __init__(self, agents: int, profile: Profile = Profile(max_continuous_s=inf),
                 services: tuple[Service, ...] = (CRISIS, USUAL)) -> None:
        self.day: list[Seen] = []
        self.now = 0.0
        self.done: list[Command] = []
        self.engine = WatchedEngine(self.day.append, words=True, settings={USUAL.id: HoldSettings(first="bekleme-ilk")})
        team = tuple(Agent(AgentId(f"a{number}"), ((SKILL, 50),), profile) for number in range(agents))
        self.tell(e.Configured(Centre(services, team)))
        for agent in team:
            self.tell(e.SeatChanged(SeatId(f"s{agent.id}"), True, False))
            self.tell(e.AgentSignedIn(agent.id, SeatId(f"s{agent.id}")))

    def tell(self, event: e.Event, at: float | None = None) -> list[Command]:
        """Tell an event, after the deadlines before it."""
        self.pass_time(self.now if at is None else at)
        done = self.engine.handle(event, self.now)
        self._take(done)
        self.engine.take_facts()
        return done

    def pass_time(self, until: float) -> None:
        """Let the time pass."""
        while (due := self.engine.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self._take(self.engine.tick(self.now))
        self.engine.say_until(until)
        self.now = until
        if self.day and self.day[-1].at < until:
            self.day.append(Seen(until, "own", "porter", "", "out"))

    def _take(self, done: list[Command]) -> None:
        """Keep what was asked for. Each phone rings at once."""
        self.done += done
        for one in done:
            if isinstance(one, Offer):
                self._take(self.engine.handle(e.OfferRinging(one.offer), self.now))

    def calls(self, name: str, line: Service, at: float | None = None) -> list[Offer]:
        """Let a caller ask for a line, and return the offers."""
        done = self.tell(e.ContactQueued(ContactId(name), line.id, f"PJSIP/{name}", caller_hash=f"h{name}"), at)
        return [one for one in done if isinstance(one, Offer)]

    def talks(self, name: str, line: Service, at: float | None = None) -> Offer:
        """Let a caller ask for a line and be connected at once."""
        (offer,) = self.calls(name, line, at)
        self.tell(e.OfferConnected(offer.offer, offer.contact))
        return offer


def absent_counsellor() -> list[Seen]:
    """One of three counsellors is not at the phone, and a person in distress calls."""
    story = Story(3)
    story.calls("A", CRISIS, 10.0)
    story.pass_time(60.0)
    return story.day


def dials_hold_distress() -> list[Seen]:
    """Two agents dial callbacks that nobody answers, and a person in distress calls."""
    story = Story(2)
    story.tell(e.QuietHoursChanged(True), 1.0)
    for name in ("B", "C"):
        story.talks(f"x{name}", USUAL, 2.0)
    for name in ("B", "C"):
        story.calls(name, USUAL, 3.0)
        story.tell(e.CallbackRequested(ContactId(name)))
        story.tell(e.CallerHungUp(ContactId(name)))
    for offer in [one for one in story.done if isinstance(one, Offer)]:
        story.tell(e.TalkEnded(offer.offer, "caller"), 20.0)
    story.pass_time(60.0)
    story.done.clear()
    story.tell(e.QuietHoursChanged(False), 61.0)
    story.pass_time(62.0)
    for offer in [one for one in story.done if isinstance(one, Offer) and one.callback]:
        story.tell(e.CallbackAccepted(offer.offer), 63.0)
    story.calls("A", CRISIS, 64.0)
    story.pass_time(80.0)
    assert any(isinstance(one, DialCaller) for one in story.done)
    return story.day


def break_of_the_only_free() -> list[Seen]:
    """One counsellor is in an hour's talk, and the house sends the other one into a break."""
    story = Story(2, Profile(max_continuous_s=3_600.0))
    story.talks("A", CRISIS, 10.0)
    at = 20.0
    while at < 3_600.0 and not any(one.what == "own" and one.words == "break" for one in story.day):
        offer = story.talks(f"B{at:g}", CRISIS, at)
        story.tell(e.TalkEnded(offer.offer, "caller"), at + 100.0)
        story.pass_time(at + 160.0)
        at += 200.0
    return story.day


def kept_free() -> list[Seen]:
    """All who may serve a caller are kept free for distress."""
    story = Story(3, services=(CRISIS._replace(keep_free=2), USUAL))
    for number in range(60):
        offer = story.talks(f"x{number}", USUAL, story.now + 1.0)
        story.tell(e.TalkEnded(offer.offer, "caller"), story.now + 25.0)
        story.tell(e.WrapUpEnded(offer.agent))
    story.tell(e.AgentSignedOut(AgentId("a2")), story.now + 30.0)
    story.calls("A", USUAL, story.now + 30.0)
    story.pass_time(story.now + 400.0)
    return story.day


def night_of_callbacks() -> list[Seen]:
    """Quiet hours end, and callbacks of the night wait for four agents."""
    story = Story(4)
    for number in range(4):
        story.talks(f"x{number}", USUAL, 1.0)
    story.tell(e.QuietHoursChanged(True), 2.0)
    for number in range(6):
        story.calls(f"n{number}", USUAL, 3.0)
        story.tell(e.CallbackRequested(ContactId(f"n{number}")))
        story.tell(e.CallerHungUp(ContactId(f"n{number}")))
    for offer in [one for one in story.done if isinstance(one, Offer)]:
        story.tell(e.TalkEnded(offer.offer, "caller"), 20.0)
    story.pass_time(60.0)
    story.tell(e.QuietHoursChanged(False), 61.0)
    story.pass_time(70.0)
    return story.day


def supervisors_slip() -> list[Seen]:
    """A supervisor moves a caller who has waited long into the crisis line, by one press."""
    story = Story(1)
    story.talks("X", USUAL, 1.0)
    story.calls("A", USUAL, 2.0)
    with suppress(Refused):
        story.tell(e.MoveRequested(ContactId("A"), CRISIS.id, by="amir"), 100.0)
    with suppress(Refused):
        story.tell(e.MoveRequested(ContactId("A"), USUAL.id, by="amir"), 103.0)
    return story.day


def long_told_wait() -> list[Seen]:
    """A caller is told a wait, and the talk before lasts much longer than usual."""
    story = Story(4)
    talks = [story.talks(f"x{number}", USUAL, 1.0 + number) for number in range(4)]
    for round_ in range(40):
        for number, offer in enumerate(talks):
            story.tell(e.TalkEnded(offer.offer, "caller"), story.now + 25.0)
            story.tell(e.WrapUpEnded(offer.agent))
            talks[number] = story.talks(f"y{round_}-{number}", USUAL)
    story.calls("A", USUAL)
    story.calls("B", USUAL)
    story.pass_time(story.now + 1_200.0)
    return story.day


def withdrawn_caller() -> list[Seen]:
    """A supervisor says good-bye to a caller who stays on the line, and the next one is told a place."""
    story = Story(1)
    story.talks("X", USUAL, 1.0)
    story.calls("A", USUAL, 5.0)
    story.tell(e.WithdrawalRequested(ContactId("A"), by="amir"), 6.0)
    story.calls("B", USUAL, 7.0)
    story.pass_time(60.0)
    return story.day


def link_is_down() -> list[Seen]:
    """The link to Asterisk is lost while callers wait."""
    story = Story(4)
    talks = [story.talks(f"x{number}", USUAL, 1.0 + number) for number in range(4)]
    for round_ in range(40):
        for number, offer in enumerate(talks):
            story.tell(e.TalkEnded(offer.offer, "caller"), story.now + 25.0)
            story.tell(e.WrapUpEnded(offer.agent))
            talks[number] = story.talks(f"y{round_}-{number}", USUAL)
    story.calls("A", USUAL)
    story.tell(e.LinkChanged("", False))
    story.pass_time(story.now + 40.0)
    return story.day


STORIES: dict[str, tuple[Callable[[], list[Seen]], str]] = {
    "absent-counsellor": (absent_counsellor, "one_phone_never_holds_distress"),
    "dials-hold-distress": (dials_hold_distress, "no_dial_holds_distress"),
    "break-of-the-only-free": (break_of_the_only_free, "no_break_takes_the_only_free_counsellor"),
    "kept-free": (kept_free, "nobody_unserved_is_told_a_wait"),
    "night-of-callbacks": (night_of_callbacks, "a_callback_of_the_night_leaves_somebody_ready"),
    "supervisors-slip": (supervisors_slip, "a_slip_into_a_crisis_line_is_asked_and_undone"),
    "long-told-wait": (long_told_wait, "a_told_wait_is_kept_or_told_anew"),
    "withdrawn-caller": (withdrawn_caller, "a_told_place_counts_people_who_wait"),
    "link-is-down": (link_is_down, "no_wait_is_told_while_nobody_can_be_connected"),
}
"""Each story with the invariant that it broke."""


def record_stories(folder: Path) -> None:
    """Write each story as a file."""
    for name, (play, _) in STORIES.items():
        write_day(folder / f"{name}.jsonl", play())
