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


def members() -> Iterator[tuple[int, str, dict[str, int]]]:
    """Number, team and skills of each agent."""
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
            yield number, team, skills
            number += 1


def team() -> str:
    """Text of team.yaml."""
    lines = ["# 180 agents, written by centres/generate.py. No name of a person stands here.", "agents:"]
    for number, name, skills in members():
        levels = ", ".join(f"{skill}: {level}" for skill, level in skills.items())
        lines.append(f'  - {{id: a{number}, number: "{number}", team: {name}, skills: {{{levels}}}}}')
    return "\n".join(lines) + "\n"


def accommodations() -> str:
    """Text of accommodations.yaml: five of every eighteen agents."""
    lines = ["# What agents need, never why. Keep a real one readable by its owner alone: chmod 600.",
             "accommodations:"]
    chosen = [number for number, _, _ in members() if (number - FIRST) * 5 % 18 >= 13]
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
