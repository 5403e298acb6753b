"""Callers' numbers at rest: encrypted for those who may call back, and a keyed hash that recognises the same caller.

The keys stand in one JSON file, mode 0600, apart from the database, so that a copy of the database says nothing:
`{"format": 1, "hash": <key>, "box": [<newest key>, <older key>, ...]}`. New numbers are sealed with the first box key,
old ones open with any (rotation: put a new key in front). The hash key is never changed by rotation: it would part a
caller from their earlier calls. A lost file makes the stored numbers unreadable for ever; nothing else is lost.

Box: Fernet (AES-128-CBC and HMAC-SHA256, `cryptography`), which pads, so the box does not tell the number's length.
Hash: HMAC-SHA256, hexadecimal. A plain hash of a telephone number is found by trying all numbers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from routing.store import keyfile
from routing.store.errors import KeyFileError

FORMAT = 1

NUMBER_MAX = 64
"""Longest number taken: E.164 has 15 digits, SIP users may be longer; above it is something else than a number."""


class NumberKeys:
    """Seals and opens callers' numbers."""

    def __init__(self, hash_key: bytes, box_keys: list[bytes]) -> None:
        self._hash_key = hash_key
        self._boxes = MultiFernet([Fernet(key) for key in box_keys])

    @classmethod
    def load(cls, path: Path) -> NumberKeys:
        """Read the key file. Raises `KeyFileError` when it is missing, open to others or not a key file."""
        kept = keyfile.read(path, "callers' numbers")
        try:
            if kept["format"] != FORMAT:
                raise ValueError("format")
            hash_key = base64.urlsafe_b64decode(kept["hash"])
            if len(hash_key) < 32 or not kept["box"]:
                raise ValueError("short")
            return cls(hash_key, [key.encode("ascii") for key in kept["box"]])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise keyfile.unusable(path, FORMAT) from None

    @classmethod
    def load_or_create(cls, path: Path) -> NumberKeys:
        """Read the key file; make it with fresh random keys when there is none. Safe when two processes begin at
        once: the first file stays, both use it."""
        if not path.exists():
            keyfile.create(path, {
                "format": FORMAT,
                "hash": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"),
                "box": [Fernet.generate_key().decode("ascii")],
            })
        return cls.load(path)

    def seal(self, number: str) -> tuple[str, str]:
        """`(hash, box)` of a number, for the columns `caller_hash` and `caller_box`."""
        if not number or len(number) > NUMBER_MAX:
            raise ValueError(f"a number has 1 to {NUMBER_MAX} characters")
        plain = number.encode("utf-8")
        digest = hmac.new(self._hash_key, plain, hashlib.sha256).hexdigest()
        return digest, self._boxes.encrypt(plain).decode("ascii")

    def open(self, box: str) -> str:
        """The number in a box. Raises `KeyFileError` when it was sealed with keys that are not in the file, or
        changed."""
        try:
            return self._boxes.decrypt(box.encode("ascii")).decode("utf-8")
        except (InvalidToken, UnicodeError):
            raise KeyFileError("a stored number does not open with the keys of this state: the key file belongs to "
                               "another state, or the row was changed") from None
