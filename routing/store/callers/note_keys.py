"""Seal the notes of agents with keys in a separate file, apart from the database and from the keys of numbers.

The form of the file is `{"format": 1, "encrypt": [<newest key>, <older key>, ...]}`, mode 0600. New notes are sealed
with the first key (AES-256-GCM, a random nonce), and any key opens old ones. A note is bound to its contact, so a row
that is copied to another contact does not open.
"""

from __future__ import annotations

import base64
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from routing.store import keyfile
from routing.store.errors import KeyFileError

FORMAT = 1
KEY_BYTES, NONCE_BYTES = 32, 12


class NoteKeys:
    """Seal and open notes."""

    def __init__(self, keys: list[bytes]) -> None:
        self._ciphers = [AESGCM(key) for key in keys]

    @classmethod
    def load_or_create(cls, path: Path) -> NoteKeys:
        """Read the key file, or create it with a random key. Raise `KeyFileError` if it is no key file."""
        if not path.exists():
            keyfile.create_keyfile(path, {"format": FORMAT, "encrypt": [
                base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")]})
        kept = keyfile.read_keyfile(path, "notes")
        try:
            if kept["format"] != FORMAT:
                raise ValueError("format")
            keys = [base64.urlsafe_b64decode(key) for key in kept["encrypt"]]
            if not keys or any(len(key) != KEY_BYTES for key in keys):
                raise ValueError("short")
            return cls(keys)
        # The text of the error would quote a key.
        except (ValueError, KeyError, TypeError, AttributeError):
            raise keyfile.unusable_error(path, FORMAT) from None

    def seal_note(self, text: str, contact: str) -> str:
        """Return the sealed text of a contact."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._ciphers[0].encrypt(nonce, text.encode(), contact.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode("ascii")

    def open_note(self, sealed: str, contact: str) -> str:
        """Return the text. Raise `KeyFileError` if no key opens it."""
        try:
            raw = base64.b64decode(sealed.encode("ascii"), altchars=b"-_", validate=True)
        except (ValueError, UnicodeError):
            raw = b""
        for cipher in self._ciphers:
            with suppress(InvalidTag, ValueError, UnicodeError):
                return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], contact.encode()).decode()
        raise KeyFileError("a note does not open with the keys of this state: secrets/notes.json belongs to another "
                           "state, or the row was changed")
