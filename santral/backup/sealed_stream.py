"""Encrypt and decrypt a stream in pieces, so that no piece can be changed, moved or left out, nor the end cut off.

Each piece is AES-256-GCM with its number and a mark of the last piece in the nonce. The key comes from a passphrase by
scrypt, or from a key file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from santral.errors import SantralError

MAGIC = b"SANTRAL-SEALED-BACKUP-1\n"
PIECE = 64 * 1024
TAG = 16
SALT_BYTES = 16
HEADER_MAX = 4_096
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 15, 8, 1
"""Cost of a passphrase: 32 MiB and about a tenth of a second for each try."""
SCRYPT_MEMORY = 64 * 1024 * 1024
PASSPHRASE_MIN = 12
"""Characters of a passphrase. A shorter one is found by trying."""
WRONG_KEY = "the backup does not open: another passphrase or key, or the file was changed"


class BackupKey:
    """A passphrase or the content of a key file."""

    def __init__(self, kind: str, text: bytes) -> None:
        self.kind, self._text = kind, text

    @classmethod
    def from_passphrase(cls, text: str) -> BackupKey:
        """Return a key of a passphrase. Raise SantralError if it is too short."""
        if len(text) < PASSPHRASE_MIN:
            raise SantralError(f"a passphrase has at least {PASSPHRASE_MIN} characters; use a key file, or more words")
        return cls("passphrase", text.encode("utf-8"))

    @classmethod
    def from_passphrase_file(cls, path: Path) -> BackupKey:
        """Return a key of the first line of a file."""
        return cls.from_passphrase(path.read_text(encoding="utf-8").split("\n")[0])

    @classmethod
    def from_key_file(cls, path: Path, *, create: bool = False) -> BackupKey:
        """Return the key of a file. With `create` a missing file is made with a random key."""
        if create and not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.urlsafe_b64encode(secrets.token_bytes(32)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        try:
            found = base64.urlsafe_b64decode(path.read_bytes().strip())
        except ValueError:
            found = b""
        if len(found) != 32:
            raise SantralError(f"{path}: this is no key file of a backup")
        return cls("file", found)

    def derive_cipher(self, header: Mapping[str, object]) -> AESGCM:
        """Return the cipher of one backup, whose header has the salt."""
        salt = base64.b64decode(str(header["salt"]))
        if self.kind == "passphrase":
            return AESGCM(hashlib.scrypt(self._text, salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, dklen=32,
                                         maxmem=SCRYPT_MEMORY))
        return AESGCM(HKDF(SHA256(), 32, salt, b"santral backup").derive(self._text))


def is_sealed(path: Path) -> bool:
    """Return whether a file is an encrypted backup."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


class SealedWriter:
    """Write bytes encrypted to a file. The stream is whole only after `finish`."""

    def __init__(self, file: BinaryIO, key: BackupKey) -> None:
        header = {"key": key.kind, "salt": base64.b64encode(secrets.token_bytes(SALT_BYTES)).decode("ascii")}
        self._file, self._cipher, self._rest, self._number = file, key.derive_cipher(header), bytearray(), 0
        self._header = json.dumps(header).encode("ascii") + b"\n"
        file.write(MAGIC + self._header)

    def write(self, piece: bytes) -> int:
        """Take bytes, and write each full piece."""
        self._rest += piece
        # The last piece is written at the end only, because it has another mark.
        while len(self._rest) > PIECE:
            self._write_piece(bytes(self._rest[:PIECE]), last=False)
            del self._rest[:PIECE]
        return len(piece)

    def finish(self) -> None:
        """Write the last piece."""
        self._write_piece(bytes(self._rest), last=True)

    def _write_piece(self, text: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce_of(self._number, last=last), text, self._header))
        self._number += 1


class SealedReader:
    """Read the bytes of an encrypted file. Raise SantralError for a wrong key and for a changed or cut file."""

    def __init__(self, file: BinaryIO, key: BackupKey) -> None:
        file.read(len(MAGIC))
        self._header = file.readline(HEADER_MAX)
        try:
            header = json.loads(self._header)
            if header["key"] != key.kind:
                raise SantralError("this backup opens with a " + (
                    "passphrase: --passphrase-file" if header["key"] == "passphrase" else "key file: --key-file"))
            self._cipher = key.derive_cipher(header)
        except (ValueError, KeyError, TypeError):
            raise SantralError(WRONG_KEY) from None
        self._file, self._rest, self._number, self._ended = file, b"", 0, False
        self._ahead = file.read(PIECE + TAG)

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, or all that are left."""
        while not self._ended and (size < 0 or len(self._rest) < size):
            self._rest += self._read_piece()
        found, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return found

    def _read_piece(self) -> bytes:
        piece, self._ahead = self._ahead, self._file.read(PIECE + TAG)
        self._ended = not self._ahead
        try:
            text = self._cipher.decrypt(_nonce_of(self._number, last=self._ended), piece, self._header)
        except (InvalidTag, ValueError):
            raise SantralError(WRONG_KEY) from None
        self._number += 1
        return text


def _nonce_of(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")
