"""Plant the release after this one: the code of this tree with a higher version, wider tables and a wider fact.

Labs run it next to this release, in an upgrade and back. Nothing else differs, so each fault is one of two releases.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError

VERSION, REVISION = "99.0", "9001"
"""Version and newest revision of the tables of the planted release: above all that will be."""
COPIED = "routing"
"""Package with the changes. The others are links."""

MIGRATION = f'''"""Widen the tables as the release after this one might: a column, an index, a table."""

from alembic import op
from sqlalchemy import Column, Integer, Text, text

revision, down_revision, branch_labels, depends_on = "{REVISION}", "{{before}}", None, None
FITS = "{{before}}"


def upgrade():
    op.add_column("contacts", Column("planted", Integer, nullable=False, server_default=text("7")))
    op.create_index("ix_contacts_planted", "contacts", ["planted"])
    op.create_table("planted", Column("one", Text, primary_key=True))
'''

END = '    """Time of the end, if it became known only later. None for `at`."""\n\n\nclass LoadState'
CHANGES = {
    "core/model/facts.py": (END, '    planted: str = ""\n\n\nclass LoadState'),
    "core/emit.py": ("_OF_CONTACT = {\n", '_OF_CONTACT = {\n    "planted": "\'newer\'",\n')}
"""Text that the planted release has instead of another one, by file: a field that each `Ended` has."""


def plant_release(folder: Path, source: Path | None = None) -> Path:
    """Write the planted release into a new folder, and return it. Raise LabError if this code cannot be changed so."""
    root = source or Path(__file__).parents[1]
    # 1. Links to what is the same, and a copy of what is not.
    folder.mkdir(parents=True)
    for one in root.iterdir():
        if one.name != COPIED and (one / "__init__.py").is_file():
            (folder / one.name).symlink_to(one)
    shutil.copytree(root / COPIED, folder / COPIED, ignore=shutil.ignore_patterns("__pycache__"))
    # 2. Tables and fact.
    versions = folder / COPIED / "store" / "migrations" / "versions"
    before = max(path.stem[1:5] for path in versions.glob("r*.py"))
    (versions / f"r{REVISION}_planted.py").write_text(MIGRATION.format(before=before), encoding="utf-8")
    for name, (old, new) in CHANGES.items():
        path = folder / COPIED / name
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise LabError(f"{path} has no place for the change of a planted release; change {__name__}")
        path.write_text(text.replace(old, new), encoding="utf-8")
    # 3. The version, where Python looks for it.
    about = folder / f"santral-{VERSION}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: santral\nVersion: {VERSION}\n", encoding="utf-8")
    return folder


def release_env(tree: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment in which `python -P` imports the release in a folder."""
    found = dict(os.environ if env is None else env)
    found["PYTHONPATH"] = os.pathsep.join(filter(None, (tree, found.get("PYTHONPATH", ""))))
    return found
