"""A month's opinions as a page to print."""

from collections.abc import Mapping
from html import escape

from careline_tickets.adapters.pages import STYLE
from careline_tickets.adapters.words import RIGHT_TO_LEFT, WORDS, day, number
from careline_tickets.opinion_reports import OpinionReport

OPINION_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Opinions and suggestions",
        "opinions": "Opinions",
        "people": "People",
        "words": "What they speak of",
        "tickets": "Appeals",
        "single": "like no other",
        "before": "the month before",
    },
    "ru": {
        "title": "Мнения и предложения",
        "opinions": "Предложений",
        "people": "Заявителей",
        "words": "О чём говорят",
        "tickets": "Обращения",
        "single": "не похожи на другие",
        "before": "месяцем ранее",
    },
    "fa": {
        "title": "نظرها و پیشنهادها",
        "opinions": "پیشنهادها",
        "people": "افراد",
        "words": "موضوع سخن",
        "tickets": "درخواست‌ها",
        "single": "بدون مشابه",
        "before": "ماه پیش",
    },
    "zh": {
        "title": "意见与建议",
        "opinions": "建议数",
        "people": "人数",
        "words": "主要内容",
        "tickets": "诉求",
        "single": "无类似意见",
        "before": "上月",
    },
}
COLUMNS = ("opinions", "people", "words", "tickets")


def opinions_page(report: OpinionReport, title: str, names: Mapping[str, str]) -> str:
    """`names` are the subjects' by id; what is not named goes by its id."""
    language = report.language
    words = {**WORDS[language], **OPINION_WORDS[language]}
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    heading = escape(f"{words['title']}: {title or words['journal']}")
    period = f"{day(report.first_day, language)} – {day(report.last_day, language)}"

    def subject(name: str | None) -> str:
        return words["none"] if name is None else names.get(name) or name

    rows = [
        [
            subject(group.subject),
            number(group.opinions, language),
            number(group.people, language),
            ", ".join(group.words),
            ", ".join(group.tickets),
        ]
        for group in report.items
    ]
    rows += [
        [subject(name), number(count, language), "", words["single"], ""]
        for name, count in report.single
    ]
    head = "".join(f"<th>{escape(words[name])}</th>" for name in ("subject", *COLUMNS))
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    total = f"{escape(words['total'])}: {number(report.total, language)}"
    before = f"{escape(words['before'])}: {number(report.before, language)}"
    return (
        f'<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        f"<title>{heading}</title><style>{STYLE}</style></head><body>"
        f"<h1>{heading}</h1><p>{period}</p><p>{total} ({before})</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<p>{escape(words['made'])}: {day(report.made_at.date(), language)}</p></body></html>"
    )
