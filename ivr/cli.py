"""`santral menu`: what callers hear and where each key leads, drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from ivr.flow import outline, picture
from ivr.flow.hear import Voice
from ivr.flow.model import Flow
from ivr.flow.outline import Item

RECKONED = "Some sounds are not built: their times are reckoned. Build them: santral prompts build"
STYLES = {"menu": "bold", "digits": "bold", "queue": "green", "end": "yellow", "transfer": "magenta",
          "message": "magenta"}

CentreArgument = Annotated[Path, typer.Argument(help="Folder of the centre.")]
SettingsOption = Annotated[Path | None, typer.Option("--settings", help="TOML laid over santral.toml.")]


class Menu(NamedTuple):
    """The menu of a centre."""

    flow: Flow
    voice: Voice
    numbers: Mapping[str, str]
    """Called number -> entry."""


ReadMenu = Callable[[Path, Path | None], Menu]


def commands(read: ReadMenu, document: picture.Document, default_centre: Path) -> typer.Typer:
    """The commands of this room, to be mounted as `santral menu`."""
    app = typer.Typer(no_args_is_help=True, help="The menu callers hear: draw it.")

    @app.command("show")
    def show(
        centre: CentreArgument = default_centre,
        settings: SettingsOption = None,
        svg: Annotated[Path | None, typer.Option("--svg", help="Write a picture instead.")] = None,
    ) -> None:
        """Draw the menu as a tree, with what is said and when each key has been heard."""
        menu = read(centre, settings)
        trees = list(_trees(menu))
        note = "" if outline.built(menu.flow, menu.voice) else RECKONED
        if svg is not None:
            svg.parent.mkdir(parents=True, exist_ok=True)
            svg.write_text(draw(menu, document), encoding="utf-8")
            typer.echo(f"{svg}: {len(menu.flow.nodes)} nodes")
            return
        console = Console(highlight=False)
        for name, root in trees:
            tree = Tree(Text(name, style="bold"))
            _grow(tree, root)
            console.print(tree)
        if note:
            console.print(note, markup=False)

    return app


def draw(menu: Menu, document: picture.Document) -> str:
    """The picture of a menu."""
    note = "" if outline.built(menu.flow, menu.voice) else RECKONED
    return picture.draw("The menu, and when each key has been heard", list(_trees(menu)), document, note)


def _trees(menu: Menu) -> Iterator[tuple[str, Item]]:
    for entry, start in menu.flow.entries.items():
        called = ", ".join(number for number, name in menu.numbers.items() if name == entry)
        yield f"entry {entry}{f' ({called})' if called else ''}", outline.outline(menu.flow, start, menu.voice)
    if menu.flow.human_first is not None and menu.flow.human_first.then:
        yield "callers who asked for a person at once", outline.outline(
            menu.flow, menu.flow.human_first.then, menu.voice)


def _grow(tree: Tree, item: Item, before: str = "") -> None:
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
        _grow(branch, way.to, " ".join((f"{way.key} {way.words}{when}", *way.needs)).strip())
