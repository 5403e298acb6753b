"""Encrypt callers' numbers for those who may call back, and hash them to recognise the same caller.

The keys are in one JSON file, mode 0600, apart from the database, so that a copy of the database reveals nothing. Its
form is `{"format": 1, "hash": <key>, "encrypt": [<newest key>, <older key>, ...]}`.

New numbers are encrypted with the first key, and any key decrypts old ones (for rotation, put a new key in front).
Rotation never changes the hash key, because that would separate callers from their earlier calls. Without the file the
stored numbers are unreadable forever, and nothing else is lost.

Encryption: AES-256-GCM (`cryptography`) with a random nonce, of the number padded to a fixed length, so that the text
does not reveal its length. Hash: the first half of HMAC-SHA256, hexadecimal: 128 bits never collide for the numbers of
the world. A plain hash of a telephone number could be found by trying all numbers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from routing.store import keyfile
from routing.store.errors import KeyFileError

FORMAT = 1

NUMBER_MAX = 64
"""Longest accepted number. E.164 has 15 digits, and SIP users may be longer. A longer text is no number."""

PADDED = 16
"""Length of a padded number of the telephone network: `+` and 15 digits."""

KEY_BYTES, NONCE_BYTES, HASH_CHARS = 32, 12, 32
"""Bytes of a key of AES-256 and of a nonce of GCM, and characters of a hash."""


class NumberKeys:
    """Encrypt and decrypt callers' numbers."""

    def __init__(self, hash_key: bytes, box_keys: list[bytes]) -> None:
        self._hash_key = hash_key
        self._ciphers = [AESGCM(key) for key in box_keys]

    @classmethod
    def load_keys(cls, path: Path) -> NumberKeys:
        """Read the key file. Raise `KeyFileError` if it is missing, open to others or no key file."""
        kept = keyfile.read_keyfile(path, "callers' numbers")
        try:
            if kept["format"] != FORMAT:
                raise ValueError("format")
            hash_key = base64.urlsafe_b64decode(kept["hash"])
            box_keys = [base64.urlsafe_b64decode(key) for key in kept["encrypt"]]
            if len(hash_key) < 32 or not box_keys or any(len(key) != KEY_BYTES for key in box_keys):
                raise ValueError("short")
            return cls(hash_key, box_keys)
        # The text of the error would quote a key.
        except (ValueError, KeyError, TypeError, AttributeError):
            raise keyfile.unusable_error(path, FORMAT) from None

    @classmethod
    def load_or_create(cls, path: Path) -> NumberKeys:
        """Read the key file, or create it with random keys.

        Safe if two processes begin at once: the first file stays, and both use it.
        """
        if not path.exists():
            keyfile.create_keyfile(path, {
                "format": FORMAT,
                "hash": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"),
                "encrypt": [base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")],
            })
        return cls.load_keys(path)

    def encrypt_number(self, number: str) -> tuple[str, str]:
        """Return `(hash, encrypted number)`, for the columns `caller_hash` and `number_encrypted`."""
        if not number or len(number) > NUMBER_MAX:
            raise ValueError(f"a number has 1 to {NUMBER_MAX} characters")
        plain = number.encode("utf-8")
        if len(plain) > NUMBER_MAX:
            raise ValueError(f"a number has at most {NUMBER_MAX} bytes")
        digest = hmac.new(self._hash_key, plain, hashlib.sha256).hexdigest()[:HASH_CHARS]
        # Numbers of the telephone network have one length. Only names of SIP users take the longer one.
        padded = plain.ljust(PADDED if len(plain) <= PADDED else NUMBER_MAX, b"\0")
        nonce = secrets.token_bytes(NONCE_BYTES)
        return digest, base64.urlsafe_b64encode(nonce + self._ciphers[0].encrypt(nonce, padded, None)).decode("ascii")

    def mark_text(self, text: str) -> str:
        """Return a keyed hash of another text, which is no hash of a number."""
        return hmac.new(self._hash_key, b"mark:" + text.encode("utf-8"), hashlib.sha256).hexdigest()

    @property
    def fingerprint(self) -> str:
        """Return what two nodes compare. It reveals no key, and a rotation does not change it."""
        return self.mark_text("fingerprint")

    def decrypt_number(self, box: str) -> str:
        """Return the number in an encrypted text.

        Raise `KeyFileError` if the text was encrypted with keys that are not in the file, or was changed.
        """
        try:
            sealed = base64.b64decode(box.encode("ascii"), altchars=b"-_", validate=True)
        except (ValueError, UnicodeError):
            sealed = b""
        for cipher in self._ciphers:
            with suppress(InvalidTag, ValueError, UnicodeError):
                return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None).rstrip(b"\0").decode("utf-8")
        raise KeyFileError("a stored number does not open with the keys of this state: the key file belongs to another "
                           "state, or the row was changed")
