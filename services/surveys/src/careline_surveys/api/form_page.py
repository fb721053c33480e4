"""The web form: plain HTML that works on any phone, without script, in either direction.

Made to WCAG 2.2 AA: a legend to each group of choices, what is wrong said first and linked to where
it is, targets of 44 px, focus to be seen, contrast of at least 4.5, what was given kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from careline_surveys.api import form_words as words
from careline_surveys.domain.definitions import SCALES, Question

STEP = "/step"
"""The name of the hidden mark; no question can be called so, for an id has no slash."""

INK, PAPER, EDGE, FAULT, FOCUS, BUTTON = (
    "#1a1a1a",
    "#ffffff",
    "#6b6b6b",
    "#a40000",
    "#0b57d0",
    "#0b4a8f",
)

_STYLE = (
    f"body{{font:1.125rem/1.5 system-ui,sans-serif;max-width:36rem;margin:0 auto;padding:1rem;"
    f"color:{INK};background:{PAPER}}}h1{{font-size:1.5rem}}h2{{font-size:1.125rem;margin:0}}"
    f"fieldset,.faults{{border:1px solid {EDGE};border-radius:.5rem;margin:0 0 1.25rem;padding:1rem;"
    f"min-width:0}}legend,.ask{{font-weight:600;padding:0 .25rem}}"
    f".choices{{display:flex;flex-wrap:wrap;gap:.5rem}}"
    f".choices label{{display:flex;align-items:center;gap:.5rem;min-height:2.75rem;min-width:2.75rem;"
    f"padding:0 .75rem;border:1px solid {EDGE};border-radius:.5rem}}"
    f"input{{width:1.25rem;height:1.25rem;margin:0}}.ends{{display:flex;justify-content:space-between;"
    f"margin:.5rem 0 0}}textarea{{width:100%;box-sizing:border-box;font:inherit;padding:.5rem;"
    f"border:1px solid {EDGE};border-radius:.5rem}}"
    f"button{{font:inherit;min-height:2.75rem;padding:.5rem 2rem;border:0;border-radius:.5rem;"
    f"color:{PAPER};background:{BUTTON}}}.fault{{color:{FAULT};font-weight:600;margin:.5rem 0}}"
    f".faults{{border-color:{FAULT}}}a{{color:{FOCUS}}}"
    f":focus-visible,.choices label:focus-within{{outline:3px solid {FOCUS};outline-offset:2px}}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question that is still open, in the person's words; `given` is what he sent already."""

    question: Question
    text: str
    given: str = ""
    missing: bool = False


def page(language: str, body: str, *, fault: bool = False) -> str:
    """A whole document in the person's language and writing direction."""
    direction = "rtl" if words.base_of(language) in words.RIGHT_TO_LEFT else "ltr"
    heading = escape(words.chosen(words.TITLE, language))
    title = f"{escape(words.chosen(words.FAULTS, language))} – {heading}" if fault else heading
    return (
        f'<!doctype html><html lang="{escape(language, quote=True)}" dir="{direction}"><head>'
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex"><meta name="color-scheme" content="light">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{heading}</h1>{body}</main></body></html>"
    )


def notice(language: str, said: Mapping[str, str]) -> str:
    return page(language, f'<p role="status">{escape(words.chosen(said, language))}</p>')


def form(language: str, asked: Sequence[Asked], *, step: str = "") -> str:
    """The questions that are open, each with what was given and whether that will not do.

    With `step`, the mark of a form that goes on, it is a page that follows from an answer.
    """
    fields = "".join(_field(one, language, f"q{number}") for number, one in enumerate(asked))
    faults = _faults(asked, language)
    button = f'<button type="submit">{escape(words.chosen(words.SEND, language))}</button>'
    more = ""
    if step:
        more = f'<p role="status">{escape(words.chosen(words.MORE, language))}</p>'
        button = f'<input type="hidden" name="{STEP}" value="{escape(step, quote=True)}">{button}'
    body = f'{faults}{more}<form method="post">{fields}{button}</form>'
    return page(language, body, fault=bool(faults))


def _faults(asked: Sequence[Asked], language: str) -> str:
    """What is wrong, before anything else, each with a way to where it is."""
    links = "".join(
        f'<li><a href="#q{number}">{escape(one.text)}</a></li>'
        for number, one in enumerate(asked)
        if one.missing
    )
    if not links:
        return ""
    head = escape(words.chosen(words.FAULTS, language))
    return f'<div class="faults" role="alert"><h2>{head}</h2><ul>{links}</ul></div>'


def _field(one: Asked, language: str, mark: str) -> str:
    if one.question.kind == "text":
        return _comment(one, language, mark)
    note, described = "", ""
    if one.missing:
        said = escape(words.chosen(words.MISSING, language))
        note = f'<p class="fault" id="{mark}-fault">{said}</p>'
        described = f' aria-describedby="{mark}-fault"'
    choices = "".join(
        _choice(one, value, label, "" if place else mark)
        for place, (value, label) in enumerate(_options(one.question, language))
    )
    return (
        f"<fieldset{described}><legend>{escape(one.text)}</legend>{note}"
        f'<div class="choices">{choices}</div>{_ends(one.question, language)}</fieldset>'
    )


def _choice(one: Asked, value: str, label: str, mark: str) -> str:
    """One choice; the first carries the mark to which what is wrong leads."""
    name = escape(one.question.id, quote=True)
    anchor = f' id="{mark}"' if mark else ""
    checked = " checked" if one.given == value else ""
    return (
        f'<label><input type="radio"{anchor} name="{name}" value="{value}" required{checked}>'
        f" {escape(label)}</label>"
    )


def _options(question: Question, language: str) -> Sequence[tuple[str, str]]:
    if question.kind == "fcr":
        return (
            ("yes", words.chosen(words.YES, language)),
            ("no", words.chosen(words.NO, language)),
        )
    low, high = SCALES[question.kind]
    return [(str(value), words.number(value, language)) for value in range(low, high + 1)]


def _ends(question: Question, language: str) -> str:
    if question.kind not in words.WORST:
        return ""
    low, high = SCALES[question.kind]
    worst, best = words.WORST[question.kind], words.BEST[question.kind]
    return (
        f'<p class="ends"><span>{words.number(low, language)} – '
        f"{escape(words.chosen(worst, language))}</span><span>{words.number(high, language)} – "
        f"{escape(words.chosen(best, language))}</span></p>"
    )


def _comment(one: Asked, language: str, mark: str) -> str:
    name = escape(one.question.id, quote=True)
    optional = escape(words.chosen(words.OPTIONAL, language))
    return (
        f'<p class="ask"><label for="{mark}">{escape(one.text)} ({optional})</label></p>'
        f'<p><textarea id="{mark}" name="{name}" rows="4" maxlength="1000" dir="auto">'
        f"{escape(one.given)}</textarea></p>"
    )
