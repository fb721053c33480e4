"""The insurers' page as HTML: no script, either direction; what is shown is the insurer's own alone."""

from collections.abc import Sequence
from html import escape

from careline_tickets.api import insurer_words as words
from careline_tickets.api.form_page import STYLE
from careline_tickets.api.form_words import KINDS, RIGHT_TO_LEFT
from careline_tickets.api.views import ContentOut, TicketOut
from careline_tickets.domain.vocabulary import Kind, Status

LONGEST = 100_000
_MORE_STYLE = (
    "li{margin:.5rem 0}.late{color:#a40000;font-weight:600}pre{white-space:pre-wrap;font:inherit}"
)


def page(language: str, body: str, *, said: words.Words | None = None, fault: bool = False) -> str:
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    title = escape(words.TITLE[language])
    role = ' class="fault" role="alert"' if fault else ' role="status"'
    above = f"<p{role}>{escape(said[language])}</p>" if said else ""
    return (
        f'<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}{_MORE_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1>{above}{body}</main></body></html>"
    )


def sign_in(language: str, *, refused: bool = False) -> str:
    """`refused`: it is shown at the address that the form is sent to."""
    form = (
        f'<form method="post" action="{"session" if refused else "insurer/session"}">'
        f'<label for="token">{escape(words.TOKEN[language])}</label>'
        '<input id="token" name="token" type="password" autocomplete="off" required>'
        f"<button>{escape(words.SIGN_IN[language])}</button></form>"
    )
    return page(language, form, said=words.REFUSED if refused else None, fault=refused)


def listed(language: str, appeals: Sequence[TicketOut]) -> str:
    """Those that wait for this insurer, the most urgent first."""
    lines = "".join(
        f'<li><a href="insurer/appeals/{escape(one.id, quote=True)}">{escape(one.number)}</a>'
        f" {escape(KINDS[Kind(one.kind)][language])} {escape(one.subject or '')}{_due(language, one)}</li>"
        for one in appeals
    )
    said = None if appeals else words.NOTHING
    leave = f'<form method="post" action="insurer/end"><button>{escape(words.SIGN_OUT[language])}</button></form>'
    return page(language, f"<ol>{lines}</ol>{leave}", said=said)


def shown(
    language: str,
    appeal: TicketOut,
    *,
    typed: str = "",
    said: words.Words | None = None,
    fault: bool = False,
) -> str:
    """One appeal with what was written in it, and the field for the answer while it is the insurer's turn."""
    person = appeal.person
    told = (
        []
        if person is None
        else [person.name, person.phone, person.birth_date, person.policy_number]
    )
    about = ", ".join(escape(str(each)) for each in told if each is not None)
    texts = "".join(_text(one) for one in appeal.contents or ())
    form = _answer(language, appeal, typed) if appeal.status == Status.WITH_INSURER else ""
    back = f'<p><a href="../../insurer">{escape(words.BACK[language])}</a></p>'
    head = f"<h2>{escape(appeal.number)}{_due(language, appeal)}</h2><p>{about}</p>"
    return page(language, f"{back}{head}{texts}{form}", said=said, fault=fault)


def no_such(language: str) -> str:
    back = f'<p><a href="../../insurer">{escape(words.BACK[language])}</a></p>'
    return page(language, back, said=words.NO_SUCH, fault=True)


def _answer(language: str, appeal: TicketOut, typed: str) -> str:
    return (
        f'<form method="post" action="{escape(appeal.id, quote=True)}">'
        f'<input type="hidden" name="version" value="{appeal.version}">'
        f'<label for="text">{escape(words.ANSWER[language])}</label>'
        f'<textarea id="text" name="text" rows="10" maxlength="{LONGEST}" required>{escape(typed)}</textarea>'
        f"<button>{escape(words.SEND[language])}</button></form>"
    )


def _text(one: ContentOut) -> str:
    return f'<h3 dir="ltr">{one.at:%Y-%m-%d %H:%M} UTC</h3><pre dir="auto">{escape(one.text)}</pre>'


def _due(language: str, appeal: TicketOut) -> str:
    if appeal.due_at is None:
        return ""
    late = f' <span class="late">{escape(words.OVERDUE[language])}</span>' if appeal.overdue else ""
    return f' <small>{escape(words.DUE[language])} <bdi dir="ltr">{appeal.due_at:%Y-%m-%d %H:%M} UTC</bdi></small>{late}'
