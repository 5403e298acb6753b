"""Define the observations: what a caller or an agent can hear and see, each with its time.

An observation is one flat line, so a recorded day is a file of JSON lines (`recorded/`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

KINDS = {
    # the house, as everybody knows it
    "line": "`who` is a line that callers ask for; `words` is `distress` for a crisis line; `about` is its partner",
    "card": "`who` is an agent, who surely may serve the lines in `words`, and perhaps those in `about`; `n` is the "
            "longest time at work without a break, and `also` the length of a break",
    "broke": "the house failed, and nobody was answered; `words` tells how",
    "figures": "the report of the line `who`: `n` callers who came, and `also` of them in time",
    # agents
    "own": "the state of the agent `who`, as the agent knows it (`STATES`); for `break`, `about` is who began it: "
           "`own`, `plan` or `house`; for `free`, `n` is the end of a rest",
    "rings": "the phone of the agent `who` rings for the caller `about`; `words` is the kind (`RINGS`)",
    "quiet": "the phone of `who` rings for `about` no more",
    "answers": "the agent `who` picks up for `about`; with the words `brief` the agent hears a brief first",
    "voice": "the agent `who` and the caller `about` hear each other",
    "over": "`who` and `about` hear each other no more; `words` is who ended it",
    "told": "the agent `who` hears or reads a sentence; `words` is its kind",
    "acts": "the supervisor `who` does something to the caller `about`; `words` is `move`, `undo` or `withdraw`",
    "asks back": "the house asks the supervisor `who` once more before it acts on the caller `about`",
    "refuses": "the house refuses what the supervisor `who` asks for the caller `about`",
    # callers
    "asks": "the caller `who` asks for the line `about`, or is moved to it by `words`",
    "aside": "the caller `who` cannot be reached by the house now; `words` tells why",
    "back": "the caller `who` can be reached again",
    "hears": "the caller `who` hears a sentence; `words` is its kind (`SENTENCES`), `n` its number",
    "presses": "the caller `who` presses the key `words`",
    "gone": "the caller `who` is on the line no more; `words` is why",
    "dialled": "the phone of the caller `who` rings: somebody calls back",
    "undialled": "the phone of the caller `who` rings no more",
    "partner": "a phone outside rings for the caller `who`",
    "quiet hours": "nobody is called back from now on (`n` is 1), or callers are again (0)",
}
"""Kinds of observations, each with the meaning of its fields."""

STATES = ("free", "rings", "talks", "writes", "break", "away", "out", "phone")
"""States of an agent, as the agent knows them. `writes` is the time after a talk, `phone` a phone in use or gone."""

RINGS = ("live", "callback", "deferred", "consult", "key")
"""Kinds of rings: a caller on the line, a callback, a callback of the night, a colleague's question, and a phone
outside that is answered by a key."""

SENTENCES = ("wait", "wait more", "place", "anew", "promise", "promised for", "taken back", "good-bye", "emergency",
             "lost", "other")
"""Kinds of sentences: a wait of `n` minutes, or of more; the place `n`; that the wait lasts longer than said; that the
caller is called back, until the time `n` if there is one; that this is not so after all; the end; numbers for
emergencies; an apology for a lost talk; and any other."""


class Seen(NamedTuple):
    """One observation."""

    at: float
    what: str
    who: str = ""
    about: str = ""
    words: str = ""
    n: float = 0.0
    also: float = 0.0


def write_day(path: Path, day: Iterable[Seen]) -> None:
    """Write observations as JSON lines, without empty fields at the end."""
    lines = []
    for one in day:
        fields = [round(one.at, 3), *one[1:]]
        while fields[-1] in ("", 0.0):
            fields.pop()
        lines.append(json.dumps(fields, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_day(path: Path) -> list[Seen]:
    """Read observations from JSON lines. Raise ValueError for a kind that is not declared."""
    found = [Seen(*json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]
    for one in found:
        if one.what not in KINDS:
            raise ValueError(f"{path.name}: {one.what!r} is no kind of observation")
    return found
