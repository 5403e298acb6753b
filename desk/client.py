"""The other end of the API, for the command line: finds the node and its tokens, asks, explains."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

TIMEOUT_S = 10.0
"""A node answers in milliseconds, or after its own 4 s at most."""
PIECE = 64 * 1024
"""Bytes of a sound handed on at once."""
ANSWER_MAX = 16 * 1024 * 1024
"""Bytes of an answer; ten thousand agents are about 3 MB."""


CLOCK = "/api/v1/announcements"
"""What is announced ends by the centre's clock: the answer names it."""


class Trouble(Exception):
    """What went wrong and how to mend it, for the person at the terminal."""


class Node(NamedTuple):
    """Where a node is and the token to use."""

    url: str
    token: str


def find(state: Path | None, url: str | None, token_file: Path | None, agent: str | None = None, *,
         admin: bool = False) -> Node:
    """The node by its state folder (or a lab's), or by address and token. An agent's own token is taken when there is
    one, else the supervisor's, or with `admin` the administrator's. Raises `Trouble`."""
    if url is not None:
        if token_file is None:
            raise Trouble("--url needs --token-file: a file that holds the token")
        return Node(url, _text(token_file).strip())
    if state is None:
        raise Trouble("say which node: --state DIR (or --lab DIR), or --url and --token-file")
    place, folder = _place(state)
    tokens = _object(token_file) if token_file and token_file.suffix == ".json" else (
        {"supervisor": _text(token_file).strip()} if token_file else _object(folder / "secrets" / "tokens.json"))
    own = tokens.get("agents")
    token = own.get(agent) if agent and isinstance(own, dict) else None
    for role in ("admin", "supervisor") if admin else ("supervisor", "admin"):
        token = token or tokens.get(role)
    if not token:
        raise Trouble(f"no token in {folder / 'secrets' / 'tokens.json'}")
    return Node(f"http://{place}", str(token))


def _place(folder: Path) -> tuple[str, Path]:
    """Address and state folder. A lab's `lab.json` names both; a node writes `node.json` when it is up."""
    lab = folder / "lab.json"
    found = _object(lab) if lab.exists() else _object(folder / "node.json")
    if not isinstance(found.get("http"), str):
        raise Trouble(f"{folder} names no address: is the node running?")
    return str(found["http"]), Path(str(found["state"])) if isinstance(found.get("state"), str) else folder


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Trouble(f"{path} is not there: is the node running, and is this its folder?") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(path))
    except ValueError:
        raise Trouble(f"{path} is not JSON: stop the node, delete it, start again") from None
    return found if isinstance(found, dict) else {}


def fetch(node: Node, path: str, take: Callable[[bytes], object]) -> None:
    """Hand a sound of the node to `take`, piece by piece. Raises `Trouble`, also when it ends before its end; what
    `take` raises goes up as it is: a full disk is no fault of the node."""
    with closing(_connect(node)) as connection:
        with _unbroken(node):
            connection.request("GET", path, None, {"Authorization": f"Bearer {node.token}"})
            response = connection.getresponse()
            if response.status != 200:
                raise _refusal(response, json.loads(response.read(ANSWER_MAX)))
            piece = response.read(PIECE)
        while piece:
            take(piece)
            with _unbroken(node):
                piece = response.read(PIECE)


@contextmanager
def _unbroken(node: Node) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Trouble(f"{node.url} broke off: {error or type(error).__name__}") from None


def _connect(node: Node, timeout_s: float = TIMEOUT_S) -> http.client.HTTPConnection:
    """Not connected yet. Raises `Trouble` when the address is none."""
    try:
        parts = urlsplit(node.url if "//" in node.url else f"http://{node.url}")
        if parts.hostname and parts.scheme in ("http", "https"):
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            return kind(parts.hostname, parts.port, timeout=timeout_s)
    except (ValueError, http.client.InvalidURL):
        pass  # a port that is no number or too large, a bracket that is never closed
    raise Trouble(f"{node.url} is no address; write http://127.0.0.1:8063")


def _refusal(response: http.client.HTTPResponse, found: dict[str, Any]) -> Trouble:
    detail = f" ({found['detail']})" if found.get("detail") else ""
    return Trouble(f"{found.get('message', response.reason)}{detail} [{found.get('error', response.status)}]")


def call(node: Node, method: str, path: str, body: dict[str, Any] | None = None, *,
         timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """The answer of the node. Raises `Trouble` with its sentence when it refuses, or when there is no node."""
    headers = {"Authorization": f"Bearer {node.token}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection = _connect(node, timeout_s)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        found = json.loads(response.read(ANSWER_MAX))
    except (OSError, http.client.HTTPException) as error:
        raise Trouble(f"no node answers at {node.url}: {error}. Is it running?") from None
    except ValueError:
        raise Trouble(f"{node.url} answers, but not as a Santral node does") from None
    finally:
        connection.close()
    if not isinstance(found, dict):
        raise Trouble(f"{node.url} answers, but not as a Santral node does")
    if response.status != 200:
        raise _refusal(response, found)
    return found


def clock(node: Node) -> ZoneInfo:
    """The centre's: a time at the terminal is one of the clock on its wall, wherever the command runs. Raises
    `Trouble`."""
    return ZoneInfo(call(node, "GET", CLOCK)["timezone"])
