"""The whole centre of a worked example. The page shows the files that matter; the others are here."""

from __future__ import annotations

from pathlib import Path

import yaml

from guide.examples import PageExample
from routing.core.model.centre_model import Centre
from santral.centre.config import node_config
from tests.ministry import MEB

SETTINGS = """[centre]
name = "Örnek"
[numbers]
"4440632" = "ana"
[hours]
always = true
[trunk]
match = ["127.0.0.1"]
outgoing = "192.0.2.10"
[seats]
first = 2001
count = 20
"""


def write_centre(example: PageExample, folder: Path) -> Path:
    """Write every file of the example, with a menu that leads to each of its services."""
    files = {"santral.toml": SETTINGS, "accommodations.yaml": "accommodations: []\n", **example.files}
    services = [one["id"] for one in yaml.safe_load(files["services.yaml"])["services"]]
    files["menu.yaml"] = yaml.safe_dump({
        "entries": {"ana": "ana"}, "human": services[-1],
        "nodes": {"ana": {"options": [
            {"key": 0 if name == services[-1] else key, "say": f"ana-menu-{0 if name == services[-1] else key}",
             "confirm": "secildi-temsilci", "then": name} for key, name in enumerate(services, 1)],
            "closing": "tus-bilgisi", "after_failures": services[-1]},
            **{name: {"queue": name, "text": "https://example.org"} for name in services}}})
    files["prompts/tr/menu.yaml"] = (MEB / "prompts" / "tr" / "menu.yaml").read_text(encoding="utf-8")
    (folder / "prompts" / "tr").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o600)
    return folder


def centre_of(example: PageExample, folder: Path) -> Centre:
    """Return the settings that decide routing. Raise BadCentre with every problem."""
    return node_config(write_centre(example, folder)).centre
