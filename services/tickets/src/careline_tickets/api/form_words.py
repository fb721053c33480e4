"""What the public form says, in the languages that it speaks."""

from collections.abc import Mapping

from careline_tickets.domain.vocabulary import Kind

Words = Mapping[str, str]
LANGUAGES = ("en", "ru", "fa", "zh")
RIGHT_TO_LEFT = frozenset({"fa"})

TITLE: Words = {
    "en": "Write to us", "ru": "Обращение", "fa": "ثبت درخواست", "zh": "提交诉求",
}  # fmt: skip
FIELDS: Mapping[str, Words] = {
    "kind": {"en": "What it is", "ru": "Вид обращения", "fa": "نوع درخواست", "zh": "类型"},
    "text": {
        "en": "What happened, where and when",
        "ru": "Что случилось, где и когда",
        "fa": "چه اتفاقی، کجا و چه زمانی",
        "zh": "事情经过、地点和时间",
    },
    "name": {"en": "Your name", "ru": "Ваше имя", "fa": "نام شما", "zh": "您的姓名"},
    "phone": {
        "en": "Phone, so that we can answer",
        "ru": "Телефон для ответа",
        "fa": "شماره تلفن برای پاسخ",
        "zh": "联系电话",
    },
    "policy_number": {
        "en": "Insurance policy number",
        "ru": "Номер полиса",
        "fa": "شماره بیمه",
        "zh": "保险单号",
    },
    "files": {
        "en": "Files: documents, pictures or sound, three at the most",
        "ru": "Файлы: документы, снимки или звук, не больше трёх",
        "fa": "پرونده‌ها: سند، تصویر یا صدا، حداکثر سه",
        "zh": "附件：文档、图片或录音，最多三个",
    },
}  # fmt: skip
KINDS: Mapping[Kind, Words] = {
    Kind.COMPLAINT: {"en": "Complaint", "ru": "Жалоба", "fa": "شکایت", "zh": "投诉"},
    Kind.CONSULTATION: {"en": "Question", "ru": "Вопрос", "fa": "پرسش", "zh": "咨询"},
    Kind.APPLICATION: {"en": "Application", "ru": "Заявление", "fa": "تقاضا", "zh": "申请"},
    Kind.SUGGESTION: {"en": "Suggestion", "ru": "Предложение", "fa": "پیشنهاد", "zh": "建议"},
    Kind.THANKS: {"en": "Thanks", "ru": "Благодарность", "fa": "قدردانی", "zh": "感谢"},
}
SEND: Words = {"en": "Send", "ru": "Отправить", "fa": "ارسال", "zh": "提交"}
LEAVE: Words = {
    "en": "Leave this empty", "ru": "Оставьте пустым", "fa": "خالی بگذارید", "zh": "请留空",
}  # fmt: skip
FAULTS: Mapping[str, Words] = {
    "text": {
        "en": "Say what happened",
        "ru": "Напишите, что случилось",
        "fa": "بنویسید چه اتفاقی افتاد",
        "zh": "请说明事情经过",
    },
    "phone": {
        "en": "This is no phone number",
        "ru": "Это не номер телефона",
        "fa": "این شماره تلفن نیست",
        "zh": "电话号码无效",
    },
    "kind": {
        "en": "Choose what it is",
        "ru": "Выберите вид обращения",
        "fa": "نوع درخواست را انتخاب کنید",
        "zh": "请选择类型",
    },
    "files": {
        "en": "A file is too large, one too many, or of a type that we do not take: choose again",
        "ru": "Файл слишком большой, лишний или такого вида мы не принимаем: выберите ещё раз",
        "fa": "پرونده‌ای بزرگ، اضافی یا از نوع نپذیرفته است: دوباره انتخاب کنید",
        "zh": "附件过大、过多或类型不受支持，请重新选择",
    },
}
REGISTERED: Words = {
    "en": "Your appeal is registered. Keep this code: it shows how the appeal stands.",
    "ru": "Обращение зарегистрировано. Сохраните код: по нему видно, что с обращением.",
    "fa": "درخواست شما ثبت شد. این کد را برای پیگیری نگه دارید.",
    "zh": "您的诉求已登记。请保存此查询码。",
}
STALE: Words = {
    "en": "This form is too old. Please fill in this one.",
    "ru": "Эта форма устарела. Заполните, пожалуйста, эту.",
    "fa": "این فرم قدیمی است. لطفاً این فرم را پر کنید.",
    "zh": "表单已过期，请重新填写。",
}
LATER: Words = {
    "en": "Too many appeals from here. Try again later.",
    "ru": "Слишком много обращений отсюда. Попробуйте позже.",
    "fa": "درخواست‌ها زیاد است. بعداً دوباره تلاش کنید.",
    "zh": "提交过于频繁，请稍后再试。",
}


def language_of(asked: str | None, accepted: str) -> str:
    """The language that is asked for, else the first of an Accept-Language that we speak, else English."""
    wanted = [asked or "", *(one.partition(";")[0] for one in accepted.split(","))]
    bases = (one.strip().lower().partition("-")[0] for one in wanted)
    return next((base for base in bases if base in LANGUAGES), LANGUAGES[0])
