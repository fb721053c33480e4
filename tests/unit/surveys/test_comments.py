"""What comments are about, and which of them complain, in five languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.domain.comments import (
    COMPLAINT,
    COMPLAINTS,
    NO_COMPLAINT,
    TOPICS,
    complains,
    topics_of,
)

pytestmark = pytest.mark.unit

COMPLAINING = (
    "Буду писать жалобу!", "это БЕЗОБРАЗИЕ", "Ужасное обслуживание", "подам в суд", "хамство полное",
    "I want to complain", "This is unacceptable.", "terrible service", "my lawyer will call you",
    "می‌خواهم شکایت کنم", "افتضاح بود", "بي ادب بودند", "از شما شاکی هستم", "واقعا وحشتناک",
    "我要投诉", "服务太差了", "态度恶劣", "我会举报你们",
    "أريد تقديم شكوى", "الخدمة سيئة جدا وسيء التعامل", "سأشتكي، غير مقبول", "الشكوى ضد الموظف",
)  # fmt: skip
CONTENT = (
    "Спасибо, всё хорошо", "жалоб нет", "Без жалоб", "Пожалуйста, работайте так же", "судя по всему, ок",
    "No complaints at all", "thank you, very kind", "nothing to complain about", "awesome",
    "ممنون، عالی بود", "شکایتی ندارم", "خیلی خوب بود",
    "很好，谢谢", "没有投诉", "非常满意",
    "شكرا جزيلا", "لا شكوى لدي", "خدمة ممتازة",
)  # fmt: skip


@pytest.mark.parametrize("text", COMPLAINING)
def test_a_word_of_complaint_is_heard(text) -> None:
    assert complains(text)
    assert any(entry.startswith(f"{COMPLAINT}:") for entry in topics_of(text))


@pytest.mark.parametrize("text", CONTENT)
def test_who_is_content_does_not_complain(text) -> None:
    assert not complains(text)


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("Долго ждала ответа, 20 минут слушала гудки", {"waiting"}),
        ("Оператор грубит", {"attitude"}),
        ("не записали к врачу", {"appointment"}),
        ("Нет инсулина в аптеке", {"medicine"}),
        ("I was on hold for an hour and nobody could book the doctor", {"waiting", "appointment"}),
        ("refund not paid", {"money"}),
        ("خیلی منتظر ماندم", {"waiting"}),
        ("داروي من نبود", {"medicine"}),
        ("هزینه را پرداخت نکردند", {"money"}),
        ("等了很久没人接", {"waiting"}),
        ("医生预约不上，药也没有", {"appointment", "medicine"}),
        ("الانتظار طويل", {"waiting"}),
        ("لا يوجد دواء", {"medicine"}),
        ("Спасибо", set()),
        ("", set()),
    ],
)
def test_comments_are_counted_under_their_subjects(text, subjects) -> None:
    assert {entry.partition(":")[0] for entry in topics_of(text)} == subjects


LISTED = {(topic, word) for topic, words in TOPICS.items() for word in words} | {
    (COMPLAINT, word) for word in COMPLAINTS
}


@pytest.mark.parametrize(("topic", "word"), sorted(LISTED))
def test_every_listed_word_finds_itself(topic, word) -> None:
    assert f"{topic}:{word}" in topics_of(f"... {word.upper()}!")


@pytest.mark.parametrize("phrase", NO_COMPLAINT)
def test_every_phrase_of_content_is_known(phrase) -> None:
    assert not complains(phrase)


@given(st.text())
def test_only_listed_words_are_ever_kept(text) -> None:
    """Nothing of the comment itself outlives it."""
    assert {tuple(entry.split(":", 1)) for entry in topics_of(text)} <= LISTED
