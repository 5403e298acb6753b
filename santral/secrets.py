"""Secrets of a node: random at first run, in files of mode 0600 below `STATE/secrets`. Nothing has a default."""

from __future__ import annotations

import hmac
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from santral.errors import SantralError, StoreTrouble

SECRET_BYTES = 24
"""192 bits for phones, AMI users and tokens: beyond guessing, still typed into a phone's web page without trouble."""

PIN_DIGITS = 6
"""What a person keys in at any seat. Guessing is bounded by the lock-out of the telephone codes, not by length."""

DEVICE_BYTES = 8
"""Of a device's name: no two are the same, and nobody finds one by trying."""

READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Secrets:
    """The secrets of one state folder. Reading creates what is missing, so a new agent gets a PIN at the next start."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "secrets"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            raise _unusable(self.folder, error) from error

    def ami(self) -> Mapping[str, str]:
        """Secrets of the two AMI users: `events` and `actions`."""
        return self._fill("ami.json", ("events", "actions"), _random)

    def seats(self, seats: Iterable[str]) -> Mapping[str, str]:
        """SIP secret of each phone."""
        return self._fill("seats.json", seats, _random)

    def trunk(self) -> str:
        """Password at the carrier, as it gave it. Not ours to make: the operator puts it there."""
        path = self.folder / "trunk.json"
        secret = read_private(path).get("secret")
        if not secret:
            raise SantralError(f"the trunk registers at a carrier, but its password is not there. Write it as "
                               f'{{"secret": "..."}} into {path}, mode 0600')
        return str(secret)

    def pins(self, agents: Iterable[str]) -> Mapping[str, str]:
        """PIN of each agent. Change one by deleting its entry and restarting."""
        return self._fill("pins.json", agents, _pin)

    def devices(self, agents: Iterable[str]) -> Mapping[str, str]:
        """Random name of each agent's device: what it is called in topics, and its user name at the broker."""
        return self._fill("devices.json", agents, _name)

    def mqtt(self, users: Iterable[str]) -> Mapping[str, str]:
        """Password of each user of the MQTT broker."""
        return self._fill("mqtt.json", users, _random)

    def tokens(self, agents: Iterable[str]) -> tuple[str, str, Mapping[str, str]]:
        """API tokens: admin's, supervisor's, and each agent's own. Raises SantralError when two are the same."""
        path = self.folder / "tokens.json"
        known = read_private(path)
        own = known.get("agents")
        mine: dict[str, str] = dict(own) if isinstance(own, dict) else {}
        wanted = list(agents)
        admin = str(known.get("admin") or _random())
        supervisor = str(known.get("supervisor") or _random())
        for agent in wanted:
            mine.setdefault(agent, _random())
        value = {"admin": admin, "supervisor": supervisor, "agents": mine}
        said = [token for token in (admin, supervisor, *(mine[agent] for agent in wanted)) if token]
        if len(set(said)) != len(said):
            raise SantralError(f"{path}: two of the tokens are the same. Take one of them out: a new one is made")
        if value != known:
            write_private(path, json.dumps(value, indent=1))
        return admin, supervisor, {agent: mine[agent] for agent in wanted}

    def _fill(self, name: str, keys: Iterable[str], make: Callable[[], str]) -> Mapping[str, str]:
        path = self.folder / name
        known = {key: str(value) for key, value in read_private(path).items()}
        wanted = list(keys)
        missing = [key for key in wanted if key not in known]
        if missing:
            known |= {key: make() for key in missing}
            write_private(path, json.dumps(known, indent=1, sort_keys=True))
        return {key: known[key] for key in wanted}


def read_private(path: Path) -> dict[str, object]:
    """The object in a file of secrets; empty when there is none. Raises SantralError."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & READABLE_BY_OTHERS:
            raise SantralError(f"{path} is readable by others. Close it: chmod 600 {path}")
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unusable(path, error) from error
    except ValueError as error:
        raise SantralError(f"{path} is not JSON ({error}). Restore it, or delete it to get new secrets") from error
    if not isinstance(value, dict):
        raise SantralError(f"{path} must hold a JSON object. Restore it, or delete it to get new secrets")
    return value


def write_private(path: Path, text: str) -> None:
    """Write whole or not at all, mode 0600 from the first byte. Raises StoreTrouble."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise _unusable(path, error) from error


def same(given: str, known: str) -> bool:
    """Compare without telling by the time how much was right."""
    return hmac.compare_digest(given.encode(), known.encode())


def _unusable(path: Path, error: OSError) -> StoreTrouble:
    return StoreTrouble(f"{path} cannot be used by this user: {error.strerror}. Name another state folder with "
                        "--state, or give this one to the user who runs the node")


def _random() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def _name() -> str:
    return secrets.token_hex(DEVICE_BYTES)


def _pin() -> str:
    return "".join(str(secrets.randbelow(10)) for _ in range(PIN_DIGITS))
