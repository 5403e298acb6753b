"""Read the static files of the pages once, and give each an address with the checksum of all of them.

A script imports its neighbours by relative addresses, so all files of one start have the same folder. A file that
changes gives all of them a new folder, and no browser mixes old files with new ones.
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import NamedTuple

TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
         ".txt": "text/plain; charset=utf-8"}
"""Kinds of files that are served. Others in the folders are not read."""
COMPRESSED_FROM = 1024
"""Bytes from which a file is compressed. A smaller one fits into one packet anyway."""
FOLDERS = ("static", "vendor")
CHECKSUM_LENGTH = 16


class StaticFile(NamedTuple):
    """One file as it is sent."""

    content_type: str
    content: bytes
    compressed: bytes | None
    """Content for browsers that accept gzip. None if compression saves nothing."""


class StaticFiles:
    """All static files of the pages, in memory."""

    def __init__(self, pages: Path = Path(__file__).parent) -> None:
        self._files: dict[str, StaticFile] = {}
        digest = hashlib.sha256()
        for folder in FOLDERS:
            for path in sorted((pages / folder).rglob("*")):
                if path.suffix not in TYPES:
                    continue
                # Files of the folder `static` have no prefix in addresses, others have that of their folder.
                name = path.relative_to(pages / "static" if folder == "static" else pages).as_posix()
                content = path.read_bytes()
                digest.update(f"{name}\0{len(content)}\0".encode() + content)
                self._files[name] = StaticFile(TYPES[path.suffix], content, _compress_content(content))
        self.checksum = digest.hexdigest()[:CHECKSUM_LENGTH]

    def address_of(self, name: str) -> str:
        """Return the address of a file. Raises KeyError if there is none of this name."""
        self._files[name]
        return f"/static/{self.checksum}/{name}"

    def find_file(self, name: str) -> StaticFile | None:
        """Return a file by its name, or None."""
        return self._files.get(name)


def _compress_content(content: bytes) -> bytes | None:
    if len(content) < COMPRESSED_FROM:
        return None
    compressed = gzip.compress(content, 9, mtime=0)
    return compressed if len(compressed) < len(content) else None
