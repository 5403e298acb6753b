"""Error of the expected waits, compared with app_queue's `(old * 3 + new) / 4` on the same simulated days.

Whole days run on the shipped engine and the virtual clock, with ramp up and down. A team of 180 agents with several
skills serves five services at three loads, and a small team of 24 serves one.

Both estimate the wait of the same callers: those who found nobody free and were answered later. app_queue tells the
hold time of its queue, which every answered caller moves in whole seconds (`recalc_holdtime` of app_queue.c). Santral
tells its estimate at entry. The measure is the mean absolute error. A stronger yardstick than app_queue is shown as
well: the wait of the last caller who had to wait (LES of Ibrahim and Whitt, M&SOM 11(3), 2009).

No estimate is perfect. The first caller in the queue of one agent waits an exponential time. The best estimate of it is
wrong by 0.69 of its mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from bench.row import Row
from ivr.hold.expected_wait import words_for as words_of
from planning.simulation.arrivals import DEFAULT_DAY, CallProfile, ChanceSettings, Day, generate_arrivals
from planning.simulation.centre_run import Duty, run_simulation
from planning.simulation.duty_plan import plan_shifts
from planning.simulation.study import PEAK_LOAD, fit_factor
from routing.core.model.centre_model import Agent, Centre, Estimate, Profile, Service, Step
from routing.core.model.facts import Ended, Fact, Moved, Queued
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from routing.core.model.talk_facts import Connected

TAKES_S = 15.0
SEEDS = (1, 2, 3)
BETTER = 0.7
"""Largest ratio to app_queue's error: better by 30 %."""
HELD_MIN = 80
"""Waits of 100 that should be within the interval."""
TRUE_MIN = 95
"""Phrases of 100 that callers hear and that should be true (`ivr.hold.expected_wait`)."""
ANSWER_S = 3.0

NAMES = ("psikososyal", "uzaktan_egitim", "ihbar_sikayet", "gorus_oneri", "temsilci")
SHARES = dict(zip(map(ServiceId, NAMES), (0.04, 0.3, 0.2, 0.1, 0.36), strict=True))
KINDS = {ServiceId("psikososyal"): CallProfile(600.0, 480.0, 900.0),
         ServiceId("uzaktan_egitim"): CallProfile(240.0, 200.0),
         ServiceId("ihbar_sikayet"): CallProfile(300.0, 240.0), ServiceId("gorus_oneri"): CallProfile(180.0, 150.0)}
"""Services that are missing here have the usual profile (`planning.simulation.arrivals.USUAL`)."""


class DayCase(NamedTuple):
    """A day of a centre."""

    name: str
    centre: Centre
    duties: tuple[Duty, ...]
    shares: dict[ServiceId, float]
    load: float
    """Load of the busiest half hour: the share of the time on duty that is talk and wrap-up. Above 1 the queue
    grows."""


class WaitPromise(NamedTuple):
    """A wait that was estimated for a caller, and the real one, in seconds."""

    service: ServiceId
    wait_s: float
    estimate: Estimate
    hold_s: int
    """Estimate of app_queue."""
    last_s: float
    """Wait of the last caller who had to wait."""

    @property
    def within(self) -> bool:
        """Whether the wait is within the interval."""
        return self.estimate.low_s <= self.wait_s <= self.estimate.high_s


class PromiseWatch:
    """Watch a simulated day and pair each estimate with the real wait."""

    def __init__(self) -> None:
        self.hold: dict[ServiceId, int] = {}
        self.last: dict[ServiceId, float] = {}
        self.waiting: dict[ContactId, tuple[float, Estimate | None, int, float]] = {}
        """Arrival of a contact, with the three estimates at that time."""
        self.promises: list[WaitPromise] = []

    def __call__(self, facts: list[Fact]) -> None:
        """Take the next facts of a day."""
        for fact in facts:
            if isinstance(fact, Queued):
                self.waiting[fact.contact] = (fact.at, fact.estimate, self.hold.get(fact.service, 0),
                                              self.last.get(fact.service, 0.0))
            elif isinstance(fact, Connected):
                self._note_answer(fact)
            elif isinstance(fact, Ended | Moved):
                self.waiting.pop(fact.contact, None)

    def _note_answer(self, fact: Connected) -> None:
        service, waiting = fact.service, self.waiting.pop(fact.contact, None)
        if waiting is None:
            return
        came, estimate, hold_s, last_s = waiting
        wait_s = fact.at - came
        if estimate is not None:
            self.promises.append(WaitPromise(service, wait_s, estimate, hold_s, last_s))
            self.last[service] = wait_s
        self.hold[service] = (self.hold.get(service, 0) * 3 + int(wait_s)) >> 2


def ministry_centre() -> Centre:
    """Build a centre of 180 agents who all take general calls.

    18 of them are counsellors, and the others know one or two services more.
    """
    services = tuple(Service(
        ServiceId(name), name, (Step(((SkillId(name), 60),), 20.0), Step(((SkillId(name), 30),)))[name == "temsilci":],
        priority=5 if name == "psikososyal" else 0, distress=name == "psikososyal") for name in NAMES)
    agents = []
    for number in range(180):
        if number % 10 == 0:
            skills = [("psikososyal", 80), ("temsilci", 40)]
        else:
            first, second = NAMES[1 + number % 3], NAMES[1 + (number // 3) % 3]
            skills = list({second: 35, first: 80, "temsilci": 50}.items())
        agents.append(Agent(AgentId(f"a{number}"), tuple((SkillId(name), level) for name, level in skills),
                            Profile(wrapup_s=15.0), team="danisman" if number % 10 == 0 else "genel"))
    return Centre(services, tuple(agents))


def small_centre() -> Centre:
    """Build a centre of 24 agents and one service."""
    service = Service(ServiceId("temsilci"), "Temsilci", (Step(((SkillId("temsilci"), 1),)),))
    return Centre((service,), tuple(Agent(AgentId(f"a{number}"), ((SkillId("temsilci"), 50),), Profile(wrapup_s=15.0))
                                    for number in range(24)))


def all_cases() -> list[DayCase]:
    """Return all days."""
    many, few = ministry_centre(), small_centre()
    duties = tuple(plan_shifts(many))
    found = [DayCase(f"ministry.{round(100 * load)}", many, duties, SHARES, load) for load in (0.85, 1.0, 1.15)]
    return [*found, DayCase("small.95", few, tuple(plan_shifts(few)), {ServiceId("temsilci"): 1.0}, 0.95)]


def measure_promises(case: DayCase, seeds: Sequence[int] = SEEDS, day: Day = DEFAULT_DAY) -> list[WaitPromise]:
    """Return every estimate of a day, for each seed."""
    kinds = {name: kind for name, kind in KINDS.items() if name in case.shares}
    curve = day.scale_counts(fit_factor(day, case.centre, case.duties, case.shares, kinds) * case.load / PEAK_LOAD)
    found: list[WaitPromise] = []
    for seed in seeds:
        watch = PromiseWatch()
        run_simulation(case.centre, generate_arrivals(curve, case.shares, ChanceSettings(seed, dispersion=1.6), kinds),
                       case.duties, answer_s=ANSWER_S, watch=watch)
        found += watch.promises
    return found


def mean_errors(told: Sequence[WaitPromise]) -> tuple[float, float, float]:
    """Return the mean absolute error of the engine, of app_queue and of the last wait."""
    return (fmean(abs(one.estimate.wait_s - one.wait_s) for one in told),
            fmean(abs(one.hold_s - one.wait_s) for one in told), fmean(abs(one.last_s - one.wait_s) for one in told))


def _wording_rows(name: str, told: Sequence[WaitPromise]) -> list[Row]:
    """Return rows for the share of callers who hear their wait in words, and for the share of true words."""
    found = [(words, one.wait_s) for one in told if (words := words_of(one.estimate)) is not None]
    true = 100 * sum(words.claim_s[0] <= wait_s <= words.claim_s[1] for words, wait_s in found) / len(found)
    late = 100 * sum(wait_s > words.until_s for words, wait_s in found) / len(found)
    said = 100 * len(found) / len(told)
    return [Row(f"{name}.said", said, "%", "all who wait; to the others only the place", None, "", None),
            Row(f"{name}.true", true, "%", f"{late:.1f} % waited longer than was said", None, f">= {TRUE_MIN} %",
                true >= TRUE_MIN)]


def measure_rows() -> list[Row]:
    """Measure for each day the error against app_queue and the last wait, and the waits within the interval."""
    found = []
    for case in all_cases():
        told = measure_promises(case)
        ours, theirs, last = mean_errors(told)
        within = 100 * sum(one.within for one in told) / len(told)
        mean_s, name = fmean(one.wait_s for one in told), f"estimate.{case.name}"
        found += [
            Row(f"{name}.error", ours, "s", f"app_queue {theirs:.1f} s; {len(told)} waits, mean {mean_s:.0f} s",
                ours / theirs, f"<= {BETTER:g}x", ours <= BETTER * theirs),
            Row(f"{name}.last_wait", ours, "s", f"the last wait {last:.1f} s", ours / last, "", None),
            Row(f"{name}.within", within, "%", f"meant: {HELD_MIN} %", None, "", None),
            *_wording_rows(name, told),
        ]
    return found
