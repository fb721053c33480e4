"""A report as a page to print: one file without scripts, its charts drawn in it."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from pydantic import BaseModel

from careline_tickets.adapters.words import RIGHT_TO_LEFT, WORDS, day, number
from careline_tickets.reporting import Figures, Report

COLUMNS = (
    "registered", "closed", "open", "overdue", "returned", "returns", "justified", "justified_pct",
    "fill_median_s", "fill_p90_s", "solve_median_s", "solve_p90_s", "repeated",
)  # fmt: skip
CHARTED = 12
"""Subjects with a bar."""
WIDTH, HEIGHT, BAR = 720, 120, 22

STYLE = (
    "body{font:14px/1.4 system-ui,sans-serif;margin:2em}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #999;padding:.3em .5em;text-align:end}th:first-child,td:first-child"
    "{text-align:start}tr.total{font-weight:bold}svg{max-width:100%;margin:1em 0}"
    "@media print{body{margin:0}tr{break-inside:avoid}}"
)


def page(report: Report, title: str, names: dict[str, str]) -> str:
    """`names` are the subjects' by id; what is not named goes by its id."""
    language = report.language
    words = WORDS[language]
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    period = f"{day(report.first_day, language)} – {day(report.last_day, language)}"
    heading = f"{words[report.length]}: {title or words['journal']}"
    head = "".join(f"<th>{escape(words[name])}</th>" for name in ("subject", *COLUMNS))
    rows = "".join(_row(item, _name(item, names, words), language) for item in report.items)
    total = _row(report.total, words["total"], language, kind=' class="total"')
    return (
        f'<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        f"<title>{escape(heading)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(heading)}</h1><p>{period}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}{total}</tbody></table>"
        f"<h2>{escape(words['registered'])}</h2>{_bars(report, names)}"
        f"<h2>{escape(words['trend'])}</h2>{_trend(report)}"
        f"<p>{escape(words['made'])}: {day(report.made_at.date(), language)}</p></body></html>"
    )


def _name(item: Figures, names: dict[str, str], words: Mapping[str, str]) -> str:
    if item.subject is None:
        return words["none"]
    return names.get(item.subject) or item.subject


def _row(item: Figures, name: str, language: str, *, kind: str = "") -> str:
    return row(name, (figure(item, each) for each in COLUMNS), language, kind=kind)


def row(name: str, values: Iterable[float | None], language: str, *, kind: str = "") -> str:
    """A line of a table: what it is about, and its figures."""
    cells = "".join(f"<td>{number(value, language)}</td>" for value in values)
    return f"<tr{kind}><td>{escape(name)}</td>{cells}</tr>"


def figure(item: BaseModel, column: str) -> float | None:
    """Times to solve in hours, the rest as it is."""
    value: float | None = getattr(item, column)
    if value is not None and column.startswith("solve_"):
        return round(value / 3600, 1)
    return value


def _bars(report: Report, names: dict[str, str]) -> str:
    """Registered appeals of the commonest subjects."""
    words = WORDS[report.language]
    pairs = [(_name(item, names, words), item.registered) for item in report.items]
    return bars(pairs, report.language)


def bars(pairs: Sequence[tuple[str, int]], language: str) -> str:
    """A bar for each of the largest counts, with its name beside it."""
    largest = sorted(pairs, key=lambda pair: -pair[1])[:CHARTED]
    most = max((count for _, count in largest), default=0) or 1
    lines = []
    for place, (name, count) in enumerate(largest):
        y = place * BAR
        width = round(count / most * (WIDTH - 320), 1)
        lines.append(
            f'<text x="0" y="{y + 15}" direction="ltr">{escape(name[:40])}</text>'
            f'<rect x="260" y="{y + 3}" width="{width}" height="16" fill="#4477aa"/>'
            f'<text x="{268 + width}" y="{y + 15}">{number(count, language)}</text>'
        )
    return _svg("".join(lines), len(largest) * BAR + 4)


def _trend(report: Report) -> str:
    """What was registered by day; the period itself is darker."""
    most = max((count for _, count in report.trend), default=0) or 1
    step = WIDTH / max(1, len(report.trend))
    bars = []
    for place, (when, count) in enumerate(report.trend):
        height = round(count / most * (HEIGHT - 20), 1)
        inside = report.first_day <= when <= report.last_day
        bars.append(
            f'<rect x="{place * step:.1f}" y="{HEIGHT - height}" width="{step - 1:.1f}"'
            f' height="{height}" fill="{"#4477aa" if inside else "#bbccdd"}">'
            f"<title>{day(when, report.language)}: {number(count, report.language)}</title></rect>"
        )
    return _svg("".join(bars), HEIGHT)


def _svg(inside: str, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" direction="ltr" width="{WIDTH}"'
        f' height="{height}" viewBox="0 0 {WIDTH} {height}" font-size="13">{inside}</svg>'
    )
