"""Pages for people: documents, styles and scripts, served by the node."""

from __future__ import annotations
