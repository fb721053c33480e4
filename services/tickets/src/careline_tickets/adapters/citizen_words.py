"""What citizens are told, in the languages in which they write."""

import unicodedata
from collections.abc import Mapping

LANGUAGES = ("en", "ru", "fa", "zh")
Words = Mapping[str, str]

WORDS: Mapping[str, Words] = {
    "registered": {
        "en": "Your appeal {number} is registered. Tracking code: {code}.",
        "ru": "Ваше обращение {number} зарегистрировано. Код для проверки: {code}.",
        "fa": "درخواست شما با شماره {number} ثبت شد. کد پیگیری: {code}.",
        "zh": "您的诉求{number}已登记，查询码：{code}。",
    },
    "promised": {
        "en": "We answer by {due}.",
        "ru": "Ответим до {due}.",
        "fa": "تا {due} پاسخ می‌دهیم.",
        "zh": "我们将于{due}前答复。",
    },
    "extended": {
        "en": "Your appeal {number} takes longer than we promised.",
        "ru": "Срок ответа на обращение {number} продлён.",
        "fa": "پاسخ به درخواست {number} بیشتر زمان می‌برد.",
        "zh": "您的诉求{number}需要更多时间。",
    },
    "late": {
        "en": "We promised an answer to appeal {number} by {due} and have not kept it. We are sorry; it goes on.",
        "ru": "Мы обещали ответить на обращение {number} до {due} и не успели. Приносим извинения, работа продолжается.",
        "fa": "قول داده بودیم تا {due} به درخواست {number} پاسخ دهیم و نشد. پوزش می‌خواهیم؛ پیگیری ادامه دارد.",
        "zh": "我们承诺于{due}前答复诉求{number}，但未能做到，深表歉意，我们仍在处理。",
    },
    "closed": {
        "en": "Your appeal {number} is answered.",
        "ru": "По обращению {number} дан ответ.",
        "fa": "به درخواست {number} پاسخ داده شد.",
        "zh": "您的诉求{number}已答复。",
    },
    "forwarded": {
        "en": "Your appeal {number} was passed on to the region where you are insured; you are answered from there.",
        "ru": "Обращение {number} передано в регион, где вы застрахованы: ответят оттуда.",
        "fa": "درخواست {number} به منطقه‌ای که در آن بیمه هستید فرستاده شد و از آنجا پاسخ می‌گیرید.",
        "zh": "您的诉求{number}已转至您的参保地区，由其答复。",
    },
    "joined": {
        "en": "Your appeal {number} is joined with your appeal {other}: both are answered together.",
        "ru": "Ваше обращение {number} объединено с вашим обращением {other}: ответим на оба сразу.",
        "fa": "درخواست شما {number} با درخواست دیگر شما {other} یکی شد؛ به هر دو با هم پاسخ می‌دهیم.",
        "zh": "您的诉求{number}已与您的诉求{other}合并，将一并答复。",
    },
    "settled": {
        "en": "Your appeal {number} is settled. To hear the answer, call us or write to us and name this number.",
        "ru": "Работа по обращению {number} завершена. Чтобы узнать ответ, позвоните или напишите нам и назовите этот номер.",
        "fa": "رسیدگی به درخواست {number} پایان یافت. برای شنیدن پاسخ تماس بگیرید یا بنویسید و این شماره را بگویید.",
        "zh": "您的诉求{number}已办结。如需了解答复，请来电或来信并告知此编号。",
    },
    "too_large": {
        "en": "Your mail was not taken: it is larger than {limit} MB. Please send it again without large files.",
        "ru": "Ваше письмо не принято: оно больше {limit} МБ. Пришлите его ещё раз без больших файлов.",
        "fa": "نامه شما پذیرفته نشد: بزرگ‌تر از {limit} مگابایت است. لطفاً بدون پرونده‌های بزرگ دوباره بفرستید.",
        "zh": "您的邮件未被接收：超过{limit}MB。请去掉大附件后重新发送。",
    },
    "waiting": {
        "en": "To go on with your appeal {number} we need something from you:",
        "ru": "Чтобы продолжить работу по обращению {number}, нам нужно от вас:",
        "fa": "برای ادامه رسیدگی به درخواست {number} به این نیاز داریم:",
        "zh": "为继续处理您的诉求{number}，请提供：",
    },
    "stands": {
        "en": "Appeal {number}: {status}.",
        "ru": "Обращение {number}: {status}.",
        "fa": "درخواست {number}: {status}.",
        "zh": "诉求{number}：{status}。",
    },
    "no_such": {
        "en": "We know no appeal by this code. Please look at it again, or send us your question.",
        "ru": "Обращения с таким кодом нет. Проверьте код или напишите, что случилось.",
        "fa": "درخواستی با این کد نیست. لطفاً کد را بررسی کنید یا بنویسید چه شده است.",
        "zh": "未找到该查询码对应的诉求，请核对后再发，或直接写明您的问题。",
    },
    "none_open": {
        "en": "We know no open appeal from this number. Please send its tracking code.",
        "ru": "С этого номера открытых обращений нет. Пришлите код обращения.",
        "fa": "از این شماره درخواست بازی نیست. لطفاً کد پیگیری را بفرستید.",
        "zh": "该号码没有处理中的诉求，请发送查询码。",
    },
    "status.new": {"en": "registered", "ru": "зарегистрировано", "fa": "ثبت شده", "zh": "已登记"},
    "status.in_work": {"en": "in work", "ru": "в работе", "fa": "در دست بررسی", "zh": "处理中"},
    "status.with_expert": {
        "en": "with an expert",
        "ru": "у эксперта",
        "fa": "نزد کارشناس",
        "zh": "专家审核中",
    },
    "status.with_insurer": {
        "en": "with the insurer",
        "ru": "у страховой организации",
        "fa": "نزد بیمه‌گر",
        "zh": "保险机构处理中",
    },
    "status.in_review": {
        "en": "the answer is being checked",
        "ru": "ответ проверяется",
        "fa": "پاسخ در حال بررسی است",
        "zh": "答复审核中",
    },
    "status.waiting": {
        "en": "waiting for you",
        "ru": "ждём сведений от вас",
        "fa": "در انتظار شما",
        "zh": "等待您的补充",
    },
    "status.closed": {"en": "closed", "ru": "закрыто", "fa": "بسته شده", "zh": "已办结"},
    "status.merged": {
        "en": "joined with another one",
        "ru": "объединено с другим",
        "fa": "با درخواستی دیگر یکی شده",
        "zh": "已合并",
    },
    "answer_subject": {
        "en": "Answer to your appeal {number}",
        "ru": "Ответ на обращение {number}",
        "fa": "پاسخ به درخواست {number}",
        "zh": "关于诉求{number}的答复",
    },
}

_SCRIPTS = (("CYRILLIC", "ru"), ("ARABIC", "fa"), ("CJK", "zh"), ("LATIN", "en"))
LOOKED_AT = 2000


def said(what: str, language: str, **values: str) -> str:
    return WORDS[what][language].format(**values)


def language_of(text: str, otherwise: str = "en") -> str:
    """The language of a text by the script that most of its letters are of."""
    counts = dict.fromkeys(LANGUAGES, 0)
    for sign in text[:LOOKED_AT]:
        if sign.isalpha():
            name = unicodedata.name(sign, "")
            for script, language in _SCRIPTS:
                if name.startswith(script):
                    counts[language] += 3 if language == "zh" else 1
                    break
    best = max(counts, key=lambda each: counts[each])
    return best if counts[best] else otherwise
