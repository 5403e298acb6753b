"""Name the errors of the store.

StoreError
├── StoreConflict      the rows are not as the engine expected; nothing of the turn was written
├── StoreUnavailable   the database cannot take or give anything now (disk full, locked, damaged, gone)
├── LongMigrationDue   the tables need a migration that callers would wait for
├── LeaseHeld          another node works on this state
├── NameTaken          another process has the name of this node
├── LeaseLost          this node's lease is over: the node must stop acting
├── ForeignKeys        the keys of this node are not those of the store
├── KeyFileError       a key file (of callers' numbers or recordings) cannot be used or lacks the key
├── NoSound            a plain file holds nothing to keep
└── DamagedRecording   an encrypted file was changed or truncated

A message says what is wrong, where, and how to repair it. A message never holds a value of a row, because rows hold
callers' numbers.
"""

from __future__ import annotations


class StoreError(Exception):
    """Root of the errors of the store."""


class StoreConflict(StoreError):
    """A compare-and-set failed or a unique index refused: engine and store disagree. Nothing of the turn is written.

    `seq` is the number of the fact, or None if the conflict appeared at the commit. `fact` is its kind. `subject` is
    the id of the contact, offer or agent. `why` is what the store expected.
    """

    def __init__(self, seq: int | None, fact: str, subject: str, why: str) -> None:
        super().__init__(f"store: fact {seq} ({fact} {subject}) does not fit: {why}. Nothing of this turn was written; "
                         "start the node again: it then reads the rows again")
        self.seq, self.fact, self.subject, self.why = seq, fact, subject, why


class StoreUnavailable(StoreError):
    """The database does not work now.

    `kind` is one of `full`, `locked`, `damaged`, `readonly`, `gone`, `newer`, `unknown`, `alone`, `busy`, `closed`
    and `broken`. No release has made `unknown` tables. A server is `alone` if it has no synchronous standby and the
    settings demand one. After a failed commit nothing of the turn is written, except perhaps with `gone`. A connection
    lost inside the commit leaves the outcome open, and the next start reads the true state.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"store: {message}")
        self.kind = kind


class LongMigrationDue(StoreError):
    """The tables need a migration for which callers would wait, so no start does it."""

    def __init__(self, estimate: str) -> None:
        super().__init__(f"store: {estimate}. Callers would wait for a start that does this, so nothing was changed. "
                         "Stop the node, make a backup with the version that wrote the records, then run: "
                         "santral store upgrade CENTRE --state FOLDER")


class LeaseHeld(StoreError):
    """Another node holds the lease of this state."""

    def __init__(self, node: str, pid: int, here: bool, expires_in_s: float, expires: float) -> None:
        where = f"on this machine as process {pid}" if here else "on another machine"
        super().__init__(f"store: node {node!r} already works on this state, {where}. Two nodes on one state would "
                         "ring phones twice: stop the other one first, or give this one another state")
        self.node, self.pid, self.here, self.expires_in_s, self.expires = node, pid, here, expires_in_s, expires
        self.about = ""
        """Description that the holder gives of itself, as JSON, or empty."""


class NameTaken(StoreError):
    """Another living process works under the name of this node."""

    def __init__(self, held: LeaseHeld) -> None:
        where = f"on this machine as process {held.pid}" if held.here else "on another machine"
        super().__init__(f"store: a node named {held.node!r} already runs {where}. Each node on a database needs a "
                         "separate name: start this one with --node NAME, or stop the other one")


class LeaseLost(StoreError):
    """The lease of this node is over, or another node has taken it. The node must do nothing more in its name."""

    def __init__(self, why: str, *, taken: bool = False) -> None:
        super().__init__(f"store: this node no longer holds its state: {why}. It stops acting. If its process has "
                         "ended, start it again when no other node works on this state")
        self.taken = taken
        """Another node has the lease, so the database answers."""


class ForeignKeys(StoreError):
    """The keys of callers' numbers in this state folder are not those of the store. Nothing was changed."""

    def __init__(self, row: str) -> None:
        super().__init__("store: the keys in secrets/numbers.json are not those of the store: this state folder made "
                         "new ones. End this node, move the folder away, bring those of the first node here (`santral "
                         "cluster init` there, `santral cluster join` here), and start it again. If those keys are "
                         f"lost for good, delete the row {row} of the table meta")


class KeyFileError(StoreError):
    """The key file cannot be used."""


class NoSound(StoreError):
    """A plain file is no sound to keep: it has another format, is empty or is too short."""


class CallerErased(StoreError):
    """The caller of a plain file was erased, so the sound is not kept."""


class DamagedRecording(StoreError):
    """An encrypted file was changed or truncated. The pieces before the fault are sound."""

    def __init__(self, recording: str, why: str) -> None:
        super().__init__(f"recording {recording}: {why}. Restore its file from the backup; its key is in the database")
        self.recording = recording
