"""Build the sound of every prompt as `<language>/<key>.wav` (8 kHz) and `.wav16` (16 kHz), and the hold music.

Only changed sounds are built. A prompt's `source` in the manifest is the hash of everything that its sound depends on.
Its files must also have the sums of the manifest. Files are written completely or not at all. The manifest says
`complete` only when all of them exist.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from prompts.audio import sound_level
from prompts.audio.hold_music import PEAK_DBFS as MUSIC_PEAK_DBFS
from prompts.audio.hold_music import PIECES, hold_music
from prompts.audio.hold_music import RATE as MUSIC_RATE
from prompts.audio.hold_music import RMS_DBFS as MUSIC_RMS_DBFS
from prompts.audio.hold_music import VERSION as MUSIC_VERSION
from prompts.audio.run_program import run_program
from prompts.audio.voices import Voice, sha256_of
from prompts.catalogue import FORMATS, other_centre
from prompts.centre_words import NO_CENTRE, CentreWords
from prompts.errors import CatalogueError, PromptError, ServiceStopped, SoundError, VoiceError
from prompts.manifest import Entry, Manifest, text_hash
from prompts.studio import RecordingStudio
from prompts.text_reader import PAUSES, Prompt
from prompts.verbalise.text_pieces import KEY_PAUSE_MS, SENTENCE_PAUSE_MS, SLOW_PAUSES, SLOW_SPEED, cut_pieces

PIPELINE = 4
"""Version of the build. It grows when the same text and voice give another sound, and then everything is built."""

MOST_WORKERS = 16
"""Bound on sounds made at the same time. One thread waits for programs of each, and more threads would wait for Python.
"""

NAMED_MAX = 20
"""Faults that an error names. A full disk fails every sound, and the advice must remain visible."""

HIGHPASS_HZ = 120
"""Lower limit of the sound. A telephone carries nothing below, and rumble would take loudness from the voice."""

HEADROOM_DB = -6
"""Gain before filters and resampling, so that they cannot clip. The levels are set afterwards."""

LOCK_WAIT_S = 600.0
"""Time that a second build of the same folder waits. A whole build takes less than a minute."""

LOCK_POLL_S = 0.2

MUSIC_KEY = "moh/santral"
"""Key of the usual hold music."""
MUSIC = {MUSIC_KEY: PIECES["santral"], **{f"moh/{name}/{name}": piece for name, piece in PIECES.items()
                                          if name != "santral"}}
"""Piece of each music. Music other than the usual has a separate folder, which is a class of music on hold."""

LEFT_BEHIND = ".*.*.[0-9]*"
"""Pattern of half-written files (`.name.wav.<pid>`) of a build that was killed."""


class Options(NamedTuple):
    """Target and voices of a build."""

    out: Path
    voices: Mapping[str, Voice]
    """Voice of each language."""
    music: Path | None = None
    """Sound file to be the hold music. None for the synthesised one."""
    words: CentreWords = NO_CENTRE
    """Centre whose prompts are built. Its folder may have recordings."""
    renamed: bool = False
    """Whether sounds of a centre of another name are replaced."""


class Report(NamedTuple):
    """Result of a build."""

    built: tuple[str, ...]
    kept: int
    removed: tuple[str, ...]
    recorded: int
    old: tuple[str, ...]
    """Recordings that are not played, because their text was changed."""


Progress = Callable[[int, int, str], None]
"""Called with the number of sounds that are done, the number of all sounds, and a key."""


def build_prompts(prompts: Mapping[str, Prompt], options: Options,
                  progress: Progress = lambda done, of, key: None) -> Report:
    """Bring `options.out` up to date. Raise one PromptError that names all prompts that failed."""
    # 1. Fail before the work begins if something is missing. pydub must be imported before any thread.
    sound_level.pydub_segment()
    _check_programs(options)
    options.out.mkdir(parents=True, exist_ok=True)
    with hold_lock(options.out):
        # 2. Compare the folder with the wanted sounds. One folder has the words of one centre.
        before = Manifest.read_manifest(options.out) or Manifest(centre=options.words.name)
        if before.centre != options.words.name and not options.renamed:
            raise CatalogueError(other_centre(options.out, before.centre, options.words.name))
        for left in options.out.rglob(LEFT_BEHIND):
            left.unlink()
        studio = RecordingStudio(options.out, options.words.folder)
        jobs = {job.key: job for job in _list_jobs(prompts, options, studio)}
        kept = {key: entry for key, entry in before.entries.items() if _still_good(options.out, entry, jobs.get(key))}
        manifest = Manifest(dict(kept), centre=options.words.name)
        todo = [job for key, job in jobs.items() if key not in kept]
        removed = tuple(key for key in before.entries if key not in jobs)
        # 3. Build the difference. The manifest is incomplete on the disk until the last sound exists.
        if todo or removed or not before.complete or before.centre != manifest.centre:
            manifest.write_manifest(options.out)
            for key in removed:
                for name in before.entries[key].sha256:
                    (options.out / name).unlink(missing_ok=True)
            try:
                _run_jobs(todo, options, manifest, progress)
                manifest.complete = True
            finally:
                manifest.write_manifest(options.out)
        # 4. Asterisk must be able to read the sounds, even if nothing was built now.
        _make_readable(options.out)
        recorded = sum(entry.backend == "recorded" for entry in manifest.entries.values())
        return Report(tuple(job.key for job in todo), len(kept), removed, recorded,
                      tuple(studio.unused_recordings(prompts)))


def _make_readable(folder: Path) -> None:
    """Let all users read the sounds, whatever the umask is. Asterisk is another user, and silent about other files."""
    for path in (folder, *folder.rglob("*")):
        wanted = 0o055 if path.is_dir() else 0o044
        mode = path.stat().st_mode & 0o777
        if mode | wanted != mode:
            path.chmod(mode | wanted)


def join_prompts(parts: Sequence[Prompt | int], voices: Mapping[str, Voice] | Path,
                 out: Path) -> sound_level.LevelMeasure:
    """Join prompts in a 16 kHz WAV and return the levels of the whole. A number is a pause in ms.

    Each prompt is spoken exactly as a build would, or taken from the folder of a build. Raise SoundError if a prompt is
    not built.
    """
    sound_level.pydub_segment()
    with tempfile.TemporaryDirectory(prefix="prompt-") as name:
        scratch = Path(name)
        whole = sound_level.pydub_segment().silent(duration=0, frame_rate=FORMATS["wav16"])
        for part in parts:
            if isinstance(part, int):
                whole += sound_level.make_silence(part, whole)
            elif isinstance(voices, Path):
                whole += sound_level.load_wav(voices / f"{part.place}.wav16")
            else:
                raw, _ = _speak_prompt(part, voices[part.language], scratch)
                _finish_sound(raw, FORMATS["wav16"], scratch / "part.wav", scratch, music=False)
                whole += sound_level.load_wav(scratch / "part.wav")
        sound_level.save_wav(whole, out)
        return sound_level.measure_levels(whole, out.name)


class BuildJob(NamedTuple):
    """Order for one sound."""

    key: str
    prompt: Prompt | None
    """Prompt to speak. None for the hold music and for a pause."""
    recording: Path | None
    stretch: bool
    """Whether the recording has normal speed while the slow version is wanted."""
    source: str


def _list_jobs(prompts: Mapping[str, Prompt], options: Options, studio: RecordingStudio) -> Iterator[BuildJob]:
        # The source is the hash of everything that the sound depends on, and of nothing else.
    for key, prompt in prompts.items():
        recording, stretch = studio.find_recording(prompt) or (None, False)
        basis: list[object] = [PIPELINE, prompt.slow, SLOW_SPEED, HIGHPASS_HZ, sound_level.PEAK_DBFS,
                               sound_level.RMS_DBFS]
        if recording:
            basis += ["recorded", sha256_of(recording), stretch]
        else:
            voice = options.voices[prompt.language]
            basis += [voice.identity, voice.speed, prompt.text, KEY_PAUSE_MS, SENTENCE_PAUSE_MS, SLOW_PAUSES]
        yield BuildJob(key, prompt, recording, stretch, _hash_basis(basis))
    for key, ms in PAUSES.items():
        yield BuildJob(key, None, None, False, _hash_basis([PIPELINE, ms]))
    for key in MUSIC:
        own = options.music if key == MUSIC_KEY else None
        music = sha256_of(own) if own else f"own {MUSIC_VERSION}"
        yield BuildJob(key, None, own, False, _hash_basis([PIPELINE, music, MUSIC_RMS_DBFS, MUSIC_PEAK_DBFS]))


def count_workers() -> int:
    """Return the number of sounds made at the same time: one for each core of this process, within a bound."""
    return min(MOST_WORKERS, len(os.sched_getaffinity(0)))


def _run_jobs(todo: list[BuildJob], options: Options, manifest: Manifest, progress: Progress) -> None:
    """Make all sounds, a few at a time. The manifest gets every success, even if another sound fails."""
    faults: list[str] = []
    with ThreadPoolExecutor(count_workers(), thread_name_prefix="prompts") as pool:
        # Progress is reported in the order in which sounds finish, so `wait` is used and not `map`.
        running: dict[Future[Entry], BuildJob] = {pool.submit(make_sound, job, options): job
                                                  for job in _spread_music(todo)}
        try:
            done = 0
            while running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    job = running.pop(future)
                    done += 1
                    try:
                        manifest.entries[job.key] = future.result()
                    except PromptError as error:
                        faults.append(str(error))
                    progress(done, len(todo), job.key)
        finally:
            pool.shutdown(cancel_futures=True)
    if faults:
        told = sorted(set(faults))
        more = f"\n  and {len(told) - NAMED_MAX} more" if len(told) > NAMED_MAX else ""
        raise SoundError(f"{len(faults)} of {len(todo)} sounds could not be built:\n  "
                         + "\n  ".join(told[:NAMED_MAX]) + more)


def _spread_music(todo: list[BuildJob]) -> list[BuildJob]:
    """Return the jobs with the pieces of music far from each other, the first of them first.

    Python itself makes music, and other programs make speech. At the end, or at once, music would leave cores idle.
    """
    music, rest = [job for job in todo if job.key in MUSIC], [job for job in todo if job.key not in MUSIC]
    gap = len(rest) // len(music) + 1 if music else 0
    for number, job in enumerate(music):
        rest.insert(number * gap, job)
    return rest


def make_sound(job: BuildJob, options: Options) -> Entry:
    """Make one sound at both rates. Raise PromptError that names it if it cannot be made or is not good enough."""
    if job.key in PAUSES:
        return _make_pause(job, options.out)
    # 1. Make a raw sound: music, a recording or a voice.
    with tempfile.TemporaryDirectory(prefix="prompt-") as name:
        scratch = Path(name)
        joins: list[float] = []
        if job.prompt is None:
            raw, backend, voice, speed = _make_music(job, scratch)
        elif job.recording is not None:
            raw = _prepare_recording(job, job.recording, scratch)
            backend, voice, speed = "recorded", "recorded", SLOW_SPEED if job.stretch else 1.0
        else:
            speaker = options.voices[job.prompt.language]
            raw, joins = _speak_prompt(job.prompt, speaker, scratch)
            backend, voice = speaker.backend, speaker.name
            speed = speaker.speed * (SLOW_SPEED if job.prompt.slow else 1.0)
        # 2. Finish it at both rates. A cut at the beginning moves the joins.
        place = job.key if job.prompt is None else job.prompt.place
        sums, measures, moved = {}, {}, {}
        for ending, rate in FORMATS.items():
            name = f"{place}.{ending}"
            try:
                measures[ending], cut_s = _finish_sound(raw, rate, options.out / name, scratch,
                                                        music=job.prompt is None)
            except VoiceError as error:
                raise SoundError(f"{job.key}: {error}") from error
            sums[name] = sha256_of(options.out / name)
            moved[name] = [round(join - cut_s, 4) for join in joins]
    peak, rms, seconds = measures["wav"]
    text = job.prompt.text if job.prompt else ""
    return Entry(job.key, text_hash(text), backend, voice, round(speed, 3), peak, rms, seconds, job.source, sums,
                 moved)  # fmt: skip


def _speak_prompt(prompt: Prompt, voice: Voice, scratch: Path) -> tuple[Path, list[float]]:
    """Speak the pieces of the text and join them with their pauses. Return the file and the seconds of the joins."""
    joined, joins = None, []
    for number, piece in enumerate(cut_pieces(prompt.text, slow=prompt.slow)):
        path = scratch / f"{number}.wav"
        try:
            voice.speak_text(piece.text, path, SLOW_SPEED if prompt.slow else 1.0)
            spoken = sound_level.load_wav(path)
        except ServiceStopped:
            # All sentences have this fault, so it names none of them and is told once.
            raise
        except PromptError as error:
            raise VoiceError(f"{prompt.key}: {error}") from error
        # Each piece is trimmed, so that a pause is as long as it should be with every voice.
        segment = sound_level.fade_ends(sound_level.trim_silence(spoken, prompt.key))
        joined = segment if joined is None else joined + segment
        if piece.pause_ms:
            joins.append(round(joined.duration_seconds, 4))
            joined += sound_level.make_silence(piece.pause_ms, segment)
            joins.append(round(joined.duration_seconds, 4))
    raw = scratch / "joined.wav"
    sound_level.save_wav(joined, raw)
    return raw, joins


def _prepare_recording(job: BuildJob, recording: Path, scratch: Path) -> Path:
    """Return a recording as 16 bit mono WAV, trimmed, and stretched if the slow version is wanted."""
    plain, stretched, raw = scratch / "plain.wav", scratch / "stretched.wav", scratch / "raw.wav"
    try:
        run_program(["sox", "-R", recording, "-b", "16", "-e", "signed-integer", plain])
    except VoiceError as error:
        raise SoundError(f"recording {recording.name}: {error}") from error
    # Check for clipping before the levels change: levelling would hide it.
    segment = sound_level.load_wav(plain)
    sound_level.refuse_clipped(segment, f"recording {recording.name}")
    segment = sound_level.trim_silence(segment.set_channels(1), f"recording {recording.name}")
    sound_level.save_wav(segment, plain)
    if not job.stretch:
        return plain
    # sox changes the tempo and keeps the pitch, as a slow speaker does.
    run_program(["sox", "-R", plain, stretched, "gain", str(HEADROOM_DB), "tempo", "-s", str(SLOW_SPEED)])
    stretched.replace(raw)
    return raw


def _make_music(job: BuildJob, scratch: Path) -> tuple[Path, str, str, float]:
    raw = scratch / "music.wav"
    if job.recording is not None:
        try:
            run_program(["sox", "-R", job.recording, "-b", "16", "-c", "1", raw, "gain", str(HEADROOM_DB)])
        except VoiceError as error:
            raise SoundError(f"music {job.recording.name}: {error}") from error
        return raw, "recorded", "music file", 1.0
    samples = hold_music(MUSIC[job.key]).tobytes()
    segment = sound_level.pydub_segment()(data=samples, sample_width=2, frame_rate=MUSIC_RATE, channels=1)
    sound_level.save_wav(segment, raw)
    return raw, "santral", "own synthesis", 1.0


def _make_pause(job: BuildJob, out: Path) -> Entry:
    sums = {}
    for ending, rate in FORMATS.items():
        path = out / f"{job.key}.{ending}"
        sound_level.save_wav(sound_level.pydub_segment().silent(duration=PAUSES[job.key], frame_rate=rate), path)
        sums[path.name] = sha256_of(path)
    # A pause has no level, so the manifest gets the faintest one.
    nothing, seconds = sound_level.FAINTEST_PEAK_DBFS, PAUSES[job.key] / 1000
    return Entry(job.key, text_hash(""), "santral", "silence", 1.0, nothing, nothing, seconds, job.source, sums, {})


def _finish_sound(raw: Path, rate: int, path: Path, scratch: Path, *,
                  music: bool) -> tuple[sound_level.LevelMeasure, float]:
    """Finish one rate of a sound: filter, resample, cut, level, check, and put it in its place.

    Return the levels and the seconds cut from the beginning. A sound that a lower rate does not carry (an s, a hum) is
    silence there. Music keeps its ends, or the loop would have a seam.
    """
    begin = 0
    turned = scratch / f"{rate}.wav"
    filters = [] if music else ["highpass", str(HIGHPASS_HZ)]
    # Without -R sox dithers at random, and no two builds are alike.
    run_program(["sox", "-R", raw, "-r", str(rate), "-c", "1", "-b", "16", turned, "gain", str(HEADROOM_DB), *filters])
    segment = sound_level.load_wav(turned)
    if music:
        if sound_level.is_silent(segment):
            raise SoundError("the music is silent")
        segment = segment.apply_gain(min(MUSIC_RMS_DBFS - segment.dBFS, MUSIC_PEAK_DBFS - segment.max_dBFS))
        measure = sound_level.LevelMeasure(round(segment.max_dBFS, 2), round(segment.dBFS, 2),
                                           round(len(segment) / 1000, 3))
    else:
        segment = _limit_peaks(segment, turned, scratch)
        begin, end = sound_level.sound_bounds(segment, path.stem)
        segment = sound_level.level_sound(segment[begin:end])
        measure = sound_level.measure_levels(segment, path.stem)
    sound_level.save_wav(segment, path)
    return measure, begin / 1000


def _limit_peaks(segment: Any, turned: Path, scratch: Path) -> Any:
    """Return the sound with its single peaks pressed down, so that the voice can be as loud as in other prompts."""
    excess = sound_level.peak_excess_db(segment)
    if excess <= 0:
        return segment
    pressed = scratch / "pressed.wav"
    # sox limits by the gain above full scale, so the sound is normalised first.
    limit = ["gain", "-n", "0", "gain", "-l", f"{min(excess, sound_level.MOST_LIMITED_DB):.2f}"]
    run_program(["sox", "-R", turned, pressed, *limit, "gain", str(HEADROOM_DB)])
    return sound_level.load_wav(pressed)


def _still_good(out: Path, entry: Entry, job: BuildJob | None) -> bool:
    # The sums are compared too: somebody may have replaced a file by hand.
    if job is None or entry.source != job.source:
        return False
    try:
        return all(sha256_of(out / name) == wanted for name, wanted in entry.sha256.items())
    except OSError:
        return False


def _check_programs(options: Options) -> None:
    """Raise PromptError for everything that can be known to be missing before the work begins."""
    if options.music is not None and not options.music.is_file():
        raise SoundError(f"the music file {options.music} does not exist")
    run_program(["sox", "--version"])


@contextmanager
def hold_lock(out: Path) -> Iterator[None]:
    """Hold the lock of a folder: one build at a time, and no recordings taken in meanwhile."""
    with (out / ".building").open("w") as lock:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            # flock ends with the process, so a killed build leaves no lock behind.
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SoundError(f"another build has been at work in {out} for {LOCK_WAIT_S:.0f} s") from None
                time.sleep(LOCK_POLL_S)
        lock.write(str(os.getpid()))
        yield


def _hash_basis(basis: list[object]) -> str:
    return hashlib.sha256(json.dumps(basis, ensure_ascii=False).encode()).hexdigest()
