"""The journal in figures as a page to print: one file without scripts, its chart drawn in it."""

from collections.abc import Mapping, Sequence
from html import escape

from pydantic import BaseModel

from careline_tickets.adapters.pages import STYLE, bars, figure, row
from careline_tickets.adapters.words import RIGHT_TO_LEFT, WORDS

COLUMNS = (
    "registered", "closed", "open", "overdue", "returned", "returns", "justified", "justified_pct",
    "fill_median_s", "fill_p90_s", "solve_median_s", "solve_p90_s", "repeated",
)  # fmt: skip


def journal_page(
    items: Sequence[BaseModel], by: str, period: str, language: str, names: Mapping[str, str]
) -> str:
    """`items` have a `key` and the figures of `COLUMNS`; what is not named goes by its key."""
    words = WORDS[language]
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    heading = f"{words['by']}: {words[by]}"
    named = [(_name(item, names), item) for item in items]
    head = "".join(f"<th>{escape(words[name])}</th>" for name in (by, *COLUMNS))
    rows = "".join(
        row(name, (figure(item, each) for each in COLUMNS), language) for name, item in named
    )
    counts = [(name, int(figure(item, "registered") or 0)) for name, item in named]
    return (
        f'<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        f"<title>{escape(heading)}</title><style>{STYLE}</style></head><body>"
        f'<h1>{escape(heading)}</h1><p dir="ltr">{escape(period)}</p>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f"<h2>{escape(words['registered'])}</h2>{bars(counts, language)}</body></html>"
    )


def _name(item: BaseModel, names: Mapping[str, str]) -> str:
    key: str | None = getattr(item, "key", None)
    return "–" if key is None else names.get(key) or key
