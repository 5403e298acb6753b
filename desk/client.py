"""Call the API from the command line: find the node and its tokens, ask, and explain errors."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from desk.table_words import LANGUAGE

TIMEOUT_S = 10.0
"""A node answers in milliseconds, or after its own limit of 4 s."""
PIECE = 64 * 1024
"""Bytes of a sound that are read at once."""
ANSWER_MAX = 16 * 1024 * 1024
"""Limit of an answer in bytes. Ten thousand agents take about 3 MB."""


CLOCK = "/api/v1/announcements"
"""Route whose answer names the zone of the centre's clock."""


class ClientError(Exception):
    """Message for the person at the terminal: the failure, and how to fix it."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code
        """Code of the node's refusal. Empty for any other trouble."""


class Answer(dict[str, Any]):
    """An answer of the API, with the language in which its tables are shown."""

    english: bool = False


class Node(NamedTuple):
    """Address of a node, and the token to use."""

    url: str
    token: str


DEFAULT_STATE = "/var/lib/santral"
"""State folder of an installed node."""


def find_node(state: Path | None, url: str | None, token_file: Path | None, agent: str | None = None, *,
              admin: bool = False) -> Node:
    """Find a node by its state folder (or a lab's), or by address and token. Raise ClientError if it cannot be found.

    Take the agent's own token if there is one. Otherwise take the supervisor's, or with `admin` the administrator's.
    """
    # 1. An address and a token.
    if url is not None:
        if token_file is None:
            raise ClientError("--url needs --token-file: a file that holds the token")
        return Node(url, _read_text(token_file).strip())
    # 2. A folder, which holds the address and, unless a file is given, the tokens.
    if state is None:
        # The same place as that of `santral run`, so that an installed node needs no option.
        state = Path(os.environ.get("SANTRAL_STATE") or DEFAULT_STATE)
        if not state.is_dir():
            raise ClientError(f"{state} is no state folder. Say which node: --state DIR (or --lab DIR), or --url and "
                              "--token-file")
    place, folder = _node_address(state)
    tokens = _read_object(token_file) if token_file and token_file.suffix == ".json" else (
        {"supervisor": _read_text(token_file).strip()} if token_file
        else _read_object(folder / "secrets" / "tokens.json"))
    # 3. The best token for this command. The other role is a second choice; the node decides what it may do.
    own = tokens.get("agents")
    token = own.get(agent) if agent and isinstance(own, dict) else None
    for role in ("admin", "supervisor") if admin else ("supervisor", "admin"):
        token = token or tokens.get(role)
    if not token:
        raise ClientError(f"no token in {folder / 'secrets' / 'tokens.json'}")
    return Node(f"http://{place}", str(token))


def _node_address(folder: Path) -> tuple[str, Path]:
    """Return address and state folder.

    `lab.json` of a lab names both. A node writes `node.json` when it is up.
    """
    lab = folder / "lab.json"
    found = _read_object(lab) if lab.exists() else _read_object(folder / "node.json")
    if not isinstance(found.get("http"), str):
        raise ClientError(f"{folder} names no address: is the node running?")
    return str(found["http"]), Path(str(found["state"])) if isinstance(found.get("state"), str) else folder


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ClientError(f"{path} is not there: is the node running, and is this its folder?") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ClientError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None


def _read_object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_read_text(path))
    except ValueError:
        raise ClientError(f"{path} is not JSON: stop the node, delete it, start again") from None
    return found if isinstance(found, dict) else {}


def stream_sound(node: Node, path: str, take: Callable[[bytes], object]) -> None:
    """Pass a sound of the node to `take`, piece by piece. Raise ClientError if the sound is incomplete.

    Errors of `take` are not translated: a full disk is no fault of the node.
    """
    with closing(_open_connection(node)) as connection:
        with _translate_errors(node):
            connection.request("GET", path, None, {"Authorization": f"Bearer {node.token}"})
            response = connection.getresponse()
            if response.status != 200:
                # A refusal is JSON, not sound.
                raise _refusal_error(response, json.loads(response.read(ANSWER_MAX)))
            piece = response.read(PIECE)
        # Only the reads are guarded, so that an OSError of `take` stays what it is.
        while piece:
            take(piece)
            with _translate_errors(node):
                piece = response.read(PIECE)


@contextmanager
def _translate_errors(node: Node) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ClientError(f"{node.url} broke off: {error or type(error).__name__}") from None


def _open_connection(node: Node, timeout_s: float = TIMEOUT_S) -> http.client.HTTPConnection:
    """Return a connection that is not open yet. Raise ClientError if the address is not valid."""
    try:
        parts = urlsplit(node.url if "//" in node.url else f"http://{node.url}")
        if parts.hostname and parts.scheme in ("http", "https"):
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            return kind(parts.hostname, parts.port, timeout=timeout_s)
    except (ValueError, http.client.InvalidURL):
        # The port is no number or too large, or a bracket is not closed.
        pass
    raise ClientError(f"{node.url} is no address; write http://127.0.0.1:8063")


def _refusal_error(response: http.client.HTTPResponse, found: dict[str, Any]) -> ClientError:
    detail = f" ({found['detail']})" if found.get("detail") else ""
    return ClientError(f"{found.get('message', response.reason)}{detail} [{found.get('error', response.status)}]",
                       str(found.get("error", "")))


def call_api(node: Node, method: str, path: str, body: dict[str, Any] | None = None, *,
             timeout_s: float = TIMEOUT_S) -> Answer:
    """Return the answer of the node. Raise ClientError with a sentence if the node refuses or does not answer."""
    headers = {"Authorization": f"Bearer {node.token}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection = _open_connection(node, timeout_s)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        found = json.loads(response.read(ANSWER_MAX))
    except (OSError, http.client.HTTPException) as error:
        raise ClientError(f"no node answers at {node.url}: {error}. Is it running?") from None
    except ValueError:
        raise ClientError(f"{node.url} answers, but not as a Santral node does") from None
    finally:
        connection.close()
    # Another program may listen on this port.
    if not isinstance(found, dict):
        raise ClientError(f"{node.url} answers, but not as a Santral node does")
    if response.status != 200:
        raise _refusal_error(response, found)
    answer = Answer(found)
    answer.english = response.headers.get(LANGUAGE) == "en"
    return answer


def centre_zone(node: Node) -> ZoneInfo:
    """Return the time zone of the centre's clock. Raise ClientError if the node does not answer.

    A time at the terminal means this clock, wherever the command runs.
    """
    return ZoneInfo(call_api(node, "GET", CLOCK)["timezone"])
