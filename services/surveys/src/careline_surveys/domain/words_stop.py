"""How patients say that they want no more of this, in the spelling that `letters.normalised` gives."""

import re

from careline_surveys.domain.words import phrases

STOP_WORDS = frozenset(
    phrases(
        "ctop, optout, stop, stopall, stpo, sotp, td, unsubscribe, unsub, отписать, отписаться, "
        "отписка, отписывайте, отпишите, стоп, стопсмс, stopsms, انصراف, ایقاف, توقف, توقفوا, قف, "
        "لغو, الغاء, التوقف"
    )
)
"""As the first word of a message each of these takes effect, unless something else is cancelled."""

APPOINTMENTS = frozenset(
    phrases(
        "نوبت, نوبتم, نوبتی, قرار, وقت, ویزیت, درخواست, درخواستم, بیمه, عمل, الموعد, موعد, موعدی, "
        "المواعید, الحجز, حجز, حجزی, طلب, طلبی, الطلب, العملیه, التامین, موعدنا"
    )
)
"""What follows a word for "cancel" when it is not our messages that are meant."""

STOP_PHRASES = frozenset(
    phrases(
        "cancel, end, no more, n退订, opt out, quit, r, revoke, t, leave me alone, sms stop, arret, "
        "больше не надо, не надо, не надо больше, отказ, отказываюсь, отмена, отстаньте, т, "
        "хватит, не беспокоить, отвяжитесь, спам, это спам, прекратите, прекратить, 回t, 回td, 回复t, "
        "回复td, 退, 不要了, 取消, 停, 停止, 停发, 别烦我, دیگر نه, بس است, کافیست, کفایه, وقف, اوقف, لا اریدها, "
        "خلاص"
    )
)
"""Only as a whole message; what is said for politeness is taken away first."""

POLITE = frozenset(
    phrases(
        "please, pls, plz, kindly, just, hi, hello, sorry, пожалуйста, пжл, плз, прошу, просьба, "
        "здравствуйте, добрый, день, меня, уже, لطفا, لطفن, خواهشا, خواهش, میکنم, سلام, با, ارجو, "
        "رجاء, الرجاء, یرجی, من, فضلک, فضلکم, اود"
    )
)

_OURS = (
    r"(?:мне|больше|сюда|нам|смс\w*|sms|сообщени\w+|смсок|опрос\w*|рассылк\w+|на|этот|номер|"
    r"ничего|ваш\w*|никогда|такое|спам\w*|уже|ради|бога|свои)"
)
_WRITE = (
    r"(?:пиши(?:те)?|писать|присылай(?:те)?|присылать|прислать|шли(?:те)?|слать|"
    r"отправляй(?:те)?|отправлять|беспокой(?:те)?|беспокоить|спамить?|спамьте|тревожьте|"
    r"тревожить|получать|высылайте|высылать)"
)
_RUSSIAN = (
    rf"^(?:не звоните (?:и )?)?(?:{_OURS} )*не (?:надо |нужно |смейте |хочу )?(?:{_OURS} )*{_WRITE}(?: {_OURS})*$",
    rf"^(?:хватит|прекратите|перестаньте|довольно)(?: (?:{_OURS}|{_WRITE}))+$",
    rf"^(?:отказ|отказываюсь|откажусь) от (?:участия|уведомлений|{_OURS})(?: в)?(?: \w+)?$",
    r"^(?:отключите|отключить|выключите) (?:мне )?(?:смс\w*|sms|рассылк\w+|опрос\w*|уведомлени\w+)$",
    r"^(?:удалите|уберите|исключите|вычеркните) (?:мой )?(?:номер|телефон)?(?: ?из .*)?$",
    r"^(?:\w+ ){0,3}отпи(?:шите|сать|саться|шусь|сывайте)(?: \w+){0,4}$",
)
_ENGLISH = (
    r"\bunsubscribe\b",
    (
        r"^(?:i )?(?:do not|don't|dont|never|want no|no more|no) (?:more |ever |want |wish |you |these |your |any |to |get |receive |me )*"
        r"(?:text|send|message|msg|sms|contact|write|spam|survey)(?:s|ing)?\b"
    ),
    r"^(?:remove|delete|take) (?:me|my (?:phone )?number|this number)\b",
    r"^(?:cancel|end|quit) (?:sms|messages|texts|subscription|surveys?|all)$",
    r"^opt (?:me )?out\b",
)
_PERSIAN = (
    r"(?:پیام|پیامک|اس ام اس|sms|اسمس|مسیج)(?: \w+){0,2} (?:نده|ندی?|نفرست|ارسال نکن|نزن|نیا|نمی ?خوا)(?:ه?ید|ین|د|م|هم)?\b",
    r"نمی ?خوا(?:م|هم) (?:\w+ )?(?:پیام|پیامک)",
    r"^(?:حذف|پاک) (?:\w+ )?(?:شماره|شمارم|عضویت|اشتراک)(?: (?:من|کنید|کنین|شود|بشه))*$",
    r"^(?:دیگه |دیگر )?مزاحم (?:من )?نش(?:وید|ید|ین|و)$",
)
_MESSAGES = r"(?:ال)?(?:رسائل|رسایل|اشتراک\w*|ارسال|استبیان\w*|استطلاع\w*)"
_ARABIC = (
    r"^(?:لا|ما|ولا) (?:ترسل|تبعث|تراسل|تزعج|ترسیل)",
    rf"^(?:لا|ما) (?:ارید|ابی|ابغی|احتاج|بدی|عایز|عاوز) (?:\w+ )?{_MESSAGES}",
    rf"^(?:او?قف(?:وا?)?|وقفوا?|الغ|الغوا)(?: عن)?(?: {_MESSAGES})+$",
    r"^ارید (?:الغاء|ایقاف|وقف)",
)
_CHINESE = (
    r"(?:退订|退定|拒收)(?!单|票|酒店|房|挂号|预约|号)",
    r"^(?:以后|我)*(?:不要|别|勿|停止|不用|不想)再?(?:给我|跟我|收到|收)?(?:发|打扰|骚扰|推送|短信)",
    r"^取消(?:订阅|短信|推送)",
    r"^我?不(?:想|要|需要)再?(?:收到?)(?:你们的)?短信",
)

STOP_PATTERNS = tuple(
    re.compile(pattern) for pattern in (*_RUSSIAN, *_ENGLISH, *_PERSIAN, *_ARABIC, *_CHINESE)
)
"""Sentences; each is tried on the words of a message without those of politeness."""

IRAN_STOP_NUMBER = "11"
"""Iranian operators' own word for "no more of this": لغو۱۱, or 11 alone."""
