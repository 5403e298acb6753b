"""What is said, on one page: text, wave, length, level, voice and a play button of each prompt, and what still waits
for a person to record it. The page needs nothing but the folder of sounds, which it names relative to itself.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from prompts import level
from prompts.catalogue import FORMATS, Prompt
from prompts.errors import SoundTrouble, VoiceTrouble
from prompts.manifest import Entry
from prompts.process import run
from prompts.quality import MOST_SILENCE_MS, MOST_SPREAD_DB, MOST_STEP_DBFS, Checked

BARS = 80
"""Of a wave: one for each two pixels of its picture."""
WIDTH, HEIGHT = 160, 36
PICTURE = (1280, 1250)
HEARD = "wav"
"""The 8 kHz file is played and drawn: it is what most callers hear."""

LANGUAGE_NAMES = {"tr": "Turkish", "en": "English"}

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #ffffff; --line: #c9ccd4; --soft: #5b6070; --wave: #1f5fbf;
  --warn: #8a3b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --paper: #17181c; --line: #3c404b; --soft: #a3a8b8;
  --wave: #8ab4f8; --warn: #ff9e6d; } }
body { font: 16px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 84rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: middle; }
td.n { text-align: right; white-space: nowrap; } .when, .voice { color: var(--soft); font-size: .85rem; }
details, .measures { margin: .4rem 0; }
tr[data-voice] th { font: .85rem ui-monospace, monospace; overflow-wrap: anywhere; }
thead th { position: sticky; top: 0; background: var(--paper); }
svg { display: block; } svg path { stroke: var(--wave); stroke-width: 1.4; fill: none; }
button { font: inherit; min-width: 2.8rem; min-height: 2.2rem; cursor: pointer; }
input { font: inherit; padding: .3rem; } label { margin-right: 1.5rem; }
.warn { color: var(--warn); } .measures { width: auto; } .measures td { text-align: right; }
.groups { display: flex; flex-wrap: wrap; gap: .3rem 1.6rem; } .groups [open] { flex-basis: 100%; }
"""

SCRIPT = """
const player = new Audio(); let pressed = null;
const stop = () => { player.pause(); if (pressed) { pressed.textContent = '▶'; pressed.ariaPressed = 'false'; }
  pressed = null; };
player.onended = stop;
player.onerror = () => { stop(); say('This sound cannot be played: is the folder of sounds where it was?'); };
const say = text => document.getElementById('told').textContent = text;
document.addEventListener('click', event => {
  const button = event.target.closest('button[data-sound]');
  if (!button) return;
  const again = button === pressed; stop();
  if (again) return;
  pressed = button; button.textContent = '■'; button.ariaPressed = 'true';
  player.src = encodeURI(button.dataset.sound); player.play().catch(player.onerror);
});
const rows = [...document.querySelectorAll('tbody tr[data-voice]')];
const filter = () => {
  const word = document.getElementById('word').value.toLocaleLowerCase('tr');
  const only = document.getElementById('only').checked, bare = document.getElementById('bare').checked;
  let shown = 0;
  for (const row of rows) {
    row.hidden = !row.dataset.text.includes(word) || (only && row.dataset.voice === 'recorded')
      || (bare && row.dataset.slow === 'yes');
    shown += !row.hidden;
  }
  say(`${shown} of ${rows.length} prompts`);
};
for (const id of ['word', 'only', 'bare']) document.getElementById(id).addEventListener('input', filter);
filter();
"""


MEASURES: tuple[tuple[str, str, Callable[[Checked, str], str]], ...] = (
    ("Samples at full scale", "0", lambda checked, ending: str(sum(one.clipped for one in checked.of(ending)))),
    ("Loudness, softest to loudest", f"{MOST_SPREAD_DB:.0f} dB",
     lambda checked, ending: f"{checked.spread(ending):.1f} dB"),
    ("Silence before the words", f"{MOST_SILENCE_MS} ms",
     lambda checked, ending: f"{max((one.lead_ms for one in checked.of(ending)), default=0)} ms"),
    ("Silence after the words", f"{MOST_SILENCE_MS} ms",
     lambda checked, ending: f"{max((one.tail_ms for one in checked.of(ending)), default=0)} ms"),
    ("Step at an end or a join", f"{MOST_STEP_DBFS:.0f} dBFS",
     lambda checked, ending: f"{max((one.step for one in checked.of(ending)), default=-math.inf):.0f} dBFS"),
)
"""What is measured of a rate, what is allowed, and how to tell it."""


class Built(NamedTuple):
    """A folder of sounds as the page needs it."""

    root: Path
    href: str
    """The folder as seen from the page."""
    entries: Mapping[str, Entry]
    checked: Checked
    old: list[str]
    """Recordings that are not played, because their text was changed."""
    lacking: Mapping[str, list[str]]
    """Language -> keys that are said in the first language instead."""


def page(prompts: Mapping[str, Prompt], built: Built) -> str:
    """The whole document."""
    title = "Santral: what is said"
    parts = [*_summary(prompts, built), *_synthesised(prompts, built), *_controls()]
    for language, name in LANGUAGE_NAMES.items():
        of = [prompt for prompt in prompts.values() if prompt.language == language]
        if of:
            parts += [f"<h2>{name}</h2>", _table(name, of, built)]
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{STYLE}</style></head>\n<body><main><h1>{title}</h1>\n" + "\n".join(parts)
            + f"\n</main><script>{SCRIPT}</script></body></html>\n")  # fmt: skip


def picture(page: Path, out: Path) -> None:
    """The top of the page as a real browser shows it, PNG. VoiceTrouble when Chromium is missing or fails."""
    with tempfile.TemporaryDirectory(prefix="prompt-", ignore_cleanup_errors=True) as profile:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to have one as root
        run(["chromium", "--headless=new", *sandbox, "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}",
             f"--window-size={PICTURE[0]},{PICTURE[1]}", f"--screenshot={out.resolve()}", page.resolve().as_uri()])
    if not out.is_file():
        raise VoiceTrouble(f"chromium drew nothing into {out}")


def wave(path: Path) -> str:
    """A sound as the picture of its wave, SVG. Empty when it cannot be read."""
    try:
        segment = level.load(path)
    except SoundTrouble:
        return ""
    samples = np.frombuffer(segment.raw_data, dtype=np.int16).astype(np.float64)
    edges = np.linspace(0, len(samples), BARS + 1).astype(int)
    middle, strokes = HEIGHT / 2, []
    for bar, (low, high) in enumerate(pairwise(edges)):
        reach = np.abs(samples[low:high]).max(initial=0.0) / -level.LOWEST * middle
        strokes.append(f"M{bar * WIDTH / BARS + 1:.0f} {middle - max(reach, 0.5):.1f}v{2 * max(reach, 0.5):.1f}")
    return (f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
            f'<path d="{"".join(strokes)}"/></svg>')  # fmt: skip


def _summary(prompts: Mapping[str, Prompt], built: Built) -> Iterator[str]:
    yield "<h2>How they sound</h2>"
    seconds = sum(each[HEARD].seconds for each in built.checked.measures.values() if HEARD in each)
    yield f"<p>{len(prompts)} prompts, {seconds / 60:.0f} minutes. Measured at both rates:</p>"
    head = "".join(f'<th scope="col">{cell}</th>'
                   for cell in ("", "at most", *(f"{rate // 1000} kHz" for rate in FORMATS.values())))  # fmt: skip
    yield f'<table class="measures"><thead><tr>{head}</tr></thead><tbody>'
    for title, most, tell in MEASURES:
        cells = "".join(f"<td>{cell}</td>" for cell in (most, *(tell(built.checked, ending) for ending in FORMATS)))
        yield f'<tr><th scope="row">{title}</th>{cells}</tr>'
    yield "</tbody></table>"
    yield from _list("To mend", map(str, built.checked.findings))
    yield from _list("Recorded with another text: record them again", built.old)
    for language, keys in built.lacking.items():
        yield from _list(f"Said in Turkish to who chose {LANGUAGE_NAMES[language]}", keys)


def _list(title: str, lines: Iterable[str]) -> Iterator[str]:
    items = [f"<li>{escape(line)}</li>" for line in lines]
    if items:
        yield (f'<details><summary class="warn">{escape(title)}: {len(items)}</summary>'
               f'<ul>{"".join(items)}</ul></details>')  # fmt: skip


def _synthesised(prompts: Mapping[str, Prompt], built: Built) -> Iterator[str]:
    """What still uses synthesis, by language and group."""
    waiting: dict[tuple[str, str], list[str]] = {}
    for id_, prompt in prompts.items():
        entry = built.entries.get(id_)
        if not prompt.slow and entry is not None and entry.backend != "recorded":
            waiting.setdefault((prompt.language, prompt.group), []).append(id_)
    count = sum(map(len, waiting.values()))
    yield f"<h2>What still uses synthesis ({count})</h2>"
    if not count:
        yield "<p>Nothing: a person says all of it.</p>"
        return
    yield "<p>Slow versions are not counted: they are stretched from the recording of the normal one.</p>"
    yield '<div class="groups">'
    for (language, group), ids in waiting.items():
        yield (f"<details><summary>{LANGUAGE_NAMES[language]}, {escape(group)}: {len(ids)}</summary>"
               f"<p>{escape(', '.join(ids))}</p></details>")  # fmt: skip
    yield "</div>"


def _controls() -> Iterator[str]:
    yield ('<h2>All prompts</h2><p><label>Find <input id="word" type="search" placeholder="word, key, group"></label>'
           '<label><input id="only" type="checkbox"> only what is synthesised</label>'
           '<label><input id="bare" type="checkbox"> without slow versions</label></p>'
           '<p id="told" role="status"></p>')  # fmt: skip


def _table(name: str, prompts: list[Prompt], built: Built) -> str:
    head = "".join(f'<th scope="col">{title}</th>'
                   for title in ("Key", "", "Text", "Wave", "Seconds", "Peak, loudness", "Voice"))  # fmt: skip
    rows = "\n".join(_row(prompt, built) for prompt in prompts)
    return f'<table aria-label="{name}"><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>'


def _row(prompt: Prompt, built: Built) -> str:
    entry, found = built.entries.get(prompt.id), built.checked.measures.get(prompt.id, {}).get(HEARD)
    said = (f'<td><span lang="{prompt.language}">{escape(prompt.text)}</span>'
            f'<div class="when">{escape(prompt.when)}</div></td>')  # fmt: skip
    search = escape(f"{prompt.id} {prompt.group} {prompt.text}".replace("I", "ı").replace("İ", "i").lower(), quote=True)
    voice = entry.backend if entry else "none"
    opened = f'<tr data-voice="{voice}" data-slow="{"yes" if prompt.slow else "no"}" data-text="{search}">'
    key = f'<th scope="row">{escape(prompt.id)}</th>'
    if entry is None or found is None:
        return f'{opened}{key}<td></td>{said}<td colspan="4" class="warn">not built, or damaged</td></tr>'
    path = f"{prompt.place}.{HEARD}"
    button = (f'<button type="button" data-sound="{escape(f"{built.href}/{path}", quote=True)}" aria-pressed="false" '
              f'aria-label="Play {escape(prompt.id, quote=True)}">▶</button>')  # fmt: skip
    return (f"{opened}{key}<td>{button}</td>{said}<td>{wave(built.root / path)}</td>"
            f'<td class="n">{found.seconds:.1f}</td><td class="n">{found.peak:.1f}, {found.loudness:.1f} dBFS</td>'
            f'<td class="voice">{escape(entry.voice)}</td></tr>')  # fmt: skip
