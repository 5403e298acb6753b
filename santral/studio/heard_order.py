"""Count how often callers hear each sentence of a centre, from its records or from a simulated hour.

The menu is walked by the way to each service. The sentences of a wait come from the code that chooses them for real
callers, with the position and the wait of each contact.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ivr.flow.menu_model import Digits, Language, Menu, MenuFlow, Message, Queue, Speech, leaf_prompts
from ivr.hold.hold_script import HoldMemory, choose_sentences
from ivr.settings import DEFAULT_HOLD, IvrSettings
from planning.errors import PlanningError
from planning.options import read_duties
from planning.simulation.arrivals import DEFAULT_DAY, HOUR_S, generate_arrivals, shares_of
from planning.simulation.centre_run import run_simulation
from planning.simulation.study import fit_factor
from prompts.text_reader import WHISPER
from routing.core.inbox import ContactView
from routing.core.model.centre_model import Centre, Channel, ContactState, Estimate
from routing.core.model.facts import Ended, Fact, Queued
from routing.core.model.ids import ContactId
from routing.core.model.talk_facts import Connected

PEAK_HOUR = 10
"""Hour of the simulated day. A typical weekday has its most calls here."""
WAIT_MAX_S = 1800.0
"""Longest wait that is followed. A caller hears nothing new after half an hour."""
CONTACTS_MAX = 20_000
"""Contacts that are counted. More change no place in the order."""


class Waited(NamedTuple):
    """The wait of one contact."""

    queued: Queued
    wait_s: float
    answered: bool


def fold_waits(facts: Iterable[Fact]) -> Iterator[Waited]:
    """Yield the wait of each contact that was answered or ended."""
    waiting: dict[ContactId, Queued] = {}
    for fact in facts:
        if isinstance(fact, Queued):
            if fact.channel is Channel.VOICE:
                waiting[fact.contact] = fact
        elif isinstance(fact, Connected | Ended) and (queued := waiting.pop(fact.contact, None)) is not None:
            yield Waited(queued, fact.wait_s, isinstance(fact, Connected))


def simulate_waits(centre: Centre) -> list[Waited]:
    """Return the waits of a typical busy hour with this team, or none if nobody takes calls then."""
    facts: list[Fact] = []
    try:
        duties, shares = read_duties(centre, None, False), shares_of(centre)
        day = DEFAULT_DAY.scale_counts(fit_factor(DEFAULT_DAY, centre, duties, shares))
        begin = PEAK_HOUR * HOUR_S
        arrivals = [one for one in generate_arrivals(day, shares) if begin <= one.at < begin + HOUR_S]
        run_simulation(centre, arrivals, duties, watch=facts.extend)
    except PlanningError:
        return []
    return list(fold_waits(facts))


def count_heard(flow: MenuFlow, settings: IvrSettings, tick_s: float, waits: Iterable[Waited]) -> Counter[str]:
    """Return how often each prompt is heard by these contacts."""
    heard: Counter[str] = Counter()
    ways = menu_ways(flow)
    for number, one in enumerate(waits):
        if number >= CONTACTS_MAX:
            break
        service = one.queued.service
        heard.update(ways.get(service, ()))
        if service in settings.recorded and flow.notice:
            heard[flow.notice] += 1
        heard.update(_sentences_of_wait(one, settings, tick_s))
        if one.answered:
            heard[WHISPER + service] += 1
    return heard


def menu_ways(flow: MenuFlow) -> Mapping[str, tuple[str, ...]]:
    """Return what callers hear on the shortest way to each service, from the first entry that leads there.

    A caller hears the options of a menu up to the chosen one.
    """
    found: dict[str, tuple[str, ...]] = {}
    for start in flow.entries.values():
        seen = {start}
        open_ways: deque[tuple[str, tuple[str, ...]]] = deque([(start, ())])
        while open_ways:
            name, said = open_ways.popleft()
            for then, more in _go_on(flow, name):
                if then not in seen:
                    seen.add(then)
                    open_ways.append((then, (*said, *more)))
            node = flow.nodes[name]
            if isinstance(node, Queue):
                found.setdefault(node.service, (*said, *leaf_prompts(node)))
    return found


def _go_on(flow: MenuFlow, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each next node with the prompts that are heard before it."""
    match flow.nodes[name]:
        case Speech() as node:
            yield node.then, node.say
        case Language() as node:
            yield node.then, ()
        case Digits() | Message() as node:
            yield node.then, node.say
        case Menu() as node:
            heard = node.intro
            for option in node.options:
                heard = (*heard, option.say)
                yield option.then, (*heard, option.confirm)
        case _:
            return


def _sentences_of_wait(one: Waited, settings: IvrSettings, tick_s: float) -> Iterator[str]:
    """Yield what a caller hears while waiting, round by round. The position falls evenly."""
    queued, wait_s = one.queued, min(one.wait_s, WAIT_MAX_S)
    hold, memory = settings.waits.get(queued.service, DEFAULT_HOLD), HoldMemory(known=True)
    at = 0.0
    while at < wait_s:
        left = 1.0 - at / one.wait_s
        place = max(1, round(queued.position * left))
        view = ContactView(queued.contact, queued.service, queued.channel, ContactState.PENDING, place, place, at, None,
                           None, slow=False, estimate=_remaining(queued.estimate, at))
        yield from choose_sentences(memory, view, hold, at, place_s=settings.place_s, comfort_s=settings.comfort_s)
        at += tick_s


def _remaining(estimate: Estimate | None, waited_s: float) -> Estimate | None:
    return None if estimate is None else Estimate(*(max(0.0, value - waited_s) for value in estimate))
