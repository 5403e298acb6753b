"""The pictures of the documentation: drawn from the engine's own tables, its own answers and exact values, never by
hand. `make pictures` writes them; a test draws them again and compares every byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from drawing import chart
from planning import cli, duties, guide, story, timeline
from planning.arrivals import DEFAULT_DAY, Chance, generate, shares_of
from planning.coverage import presence
from planning.erlang import Queue
from planning.house import Duty, run
from planning.outcome import SLOT_S, Outcome
from planning.report import point, seconds, share
from planning.simulate import fitted, row
from planning.staffing import Goal, by_erlang
from routing.core import events
from routing.core.engine import Engine
from routing.core.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.core.model import Agent, Centre, DistressLimit, Service, Step
from routing.core.pool import MINUTE_S

MINUTE = chart.Axis("Minutes", chart.plain)
HANDLE_S = 240.0
PATIENCE_S = 300.0


def mount(app: typer.Typer, read_centre: cli.ReadCentre, default_centre: Path, draw_others: cli.DrawOthers) -> None:
    """Add the command, for developers: it is not shown."""

    @app.command("pictures", hidden=True)
    def pictures(
        out: Annotated[Path, typer.Option("--out", help="Folder of the pictures.")] = Path("docs/pictures"),
        page: Annotated[Path, typer.Option("--page", help="The page whose worked examples are drawn.")]
        = Path("docs/develop/routing.md"),
    ) -> None:
        """Draw the pictures of the documentation; those that are drawn no more are removed."""
        with cli.told():
            drawn = draw(read_centre(default_centre), page.read_text(encoding="utf-8")) | draw_others()
        out.mkdir(parents=True, exist_ok=True)
        for path in out.glob("*.svg"):
            if path.name not in drawn:
                path.unlink()
        for name, text in drawn.items():
            cli.write(out / name, text)
        typer.echo(f"{len(drawn)} pictures in {out}")


def draw(centre: Centre, page: str) -> dict[str, str]:
    """Every picture by the name of its file."""
    one: dict[str, Callable[[], str]] = {
        "age": _age, "load": _load, "erlang": _erlang, "pooling": _pooling, "expected": _expected,
        "staff": lambda: _staff(centre),
    }
    found = {f"{name}.svg": make() for name, make in one.items()}
    found |= {f"example-{example.name}.svg": timeline.picture(example.title, story.read(example.story))
              for example in guide.examples(page) if example.story}
    found.update(_day(centre))
    return found


def _age() -> str:
    """By the engine's own key of a line."""
    def age(service: Service, points: int) -> list[tuple[float, float]]:
        key = -MINUTE_S * (service.priority + points)
        return [(minute, (minute * 60.0 * service.weight - key) / 60.0) for minute in (0.0, 10.0)]

    usual = Service(ServiceId("s"), "", (Step(()),))
    return chart.lines(
        "Age decides: a minute a minute, a minute a point, times the weight",
        "Four straight lines over ten minutes of waiting; the highest one is served first.",
        MINUTE._replace(name="Minutes of waiting", low=0.0, high=10.0), chart.Axis("Age in minutes"),
        [chart.Series("usual: weight 1, no points", age(usual, 0)),
         chart.Series("5 points: five minutes older from the beginning", age(usual._replace(priority=5), 0)),
         chart.Series("weight 2: twice as old as the wait", age(usual._replace(weight=2.0), 0)),
         chart.Series("weight 0.5: half as old", age(usual._replace(weight=0.5), 0))], alone=True)


def _load() -> str:
    contacts, limits = ((0, 3), (20, 5), (45, 3), (150, 3)), DistressLimit()
    half_life_s = Centre((), ()).load_half_life_s

    def load(minute: float) -> float:
        return float(sum(weight * 2.0 ** ((at - minute) * 60.0 / half_life_s)
                         for at, weight in contacts if at <= minute))

    points = []
    for minute in range(301):
        if any(at == minute for at, _ in contacts) and minute:
            points.append((float(minute), load(minute - 1e-6)))
        points.append((float(minute), load(minute)))
    return chart.lines(
        "Distress load of an agent", f"Contacts of weight 3, 5, 3 and 3 after 0, 20, 45 and 150 minutes; the load "
        f"jumps with each and halves every {half_life_s / 60:.0f} minutes.",
        MINUTE._replace(low=0.0, high=300.0, step=30.0), chart.Axis("Load", low=0.0, high=12.0),
        [chart.Series("load: contacts of weight 3, 5, 3 and 3 after 0, 20, 45 and 150 minutes", points),
         chart.Series(f"soft limit ({limits.soft:g}): heavy contacts only when nobody else is free; below it again "
                      "after the hard limit", [(0.0, limits.soft), (300.0, limits.soft)]),
         chart.Series(f"hard limit ({limits.hard:g}): no heavy contacts", [(0.0, limits.hard), (300.0, limits.hard)])],
        alone=True)


def _erlang() -> str:
    load, agents = 40.0, range(36, 56)

    def level(patience_s: float) -> list[tuple[float, float]]:
        return [(float(number), Queue(load / HANDLE_S, HANDLE_S, number, patience_s).within(20.0))
                for number in agents]

    return chart.lines(
        "Service level by Erlang C and Erlang A", f"{load:.0f} Erlang, handle time {HANDLE_S:.0f} s, answered within "
        "20 s; with Erlang C nobody gives up, with Erlang A after a mean of 300 s.",
        chart.Axis("Agents", low=36.0, high=55.0), chart.Axis("Answered within 20 s", chart.percent, 0.0, 1.0),
        [chart.Series("Erlang C: nobody gives up", level(inf)),
         chart.Series(f"Erlang A: callers give up after {PATIENCE_S:.0f} s on average", level(PATIENCE_S)),
         chart.Series("80 %", [(36.0, 0.8), (55.0, 0.8)])], alone=True)


def _pooling() -> str:
    from planning.product_form import Pool, System, Type, solve  # numpy is loaded for this only, not for every command

    loads = (0.80, 0.85, 0.88, 0.90, 0.92, 0.94, 0.95, 0.96)
    number, parts = 180, 3

    def ring(rho: float) -> float:
        rate = rho * number / HANDLE_S / parts
        system = System(tuple(Pool(number // parts, HANDLE_S) for _ in range(parts)),
                        (Type(rate, (0, 2)), Type(rate, (0, 1)), Type(rate, (1, 2))))
        return solve(system, types=(0,)).types[0].mean_wait_s

    def pool(agents: int) -> list[tuple[float, float]]:
        return [(rho, Queue(rho * agents / HANDLE_S, HANDLE_S, agents).mean_wait_s()) for rho in loads]

    return chart.lines(
        "Mean wait of 180 agents with all skills, two of three, one of three",
        "Two skills for each agent are nearly as good as all; separate queues are several times worse.",
        chart.Axis("Load: share of the agents' time", chart.percent, 0.8, 0.96), chart.Axis("Mean wait, seconds"),
        [chart.Series("every agent has all three skills (Erlang C)", pool(number)),
         chart.Series("every agent has two of three skills (product form)", [(rho, ring(rho)) for rho in loads]),
         chart.Series("three separate queues of 60 (Erlang C)", pool(number // parts))], alone=True)


def _expected() -> str:
    """The engine's own answer to callers who come to a full house of twenty."""
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
        view = engine.contact(ContactId(f"w{place}"), 1.0)
        assert view is not None and view.estimate is not None
        for points, value in ((low, view.estimate.low_s), (middle, view.estimate.wait_s), (high, view.estimate.high_s)):
            points.append((float(place), value))
    return chart.lines(
        "Expected wait by the place in line, 20 agents, nothing learned yet",
        "Median and the bounds between which 80 of 100 waits end, growing with the place.",
        chart.Axis("Place in line", low=1.0, high=40.0), chart.Axis("Seconds"),
        [chart.Series("nine of ten wait less", high), chart.Series("half wait less", middle),
         chart.Series("one of ten waits less", low)], alone=True)


def _height(centre: Centre, there: Sequence[Duty]) -> float:
    return fitted(DEFAULT_DAY, centre, there, shares_of(centre))


def _day(centre: Centre) -> Mapping[str, str]:
    """What `santral simulate` shows of the default centre, first seed."""
    there, shares = duties.shifts(centre), shares_of(centre)
    outcome = run(centre, generate(DEFAULT_DAY.scaled(_height(centre, there)), shares, Chance(1)), there)
    axis = chart.Axis("Time of day", chart.clock, DEFAULT_DAY.start_s, DEFAULT_DAY.end_s, 7200.0)
    return {"day-level.svg": chart.lines(
        "Service level by half hour, a simulated day", f"Over the day {share(outcome.total.service_level())}.",
        axis, chart.Axis("Within target", chart.percent, 0.0, 1.0),
        [chart.Series(name, _points(outcome, service, "service_level")) for service, name in outcome.names.items()],
        alone=True)} | {"day-waits.svg": chart.lines(
            "Waiting over a simulated day", f"Mean {seconds(outcome.total.asa_s, 1)} s.", axis, chart.Axis("Seconds"),
            [chart.Series("mean wait", _points(outcome, None, "asa_s")),
             chart.Series("95 of 100 wait less", _points(outcome, None, "p95_s"))], alone=True)}


def _points(outcome: Outcome, service: ServiceId | None, value: str) -> list[tuple[float, float]]:
    return [point((slot + 0.5) * SLOT_S, row(figures)[value]) for slot, figures in outcome.series(service).items()
            if figures.offered]


def _staff(centre: Centre) -> str:
    """What `santral staff --runs 0` shows of the default centre."""
    there, shares = duties.shifts(centre), shares_of(centre)
    day = DEFAULT_DAY.scaled(_height(centre, there))
    plan = by_erlang(day, shares, {service.id: Goal(service.target_share, service.target_s)
                                   for service in centre.services}, {})
    totals, slots = plan.totals(), sorted(plan.pooled)
    duty = [sum(one.by_skills.values()) for one in presence(centre, there)]

    def steps(values: Callable[[int], float]) -> list[tuple[float, float]]:
        return [corner for slot in slots for corner in ((slot * SLOT_S, values(slot)), ((slot + 1) * SLOT_S,
                                                                                        values(slot)))]

    return chart.lines(
        "Agents for the target by Erlang A, and on duty", "Steps by half hour.",
        chart.Axis("Time of day", chart.clock, slots[0] * SLOT_S, (slots[-1] + 1) * SLOT_S, 7200.0),
        chart.Axis("Agents"),
        [chart.Series("each service with agents of its own", steps(lambda slot: totals[slot])),
         chart.Series("one pool of agents with all skills", steps(lambda slot: plan.pooled[slot])),
         chart.Series("on duty", steps(lambda slot: duty[slot]))], alone=True)
