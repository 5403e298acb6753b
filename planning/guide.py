"""Worked examples of a page in Markdown: the files of a centre and a story, as the page shows them.

An example is a section `### Example: ...`. Its blocks ```` ```yaml services.yaml ```` (and other files' names) are the
files, a block ```` ```story ```` is what happens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

HEADING = re.compile(r"^### Example: (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^```(\w+)(?: ([\w.]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """One of them."""

    title: str
    files: Mapping[str, str]
    """Text of each file by its name."""
    story: str

    @property
    def name(self) -> str:
        """Of its picture: the first word of the title, in small letters."""
        return re.split(r"\W", self.title.lower(), maxsplit=1)[0]


def examples(page: str) -> list[Example]:
    """Every example, in the order of the page."""
    found = []
    for section in _sections(page):
        title = HEADING.match(section)
        if title is not None:
            files, story = {}, ""
            for kind, name, text in BLOCK.findall(section):
                if kind == "story":
                    story = text
                elif name:
                    files[name] = text
            found.append(Example(title.group(1), files, story))
    return found


def _sections(page: str) -> list[str]:
    return re.split(r"^(?=#{1,3} )", page, flags=re.MULTILINE)
