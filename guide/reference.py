"""Write the pages of `docs/reference` and the tree of commands from the code: `python -m guide.reference`.

A test fails when one is old.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from guide import code_reference, command_tree, settings_reference
from guide.tables import ROOT

FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Drawn by guide/reference.py -->\n\n"

PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_reference.draw_settings,
    "team-files.md": settings_reference.draw_team_files,
    "api.md": code_reference.draw_api,
    "commands.md": code_reference.draw_commands,
    "metrics.md": code_reference.draw_metrics,
    "runbooks.md": code_reference.draw_runbooks,
    "log-events.md": code_reference.draw_log,
    "codes.md": code_reference.draw_codes,
    "dialplan.md": code_reference.draw_dialplan,
}


def draw_pages() -> dict[str, str]:
    """Return the text of each page by its name."""
    return {name: NOTE + draw() for name, draw in PAGES.items()}


def write_pages(folder: Path = FOLDER) -> None:
    """Write all pages, and remove pages that are no longer drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.md"):
        if path.name not in PAGES:
            path.unlink()
    for name, text in draw_pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages()
    command_tree.write_tree()
    sys.stdout.write(f"{len(PAGES)} pages in {FOLDER.relative_to(ROOT)}\n")
