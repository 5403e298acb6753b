"""Text to audio: every prompt as `<language>/<key>.wav` (8 kHz) and `.wav16` (16 kHz), and the hold music.

Only what changed is built: a prompt's `source` in the manifest is the hash of everything its sound depends on, and its
files must still have the sums that the manifest tells. Files are written whole or not at all, and the manifest says
`complete` only when all of them are there.
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

from prompts import level
from prompts.catalogue import FORMATS, PAUSES, Prompt
from prompts.errors import PromptError, SoundTrouble, VoiceTrouble
from prompts.manifest import Entry, Manifest, text_hash
from prompts.music import PEAK_DBFS as MUSIC_PEAK_DBFS
from prompts.music import PIECES, hold_music
from prompts.music import RATE as MUSIC_RATE
from prompts.music import RMS_DBFS as MUSIC_RMS_DBFS
from prompts.music import VERSION as MUSIC_VERSION
from prompts.process import run
from prompts.studio import Studio
from prompts.text import KEY_PAUSE_MS, SENTENCE_PAUSE_MS, SLOW_PAUSES, SLOW_SPEED, pieces
from prompts.voices import Voice, sha256_of

PIPELINE = 4
"""Grows when the same text and voice give another sound: everything is then built again."""

WORKERS = 2
"""The work is done by other processes; two of them keep a small machine busy without taking it away from others."""

HIGHPASS_HZ = 120
"""Below this a telephone carries nothing; rumble would only take loudness from the voice."""

HEADROOM_DB = -6
"""Taken off before filters and resampling, so that they cannot clip. The levels are set afterwards."""

LOCK_WAIT_S = 600.0
"""A second build of the same folder waits for the first: a whole build takes well under a minute."""

LOCK_POLL_S = 0.2

MUSIC_KEY = "moh/santral"
"""The usual music."""
MUSIC = {MUSIC_KEY: PIECES["santral"], **{f"moh/{name}/{name}": piece for name, piece in PIECES.items()
                                          if name != "santral"}}
"""What each is; other music than the usual has a folder of its own, which is a class of music on hold."""

LEFT_BEHIND = ".*.*.[0-9]*"
"""Half-written files (`.name.wav.<pid>`) of a build that was killed."""


class Options(NamedTuple):
    """What is built, and how."""

    out: Path
    voices: Mapping[str, Voice]
    """By language: each prompt is spoken by the voice of its own."""
    music: Path | None = None
    """A sound file to be the hold music instead of our own."""


class Report(NamedTuple):
    """What a build did."""

    built: tuple[str, ...]
    kept: int
    removed: tuple[str, ...]
    recorded: int
    old: tuple[str, ...]
    """Recordings that are not played, because their text was changed."""


Progress = Callable[[int, int, str], None]
"""Called with (done, of, key)."""


def build(prompts: Mapping[str, Prompt], options: Options, progress: Progress = lambda done, of, key: None) -> Report:
    """Bring `options.out` up to date. All prompts that fail are told together, in one PromptError."""
    level.pydub_segment()
    _check(options)
    options.out.mkdir(parents=True, exist_ok=True)
    with alone(options.out):
        for left in options.out.rglob(LEFT_BEHIND):
            left.unlink()
        studio = Studio(options.out)
        jobs = {job.key: job for job in _jobs(prompts, options, studio)}
        before = Manifest.read(options.out) or Manifest()
        kept = {key: entry for key, entry in before.entries.items() if _still_good(options.out, entry, jobs.get(key))}
        manifest = Manifest(dict(kept))
        todo = [job for key, job in jobs.items() if key not in kept]
        removed = tuple(key for key in before.entries if key not in jobs)
        if todo or removed or not before.complete:
            manifest.write(options.out)
            for key in removed:
                for name in before.entries[key].sha256:
                    (options.out / name).unlink(missing_ok=True)
            try:
                _work(todo, options, manifest, progress)
                manifest.complete = True
            finally:
                manifest.write(options.out)
        _for_everybody(options.out)
        recorded = sum(entry.backend == "recorded" for entry in manifest.entries.values())
        return Report(tuple(job.key for job in todo), len(kept), removed, recorded, tuple(studio.old(prompts)))


def _for_everybody(folder: Path) -> None:
    """Asterisk is another user, and silent about what it may not read: all may read it, whatever the umask is."""
    for path in (folder, *folder.rglob("*")):
        wanted = 0o055 if path.is_dir() else 0o044
        mode = path.stat().st_mode & 0o777
        if mode | wanted != mode:
            path.chmod(mode | wanted)


def listen(parts: Sequence[Prompt | int], voices: Mapping[str, Voice] | Path, out: Path) -> level.Measure:
    """Prompts one after another in a 16 kHz WAV, each spoken exactly as a build would, or taken from the folder of a
    build; a number is a pause in ms. The levels are those of the whole. SoundTrouble when one is not built.
    """
    level.pydub_segment()
    with tempfile.TemporaryDirectory(prefix="prompt-") as name:
        scratch = Path(name)
        whole = level.pydub_segment().silent(duration=0, frame_rate=FORMATS["wav16"])
        for part in parts:
            if isinstance(part, int):
                whole += level.silence(part, whole)
            elif isinstance(voices, Path):
                whole += level.load(voices / f"{part.place}.wav16")
            else:
                raw, _ = _spoken(part, voices[part.language], scratch)
                _finish(raw, FORMATS["wav16"], scratch / "part.wav", scratch, music=False)
                whole += level.load(scratch / "part.wav")
        level.save(whole, out)
        return level.measured(whole, out.name)


class Job(NamedTuple):
    """One sound to make."""

    key: str
    prompt: Prompt | None
    """None: the hold music, or a pause."""
    recording: Path | None
    stretch: bool
    """The recording is of normal speed, the slow version is wanted."""
    source: str


def _jobs(prompts: Mapping[str, Prompt], options: Options, studio: Studio) -> Iterator[Job]:
    for key, prompt in prompts.items():
        recording, stretch = studio.find(prompt) or (None, False)
        basis: list[object] = [PIPELINE, prompt.slow, SLOW_SPEED, HIGHPASS_HZ, level.PEAK_DBFS, level.RMS_DBFS]
        if recording:
            basis += ["recorded", sha256_of(recording), stretch]
        else:
            voice = options.voices[prompt.language]
            basis += [voice.identity, voice.speed, prompt.text, KEY_PAUSE_MS, SENTENCE_PAUSE_MS, SLOW_PAUSES]
        yield Job(key, prompt, recording, stretch, _hash(basis))
    for key, ms in PAUSES.items():
        yield Job(key, None, None, False, _hash([PIPELINE, ms]))
    for key in MUSIC:
        own = options.music if key == MUSIC_KEY else None
        music = sha256_of(own) if own else f"own {MUSIC_VERSION}"
        yield Job(key, None, own, False, _hash([PIPELINE, music, MUSIC_RMS_DBFS, MUSIC_PEAK_DBFS]))


def _work(todo: list[Job], options: Options, manifest: Manifest, progress: Progress) -> None:
    """Make all sounds, a few at a time. What worked is in the manifest even when something else failed."""
    faults: list[str] = []
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="prompts") as pool:
        running: dict[Future[Entry], Job] = {pool.submit(make, job, options): job for job in todo}
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
        raise SoundTrouble(f"{len(faults)} of {len(todo)} sounds could not be built:\n  " + "\n  ".join(told))


def make(job: Job, options: Options) -> Entry:
    """One sound, at both rates. PromptError when it cannot be made or is not fit to be heard."""
    if job.key in PAUSES:
        return _pause(job, options.out)
    with tempfile.TemporaryDirectory(prefix="prompt-") as name:
        scratch = Path(name)
        joins: list[float] = []
        if job.prompt is None:
            raw, backend, voice, speed = _music(job, scratch)
        elif job.recording is not None:
            raw = _recorded(job, job.recording, scratch)
            backend, voice, speed = "recorded", "recorded", SLOW_SPEED if job.stretch else 1.0
        else:
            speaker = options.voices[job.prompt.language]
            raw, joins = _spoken(job.prompt, speaker, scratch)
            backend, voice = speaker.backend, speaker.name
            speed = speaker.speed * (SLOW_SPEED if job.prompt.slow else 1.0)
        place = job.key if job.prompt is None else job.prompt.place
        sums, measures, moved = {}, {}, {}
        for ending, rate in FORMATS.items():
            name = f"{place}.{ending}"
            measures[ending], cut_s = _finish(raw, rate, options.out / name, scratch, music=job.prompt is None)
            sums[name] = sha256_of(options.out / name)
            moved[name] = [round(join - cut_s, 4) for join in joins]
    peak, rms, seconds = measures["wav"]
    text = job.prompt.text if job.prompt else ""
    return Entry(job.key, text_hash(text), backend, voice, round(speed, 3), peak, rms, seconds, job.source, sums,
                 moved)  # fmt: skip


def _spoken(prompt: Prompt, voice: Voice, scratch: Path) -> tuple[Path, list[float]]:
    """The pieces of the text, spoken, trimmed and joined with their pauses; and the seconds of the joins."""
    joined, joins = None, []
    for number, piece in enumerate(pieces(prompt.text, slow=prompt.slow)):
        path = scratch / f"{number}.wav"
        try:
            voice.speak(piece.text, path, SLOW_SPEED if prompt.slow else 1.0)
        except VoiceTrouble as error:
            raise VoiceTrouble(f"{prompt.key}: {error}") from error
        segment = level.faded(level.trimmed(level.load(path), prompt.key))
        joined = segment if joined is None else joined + segment
        if piece.pause_ms:
            joins.append(round(joined.duration_seconds, 4))
            joined += level.silence(piece.pause_ms, segment)
            joins.append(round(joined.duration_seconds, 4))
    raw = scratch / "joined.wav"
    level.save(joined, raw)
    return raw, joins


def _recorded(job: Job, recording: Path, scratch: Path) -> Path:
    """A recording as 16 bit mono WAV without the silence at its ends, stretched when the slow version is wanted."""
    plain, stretched, raw = scratch / "plain.wav", scratch / "stretched.wav", scratch / "raw.wav"
    try:
        run(["sox", "-R", recording, "-b", "16", "-e", "signed-integer", plain])
    except VoiceTrouble as error:
        raise SoundTrouble(f"recording {recording.name}: {error}") from error
    segment = level.load(plain)
    level.refuse_clipped(segment, f"recording {recording.name}")
    segment = level.trimmed(segment.set_channels(1), f"recording {recording.name}")
    level.save(segment, plain)
    if not job.stretch:
        return plain
    run(["sox", "-R", plain, stretched, "gain", str(HEADROOM_DB), "tempo", "-s", str(SLOW_SPEED)])
    stretched.replace(raw)
    return raw


def _music(job: Job, scratch: Path) -> tuple[Path, str, str, float]:
    raw = scratch / "music.wav"
    if job.recording is not None:
        try:
            run(["sox", "-R", job.recording, "-b", "16", "-c", "1", raw, "gain", str(HEADROOM_DB)])
        except VoiceTrouble as error:
            raise SoundTrouble(f"music {job.recording.name}: {error}") from error
        return raw, "recorded", "music file", 1.0
    samples = hold_music(MUSIC[job.key]).tobytes()
    segment = level.pydub_segment()(data=samples, sample_width=2, frame_rate=MUSIC_RATE, channels=1)
    level.save(segment, raw)
    return raw, "santral", "own synthesis", 1.0


def _pause(job: Job, out: Path) -> Entry:
    sums = {}
    for ending, rate in FORMATS.items():
        path = out / f"{job.key}.{ending}"
        level.save(level.pydub_segment().silent(duration=PAUSES[job.key], frame_rate=rate), path)
        sums[path.name] = sha256_of(path)
    nothing, seconds = level.FAINTEST_PEAK_DBFS, PAUSES[job.key] / 1000
    return Entry(job.key, text_hash(""), "santral", "silence", 1.0, nothing, nothing, seconds, job.source, sums, {})


def _finish(raw: Path, rate: int, path: Path, scratch: Path, *, music: bool) -> tuple[level.Measure, float]:
    """One rate of a sound: filtered, resampled, cut, levelled, checked, put in its place. Also how many seconds were
    cut from its beginning: what a lower rate does not carry (an s, a hum) is silence in it.

    `sox -R`: without it the dither is random and no two builds are alike. Music keeps its ends, or the loop would have
    a seam.
    """
    begin = 0
    turned = scratch / f"{rate}.wav"
    filters = [] if music else ["highpass", str(HIGHPASS_HZ)]
    run(["sox", "-R", raw, "-r", str(rate), "-c", "1", "-b", "16", turned, "gain", str(HEADROOM_DB), *filters])
    segment = level.load(turned)
    if music:
        if level.silent(segment):
            raise SoundTrouble("the music is silent")
        segment = segment.apply_gain(min(MUSIC_RMS_DBFS - segment.dBFS, MUSIC_PEAK_DBFS - segment.max_dBFS))
        measure = level.Measure(round(segment.max_dBFS, 2), round(segment.dBFS, 2), round(len(segment) / 1000, 3))
    else:
        segment = _pressed(segment, turned, scratch)
        begin, end = level.ends(segment, path.stem)
        segment = level.levelled(segment[begin:end])
        measure = level.measured(segment, path.stem)
    level.save(segment, path)
    return measure, begin / 1000


def _pressed(segment: Any, turned: Path, scratch: Path) -> Any:
    """With the peaks that stand out pressed down, so that the voice can be as loud as in every other prompt."""
    excess = level.standing_out(segment)
    if excess <= 0:
        return segment
    pressed = scratch / "pressed.wav"
    limit = ["gain", "-n", "0", "gain", "-l", f"{min(excess, level.MOST_LIMITED_DB):.2f}"]
    run(["sox", "-R", turned, pressed, *limit, "gain", str(HEADROOM_DB)])
    return level.load(pressed)


def _still_good(out: Path, entry: Entry, job: Job | None) -> bool:
    if job is None or entry.source != job.source:
        return False
    try:
        return all(sha256_of(out / name) == wanted for name, wanted in entry.sha256.items())
    except OSError:
        return False


def _check(options: Options) -> None:
    """Everything that can be known to be missing before the work begins."""
    if options.music is not None and not options.music.is_file():
        raise SoundTrouble(f"the music file {options.music} does not exist")
    run(["sox", "--version"])


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """One build at a time in a folder, and no recordings coming in meanwhile."""
    with (out / ".building").open("w") as lock:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SoundTrouble(f"another build has been at work in {out} for {LOCK_WAIT_S:.0f} s") from None
                time.sleep(LOCK_POLL_S)
        lock.write(str(os.getpid()))
        yield


def _hash(basis: list[object]) -> str:
    return hashlib.sha256(json.dumps(basis, ensure_ascii=False).encode()).hexdigest()
