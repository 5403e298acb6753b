"""The gateway for short messages of a lab: takes every one and writes it down, for its owner alone.

    python -m lab.gateway PORT FILE
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

FILE = "sms.jsonl"
"""In the lab's folder: a line each."""
BODY_MAX = 4096
"""Bytes of a request; one message has some hundred."""


def taken(folder: Path) -> list[dict[str, Any]]:
    """What was sent to callers of the lab in a folder, in order."""
    path = folder / FILE
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def settings(port: int, after_s: float) -> str:
    """Of a node that sends to it and offers a message to who waits for `after_s`."""
    return f'\n[sms]\nurl = "http://127.0.0.1:{port}/"\noffer_after_s = {after_s:g}\n'


class _Take(BaseHTTPRequestHandler):
    file: Path

    def do_POST(self) -> None:
        """Write it down, then say so."""
        body = self.rfile.read(min(int(self.headers["Content-Length"]), BODY_MAX))
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(json.loads(body), ensure_ascii=False).encode() + b"\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: who was written to stands in the file."""


def main() -> None:
    """Until it is ended."""
    _Take.file = Path(sys.argv[2])
    HTTPServer(("127.0.0.1", int(sys.argv[1])), _Take).serve_forever()


if __name__ == "__main__":
    main()
