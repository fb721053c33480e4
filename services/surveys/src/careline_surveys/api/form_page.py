"""The web form: plain HTML that works on any phone, without script, in either direction."""

from collections.abc import Mapping, Sequence
from html import escape

from careline_surveys.domain.definitions import SCALES, Question

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})

TITLE = {
    "ru": "Оценка обслуживания", "en": "Your opinion of our service", "fa": "نظر شما درباره خدمت ما",
    "zh": "服务评价", "ar": "رأيك في خدمتنا",
}  # fmt: skip
SEND = {"ru": "Отправить", "en": "Send", "fa": "ارسال", "zh": "提交", "ar": "إرسال"}
YES = {"ru": "Да", "en": "Yes", "fa": "بله", "zh": "是", "ar": "نعم"}
NO = {"ru": "Нет", "en": "No", "fa": "خیر", "zh": "否", "ar": "لا"}
THANKS = {
    "ru": "Спасибо, ваш ответ записан.", "en": "Thank you, your answer is recorded.",
    "fa": "سپاسگزاریم، پاسخ شما ثبت شد.", "zh": "感谢您的评价。", "ar": "شكرا، تم تسجيل ردك.",
}  # fmt: skip
GONE = {
    "ru": "Эта ссылка уже использована или устарела.",
    "en": "This link has been used already or has expired.",
    "fa": "این پیوند استفاده شده یا منقضی شده است.", "zh": "该链接已使用或已过期。",
    "ar": "تم استخدام هذا الرابط أو انتهت صلاحيته.",
}  # fmt: skip
MISSING = {
    "ru": "Пожалуйста, ответьте на этот вопрос.", "en": "Please answer this question.",
    "fa": "لطفاً به این پرسش پاسخ دهید.", "zh": "请回答此问题。", "ar": "يرجى الإجابة عن هذا السؤال.",
}  # fmt: skip

_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:1rem;"
    "color:#1a1a1a;background:#fff}"
    "fieldset{border:1px solid #767676;border-radius:.5rem;margin:0 0 1rem;padding:1rem}"
    "legend{font-weight:600}label{display:inline-block;padding:.5rem .75rem}"
    "textarea{width:100%;box-sizing:border-box;font:inherit}"
    "button{font:inherit;padding:.75rem 1.5rem;min-width:8rem}.fault{color:#a40000}"
)


def _in(words: Mapping[str, str], language: str) -> str:
    return words.get(language.split("-", maxsplit=1)[0], words["en"])


def page(language: str, body: str) -> str:
    """A whole document in the person's language and writing direction."""
    base = language.split("-", maxsplit=1)[0]
    direction = "rtl" if base in RIGHT_TO_LEFT else "ltr"
    title = escape(_in(TITLE, language))
    return (
        f'<!doctype html><html lang="{escape(language, quote=True)}" dir="{direction}"><head>'
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    )


def notice(language: str, words: Mapping[str, str]) -> str:
    return page(language, f'<p role="status">{escape(_in(words, language))}</p>')


def form(
    language: str,
    questions: Sequence[tuple[Question, str]],
    *,
    missing: frozenset[str] = frozenset(),
) -> str:
    """The questions that are still open, each with its words; `missing` are marked."""
    fields = "".join(
        _field(question, text, language, fault=question.id in missing)
        for question, text in questions
    )
    button = f'<button type="submit">{escape(_in(SEND, language))}</button>'
    return page(language, f'<form method="post">{fields}{button}</form>')


def _field(question: Question, text: str, language: str, *, fault: bool) -> str:
    name = escape(question.id, quote=True)
    said = escape(_in(MISSING, language))
    note = f'<p class="fault" role="alert">{said}</p>' if fault else ""
    if question.kind == "text":
        control = f'<textarea name="{name}" rows="4" maxlength="1000"></textarea>'
        label = f'<label for="{name}">{escape(text)}</label>'
        control = control.replace("<textarea", f'<textarea id="{name}"', 1)
        return f"<fieldset>{note}{label}{control}</fieldset>"
    if question.kind == "fcr":
        options = [("yes", _in(YES, language)), ("no", _in(NO, language))]
    else:
        low, high = SCALES[question.kind]
        options = [(str(value), str(value)) for value in range(low, high + 1)]
    radios = "".join(
        f'<label><input type="radio" name="{name}" value="{value}" required> {escape(label)}</label>'
        for value, label in options
    )
    return f"<fieldset><legend>{escape(text)}</legend>{note}{radios}</fieldset>"
