"""`santral prompts`: build what is said, get the better voice, hear a prompt, list them all."""

from __future__ import annotations

import datetime
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from prompts import say
from prompts.build import Options, alone, build, listen
from prompts.catalogue import FORMATS, PAUSES, Prompt, found_in, spoken, untranslated
from prompts.errors import CatalogueTrouble, PromptError
from prompts.intake import look
from prompts.manifest import Manifest
from prompts.mbrola import TERMS, find_mbrola, unpack
from prompts.say import LANGUAGE, LANGUAGES, OTHERS, PAUSE
from prompts.say import slow as slow_key
from prompts.studio import Studio
from prompts.voices import Voice, cast

MBROLA_FOLDER = Path(".cache/voices/mbrola")
"""The private folder of the non-free voice, ignored by version control."""

PLAIN_EVERY = 50
"""Without a terminal: one line for so many prompts."""


class WantedVoice(StrEnum):
    """What `--voice` takes."""

    AUTO = "auto"
    PIPER = "piper"
    MBROLA = "mbrola"
    ESPEAK = "espeak"


VoiceOption = Annotated[WantedVoice, typer.Option("--voice", help="Take this voice instead of the best one present.")]
PiperOption = Annotated[list[Path] | None, typer.Option("--piper", help="Model of Piper: tr_TR-....onnx; once for each "
                                                                       "language.")]
LanguageOption = Annotated[str, typer.Option("--language", help=" or ".join(LANGUAGES) + ".")]
SoundsOption = Annotated[Path, typer.Option("--sounds", help="Folder of the built sounds.")]
FolderOption = Annotated[Path, typer.Option("--voices-dir", help="Private folder of the mbrola voice.")]


def commands() -> typer.Typer:
    """The commands of this room, to be mounted as `santral prompts`."""
    app = typer.Typer(no_args_is_help=True, help="What callers and agents hear: build it, hear it, list it.")
    app.command("build")(_build)
    app.command("import")(_import)
    app.command("voices")(_voices)
    app.command("listen")(_listen)
    app.command("list")(_list)
    app.command("check")(_check)
    app.command("report")(_report)
    return app


def _build(
    out: Annotated[Path, typer.Option("--out", help="Folder of the sounds.")],
    voice: VoiceOption = WantedVoice.AUTO,
    piper: PiperOption = None,
    music: Annotated[Path | None, typer.Option("--music", help="A sound file to be the hold music.")] = None,
    voices_dir: FolderOption = MBROLA_FOLDER,
) -> None:
    """Bring a folder of sounds up to date: only what changed is built."""
    with _told():
        voices = _cast(voice, piper, voices_dir)
        began = time.monotonic()
        with _progress() as step:
            report = build(spoken(), Options(out, voices, music), step)
        took = time.monotonic() - began
        removed = f", {len(report.removed)} removed" if report.removed else ""
        recorded = f", {report.recorded} recorded by a person" if report.recorded else ""
        typer.echo(f"prompts: {len(report.built)} built, {report.kept} kept{removed}{recorded} in {took:.1f} s ({out})")
        if report.old:
            typer.echo(f"recorded with another text, so the voice says them: {', '.join(report.old)}", err=True)


def _import(
    folder: Annotated[Path, typer.Argument(help="Recordings: karsilama.wav, digits/h-5.flac, en/karsilama.wav.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the sounds.")],
    partial: Annotated[bool, typer.Option("--partial", help="Take in the good ones if others have faults.")] = False,
) -> None:
    """Take in recordings of a person: all of them checked, all faults told. Exit 1 when nothing was taken in."""
    with _told():
        found = look(folder, spoken())
        for fault in found.faults:
            typer.echo(fault)
        if not found.good or (found.faults and not partial):
            what = f"{len(found.faults)} faults" if found.faults else f"no recordings in {folder}"
            good = f" ({len(found.good)} are good: --partial takes them)" if found.good else ""
            typer.echo(f"nothing was taken in: {what}{good}")
            raise typer.Exit(1)
        out.mkdir(parents=True, exist_ok=True)
        with alone(out):
            Studio(out).take(found.good)
        typer.echo(f"{len(found.good)} recordings were taken in; now: santral prompts build --out {out}")


def _voices(
    yes: Annotated[bool, typer.Option("--yes", help="Accept the terms without being asked.")] = False,
    voices_dir: FolderOption = MBROLA_FOLDER,
) -> None:
    """Get the voice mbrola tr2, which is not free software: its terms are shown first."""
    with _told():
        if find_mbrola(voices_dir) is not None:
            typer.echo("mbrola tr2 is already there; `santral prompts build` uses it.")
            return
        typer.echo(TERMS)
        if not yes and not typer.confirm("Do you accept these terms?"):
            typer.echo("Nothing was fetched. espeak-ng speaks instead.")
            return
        unpack(voices_dir, say=typer.echo)
        typer.echo(f"mbrola tr2 is in {voices_dir}; `santral prompts build` uses it from now on.")


def _listen(
    out: Annotated[Path, typer.Option("--out", help="WAV file to write (16 kHz).")],
    key: Annotated[str | None, typer.Argument(help="A key; a place or a wait of any size: sira-73.")] = None,
    number: Annotated[int | None, typer.Option("--number", help="A number: 1453.")] = None,
    clock: Annotated[str | None, typer.Option("--clock", help="A time of the day: 14:30.")] = None,
    date: Annotated[datetime.datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="2026-11-24.")] = None,
    telephone: Annotated[str | None, typer.Option("--telephone", help="A telephone number: 0532 123 45 67.")] = None,
    language: LanguageOption = LANGUAGE,
    slow: Annotated[bool, typer.Option("--slow", help="The slow version.")] = False,
    sounds: Annotated[Path | None, typer.Option("--sounds", help="Take what is built there: recordings too.")] = None,
    voice: VoiceOption = WantedVoice.AUTO,
    piper: PiperOption = None,
    voices_dir: FolderOption = MBROLA_FOLDER,
) -> None:
    """Speak a prompt, or what is put together from several, into a file: as a caller hears it."""
    with _told():
        other, _, rest = (key or "").partition("/")
        if other in OTHERS:  # as `list` names it
            key, language = rest, other
        given = [value for value in (key, number, clock, date, telephone) if value is not None]
        if len(given) != 1:
            raise PromptError("name one thing to hear: a key, --number, --clock, --date or --telephone")
        try:
            keys = _keys(key, number, clock, date, telephone, language)
        except ValueError as error:
            raise PromptError(str(error)) from error
        prompts, pause = spoken(), PAUSES[slow_key(PAUSE) if slow else PAUSE]
        parts = [pause if each == PAUSE else found_in(prompts, each, slow, language) for each in keys]
        measure = listen(parts, sounds or _cast(voice, piper, voices_dir), out)
        typer.echo(f"{given[0] if date is None else date.date()}: "
                   + " ".join("," if isinstance(part, int) else part.text for part in parts))  # fmt: skip
        typer.echo(f"{out}: {measure.seconds} s, peak {measure.peak} dBFS, loudness {measure.rms} dBFS")


def _keys(key: str | None, number: int | None, clock: str | None, date: datetime.datetime | None,
          telephone: str | None, language: str) -> list[str]:
    """Keys of what was asked for. ValueError when it cannot be said."""
    if number is not None:
        return say.number(number, language)
    if clock is not None:
        hour, _, minute = clock.partition(":")
        if not (hour.isdigit() and minute.isdigit()):
            raise ValueError(f"{clock} is not a time of the day, as 14:30 is")
        return say.clock(int(hour), int(minute), language)
    if date is not None:
        return say.date(date.date(), language)
    if telephone is not None:
        return say.telephone(telephone, language)
    assert key is not None
    for family, of in (("sira-", say.position), ("sure-", say.minutes)):
        size = key.removeprefix(family)
        if size != key and size.isascii() and size.isdigit():
            return of(int(size), language)
    return [key]


def _list(
    slow: Annotated[bool, typer.Option("--slow", help="The slow versions too.")] = False,
    plain: Annotated[bool, typer.Option("--tsv", help="key, group, when and text, separated by tabs.")] = False,
    language: LanguageOption = LANGUAGE,
) -> None:
    """All prompts: key, where it is said, text. With --tsv a script for the person who records."""
    with _told():
        rows = [prompt for prompt in spoken().values() if (slow or not prompt.slow) and prompt.language == language]
        if plain:
            for prompt in rows:
                typer.echo("\t".join((prompt.id, prompt.group, prompt.when, prompt.text)))
            return
        Console().print(_table(rows))


def _check(sounds: SoundsOption) -> None:
    """Measure all built sounds: clipping, loudness, silence at the ends, clicks. Exit 1 when one is not fit."""
    from prompts.quality import check  # not above: it loads numpy, which nothing that runs in a call needs

    with _told():
        prompts = spoken()
        checked = check(sounds, prompts)
        for finding in checked.findings:
            typer.echo(str(finding))
        for language in OTHERS:
            lacking = untranslated(prompts, language)
            if lacking:
                typer.echo(f"warning: said in {LANGUAGE} to who chose {language}: {', '.join(lacking)}")
        for ending in FORMATS:
            typer.echo(checked.summary(ending))
        if checked.findings:
            typer.echo(f"{len(checked.findings)} to mend in {sounds}")
            raise typer.Exit(1)


def _report(
    out: Annotated[Path, typer.Option("--out", help="HTML file to write.")],
    sounds: SoundsOption,
    screenshot: Annotated[Path | None, typer.Option("--picture", help="PNG of its top, by Chromium.")] = None,
) -> None:
    """A page of all prompts: text, wave, length, level, voice, a play button; and what still uses synthesis."""
    from prompts.quality import check  # not above: they load numpy
    from prompts.report import Built, page, picture

    with _told():
        prompts, manifest = spoken(), Manifest.read(sounds)
        if manifest is None:
            raise CatalogueTrouble(f"no sounds are built in {sounds}: santral prompts build --out {sounds}")
        lacking = {language: untranslated(prompts, language) for language in OTHERS}
        seen = os.path.relpath(sounds.resolve(), out.resolve().parent)
        built = Built(sounds, seen, manifest.entries, check(sounds, prompts), Studio(sounds).old(prompts), lacking)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page(prompts, built), encoding="utf-8")
        typer.echo(f"{out}: {len(prompts)} prompts; it plays the sounds in {sounds}")
        if screenshot is not None:
            picture(out, screenshot)


def _table(rows: list[Prompt]) -> Table:
    table = Table("key", "when", "text")
    for prompt in rows:
        table.add_row(prompt.id, prompt.when, prompt.text)
    return table


def _cast(voice: WantedVoice, piper: list[Path] | None, voices_dir: Path) -> dict[str, Voice]:
    voices = cast(voice.value, piper=piper or (), folder=voices_dir)
    typer.echo("voice: " + ", ".join(f"{speaker.name} ({language})" for language, speaker in voices.items()))
    if voices[LANGUAGE].backend == "espeak" and voice is WantedVoice.AUTO:
        typer.echo("This voice is hard to understand on a telephone. Better: recordings of a person (santral prompts "
                   "import), a model of Piper (--piper), or `santral prompts voices`.", err=True)  # fmt: skip
    return voices


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """A bar on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():

        def line(done: int, of: int, key: str) -> None:
            if done % PLAIN_EVERY == 0 or done == of:
                typer.echo(f"prompts: {done} of {of}", err=True)

        yield line
        return
    key_column = TextColumn("{task.fields[key]}")
    columns = (TextColumn("prompts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), key_column)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("prompts", total=None, key="")
        yield lambda done, of, key: bar.update(task, completed=done, total=of, key=key)


@contextmanager
def _told() -> Iterator[None]:
    """One clear message and the exit code instead of a traceback."""
    try:
        yield
    except PromptError as error:
        typer.echo(f"santral prompts: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    except BrokenPipeError:  # `… list | head`: no fault of the disk; the command line ends without a word
        raise
    except OSError as error:
        typer.echo(f"santral prompts: {error.filename or 'disk'}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from error
