"""Replies as patients write them, in five languages: read right, or politely not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.domain import replies

pytestmark = pytest.mark.unit

CSI: dict[int | None, list[str]] = {
    5: [
        "5",
        "۵",
        "٥",
        "５",
        "5!",
        " ۵ ",
        "пять",
        "отлично",
        "非常满意",
        "five",
        "5 из 5",
        "5️⃣",
        "пять из пяти",
        "five out of five",
        "پنج",
        "عالی",
        "عالی بود",
        "خیلی خوب",
        "۵ عالی بود",
        "نمره ۵",
        "به شما ۵ میدم",
        "5分",
        "五分",
        "给五分",
        "满分",
        "十分满意",
        "5分满意",
        "非常满意,5分",
        "服务态度非常好",
        "5+",
        "5 с плюсом",
        "5. Звонил в 10 утра, все ок",
        "Отлично!!! Спасибо",
        "5 (пять)",
        "пять 5",
        "excellent service",
        "Всё отлично",
        "5 of 5",
        "ممتاز",
        "خمسة",
        "5ка",
        "很满意",
        "五星",
        "打5分",
        "5 спасибо",
        "5, спасибо большое",
        "ОТЛ",
        "5*",
        '"5"',
        "(5)",
        "5,",
        "کاملا راضی هستم",
        "پنج از پنج",
        "5 of 5 stars",
        "5 stars",
        "I give 5",
        "I am very satisfied",
        "Спасибо, 5",
        "Отлично, 5",
        "5 отлично",
        "5 👍",
    ],
    None: [
        "55",
        "5 of 10",
        "5 из 10",
        "بد نبود",
        "۲ دقیقه صبر کردم",
        "等了5分钟",
        "ждал 5 минут",
        "не 5",
        "4-5",
        "4,5",
        "4.5",
        "5.0",
        "0",
        "6",
        "-5",
        "1-5",
        "не отлично",
        "неплохо",
        "5 5 5",
        "1. 5 2. 4",
        "спасибо",
        "",
        "хз",
        "not bad",
        "two minutes",
        "one of the best",
        "100%",
        "5%",
        "№5",
        "۵۵",
        "۱۰",
        "10/10",
        "Ⅴ",
        "👍",
        "оператор был груб, 1",
        "1 оператор хамил",
    ],
    4: [
        "4/5",
        "★★★★☆",
        "ставлю 4",
        "от 1 до 5 ставлю 4",
        "твердая четверка",
        "All good",
        "Всё хорошо, но долго",
        "٤",
        "جيد جدا",
        "४",
        "好",
        "我给4分",
        "хор",
        "نمره من ۴ است",
        "۴ از ۵",
        "my score is 4",
        "4 out of 5",
        "satisfied",
        "不错",
        "4分，谢谢",
        "评分：4",
        "④",
    ],
    3: [
        "⭐⭐⭐",
        "一般",
        "оценка: 3",
        "так себе",
        "3分吧",
        "тройка",
        "متوسط",
        "还可以",
        "ok",
    ],
    2: [
        "خوب نبود",
        "راضی نیستم",
        "不满意",
        "不太满意",
        "not good",
        "غير راض",
        "２",
        "۲",
        "两分",
        "плохо",
        "ставлю двойку",
        "не доволен",
        "не очень доволен",
        "совсем не доволен",
        "ناراضی",
        "ضعیف",
        "not satisfied",
        "差",
    ],
    1: [
        "非常不满意",
        "ужас",
        "один ужас",
        "very bad",
        "سيء جدا",
        "Очень плохо!",
        "خیلی بد",
        "很差",
        "1, оператор был груб",
        "ставлю единицу",
        "кол",
    ],
}

NPS: dict[int | None, list[str]] = {
    10: [
        "10",
        "۱۰",
        "десять",
        "10 из 10",
        "十",
        "十分",
        "ten",
        "ده",
        "满分",
    ],
    0: [
        "0",
        "ноль",
    ],
    None: [
        "11",
        "отлично",
        "05",
    ],
    7: [
        "7",
    ],
    9: [
        "9/10",
        "نه",
    ],
    8: [
        "8 из 10",
        "от 0 до 10 - 8",
    ],
    5: [
        "5 of 10",
    ],
}

YES_NO: dict[bool | None, list[str]] = {
    True: [
        "да",
        "да!",
        "ДА, спасибо",
        "вопрос решен",
        "yes",
        "بله",
        "آره",
        "حل شد",
        "بله حل شد",
        "是",
        "解决了",
        "是的，解决了",
        "نعم",
        "+",
        "1",
        "решили",
        "да, но не сразу",
        "yes it was",
        "да, решен",
        "نعم شكرا",
        "对",
        "спасибо, да",
        "ага",
    ],
    False: [
        "Нет",
        "нет, не решили",
        "не решен",
        "no",
        "No, thanks",
        "خیر",
        "نه",
        "حل نشد",
        "مشکلم حل نشد",
        "否",
        "没有解决",
        "没有",
        "لا",
        "-",
        "0",
        "не решили",
        "Not resolved",
        "没解决",
        "不是",
    ],
    None: [
        "да нет",
        "не знаю",
        "хз",
        "partly",
    ],
}

STOP = [
    "СТОП", "стоп!!!", "stop", "STOP ", "退订", "T", "td", "退订回T", "回复T", "إلغاء", "الغاء", "توقف", "لغو",
    "отписаться", "Не пишите мне больше", "unsubscribe me", "Ｔ", "إيقاف", "ОТПИСКА", "لغو۱۱", "لغو 11",
]  # fmt: skip
NOT_STOP = [
    "5",
    "отлично",
    "остановка",
    "11",
    "нет",
    "",
    "не работает",
    "спасибо, стоп-кран не нужен",
]

LANGUAGES = {
    "5": None, "۵": None, "отлично": "ru", "عالی": "fa", "خیلی خوب": "fa", "ممتاز جيد جدًا": "ar",
    "非常满意": "zh", "good": "en", "👍": None,
}  # fmt: skip


def _cases(table):
    return [(text, meant) for meant, texts in table.items() for text in texts]


@pytest.mark.parametrize(("text", "meant"), _cases(CSI))
def test_a_score_from_1_to_5_is_read_or_refused(text, meant) -> None:
    assert replies.read_score(text, low=1, high=5) == meant


@pytest.mark.parametrize(("text", "meant"), _cases(NPS))
def test_a_score_from_0_to_10_is_read_or_refused(text, meant) -> None:
    assert replies.read_score(text, low=0, high=10) == meant


@pytest.mark.parametrize(("text", "meant"), _cases(YES_NO))
def test_yes_and_no_are_told_apart(text, meant) -> None:
    assert replies.read_yes_no(text) is meant


@pytest.mark.parametrize("text", STOP)
def test_a_stop_word_is_known_in_every_language(text) -> None:
    assert replies.is_stop(text)


@pytest.mark.parametrize("text", NOT_STOP)
def test_what_is_no_stop_word_stops_nothing(text) -> None:
    assert not replies.is_stop(text)


@pytest.mark.parametrize("text", ["11", "۱۱", "لغو۱۱"])
def test_eleven_stops_for_an_iranian_number(text) -> None:
    assert replies.is_stop(text, iranian=True)


@pytest.mark.parametrize(("text", "language"), LANGUAGES.items())
def test_the_letters_of_a_reply_tell_its_language(text, language) -> None:
    assert replies.language_of(text) == language


DIGITS = ["0123456789", "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９", "०१२३४५६७८९"]
AROUND = st.text(alphabet=" !.?\u200f\u200c\u00a0\ufe0f*()\"'", max_size=4)


@given(score=st.integers(1, 5), script=st.sampled_from(DIGITS), before=AROUND, after=AROUND)
def test_one_digit_of_any_script_with_anything_harmless_around_it(
    score, script, before, after
) -> None:
    assert replies.read_score(before + script[score] + after, low=1, high=5) == score


@given(number=st.integers(6, 10**12), script=st.sampled_from(DIGITS))
def test_a_number_beyond_the_scale_is_never_a_score(number, script) -> None:
    text = "".join(script[int(digit)] for digit in str(number))
    assert replies.read_score(text, low=1, high=5) is None


@given(text=st.text(max_size=200))
def test_no_text_at_all_breaks_the_reader(text) -> None:
    score = replies.read_score(text, low=0, high=10)
    assert score is None or 0 <= score <= 10
    csi = replies.read_score(text, low=1, high=5)
    assert csi is None or 1 <= csi <= 5
    assert replies.read_yes_no(text) in {True, False, None}
    assert replies.is_stop(text) in {True, False}
    replies.language_of(text)


@given(first=st.integers(1, 5), second=st.integers(1, 5))
def test_two_numbers_are_no_score_unless_the_second_is_the_scale(first, second) -> None:
    read = replies.read_score(f"{first} из {second}", low=1, high=5)
    assert read == (first if second == 5 else None)
