"""`santral replay` and `santral what-if`: what a journal says. Exit 1: the replay differs; 2: what was given cannot be
used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from drawing.output import make_table
from planning import cli as shared
from planning import recorded, whatif
from planning.errors import PlanningError
from planning.replay import Journal, Verdict, replay
from routing.core.events import Configured, LinkChanged
from routing.core.excluded import PRIVATE, Exclusion
from routing.core.facts import Fact, Offered
from routing.core.ids import OfferId
from routing.core.model import AgentState
from routing.core.stored import Started

PORTION = 1_000
"""Facts folded at once."""

OF_NEEDS = ("tier", "partner")
"""Fields of a decision record that tell what an agent needs."""

Place = Annotated[str, typer.Argument(metavar="JOURNAL", help="State folder of a node, its santral.db, or the URL of "
                                                              "its database. A running node is not disturbed.")]
OfferNo = Annotated[int | None, typer.Option("--offer", min=1, help="Explain this decision: a reason for every agent "
                                                                    "who did not get it.")]
Needs = Annotated[bool, typer.Option("--needs", help="Name reasons that come from what an agent needs. Only for the "
                                                     "accommodation manager and the agent.")]
Noted = Annotated[Path | None, typer.Option("--state", help="Folder in whose record --needs is noted; beside the URL "
                                                            "of a database.")]
Other = Annotated[Path, typer.Option("--centre", help="Folder of the centre with the other rules.")]
From = Annotated[str | None, typer.Option("--from", help="Only contacts from this time on, by the centre's clock: "
                                                         "2026-03-02 or 2026-03-02T08:00.")]
To = Annotated[str | None, typer.Option("--to", help="Only contacts before this time, by the centre's clock.")]


def mount(app: typer.Typer, read_centre: shared.ReadCentre, read_zone: shared.ReadZone,
          open_journal: shared.OpenJournal, note_needs: shared.NoteNeeds) -> None:
    """Add the commands."""

    @app.command("replay")
    def replay_(
        journal: Place, offer: OfferNo = None, needs: Needs = False, state: Noted = None,
        as_json: shared.AsJson = False,
    ) -> None:
        """Tell the engine everything again and compare every decision, bit for bit; exit 1 when one differs.

        The first difference is named with its entry, its fact and the fields that differ."""
        with shared.told(), open_journal(journal) as opened:
            console = Console(stderr=True, highlight=False)
            with shared.bar(console) as shown:
                task = shown.add_task("replaying", total=opened.length())
                verdict = replay(opened.entries(), opened.facts(), offer=None if offer is None else OfferId(offer),
                                 progress=lambda done: shown.update(task, completed=done))
            if offer is not None and verdict.offered is None and verdict.difference is None:
                raise PlanningError(f"no offer {offer} in this journal")
            if needs and verdict.offered is not None:
                note_needs(journal, state, verdict.offered.contact)
            if as_json:
                typer.echo(json.dumps(_as_json(verdict, needs=needs), ensure_ascii=False, indent=1))
            else:
                _show(verdict, needs=needs)
            if verdict.difference is not None:
                raise typer.Exit(1)

    @app.command("what-if")
    def what_if(
        journal: Place, centre: Other, start: From = None, end: To = None, seed: shared.Seed = 1,
        as_json: shared.AsJson = False, html: shared.Html = None,
    ) -> None:
        """The traffic of a journal once more, under the rules it had and under others, side by side.

        Both runs get the same callers, talk times and patience. Beside them stands what really happened."""
        with shared.told(), open_journal(journal) as opened:
            shared.ready(html)
            other, zone = read_centre(centre), read_zone(centre)
            bounds = _moment(start, zone), _moment(end, zone)
            changes, taken = _changes(opened), recorded.read(opened.facts(), *bounds, seed=seed)
            console = Console(stderr=True, highlight=False)
            with shared.bar(console) as shown:
                task = shown.add_task("running it again", total=1.0)
                compared = whatif.compare(taken, _portions(opened), changes, other,
                                          lambda share: shown.update(task, completed=share))
            if html is not None:
                shared.write(html, whatif.as_page(f"What if: {shared.house_name(centre)}", taken, compared))
            if as_json:
                typer.echo(json.dumps(whatif.summary(taken, compared), ensure_ascii=False, indent=1))
            else:
                _compare(taken, compared)


def _moment(text: str | None, zone: ZoneInfo) -> float | None:
    """Unix seconds of a time on the centre's clock, unless it names another offset."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).timestamp()
    except ValueError:
        raise PlanningError(f"{text!r} is no time; write 2026-03-02 or 2026-03-02T08:00") from None


def _portions(journal: Journal) -> Iterator[list[Fact]]:
    portion: list[Fact] = []
    for fact in journal.facts():
        portion.append(fact)
        if len(portion) == PORTION:
            yield portion
            portion = []
    yield portion


def _changes(journal: Journal) -> list[whatif.Change]:
    """Rules and links as they changed in the record."""
    found: list[whatif.Change] = []
    for entry in journal.entries():
        if isinstance(entry.event, Started | Configured | LinkChanged):
            found.append((entry.at, entry.event))
    return found


def _show(verdict: Verdict, *, needs: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if verdict.offered is not None:
        _explain(console, verdict, needs=needs)
    counted = (f"{verdict.entries} entries, {verdict.starts} starts of a node, {verdict.facts} facts, "
               f"{verdict.decisions} decisions")
    if verdict.difference is None:
        console.print(f"{counted}: the same again, bit for bit.", markup=False)
        return
    console.print(f"After {counted} the replay differs:", markup=False)
    for line in verdict.difference.words():
        console.print(line, markup=False)


def _explain(console: Console, verdict: Verdict, *, needs: bool) -> None:
    fact = verdict.offered
    assert fact is not None
    console.print(
        f"Offer {fact.offer} at {fact.at:.3f}: contact {fact.contact} of {fact.service} (step {fact.step + 1}) to "
        f"{fact.agent}, strategy {fact.strategy}, level {fact.level}, score {fact.score:.6g}, idle {fact.idle_s:.1f} "
        f"s; {fact.agents_ready} ready of {fact.agents_signed_in} signed in, {fact.waiting} waiting. Runners-up: "
        f"{', '.join(fact.runners_up) or 'none'}.{_also(fact, needs=needs)}", markup=False)
    table = Table("Agent", "Why", "Detail", box=SIMPLE_HEAD)
    for one in verdict.explained:
        table.add_row(one.agent, *_reason(one, needs=needs))
    console.print(table)


def _also(fact: Offered, *, needs: bool) -> str:
    """What is not so with most offers, and the agents by state."""
    states = ", ".join(f"{count} {state}" for state, count in _states(fact).items() if count)
    return "".join((
        " The one who spoke with this caller last." if fact.preferred else "",
        f" Together with {fact.partner}." if fact.partner is not None and needs else "",
        f" Tier {fact.tier}: beyond what the agent gladly takes." if fact.tier and needs else "",
        f" Agents: {states}." if states else ""))


def _reason(one: Exclusion, *, needs: bool) -> tuple[str, str]:
    """What others may read: not which of the agent's needs it was; of one whom anybody saw on a break, the break."""
    if one.why not in PRIVATE or needs:
        return one.why.value, one.detail
    return ("not_now", "") if one.seen is None else (one.seen[0].value, one.seen[1])


def _as_json(verdict: Verdict, *, needs: bool) -> dict[str, object]:
    difference = verdict.difference
    fact = verdict.offered
    return {
        "entries": verdict.entries, "starts": verdict.starts, "facts": verdict.facts, "decisions": verdict.decisions,
        "same": difference is None, "difference": None if difference is None else difference.words(),
        "offer": None if fact is None else _offer(fact, needs=needs),
        "agents": [{"agent": one.agent, "why": why, "detail": detail} for one in verdict.explained
                   for why, detail in [_reason(one, needs=needs)]],
    }


def _offer(fact: Offered, *, needs: bool) -> dict[str, object]:
    found: dict[str, object] = {**fact._asdict(), "by_state": _states(fact)}
    return found if needs else {name: value for name, value in found.items() if name not in OF_NEEDS}


def _states(fact: Offered) -> dict[str, int]:
    """Agents by state; none in a record of before these were counted."""
    return {state.value: count for state, count in zip(AgentState, fact.by_state, strict=False)}


def _compare(taken: recorded.Recorded, compared: whatif.Compared) -> None:
    console = Console(highlight=False)
    for one in whatif.words(taken, compared):
        console.print(one, markup=False)
    console.print(make_table(("Measure", *whatif.RUNS), whatif.lines(compared)))
    for name, rows in whatif.services(compared):
        console.print(make_table(("Run", "Offered", "SL", "ASA", "P95", "P99", "Max"), [
            (title, offered, level, asa, p95, p99, longest)
            for title, offered, _, _, level, asa, _, p95, p99, longest, *_ in rows], title=name))
