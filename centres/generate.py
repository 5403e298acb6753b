"""Writes the team of the ministry's example: `python -m centres.generate [FOLDER]`.

180 agents, 50 of them with accommodations. Nobody in it exists: ids and numbers count up, levels follow from the number
by arithmetic, so the files are the same each time and hold no name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

FIRST = 1001
TEAMS = (("psikososyal", 40), ("uzaktan_egitim", 50), ("ihbar_sikayet", 40), ("gorus_oneri", 20), ("temsilci", 30))
"""Team = the skill its members are best in, and how many they are. Together 180."""

ON_CALL = (
    'monday: ["18:00-24:00"], tuesday: ["00:00-08:00"], friday: ["18:00-24:00"], saturday: ["00:00-08:00"]',
    'tuesday: ["18:00-24:00"], wednesday: ["00:00-08:00"], saturday: ["08:00-24:00"], sunday: ["00:00-08:00"]',
    'wednesday: ["18:00-24:00"], thursday: ["00:00-08:00"], sunday: ["08:00-24:00"]',
    'thursday: ["18:00-24:00"], friday: ["00:00-08:00"], monday: ["00:00-08:00"]',
)
"""When the last counsellors are on call: one of them at every hour outside 08:00 to 18:00 on weekdays."""
ON_CALL_LEVEL = 65
"""Below the first step of the service: who is at a seat goes before."""

NEEDS = (
    "ring_timeout_s: 30, misses_allowed: 5",
    "wrapup_s: 60, wrapup_extend_s: 120",
    "answer_mode: auto, pre_connect_mode: whisper",
    "rest_gap_s: 60",
    "pre_connect_mode: screen, pre_connect_s: 5, ring_timeout_s: 25",
    "answer_mode: press_one, pre_connect_mode: whisper, ring_timeout_s: 30",
    "channels: [chat, social, email, task]",
    "wrapup_s: 45, rest_gap_s: 30",
    "max_concurrency: {voice: 1, chat: 1}, one_at_a_time: true",
    "ring_timeout_s: 45, wrapup_s: 90, misses_allowed: 5",
)
"""What is needed, each for five agents. None of it says why."""


def members() -> Iterator[tuple[int, str, dict[str, int], str]]:
    """Number, team and skills of each agent, and when they are on call; empty: they answer at a seat."""
    number = FIRST
    names = [team for team, _ in TEAMS]
    for at, (team, count) in enumerate(TEAMS):
        for place in range(count):
            skills = {team: 60 + (place * 7) % 36}
            if team == "psikososyal":
                skills[team] = 55 + (place * 7) % 41
            second = names[1 + (at + place) % 4]  # nobody becomes a counsellor on the side
            if second != team and place % 2 == 0:
                skills[second] = 30 + (place * 5) % 26
            if "temsilci" not in skills and place % 3 != 0:
                skills["temsilci"] = 30 + (place * 3) % 31
            on_call = ""
            if team == "psikososyal" and place >= count - len(ON_CALL):
                skills, on_call = {team: ON_CALL_LEVEL}, ON_CALL[place - count + len(ON_CALL)]
            yield number, team, skills, on_call
            number += 1


def team() -> str:
    """Text of team.yaml."""
    lines = ["# 180 agents, written by centres/generate.py. No name of a person stands here. With on_call: called "
             "elsewhere.", "agents:"]
    for number, name, skills, on_call in members():
        levels = ", ".join(f"{skill}: {level}" for skill, level in skills.items())
        hours = f", on_call: {{{on_call}}}" if on_call else ""
        lines.append(f'  - {{id: a{number}, number: "{number}", team: {name}, skills: {{{levels}}}{hours}}}')
    return "\n".join(lines) + "\n"


def accommodations() -> str:
    """Text of accommodations.yaml: five of every eighteen agents."""
    lines = ["# What agents need, never why. Keep a real one readable by its owner alone: chmod 600.",
             "accommodations:"]
    chosen = [number for number, *_ in members() if (number - FIRST) * 5 % 18 >= 13]
    for place, number in enumerate(chosen):
        lines.append(f"  - {{agent: a{number}, {NEEDS[place % len(NEEDS)]}}}")
    return "\n".join(lines) + "\n"


def write(folder: Path) -> None:
    """Both files into a folder; accommodations readable by their owner alone."""
    (folder / "team.yaml").write_text(team(), encoding="utf-8")
    path = folder / "accommodations.yaml"
    path.touch(mode=0o600)
    path.write_text(accommodations(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "meb")
