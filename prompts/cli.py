"""Provide `santral prompts`: build the sounds, fetch the better voice, hear a prompt, list all prompts."""

from __future__ import annotations

import datetime
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from drawing.console_output import OutputConsole
from prompts.audio.mbrola import TERMS, find_mbrola, unpack_mbrola
from prompts.audio.speech_service import SpeechPlan, service_voices
from prompts.audio.voices import ROBOT_VOICE, Voice, choose_voices
from prompts.build import Options, build_prompts, hold_lock, join_prompts
from prompts.catalogue import FORMATS, find_prompt, missing_translations
from prompts.centre_words import NO_CENTRE, CentreWords
from prompts.errors import CatalogueError, PromptError
from prompts.manifest import Manifest
from prompts.recording_intake import check_delivery
from prompts.studio import RecordingStudio
from prompts.text_reader import PAUSES, Prompt, all_prompts
from prompts.text_style import find_style_faults
from prompts.verbalise import number_prompts
from prompts.verbalise.number_prompts import LANGUAGE, LANGUAGES, OTHERS, PAUSE
from prompts.verbalise.number_prompts import slow_key as slow_key

MBROLA_FOLDER = Path(".cache/voices/mbrola")
"""Private folder of the non-free voice, ignored by version control."""

PLAIN_EVERY = 50
"""Number of prompts for one line of progress without a terminal."""


class WantedVoice(StrEnum):
    """Values of `--voice`."""

    AUTO = "auto"
    PIPER = "piper"
    SERVICE = "service"
    MBROLA = "mbrola"
    ESPEAK = "espeak"


VoiceOption = Annotated[WantedVoice, typer.Option("--voice", help="Take this voice instead of the best one present.")]
PiperOption = Annotated[list[Path] | None, typer.Option("--piper", help="Model of Piper: tr_TR-....onnx; once for each "
                                                                       "language.")]
LanguageOption = Annotated[str, typer.Option("--language", help=" or ".join(LANGUAGES) + ".")]
SoundsOption = Annotated[Path, typer.Option("--sounds", help="Folder of the built sounds.")]
FolderOption = Annotated[Path, typer.Option("--voices-dir", help="Private folder of the mbrola voice.")]


CentreOption = Annotated[Path | None, typer.Option("--centre", help="Folder of the centre whose words are said.")]
OverlayOption = Annotated[Path | None, typer.Option("--settings", help="Overlay of the settings, with [voice] url.")]

ReadWords = Callable[[Path | None], CentreWords]
"""Return the words of the centre in a folder, or of the usual centre. Raise CatalogueError if it cannot be read."""


ReadSpeech = Callable[[Path | None, Path | None], SpeechPlan | None]
"""Return the speech service of the centre in a folder with an overlay, or None. Raise VoiceError for unusable secrets.
"""


class CentreReaders(NamedTuple):
    """Readers of what the commands need to know of a centre."""

    words: ReadWords
    speech: ReadSpeech


def say_product(folder: Path | None) -> CentreWords:
    """Return the words of the product alone. This is the `ReadWords` of a command line without centres."""
    return NO_CENTRE


def speak_here(folder: Path | None, overlay: Path | None) -> None:
    """Return None, because a voice of this machine speaks. This is the `ReadSpeech` of a command line without centres.
    """


def build_commands(read_words: ReadWords = say_product, read_speech: ReadSpeech = speak_here) -> typer.Typer:
    """Return the commands of this room, to be mounted as `santral prompts`."""
    def keep_reader(context: typer.Context) -> None:
        context.obj = CentreReaders(read_words, read_speech)

    app = typer.Typer(no_args_is_help=True, help="Build, hear and list the prompts for callers and agents.",
                      callback=keep_reader)
    app.command("build")(_build_sounds)
    app.command("import")(_import_recordings)
    app.command("voices")(_fetch_voice)
    app.command("listen")(_speak_to_file)
    app.command("list")(_list_prompts)
    app.command("check")(_check_sounds)
    app.command("report")(_write_report)
    return app


def _words_of(context: typer.Context, centre: Path | None) -> CentreWords:
    """Return the words of the centre that a command names."""
    readers: CentreReaders = context.obj
    return readers.words(centre)


def _service_of(context: typer.Context, centre: Path | None, overlay: Path | None,
                sounds: Path | None = None) -> Mapping[str, Voice]:
    """Return the voices of the speech service of a centre by language, none without a service."""
    readers: CentreReaders = context.obj
    plan = readers.speech(centre, overlay)
    return {} if plan is None else service_voices(plan, sounds)


def _build_sounds(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="Folder of the sounds.")],
    centre: CentreOption = None,
    voice: VoiceOption = WantedVoice.AUTO,
    piper: PiperOption = None,
    music: Annotated[Path | None, typer.Option("--music", help="Use this sound file as the hold music.")] = None,
    voices_dir: FolderOption = MBROLA_FOLDER,
    settings: OverlayOption = None,
    renamed: Annotated[bool, typer.Option("--renamed", help="Replace the sounds of a centre of another name.")] = False,
) -> None:
    """Bring a folder of sounds up to date. Only changed sounds are built."""
    with _exit_on_error():
        words = _words_of(context, centre)
        prompts = all_prompts(words)
        voices = _choose_voices(voice, piper, voices_dir, _service_of(context, centre, settings, out))
        began = time.monotonic()
        with _show_progress() as step:
            report = build_prompts(prompts, Options(out, voices, music, words, renamed), step)
        took = time.monotonic() - began
        removed = f", {len(report.removed)} removed" if report.removed else ""
        recorded = f", {report.recorded} recorded by a person" if report.recorded else ""
        typer.echo(f"prompts: {len(report.built)} built, {report.kept} kept{removed}{recorded} in {took:.1f} s ({out})")
        if report.old:
            typer.echo(f"recorded with another text, so the voice says them: {', '.join(report.old)}", err=True)


def _import_recordings(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Recordings: karsilama.wav, digits/h-5.flac, en/karsilama.wav.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the sounds.")],
    centre: CentreOption = None,
    take_part: Annotated[bool, typer.Option("--partial", help="Take good recordings even if others fail.")] = False,
) -> None:
    """Take in recordings of a person, after a check of all of them. Exit with 1 if nothing was taken in."""
    with _exit_on_error():
        found = check_delivery(folder, all_prompts(_words_of(context, centre)))
        for fault in found.faults:
            typer.echo(fault)
        # A delivery is usually corrected as a whole, so part of it is taken only on request.
        if not found.good or (found.faults and not take_part):
            what = f"{len(found.faults)} faults" if found.faults else f"no recordings in {folder}"
            good = f" ({len(found.good)} are good: --partial takes them)" if found.good else ""
            typer.echo(f"nothing was taken in: {what}{good}")
            raise typer.Exit(1)
        # The lock keeps a build from reading half of the recordings.
        out.mkdir(parents=True, exist_ok=True)
        with hold_lock(out):
            RecordingStudio(out).take_recordings(found.good)
        typer.echo(f"{len(found.good)} recordings were taken in. Now run: santral prompts build --out {out}")


def _fetch_voice(
    yes: Annotated[bool, typer.Option("--yes", help="Accept the terms without being asked.")] = False,
    voices_dir: FolderOption = MBROLA_FOLDER,
) -> None:
    """Fetch the voice mbrola tr2, which is not free software. Its terms are shown first."""
    with _exit_on_error():
        if find_mbrola(voices_dir) is not None:
            typer.echo("mbrola tr2 is already there. `santral prompts build` uses it.")
            return
        typer.echo(TERMS)
        if not yes and not typer.confirm("Do you accept these terms?"):
            typer.echo("Nothing was fetched. espeak-ng speaks instead.")
            return
        unpack_mbrola(voices_dir, say=typer.echo)
        typer.echo(f"mbrola tr2 is in {voices_dir}. `santral prompts build` uses it from now on.")


def _speak_to_file(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="WAV file to write (16 kHz).")],
    key: Annotated[str | None, typer.Argument(help="A key, or a position or wait of any size: sira-73.")] = None,
    number: Annotated[int | None, typer.Option("--number", help="A number: 1453.")] = None,
    clock: Annotated[str | None, typer.Option("--clock", help="A time of the day: 14:30.")] = None,
    date: Annotated[datetime.datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="2026-11-24.")] = None,
    telephone: Annotated[str | None, typer.Option("--telephone", help="A telephone number: 0532 123 45 67.")] = None,
    language: LanguageOption = LANGUAGE,
    centre: CentreOption = None,
    slow: Annotated[bool, typer.Option("--slow", help="Speak the slow version.")] = False,
    sounds: Annotated[Path | None, typer.Option("--sounds", help="Use built sounds, with recordings.")] = None,
    voice: VoiceOption = WantedVoice.AUTO,
    piper: PiperOption = None,
    voices_dir: FolderOption = MBROLA_FOLDER,
    settings: OverlayOption = None,
) -> None:
    """Speak a prompt, or a number, time or date made of several, into a file, as a caller hears it."""
    with _exit_on_error():
        # 1. One thing to say. `list` prints keys of other languages as `en/<key>`.
        other, _, rest = (key or "").partition("/")
        if other in OTHERS:
            key, language = rest, other
        given = [value for value in (key, number, clock, date, telephone) if value is not None]
        if len(given) != 1:
            raise PromptError("name one thing to hear: a key, --number, --clock, --date or --telephone")
        try:
            keys = _keys_asked(key, number, clock, date, telephone, language)
        except ValueError as error:
            raise PromptError(str(error)) from error
        # 2. Join its prompts, spoken now or taken from a build.
        prompts, pause = all_prompts(_words_of(context, centre)), PAUSES[slow_key(PAUSE) if slow else PAUSE]
        parts = [pause if each == PAUSE else find_prompt(prompts, each, slow, language) for each in keys]
        spoken: dict[str, Voice] | Path = sounds if sounds is not None else _choose_voices(
            voice, piper, voices_dir, _service_of(context, centre, settings))
        measure = join_prompts(parts, spoken, out)
        typer.echo(f"{given[0] if date is None else date.date()}: "
                   + " ".join("," if isinstance(part, int) else part.text for part in parts))  # fmt: skip
        typer.echo(f"{out}: {measure.seconds} s, peak {measure.peak} dBFS, loudness {measure.rms} dBFS")


def _keys_asked(key: str | None, number: int | None, clock: str | None, date: datetime.datetime | None,
          telephone: str | None, language: str) -> list[str]:
    """Return the keys of what was asked for. Raise ValueError if it cannot be said."""
    if number is not None:
        return number_prompts.number_keys(number, language)
    if clock is not None:
        hour, _, minute = clock.partition(":")
        if not (hour.isdigit() and minute.isdigit()):
            raise ValueError(f"{clock} is not a time of the day, as 14:30 is")
        return number_prompts.clock_keys(int(hour), int(minute), language)
    if date is not None:
        return number_prompts.date_keys(date.date(), language)
    if telephone is not None:
        return number_prompts.telephone_words(telephone, language)
    assert key is not None
    for family, of in (("sira-", number_prompts.position_keys), ("sure-", number_prompts.minutes_keys)):
        size = key.removeprefix(family)
        if size != key and size.isascii() and size.isdigit():
            return of(int(size), language)
    return [key]


def _list_prompts(
    context: typer.Context,
    slow: Annotated[bool, typer.Option("--slow", help="List the slow versions too.")] = False,
    plain: Annotated[bool, typer.Option("--tsv", help="Print key, group, situation and text with tabs.")] = False,
    language: LanguageOption = LANGUAGE,
    centre: CentreOption = None,
) -> None:
    """List all prompts with key, situation and text. With --tsv the list is a script for a person who records."""
    with _exit_on_error():
        rows = [prompt for prompt in all_prompts(_words_of(context, centre)).values()
                if (slow or not prompt.slow) and prompt.language == language]
        if plain:
            for prompt in rows:
                typer.echo("\t".join((prompt.id, prompt.group, prompt.when, prompt.text)))
            return
        OutputConsole().print(_prompt_table(rows))


def _check_sounds(context: typer.Context, sounds: SoundsOption, centre: CentreOption = None) -> None:
    """Measure all built sounds, with exit 1 if one has a fault. Warn of texts that speak with another voice."""
    # Imported here, because it loads numpy, which is not needed in a call.
    from prompts.audio.sound_quality import check_sounds

    with _exit_on_error():
        prompts = all_prompts(_words_of(context, centre))
        checked = check_sounds(sounds, prompts)
        for finding in checked.findings:
            typer.echo(str(finding))
        for language in OTHERS:
            lacking = missing_translations(prompts, language)
            if lacking:
                typer.echo(f"warning: said in {LANGUAGE} to callers who chose {language}: {', '.join(lacking)}")
        # A centre owns its words, so how they speak is advice.
        for fault in find_style_faults(prompts):
            typer.echo(f"warning: {fault}")
        for ending in FORMATS:
            typer.echo(checked.summarise_rate(ending))
        if checked.findings:
            typer.echo(f"{len(checked.findings)} to fix in {sounds}")
            raise typer.Exit(1)


def _write_report(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="HTML file to write.")],
    sounds: SoundsOption,
    centre: CentreOption = None,
    screenshot: Annotated[Path | None, typer.Option("--picture", help="PNG of the page's top, by Chromium.")] = None,
) -> None:
    """Write a page of all prompts with text, wave, levels, voice and a play button, and those still synthesised."""
    # Imported here, because these modules load numpy.
    from prompts.audio.sound_quality import check_sounds
    from prompts.prompt_report import BuiltSounds, render_page, take_screenshot

    with _exit_on_error():
        words = _words_of(context, centre)
        prompts, manifest = all_prompts(words), Manifest.read_manifest(sounds)
        if manifest is None:
            raise CatalogueError(f"no sounds are built in {sounds}: santral prompts build --out {sounds}")
        lacking = {language: missing_translations(prompts, language) for language in OTHERS}
        seen = os.path.relpath(sounds.resolve(), out.resolve().parent)
        built = BuiltSounds(sounds, seen, manifest.entries, check_sounds(sounds, prompts),
                            RecordingStudio(sounds, words.folder).unused_recordings(prompts), lacking)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(render_page(prompts, built), encoding="utf-8")
        typer.echo(f"{out}: {len(prompts)} prompts. The page plays the sounds in {sounds}")
        if screenshot is not None:
            take_screenshot(out, screenshot)


def _prompt_table(rows: list[Prompt]) -> Table:
    table = Table("key", "when", "text")
    for prompt in rows:
        table.add_row(prompt.id, prompt.when, prompt.text)
    return table


def _choose_voices(voice: WantedVoice, piper: list[Path] | None, voices_dir: Path,
                   service: Mapping[str, Voice]) -> dict[str, Voice]:
    voices = choose_voices(voice.value, piper=piper or (), folder=voices_dir, service=service)
    typer.echo("voice: " + ", ".join(f"{speaker.name} ({language})" for language, speaker in voices.items()))
    if voices[LANGUAGE].backend == "espeak" and voice is WantedVoice.AUTO:
        typer.echo(f"{ROBOT_VOICE} Better: recordings of a person (santral prompts studio), a speech service ([voice] "
                   "url), a model of Piper (--piper), or `santral prompts voices`.", err=True)
    return voices


@contextmanager
def _show_progress() -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar on a terminal, and a line now and then elsewhere."""
    if not sys.stderr.isatty():

        def print_line(done: int, of: int, key: str) -> None:
            if done % PLAIN_EVERY == 0 or done == of:
                typer.echo(f"prompts: {done} of {of}", err=True)

        yield print_line
        return
    key_column = TextColumn("{task.fields[key]}")
    columns = (TextColumn("prompts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), key_column)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("prompts", total=None, key="")
        yield lambda done, of, key: bar.update(task, completed=done, total=of, key=key)


@contextmanager
def _exit_on_error() -> Iterator[None]:
    """Print one clear message and exit with a code, instead of a traceback."""
    try:
        yield
    except PromptError as error:
        typer.echo(f"santral prompts: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    except BrokenPipeError:
        # The reader of the output has ended (`… | head`). That is no fault, so the command ends without a word.
        raise
    except OSError as error:
        typer.echo(f"santral prompts: {error.filename or 'disk'}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from error
