"""Words partners write for kinds, channels and outcomes, and what they are called here."""

from collections.abc import Mapping
from types import MappingProxyType

from careline_ingest.domain.normalise import folded


def _lookup(words: dict[str, tuple[str, ...]]) -> Mapping[str, str]:
    return MappingProxyType(
        {folded(word): name for name, said in words.items() for word in (name, *said)}
    )


KINDS = _lookup(
    {
        "complaint": ("жалоба", "претензия", "شکایت", "投诉"),
        "consultation": ("консультация", "справка", "вопрос", "مشاوره", "咨询"),
        "application": ("заявление", "обращение", "درخواست", "申请"),
        "suggestion": ("предложение", "پیشنهاد", "建议"),
        "thanks": ("благодарность", "تشکر", "感谢"),
    }
)
CHANNELS = _lookup(
    {
        "phone": ("телефон", "звонок", "горячая линия", "تلفن", "电话"),
        "portal": ("портал", "сайт", "web"),
        "insurer": ("страховая",),
        "sms": ("смс",),
        "email": ("e-mail", "почта", "электронная почта", "эл. почта"),
        "voicemail": ("голосовая почта",),
        "survey": ("опрос",),
        "walk_in": ("личный приём", "личный прием", "лично", "очно"),
        "app": ("приложение", "мобильное приложение"),
    }
)
OUTCOMES = _lookup(
    {
        "justified": ("обоснована", "обоснованная", "обосновано", "обоснованно"),
        "partly": ("частично обоснована", "частично"),
        "unjustified": ("необоснована", "необоснованная", "не обоснована", "необоснованно"),
        "information": ("разъяснение", "даны разъяснения", "разъяснено"),
        "withdrawn": ("отозвана", "отозвано"),
    }
)
WITHDRAWN = frozenset(
    folded(word)
    for word in (
        "withdrawn", "cancelled", "deleted", "отозвано", "отозвана", "отозвал", "отменено",
        "отменена", "удалено", "удалена",
    )
)  # fmt: skip
SERVICES = _lookup(
    {
        "inpatient": ("стационар", "госпитализация", "госпиталь", "بستری", "住院"),
        "outpatient": ("поликлиника", "амбулаторно", "приём", "прием", "визит", "سرپایی", "门诊"),
        "branch": ("офис", "филиал", "отделение", "شعبه", "营业厅"),
        "remote": ("дистанционно", "телемедицина", "онлайн", "از راه دور", "远程"),
    }
)
"""What a visit was: the services that surveys asks about."""

_APPEAL: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"kind": KINDS, "channel": CHANNELS, "outcome": OUTCOMES}
)
_VISIT: Mapping[str, Mapping[str, str]] = MappingProxyType({"kind": SERVICES, "channel": CHANNELS})
_APPOINTMENT: Mapping[str, Mapping[str, str]] = MappingProxyType({"channel": CHANNELS})
_CODED = {"appeal": _APPEAL, "visit": _VISIT, "appointment": _APPOINTMENT}

DEFAULT_KINDS: Mapping[str, str] = MappingProxyType({"appeal": "complaint", "visit": "outpatient"})
"""What a record is that does not say: of appeals a complaint, which is looked at most strictly."""


def coded(record: str) -> Mapping[str, Mapping[str, str]]:
    """The targets of a kind of record that take certain words alone, and the words."""
    return _CODED[record]
