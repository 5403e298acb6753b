"""Give the lab its own AMI user at the centre's Asterisk, in the file that the operator's own lines belong to."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from lab.errors import LabError

USER, FILE = "lab", "watch.json"
HOOK = Path("local") / "manager.conf"
"""File of the operator's own lines, next to the rendered files."""
RIGHTS = "deny=0.0.0.0/0.0.0.0\npermit=127.0.0.1/255.255.255.255\nread=call,agi,dialplan\nwrite=\nwritetimeout=5000\n"
"""It hears calls and what is played to them, and can do nothing."""


def add_user(conf: Path, state: Path) -> None:
    """Add the user to the rendered files, before Asterisk starts."""
    secret = secrets.token_urlsafe(24)
    for path, text in ((state / FILE, json.dumps(secret)), (conf / HOOK, f"[{USER}]\nsecret={secret}\n{RIGHTS}")):
        path.parent.mkdir(exist_ok=True)
        # The mode comes before the content.
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")


def read_secret(state: Path) -> str:
    """Return the secret of the user. Raise LabError if the lab was not started for visitors."""
    try:
        return str(json.loads((state / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise LabError(f"{state / FILE} cannot be read: start the lab for visitors") from error
