"""Calls of an hour in which everybody calls, through the shipped centre on the virtual clock, with lines and redials.

The flood is 10 and 50 times 0.55 calls a second, 3 % of them in distress; talks of 180 s, patience of 354 s. A blocked
caller calls again with a share of 80 %. Everybody of the team is on duty. The surge profile of the shipped centre is
measured next to the same centre without it, with 300 and with 1,000 lines, once with a crisis number and once with the
common number alone. The time from the ring to a key is that of the built prompts. The yardstick of help is what the
same counsellors carry if each caller in distress finds a line; that of the others is the same centre with no line kept.
Help is counted within the hour, as for the others: afterwards the lines are free. It differs by a tenth between two
random hours, so it is a sum of `HOURS`.
"""

from __future__ import annotations

from typing import NamedTuple

from bench.row import Row
from ivr.flow.dialogue_machine import OPTION_PAUSE_S
from ivr.flow.menu_model import Menu, MenuFlow, Queue, Speech
from ivr.routes import deflection
from planning.simulation.arrivals import ChanceSettings, Day, generate_arrivals, shares_of
from planning.simulation.centre_run import Duty, run_simulation
from planning.simulation.outcome import RunOutcome
from planning.simulation.trunk_lines import LineFigures, LineRules, TrunkLines
from prompts.prompt_lengths import PromptLengths
from routing.core.model.centre_model import Centre
from routing.core.model.facts import Fact
from routing.core.model.ids import ServiceId
from routing.core.model.talk_facts import Connected
from santral.centre.config import DEFAULT_CENTRE, SOUNDS, NodeConfig, node_config
from santral.centre.surge_values import apply_profile

TAKES_S = 300.0
PROFILE = "quake"
RATE_PER_S = 0.55
"""Calls a second of an ordinary hour."""
DISTRESS_SHARE = 0.03
TIMES = (10, 50)
LINES = (300, 1_000)
HOUR_S, SLOT_S = 3_600.0, 300.0
HOURS = 10
"""Random hours over which the help that counsellors carry is summed."""
TAIL_S = 7_200.0
"""Time on duty after the flood, in which everybody who waits is answered or gives up."""

HELPED, HELPED_ONE_NUMBER = 0.95, 0.93
"""Goals at 10 times: share of people in distress who get help, with a crisis number and without."""
CARRIED = 0.95
"""Goal at 50 times: help given, as a share of what the counsellors carry with a line for each caller."""
OTHERS = {10: 0.85, 50: 0.6}
"""Goals: other callers served, as a share of those whom the same flood gets without any line kept."""


class Flood(NamedTuple):
    """One measured hour."""

    outcome: RunOutcome
    lines: LineFigures
    distress: ServiceId
    in_hour: int
    """People in distress whom a counsellor has answered within the hour."""
    others: int
    """Other callers who were answered within the hour."""

    @property
    def helped(self) -> int:
        """People in distress whom a counsellor has answered."""
        return self.outcome.services[self.distress].answered

    @property
    def share_helped(self) -> float:
        """The same as a share of all people in distress who called."""
        return self.helped / self.lines.people[self.distress]


class SurgeBench:
    """The shipped centre with and without its surge profile."""

    def __init__(self, config: NodeConfig, lengths: PromptLengths) -> None:
        self._config, self._lengths = config, lengths
        self._plain = config.centre
        self._profile = config.settings.surge.profiles[PROFILE]
        self._surge = apply_profile(config.centre, self._profile)
        self._distress = next(service.id for service in config.centre.services if service.distress)

    def run_flood(self, times: int, lines: int, *, crisis_number: bool, profile: bool, kept: bool = True,
                  seed: int = 1) -> Flood:
        """Run the random hour of a seed. Without `kept` no line is kept for anybody."""
        rules = self._line_rules(lines, crisis_number=crisis_number, profile=profile, kept=kept)
        return self._run(self._surge if profile else self._plain, times, rules, self._shares(profile=profile), seed)

    def run_counsellors(self, times: int, seed: int = 1) -> int:
        """Return the people whom the counsellors help within the hour if each caller in distress finds a line."""
        shares = {self._distress: DISTRESS_SHARE, **{name: 0.0 for name in self._shares(profile=True)
                                                     if name != self._distress}}
        flood = self._run(self._surge, times * DISTRESS_SHARE, LineRules(10**6), shares, seed)
        return flood.in_hour

    def share_carried(self, times: int, lines: int, *, crisis_number: bool) -> tuple[float, int]:
        """Return the help given with the profile as a share of what the counsellors carry, and the latter."""
        carried = sum(self.run_counsellors(times, seed) for seed in range(1, HOURS + 1))
        helped = sum(self.run_flood(times, lines, crisis_number=crisis_number, profile=True, seed=seed).in_hour
                     for seed in range(1, HOURS + 1))
        return helped / carried, carried

    def _shares(self, *, profile: bool) -> dict[ServiceId, float]:
        """Return the shares of the services. The menu of the profile leads all others to its shared service."""
        usual = {name: share for name, share in shares_of(self._plain).items() if name != self._distress}
        whole = sum(usual.values())
        others = {name: share / whole for name, share in usual.items()}
        if profile:
            others = {ServiceId(self._profile.shared[0]): 1.0}
        return {self._distress: DISTRESS_SHARE,
                **{name: share * (1.0 - DISTRESS_SHARE) for name, share in others.items()}}

    def _line_rules(self, total: int, *, crisis_number: bool, profile: bool, kept: bool) -> LineRules:
        lines, limit = self._config.settings.lines, self._profile.deflect
        assert lines is not None and limit is not None
        entry = self._profile.entry if profile else next(iter(self._config.settings.numbers.values()))
        times = key_times(self._config.flow, entry, self._lengths)
        own = frozenset({self._distress}) if crisis_number else frozenset[ServiceId]()
        return LineRules(
            total, {ServiceId(name): count for name, count in lines.kept.items()} if kept else {},
            {ServiceId(name): count for name, count in lines.most.items()} if kept else {}, own,
            # A number for distress alone has no menu.
            menu_s={name: 0.0 if name in own else times.get(name, 0.0) for name in self._shares(profile=profile)},
            deflect_waiting=limit.waiting if profile else None, deflect_s=self._deflection_s(),
            distress=frozenset({self._distress}))

    def _deflection_s(self) -> float:
        """Return the time of a deflection in which the caller hears all words and presses nothing."""
        return sum(map(self._lengths.length_s, (deflection.WORDS, deflection.CALLBACK_WORDS))) + deflection.KEY_S

    def _run(self, centre: Centre, times: float, rules: LineRules, shares: dict[ServiceId, float],
             seed: int) -> Flood:
        day = Day("flood", 0.0, SLOT_S, (RATE_PER_S * times * SLOT_S,) * round(HOUR_S / SLOT_S))
        duties = [Duty(agent.id, 0.0, HOUR_S + TAIL_S) for agent in centre.agents]
        lines = TrunkLines(rules)
        helped = others = 0

        def count_answered(facts: list[Fact]) -> None:
            nonlocal helped, others
            for fact in facts:
                # After the hour the lines are free, and everybody who still waits is answered: that says nothing.
                if isinstance(fact, Connected) and fact.at <= HOUR_S:
                    helped += fact.service == self._distress
                    others += fact.service != self._distress

        outcome = run_simulation(centre, generate_arrivals(day, shares, ChanceSettings(seed)), duties, lines=lines,
                                 watch=count_answered)
        return Flood(outcome, lines.close_lines(), self._distress, helped, others)


def key_times(flow: MenuFlow, entry: str, lengths: PromptLengths) -> dict[ServiceId, float]:
    """Return the seconds from the answer to the end of each option's sentence, by the service behind the key.

    A caller presses at the end of the own option. Pauses come between the sentences.
    """
    at, node, found = 0.0, flow.nodes[flow.entries[entry]], dict[ServiceId, float]()
    while isinstance(node, Speech):
        at += sum(map(lengths.length_s, node.say))
        node = flow.nodes[node.then]
    assert isinstance(node, Menu)
    at += sum(lengths.length_s(key) + OPTION_PAUSE_S for key in node.intro)
    for option in node.options:
        at += lengths.length_s(option.say)
        target = flow.nodes[option.then]
        if isinstance(target, Queue):
            found.setdefault(ServiceId(target.service), at)
        at += OPTION_PAUSE_S
    return found


def measure_rows() -> list[Row]:
    """Measure help, waits, others served and lines held for each flood, with the profile and without."""
    bench = SurgeBench(node_config(DEFAULT_CENTRE), PromptLengths.of_folders(SOUNDS))
    rows: list[Row] = []
    for times in TIMES:
        for lines in LINES:
            before = bench.run_flood(times, lines, crisis_number=False, profile=False, kept=False)
            for crisis in (True, False):
                flood, same = (bench.run_flood(times, lines, crisis_number=crisis, profile=profile)
                               for profile in (True, False))
                name = f"surge.x{times}.{lines}.{'crisis' if crisis else 'common'}"
                rows += _flood_rows(name, times, crisis, flood, same, before)
                # At 10 times the counsellors can help everybody.
                if times != TIMES[0]:
                    share, carried = bench.share_carried(times, lines, crisis_number=crisis)
                    rows.append(Row(
                        f"{name}.carried", share, "share", f"{carried} in {HOURS} hours with a line for each caller",
                        None, f">= {CARRIED}", share >= CARRIED))
    return rows


def _flood_rows(name: str, times: int, crisis: bool, flood: Flood, same: Flood,
                before: Flood) -> list[Row]:
    """Return the rows of one flood."""
    # 1. Help. The goal at 10 times is a share of people.
    people = HELPED if crisis else HELPED_ONE_NUMBER
    beside = f"without the profile: {same.share_helped:.3f}, no line kept: {before.share_helped:.3f}"
    rows = [Row(f"{name}.helped", flood.share_helped, "share", beside, flood.share_helped / before.share_helped,
                f">= {people}" if times == TIMES[0] else "",
                flood.share_helped >= people if times == TIMES[0] else None)]
    # 2. Waits of those who got help.
    wait, was = (one.outcome.services[one.distress].wait_percentile(0.95) or 0.0 for one in (flood, same))
    rows.append(Row(f"{name}.wait_p95", wait, "s", f"without the profile: {was:.0f} s", None, "", None))
    # 3. The others, and the lines.
    served = flood.others / before.others
    rows.append(Row(f"{name}.others", served, "share", f"{before.others} with no line kept, {same.others} without the "
                    "profile", None, f">= {OTHERS[times]}", served >= OTHERS[times]))
    held = ", ".join(f"{line_class} {count:.0f}" for line_class, count in sorted(flood.lines.held.items()))
    whole = flood.lines.ended + flood.lines.refused
    rows.append(Row(f"{name}.lines", sum(flood.lines.held.values()), "lines", f"{held}; deflected "
                    f"{sum(flood.lines.deflected.values())}, refused {flood.lines.refused}, words {flood.lines.words}",
                    None, "every call has an end", whole == flood.lines.attempts))
    return rows
