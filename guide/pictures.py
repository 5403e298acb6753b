"""Pictures of the documentation, drawn from the engine's own tables, its answers and exact values, never by hand.

`make pictures` writes them. A test draws them again and compares every byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from drawing import chart
from guide import examples, story, timeline
from ivr.cli import draw_menu
from planning import options
from planning.simulation import duty_plan
from planning.simulation.arrivals import DEFAULT_DAY, ChanceSettings, generate_arrivals, shares_of
from planning.simulation.centre_run import Duty, run_simulation
from planning.simulation.outcome import SLOT_S, RunOutcome
from planning.simulation.report import chart_point, format_seconds, format_share
from planning.simulation.study import fit_factor, to_row
from planning.staffing.coverage import presence_by_slot
from planning.staffing.requirement import ServiceGoal, plan_by_erlang
from planning.theory.erlang import ErlangQueue
from routing.core import events
from routing.core.engine import Engine
from routing.core.matching.agent_pool import MINUTE_S
from routing.core.model.centre_model import Agent, Centre, DistressLimit, Service, Step
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from santral.centre.config import DEFAULT_CENTRE

MINUTE = chart.Axis("Minutes", chart.format_plain)
HANDLE_S = 240.0
PATIENCE_S = 300.0


def draw_documentation(
    out: Annotated[Path, typer.Option("--out", help="Folder of the pictures.")] = Path("docs/pictures"),
    page: Annotated[Path, typer.Option("--page", help="The page whose worked examples are drawn.")]
    = Path("docs/develop/routing.md"),
) -> None:
    """Draw the pictures of the documentation, and remove those that are no longer drawn."""
    # Only this command needs the whole product, so the import stands here.
    from santral.cli import centre_of, menu_of

    with options.exit_on_error():
        drawn = draw_pictures(centre_of(DEFAULT_CENTRE), page.read_text(encoding="utf-8"))
    drawn["menu.svg"] = draw_menu(menu_of(DEFAULT_CENTRE), chart.svg_document)
    out.mkdir(parents=True, exist_ok=True)
    for path in out.glob("*.svg"):
        if path.name not in drawn:
            path.unlink()
    for name, text in drawn.items():
        options.write_file(out / name, text)
    typer.echo(f"{len(drawn)} pictures in {out}")


def draw_pictures(centre: Centre, page: str) -> dict[str, str]:
    """Return every picture by its file name."""
    one: dict[str, Callable[[], str]] = {
        "age": _draw_age, "load": _draw_load, "erlang": _draw_erlang, "pooling": _draw_pooling,
        "expected": _draw_expected_wait,
        "staff": lambda: _draw_staff(centre),
    }
    found = {f"{name}.svg": make() for name, make in one.items()}
    found |= {f"example-{example.name}.svg": timeline.draw_timeline(example.title, story.read_story(example.story))
              for example in examples.find_examples(page) if example.story}
    found.update(_draw_day(centre))
    return found


def _draw_age() -> str:
    """Draw the age of contacts, by the engine's own sort key."""
    def age_line(service: Service, points: int) -> list[tuple[float, float]]:
        key = -MINUTE_S * (service.priority + points)
        return [(minute, (minute * 60.0 * service.weight - key) / 60.0) for minute in (0.0, 10.0)]

    usual = Service(ServiceId("s"), "", (Step(()),))
    return chart.draw_lines(
        "Age decides: a minute a minute, a minute a point, times the weight",
        "Four straight lines over ten minutes of waiting; the highest one is served first.",
        MINUTE._replace(name="Minutes of waiting", low=0.0, high=10.0), chart.Axis("Age in minutes"),
        [chart.Series("usual: weight 1, no points", age_line(usual, 0)),
         chart.Series("5 points: five minutes older from the beginning", age_line(usual._replace(priority=5), 0)),
         chart.Series("weight 2: twice as old as the wait", age_line(usual._replace(weight=2.0), 0)),
         chart.Series("weight 0.5: half as old", age_line(usual._replace(weight=0.5), 0))], alone=True)


def _draw_load() -> str:
    contacts, limits = ((0, 3), (20, 5), (45, 3), (150, 3)), DistressLimit()
    half_life_s = Centre((), ()).load_half_life_s

    def load_at(minute: float) -> float:
        return float(sum(weight * 2.0 ** ((at - minute) * 60.0 / half_life_s)
                         for at, weight in contacts if at <= minute))

    points = []
    for minute in range(301):
        if any(at == minute for at, _ in contacts) and minute:
            points.append((float(minute), load_at(minute - 1e-6)))
        points.append((float(minute), load_at(minute)))
    return chart.draw_lines(
        "Distress load of an agent", f"Contacts of weight 3, 5, 3 and 3 after 0, 20, 45 and 150 minutes; the load "
        f"jumps with each and halves every {half_life_s / 60:.0f} minutes.",
        MINUTE._replace(low=0.0, high=300.0, step=30.0), chart.Axis("Load", low=0.0, high=12.0),
        [chart.Series("load: contacts of weight 3, 5, 3 and 3 after 0, 20, 45 and 150 minutes", points),
         chart.Series(f"soft limit ({limits.soft:g}): heavy contacts only when nobody else is free; below it again "
                      "after the hard limit", [(0.0, limits.soft), (300.0, limits.soft)]),
         chart.Series(f"hard limit ({limits.hard:g}): no heavy contacts", [(0.0, limits.hard), (300.0, limits.hard)])],
        alone=True)


def _draw_erlang() -> str:
    load, agents = 40.0, range(36, 56)

    def level_line(patience_s: float) -> list[tuple[float, float]]:
        return [(float(number), ErlangQueue(load / HANDLE_S, HANDLE_S, number, patience_s).service_level(20.0))
                for number in agents]

    return chart.draw_lines(
        "Service level by Erlang C and Erlang A", f"{load:.0f} Erlang, handle time {HANDLE_S:.0f} s, answered within "
        "20 s; with Erlang C nobody gives up, with Erlang A after a mean of 300 s.",
        chart.Axis("Agents", low=36.0, high=55.0), chart.Axis("Answered within 20 s", chart.format_percent, 0.0, 1.0),
        [chart.Series("Erlang C: nobody gives up", level_line(inf)),
         chart.Series(f"Erlang A: callers give up after {PATIENCE_S:.0f} s on average", level_line(PATIENCE_S)),
         chart.Series("80 %", [(36.0, 0.8), (55.0, 0.8)])], alone=True)


def _draw_pooling() -> str:
    from bench.harness.product_form import (  # loads numpy, which no other command needs
        AgentPool,
        CallerType,
        PoolSystem,
        solve_system,
    )

    loads = (0.80, 0.85, 0.88, 0.90, 0.92, 0.94, 0.95, 0.96)
    number, parts = 180, 3

    def ring_wait_s(rho: float) -> float:
        rate = rho * number / HANDLE_S / parts
        system = PoolSystem(tuple(AgentPool(number // parts, HANDLE_S) for _ in range(parts)),
                            (CallerType(rate, (0, 2)), CallerType(rate, (0, 1)), CallerType(rate, (1, 2))))
        return solve_system(system, types=(0,)).types[0].mean_wait_s

    def pool_line(agents: int) -> list[tuple[float, float]]:
        return [(rho, ErlangQueue(rho * agents / HANDLE_S, HANDLE_S, agents).mean_wait_s()) for rho in loads]

    return chart.draw_lines(
        "Mean wait of 180 agents with all skills, two of three, one of three",
        "Two skills for each agent are nearly as good as all; separate queues are several times worse.",
        chart.Axis("Load: share of the agents' time", chart.format_percent, 0.8, 0.96),
        chart.Axis("Mean wait, seconds"),
        [chart.Series("every agent has all three skills (Erlang C)", pool_line(number)),
         chart.Series("every agent has two of three skills (product form)", [(rho, ring_wait_s(rho)) for rho in loads]),
         chart.Series("three separate queues of 60 (Erlang C)", pool_line(number // parts))], alone=True)


def _draw_expected_wait() -> str:
    """Draw the engine's own estimates for callers of a full centre with twenty agents."""
    agents, skill, service = 20, SkillId("x"), ServiceId("x")
    engine = Engine()
    engine.handle(events.Configured(Centre(
        (Service(service, "", (Step(((skill, 1),)),)),),
        tuple(Agent(AgentId(f"a{number}"), ((skill, 50),)) for number in range(agents)))), 0.0)
    for number in range(agents):
        seat = SeatId(f"s{number}")
        engine.handle(events.SeatChanged(seat, True, False), 0.0)
        engine.handle(events.AgentSignedIn(AgentId(f"a{number}"), seat), 0.0)
    for number in range(agents):
        engine.handle(events.ContactQueued(ContactId(f"t{number}"), service), 0.0)
    low: list[tuple[float, float]] = []
    middle: list[tuple[float, float]] = []
    high: list[tuple[float, float]] = []
    for place in range(1, 41):
        engine.handle(events.ContactQueued(ContactId(f"w{place}"), service), 1.0)
        view = engine.contact_view(ContactId(f"w{place}"), 1.0)
        assert view is not None and view.estimate is not None
        for points, value in ((low, view.estimate.low_s), (middle, view.estimate.wait_s), (high, view.estimate.high_s)):
            points.append((float(place), value))
    return chart.draw_lines(
        "Expected wait by the place in line, 20 agents, nothing learned yet",
        "Median and the bounds between which 80 of 100 waits end, growing with the place.",
        chart.Axis("Place in line", low=1.0, high=40.0), chart.Axis("Seconds"),
        [chart.Series("nine of ten wait less", high), chart.Series("half wait less", middle),
         chart.Series("one of ten waits less", low)], alone=True)


def _curve_factor(centre: Centre, there: Sequence[Duty]) -> float:
    return fit_factor(DEFAULT_DAY, centre, there, shares_of(centre))


def _draw_day(centre: Centre) -> Mapping[str, str]:
    """Draw the results of `santral simulate` for the default centre with the first seed."""
    there, shares = duty_plan.plan_shifts(centre), shares_of(centre)
    outcome = run_simulation(centre, generate_arrivals(DEFAULT_DAY.scale_counts(_curve_factor(centre, there)), shares,
                                                       ChanceSettings(1)), there)
    axis = chart.Axis("Time of day", chart.format_clock, DEFAULT_DAY.start_s, DEFAULT_DAY.end_s, 7200.0)
    return {"day-level.svg": chart.draw_lines(
        "Service level by half hour, a simulated day", f"Over the day {format_share(outcome.total.service_level())}.",
        axis, chart.Axis("Within target", chart.format_percent, 0.0, 1.0),
        [chart.Series(name, _slot_points(outcome, service, "service_level"))
         for service, name in outcome.names.items()],
        alone=True)} | {"day-waits.svg": chart.draw_lines(
            "Waiting over a simulated day", f"Mean {format_seconds(outcome.total.asa_s, 1)} s.", axis,
            chart.Axis("Seconds"),
            [chart.Series("mean wait", _slot_points(outcome, None, "asa_s")),
             chart.Series("95 of 100 wait less", _slot_points(outcome, None, "p95_s"))], alone=True)}


def _slot_points(outcome: RunOutcome, service: ServiceId | None, value: str) -> list[tuple[float, float]]:
    return [chart_point((slot + 0.5) * SLOT_S, to_row(figures)[value])
            for slot, figures in outcome.figures_by_slot(service).items() if figures.offered]


def _draw_staff(centre: Centre) -> str:
    """Draw the results of `santral staff --runs 0` for the default centre."""
    there, shares = duty_plan.plan_shifts(centre), shares_of(centre)
    day = DEFAULT_DAY.scale_counts(_curve_factor(centre, there))
    plan = plan_by_erlang(day, shares, {service.id: ServiceGoal(service.target_share, service.target_s)
                                        for service in centre.services}, {})
    totals, slots = plan.scheduled_by_slot(), sorted(plan.pooled)
    duty = [sum(one.by_skills.values()) for one in presence_by_slot(centre, there)]

    def step_line(values: Callable[[int], float]) -> list[tuple[float, float]]:
        return [corner for slot in slots for corner in ((slot * SLOT_S, values(slot)), ((slot + 1) * SLOT_S,
                                                                                        values(slot)))]

    return chart.draw_lines(
        "Agents for the target by Erlang A, and on duty", "Steps by half hour.",
        chart.Axis("Time of day", chart.format_clock, slots[0] * SLOT_S, (slots[-1] + 1) * SLOT_S, 7200.0),
        chart.Axis("Agents"),
        [chart.Series("separate agents for each service", step_line(lambda slot: totals[slot])),
         chart.Series("one pool of agents with all skills", step_line(lambda slot: plan.pooled[slot])),
         chart.Series("on duty", step_line(lambda slot: duty[slot]))], alone=True)


if __name__ == "__main__":
    typer.run(draw_documentation)
