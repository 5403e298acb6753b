"""Read the files of a contact centre, check them, and name file and line of each mistake."""

from __future__ import annotations
