"""Recordings at rest: each file has a key of its own, and that key is sealed with the key of the state.

File: `MAGIC`, then pieces of at most `CHUNK` bytes, each AES-256-GCM with the number of the piece as nonce (the key is
used for this one file) and the id of the recording beside it; the last piece is marked in its nonce. So a piece that is
changed, missing, moved, or taken from another file does not open. Whoever has the file and not its row of the database
has nothing: the sealed key of the file stands there alone, and with the row a recording is gone for good, wherever
copies of its file lie.

Key file `{"format": 1, "keys": [{"id": <id>, "key": <256 bit>}, …]}`, newest first: the first one seals, all open. It
is kept apart from the database and the files.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from routing.store import keyfile
from routing.store.errors import DamagedRecording, KeyFileError
from routing.store.sound import CHUNK

FORMAT = 1
MAGIC = b"SCREC1\n\0"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
PIECE = CHUNK + TAG_BYTES


class SealedKey(NamedTuple):
    """The key of a file, as its row holds it."""

    key_id: str
    """Which key of the key file opens it."""
    box: str


class RecordingKeys:
    """The keys of a state."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self.newest = next(iter(keys))
        """Id of the key that seals."""

    @classmethod
    def load(cls, path: Path) -> RecordingKeys:
        """Read the key file. Raises `KeyFileError` when it is missing, open to others or not a key file."""
        return cls(_keys_in(path))

    @classmethod
    def load_or_create(cls, path: Path) -> RecordingKeys:
        """Read the key file; make it with a fresh random key when there is none."""
        if not path.exists():
            keyfile.create(path, _content({_name(): secrets.token_bytes(KEY_BYTES)}))
        return cls.load(path)

    @classmethod
    def rotate(cls, path: Path) -> RecordingKeys:
        """Put a new key in front; the older ones stay and open what they sealed."""
        kept = _keys_in(path)
        keyfile.replace(path, _content({_name(): secrets.token_bytes(KEY_BYTES), **kept}))
        return cls.load(path)

    @classmethod
    def forget(cls, path: Path, but: str) -> None:
        """Take all keys but one out of the file: what only they open is gone."""
        keyfile.replace(path, _content({name: key for name, key in _keys_in(path).items() if name == but}))

    def seal(self, recording: str, key: bytes) -> SealedKey:
        """The key of a file, sealed with the newest key of the state."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        box = nonce + self._keys[self.newest].encrypt(nonce, key, recording.encode())
        return SealedKey(self.newest, base64.b64encode(box).decode("ascii"))

    def open(self, recording: str, sealed: SealedKey) -> bytes:
        """The key of a file. Raises `KeyFileError`."""
        try:
            box = base64.b64decode(sealed.box, validate=True)
            return self._keys[sealed.key_id].decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], recording.encode())
        except KeyError:
            raise KeyFileError(f"recording {recording}: the key {sealed.key_id[:16]} that sealed it is not in the key "
                               "file. Restore the file from the backup of the secrets") from None
        except (InvalidTag, ValueError, binascii.Error):
            raise KeyFileError(f"recording {recording}: its key does not open with the keys of this state") from None


def encrypt(pieces: Iterable[bytes], file: BinaryIO, recording: str, key: bytes) -> None:
    """Write pieces of `CHUNK` bytes (the last one may be shorter) sealed into `file`."""
    cipher, about = AESGCM(key), recording.encode()
    file.write(MAGIC)
    number, held = 0, b""
    for piece in pieces:
        if held:
            file.write(cipher.encrypt(_nonce(number, last=False), held, about))
            number += 1
        held = piece
    file.write(cipher.encrypt(_nonce(number, last=True), held, about))


def decrypt(file: BinaryIO, recording: str, key: bytes) -> Iterator[bytes]:
    """The pieces. Raises `DamagedRecording` at the first one that is not as it was written; what came before it is
    sound."""
    cipher, about = AESGCM(key), recording.encode()
    if file.read(len(MAGIC)) != MAGIC:
        raise DamagedRecording(recording, "it does not begin as one")
    number, held = 0, file.read(PIECE)
    while True:
        following = file.read(PIECE)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), held, about)
        except (InvalidTag, ValueError):
            raise DamagedRecording(recording, f"piece {number} was changed, or the file was cut off") from None
        if not following:
            return
        number, held = number + 1, following


def new_key() -> bytes:
    """The key of one file."""
    return secrets.token_bytes(KEY_BYTES)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(NONCE_BYTES - 1, "big") + (b"\1" if last else b"\0")


def _name() -> str:
    return secrets.token_hex(8)


def _content(keys: dict[str, bytes]) -> object:
    return {"format": FORMAT, "keys": [{"id": name, "key": base64.b64encode(key).decode("ascii")}
                                       for name, key in keys.items()]}


def _keys_in(path: Path) -> dict[str, bytes]:
    kept = keyfile.read(path, "recordings")
    try:
        keys = {str(one["id"]): base64.b64decode(one["key"], validate=True) for one in kept["keys"]}
        if kept["format"] != FORMAT or not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError("keys")
    except (ValueError, KeyError, TypeError):
        raise keyfile.unusable(path, FORMAT) from None
    return keys
