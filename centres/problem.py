"""What is wrong with a centre's files, said so that a person can mend it without reading our code."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One thing to mend. Printed as one line: `team.yaml:12: unknown key 'skils'. Did you mean 'skills'?`"""

    where: str
    """`file:line`; the line counts from 1."""
    what: str
    """What is wrong, without a full stop."""
    mend: str
    """What to do about it, a whole sentence."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.mend}"

    @property
    def order(self) -> tuple[str, int]:
        """Sorts by file, then by line as a number."""
        file, _, line = self.where.rpartition(":")
        return (file, int(line)) if line.isdigit() else (self.where, 0)
