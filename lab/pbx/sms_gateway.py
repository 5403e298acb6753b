"""The lab's gateway for short messages. It accepts every message and appends it to a private file.

    python -m lab.pbx.sms_gateway PORT FILE
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

FILE = "sms.jsonl"
"""File in the lab's folder, with one message a line."""
BODY_MAX = 4096
"""Longest request body in bytes. A message has some hundred."""


def read_messages(folder: Path) -> list[dict[str, Any]]:
    """Return the messages that callers of the lab in a folder were sent, in order."""
    path = folder / FILE
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def render_settings(port: int, after_s: float) -> str:
    """Return the settings with which a node uses the gateway and offers a message after `after_s` of waiting."""
    return f'\n[sms]\nurl = "http://127.0.0.1:{port}/"\noffer_after_s = {after_s:g}\n'


class _MessageHandler(BaseHTTPRequestHandler):
    file: Path

    def do_POST(self) -> None:
        """Write the message to the file, then acknowledge it."""
        # The limit comes first: a wrong length must not fill the memory.
        body = self.rfile.read(min(int(self.headers["Content-Length"]), BODY_MAX))
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(json.loads(body), ensure_ascii=False).encode() + b"\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the file already names the receivers."""


def run_gateway() -> None:
    """Serve until the process is ended."""
    _MessageHandler.file = Path(sys.argv[2])
    HTTPServer(("127.0.0.1", int(sys.argv[1])), _MessageHandler).serve_forever()


if __name__ == "__main__":
    run_gateway()
