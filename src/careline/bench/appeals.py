"""Appeals by the million for `careline bench tickets`: texts whose words are as common as words are."""

import random
from collections.abc import Iterator, Sequence

SEED = 962_218
LEAST_CHARACTERS = 500
TAIL = 20_000
"""Invented words in each language, behind the real ones."""
URN = 500_000
"""Words in the urn of a language, so that the rarest is in it twice."""
RARE_EVERY = 5_000
"""In so many appeals each rare word stands once: in 200 of a million."""
RARE = 50

RUSSIAN = (
    "в не и на что по мне с врач поликлинике прием запись полис отказали из для нет к ждал это"
    " лечение больнице страховая анализ очередь жалоба регистратуре лекарство инсулин операция"
    " направление обследование ребенок мать отец месяц день телефон ответ просьба разобраться"
    " помощь скорая вызов оплата деньги возврат договор прикрепление терапевт хирург кардиолог"
)
ENGLISH = (
    "the and to my was clinic doctor appointment claim refused insurance policy hospital waiting"
    " phone answer called treatment surgery payment refund nobody please help child month days"
)
PERSIAN = (
    "در و به از که را این با است پزشک بیمه درمان بیمارستان نوبت دارو شکایت تلفن پاسخ هزینه دفترچه"
    " پرداخت آزمایش جراحی کلینیک فرزند روز ماه تامین اجتماعی مراجعه"
)
CHINESE = "医保 报销 医院 门诊 住院 挂号 电话 投诉 药品 费用 手术 医生 办理 不能 没有 已经 需要 查询 咨询 参保"


def _split(syllables: str) -> list[str]:
    return syllables.split()


SYLLABLES: dict[str, list[str]] = {
    "ru": _split("ба ве го ди жу за ка ли мо ну пе ра со те фу хи ца че ша щу"),
    "en": _split("ba ke lo mi nu pa re so ti vu wa xe yo zi du fa ge ho ju qui"),
    "fa": _split("با دو سی نا مو ری لا کو شی تا گو پی زا هو یا فر قل مش خت دن"),
    "zh": [chr(0x4E00 + number * 37) for number in range(400)],
}
HEADS = {"ru": RUSSIAN, "en": ENGLISH, "fa": PERSIAN, "zh": CHINESE}
SHARES = {"ru": 70, "en": 10, "fa": 12, "zh": 8}
COUNTS = {"ru": 92, "en": 96, "fa": 118, "zh": 200}
"""Words a text of this language, which make 500 characters of it."""

COMMON_WORDS = (
    "в",
    "врач",
    "поликлинике",
    "the",
    "clinic",
    "در",
    "پزشک",
    "医保",
    "医院",
    "страховая",
)
"""Each in a large part of its language's texts."""


def rare_words() -> tuple[str, ...]:
    return tuple(f"редкослов{number:02}" for number in range(RARE))


def languages() -> dict[str, tuple[str, ...]]:
    """Words by rank; the n-th is as likely as 1/(n + 2), as in any language (Zipf, Mandelbrot)."""
    chance = random.Random(SEED)  # noqa: S311 - the same data set everywhere
    made = {}
    for name, head in HEADS.items():
        size = 2 if name == "zh" else 4
        tail = (
            "".join(chance.choices(SYLLABLES[name], k=chance.randint(2, size))) for _ in range(TAIL)
        )
        made[name] = tuple(dict.fromkeys([*head.split(), *tail]))
    return made


def _urn(words: Sequence[str]) -> list[str]:
    """Each word as often as it is likely: drawing from it takes a tenth of what weights take."""
    total = sum(1 / (rank + 2) for rank in range(len(words)))
    return [
        word for rank, word in enumerate(words) for _ in range(round(URN / (rank + 2) / total) or 1)
    ]


def texts(count: int) -> Iterator[list[str]]:
    """The words of so many appeals, one appeal a list, always the same ones."""
    chance = random.Random(SEED + 1)  # noqa: S311 - see above
    urns, rare = {name: _urn(words) for name, words in languages().items()}, rare_words()
    order = [name for name, share in SHARES.items() for _ in range(share)]
    for number in range(count):
        name = order[number * 37 % len(order)]
        words = chance.choices(urns[name], k=COUNTS[name])
        if number % (RARE_EVERY // RARE) == 0:
            words[5] = rare[number // (RARE_EVERY // RARE) % RARE]
        while sum(map(len, words)) + len(words) <= LEAST_CHARACTERS:
            words += chance.choices(urns[name], k=10)
        yield words
