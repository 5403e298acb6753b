"""Check that the site of the docs is strict, names its language, and links to its twin."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.long]

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture(autouse=True)
def _libraries() -> None:
    """Skip the test without the libraries of the site."""
    pytest.importorskip("sphinx_rtd_theme", reason="make test-long and make docs install the site's libraries")


def build_site(folder: Path, language: str, page: str) -> subprocess.CompletedProcess[str]:
    source = folder / "docs"
    source.mkdir()
    shutil.copy(DOCS / "conf.py", source)
    for name in ("_templates", "_static"):
        shutil.copytree(DOCS / name, source / name)
    (source / "index.md").write_text(page, encoding="utf-8")
    return subprocess.run([sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-D",
                           f"language={language}", str(source), str(folder / language)],
                          text=True, capture_output=True, check=False, timeout=120)


@pytest.mark.parametrize("page", ["# A\n\n[b](none.md)\n", "# A\n\n[b](#none)\n"])
def test_a_dead_link_ends_the_build(tmp_path: Path, page: str) -> None:
    done = build_site(tmp_path, "en", page)
    assert done.returncode != 0 and "none" in done.stderr


def test_the_words_of_the_site_are_turkish_and_its_pages_english(tmp_path: Path) -> None:
    done = build_site(tmp_path, "tr", "# A\n\nText.\n")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "tr" / "index.html").read_text(encoding="utf-8")
    assert '<html class="writer-html5" lang="tr"' in page and '<div lang="en">' in page
    assert 'href="../en/index.html">English</a>' in page and "Belgeleri arayın" in page
    assert 'src="http' not in page
