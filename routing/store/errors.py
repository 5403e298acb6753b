"""Errors of the store.

StoreError
├── StoreConflict      the rows are not as the fact says they were; nothing of the turn was written
├── StoreUnavailable   the database cannot take or give anything now (disk full, locked, damaged, gone)
├── LeaseHeld          another node works on this state
├── LeaseLost          this node's lease is over: it must stop acting
├── KeyFileError       a file with keys (of callers' numbers, of recordings) cannot be used, or lacks the key
├── NoSound            a plain file holds nothing that can be kept
└── DamagedRecording   a sealed file is not as it was written

A message says what, where and how to mend it. It never holds a value out of a row: a row has callers' numbers in it.
"""

from __future__ import annotations


class StoreError(Exception):
    """Root of the store's errors."""


class StoreConflict(StoreError):
    """Compare-and-set failed or a unique index refused: engine and store disagree. Nothing of the turn is written.

    `seq` is the number of the fact (None: the conflict showed at the commit), `fact` its kind, `subject` the id of the
    contact, offer or agent, `why` what the store expected.
    """

    def __init__(self, seq: int | None, fact: str, subject: str, why: str) -> None:
        super().__init__(f"store: fact {seq} ({fact} {subject}) does not fit: {why}. Nothing of this turn was written; "
                         "start the node again, it reads the rows anew")
        self.seq, self.fact, self.subject, self.why = seq, fact, subject, why


class StoreUnavailable(StoreError):
    """The database does not work now. `kind`: `full`, `locked`, `damaged`, `readonly`, `gone`, `newer`, `busy`,
    `closed`, `broken`. When it comes out of a commit, nothing of that turn is written, except with kind `gone`: a
    connection lost inside the commit leaves it open, and the next start reads what is true."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"store: {message}")
        self.kind = kind


class LeaseHeld(StoreError):
    """Another node holds the lease of this state."""

    def __init__(self, node: str, pid: int, here: bool, expires_in_s: float, expires: float) -> None:
        where = f"on this machine as process {pid}" if here else "on another machine"
        super().__init__(f"store: node {node!r} already works on this state, {where}. Two nodes on one state would "
                         "ring phones twice: stop the other one first, or give this one a state of its own")
        self.node, self.pid, self.here, self.expires_in_s, self.expires = node, pid, here, expires_in_s, expires


class LeaseLost(StoreError):
    """The lease of this node is over, or another node has taken it: nothing more may be done in its name."""

    def __init__(self, why: str) -> None:
        super().__init__(f"store: this node no longer holds its state: {why}. It stops; start it again when no other "
                         "node works on this state")


class KeyFileError(StoreError):
    """The key file cannot be used."""


class NoSound(StoreError):
    """A plain file is no sound that can be kept: another kind, empty, too short."""


class DamagedRecording(StoreError):
    """A sealed file was changed or cut off. What was given out before is sound."""

    def __init__(self, recording: str, why: str) -> None:
        super().__init__(f"recording {recording}: {why}. Restore its file from the backup; its key is in the database")
        self.recording = recording
