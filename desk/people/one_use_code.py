"""Make codes for one use, with which a person sets a password."""

from __future__ import annotations

import hashlib
import secrets

LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Letters of a code, without those that look like others or differ between alphabets (I, L, O, U, 0, 1)."""
GROUPS, GROUP = 5, 4
"""Twenty letters are 98 bits, more than anybody guesses in a day."""
CODE_S = 24 * 3600.0
"""Life of a code: until the next shift, and no longer."""
CODE_MAX = 40
"""Characters of a typed code that are looked at, with its hyphens and spaces."""


def make_code() -> str:
    """Return a new code, in groups that are easy to read out."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))


def hash_code(code: str) -> str:
    """Return the hash of a code as it was typed: small letters, spaces and missing hyphens are the same code."""
    letters = "".join(letter for letter in code[:CODE_MAX].upper() if letter.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()
