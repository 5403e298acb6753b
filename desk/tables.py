"""Render queues and agents as tables for the terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from desk import table_words as words
from drawing.texts import Phrase
from routing.core.model.centre_model import AgentState

DATES = ("valid_from", "valid_to", "review_at", "approved_by")
STYLES = {AgentState.READY: "green", AgentState.TALKING: "cyan", AgentState.RINGING: "yellow",
          AgentState.NOT_RESPONDING: "red", AgentState.UNREACHABLE: "red"}


def format_duration(seconds: float) -> str:
    """Return a duration as `0:07`, `12:30` or `1:02:03`."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _build_table(title: Phrase, columns: Sequence[Phrase], right: Container[int], *, english: bool) -> Table:
    """Return a table without rows. `right` has the numbers of the columns of figures."""
    table = Table(title=title.text(english=english), title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column.text(english=english), justify="right" if number in right else "left")
    return table


def queue_table(status: dict[str, Any], *, english: bool = False) -> Table:
    """Return a table with one row for each service."""
    table = _build_table(words.QUEUES, words.QUEUE_COLUMNS, range(1, 7), english=english)
    for one in status["queues"]:
        table.add_row(Text(one["name"]), str(one["waiting"]), format_duration(one["oldest_wait_s"]),
                      str(one["ringing"]), str(one["talking"]), str(one["agents_ready"]), str(one["agents_signed_in"]))
    return table


def agent_table(status: dict[str, Any], *, all_of_them: bool, english: bool = False) -> Table:
    """Return a table with one row for each agent. Agents who are not signed in appear only if asked for."""
    shown = [one for one in status["agents"] if all_of_them or one["state"] != AgentState.SIGNED_OUT]
    table = _build_table(words.AGENTS, words.AGENT_COLUMNS, (4,), english=english)
    for one in shown:
        table.add_row(Text(one["id"]), Text(one["team"]), Text(one["seat"] or "-"),
                      Text(_describe_state(one, english=english), style=STYLES.get(one["state"], "")),
                      format_duration(status["at"] - one["since"]), Text(one["service"] or ""))
    return table


def _describe_state(one: dict[str, Any], *, english: bool) -> str:
    word = state_word(one["state"], english=english)
    notes = []
    if one["state"] == AgentState.NOT_RESPONDING and one["reason"] in words.PHONE_FAULTS:
        notes.append(words.PHONE_FAULTS[one["reason"]])
    if one["over_limit"]:
        notes.append(words.OVER_LIMIT)
    if one["break_postponed"]:
        notes.append(words.BREAK_POSTPONED)
    word += "".join(f" ({note.text(english=english)})" for note in notes)
    return f"{word}, {words.THEN_BREAK.text(english=english)}" if one["pause_pending"] else word


def state_word(state: str, *, english: bool) -> str:
    """Return the word of an agent's state."""
    # A newer node may know a state that this command does not.
    found = words.STATES.get(AgentState(state)) if state in words.STATES else None
    return state if found is None else found.text(english=english)


def describe_answer(found: dict[str, Any], *, english: bool) -> str:
    """Return the state of an agent in one line."""
    seat = words.AT_SEAT.text(english=english).format(seat=found["seat"]) if found["seat"] else ""
    pause = words.BREAK_AFTER_TALK.text(english=english) if found["pause_pending"] else ""
    return f"{found['id']}: {state_word(found['state'], english=english)}{seat}{pause}"


def skill_table(found: dict[str, Any], *, english: bool = False) -> Table:
    """Return the skills of an agent, with a note if they are not those of team.yaml."""
    skill, level = (column.text(english=english) for column in words.SKILL_COLUMNS)
    table = Table(skill, Column(level, justify="right"),
                  caption=words.FOR_NOW.text(english=english) if found["for_now"] else None)
    for name, value in sorted(found["skills"].items()):
        table.add_row(name, str(value))
    return table


def reasons(found: dict[str, Any], *, english: bool = False) -> Table:
    """Return a table with one row for each pause reason."""
    table = _build_table(words.REASONS, words.REASON_COLUMNS, (), english=english)
    for one in found["reasons"]:
        table.add_row(Text(one["id"] + (" *" if one["default"] else "")), Text(one["en" if english else "tr"]),
                      one["digit"] or "-", (words.WORK if one["work"] else words.REST).text(english=english),
                      format_duration(one["limit_s"]) if one["limit_s"] else "-")
    return table


def change_table(found: list[dict[str, Any]]) -> Table:
    """Return a table of the changes of a reload."""
    table = Table(title="Changes", title_justify="left")
    for name in ("file", "what", "key", "was", "now"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(*(Text(one[key]) for key in ("part", "item", "key", "was", "now")))
    return table


def callback_table(found: dict[str, Any], *, english: bool = False) -> Table:
    """Return a table with one row for each callback, without numbers."""
    table = _build_table(words.CALLBACKS, words.CALLBACK_COLUMNS, (2, 3, 4), english=english)
    for one in found["callbacks"]:
        rest = one["next_at"] - found["at"]
        then = words.DIALLING if one["dialling"] else words.LATER if rest > 0 else words.IN_TURN
        table.add_row(Text(one["id"]), Text(one["service"]), str(one["position"]),
                      format_duration(found["at"] - one["since"]), str(one["tries"]),
                      then.text(english=english).format(time=format_duration(rest)))
    return table


def waiting_table(found: dict[str, Any], *, english: bool = False) -> Table:
    """Return a table with one row for each waiting caller, without numbers."""
    table = _build_table(words.WAITING, words.WAITING_COLUMNS, (2, 3, 4), english=english)
    for one in found["contacts"]:
        table.add_row(Text(one["id"]), Text(one["service"]), str(one["position"]), format_duration(one["waited_s"]),
                      str(one["points"]))
    return table


def needs_tables(found: dict[str, Any], *, english: bool = False) -> RenderableType:
    """Return the stored accommodations of an agent as tables, by the keys of the files.

    Only the agent reads these tables.
    """
    def fields_table(title: Phrase, said: dict[str, Any]) -> Table:
        one = Table(title=title.text(english=english), title_justify="left", show_header=False)
        for name, value in said.items():
            one.add_row(Text(name), Text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
        return one

    entries: list[RenderableType] = [
        fields_table(words.OWN if one["in_force"] else words.OWN_OVER,
                     {**one["needs"], **{name: one[name] for name in DATES if one[name] is not None}})
        for one in found["entries"]]
    return Group(*entries or [Text(words.NO_OWN.text(english=english))],
                 *([fields_table(words.EVERYBODY, found["everybody"])] if found["everybody"] else []))


def unreachable_notice(why: str, *, english: bool = False) -> RenderableType:
    """Return a notice while the node does not answer. Older figures are not shown, because they may be wrong now."""
    return Group(Text(words.UNREACHABLE.text(english=english), style="bold red"), Text(f"  {why}"))


def status_page(status: dict[str, Any], zone: ZoneInfo | None = None, *, all_of_them: bool = False,
                english: bool = False) -> RenderableType:
    """Return the whole status. `zone` is the centre's time zone, needed if a last known good copy is in force."""
    counts = Counter(state_word(one["state"], english=english) for one in status["agents"])
    line = Text((words.LINK_UP if status["link_up"] else words.LINK_DOWN).text(english=english),
                style="green" if status["link_up"] else "bold red")
    line.append("   " + ", ".join(f"{count} {word}" for word, count in counts.most_common()), style="default")
    return Group(line, *_last_known_good_notice(status.get("last_known_good"), zone, english),
                 *_unservable_notice(status.get("unservable_needs"), english),
                 *_refused_notice(status.get("refused_numbers"), english), queue_table(status, english=english),
                 agent_table(status, all_of_them=all_of_them, english=english))


def _last_known_good_notice(found: dict[str, Any] | None, zone: ZoneInfo | None, english: bool) -> list[Text]:
    """Return a notice if a copy of the centre's files is in force. It lists the mistakes to fix."""
    if found is None:
        return []
    since = datetime.fromtimestamp(found["since"], zone)
    return [Text(words.FILES_FAULTY.text(english=english).format(since=f"{since:%d.%m.%Y %H:%M}"), style="bold red"),
            *(Text(f"  {one}") for one in found["problems"]), Text(words.RELOAD_HINT.text(english=english))]


def _refused_notice(found: list[dict[str, Any]] | None, english: bool) -> list[Text]:
    """Return a notice on calls to numbers that `[numbers]` does not name, by the form of the number."""
    if not found:
        return []

    def describe_form(form: str, digits: int) -> str:
        if form not in words.FORMS:
            return words.NO_NUMBER.text(english=english)
        return words.FORM.text(english=english).format(begin=words.FORMS[form].text(english=english), digits=digits)

    forms = ", ".join(f"{one['calls']} × {describe_form(one['form'], one['digits'])}" for one in found)
    return [Text(words.REFUSED.text(english=english).format(forms=forms), style="yellow")]


def _unservable_notice(found: list[str] | None, english: bool) -> list[Text]:
    """Return a notice if accommodations leave no agent for some callers today."""
    if not found:
        return []
    return [Text(words.NOBODY_FITS.text(english=english), style="bold red"), *(Text(f"  {one}") for one in found),
            Text(words.RELOAD_HINT.text(english=english))]
