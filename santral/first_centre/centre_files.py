"""Write the files of a new centre from the answers: every file is complete, and `santral check` finds no problem."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from centres.centre_reader import ACCOMMODATIONS, MENU, SERVICES, SETTINGS, TEAM
from ivr.flow.menu_model import OPTION_KEYS
from prompts.verbalise.turkish_numbers import key_dative
from santral.first_centre.answers import (
    ALWAYS,
    HUMAN,
    HUMAN_NAME,
    SEATS_FIRST,
    CentreAnswers,
    UnusableAnswer,
    service_id,
)

PRIVATE = 0o600
"""Mode of the file of accommodations, which only its owner reads."""
LAB_CALLERS = "127.0.0.2"
"""Address from which callers of `santral lab` come."""
TEXT = "https://example.org"
"""Written form of each service, to be replaced by an address of the centre."""
SKILL = 60
"""Level of each skill of a new agent."""


def refuse_filled(folder: Path) -> None:
    """Raise UnusableAnswer if the folder has files. A centre is never written over another."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UnusableAnswer(f"{folder} is not empty, and nothing was written. Name a new folder.")


def write_files(folder: Path, answers: CentreAnswers) -> None:
    """Write all files of a centre into a new or empty folder. Raise UnusableAnswer if it has files."""
    refuse_filled(folder)
    for name, text in render_files(answers).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if name == ACCOMMODATIONS:
            path.chmod(PRIVATE)


def render_files(answers: CentreAnswers) -> Mapping[str, str]:
    """Return the text of each file of the centre."""
    services = {service_id(name): name for name in answers.services}
    return {SETTINGS: _settings(answers), MENU: _menu(services, closes=answers.hours != ALWAYS),
            SERVICES: _services({**services, HUMAN: HUMAN_NAME}), TEAM: _team(answers, [*services, HUMAN]),
            ACCOMMODATIONS: _accommodations(), "prompts/tr/menu.yaml": _prompts(services)}


def _settings(answers: CentreAnswers) -> str:
    spoken = f"spoken = {_quote(answers.spoken)}\n" if answers.spoken else ""
    numbers = "".join(f"{_quote(number)} = \"ana\"\n" for number in answers.numbers)
    if answers.hours == ALWAYS:
        hours = "always = true\n"
    else:
        hours = 'closed = "kapali"               # what callers hear outside these hours\n' + "".join(
            f"{day} = [{_quote(answers.hours)}]\n" for day in answers.days)
    match = answers.carrier or LAB_CALLERS
    note = "" if answers.carrier else '   # callers of "santral lab": write the addresses of your carrier here'
    outgoing = f"outgoing = {_quote(answers.carrier)}   # where callbacks are dialled\n" if answers.carrier \
        else '# outgoing = "192.0.2.10:5060"  # where the carrier takes calls: without it nobody is called back\n'
    return f"""# Values of one machine (addresses, paths, the trunk) belong in an overlay with the
# same keys: santral run CENTRE --settings /etc/santral/local.toml. All keys: docs/reference/settings.md

[centre]
name = {_quote(answers.name)}
{spoken}language = "{answers.language}"

[numbers]                       # called number = entry of menu.yaml
{numbers}
[hours]
{hours}
[trunk]
match = [{_quote(match)}]{note}
{outgoing}
[seats]                         # the agents' phones
first = {SEATS_FIRST}
count = {answers.phones}

[fallback]                      # while no node answers: service of callers who have not chosen one
unknown = "{HUMAN}"
"""


def _menu(services: Mapping[str, str], *, closes: bool) -> str:
    options = [(str(key), f"ana-menu-{key}", f"secildi-{id_.replace('_', '-')}", id_) for key, id_ in zip(
        _keys(), services, strict=False)]
    options.append(("0", "ana-menu-0", f"secildi-{HUMAN}", HUMAN))
    listed = "".join(f"      - key: {key}\n        say: {say}\n        confirm: {confirm}\n        then: {then}\n"
                     for key, say, confirm, then in options)
    leaves = "".join(f"\n  {id_}:\n    queue: {id_}\n    text: {TEXT}\n" for id_ in (*services, HUMAN))
    closed = f"\n  kapali:\n    say: [karsilama, merkez-kapali]\n    end: true\n    text: {TEXT}\n" if closes else ""
    entry = "  kapali: kapali\n" if closes else ""
    return f"""# The dialogue of the line: docs/centre/menu.md. `text` is the same in writing: write your own addresses.
entries:
  ana: karsilama
{entry}
human: {HUMAN}

nodes:
  karsilama:
    say: karsilama
    then: ana-menu

  ana-menu:
    options:
{listed}    closing: tus-bilgisi
    after_failures: {HUMAN}
{leaves}{closed}"""


def _services(services: Mapping[str, str]) -> str:
    return "services:    # in the order of their keys; levels are 0 to 100, durations seconds\n" + "".join(
        f"  - id: {id_}\n    name: {_quote(name)}\n    steps:\n      - needs: {{{id_}: 30}}\n"
        "    when_nobody: {to: callback}   # nobody waits for nobody: \"Sizi biz arayalım mı?\"\n"
        "    target_s: 20\n    target_share: 0.8\n" for id_, name in services.items())


def _team(answers: CentreAnswers, skills: list[str]) -> str:
    levels = ", ".join(f"{skill}: {SKILL}" for skill in skills)
    return "# No names of persons. `number` is dialled to sign in.\nagents:\n" + "".join(
        f"  - {{id: a{number}, number: \"{number}\", skills: {{{levels}}}}}\n"
        for number in range(1001, 1001 + answers.agents))


def _accommodations() -> str:
    return ("# Needs of agents, never the reason (docs/reference/team-files.md). Keep it readable by its owner alone.\n"
            "# accommodations:\n#   - {agent: a1001, answer_mode: auto, pre_connect_mode: whisper}\n"
            "accommodations: []\n")


def _prompts(services: Mapping[str, str]) -> str:
    said = "".join(f"  ana-menu-{key}: {_quote(f'{name} için, {key_dative(key)} basın.')}\n"
                   f"  secildi-{id_.replace('_', '-')}: {_quote(f'{name} için sizi bağlıyorum.')}\n"
                   for key, (id_, name) in zip(_keys(), services.items(), strict=False))
    return ("# Your own sentences, over those of Santral (santral prompts list). {centre:dative} is the name.\n"
            f"prompts:\n  # karsilama: \"{{centre:dative}} hoş geldiniz.\"\n{said}")


def _keys() -> list[str]:
    return [key for key in OPTION_KEYS if key != "0"]


def _quote(text: str) -> str:
    """Return a text as TOML and YAML both read it."""
    return f'"{text}"'
