"""How one of several fitting agents is chosen. A strategy is a module with one function."""

from __future__ import annotations
