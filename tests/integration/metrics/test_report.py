"""Reports and exports of a real store: figures counted on fingers, figures counted by pandas from the export, the same
from PostgreSQL, the same as Prometheus; days with nothing, what is no day, and files that are none."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from lab.people import day as lab_day
from metrics.prometheus.recorder import MetricsRecorder
from metrics.reports import daily_report
from metrics.reports.attendance import AgentTime
from metrics.reports.daily_report import NothingRecorded, Report
from metrics.reports.figures import Figures
from metrics.reports.period import SLOT_S, Period, named_period, period_between
from metrics.reports.view import ReportView, render_csv
from routing.core import events
from routing.core.model.ids import AgentId, ContactId
from routing.store.database import url_of
from routing.store.store import Store
from santral.centre.config import DEFAULT_CENTRE
from santral.cli import centre_of, cli
from santral.errors import NoJournal, StoreFailure
from santral.node.state_reader import open_past
from tests.fakes import postgres
from tests.fakes.report_day import BILGI, MIDNIGHT, TIP, ZONE, Day, centre, written
from tests.ministry import copied, edit

pytestmark = pytest.mark.integration

DAY = named_period("day", "2026-03-02", ZONE, 0.0)
CONTACTS = 150


def read(where: Path | str, period: Period = DAY) -> Report:
    with open_past(str(where)) as ask:
        return daily_report.read_report(ask, period)


def test_one_setting_is_the_language_of_reports_explanations_and_alerts(small: Path, tmp_path: Path) -> None:
    house = copied(tmp_path)
    edit(house, "santral.toml", 'language = "tr"', 'language = "en"')
    run = CliRunner()
    for words, title in (([], "Daily report: 02.03.2026"), (["--language", "tr"], "Günlük rapor: 02.03.2026")):
        said = run.invoke(cli, ["report", "day", "2026-03-02", str(small), "--centre", str(house), *words])
        assert said.exit_code == 0 and title in said.output, said.output
    explained = [run.invoke(cli, ["why", "--longest", "2026-03-02", str(small), "--centre", str(house), *words]).output
                 for words in ([], ["--language", "tr"])]
    assert explained[0].startswith("Call ") and explained[1].startswith("Çağrı "), explained
    assert run.invoke(cli, ["metrics", "rules", str(house), "--out", str(tmp_path / "rules")]).exit_code == 0
    rules = (tmp_path / "rules" / "santral.rules.yml").read_text(encoding="utf-8")
    assert "/en.html#" in rules and "/tr.html#" not in rules


@pytest.fixture(scope="module")
def day() -> Day:
    return written()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, day: Day) -> Path:
    """The day written by hand."""
    path = tmp_path_factory.mktemp("small") / "santral.db"
    asyncio.run(day.keep(str(path)))
    return path


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of the default centre."""
    path = tmp_path_factory.mktemp("big") / "santral.db"
    rules = centre_of(DEFAULT_CENTRE)
    asyncio.run(lab_day.store_day(path, lab_day.simulate_day(rules, MIDNIGHT, CONTACTS)))
    return path


def test_figures_counted_on_fingers(small: Path) -> None:
    found = read(small)
    total = found.total
    assert (total.offered, total.answered, total.abandoned, total.short, total.moved, total.elsewhere, total.still) == (
        10, 5, 2, 1, 1, 2, 0)
    assert total.offered == sum((total.answered, total.abandoned, total.moved, total.elsewhere, total.still))
    assert sorted(total.waits) == [4.0, 5.0, 10.0, 25.0, 7216.0] and sorted(total.gave_up) == [2.0, 45.0]
    assert (total.within, total.service_level(), total.service_level("without_short"),
        total.service_level("of_offered")) == (
        2, 2 / 7, 2 / 6, 2 / 9)
    assert total.longest_s == 7216.0 and total.abandon_wait_s == 23.5
    assert (total.talks, total.talk_s, total.hold_s, total.wrapup_s) == (6, 380.0, 20.0, 140.0)
    assert (total.asked, total.reached, total.failed, total.open, total.kept) == (2, 1, 1, 0, 0.5)
    assert (total.transfers, total.first, total.solved) == (1, 4, 3)
    assert {name: (one.offered, one.answered, one.moved, one.talks) for name, one in found.services.items()} == {
        BILGI: (5, 3, 0, 3), TIP: (5, 2, 1, 3)}
    assert {found.period.slot_label(at): one.offered for at, one in found.parts if one.offered} == {
        "09:00": 3, "09:30": 2, "18:00": 2, "19:00": 1, "20:00": 1, "23:30": 1}
    assert found.surveys[BILGI].asked == 1 and not found.week_over and not found.empty


def test_midnight_belongs_to_who_came(small: Path) -> None:
    before, after = (read(small, named_period("day", date, ZONE, 0.0)) for date in ("2026-03-01", "2026-03-03"))
    assert "Kayıt 01.03.2026 23:00 anında başlar" in ReportView(before).render_page()
    assert f"{before.until - MIDNIGHT:.0f}" == "122401" and "kimse" not in ReportView(before).render_page()
    assert before.total.waits == [7.0] and before.total.answered == 1
    assert (after.total.offered, after.total.still, after.total.solved) == (2, 1, 0)
    month = read(small, named_period("month", "2026-03", ZONE, 0.0))
    assert month.total.offered == 13 and sum(one.offered for one in month.clock.values()) == 13
    assert [one.offered for _, one in month.parts[:3]] == [1, 10, 2] and len(month.parts) == 31


def test_what_has_no_facts_any_more_is_not_counted(tmp_path: Path, day: Day) -> None:
    path = tmp_path / "santral.db"
    asyncio.run(day.keep(str(path)))
    noon = MIDNIGHT + 12 * 3600.0
    engine = create_engine(url_of(path))
    with engine.begin() as connection:
        for table in ("journal", "facts"):
            connection.execute(text(f"DELETE FROM {table} WHERE at < :noon"), {"noon": noon})
    engine.dispose()
    found = read(path)
    assert (found.total.offered, found.total.answered, found.total.abandoned) == (5, 2, 1)
    assert found.since >= noon and "anında başlar" in ReportView(found).render_page()


def test_time_of_agents(small: Path) -> None:
    whole = read(small).agents.whole
    spans = 17.0 + 12 * 9.0 + 1.0 + 0.5  # hours signed in: a0 since yesterday and in the evening, twelve of the day, a6
    assert whole.signed_in_s == pytest.approx(spans * 3600.0) and whole.agents == 13
    assert whole.states["talking"] == pytest.approx(62.0 - 2.0 + 100.0 + 60.0 + 60.0 + 60.0 + 60.0)
    assert whole.states["wrapup"] == pytest.approx(6 * 30.0)  # the sent-on talk has one too
    pair = read(small).agents.pair
    assert pair is not None
    together = AgentTime()
    for group in pair:
        together.add_time(group)
    assert together == whole


def test_small_groups_are_not_shown(tmp_path: Path) -> None:
    few = Day(centre(others=4))
    few.sign_in(9 * 3600.0, *range(9))
    few.give(10 * 3600.0, None)
    asyncio.run(few.keep(str(tmp_path / "s.db")))
    found = read(tmp_path / "s.db")
    assert found.agents.pair is None and found.agents.whole.agents == 9
    assert "Uyarlaması olmayan" not in ReportView(found).render_page()


def test_a_rest_that_ended_early_is_read_from_the_store(tmp_path: Path) -> None:
    rules = centre()
    rules = rules._replace(agents=tuple(agent._replace(profile=agent.profile._replace(rest_gap_s=600.0))
                                        for agent in rules.agents))
    day, at = Day(rules), 9 * 3600.0
    day.sign_in(at, 0, 1)
    day.give(at + 100.0, events.RulesOverridden(AgentId("a0"), frozenset({"rest_gap"}), MIDNIGHT + at + 1800.0,
        "admin"))
    day.give(at + 3600.0, None)
    asyncio.run(day.keep(str(tmp_path / "s.db")))
    assert read(tmp_path / "s.db").agents.whole.available_s == pytest.approx(3500.0 + 3000.0)


@pytest.mark.parametrize(("many", "told"), [(4, False), (5, True)])
def test_of_few_agents_no_time_is_told(tmp_path: Path, many: int, told: bool) -> None:
    few = Day()
    few.sign_in(9 * 3600.0, *range(many))
    few.give(10 * 3600.0, events.AgentPaused(AgentId("a0")))
    few.give(11 * 3600.0, None)
    asyncio.run(few.keep(str(tmp_path / "s.db")))
    found = read(tmp_path / "s.db")
    assert found.agents.whole.agents == many
    said = CliRunner().invoke(cli, ["report", "day", "2026-03-02", str(tmp_path / "s.db")])
    assert said.exit_code == 0, said.output
    for shown in (said.output, ReportView(found).render_page()):
        assert ("Beşten az temsilci" not in shown, "Hakkaniyet" in shown) == (told, told), shown
    titles = {sheet.title: sheet for sheet in ReportView(found, english=True).build_sheets(narrow=True)}
    assert ("Fairness" in titles) == told
    assert dict(titles["Overview"].rows)["Occupancy"] == ("0.0 %" if told else "–")


def test_the_menu(small: Path) -> None:
    menu = read(small, named_period("day", "2026-03-03", ZONE, 0.0)).menu
    assert menu.node_counts() == [("karsilama", 4, 1), ("ana", 3, 0)]
    assert (menu.calls, menu.containment, menu.quick) == (4, 0.25, 0.5)


def test_prometheus_says_the_same(day: Day, small: Path) -> None:
    recorder = MetricsRecorder(centre())
    recorder.count_facts(day.facts)
    found = read(small, period_between("2026-03-01", "2026-03-04", ZONE))

    def value(name: str, **labels: str) -> float:
        return recorder.registry.get_sample_value(name, {"channel": "voice", **labels}) or 0.0

    for name, one in found.services.items():
        assert value("acd_contacts_offered_total", queue=name) == one.offered
        assert value("acd_contacts_total", queue=name, outcome="answered") == one.answered
        assert value("acd_contacts_total", queue=name, outcome="abandoned_short") == one.short
        assert value("acd_sla_contacts_total", queue=name, within="true") == one.within
        assert value("acd_queue_wait_seconds_sum", queue=name, outcome="answered") == pytest.approx(sum(one.waits))
        assert value("acd_handle_seconds_count", queue=name, phase="talk") == one.talks
        assert value("acd_handle_seconds_sum", queue=name, phase="wrapup") == pytest.approx(one.wrapup_s)


def exported(where: Path, out: Path) -> pd.DataFrame:
    said = CliRunner().invoke(cli, ["export", "contacts", str(where), "--from", "2026-03-02", "--to", "2026-03-03",
                                    "--out", str(out)])
    assert said.exit_code == 0, said.output
    return pd.read_csv(out) if out.suffix == ".csv" else pd.read_parquet(out)


def told(where: Path) -> pd.DataFrame:
    said = CliRunner().invoke(cli, ["report", "day", "2026-03-02", str(where), "--csv", "-"])
    assert said.exit_code == 0, said.output
    return pd.read_csv(io.StringIO(said.stdout))


@pytest.mark.parametrize("which", ["small", "big"])
def test_pandas_counts_the_same(which: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    where: Path = request.getfixturevalue(which)
    lines, says = exported(where, tmp_path / "c.csv"), told(where)
    whole = says[says["service"].isna()].iloc[0]
    answered, gone = lines[lines["outcome"] == "answered"], lines[lines["outcome"].str.startswith("abandoned")]
    ended = len(answered) + len(gone)
    short = int((gone["outcome"] == "abandoned_short").sum())
    within = int((answered["within"].astype(str).str.lower() == "true").sum())
    longest = answered["wait_s"].nlargest(-(-len(answered) // 10)).mean()
    first = lines[lines["first_contact"].astype(str).str.lower() == "true"]
    wanted = {
        "offered": lines["services"].str.count(">").sum() + len(lines), "answered": len(answered),
        "abandoned": len(gone), "short": short, "still": lines["outcome"].isna().sum(), "within": within,
        "level_ours": within / ended, "level_without_short": within / (ended - short),
        "level_of_offered": within / len(lines), "asa_s": answered["wait_s"].mean(), "longest_tenth_s": longest,
        "abandon_wait_s": gone["wait_s"].mean(), "talks": lines["talks"].sum(), "talk_s": lines["talk_s"].sum(),
        "hold_s": lines["hold_s"].sum(), "wrapup_s": lines["wrapup_s"].sum(),
        "aht_s": lines[["talk_s", "hold_s", "wrapup_s"]].sum().sum() / lines["talks"].sum(),
        "transfers": lines["transfers"].sum(), "callbacks": lines["callback"].notna().sum(),
        "callbacks_reached": (lines["callback"] == "reached").sum(), "first_contacts": len(first),
        "first_contacts_solved": (first["came_again"].astype(str).str.lower() == "false").sum()}
    for name, value in wanted.items():
        assert whole[name] == pytest.approx(value, rel=1e-6, nan_ok=True), name
    # And for each half hour and service, of what belongs to the service at the end.
    lines["from"] = pd.to_datetime(lines["queued_at"]).dt.floor("30min").dt.strftime("%Y-%m-%dT%H:%M")
    parts = says[says["service"].notna() & (says["to"].str[11:16] != says["from"].str[11:16])].copy()
    parts["from"] = parts["from"].str[:16]
    got = parts.set_index(["from", "service"])
    groups = lines.groupby(["from", "service"])
    assert len(groups) > 3
    for key, some in groups:
        row, here = got.loc[key], some[some["outcome"] == "answered"]
        assert row["answered"] == len(here)
        assert row["within"] == (here["within"].astype(str).str.lower() == "true").sum()
        assert row["asa_s"] == pytest.approx(here["wait_s"].mean(), rel=1e-6, nan_ok=True)


def test_parquet_is_the_same_and_needs_its_library(small: Path, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    plain, typed = exported(small, tmp_path / "c.csv"), exported(small, tmp_path / "c.parquet")
    assert list(plain.columns) == list(typed.columns) and len(plain) == len(typed) == 9
    assert str(typed["queued_at"].dtype).endswith("Europe/Istanbul]")
    assert plain["wait_s"].tolist() == pytest.approx(typed["wait_s"].tolist(), nan_ok=True)
    assert "ali" not in (tmp_path / "c.csv").read_text(encoding="utf-8")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    said = CliRunner().invoke(cli, ["export", "contacts", str(small), "--from", "2026-03-02", "--to", "2026-03-03",
                                    "--out", str(tmp_path / "d.parquet")])
    assert said.exit_code == 2 and "pip install" in said.output and not (tmp_path / "d.parquet").exists()


@pytest.mark.parametrize("words", [[], ["--language", "en"]])
def test_a_terminal_of_80_columns_cuts_nothing(small: Path, words: list[str]) -> None:
    # A pipe has no boxes and no width, so this one passes for a terminal. Its styles are no text.
    wide, narrow = (re.sub("\x1b\\[[0-9;]*m", "", CliRunner().invoke(
        cli, ["report", "day", "2026-03-02", str(small), *words],
        env={"COLUMNS": width, "TTY_COMPATIBLE": "1", "TERM": "xterm"}).output) for width in ("200", "80"))
    assert max(map(len, narrow.splitlines())) <= 80 and "…" not in narrow and "─" in narrow
    assert sorted("".join(narrow.split()).replace("─", "")) == sorted(
        "".join(wide.split()).replace("─", "")), "every letter is there"
    figures = [sorted(word for word in one.split() if word[-1].isdigit()) for one in (narrow, wide)]
    assert figures[0] == figures[1], "no figure is broken"


@pytest.mark.parametrize(("words", "code", "says"), [
    (["report", "day", "2026-02-30", "{}"], 2, "'2026-02-30' is no day"),
    (["report", "week", "2026-W60", "{}"], 2, "is no week"),
    (["report", "day", "2025-01-01", "{}"], 2, "nothing is known of 01.01.2025: the record goes from 2026-03-01"),
    (["report", "day", "2030-01-01", "{}"], 2, "nothing is known"),
    (["report", "interval", "2026-03-03", "2026-03-02", "{}"], 2, "is not before"),
    (["report", "interval", "2026-03-03", "{}"], 2, "FROM TO STATE"),
    (["report", "day", "a", "b", "{}"], 2, "[DATE] STATE"),
    (["report", "day", "2026-03-02", "{}", "--csv", "/nowhere/x.csv"], 1, "cannot be written"),
    (["export", "contacts", "{}", "--from", "2026-03-02", "--to", "2026-03-03", "--out", "x.xls"], 2, ".parquet"),
    (["export", "contacts", "{}", "--from", "2025-03-02", "--to", "2025-03-03", "--out", "x.csv"], 2, "nothing is"),
    (["export", "contacts", "{}", "--from", "2026-03-02", "--to", "2026-03-03", "--out", "/no/x.csv"], 1, "cannot"),
])
def test_what_cannot_be_told(words: list[str], code: int, says: str, small: Path) -> None:
    said = CliRunner().invoke(cli, [word.format(small) for word in words], env={"COLUMNS": "200"})
    assert said.exit_code == code and says in said.output, said.output


def test_a_broken_store_is_told(tmp_path: Path, small: Path) -> None:
    with pytest.raises(NoJournal, match="no journal at"):
        read(tmp_path / "nothing.db")
    (tmp_path / "text.db").write_text("this is no database\n" * 100, encoding="utf-8")
    with pytest.raises(StoreFailure, match="damaged"):
        read(tmp_path / "text.db")
    whole = small.read_bytes()
    (tmp_path / "torn.db").write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with pytest.raises(StoreFailure, match="damaged"):
        read(tmp_path / "torn.db")


def test_a_day_with_nothing(tmp_path: Path) -> None:
    quiet = Day()
    quiet.give(86_400.0, None)
    asyncio.run(quiet.keep(str(tmp_path / "s.db")))
    said = CliRunner().invoke(cli, ["report", "day", "2026-03-02", str(tmp_path / "s.db")])
    assert said.exit_code == 0 and "kimse aramadı" in said.output
    found = read(tmp_path / "s.db")
    assert found.empty and "kimse aramadı" in ReportView(found).render_page()
    assert len(list(csv.reader(io.StringIO(render_csv(found))))) == 2
    with pytest.raises(NothingRecorded):
        read(tmp_path / "s.db", named_period("day", "2026-03-05", ZONE, 0.0))


def test_a_time_in_which_nobody_was_answered_or_gave_up_is_a_gap_in_the_picture(small: Path) -> None:
    found = read(small)
    served, led_on = Figures(), Figures()
    served.offered = served.answered = served.within = 1
    led_on.offered = led_on.elsewhere = 1
    found.parts = [(found.period.start + number * SLOT_S, one) for number, one in enumerate((served, led_on, served))]
    level = re.search(r"<figure>.*?</figure>", ReportView(found).render_page(), re.DOTALL)
    assert level is not None
    # By two of three rules it is of nobody: two dots each. Of all who came none was served in time: a line.
    assert level.group().count("<circle") == 4


def test_callers_who_come_no_further_than_the_menu_are_told(tmp_path: Path) -> None:
    day = Day()
    day.give(9 * 3600.0, events.MenuEnded(ContactId("m"), "ana", ("karsilama",), "abandoned", 3.0))
    day.give(86_400.0, None)
    asyncio.run(day.keep(str(tmp_path / "s.db")))
    for words in (["day", "2026-03-02"], ["month", "2026-03"]):
        said = CliRunner().invoke(cli, ["report", *words, str(tmp_path / "s.db")])
        assert said.exit_code == 0 and "karsilama" in said.output and "Yarım saatler" not in said.output, said.output
    page = ReportView(read(tmp_path / "s.db")).render_page()
    assert "karsilama" in page and "<figure>" not in page, "there is nothing to be drawn"


def test_who_is_led_outside_in_vain_is_one_caller_in_the_menu(tmp_path: Path) -> None:
    day = Day()
    for at, outcome, resumed in ((9 * 3600.0, "external_transfer", False), (9 * 3600.0 + 60.0, "abandoned", True)):
        day.give(at, events.MenuEnded(ContactId("m"), "ana", ("menu", outcome), outcome, 3.0, wrong=1,
                                     resumed=resumed))
    day.give(86_400.0, None)
    asyncio.run(day.keep(str(tmp_path / "s.db")))
    menu = read(tmp_path / "s.db").menu
    assert (menu.calls, menu.outcomes, menu.hard["wrong"]) == (1, {"external_transfer": 1}, 2)
    assert menu.node_counts() == [("menu", 2, 0), ("abandoned", 1, 1),
        ("external_transfer", 1, 0)], "hung up where they went on"


def test_a_service_that_left_the_centre_has_its_name_still(tmp_path: Path) -> None:
    day = Day()
    gone = day.call(9 * 3600.0, "bir", TIP)
    day.give(9 * 3600.0 + 30.0, events.CallerHungUp(gone))
    day.give(10 * 3600.0, events.Configured(day.centre._replace(services=day.centre.services[:1])))
    day.give(86_400.0, None)
    asyncio.run(day.keep(str(tmp_path / "s.db")))
    found = read(tmp_path / "s.db")
    assert found.services[TIP].abandoned == 1 and found.names == {BILGI: "Bilgi", TIP: "Tip"}


async def test_the_node_runs_meanwhile(tmp_path: Path, day: Day) -> None:
    """A report sees one moment of the store, whatever is written while it reads; and the writer waits for nobody."""
    path = tmp_path / "santral.db"
    await day.keep(str(path))
    store = await Store.open_store(path)
    await store.take_lease("node")
    with open_past(str(path)) as ask:
        before = daily_report.read_report(ask, DAY).total.to_row()
        more = lab_day.RunnerTurn([(MIDNIGHT + 2 * 86_400.0, None)], [])
        await store.commit(more)
        assert daily_report.read_report(ask, DAY).until == day.entries[-1][0]
        assert daily_report.read_report(ask, DAY).total.to_row() == before
    assert read(path).until == MIDNIGHT + 2 * 86_400.0
    await store.close()


def test_the_page(small: Path, tmp_path: Path) -> None:
    for language, title in (([], "Günlük rapor: 02.03.2026"), (["--language", "en"], "Daily report: 02.03.2026")):
        out = tmp_path / "p.html"
        said = CliRunner().invoke(cli, ["report", "day", "2026-03-02", str(small), "--html", str(out), *language])
        assert said.exit_code == 0, said.output
        page = out.read_text(encoding="utf-8")
        assert f"<title>{title}</title>" in page and page.count("<figure>") == 3
        assert f'<html lang="{"en" if language else "tr"}">' in page
    assert "yedi" not in re.sub(r"yedi gün", "", page) and "a12" not in page  # no contact, no agent


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.serve_postgres() as url:
        yield url


def test_postgresql_says_the_same(server: str, small: Path, day: Day) -> None:
    name = f"santral_report_{os.getpid()}"
    with postgres.fresh_database(server, name) as where:
        asyncio.run(day.keep(where))
        for period in (DAY, named_period("month", "2026-03", ZONE, 0.0)):
            ours, theirs = read(small, period), read(where, period)
            assert render_csv(ours) == render_csv(theirs) \
                and ReportView(ours).render_page() == ReportView(theirs).render_page()
