"""Prove that this node could lead, while it stands by: files, prompts, keys, and the log-in at Asterisk.

A take-over must not wait for a proof. So each proof is made ahead and renewed at intervals, and its last answer counts
when the lease is free. Each look at the lease asks the store for the rest: the keys of everybody, the tables.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import monotonic

import structlog

from routing.ami.errors import AuthFailed, LinkError
from routing.ami.link import Link, Login, Timing
from routing.store.callers.number_keys import NumberKeys
from routing.store.errors import KeyFileError
from santral.centre.config import check_centre, config_of, parse_address
from santral.centre.last_known_good import CentreFiles, StartValues
from santral.centre.prompt_check import check_playable
from santral.errors import BadCentre, SantralError
from santral.node.supervision import run_supervised
from santral.secrets import NodeSecrets
from santral.standby.secret_marks import SecretMarks

log = structlog.get_logger()

RENEW_S = 30.0
"""Pause between two proofs of a node that may lead. A log-in leaves a line in Asterisk's log."""

UNFIT_S = 5.0
"""Pause before a node that may not lead is proved again: a repaired cause needs no restart. Asterisk answers a refused
log-in after 1 s."""

SILENT_S = 1.0
"""The same while Asterisk is silent. A connection that nobody takes costs nothing, and callers come as soon as Asterisk
is there."""

FIRST_S = 3.0
"""Longest wait of a starting node for its first proof, so that a frozen Asterisk does not delay that it stands by."""

AFTER_LEADING_S = 5.0
"""Pause before the first proof of a node that stood down: as long as a lease, which it may take again at once."""

FRESH_S = 1.0
"""Age up to which a proof answers a leader that asks for one. More log-ins would fill Asterisk's log."""

LOGIN = Timing(connect=3.0, login=5.0)
"""Limits of a log-in. A node stands by meanwhile, so nobody waits for it."""


class NodeProofs:
    """The proofs of this node. One object serves the whole life of the process."""

    def __init__(self, files: CentreFiles, state: Path, ami: str, start: StartValues | None) -> None:
        """`ami` is the address of Asterisk. `start` is None if the files or prompts were not good at the start."""
        self._files, self._state, self._ami = files, state, ami
        self.start = start
        """Configuration and prompts with which this node would lead."""
        self.numbers: NumberKeys | None = None
        self._marks = SecretMarks(state / "secrets")
        self.why = ""
        """Reason why this node may not lead, or empty."""
        self.asterisk_answers = False
        """The last log-in at Asterisk succeeded."""
        self._reached = False
        """A log-in has succeeded before. Asterisk may restart, which is no fault of this node."""
        self._silent = False
        """Asterisk did not answer the last log-in."""
        self._unread = start is None
        """The files changed and were not good, so they are read again."""
        self._reading = Lock()
        self._proved = asyncio.Event()
        self._proving, self._proved_at = asyncio.Lock(), -FRESH_S

    @property
    def is_fit(self) -> bool:
        """Return whether all proofs were given."""
        return self._proved.is_set() and not self.why

    @property
    def keys(self) -> str:
        """Return the fingerprint of the keys of callers' numbers, or an empty text without keys."""
        return "" if self.numbers is None else self.numbers.fingerprint

    def read_marks(self) -> dict[str, str]:
        """Return the mark of each file of secrets, which the other nodes shall have too."""
        return self._marks.read_marks(self.numbers)

    async def keep_proving(self) -> None:
        """Give all proofs, and renew them until cancelled."""
        async def prove_again() -> None:
            # A node that has just led may lead again at once, and its first seconds are not for the prompts.
            if self.is_fit:
                await asyncio.sleep(AFTER_LEADING_S)
            while True:
                await self.prove_once()
                await asyncio.sleep(RENEW_S if self.is_fit else SILENT_S if self._silent else UNFIT_S)

        await run_supervised("proofs", prove_again, most_s=RENEW_S)

    async def wait_first(self) -> None:
        """Wait until the proofs were made once, but not longer than `FIRST_S`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._proved.wait(), FIRST_S)

    async def prove_once(self) -> None:
        """Make all proofs, and note the first that fails."""
        async with self._proving:
            await self._prove()

    async def prove_reach(self) -> bool:
        """Return whether this node could lead and reaches Asterisk now, by proofs that are at most `FRESH_S` old."""
        async with self._proving:
            if monotonic() - self._proved_at >= FRESH_S:
                await self._prove()
        return self.is_fit and self.asterisk_answers

    async def _prove(self) -> None:
        self._silent = False
        # The files come last: a node that reaches no Asterisk tries each second, and reading them costs more.
        self.why = await asyncio.to_thread(self._read_keys) or await self._log_in() \
            or await asyncio.to_thread(self.read_files)
        self._proved_at = monotonic()
        self._proved.set()

    def note_failure(self, why: str) -> None:
        """Note that leading has failed for a reason that a proof would find. The node is proved again."""
        self.why, self._reached = why, False

    def read_files(self) -> str:
        """Read the centre's files again if they changed. Return why files or prompts forbid to lead, or an empty text.
        """
        if why := self.read_changed_files():
            return why
        assert self.start is not None
        return "" if check_playable(self.start[0])[0] is not None else "prompts missing"

    def read_changed_files(self) -> str:
        """Read the centre's files again if they changed. Return why they forbid to lead, or an empty text.

        A take-over asks this alone. To look at all prompts takes 0.3 s, and the last proof has done that.

        Files that have become bad do not bar a node that has good ones in memory: it would lead with these, as a leader
        goes on with them.
        """
        with self._reading:
            if self._unread or self._files.have_changed():
                self._unread = True
                try:
                    self.start = self._files.choose_files()
                    self._unread = False
                except BadCentre as error:
                    if self.start is None:
                        return self._describe_bad_files(error)
        return ""

    def _read_keys(self) -> str:
        try:
            self.numbers = NumberKeys.load_or_create(NodeSecrets(self._state).folder / "numbers.json")
        except (KeyFileError, SantralError) as error:
            return str(error)
        return ""

    def _describe_bad_files(self, error: BadCentre) -> str:
        if config_of(check_centre(self._files.folder, self._files.overlay)) is not None:
            return "prompts missing"
        return f"the files of the centre are not good: {str(error).splitlines()[1].strip()}"

    async def _log_in(self) -> str:
        """Log in at Asterisk and leave at once. Return why the answer forbids to lead, or an empty text.

        Asterisk would send events to an open session, and nobody would read them.
        """
        try:
            secrets = NodeSecrets(self._state).ami_secrets()
        except SantralError as error:
            return str(error)
        host, port = parse_address(self._ami)
        for user in ("events", "actions"):
            link = Link(Login(host, port, f"santral-{user}", secrets[user]), timing=LOGIN)
            try:
                await link.connect_and_login()
            except AuthFailed as error:
                self.asterisk_answers = True
                return (f"Asterisk at {self._ami} refuses the AMI user [{error.user}]: its manager.conf and "
                        "secrets/ami.json differ")
            except LinkError:
                self._silent, self.asterisk_answers = True, False
                return "" if self._reached else f"this node reaches no Asterisk at {self._ami}"
            finally:
                await link.close()
        self.asterisk_answers = self._reached = True
        return ""
