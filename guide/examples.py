"""Worked examples of a Markdown page: the files of a centre and a story.

An example is a section `### Example: ...`. Its blocks ```` ```yaml services.yaml ```` (and other file names) are the
files. A block ```` ```story ```` holds the story.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

HEADING = re.compile(r"^### Example: (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^```(\w+)(?: ([\w.]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class PageExample(NamedTuple):
    """One worked example."""

    title: str
    files: Mapping[str, str]
    """Text of each file by its name."""
    story: str

    @property
    def name(self) -> str:
        """Name of its picture: the first word of the title, in small letters."""
        return re.split(r"[^\w-]", self.title.lower(), maxsplit=1)[0]


def find_examples(page: str) -> list[PageExample]:
    """Return every example, in the order of the page."""
    found = []
    for section in _split_sections(page):
        title = HEADING.match(section)
        if title is not None:
            files, story = {}, ""
            for kind, name, text in BLOCK.findall(section):
                if kind == "story":
                    story = text
                elif name:
                    files[name] = text
            found.append(PageExample(title.group(1), files, story))
    return found


def _split_sections(page: str) -> list[str]:
    return re.split(r"^(?=#{1,3} )", page, flags=re.MULTILINE)
