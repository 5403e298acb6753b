"""Encrypt recordings: each file has a separate key, and the key of the state encrypts that key.

A file is `MAGIC` and then pieces of at most `CHUNK` bytes. Each piece is AES-256-GCM, with the number of the piece as
nonce and the id of the recording as associated data. The key serves only this file. The nonce of the last piece marks
it. So a piece that is changed, missing, moved or from another file does not open.

A file without its row of the database is useless, because only the row holds the encrypted key. When the row is
deleted, the recording is gone for good, wherever copies of its file are.

The key file is `{"format": 1, "keys": [{"id": <id>, "key": <256 bit>}, …]}`, newest first: the first key encrypts, and
all decrypt. It is apart from the database and the files.
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
from routing.store.recordings.sound_file import CHUNK

FORMAT = 1
MAGIC = b"SCREC1\n\0"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
PIECE = CHUNK + TAG_BYTES


class SealedKey(NamedTuple):
    """The encrypted key of a file, as in its row."""

    key_id: str
    """Key of the key file that decrypts it."""
    key_encrypted: str


class RecordingKeys:
    """Encrypt and decrypt the keys of files with the keys of a state."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self.newest = next(iter(keys))
        """Id of the key that encrypts."""

    @classmethod
    def load_keys(cls, path: Path) -> RecordingKeys:
        """Read the key file. Raise `KeyFileError` if it is missing, open to others or no key file."""
        return cls(_keys_in(path))

    @classmethod
    def load_or_create(cls, path: Path) -> RecordingKeys:
        """Read the key file, or create it with a random key."""
        if not path.exists():
            keyfile.create_keyfile(path, _keyfile_content({_new_key_id(): secrets.token_bytes(KEY_BYTES)}))
        return cls.load_keys(path)

    @classmethod
    def add_key(cls, path: Path) -> RecordingKeys:
        """Put a new key in front. The older keys stay and decrypt what they encrypted."""
        kept = _keys_in(path)
        keyfile.replace_keyfile(path, _keyfile_content({_new_key_id(): secrets.token_bytes(KEY_BYTES), **kept}))
        return cls.load_keys(path)

    @classmethod
    def drop_other_keys(cls, path: Path, but: str) -> None:
        """Remove all keys but one from the file. Recordings that only those keys open are gone."""
        keyfile.replace_keyfile(path, _keyfile_content({
            name: key for name, key in _keys_in(path).items() if name == but}))

    def encrypt_key(self, recording: str, key: bytes) -> SealedKey:
        """Return the key of a file, encrypted with the newest key of the state."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        box = nonce + self._keys[self.newest].encrypt(nonce, key, recording.encode())
        return SealedKey(self.newest, base64.b64encode(box).decode("ascii"))

    def decrypt_key(self, recording: str, sealed: SealedKey) -> bytes:
        """Return the key of a file. Raise `KeyFileError` if the keys of this state do not open it."""
        try:
            box = base64.b64decode(sealed.key_encrypted, validate=True)
            return self._keys[sealed.key_id].decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], recording.encode())
        except KeyError:
            raise KeyFileError(f"recording {recording}: the key {sealed.key_id[:16]} that encrypted it is not in the "
                               "key file. Restore the file from the backup of the secrets") from None
        except (InvalidTag, ValueError, binascii.Error):
            raise KeyFileError(f"recording {recording}: its key does not open with the keys of this state") from None


def encrypt_pieces(pieces: Iterable[bytes], file: BinaryIO, recording: str, key: bytes) -> None:
    """Write pieces of `CHUNK` bytes, of which the last may be shorter, encrypted into `file`."""
    cipher, about = AESGCM(key), recording.encode()
    file.write(MAGIC)
    number, held = 0, b""
    # A piece is written only when the next one is known, because the last one has another nonce.
    for piece in pieces:
        if held:
            file.write(cipher.encrypt(_piece_nonce(number, last=False), held, about))
            number += 1
        held = piece
    file.write(cipher.encrypt(_piece_nonce(number, last=True), held, about))


def decrypt_pieces(file: BinaryIO, recording: str, key: bytes) -> Iterator[bytes]:
    """Yield the pieces.

    Raise `DamagedRecording` at the first piece that was changed. The pieces before it are sound.
    """
    cipher, about = AESGCM(key), recording.encode()
    if file.read(len(MAGIC)) != MAGIC:
        raise DamagedRecording(recording, "it does not begin as one")
    number, held = 0, file.read(PIECE)
    while True:
        following = file.read(PIECE)
        try:
            yield cipher.decrypt(_piece_nonce(number, last=not following), held, about)
        except (InvalidTag, ValueError):
            raise DamagedRecording(recording, f"piece {number} was changed, or the file was cut off") from None
        if not following:
            return
        number, held = number + 1, following


def new_key() -> bytes:
    """Return a new random key for one file."""
    return secrets.token_bytes(KEY_BYTES)


def _piece_nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(NONCE_BYTES - 1, "big") + (b"\1" if last else b"\0")


def _new_key_id() -> str:
    return secrets.token_hex(8)


def _keyfile_content(keys: dict[str, bytes]) -> object:
    return {"format": FORMAT, "keys": [{"id": name, "key": base64.b64encode(key).decode("ascii")}
                                       for name, key in keys.items()]}


def _keys_in(path: Path) -> dict[str, bytes]:
    kept = keyfile.read_keyfile(path, "recordings")
    try:
        keys = {str(one["id"]): base64.b64decode(one["key"], validate=True) for one in kept["keys"]}
        if kept["format"] != FORMAT or not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError("keys")
    except (ValueError, KeyError, TypeError):
        raise keyfile.unusable_error(path, FORMAT) from None
    return keys
