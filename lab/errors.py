"""Errors of the lab. Each is one sentence: what is wrong, where, and how to fix it.

- `LabError`: the root; the command line prints it and ends with 1.
  - `NoAsterisk`: Asterisk cannot be fetched, or the given one cannot be used.
  - `NotReady`: a process did not become ready, or ended by itself.
  - `BadInput`: keys or a time that the lab cannot read.
  - `NoLab`: there is no running lab in the given folder.
"""

from __future__ import annotations


class LabError(Exception):
    """Base class of the lab's errors."""


class NoAsterisk(LabError):
    """Raised when there is no Asterisk to start."""


class NotReady(LabError):
    """Raised when a process of the lab did not become ready."""


class NoLab(LabError):
    """Raised when a folder holds no running lab."""


class BadInput(LabError, ValueError):
    """Raised when the lab cannot read what a person wrote."""
