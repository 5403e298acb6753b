"""Describe a mistake in a centre's files so that a person can fix it without reading the code."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One mistake. It prints as one line: `team.yaml:12: unknown key 'skils'. Did you mean 'skills'?`"""

    where: str
    """`file:line`; the line counts from 1."""
    what: str
    """Description of the mistake, without a full stop."""
    mend: str
    """How to fix the mistake, as a whole sentence."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.mend}"

    @property
    def order(self) -> tuple[str, int]:
        """Sort key: the file, then the line as a number."""
        file, _, line = self.where.rpartition(":")
        return (file, int(line)) if line.isdigit() else (self.where, 0)
