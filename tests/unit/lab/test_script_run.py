"""Many scripts at once: side by side, never two in one service; what a busy machine heard late is heard once more."""

from __future__ import annotations

import asyncio
import io
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from lab.phones.leg import Moment
from lab.script import runner
from lab.script.cli import ProgressBoard, print_outcomes
from lab.script.model import Announcement, CallScript, HangsUp, ScriptCall
from lab.script.player import LATE_S, ScriptOutcome, ScriptPart, ScriptPlay, ScriptRunContext
from lab.script.state import Difference

pytestmark = pytest.mark.unit

PASSED = (None, 0.0)
DIFFERS = (Difference(3, "a", "b", 1.0), 0.0)
LATE = (Difference(3, "a", "b", 1.0), LATE_S)


class Stage:
    """A stand-in for calls: the people who play at the same time, and the result of each script."""

    def __init__(self, **goes: list[tuple[Difference | None, float]]) -> None:
        self.goes = goes
        self.playing: set[str] = set()
        self.beside: dict[str, set[str]] = defaultdict(set)
        self.most = 0
        self.played: list[tuple[str, str, str]] = []

    def play(self, house: ScriptRunContext, script: CallScript, part: ScriptPart, recording: Path, told: Any) -> Any:
        return _Play(self, script, part, recording)


class _Play:
    def __init__(self, stage: Stage, script: CallScript, part: ScriptPart, recording: Path) -> None:
        self.stage, self.script, self.part, self.recording = stage, script, part, recording

    async def play_script(self) -> ScriptOutcome:
        stage, name = self.stage, self.script.name
        stage.playing.add(name)
        stage.played.append((name, self.part.caller, self.recording.name))
        for _ in range(5):
            for one in stage.playing - {name}:
                stage.beside[name].add(one)
            stage.most = max(stage.most, len(stage.playing))
            await asyncio.sleep(0)
        stage.playing.discard(name)
        difference, late = stage.goes.get(name, [PASSED]).pop(0) if stage.goes.get(name) else PASSED
        return ScriptOutcome(self.script, difference, "", (), None, 1.0, late)


def script(name: str, folder: str = "a", announced: Announcement | None = None, caller: str = "") -> CallScript:
    return CallScript(Path(folder) / f"{name}.yaml", name if folder == "a" else f"{folder}-{name}", "", caller,
        frozenset(),
                  (), None, announced, (ScriptCall(0, (HangsUp(3),)),))


def run(monkeypatch: pytest.MonkeyPatch, stage: Stage, scripts: dict[CallScript, set[str]], at_once: int = 16
        ) -> list[ScriptOutcome]:
    monkeypatch.setattr(runner, "ScriptPlay", stage.play)
    parts = {one.path: ScriptPart("4440632", one.caller or "first", (), {}, frozenset(services))
             for one, services in scripts.items()}
    return asyncio.run(runner.play_scripts(cast(ScriptRunContext, None), list(scripts), parts, Path("r"),
        lambda _: None, at_once))


def test_side_by_side_but_never_two_in_one_service(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    outcomes = run(monkeypatch, stage, {script("one"): {"x"}, script("two"): {"x", "y"}, script("three"): {"y"},
                                        script("free"): set(), script("more"): set()})
    assert [outcome.script.name for outcome in outcomes] == ["one", "two", "three", "free", "more"]
    assert "two" not in stage.beside["one"] | stage.beside["three"] and "three" in stage.beside["one"]
    assert stage.beside["free"] >= {"one", "more"}


def test_not_more_at_once_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    run(monkeypatch, stage, {script(str(number)): set() for number in range(9)}, at_once=3)
    assert stage.most == 3 and len(stage.played) == 9


def test_who_does_something_to_all_callers_plays_alone_after_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    alone = script("alone", announced=Announcement("karsilama", "", closes=False))
    run(monkeypatch, stage, {alone: set(), script("one"): set(), script("two"): set()})
    assert [name for name, _, _ in stage.played] == ["one", "two", "alone"] and not stage.beside["alone"]


def test_what_was_heard_late_is_heard_once_more_by_another_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(late=[LATE, PASSED], still=[LATE, LATE], own=[LATE, PASSED], wrong=[DIFFERS, PASSED])
    outcomes = run(monkeypatch, stage, {script("late"): set(), script("still"): set(), script("wrong"): set(),
                                        script("own", caller="05321234567"): set()})
    assert [outcome.passed for outcome in outcomes] == [True, False, False, True]
    assert outcomes[1].doubtful and not outcomes[2].doubtful, "a difference in good time is one"
    again = stage.played[4:]
    assert [name for name, _, _ in again] == ["late", "still", "own"] and not stage.playing
    assert again[0][1] != "first" and again[2][1] == "05321234567"


def test_the_board_has_a_line_for_each_script_and_what_is_told_names_line_and_recording() -> None:
    console, board, one = Console(width=200, record=True, file=io.StringIO()), ProgressBoard(), script("one")
    difference = Difference(3, "a", "b", 1.0)
    board.note_progress(cast(ScriptPlay, SimpleNamespace(
        script=one, state=SimpleNamespace(done=True, difference=difference), at_step=1, seconds=12.4,
        moments=(Moment(1.0, "duyuldu: b"),))))
    console.print(board)
    late = ScriptOutcome(one, difference, "", (Moment(1.0, "duyuldu: b"),), Path("r/one.wav"), 12.4, LATE_S)
    assert print_outcomes([late, ScriptOutcome(script("two"), None, "", (), None, 3.0, 0.0)], 15.0, console) == 1
    assert print_outcomes([ScriptOutcome(one, None, "", (), None, 3.0, 0.0)], 15.0, console) == 0
    shown = console.export_text()
    for text in ("✗ one.yaml  1/1   12  duyuldu: b", "✗ one.yaml:3: beklenen a, duyulan b", "ses kaydı: r/one.wav",
                 "bu makine çok meşguldü (0.5 sn geç kalındı): sonuç kesin değil", "✓ two.yaml: two (3 sn)",
                 "2 betik, 1 yazıldığı gibi, 1 farklı (15 sn)", "1 betik, 1 yazıldığı gibi, 0 farklı (15 sn)"):
        assert text in shown, shown


def test_recordings_of_files_of_one_name_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    run(monkeypatch, stage, {script("x"): set(), script("x", "b"): set(), script("y"): set()})
    assert {recording for _, _, recording in stage.played} == {"a-x.wav", "b-x.wav", "y.wav"}
