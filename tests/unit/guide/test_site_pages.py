"""Pages of docs/: each stands in the table of contents, and each link leads to a page and a heading that exist.

`make docs` is stricter, and needs libraries that tests do not install.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from guide.language import ROOT

pytestmark = pytest.mark.unit

DOCS = ROOT / "docs"
CONTENTS = re.compile(r"^```\{toctree\}\n(?::.*\n)*\n([^`]*)```$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s:]*?\.md)?(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
CODE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


def find_pages(entry: str) -> set[Path]:
    """Return the pages of an entry of the table of contents, which may be a pattern."""
    return set(DOCS.glob(f"{entry}.md"))


def anchors_of(page: Path) -> Iterator[str]:
    """Yield the anchor of each heading, as a forge writes it."""
    for heading in HEADING.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_table_of_contents_has_each_page_and_no_other() -> None:
    entries = " ".join(CONTENTS.findall((DOCS / "index.md").read_text(encoding="utf-8"))).split()
    assert len(entries) > 10 and [one for one in entries if not find_pages(one)] == []
    assert set().union(*map(find_pages, entries)) == set(DOCS.rglob("*.md")) - {DOCS / "index.md"}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_each_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    targets = [((page.parent / name).resolve() if name else page, anchor) for name, anchor in links]
    assert [str(target) for target, _ in targets if not target.exists()] == []
    assert [(str(target), anchor) for target, anchor in targets if anchor and anchor not in anchors_of(target)] == []
