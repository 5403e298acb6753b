"""Configure the site of these pages. `make docs` builds it in English and in Turkish."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from pygments.lexers.special import TextLexer

project = "Santral"
copyright = "Santral"
release = importlib.metadata.version("santral")
extensions = ["myst_parser"]
root_doc = "index"
templates_path = ["_templates"]

# Pages link to each other and to headings. The same anchors work in the site and in a forge.
myst_heading_anchors = 4
nitpicky = True

# The pages are English in both sites, so the words of the search are English in both.
html_search_language = "en"
html_theme = "sphinx_rtd_theme"
html_title = "Santral"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sourcelink = False
html_copy_source = False

PLAIN = ("story", "csv", "mermaid")
"""Languages of code blocks that Pygments does not know. Their text is shown as it is."""


def setup(app: Any) -> None:
    """Show the languages that Pygments does not know as plain text."""
    for name in PLAIN:
        app.add_lexer(name, TextLexer)
