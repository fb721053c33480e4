"""What the web form says around the questions, in the five languages."""

from collections.abc import Mapping

Words = Mapping[str, str]

TITLE: Words = {
    "ru": "Оценка обслуживания", "en": "Your opinion of our service", "fa": "نظر شما درباره خدمت ما",
    "zh": "服务评价", "ar": "رأيك في خدمتنا",
}  # fmt: skip
SEND: Words = {"ru": "Отправить", "en": "Send", "fa": "ارسال", "zh": "提交", "ar": "إرسال"}
YES: Words = {"ru": "Да", "en": "Yes", "fa": "بله", "zh": "是", "ar": "نعم"}
NO: Words = {"ru": "Нет", "en": "No", "fa": "خیر", "zh": "否", "ar": "لا"}
THANKS: Words = {
    "ru": "Спасибо, ваш ответ записан.", "en": "Thank you, your answer is recorded.",
    "fa": "سپاسگزاریم، پاسخ شما ثبت شد.", "zh": "感谢您的评价。", "ar": "شكرا، تم تسجيل ردك.",
}  # fmt: skip
MORE: Words = {
    "ru": "Спасибо! Ещё один шаг.", "en": "Thank you! One more step.", "fa": "سپاسگزاریم! یک گام دیگر.",
    "zh": "谢谢！还有一步。", "ar": "شكرا! خطوة أخرى.",
}  # fmt: skip
USED: Words = {
    "ru": "По этой ссылке уже ответили. Ваш ответ записан, спасибо.",
    "en": "This link has been used already. Your answer is recorded, thank you.",
    "fa": "این پیوند قبلاً استفاده شده است. پاسخ شما ثبت شده است، سپاسگزاریم.",
    "zh": "该链接已使用过，您的回答已记录，谢谢。",
    "ar": "تم استخدام هذا الرابط من قبل. تم تسجيل ردك، شكرا.",
}  # fmt: skip
EXPIRED: Words = {
    "ru": "Срок этой ссылки истёк, ответить по ней уже нельзя.",
    "en": "This link has expired and can no longer be answered.",
    "fa": "مهلت این پیوند به پایان رسیده است و دیگر نمی‌توان پاسخ داد.",
    "zh": "该链接已过期，无法再作答。",
    "ar": "انتهت صلاحية هذا الرابط ولم يعد بالإمكان الرد.",
}  # fmt: skip
UNKNOWN: Words = {
    "ru": "Такой страницы нет. Откройте ссылку из СМС целиком.",
    "en": "There is no such page. Please open the whole link from your message.",
    "fa": "چنین صفحه‌ای وجود ندارد. لطفاً پیوند پیامک را کامل باز کنید.",
    "zh": "没有此页面。请完整打开短信中的链接。",
    "ar": "لا توجد صفحة كهذه. يرجى فتح الرابط الكامل من الرسالة.",
}  # fmt: skip
MISSING: Words = {
    "ru": "Пожалуйста, ответьте на этот вопрос.", "en": "Please answer this question.",
    "fa": "لطفاً به این پرسش پاسخ دهید.", "zh": "请回答此问题。", "ar": "يرجى الإجابة عن هذا السؤال.",
}  # fmt: skip
FAULTS: Words = {
    "ru": "Ответ ещё не отправлен: ответьте на вопросы", "en": "Not sent yet. Please answer",
    "fa": "هنوز ارسال نشده است. لطفاً پاسخ دهید", "zh": "尚未提交，请回答", "ar": "لم يتم الإرسال بعد. يرجى الإجابة عن",
}  # fmt: skip
OPTIONAL: Words = {
    "ru": "необязательно", "en": "optional", "fa": "اختیاری", "zh": "选填", "ar": "اختياري",
}  # fmt: skip

QUESTIONS: Mapping[str, Words] = {
    "csi": {
        "ru": "Как вы оцениваете обслуживание?", "en": "How was our service?",
        "fa": "از خدمت ما چقدر راضی بودید؟", "zh": "您对我们的服务满意吗？", "ar": "ما تقييمك لخدمتنا؟",
    },
    "nps": {
        "ru": "Порекомендуете ли вы нас близким?", "en": "Would you recommend us?",
        "fa": "ما را به دیگران توصیه می‌کنید؟", "zh": "您会向他人推荐我们吗？", "ar": "هل توصي بنا؟",
    },
    "fcr": {
        "ru": "Ваш вопрос решён?", "en": "Was your question resolved?", "fa": "آیا مشکل شما حل شد؟",
        "zh": "您的问题解决了吗？", "ar": "هل تم حل مشكلتك؟",
    },
    "text": {
        "ru": "Что нам улучшить?", "en": "What should we do better?",
        "fa": "چه چیزی را بهتر کنیم؟", "zh": "您有什么建议？", "ar": "ما الذي يمكننا تحسينه؟",
    },
}  # fmt: skip
"""Asked where a definition has no words of its own: ours for messages say to reply to them."""

WORST: Mapping[str, Words] = {
    "csi": {
        "ru": "очень плохо", "en": "very bad", "fa": "خیلی بد", "zh": "非常不满意", "ar": "سيئ جدا",
    },
    "nps": {"ru": "точно нет", "en": "not at all", "fa": "هرگز", "zh": "绝不", "ar": "أبدا"},
}  # fmt: skip
BEST: Mapping[str, Words] = {
    "csi": {
        "ru": "отлично", "en": "very good", "fa": "عالی", "zh": "非常满意", "ar": "ممتاز",
    },
    "nps": {
        "ru": "точно да", "en": "certainly", "fa": "حتماً", "zh": "一定会", "ar": "بالتأكيد",
    },
}  # fmt: skip
"""What the ends of a scale mean: nobody has to guess which end is the good one."""

DIGITS: Words = {"fa": "۰۱۲۳۴۵۶۷۸۹", "ar": "٠١٢٣٤٥٦٧٨٩"}
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


def base_of(language: str) -> str:
    return language.split("-", maxsplit=1)[0].lower()


def chosen(words: Words, language: str) -> str:
    return words.get(base_of(language), words["en"])


def number(value: int, language: str) -> str:
    """A number in the digits that the language is read in."""
    digits = DIGITS.get(base_of(language))
    return str(value) if digits is None else "".join(digits[int(one)] for one in str(value))


def language_of(accepted: str) -> str:
    """The first of our languages in an `Accept-Language`, by its order; English else."""
    for part in accepted.split(","):
        base = base_of(part.split(";")[0].strip())
        if base in TITLE:
            return base
    return "en"
