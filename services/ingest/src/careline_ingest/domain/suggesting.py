"""A mapping for a file that nobody has described: by the names of its columns, and by what stands in them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from careline_ingest.domain.faults import ValueRefusedError
from careline_ingest.domain.feed import TARGETS
from careline_ingest.domain.normalise import Parsers, folded, key, moment
from careline_ingest.domain.record import LATEST
from careline_ingest.domain.vocabulary import CHANNELS, KINDS, OUTCOMES

NAMES: Mapping[str, tuple[str, ...]] = {
    "external_id": (
        "id", "external id", "appeal no", "appeal number", "number", "no", "№", "№ п/п", "n zap", "номер",
        "номер обращения", "номер жалобы", "рег. номер", "ид", "код обращения", "شماره", "شناسه",
        "شماره درخواست", "编号", "工单号", "序号",
    ),
    "registered_at": (
        "date", "registered at", "created", "created at", "datetime", "timestamp", "дата", "дата обращения",
        "дата регистрации", "дата создания", "дата и время", "дата приема", "дата визита", "تاریخ", "تاریخ ثبت",
        "日期", "时间", "登记时间",
    ),
    "phone": (
        "phone", "phone number", "tel", "telephone", "mobile", "телефон", "номер телефона", "тел", "тел.",
        "контактный телефон", "мобильный", "تلفن", "شماره تلفن", "موبایل", "تلفن همراه", "电话", "手机", "手机号",
    ),
    "name": (
        "name", "full name", "fio", "person name", "patient", "фио", "ф.и.о.", "заявитель", "пациент", "имя",
        "نام", "نام و نام خانوادگی", "姓名", "患者",
    ),
    "birth_date": (
        "birth date", "date of birth", "dob", "birthday", "дата рождения", "д.р.", "تاریخ تولد", "出生日期",
    ),
    "policy_number": (
        "policy", "policy number", "policy no", "npolis", "полис", "номер полиса", "полис омс", "енп",
        "شماره بیمه", "شماره بیمه نامه", "保单号", "医保号",
    ),
    "channel": ("channel", "source", "канал", "источник", "способ обращения", "کانال", "渠道"),
    "kind": ("kind", "type", "вид", "тип", "вид обращения", "тип обращения", "услуга", "نوع", "类型", "类别"),
    "subject": ("subject", "topic", "topic code", "category", "тема", "тематика", "категория", "موضوع", "主题"),
    "territory": ("territory", "region", "okato", "oktmo", "территория", "регион", "окато", "استان", "地区"),
    "organisation": (
        "organisation", "organization", "provider", "clinic", "hospital", "мо", "организация", "медорганизация",
        "медицинская организация", "лпу", "مرکز درمانی", "بیمارستان", "医院", "机构",
    ),
    "text": (
        "text", "description", "message", "content", "comment", "текст", "содержание", "текст обращения",
        "суть обращения", "описание", "متن", "شرح", "内容", "描述",
    ),
    "answer": ("answer", "reply", "response", "ответ", "текст ответа", "پاسخ", "答复", "回复"),
    "status": ("status", "state", "статус", "состояние", "وضعیت", "状态"),
    "outcome": ("outcome", "result", "результат", "итог", "решение", "نتیجه", "结果"),
    "version": ("version", "row version", "updated at", "modified", "версия", "дата изменения", "نسخه", "版本"),
    "recording": (
        "recording", "record file", "audio", "audio file", "запись", "запись разговора", "аудиозапись",
        "файл записи", "فایل صوتی", "ضبط مکالمه", "录音", "录音文件",
    ),
}  # fmt: skip
_APART = re.compile(r"[\s_./-]+")
MOST_PHONE_DIGITS = 13
LEAST_SHARE = 0.8
"""So many of a column's values have to look like it before a guess is made of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """That a target is taken from a column; `why` says by what it is known."""

    target: str
    column: str
    why: str


def suggest(
    header: Sequence[str], rows: Sequence[Mapping[str, str]], parsers: Parsers, *, region: str
) -> list[Suggestion]:
    """At most one column a target and one target a column: first by name, then by value."""
    free = [name for name in header if name.strip()]
    found: dict[str, Suggestion] = {}
    for column in list(free):
        target = by_name(column)
        if target is not None and target not in found:
            found[target] = Suggestion(target=target, column=column, why="its name")
            free.remove(column)
    for column in list(free):
        values = [row.get(column, "").strip() for row in rows]
        target = _by_values([value for value in values if value], found, parsers, region)
        if target is not None:
            found[target] = Suggestion(target=target, column=column, why="what stands in it")
            free.remove(column)
    return sorted(found.values(), key=lambda each: TARGETS.index(each.target))


def by_name(column: str) -> str | None:
    """The target that a column with this name is for, in any of the languages."""
    name = _words(column)
    if name in _ALIASES:
        return _ALIASES[name]
    inside = [alias for alias in _ALIASES if len(alias) > 2 and f" {alias} " in f" {name} "]
    return _ALIASES[max(inside, key=len)] if inside else None


def _words(name: str) -> str:
    return " ".join(_APART.sub(" ", folded(name)).replace("№", "номер ").split())


_ALIASES = {_words(name): target for target, names in NAMES.items() for name in names}


def _by_values(
    values: Sequence[str], taken: Mapping[str, Suggestion], parsers: Parsers, region: str
) -> str | None:
    """What a column without a telling name holds; ids come last, for they look like anything."""
    looks = {
        "phone": lambda text: _is_phone(text, parsers, region),
        "registered_at": lambda text: _is_moment(text, parsers),
        "kind": lambda text: folded(text) in KINDS,
        "channel": lambda text: folded(text) in CHANNELS,
        "outcome": lambda text: folded(text) in OUTCOMES,
        "text": lambda text: len(text) > 40 and " " in text,
    }
    for target, look in looks.items():
        if target not in taken and values:
            share = sum(map(look, values)) / len(values)
            if share >= LEAST_SHARE:
                return target
    if "external_id" not in taken and len(values) > 1 and len(set(values)) == len(values):
        return "external_id" if all(len(value) <= 40 for value in values) else None
    return None


def _is_phone(text: str, parsers: Parsers, region: str) -> bool:
    digits = sum(char.isdecimal() for char in text)
    return 10 <= digits <= MOST_PHONE_DIGITS and parsers.phone(key(text), region) is not None


def _is_moment(text: str, parsers: Parsers) -> bool:
    try:
        moment(text, parsers, zone=UTC, now=LATEST)
    except ValueRefusedError:
        return False
    return True
