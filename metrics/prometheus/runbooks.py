"""Read the runbooks from `runbooks.yaml`, and draw them as one page for each language.

A page has one heading for each alert, so the link of an alert leads to its place. Prometheus can serve the pages while
the node is down (`--web.console.templates`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import NamedTuple

import yaml
from pydantic import TypeAdapter

from drawing.texts import Phrase
from metrics.prometheus.alerts import ALERTS

SERVED_AT = "http://127.0.0.1:9090/consoles"
"""Address at which a Prometheus on this machine serves them."""


class Runbook(NamedTuple):
    """One alert: what it means, what to look at, and what to do."""

    meaning: Phrase
    check: tuple[Phrase, ...]
    fix: tuple[Phrase, ...]


RUNBOOKS = TypeAdapter(dict[str, Runbook]).validate_python(yaml.safe_load(
    (files("metrics") / "runbooks.yaml").read_text(encoding="utf-8")))

TITLE = Phrase("Uyarılar ve yapılacaklar", "Alerts and what to do")
CHECK, FIX = Phrase("Bakın", "Check"), Phrase("Yapın", "Fix")
_STYLE = ("body{font:1.1rem/1.5 sans-serif;max-width:46rem;margin:1rem auto;padding:0 1rem}"
          "h2{border-top:2px solid;padding-top:.5rem}:target{outline:3px solid}")


def page_name(*, english: bool) -> str:
    """Return the name of the page of a language."""
    return "en.html" if english else "tr.html"


def link_runbook(served_at: str, alert: str, *, english: bool) -> str:
    """Return the address of the runbook of an alert."""
    return f"{served_at.rstrip('/')}/{page_name(english=english)}#{alert}"


def render_page(*, english: bool) -> str:
    """Return all runbooks of a language as an HTML page."""
    language, title = ("en", TITLE.en) if english else ("tr", TITLE.tr)
    return "\n".join([
        f'<!doctype html>\n<html lang="{language}">\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n<main>\n<h1>{title}</h1>",
        *_draw_sections(english=english), "</main>\n</html>\n"])


def _draw_sections(*, english: bool) -> Iterator[str]:
    def show(text: Phrase) -> str:
        # Code is in the fixed font, as in the table of texts.
        return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text.text(english=english), quote=False))

    for alert in ALERTS:
        book = RUNBOOKS[alert.name]
        # A value of the alert is not known here.
        summary = re.sub("{{.*?}}", "…", alert.summary.text(english=english))
        yield f'<h2 id="{alert.name}">{escape(summary)} <small>({alert.name})</small></h2>\n<p>{show(book.meaning)}</p>'
        for head, steps, tag in ((CHECK, book.check, "ul"), (FIX, book.fix, "ol")):
            yield f"<h3>{head.text(english=english)}</h3>\n<{tag}>"
            yield from (f"<li>{show(step)}</li>" for step in steps)
            yield f"</{tag}>"
