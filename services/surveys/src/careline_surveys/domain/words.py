"""What patients write instead of a digit, in the five languages that are asked.

All entries stand in the spelling that `letters.normalised` gives: lower case, `е` for `ё`, Persian
letters for their Arabic twins, no marks. A phrase that can mean two scores ("not bad") is left out
on purpose: asking once more costs less than a wrong score.
"""


def phrases(text: str) -> tuple[str, ...]:
    """The phrases of a list that is written with commas."""
    return tuple(text.split(", "))


NUMBERS: dict[int, tuple[str, ...]] = {
    0: phrases("ноль, нуль, нулевая, zero, صفر, صفرم"),
    1: phrases(
        "один, одна, одно, единица, единицу, единичка, одного, one, odin, یک, یکی, واحد, واحده, "
        "یه, wahed, yek, yak"
    ),
    2: phrases(
        "два, две, двойка, двойку, двоечка, двойочка, двух, two, dva, دو, دوتا, اثنان, اثنین, "
        "двоечку, ithnan, اثنتان, اثنتین, نجمتان, نجمتین, درجتان"
    ),
    3: phrases(
        "три, тройка, тройку, троечка, троечку, трех, three, tri, سه, ثلاثه, ثلاث, тройки, se, سهتا"
    ),
    4: phrases(
        "четыре, четверка, четверку, четверочка, четверочку, четырех, four, chetyre, четире, "
        "chahar, چهار, چار, اربعه, اربع, четверки, четверочки, arbaa"
    ),
    5: phrases(
        "пять, пятерка, пятерку, пятерочка, пятерочку, пяти, пят, five, pyat, panj, پنج, پنچ, پنجه, "
        "خمسه, خمس, пятерки, пятерочки, пятерик, пятак, пяточка, пяточку, fife, fiv, piat, khamsa, "
        "pyatj"
    ),
    6: phrases("шесть, шестерка, шестерку, шести, six, shest, شش, شیش, سته, ست"),
    7: phrases("семь, семерка, семерку, семи, seven, sem, هفت, سبعه, سبع"),
    8: phrases("восемь, восьмерка, восьмерку, восьми, eight, هشت, ثمانیه, ثمان"),
    9: phrases("девять, девятка, девятку, девяти, nine, نه, تسعه, تسع"),
    10: phrases("десять, десятка, десятку, десяточка, десяти, ten, ده, عشره, عشر"),
}

CHINESE_NUMBERS: dict[str, int] = dict(
    zip(
        "零〇一壹二两贰三叁四肆五伍六七八九十",
        (0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10),
        strict=True,
    )
)

CHINESE_FILLERS = "我给您你们的打评选回复是分星颗个吧了哦谢价这本服务态度总体客觉得可以应该就评呢啊哈必须肯定绝对当然直接"
CHINESE_LEADS = CHINESE_FILLERS + "满意好非常感次整"
"""Characters around a numeral that do not change what it says: 给五分, 我打五星."""

SATISFACTION: dict[int, tuple[str, ...]] = {
    5: phrases(
        "отлично, отличная, отличный, отличное, отл, все отлично, очень хорошо, очень хороший, "
        "супер, класс, классно, замечательно, прекрасно, великолепно, превосходно, идеально, "
        "на высоте, очень доволен, очень довольна, очень довольны, полностью доволен, "
        "полностью довольна, полностью удовлетворен, превосходный, полностью удовлетворена, "
        "очень понравилось, лучше всех, otlichno, excellent, perfect, great, awesome, amazing, "
        "outstanding, superb, wonderful, very good, very satisfied, very happy, "
        "completely satisfied, fantastic, brilliant, عالی, خیلی عالی, بسیار عالی, عالیه, عالی بود, "
        "خیلی خوب, بسیار خوب, محشر, خیلی راضی, بسیار راضی, کاملا راضی, کاملا راضی هستم, "
        "خیلی راضیم, بینظیر, بی نظیر, فوق العاده, خیلی راضی هستم, بسیار راضی هستم, aali, "
        "kheili khoob, ممتاز, راض جدا, راضی جدا, راضیه جدا, رائع, رائعه, ممتازه, ممتاز جدا, 非常满意, "
        "很满意, 十分满意, 特别满意, 太满意了, 超级满意, 非常好, 很好, 特别好, 优秀, 完美, 好评, 五星好评, 太好了, 棒, 很棒, 非常棒, 超赞, 满意极了, "
        "超级好, 超好, 非常非常满意, 真好, 太棒了, 真棒, 相当满意, 极满意, 最满意, 挺棒, 赞, 很赞, 五星, 好极了, обслуживание супер, "
        "отличные, отличной, атлично, отлична, лучшие, лучший, лучше не бывает, высший класс, "
        "на высшем уровне, на высоком уровне, молодцы, шикарно, блестяще, безупречно, "
        "все понравилось, претензий нет, огонь, все на высшем уровне, супер пупер, класно, клас, "
        "excelent, exellent, excellant, exelent, excellence, the best, best, exceptional, "
        "flawless, marvellous, love it, loved it, couldn't be better, top, top notch, magnificent, "
        "best service, best service ever, خیلی خوبه, خیلی خوب بود, خیلی خوب بودن, خیلی خوب بودید, "
        "عالی بودن, عالی بودید, عالی بودند, عالی هستید, رضایت کامل, رضایت کامل دارم, "
        "رضایت کامل داشتم, حرف نداشت, حرف نداره, بهترین, بینظیر بود, بی نظیر بود, کاملا راضی بودم, "
        "خیلی راضی بودم, خیلی راضی ام, بسیار راضی بودم, کاملا راضیم, خیلی ممنون عالی, ali bod, "
        "ali bood, kheili khob, kheyli khob, kheili khub, kheyli khoob, ali, رضایت کامل داریم, "
        "بسیار خوب بود, momtaz, mumtaz, ممتازین, متمیز, متمیزه, افضل خدمه, رائعین, مذهل, الافضل, "
        "روعه, خدمه ممتازه, super, brill, fab, ace, could not have been better, "
        "couldn't have been better, couldnt have been better, couldn't be happier, "
        "couldnt be happier, couldnt be better, could not be better, very gud, معرکه, معرکه بود, "
        "замечательный, замечательная, замечательное, прекрасный, прекрасная, прекрасное, "
        "великолепный, великолепная, великолепное, чудесно, kheyli razi, kheili razi, 非常赞, "
        "棒棒哒, 一流, 服务一流, feichang manyi, hen manyi, feichang hao, hen hao"
    ),
    4: phrases(
        "хорошо, хорошая, хороший, хорошее, хор, все хорошо, доволен, довольна, довольны, "
        "удовлетворен, удовлетворена, скорее доволен, скорее довольна, horosho, good, satisfied, "
        "happy, pretty good, quite good, quite satisfied, khoob, خوب, خوبه, خوب بود, راضی, راضیم, "
        "راضی هستم, راضی بودم, رضایت دارم, جید جدا, راض, راضیه, 满意, 比较满意, 较满意, 良好, 好, 挺好, 不错, 挺满意, "
        "好的, 还满意, 还算满意, 挺满意的, 挺好的, 蛮好, 蛮好的, 蛮满意, 还不错, 挺不错, 挺不错的, 很不错, хорошие, хорошей, хороша, "
        "харашо, хорошо все, понравилось, удовлетворены, доволен всем, добротно, pleased, decent, "
        "nice, satisfactory, contented, well done, خوب بودن, خوب بودید, خوب بودند, خوب است, "
        "راضی ام, راضی هستیم, راضی بودیم, رضایت داشتم, خوبن, khob, khub, khob bod, khoob bod, "
        "jayed jeddan, جیده جدا, راضین, مرضیه, مرض, gud, کویس, کویسه, manyi, 不错不错, 比较好"
    ),
    3: phrases(
        "нормально, норм, нормальная, нормальный, средне, удовлетворительно, удовл, так себе, "
        "сойдет, терпимо, и так и сяк, посредственно, ok, okay, average, so so, neutral, fair, "
        "normal, mediocre, acceptable, متوسط, معمولی, معمولی بود, متوسط بود, نه خوب نه بد, "
        "بد نبود خوب هم نبود, جید, محاید, عادی, مقبول, 一般, 一般般, 还行, 还可以, 普通, 基本满意, 凑合, 中等, 马马虎虎, "
        "一般吧, 还行吧, 还好, 还凑合, 将就, 过得去, нормальные, нормальное, нармально, нормас, ниче так, "
        "ничего так, серединка на половинку, ни хорошо ни плохо, средненько, средний, средняя, "
        "not good not bad, not bad not good, neither good nor bad, nothing special, mid, "
        "could be better, middling, avg, متوسطه, نه بد نه خوب, نه خوب بود نه بد, بین خوب و بد, "
        "معمولیه, معمولی بودن, عادیه, وسط, نص نص, لا باس به, خوب نبود بد هم نبود, لا باس, جیده, "
        "meh, motevaset, motavaset, 勉强及格, 及格, mamouli, mamooli, yiban, 一般般吧"
    ),
    2: phrases(
        "плохо, плохая, плохой, плохое, недоволен, недовольна, не доволен, не довольна, "
        "недовольны, неудовлетворительно, неуд, не понравилось, не удовлетворен, не удовлетворена, "
        "не очень, не очень доволен, не очень довольна, не очень хорошо, плохо обслужили, ploho, "
        "plokho, bad, poor, dissatisfied, unsatisfied, unhappy, not satisfied, not happy, "
        "not good, بد, بد بود, ناراضی, نا راضی, ناراضیم, ناراضی هستم, راضی نیستم, راضی نبودم, "
        "خوب نبود, خوب نیست, ضعیف, ضعیف بود, رضایت ندارم, غیر راض, غیر راضی, غیر راضیه, سیئ, سیئه, "
        "سیء, 不满意, 不太满意, 不好, 差, 较差, 比较差, 不怎么样, 不太好, 不是很满意, 不够满意, 不大满意, 不满, 不怎么满意, 服务差, 态度差, 态度不好, "
        "服务不好, 不行, 不咋地, 不是太满意, 不太行, 不大行, плоха, плохие, плохова, хреново, фигово, слабо, неважно, "
        "не хорошо, нехорошо, неприятно, не ахти, не нравится, мне не понравилось, разочарован, "
        "разочарована, not very good, not very satisfied, not so good, not great, not very happy, "
        "disappointed, disappointing, unsatisfactory, below average, bad service, weak, "
        "not pleased, didn't like it, خیلی راضی نیستم, خیلی راضی نبودم, خیلی خوب نبود, "
        "خیلی خوب نیست, زیاد راضی نبودم, زیاد راضی نیستم, زیاد خوب نبود, چندان خوب نبود, "
        "ناراضی بودم, رضایت نداشتم, جالب نبود, بد بودن, مش راضی, مو راضی, مب راضی, لست راضی, "
        "لست راض, لست راضیا, لست راضیه, ما راضی, لیس جید, لیس جیدا, غیر جید, غیر مرض, غیر راضین, "
        "سیءه, سییء, سیی, سییه, مش کویس, مو زین, لم تعجبنی, 失望, 有点失望, 比较失望, bu manyi"
    ),
    1: phrases(
        "очень плохо, ужасно, ужас, ужасная, ужасный, кошмар, отвратительно, кол, хуже некуда, "
        "безобразие, хуже не бывает, отвратительный, крайне недоволен, совсем недоволен, "
        "очень недоволен, очень недовольна, совсем плохо, позор, very bad, terrible, awful, "
        "horrible, worst, very dissatisfied, very poor, very unsatisfied, very unhappy, the worst, "
        "disgusting, خیلی بد, بسیار بد, افتضاح, افتضاح بود, خیلی ضعیف, بسیار ضعیف, خیلی ناراضی, "
        "بسیار ناراضی, کاملا ناراضی, خیلی بد بود, خیلی ناراضی هستم, فاجعه, اصلا راضی نیستم, "
        "اصلا خوب نبود, مزخرف, سیئ جدا, سیئه جدا, سیء جدا, غیر راض ابدا, غیر راض جدا, ضعیف جدا, "
        "非常不满意, 很不满意, 十分不满意, 特别不满意, 极不满意, 很差, 非常差, 太差, 太差了, 差评, 极差, 糟糕, 很糟糕, 垃圾, 差劲, 特别差, 一点都不满意, "
        "一点也不满意, 非常糟糕, 太糟糕了, 烂, 太烂了, 很烂, 超级差, 极其不满意, 相当差, 最差, 超差, 极度不满意, 完全不满意, 太差劲了, 恶劣, 态度恶劣, "
        "服务太差, 态度太差, 很失望, 非常失望, отвратительное, ужасное, ужасные, омерзительно, безобразно, "
        "хамство, хуже нет, позорище, дно, никуда не годится, ниже плинтуса, очень не понравилось, "
        "отстой, жуть, worst ever, worst service, worst service ever, absolutely terrible, "
        "pathetic, appalling, atrocious, useless, rubbish, shameful, shocking, dreadful, disgrace, "
        "disgraceful, extremely bad, اصلا راضی نبودم, اصلا رضایت ندارم, اصلا خوب نیست, بدترین, "
        "خیلی بدی, افتضاحه, داغون, بی نهایت بد, خیلی بده, خیلی خیلی بد, فاجعه بود, بسیار بد بود, "
        "بسیار ضعیف بود, خیلی ضعیف بود, اسوا, اسوا خدمه, الاسوا, سییء جدا, سیی جدا, سییه جدا, "
        "غیر راضی ابدا, غیر راضی جدا, غیر راضی نهائیا, فظیع, فظیعه, مقرف, زفت, کارثه, سیءه جدا, "
        "اسوء, اسوء خدمه, feichang bu manyi, hen cha, худшее, худшая, худший, 太失望了, 太失望, 失望透顶"
    ),
}

TOP_SCORE = phrases(
    "满分, 最高分, 满分好评, 五星满分, высший балл, высшая оценка, высшую оценку, максимальный балл, "
    "максимальная оценка, максимальную оценку, максимум, наивысший балл, самый высокий балл, "
    "full marks, top marks, top score, full score, maximum, max, highest score, نمره کامل, "
    "نمره ی کامل, امتیاز ی کامل, "
    "بالاترین نمره, امتیاز کامل, حداکثر, حداکثر نمره, الدرجه الکامله, العلامه الکامله, اعلی درجه, "
    "درجه کامله"
)
"""The best that the scale has, whatever the scale."""

NEGATIONS = frozenset(
    phrases(
        "ain't, aren't, didn't, don't, far, hardly, isn't, never, no, not, wasn't, without, не, "
        "нельзя, нет, ни, без, далеко, غیر, لم, لن, لیس, لیست, لست, ما, مش, مو, مب, بدون, نمیدم, "
        "نمیدهم, نمی"
    )
)

DENIED_BEFORE = frozenset(phrases("نبود, نبودم, نبودن, نیست, نیستم, نداشت, ندارم"))
"""Persian denies behind the word: خوب نبود."""

SCORE_LEADS = frozenset(
    phrases(
        "a, an, answer, call, for, give, grade, hello, hi, i, is, it's, its, mark, my, number, "
        "rate, rating, say, score, service, thank, thanks, the, would, you, your, about, all, am, "
        "and, as, be, been, but, certainly, customer, dear, definitely, deserve, deserves, easily, "
        "experience, feel, feedback, full, gave, giving, guess, have, i'd, i'll, i'm, id, ill, it, "
        "just, maybe, me, must, ok, our, overall, please, points, probably, rated, really, "
        "response, satisfaction, sir, solid, star, stars, strong, sure, team, that, that's, they, "
        "think, this, to, vote, was, we, well, with, yes, бал, балл, балла, баллов, вечер, всем, "
        "дам, даю, большое, огромное, благодарю, обязательно, непременно, было, будет, бы, вам, "
        "вас, ваш, ваша, ваше, вашу, вечера, все, всего, выставляю, где, да, дала, дал, дать, "
        "доброе, доброго, доброй, добрая, думал, за, звонка, звонок, звонку, качество, качества, "
        "клиники, консультация, консультацию, консультации, конечно, круто, можно, моему, "
        "наверное, нашей, ну, обслуживание, обслуживания, обслуживанию, обслуживании, общая, "
        "общении, однозначно, около, оператор, оператора, оператору, определенно, от, отметка, "
        "отметку, оцениваем, оценил, оценила, оцените, оценить, по, пожалуйста, помощь, поставил, "
        "поставила, поставить, поставьте, приветствую, пусть, пятибалльной, десятибалльной, "
        "работа, работе, работу, работы, разговор, рейтинг, рекомендую, с, сервис, скорее, смело, "
        "сотруднику, сотрудника, специалиста, специалисту, спс, стабильно, ставь, ставьте, твердо, "
        "твердый, только, услуга, услуги, хочу, честно, что, это, шкале, день, добрый, думаю, "
        "здравствуйте, мне, мой, моя, на, ответ, оцениваю, оценка, оценку, поставлю, привет, "
        "спасибо, ставим, ставлю, твердая, твердое, твердую, утро, я, از, اعطی, اعطیکم, الدرجه, "
        "السلام, امتیاز, با, به, تشکر, تقییم, تقییمی, درجه, دهم, رتبه, رضایت, سلام, شما, شکرا, "
        "عدد, علیکم, ممنون, من, می, میدم, میدهم, میزان, نمره, ارسال, امتیازم, است, بابت, برای, "
        "بده, بدم, بدهم, تقدیم, خداقوت, خدا, خسته, خیرتان, خیرتون, خدمات, خدمت, دادم, درود, را, "
        "رضایتم, رو, سپاس, ستاره, عرض, عزیز, قطعا, کارشناس, مرسی, ممنونم, نباشید, نظر, نظرم, نمرم, "
        "ام, خیلی, نمرهم, همکار, و, وقت, بخیر, ی, یعنی, پاسخ, پاسخگویی, حتما, اپراتور, اعطیک, "
        "اعطیتکم, التقییم, الخدمه, انا, اهلا, الف, بصراحه, تقدیری, جزیلا, جواب, جوابی, حسنا, خدمه, "
        "درجات, درجتی, رای, رقم, ساعطیکم, صباح, الخیر, مساء, عطیتکم, علامه, علی, عن, للخدمه, "
        "للموظف, الموظف, لکم, مرحبا, نجمه, نجوم, نسبه, نعطیکم, نقاط, نقطه, هو, هی, وعلیکم, ورحمه, "
        "الله, وبرکاته, یعطیکم, العافیه, گزینه, 你好, 回复, 总体, 总体评分, 您好, 我, 我打, 我打个, 我的评分是, 我给, "
        "我给你们打, 我给您打, 我给打, 我评, 我选, 打, 打分, 服务, 服务打, 满意度, 给, 给个, 给你们, 给你们打, 给出, 给您, 评, 评价, 评分, 谢谢, "
        "选, дня, u, reply, helpful, polite, kind, friendly, quick, fast, very, вежливый, вежливая, "
        "вежливо, go, going, gonna, отвечаю, точно, то, salam, nomre, nomreh, emtiaz, mersi, "
        "mamnoon, اعطیهم, 选择, 我选择, 答, 答案, ок, "
        "اقیم, اقیمکم, ب, تمام, 点赞, 杠杠的"
    )
)
"""What may stand before the digit without changing what it says."""

UNITS = frozenset(
    phrases(
        "am, call, calls, cents, day, days, h, hour, hours, min, mins, minute, minutes, month, "
        "months, operators, people, percent, pm, sec, hundred, thousand, k, dollars, floor, bucks, "
        "th, st, nd, rd, hr, hrs, nurses, doctors, agents, transfers, attempts, seconds, thing, "
        "things, time, times, week, weeks, year, years, вечера, вечером, утром, тысяч, тысячи, "
        "тыс, сотен, этажа, попытки, попыток, попытка, специалистов, врачей, врача, сотрудника, "
        "сотрудников, номеров, мегабайт, километров, числа, января, февраля, марта, апреля, мая, "
        "июня, июля, августа, сентября, октября, ноября, декабря, часу, ночи, г, год, года, день, "
        "дней, дня, звонка, звонков, звонок, кабинет, км, лет, месяц, месяца, месяцев, мин, минут, "
        "минуту, минуты, недели, недель, оператор, операторов, процентов, раз, раза, руб, рублей, "
        "сек, секунд, секунды, утра, час, часа, часов, человек, человека, этаж, اسبوع, اشهر, ایام, "
        "بار, تماس, تومان, ثانیه, درصد, دفعه, دقائق, دقیقه, روز, ساعات, ساعت, سال, شهر, ماه, مرات, "
        "مرتبه, مره, نفر, هفته, یوم, طبقه, هزار, میلیون, صد, دقیقهای, ریال, روزه, ساعته, وعشرون, "
        "وعشرین, وثلاثون, وثلاثین, واربعون, واربعین, وخمسون, وخمسین, وستون, وسبعون, وثمانون, "
        "وتسعون, عشر, دقیقتین, اتصالات, الاف, مئه, مایه, ریالات, دنانیر, موظفین, الطابق, صباحا, "
        "مساء"
    )
)
"""What after a digit makes it a quantity, not a score."""

CHINESE_UNITS = phrases(
    "分钟, 小时, 天, 次, 个小时, 年, 月, 元, 号, 点, 个人, 遍, 个月, 周, 块, 楼, 层, 秒, 人, 位, 岁, 回, 通, 刻钟, 倍, 百, 千, 万, 成"
)

OUT_OF = frozenset(phrases("of, on, outta, outof, sur, из, از, من, علی"))

BETWEEN_SCALE = phrases("до, to, تا, الی, الى, إلى, 到, 至, -, –, —, ~")

BEFORE_SCALE = phrases("от, from, از, من, с, в диапазоне, 从")


GIVING = frozenset(
    phrases(
        "ставлю, поставлю, поставил, поставила, ставим, дам, даю, заслужил, заслужили, "
        "заслуживает, give, deserve, "
        "deserved, deserves, rate, میدم, میدهم, نمیدم, دهم, اعطی, اعطیکم, 给"
    )
)
"""After a number and a "not" they say that this is not the score."""

SCORE_NAMES = frozenset(
    phrases(
        "оценка, оценку, балл, балла, rating, score, mark, grade, نمره, امتیاز, تقییم, التقییم, "
        "تقییمی, درجه, الدرجه"
    )
)
"""Right before a number they say what it is, whatever else stands before them."""

DENIALS = NEGATIONS | frozenset(
    phrases(
        "asked, asks, begged, begs, told, said, last, most, least, nothing, просят, просил, "
        "просила, просили, сказали, прошлый, прошлом, раньше, прежде, силы, чтобы, ждал, ждала, "
        "ждали, قبلا, دفعه, گفت, گفتن, خواست, خواستن, قالوا, طلب, 上次, 要求, 要我, less, below, "
        "under, меньше, ниже, менее, کمتر, اقل, can't, cannot, cant, couldn't, couldnt, wouldn't, "
        "wouldnt, won't, wont, instead, никто, никогда, вместо, если, if, نمیدم, نمیدهم, نمیتونم, "
        "اگر, اگه, چرا, why, почему, зачем, لماذا"
    )
)
"""With one of them a sentence may well name a score that it does not give."""

BEFORE_PLACES = frozenset(
    phrases(
        "at, by, in, on, to, till, until, after, before, from, since, room, ward, number, bus, flat, "
        "в, во, к, ко, до, с, со, после, около, через, номер, кабинет, кабинете, палата, палате, дом, "
        "кв, квартира, корпус, ساعت, الساعه, اتاق, طبقه, غرفه, رقم, پلاک, واحد"
    )
)
"""Right before a number that ends a sentence they may make it an hour or a door."""

FROM_ME = frozenset(phrases("from, me, от, меня, من"))

CONDITIONS = frozenset(phrases("if, unless, если, اگر, اگه, لو, اذا, 如果, 要是"))

EITHER = frozenset(phrases("or, или, либо, یا, او, 或, 或者"))

MARKS = frozenset(phrases("единица, единицу, единичка"))
"""Words for the mark one, which mean no single thing or person."""

HALF_PRAISE = frozenset(phrases("not bad, неплохо, не плохо, بد نبود, بدک نبود, 不差"))
"""Three or four by themselves, so no score; before one of these numbers they say the same."""

INTENSIFIERS = frozenset(
    phrases(
        "very, really, extremely, highly, super, totally, absolutely, completely, incredibly, so, "
        "most, очень, крайне, совершенно, полностью, абсолютно, безумно, максимально, очен, "
        "очинь, оочень, "
        "исключительно, ооочень, خیلی, بسیار, کاملا, واقعا, فوق, بشدت, 非常, 很, 十分, 特别, 太, 极其, 超级, "
        "相当, v, оч"
    )
)
"""Before a word of satisfaction they make good the best and bad the worst."""

AFTER_INTENSIFIERS = frozenset(phrases("جدا, للغایه, جداا, کثیر, کثیرا, تماما, خالص, ابدا"))
"""The same behind the word, as Arabic has them."""

SCORE_NOUNS = (
    "балл", "бал", "звезд", "star", "point", "score", "оценк", "نجم", "نجوم", "ستاره", "امتیاز", "نمره", "درج", "نقط", "分", "星",
)  # fmt: skip
"""How words for the unit of a score begin: after "one" they show that it is a number."""

TWO_MEANINGS = frozenset(phrases("نه, ده, سه, یه"))
"""Number words that are other words too (no, give, three and who): scores only where one is due."""

ONLY = frozenset(phrases("только, лишь, only, just, فقط, بس"))

HALVES = phrases(
    "с половиной, и половина, и половину, and a half, and half, point five, و نیم, و نصفی, و نصف, "
    "ونصف, ممیز پنج, целых, точка пять, запятая пять"
)

CHINESE_HALVES = phrases("分半, 星半, 个半, 点五, 半分")

THANKS = frozenset(
    phrases(
        "спасибо, большое, огромное, благодарю, спс, вам, всем, thanks, thank, you, thx, ty, "
        "ممنون, ممنونم, مرسی, تشکر, با, متشکرم, سپاس, شکرا, لکم, جزیلا, 谢谢, 多谢, 谢谢你, 谢谢您, 谢谢你们, u"
    )
)

ORDINALS = frozenset(phrases("й, я, е, го, му, м, х, ый, ая, ой"))
"""Behind a number and a dash: "5-й звонок"."""
