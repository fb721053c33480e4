"""What patients write for yes and no, in the spelling that `letters.normalised` gives."""

from careline_surveys.domain.words import phrases

YES = frozenset(
    phrases(
        "absolutely, affirmative, ye, закрыт, закрыли, اه, bale, baleh, certainly, da, definitely, fixed, na'am, naam, ok, "
        "okay, resolved, si, solved, sorted, sure, y, ya, yah, yeah, yea, yee, yep, yes, yess, "
        "yup, ага, безусловно, да, дада, ок, окей, конечно, помогла, помогли, помогло, помог, "
        "разумеется, решен, решена, решено, решены, решилась, решили, решился, решилось, угу, آره, "
        "آری, اجل, اره, اری, اکید, اکیدا, ای, ایوا, ایوه, بالتاکید, بعله, بله, بلهه, بلی, بالطبع, "
        "تم, حتما, حل, حلت, انحلت, انحل, شد, شده, طبعا, نعم, صح, البته"
    )
)

FIRM_YES = frozenset(
    phrases("yes, yeah, yep, да, ага, бесспорно, بله, بلی, اره, اری, نعم, ایوه, ایوا, bale, baleh")
)
"""Beside a no these contradict it; "решен" or "تم" may be what the no denies."""

NO = frozenset(
    phrases(
        "kheir, kheyr, la, laa, n, na, nah, nay, negative, net, never, no, noo, nope, not, "
        "unresolved, unsolved, не, неа, нерешен, нерешена, нерешено, нет, нету, нетт, ни, никак, "
        "никто, ничего, ابدا, خیر, خیرر, لا, لسا, لسه, نخیر, نشد, نشده, نه, نیست, کلا, لم, لن, "
        "ولا, нисколько, nobody"
    )
)

ALONE_NO = frozenset(phrases("not, не, ни, لم, لن, نیست, ولا, la, na, no, n, ничего"))
"""In a longer text these deny what stands near them, which need not be that it was resolved."""

SOLVED = (
    "реш", "помог", "помож", "resol", "solv", "help", "fix", "sort", "done", "answer", "حل", "تحل",
    "یحل", "یتم", "انحل", "تم", "محلول", "تنحل", "ینحل", "تساعد", "یساعد",
)  # fmt: skip
"""How words for "solved" begin; after a "not" they say no."""

NOT = frozenset(
    phrases(
        "didn't, didnt, don't, dont, hasn't, hasnt, haven't, isn't, isnt, never, no, not, wasn't, "
        "wasnt, wasn, nothing, nobody, не, ни, никто, ничего, так, غیر, لا, لم, لن, لیس, لیست, ما, "
        "مش"
    )
)

ALONE_YES = phrases("are, ok, si, ya, y, ای, شد, شده, حل, صح, البته")
"""Only as the whole answer: in a sentence they are other words."""

HALF_WORDS = frozenset({"شد", "حل", "شده", "تم"})
"""Halves of "solved", which a "not" may follow: شد is yes, نشد is no."""

UNSURE = phrases(
    "and no, don't know, dont know, half, halfway, in part, maybe, more or less, not sure, "
    "partially, partly, perhaps, somewhat, unsure, yes no, вроде, да нет, затрудняюсь, и да и нет, "
    "и нет, может быть, наверное, наполовину, не в курсе, не знаю, не понял, не поняла, не помню, "
    "не совсем понял, не совсем поняла, не понятно, непонятно, не уверен, не уверена, отчасти, "
    "пока не знаю, пока не ясно, половина, сомневаюсь, частично, تا حدودی, تا حدی, شاید, "
    "مطمین نیستم, مطمئن نیستم, نمی دانم, نمی دونم, نمیدانم, نمیدونم, نه کامل, نصفه, هم بله هم, "
    "بله و خیر, اره و نه, بله خیر, جزئیا, جزییا, ربما, لا ادری, لا اعرف, لا اعلم, مش عارف, "
    "ما ادری, نوعا ما, نعم ولا, نعم و لا, الی حد ما"
)

CHINESE_UNSURE = phrases(
    "不知道, 不清楚, 不确定, 不好说, 不一定, 部分, 一半, 大概, 可能, 也许, 差不多, 有点, 说不准, 看情况, 算是, 基本"
)

HARMLESS = phrases(
    "вопросов нет, вопросов больше нет, больше вопросов нет, нет вопросов, претензий нет, "
    "нет претензий, no questions, no more questions, no problem, no problems, no complaints, "
    "no issues, no worries, سوالی نیست, مشکلی نیست, لا مشکله, لا توجد مشکله, لا یوجد مشکله"
)
"""A no in them is none to the question that was asked."""

YES_PHRASES = phrases(
    "так точно, полностью, целиком, all good, all good now, all done, حل شد, بله حل شد, مشکلم حل شد, مشکل حل شد, حل شده, تم الحل, вопрос решен, "
    "все решили, да решен, проблема решена, of course, it was, it is, it did, 是, 是的, 对, 对的, 解决了, "
    "已解决, 已经解决, 已经解决了, 有, 嗯, 能, 可以, 好的, 问题解决了, 都解决了, 解决, 没问题, 没问题了, 没有问题了, 对对, 是是, 嗯嗯, 好, 行, 搞定, "
    "搞定了, 已处理, 处理好了, 办好了, 办妥了, 好了"
)

NO_PHRASES = phrases(
    "حل نشد, حل نشده, حل نکردند, حل نکردید, حل نکردن, مشکلم حل نشد, مشکل حل نشد, نه خیر, هنوز نه, "
    "لم یتم, لم تحل, لم یحل, ما انحلت, ما انحل, ما تم, لیس بعد, مو بعد, لسه لا, غیر محلوله, "
    "لا زالت, مازالت, не решен, не решена, не решено, не решили, не решился, не помогли, "
    "не помогло, вопрос не решен, проблема не решена, пока нет, еще нет, ни в коем случае, "
    "проблема осталась, вопрос остался, не полностью, не совсем, не до конца, никто не помог, not resolved, not solved, not yet, "
    "not really, not fully, not completely, it wasn't, it isn't, not at all, was not, "
    "unfortunately not, still not, still waiting, i wish"
)

CHINESE_NO = ("没", "未", "不是", "否", "不能", "不行", "不对", "不", "尚未")
CHINESE_YES = ("是", "解决", "已解决", "已经", "对", "嗯", "搞定", "处理好", "办好")
CHINESE_DENIED = (
    "没解决", "没有解决", "未解决", "没得到", "没有得到", "没能", "还没", "并没", "根本没", "不能", "没办", "没处理",
    "没有处理", "没有", "没搞定", "无法", "解决不了", "未能", "没给", "没人",
)  # fmt: skip
