"""Words and dates of reports in the languages in which departments read them."""

from collections.abc import Mapping
from datetime import date

from persiantools import digits
from persiantools.jdatetime import JalaliDate

RIGHT_TO_LEFT = frozenset({"fa"})

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "week": "Weekly report",
        "month": "Monthly report",
        "journal": "The whole journal",
        "total": "Total",
        "none": "without a subject",
        "subject": "Subject",
        "territory": "Territory",
        "organisation": "Organisation",
        "insurer": "Insurer",
        "kind": "Kind",
        "channel": "Channel",
        "by": "Journal",
        "registered": "Registered",
        "closed": "Closed",
        "open": "Open at the end",
        "overdue": "Deadline missed",
        "returned": "Returned for rework",
        "returns": "Returns",
        "justified": "Justified",
        "justified_pct": "Justified, %",
        "fill_median_s": "Filled in within, median, s",
        "fill_p90_s": "Filled in within, 90 %, s",
        "solve_median_s": "Time to solve, median, h",
        "solve_p90_s": "Time to solve, 90 %, h",
        "repeated": "Of repeat complainants",
        "trend": "Registered by day",
        "made": "Made",
    },
    "ru": {
        "week": "Еженедельный отчёт",
        "month": "Ежемесячный отчёт",
        "journal": "Весь журнал",
        "total": "Всего",
        "none": "без тематики",
        "subject": "Тематика",
        "territory": "Территория",
        "organisation": "Организация",
        "insurer": "Страховая организация",
        "kind": "Вид",
        "channel": "Канал",
        "by": "Журнал обращений",
        "registered": "Зарегистрировано",
        "closed": "Закрыто",
        "open": "Открыто на конец",
        "overdue": "С нарушением срока",
        "returned": "Возвращено на доработку",
        "returns": "Возвратов",
        "justified": "Обоснованных",
        "justified_pct": "Обоснованных, %",
        "fill_median_s": "Время заполнения, медиана, с",
        "fill_p90_s": "Время заполнения, 90 %, с",
        "solve_median_s": "Время решения, медиана, ч",
        "solve_p90_s": "Время решения, 90 %, ч",
        "repeated": "От повторных заявителей",
        "trend": "Зарегистрировано по дням",
        "made": "Составлен",
    },
    "fa": {
        "week": "گزارش هفتگی",
        "month": "گزارش ماهانه",
        "journal": "کل دفتر",
        "total": "جمع",
        "none": "بدون موضوع",
        "subject": "موضوع",
        "territory": "منطقه",
        "organisation": "مرکز درمانی",
        "insurer": "بیمه‌گر",
        "kind": "نوع",
        "channel": "کانال",
        "by": "دفتر شکایات",
        "registered": "ثبت‌شده",
        "closed": "بسته‌شده",
        "open": "باز در پایان دوره",
        "overdue": "خارج از مهلت",
        "returned": "برگشتی برای اصلاح",
        "returns": "تعداد برگشت‌ها",
        "justified": "وارد",
        "justified_pct": "وارد، درصد",
        "fill_median_s": "زمان ثبت، میانه، ثانیه",
        "fill_p90_s": "زمان ثبت، ۹۰٪، ثانیه",
        "solve_median_s": "زمان رسیدگی، میانه، ساعت",
        "solve_p90_s": "زمان رسیدگی، ۹۰٪، ساعت",
        "repeated": "از شاکیان تکراری",
        "trend": "ثبت‌شده در هر روز",
        "made": "تاریخ تهیه",
    },
    "zh": {
        "week": "周报",
        "month": "月报",
        "journal": "全部诉求",
        "total": "合计",
        "none": "未分类",
        "subject": "主题",
        "territory": "地区",
        "organisation": "机构",
        "insurer": "保险机构",
        "kind": "类型",
        "channel": "渠道",
        "by": "诉求台账",
        "registered": "登记",
        "closed": "办结",
        "open": "期末未结",
        "overdue": "超期",
        "returned": "退回重办",
        "returns": "退回次数",
        "justified": "属实",
        "justified_pct": "属实率(%)",
        "fill_median_s": "填写时长中位数(秒)",
        "fill_p90_s": "填写时长第90百分位(秒)",
        "solve_median_s": "办理时长中位数(小时)",
        "solve_p90_s": "办理时长第90百分位(小时)",
        "repeated": "重复投诉",
        "trend": "每日登记",
        "made": "生成时间",
    },
}


def day(value: date, language: str) -> str:
    """A date as it is written there: Jalali in Persian digits, else of ISO 8601 or by dots."""
    if language == "fa":
        jalali = JalaliDate(value)  # type: ignore[no-untyped-call]
        return str(digits.en_to_fa(jalali.strftime("%Y/%m/%d")))
    return f"{value:%d.%m.%Y}" if language == "ru" else value.isoformat()


def number(value: float | None, language: str) -> str:
    """A figure; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:g}"
    if language == "fa":
        return str(digits.en_to_fa(text)).replace(".", "٫")
    return text.replace(".", ",") if language == "ru" else text
