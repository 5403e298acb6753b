"""Manage the secrets of a node: random at the first run, in files of mode 0600 below `STATE/secrets`. None has a
default."""

from __future__ import annotations

import hmac
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from santral.errors import SantralError, StoreFailure

SECRET_BYTES = 24
"""Length of secrets for phones, AMI users and tokens. 192 bits cannot be guessed, and a person can still type them into
a phone's web page."""

PIN_DIGITS = 6
"""Length of the PIN that an agent keys in at a seat. The lock-out of the telephone codes bounds guessing, not the
length."""

DEVICE_BYTES = 8
"""Length of a device's random name. It makes names unique and impossible to find by trying."""

READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class NodeSecrets:
    """The secrets of one state folder. Reading creates missing secrets, so a new agent gets a PIN at the next start."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "secrets"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            raise _unusable_error(self.folder, error) from error

    def ami_secrets(self) -> Mapping[str, str]:
        """Return the secrets of the two AMI users, `events` and `actions`."""
        return self._fill_file("ami.json", ("events", "actions"), _random_secret)

    def agi_key(self) -> str:
        """Return the key by which Asterisk's dialplan proves itself to the node."""
        return self._fill_file("agi.json", ("key",), _random_secret)["key"]

    def seat_secrets(self, seats: Iterable[str]) -> Mapping[str, str]:
        """Return the SIP secret of each phone."""
        return self._fill_file("seats.json", seats, _random_secret)

    def renew_seats(self, seats: Iterable[str]) -> tuple[str, ...]:
        """Replace the SIP secrets of these seats, and return the seats that had one."""
        path = self.folder / "seats.json"
        known = read_private(path)
        renewed = tuple(seat for seat in seats if seat in known)
        if renewed:
            write_private(path, json.dumps(known | {seat: _random_secret() for seat in renewed}, indent=1,
                                           sort_keys=True))
        return renewed

    def trunk_password(self) -> str:
        """Return the password that the carrier has given. The operator writes it into the file."""
        path = self.folder / "trunk.json"
        secret = read_private(path).get("secret")
        if not secret:
            raise SantralError(f"the trunk registers at a carrier, but its password is not there. Write it as "
                               f'{{"secret": "..."}} into {path}, mode 0600')
        return str(secret)

    def turn_secret(self) -> str:
        """Return the secret that the node shares with the relay of [turn]. The operator writes it into the file."""
        return read_turn_secret(self.folder)

    def agent_pins(self, agents: Iterable[str]) -> Mapping[str, str]:
        """Return the PIN of each agent. Delete an entry and restart to change a PIN."""
        return self._fill_file("pins.json", agents, _random_pin)

    def device_names(self, agents: Iterable[str]) -> Mapping[str, str]:
        """Return the random name of each agent's device, which is its name in topics and its user at the broker."""
        return self._fill_file("devices.json", agents, _random_name)

    def mqtt_passwords(self, users: Iterable[str]) -> Mapping[str, str]:
        """Return the password of each user of the MQTT broker."""
        return self._fill_file("mqtt.json", users, _random_secret)

    def api_tokens(self, agents: Iterable[str]) -> tuple[str, str, Mapping[str, str]]:
        """Return the API tokens of admin, supervisor and each agent. Raise SantralError if two are equal."""
        # 1. Read the tokens and make the missing ones.
        path = self.folder / "tokens.json"
        known = read_private(path)
        own = known.get("agents")
        mine: dict[str, str] = dict(own) if isinstance(own, dict) else {}
        wanted = list(agents)
        admin = str(known.get("admin") or _random_secret())
        supervisor = str(known.get("supervisor") or _random_secret())
        for agent in wanted:
            mine.setdefault(agent, _random_secret())
        # 2. Refuse equal tokens, because the role would depend on the order of comparison.
        value = {"admin": admin, "supervisor": supervisor, "agents": mine}
        said = [token for token in (admin, supervisor, *(mine[agent] for agent in wanted)) if token]
        if len(set(said)) != len(said):
            raise SantralError(f"{path}: two of the tokens are the same. Take one of them out: a new one is made")
        if value != known:
            write_private(path, json.dumps(value, indent=1))
        return admin, supervisor, {agent: mine[agent] for agent in wanted}

    def _fill_file(self, name: str, keys: Iterable[str], make: Callable[[], str]) -> Mapping[str, str]:
        path = self.folder / name
        known = {key: str(value) for key, value in read_private(path).items()}
        wanted = list(keys)
        missing = [key for key in wanted if key not in known]
        if missing:
            known |= {key: make() for key in missing}
            write_private(path, json.dumps(known, indent=1, sort_keys=True))
        return {key: known[key] for key in wanted}


def read_turn_secret(folder: Path) -> str:
    """Return the secret of the relay from a folder of secrets. Raise SantralError if it is not there."""
    path = folder / "turn.json"
    secret = read_private(path).get("secret")
    if not secret or not isinstance(secret, str):
        raise SantralError(f"[turn] names a relay for the sound of pages, but its secret is not there. Write "
                           f'{{"secret": "..."}} into {path}, mode 0600: the static-auth-secret of the relay')
    return secret


def read_private(path: Path) -> dict[str, object]:
    """Return the object in a file of secrets, or an empty one without a file. Raise SantralError for a bad file."""
    try:
        # A file that others can read may already be known to them, so it is refused.
        if stat.S_IMODE(path.stat().st_mode) & READABLE_BY_OTHERS:
            raise SantralError(f"{path} is readable by others. Close it: chmod 600 {path}")
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unusable_error(path, error) from error
    except ValueError as error:
        raise SantralError(f"{path} is not JSON ({error}). Restore it, or delete it to get new secrets") from error
    if not isinstance(value, dict):
        raise SantralError(f"{path} must hold a JSON object. Restore it, or delete it to get new secrets")
    return value


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, with mode 0600 from the first byte. Raise StoreFailure on errors."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # Rename after the sync. Otherwise a power loss could leave an empty file under the final name.
        draft.replace(path)
    except OSError as error:
        raise _unusable_error(path, error) from error


def compare_secret(given: str, known: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(given.encode(), known.encode())


def _unusable_error(path: Path, error: OSError) -> StoreFailure:
    return StoreFailure(f"{path} cannot be used by this user: {error.strerror}. Name another state folder with "
                        "--state, or give this one to the user who runs the node")


def _random_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def _random_name() -> str:
    return secrets.token_hex(DEVICE_BYTES)


def _random_pin() -> str:
    return "".join(str(secrets.randbelow(10)) for _ in range(PIN_DIGITS))
