"""Which words a patient reads: his language first, then the next best one there is."""

from collections.abc import Mapping, Sequence

FALLBACK = "en"

QUESTIONS: dict[str, dict[str, str]] = {
    "csi": {
        "ru": "Оцените обслуживание от 1 до 5",
        "en": "How was our service, from 1 to 5?",
        "fa": "رضایت خود را از ۱ تا ۵ پیامک کنید",
        "zh": "请对我们的服务评分，回复1-5",
        "ar": "ما تقييمك لخدمتنا من 1 إلى 5؟",
    },
    "nps": {
        "ru": "Порекомендуете ли вы нас? Ответьте от 0 до 10",
        "en": "Would you recommend us? Reply 0 to 10",
        "fa": "ما را به دیگران توصیه می‌کنید؟ از ۰ تا ۱۰ پیامک کنید",
        "zh": "您会向他人推荐我们吗？请回复0-10",
        "ar": "هل توصي بنا؟ أجب من 0 إلى 10",
    },
    "fcr": {
        "ru": "Ваш вопрос решен? Ответьте ДА или НЕТ",
        "en": "Was your question resolved? Reply YES or NO",
        "fa": "آیا مشکل شما حل شد؟ بله یا خیر",
        "zh": "您的问题解决了吗？请回复是或否",
        "ar": "هل تم حل مشكلتك؟ أجب بنعم أو لا",
    },
    "text": {
        "ru": "Что нам улучшить? Напишите в ответ",
        "en": "What should we do better? Just reply",
        "fa": "چه چیزی را بهتر کنیم؟ پاسخ دهید",
        "zh": "您有什么建议？请直接回复",
        "ar": "ما الذي يمكننا تحسينه؟ أجب برسالة",
    },
}
"""Asked when a definition has no words of its own for a question."""

AGAIN: dict[str, dict[str, str]] = {
    "csi": {
        "ru": "Извините, не поняли ответ. Пришлите, пожалуйста, одну цифру от 1 до 5",
        "en": "Sorry, we could not read that. Please reply with one digit from 1 to 5",
        "fa": "ببخشید، پاسخ را متوجه نشدیم. لطفاً فقط یک عدد از ۱ تا ۵ بفرستید",
        "zh": "抱歉，未能识别您的回复。请只回复1到5中的一个数字",
        "ar": "عذرا، لم نفهم الرد. أرسل رقما واحدا من 1 إلى 5",
    },
    "nps": {
        "ru": "Извините, не поняли ответ. Пришлите, пожалуйста, одно число от 0 до 10",
        "en": "Sorry, we could not read that. Please reply with one number from 0 to 10",
        "fa": "ببخشید، پاسخ را متوجه نشدیم. لطفاً فقط یک عدد از ۰ تا ۱۰ بفرستید",
        "zh": "抱歉，未能识别您的回复。请只回复0到10中的一个数字",
        "ar": "عذرا، لم نفهم الرد. أرسل رقما واحدا من 0 إلى 10",
    },
    "fcr": {
        "ru": "Извините, не поняли ответ. Ответьте, пожалуйста, ДА или НЕТ",
        "en": "Sorry, we could not read that. Please reply YES or NO",
        "fa": "ببخشید، پاسخ را متوجه نشدیم. لطفاً بله یا خیر بفرستید",
        "zh": "抱歉，未能识别您的回复。请回复是或否",
        "ar": "عذرا، لم نفهم الرد. أجب بنعم أو لا",
    },
}
"""The one polite request to answer again."""

COUNTRY_LANGUAGES: dict[int, str] = {7: "ru", 375: "ru", 98: "fa", 93: "fa", 86: "zh", 964: "ar", 966: "ar", 971: "ar", 20: "ar"}  # fmt: skip


def choose(texts: Mapping[str, str], wanted: Sequence[str | None]) -> tuple[str, str]:
    """(language, text) of the first wanted language there is, else English, else the first text.

    "ru-RU" is served by "ru" and the other way round. `texts` has at least one entry.
    """
    by_base = {language.lower().split("-")[0]: language for language in reversed(list(texts))}
    for language in (*wanted, FALLBACK):
        if not language:
            continue
        if language in texts:
            return language, texts[language]
        base = language.lower().split("-")[0]
        if base in by_base:
            return by_base[base], texts[by_base[base]]
    first = next(iter(texts))
    return first, texts[first]
