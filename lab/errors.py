"""What goes wrong in the lab. Every error is one sentence: what, where, how to mend.

- `LabError`: the root; the command line prints it and ends with 1.
  - `NoAsterisk`: Asterisk cannot be brought, or the given one is of no use.
  - `NotReady`: a process did not become ready, or ended by itself.
  - `BadInput`: keys or a time written in a way the lab does not read.
  - `NoLab`: there is no running lab in the given folder.
"""

from __future__ import annotations


class LabError(Exception):
    """Something in the lab went wrong."""


class NoAsterisk(LabError):
    """No Asterisk to start."""


class NotReady(LabError):
    """A process of the lab did not become ready."""


class NoLab(LabError):
    """No running lab where one was expected."""


class BadInput(LabError, ValueError):
    """What a person wrote is not understood."""
