"""The public form as HTML: no script, either direction, what is wrong said beside where it is."""

from collections.abc import Collection, Mapping
from html import escape

from careline_tickets.api import form_words as words
from careline_tickets.domain.attachments import KINDS
from careline_tickets.domain.vocabulary import Kind

TRAP = "website"
"""A field that people do not see and programs fill in."""
LIMITS = {"name": 300, "phone": 40, "policy_number": 100, "text": 20_000}

_ACCEPTED = ",".join(f".{ending}" for kind in KINDS for ending in kind.endings)

STYLE = (
    "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:36rem;margin:0 auto;padding:1rem;"
    "color:#1a1a1a;background:#fff}label{display:block;font-weight:600;margin-top:1rem}"
    "input,select,textarea{width:100%;box-sizing:border-box;font:inherit;min-height:2.75rem;"
    "padding:.5rem;border:1px solid #6b6b6b;border-radius:.5rem}"
    "button{font:inherit;min-height:2.75rem;margin-top:1.5rem;padding:.5rem 2rem;border:0;"
    "border-radius:.5rem;color:#fff;background:#0b4a8f}.fault{color:#a40000;font-weight:600}"
    ".trap{position:absolute;inset-inline-start:-100rem}code{font-size:1.5rem}"
    ":focus-visible{outline:3px solid #0b57d0;outline-offset:2px}"
)


def page(language: str, body: str) -> str:
    direction = "rtl" if language in words.RIGHT_TO_LEFT else "ltr"
    title = escape(words.TITLE[language])
    return (
        f'<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    )


def notice(language: str, said: words.Words, code: str | None = None) -> str:
    shown = f'<p><code dir="ltr">{escape(code)}</code></p>' if code else ""
    return page(language, f'<p role="status">{escape(said[language])}</p>{shown}')


def form(
    language: str,
    key: str,
    *,
    given: Mapping[str, str] | None = None,
    faults: Collection[str] = (),
    said: words.Words | None = None,
) -> str:
    """The form with what was given; `key` makes sending it twice one appeal."""
    given = given or {}
    above = f'<p class="fault" role="alert">{escape(said[language])}</p>' if said else ""
    fields = "".join(_field(language, name, given, faults) for name in words.FIELDS)
    return page(
        language,
        f'{above}<form method="post" action="form?lang={language}" accept-charset="utf-8" enctype="multipart/form-data">'
        f'<input type="hidden" name="key" value="{escape(key, quote=True)}">{fields}'
        f'<div class="trap" aria-hidden="true"><label>{escape(words.LEAVE[language])}'
        f'<input name="{TRAP}" tabindex="-1" autocomplete="off"></label></div>'
        f"<button>{escape(words.SEND[language])}</button></form>",
    )


def _field(language: str, name: str, given: Mapping[str, str], faults: Collection[str]) -> str:
    value, wrong = given.get(name, ""), name in faults
    fault = (
        f'<p class="fault" id="{name}-fault">{escape(words.FAULTS[name][language])}</p>'
        if wrong
        else ""
    )
    marks = f' aria-invalid="true" aria-describedby="{name}-fault"' if wrong else ""
    label = f'<label for="{name}">{escape(words.FIELDS[name][language])}</label>{fault}'
    named = f'id="{name}" name="{name}"{marks}'
    if name == "kind":
        return f"{label}<select {named}>{_kinds(language, value)}</select>"
    if name == "files":
        return f'{label}<input {named} type="file" multiple accept="{_ACCEPTED}">'
    limit = LIMITS[name]
    if name == "text":
        return f'{label}<textarea {named} rows="8" maxlength="{limit}" required>{escape(value)}</textarea>'
    kind = "tel" if name == "phone" else "text"
    return f'{label}<input {named} type="{kind}" maxlength="{limit}" value="{escape(value, quote=True)}">'


def _kinds(language: str, value: str) -> str:
    def option(kind: Kind) -> str:
        chosen = " selected" if kind == value else ""
        return f'<option value="{kind}"{chosen}>{escape(words.KINDS[kind][language])}</option>'

    return "".join(map(option, Kind))
