"""What the insurers' page says, in the languages that it speaks."""

from collections.abc import Mapping

Words = Mapping[str, str]

TITLE: Words = {
    "en": "Appeals for your answer", "ru": "Обращения, ожидающие ответа", "fa": "درخواست‌های در انتظار پاسخ شما",
    "zh": "待贵方答复的诉求",
}  # fmt: skip
TOKEN: Words = {
    "en": "The token that the contact centre has given you", "ru": "Ключ доступа, полученный от контакт-центра",
    "fa": "کلید دسترسی که مرکز تماس به شما داده است", "zh": "联络中心提供的访问令牌",
}  # fmt: skip
SIGN_IN: Words = {"en": "Sign in", "ru": "Войти", "fa": "ورود", "zh": "登录"}
SIGN_OUT: Words = {"en": "Sign out", "ru": "Выйти", "fa": "خروج", "zh": "退出"}
REFUSED: Words = {
    "en": "This token is not valid here, or no longer. Ask the contact centre for a new one.",
    "ru": "Этот ключ здесь не действует или истёк. Запросите новый в контакт-центре.",
    "fa": "این کلید معتبر نیست یا منقضی شده است. کلید تازه‌ای از مرکز تماس بخواهید.",
    "zh": "该令牌无效或已过期，请向联络中心索取新的令牌。",
}
NOTHING: Words = {
    "en": "Nothing waits for your answer.", "ru": "Нет обращений, ожидающих вашего ответа.",
    "fa": "درخواستی در انتظار پاسخ شما نیست.", "zh": "目前没有待答复的诉求。",
}  # fmt: skip
NO_SUCH: Words = {
    "en": "There is no such appeal.", "ru": "Такого обращения нет.", "fa": "چنین درخواستی وجود ندارد.", "zh": "没有这件诉求。",
}  # fmt: skip
ANSWER: Words = {"en": "Your answer", "ru": "Ваш ответ", "fa": "پاسخ شما", "zh": "贵方答复"}
SEND: Words = {
    "en": "Send the answer",
    "ru": "Отправить ответ",
    "fa": "ارسال پاسخ",
    "zh": "发送答复",
}
MISSING: Words = {
    "en": "Write an answer first.", "ru": "Напишите ответ.", "fa": "ابتدا پاسخ را بنویسید.", "zh": "请先填写答复。",
}  # fmt: skip
SENT: Words = {
    "en": "Your answer was sent. The contact centre looks at it now.", "ru": "Ответ отправлен. Его проверит контакт-центр.",
    "fa": "پاسخ شما ارسال شد و مرکز تماس آن را بررسی می‌کند.", "zh": "答复已发送，联络中心将进行审核。",
}  # fmt: skip
CHANGED: Words = {
    "en": "The appeal has changed meanwhile. Look at it again; what you wrote is still here.",
    "ru": "Обращение изменилось. Просмотрите его ещё раз; ваш текст сохранён ниже.",
    "fa": "درخواست در این میان تغییر کرده است. دوباره ببینید؛ نوشته شما حفظ شده است.",
    "zh": "诉求已有变动，请重新查看；您填写的内容已保留。",
}
BACK: Words = {"en": "All appeals", "ru": "Все обращения", "fa": "همه درخواست‌ها", "zh": "全部诉求"}
DUE: Words = {"en": "until", "ru": "до", "fa": "تا", "zh": "截止"}
OVERDUE: Words = {"en": "overdue", "ru": "просрочено", "fa": "خارج از مهلت", "zh": "已超期"}
