"""Provide `santral menu`, which draws what callers hear and where each key leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from ivr.flow import menu_outline, menu_picture
from ivr.flow.menu_model import MenuFlow
from ivr.flow.menu_outline import OutlineItem
from ivr.flow.sound_checks import PromptVoice

ESTIMATED_NOTE = "Some sounds are not built, so their times are estimated. Build them: santral prompts build"
STYLES = {"menu": "bold", "digits": "bold", "queue": "green", "end": "yellow", "transfer": "magenta",
          "message": "magenta"}

CentreArgument = Annotated[Path, typer.Argument(help="Folder of the centre.")]
SettingsOption = Annotated[Path | None, typer.Option("--settings", help="TOML laid over santral.toml.")]


class CentreMenu(NamedTuple):
    """Menu of a centre."""

    flow: MenuFlow
    voice: PromptVoice
    numbers: Mapping[str, str]
    """Entry of each called number."""


ReadMenu = Callable[[Path, Path | None], CentreMenu]


def build_commands(read: ReadMenu, document: menu_picture.Document, default_centre: Path) -> typer.Typer:
    """Return the commands of this room, to be mounted as `santral menu`."""
    app = typer.Typer(no_args_is_help=True, help="Draw the menu that callers hear.")

    @app.command("show")
    def show_menu(
        centre: CentreArgument = default_centre,
        settings: SettingsOption = None,
        svg: Annotated[Path | None, typer.Option("--svg", help="Write a picture instead.")] = None,
    ) -> None:
        """Draw the menu as a tree, with what is said and when each key has been heard."""
        menu = read(centre, settings)
        trees = list(_entry_trees(menu))
        note = "" if menu_outline.all_built(menu.flow, menu.voice) else ESTIMATED_NOTE
        if svg is not None:
            svg.parent.mkdir(parents=True, exist_ok=True)
            svg.write_text(draw_menu(menu, document), encoding="utf-8")
            typer.echo(f"{svg}: {len(menu.flow.nodes)} nodes")
            return
        console = Console(highlight=False)
        for name, root in trees:
            tree = Tree(Text(name, style="bold"))
            _grow_tree(tree, root)
            console.print(tree)
        if note:
            console.print(note, markup=False)

    return app


def draw_menu(menu: CentreMenu, document: menu_picture.Document) -> str:
    """Return the picture of a menu as SVG text."""
    note = "" if menu_outline.all_built(menu.flow, menu.voice) else ESTIMATED_NOTE
    return menu_picture.draw_picture("The menu, and when each key has been heard", list(_entry_trees(menu)), document,
        note)


def _entry_trees(menu: CentreMenu) -> Iterator[tuple[str, OutlineItem]]:
    for entry, start in menu.flow.entries.items():
        called = ", ".join(number for number, name in menu.numbers.items() if name == entry)
        yield f"entry {entry}{f' ({called})' if called else ''}", menu_outline.build_outline(menu.flow, start,
            menu.voice)
    if menu.flow.human_first is not None and menu.flow.human_first.then:
        yield "callers who asked for a person at once", menu_outline.build_outline(
            menu.flow, menu.flow.human_first.then, menu.voice)


def _grow_tree(tree: Tree, item: OutlineItem, before: str = "") -> None:
    text = Text(f"{before}\n" if before else "")
    if item.kind == "again":
        text.append(f"→ {item.node}", style="italic")
        tree.add(text)
        return
    text.append(item.node, style=STYLES.get(item.kind, ""))
    text.append(f" {item.kind}", style="dim")
    for line in item.lines:
        text.append(f"\n{line}")
    branch = tree.add(text)
    for way in item.ways:
        when = "" if way.heard_s is None else f" [{way.heard_s:.1f} s]"
        _grow_tree(branch, way.to, " ".join((f"{way.key} {way.words}{when}", *way.needs)).strip())
