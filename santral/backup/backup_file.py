"""Write and read the file of a backup: a tar, plain or encrypted, whose last entry has a digest of each other one.

A file gets its name only when it is whole and on the disk. Until then it has another ending, and a failure removes it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from routing.store.keyfile import sync_folder
from santral.backup.sealed_stream import BackupKey, SealedReader, SealedWriter, is_sealed
from santral.errors import SantralError, StoreFailure

FORMAT = 1
MANIFEST = "manifest.json"
UNFINISHED = ".part"
CHUNK = 1 << 20
NOT_WHOLE = "this is no whole backup"


class BackupWriter:
    """Add files to a backup."""

    def __init__(self, tar: tarfile.TarFile, about: dict[str, Any]) -> None:
        self._tar, self._about = tar, about
        self._digests: dict[str, str] = {}

    def add_file(self, path: Path, name: str) -> None:
        """Add a file under this name."""
        with path.open("rb") as file:
            self._digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
            file.seek(0)
            self._add_entry(name, file, size)

    def add_manifest(self) -> None:
        """Add the last entry, which makes the backup whole."""
        text = json.dumps({"format": FORMAT, **self._about, "files": self._digests}, indent=1).encode()
        self._add_entry(MANIFEST, io.BytesIO(text), len(text))

    @property
    def count(self) -> int:
        """Return the number of files so far."""
        return len(self._digests)

    def _add_entry(self, name: str, file: IO[bytes], size: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        self._tar.addfile(entry, file)


@contextlib.contextmanager
def write_backup(path: Path, key: BackupKey | None, about: dict[str, Any]) -> Iterator[BackupWriter]:
    """Write a backup. Nothing is left if the work inside fails. Raise StoreFailure for a disk that is full."""
    part = path.with_name(path.name + UNFINISHED)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            sealed = None if key is None else SealedWriter(file, key)
            # tar is a stream, so that it fits the encryption.
            with tarfile.open(fileobj=cast(BinaryIO, sealed or file), mode="w|") as tar:
                writer = BackupWriter(tar, about)
                yield writer
                writer.add_manifest()
            if sealed is not None:
                sealed.finish()
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreFailure(f"no backup was made: {describe_fault(error, path.parent)}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def describe_fault(error: OSError, folder: Path) -> str:
    """Return the fault of a disk with what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no room is left in {folder}. Make room, or name another folder. Older backups are untouched"
    return f"{error.filename or folder}: {error.strerror}"


def read_backup(path: Path, key: BackupKey | None, folder: Path) -> dict[str, Any]:
    """Write the files of a backup into an empty folder, check each, and return the manifest.

    Raise SantralError if the file is no whole backup or does not open with the key.
    """
    # 1. Check which kind of file it is.
    sealed = is_sealed(path)
    if sealed and key is None:
        raise SantralError(f"{path} is encrypted: give --passphrase-file or --key-file")
    # 2. Write the files and note their digests.
    digests: dict[str, str] = {}
    manifest: dict[str, Any] = {}
    with path.open("rb") as file:
        reader = SealedReader(file, key) if sealed and key is not None else None
        try:
            with tarfile.open(fileobj=cast(BinaryIO, reader or file), mode="r|") as tar:
                for entry in tar:
                    content = tar.extractfile(entry)
                    if content is None or not is_inside(entry.name):
                        raise SantralError(f"{path}: {NOT_WHOLE}: it has an entry '{entry.name[:80]}'")
                    if entry.name == MANIFEST:
                        manifest = json.loads(content.read())
                    else:
                        digests[entry.name] = _copy_entry(content, folder / entry.name)
        except (tarfile.TarError, ValueError, EOFError):
            raise SantralError(f"{path}: {NOT_WHOLE}: it is cut off, or another kind of file") from None
        if reader is not None:
            # The end is read too, because only the last piece proves that nothing was cut off.
            reader.read()
    # 3. Compare them with the last entry.
    if manifest.get("format") != FORMAT or manifest.get("files") != digests:
        raise SantralError(f"{path}: {NOT_WHOLE}: its list of files does not fit them")
    return manifest


def is_inside(name: str) -> bool:
    """Return whether the name of an entry stays inside the folder."""
    parts = Path(name).parts
    return bool(parts) and not Path(name).is_absolute() and ".." not in parts


def _copy_entry(content: IO[bytes], path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := content.read(CHUNK):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()
