"""What a comment is about and whether it complains, by lists of words that anybody can check.

A word of a list matches the beginning of a word of the comment (`ожида` finds "ожидания"); Chinese,
which has no spaces, and whatever is listed with a space match anywhere. What was matched is kept as
`subject:word`, so that every figure of a report can be traced to the words that made it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

COMPLAINT = "complaint"
"""The subject of words that call for an appeal, whatever the score is."""

_JOINER = "\u200c"
_FOLD = str.maketrans({
    "ё": "е", "ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه", "أ": "ا", "إ": "ا", "آ": "ا", _JOINER: " ",
    "ـ": None, "’": "'",
})  # fmt: skip
_MARKS = re.compile(r"[\u064b-\u065f\u0670]")
_ARTICLE = re.compile(r"(?<![^\W_])(?:و?ال|لل)(?=[^\W\d_]{3})")

TOPICS: Mapping[str, Sequence[str]] = {
    "waiting": (
        "ждал", "ждат", "жду", "ожида", "долго", "не дозвон", "очеред", "гудк",
        "wait", "on hold", "queue", "took long", "too long", "slow",
        "منتظر", "انتظار", "معطل", "صف", "دیر", "طولانی", "اشغال",
        "等待", "等了", "等很久", "排队", "太慢", "占线", "打不通",
        "انتظر", "طابور", "تاخر", "بطی", "مشغول",
    ),
    "attitude": (
        "груб", "хам", "хамств", "хамит", "вежлив", "невежлив", "отношени", "бросил", "тон", "доброжелат",
        "rude", "polite", "impolite", "attitude", "friendly", "kind", "hung up",
        "بی ادب", "مودب", "برخورد", "رفتار", "بد اخلاق", "بداخلاق", "خوش برخورد", "توهین",
        "态度", "礼貌", "不耐烦", "挂断", "挂电话", "粗鲁", "热情",
        "وقح", "معامله", "اسلوب", "مهذب", "احترام", "لطیف",
    ),
    "answer": (
        "не ответ", "не знает", "не знал", "не помог", "не реш", "непонятн", "некомпетент", "ошиб",
        "not solved", "no answer", "unclear", "not resolved", "did not help", "didn't help",
        "wrong", "incompetent", "does not know", "doesn't know",
        "جواب", "پاسخ", "حل نشد", "راهنمایی", "اطلاع", "اشتباه",
        "没解决", "没有解决", "未解决", "不清楚", "不专业", "答复", "没用", "错误",
        "لم یحل", "لم تحل", "لا یعرف", "غیر واضح", "جواب", "خطا",
    ),
    "appointment": (
        "запис", "прием", "талон", "направлени", "врач",
        "appointment", "booking", "doctor", "referral", "specialist",
        "نوبت", "پزشک", "دکتر", "ویزیت", "متخصص",
        "预约", "挂号", "医生", "专家", "转诊",
        "موعد", "طبیب", "دکتور", "حجز", "احاله",
    ),
    "medicine": (
        "лекарств", "препарат", "рецепт", "аптек", "инсулин",
        "medicine", "drug", "prescription", "pharmacy", "insulin",
        "دارو", "نسخه", "داروخانه", "انسولین",
        "药", "处方", "胰岛素",
        "دواء", "ادویه", "وصفه", "صیدلی", "انسولین",
    ),
    "money": (
        "деньг", "платн", "оплат", "выплат", "возмещени", "дорог", "счет",
        "money", "pay", "paid", "payment", "refund", "reimburse", "expensive", "cost", "bill",
        "پول", "هزینه", "پرداخت", "گران", "خسارت", "بازپرداخت",
        "报销", "费用", "付款", "收费", "太贵", "退款",
        "مال", "دفع", "فاتوره", "تکلفه", "تعویض", "غالی",
    ),
}  # fmt: skip
"""Subjects of comments, each with its words in Russian, English, Persian, Chinese and Arabic."""

COMPLAINTS: Sequence[str] = (
    "жалоб", "жалуюсь", "пожалуюсь", "жаловат", "безобрази", "ужас", "возмут", "хам", "хамств", "хамит", "хамил", "хамло", "отврат", "прокурат", "суд", "суда",
    "в суд", "кошмар", "издевател", "позор",
    "complain", "unacceptable", "terrible", "awful", "disgrace", "outrage", "lawyer", "horrible",
    "disgust", "appalling",
    "شکایت", "شاکی", "افتضاح", "فاجعه", "توهین", "بی ادب", "دادگاه", "وحشتناک", "خجالت",
    "投诉", "举报", "太差", "差劲", "糟糕", "恶劣", "垃圾", "气愤", "起诉", "不可接受",
    "شکوی", "اشتکی", "اشتکاء", "فظیع", "سیء", "سیئ", "محکمه", "فضیحه", "عار", "مخزی", "غیر مقبول",
)  # fmt: skip
"""Words after which somebody should ring the patient."""

NO_COMPLAINT: Sequence[str] = (
    "без жалоб", "жалоб нет", "нет жалоб", "жалоб не", "нет претензий", "не жалуюсь",
    "no complaint", "not complain", "nothing to complain", "without complaint",
    "شکایتی ندار", "شکایت ندار", "شاکی نیست",
    "没有投诉", "无投诉", "不投诉", "不用投诉", "不是投诉", "没有要投诉",
    "لا شکوی", "لا اشتکی", "لیس لدی شکوی", "بدون شکوی",
)  # fmt: skip
"""Said by who is content: taken out before complaints are looked for."""

_EXACT = frozenset({"суд", "суда", "тон", "хам", "жду", "صف", "مال", "عار", "pay", "kind", "bill"})
"""Short words that begin too many others: matched whole."""


def folded(text: str) -> str:
    """Letters that are written in two ways made one, marks and joiners gone, spaces single."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKC", text).casefold().translate(_FOLD))
    return " ".join(_ARTICLE.sub("", plain).split())


def topics_of(text: str) -> tuple[str, ...]:
    """What of our lists stands in a comment, as sorted `subject:word`."""
    plain = folded(text)
    found = {f"{topic}:{word}" for topic, words in TOPICS.items() for word in _in(plain, words)}
    return tuple(sorted(found | {f"{COMPLAINT}:{word}" for word in _complaints(plain)}))


def complains(text: str) -> bool:
    """Whether a word of complaint stands in a comment."""
    return any(_complaints(folded(text)))


def _complaints(plain: str) -> Iterable[str]:
    for phrase in map(_wanted, NO_COMPLAINT):
        plain = plain.replace(phrase, " ")
    return _in(plain, COMPLAINTS)


def _in(plain: str, words: Iterable[str]) -> Iterable[str]:
    tokens = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", plain)
    for word in words:
        wanted = _wanted(word)
        anywhere = " " in wanted or _is_chinese(wanted[0])
        if word in _EXACT:
            hit = wanted in tokens
        elif anywhere:
            hit = wanted in plain
        else:
            hit = any(token.startswith(wanted) for token in tokens)
        if hit:
            yield word


@cache
def _wanted(word: str) -> str:
    return folded(word)


def _is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"
