"""Define `santral replay` and `santral what-if`, which run a journal again.

Exit code 1 means that the replay differs, exit code 2 that an argument or the journal is invalid.
"""

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

from drawing.console_output import OutputConsole
from drawing.output import make_table
from planning import options as shared
from planning.errors import PlanningError
from planning.journal import comparison, recorded_traffic
from planning.journal.replay import EventJournal, OpenJournal, ReplayVerdict, replay_journal
from routing.core.events import Configured, LinkChanged
from routing.core.explain import PRIVATE, Exclusion
from routing.core.model.centre_model import AgentState
from routing.core.model.facts import Fact, Offered
from routing.core.model.ids import OfferId
from routing.core.stored import Started

PORTION = 1_000
"""Number of facts that are folded at once."""

OF_NEEDS = ("tier", "partner")
"""Fields of a decision record that reveal the needs of an agent."""

Place = Annotated[str, typer.Argument(metavar="JOURNAL", help=(
    "State folder of a node, its santral.db, or the URL of its database. A running node is not disturbed."))]
OfferNo = Annotated[int | None, typer.Option("--offer", min=1, help=(
    "Explain this decision, with a reason for each agent who was not chosen."))]
Needs = Annotated[bool, typer.Option("--needs", help=(
    "Name reasons that come from agents' needs. Only for the accommodation manager and the agent."))]
Noted = Annotated[Path | None, typer.Option("--state", help=(
    "Folder whose audit log records the use of --needs, if JOURNAL is the URL of a database."))]
Other = Annotated[Path, typer.Option("--centre", help="Folder of the centre with the other rules.")]
From = Annotated[str | None, typer.Option("--from", help=(
    "Only contacts from this time on, by the centre's clock: 2026-03-02 or 2026-03-02T08:00."))]
To = Annotated[str | None, typer.Option("--to", help="Only contacts before this time, by the centre's clock.")]


def add_commands(app: typer.Typer, read_centre: shared.ReadCentre, read_zone: shared.ReadZone,
          open_journal: OpenJournal, note_needs: shared.NoteNeeds) -> None:
    """Add the commands of this module to the application."""

    @app.command("replay")
    def run_replay(
        journal: Place, offer: OfferNo = None, needs: Needs = False, state: Noted = None,
        as_json: shared.AsJson = False,
    ) -> None:
        """Replay a journal and compare each decision, bit for bit. Exit with code 1 if a decision differs.

        The first difference is printed with its entry, its fact and the fields that differ.
        """
        with shared.exit_on_error(), open_journal(journal) as opened:
            console = Console(stderr=True, highlight=False)
            with shared.progress_bar(console) as shown:
                task = shown.add_task("replaying", total=opened.count_entries())
                # 1. Replay the journal up to the first difference.
                verdict = replay_journal(opened.read_entries(), opened.read_facts(),
                                         offer=None if offer is None else OfferId(offer),
                                         progress=lambda done: shown.update(task, completed=done))
            if offer is not None and verdict.offered is None and verdict.difference is None:
                raise PlanningError(f"no offer {offer} in this journal")
            # 2. Write the audit entry before anything is shown. If that fails, nothing is shown.
            if needs and verdict.offered is not None:
                note_needs(journal, state, verdict.offered.contact)
            # 3. Print the verdict.
            if as_json:
                typer.echo(json.dumps(_verdict_json(verdict, needs=needs), ensure_ascii=False, indent=1))
            else:
                _print_verdict(verdict, needs=needs)
            if verdict.difference is not None:
                raise typer.Exit(1)

    @app.command("what-if")
    def run_what_if(
        journal: Place, centre: Other, start: From = None, end: To = None, seed: shared.Seed = 1,
        as_json: shared.AsJson = False, html: shared.Html = None,
    ) -> None:
        """Run the traffic of a journal under its own rules and under other rules, side by side.

        Both runs get the same callers, talk times and patience. The figures of the record are shown next to the two
        runs.
        """
        with shared.exit_on_error(), open_journal(journal) as opened:
            # 1. Check the output file before the long run.
            shared.require_writable(html)
            # 2. Read the other rules and the traffic of the record.
            other, zone = read_centre(centre), read_zone(centre)
            bounds = _parse_moment(start, zone), _parse_moment(end, zone)
            changes, taken = _rule_changes(opened), recorded_traffic.read_traffic(opened.read_facts(), *bounds,
                seed=seed)
            console = Console(stderr=True, highlight=False)
            # 3. Run the traffic under both sets of rules.
            with shared.progress_bar(console) as shown:
                task = shown.add_task("running it again", total=1.0)
                compared = comparison.compare_rules(taken, _fact_portions(opened), changes, other,
                                                    lambda share: shown.update(task, completed=share))
            # 4. Write and print the comparison.
            if html is not None:
                shared.write_file(html, comparison.render_page(
                    f"What-if comparison: {shared.centre_name(centre)}", taken, compared))
            if as_json:
                typer.echo(json.dumps(comparison.summarise_comparison(taken, compared), ensure_ascii=False, indent=1))
            else:
                _print_comparison(taken, compared)


def _parse_moment(text: str | None, zone: ZoneInfo) -> float | None:
    """Return Unix seconds of a text. The text is a time on the centre's clock unless it names an offset."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).timestamp()
    except ValueError:
        raise PlanningError(f"{text!r} is no time; write 2026-03-02 or 2026-03-02T08:00") from None


def _fact_portions(journal: EventJournal) -> Iterator[list[Fact]]:
    portion: list[Fact] = []
    for fact in journal.read_facts():
        portion.append(fact)
        if len(portion) == PORTION:
            yield portion
            portion = []
    yield portion


def _rule_changes(journal: EventJournal) -> list[comparison.RuleChange]:
    """Return the changes of rules and links in the record, in order."""
    found: list[comparison.RuleChange] = []
    for entry in journal.read_entries():
        event = entry.event
        if isinstance(event, Started):
            # The state of a night is large, and the rules do not need it.
            event = event._replace(callers=(), state="")
        if isinstance(event, Started | Configured | LinkChanged):
            found.append((entry.at, event))
    return found


def _print_verdict(verdict: ReplayVerdict, *, needs: bool) -> None:
    console = OutputConsole(highlight=False, soft_wrap=True)
    if verdict.offered is not None:
        _print_decision(console, verdict, needs=needs)
    counted = (f"{verdict.entries} entries, {verdict.starts} starts of a node, {verdict.facts} facts, "
               f"{verdict.decisions} decisions")
    if verdict.difference is None:
        console.print(f"{counted}: the same again, bit for bit.", markup=False)
        return
    console.print(f"After {counted} the replay differs:", markup=False)
    for line in verdict.difference.describe_difference():
        console.print(line, markup=False)


def _print_decision(console: Console, verdict: ReplayVerdict, *, needs: bool) -> None:
    fact = verdict.offered
    assert fact is not None
    console.print(
        f"Offer {fact.offer} at {fact.at:.3f}: contact {fact.contact} of {fact.service} (step {fact.step + 1}) to "
        f"{fact.agent}, strategy {fact.strategy}, level {fact.level}, score {fact.score:.6g}, idle {fact.idle_s:.1f} "
        f"s; {fact.agents_ready} ready of {fact.agents_signed_in} signed in, {fact.waiting} waiting. Runners-up: "
        f"{', '.join(fact.runners_up) or 'none'}.{_special_notes(fact, needs=needs)}", markup=False)
    table = Table("Agent", "Why", "Detail", box=SIMPLE_HEAD)
    for one in verdict.explained:
        table.add_row(one.agent, *_public_reason(one, needs=needs))
    console.print(table)


def _special_notes(fact: Offered, *, needs: bool) -> str:
    """Return what is special about an offer, and the number of agents by state."""
    states = ", ".join(f"{count} {state}" for state, count in _agents_by_state(fact).items() if count)
    return "".join((
        " The one who spoke with this caller last." if fact.preferred else "",
        f" Together with {fact.partner}." if fact.partner is not None and needs else "",
        f" Tier {fact.tier}: beyond what the agent gladly takes." if fact.tier and needs else "",
        f" Agents: {states}." if states else ""))


def _public_reason(one: Exclusion, *, needs: bool) -> tuple[str, str]:
    """Return the reason and its detail that others may read.

    A need of the agent is hidden. If everybody could see that the agent was on a break, the reason is the break.
    """
    if one.reason not in PRIVATE or needs:
        return one.reason.value, one.detail
    return ("not_now", "") if one.visible_reason is None else (one.visible_reason[0].value, one.visible_reason[1])


def _verdict_json(verdict: ReplayVerdict, *, needs: bool) -> dict[str, object]:
    difference = verdict.difference
    fact = verdict.offered
    return {
        "entries": verdict.entries, "starts": verdict.starts, "facts": verdict.facts, "decisions": verdict.decisions,
        "same": difference is None, "difference": None if difference is None else difference.describe_difference(),
        "offer": None if fact is None else _offer_json(fact, needs=needs),
        "agents": [{"agent": one.agent, "why": why, "detail": detail} for one in verdict.explained
                   for why, detail in [_public_reason(one, needs=needs)]],
    }


def _offer_json(fact: Offered, *, needs: bool) -> dict[str, object]:
    found: dict[str, object] = {**fact._asdict(), "by_state": _agents_by_state(fact)}
    return found if needs else {name: value for name, value in found.items() if name not in OF_NEEDS}


def _agents_by_state(fact: Offered) -> dict[str, int]:
    """Return the number of agents by state. An old record without these counts gives an empty result."""
    return {state.value: count for state, count in zip(AgentState, fact.by_state, strict=False)}


def _print_comparison(taken: recorded_traffic.RecordedTraffic, compared: comparison.RuleComparison) -> None:
    console = OutputConsole(highlight=False)
    for one in comparison.describe_comparison(taken, compared):
        console.print(one, markup=False)
    console.print(make_table(("Measure", *comparison.RUNS), comparison.comparison_rows(compared)))
    for name, rows in comparison.service_rows(compared):
        console.print(make_table(("Run", "Offered", "SL", "ASA", "P95", "P99", "Max"), [
            (title, offered, level, asa, p95, p99, longest)
            for title, offered, _, _, level, asa, _, p95, p99, longest, *_ in rows], title=name))
