"""Read the texts of the report, and format its numbers, in Turkish and in English."""

from __future__ import annotations

from drawing.texts import Phrase, read_texts

TEXTS: dict[str, Phrase] = read_texts("metrics", "report_texts.yaml")
FIGURES = tuple(key.split(".")[1] for key in TEXTS if key.startswith("figures.") and key.endswith(".name"))
"""Figures of the overview, in their order."""


def format_number(value: float | None, digits: int, *, english: bool) -> str:
    """Return a number as the language writes it. None gives a dash."""
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}"
    # Turkish swaps the comma and the point.
    return text if english else text.translate(str.maketrans(",.", ".,"))


def format_percent(value: float | None, *, english: bool) -> str:
    """Return a share with one decimal digit."""
    if value is None:
        return "–"
    text = format_number(value * 100, 1, english=english)
    return f"{text} %" if english else f"%{text}"
