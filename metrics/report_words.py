"""Texts and numbers of the report, in Turkish and in English."""

from __future__ import annotations

from drawing.texts import Said, read_texts

TEXTS: dict[str, Said] = read_texts("metrics", "report_texts.yaml")
FIGURES = tuple(key.split(".")[1] for key in TEXTS if key.startswith("figures.") and key.endswith(".name"))
"""Figures of the overview, in their order."""


def number(value: float | None, digits: int, *, english: bool) -> str:
    """A number as the language writes it; nothing: a dash."""
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}"
    return text if english else text.translate(str.maketrans(",.", ".,"))


def percent(value: float | None, *, english: bool) -> str:
    """A share with one digit."""
    if value is None:
        return "–"
    text = number(value * 100, 1, english=english)
    return f"{text} %" if english else f"%{text}"
